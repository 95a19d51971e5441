"""The Love plot: how far sets differ in every variable, before and after stimuli were chosen."""

from __future__ import annotations

import altair as alt
import polars as pl

from toolbox.chart.notebook import self_contained
from toolbox.chart.registry import clean
from toolbox.chart.theme import COLOURS, INK, LINE, Chart, apply_theme, empty_chart, layer_marks, tooltips
from toolbox.chart.titles import add_title
from toolbox.chart.width import Length, fit_width, title_width

BEFORE, AFTER = "before", "after"
"""When a difference was measured: hollow and filled points."""
_ROW = 15  # pixels of a variable
_WIDTH = 330


def love_plot(
    rows: pl.DataFrame, *, limit: float, title: str = "", subtitle: str = "", width: Length | None = None
) -> Chart:
    """The standardised difference of every two sets in every variable, before and after.

    Args:
        rows: of a balance table: variable, role, first, second, difference_before, difference_after.
        limit: differences up to it count as balanced: a line.
        title: written above the figure.
        subtitle: below the title.
        width: of the whole figure; the chart's own if None.

    Source: Love, T. E. (2002), Displaying covariate balance after adjustment for selection bias; Austin (2009), doi
        10.1002/sim.3697.
    """
    points = _points(clean(rows))
    if points.is_empty():
        return self_contained(apply_theme(empty_chart()))
    chart = apply_theme(_panels(points, limit))
    chart = fit_width(chart, width) if width else chart
    return self_contained(add_title(chart, title, subtitle, width.units if width else title_width(chart)))


def _points(rows: pl.DataFrame) -> pl.DataFrame:
    """A row for every point: the size of one difference at one time."""
    long = rows.unpivot(
        on=["difference_before", "difference_after"],
        index=["variable", "role", "first", "second"],
        variable_name="time",
        value_name="difference",
    )
    return long.with_columns(
        pl.col("time").str.replace("difference_", ""),
        pl.col("difference").abs(),
        sets=pl.format("{} and {}", "first", "second"),
    ).drop_nulls("difference")


def _panels(points: pl.DataFrame, limit: float) -> Chart:
    """One panel for each role, one below the other, on one axis."""
    end = max(float(points["difference"].max() or 0), 2 * limit)  # type: ignore[arg-type]
    scale = alt.Scale(domain=[0, end])
    roles = [role for role in ("agree", "differ", "not asked for") if role in {*points["role"]}]
    panels = []
    for role in roles:
        title = "Standardised difference of two sets (size)" if role == roles[-1] else None
        x = alt.X("difference:Q", title=title, scale=scale)
        panels.append(_panel(points.filter(pl.col("role") == role), x, limit, role))
    chart: Chart = alt.vconcat(*panels, spacing=12) if len(panels) > 1 else panels[0]
    return chart


def _panel(points: pl.DataFrame, x: alt.X, limit: float, role: str) -> alt.LayerChart:
    """The variables of one role, the largest difference after first."""
    order = (
        points.filter(pl.col("time") == AFTER)
        .group_by("variable")
        .agg(pl.col("difference").max())
        .sort("difference", "variable", descending=[True, False])["variable"]
        .to_list()
    )
    base = alt.Chart().encode(
        x=x,
        y=alt.Y("variable:N", title=role, sort=order, scale=alt.Scale(domain=order)),
        tooltip=tooltips(points, "variable:N", "sets:N", "time:N", "difference:Q"),
    )
    colour = alt.Color(
        "time:N", title=None, scale=alt.Scale(domain=[BEFORE, AFTER], range=[COLOURS[1], COLOURS[0]])
    )
    before = base.transform_filter(f"datum.time === '{BEFORE}'").mark_point(filled=False, size=34, opacity=1)
    after = base.transform_filter(f"datum.time === '{AFTER}'").mark_point(filled=True, size=34, opacity=0.9)
    line = (
        alt.Chart().mark_rule(color=INK, strokeDash=[3, 3]).encode(x=alt.XDatum(limit, type="quantitative"))
    )
    start = alt.XDatum(0, type="quantitative")
    grid = base.mark_rule(color=LINE, strokeWidth=0.5).encode(x=start, x2=alt.value(_WIDTH))
    marks = (grid, line, before.encode(color=colour), after.encode(color=colour))
    return layer_marks(*marks, rows=points, width=_WIDTH, height=alt.Step(_ROW))
