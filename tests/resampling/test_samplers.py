"""Filters above a threshold in bootstrap samples: their scatter is that of other sets of stimuli."""

from __future__ import annotations

import numpy as np
import pytest

from toolbox.resampling import MeanSampler, StimulusCategories, count_selective

FILTERS, STIMULI, SETS = 120, 40, 60


def one(stimuli: int) -> StimulusCategories:
    return StimulusCategories(np.zeros(stimuli, dtype=np.int64), 1)


def test_means_are_counted_above_the_threshold() -> None:
    responses = np.array([[0.0, 1.0, np.nan], [0.2, 3.0, np.nan]])
    found = count_selective(MeanSampler(one(2), 20, 0), responses, np.array([0.1]))
    assert found.observed.tolist() == [1]  # 0.1 is not above 0.1, and NaN is above nothing
    assert found.samples.shape == (20, 1)


def test_samples_scatter_as_other_sets_of_stimuli_do() -> None:
    """The standard error of a number of filters is that over sets of one population, or up to a third larger."""
    chance = np.random.default_rng(5)
    centers = chance.normal(0.05, 0.1, FILTERS)
    shared = chance.normal(size=(8, FILTERS))  # stimuli that drive one filter drive others
    counts, errors, means = [], [], []
    for number in range(SETS):
        noise = chance.normal(0, 0.2, (STIMULI, FILTERS)) + 0.1 * chance.normal(size=(STIMULI, 8)) @ shared
        found = count_selective(MeanSampler(one(STIMULI), 200, number), centers + noise, np.array([0.1]))
        counts.append(found.observed[0])
        errors.append(found.samples.std(ddof=1))
        means.append(found.samples.mean())
    assert 0.9 < np.mean(errors) / np.std(counts, ddof=1) < 1.35
    truth, reach = np.mean(counts), 1.96 * np.array(errors)
    assert np.mean(np.abs(np.array(counts) - truth) < reach) > 0.93
    assert np.mean(means) == pytest.approx(np.mean(counts), rel=0.05)


def test_blocks_of_filters_count_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from toolbox.resampling import samplers

    responses = np.random.default_rng(6).normal(0.1, 0.3, (12, 30))
    whole = count_selective(MeanSampler(one(12), 50, 1), responses, np.array([0.1]))
    monkeypatch.setattr(samplers, "ARRAY_LIMIT", 50 * 7)
    parts = count_selective(MeanSampler(one(12), 50, 1), responses, np.array([0.1]))
    assert (parts.observed, parts.samples.tolist()) == (whole.observed, whole.samples.tolist())
