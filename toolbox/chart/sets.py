"""Figures of stimulus sets."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.registry import figure
from toolbox.chart.theme import COLOURS, INK, Chart, appearing, faceted, hints, layered


@figure("sets/summary", "set", "scheme", "category", "stimuli", "fraction", "width", "height", "bytes")
def summary(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Number of stimuli of every category, one panel per set and label scheme."""
    several = rows["scheme"].n_unique() > 1
    panel_name = pl.format("{} · {}", "set", "scheme") if several else pl.col("set")
    named = rows.with_columns(panel_name.alias("panel"))
    told = hints(rows, "set:N", "scheme:N", "category:N", "stimuli:Q", "fraction:Q", "width:Q", "height:Q", "bytes:Q")
    x = alt.X("stimuli:Q", title="stimuli", axis=alt.Axis(tickMinStep=1))
    base = alt.Chart().encode(x=x, y=alt.Y("category:N", title=None), tooltip=told)
    bars = base.mark_bar(color=COLOURS[0])
    numbers = base.mark_text(align="left", dx=4, color=INK).encode(text=alt.Text("stimuli:Q", format=","))
    panel = layered(bars, numbers, rows=named, width=300, height=alt.Step(20))
    return faceted(panel, "panel", appearing(named, "panel"), 2, own_names=True)
