"""Differences of two groups and tests of equivalence, compared with scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_ind

from toolbox.design.differences import group_difference, ks_distance, standardised_difference, variance_ratio
from toolbox.design.equivalence import (
    MeanDifference,
    estimate_equivalence,
    holm_corrected,
    mean_difference,
    mean_equivalence,
)
from toolbox.errors import UsageError

SIZES = [(5, 5), (12, 30), (60, 7)]


def groups(sizes: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(3, 1, sizes[0]), random.normal(3.2, 2, sizes[1])


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("margin", [0.1, 1.0, 3.0])
def test_equivalence_is_that_of_statsmodels(sizes: tuple[int, int], margin: float) -> None:
    first, second = groups(sizes, 1)
    p, (_, _, lower_freedom), _ = ttost_ind(first, second, -margin, margin, usevar="unequal")
    found = mean_equivalence(first, second, margin)
    assert found.p == pytest.approx(p, rel=1e-9)
    welch = stats.ttest_ind(first, second, equal_var=False)
    interval = welch.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert welch.df == pytest.approx(lower_freedom)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("margin", [0.5, 1.5, 2.5])
def test_two_groups_are_equivalent_where_the_interval_is_within_the_margin(
    sizes: tuple[int, int], margin: float
) -> None:
    for seed in range(20):
        found = mean_equivalence(*groups(sizes, seed), margin)
        assert found.is_equivalent == (-margin < found.low and found.high < margin)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_test_of_a_difference_is_that_of_scipy(sizes: tuple[int, int]) -> None:
    first, second = groups(sizes, 2)
    welch = stats.ttest_ind(first, second, equal_var=False)
    interval, found = welch.confidence_interval(0.95), mean_difference(first, second)
    assert (found.low, found.high, found.p) == pytest.approx((interval.low, interval.high, welch.pvalue))


@pytest.mark.filterwarnings("error")
def test_the_test_of_groups_that_do_not_vary_is_certain() -> None:
    assert mean_difference([2, 2], [1, 1]) == MeanDifference(1, 1, 0)
    assert mean_difference([0.1 + 0.2] * 2, [0.3, 0.3]) == MeanDifference(0, 0, 1)
    assert np.isnan(mean_difference([1], [1, 2]).p)


def test_an_estimate_with_a_normal_error_is_tested_by_the_normal_distribution() -> None:
    found = estimate_equivalence(-0.02, 0.01, 0.05)
    assert found.p == pytest.approx(stats.norm.sf(3))
    assert (found.low, found.high) == pytest.approx((-0.02 - 1.6448536 * 0.01, -0.02 + 1.6448536 * 0.01))


def test_a_difference_at_the_margin_is_not_equivalent() -> None:
    assert not estimate_equivalence(0.05, 0.001, 0.05).is_equivalent
    assert not estimate_equivalence(0.05, 0.0, 0.05).is_equivalent
    assert estimate_equivalence(0.01, 0.0, 0.05).p == 0


def test_equivalence_of_a_single_value_is_unknown() -> None:
    found = mean_equivalence([1.0], [1.0, 2.0], 1)
    assert np.isnan([found.p, found.low, found.high]).all()
    assert not found.is_equivalent
    assert np.isnan(estimate_equivalence(np.nan, 1, 1).p)


@pytest.mark.parametrize("margin", [0, -1, np.nan, np.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(UsageError, match="expected a number above 0"):
        mean_equivalence([1.0, 2.0], [1.0, 2.0], margin)


@pytest.mark.parametrize("sizes", SIZES)
def test_distance_of_distributions_is_that_of_scipy(sizes: tuple[int, int]) -> None:
    for seed in range(20):
        first, second = (np.round(group, 1) for group in groups(sizes, seed))  # with ties
        assert ks_distance(first, second) == pytest.approx(
            stats.ks_2samp(first, second, method="asymp").statistic
        )


def test_a_standardised_difference_by_hand() -> None:
    # means 2 and 5, variances 1 and 9: -3 / sqrt(5)
    assert standardised_difference([1, 2, 3], [2, 5, 8]) == pytest.approx(-3 / np.sqrt(5))
    assert variance_ratio([1, 2, 3], [2, 5, 8]) == pytest.approx(1 / 9)


def test_missing_values_are_left_out() -> None:
    known = group_difference([1, 2, 3], [2, 5, 8])
    assert group_difference([1, np.nan, 2, 3], [2, 5, 8, np.nan]) == known
    assert (known.n, known.other_n, known.difference) == (3, 3, -3)


@pytest.mark.filterwarnings("error")
def test_groups_that_do_not_vary_differ_by_nothing_or_by_infinity() -> None:
    assert standardised_difference([0.1 + 0.2, 0.3], [0.3, 0.3]) == 0
    assert standardised_difference([2, 2], [1, 1]) == np.inf
    assert standardised_difference([1, 1], [2, 2]) == -np.inf
    assert variance_ratio([2, 2], [1, 1]) == 1
    assert variance_ratio([2, 3], [1, 1]) == np.inf
    assert variance_ratio([1, 1], [2, 3]) == 0
    assert mean_equivalence([2, 2], [1, 1], 0.5).p == 1
    assert mean_equivalence([2, 2], [1, 1], 1.5).p == 0


@pytest.mark.filterwarnings("error")
def test_too_few_values_have_no_difference() -> None:
    found = group_difference([np.nan], [1.0])
    assert found.n == 0
    assert np.isnan([found.mean, found.difference, found.standardised, found.ks_distance]).all()
    assert np.isnan([standardised_difference([1], [1, 2]), variance_ratio([1, 2], [1])]).all()


@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=12),
    st.lists(st.integers(-50, 50), min_size=2, max_size=12),
    st.floats(0.1, 100),
    st.floats(-100, 100),
)
def test_unit_and_origin_of_a_measure_change_no_difference(
    first: list[int], second: list[int], unit: float, origin: float
) -> None:
    moved = [np.array(group) * unit + origin for group in (first, second)]
    assert standardised_difference(*moved) == pytest.approx(standardised_difference(first, second), abs=1e-6)
    assert standardised_difference(second, first) == -standardised_difference(first, second)
    assert variance_ratio(*moved) == pytest.approx(variance_ratio(first, second), rel=1e-6)
    assert ks_distance(first, second) == ks_distance(second, first)


def test_corrected_p_are_those_of_statsmodels() -> None:
    p = np.random.default_rng(4).uniform(0, 0.2, 12)
    assert holm_corrected(p) == pytest.approx(multipletests(p, method="holm")[1])
    some = holm_corrected([*p[:5], np.nan])
    assert np.isnan(some[-1])
    assert some[:5] == pytest.approx(multipletests(p[:5], method="holm")[1])
