"""Categories: their order, colours, shapes, dashes and legend, which are the same in all figures of a study."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.theme import COLOURS, LINE, distinct_values

DASHES = ((1, 0), (6, 2), (2, 2), (8, 2, 2, 2), (4, 4), (10, 3), (1, 3), (12, 2, 2, 2, 2, 2))
"""Of lines without points, so that they can be told apart in grey."""

POINT_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right")
"""Eight colours and seven shapes have no common factor: 56 categories before a pair recurs."""

NO_LABEL = "no label"
"""Category of unlabelled stimuli in figures; they are grey and take no colour from the others."""

MANY = len(
    COLOURS
)  # more categories have a panel each: neither colours nor lines of so many can be told apart

LEGEND_ROWS = 18


def categories_of(rows: pl.DataFrame) -> list[str]:
    """The categories of the rows in the order in which figures show them.

    Args:
        rows: with a column `category`.
    """
    return distinct_values(rows.sort("category"), "category")


def colour_of(category: str, categories: Sequence[str]) -> str:
    """The colour of one category: by its place among all of the study, so that it is the same in every figure.

    Args:
        category: one of them, or NO_LABEL.
        categories: all of the study, in the order of their colours.
    """
    return LINE if category == NO_LABEL else COLOURS[categories.index(category) % len(COLOURS)]


def shape_of(category: str, categories: Sequence[str]) -> str:
    """The shape of one category's points, so that a figure can be read without its colours.

    Args:
        category: one of them, or NO_LABEL.
        categories: all of the study, in the order of their shapes.
    """
    return (
        POINT_SHAPES[0]
        if category == NO_LABEL
        else POINT_SHAPES[categories.index(category) % len(POINT_SHAPES)]
    )


def colour(rows: pl.DataFrame, categories: Sequence[str], *, legend: bool = True) -> alt.Color:
    """The categories of the rows in the colours they have in every figure of the study.

    Args:
        rows: with a column `category`.
        categories: all of the study, in the order of their colours.
        legend: whether there is one.
    """
    shown = categories_of(rows)
    scale = alt.Scale(domain=shown, range=[colour_of(category, categories) for category in shown])
    return alt.Color("category:N", title="Category", scale=scale, legend=_legend(shown) if legend else None)


def panel_colour(rows: pl.DataFrame, categories: Sequence[str]) -> alt.Color:
    """The categories in their colours where each has its name beside it; in one colour if there are many.

    A colour that recurs would group categories that have nothing in common.

    Args:
        rows: with a column `category`.
        categories: all of the study, in the order of their colours.
    """
    if len(categories) <= MANY:
        return colour(rows, categories, legend=False)
    shown = categories_of(rows)
    scale = alt.Scale(domain=shown, range=[COLOURS[0]] * len(shown))
    return alt.Color("category:N", scale=scale, legend=None)


def shape(rows: pl.DataFrame, categories: Sequence[str], *, legend: bool = True) -> alt.Shape:
    """The categories of the rows in their shapes; merges with the legend of `colour`.

    Args:
        rows: with a column `category`.
        categories: all of the study, in the order of their shapes.
        legend: whether there is one.
    """
    shown = categories_of(rows)
    scale = alt.Scale(domain=shown, range=[shape_of(category, categories) for category in shown])
    return alt.Shape("category:N", title="Category", scale=scale, legend=_legend(shown) if legend else None)


def dash(rows: pl.DataFrame, categories: Sequence[str]) -> alt.StrokeDash:
    """The categories of the rows as dashes of lines without points; merges with the legend of `colour`.

    Args:
        rows: with a column `category`.
        categories: all of the study, in the order of their dashes.
    """
    shown = categories_of(rows)
    dashes = [
        DASHES[categories.index(name) % len(DASHES)] if name in categories else DASHES[0] for name in shown
    ]
    scale = alt.Scale(domain=shown, range=[list(each) for each in dashes])
    return alt.StrokeDash("category:N", title="Category", scale=scale, legend=_legend(shown))


def _legend(shown: Sequence[str]) -> alt.Legend:
    """A legend in as many columns as keep it about as high as the figure."""
    columns = math.ceil(len(shown) / LEGEND_ROWS)
    return alt.Legend(columns=columns or 1)
