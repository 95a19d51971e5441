"""What figures over network depth have in common: lines and bands, with the layers on the x axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from toolbox.chart.categories import categories_of, colour, shape
from toolbox.chart.theme import BAND, LINE, distinct_values, facet_panels, layer_axis, layer_marks, tooltips

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
FACET_WIDTH = 1020  # pixels that a row of facets fills before the next row begins
LAYER_STEP, LEAST_WIDTH = 28, 240  # pixels from layer to layer, and of the narrowest axis
CHANCE_ENTRY = "95 % of permuted labels"
INSIDE_ENTRY = "hollow: not beyond chance"
RESAMPLE_COLUMNS = ("low", "high", "chance", "chance_low", "chance_high", "beyond_chance")


@dataclass(frozen=True)
class BandMeasure:
    """The measure of bands over the layers.

    Attributes:
        column: of its values.
        title: its name, for the y axis.
        counted: what the values belong to, filters or stimuli.
        origin: value with a horizontal line.
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
        measure: of the bands.
        hue: one colour for all; without it, the colours of the categories, and sorted panels.
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
    order = list(categories) if hue else categories_of(rows)
    return facet_panels(panel, "category", order, columns or max(1, FACET_WIDTH // (width + 40)))


def _quantile_bands(rows: pl.DataFrame, measure: BandMeasure) -> pl.DataFrame:
    """One row per category and layer: the quantiles, and the number of values."""
    value = pl.col(measure.column)
    quantiles = [value.quantile(level, "linear").alias(name) for name, level in QUANTILES.items()]
    bands = rows.group_by("category", "layer", maintain_order=True).agg(
        *quantiles, value.count().alias(measure.counted)
    )
    return bands.sort("category", maintain_order=True)


def _band_marks(base: alt.Chart, measure: BandMeasure, colours: Any) -> list[alt.Chart]:
    """A horizontal line at the origin, and over it a thin bar, a thick bar and a dash for every layer."""
    title = [measure.title, f"({measure.counted}: median, middle 50, 90 %)"]
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

    Where the rows have them, thin bars are drawn from `low` to `high`, and behind every point a wide grey one from
    `chance_low` to `chance_high` of its category; the point is hollow where `beyond_chance` is false.

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
    if has_values(rows, "low"):
        y = y.title([y["title"], "(thin bars: 95 % of bootstrap samples)"])
    base = offset_chart(rows).encode(x=x, y=y, color=colour(rows, categories), opacity=opacity)
    lines = base.mark_line(strokeWidth=1.5)
    # The legend is that of the first mark: only there does it react to clicks.
    marks = [lines.add_params(selection) if is_first else lines, *_points(base, rows, categories, tooltip)]
    chart = layer_marks(*marks, rows=rows, width=width, height=300)
    if has_values(rows, "chance_low"):
        chart.layer = [_chance(rows, x, width), *chart.layer]
    if has_values(rows, "beyond_chance") and not rows["beyond_chance"].all():
        chart.layer = [*chart.layer, _hollow(base, rows, categories)]
    return chart


def _points(
    base: alt.Chart, rows: pl.DataFrame, categories: Sequence[str], tooltip: list[alt.Tooltip]
) -> list[alt.Chart]:
    """A point for every layer and category, over its interval where there is one."""
    letters = {"beyond_chance": "N"}
    known = [name for name in RESAMPLE_COLUMNS if has_values(rows, name)]
    of_resamples = tooltips(rows, *(f"{name}:{letters.get(name, 'Q')}" for name in known))
    points = base.mark_point(filled=True, size=45).encode(
        shape=shape(rows, categories), tooltip=[*tooltip, *of_resamples]
    )
    if not has_values(rows, "low"):
        return [points]
    return [base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high"), points]


def _chance(rows: pl.DataFrame, x: alt.X, width: int) -> alt.Chart:
    """The chance band of every category behind its own point, with a legend that explains hollow points too."""
    layers, categories = (len(distinct_values(rows, name)) for name in ("layer", "category"))
    key = alt.Scale(domain=[CHANCE_ENTRY, INSIDE_ENTRY], range=[BAND, "white"])
    legend = alt.Legend(symbolType="square", symbolOpacity=1, symbolStrokeColor=LINE, symbolStrokeWidth=1)
    fill = alt.Fill("labels:N", title="Chance", scale=key, legend=legend)
    # the bars of neighbouring categories touch: together they are the band of the layer
    size = max(2.0, 0.9 * width / layers / (categories + 2))
    bars = offset_chart(rows).transform_calculate(labels=f"'{CHANCE_ENTRY}'").mark_bar(size=size)
    chart: alt.Chart = bars.encode(x=x, y=alt.Y("chance_low:Q"), y2="chance_high", fill=fill)
    return chart


def _hollow(base: alt.Chart, rows: pl.DataFrame, categories: Sequence[str]) -> alt.Chart:
    """A white centre for every point that is not beyond chance."""
    inside = base.transform_filter("datum.beyond_chance === false").mark_point(filled=True, size=16)
    hollow: alt.Chart = inside.encode(shape=shape(rows, categories), color=alt.value("white"))
    return hollow


def proportion_axis(column: str, counted: str) -> alt.Y:
    """The y axis of filters as a proportion of their layer.

    Args:
        column: of the proportion.
        counted: the filters counted, such as "Selective filters".
    """
    return alt.Y(f"{column}:Q", title=f"{counted} (proportion of the layer)", axis=alt.Axis(format="~%"))


def has_values(rows: pl.DataFrame, column: str) -> bool:
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


def offset_chart(rows: pl.DataFrame) -> alt.Chart:
    """A chart whose categories are slightly offset where they have intervals, which would overlap."""
    if not has_values(rows, "low"):
        return alt.Chart()
    order = alt.Scale(domain=categories_of(rows), padding=2)
    chart: alt.Chart = alt.Chart().encode(xOffset=alt.XOffset("category:N", scale=order))
    return chart
