"""What must not change a selectivity index, and what its values must add up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from support.nearly import nearly
from support.small_study import long_table, small_study
from toolbox.query import ask

FILTERS = 3
# Every example writes a study, which takes a tenth of a second.
few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
fewer = settings(few, max_examples=5)


@dataclass(frozen=True)
class Stimuli:
    """Whole responses, which float32 holds exactly, and categories of at least one stimulus each."""

    responses: NDArray[np.float32]  # (stimuli, filters)
    categories: list[str]


@st.composite
def stimuli(draw: st.DrawFn, categories: str = "abc") -> Stimuli:
    count = draw(st.integers(len(categories), 9))
    further = draw(st.lists(st.sampled_from(categories), min_size=count - len(categories), max_size=count))
    names = draw(st.permutations([*categories, *further[: count - len(categories)]]))
    responses = draw(arrays(np.float32, (count, FILTERS), elements=st.integers(0, 20).map(float)))
    return Stimuli(responses, names)


SHIFTED = ("share", "balanced_share", "contrast", "correlation", "d_prime", "welch_t", "welch_df")
"""Indices that neither gain nor offset of a filter changes; csi and fsi compare with no response at all."""


def selectivity(given: Stimuli, parts: Sequence[Sequence[int]] | None = None) -> pl.DataFrame:
    """All indices that need no ranks, by filter and category, as the study answers that is made of these stimuli."""
    return answers(given, "selectivity/index", parts=parts)[0]


def answers(
    given: Stimuli, *queries: str, parts: Sequence[Sequence[int]] | None = None
) -> list[pl.DataFrame]:
    """The rows of several queries over one study."""
    return _ask({"layer": given}, queries, parts)


def answers_of_both(before: Stimuli, after: Stimuli, *queries: str) -> Iterator[tuple[pl.DataFrame, ...]]:
    """The rows of several queries for each of two, which are the layers of one study: no index knows another layer."""
    assert before.categories == after.categories
    for rows in _ask({"before": before, "after": after}, queries):
        yield tuple(rows.filter(layer=layer).drop("layer") for layer in ("before", "after"))


def _ask(
    layers: Mapping[str, Stimuli], queries: Sequence[str], parts: Sequence[Sequence[int]] | None = None
) -> list[pl.DataFrame]:
    (categories, *_) = (given.categories for given in layers.values())
    labels = pl.DataFrame({"stimulus_id": range(len(categories)), "category": categories})
    table = long_table({layer: (given.responses, given.responses) for layer, given in layers.items()})
    with TemporaryDirectory() as folder:
        study = small_study(Path(folder) / "study", table, labels, parts=parts)
        return [ask(study, query).rows for query in queries]


@few
@given(stimuli(), st.integers(1, 1000), st.integers(-100, 100))
def test_gain_and_offset_of_a_filter_do_not_change_its_indices(
    original: Stimuli, gain: int, offset: int
) -> None:
    gains = np.array([gain, 1, 7], dtype=np.float32)
    offsets = np.array([offset, 50, 0], dtype=np.float32)
    scaled = Stimuli(original.responses * gains + offsets, original.categories)
    ((before, after),) = answers_of_both(original, scaled, "selectivity/index")
    assert before.height > 0
    assert after.select(SHIFTED).rows() == nearly(before.select(SHIFTED).rows(), 1e-9)


@fewer
@given(stimuli(), st.integers(1, 1000))
def test_gain_alone_changes_no_index_at_all(original: Stimuli, gain: int) -> None:
    scaled = Stimuli(original.responses * np.array([gain, 1, 7], dtype=np.float32), original.categories)
    queries = ("selectivity/index", "selectivity/filters")
    for before, after in answers_of_both(original, scaled, *queries):
        assert before.height > 0
        assert after.rows() == nearly(before.rows(), 1e-9)


@few
@given(stimuli())
def test_ranks_know_only_the_order_of_the_responses(original: Stimuli) -> None:
    bent = Stimuli(original.responses**3 - 50, original.categories)
    ((before, after),) = answers_of_both(original, bent, "selectivity/ranks")
    assert before.height > 0
    assert after.rows() == before.rows()


@few
@given(stimuli(categories="ab"))
def test_of_two_categories_the_aucs_add_up_to_1_and_the_others_to_0(original: Stimuli) -> None:
    ranks, rows = answers(original, "selectivity/ranks", "selectivity/index")
    first, second = (ranks.filter(category=name)["auc"].drop_nulls().to_numpy() for name in "ab")
    assert len(first) == np.count_nonzero(np.ptp(original.responses, axis=0))
    assert first + second == pytest.approx(1)
    for index in ("csi", "fsi", "d_prime", "welch_t"):
        first, second = (rows.filter(category=name)[index].drop_nulls().to_numpy() for name in "ab")
        assert first + second == pytest.approx(0, abs=1e-9)


@fewer
@given(stimuli())
def test_indices_stay_in_their_range(original: Stimuli) -> None:
    ranges = {
        "selectivity/index": {"csi": (-1, 1), "fsi": (-1, 1), "contrast": (-1, 1)},
        "selectivity/ranks": {"auc": (0, 1), "precision": (0, 1)},
        "selectivity/filters": {"csi": (0, 1), "depth_of_selectivity": (0, 1), "lifetime_sparseness": (0, 1)},
        "selectivity/population": {"sparseness": (0, 1)},
    }
    for rows, columns in zip(answers(original, *ranges), ranges.values(), strict=True):
        for column, (lowest, highest) in columns.items():
            values = rows[column].drop_nulls()
            assert rows.height > 0 and (values.len() > 0 or not np.ptp(original.responses, axis=0).any())
            assert values.is_between(lowest - 1e-12, highest + 1e-12).all(), column


@few
@given(stimuli(), st.data())
def test_neither_the_numbers_of_stimuli_nor_their_parts_change_an_index(
    original: Stimuli, data: st.DataObject
) -> None:
    count = len(original.categories)
    order = data.draw(st.permutations(range(count)))
    cuts = data.draw(st.lists(st.integers(1, count - 1), unique=True).map(sorted))
    parts = [list(map(int, part)) for part in np.split(np.arange(count), cuts)]
    shuffled = Stimuli(original.responses[order], [original.categories[number] for number in order])
    assert selectivity(shuffled, parts).rows() == nearly(selectivity(original, [range(count)]).rows())


@few
@given(stimuli())
def test_both_shares_of_a_live_filter_add_up_to_1(original: Stimuli) -> None:
    rows = selectivity(original)
    is_dead = np.ptp(original.responses, axis=0) == 0
    for number in range(FILTERS):
        for name in ("share", "balanced_share"):
            values = rows.filter(filter=number)[name].to_list()
            assert values == [None] * 3 if is_dead[number] else sum(values) == pytest.approx(1, abs=1e-12)
            assert is_dead[number] or all(0 <= value <= 1 for value in values)


@few
@given(stimuli(categories="ab"))
def test_with_two_categories_the_contrasts_are_opposite(original: Stimuli) -> None:
    rows = selectivity(original).filter(pl.col("contrast").is_not_null())
    first, second = (rows.filter(category=name)["contrast"].to_list() for name in "ab")
    assert len(first) == np.count_nonzero(np.ptp(original.responses, axis=0))
    assert first == pytest.approx([-value for value in second], abs=1e-12)
    assert all(-1 <= value <= 1 for value in first)
