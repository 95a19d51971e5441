"""Figures of filters that are related to a parameter of the stimuli, over network depth."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.layers import without_pools
from toolbox.chart.over_layers import LAYER_STEP, LEAST_WIDTH, has_values, with_columns
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    BAND,
    COLOURS,
    INK,
    QUIET,
    Chart,
    distinct_values,
    layer_axis,
    layer_marks,
    tooltips,
)
from toolbox.chart.titles import add_key

_HEIGHT = 150  # pixels of each of the two panels
_TESTED = (
    "chance",
    "chance_low",
    "chance_high",
    "beyond_chance",
    "significant",
    "strongest_by_chance",
    "ceiling",
)
_FIELDS = (
    *(
        "layer:O",
        "related:Q",
        "positive:Q",
        "negative:Q",
        "filters:Q",
        "proportion:Q",
        "chance:Q",
        "significant:Q",
    ),
    *("strongest:Q", "strongest_filter:Q", "strongest_by_chance:Q", "mean_strength:Q", "ceiling:Q", "n:Q"),
)
_SIGNS = {"positive": COLOURS[0], "negative": COLOURS[1]}
"""Responses that increase with the parameter, and those that decrease."""


@figure(
    "relation/layers",
    *("layer", "n", "filters", "related", "positive", "negative", "proportion"),
    *("mean_strength", "strongest", "strongest_filter"),
    optional=(*_TESTED, "is_pool"),
)
def related(rows: pl.DataFrame, _: Sequence[str]) -> Chart:
    """Proportion of filters related to a parameter over the layers, and below it the strength of the relation.

    Above: related filters, positive and negative ones together; the grey area is the chance band, and a point inside it
    is hollow. Dashed: filters with q < 0.05. Below: the absolute correlation of the strongest filter, coloured by its
    sign, and the mean of all filters; dots: what the strongest reaches in 5 % of the permutations; a line at the noise
    ceiling, where stimuli were observed repeatedly.

    Args:
        rows: of `relation/layers`, at least one; numbers are finite or null.
        _: the categories, which this figure does not show.
    """
    known = _measured(without_pools(rows))
    layers = distinct_values(known, "layer")
    x, width = layer_axis(layers, LAYER_STEP, least=LEAST_WIDTH)
    tooltip = tooltips(known, *(field for field in _FIELDS if has_values(known, field[:-2])))
    above = layer_marks(*_proportions(known, x, tooltip), rows=known, width=width, height=_HEIGHT)
    below = layer_marks(*_strengths(known, x, tooltip), rows=known, width=width, height=_HEIGHT)
    return add_key(alt.vconcat(above, below), _key(known))


def _measured(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with what the marks read: the absolute correlation, its sign, and what is drawn hollow."""
    numeric = [name for name in _TESTED if name != "beyond_chance"]
    known = with_columns(rows, numeric)
    if "beyond_chance" not in known.columns:
        known = known.with_columns(beyond_chance=pl.lit(None, pl.Boolean))
    return known.with_columns(
        strength=pl.col("strongest").abs(),
        sign=pl.when(pl.col("strongest") < 0).then(pl.lit("negative")).otherwise(pl.lit("positive")),
        proportion_significant=pl.col("significant") / pl.col("filters"),
    )


def _proportions(rows: pl.DataFrame, x: alt.X, tooltip: list[alt.Tooltip]) -> list[alt.Chart]:
    """The chance band, the proportion of related filters, and that of significant ones."""
    top = max(float(rows.select(pl.max_horizontal("proportion", "chance_high").max()).item() or 0), 0.05)
    axis = alt.Axis(tickCount=4, grid=True)
    scale = alt.Scale(domain=[0, min(1.0, top * 1.05)], nice=False)
    y = alt.Y("proportion:Q", title=["Related filters", "(proportion)"], scale=scale, axis=axis)
    base = alt.Chart().encode(x=x.copy(), y=y)
    marks = []
    if has_values(rows, "chance_high"):
        marks.append(_band(rows, x, scale))
    if has_values(rows, "proportion_significant"):
        marks.append(
            base.mark_line(color=QUIET, strokeDash=[4, 3]).encode(y=alt.Y("proportion_significant:Q"))
        )
    line = base.mark_line(color=INK, strokeWidth=1.5)
    fill = alt.condition("datum.beyond_chance === false", alt.value("white"), alt.value(INK))
    points = base.mark_point(filled=True, size=45, stroke=INK, opacity=1).encode(fill=fill, tooltip=tooltip)
    return [*marks, line, points]


def _band(rows: pl.DataFrame, x: alt.X, scale: alt.Scale) -> alt.Chart:
    """The chance band: an area, or a bar where there is a single layer, of which an area shows nothing."""
    chart = alt.Chart()
    band = (
        chart.mark_area(color=BAND) if rows["layer"].n_unique() > 1 else chart.mark_bar(color=BAND, size=12)
    )
    drawn: alt.Chart = band.encode(x=x.copy(), y=alt.Y("chance_low:Q", scale=scale), y2="chance_high")
    return drawn


def _strengths(rows: pl.DataFrame, x: alt.X, tooltip: list[alt.Tooltip]) -> list[alt.Chart]:
    """The strongest correlation with its sign, the mean of all, what chance reaches, and the noise ceiling."""
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(tickCount=4, grid=True)
    y = alt.Y("strength:Q", title=["Rank correlation", "(absolute)"], scale=scale, axis=axis)
    base = alt.Chart().encode(x=x.copy(), y=y)
    marks = []
    if has_values(rows, "ceiling"):
        ceiling = (
            alt.Chart()
            .mark_rule(color=QUIET, strokeDash=[6, 2])
            .encode(y=alt.Y("max(ceiling):Q", scale=scale))
        )
        marks.append(ceiling)
    if has_values(rows, "strongest_by_chance"):
        marks.append(base.mark_line(color=QUIET, strokeDash=[1, 3]).encode(y=alt.Y("strongest_by_chance:Q")))
    mean = base.mark_line(color=QUIET, strokeWidth=1.5).encode(y=alt.Y("mean_strength:Q"))
    colours = alt.Scale(domain=[*_SIGNS], range=[*_SIGNS.values()])
    shapes = alt.Scale(domain=[*_SIGNS], range=["circle", "square"])
    signs = alt.Color("sign:N", title="Strongest filter", scale=colours)
    points = base.mark_point(filled=True, size=55, opacity=1).encode(
        color=signs, shape=alt.Shape("sign:N", title="Strongest filter", scale=shapes), tooltip=tooltip
    )
    line = base.mark_line(color=INK, strokeWidth=1)
    return [*marks, mean, line, points]


def _key(rows: pl.DataFrame) -> list[str]:
    """What the marks are."""
    key = ["Related: as strongly as one filter in twenty is by chance, or above the threshold."]
    if has_values(rows, "chance_high"):
        key.append(
            "Grey area: chance band (95 % of permutations); hollow: inside it or below. Dashed: q < 0.05."
        )
    strengths = "Below: the strongest filter (points) and the mean of all filters (grey line)"
    if has_values(rows, "strongest_by_chance"):
        strengths += "; dotted: the strongest in 5 % of the permutations"
    if has_values(rows, "ceiling"):
        strengths += "; dashed: noise ceiling"
    return [*key, f"{strengths}."]
