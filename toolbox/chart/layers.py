"""Figures over network depth: layers on the x axis, in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.over_layers import (
    RESAMPLE_COLUMNS,
    BandMeasure,
    bands_over_layers,
    has_values,
    with_columns,
)
from toolbox.chart.panels import PanelMeasure, panels_over_layers
from toolbox.chart.registry import figure
from toolbox.chart.theme import Chart, tooltips
from toolbox.chart.titles import add_key, take_key

PROPORTION_ENDS = ("proportion", "high", "chance_high")
"""Columns on the axis of a proportion."""
BEST_COLUMNS = (
    *RESAMPLE_COLUMNS,
    "first_by_proportion",
    "strength_low",
    "strength_high",
    "strength_chance",
    "strength_chance_low",
    "strength_chance_high",
    "first_by_strength",
)
RINGS = "Ring: the layer that comes first; grey where it is not above its chance band."
SAMPLED_RINGS = (
    "Rings: layers that are first in more than 5 % of the bootstrap samples; grey: not above chance."
)
DASHES = "Line with points: q < level. Dashed line: FWE-corrected p < level (FWE: family-wise error)."


@figure(
    "layers/profile",
    "layer",
    "category",
    "filters",
    "selective",
    "proportion",
    "dead",
    optional=(*RESAMPLE_COLUMNS, "is_pool"),
    rooted=PROPORTION_ENDS,
)
def profile(rows: pl.DataFrame, categories: Sequence[str], end: float | None = None) -> Chart:
    """Proportion of a layer's filters that are selective for a category, one panel per category; no pooling layers.

    With resamples, thin bars are bootstrap intervals, and the grey area is the chance band of the panel's category,
    which contains 95 % of the permutations. The layers above it are marked.

    Source: Malakhova (2018), figure 1.

    Args:
        rows: of `layers/profile`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
        end: of a square-root axis; None: linear.
    """
    return selective_panels(without_pools(rows), categories, end)


@figure(
    "complexity/layers",
    "category",
    "layer",
    "depth",
    "filters",
    "selective",
    "proportion",
    optional=RESAMPLE_COLUMNS,
    rooted=PROPORTION_ENDS,
)
def complexity(rows: pl.DataFrame, categories: Sequence[str], end: float | None = None) -> Chart:
    """Proportion of a layer's filters selective for a category, one panel per category, as in `layers/profile`.

    Args:
        rows: of `complexity/layers`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
        end: of a square-root axis; None: linear.
    """
    return selective_panels(rows, categories, end)


def without_pools(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without those of pooling layers, which repeat the layer below them; all rows if no other is left.

    Args:
        rows: with a column `is_pool`, or without pooling layers.
    """
    if "is_pool" not in rows.columns:
        return rows
    kept = rows.filter(~pl.col("is_pool").fill_null(value=False))
    return (rows if kept.is_empty() else kept).drop("is_pool")


def selective_panels(rows: pl.DataFrame, categories: Sequence[str], end: float | None) -> Chart:
    """Proportion of selective filters over the layers, one panel per category.

    Args:
        rows: one per layer and category.
        categories: all of the labelling, in the order of their colours.
        end: of a square-root axis; None: linear.
    """
    names = ("proportion", *RESAMPLE_COLUMNS, "selective", "filters", "dead")
    fields = [_typed(name) for name in names if has_values(rows, name)]
    measure = PanelMeasure("proportion", ("Selective filters", "(proportion)"), root_end=end)
    return panels_over_layers(rows, categories, measure, tooltips(rows, "layer:O", "category:N", *fields))


def _typed(name: str) -> str:
    """A column with the letter of its type."""
    return f"{name}:{'N' if name == 'beyond_chance' else 'Q'}"


