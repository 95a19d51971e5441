"""Figures of stimulus sets."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import categories_of, colour
from toolbox.chart.over_layers import with_columns
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    COLOURS,
    INK,
    LINE,
    Chart,
    concat_panels,
    distinct_values,
    layer_marks,
    tooltips,
)

LINE_KEY, RINGS_KEY = "(line: a balanced set)", "(rings: categories of equal size)"
EQUAL_COLUMNS = ("ratio_equal", "mean_depth_equal", "evenness_equal", "spread_equal")


@figure("sets/summary", "set", "scheme", "category", "stimuli", "proportion", "width", "height", "bytes")
def summary(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Number of stimuli of every category, one panel per set and label scheme.

    Args:
        rows: of `sets/summary`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    several = rows["scheme"].n_unique() > 1
    panels = {
        f"{name} · {scheme}" if several else str(name): _categories(of_one)
        for (name, scheme), of_one in rows.group_by("set", "scheme", maintain_order=True)
    }
    return concat_panels(panels, 2)


@figure(
    "sets/balance",
    "category",
    "stimuli",
    "selective",
    "proportion",
    "ratio",
    "mean_depth",
    "shift",
    "evenness",
    "spread",
    optional=EQUAL_COLUMNS,
)
def balance(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Proportion and mean depth of the filters selective for a category; the distance from the line is the imbalance.

    Rings are the same measures with categories of equal size, where they differ.

    Args:
        rows: of `sets/balance`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    known = with_columns(rows, EQUAL_COLUMNS).with_columns(
        pl.lit(1.0).alias("ratio_balanced"),
        (pl.col("mean_depth") - pl.col("shift")).alias("mean_depth_balanced"),
    )
    evenness, spread = _of_the_set(known, "evenness"), _of_the_set(known, "spread")
    panels = {
        f"Proportion: evenness {evenness}": _distances_from_balance(
            known, categories, "ratio", "Selective filters (proportion / mean of the categories)"
        ),
        f"Mean depth: spread {spread}": _distances_from_balance(
            known, categories, "mean_depth", "Mean depth of selective filters (0 first layer, 1 last)"
        ),
    }
    return concat_panels(panels, 2, shared="independent")


def _of_the_set(rows: pl.DataFrame, measure: str) -> str:
    """A number that is the same in all rows, and that for categories of equal size if it differs."""
    value, equal = (
        rows[name].cast(pl.Float64).drop_nulls().to_list()[:1] for name in (measure, f"{measure}_equal")
    )
    tooltip = f"{value[0]:.2f}" if value else "unknown"
    return tooltip if not equal or equal == value else f"{tooltip} ({equal[0]:.2f} for equal sizes)"


def _distances_from_balance(
    rows: pl.DataFrame, categories: Sequence[str], measure: str, title: str
) -> alt.LayerChart:
    """One measure of every category, with a bar from its value in a balanced set."""
    tooltip = ("category:N", "stimuli:Q", "selective:Q", "proportion:Q", "ratio:Q", "mean_depth:Q", "shift:Q")
    order = alt.Scale(domain=categories_of(rows))
    differs = rows.select((pl.col(f"{measure}_equal") != pl.col(measure)).any()).item()
    base = alt.Chart().encode(
        x=alt.X(f"{measure}:Q", title=[title, LINE_KEY, *([RINGS_KEY] if differs else [])]),
        y=alt.Y("category:N", title=None, scale=order),
        color=colour(rows, categories, legend=False),
        tooltip=tooltips(rows, *tooltip, f"{measure}_equal:Q"),
    )
    line = alt.Chart().mark_rule(color=LINE).encode(x=alt.X(f"{measure}_balanced:Q"))
    bars = base.mark_rule(strokeWidth=2.5).encode(x2=f"{measure}_balanced")
    points = base.mark_point(filled=True, size=70, opacity=1)
    rings = base.encode(x=alt.X(f"{measure}_equal:Q"))
    rings = rings.transform_filter(f"datum.{measure}_equal !== datum.{measure}")
    rings = rings.mark_point(filled=False, size=90, strokeWidth=1.5, opacity=1)
    return layer_marks(
        line, bars, points, *([rings] if differs else []), rows=rows, width=300, height=alt.Step(26)
    )


def _categories(rows: pl.DataFrame) -> alt.LayerChart:
    """The categories of one set under one scheme, in the order of the rows."""
    tooltip = (
        "set:N",
        "scheme:N",
        "category:N",
        "stimuli:Q",
        "proportion:Q",
        "width:Q",
        "height:Q",
        "bytes:Q",
    )
    order = alt.Scale(domain=distinct_values(rows, "category"))
    base = alt.Chart().encode(
        x=alt.X("stimuli:Q", title="Stimuli", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("category:N", title=None, scale=order),
        tooltip=tooltips(rows, *tooltip),
    )
    numbers = base.mark_text(align="left", dx=4, color=INK).encode(text=alt.Text("stimuli:Q", format=","))
    return layer_marks(base.mark_bar(color=COLOURS[0]), numbers, rows=rows, width=300, height=alt.Step(20))
