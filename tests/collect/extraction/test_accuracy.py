"""The agreement of two computations: by hand, and against numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolbox.collect.extraction.accuracy import Agreement, agreement

Matrix = NDArray[np.float32]


def compared(
    found: dict[str, Matrix], expected: dict[str, Matrix], categories: list[str | None]
) -> Agreement:
    return agreement(found, expected, categories, of="bf16", against="float32")


def column(*values: float) -> Matrix:
    return np.array(values, np.float32)[:, None]


def test_two_categories_by_hand() -> None:
    # Exact, 0 to 10: normalised 0, 0.2 | 1, 0.6; contrast of b 0.8 - 0.1 = 0.7, of a -0.7.
    # Found: normalised 0.1, 0.2 | 1, 0.5; contrast of b 0.75 - 0.15 = 0.6.
    found, expected = {"x.maximum": column(1, 2, 10, 5)}, {"x.maximum": column(0, 2, 10, 6)}
    result = compared(found, expected, ["a", "a", "b", "b"])
    assert (result.stimuli, result.categories) == (4, 2)
    assert result.largest == pytest.approx(0.1)
    assert result.largest_response == pytest.approx(0.1)
    assert result.correlation == pytest.approx(1.0)  # two points: 0.7 and -0.7 against 0.6 and -0.6
    assert str(result) == (
        "bf16 compared with float32 on 4 stimuli: response contrasts correlate at r = 1.000000 and differ by at most "
        "0.1, normalised responses differ by at most 0.1"
    )


def test_contrasts_that_are_turned_round_correlate_negatively() -> None:
    result = compared({"x.mean": column(1, 0)}, {"x.mean": column(0, 1)}, ["a", "b"])
    assert (result.correlation, result.largest) == (pytest.approx(-1.0), pytest.approx(2.0))


def test_dead_filters_are_left_out() -> None:
    exact = np.array([[0, 7], [1, 7]], np.float32)
    found = np.array([[0, 0], [1, 9]], np.float32)  # only the dead filter differs
    result = compared({"x.maximum": found}, {"x.maximum": exact}, ["a", "b"])
    assert (result.largest, result.largest_response) == (0.0, 0.0)
    all_dead = compared({"x.maximum": found[:, 1:]}, {"x.maximum": exact[:, 1:]}, ["a", "b"])
    assert (all_dead.correlation, all_dead.largest, all_dead.largest_response) == (None, None, 0.0)


@pytest.mark.parametrize("categories", [["a", "a", "a"], [None, None, None], ["a", None, "a"]])
def test_without_two_categories_the_responses_alone_are_compared(categories: list[str | None]) -> None:
    result = compared({"x.mean": column(0, 1, 3)}, {"x.mean": column(0, 2, 4)}, categories)
    assert (result.correlation, result.largest, result.largest_response) == (None, None, 0.25)
    text = "bf16 compared with float32 on 3 stimuli: normalised responses differ by at most 0.25"
    assert str(result) == text


def test_stimuli_without_a_category_belong_to_no_rest() -> None:
    # The unlabelled one sets the range and counts as a response, but is in no contrast.
    expected, found = {"x.mean": column(0, 10, 5)}, {"x.mean": column(0, 5, 5)}
    result = compared(found, expected, ["a", None, "b"])
    assert (result.largest, result.largest_response) == (0.0, 0.5)


def test_a_single_stimulus_is_compared_without_a_warning() -> None:
    result = compared({"x.mean": column(1)}, {"x.mean": column(2)}, ["a"])
    assert (result.correlation, result.largest, result.largest_response) == (None, None, 0.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 5))
def test_it_equals_a_computation_in_numpy(seed: int, kinds: int, filters: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"category {number % kinds}" for number in range(12)]
    expected = {
        name: random.normal(0, 5, (12, filters)).astype(np.float32) for name in ("x.maximum", "y.mean")
    }
    found = {
        name: values + random.normal(0, 0.1, values.shape).astype(np.float32)
        for name, values in expected.items()
    }
    one, other, gap = list[float](), list[float](), 0.0
    for name, exact in expected.items():
        for number in range(filters):
            low, high = float(exact[:, number].min()), float(exact[:, number].max())
            a = [(float(value) - low) / (high - low) for value in found[name][:, number]]
            b = [(float(value) - low) / (high - low) for value in exact[:, number]]
            gap = max(gap, *(abs(p - q) for p, q in zip(a, b, strict=True)))
            for category in sorted({*names}):
                for kept, values in ((one, a), (other, b)):
                    inside = [value for value, label in zip(values, names, strict=True) if label == category]
                    outside = [value for value, label in zip(values, names, strict=True) if label != category]
                    kept.append(math.fsum(inside) / len(inside) - math.fsum(outside) / len(outside))
    result = compared(found, expected, list(names))
    assert result.correlation == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-12)
    assert result.largest == pytest.approx(np.abs(np.subtract(one, other)).max(), abs=1e-12)
    assert result.largest_response == pytest.approx(gap, abs=1e-12)
