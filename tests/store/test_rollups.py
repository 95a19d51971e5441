"""Roll-ups: equal to what the responses themselves say, merged in any order, and never stale."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from support.nearly import nearly
from support.own_sql import seen
from support.small_study import (
    MODEL,
    SET,
    add_labels,
    add_layers,
    add_responses,
    add_stimuli,
    digest,
    grow_plan,
    identity_of,
    long_table,
    matrices,
    plain_layers,
    record,
    small_study,
)
from toolbox.query import ask
from toolbox.store import rollups
from toolbox.store.availability import available_responses
from toolbox.store.columns import ROLLUPS
from toolbox.store.folder import SCHEME, StudyFolder
from toolbox.store.parquet import arrow_schema, provenance_of, read_table, write_table
from toolbox.store.parts import write_part
from toolbox.store.plan import plan_digest
from toolbox.store.resamples import Labelling
from toolbox.store.rollups import fresh_rollup, merge_rollups, roll_up, update_rollups
from toolbox.store.selection import Selection

# Every example writes a study, which takes a tenth of a second.
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Given:
    """Responses (stimuli, filters), a category or None of every stimulus, and how the stimuli are split into parts."""

    maximum: NDArray[np.float32]
    mean: NDArray[np.float32]
    categories: list[str | None]
    parts: list[list[int]]

    @property
    def table(self) -> pl.DataFrame:
        return long_table({"conv1": (self.maximum, self.mean), "conv2": (self.mean, self.maximum)})

    @property
    def labels(self) -> dict[int, str]:
        return {number: category for number, category in enumerate(self.categories) if category is not None}

    def study(self, root: Path) -> StudyFolder:
        numbers = range(len(self.categories))
        labels = pl.DataFrame(
            {"stimulus_id": numbers, "category": pl.Series(self.categories, dtype=pl.String)}
        )
        return small_study(root, self.table, labels, parts=self.parts)


@st.composite
def responses(draw: st.DrawFn, offsets: Sequence[float] = (0, 1e6, -1e6), unlabelled: bool = True) -> Given:
    """Eighths on an offset, all of which float32 holds exactly; every category has a stimulus."""
    count = draw(st.integers(3, 10))
    further = [*"abc", None] if unlabelled else [*"abc"]
    names: list[str | None] = [
        *"abc",
        *draw(st.lists(st.sampled_from(further), min_size=count - 3, max_size=count - 3)),
    ]
    offset = draw(st.sampled_from(offsets))
    values = arrays(
        np.float32, (count, 3), elements=st.integers(0, 40).map(lambda eighths: offset + eighths / 8)
    )
    cuts = draw(st.lists(st.integers(1, count - 1), unique=True).map(sorted))
    order = draw(st.permutations(range(count)))
    parts = [sorted(map(int, part)) for part in np.split(np.array(order), cuts)]
    return Given(draw(values), draw(values), draw(st.permutations(names)), parts)


def expected(given: Given, layer: str = "conv1") -> Iterator[Row]:
    """The roll-up of one layer in numpy, in the order of filter, category, statistic."""
    names = sorted(set(given.labels.values()))
    pair = {"maximum": given.maximum, "mean": given.mean}
    if layer == "conv2":
        pair = {"maximum": given.mean, "mean": given.maximum}
    for number, name, statistic in itertools.product(range(3), names, pair):
        chosen = pair[statistic][[category == name for category in given.categories], number].astype(
            np.float64
        )
        squares = float(((chosen - chosen.mean()) ** 2).sum())
        extremes = float(chosen.min()), float(chosen.max())
        yield layer, number, name, statistic, len(chosen), float(chosen.sum()), squares, *extremes


def rows(table: pa.Table) -> list[Row]:
    return [tuple(row.values()) for row in table.to_pylist()]


def part_files(study: StudyFolder) -> list[Path]:
    return sorted(study.responses(SET, MODEL).glob("part-*.parquet"))


# --- equal to the responses themselves ---


@few
@given(responses(), st.randoms())
def test_the_merge_of_any_split_is_the_rollup_of_the_whole(given: Given, chance: Any) -> None:
    with TemporaryDirectory() as folder:
        parts = part_files(given.study(Path(folder) / "study"))
        pieces = [roll_up([part], given.labels) for part in parts]
        chance.shuffle(pieces)
        whole = roll_up(parts, given.labels)
        assert whole.schema == arrow_schema(ROLLUPS)
        assert rows(whole) == nearly([*expected(given), *expected(given, "conv2")], 1e-9)
        assert rows(merge_rollups(pieces)) == nearly(rows(whole), 1e-9)
        if len(pieces) > 1:  # what was merged merges again
            assert rows(merge_rollups([merge_rollups(pieces[:1]), merge_rollups(pieces[1:])])) == nearly(
                rows(whole), 1e-9
            )


def test_small_deviations_on_a_large_offset_do_not_cancel(tmp_path: Path) -> None:
    """1e6, 1e6 + 1/8 and 1e6 + 1/4 deviate by 1/32 in all, which a float64 of 3e12 cannot hold to the last bit."""
    values = np.float32(1e6) + np.array([[0], [0.125], [0.25]], np.float32)
    given = Given(values, values, ["a", "a", "a"], [[0], [1], [2]])
    pieces = [roll_up([part], given.labels) for part in part_files(given.study(tmp_path / "study"))]
    (row, *_) = merge_rollups(pieces).to_pylist()
    assert (row["n"], row["sum"], row["squared_deviations"]) == (3, 3e6 + 0.375, 1 / 32)


def reference(given: Given, statistic: str, normalise: str) -> Iterator[Row]:
    """Every index of every filter and category of `conv1`, from the responses, stimulus by stimulus."""
    known = np.array([category is not None for category in given.categories])
    maximum, mean = (matrix[known].astype(np.float64) for matrix in (given.maximum, given.mean))
    names = [category for category in given.categories if category is not None]
    for number in range(3):
        response = (maximum if statistic == "maximum" else mean)[:, number]
        for name in sorted(set(names)):
            is_member = np.array([category == name for category in names])
            groups = {other: response[[c == other for c in names]] for other in sorted(set(names))}
            dead = response.max() == response.min()
            found = dict.fromkeys(INDICES) if dead else indices(response, is_member, groups, name)
            if not dead:
                floor, span = response.min(), response.max() - response.min()
                if normalise == "layer":
                    floor, span = 0.0, maximum.max() if mean.min() >= 0 else np.nan
                found |= normalised(
                    (response - floor) / span if span else response * np.nan, is_member, groups, names
                )
            plain = {
                key: None if value is None or not math.isfinite(value) else float(value)
                for key, value in found.items()
            }
            yield number, name, *(plain[key] for key in INDICES)


INDICES = ("response", "share", "balanced_share", "contrast", "csi", "fsi", "d_prime", "welch_t", "welch_df")


def normalised(
    response: NDArray[np.float64],
    is_member: NDArray[np.bool_],
    groups: Mapping[str, Any],
    names: Sequence[str],
) -> dict[str, Any]:
    means = [response[[category == other for category in names]].mean() for other in groups]
    own, rest = response[is_member], response[~is_member]
    with np.errstate(invalid="ignore"):
        return {
            "response": own.mean(),
            "share": own.sum() / response.sum(),
            "balanced_share": own.mean() / sum(means),
            "contrast": own.mean() - rest.mean(),
        }


def indices(
    response: NDArray[np.float64], is_member: NDArray[np.bool_], groups: Mapping[str, Any], name: str
) -> dict[str, Any]:
    own, rest = response[is_member], response[~is_member]
    mean, rest_mean = own.mean(), rest.mean()
    others = np.mean([group.mean() for other, group in groups.items() if other != name])
    variance, rest_variance = (np.var(x, ddof=1) if len(x) > 1 else None for x in (own, rest))
    found: dict[str, Any] = dict.fromkeys(INDICES)
    if response.min() >= 0 and mean + others:
        found["csi"] = (mean - others) / (mean + others)
    if mean * rest_mean < 0:
        found["fsi"] = np.sign(mean)
    elif mean + rest_mean > 0:
        found["fsi"] = (mean - rest_mean) / (mean + rest_mean)
    if variance is not None and rest_variance is not None and variance + rest_variance:
        error, rest_error = variance / len(own), rest_variance / len(rest)
        found["d_prime"] = (mean - rest_mean) / np.sqrt((variance + rest_variance) / 2)
        found["welch_t"] = (mean - rest_mean) / np.sqrt(error + rest_error)
        found["welch_df"] = (error + rest_error) ** 2 / (
            error**2 / (len(own) - 1) + rest_error**2 / (len(rest) - 1)
        )
    return found


@few
@given(responses((0, 1e6)), st.sampled_from(["maximum", "mean"]), st.sampled_from(["filter", "layer"]))
def test_every_index_from_rollups_is_that_of_the_responses(
    given: Given, statistic: str, normalise: str
) -> None:
    sql = f"""
        select filter, category, {", ".join(INDICES)} from selectivity('{statistic}', '{normalise}')
        where layer = 'conv1' order by filter, category
    """
    with TemporaryDirectory() as folder:
        study = given.study(Path(folder) / "study")
        assert ask(study, seen(sql)).rows.rows() == nearly(reference(given, statistic, normalise), 1e-6)


# --- made, extended, rebuilt ---


@pytest.fixture
def given_study() -> Given:
    chance = np.random.default_rng(5)
    maximum, mean = (chance.integers(0, 40, (12, 3)).astype(np.float32) for _ in range(2))
    categories = ["a", "b", "c", None] * 3
    return Given(maximum, mean, categories, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])


@pytest.fixture
def study(given_study: Given, tmp_path: Path) -> StudyFolder:
    """Twelve stimuli in three parts."""
    return given_study.study(tmp_path / "study")


def of_responses(study: StudyFolder, scheme: str = SCHEME) -> list[Row]:
    """What the roll-up must be, worked out in SQL from the responses as they are now."""
    measures = "count(*)::bigint, sum({0})::double, (var_pop({0}) * count(*))::double, "
    measures += "min({0})::double, max({0})::double"
    selects = [
        f"select layer, filter, category, '{name}' as statistic, {measures.format(name)} "
        "from responses join labels using (stimulus_id) group by layer, filter, category"
        for name in ("maximum", "mean")
    ]
    sql = f"{' union all '.join(selects)} order by layer, filter, category, statistic"
    return ask(study, seen(sql), selection=Selection(scheme=scheme)).rows.rows()


def rollup_of(study: StudyFolder, scheme: str = SCHEME) -> pa.Table:
    """The roll-up as a query finds it."""
    return fresh_rollup(Labelling(study, available_responses(study, SET, MODEL), scheme))


def hold(study: StudyFolder, scheme: str = SCHEME) -> None:
    """The roll-up is that of the responses, and the next one is taken from the file."""
    table = rollup_of(study, scheme)
    assert len(table)
    assert rows(table) == nearly(of_responses(study, scheme), 1e-9)
    assert read_table(study.rollup(SET, MODEL, scheme)).equals(table)
    assert rollup_of(study, scheme).equals(table)


@pytest.fixture
def read_parts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of all parts that a roll-up was made from."""
    names: list[str] = []
    make = rollups.roll_up

    def noted(parts: Sequence[Path], labels: Mapping[int, str]) -> pa.Table:
        names.extend(part.stem for part in parts)
        return make(parts, labels)

    monkeypatch.setattr(rollups, "roll_up", noted)
    return names


