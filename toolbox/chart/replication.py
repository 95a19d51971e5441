"""Figures of a replication: an index in this study and a published table, filter by filter and over the layers."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import POINT_SHAPES, categories_of, colour, colour_of, shape, shape_of
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    INK,
    LINE,
    Chart,
    distinct_values,
    empty_chart,
    facet_panels,
    layer_axis,
    layer_marks,
    tooltips,
)
from toolbox.chart.titles import add_key

ALL_CATEGORIES = "all"
"""Name of the rows over all categories in common."""
PANEL = 165  # pixels
AGREEMENT_COLUMNS = (
    "pearson",
    "spearman",
    "overlap",
    "selective_here",
    "selective_there",
    "filters",
    "unpaired",
)


@figure("replication/filters", "layer", "filter", "category", "here", "there")
def filters(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """The index of every filter and its value in the table, one panel per layer with its correlation.

    Each panel has its own scales: values differ much between layers, and the table may have another unit.

    Args:
        rows: of `replication/filters`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    known = rows.drop_nulls(["here", "there"])
    if known.is_empty():
        return empty_chart()
    named = known.with_columns(panel=pl.format("{}{}", "layer", _correlation().over("layer")))
    marks = (
        alt.Chart().mark_rule(color=LINE).encode(x=alt.XDatum(0, type="quantitative")),
        alt.Chart().mark_rule(color=LINE).encode(y=alt.YDatum(0, type="quantitative")),
        _scatter(rows, categories),
    )
    panel = layer_marks(*marks, rows=named, width=PANEL, height=PANEL)
    chart = facet_panels(panel, "panel", distinct_values(named, "panel"), 3)
    chart = chart.resolve_scale(x="independent", y="independent")
    in_line: alt.FacetChart = chart.properties(bounds="flush", spacing=72)  # as far apart as their axes need
    return add_key(in_line, ["r: Pearson's correlation over the categories together."])


def _scatter(rows: pl.DataFrame, categories: Sequence[str]) -> alt.Chart:
    """A point for every filter and category."""
    ticks = alt.Axis(tickCount=3)
    base = alt.Chart().encode(
        x=alt.X("there:Q", title="Published table", axis=ticks),
        y=alt.Y("here:Q", title="This study", axis=ticks),
    )
    points: alt.Chart = base.mark_point(filled=True, size=14, opacity=0.6)
    return points.encode(
        color=colour(rows, categories),
        shape=shape(rows, categories),
        tooltip=tooltips(rows, "layer:O", "filter:Q", "category:N", "here:Q", "there:Q"),
    )


def _correlation() -> pl.Expr:
    """Pearson's r with two decimals; empty where one side does not vary."""
    varies = (pl.col("here").n_unique() > 1) & (pl.col("there").n_unique() > 1)
    r = pl.corr("here", "there").map_elements("{:.2f}".format, return_dtype=pl.String)
    return pl.when(varies).then(pl.format(", r = {}", r)).otherwise(pl.lit(""))


@figure(
    "replication/layers", "layer", "category", "filters", "unpaired", "pearson", "spearman", "overlap",
    "selective_here", "selective_there",
)  # fmt: skip
def layers(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Correlation with the table over the layers, one line per category, and a thick one over all categories.

    Args:
        rows: of `replication/layers`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    x, width = layer_axis(distinct_values(rows, "layer"), 34, least=240)
    is_all = alt.when(f"datum.category == '{ALL_CATEGORIES}'")
    base = alt.Chart().encode(
        x=x,
        y=alt.Y("pearson:Q", title="Correlation with the table (Pearson)"),
        color=_colour_with_ink(rows, categories),
        strokeWidth=is_all.then(alt.value(3)).otherwise(alt.value(1.2)),
    )
    points = base.mark_point(filled=True, size=40, opacity=1).encode(
        shape=_shape_with_all(rows, categories),
        tooltip=tooltips(rows, "layer:O", "category:N", *(f"{name}:Q" for name in AGREEMENT_COLUMNS)),
    )
    return layer_marks(base.mark_line(), points, rows=rows, width=width, height=280)


def _colour_with_ink(rows: pl.DataFrame, categories: Sequence[str]) -> alt.Color:
    """The colours of the categories; the line over all is ink, comes last, and takes no colour from the others."""
    single, shown = _single_and_shown(rows, categories)
    hues = [INK if name == ALL_CATEGORIES else colour_of(name, single) for name in shown]
    return alt.Color("category:N", title="Category", scale=alt.Scale(domain=shown, range=hues))


def _shape_with_all(rows: pl.DataFrame, categories: Sequence[str]) -> alt.Shape:
    """The shapes of the categories; that of all together is a circle."""
    single, shown = _single_and_shown(rows, categories)
    shapes = [POINT_SHAPES[0] if name == ALL_CATEGORIES else shape_of(name, single) for name in shown]
    return alt.Shape("category:N", title="Category", scale=alt.Scale(domain=shown, range=shapes))


def _single_and_shown(rows: pl.DataFrame, categories: Sequence[str]) -> tuple[list[str], list[str]]:
    """The categories without the rows over all of them; those of the rows, with these last."""
    single = [name for name in categories if name != ALL_CATEGORIES]
    return single, sorted(categories_of(rows), key=ALL_CATEGORIES.__eq__)
