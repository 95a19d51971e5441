"""Figures over the depth of a network: layers on the x axis, in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    BAND,
    LINE,
    QUIET,
    Chart,
    colour,
    distinct_values,
    facet_panels,
    layer_axis,
    layer_marks,
    shape,
    tooltips,
    values,
)

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
FACET_WIDTH = 1020  # pixels that a row of facets fills before the next row begins
LAYER_STEP, LEAST_WIDTH = 28, 240  # pixels from layer to layer, and of the narrowest axis
LEAST_RING = 0.05  # a layer that is the best in fewer samples gets no ring
CHANCE_ENTRY = "95 % of shuffled labels (widest category)"
BEST_COLUMNS = ("low", "high", "most", "strength_low", "strength_high", "strongest")
RESAMPLE_COLUMNS = ("low", "high", "chance", "chance_low", "chance_high")


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


@figure("layers/significant", "layer", "category", "filters", "dead", "discovered", "certain", "proportion")
def significant(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Share of a layer's filters beyond chance: by q as lines with points, by the family-wise p as dashes without."""
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
    """Contrast of the filters of each layer, one panel per category: median, middle 50 % and middle 90 %."""
    return bands_over_layers(rows, categories, BandMeasure("contrast", "contrast"))


@dataclass(frozen=True)
class BandMeasure:
    """What bands over the layers show.

    Attributes:
        column: that holds it.
        title: what is measured, for the y axis.
        counted: what has a value each: filters or stimuli.
        origin: where a line is drawn across.
    """

    column: str
    title: str
    counted: str = "filters"
    origin: float = 0


