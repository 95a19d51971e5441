"""Figures of stimulus sets."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.registry import figure
from toolbox.chart.theme import COLOURS, INK, Chart, appearing, hints, layered, side_by_side


@figure("sets/summary", "set", "scheme", "category", "stimuli", "fraction", "width", "height", "bytes")
def summary(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Number of stimuli of every category, one panel per set and label scheme."""
    several = rows["scheme"].n_unique() > 1
    panels = {
        f"{name} · {scheme}" if several else str(name): _categories(of_one)
        for (name, scheme), of_one in rows.group_by("set", "scheme", maintain_order=True)
    }
    return side_by_side(panels, 2)


def _categories(rows: pl.DataFrame) -> alt.LayerChart:
    """The categories of one set under one scheme, in the order of the rows."""
    told = ("set:N", "scheme:N", "category:N", "stimuli:Q", "fraction:Q", "width:Q", "height:Q", "bytes:Q")
    order = alt.Scale(domain=appearing(rows, "category"))
    base = alt.Chart().encode(
        x=alt.X("stimuli:Q", title="stimuli", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("category:N", title=None, scale=order),
        tooltip=hints(rows, *told),
    )
    numbers = base.mark_text(align="left", dx=4, color=INK).encode(text=alt.Text("stimuli:Q", format=","))
    return layered(base.mark_bar(color=COLOURS[0]), numbers, rows=rows, width=300, height=alt.Step(20))
