"""Parts count by their records, are compared with them, and never mix two networks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memories import kept_in
from support.own_sql import seen
from support.small_study import MODEL, SET, grow_plan, identity_of, matrices, record, small_study
from toolbox.cache import cache_folder
from toolbox.errors import MixtureError, ToolboxError, UsageError, VerificationError
from toolbox.files import digest_of, sweep, write_json
from toolbox.query import Answer, ask
from toolbox.store.columns import PLAN
from toolbox.store.folder import ExtractionFolder, StudyFolder
from toolbox.store.parquet import arrow_schema, provenance_of, write_table
from toolbox.store.parts import RESPONSES, clear, write_part
from toolbox.store.plan import (
    Identity,
    Plan,
    check_identity,
    check_same_network,
    part_size,
    plan_digest,
    read_digests,
    read_plan,
)
from toolbox.store.records import intact_parts, read_record

IDENTITY = Identity("tiny", {"conv1": "1a", "conv2": "2b"})
EXTRACT = f"toolbox extract {SET} --model {MODEL}"


def everything(study: StudyFolder) -> Answer:
    return ask(study, seen("select * from responses order by layer, filter, stimulus_id"))


def folder_of(study: StudyFolder) -> ExtractionFolder:
    return study.extraction(SET, MODEL)


def folder_in(folder: Path) -> ExtractionFolder:
    """One folder for parts and records: their names never collide."""
    return ExtractionFolder(folder, folder)


# What counts


def test_rows_of_all_parts_stand_in_one_table(two_parts: StudyFolder, responses: pl.DataFrame) -> None:
    answer = everything(two_parts)
    assert answer.rows.rows() == responses.rows()
    assert answer.rows.dtypes == [pl.String, pl.Int32, pl.Int32, pl.Float32, pl.Float32]
    assert answer.notes == ()


def test_a_part_without_its_record_does_not_count(two_parts: StudyFolder) -> None:
    folder_of(two_parts).record(1).unlink()
    answer = everything(two_parts)
    assert sorted(set(answer.rows["stimulus_id"])) == [0, 2]
    assert answer.provenance["response_rows"] == answer.rows.height == 8
    assert answer.notes == (
        f"these are the responses to 2 of 4 stimuli (0 could not be read, 2 were not presented yet); "
        f"extract the rest with: {EXTRACT}",
    )


def test_without_any_record_there_are_no_responses_yet(two_parts: StudyFolder) -> None:
    for number in (0, 1):
        folder_of(two_parts).record(number).unlink()
    with pytest.raises(UsageError) as caught:
        everything(two_parts)
    assert (
        str(caught.value)
        == f"no responses of {MODEL} to {SET} are available yet; extract them first with: {EXTRACT}"
    )


def test_a_part_beyond_the_plan_is_not_read(two_parts: StudyFolder, responses: pl.DataFrame) -> None:
    identity = identity_of(responses)
    write_part(folder_of(two_parts), 7, [0], matrices(responses, [0]), record(identity))
    assert everything(two_parts).rows.height == responses.height


def test_a_part_that_is_rebuilt_does_not_count_meanwhile(
    two_parts: StudyFolder, responses: pl.DataFrame
) -> None:
    folder, unknown = folder_of(two_parts), matrices(responses, [0, 2])
    unknown["conv2"] = (unknown["conv2"][0], np.zeros((1, 1), np.float32))
    with pytest.raises(pa.ArrowInvalid):
        write_part(folder, 0, [0, 2], unknown, record(identity_of(responses)))
    assert read_record(folder, 0) is None
    assert sorted(set(everything(two_parts).rows["stimulus_id"])) == [1, 3]


def test_a_record_says_what_is_in_its_part(two_parts: StudyFolder, responses: pl.DataFrame) -> None:
    folder = folder_of(two_parts)
    entry = read_record(folder, 0)
    assert entry is not None
    file = folder.part(0)
    assert (entry["part"], entry["stimuli"], entry["rows"]) == (0, 2, 8)
    assert entry["bytes"] == file.stat().st_size
    assert entry["identity"] == identity_of(responses).digest
    assert (
        provenance_of(file).items() >= {"model": MODEL, "weights": "made up", "precision": "float32"}.items()
    )


def test_the_rows_of_a_part_are_sorted_and_split_by_layer(two_parts: StudyFolder) -> None:
    file = folder_of(two_parts).part(1)
    table = pq.ParquetFile(file).read()
    assert table.schema.equals(RESPONSES)
    keys = list(zip(*(table[name].to_pylist() for name in ("layer", "filter", "stimulus_id")), strict=True))
    assert keys == sorted(keys)
    assert pq.read_metadata(file).num_row_groups == 2


# Damage


@pytest.mark.parametrize("place", [*np.linspace(0, 1, 20, endpoint=False), -1])
def test_one_flipped_bit_anywhere_in_a_part_is_found(place: float, two_parts: StudyFolder) -> None:
    everything(two_parts)
    file = folder_of(two_parts).part(1)
    content = bytearray(file.read_bytes())
    position = int(place * len(content)) if place >= 0 else len(content) - 1
    content[position] ^= 1 << (position % 8)
    file.write_bytes(content)
    with pytest.raises(VerificationError) as caught:
        everything(two_parts)
    assert str(caught.value) == (
        f"{file} is damaged: its bytes have changed since they were written; "
        "restore it, or delete plans/set=shapes/model=tiny/part-1.json in the study and run the extraction again"
    )


def remove(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


def spoil(file: Path) -> None:
    file.write_bytes(b"\xff" * 20)


def swap(file: Path) -> None:
    file.write_bytes(file.with_name(file.name.replace("-0", "-1")).read_bytes())


CHANGED = "is damaged: its bytes have changed since they were written"


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (
            "part-0.parquet",
            remove,
            "is missing, but its record exists; restore it, or delete plans/set=shapes/model=",
        ),
        ("part-0.parquet", cut, "is damaged: its bytes have changed since they were written; restore it"),
        ("part-0.parquet", swap, "is damaged: its bytes have changed since they were written; restore it"),
        ("part-0.json", cut, "is damaged: it is not a JSON record; restore it, or delete plans/set=shapes/"),
        (
            "part-0.json",
            spoil,
            "is damaged: it is not a JSON record; restore it, or delete plans/set=shapes/",
        ),
        (
            "part-0.json",
            swap,
            "is the record of part 1; restore it, or delete plans/set=shapes/model=tiny/part-0.json in",
        ),
        ("plan.parquet", cut, f"{CHANGED}; restore it, or extract again with replace (--replace)"),
    ],
)
def test_damage_names_the_file_and_the_remedy(
    name: str, damage: Callable[[Path], None], message: str, two_parts: StudyFolder
) -> None:
    folder = folder_of(two_parts)
    file = (folder.parts if name.endswith("-0.parquet") else folder.plans) / name
    damage(file)
    with pytest.raises(VerificationError) as caught:
        everything(two_parts)
    assert str(caught.value).startswith(f"{file} {message}")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("table", "query"),
    [
        ("stimuli", "select * from stimuli"),
        ("stimuli", "select * from parameters"),
        ("stimuli", "select * from catalogue"),
        ("labels", "select * from labels"),
        ("labels", "select * from catalogue"),
        ("layers", "select * from layers"),
    ],
)
@pytest.mark.parametrize("damage", [cut, spoil])
def test_damage_to_a_small_table_is_reported_too(
    table: str, query: str, damage: Callable[[Path], None], two_parts: StudyFolder
) -> None:
    files = {
        "stimuli": two_parts.stimuli(SET),
        "labels": two_parts.labels(SET),
        "layers": two_parts.layers(MODEL),
    }
    damage(files[table])
    with pytest.raises(VerificationError, match=f"{CHANGED}; restore it, or "):
        ask(two_parts, query)


@pytest.fixture
def digested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the parts that were read in full to be compared with their records."""
    names: list[str] = []

    def noted(path: Path) -> str:
        names.append(path.stem)
        return digest_of(path)

    monkeypatch.setattr("toolbox.store.records.digest_of", noted)
    return names