def bands_over_layers(
    rows: pl.DataFrame,
    categories: Sequence[str],
    measure: BandMeasure,
    *,
    hue: str | None = None,
    columns: int | None = None,
) -> alt.FacetChart:
    """Median, middle 50 % and middle 90 % of a measure in every layer, one panel per category.

    Args:
        rows: one per layer, category, and filter or stimulus.
        categories: all of the study, in the order of their colours; with a hue, the panels in their order.
        measure: what the bands show.
        hue: one colour for all; those of the categories if none, and then the panels are sorted.
        columns: panels in a row; as many as fit if not given.
    """
    bands = _quantile_bands(rows, measure)
    x, width = layer_axis(distinct_values(rows, "layer"), 14, least=180)
    tooltip = tooltips(
        bands, "layer:O", "category:N", *(f"{name}:Q" for name in QUANTILES), f"{measure.counted}:Q"
    )
    base = alt.Chart().encode(x=x, tooltip=tooltip)
    colours = alt.value(hue) if hue else colour(rows, categories, legend=False)
    panel = layer_marks(*_band_marks(base, measure, colours), rows=bands, width=width, height=150)
    order = list(categories) if hue else sorted(distinct_values(rows, "category"))
    return facet_panels(panel, "category", order, columns or max(1, FACET_WIDTH // (width + 40)))


def _quantile_bands(rows: pl.DataFrame, measure: BandMeasure) -> pl.DataFrame:
    """One row per category and layer: the quantiles, and how many values they are of."""
    value = pl.col(measure.column)
    quantiles = [value.quantile(level, "linear").alias(name) for name, level in QUANTILES.items()]
    bands = rows.group_by("category", "layer", maintain_order=True).agg(
        *quantiles, value.count().alias(measure.counted)
    )
    return bands.sort("category", maintain_order=True)


def _band_marks(base: alt.Chart, measure: BandMeasure, colours: Any) -> list[alt.Chart]:
    """A line across at the origin, and over it a thin bar, a thick bar and a dash for every layer."""
    title = [measure.title, f"({measure.counted}: middle 50, 90 %)"]
    y = alt.Y("q05:Q", title=title, axis=alt.Axis(grid=True))
    return [
        alt.Chart().mark_rule(color=LINE).encode(y=alt.YDatum(measure.origin, type="quantitative")),
        base.mark_rule(strokeWidth=1.5).encode(y=y, y2="q95", color=colours),
        base.mark_bar(size=8).encode(y=alt.Y("q25:Q"), y2="q75", color=colours),
        base.mark_tick(color="white", thickness=1.5, size=8).encode(y=alt.Y("q50:Q")),
    ]


def lines_over_layers(
    rows: pl.DataFrame,
    categories: Sequence[str],
    y: alt.Y,
    tooltip: list[alt.Tooltip],
    *,
    is_first: bool = True,
) -> alt.LayerChart:
    """One line with points per category over the layers; in a browser a click on the legend picks one out.

    Bars are drawn from `low` to `high`, and a grey band from `chance_low` to `chance_high`, where the rows have them.

    Args:
        rows: one per layer and category.
        categories: all of the study, in the order of their colours.
        y: the axis of what is measured.
        tooltip: of a point.
        is_first: whether the chart is alone or the first; others follow its legend.
    """
    x, width = layer_axis(distinct_values(rows, "layer"), LAYER_STEP, least=LEAST_WIDTH)
    selection = alt.selection_point(name="chosen", fields=["category"], bind="legend")
    opacity = alt.when(selection).then(alt.value(1)).otherwise(alt.value(0.1))
    base = _offset_chart(rows).encode(x=x, y=y, color=colour(rows, categories), opacity=opacity)
    tooltip = [*tooltip, *tooltips(rows, *(f"{name}:Q" for name in RESAMPLE_COLUMNS if is_known(rows, name)))]
    points = base.mark_point(filled=True, size=45).encode(shape=shape(rows, categories), tooltip=tooltip)
    lines = base.mark_line(strokeWidth=1.5)
    # The legend is that of the first mark: only there does it answer to clicks.
    marks = [lines.add_params(selection) if is_first else lines, points]
    if is_known(rows, "low"):
        marks.insert(1, base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high"))
    chart = layer_marks(*marks, rows=rows, width=width, height=300)
    if is_known(rows, "chance_low"):
        chart.layer = [_chance(rows, x), *chart.layer]
    return chart


def share_axis(column: str, counted: str) -> alt.Y:
    """The y axis of filters as a share of their layer.

    Args:
        column: that holds the share.
        counted: which filters.
    """
    return alt.Y(f"{column}:Q", title=f"{counted} (share of the layer)", axis=alt.Axis(format="~%"))


def is_known(rows: pl.DataFrame, column: str) -> bool:
    """Whether the rows have any value of a column, which only resampling fills.

    Args:
        rows: of any query.
        column: its name.
    """
    return column in rows.columns and rows[column].null_count() < rows.height


def with_columns(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """The rows with these columns, null where they have none.

    Args:
        rows: of any query.
        names: of numeric columns.
    """
    return rows.with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in names if name not in rows.columns
    )


def _offset_chart(rows: pl.DataFrame) -> alt.Chart:
    """A chart whose categories are a little beside each other where they have intervals, which would overlap."""
    if not is_known(rows, "low"):
        return alt.Chart()
    order = alt.Scale(domain=sorted(distinct_values(rows, "category")), padding=2)
    chart: alt.Chart = alt.Chart().encode(xOffset=alt.XOffset("category:N", scale=order))
    return chart


def _chance(rows: pl.DataFrame, x: alt.X) -> alt.Chart:
    """The band of chance behind the lines, with an entry in a legend of its own."""
    band = rows.group_by("layer", maintain_order=True).agg(
        pl.col("chance_low").min(), pl.col("chance_high").max()
    )
    key = alt.Scale(domain=[CHANCE_ENTRY], range=[BAND])
    legend = alt.Legend(symbolType="square", symbolOpacity=1)
    fill = alt.Fill("shuffled:N", title="chance", scale=key, legend=legend)
    chart: alt.Chart = alt.Chart(values(band.with_columns(pl.lit(CHANCE_ENTRY).alias("shuffled")))).mark_area(
        opacity=1
    )
    return chart.encode(x=x, y=alt.Y("chance_low:Q"), y2="chance_high", fill=fill)


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
        if is_known(rows, "most")
        else None
    )
    size = alt.Size("first:Q", title="best layer in … of the samples", scale=area, legend=key)
    rings = _offset_chart(rows).mark_point(filled=False, strokeWidth=1.8, opacity=1, shape="circle")
    rings = rings.encode(x=x, y=y, color=colour(rows, categories), size=size)
    chart.layer = [*chart.layer, rings.transform_filter(f"datum.first > {LEAST_RING}")]
    return chart
