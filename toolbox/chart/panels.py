"""Figures over the layers of many categories: a panel for each, where one panel for all could not be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import altair as alt
import polars as pl

from toolbox.chart.categories import MANY, categories_of, colour
from toolbox.chart.over_layers import FACET_WIDTH, has_values
from toolbox.chart.theme import BAND, LINE, distinct_values, facet_panels, layer_axis, layer_marks, values

PANEL_HEIGHT = 110  # pixels
LEAST_RING = 0.05  # a layer that comes first in fewer bootstrap samples gets no ring


@dataclass(frozen=True)
class PanelMeasure:
    """The measure of panels over the layers.

    Attributes:
        column: of its values.
        title: its name, for the y axis, in lines that are no longer than a panel is high.
        format: of the numbers of the axis.
        further: what further marks mean, by the column that they draw: `proportion_fwe` or `first`.
    """

    column: str
    title: Sequence[str]
    format: str = "~%"
    further: Mapping[str, str] = field(default_factory=dict)


SELECTIVE = PanelMeasure("proportion", ("Selective filters", "(proportion)"))


def has_many_categories(rows: pl.DataFrame) -> bool:
    """Whether there are more categories than colours and lines of one panel that can be told apart.

    Args:
        rows: with a column `category`.
    """
    return len(categories_of(rows)) > MANY


def panels_over_layers(
    rows: pl.DataFrame, categories: Sequence[str], measure: PanelMeasure, tooltip: list[alt.Tooltip]
) -> alt.FacetChart:
    """One panel per category: its line over the layers, and behind it, in grey, those of all others.

    A bar is drawn from `low` to `high`, and a grey area from `chance_low` to `chance_high`, where the rows have them.

    Args:
        rows: one per layer and category.
        categories: all of the study, in the order of their colours.
        measure: what is drawn.
        tooltip: of a point.
    """
    x, width = layer_axis(distinct_values(rows, "layer"), 14, least=150)
    y = alt.Y(
        f"{measure.column}:Q", title=list(measure.title), axis=alt.Axis(format=measure.format, grid=True)
    )
    base = alt.Chart().encode(x=x, color=colour(rows, categories, legend=False))
    others = values(rows.select("layer", measure.column, others="category"))
    marks = [
        *_resamples(base, rows, x),
        alt.Chart(others).mark_line(strokeWidth=0.6, color=LINE).encode(x=x, y=y, detail="others:N"),
        base.mark_line(strokeWidth=1.8).encode(y=y),
        base.mark_point(filled=True, size=22, opacity=1).encode(y=y, tooltip=tooltip),
        *_hollow(base, rows, y),
        *(_FURTHER[column](base, y) for column in measure.further),
    ]
    panel = layer_marks(*marks, rows=rows, width=width, height=PANEL_HEIGHT)
    columns = max(1, FACET_WIDTH // (width + 40))
    return facet_panels(
        panel, "category", categories_of(rows), columns, key=[*_key(rows), *measure.further.values()]
    )


def _resamples(base: alt.Chart, rows: pl.DataFrame, x: alt.X) -> list[alt.Chart]:
    """The chance band and the intervals, where there are any."""
    marks: list[alt.Chart] = []
    if has_values(rows, "chance_low"):
        area = alt.Chart().mark_area(color=BAND, opacity=1)
        marks.append(area.encode(x=x, y=alt.Y("chance_low:Q"), y2="chance_high"))
    if has_values(rows, "low"):
        marks.append(base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high"))
    return marks


def _hollow(base: alt.Chart, rows: pl.DataFrame, y: alt.Y) -> list[alt.Chart]:
    """A white centre for every point that is not beyond chance."""
    if not has_values(rows, "beyond_chance"):
        return []
    centres = base.transform_filter("datum.beyond_chance === false").mark_point(
        filled=True, size=8, opacity=1
    )
    return [centres.encode(y=y, color=alt.value("white"))]


def _dashes(base: alt.Chart, y: alt.Y) -> alt.Chart:  # noqa: ARG001
    """A dashed line along `proportion_fwe`."""
    dashed: alt.Chart = base.mark_line(strokeWidth=1.2, strokeDash=[4, 3])
    return dashed.encode(y=alt.Y("proportion_fwe:Q"))


def _rings(base: alt.Chart, y: alt.Y) -> alt.Chart:
    """A ring at every layer that may be the first, with `first` as its area."""
    area = alt.Size("first:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[30, 200]))
    rings: alt.Chart = base.transform_filter(f"datum.first > {LEAST_RING}").mark_point(
        filled=False, opacity=1
    )
    return rings.encode(y=y, size=area)


_FURTHER: dict[str, Callable[[alt.Chart, alt.Y], alt.Chart]] = {"proportion_fwe": _dashes, "first": _rings}


def _key(rows: pl.DataFrame) -> list[str]:
    """What the marks are besides the line of the category."""
    key = ["Thin grey lines: all other categories"]
    if has_values(rows, "low"):
        key.append("Bars: 95 % of bootstrap samples")
    if has_values(rows, "chance_low"):
        key.append("Grey areas: 95 % of permuted labels")
    if has_values(rows, "beyond_chance"):
        key.append("Hollow points: not beyond chance")
    return key
