"""Complexity of categories: the proportion of filters selective for a category, and their mean depth.

It is a property of the network's representation, not of the images' pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import altair as alt
import polars as pl

from toolbox.chart.categories import categories_of, colour, shape
from toolbox.chart.labels import Box, place_labels
from toolbox.chart.over_layers import QUANTILES, has_values
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    INK,
    LINE,
    Chart,
    concat_panels,
    highest_value,
    layer_marks,
    tooltips,
    values,
)

PLOT_WIDTH, PLOT_HEIGHT = 480, 340  # pixels
MEASURE_NAMES = {"proportion": "Proportion of {} filters", "mean_depth": "Mean depth of {} filters"}
"""Of selective filters for a category, of responsive filters for a stimulus."""
AXIS_TITLES = {
    "proportion": "{} filters (proportion, mean over layers)",
    "mean_depth": "Mean depth of {} filters (0 first layer, 1 last)",
}
AXIS_FORMATS = {"proportion": "~%", "mean_depth": "~g"}
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
HEADROOM = 1.08  # the y axis ends a little above its highest point


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
)
def depth(rows: pl.DataFrame, categories: Sequence[str], plot_width: float = PLOT_WIDTH) -> Chart:
    """Mean depth of the filters selective for a category and their proportion, one named point per category.

    A category without selective filters has no mean depth and is excluded. Crosses are bootstrap intervals; a point is
    hollow where the proportion is not beyond chance.

    Args:
        rows: of `complexity/depth`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
        plot_width: pixels, in which names are placed.
    """
    scale = alt.Scale(domain=[0, _top(rows)], nice=False)
    bars = ["(bars: 95 % of bootstrap samples)"] if has_values(rows, "proportion_low") else []
    across, along = ([_axis_title(name, "selective"), *bars] for name in ("mean_depth", "proportion"))
    if has_values(rows, "beyond_chance") and not rows["beyond_chance"].all():
        along[-1] = f"{along[-1].removesuffix(')')}; hollow: not beyond chance)"
    base = alt.Chart().encode(
        x=alt.X("mean_depth:Q", title=across, scale=alt.Scale(domain=[0, 1])),
        y=alt.Y(
            "proportion:Q",
            title=along,
            scale=scale,
            axis=alt.Axis(format=AXIS_FORMATS["proportion"]),
        ),
    )
    lines = base.mark_rule(color=LINE).encode(x2="name_x", y2="name_y").transform_filter("datum.is_far")
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        color=colour(rows, categories, legend=False),
        shape=shape(rows, categories, legend=False),
        tooltip=tooltips(
            rows, "category:N", *(f"{name}:Q" for name in DEPTH_TOOLTIPS if name in rows.columns)
        ),
    )
    points = [points, *_hollow(base, rows, categories)]
    marks = (*_crosses(base, rows, categories), lines, *points, _names("left", 2), _names("right", -2))
    placed = with_label_places(rows, plot_width)
    return layer_marks(*marks, rows=placed, width=round(plot_width), height=PLOT_HEIGHT)


@figure("complexity/stimuli", "stimulus_id", "category", "path", "responsive", "proportion", "mean_depth")
def stimuli(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Proportion and mean depth of the filters responsive to a stimulus, by category: median, middle 50 % and 90 %.

    The stimuli outside the middle 90 % are points.

    Args:
        rows: of `complexity/stimuli`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    panels = {
        name.format("responsive"): _spread(rows, categories, measure)
        for measure, name in MEASURE_NAMES.items()
    }
    return concat_panels(panels, 2, shared="independent")


def _axis_title(measure: str, kind: str) -> str:
    """The title of a measure's axis for selective or for responsive filters."""
    title = AXIS_TITLES[measure].format(kind)
    return title[0].upper() + title[1:]


def _crosses(base: alt.Chart, rows: pl.DataFrame, categories: Sequence[str]) -> list[alt.Chart]:
    """The intervals of mean depth and proportion, where there are any."""
    if not has_values(rows, "proportion_low"):
        return []
    bars = base.mark_rule(strokeWidth=1.2, opacity=0.7).encode(color=colour(rows, categories, legend=False))
    return [
        bars.encode(x=alt.X("mean_depth_low:Q"), x2="mean_depth_high"),
        bars.encode(y=alt.Y("proportion_low:Q"), y2="proportion_high"),
    ]


def _hollow(base: alt.Chart, rows: pl.DataFrame, categories: Sequence[str]) -> list[alt.Chart]:
    """A white centre for every point whose proportion is not beyond chance."""
    if not has_values(rows, "beyond_chance"):
        return []
    inside = base.transform_filter("datum.beyond_chance === false").mark_point(
        filled=True, size=28, opacity=1, color="white"
    )
    return [inside.encode(shape=shape(rows, categories, legend=False))]