def test_without_a_cache_that_can_be_written_to_a_part_is_read_again(
    tmp_path: Path, responses: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, digested: list[str]
) -> None:
    (tmp_path / "file").write_text("a cache folder cannot be made below a file")
    monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "file" / "cache"))
    labels = pl.DataFrame({"stimulus_id": [0], "category": ["dog"]})
    everything(small_study(tmp_path / "study", responses, labels))
    assert digested == ["part-0", "part-1"]


def test_an_intact_part_is_read_in_full_only_once(
    two_parts: StudyFolder, cache: Path, digested: list[str]
) -> None:
    everything(two_parts)
    assert digested == ["part-0", "part-1"]
    known = kept_in(cache / "intact.json")
    assert sorted(known) == [str(folder_of(two_parts).part(number)) for number in (0, 1)]
    written = (cache / "intact.json").stat().st_mtime_ns
    everything(two_parts)
    assert (cache / "intact.json").stat().st_mtime_ns == written


def test_what_is_remembered_of_a_file_ends_with_its_time_of_change(
    two_parts: StudyFolder, cache: Path
) -> None:
    everything(two_parts)
    file = folder_of(two_parts).part(0)
    before = kept_in(cache / "intact.json")[str(file)]
    os.utime(file, ns=(0, 0))
    assert everything(two_parts).rows.height == 16
    after = kept_in(cache / "intact.json")[str(file)]
    assert (before[1] != 0, after[1]) == (True, 0)


