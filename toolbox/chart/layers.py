"""Figures over network depth: layers on the x axis, in the order of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import colour
from toolbox.chart.over_layers import (
    LAYER_STEP,
    LEAST_WIDTH,
    RESAMPLE_COLUMNS,
    BandMeasure,
    bands_over_layers,
    has_values,
    lines_over_layers,
    offset_chart,
    proportion_axis,
    with_columns,
)
from toolbox.chart.panels import (
    LEAST_RING,
    SELECTIVE,
    PanelMeasure,
    has_many_categories,
    panels_over_layers,
)
from toolbox.chart.registry import figure
from toolbox.chart.theme import QUIET, Chart, distinct_values, layer_axis, tooltips, values

Q_ENTRY, FWE_ENTRY = "q < level", "FWE-corrected p < level"
FIRST_TITLE = ["Bootstrap samples in", "which the layer is first"]
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
    """Proportion of a layer's filters that are selective for a category, one line per category.

    With resamples, thin bars are bootstrap intervals, and the wide grey bar behind a point is the chance band of its
    category, which contains 95 % of the permutations. A hollow point is not beyond chance. Many categories have a panel
    each, with the chance band as an area.

    Source: Malakhova (2018), figure 1.

    Args:
        rows: of `layers/profile`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    tooltip = tooltips(rows, "layer:O", "category:N", "proportion:Q", "selective:Q", "filters:Q", "dead:Q")
    if has_many_categories(rows):
        return panels_over_layers(rows, categories, SELECTIVE, tooltip)
    return lines_over_layers(rows, categories, proportion_axis("proportion", "Selective filters"), tooltip)


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
    """Proportion of selective filters, and mean index of the ten most selective, over the layers; rings at the best.

    The area of a ring is the proportion of the bootstrap samples in which the layer comes first. Without resamples
    there is one ring, for the layer that comes first.

    Args:
        rows: of `layers/best`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    known = with_columns(rows, BEST_COLUMNS).sort("depth")
    strongest = pl.col("strength").rank("ordinal", descending=True).over("category") == 1
    upper = known.with_columns(_first_proportion("first_by_proportion", pl.col("rank") == 1))
    lower = known.drop(RESAMPLE_COLUMNS).rename(
        {f"strength_{name}": name for name in RESAMPLE_COLUMNS if name != "beyond_chance"}
    )
    lower = lower.with_columns(
        _first_proportion("first_by_strength", strongest),
        beyond_chance=pl.col("strength") > pl.col("chance_high"),
    )
    if has_many_categories(rows):
        return _panels_with_rings({"proportion": upper, "strength": lower}, categories)
    strength_axis = alt.Y(
        "strength:Q", title="Ten most selective filters (mean index)", axis=alt.Axis(format="~g")
    )
    panels = [
        _lines_with_rings(
            upper, categories, proportion_axis("proportion", "Selective filters"), is_first=True
        ),
        _lines_with_rings(lower, categories, strength_axis, is_first=False),
    ]
    chart: alt.ConcatChart = alt.concat(*panels, columns=1).resolve_scale(
        color="shared", shape="shared", size="shared"
    )
    return chart


def _first_proportion(column: str, otherwise: pl.Expr) -> pl.Expr:
    """Proportion of the bootstrap samples in which a layer comes first; without samples, whether it does (0 or 1)."""
    return pl.coalesce(pl.col(column), otherwise.cast(pl.Float64)).alias("first")


def _panels_with_rings(tables: Mapping[str, pl.DataFrame], categories: Sequence[str]) -> alt.VConcatChart:
    """The panels of many categories by proportion, and below them those by strength."""
    rings = {
        "first": "Rings: best layers; their area is the proportion of bootstrap samples in which each is first"
    }
    measures = {
        "proportion": PanelMeasure("proportion", SELECTIVE.title, further=rings),
        "strength": PanelMeasure("strength", ["Ten most selective", "filters (mean index)"], "~g", rings),
    }
    fields = ("layer:O", "depth:Q", "category:N", "rank:Q", "proportion:Q", "strength:Q", "first:Q")
    chart: alt.VConcatChart = alt.vconcat(
        *(
            panels_over_layers(rows, categories, measures[name], tooltips(rows, *fields))
            for name, rows in tables.items()
        )
    )
    return chart


def _lines_with_rings(
    rows: pl.DataFrame, categories: Sequence[str], y: alt.Y, *, is_first: bool
) -> alt.LayerChart:
    """Lines over the layers, with a ring at each layer that may be the best for a category."""
    tooltip = tooltips(
        rows, "layer:O", "depth:Q", "category:N", "rank:Q", "proportion:Q", "strength:Q", "first:Q"
    )
    chart = lines_over_layers(rows, categories, y, tooltip, is_first=is_first).properties(height=220)
    x, _ = layer_axis(distinct_values(rows, "layer"), LAYER_STEP, least=LEAST_WIDTH)
    area = alt.Scale(domain=[0, 1], range=[100, 420])
    key = (
        alt.Legend(values=[0.1, 0.5, 1], format="~%", symbolStrokeColor=QUIET)
        if has_values(rows, "first_by_proportion")
        else None
    )
    size = alt.Size("first:Q", title=FIRST_TITLE, scale=area, legend=key)
    rings = offset_chart(rows).mark_point(filled=False, strokeWidth=1.8, opacity=1, shape="circle")
    # The lines name the axis: two titles that differ would be joined to one, as long as both.
    rings = rings.encode(x=x, y=alt.Y(y.shorthand), color=colour(rows, categories), size=size)
    chart.layer = [*chart.layer, rings.transform_filter(f"datum.first > {LEAST_RING}")]
    return chart


@figure(
    "layers/significant",
    "layer",
    "category",
    "filters",
    "dead",
    "significant",
    "significant_fwe",
    "proportion",
)
def significant(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Proportion of significant filters: by q as lines with points, by FWE-corrected p as dashes without points.

    FWE: family-wise error.

    Args:
        rows: of `layers/significant`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    tooltip = tooltips(
        rows,
        "layer:O",
        "category:N",
        "proportion:Q",
        "significant:Q",
        "significant_fwe:Q",
        "filters:Q",
        "dead:Q",
    )
    both = rows.with_columns((pl.col("significant_fwe") / pl.col("filters")).alias("proportion_fwe"))
    if has_many_categories(rows):
        dashed = {"proportion_fwe": f"Dashed lines: significant by {FWE_ENTRY}; all others: by q"}
        measure = PanelMeasure("proportion", ["Significant filters", "(proportion)"], further=dashed)
        return panels_over_layers(both, categories, measure, tooltip)
    chart = lines_over_layers(both, categories, proportion_axis("proportion", "Significant filters"), tooltip)
    x, _ = layer_axis(distinct_values(rows, "layer"), LAYER_STEP, least=LEAST_WIDTH)
    kinds = alt.Scale(domain=[Q_ENTRY, FWE_ENTRY], range=[[1, 0], [4, 3]])
    dash = alt.StrokeDash("by:N", title="Significant by", scale=kinds, legend=alt.Legend(symbolType="stroke"))
    corrected = values(both.with_columns(pl.lit(FWE_ENTRY).alias("by")))
    dashes = alt.Chart(corrected).mark_line(strokeWidth=1.2)
    dashes = dashes.encode(x=x, y=alt.Y("proportion_fwe:Q"), color=colour(rows, categories), strokeDash=dash)
    chart.layer = [*chart.layer, dashes]
    return chart


@figure("selectivity/index", "layer", "category", "contrast")
def selectivity(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Response contrast of the filters of each layer, one panel per category: median, middle 50 % and middle 90 %.

    Args:
        rows: of `selectivity/index`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    return bands_over_layers(rows, categories, BandMeasure("contrast", "Response contrast"))
