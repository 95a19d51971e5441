"""The table of a comparison: a row for every measure and pair of categories. Owns its columns and its conclusions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from toolbox.design.comparison.complexity import Complexity
from toolbox.design.comparison.measures import (
    LEAST_ERROR,
    MEAN_DEPTH,
    PROPERTY,
    REACH,
    STIMULUS,
    bootstrap_error,
    estimates,
)
from toolbox.design.comparison.stimuli import STIMULUS_MEASURES, rank_correlation
from toolbox.design.comparison.subject import ComparedCategories, Comparing
from toolbox.design.differences import group_difference, pooled_deviation
from toolbox.design.equivalence import (
    ALPHA,
    Equivalence,
    estimate_equivalence,
    holm_corrected,
    mean_difference,
    mean_equivalence,
)
from toolbox.resampling import FloatArray

EQUIVALENT, DIFFERENT, BOTH, UNDECIDED = "equivalent", "different", "different within the margin", "undecided"
"""What both tests of a pair conclude."""
PAIR_COLUMNS: dict[str, tuple[Any, str]] = {
    "kind": (
        pl.String,
        "complexity (of the category), layer (proportion in one), stimulus (measures of single stimuli), or property "
        "(of the images)",
    ),
    "measure": (pl.String, "what is compared; the name of the layer for kind layer"),
    "category": (pl.String, "the first category of the pair"),
    "other": (pl.String, "the second category of the pair"),
    "n": (pl.Int64, "stimuli of the first"),
    "n_other": (pl.Int64, "stimuli of the second"),
    "value": (pl.Float64, "of the first; for stimulus and property the mean"),
    "value_other": (pl.Float64, "of the second"),
    "difference": (pl.Float64, "value - value_other"),
    "low": (pl.Float64, "lower end of its 95 % interval, by bootstrap (complexity, layer) or Welch's t"),
    "high": (pl.Float64, "upper end of its 95 % interval"),
    "effect_size": (
        pl.Float64,
        "Cohen's h for proportions of filters; for mean_depth the difference in standard deviations of the filters' "
        "depth; for stimulus and property in standard deviations of the stimuli (infinite if they do not vary)",
    ),
    "variance_ratio": (pl.Float64, "variance of the first / of the second, over the stimuli"),
    "ks_distance": (pl.Float64, "largest distance of the cumulative distributions, 0 to 1"),
    "p": (pl.Float64, "two-sided, of no difference"),
    "p_holm": (
        pl.Float64,
        "p corrected for all pairs of categories (Holm), for each measure by itself",
    ),
    "margin": (pl.Float64, "largest difference that does not matter, in the unit of value"),
    "p_equivalence": (
        pl.Float64,
        "of a difference as large as the margin or larger (two one-sided tests)",
    ),
    "conclusion": (
        pl.String,
        "equivalent (p_equivalence < 0.05), different (p_holm < 0.05), different within the margin (both), or "
        "undecided: neither is shown",
    ),
    "rho_proportion": (
        pl.Float64,
        "of a property: rank correlation with responsive_proportion over the stimuli, within categories",
    ),
    "rho_depth": (
        pl.Float64,
        "of a property: rank correlation with responsive_depth over the stimuli, within categories",
    ),
}
"""Column -> its type, and what it means."""

_Row = dict[str, Any]


def pair_rows(
    subject: ComparedCategories,
    complexity: Complexity,
    stimuli: pl.DataFrame,
    properties: pl.DataFrame,
    choices: Comparing,
) -> pl.DataFrame:
    """All rows: the complexity, its layers, the measures of single stimuli, the properties of the images.

    Args:
        subject: what is compared.
        complexity: of it.
        stimuli: of `stimulus_measures`.
        properties: of `compared_properties`, of the same stimuli.
        choices: the margins.
    """
    measures = [
        *_estimated_rows(subject, complexity, choices),
        *_stimulus_rows(subject, STIMULUS, stimuli.select(STIMULUS_MEASURES), stimuli["category"], choices),
        *_with_correlations(
            _stimulus_rows(subject, PROPERTY, properties, stimuli["category"], choices), stimuli, properties
        ),
    ]
    return _concluded(pl.DataFrame(measures, schema={name: kind for name, (kind, _) in PAIR_COLUMNS.items()}))


def bootstrap_row(
    values: FloatArray, samples: FloatArray, margin: float
) -> tuple[float, float, float, float, Equivalence]:
    """The difference of two estimates from their bootstrap samples: difference, low, high, p, equivalence.

    As in complexity/pairs: p is the proportion of samples that deviate from their mean by the difference or more,
    (b + 1) / (samples + 1); a sample without a value counts among them, and p of the equivalence is never below the
    proportion of such samples.

    Args:
        values: (2,): of both categories.
        samples: (samples, 2).
        margin: in the unit of the values.

    Source: Hall and Wilson (1991), doi 10.2307/2532163.
    """
    difference, differing = float(values[0] - values[1]), samples[:, 0] - samples[:, 1]
    known, error = differing[np.isfinite(differing)], bootstrap_error(differing)
    low, high = np.clip([difference - REACH * error, difference + REACH * error], -1, 1).tolist()
    p = np.nan
    if np.isfinite(difference) and len(known):
        deviations = np.abs(differing - known.mean())
        reached = np.count_nonzero(~(deviations < abs(difference) - LEAST_ERROR))
        p = (reached + 1) / (len(differing) + 1)
    found = estimate_equivalence(difference, error, margin)
    # a sample in which a category has no filter, and so no depth, is none in which both are alike
    return difference, low, high, p, replace(found, p=max(found.p, 1 - len(known) / len(differing)))


def _estimated_rows(
    subject: ComparedCategories, complexity: Complexity, choices: Comparing
) -> Iterator[_Row]:
    """The rows of measures of a category as a whole, which have bootstrap samples."""
    sizes = [len(subject.stimuli_of(name)) for name in subject.categories]
    for (kind, measure), (observed, samples) in estimates(subject, complexity).items():
        for first, second in combinations(range(len(sizes)), 2):
            pair = [first, second]
            difference, low, high, p, equivalence = bootstrap_row(
                observed[pair], samples[:, pair], choices.margin
            )
            yield _names(subject, kind, measure, pair) | {
                "n": sizes[first],
                "n_other": sizes[second],
                "value": observed[first],
                "value_other": observed[second],
                "difference": difference,
                "low": low,
                "high": high,
                "effect_size": _effect_size(measure, observed[pair], complexity.depth_spread()[pair]),
                "p": p,
                "margin": choices.margin,
                "p_equivalence": equivalence.p,
            }


def _effect_size(measure: str, values: FloatArray, spreads: FloatArray) -> float:
    """Cohen's h, 2 asin sqrt p - 2 asin sqrt q; of mean depths, the difference in standard deviations of the depth."""
    if measure == MEAN_DEPTH:
        pooled = float(np.sqrt((spreads**2).mean()))
        return float(values[0] - values[1]) / pooled if pooled > 0 else np.nan
    return float(np.subtract(*(2 * np.arcsin(np.sqrt(values)))))


