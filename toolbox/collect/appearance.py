"""What the pictures of a set look like, category by category. Owns the warnings about range, contrast and confounds.

A warning changes nothing: a dark picture may be a stimulus. Reads no image; the values were measured at ingestion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from toolbox.terms import FILE_BITS

DIM = 0.25
"""Part of the range from black to white up to which a picture is dim: that of 14 bits, the most of a camera, in 16."""
LEAST_IMAGES = 10
"""Images of a category, and of all others, from which they are compared: fewer differ by chance."""
CLEAR_AUC = 0.8
"""Probability that an image of the category exceeds another one, from which a measure can stand for the category."""
NAMED = 3
"""Files that a warning names; the record of the run lists all."""
UNLABELLED = "unlabelled"

_CONFOUNDS = {
    "size": ("larger", "smaller", "size", "pixels"),
    "aspect_ratio": ("wider", "narrower", "aspect ratio", "width / height"),
    "sharpness": ("sharper", "blurrier", "sharpness", "variance of the Laplacian"),
}
"""Measure -> words for a higher and a lower value, its name, its unit."""


@dataclass(frozen=True)
class Appearance:
    """What a scientist should know about the pictures of a set.

    Attributes:
        dim: path -> part of the range from black to white that the picture uses, where that is small.
        uniform: paths of the pictures with the same grey level everywhere.
        warnings: one line for each category with such pictures, and for each confound.
    """

    dim: dict[str, float] = field(default_factory=dict)
    uniform: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def describe_appearance(
    rows: Sequence[Mapping[str, Any]],
    labels: Mapping[int, str],
    properties: Mapping[int, Mapping[str, float]],
) -> Appearance:
    """Find pictures that use a small part of the range, and categories that differ in size, shape or sharpness.

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
    if not measured:
        return Appearance()
    table = pl.DataFrame(measured, schema_overrides={"category": pl.String, "bit_depth": pl.Int32})
    dim = table.filter(pl.col("brightest") <= DIM)
    uniform = table.filter(pl.col("rms_contrast") == 0)
    warnings = [*_dim_warnings(table), *_uniform_warnings(uniform), *_scaling_warnings(table)]
    return Appearance(
        dim=dict(dim.select("path", "brightest").iter_rows()),
        uniform=uniform["path"].to_list(),
        warnings=[*warnings, *confound_warnings(table)],
    )


def _by_category(table: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of every category, in alphabetical order; unlabelled ones last."""
    for (category,), of_one in table.sort("category", nulls_last=True, maintain_order=True).group_by(
        "category", maintain_order=True
    ):
        yield UNLABELLED if category is None else str(category), of_one


def _dim_warnings(table: pl.DataFrame) -> Iterator[str]:
    """One line for each category with dim pictures; files of 16 bits whose values need fewer bits are named so."""
    wide = table.filter(pl.col("bit_depth") == FILE_BITS)
    bits = round(_largest(wide) * (2**FILE_BITS - 1)).bit_length()
    for category, of_one in _by_category(table):
        dim = of_one.filter(pl.col("brightest") <= DIM)
        if dim.is_empty():
            continue
        is_narrow = _largest(wide) <= DIM and (dim["bit_depth"] == FILE_BITS).any()
        reason = (
            f"values of {bits} bits in files of {FILE_BITS}; to make {2**bits - 1} white, ingest these images into "
            f"another set with bit_depth={bits} (--bit-depth {bits})"
            if is_narrow
            else "nearly black"
        )
        yield (
            f"{category}: {dim.height} of {of_one.height} images use at most {100 * _largest(dim):.0f} % of the range "
            f"from black to white ({_names(dim)}): {reason}"
        )


def _uniform_warnings(uniform: pl.DataFrame) -> Iterator[str]:
    for category, of_one in _by_category(uniform):
        count = "1 image has" if of_one.height == 1 else f"{of_one.height} images have"
        yield f"{category}: {count} the same grey level everywhere ({_names(of_one)})"


def _scaling_warnings(table: pl.DataFrame) -> Iterator[str]:
    """One line where values of 16 bits became grey levels in several ways."""
    counts = table.drop_nulls("bit_depth").group_by("bit_depth").len().sort("bit_depth").rows()
    if len(counts) > 1:
        listed = ", ".join(f"{depth} bits ({number} images)" for depth, number in counts)
        yield f"files of {FILE_BITS} bits are scaled in {len(counts)} ways: {listed}; equal values differ in brightness"


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
    for category, inside in _by_category(ranked):
        outside = ranked.filter(pl.col("category") != category)
        if min(inside.height, outside.height) >= LEAST_IMAGES:
            auc = (_mean(inside["rank"]) - (inside.height + 1) / 2) / outside.height
            yield category, auc, _median(inside[measure]), _median(outside[measure])


def _mean(values: pl.Series) -> float:
    return float(values.to_numpy().mean())


def _median(values: pl.Series) -> float:
    return float(values.cast(pl.Float64).quantile(0.5, "linear") or 0)


def _largest(table: pl.DataFrame) -> float:
    """The brightest value of any of the pictures; 0 for none."""
    return float(table["brightest"].to_numpy().max(initial=0))


def _names(table: pl.DataFrame) -> str:
    """The first paths, and how many more there are."""
    more = f" and {table.height - NAMED} more" if table.height > NAMED else ""
    return ", ".join(table["path"].head(NAMED).to_list()) + more