def test_a_rollup_is_made_once(study: StudyFolder, read_parts: list[str]) -> None:
    hold(study)
    assert read_parts == ["part-0", "part-1", "part-2"]
    made = study.rollup(SET, MODEL, SCHEME).stat()
    assert ask(study, seen("from rollups")).rows.height == 2 * 3 * 3 * 2
    assert study.rollup(SET, MODEL, SCHEME).stat() == made
    assert provenance_of(study.rollup(SET, MODEL, SCHEME))["scheme"] == SCHEME


def without_part(study: StudyFolder, number: int) -> bytes:
    """Let a part not count; returns its record."""
    file = study.extraction(SET, MODEL).record(number)
    content = file.read_bytes()
    file.unlink()
    return content


def test_new_parts_alone_are_read(study: StudyFolder, read_parts: list[str]) -> None:
    held_back = without_part(study, 2)
    hold(study)
    folder = study.extraction(SET, MODEL)
    folder.record(2).write_bytes(held_back)
    expected_rows = of_responses(study)
    for number in (
        0,
        1,
    ):  # bytes that nobody could read, under the size and time that were compared with the record
        path, state = folder.part(number), folder.part(number).stat()
        path.write_bytes(b"?" * state.st_size)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert rows(rollup_of(study)) == nearly(expected_rows, 1e-9)
    assert read_parts == ["part-0", "part-1", "part-2"]


