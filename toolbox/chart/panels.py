"""Figures over the layers with a panel for each category, so that a line has the chance band of its own category."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import altair as alt
import polars as pl

from toolbox.chart.categories import categories_of, panel_colour
from toolbox.chart.over_layers import has_values
from toolbox.chart.scales import ROOT_WORDS, root_axis, root_scale
from toolbox.chart.sizes import LEAST_PANEL, LEAST_STEP, panel_size
from toolbox.chart.theme import (
    BAND,
    INK,
    LINE,
    Chart,
    distinct_values,
    facet_panels,
    layer_axis,
    layer_marks,
)
from toolbox.chart.titles import add_key

TITLE_SIZE = 11  # of the measure, so that it is no longer than a panel is high
HOLLOW = 0.35  # area of the white centre of a hollow point, as a proportion
LEAST_RING = 0.05  # a layer that comes first in fewer bootstrap samples gets no ring
BAR_BAND = 1.06  # of a layer's room, so that the bars of neighbours touch
BAR_ABOVE = (-8, -4)  # pixels above a panel of the bar over layers beyond chance


@dataclass(frozen=True)
class PanelMeasure:
    """The measure of panels over the layers.

    Attributes:
        column: of its values.
        title: its name and its unit, for the y axis, in two lines that are no longer than a panel is high.
        format: of the numbers of the axis.
        root_end: end of its square-root axis; None: its axis is linear.
        parts: of the figure: the measures that have as many panels each.
        further: what further marks mean, by the column that they draw: `proportion_fwe` or `first`.
    """

    column: str
    title: tuple[str, str]
    format: str = "~%"
    root_end: float | None = None
    parts: int = 1
    further: Mapping[str, str] = field(default_factory=dict)


def panels_over_layers(
    rows: pl.DataFrame, categories: Sequence[str], measure: PanelMeasure, tooltip: list[alt.Tooltip]
) -> Chart:
    """One panel per category: its line over the layers and, where the rows have them, its own intervals and chance.

    A bar is drawn from `low` to `high`, a grey area from `chance_low` to `chance_high`; a point is hollow where
    `beyond_chance` is false, and a bar above the panel marks the layers where it is true. The key says so.

    Args:
        rows: one per layer and category.
        categories: all of the study, in the order of their colours.
        measure: what is drawn.
        tooltip: of a point.
    """
    layers, shown = distinct_values(rows, "layer"), categories_of(rows)
    size = panel_size(len(shown), len(layers), measure.parts)
    x, width = layer_axis(layers, size.step, least=LEAST_PANEL)
    colours = panel_colour(rows, categories)
    base = alt.Chart().encode(x=x, color=colours)
    y, area = _measure_axis(measure, size.height), _point_size(size.step)
    marks = [
        *_resamples(base, rows, x),
        base.mark_line(strokeWidth=1.8).encode(y=y),
        base.mark_point(filled=True, size=area, opacity=1).encode(y=y, tooltip=tooltip),
        *_beyond_chance(base, rows, colours, y, area),
        *(_FURTHER[column](base, y) for column in measure.further),
    ]
    panel = layer_marks(*marks, rows=rows, width=width, height=size.height)
    chart = facet_panels(panel, "category", shown, size.columns)
    return add_key(chart, [*_key(rows), *measure.further.values()])


def _measure_axis(measure: PanelMeasure, height: int) -> alt.Y:
    """The axis of the measure, whose numbers and title fit the height of a panel."""
    end = measure.root_end
    ticks = root_axis(end, height) if end else {"tickCount": max(2, height // 35), "format": measure.format}
    axis = alt.Axis(grid=True, titleFontSize=TITLE_SIZE, **ticks)
    title = [measure.title[0], f"({ROOT_WORDS})" if end else measure.title[1]]
    return alt.Y(f"{measure.column}:Q", title=title, axis=axis, scale=root_scale(end))


def _point_size(step: int) -> int:
    """Area of a point, in square pixels, that leaves its neighbours apart."""
    return 40 if step > LEAST_STEP else 26


def _resamples(base: alt.Chart, rows: pl.DataFrame, x: alt.X) -> list[alt.Chart]:
    """The chance band and the intervals, where there are any."""
    marks: list[alt.Chart] = []
    if has_values(rows, "chance_low"):
        area = alt.Chart().mark_area(color=BAND, opacity=1)
        marks.append(area.encode(x=x, y=alt.Y("chance_low:Q"), y2="chance_high"))
    if has_values(rows, "low"):
        marks.append(base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high"))
    return marks


def _beyond_chance(
    base: alt.Chart, rows: pl.DataFrame, colours: alt.Color, y: alt.Y, size: int
) -> list[alt.Chart]:
    """A bar above the panel over every layer that is beyond its own chance; a white centre for a point that is not."""
    if not has_values(rows, "beyond_chance"):
        return []
    above, below = map(alt.value, BAR_ABOVE)
    # all layers have a bar, so that the names above panels are in a line; those of the others are not seen
    hue = alt.when("datum.beyond_chance === true").then(colours).otherwise(alt.value("transparent"))
    bars = base.mark_bar(width=alt.RelativeBandSize(band=BAR_BAND)).encode(color=hue)
    inside = base.transform_filter("datum.beyond_chance === false")
    centres = inside.mark_point(filled=True, size=size * HOLLOW, opacity=1)
    return [bars.encode(y=above, y2=below), centres.encode(y=y, color=alt.value("white"))]


def _dashes(base: alt.Chart, y: alt.Y) -> alt.Chart:  # noqa: ARG001
    """A dashed line along `proportion_fwe`."""
    dashed: alt.Chart = base.mark_line(strokeWidth=1.2, strokeDash=[4, 3])
    return dashed.encode(y=alt.Y("proportion_fwe:Q"))


def _rings(base: alt.Chart, y: alt.Y) -> alt.Chart:
    """A ring at every layer that may be the first, with `first` as its area; grey where it is not beyond chance."""
    area = alt.Size("first:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[50, 180]))
    ink = alt.when("datum.beyond_chance === false").then(alt.value(LINE)).otherwise(alt.value(INK))
    rings: alt.Chart = base.transform_filter(f"datum.first > {LEAST_RING}")
    rings = rings.mark_point(filled=False, opacity=1, strokeWidth=1.5, shape="circle")
    return rings.encode(y=y, size=area, color=ink)


_FURTHER: dict[str, Callable[[alt.Chart, alt.Y], alt.Chart]] = {"proportion_fwe": _dashes, "first": _rings}


def _key(rows: pl.DataFrame) -> list[str]:
    """What the marks are besides the line of the category."""
    key = []
    if has_values(rows, "low"):
        key.append("Thin bars: 95 % of bootstrap samples.")
    if has_values(rows, "chance_low"):
        key.append("Grey area: chance band of this category, 95 % of permuted labels.")
    if has_values(rows, "beyond_chance"):
        key.append(
            "Bar above a panel, filled points: layers above their own chance band; hollow points: not."
        )
    return key
