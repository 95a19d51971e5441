"""Resampled indices are those of the queries and of their definitions, also where a resample leaves a filter silent."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from support.index_definitions import DEFINITIONS, defined
from support.nearly import nearly
from support.random_study import FILTERS, LAYERS, RandomStudy
from toolbox.errors import UnknownNameError
from toolbox.query import ask
from toolbox.query.index_formula import index_formula
from toolbox.query.indices import RESAMPLED, index_names
from toolbox.resampling import (
    Moments,
    ResponseMatrix,
    StimulusCategories,
    draw_resamples,
    resampled_values,
)

ALL = pytest.mark.parametrize("index", index_names(*RESAMPLED))
Matrix = NDArray[np.float64]


def observed(index: str, responses: Matrix, numbers: list[int], peak: float | None = None) -> Matrix:
    """(categories, filters): an index of the stimuli as they are."""
    labels = StimulusCategories(np.array(numbers), max(numbers) + 1)
    (draws,) = draw_resamples("observed", labels, 1, 0)
    return resampled_values(index_formula(index), ResponseMatrix(np.asarray(responses, float)), draws, peak)[
        0
    ]


@ALL
@pytest.mark.parametrize("statistic", ["maximum", "mean"])
@pytest.mark.parametrize("normalise", ["filter", "layer"])
def test_a_resampled_index_is_that_of_the_queries(
    index: str, statistic: str, normalise: str, random_study: RandomStudy
) -> None:
    names = sorted({name for name in random_study.categories if name})
    known = np.array([name is not None for name in random_study.categories])
    numbers = [names.index(name) for name in random_study.categories if name]
    sql = f"""
        select layer, filter, category, value from index_values('{index}', '{statistic}', '{normalise}')
        order by position, filter, category
    """
    expected = []
    for layer in LAYERS:
        maximum, mean = (matrix[known].astype(np.float64) for matrix in random_study.responses[layer])
        chosen = maximum if statistic == "maximum" else mean
        values = observed(index, chosen, numbers, maximum.max() if normalise == "layer" else None)
        for number in range(FILTERS):
            for category, name in enumerate(names):
                value = values[category, number]
                expected.append((layer, number, name, float(value) if np.isfinite(value) else None))
    rows = ask(random_study.folder, sql).rows.rows()
    assert rows == nearly(expected, 1e-9)
    assert sum(row[3] is None for row in rows) == 2 * len(LAYERS) * len(names)  # the dead ones alone


def test_auc_is_mann_whitneys_u_and_welch_is_students(random_study: RandomStudy) -> None:
    chance = np.random.default_rng(0)
    responses = np.round(chance.normal(size=(40, 5)), 1)
    numbers = [0] * 12 + [1] * 20 + [2] * 8
    auc = observed("auc", responses, numbers)
    t = observed("welch_t", responses, numbers)
    for category in range(3):
        own = np.array(numbers) == category
        u = stats.mannwhitneyu(responses[own], responses[~own], axis=0).statistic
        assert auc[category] == pytest.approx(u / (own.sum() * (~own).sum()))
        welch_t = stats.ttest_ind(responses[own], responses[~own], equal_var=False)
        assert t[category] == pytest.approx(welch_t.statistic)


def test_precision_shares_the_last_places_among_those_that_tie() -> None:
    """Of 3, 2, 2, 2, 1 the first is a place of its own; the three that tie share one further place, or two."""
    values = observed("precision", np.array([[3], [2], [2], [2], [1.0]]), [0, 0, 1, 1, 1])
    assert values[:, 0].tolist() == [pytest.approx((1 + 1 / 3) / 2), pytest.approx((2 / 3 + 2 / 3) / 3)]


@ALL
def test_every_index_of_a_draw_is_that_of_the_stimuli_written_out(index: str) -> None:
    """A stimulus that was drawn three times counts as three stimuli; the range stays that of all."""
    chance = np.random.default_rng(7)
    responses = np.round(chance.gamma(1.0, 2.0, (12, 6)), 1)
    responses[:2] = responses.min(axis=0), responses.max(axis=0)
    labels = StimulusCategories(np.array([0, 1, 2] * 4), 3)
    for kind in ("bootstrap", "permutation", "equal", "half"):
        (draws,) = draw_resamples(kind, labels, 20, 3)
        found = resampled_values(index_formula(index), ResponseMatrix(responses), draws)
        for number in range(20):
            weights = draws.single(number).weights.toarray()
            category, stimulus = np.nonzero(weights)
            times = weights[category, stimulus].astype(int)
            category, stimulus = np.repeat(category, times), np.repeat(stimulus, times)
            with warnings.catch_warnings(
                action="ignore", category=RuntimeWarning
            ):  # variances of one stimulus
                extremes = responses.min(axis=0), responses.max(axis=0)
                expected = defined(index, responses[stimulus], category, *extremes)
            assert found[number] == pytest.approx(expected, nan_ok=True, abs=1e-10)


@pytest.mark.parametrize("index", ["share", "balanced_share", "csi", "fsi", "d_prime", "welch_t"])
@pytest.mark.parametrize("silence", [0.0, 0.1, 1 / 3, -0.7])
def test_a_draw_without_any_active_stimulus_has_no_index(index: str, silence: float) -> None:
    """Only stimulus 0 is active: a ratio of two rounding errors would be any number."""
    responses = np.full((30, 1), silence)
    responses[0] = 5
    labels = StimulusCategories(np.arange(30) % 3, 3)
    for draws in draw_resamples("bootstrap", labels, 50, 0):
        values = resampled_values(index_formula(index), ResponseMatrix(responses), draws)
        is_silent = np.array([draws.single(number).weights.toarray()[0, 0] == 0 for number in range(50)])
        assert 10 < is_silent.sum() < 40
        if index in ("csi", "fsi") and silence:
            assert values[is_silent] == pytest.approx(0 if silence > 0 else np.nan, nan_ok=True, abs=1e-12)
        else:
            assert np.isnan(values[is_silent]).all()


def test_a_small_variance_is_not_drowned_by_a_far_category() -> None:
    near = 1e6 + np.array([0, 0.125, 0.25, 0.375])
    responses = np.concatenate([np.zeros(4), near, near])[:, None]
    numbers = [0] * 4 + [1] * 4 + [2] * 4
    t = observed("welch_t", responses, numbers)[0, 0]
    expected = stats.ttest_ind(responses[:4, 0], responses[4:, 0], equal_var=False).statistic
    assert t == pytest.approx(expected, rel=1e-6)


@ALL
def test_a_dead_filter_and_an_unknown_range_have_no_index(index: str) -> None:
    responses = np.array([[1, 2.5], [2, 2.5], [4, 2.5], [3, 2.5]])
    values = observed(index, responses, [0, 0, 1, 1])
    assert np.isfinite(values[:, 0]).all()
    assert np.isnan(values[:, 1]).all()
    of_no_range = observed(index, responses, [0, 0, 1, 1], peak=np.nan)
    is_normalised = index in ("response", "share", "balanced_share", "contrast")
    assert np.isnan(of_no_range[:, 0]).all() == is_normalised


def test_every_index_of_a_category_has_a_definition_of_its_own() -> None:
    assert sorted(DEFINITIONS) == index_names(*RESAMPLED)


def test_moments_are_those_of_numpy() -> None:
    chance = np.random.default_rng(3)
    responses = ResponseMatrix(chance.normal(size=(20, 3)))
    (resamples,) = draw_resamples("observed", StimulusCategories(np.array([0] * 6 + [1] * 14), 2), 1, 0)
    moments = Moments(responses, resamples)
    first, second = responses.values[:6], responses.values[6:]
    assert moments.variance[0] == pytest.approx(
        np.stack([first.var(axis=0, ddof=1), second.var(axis=0, ddof=1)])
    )
    assert moments.rest_variance[0] == pytest.approx(moments.variance[0, ::-1])
    assert moments.all_variance[0, 0] == pytest.approx(responses.values.var(axis=0))
    assert moments.others_mean[0] == pytest.approx(np.stack([second.mean(axis=0), first.mean(axis=0)]))


def test_an_unknown_index_is_refused() -> None:
    with pytest.raises(
        UnknownNameError, match="no index named 'selectivity'; did you mean 'depth_of_selectivity'"
    ):
        observed("selectivity", np.ones((2, 1)), [0, 1])
