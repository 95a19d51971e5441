"""Intervals, p values and halves against scipy, loops, and filters whose preference was planted."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from toolbox.query.index_formula import index_formula
from toolbox.query.indices import RESAMPLED, index_names
from toolbox.resampling import (
    ResampledLayer,
    ResponseMatrix,
    StimulusCategories,
    draw_resamples,
    resample_layer,
    resampled_values,
)
from toolbox.resampling import resamples as resamples_module
from toolbox.resampling.halves import HALVINGS
from toolbox.resampling.layer import STRENGTH_FILTERS

Matrix = NDArray[np.float64]
LABELS = StimulusCategories(np.repeat([0, 1, 2], [14, 9, 7]), 3)
THRESHOLDS = (0.0, 0.1)


def resample(
    responses: Matrix, labels: StimulusCategories = LABELS, index: str = "contrast", **choices: Any
) -> ResampledLayer:
    return resample_layer(
        responses, labels, index_formula(index), THRESHOLDS, **{"resamples": 50, "seed": 6, **choices}
    )


def noise(filters: int, stimuli: int = 30, seed: int = 0) -> Matrix:
    """Independent responses without any preference."""
    return np.random.default_rng(seed).gamma(2, 1, (stimuli, filters))


def equal(first: Any, second: Any) -> bool:
    """Whether two results agree in every array, up to the order of sums."""
    if dataclasses.is_dataclass(first):
        return all(equal(getattr(first, f.name), getattr(second, f.name)) for f in dataclasses.fields(first))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    return np.allclose(first, second, rtol=0, atol=1e-12, equal_nan=True)


# --- intervals ---


def test_the_interval_is_scipys_of_the_same_resamples() -> None:
    responses = noise(4)
    found = resample(responses)
    low, high = responses.min(axis=0), responses.max(axis=0)
    groups = tuple((responses[LABELS.numbers == number] - low) / (high - low) for number in range(3))

    def contrast(first: Matrix, second: Matrix, third: Matrix, axis: int) -> Matrix:
        rest = np.concatenate([second, third], axis=axis)
        return first.mean(axis=axis) - rest.mean(axis=axis)

    # percentiles as far out as those of Student's t of the first category's 14 stimuli
    tail = stats.norm.sf(stats.t(13).ppf(0.975) * np.sqrt(14 / 13))
    for number in range(4):
        interval = stats.bootstrap(
            tuple(group[:, number] for group in groups),
            contrast,
            n_resamples=50,
            confidence_level=1 - 2 * tail,
            vectorized=True,
            method="percentile",
            rng=np.random.default_rng([6, 1, 0]),
        ).confidence_interval
        assert (found.low[0, number], found.high[0, number]) == pytest.approx(tuple(interval))


def test_the_interval_is_over_the_draws_in_which_the_index_is_there() -> None:
    """Stimulus 0 alone is active: in draws without it the share is null, in all others 1."""
    responses = np.zeros((30, 1))
    responses[0] = 3
    found = resample(responses, index="share", resamples=200)
    assert (found.value[:, 0].tolist(), found.low[:, 0].tolist(), found.high[:, 0].tolist()) == (
        [1, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
    )
    (counts,) = {tuple(row) for row in found.counts["permutation"].selective.sum(axis=1).tolist()}
    assert counts == (1, 1)  # shuffles have every stimulus


# --- p values ---


@pytest.mark.parametrize("index", index_names(*RESAMPLED))
def test_p_is_that_of_a_loop_over_the_permutations(index: str) -> None:
    responses = np.round(noise(5), 1)
    found = resample(responses, index=index, resamples=60)
    reached, largest = np.zeros((3, 5)), []
    for draws in draw_resamples("permutation", LABELS, 60, 6):
        for number in range(draws.count):
            shuffled = np.empty(30, int)
            for category, stimulus in zip(*np.nonzero(draws.single(number).weights.toarray()), strict=True):
                shuffled[stimulus] = category
            (labelled,) = draw_resamples("observed", StimulusCategories(shuffled, 3), 1, 0)
            values = resampled_values(index_formula(index), ResponseMatrix(responses), labelled)[0]
            reached += values >= found.value - 1e-9
            largest.append(values.max())
    assert found.p == pytest.approx((reached + 1) / 61)
    assert found.largest == pytest.approx(np.array(largest))
    expected = [[(1 + sum(x >= value - 1e-9 for x in largest)) / 61 for value in row] for row in found.value]
    assert found.p_fwe(np.sort(found.largest)) == pytest.approx(np.array(expected))


def test_p_counts_equal_values_as_reached_although_sums_round() -> None:
    """Two stimuli of three tenths each: most shuffles repeat the very value by other sums."""
    responses = np.tile([0.1, 0.2, 0.3], 10)[:, None] / 3
    found = resample(responses, StimulusCategories(np.arange(30) // 3 % 2, 2), resamples=100)
    values = [
        resampled_values(index_formula("contrast"), ResponseMatrix(responses), d)[:, :, 0]
        for d in draw_resamples("permutation", LABELS, 1, 0)
    ]
    assert len(values) == 1
    assert found.value[:, 0] == pytest.approx(0, abs=1e-12)
    assert found.p[:, 0].sum() > 1  # ties count on both sides


@pytest.mark.parametrize("index", ["contrast", "auc", "d_prime"])
def test_p_values_of_filters_without_preference_are_uniform(index: str) -> None:
    found = resample(noise(500, 40, seed=8), StimulusCategories(np.arange(40) % 2, 2), index, resamples=400)
    for category in range(2):
        assert stats.kstest(found.p[category], "uniform").pvalue > 0.05
        assert stats.kstest(found.p_welch[category], "uniform").pvalue > 0.05


def test_family_wise_p_holds_the_error_rate_and_finds_what_was_planted() -> None:
    sets, level = 120, 0.05
    wrong, found = 0, 0
    for number in range(sets):
        responses = noise(12, 30, seed=1000 + number)
        under_chance = resample(responses, resamples=99, seed=number)
        wrong += under_chance.p_fwe(np.sort(under_chance.largest)).min() < level
        responses[LABELS.numbers == 1, 5] += 8
        planted = resample(responses, resamples=99, seed=number)
        found += planted.p_fwe(np.sort(planted.largest))[1, 5] < level
    low, high = stats.binom.ppf([0.001, 0.999], sets, level)
    assert low <= wrong <= high
    assert found == sets


def test_welchs_p_is_scipys() -> None:
    responses = noise(6)
    found = resample(responses)
    for number in range(3):
        own = LABELS.numbers == number
        expected = stats.ttest_ind(
            responses[own], responses[~own], equal_var=False, alternative="greater"
        ).pvalue
        assert found.p_welch[number] == pytest.approx(expected)


# --- counts ---


def test_counts_are_the_filters_above_the_threshold_in_every_draw() -> None:
    responses = noise(14)
    found = resample(responses, resamples=70)
    assert set(found.counts) == {"bootstrap", "permutation", "equal"}
    for kind, counted in found.counts.items():
        values = np.concatenate(
            [
                resampled_values(index_formula("contrast"), ResponseMatrix(responses), d)
                for d in draw_resamples(kind, LABELS, 70, 6)
            ]  # type: ignore[arg-type]
        )
        if kind == "bootstrap":
            values = like_other_sets(values, found.value)
        for number, threshold in enumerate(THRESHOLDS):
            assert (counted.selective[:, :, number] == (values > threshold).sum(axis=2)).all()
        strongest = np.sort(values, axis=2)[:, :, -STRENGTH_FILTERS:].mean(axis=2)
        assert counted.strength == pytest.approx(strongest)


def like_other_sets(samples: Matrix, observed: Matrix) -> Matrix:
    """The filters' deviations from their mean made smaller, so that with the noise of a sample they are as observed."""
    noisy = np.empty_like(samples)
    for category, size in enumerate((14, 9, 7)):
        noise = (samples[:, category] - samples[:, category].mean(axis=0)) * (size / (size - 1)) ** 0.5
        own = observed[category] - observed[category].mean()
        remains = max(0, 1 - noise.var(axis=0).mean() / own.var())
        noisy[:, category] = observed[category].mean() + remains**0.5 * own + noise
    return noisy


