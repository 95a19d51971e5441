"""What a report contains, and what it never does."""

from __future__ import annotations

import getpass
import html
import json
import re
import shlex
import shutil
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.commands import run
from support.moments import some_of
from support.reported import Reported, reported, study_of
from support.tiny_network import CARD, paint
from toolbox import Study, UnknownNameError, UsageError, VerificationError
from toolbox.show.report import run as making
from toolbox.show.report.contents import REPORTED
from toolbox.show.report.entries import Entry, Part, within_budget


def block(text: str, key: str) -> Any:
    """What scripts of the page read under a key."""
    found = re.search(rf'<script type="application/json" id="{key}">(.*?)</script>', text, re.DOTALL)
    assert found, key
    return json.loads(found[1])


def plain(text: str) -> str:
    """The words of a page."""
    body = re.sub(r"<(script|style|svg).*?</\1>", "", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_every_exhibit_is_in_the_page_or_says_why_not(whole: Reported, bare: Reported) -> None:
    keys = [exhibit.name for section in REPORTED for exhibit in section.exhibits if exhibit.of == "model"]
    for report in (whole, bare):
        assert [key for key in keys if f'<figure id="{key}"' not in report.text] == []
    assert plain(whole.text).count("Not shown") == 1
    assert "Not shown: the page contains no pixels; to show pictures of stimuli" in plain(whole.text)
    assert (
        plain(bare.text).count(
            "Not shown: this index was not resampled; to resample it: toolbox significance"
        )
        == 2
    )


def test_figures_and_tables_are_numbered_from_one_and_the_layers_are_figure_1(whole: Reported) -> None:
    labels = re.findall(r'<h3 id="[^"]+"><span class="label">(\w+) (\d+)\.</span>', whole.text)
    for kind in ("Figure", "Table"):
        numbers = [int(number) for label, number in labels if label == kind]
        assert numbers == list(range(1, len(numbers) + 1))
    assert '<h3 id="layers-profile-title"><span class="label">Figure 1.</span>' in whole.text


def test_the_sql_of_every_exhibit_gives_the_rows_of_its_csv(whole: Reported) -> None:
    """As anybody runs it: without parameters, in the process of a user's SQL."""
    found = re.findall(r'<figure id="([^"]+)".*?</figure>', whole.text, re.DOTALL)
    checked = 0
    for key in found:
        figure = re.search(rf'<figure id="{key}".*?</figure>', whole.text, re.DOTALL)
        assert figure
        if "Not shown" in figure[0]:
            continue
        sql = html.unescape(re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code>", figure[0], re.DOTALL)[1])
        rows = whole.study.answer(sql).rows
        lines = block(whole.text, f"rows-{key}").splitlines()
        if "rows that the figure draws" not in figure[0]:
            assert lines[0].split(",") == rows.columns, key
            assert len(lines) == rows.height + 1, key
            checked += 1
    assert checked >= 11


def test_the_command_of_every_exhibit_is_one_of_the_toolbox(whole: Reported, tmp_path: Path) -> None:
    commands = re.findall(r"<pre tabindex=\"0\"><code>toolbox (plot|query) ([^<]*)</code>", whole.text)
    assert len(commands) >= 13
    for kind, words in dict.fromkeys(commands):
        arguments = shlex.split(html.unescape(words))
        output = ["--output", str(tmp_path / "figure.json")] if kind == "plot" else []
        run(kind, *arguments, *output, "--study", str(whole.study.folder.root))


def test_warnings_name_what_is_missing_with_its_command_and_come_first(bare: Reported) -> None:
    text = plain(bare.text)
    assert "No significance. The response contrast was not resampled" in text
    assert (
        "toolbox significance colours" in text and "toolbox extract colours --model vgg16-untrained" in text
    )
    assert "Few stimuli. Fewer than 20 stimuli have the category green (4) and red (4)" in text
    assert "Dead filters. 1 of 5 filters (20 %) respond alike to every stimulus" in text
    assert bare.text.index('id="warnings"') < bare.text.index('id="stimuli"')


def test_a_report_computes_nothing_that_takes_long_and_writes_nothing_into_the_study(
    cache: Path, tmp_path: Path
) -> None:
    study = study_of(tmp_path, ["red", "green"])
    before = {path: path.stat().st_mtime_ns for path in study.folder.root.rglob("*")}
    study.report(tmp_path / "report.html")
    after = {path: path.stat().st_mtime_ns for path in study.folder.root.rglob("*")}
    assert {path for path in after if path.is_file() and after[path] != before.get(path)} <= {
        path for path in after if "rollups" in path.parts or "checksums" in path.parts
    }


def test_a_page_tells_nothing_of_the_computer_and_the_user(whole: Reported, bare: Reported) -> None:
    secrets = {
        str(whole.file.parent),
        str(Path.home()),
        socket.gethostname(),
        "/home/",
        "/Users/",
        "C:\\\\",
        "/tmp/",
    }
    user = getpass.getuser()
    for report in (whole, bare):
        own = re.sub(r"<(script|style)>.*?</\1>", "", report.text, flags=re.DOTALL)  # without Vega
        assert [secret for secret in secrets if secret in own] == []
        assert not re.search(rf"\b{re.escape(user)}\b", own.replace("square root", ""))


def test_no_pixel_of_a_stimulus_is_in_a_page_unless_asked_for(whole: Reported) -> None:
    own = re.sub(r"<script>.*?</script>", "", whole.text, flags=re.DOTALL)
    assert "data:image" not in own and "<img" not in own and ".png" not in own


@pytest.mark.long
def test_equal_studies_give_equal_pages(whole: Reported, tmp_path: Path) -> None:
    whole.study.report(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == whole.file.read_bytes()


def test_sentences_have_the_numbers_of_the_study(whole: Reported) -> None:
    text = plain(whole.text)
    best = whole.study.answer("filters/representative", {"count": 1}).rows.sort("value").row(-1, named=True)
    assert (
        f"is that of {best['layer']} / {best['filter']} for {best['category']} ({best['value']:.2f}" in text
    )
    significant = whole.study.answer("layers/significant").rows
    tests, found = significant["filters"].sum(), significant["significant"].sum()
    assert f"Of {tests} tests (filter × category), {found} are significant" in text
    assert "n = 12 stimuli, 3 categories, 5 filters of 2 layers" in text


def test_the_threshold_of_a_report_is_that_of_all_its_figures(whole: Reported, tmp_path: Path) -> None:
    whole.study.report(tmp_path / "report.html", threshold=0.3)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "response contrast &gt; 0.3" in text and "toolbox plot layers/profile --threshold 0.3" in text
    assert "toolbox significance colours --threshold 0.3" in text


def test_methods_cite_what_was_used_and_only_that(whole: Reported, bare: Reported) -> None:
    for report, has_tests in ((whole, True), (bare, False)):
        markdown = (report.file.parent / "methods.md").read_text(encoding="utf-8")
        bibtex = (report.file.parent / "methods.bib").read_text(encoding="utf-8")
        cited = {*re.findall(r"@(\w+)", markdown)}
        assert cited == {*re.findall(r"^@\w+\{(\w+),", bibtex, re.MULTILINE)}
        assert ("benjamini1995" in cited) == has_tests
        assert ("20 bootstrap samples" in markdown) == has_tests
        assert (
            "12 labelled images of 3 categories" in markdown
            or "8 labelled images of 2 categories" in markdown
        )
    assert block(whole.text, "methods-markdown") == (whole.file.parent / "methods.md").read_text(
        encoding="utf-8"
    )


def test_a_figure_that_breaks_the_budget_is_left_out_and_named() -> None:
    small, large = (Entry(key, f"Figure {n}.", key, command=f"toolbox plot {key}", csv="x" * size)
                    for n, (key, size) in enumerate([("small", 100), ("large", 2_000_000)], start=1))  # fmt: skip
    parts, notes = within_budget([Part("layers", "Layers", "", [large, small])], 1_000_000)
    assert [bool(entry.reason) for entry in parts[0].shown] == [True, False]
    assert notes == [
        "Figure 2 (large) is left out: it would add 2.0 MB to the page, more than its budget; to see it: "
        "toolbox plot large"
    ]


def test_a_picture_for_readers_without_javascript_goes_before_its_figure() -> None:
    entry = Entry("key", "Figure 1.", "title", csv="x" * 500)
    pictured = replace(entry, picture="y" * 1000)
    parts, notes = within_budget([Part("layers", "Layers", "", [pictured])], entry.size + 10)
    assert (parts[0].shown[0].picture, parts[0].shown[0].csv, notes) == ("", entry.csv, [])


def test_a_picture_for_readers_without_javascript_goes_before_a_later_figure() -> None:
    one, other = (Entry(key, "Figure.", key, csv="x" * 500) for key in ("one", "other"))
    pictured = replace(one, picture="y" * 700)
    for room, expected in ((one.size + other.size, ""), (pictured.size + other.size, pictured.picture)):
        parts, notes = within_budget([Part("layers", "Layers", "", [pictured, other])], room)
        assert [entry.csv for entry in parts[0].shown] == [one.csv, other.csv]
        assert (parts[0].shown[0].picture, notes) == (expected, [])


@pytest.mark.long
def test_a_page_never_exceeds_its_budget(
    hostile: Reported, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert hostile.file.stat().st_size <= making.BUDGET
    monkeypatch.setattr(making, "BUDGET", 1_200_000)
    written = hostile.study.report(tmp_path / "small.html")
    assert written.bytes <= 1_200_000 and written.notes
    assert all("is left out: it would add" in note for note in written.notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"output": "report.pdf"},
            "the report is a page, and report.pdf is none; choose a file name that ends in .html",
        ),
        (
            {"methods": "m.txt"},
            "the methods are Markdown, and m.txt is none; choose a file name that ends in .md",
        ),
        ({"threshold": 2.0}, "threshold is 2; expected -1 to 1, the range of contrast"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_computed(
    options: dict[str, Any], message: str, whole: Reported
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        whole.study.report(**options)


def test_unknown_names_are_refused(whole: Reported, tmp_path: Path) -> None:
    for options in ({"set": "colors"}, {"model": "tyny"}, {"index": "contrst"}):
        with pytest.raises(UnknownNameError):
            whole.study.report(tmp_path / "report.html", **options)  # type: ignore[arg-type]


def test_a_damaged_study_has_no_report(whole: Reported, tmp_path: Path) -> None:
    shutil.copytree(whole.study.folder.root, tmp_path / "study")
    part = next((tmp_path / "study").rglob("part-0.parquet"))
    part.write_bytes(part.read_bytes()[:-40] + bytes(40))
    with pytest.raises(VerificationError):
        Study(tmp_path / "study").report(tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("categories", some_of([["red"], ["red", "green"]], 2))
def test_few_categories_give_a_report_without_a_failure(
    categories: Sequence[str], cache: Path, tmp_path: Path
) -> None:
    report = reported(tmp_path, categories, 0)
    text = plain(report.text)
    assert ("One category. All stimuli have the category red" in text) == (len(categories) == 1)
    assert "differed in low-level measures" not in text


@pytest.mark.long
def test_the_tuning_to_another_set_of_oriented_stimuli_is_shown(cache: Path, tmp_path: Path) -> None:
    study = study_of(tmp_path, ["red", "green"])
    lines = tmp_path / "lines"
    rows = ["path,category,orientation"]
    for number, degrees in enumerate((0, 45, 90, 135)):
        paint(lines / f"{number}.png", (40 + 50 * number, 90, 10))
        rows.append(f"{number}.png,line,{degrees}")
    (lines / "lines.csv").write_text("\n".join(rows), encoding="utf-8")
    study.ingest(lines / "lines.csv", set="lines")
    study.extract("lines", model=str(CARD), weights=str(tmp_path / "tiny.npz"))
    study.report(tmp_path / "report.html", set="colours")
    text = plain((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Orientation tuning of the first layer (colour), set lines" in text
    assert (
        "n = 4 stimuli, 3 filters" in text
        and "filters whose peak is at least a tenth of the median peak" in text
    )


@pytest.mark.long
def test_warnings_have_a_subject_each(whole: Reported, bare: Reported, hostile: Reported) -> None:
    for report in (whole, bare, hostile):
        keys = re.findall(r'<li id="(warning-[^"]+)"', report.text)
        assert len(keys) == len({*keys}) >= 3


def test_the_command_prints_the_file_its_size_and_its_warnings(whole: Reported, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    methods = ["--methods", str(tmp_path / "m.md")]
    outcome = run("report", "--output", str(file), *methods, "--study", str(whole.study.folder.root))
    assert outcome.stdout == f"{file}\n"
    assert re.search(r"13 figures and tables, \d+ warnings and notes; 1\.\d MB", outcome.stderr)
    assert f"methods: {tmp_path / 'm.bib'}" in outcome.stderr
    assert file.read_bytes() == whole.file.read_bytes()
