"""The figure of how well indices agree on the filters of a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.registry import figure
from toolbox.chart.theme import Chart, distinct_values, facet_panels, tooltips, values

CELL, LEAST_SIDE = 15, 80  # pixels of a cell, and of the smallest panel


@figure("selectivity/agreement", "layer", "first", "second", "filters", "spearman", "overlap", "chance")
def agreement(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Agreement of every two indices, one panel per layer: rank correlation above the diagonal, overlap below it.

    Args:
        rows: of `selectivity/agreement`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    names = sorted({*rows["first"], *rows["second"]})
    cells = with_both_halves(rows)
    scale = alt.Scale(domain=names)
    side = max(CELL * len(names), LEAST_SIDE)
    squares = alt.Chart(values(cells), width=side, height=side).mark_rect(stroke="white", strokeWidth=0.5)
    panel = squares.encode(
        x=alt.X("column:N", title=None, scale=scale, axis=alt.Axis(labelAngle=-90, labelOverlap=False)),
        y=alt.Y("row:N", title=None, scale=scale, axis=alt.Axis(labelOverlap=False)),
        color=_agreement_colour(cells),
        tooltip=tooltips(cells, "layer:O", "measure:N", "row:N", "column:N", "agreement:Q", "filters:Q"),
    )
    return facet_panels(panel, "layer", distinct_values(rows, "layer"), 6)


def _agreement_colour(cells: pl.DataFrame) -> alt.Color:
    """From blue over white to red if any agreement is negative; otherwise from the lowest agreement."""
    lowest = min(cells["agreement"].drop_nulls().to_list(), default=0)
    hue = alt.Scale(scheme="redblue", domain=[-1, 1])
    if lowest >= 0:
        # Down to a whole tenth, for legible labels; never above 0.9, or small differences would look large.
        hue = alt.Scale(scheme="blues", domain=[min(0.9, math.floor(10 * lowest) / 10), 1])
    legend = alt.Legend(
        title=["Above the diagonal:", "rank correlation;", "below: overlap of the", "most selective filters"]
    )
    return alt.Color("agreement:Q", scale=hue, legend=legend)


def with_both_halves(rows: pl.DataFrame) -> pl.DataFrame:
    """Two cells for every pair: its rank correlation above the diagonal, its overlap below."""
    one, other = pl.min_horizontal("first", "second"), pl.max_horizontal("first", "second")
    halves = (
        ("rank correlation", "spearman", one, other),
        ("overlap of the most selective filters", "overlap", other, one),
    )
    return pl.concat(
        rows.select(
            "layer",
            "filters",
            pl.lit(measure).alias("measure"),
            row.alias("row"),
            column.alias("column"),
            pl.col(name).alias("agreement"),
        )
        for measure, name, row, column in halves
    )