def test_the_strength_of_a_layer_of_few_filters_is_that_of_those_that_live() -> None:
    responses = noise(4)
    responses[:, 2] = 1
    found = resample(responses)
    alive = resample(np.delete(responses, 2, axis=1))
    assert found.counts["bootstrap"].strength == pytest.approx(alive.counts["bootstrap"].strength)


def test_classes_of_one_size_are_not_cut_down() -> None:
    assert set(resample(noise(2), StimulusCategories(np.arange(30) % 3, 3)).counts) == {
        "bootstrap",
        "permutation",
    }


# --- halves ---


def test_a_planted_preference_is_found_in_every_half() -> None:
    responses = noise(60)
    preferred = np.arange(60) % 3
    for number, category in enumerate(preferred):
        responses[LABELS.numbers == category, number] += 20
        responses[LABELS.numbers == (category + 1) % 3, number] += 8
    halves = resample(responses).halves
    assert (halves.preferred == preferred).all()
    assert (halves.agreement == 1).all()
    assert halves.reliability.min() > 0.98
    assert halves.cross_validated == pytest.approx(halves.value, abs=0.02)


def test_the_chosen_value_of_noise_is_biased_and_the_cross_validated_one_is_not() -> None:
    halves = resample(noise(400, seed=3)).halves
    spread = halves.cross_validated.std() / np.sqrt(400)
    assert abs(halves.cross_validated.mean()) < 3 * spread
    assert halves.value.mean() > 20 * spread
    assert halves.agreement.mean() == pytest.approx(1 / 3, abs=0.05)