def test_studies_may_be_asked_for_the_first_time_at_once(
    tmp_path: Path, responses: pl.DataFrame, cache: Path
) -> None:
    labels = pl.DataFrame({"stimulus_id": [0], "category": ["dog"]})
    studies = [small_study(tmp_path / str(number), responses, labels) for number in range(8)]
    failures, together = [], threading.Barrier(8)

    def ask_first(study: StudyFolder) -> None:
        together.wait(timeout=30)
        try:
            everything(study)
        except (OSError, ValueError) as error:
            failures.append(error)

    for _ in range(3):
        (cache / "intact.json").unlink(missing_ok=True)
        threads = [threading.Thread(target=ask_first, args=(study,)) for study in studies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


# Identity


def test_a_part_of_another_network_is_refused(two_parts: StudyFolder, responses: pl.DataFrame) -> None:
    folder, other = folder_of(two_parts), replace(identity_of(responses), precision="float16")
    write_part(folder, 1, [1, 3], matrices(responses, [1, 3]), record(other))
    with pytest.raises(MixtureError) as caught:
        everything(two_parts)
    assert str(caught.value) == (
        f"{folder.part(1)} was computed with another network than that of its plan; "
        "extract again with replace (--replace)"
    )


OTHER = "other weights or another preprocessing (card, weights, decoding, resize, fit)"


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (replace(IDENTITY, model="large"), OTHER),
        (
            replace(IDENTITY, layers={"conv1": "1a", "conv2": "9z"}),
            "other weights or another preprocessing (card, weights, decoding, resize, fit)",
        ),
        (replace(IDENTITY, precision="float16"), "precision float32 instead of float16"),
        (replace(IDENTITY, statistics="maximum"), "the statistics maximum, mean instead of maximum"),
        (
            replace(IDENTITY, layers={"conv1": "1a"}),
            "other layers (recorded but not requested: conv2; requested but not recorded: none)",
        ),
        (
            replace(IDENTITY, layers={**IDENTITY.layers, "dense": "3c"}),
            "other layers (recorded but not requested: none; requested but not recorded: dense)",
        ),
    ],
)
def test_going_on_with_another_identity_reports_what_differs(
    other: Identity, difference: str, tmp_path: Path
) -> None:
    grow_plan(folder_in(tmp_path), IDENTITY, [1, 2])
    before = (tmp_path / "plan.parquet").read_bytes()
    with pytest.raises(MixtureError) as caught:
        grow_plan(folder_in(tmp_path), other, [3])
    assert str(caught.value) == (
        f"{tmp_path} contains responses computed with {difference}; use the same settings again, "
        "discard these responses with replace (--replace), or use another study"
    )
    assert (tmp_path / "plan.parquet").read_bytes() == before
    assert other.digest != IDENTITY.digest


def test_the_order_of_layers_is_no_difference(tmp_path: Path) -> None:
    turned = Identity("tiny", {"conv2": "2b", "conv1": "1a"})
    assert turned.digest == IDENTITY.digest
    check_identity(tmp_path, IDENTITY, turned)


@pytest.mark.parametrize(
    ("layers", "fits"),
    [({"conv1": "1a"}, True), ({"dense": "3c"}, True), ({"conv1": "1a", "conv2": "9z"}, False)],
)
def test_other_layers_of_one_network_may_stand_in_another_set(
    layers: dict[str, str], fits: bool, tmp_path: Path
) -> None:
    if fits:
        check_same_network(tmp_path, IDENTITY, Identity("tiny", layers))
        return
    with pytest.raises(
        MixtureError, match=r"contains responses of tiny computed with other weights or another preprocessing"
    ):
        check_same_network(tmp_path, IDENTITY, Identity("tiny", layers))


# The plan


