"""Figures over the depth of a network: layers on the x axis, in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    BAND,
    LINE,
    QUIET,
    Chart,
    appearing,
    colour,
    faceted,
    hints,
    layer_axis,
    layered,
    shape,
    values,
)

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
FACET_WIDTH = 1020  # pixels that a row of facets fills before the next row begins
STEP, LEAST = 28, 240  # pixels from layer to layer, and of the narrowest axis
RARE = 0.05  # a layer that is the best in fewer samples gets no ring
SHUFFLED = "95 % of shuffled labels (widest category)"
RESAMPLED = ("low", "high", "chance", "chance_low", "chance_high")


@figure(
    "layers/profile",
    "layer",
    "category",
    "filters",
    "selective",
    "proportion",
    "dead",
    optional=("low", "high", "chance", "chance_low", "chance_high"),
)
def profile(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Share of a layer's filters that are selective for a category, one line per category.

    With draws, bars are bootstrap intervals, and the grey band holds 95 % of the shuffles: of the category for which
    it is widest, as they hardly differ.

    Source: Malakhova (2018), figure 1.
    """
    told = hints(rows, "layer:O", "category:N", "proportion:Q", "selective:Q", "filters:Q", "dead:Q")
    return lines_over_layers(rows, categories, share_axis("proportion", "category-selective filters"), told)


