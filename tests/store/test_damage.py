"""Damage to any file of a study is reported in one line, or changes no answer; the long attacks are in `attacks/`."""

from __future__ import annotations

import errno
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from attacks.damage import ATTACKS, answers, attack, files_of, make_study, spoiled
from support.commands import run
from support.copies import copied_study
from support.small_study import long_table, small_study
from toolbox import Study
from toolbox.errors import BusyError, ToolboxError, VerificationError
from toolbox.files import read_json, write_json
from toolbox.files.temporary import temporary_path
from toolbox.store import checksums, parquet, verified
from toolbox.store.checksums import (
    BLOCK,
    checksum_of,
    checksum_of_file,
    entries_of,
    table_of,
    write_checksum,
)
from toolbox.store.parquet import read_table
from toolbox.store.verified import open_verified


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study of the attacks, and all that it was made of."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(tmp_path_factory.mktemp("cache")))
        make_study(folder)
    return folder


@pytest.fixture
def whole(tmp_path: Path, cache: Path, whole_folder: Path) -> Study:
    """A copy of that study, with its images."""
    shutil.copytree(whole_folder / "photographs", tmp_path / "photographs")
    return copied_study(whole_folder, tmp_path)


def labels_of(study: Study) -> Path:
    return study.folder.labels("colours", "warmth")


def flip(file: Path, place: int = 60) -> None:
    """Flip one bit; size and time of the file stay."""
    content, status = bytearray(file.read_bytes()), file.stat()
    content[place] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("times", [3, pytest.param(12, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", [*ATTACKS])
def test_nothing_damaged_is_answered_wrongly_or_ends_in_a_traceback(
    name: str, times: int, tmp_path: Path, cache: Path
) -> None:
    found = attack(name, tmp_path, times, seed=1)
    assert {*found} <= {"right", "told"}, found


# Reading


def test_every_byte_of_a_file_is_verified_as_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "labels" / "set=a" / "table.parquet"
    file.parent.mkdir(parents=True)
    content = os.urandom(3 * BLOCK + 17)
    file.write_bytes(content)
    write_checksum(file, checksum_of(content))
    assert checksum_of_file(file) == checksum_of(content)
    with open_verified(file) as opened:
        opened.seek(BLOCK - 5)
        assert opened.read(10) == content[BLOCK - 5 : BLOCK + 5]
        assert opened.read() == content[BLOCK + 5 :]
    for place in (0, BLOCK, 3 * BLOCK + 16):
        flip(file, place)
        with open_verified(file) as opened:
            opened.seek(place)
            with pytest.raises(VerificationError, match="its bytes have changed since they were written"):
                opened.read(1)
            opened.seek(2 * BLOCK)
            assert opened.read(5) == content[2 * BLOCK : 2 * BLOCK + 5]  # of a block that is whole
        flip(file, place)


def test_a_file_that_is_cut_after_it_was_opened_is_damaged(tmp_path: Path) -> None:
    """Whole blocks that are left have their digests, but are not all that was asked for."""
    file = tmp_path / "labels" / "set=a" / "table.parquet"
    file.parent.mkdir(parents=True)
    content = os.urandom(3 * BLOCK)
    file.write_bytes(content)
    write_checksum(file, checksum_of(content))
    with open_verified(file) as opened:
        os.truncate(file, BLOCK)
        with pytest.raises(VerificationError, match="its bytes have changed since they were written"):
            opened.read()
        opened.seek(0)
        assert opened.read(BLOCK) == content[:BLOCK]


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"x"])
def test_a_file_of_another_size_is_not_opened(change: Callable[[bytes], bytes], whole: Study) -> None:
    labels_of(whole).write_bytes(change(labels_of(whole).read_bytes()))
    with pytest.raises(VerificationError, match=r"labels\.parquet is damaged: its bytes have changed"):
        open_verified(labels_of(whole))


def test_a_footer_is_protected_too(whole: Study) -> None:
    file = next(whole.folder.root.glob("resamples/*/*/*/*.parquet"))
    answers(whole.folder.root)
    flip(file, file.stat().st_size - 100)
    with pytest.raises(
        VerificationError, match=r"restore it, or compute it again: toolbox significance colours"
    ):
        whole.query("from resamples")


def test_a_file_outside_a_study_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "table.parquet").write_bytes(b"anything")
    assert entries_of(tmp_path / "table.parquet") is None
    with open_verified(tmp_path / "table.parquet") as opened:
        assert opened.read() == b"anything"


