"""Confounds: measures of the images, not of their content, by which categories can be told apart.

Whoever finds filters that prefer such a category cannot tell whether they respond to it or to the measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

LEAST_IMAGES = 10
"""Images of a category, and of all others, from which they are compared: fewer differ by chance."""
CLEAR_AUC = 0.8
"""Probability that an image of the category exceeds another one, from which a measure can stand for the category."""
UNLABELLED = "unlabelled"

_CONFOUNDS = {
    "size": ("larger", "smaller", "size", "pixels"),
    "aspect_ratio": ("wider", "narrower", "aspect ratio", "width / height"),
    "sharpness": ("sharper", "blurrier", "sharpness", "variance of the Laplacian"),
}
"""Measure -> words for a higher and a lower value, its name, its unit."""


def measured_stimuli(
    rows: Sequence[Mapping[str, Any]],
    labels: Mapping[int, str],
    properties: Mapping[int, Mapping[str, float]],
) -> pl.DataFrame:
    """A row for each stimulus that was measured: path, bit_depth, category, size, aspect_ratio and its properties.

    Args:
        rows: the stimuli of the set.
        labels: category by stimulus_id.
        properties: what was measured, by stimulus_id; other stimuli are left out.
    """
    measured = [
        {
            "path": row["path"],
            "bit_depth": row["bit_depth"],
            "category": labels.get(row["stimulus_id"]),
            "size": float(row["width"] * row["height"]),
            "aspect_ratio": row["width"] / row["height"],
            **properties[row["stimulus_id"]],
        }
        for row in rows
        if row["stimulus_id"] in properties
    ]
    return pl.DataFrame(
        measured, schema_overrides={"category": pl.String, "bit_depth": pl.Int32} if measured else None
    )


def rows_by_category(table: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of every category, in alphabetical order; unlabelled ones last.

    Args:
        table: with a column `category`.
    """
    for (category,), of_one in table.sort("category", nulls_last=True, maintain_order=True).group_by(
        "category", maintain_order=True
    ):
        yield UNLABELLED if category is None else str(category), of_one


def confounds(table: pl.DataFrame) -> dict[str, str]:
    """What tells a category from the others, for every category of which something does.

    Args:
        table: as of `measured_stimuli`.

    Example:
        >>> dark, bright = ([{"category": name, "size": 1.0, "aspect_ratio": 1.0, "sharpness": value}] * 10
        ...                 for name, value in (("cat", 1.0), ("dog", 2.0)))
        >>> confounds(pl.DataFrame([*dark, *bright]))
        {'cat': 'blurrier (AUC 0.00)', 'dog': 'sharper (AUC 1.00)'}
    """
    found: dict[str, list[str]] = {}
    labelled = table.drop_nulls("category")
    for measure, (more, less, _, _) in _CONFOUNDS.items():
        for category, auc, _, _ in _separations(labelled, measure):
            if max(auc, 1 - auc) >= CLEAR_AUC:
                found.setdefault(category, []).append(f"{more if auc > 0.5 else less} (AUC {auc:.2f})")
    return {category: ", ".join(found[category]) for category in sorted(found)}


def confound_warnings(table: pl.DataFrame) -> Iterator[str]:
    """One line for each measure by which a category can be told from the others.

    Args:
        table: a row for each stimulus, with its category and the measures size, aspect_ratio and sharpness.
    """
    labelled = table.drop_nulls("category")
    for measure, (more, less, name, unit) in _CONFOUNDS.items():
        found = [
            (abs(auc - 0.5), category, auc, inside, outside)
            for category, auc, inside, outside in _separations(labelled, measure)
            if max(auc, 1 - auc) >= CLEAR_AUC
        ]
        if not found:
            continue
        _, category, auc, inside, outside = max(found)
        others = [f"{each[1]} ({more if each[2] > 0.5 else less})" for each in found if each[1] != category]
        also = f"; so can {', '.join(others)}" if others else ""
        yield (
            f"images of {category} are {more if auc > 0.5 else less} than the others (median {inside:,.4g} against "
            f"{outside:,.4g}, {unit}; AUC {auc:.2f}): filters may respond to {name}, not to {category}{also}"
        )


def _separations(labelled: pl.DataFrame, measure: str) -> Iterator[tuple[str, float, float, float]]:
    """Category, AUC of the measure, its median in the category and in all others; only where there are enough images.

    AUC = (mean rank of the category - (n + 1) / 2) / n of all others, with mean ranks for equal values.
    """
    ranked = labelled.with_columns(pl.col(measure).rank("average").alias("rank"))
    for category, inside in rows_by_category(ranked):
        outside = ranked.filter(pl.col("category") != category)
        if min(inside.height, outside.height) >= LEAST_IMAGES:
            auc = (_mean(inside["rank"]) - (inside.height + 1) / 2) / outside.height
            yield category, auc, _median(inside[measure]), _median(outside[measure])


def _mean(values: pl.Series) -> float:
    return float(values.to_numpy().mean())


def _median(values: pl.Series) -> float:
    return float(values.cast(pl.Float64).quantile(0.5, "linear") or 0)