def test_a_longer_plan_keeps_its_parts_and_appends(tmp_path: Path) -> None:
    assert read_plan(folder_in(tmp_path)) is None
    first = grow_plan(folder_in(tmp_path), IDENTITY, [5, 1, 3], size=2)
    assert first == Plan(IDENTITY, ((5, 1), (3,)), IDENTITY.digest)
    longer = grow_plan(folder_in(tmp_path), IDENTITY, [0, 1, 2, 3, 4, 5], size=10)
    assert longer == Plan(IDENTITY, ((5, 1), (3,), (0, 2, 4)), IDENTITY.digest)
    assert read_plan(folder_in(tmp_path)) == longer
    assert longer.stimuli == {0, 1, 2, 3, 4, 5}


def test_a_plan_without_news_is_not_written_again(tmp_path: Path) -> None:
    grow_plan(folder_in(tmp_path), IDENTITY, [1, 2])
    written = (tmp_path / "plan.parquet").stat().st_mtime_ns
    assert grow_plan(folder_in(tmp_path), IDENTITY, [2]).parts == ((1, 2),)
    assert (tmp_path / "plan.parquet").stat().st_mtime_ns == written


def test_a_plan_is_a_plain_table_with_the_identity_in_its_provenance(tmp_path: Path) -> None:
    grow_plan(folder_in(tmp_path), IDENTITY, [7, 8, 9], size=2)
    table = pq.ParquetFile(tmp_path / "plan.parquet").read()
    assert table.schema.equals(arrow_schema(PLAN))
    assert table.to_pydict() == {"stimulus_id": [7, 8, 9], "part": [0, 0, 1]}
    provenance = provenance_of(tmp_path / "plan.parquet")
    layers = {"conv1": "1a", "conv2": "2b"}
    assert (
        provenance["identity"].items() >= {"model": "tiny", "layers": layers, "precision": "float32"}.items()
    )
    assert provenance["digest"] == IDENTITY.digest


def test_a_plan_written_before_the_identity_said_more_still_fits_its_parts(
    two_parts: StudyFolder, responses: pl.DataFrame
) -> None:
    folder, identity = folder_of(two_parts), identity_of(responses)
    older = {"model": identity.model, "layers": dict(identity.layers), "precision": "float32"}
    plan = pq.ParquetFile(folder.plan).read()
    write_table(folder.plan, plan, {"identity": older, "digest": "of then"})
    for number in (0, 1):
        entry = read_record(folder, number)
        write_json(folder.record(number), {**(entry or {}), "identity": "of then"})
    assert everything(two_parts).rows.height == 16
    assert grow_plan(folder, identity, [9]).digest == "of then"


def test_a_plan_lies_where_its_path_looks_like_columns(tmp_path: Path) -> None:
    folder = folder_in(tmp_path / "part=3" / "stimulus_id=4")
    grow_plan(folder, IDENTITY, [7])
    assert read_plan(folder) == Plan(IDENTITY, ((7,),), IDENTITY.digest)


@given(st.lists(st.lists(st.integers(0, 50), max_size=8), max_size=4), st.integers(1, 5))
def test_however_a_plan_grows_every_stimulus_has_one_part(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], size: int
) -> None:
    folder, parts = folder_in(tmp_path_factory.mktemp("plan")), ()
    for batch in batches:
        plan = grow_plan(folder, IDENTITY, list(dict.fromkeys(batch)), size=size)
        assert plan.parts[: len(parts)] == parts
        parts = plan.parts
    planned = [stimulus for part in parts for stimulus in part]
    assert sorted(planned) == sorted({stimulus for batch in batches for stimulus in batch})
    assert all(0 < len(part) <= size for part in parts)


def test_the_digest_of_a_part_follows_its_stimuli_and_their_files() -> None:
    digests = {1: "aa", 2: "bb", 3: "cc"}
    assert plan_digest([1, 2], digests) == plan_digest([2, 1], digests)
    others = [
        plan_digest([1], digests),
        plan_digest([1, 3], digests),
        plan_digest([1, 2], {**digests, 2: "dd"}),
    ]
    assert plan_digest([1, 2], digests) not in others


# Values