def test_a_damaged_rollup_is_made_again(whole: Study) -> None:
    expected = answers(whole.folder.root)
    rollup = whole.folder.rollup("colours", "tiny", "category")
    sound = rollup.read_bytes()
    for place in (60, len(sound) // 2, len(sound) - 50):
        flip(rollup, place)
        assert answers(whole.folder.root) == expected
    assert checksum_of_file(rollup).sha256 in {entry.stem for entry in checksums.entry_files(rollup)}


def test_what_was_replaced_while_it_was_read_is_not_called_damaged(whole: Study) -> None:
    opened = open_verified(labels_of(whole))
    fresh = labels_of(whole).with_name("fresh")
    fresh.write_bytes(labels_of(whole).read_bytes())
    flip(labels_of(whole), 30)
    fresh.replace(labels_of(whole))
    with pytest.raises(BusyError, match="was replaced while it was read"):
        opened.read()


# Writing


def test_a_kill_between_checksum_and_table_leaves_both_tables_whole(
    whole: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = labels_of(whole)
    before, old = read_table(file), file.read_bytes()

    class KilledError(BaseException):
        """The process ends."""

    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(parquet, "write_checksum", lambda *given: (write_checksum(*given), die()))
        with pytest.raises(KilledError):
            parquet.write_table(file, before.slice(1), {})
    assert file.read_bytes() == old
    assert read_table(file).equals(before)
    parquet.write_table(file, before.slice(1), {})
    assert read_table(file).equals(before.slice(1))
    flip(file)
    with pytest.raises(VerificationError):
        read_table(file)


def test_checksums_of_replaced_tables_are_dropped_after_an_hour(whole: Study) -> None:
    file = labels_of(whole)
    (first,) = checksums.entry_files(file)
    parquet.write_table(file, read_table(file).slice(1), {})
    assert first in checksums.entry_files(file)  # another process may write it again, or read it still
    os.utime(first, (0, 0))
    parquet.write_table(file, read_table(file), {})
    (second,) = checksums.entry_files(file)
    assert second != first
    assert table_of(second) == file


def test_a_part_of_which_a_killed_run_has_written_only_the_checksum_is_not_called_missing(
    whole: Study,
) -> None:
    folder = whole.folder.extraction("colours", "tiny")
    folder.record(0).unlink()
    folder.part(0).unlink()
    (problem,) = whole.verify(thorough=True).problems
    assert problem.file == "responses/set=colours/model=tiny/part-0.parquet"
    assert problem.problem == "was not written to its end, so it does not count"
    assert problem.remedy == "run the extraction again, unless it is running"


def test_a_study_without_checksums_gets_them_when_it_is_read(whole: Study) -> None:
    root = whole.folder.root
    expected = answers(root)
    entries = {file.relative_to(root) for file in root.glob("checksums/**/*.json")}
    shutil.rmtree(root / "checksums")
    assert answers(root) == expected
    assert whole.verify().problems == ()
    assert {file.relative_to(root) for file in root.glob("checksums/**/*.json")} == entries


@pytest.mark.parametrize("tree", ["labels", "responses"])
def test_what_is_damaged_gets_no_checksum(tree: str, whole: Study) -> None:
    root = whole.folder.root
    shutil.rmtree(root / "checksums" / tree)
    file = next(root.glob(f"{tree}/**/*.parquet"))
    flip(file)
    with pytest.raises(VerificationError, match="is damaged"):
        checksums.expected_checksum(file)
    assert not list((root / "checksums" / tree).rglob("*.json"))


def test_a_read_only_study_without_checksums_is_read(whole: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    root = whole.folder.root
    expected = answers(root)
    shutil.rmtree(root / "checksums")

    def refuse(path: Path, *_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(checksums, "write_json", refuse)
    assert answers(root) == expected
    assert not list(root.glob("checksums/**/*.json"))


def test_what_killed_readers_left_of_a_checksum_is_swept(whole: Study) -> None:
    table = labels_of(whole)
    here = temporary_path(checksums.entries_of(table) / "entry.json")  # type: ignore[operator]
    left = here.with_name(here.name.replace(f"-{os.getpid()}-", "-4194303-"))
    left.touch()
    checksums.write_checksum(table, checksums.checksum_of_file(table))
    assert not left.exists()


# Records


def test_a_record_differs_from_its_digest(tmp_path: Path) -> None:
    write_json(tmp_path / "record.json", {"part": 1, "name": "Müße", 3: (1, 2.5)})
    assert read_json(tmp_path / "record.json") == {"part": 1, "name": "Müße", "3": [1, 2.5]}
    text = (tmp_path / "record.json").read_text(encoding="utf-8")
    (tmp_path / "record.json").write_text(text.replace("2.5", "2.6"), encoding="utf-8")
    with pytest.raises(
        VerificationError, match=r"record\.json is damaged: its content differs from its digest; back"
    ):
        read_json(tmp_path / "record.json", "back")


def test_a_record_of_an_earlier_version_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text('{"part": 1}')
    assert read_json(tmp_path / "record.json") == {"part": 1}


def test_the_study_file_can_be_edited_by_hand(whole: Study) -> None:
    file = whole.folder.root / "study.toml"
    file.write_text(file.read_text().replace('title = "study"', 'title = "Other"'))
    assert "Other" in str(Study(whole.folder.root))


def test_an_empty_study_file_is_damaged(whole: Study) -> None:
    (whole.folder.root / "study.toml").write_text("")
    with pytest.raises(VerificationError, match=r"study\.toml is damaged: it has no schema_version"):
        Study(whole.folder.root)


# Images


def test_a_replaced_image_is_not_shown_as_the_stimulus(whole: Study, tmp_path: Path) -> None:
    photographs = sorted((tmp_path / "photographs").rglob("*.png"))
    with spoiled(photographs[0], photographs[1].read_bytes()):
        figure = whole.figure("filters/stimuli", {"layer": "colour", "filter": 0}, thumbnails=True)
    assert "images not shown, because their files are not those that were ingested: 1" in figure.notes
    assert json.dumps(figure.chart.to_dict()).count("data:image/jpeg") == 5


# Verifying


def test_an_intact_study_has_no_problem(whole: Study) -> None:
    for thorough in (False, True):
        verification = whole.verify(thorough=thorough)
        assert (verification.problems, verification.is_intact) == ((), True)
        assert verification.files > 20
    done = run("verify", str(whole.folder.root), "--thorough")
    assert done.stdout == ""
    assert "no problem" in done.stderr


def test_every_damaged_file_is_named_with_its_remedy(whole: Study) -> None:
    root = whole.folder.root
    is_of_study = [file for file in files_of(root) if file.name not in ("study.toml", "committed.json")]
    for file in is_of_study:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 4
        with spoiled(file, bytes(content)):
            problems = whole.verify(thorough=True).problems
        assert problems, file
        assert any(name in problems[0].file for name in (file.name, file.parent.name)), (file, problems)
        assert "restore it" in problems[0].remedy or "delete" in problems[0].remedy


def test_a_quick_verification_reads_no_responses(whole: Study) -> None:
    part = next(whole.folder.root.glob("responses/*/*/part-0.parquet"))
    flip(part)
    assert whole.verify().problems == ()
    (problem,) = whole.verify(thorough=True).problems
    assert problem.file == "responses/set=colours/model=tiny/part-0.parquet"
    assert problem.problem == "is damaged: its bytes have changed since they were written"
    done = run("verify", "--study", str(whole.folder.root), "--thorough", "--quiet", code=3)
    assert done.stdout == f"{problem}\n"


def test_a_thorough_verification_reads_what_no_query_needs(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers of so many filters that no reader reads them on its way to other columns."""
    for module in (checksums, verified):
        monkeypatch.setattr(module, "BLOCK", 16)
    values = np.random.default_rng(0).random((6, 6000), np.float32)
    labels = pl.DataFrame({"stimulus_id": range(6), "category": ["red", "green"] * 3})
    study = Study(small_study(tmp_path / "study", long_table({"conv1": (values, values)}), labels).root)
    part = next(study.folder.root.glob("responses/*/*/part-0.parquet"))
    filters = pq.ParquetFile(part).metadata.row_group(0).column(1)
    flip(part, filters.data_page_offset + filters.total_compressed_size // 2)
    problem = study.verify(thorough=True).problems[0]
    assert problem.file == part.relative_to(study.folder.root).as_posix()


def other_part(part: Path, record: Path) -> None:
    """The other part with its own checksum, as if it were this one."""
    source = part.with_name("part-1.parquet")
    write_checksum(part, checksum_of_file(source))
    shutil.copy(source, part)


def other_values(part: Path, record: Path) -> None:
    """Other values in a part that fits its record by its bytes."""
    table = pq.read_table(part)
    doubled = table.set_column(3, "maximum", pc.multiply(table["maximum"], pa.scalar(2, pa.float32())))
    pq.write_table(doubled, part)
    checksum = checksum_of(part.read_bytes())
    write_checksum(part, checksum)
    write_json(record, {**read_json(record), "sha256": checksum.sha256, "bytes": checksum.size})


def other_network(part: Path, record: Path) -> None:
    write_json(record, {**read_json(record), "identity": "another"})


def other_images(part: Path, record: Path) -> None:
    write_json(record, {**read_json(record), "plan": "another"})


@pytest.mark.parametrize(
    ("change", "is_quick", "problem"),
    [
        (other_part, True, "is damaged: it differs from its record"),
        (other_values, False, "has other values than its record"),
        (other_network, True, "was computed with another network than that of its plan"),
        (
            other_images,
            True,
            "contains responses to other images than the current images of the stimulus set",
        ),
    ],
)
def test_a_part_that_is_whole_but_not_that_of_its_record_is_named(
    change: Callable[[Path, Path], None], is_quick: bool, problem: str, whole: Study
) -> None:
    part = next(whole.folder.root.glob("responses/*/*/part-0.parquet"))
    change(part, next(whole.folder.root.glob("plans/*/*/part-0.json")))
    assert bool(whole.verify().problems) == is_quick
    found = whole.verify(thorough=True).problems
    assert {each.file for each in found} == {"responses/set=colours/model=tiny/part-0.parquet"}
    assert problem in [each.problem for each in found]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("labels/set=colours/notes.txt", "does not belong to the study"),
        ("responses/set=colours/model=tiny/.part-1.parquet.7-7.partial", "does not belong to the study"),
        ("responses/set=colours/model=tiny/part-9.parquet", "is not in the plan of its extraction"),
    ],
)
def test_what_belongs_to_nothing_is_named(name: str, problem: str, whole: Study) -> None:
    part = next(whole.folder.root.glob("responses/*/*/part-0.parquet"))
    shutil.copy(part, whole.folder.root / name)
    (found,) = whole.verify().problems
    assert (found.file, found.problem.startswith(problem)) == (name, True)


def test_what_is_missing_is_named(whole: Study) -> None:
    root = whole.folder.root
    for name in (
        "responses/set=colours/model=tiny/part-0.parquet",
        "labels/set=colours/scheme=warmth/labels.parquet",
    ):
        (root / name).rename(root / "away")
        assert [problem.file for problem in whole.verify().problems if "missing" in problem.problem] != []
        (root / "away").rename(root / name)
    (root / "plans/set=colours/model=tiny/part-1.json").unlink()
    (found,) = whole.verify().problems
    assert found.problem == "has no record, so it does not count"


def test_every_message_of_damage_is_one_line_with_exit_code_3(whole: Study) -> None:
    flip(labels_of(whole))
    done = run("query", "from labels", "--scheme", "warmth", "--study", str(whole.folder.root), code=3)
    assert done.stderr.splitlines()[-1] == (
        f"error: {labels_of(whole)} is damaged: its bytes have changed since they were written; restore it, or label "
        "again: toolbox label colours --source TABLE --scheme warmth --replace"
    )


def test_a_golden_study_of_the_first_layout_is_verified_after_it_was_moved_over(
    tmp_path: Path, cache: Path
) -> None:
    with zipfile.ZipFile(Path(__file__).parents[1] / "golden" / "study-1.zip") as archive:
        archive.extractall(tmp_path)
    assert Study(tmp_path / "study").verify(thorough=True).problems == ()


def test_a_damaged_checksum_is_named_itself(whole: Study) -> None:
    (entry,) = checksums.entry_files(labels_of(whole))
    entry.write_text(entry.read_text().replace('"size": ', '"size": 1'))
    checksums._read_entry.cache_clear()
    with pytest.raises(
        ToolboxError, match=r"\.json is damaged: its content differs from its digest; restore it"
    ):
        whole.query("from labels", scheme="warmth")
