"""Every command and every line of Python that the README and the chapters show is run, page by page, in its order.

The pages run side by side, in empty directories with the same photographs and, but for the README, which begins with
nothing, with a study of them. Bash takes the commands apart; the demonstration is a process of its own.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.chapters import (
    CHAPTERS,
    NOT_RUN,
    ROOT,
    SLOW,
    blocks,
    chapter_text,
    commands,
    run_chapter,
    run_shell,
)
from support.commands import run
from support.object_storage import new_bucket, running_server
from toolbox import Study
from toolbox.network.card import layer_table, network

EACH = pytest.mark.parametrize("chapter", CHAPTERS)
NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
MOST_LINES = 170
"""Of the README: what does not fit belongs into a chapter."""


@dataclass(frozen=True)
class Expectation:
    """What a page leaves when all its commands have run: files, and models with responses by set."""

    files: tuple[str, ...] = ()
    models: tuple[tuple[str, set[str]], ...] = ()
    phrases: tuple[str, ...] = ()


LEFT = {
    "README.md": Expectation(
        files=(
            "profile.html",
            "tuning.svg",
            "complexity.png",
            "balance.png",
            "experiment/conditions.csv",
            "results.zip",
        ),
        models=(("pets", {"vgg16"}),),
        phrases=("stimuli to present", "p_equivalence", "block5_conv3"),
    ),
    "datasets/README.md": Expectation(
        files=("orientation.html", "preferences.png", "properties.png", "properties.csv"),
        models=(("pets", {"vgg16"}), ("gratings", {"vgg16"}), ("lfw", set())),
        phrases=("half_width", "large"),
    ),
    "models/README.md": Expectation(
        files=(
            "vgg16-full.onnx",
            "vgg16-pooled.onnx",
            "control.html",
            "published.csv",
            "replication.html",
            "vgg16.pets.parquet",
        ),
        models=(("pets", {"vgg16", "vgg16-untrained", "vgg19", "my-network"}),),
        phrases=("stimuli to present", "receptive_field"),
    ),
    "toolbox/README.md": Expectation(
        files=(
            "profile.csv",
            "profile.png",
            "profile.html",
            "indices.csv",
            "stimuli.csv",
            "threshold.html",
            "complexity.html",
            "compare.png",
            "compare.md",
            "compare.csv",
            "saliency.png",
            "results.zip",
            "everything.zip",
            "for-a-deposit/README.md",
            "edges.html",
            "empty-study/study.toml",
            "merged/study.toml",
            "changes.png",
            "changes.md",
            "changes.csv",
            "stored-profile.svg",
            "stored-pets.zip",
        ),
        models=(("pets", {"vgg16"}),),
        phrases=("layers/profile", "spearman", "cross_validated"),
    ),
}
"""Pages with commands that are run; the commands of the others are all in NOT_RUN."""


def test_two_commands_set_everything_up() -> None:
    first = next(block for block in blocks("README.md") if block.language == "sh")
    assert first.text.splitlines() == [
        "pip install -e . && toolbox demo",
        'pip install -e ".[test]" && pytest',
    ]


def test_the_readme_is_short() -> None:
    assert len(chapter_text("README.md").splitlines()) <= MOST_LINES


@EACH
def test_every_command_is_run_or_has_a_reason_not_to_be(chapter: str) -> None:
    """Installation, tests and benchmarks are the only programs that a page may name and no test run."""
    if chapter in LEFT:
        return
    assert commands(chapter)
    assert not [command for command in commands(chapter) if command not in NOT_RUN]
    assert "python" not in {block.language for block in blocks(chapter)}


def test_every_command_that_is_not_run_is_shown_and_could_be_run() -> None:
    shown = {command for chapter in CHAPTERS for command in commands(chapter)}
    assert {*NOT_RUN, *SLOW} <= shown
    for command in NOT_RUN:
        words = shlex.split(command)
        for word in words:
            assert "/" not in word or (ROOT / word).exists(), command
        if words[0] == "python":
            check_options_of_script(ROOT / words[1], words[2:])


def check_options_of_script(script: Path, arguments: list[str]) -> None:
    """A script's own description has every option."""
    description = script.read_text(encoding="utf-8").split('"""')[1]
    assert f"python tests/benchmarks/{script.name}" in description
    assert all(option in description for option in arguments if option.startswith("--"))


@EACH
def test_every_query_name_and_parameter_of_a_chapter_exists(chapter: str) -> None:
    from toolbox.query import query_names, shipped_query

    text = chapter_text(chapter)
    for name, options in re.findall(r"toolbox (?:query|plot) (\w+/\w+)([^`\n]*)", text):
        assert name in query_names()
        known = {parameter.name for parameter in shipped_query(name).parameters}
        assert set(re.findall(r"--param (\w+)=", options)) <= known


@EACH
def test_every_link_of_a_chapter_leads_to_a_file_and_a_heading(chapter: str) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)", chapter_text(chapter))
    for place, anchor in links:
        file = ((ROOT / chapter).parent / place).resolve() if place else ROOT / chapter
        assert file.exists(), place
        assert not anchor or anchor in anchors(file), f"{place}#{anchor}"