@figure(
    "layers/best",
    "category",
    "rank",
    "layer",
    "depth",
    "proportion",
    "strength",
    optional=("low", "high", "most", "strength_low", "strength_high", "strongest"),
)
def best(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Proportion of selective filters, and strength of the strongest, over the layers; rings mark the best layers.

    The area of a ring is the share of the bootstrap samples in which the layer comes first; without draws there is one
    ring for the layer that does.
    """
    known = with_columns(rows, ("low", "high", "most", "strength_low", "strength_high", "strongest")).sort(
        "depth"
    )
    strongest = pl.col("strength").rank("ordinal", descending=True).over("category") == 1
    upper = known.with_columns(_first("most", pl.col("rank") == 1))
    lower = known.drop("low", "high").rename({"strength_low": "low", "strength_high": "high"})
    lower = lower.with_columns(_first("strongest", strongest))
    strength_axis = alt.Y(
        "strength:Q", title="ten most selective filters (mean index)", axis=alt.Axis(format="~g")
    )
    drawn = [
        _ringed(upper, categories, share_axis("proportion", "selective filters"), is_first=True),
        _ringed(lower, categories, strength_axis, is_first=False),
    ]
    chart: alt.ConcatChart = alt.concat(*drawn, columns=1).resolve_scale(
        color="shared", shape="shared", size="shared"
    )
    return chart


@figure("layers/significant", "layer", "category", "filters", "dead", "discovered", "certain", "proportion")
def significant(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Share of a layer's filters beyond chance: by q as lines with points, by the family-wise p as dashes without."""
    told = hints(
        rows, "layer:O", "category:N", "proportion:Q", "discovered:Q", "certain:Q", "filters:Q", "dead:Q"
    )
    both = rows.with_columns((pl.col("certain") / pl.col("filters")).alias("sure"))
    chart = lines_over_layers(both, categories, share_axis("proportion", "filters beyond chance"), told)
    x, _ = layer_axis(appearing(rows, "layer"), STEP, least=LEAST)
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
    return bands_over_layers(rows, categories, "contrast", "contrast")


def bands_over_layers(
    rows: pl.DataFrame,
    categories: Sequence[str],
    measure: str,
    title: str,
    *,
    of: str = "filters",
    origin: float = 0,
    hue: str | None = None,
    columns: int | None = None,
) -> alt.FacetChart:
    """Median, middle 50 % and middle 90 % of a measure in every layer, one panel per category.

    Args:
        title: what is measured, for the y axis.
        of: what is counted: filters or stimuli.
        origin: where a line is drawn across.
        hue: one colour for all; those of the categories if none, and then the panels are sorted.
        columns: panels in a row; as many as fit if not given.
    """
    layers = appearing(rows, "layer")
    bands = (
        rows.group_by("category", "layer", maintain_order=True)
        .agg(
            *(pl.col(measure).quantile(level, "linear").alias(name) for name, level in QUANTILES.items()),
            pl.col(measure).count().alias(of),
        )
        .sort("category", maintain_order=True)
    )
    x, width = layer_axis(layers, 14, least=180)
    told = hints(bands, "layer:O", "category:N", *(f"{name}:Q" for name in QUANTILES), f"{of}:Q")
    drawn = alt.value(hue) if hue else colour(rows, categories, legend=False)
    base = alt.Chart().encode(x=x, tooltip=told)
    y = alt.Y("q05:Q", title=[title, f"({of}: middle 50, 90 %)"], axis=alt.Axis(grid=True))
    panel = layered(
        alt.Chart().mark_rule(color=LINE).encode(y=alt.YDatum(origin, type="quantitative")),
        base.mark_rule(strokeWidth=1.5).encode(y=y, y2="q95", color=drawn),
        base.mark_bar(size=8).encode(y=alt.Y("q25:Q"), y2="q75", color=drawn),
        base.mark_tick(color="white", thickness=1.5, size=8).encode(y=alt.Y("q50:Q")),
        rows=bands,
        width=width,
        height=150,
    )
    order = list(categories) if hue else sorted(appearing(rows, "category"))
    return faceted(panel, "category", order, columns or max(1, FACET_WIDTH // (width + 40)))


def lines_over_layers(
    rows: pl.DataFrame, categories: Sequence[str], y: alt.Y, told: list[alt.Tooltip], *, is_first: bool = True
) -> alt.LayerChart:
    """One line with points per category over the layers; in a browser a click on the legend picks one out.

    Bars stand for `low` and `high`, and a grey band for `chance_low` and `chance_high`, where the rows have them.

    Args:
        y: the axis of what is measured.
        told: tooltip of a point.
        is_first: whether the chart stands alone or first; others follow its legend.
    """
    chosen = alt.selection_point(name="chosen", fields=["category"], bind="legend")
    x, width = layer_axis(appearing(rows, "layer"), STEP, least=LEAST)
    base = _beside(rows).encode(
        x=x,
        y=y,
        color=colour(rows, categories),
        opacity=alt.when(chosen).then(alt.value(1)).otherwise(alt.value(0.1)),
    )
    told = [*told, *hints(rows, *(f"{name}:Q" for name in RESAMPLED if is_known(rows, name)))]
    points = base.mark_point(filled=True, size=45).encode(shape=shape(rows, categories), tooltip=told)
    lines = base.mark_line(strokeWidth=1.5)
    # The legend is that of the first mark: only there does it answer to clicks.
    marks = [lines.add_params(chosen) if is_first else lines, points]
    if is_known(rows, "low"):
        marks.insert(1, base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high"))
    chart = layered(*marks, rows=rows, width=width, height=300)
    if is_known(rows, "chance_low"):
        chart.layer = [_chance(rows, x), *chart.layer]
    return chart


def share_axis(column: str, counted: str) -> alt.Y:
    """The y axis of filters as a share of their layer."""
    return alt.Y(f"{column}:Q", title=f"{counted} (share of the layer)", axis=alt.Axis(format="~%"))


def is_known(rows: pl.DataFrame, column: str) -> bool:
    """Whether the rows have any value of a column, which it takes draws to fill."""
    return column in rows.columns and rows[column].null_count() < rows.height


def with_columns(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """The rows with these columns, null where they have none."""
    return rows.with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in names if name not in rows.columns
    )


def _beside(rows: pl.DataFrame) -> alt.Chart:
    """A chart whose categories stand a little beside each other where they have intervals, which would overlap."""
    if not is_known(rows, "low"):
        return alt.Chart()
    order = alt.Scale(domain=sorted(appearing(rows, "category")), padding=2)
    chart: alt.Chart = alt.Chart().encode(xOffset=alt.XOffset("category:N", scale=order))
    return chart


def _chance(rows: pl.DataFrame, x: alt.X) -> alt.Chart:
    """The band of chance behind the lines, with an entry in a legend of its own."""
    band = rows.group_by("layer", maintain_order=True).agg(
        pl.col("chance_low").min(), pl.col("chance_high").max()
    )
    key = alt.Scale(domain=[SHUFFLED], range=[BAND])
    legend = alt.Legend(symbolType="square", symbolOpacity=1)
    fill = alt.Fill("shuffled:N", title="chance", scale=key, legend=legend)
    chart: alt.Chart = alt.Chart(values(band.with_columns(pl.lit(SHUFFLED).alias("shuffled")))).mark_area(
        opacity=1
    )
    return chart.encode(x=x, y=alt.Y("chance_low:Q"), y2="chance_high", fill=fill)


def _first(share: str, otherwise: pl.Expr) -> pl.Expr:
    """How surely a layer is the best: its share of the samples, or, without any, whether it is the first."""
    return pl.coalesce(pl.col(share), otherwise.cast(pl.Float64)).alias("first")


def _ringed(rows: pl.DataFrame, categories: Sequence[str], y: alt.Y, *, is_first: bool) -> alt.LayerChart:
    """Lines over the layers with a ring where the best layer of a category may be."""
    told = hints(rows, "layer:O", "depth:Q", "category:N", "rank:Q", "proportion:Q", "strength:Q", "first:Q")
    chart = lines_over_layers(rows, categories, y, told, is_first=is_first).properties(height=220)
    x, _ = layer_axis(appearing(rows, "layer"), STEP, least=LEAST)
    area = alt.Scale(domain=[0, 1], range=[100, 420])
    key = (
        alt.Legend(values=[0.1, 0.5, 1], format="~%", symbolStrokeColor=QUIET)
        if is_known(rows, "most")
        else None
    )
    size = alt.Size("first:Q", title="best layer in … of the samples", scale=area, legend=key)
    rings = _beside(rows).mark_point(filled=False, strokeWidth=1.8, opacity=1, shape="circle")
    rings = rings.encode(x=x, y=y, color=colour(rows, categories), size=size)
    chart.layer = [*chart.layer, rings.transform_filter(f"datum.first > {RARE}")]
    return chart
