"""Measures of single stimuli: properties of the image, and the filters responsive to it. Owns what they are called."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import rankdata

from toolbox.design.comparison.complexity import Complexity
from toolbox.design.comparison.subject import ComparedCategories
from toolbox.resampling import FloatArray
from toolbox.store.properties import read_properties

DIGITS = 12
"""Of values that are compared: the order of a sum decides the others."""
STIMULUS_MEASURES = ("responsive_proportion", "responsive_depth")
"""Of the filters responsive to a stimulus, `proportion` and `mean_depth` of complexity/stimuli."""


def stimulus_measures(subject: ComparedCategories, complexity: Complexity) -> pl.DataFrame:
    """The measures of the filters responsive to each stimulus: stimulus_id, category, and a column for each.

    Args:
        subject: what is compared.
        complexity: of it.
    """
    numbers = complexity.stimuli.tolist()
    measures = (complexity.proportion(complexity.responsive), complexity.mean_depth(complexity.responsive))
    columns = {"stimulus_id": numbers, "category": [subject.labels[number] for number in numbers]}
    values = dict(zip(STIMULUS_MEASURES, measures, strict=True))
    return pl.DataFrame(columns).with_columns(**{name: pl.Series(value) for name, value in values.items()})


def compared_properties(subject: ComparedCategories, stimuli: list[int]) -> pl.DataFrame:
    """The properties of the images of some stimuli, in their order: a column for each, NaN where it is not known.

    Args:
        subject: what is compared.
        stimuli: their numbers.
    """
    order = pl.DataFrame({"stimulus_id": stimuli}, schema={"stimulus_id": pl.Int32})
    known = read_properties(subject.study, subject.set)
    values = order.join(known, on="stimulus_id", how="left", maintain_order="left").drop("stimulus_id")
    measured = [name for name in values.columns if values[name].null_count() < values.height]
    return values.select(measured).fill_null(np.nan)


def rank_correlation(values: FloatArray, others: FloatArray, groups: FloatArray | list[str]) -> float:
    """Correlation of ranks within groups (Spearman), over all of them; NaN where one side does not vary.

    Differences between the groups do not count: only whether, in each of them, larger values go with larger others.

    Args:
        values: (n,), NaN where not known.
        others: (n,), NaN where not known.
        groups: (n,): the group of each.

    Source: Spearman (1904), doi 10.2307/1412159.

    Example:
        >>> groups = ["a", "a", "a", "b", "b", "b"]
        >>> rank_correlation(np.array([1.0, 2, 3, 7, 8, 9]), np.array([5.0, 6, 7, 1, 2, 3]), groups)
        1.0
    """
    names, known = np.asarray(groups), ~(np.isnan(values) | np.isnan(others))
    ranks = [
        np.stack([_centred_ranks(side[known & (names == name)]) for side in (values, others)])
        for name in np.unique(names[known])
    ]
    first, second = np.concatenate(ranks, axis=1) if ranks else np.zeros((2, 0))
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / scale) if scale > 0 else np.nan


def _centred_ranks(values: FloatArray) -> FloatArray:
    """Ranks from -1/2 to 1/2, so that groups of different sizes count alike; values that differ by rounding tie."""
    size = np.abs(values).max(initial=0) or 1
    return np.asarray(
        (rankdata(np.round(values / size, DIGITS)) - (len(values) + 1) / 2) / max(len(values), 1)
    )