def test_halves_are_those_of_a_loop() -> None:
    responses = noise(3)
    pairs = [
        draws.single(n).weights.toarray()
        for draws in draw_resamples("half", LABELS, 2 * HALVINGS, 6)
        for n in range(draws.count)
    ]
    low, high = responses.min(axis=0), responses.max(axis=0)
    normal = (responses - low) / (high - low)
    for number in range(3):
        measured, agreed, r = [], [], []
        for first, second in zip(pairs[::2], pairs[1::2], strict=True):
            a, b = (contrasts(half, normal[:, number]) for half in (first, second))
            measured += [b[a.argmax()], a[b.argmax()]]
            agreed.append(a.argmax() == b.argmax())
            r.append(np.corrcoef(a, b)[0, 1])
        halves = resample(responses).halves
        assert halves.cross_validated[number] == pytest.approx(np.mean(measured))
        assert halves.agreement[number] == np.mean(agreed)
        assert halves.reliability[number] == pytest.approx(2 * np.mean(r) / (1 + np.mean(r)))


def contrasts(half: Matrix, values: Matrix) -> Matrix:
    total = half.sum(axis=0)
    return np.array([values[w > 0].mean() - values[(total > 0) & (w == 0)].mean() for w in half])


def test_a_half_in_which_a_filter_is_silent_prefers_nothing() -> None:
    """One active stimulus, in one half of all splits at most: no half can confirm the other."""
    responses = np.zeros((30, 1))
    responses[0] = 3
    halves = resample(responses).halves
    assert (halves.preferred[0], halves.agreement[0], halves.reliability[0]) == (
        0,
        *[pytest.approx(np.nan, nan_ok=True)] * 2,
    )
    assert halves.cross_validated[0] == 0  # what the silent halves say of category 0


def test_a_class_of_one_stimulus_cannot_be_halved() -> None:
    found = resample(noise(5), StimulusCategories(np.array([0] * 20 + [1] * 9 + [2]), 3))
    assert np.isfinite(found.value).all()
    assert np.isfinite(found.halves.value).all()
    for values in (found.halves.cross_validated, found.halves.agreement, found.halves.reliability):
        assert np.isnan(values).all()


def test_two_categories_have_no_reliability_but_agreement() -> None:
    halves = resample(noise(5), StimulusCategories(np.arange(30) % 2, 2)).halves
    assert np.isnan(halves.reliability).all()
    assert np.isfinite(halves.agreement).all()


# --- dead filters, blocks, seeds ---


@pytest.mark.parametrize("index", index_names(*RESAMPLED))
def test_a_dead_filter_is_null_throughout_and_counts_nowhere(index: str) -> None:
    responses = noise(12)
    with_dead = np.insert(responses, 4, 0.3, axis=1)
    found, alone = resample(with_dead, index=index), resample(responses, index=index)
    for name in ("value", "low", "high", "p", "p_welch"):
        assert np.isnan(getattr(found, name)[:, 4]).all()
        assert np.delete(getattr(found, name), 4, axis=1) == pytest.approx(getattr(alone, name))
    assert np.isnan(found.p_fwe(np.sort(found.largest))[:, 4]).all()
    assert found.halves.preferred[4] == -1
    assert np.isnan(
        [getattr(found.halves, name)[4] for name in ("value", "agreement", "cross_validated")]
    ).all()
    assert equal(found.counts, alone.counts)
    assert equal(found.largest, alone.largest)


def test_a_layer_of_dead_filters_alone_has_null_rows() -> None:
    found = resample(np.ones((30, 2)))
    assert np.isnan(found.value).all()
    assert (found.largest == -np.inf).all()
    assert not found.counts["permutation"].selective.any()
    assert np.isnan(found.counts["permutation"].strength).all()


@pytest.mark.parametrize("index", ["contrast", "welch_t", "auc"])
def test_blocks_of_filters_are_as_the_whole(index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    responses = noise(23)
    whole = resample(responses, index=index)
    for name in ("samplers", "resamples"):
        module = importlib.import_module(f"toolbox.resampling.{name}")
        monkeypatch.setattr(module, "ARRAY_LIMIT", 200 * 3 * 4)  # four filters in 200 halves
    assert equal(resample(responses, index=index), whole)


@pytest.mark.parametrize("index", ["contrast", "d_prime", "precision"])
def test_many_categories_are_as_few(index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = StimulusCategories(np.arange(90) % 40, 40)
    sparse = resample(noise(6, 90), labels, index)
    monkeypatch.setattr(resamples_module, "DENSE_CATEGORIES", 40)
    assert equal(resample(noise(6, 90), labels, index), sparse)


def test_equal_seeds_give_equal_results_and_others_others() -> None:
    responses = noise(6)
    assert equal(resample(responses), resample(responses))
    assert not equal(resample(responses).low, resample(responses, seed=7).low)


def test_the_scale_of_a_filter_changes_no_p_value() -> None:
    responses = noise(6)
    found, scaled = resample(responses), resample(responses * 1e4 + 1e6)
    assert (found.p == scaled.p).all()
    assert found.low == pytest.approx(scaled.low, abs=1e-8)


def test_the_layers_range_scales_all_filters_alike() -> None:
    responses = noise(6)
    found = resample(responses, peak=20.0)
    expected = [
        [
            responses[LABELS.numbers == c, f].mean() - responses[LABELS.numbers != c, f].mean()
            for f in range(6)
        ]
        for c in range(3)
    ]
    assert found.value == pytest.approx(np.array(expected) / 20)
