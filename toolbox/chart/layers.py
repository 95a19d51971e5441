"""Figures over the depth of a network: layers on the x axis, in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.over_layers import (
    LAYER_STEP,
    LEAST_WIDTH,
    RESAMPLE_COLUMNS,
    BandMeasure,
    bands_over_layers,
    has_values,
    lines_over_layers,
    offset_chart,
    share_axis,
    with_columns,
)
from toolbox.chart.registry import figure
from toolbox.chart.theme import QUIET, Chart, colour, distinct_values, layer_axis, tooltips, values

LEAST_RING = 0.05  # a layer that is the best in fewer samples gets no ring
BEST_COLUMNS = ("low", "high", "most", "strength_low", "strength_high", "strongest")


@figure(
    "layers/profile",
    "layer",
    "category",
    "filters",
    "selective",
    "proportion",
    "dead",
    optional=RESAMPLE_COLUMNS,
)
def profile(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Share of a layer's filters that are selective for a category, one line per category.

    With resamples, bars are bootstrap intervals, and the grey band holds 95 % of the permutations: of the category
    for which it is widest, as they hardly differ.

    Source: Malakhova (2018), figure 1.

    Args:
        rows: of `layers/profile`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    tooltip = tooltips(rows, "layer:O", "category:N", "proportion:Q", "selective:Q", "filters:Q", "dead:Q")
    return lines_over_layers(
        rows, categories, share_axis("proportion", "category-selective filters"), tooltip
    )


@figure(
    "layers/best",
    "category",
    "rank",
    "layer",
    "depth",
    "proportion",
    "strength",
    optional=BEST_COLUMNS,
)
def best(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Proportion of selective filters, and strength of the strongest, over the layers; rings mark the best layers.

    The area of a ring is the share of the bootstrap samples in which the layer comes first; without resamples there
    is one ring for the layer that does.

    Args:
        rows: of `layers/best`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    known = with_columns(rows, BEST_COLUMNS).sort("depth")
    strongest = pl.col("strength").rank("ordinal", descending=True).over("category") == 1
    upper = known.with_columns(_best_share("most", pl.col("rank") == 1))
    lower = known.drop("low", "high").rename({"strength_low": "low", "strength_high": "high"})
    lower = lower.with_columns(_best_share("strongest", strongest))
    strength_axis = alt.Y(
        "strength:Q", title="ten most selective filters (mean index)", axis=alt.Axis(format="~g")
    )
    panels = [
        _lines_with_rings(upper, categories, share_axis("proportion", "selective filters"), is_first=True),
        _lines_with_rings(lower, categories, strength_axis, is_first=False),
    ]
    chart: alt.ConcatChart = alt.concat(*panels, columns=1).resolve_scale(
        color="shared", shape="shared", size="shared"
    )
    return chart


def _best_share(share: str, otherwise: pl.Expr) -> pl.Expr:
    """How surely a layer is the best: its share of the samples, or, without any, whether it is the first."""
    return pl.coalesce(pl.col(share), otherwise.cast(pl.Float64)).alias("first")


def _lines_with_rings(
    rows: pl.DataFrame, categories: Sequence[str], y: alt.Y, *, is_first: bool
) -> alt.LayerChart:
    """Lines over the layers with a ring where the best layer of a category may be."""
    tooltip = tooltips(
        rows, "layer:O", "depth:Q", "category:N", "rank:Q", "proportion:Q", "strength:Q", "first:Q"
    )
    chart = lines_over_layers(rows, categories, y, tooltip, is_first=is_first).properties(height=220)
    x, _ = layer_axis(distinct_values(rows, "layer"), LAYER_STEP, least=LEAST_WIDTH)
    area = alt.Scale(domain=[0, 1], range=[100, 420])
    key = (
        alt.Legend(values=[0.1, 0.5, 1], format="~%", symbolStrokeColor=QUIET)
        if has_values(rows, "most")
        else None
    )
    size = alt.Size("first:Q", title="best layer in … of the samples", scale=area, legend=key)
    rings = offset_chart(rows).mark_point(filled=False, strokeWidth=1.8, opacity=1, shape="circle")
    rings = rings.encode(x=x, y=y, color=colour(rows, categories), size=size)
    chart.layer = [*chart.layer, rings.transform_filter(f"datum.first > {LEAST_RING}")]
    return chart


@figure("layers/significant", "layer", "category", "filters", "dead", "discovered", "certain", "proportion")
def significant(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Share of a layer's filters beyond chance: by q as lines with points, by the family-wise p as dashes without.

    Args:
        rows: of `layers/significant`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    tooltip = tooltips(
        rows, "layer:O", "category:N", "proportion:Q", "discovered:Q", "certain:Q", "filters:Q", "dead:Q"
    )
    both = rows.with_columns((pl.col("certain") / pl.col("filters")).alias("sure"))
    chart = lines_over_layers(both, categories, share_axis("proportion", "filters beyond chance"), tooltip)
    x, _ = layer_axis(distinct_values(rows, "layer"), LAYER_STEP, least=LEAST_WIDTH)
    kinds = alt.Scale(domain=["q", "family-wise p"], range=[[1, 0], [4, 3]])
    dash = alt.StrokeDash(
        "by:N", title="beyond chance by", scale=kinds, legend=alt.Legend(symbolType="stroke")
    )
    sure = values(both.with_columns(pl.lit("family-wise p").alias("by")))
    dashes = alt.Chart(sure).mark_line(strokeWidth=1.2)
    dashes = dashes.encode(x=x, y=alt.Y("sure:Q"), color=colour(rows, categories), strokeDash=dash)
    chart.layer = [*chart.layer, dashes]
    return chart


@figure("selectivity/index", "layer", "category", "contrast")
def selectivity(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Contrast of the filters of each layer, one panel per category: median, middle 50 % and middle 90 %.

    Args:
        rows: of `selectivity/index`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    return bands_over_layers(rows, categories, BandMeasure("contrast", "contrast"))
