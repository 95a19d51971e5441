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
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from support.commands import run
from support.moments import at_every
from support.own_sql import seen
from support.places import files_naming
from toolbox import Study
from toolbox.errors import BusyError, ToolboxError, VerificationError
from toolbox.files import only_writer
from toolbox.store.migration import open_study
from toolbox.store.parquet import write_table
from toolbox.store.study_file import read_study_file

ARCHIVE = Path(__file__).parents[1] / "golden" / "study-1.zip"
MORE = b"path,category,luminance\nphotographs/red/red 0.png,red,0.25\n/home/ada/elsewhere/blue.png,blue,0.5\n"
"""The manifest of which a part of the study was made."""
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


def test_places_of_images_are_in_one_line_each(earlier: Path) -> None:
    assert len(files_naming("/home/ada", earlier)) == 7
    study = Study(earlier)
    assert files_naming("/home/ada", earlier) == {
        "study.toml": ['photographs = "/home/ada/photographs"', 'elsewhere = "/home/ada/elsewhere"']
    }
    assert study.query(seen("select path from stimuli order by stimulus_id"), set="colours")[
        "path"
    ].to_list() == [
        *(f"photographs/green/green {number}.png" for number in range(3)),
        *(f"photographs/red/red {number}.png" for number in range(3)),
        "elsewhere/blue.png",
    ]
    for path in study.query(seen("select path from stimuli"), set="lines")["path"]:
        assert path.startswith("images/lines/lines/orientation-")
        assert study.folder.image(path).is_file()
    records = [json.loads(path.read_text()) for path in sorted(earlier.glob("runs/*.json"))]
    assert [record.get("source") for record in records[:2]] == [
        {"folder": "photographs"},
        {"manifest": "more.csv", "sha256": sha256(MORE).hexdigest()},
    ]
    assert records[0]["rejections"][0]["path"] == "photographs/red/broken.png"


def test_images_of_another_operating_system_get_roots_too(earlier: Path) -> None:
    file = earlier / "stimuli" / "set=colours" / "stimuli.parquet"
    with pq.ParquetFile(file) as opened:
        table = opened.read()
    paths = [path.replace("/home/ada", "C:/Users/Ada") for path in table["path"].to_pylist()]
    write_table(
        file, table.set_column(2, "path", [paths]), {"sources": [{"folder": "C:/Users/Ada/photographs"}]}
    )
    study = Study(earlier)
    assert study.folder.roots.folders == {
        "photographs": "C:/Users/Ada/photographs",
        "elsewhere": "C:/Users/Ada/elsewhere",
    }
    assert set(files_naming("C:/Users/Ada", earlier)) == {"study.toml"}


@pytest.mark.filterwarnings("ignore::toolbox.ResultWarning")
def test_a_damaged_table_is_left_to_whoever_reads_it(earlier: Path) -> None:
    file = earlier / "stimuli" / "set=colours" / "stimuli.parquet"
    file.write_bytes(file.read_bytes()[:300])
    study = Study(earlier)
    assert study.query("selectivity/index", set="lines").height == 8
    with pytest.raises(
        VerificationError,
        match=r"stimuli\.parquet is damaged: it is not a valid Parquet",
    ):
        study.query("from stimuli", set="colours")


@at_every(7)
@pytest.mark.parametrize("happens", ["before", "after"])
@pytest.mark.filterwarnings("ignore::toolbox.ResultWarning")
def test_killed_at_any_rename_the_next_process_continues(
    happens: str, step: int, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
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
            count += step
        else:
            break
    assert count > 25


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
