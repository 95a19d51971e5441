"""Complexity of categories pair by pair: an interval for each, or a cell where there are many."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import MANY
from toolbox.chart.complexity import MEASURE_NAMES
from toolbox.chart.over_layers import has_values
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    ALPHA,
    INK,
    LINE,
    QUIET,
    Chart,
    concat_panels,
    distinct_values,
    layer_marks,
    tooltips,
)


@figure("complexity/pairs", "measure", "category", "other", "difference", "low", "high", "p", "p_holm")
def pairs(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Differences between two categories in proportion and mean depth, with intervals; filled: significant after Holm.

    With many categories, a cell for each pair, without intervals.

    Args:
        rows: of `complexity/pairs`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    significant = (pl.col("p_holm") < ALPHA).fill_null(value=False)
    known = rows.with_columns(pair=pl.format("{} - {}", "category", "other"), significant=significant)
    drawn = _difference_cells if rows["category"].n_unique() >= MANY else _differences
    panels = {
        MEASURE_NAMES[measure].format("selective"): drawn(of_one)
        for (measure,), of_one in known.group_by("measure", maintain_order=True)
    }
    return concat_panels(panels, 2, shared="independent")


def _differences(rows: pl.DataFrame) -> alt.LayerChart:
    """The pairs of categories in the order of the rows, and their difference in one measure."""
    order = alt.Scale(domain=distinct_values(rows, "pair"))
    title = ["Difference, first - second"]
    if has_values(rows, "p_holm"):
        title += ["(bars: 95 % of bootstrap samples;", f"filled: Holm-corrected p < {ALPHA:g})"]
    measured = [f"{name}:Q" for name in ("difference", "low", "high", "p", "p_holm")]
    base = alt.Chart().encode(
        x=alt.X("difference:Q", title=title),
        y=alt.Y("pair:N", title=None, scale=order),
        tooltip=tooltips(rows, "category:N", "other:N", *measured),
    )
    line = alt.Chart().mark_rule(color=LINE).encode(x=alt.XDatum(0, type="quantitative"))
    intervals = base.mark_rule(color=QUIET, strokeWidth=1.2).encode(x=alt.X("low:Q"), x2="high")
    points = base.mark_point(filled=True, size=55, stroke=INK, strokeWidth=1.2, opacity=1)
    fill = alt.when("datum.significant").then(alt.value(INK)).otherwise(alt.value("white"))
    points = points.encode(fill=fill)
    return layer_marks(line, intervals, points, rows=rows, width=300, height=alt.Step(18))


def _difference_cells(rows: pl.DataFrame) -> alt.LayerChart:
    """A cell for every pair of categories, coloured by their difference, with a dot where it is significant."""
    names = alt.Scale(domain=list(dict.fromkeys([*rows["category"], *rows["other"]])))
    largest = max(map(abs, rows["difference"].drop_nulls()), default=1.0)
    hue = alt.Scale(scheme="redblue", domain=[-largest, largest])
    legend = alt.Legend(title=["Difference, row - column", f"(dot: Holm-corrected p < {ALPHA:g})"])
    measured = [f"{name}:Q" for name in ("difference", "low", "high", "p", "p_holm")]
    upright = alt.Axis(labelAngle=-90, labelOverlap=False)
    base = alt.Chart().encode(
        x=alt.X("other:N", title=None, scale=names, axis=upright),
        y=alt.Y("category:N", title=None, scale=names, axis=alt.Axis(labelOverlap=False)),
        tooltip=tooltips(rows, "category:N", "other:N", *measured),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=0.5)
    dots = base.mark_point(filled=True, size=12, color=INK, opacity=1).transform_filter("datum.significant")
    side = alt.Step(14)
    color = alt.Color("difference:Q", scale=hue, legend=legend)
    return layer_marks(cells.encode(color=color), dots, rows=rows, width=side, height=side)
