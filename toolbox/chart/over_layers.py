"""What figures over network depth have in common: lines and bands, with the layers on the x axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from toolbox.chart.categories import categories_of, colour, panel_colour, shape
from toolbox.chart.sizes import LEAST_PANEL, panel_size
from toolbox.chart.theme import LINE, Chart, distinct_values, facet_panels, layer_axis, layer_marks, tooltips
from toolbox.chart.titles import add_key

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
LAYER_STEP, LEAST_WIDTH = 28, 240  # pixels from layer to layer, and of the narrowest axis
RESAMPLE_COLUMNS = ("low", "high", "chance", "chance_low", "chance_high", "beyond_chance")


@dataclass(frozen=True)
class BandMeasure:
    """The measure of bands over the layers.

    Attributes:
        column: of its values.
        title: its name, for the y axis.
        counted: what the values belong to, filters or stimuli.
        origin: value with a horizontal line.
        note: what the line means, for the key.
    """

    column: str
    title: str
    counted: str = "filters"
    origin: float = 0
    note: str = ""


def bands_over_layers(
    rows: pl.DataFrame,
    categories: Sequence[str],
    measure: BandMeasure,
    *,
    hue: str | None = None,
    columns: int | None = None,
) -> Chart:
    """Median, middle 50 % and middle 90 % of a measure in every layer, one panel per category.

    Args:
        rows: one per layer, category, and filter or stimulus.
        categories: all of the study, in the order of their colours; with a hue, the panels in their order.
        measure: of the bands.
        hue: one colour for all; without it, the colours of the categories, and sorted panels.
        columns: panels in a row; as many as fit if not given.
    """
    bands, layers = _quantile_bands(rows, measure), distinct_values(rows, "layer")
    order = list(categories) if hue else categories_of(rows)
    size = panel_size(len(order), len(layers))
    x, width = layer_axis(layers, size.step, least=LEAST_PANEL)
    tooltip = tooltips(
        bands, "layer:O", "category:N", *(f"{name}:Q" for name in QUANTILES), f"{measure.counted}:Q"
    )
    base = alt.Chart().encode(x=x, tooltip=tooltip)
    colours = alt.value(hue) if hue else panel_colour(rows, categories)
    marks = _band_marks(base, measure, colours)
    panel = layer_marks(*marks, rows=bands, width=width, height=size.height)
    chart = facet_panels(panel, "category", order, columns or size.columns)
    what = f"{measure.counted.capitalize()}: median (white), middle 50 % (thick) and middle 90 % (thin)."
    return add_key(chart, [what, *([measure.note] if measure.note else [])])


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
    y = alt.Y("q05:Q", title=measure.title, axis=alt.Axis(grid=True, tickCount=4))
    return [
        alt.Chart().mark_rule(color=LINE).encode(y=alt.YDatum(measure.origin, type="quantitative")),
        base.mark_rule(strokeWidth=1.5).encode(y=y, y2="q95", color=colours),
        base.mark_bar(size=8).encode(y=alt.Y("q25:Q"), y2="q75", color=colours),
        base.mark_tick(color="white", thickness=1.5, size=8).encode(y=alt.Y("q50:Q")),
    ]


def lines_over_layers(
    rows: pl.DataFrame, categories: Sequence[str], y: alt.Y, tooltip: list[alt.Tooltip]
) -> alt.LayerChart:
    """One line with points per category over the layers; in a browser a click on the legend picks one out.

    Where the rows have them, thin bars are drawn from `low` to `high`.

    Args:
        rows: one per layer and category.
        categories: all of the study, in the order of their colours.
        y: the axis of what is measured.
        tooltip: of a point.
    """
    x, width = layer_axis(distinct_values(rows, "layer"), LAYER_STEP, least=LEAST_WIDTH)
    selection = alt.selection_point(name="chosen", fields=["category"], bind="legend")
    opacity = alt.when(selection).then(alt.value(1)).otherwise(alt.value(0.1))
    base = _offset_chart(rows).encode(x=x, y=y, color=colour(rows, categories), opacity=opacity)
    # The legend is that of the first mark: only there does it react to clicks.
    marks = [base.mark_line(strokeWidth=1.5).add_params(selection)]
    if has_values(rows, "low"):
        marks.append(base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high"))
    points = base.mark_point(filled=True, size=45).encode(shape=shape(rows, categories), tooltip=tooltip)
    return layer_marks(*marks, points, rows=rows, width=width, height=300)


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


def _offset_chart(rows: pl.DataFrame) -> alt.Chart:
    """A chart whose categories are slightly offset where they have intervals, which would overlap."""
    if not has_values(rows, "low"):
        return alt.Chart()
    order = alt.Scale(domain=categories_of(rows), padding=2)
    chart: alt.Chart = alt.Chart().encode(xOffset=alt.XOffset("category:N", scale=order))
    return chart