def anchors(file: Path) -> set[str]:
    """What the headings of a page are called in links to them, as GitHub does it."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_reason_to_refuse_an_image_is_one_that_the_toolbox_prints() -> None:
    table = chapter_text("datasets/README.md").split("| the reason contains | why |")[1].split("\n\n")[0]
    reasons = [
        reason for row in table.splitlines()[2:] for reason in re.findall(r"`([^`]+)`", row.split("|")[1])
    ]
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "toolbox" / "stimuli").rglob("*.py")
    )
    assert len(reasons) > 10
    assert not [reason for reason in reasons if reason not in sources]


@pytest.fixture(scope="session")
def presented_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of photographs, and a study to whose set `pets` they were added and presented to VGG16.

    Two categories of smooth coloured noise, six images each.
    """
    directory = tmp_path_factory.mktemp("chapters")
    random = np.random.default_rng(0)
    for number in range(12):
        path = directory / "photographs" / ("cat", "dog")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = random.uniform(0, 255, (4 + 8 * (number % 2), 6, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(path)
    study = Study(directory / "my-study", create=True)
    study.ingest(directory / "photographs", set="pets")
    study.extract("pets", layers=["block*"])
    return directory


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in, no study chosen and no network added."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLBOX_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TOOLBOX_STUDY", "")  # so that what a block exports ends with the test
    monkeypatch.delenv("TOOLBOX_STUDY")
    return tmp_path


@pytest.fixture
def workplace(directory: Path, presented_photographs: Path) -> Path:
    """A directory of one's own with the photographs and the study: what the README's first task leaves."""
    shutil.copytree(presented_photographs, directory, dirs_exist_ok=True)
    return directory


LONG = ("toolbox/README.md",)
"""Pages that take more than a minute."""


@pytest.mark.network
@pytest.mark.parametrize(
    "chapter", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in LEFT]
)
def test_every_command_of_a_chapter_does_what_the_page_promises(chapter: str, workplace: Path) -> None:
    if chapter == "README.md":
        shutil.rmtree(workplace / "my-study")
    with running_server():
        new_bucket("laboratory")
        printed = run_chapter(chapter, workplace)
    expected = LEFT[chapter]
    for name in expected.files:
        assert (workplace / name).stat().st_size > 0
    study = Study(workplace / "my-study")
    for set_name, models in expected.models:
        assert set_name in study.sets
        assert set(study.models(set_name)) == models
    for phrase in expected.phrases:
        assert phrase in printed


@pytest.mark.long
@pytest.mark.network
@pytest.mark.parametrize("command", SLOW)
def test_a_slow_command_of_a_chapter_does_what_the_page_promises(command: str, workplace: Path) -> None:
    run_shell(f"export TOOLBOX_STUDY=my-study\n{command}", workplace)
    assert (workplace / SLOW[command]).stat().st_size > 0


@pytest.mark.network
def test_every_question_of_the_readme_is_answered_by_its_command(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLBOX_STUDY", str(workplace / "my-study"))
    table = chapter_text("README.md").split("| question | command |")[1].split("\n\n")[0]
    answers = re.findall(r"\| `(toolbox [^`]+)` \|$", table, re.MULTILINE)
    Study(workplace / "my-study").significance("pets", resamples=20)
    assert len(answers) == len(table.splitlines()) - 2 > 5
    for answer in answers:
        assert run_shell(answer, workplace)


@pytest.mark.long
@pytest.mark.network
def test_the_demonstration_runs_and_again_does_nothing_twice(directory: Path) -> None:
    """First by the command that was installed, in a process of its own, then in this one."""
    done = subprocess.run(
        [Path(sys.executable).parent / "toolbox", "demo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    check_printed_tables(done.stdout)
    check_significant_filters(done.stderr)
    (directory / "marker").touch()
    for output in (done.stdout, run("demo").stdout):
        for phrase in ("block5_conv3", "non-face", "chance_high", "balanced_share", "preferred"):
            assert phrase in output
    figures = {path.name for path in (directory / "toolbox-demo" / "figures").iterdir()}
    assert {"lfw-layers-profile.html", "lfw-layers-profile.png", "gratings-tuning-orientation.png"} <= figures
    marker = (directory / "marker").stat().st_mtime_ns
    for name in ("responses", "stimuli", "labels", "layers", "runs"):
        paths = list((directory / "toolbox-demo" / name).rglob("*.*"))
        assert paths
        for path in paths:
            assert path.name == ".lock" or path.stat().st_mtime_ns < marker, path


def check_printed_tables(printed: str) -> None:
    """The README's tables are those of the demonstration, in their order, lines left out aside.

    Words are equal. So are numbers, but for what another processor may compute otherwise: it rounds responses in their
    last digits, so that a filter near the threshold passes on one processor and not on the other, which is one filter
    of its layer in a proportion. All other numbers are equal to three digits.
    """
    (shown,) = (block.text for block in blocks("README.md") if "chance_high" in block.text)
    filters = dict(layer_table(network("vgg16")).select("layer", "filters").iter_rows())
    lines = [line for line in shown.splitlines() if line != "…"]
    assert len(lines) > 5
    others = iter(printed.splitlines())
    for line in lines:
        layer = line.split()[0]
        one_filter = 1.01 / filters[layer] if layer in filters else 0
        assert any(is_alike(line.split(), other.split(), one_filter) for other in others), line


def is_alike(row: list[str], other: list[str], tolerance: float) -> bool:
    """Whether two rows have the same words, and the same numbers to three digits or a tolerance."""
    return len(row) == len(other) and all(
        float(mine) == pytest.approx(float(theirs), rel=1e-3, abs=tolerance)
        if NUMBER.fullmatch(mine) and NUMBER.fullmatch(theirs)
        else mine == theirs
        for mine, theirs in zip(row, other, strict=True)
    )


def check_significant_filters(notes: str) -> None:
    """The README's sentence on corrected tests has the numbers of the demonstration, to one in a hundred."""
    (line,) = (line for line in notes.splitlines() if "are significant (q < 0.05)" in line)
    text = " ".join(chapter_text("README.md").split())
    ((found, tests),) = re.findall(r"([\d,]+) of ([\d,]+) tests \(filter x category\)", text)
    assert f"{tests} tests" in line
    counts = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", line)]
    assert any(count == pytest.approx(int(found.replace(",", "")), rel=0.01) for count in counts)
