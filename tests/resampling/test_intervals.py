"""Intervals over planted sets of stimuli: how often they contain the mean over other such sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import entropy

from toolbox.query.index_formula import index_formula
from toolbox.resampling import ResponseMatrix, StimulusCategories, draw_resamples, resampled_values
from toolbox.resampling.intervals import bootstrap_interval, estimate_shrinkage, sampling_variance
from toolbox.resampling.layer import STRENGTH_FILTERS

Vector = NDArray[np.float64]
Number = Callable[[Vector, float], Vector]
SIZE, LAYERS, FILTERS, FEATURES = 25, 3, 60, 12
LABELS = StimulusCategories(np.repeat(np.arange(4), SIZE), 4)
RESAMPLES = 150
SETS, OTHER_SETS = 120, 400
DEPTHS = np.linspace(0, 1, LAYERS)


def planted_sets(count: int, seed: int) -> Iterator[Vector]:
    """Responses (stimuli, filters) of sets of new stimuli to the same filters, which prefer categories more with depth.

    The filters of a network share what they respond to: each adds up a few of twelve features of a stimulus, so that a
    chance feature of the stimuli moves many filters together across a threshold.
    """
    network, stimuli = np.random.default_rng(11), np.random.default_rng(seed)
    preferred = network.normal(0, 1, (4, FEATURES)) * [[0.2], [0.4], [0.7], [1.1]]
    weights = network.normal(0, 1, (FEATURES, LAYERS * FILTERS)) / np.sqrt(FEATURES)
    gain = np.repeat([0.5, 0.8, 1.2], FILTERS)
    for _ in range(count):
        features = stimuli.normal(0, 1, (len(LABELS.numbers), FEATURES))
        own_noise = stimuli.normal(0, 0.5, (len(LABELS.numbers), LAYERS * FILTERS))
        yield np.logaddexp(0, features @ weights + preferred[LABELS.numbers] @ weights * gain + own_noise)


def values(index: str, sets: Sequence[Vector], kind: str = "observed") -> Vector:
    """(sets, resamples, categories, filters); all sets at once, since they have the same labels."""
    matrix, formula = ResponseMatrix(np.concatenate(sets, axis=1)), index_formula(index)
    drawn = draw_resamples(kind, LABELS, RESAMPLES, 0)  # type: ignore[arg-type]
    whole = np.concatenate([resampled_values(formula, matrix, resamples) for resamples in drawn])
    return np.stack(np.split(whole, len(sets), axis=2))


# --- single filters ---


@pytest.mark.parametrize("index", ["contrast", "share", "d_prime", "auc", "auprc"])
def test_the_interval_of_a_filter_contains_its_value_and_covers_the_mean_of_other_sets(index: str) -> None:
    others, sets = ([r[:, ::12] for r in planted_sets(*which)] for which in ((OTHER_SETS, 1), (SETS, 2)))
    mean, covered = values(index, others).mean(axis=(0, 1)), []
    for (value,), samples in zip(values(index, sets), values(index, sets, "bootstrap"), strict=True):
        low, high = bootstrap_interval(samples, value, LABELS.sizes)
        assert ((low <= value) & (value <= high)).all()
        covered.append((low <= mean) & (mean <= high))
    assert 0.92 <= np.mean(covered) <= 0.97


# --- numbers of filters above a threshold ---


def proportion(indices: Vector, threshold: float) -> Vector:
    """(resamples, categories, layers)."""
    return np.asarray((by_layer(indices) > threshold).mean(axis=3))


def by_layer(indices: Vector) -> Vector:
    return indices.reshape(*indices.shape[:2], LAYERS, FILTERS)


def proportion_of_layers(indices: Vector, threshold: float) -> Vector:
    return proportion(indices, threshold).reshape(len(indices), -1)


def mean_depth(indices: Vector, threshold: float) -> Vector:
    of_layers = proportion(indices, threshold)
    with np.errstate(invalid="ignore"):  # no filter is selective
        return np.asarray((of_layers * DEPTHS).sum(axis=2) / of_layers.sum(axis=2))


def differences(indices: Vector, threshold: float) -> Vector:
    of_categories = proportion(indices, threshold).mean(axis=2)
    return np.stack([of_categories[:, i] - of_categories[:, j] for i in range(4) for j in range(i)], axis=1)


def evenness(indices: Vector, threshold: float) -> Vector:
    p = proportion(indices, threshold).mean(axis=2)
    return np.asarray(entropy(p, axis=1, keepdims=True) / np.log(4))


def strength(indices: Vector, threshold: float) -> Vector:
    strongest = np.sort(by_layer(indices), axis=3)[..., -STRENGTH_FILTERS:]
    return np.asarray(strongest.mean(axis=3).reshape(len(indices), -1))


def like_other_sets(value: Vector, samples: Vector) -> Vector:
    """Bootstrap samples as they are counted, layer by layer."""
    layers = []
    for layer in range(LAYERS):
        own = slice(layer * FILTERS, (layer + 1) * FILTERS)
        shrinkage = estimate_shrinkage(value[:, own], sampling_variance(samples[..., own], LABELS.sizes))
        layers.append(shrinkage.like_other_sets(samples[..., own], value[:, own], LABELS.sizes))
    return np.concatenate(layers, axis=2)


@pytest.mark.parametrize(("index", "threshold"), [("contrast", 0.01), ("contrast", 0.1), ("d_prime", 0.5)])
def test_intervals_of_counted_filters_cover_the_mean_of_other_sets(index: str, threshold: float) -> None:
    for number in (proportion_of_layers, mean_depth, differences, strength):
        assert 0.92 <= coverage(number, index, [threshold]) <= 0.97, number


def test_intervals_of_evenness_cover_the_mean_of_other_sets() -> None:
    """Over several thresholds: a set has only one evenness. Near 1, the most that is possible, they are too wide."""
    assert 0.92 <= coverage(evenness, "contrast", [0.05, 0.1, 0.15, 0.2]) <= 0.97


def coverage(number: Number, index: str, thresholds: Sequence[float]) -> float:
    """The proportion of intervals that contain the mean."""
    others, sets = planted_values(index)
    covered = []
    for threshold in thresholds:
        mean = np.nanmean(number(others, threshold), axis=0)
        for observed, samples in sets:
            error = 1.96 * np.nanstd(number(samples, threshold), axis=0, ddof=1)
            covered.append(np.abs(number(observed, threshold)[0] - mean) <= error)
    return float(np.mean(covered))


@lru_cache(maxsize=1)
def planted_values(index: str) -> tuple[Vector, list[tuple[Vector, Vector]]]:
    """The index in many sets, and in others with the bootstrap samples of each, as they are counted."""
    sets = []
    for start in range(0, SETS, 20):
        some = [*planted_sets(20, 4 + start)]
        both = zip(values(index, some), values(index, some, "bootstrap"), strict=True)
        sets += [(observed, like_other_sets(observed[0], samples)) for observed, samples in both]
    return np.concatenate(values(index, [*planted_sets(OTHER_SETS, 3)])), sets