def _spread(rows: pl.DataFrame, categories: Sequence[str], measure: str) -> alt.LayerChart:
    """The stimuli of every category by one measure."""
    value = pl.col(measure)
    quantiles = [value.quantile(level, "linear").alias(name) for name, level in QUANTILES.items()]
    bands = rows.group_by("category", maintain_order=True).agg(*quantiles, value.count().alias("stimuli"))
    order = alt.Scale(domain=categories_of(rows))
    hue = colour(rows, categories, legend=False)
    base = alt.Chart().encode(y=alt.Y("category:N", title=None, scale=order), color=hue)
    marks = (*_spread_bars(base, bands, measure), _spread_points(base, rows, bands, measure))
    return layer_marks(*marks, rows=bands, width=300, height=alt.Step(24))


def _spread_bars(base: alt.Chart, bands: pl.DataFrame, measure: str) -> list[alt.Chart]:
    """A thin bar for the middle 90 %, a thick one for the middle 50 %, a dash for the median."""
    tooltip = tooltips(bands, "category:N", *(f"{name}:Q" for name in QUANTILES), "stimuli:Q")
    bar = base.encode(tooltip=tooltip)
    title = [_axis_title(measure, "responsive"), "(stimuli: median, middle 50 and 90 %, and those outside)"]
    x = alt.X("q05:Q", title=title, axis=alt.Axis(format=AXIS_FORMATS[measure]))
    median = alt.X("q50:Q")
    return [
        bar.mark_rule(strokeWidth=1.5).encode(x=x, x2="q95"),
        bar.mark_bar(size=9).encode(x=alt.X("q25:Q"), x2="q75"),
        bar.mark_tick(color="white", thickness=1.5, size=9).encode(x=median, color=alt.value("white")),
    ]


def _spread_points(base: alt.Chart, rows: pl.DataFrame, bands: pl.DataFrame, measure: str) -> alt.Chart:
    """The stimuli outside the middle 90 % of their category."""
    outside = rows.join(bands, on="category").filter(~pl.col(measure).is_between("q05", "q95"))
    tooltip = tooltips(
        rows, "path:N", "stimulus_id:Q", "category:N", "proportion:Q", "mean_depth:Q", "responsive:Q"
    )
    single = base.properties(data=values(outside.drop(*QUANTILES, "stimuli")))
    points: alt.Chart = single.mark_point(filled=True, size=16, opacity=0.7)
    return points.encode(x=alt.X(f"{measure}:Q"), tooltip=tooltip)


def _names(align: Literal["left", "right"], shift: int) -> alt.Chart:
    """The names that begin (left) or end (right) at their place, some pixels away from their line."""
    names = alt.Chart().encode(x="name_x:Q", y="name_y:Q", text="category:N")
    texts: alt.Chart = names.mark_text(align=align, dx=shift, baseline="middle", fontSize=11, color=INK)
    return texts.transform_filter(f"datum.align == '{align}'")


def with_label_places(rows: pl.DataFrame, width: float = PLOT_WIDTH) -> pl.DataFrame:
    """The rows that have a mean depth and a proportion, with the place of each name in the same units.

    Names are placed in pixels, where their size is known; the chart needs mean depths and proportions.

    Args:
        rows: of `complexity/depth`.
        width: of the plot in pixels.
    """
    known = rows.drop_nulls(["mean_depth", "proportion"])
    top = _top(rows)
    pairs = known.select("mean_depth", "proportion").iter_rows()
    points = [(x * width, y / top * PLOT_HEIGHT) for x, y in pairs]
    places = place_labels(
        points, known["category"].to_list(), width, PLOT_HEIGHT, bars=_bars(known, top, width)
    )
    return known.with_columns(
        pl.Series("name_x", [place.x / width for place in places], pl.Float64),
        pl.Series("name_y", [place.y / PLOT_HEIGHT * top for place in places], pl.Float64),
        pl.Series("align", [place.align for place in places], pl.String),
        pl.Series("is_far", [place.is_far for place in places], pl.Boolean),
    )


def _bars(rows: pl.DataFrame, top: float, width: float) -> list[Box]:
    """The crosses of the intervals as boxes of a pixel's width, in pixels."""
    if not has_values(rows, "proportion_low"):
        return []
    depths = ("mean_depth_low", "mean_depth_high")
    proportions = ("proportion_low", "proportion_high")
    ends = rows.select("mean_depth", "proportion", *depths, *proportions).drop_nulls()
    boxes = [
        (
            (left * width, y / top * PLOT_HEIGHT, right * width, y / top * PLOT_HEIGHT + 1),
            (x * width, low / top * PLOT_HEIGHT, x * width + 1, high / top * PLOT_HEIGHT),
        )
        for x, y, left, right, low, high in ends.iter_rows()
    ]
    return [box for cross in boxes for box in cross]


def _top(rows: pl.DataFrame) -> float:
    """Upper end of the axis of proportions; 1 without any proportion."""
    ends = (highest_value(rows, name) for name in ("proportion", "proportion_high") if name in rows.columns)
    return (max(filter(None, ends), default=0) or 1.0 / HEADROOM) * HEADROOM
