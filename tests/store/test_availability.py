"""Which parts count is remembered, and noticed again as soon as any file on which it depends has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from support.memories import keep, kept_in
from support.small_study import (
    MODEL,
    SET,
    add_responses,
    add_stimuli,
    digest,
    identity_of,
    matrices,
    record,
    small_study,
)
from toolbox.errors import BusyError, MixtureError, UsageError, VerificationError
from toolbox.files import only_writer
from toolbox.store import availability as module
from toolbox.store.availability import AvailableResponses, available_responses, note_extraction
from toolbox.store.folder import StudyFolder
from toolbox.store.parts import write_part
from toolbox.store.plan import plan_digest


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sets whose parts were compared with plan, records and bytes, and not only remembered."""
    sets: list[str] = []
    hold = module._count_parts

    def noted(study: StudyFolder, set_name: str, model: str) -> AvailableResponses:
        sets.append(set_name)
        return hold(study, set_name, model)

    monkeypatch.setattr(module, "_count_parts", noted)
    return sets


def memory(cache: Path) -> Path:
    return cache / "availability.json"


def test_what_was_found_is_remembered(two_parts: StudyFolder, held: list[str]) -> None:
    first = available_responses(two_parts, SET, MODEL)
    assert available_responses(two_parts, SET, MODEL) == first
    assert held == [SET]
    assert (sorted(first.parts), first.stimuli, first.unreadable, first.of, first.notes) == (
        ["0", "1"],
        4,
        [],
        4,
        [],
    )
    assert first.paths(two_parts, ["1"]) == [two_parts.extraction(SET, MODEL).part(1)]


def test_a_part_taken_back_is_noticed(two_parts: StudyFolder) -> None:
    available_responses(two_parts, SET, MODEL)
    two_parts.extraction(SET, MODEL).record(1).unlink()
    found = available_responses(two_parts, SET, MODEL)
    assert (list(found.parts), found.stimuli, found.of) == (["0"], 2, 4)
    assert (
        "these are the responses to 2 of 4 stimuli (0 could not be read, 2 were not presented yet)"
        in found.notes[0]
    )


def test_an_extraction_that_is_running_is_named(two_parts: StudyFolder) -> None:
    folder = two_parts.extraction(SET, MODEL)
    whole = available_responses(two_parts, SET, MODEL)
    folder.record(1).unlink()
    partial = available_responses(two_parts, SET, MODEL)
    assert note_extraction(two_parts, partial) == []
    with only_writer(folder.plans, "extracting"):
        assert note_extraction(two_parts, whole) == []
        (note,) = note_extraction(two_parts, partial)
        assert f"the responses of {MODEL} to {SET} are being extracted by another process" in note
        folder.record(0).unlink()
        with pytest.raises(
            BusyError, match="being extracted by another process, which has finished no part yet"
        ):
            available_responses(two_parts, SET, MODEL)
    with pytest.raises(UsageError, match="are available yet"):
        available_responses(two_parts, SET, MODEL)


def test_a_damaged_part_is_noticed(two_parts: StudyFolder) -> None:
    available_responses(two_parts, SET, MODEL)
    path = two_parts.extraction(SET, MODEL).part(0)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    for _ in range(2):  # and never remembered as sound
        with pytest.raises(VerificationError, match=r"part-0\.parquet is damaged"):
            available_responses(two_parts, SET, MODEL)


def test_a_part_that_vanished_is_noticed(two_parts: StudyFolder) -> None:
    available_responses(two_parts, SET, MODEL)
    two_parts.extraction(SET, MODEL).part(0).unlink()
    with pytest.raises(VerificationError, match=r"part-0\.parquet is missing, but its record exists"):
        available_responses(two_parts, SET, MODEL)


def test_a_part_made_anew_is_noticed(two_parts: StudyFolder, responses: pl.DataFrame) -> None:
    before = available_responses(two_parts, SET, MODEL)
    changed = responses.with_columns(pl.col("mean") + 1)
    fits = plan_digest([1, 3], {stimulus: digest(stimulus) for stimulus in (1, 3)})
    made = record(identity_of(changed), plan=fits)
    write_part(two_parts.extraction(SET, MODEL), 1, [1, 3], matrices(changed, [1, 3]), made)
    after = available_responses(two_parts, SET, MODEL)
    assert before.parts["0"] == after.parts["0"]
    assert before.parts["1"] != after.parts["1"]


