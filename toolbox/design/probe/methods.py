"""The methods that are compared, each fitted to the training images of a split and asked of its test images.

All that is chosen (range, penalty, best layer, filters, weights) is chosen from training images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from toolbox.design.kernels import layer_weights, one_hot
from toolbox.design.probe.choices import Probing
from toolbox.design.probe.discrimination import Discrimination, Split, split
from toolbox.design.probe.selection import choose_bank
from toolbox.design.ridge import Ridge
from toolbox.resampling.arrays import BoolArray, FloatArray, IntArray

WEIGHTED, BEST, LAST = "weighted layers", "best layer", "last layer"
ALL, RANDOM, HIGHEST, SINGLE, BANK = "all filters", "random filters", "highest F", "layer", "bank"
METHODS = (WEIGHTED, BEST, LAST, ALL, RANDOM, HIGHEST, BANK, SINGLE)
"""In the order of their rows."""
RANDOM_DRAWS = 5
"""Random choices of filters a split."""


@dataclass(frozen=True)
class Key:
    """What a score is of.

    Attributes:
        method: one of METHODS.
        layer: of a single layer.
        filters: how many were chosen; None where all of the method's are used.
        images: training images a category; None where all are used.
    """

    method: str
    layer: str | None = None
    filters: int | None = None
    images: int | None = None


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method predicts for the test images of a split: (test images, categories)."""

    key: Key
    scores: FloatArray


@dataclass(frozen=True, eq=False)
class SplitResult:
    """All predictions of a split, and what the training images chose.

    Attributes:
        predictions: of all methods; several of one key where filters are drawn at random.
        weights: (layers,): of the weighted layers.
        noise: share of the variance that no layer explains.
        best: number of the best layer.
        banks: filters chosen, by size.
    """

    predictions: list[Prediction]
    weights: FloatArray
    noise: float
    best: int
    banks: dict[int, frozenset[int]]


def solve_split(
    problem: Discrimination, training: BoolArray, test: BoolArray, choices: Probing, seed: int
) -> SplitResult:
    """Fit and ask all methods.

    Args:
        problem: stimuli, responses, labels.
        training: (stimuli,): which are training images.
        test: (stimuli,): which are test images.
        choices: sizes of banks, and numbers of images.
        seed: of what is drawn at random.
    """
    chance = np.random.default_rng(seed)
    of = split(problem, training, test)
    targets = targets_of(of)
    singles, best = _single_layers(of, targets)
    weights, noise = layer_weights(of.inside, targets)
    predictions = [
        Prediction(Key(WEIGHTED), weighted_scores(of, targets, weights)),
        *singles,
        Prediction(Key(BEST), singles[best].scores),
        Prediction(Key(LAST), singles[-1].scores),
        Prediction(Key(ALL), weighted_scores(of, targets, of.live / max(of.live.sum(), 1))),
        *_same_number(of, targets, int(problem.widths[best]), chance),
    ]
    banks = dict[int, frozenset[int]]()
    for size in choices.bank_sizes:
        chosen = choose_bank(of, size, np.arange(problem.filters))
        banks[size] = frozenset(chosen.tolist())
        predictions += _banks(of, targets, size, chosen, best, chance)
    for number in choices.image_numbers:
        predictions += _with_fewer_images(problem, training, test, number, chance)
    return SplitResult(predictions, weights, noise, best, banks)


def targets_of(of: Split, labels: IntArray | None = None) -> FloatArray:
    """(training images, categories): one-hot.

    Args:
        of: whose training images count.
        labels: (stimuli,): other labels than those of the problem.
    """
    known = of.problem.labels if labels is None else labels
    return one_hot(known[of.training], len(of.problem.categories))