def test_the_digest_of_values_does_not_depend_on_the_writer(
    tmp_path: Path, responses: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, identity = matrices(responses, [0, 2]), identity_of(responses)
    here = write_part(folder_in(tmp_path / "here"), 0, [0, 2], values, record(identity))
    monkeypatch.setattr("toolbox.store.parquet.ROW_GROUP", 3)
    turned = {
        layer: tuple(np.asfortranarray(matrix) for matrix in values[layer]) for layer in reversed(values)
    }
    there = write_part(folder_in(tmp_path / "there"), 0, [0, 2], turned, record(identity, provider="GPU"))
    assert there["values"] == here["values"]
    assert there["sha256"] != here["sha256"]


@pytest.mark.parametrize("change", ["maximum", "mean", "stimuli", "layer"])
def test_the_digest_of_values_changes_with_any_of_them(
    change: str, tmp_path: Path, responses: pl.DataFrame
) -> None:
    values, identity = matrices(responses, [0, 2]), record(identity_of(responses))
    before = write_part(folder_in(tmp_path), 0, [0, 2], values, identity)["values"]
    stimuli = [0, 3] if change == "stimuli" else [0, 2]
    if change == "layer":
        values["conv3"] = values.pop("conv2")
    if change in ("maximum", "mean"):
        matrix = values["conv2"][change == "mean"]
        matrix[1, 1] = np.nextafter(matrix[1, 1], np.float32(np.inf))
    assert write_part(folder_in(tmp_path), 0, stimuli, values, identity)["values"] != before


# Taking back


def test_an_extraction_can_be_taken_back(two_parts: StudyFolder, responses: pl.DataFrame) -> None:
    folder = folder_of(two_parts)
    for place in (folder.parts, folder.plans):
        (place / "notes.txt").touch()
    clear(folder)
    for place in (folder.parts, folder.plans):
        assert [path.name for path in place.iterdir()] == ["notes.txt"]
    other = replace(identity_of(responses), precision="float16")
    assert grow_plan(folder, other, [0]).identity == other


def test_what_a_killed_process_left_is_swept_away(two_parts: StudyFolder) -> None:
    folder = folder_of(two_parts)
    before = sorted((*folder.parts.iterdir(), *folder.plans.iterdir()))
    (folder.parts / ".part-2.parquet.123-456.partial").touch()
    (folder.plans / ".part-2.json.123-456.partial").touch()
    assert everything(two_parts).rows.height == 16
    sweep(folder.parts, folder.plans)
    assert sorted((*folder.parts.iterdir(), *folder.plans.iterdir())) == before


def test_intact_parts_come_in_the_order_of_the_plan(two_parts: StudyFolder) -> None:
    plan = read_plan(folder_of(two_parts))
    assert plan is not None
    records = intact_parts(folder_of(two_parts), plan, read_digests(two_parts.stimuli(SET)))
    assert [entry["part"] for entry in records] == [0, 1]


# Parts nobody chose the size of, and tables without a record


@pytest.mark.parametrize(("stimuli", "size"), [(1, 50), (360, 50), (501, 51), (9_999, 1000), (200_000, 1000)])
def test_a_killed_run_loses_a_tenth_at_most(stimuli: int, size: int) -> None:
    assert part_size(stimuli) == size


def test_a_damaged_memory_of_intact_parts_is_rebuilt(two_parts: StudyFolder) -> None:
    everything(two_parts)
    (cache_folder() / "availability.json").unlink()  # else nobody would ask the other
    memory = cache_folder() / "intact.json"
    memory.write_text("{broken")
    assert everything(two_parts).rows.height > 0
    assert kept_in(memory)


@pytest.mark.parametrize("table", ["labels", "stimuli", "layers", "plan"])
def test_a_flipped_bit_in_a_small_table_is_never_read(table: str, two_parts: StudyFolder) -> None:
    path = {
        "labels": two_parts.labels(SET),
        "stimuli": two_parts.stimuli(SET),
        "layers": two_parts.layers(MODEL),
        "plan": folder_of(two_parts).plan,
    }[table]
    asked = """
        select layer, filter, stimulus_id, maximum, mean, category, path, position, kind
        from responses join labels using (stimulus_id) join stimuli using (stimulus_id) join layers using (layer)
        order by all
    """
    sound, expected = path.read_bytes(), ask(two_parts, asked).rows
    assert expected.height > 0
    for number, place in enumerate(range(4, len(sound) - 4, max(1, len(sound) // 60))):
        question = seen(asked) if number % 12 else asked  # a user's SQL fails in a process of its own
        damaged = bytearray(sound)
        damaged[place] ^= 16
        path.write_bytes(damaged)
        try:
            rows = ask(two_parts, question).rows
        except ToolboxError as error:
            assert "\n" not in str(error)
        else:  # a bit of the footer that nothing depends on
            assert rows.equals(expected), place
    path.write_bytes(sound)