def test_other_images_in_the_set_are_noticed(two_parts: StudyFolder) -> None:
    available_responses(two_parts, SET, MODEL)
    add_stimuli(two_parts, pl.DataFrame({"stimulus_id": [0, 1, 2, 3], "sha256": [digest("other")] * 4}))
    with pytest.raises(MixtureError, match="contains responses to other images than the current images of"):
        available_responses(two_parts, SET, MODEL)


DAMAGED = ["", "{broken", "[1]", "7", "null", "\ud800", '{"KEY": 3}', '{"KEY": {"mark": "MARK"}}']


@pytest.mark.parametrize("text", [*DAMAGED, '{"KEY": {"mark": "MARK", "found": {"sets": 1}}}'])
def test_a_damaged_memory_is_rebuilt(
    text: str, two_parts: StudyFolder, own_cache: Path, held: list[str]
) -> None:
    first = available_responses(two_parts, SET, MODEL)
    ((key, entry),) = kept_in(memory(own_cache)).items()
    text = text.replace("KEY", key).replace("MARK", entry["mark"])
    keep(memory(own_cache), text)
    assert available_responses(two_parts, SET, MODEL) == first
    assert kept_in(memory(own_cache)) == {key: entry}
    assert held == [SET, SET]


def test_two_studies_of_the_same_names_are_kept_apart(
    two_parts: StudyFolder, responses: pl.DataFrame, tmp_path: Path, held: list[str]
) -> None:
    labels = pl.DataFrame({"stimulus_id": [0], "category": ["dog"]})
    other = small_study(
        tmp_path / "other", responses.with_columns(pl.col("mean") + 1), labels, parts=[[0, 2], [1, 3]]
    )
    first, second = (available_responses(two_parts, SET, MODEL), available_responses(other, SET, MODEL))
    assert first.parts != second.parts
    assert (available_responses(two_parts, SET, MODEL), available_responses(other, SET, MODEL)) == (
        first,
        second,
    )
    assert len(held) == 2


def test_a_study_put_in_the_place_of_another_is_noticed(
    two_parts: StudyFolder, responses: pl.DataFrame, tmp_path: Path
) -> None:
    first = available_responses(two_parts, SET, MODEL)
    labels = pl.DataFrame({"stimulus_id": [0], "category": ["dog"]})
    other = small_study(
        tmp_path / "other", responses.with_columns(pl.col("mean") + 1), labels, parts=[[0, 2], [1, 3]]
    )
    two_parts.root.rename(tmp_path / "away")
    other.root.rename(two_parts.root)
    assert available_responses(two_parts, SET, MODEL).parts != first.parts


def test_without_a_cache_that_can_be_written_to_all_is_held_each_time(
    two_parts: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: list[str]
) -> None:
    (tmp_path / "file").write_text("a cache folder cannot be made below a file")
    monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "file" / "cache"))
    assert available_responses(two_parts, SET, MODEL) == available_responses(two_parts, SET, MODEL)
    assert held == [SET, SET]


def test_the_memory_holds_the_latest_alone(
    two_parts: StudyFolder, responses: pl.DataFrame, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    for model in ("second", "third"):
        add_responses(two_parts, responses, model=model)
    for model in (MODEL, "second", "third"):
        available_responses(two_parts, SET, model)
    kept = [Path(key).name for key in kept_in(memory(own_cache))]
    assert kept == ["model=second", "model=third"]


def test_a_part_taken_back_while_the_folder_is_listed_is_as_if_it_was_not_there(
    two_parts: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, stimuli, listed = two_parts.extraction(SET, MODEL), two_parts.stimuli(SET), os.scandir
    before = module._mark(folder, stimuli)
    gone = [folder.parts / "part-7.parquet", folder.plans / "part-7.json"]

    @contextmanager
    def scan(place: Path) -> Iterator[list[os.DirEntry[str]]]:
        gone[place == folder.plans].touch()
        with listed(place) as entries:
            found = list(entries)
        gone[place == folder.plans].unlink()
        yield found

    monkeypatch.setattr(os, "scandir", scan)
    assert module._mark(folder, stimuli) == before


def test_without_a_complete_part_there_is_nothing_to_ask(two_parts: StudyFolder) -> None:
    for number in (0, 1):
        two_parts.extraction(SET, MODEL).record(number).unlink()
    with pytest.raises(
        UsageError,
        match="no responses of tiny to shapes are available yet; extract them first with: toolbox extract",
    ):
        available_responses(two_parts, SET, MODEL)
