"""Class complexity: how many filters a class drives, and how deep they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import altair as alt
import polars as pl

from toolbox.chart.labels import placed
from toolbox.chart.layers import lines_over_layers
from toolbox.chart.registry import figure
from toolbox.chart.theme import INK, LINE, Chart, colour, highest, hints, layered, shape

WIDTH, HEIGHT = 480, 340  # pixels
HEADROOM = 1.08  # the y axis ends a little above its highest point


@figure("complexity/layers", "category", "layer", "depth", "filters", "responsive", "share")
def layers(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Share of a layer's filters that respond highly to a class, one line per class."""
    told = hints(rows, "layer:O", "depth:Q", "category:N", "share:Q", "responsive:Q", "filters:Q")
    return lines_over_layers(rows, categories, "share", "highly responsive filters (share of the layer)", told)


@figure("complexity/depth", "category", "responsive", "share", "depth", spanning=["share"])
def depth(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Depth of the filters that a class drives against their share, one named point per class.

    A class without a depth, since it drives no filter highly, is left out.
    """
    share = alt.Scale(domain=[0, _top(rows)], nice=False)
    base = alt.Chart().encode(
        x=alt.X(
            "depth:Q",
            title="depth of the highly responsive filters (0 first layer, 1 last layer)",
            scale=alt.Scale(domain=[0, 1]),
        ),
        y=alt.Y(
            "share:Q",
            title="highly responsive filters (share, mean over layers)",
            scale=share,
            axis=alt.Axis(format="~%"),
        ),
    )
    lines = base.mark_rule(color=LINE).encode(x2="name_x", y2="name_y").transform_filter("datum.is_far")
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        color=colour(rows, categories, legend=False),
        shape=shape(rows, categories, legend=False),
        tooltip=hints(rows, "category:N", "depth:Q", "share:Q", "responsive:Q"),
    )
    marks = (lines, points, _names("left", 2), _names("right", -2))
    return layered(*marks, rows=with_places(rows), width=WIDTH, height=HEIGHT)


def _names(align: Literal["left", "right"], shift: int) -> alt.Chart:
    """The names that begin (left) or end (right) at their place, some pixels away from their line."""
    names = alt.Chart().encode(x="name_x:Q", y="name_y:Q", text="category:N")
    texts: alt.Chart = names.mark_text(align=align, dx=shift, baseline="middle", fontSize=11, color=INK)
    return texts.transform_filter(f"datum.align == '{align}'")


def with_places(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that have a depth and a share, with the place of each name in the same units."""
    known = rows.drop_nulls(["depth", "share"])
    top = _top(rows)
    points = [(x * WIDTH, y / top * HEIGHT) for x, y in known.select("depth", "share").iter_rows()]
    places = placed(points, known["category"].to_list(), WIDTH, HEIGHT)
    return known.with_columns(
        pl.Series("name_x", [place.x / WIDTH for place in places], pl.Float64),
        pl.Series("name_y", [place.y / HEIGHT * top for place in places], pl.Float64),
        pl.Series("align", [place.align for place in places], pl.String),
        pl.Series("is_far", [place.is_far for place in places], pl.Boolean),
    )


def _top(rows: pl.DataFrame) -> float:
    """Upper end of the share's axis; 1 where there is nothing to show."""
    return (highest(rows, "share") or 1.0 / HEADROOM) * HEADROOM
