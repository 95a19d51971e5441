"""What the pictures of a set look like, category by category. Owns the warnings about range, contrast and confounds.

A warning changes nothing: a dark picture may be a stimulus. Reads no image; the values were measured at ingestion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from toolbox.stimuli.confounds import confound_warnings, measured_stimuli, rows_by_category
from toolbox.terms import FILE_BITS

DIM = 0.25
"""Part of the range from black to white up to which a picture is dim: that of 14 bits, the most of a camera, in 16."""
NAMED = 3
"""Files that a warning names; the record of the run lists all."""


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
    table = measured_stimuli(rows, labels, properties)
    if table.is_empty():
        return Appearance()
    dim = table.filter(pl.col("brightest") <= DIM)
    uniform = table.filter(pl.col("rms_contrast") == 0)
    warnings = [*_dim_warnings(table), *_uniform_warnings(uniform), *_scaling_warnings(table)]
    return Appearance(
        dim=dict(dim.select("path", "brightest").iter_rows()),
        uniform=uniform["path"].to_list(),
        warnings=[*warnings, *confound_warnings(table)],
    )


def _dim_warnings(table: pl.DataFrame) -> Iterator[str]:
    """One line for each category with dim pictures; files of 16 bits whose values need fewer bits are named so."""
    wide = table.filter(pl.col("bit_depth") == FILE_BITS)
    bits = round(_largest(wide) * (2**FILE_BITS - 1)).bit_length()
    for category, of_one in rows_by_category(table):
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
    for category, of_one in rows_by_category(uniform):
        count = "1 image has" if of_one.height == 1 else f"{of_one.height} images have"
        yield f"{category}: {count} the same grey level everywhere ({_names(of_one)})"


def _scaling_warnings(table: pl.DataFrame) -> Iterator[str]:
    """One line where values of 16 bits became grey levels in several ways."""
    counts = table.drop_nulls("bit_depth").group_by("bit_depth").len().sort("bit_depth").rows()
    if len(counts) > 1:
        listed = ", ".join(f"{depth} bits ({number} images)" for depth, number in counts)
        yield f"files of {FILE_BITS} bits are scaled in {len(counts)} ways: {listed}; equal values differ in brightness"


def _largest(table: pl.DataFrame) -> float:
    """The brightest value of any of the pictures; 0 for none."""
    return float(table["brightest"].to_numpy().max(initial=0))


def _names(table: pl.DataFrame) -> str:
    """The first paths, and how many more there are."""
    more = f" and {table.height - NAMED} more" if table.height > NAMED else ""
    return ", ".join(table["path"].head(NAMED).to_list()) + more
