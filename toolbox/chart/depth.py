"""Complexity of categories as points: how many filters are selective, and how deep they are, with a name for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

from toolbox.chart.categories import MANY, panel_colour, shape
from toolbox.chart.complexity import AXIS_FORMATS, axis_title
from toolbox.chart.labels import Box, place_labels
from toolbox.chart.over_layers import has_values
from toolbox.chart.registry import figure
from toolbox.chart.scales import ROOT_WORDS, root_axis, root_scale
from toolbox.chart.theme import INK, LINE, Chart, highest_value, layer_marks, tooltips
from toolbox.chart.titles import add_key

PLOT_WIDTH, PLOT_HEIGHT = 480, 340  # pixels
FEW = 5  # selective filters; the mean depth of fewer is that of single filters
DEPTH_TOOLTIPS = (
    "selective",
    "proportion",
    "proportion_low",
    "proportion_high",
    "mean_depth",
    "mean_depth_low",
    "mean_depth_high",
    "entropy",
)
HEADROOM = 1.08  # a linear axis ends a little above its highest point
HOLLOW = f"datum.selective < {FEW} || datum.beyond_chance === false"


@figure(
    "complexity/depth",
    "category",
    "selective",
    "proportion",
    "mean_depth",
    optional=(
        "proportion_low",
        "proportion_high",
        "mean_depth_low",
        "mean_depth_high",
        "entropy",
        "beyond_chance",
    ),
    scale_ends=["proportion", "proportion_high"],
    is_sized=True,
    rooted=["proportion", "proportion_high"],
)
def depth(
    rows: pl.DataFrame, categories: Sequence[str], plot_width: float = PLOT_WIDTH, end: float | None = None
) -> Chart:
    """Mean depth of the filters selective for a category and their proportion, one named point per category.

    A category without selective filters has no mean depth and is excluded. Crosses are bootstrap intervals; a point is
    hollow where fewer than five filters are selective, or the proportion is not above chance.

    Args:
        rows: of `complexity/depth`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
        plot_width: pixels, in which names are placed.
        end: of a square-root axis of the proportion; None: linear.
    """
    base = alt.Chart().encode(**_axes(rows, end))
    lines = base.mark_rule(color=LINE).encode(x2="name_x", y2="name_y").transform_filter("datum.is_far")
    fields = [f"{name}:Q" for name in DEPTH_TOOLTIPS if name in rows.columns]
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        color=panel_colour(rows, categories),
        shape=shape(rows, categories, legend=False),
        tooltip=tooltips(rows, "category:N", *fields),
    )
    points = [points, _hollow(base, rows, categories)]
    marks = (*_crosses(base, rows, categories), lines, *points, _names("left", 2), _names("right", -2))
    placed = with_label_places(rows, plot_width, end)
    chart = layer_marks(*marks, rows=placed, width=round(plot_width), height=PLOT_HEIGHT)
    return add_key(chart, _key(rows))


def _axes(rows: pl.DataFrame, end: float | None) -> dict[str, Any]:
    """Mean depth from the first layer to the last, and the proportion from 0."""
    bars = ["(bars: 95 % of bootstrap samples)"] if has_values(rows, "proportion_low") else []
    across, along = ([axis_title(name, "selective"), *bars] for name in ("mean_depth", "proportion"))
    ticks = root_axis(end, PLOT_HEIGHT) if end else {"format": AXIS_FORMATS["proportion"]}
    scale = root_scale(end) if end else alt.Scale(domain=[0, _top(rows)], nice=False)
    if end:
        along[0] = f"{along[0].removesuffix(')')}, {ROOT_WORDS})"
    axis = alt.Axis(**ticks)
    return {
        "x": alt.X("mean_depth:Q", title=across, scale=alt.Scale(domain=[0, 1])),
        "y": alt.Y("proportion:Q", title=along, scale=scale, axis=axis),
    }


def _key(rows: pl.DataFrame) -> list[str]:
    """What hollow points are, if there are any."""
    reasons = []
    if (rows["selective"] < FEW).any():
        reasons.append("fewer than five selective filters, so that the depth is one of single filters")
    if has_values(rows, "beyond_chance") and not rows["beyond_chance"].all():
        reasons.append("a proportion that is not above chance")
    return [f"Hollow points: {', or '.join(reasons)}."] if reasons else []


def _crosses(base: alt.Chart, rows: pl.DataFrame, categories: Sequence[str]) -> list[alt.Chart]:
    """The intervals of mean depth and proportion, where there are any; those of many are faint under their names."""
    if not has_values(rows, "proportion_low"):
        return []
    opacity = 0.7 if rows.height <= MANY else 0.35
    bars = base.mark_rule(strokeWidth=1.2, opacity=opacity).encode(color=panel_colour(rows, categories))
    return [
        bars.encode(x=alt.X("mean_depth_low:Q"), x2="mean_depth_high"),
        bars.encode(y=alt.Y("proportion_low:Q"), y2="proportion_high"),
    ]


def _hollow(base: alt.Chart, rows: pl.DataFrame, categories: Sequence[str]) -> alt.Chart:
    """A white centre for every point of few filters, and for one that is not above chance."""
    inside = base.transform_filter(HOLLOW).mark_point(filled=True, size=28, opacity=1, color="white")
    centres: alt.Chart = inside.encode(shape=shape(rows, categories, legend=False))
    return centres


def _names(align: Literal["left", "right"], shift: int) -> alt.Chart:
    """The names that begin (left) or end (right) at their place, some pixels away from their line."""
    names = alt.Chart().encode(x="name_x:Q", y="name_y:Q", text="category:N")
    texts: alt.Chart = names.mark_text(align=align, dx=shift, baseline="middle", fontSize=11, color=INK)
    return texts.transform_filter(f"datum.align == '{align}'")


def with_label_places(
    rows: pl.DataFrame, width: float = PLOT_WIDTH, end: float | None = None
) -> pl.DataFrame:
    """The rows that have a mean depth and a proportion, with the place of each name in the same units.

    Names are placed in pixels, where their size is known; the chart needs mean depths and proportions.

    Args:
        rows: of `complexity/depth`.
        width: of the plot in pixels.
        end: of a square-root axis of the proportion; None: linear.
    """
    known = rows.drop_nulls(["mean_depth", "proportion"])
    top = end or _top(rows)
    power = 0.5 if end else 1.0
    pairs = known.select("mean_depth", "proportion").iter_rows()
    points = [(x * width, _height(y, top, power)) for x, y in pairs]
    bars = _bars(known, top, power, width)
    places = place_labels(points, known["category"].to_list(), width, PLOT_HEIGHT, bars=bars)
    return known.with_columns(
        pl.Series("name_x", [place.x / width for place in places], pl.Float64),
        pl.Series("name_y", [(place.y / PLOT_HEIGHT) ** (1 / power) * top for place in places], pl.Float64),
        pl.Series("align", [place.align for place in places], pl.String),
        pl.Series("is_far", [place.is_far for place in places], pl.Boolean),
    )


def _height(proportion: float, top: float, power: float) -> float:
    """Pixels of a proportion above the axis, which ends at the top, and is linear with a power of 1."""
    return math.pow(proportion / top, power) * PLOT_HEIGHT


def _bars(rows: pl.DataFrame, top: float, power: float, width: float) -> list[Box]:
    """The crosses of the intervals as boxes of a pixel's width, in pixels."""
    if not has_values(rows, "proportion_low"):
        return []
    depths = ("mean_depth_low", "mean_depth_high")
    proportions = ("proportion_low", "proportion_high")
    ends = rows.select("mean_depth", "proportion", *depths, *proportions).drop_nulls()
    boxes = list[Box]()
    for x, y, left, right, *across in ends.iter_rows():
        middle, low, high = (_height(each, top, power) for each in (y, *across))
        boxes += [(left * width, middle, right * width, middle + 1), (x * width, low, x * width + 1, high)]
    return boxes


def _top(rows: pl.DataFrame) -> float:
    """Upper end of the axis of proportions; 1 without any proportion."""
    ends = (highest_value(rows, name) for name in ("proportion", "proportion_high") if name in rows.columns)
    return (max(filter(None, ends), default=0) or 1.0 / HEADROOM) * HEADROOM
