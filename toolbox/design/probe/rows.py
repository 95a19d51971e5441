"""The table of a probe: a row for every method, with its accuracy and its difference from the best layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from toolbox.design.probe.discrimination import Discrimination
from toolbox.design.probe.intervals import (
    UncertainMean,
    balanced_accuracy,
    corrected_estimate,
    estimate_over_images,
    mean_auc,
)
from toolbox.design.probe.methods import BANK, BEST, METHODS, SINGLE, Key, SplitResult
from toolbox.resampling.arrays import BoolArray, FloatArray

PROBE_COLUMNS: dict[str, tuple[type[pl.DataType], str]] = {
    "method": (pl.String, "how the categories were told apart"),
    "layer": (pl.String, "of a single layer"),
    "filters": (pl.Int64, "number of filters, where it is not all of them"),
    "images": (pl.Int64, "training images of every category, of a learning curve"),
    "accuracy": (pl.Float64, "proportion of correct images, the mean over the categories"),
    "low": (pl.Float64, "lower end of its 95 % interval, corrected for the overlap of the folds"),
    "high": (pl.Float64, "upper end of its 95 % interval"),
    "auc": (pl.Float64, "area under the ROC curve, the mean over the categories"),
    "difference": (pl.Float64, "accuracy less that of the best layer with as many filters and images"),
    "difference_low": (pl.Float64, "lower end of its 95 % interval"),
    "difference_high": (pl.Float64, "upper end of its 95 % interval"),
    "p": (pl.Float64, "of the difference, two-sided"),
    "weight": (pl.Float64, "share of the layer in what all layers explain"),
    "chosen": (pl.Float64, "proportion of folds in which the layer is the best one"),
    "overlap": (pl.Float64, "of the filters that two folds choose: those in both / those in any"),
    "chance_overlap": (pl.Float64, "the same of as many filters at random"),
}
"""Column -> its type, and what it means."""
Splits = Sequence[tuple[BoolArray, BoolArray]]
"""Training and test images of every split."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What a method reached in every split, or, of a single test set, on every image.

    Attributes:
        accuracy: (splits,): balanced.
        auc: (splits,).
        correct: (test images,): proportion of correct predictions of each, of the last split.
    """

    accuracy: FloatArray
    auc: FloatArray
    correct: FloatArray


def probe_rows(problem: Discrimination, splits: Splits, results: Sequence[SplitResult]) -> pl.DataFrame:
    """A row for every method, layer, size of bank and number of images.

    Args:
        problem: that was solved.
        splits: training and test images.
        results: of every split, in the same order.

    Returns: the columns of PROBE_COLUMNS.
    """
    measured = _measured(problem, splits, results)
    weights, best = np.array([each.weights for each in results]), np.array([each.best for each in results])
    rows = []
    for key in sorted(measured, key=lambda key: _place(key, problem)):
        row: dict[str, Any] = {
            "method": key.method,
            "layer": key.layer,
            "filters": key.filters,
            "images": key.images,
        }
        row |= _estimates(measured, key, problem, splits)
        if key.method == SINGLE:
            number = list(problem.layers).index(str(key.layer))
            row |= {
                "filters": int(problem.widths[number]),
                "weight": float(weights[:, number].mean()),
                "chosen": float((best == number).mean()),
            }
        if key.method == BANK:
            row |= _overlaps([each.banks[int(key.filters or 0)] for each in results], problem.filters)
        rows.append(row)
    return pl.DataFrame(rows, schema={name: kind for name, (kind, _) in PROBE_COLUMNS.items()})


def _place(key: Key, problem: Discrimination) -> tuple[int, int, int, int]:
    """Where a row stands: first what uses everything, then fewer filters, then fewer images, then single layers."""
    layer = list(problem.layers).index(key.layer) + 1 if key.layer else 0
    return layer, key.images or 0, key.filters or 0, METHODS.index(key.method)


def _measured(problem: Discrimination, splits: Splits, results: Sequence[SplitResult]) -> dict[Key, Measured]:
    """What every method reached; the mean over draws where filters are drawn at random."""
    found: dict[Key, list[tuple[float, float, FloatArray]]] = defaultdict(list)
    for (_, test), result in zip(splits, results, strict=True):
        labels = problem.labels[test]
        by_key: dict[Key, list[FloatArray]] = defaultdict(list)
        for prediction in result.predictions:
            by_key[prediction.key].append(prediction.scores)
        for key, drawn in by_key.items():
            predicted = [scores.argmax(axis=1) for scores in drawn]
            accuracy = float(np.mean([balanced_accuracy(each, labels) for each in predicted]))
            auc = float(np.mean([mean_auc(scores, labels) for scores in drawn]))
            found[key].append((accuracy, auc, np.mean([each == labels for each in predicted], axis=0)))
    return {
        key: Measured(np.array([v[0] for v in values]), np.array([v[1] for v in values]), values[-1][2])
        for key, values in found.items()
    }


def _estimates(
    measured: Mapping[Key, Measured], key: Key, problem: Discrimination, splits: Splits
) -> dict[str, float | None]:
    """Accuracy and difference of a method with their intervals."""
    here, rival = measured[key], measured[_rival(key)]
    accuracy = _estimate(here.accuracy, here.correct, problem, splits)
    row: dict[str, float | None] = {
        "accuracy": accuracy.mean,
        "low": _known(max(accuracy.low, 0.0)),
        "high": _known(min(accuracy.high, 1.0)),
        "auc": _known(float(here.auc.mean())),
    }
    if key == _rival(key):
        return row
    apart = _estimate(here.accuracy - rival.accuracy, here.correct - rival.correct, problem, splits)
    return row | {
        "difference": apart.mean,
        "difference_low": _known(apart.low),
        "difference_high": _known(apart.high),
        "p": _known(apart.p),
    }


def _rival(key: Key) -> Key:
    """The best layer with as many filters and images."""
    return Key(BEST, filters=key.filters, images=key.images)


def _estimate(
    of_splits: FloatArray, of_images: FloatArray, problem: Discrimination, splits: Splits
) -> UncertainMean:
    """Over the splits of a cross-validation, or over the images of a single test set."""
    training, test = splits[0]
    if len(splits) == 1:
        return estimate_over_images(of_images, problem.labels[test])
    return corrected_estimate(of_splits, float(test.sum() / training.sum()))


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _overlaps(banks: Sequence[frozenset[int]], filters: int) -> dict[str, float | None]:
    """Mean Jaccard index of the filters chosen in two splits, and its value for filters at random."""
    size = len(banks[0])
    pairs = [len(a & b) / len(a | b) for a, b in combinations(banks, 2)]
    shared = size**2 / filters
    return {
        "overlap": float(np.mean(pairs)) if pairs else None,
        "chance_overlap": shared / (2 * size - shared),
    }