def weighted_scores(of: Split, targets: FloatArray, weights: FloatArray) -> FloatArray:
    """Scores of the test images by the layers' weighted kernels.

    Args:
        of: with the kernels.
        targets: (training images, categories).
        weights: (layers,).
    """
    ridge = Ridge(np.tensordot(weights, of.inside, 1), of.groups)
    return ridge.scores(np.tensordot(weights, of.outside, 1), targets)


def _single_layers(of: Split, targets: FloatArray) -> tuple[list[Prediction], int]:
    """What every layer predicts, and which has the smallest error of what it left out of the training images."""
    predictions, errors = [], []
    for name, inside, outside in zip(of.problem.layers, of.inside, of.outside, strict=True):
        ridge = Ridge(inside, of.groups)
        choice = ridge.choose_penalty(targets)
        errors.append(choice.error)
        predictions.append(Prediction(Key(SINGLE, name), ridge.scores(outside, targets, choice.penalty)))
    return predictions, int(np.argmin(errors))


def _same_number(
    of: Split, targets: FloatArray, number: int, chance: np.random.Generator
) -> Iterator[Prediction]:
    """As many filters of all layers as the best layer has: at random, and of the highest F."""
    for _ in range(RANDOM_DRAWS):
        yield Prediction(Key(RANDOM), filter_scores(of, targets, _draw(of, number, chance)))
    highest = np.argsort(-_variance_ratio(of, targets), kind="stable")[:number]
    yield Prediction(Key(HIGHEST), filter_scores(of, targets, highest))


def _banks(
    of: Split, targets: FloatArray, size: int, chosen: IntArray, best: int, chance: np.random.Generator
) -> Iterator[Prediction]:
    """A bank, as many filters of the best layer, chosen in the same way, and as many at random."""
    yield Prediction(Key(BANK, filters=size), filter_scores(of, targets, chosen))
    of_best = choose_bank(of, size, of.problem.filters_of(best))
    yield Prediction(Key(BEST, filters=size), filter_scores(of, targets, of_best))
    for _ in range(RANDOM_DRAWS):
        drawn = _draw(of, size, chance)
        yield Prediction(Key(RANDOM, filters=size), filter_scores(of, targets, drawn))


def _with_fewer_images(
    problem: Discrimination, training: BoolArray, test: BoolArray, number: int, chance: np.random.Generator
) -> Iterator[Prediction]:
    """The weighted layers, the best and the last layer after so many training images a category."""
    few = np.zeros_like(training)
    for category in range(len(problem.categories)):
        of_category = np.flatnonzero(training & (problem.labels == category))
        few[chance.choice(of_category, number, replace=False)] = True
    of = split(problem, few, test)
    targets = targets_of(of)
    singles, best = _single_layers(of, targets)
    weights, _ = layer_weights(of.inside, targets)
    found = {
        WEIGHTED: weighted_scores(of, targets, weights),
        BEST: singles[best].scores,
        LAST: singles[-1].scores,
    }
    for method, scores in found.items():
        yield Prediction(replace(Key(method), images=number), scores)


def filter_scores(of: Split, targets: FloatArray, filters: IntArray) -> FloatArray:
    """Scores of the test images by some filters alone.

    Args:
        of: with their responses.
        targets: (training images, categories).
        filters: their numbers over all layers.
    """
    inside, outside = of.kernels_of(filters)
    return Ridge(inside, of.groups).scores(outside, targets)


def _draw(of: Split, number: int, chance: np.random.Generator) -> IntArray:
    """Some filters at random."""
    return chance.choice(of.problem.filters, min(number, of.problem.filters), replace=False)


def _variance_ratio(of: Split, targets: FloatArray) -> FloatArray:
    """(filters,): variance between the categories relative to that within them, of the maxima of training images."""
    x = of.scores[of.training, : of.problem.filters].astype(float)
    n = np.maximum(targets.sum(axis=0), 1)[:, None]
    between = ((targets.T @ x) ** 2 / n).sum(axis=0)
    within = (x**2).sum(axis=0) - between
    return between / np.maximum(within, 1e-12)