@figure(
    "layers/best",
    "category",
    "rank",
    "layer",
    "depth",
    "proportion",
    "strength",
    optional=BEST_COLUMNS,
    rooted=PROPORTION_ENDS,
)
def best(rows: pl.DataFrame, categories: Sequence[str], end: float | None = None) -> Chart:
    """Proportion of selective filters, and mean index of the ten most selective, over the layers; rings at the best.

    One panel per category for each of the two. The area of a ring is the proportion of the bootstrap samples in which
    the layer comes first. Without resamples there is one ring, for the layer that comes first.

    Args:
        rows: of `layers/best`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
        end: of a square-root axis of the proportion; None: linear.
    """
    known = with_columns(rows, BEST_COLUMNS).sort("depth")
    rings = {"first": SAMPLED_RINGS if has_values(rows, "first_by_proportion") else RINGS}
    selective = PanelMeasure(
        "proportion", ("Selective filters", "(proportion)"), root_end=end, parts=2, further=rings
    )
    strongest = PanelMeasure("strength", ("Ten most selective", "(mean index)"), "~g", parts=2, further=rings)
    fields = ("layer:O", "depth:Q", "category:N", "rank:Q", "proportion:Q", "strength:Q", "first:Q")
    parts = [(selective, _by_proportion(known)), (strongest, _by_strength(known))]
    panels = [
        take_key(panels_over_layers(part, categories, measure, tooltips(part, *fields)))
        for measure, part in parts
    ]
    chart = alt.vconcat(*(panel for panel, _ in panels))
    return add_key(chart, list(dict.fromkeys(line for _, key in panels for line in key)))


def _by_proportion(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, with the proportion of the bootstrap samples in which a layer comes first by its proportion."""
    return rows.with_columns(_first_proportion("first_by_proportion", pl.col("rank") == 1))


def _by_strength(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, with what belongs to the strength in the columns of the resamples."""
    strongest = pl.col("strength").rank("ordinal", descending=True).over("category") == 1
    lower = rows.drop(RESAMPLE_COLUMNS).rename(
        {f"strength_{name}": name for name in RESAMPLE_COLUMNS if name != "beyond_chance"}
    )
    return lower.with_columns(
        _first_proportion("first_by_strength", strongest),
        beyond_chance=pl.col("strength") > pl.col("chance_high"),
    )


def _first_proportion(column: str, otherwise: pl.Expr) -> pl.Expr:
    """Proportion of the bootstrap samples in which a layer comes first; without samples, whether it does (0 or 1)."""
    return pl.coalesce(pl.col(column), otherwise.cast(pl.Float64)).alias("first")


@figure(
    "layers/significant",
    "layer",
    "category",
    "filters",
    "dead",
    "significant",
    "significant_fwe",
    "proportion",
    rooted=["proportion"],
)
def significant(rows: pl.DataFrame, categories: Sequence[str], end: float | None = None) -> Chart:
    """Proportion of significant filters, one panel per category: by q with points, by FWE-corrected p dashed.

    FWE: family-wise error.

    Args:
        rows: of `layers/significant`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
        end: of a square-root axis; None: linear.
    """
    counts = ("proportion:Q", "significant:Q", "significant_fwe:Q", "filters:Q", "dead:Q")
    both = rows.with_columns((pl.col("significant_fwe") / pl.col("filters")).alias("proportion_fwe"))
    measure = PanelMeasure(
        "proportion",
        ("Significant filters", "(proportion)"),
        root_end=end,
        further={"proportion_fwe": DASHES},
    )
    return panels_over_layers(both, categories, measure, tooltips(rows, "layer:O", "category:N", *counts))


@figure(
    "selectivity/index",
    "layer",
    "category",
    "contrast",
    title="Response contrast of the filters of every layer",
    without_pools=True,
)
def selectivity(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Response contrast of the filters of each layer, one panel per category: median, middle 50 % and middle 90 %.

    Args:
        rows: of `selectivity/index`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    return bands_over_layers(rows, categories, BandMeasure("contrast", "Response contrast"))
