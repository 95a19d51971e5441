"""Which stimuli of a filter a gallery shows."""

from __future__ import annotations

import polars as pl
import pytest

from toolbox.errors import UsageError
from toolbox.show.gallery.choice import GalleryChoice
from toolbox.show.gallery.stimuli import ranked_stimuli


def responses(values: list[float]) -> pl.DataFrame:
    """In rank order, as they are read."""
    ordered = sorted(enumerate(values), key=lambda each: (-each[1], each[0]))
    return pl.DataFrame(
        [{"stimulus_id": number, "response": value, "category": None} for number, value in ordered],
        schema={"stimulus_id": pl.Int32, "response": pl.Float64, "category": pl.String},
    )


def test_the_ends_and_the_deciles_between_are_shown() -> None:
    shown = ranked_stimuli(responses([float(value) for value in range(101)]), 3)
    assert [each.response for each in shown.largest] == [100, 99, 98]
    assert [each.response for each in shown.deciles] == [90, 80, 70, 60, 50, 40, 30, 20, 10]
    assert [each.percentile for each in shown.deciles] == [90, 80, 70, 60, 50, 40, 30, 20, 10]
    assert [each.response for each in shown.smallest] == [2, 1, 0]
    assert (shown.of, shown.at_minimum) == (101, 1)


@pytest.mark.parametrize("count", range(1, 15))
def test_of_few_stimuli_each_is_shown_once(count: int) -> None:
    shown = ranked_stimuli(responses([float(value) for value in range(count)]), 5)
    numbers = [each.stimulus_id for each in shown.all]
    assert sorted(numbers) == sorted(set(numbers))
    assert [each.response for each in shown.all] == sorted(
        (each.response for each in shown.all), reverse=True
    )
    assert shown.largest[0].stimulus_id == count - 1
    assert len(numbers) == min(count, len(numbers))
    assert count > 10 or len(numbers) == count


def test_equal_responses_are_counted() -> None:
    shown = ranked_stimuli(responses([0.0] * 40 + [1.0, 2.0]), 2)
    assert [each.response for each in shown.largest] == [2, 1]
    assert (shown.at_minimum, shown.least, shown.is_silent) == (40, 0, False)


def test_a_filter_that_responds_alike_to_all_stimuli_is_silent() -> None:
    assert ranked_stimuli(responses([0.0] * 5), 2).is_silent
    assert ranked_stimuli(responses([3.5] * 5), 2).is_silent


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "a gallery needs filters"),
        ({"layer": ("pool",)}, "a gallery needs filters"),
        ({"filter": (1,)}, "a gallery needs filters"),
        ({"category": ("face",), "filter": (1,)}, "leave out filter"),
        ({"category": ("face",), "top": 0}, "top is 0; expected 1 or more"),
        ({"category": ("face",), "count": 0}, "count is 0; expected 1 or more"),
    ],
)
def test_a_choice_that_names_no_filter_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        GalleryChoice(**given)  # type: ignore[arg-type]
