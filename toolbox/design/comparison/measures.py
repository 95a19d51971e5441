"""What is measured of every category: its complexity, that in single layers, and the means of what its stimuli have."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from toolbox.design.comparison.complexity import Complexity
from toolbox.design.comparison.stimuli import STIMULUS_MEASURES
from toolbox.design.comparison.subject import ComparedCategories
from toolbox.design.equivalence import CONFIDENCE
from toolbox.resampling import FloatArray

REACH = 1.96
"""Standard errors on each side of an estimate in its 95 % interval, as `bootstrap_interval` in SQL."""
LEAST_ERROR = 1e-12
"""A smaller standard error is none: the samples agree, and show nothing about another set."""
COMPLEXITY, LAYER, STIMULUS, PROPERTY = "complexity", "layer", "stimulus", "property"
"""Kinds of measures."""
PROPORTION, MEAN_DEPTH = "proportion", "mean_depth"
"""The two measures of complexity."""
CATEGORY_COLUMNS: dict[str, Any] = {
    "kind": pl.String,
    "measure": pl.String,
    "category": pl.String,
    "n": pl.Int64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


def estimates(
    subject: ComparedCategories, complexity: Complexity
) -> dict[tuple[str, str], tuple[FloatArray, FloatArray]]:
    """The measures of a category as a whole, by kind and name: (categories,), and in (samples, categories).

    Args:
        subject: what is compared.
        complexity: of it.
    """
    observed, samples = complexity.observed, complexity.samples
    return {
        (COMPLEXITY, PROPORTION): (complexity.proportion(observed), complexity.proportion(samples)),
        (COMPLEXITY, MEAN_DEPTH): (complexity.mean_depth(observed), complexity.mean_depth(samples)),
        **{
            (LAYER, layer.name): (
                observed[:, number] / layer.filters,
                samples[:, :, number] / layer.filters,
            )
            for number, layer in enumerate(subject.layers)
        },
    }


def bootstrap_error(samples: FloatArray) -> float:
    """Standard error over the bootstrap samples with a value; NaN where they agree, or where there are none.

    Args:
        samples: (samples,).
    """
    known = samples[np.isfinite(samples)]
    error = float(known.std(ddof=1)) if len(known) > 1 else np.nan
    return error if error > LEAST_ERROR else np.nan


def category_rows(
    subject: ComparedCategories, complexity: Complexity, stimuli: pl.DataFrame, properties: pl.DataFrame
) -> pl.DataFrame:
    """The value of every measure for every category, with its 95 % interval: a row for each.

    Args:
        subject: what is compared.
        complexity: of it.
        stimuli: of `stimulus_measures`.
        properties: of `compared_properties`, of the same stimuli.
    """
    rows = list[tuple[Any, ...]]()
    for (kind, measure), (values, samples) in estimates(subject, complexity).items():
        for place, name in enumerate(subject.categories):
            value, reach = float(values[place]), REACH * bootstrap_error(samples[:, place])
            interval = np.clip([value - reach, value + reach], 0, 1)
            rows.append((kind, measure, name, len(subject.stimuli_of(name)), value, *interval))
    for kind, measures in ((STIMULUS, stimuli.select(STIMULUS_MEASURES)), (PROPERTY, properties)):
        for measure in measures.columns:
            for name in subject.categories:
                own = measures[measure].to_numpy()[(stimuli["category"] == name).to_numpy()]
                rows.append((kind, measure, name, *_mean_interval(own[~np.isnan(own)])))
    return pl.DataFrame(rows, schema=CATEGORY_COLUMNS, orient="row").with_columns(
        pl.selectors.float().fill_nan(None)
    )


def _mean_interval(values: FloatArray) -> tuple[int, float, float, float]:
    """Number of values, their mean, and its interval by Student's t."""
    n = len(values)
    if n < 2:
        return n, float(values[0]) if n else np.nan, np.nan, np.nan
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(n))
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * error
    return n, mean, mean - reach, mean + reach
