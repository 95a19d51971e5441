"""The methods and the report of a bundle: of what it contains, without private names, and with code that still runs."""

from __future__ import annotations

import getpass
import json
import re
import shutil
from pathlib import Path

import pytest

from support.exchange_places import COMPUTER, PRIVATE, Place
from toolbox import Study
from toolbox.exchange.bundle.names import Replacements
from toolbox.exchange.bundle.pages import page_without_names

NOTES = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
_PRIVATE_IN_PAGES = re.compile("|".join((*PRIVATE, "/home/")), re.IGNORECASE)


def methods(bundle: Path) -> str:
    return (bundle / "methods.md").read_text(encoding="utf-8")


def test_the_methods_of_two_sets_are_one_document(shared: Path) -> None:
    text = methods(shared)
    headings = re.findall("^#+ .*$", text, re.MULTILINE)
    assert len(headings) == len({*headings}) == 8
    assert headings[0] == "# Methods" and headings[-1] == "# References"
    assert (
        text.count("The complexity of a category is the proportion") == 2
    )  # of one set with permutations, one without
    assert text.count("All analyses were made with the selectivity-toolbox") == 1
    assert "tiny and kopfe: The stimulus set kopfe contains 2" in text
    assert "tiny and köpfe: The stimulus set köpfe contains 12" in text


def test_the_methods_describe_nothing_that_the_bundle_lacks(of_rollups: Path, shared: Path) -> None:
    """The study has significance tables, which a bundle of roll-ups has not."""
    described = ("bootstrap samples", "permutations of the labels", "halvings of the images")
    assert not any(each in methods(of_rollups) for each in described)
    assert "p values are not part of these results" in methods(of_rollups)
    assert "figure of the report" not in methods(of_rollups)
    assert all(each in methods(shared) for each in described)


@NOTES
def test_a_report_is_cleaned_of_private_names(rich: Study, made: Place, tmp_path: Path) -> None:
    """The title of this study names its user and computer; it was refused before."""
    report = rich.share(tmp_path / "bundle", set="köpfe", scheme="category", report=True)
    page = (tmp_path / "bundle" / "report.html").read_text(encoding="utf-8")
    assert _PRIVATE_IN_PAGES.search(page) is None
    assert "<h1>Colours, by name on name</h1>" in page
    assert any("names" in note for note in report.notes)
    rich.share(tmp_path / "kept", set="köpfe", scheme="category", report=True, keep_names=True)
    assert COMPUTER in (tmp_path / "kept" / "report.html").read_text(encoding="utf-8")


@NOTES
@pytest.mark.parametrize("title", ["data", "Mark's faces"])
def test_only_the_title_of_a_page_is_replaced(
    rich: Study, made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, title: str
) -> None:
    study = Study(shutil.copytree(made.study, tmp_path / "copy"))
    record = tmp_path / "copy" / "study.toml"
    record.write_text(re.sub("^title = .*$", f'title = "{title}"', record.read_text(), flags=re.MULTILINE))
    study.share(tmp_path / "own", set="köpfe", scheme="category", report=True, keep_names=True)
    study.share(tmp_path / "other", set="köpfe", scheme="category", report=True, keep_names=True, title="A&B")
    own, other = ((tmp_path / name / "report.html").read_text(encoding="utf-8") for name in ("own", "other"))
    shown = title.replace("'", "&#39;")
    assert f"<h1>{shown}</h1>" in own and "<h1>A&amp;B</h1>" in other
    for start in ("<h1>", "<title>"):
        own = own.replace(f"{start}{shown}", f"{start}A&amp;B")
    assert other == own
    assert methods(tmp_path / "other") == methods(tmp_path / "own")
    monkeypatch.setattr(getpass, "getuser", lambda: "mark")
    study.share(tmp_path / "plain", set="köpfe", scheme="category", report=True)
    plain = (tmp_path / "plain" / "report.html").read_text(encoding="utf-8")
    assert f"<h1>{shown.replace('Mark', 'name')}</h1>" in plain


@NOTES
def test_who_is_called_like_a_word_of_sql_can_share_a_report(
    rich: Study, made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich.share(tmp_path / "before", set="köpfe", scheme="category", report=True)
    study = Study(shutil.copytree(made.study, tmp_path / "copy"))
    record = tmp_path / "copy" / "study.toml"
    record.write_text(
        re.sub("^title = .*$", 'title = "Data of Mark"', record.read_text(), flags=re.MULTILINE)
    )
    for user in ("mark", "max"):
        monkeypatch.setattr(getpass, "getuser", lambda user=user: user)
        study.share(tmp_path / user, set="köpfe", scheme="category", report=True)
    before, mark, by_max = (
        (tmp_path / name / "report.html").read_text(encoding="utf-8") for name in ("before", "mark", "max")
    )
    assert "<h1>Data of name</h1>" in mark and "<h1>Data of Mark</h1>" in by_max
    assert mark.replace("Data of name", "") == by_max.replace("Data of Mark", "")
    assert _code_of(mark) == _code_of(before)
    assert "(max - min)" in methods(tmp_path / "max")


def _code_of(page: str) -> list[str]:
    """What runs or is drawn: programs, styles, keys of JSON."""
    blocks = re.findall('<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    keys = [sorted(_keys(json.loads(block))) for block in blocks]
    return [*re.findall("<script>.*?</script>|<style>.*?</style>", page, re.DOTALL), *map(str, keys)]


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(key for one in value.values() for key in _keys(one))}
    return {key for one in value for key in _keys(one)} if isinstance(value, list) else set()


@pytest.mark.parametrize(
    ("page", "plain"),
    [
        ("<p>by Ada, /home/ada/x.png</p>", "<p>by name, …/x.png</p>"),
        ('<p title="of ada" class=ada>', '<p title="of name" class=ada>'),
        ("<style>.ada { color: red }</style>", "<style>.ada { color: red }</style>"),
        ("<script>ada()</script>", "<script>ada()</script>"),
        (
            '<script type="application/json" id="x">{"ada": "by ada", "b": ["ada"]}</script>',
            '<script type="application/json" id="x">{"ada": "by name", "b": ["name"]}</script>',
        ),
        (
            '<img src="data:image/png;base64,QUFB/ada/QUFB">',
            '<img src="data:image/png;base64,QUFB/ada/QUFB">',
        ),
        ("<code>(sum)/n/2 > 0</code>", "<code>(sum)/n/2 > 0</code>"),
    ],
)
def test_only_texts_of_a_page_are_replaced(page: str, plain: str) -> None:
    assert page_without_names(page, Replacements(["ada"])) == plain
    assert page_without_names(page, Replacements(["ada"], keep=True)) == page