def test_a_part_rebuilt_with_other_values_rebuilds_the_rollup(study: StudyFolder, given_study: Given) -> None:
    hold(study)
    before = of_responses(study)
    changed = given_study.table.with_columns(pl.col("maximum") + 1)
    rewrite(study, changed, 1, [4, 5, 6, 7])
    assert of_responses(study) != before
    hold(study)


def rewrite(study: StudyFolder, table: pl.DataFrame, number: int, part: list[int]) -> None:
    fits = plan_digest(part, {stimulus: digest(stimulus) for stimulus in part})
    made = record(identity_of(table), plan=fits)
    write_part(study.extraction(SET, MODEL), number, part, matrices(table, part), made)


def test_a_part_taken_back_leaves_the_rollup(study: StudyFolder) -> None:
    hold(study)
    without_part(study, 0)
    hold(study)


def test_changed_labels_rebuild_the_rollup(study: StudyFolder, read_parts: list[str]) -> None:
    hold(study)
    add_labels(study, pl.DataFrame({"stimulus_id": range(12), "category": ["b", "a"] * 6}))
    hold(study)
    assert len(read_parts) == 6


def test_labels_of_new_stimuli_leave_what_is_known_of_the_others(
    study: StudyFolder, given_study: Given, read_parts: list[str]
) -> None:
    hold(study)
    more = long_table({name: (np.full((14, 3), 7, np.float32),) * 2 for name in ("conv1", "conv2")})
    add_stimuli(study, pl.DataFrame({"stimulus_id": range(14)}))
    add_labels(
        study, pl.DataFrame({"stimulus_id": range(14), "category": [*given_study.categories, "a", "d"]})
    )
    hold(study)
    assert len(read_parts) == 3
    both = pl.concat([given_study.table, more.filter(pl.col("stimulus_id") >= 12)])
    grow_plan(study.extraction(SET, MODEL), identity_of(both), [12, 13])
    rewrite(study, both, 3, [12, 13])
    hold(study)
    assert read_parts[3:] == ["part-3"]
    assert "d" in rollup_of(study)["category"].to_pylist()