def _stimulus_rows(
    subject: ComparedCategories, kind: str, measures: pl.DataFrame, categories: pl.Series, choices: Comparing
) -> Iterator[_Row]:
    """The rows of measures that every stimulus has."""
    for measure in measures.columns:
        values = measures[measure].to_numpy()
        groups = [values[(categories == name).to_numpy()] for name in subject.categories]
        for pair in combinations(range(len(groups)), 2):
            yield _names(subject, kind, measure, pair) | _group_row(groups[pair[0]], groups[pair[1]], choices)


def _group_row(values: FloatArray, others: FloatArray, choices: Comparing) -> _Row:
    found, tested = group_difference(values, others), mean_difference(values, others)
    margin = choices.property_margin * pooled_deviation(values, others)
    return {
        "n": found.n,
        "n_other": found.other_n,
        "value": found.mean,
        "value_other": found.other_mean,
        "difference": found.difference,
        "low": tested.low,
        "high": tested.high,
        "effect_size": found.standardised,
        "variance_ratio": found.variance_ratio,
        "ks_distance": found.ks_distance,
        "p": tested.p,
        "margin": margin,
        "p_equivalence": _p_equivalence(values, others, margin),
    }


def _p_equivalence(values: FloatArray, others: FloatArray, margin: float) -> float:
    """Of two groups that do not vary, so that there is no margin: certain either way."""
    if margin == 0:
        return 0.0 if group_difference(values, others).difference == 0 else 1.0
    return mean_equivalence(values, others, margin).p if margin > 0 else np.nan


def _with_correlations(
    rows: Iterator[_Row], stimuli: pl.DataFrame, properties: pl.DataFrame
) -> Iterator[_Row]:
    """The rows of the properties with their correlation with complexity over all compared stimuli."""
    groups = stimuli["category"].to_list()
    correlations = {
        name: [
            rank_correlation(properties[name].to_numpy(), stimuli[measure].to_numpy(), groups)
            for measure in STIMULUS_MEASURES
        ]
        for name in properties.columns
    }
    for row in rows:
        proportion, depth = correlations[row["measure"]]
        yield row | {"rho_proportion": proportion, "rho_depth": depth}


def _names(subject: ComparedCategories, kind: str, measure: str, pair: Sequence[int]) -> _Row:
    first, second = (subject.categories[place] for place in pair)
    return {"kind": kind, "measure": measure, "category": first, "other": second}


def _concluded(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with corrected p values and conclusions; what is not known is null."""
    rows = rows.with_columns(pl.selectors.float().fill_null(np.nan))
    families = rows.partition_by("kind", "measure", maintain_order=True)
    corrected = np.concatenate([holm_corrected(family["p"].to_list()) for family in families])
    rows = pl.concat(families).with_columns(p_holm=corrected)
    equivalent, different = pl.col("p_equivalence") < ALPHA, pl.col("p_holm") < ALPHA
    unknown = pl.col("p_equivalence").is_nan() & pl.col("p_holm").is_nan()
    conclusion = (
        pl.when(unknown)
        .then(None)
        .when(equivalent & different)
        .then(pl.lit(BOTH))
        .when(equivalent)
        .then(pl.lit(EQUIVALENT))
        .when(different)
        .then(pl.lit(DIFFERENT))
        .otherwise(pl.lit(UNDECIDED))
    )
    return rows.with_columns(conclusion.alias("conclusion")).with_columns(pl.selectors.float().fill_nan(None))
