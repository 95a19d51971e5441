"""The figure of a comparison of categories: their complexity, in layers too, and the balance of everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import polars as pl

from toolbox.chart.categories import colour, shape
from toolbox.chart.notebook import self_contained
from toolbox.chart.over_layers import lines_over_layers
from toolbox.chart.registry import clean
from toolbox.chart.theme import (
    GRID_LINE,
    INK,
    LINE,
    QUIET,
    Chart,
    apply_theme,
    column_words,
    concat_panels,
    distinct_values,
    layer_marks,
    tooltips,
)
from toolbox.chart.titles import TITLE_WIDTH, add_title

FEW_PAIRS = 3
"""Pairs that have a shape each; the points of more are alike, with their names where a pointer is."""
BALANCED = 0.1
_PAIR_SHAPES = ("circle", "square", "triangle-up")
_PANELS = {
    "proportion": ("Proportion of filters", "Filters that respond highly (proportion)", "~%"),
    "mean_depth": ("Mean depth of these filters", "Depth (0 first layer, 1 last)", "~g"),
}


@dataclass(frozen=True)
class ComparisonWords:
    """What is written into the figure.

    Attributes:
        title, subtitle: above it.
        responding: what a filter that responds highly is compared with.
    """

    title: str
    subtitle: str
    responding: str


def draw_comparison(
    categories: pl.DataFrame, pairs: pl.DataFrame, words: ComparisonWords, known: Sequence[str] = ()
) -> Chart:
    """Complexity of every category with its interval, the same over the layers, and standardised differences.

    Args:
        categories: rows of a comparison: kind, measure, category, value, low, high.
        pairs: rows of a comparison: kind, measure, category, other, effect_size, variance_ratio, ks_distance.
        words: of the figure.
        known: all categories of the study, in the order of their colours.
    """
    order = distinct_values(categories, "category")
    rows, colours = clean(categories, order), [*known, *(name for name in order if name not in known)]
    parts: list[Chart] = [concat_panels(_complexity_panels(rows, colours), 2, shared="independent")]
    layers = rows.filter(pl.col("kind") == "layer")
    if layers["measure"].n_unique() > 1:
        parts.append(_over_layers(layers.rename({"measure": "layer"}), colours))
    measured = clean(pairs).filter(pl.col("kind").is_in(["stimulus", "property"]))
    if not measured.is_empty():
        parts.append(_differences(measured))
    chart = alt.vconcat(*parts, spacing=28).resolve_scale(color="independent", shape="independent")
    key = [
        f"A filter responds highly if its mean response to the category exceeds that to {words.responding}.",
        "Bars: 95 % intervals. Below: every mark is a pair of categories.",
    ]
    return self_contained(add_title(apply_theme(chart), words.title, words.subtitle, TITLE_WIDTH, key=key))


def _complexity_panels(rows: pl.DataFrame, colours: Sequence[str]) -> dict[str, alt.LayerChart]:
    """A point with its interval for every category, by measure."""
    panels = {}
    for measure, (name, title, form) in _PANELS.items():
        of_one = rows.filter((pl.col("kind") == "complexity") & (pl.col("measure") == measure))
        base = alt.Chart().encode(
            y=alt.Y("category:N", title=None, scale=alt.Scale(domain=distinct_values(of_one, "category"))),
            color=colour(of_one, colours, legend=False),
            tooltip=tooltips(of_one, "category:N", "value:Q", "low:Q", "high:Q", "n:Q"),
        )
        x = alt.X(
            "value:Q",
            title=title,
            axis=alt.Axis(format=form, tickCount=5, grid=True),
            scale=alt.Scale(zero=False),
        )
        intervals = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2="high")
        points = base.mark_point(filled=True, size=75, opacity=1).encode(
            x=x, shape=shape(of_one, colours, legend=False)
        )
        panels[name] = layer_marks(points, intervals, rows=of_one, width=230, height=alt.Step(24))
    return panels


def _over_layers(rows: pl.DataFrame, colours: Sequence[str]) -> alt.LayerChart:
    """The proportion of filters in every layer, a line for each category."""
    y = alt.Y(
        "value:Q",
        title="Filters that respond highly (proportion)",
        axis=alt.Axis(format="~%", grid=True, tickCount=5),
    )
    tooltip = tooltips(rows, "layer:O", "category:N", "value:Q", "low:Q", "high:Q")
    chart = lines_over_layers(rows, colours, y, tooltip)
    return chart.properties(height=220)


def _differences(rows: pl.DataFrame) -> alt.LayerChart:
    """The size of the standardised difference of every pair in every measure (Love plot)."""
    drawn = rows.with_columns(
        pair=pl.format("{} − {}", "category", "other"),
        size=pl.col("effect_size").abs(),
        name=pl.col("measure").map_elements(column_words, return_dtype=pl.String),
    )
    pairs, title = distinct_values(drawn, "pair"), ["Standardised difference (size)", f"(line: {BALANCED:g})"]
    base = alt.Chart().encode(
        x=alt.X("size:Q", title=title, axis=alt.Axis(tickCount=6)),
        y=alt.Y(
            "name:N",
            title=None,
            scale=alt.Scale(domain=distinct_values(drawn, "name")),
            axis=alt.Axis(grid=True, gridColor=GRID_LINE),
        ),
        tooltip=tooltips(drawn, "name:N", "pair:N", "effect_size:Q", "variance_ratio:Q", "ks_distance:Q"),
    )
    line = alt.Chart().mark_rule(color=LINE).encode(x=alt.XDatum(BALANCED, type="quantitative"))
    points = base.mark_point(filled=True, size=55, color=INK, opacity=0.75)
    if len(pairs) > FEW_PAIRS:
        points = base.mark_point(filled=False, size=45, color=QUIET, strokeWidth=1.3, opacity=0.9)
    else:
        scale = alt.Scale(domain=pairs, range=list(_PAIR_SHAPES[: len(pairs)]))
        points = points.encode(shape=alt.Shape("pair:N", title="Pair", scale=scale))
    return layer_marks(line, points, rows=drawn, width=360, height=alt.Step(18))