def test_a_stimulus_labelled_late_is_counted(study: StudyFolder, given_study: Given) -> None:
    hold(study)
    categories = [category or "late" for category in given_study.categories]
    add_labels(study, pl.DataFrame({"stimulus_id": range(12), "category": categories}))
    hold(study)


def test_another_extraction_in_its_place_rebuilds_the_rollup(study: StudyFolder, given_study: Given) -> None:
    hold(study)
    for file in (*study.responses(SET, MODEL).iterdir(), *study.plans(SET, MODEL).iterdir()):
        file.unlink()
    table = given_study.table.with_columns(layer=pl.col("layer").replace("conv2", "conv3"))
    add_layers(study, plain_layers(table))
    add_responses(study, table, parts=given_study.parts)
    hold(study)
    assert set(rollup_of(study)["layer"].to_pylist()) == {"conv1", "conv3"}


def test_every_scheme_has_a_rollup_of_its_own(study: StudyFolder) -> None:
    add_labels(
        study, pl.DataFrame({"stimulus_id": range(12), "category": ["even", "odd"] * 6}), scheme="parity"
    )
    update_rollups(study, SET, [MODEL], [SCHEME, "parity"])
    assert study.rollup(SET, MODEL, "parity").is_file()
    hold(study)
    hold(study, "parity")


