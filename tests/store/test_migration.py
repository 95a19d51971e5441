"""Studies of earlier layouts are moved over whole, from whichever moment an earlier attempt was interrupted.

`golden/study-1.zip` was written by the last version with layout 1, with what three of its queries answered.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from support.commands import run
from toolbox import Study
from toolbox.errors import BusyError, ToolboxError
from toolbox.files import only_writer
from toolbox.store.migration import open_study
from toolbox.store.study_file import read_study_file

ARCHIVE = Path(__file__).parents[1] / "golden" / "study-1.zip"
QUESTIONS: dict[str, dict[str, Any]] = {
    "selectivity/significance": {"set": "colours", "scheme": "warmth"},
    "selectivity/index": {"set": "lines"},
    "filters/stimuli": {"set": "colours", "scheme": "category", "layer": "colour", "filter": 0},
}


class Killed(BaseException):
    """The process ends; nothing after this line runs."""


@pytest.fixture
def earlier(tmp_path: Path, cache: Path) -> Path:
    """A study of layout 1."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "study"


def answers(root: Path, query: str) -> pl.DataFrame:
    return Study(root).query(query, **QUESTIONS[query])


def check_answers(root: Path) -> None:
    """All three queries answer what they answered before."""
    for query in QUESTIONS:
        expected = pl.read_csv(root.parent / f"{query.replace('/', '-')}.csv")
        now = answers(root, query)
        left_out = {"path"}
        columns = [name for name in now.columns if name in expected.columns and name not in left_out]
        assert len(columns) >= 3
        assert_frame_equal(now.select(columns), expected.select(columns), check_dtypes=False)


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.mark.filterwarnings("ignore::toolbox.ResultWarning")
def test_a_study_of_an_earlier_layout_answers_as_before(earlier: Path) -> None:
    inodes = {
        path.name: path.stat().st_ino for path in earlier.glob("responses/set=colours/*/part-*.parquet")
    }
    check_answers(earlier)
    assert read_study_file(earlier)["schema_version"] == 2
    assert "moving_from" not in read_study_file(earlier)
    now = {path.name: path.stat().st_ino for path in earlier.glob("responses/set=colours/*/part-*.parquet")}
    assert now == inodes, "responses are renamed, not copied"


def test_every_folder_has_one_kind_of_table(earlier: Path) -> None:
    Study(earlier)
    for tree in ("responses", "rollups", "significance", "resamples", "reliability", "labels", "stimuli"):
        assert {path.suffix for path in (earlier / tree).rglob("*") if path.is_file()} == {".parquet"}, tree
    plans = {path.relative_to(earlier / "plans").as_posix() for path in (earlier / "plans").glob("*/*/*")}
    assert {
        "set=colours/model=tiny/plan.parquet",
        "set=colours/model=tiny/part-0.json",
        "set=colours/model=tiny/part-1.json",
        "set=lines/model=tiny/plan.parquet",
        "set=lines/model=tiny/part-0.json",
    } == plans
    assert not list(earlier.rglob("*.partial"))


@pytest.mark.parametrize("happens", ["before", "after"])
@pytest.mark.filterwarnings("ignore::toolbox.ResultWarning")
def test_killed_at_any_rename_the_next_process_continues(
    happens: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, count, expected = os.replace, 0, set[str]()
    while True:
        with zipfile.ZipFile(ARCHIVE) as archive:
            archive.extractall(tmp_path / str(count))
        root, renames = tmp_path / str(count) / "study", 0

        def replace(old: Any, new: Any, stop: int = count, root: Path = root) -> None:
            nonlocal renames
            if not Path(new).is_relative_to(root):
                original(old, new)
                return
            renames += 1
            if renames == stop + 1 and happens == "before":
                raise Killed
            original(old, new)
            if renames == stop + 1:
                raise Killed

        monkeypatch.setattr(os, "replace", replace)
        try:
            open_study(root)
        except Killed:
            monkeypatch.setattr(os, "replace", original)
            Study(root)
            check_answers(root)
            expected = expected or files(root)
            assert files(root) - {"plans/.lock"} == expected - {"plans/.lock"}
            count += 1
        else:
            break
    assert count >= 15


def test_two_processes_at_once_move_it_over_once(earlier: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        studies = list(pool.map(Study, [earlier] * 4))
    assert [study.sets for study in studies] == [["colours", "lines"]] * 4
    check_answers_without_warning(earlier)


def check_answers_without_warning(root: Path) -> None:
    with pytest.warns():
        check_answers(root)


@pytest.mark.parametrize(
    "folder",
    [
        "stimuli/set=colours",
        "responses/set=lines/model=tiny",
        "significance/set=colours/model=tiny/scheme=warmth",
    ],
)
def test_a_study_that_an_earlier_version_is_writing_is_left_alone(folder: str, earlier: Path) -> None:
    before = files(earlier)
    with (
        only_writer(earlier / folder, "an extraction of then"),
        pytest.raises(BusyError, match="another process is using an earlier version of the toolbox in"),
    ):
        Study(earlier)
    assert files(earlier) - {"plans/.lock"} == before
    assert read_study_file(earlier)["schema_version"] == 1
    check_answers_without_warning(earlier)


@pytest.mark.parametrize("which", ["", "responses/set=lines/model=tiny"])
def test_a_study_that_cannot_be_written_to_is_one_clear_line(
    which: str, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Callable[..., bool] = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path) != earlier / which and original(path, mode)
    )
    before = files(earlier)
    expected = (
        f"{earlier} has the layout of an earlier version and must be moved over once, but {earlier / which} cannot be "
        "written to; get the permission, or copy the study and use the copy"
    )
    with pytest.raises(ToolboxError, match=f"^{re.escape(expected)}$"):
        Study(earlier)
    assert files(earlier) == before


def test_what_the_toolbox_does_not_know_stays_where_it_is(earlier: Path) -> None:
    for place in ("responses/set=lines/model=tiny/notes.txt", "significance/notes.txt", "notes.txt"):
        (earlier / place).write_text("mine")
    (earlier / "study.toml").write_text((earlier / "study.toml").read_text() + '[mine]\ncolour = "blue"\n')
    Study(earlier)
    for place in ("responses/set=lines/model=tiny/notes.txt", "significance/notes.txt", "notes.txt"):
        assert (earlier / place).read_text() == "mine"
    assert read_study_file(earlier)["mine"] == {"colour": "blue"}


def test_the_doctor_moves_nothing(earlier: Path) -> None:
    before = files(earlier)
    run("doctor", "--study", str(earlier))
    assert files(earlier) == before


@pytest.mark.filterwarnings("ignore::toolbox.ResultWarning")
def test_an_extraction_continues_in_a_study_that_was_moved_over(
    earlier: Path, card: str, weights: str
) -> None:
    report = Study(earlier).extract("lines", model=card, weights=weights)
    assert (report.stimuli, report.shown) == (2, 0)
    records = [json.loads(path.read_text()) for path in earlier.glob("plans/set=lines/*/part-*.json")]
    assert [record["part"] for record in records] == [0]