def test_labels_without_a_category_count_as_none(study: StudyFolder) -> None:
    """A table that others wrote may have rows of nulls."""
    labels = pa.table({"stimulus_id": pa.array(range(12), pa.int32()), "category": ["a", "b", None] * 4})
    write_table(study.labels(SET), labels, {})
    assert set(rollup_of(study)["category"].to_pylist()) == {"a", "b"}


@pytest.mark.parametrize(
    "damage", ["cut", "flipped", "empty", "of another program", "of other columns", "gone"]
)
def test_a_rollup_that_cannot_be_used_is_rebuilt(damage: str, study: StudyFolder) -> None:
    right = rows(rollup_of(study))
    file = study.rollup(SET, MODEL, SCHEME)
    content = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(content[:-20])
    elif damage == "flipped":
        content[60] ^= 4
        file.write_bytes(content)
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "of another program":
        table = read_table(file).set_column(4, "n", pa.array([1] * 36)).replace_schema_metadata()
        pq.write_table(table, file)
    elif damage == "of other columns":
        write_table(file, pa.table({"layer": ["conv1"]}), provenance_of(file))
    else:
        file.unlink()
    assert rows(rollup_of(study)) == nearly(right, 1e-12)
    assert rows(read_table(file)) == nearly(right, 1e-12)


def test_in_a_study_that_cannot_be_written_to_it_is_made_each_time(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = of_responses(study)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(rollups, "scratch_folder", refuse)
    for _ in range(2):
        assert rows(rollup_of(study)) == nearly(right, 1e-9)
    assert not study.rollup(SET, MODEL, SCHEME).exists()


def test_what_is_half_written_of_a_rollup_is_in_the_scratch_folder_alone(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, the next process that writes removes what a killed query left, be it of the table or of its checksum."""
    finished: list[tuple[Path, Path]] = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda old, new: (finished.append((old, Path(new))), replace(old, new))[1]
    )
    hold(study)
    of_study = [(old, new) for old, new in finished if new.is_relative_to(study.root)]
    assert {new.relative_to(study.root).parts[0] for _, new in of_study} == {"checksums", "rollups"}
    assert {old.parent for old, _ in of_study} == {study.root / "plans" / ".uncommitted"}


def test_killed_between_a_part_and_the_rollup_the_next_query_makes_it(study: StudyFolder) -> None:
    held_back = without_part(study, 2)
    hold(study)
    study.extraction(SET, MODEL).record(2).write_bytes(held_back)
    killed = study.rollup(SET, MODEL, SCHEME).with_name(".rollup.parquet.1-2.partial")
    killed.write_bytes(b"half written")
    counted = (
        "select sum(n)::bigint as n from rollups where statistic = 'mean' and layer = 'conv1' and filter = 0"
    )
    assert ask(study, seen(counted)).rows.item() == 9
    hold(study)


def test_labels_that_change_while_a_rollup_is_made_do_not_mark_it(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else labels that change back would find the roll-up of the others under their digest."""
    path = study.labels(SET)
    first = path.read_bytes()
    read = rollups.read_labels

    def meanwhile(file: Path) -> Mapping[int, str]:
        add_labels(study, pl.DataFrame({"stimulus_id": range(12), "category": ["b", "a"] * 6}))
        return read(file)

    with monkeypatch.context() as patched:
        patched.setattr(rollups, "read_labels", meanwhile)
        rollup_of(study)
    path.write_bytes(first)
    hold(study)


@pytest.mark.parametrize("name", ["category=x", "layer=conv9", "a*", "set[1]?"])
def test_the_place_of_a_study_lends_no_columns_and_no_files(
    name: str, given_study: Given, tmp_path: Path
) -> None:
    other = Given(given_study.maximum + 1, given_study.mean + 1, given_study.categories, given_study.parts)
    other.study(tmp_path / "ab" / "study")
    hold(given_study.study(tmp_path / name / "study"))


def test_what_keeps_a_rollup_from_being_made_is_left_for_a_query_to_tell(
    study: StudyFolder, own_cache: Path
) -> None:
    study.extraction(SET, MODEL).part(0).write_bytes(b"damaged")
    update_rollups(study, SET, [MODEL, "never-shown"], [SCHEME, "no-such-scheme"])
    assert not study.rollup(SET, MODEL, SCHEME).exists()
