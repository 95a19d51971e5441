"""Tuning curves: response against a stimulus variable, categorical or measured."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    COLOURS,
    LINE,
    QUIET,
    Chart,
    appearing,
    colour,
    faceted,
    highest,
    hints,
    layered,
    values,
)

RESPONSE = "response (activation, mean ± s.e.m.)"
UNITS = {
    "orientation": "orientation (degrees)",
    "direction": "direction (degrees)",
    "phase": "phase (degrees)",
    "frequency": "spatial frequency (cycles per image)",
    "spatial_frequency": "spatial frequency (cycles per image)",
    "contrast": "contrast (Michelson)",
}
"""Titles of axes for the stimulus parameters of the field; others stand under their own name."""
ANGLES = ("orientation", "direction", "phase")


@figure("tuning/category", "rank", "category", "n", "mean", "sd", "sem", "normalised")
def category(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Mean response of one filter to each category, ± s.e.m., in rank order."""
    ranked = rows.sort("rank")
    order = alt.Scale(domain=appearing(ranked, "category"))
    x = alt.X(
        "category:N",
        title="category, in order of the response",
        scale=order,
        axis=alt.Axis(labelAngle=-45, labelOverlap=False),
    )
    y = alt.Y("mean:Q", title=RESPONSE)
    step = max(24, min(60, 420 // len(rows)))
    base = alt.Chart().encode(x=x, y=y)
    told = hints(rows, "category:N", "rank:Q", "mean:Q", "sem:Q", "sd:Q", "n:Q", "normalised:Q")
    return layered(
        base.mark_line(color=LINE),
        base.mark_errorbar(ticks={"size": 8}, color=QUIET).encode(yError="sem:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            color=colour(rows, categories, legend=False), tooltip=told
        ),
        rows=ranked,
        width=alt.Step(step),
        height=260,
    )


@figure("tuning/parameter", "parameter", "value", "n", "mean", "sd", "sem", "normalised")
def parameter(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Tuning curve of one filter: mean response, ± s.e.m., against a stimulus parameter."""
    name = "stimulus parameter" if rows.is_empty() else str(rows["parameter"][0])
    ticks = alt.Axis(values=_angles(rows["value"])) if name in ANGLES else alt.Axis()
    x = alt.X("value:Q", title=UNITS.get(name, name), scale=alt.Scale(zero=False, nice=False), axis=ticks)
    base = alt.Chart().encode(x=x, y=alt.Y("mean:Q", title=RESPONSE))
    told = hints(rows, "value:Q", "mean:Q", "sem:Q", "sd:Q", "n:Q", "normalised:Q")
    return layered(
        base.mark_line(color=COLOURS[0]),
        base.mark_errorbar(ticks=True, color=COLOURS[0]).encode(yError="sem:Q"),
        base.mark_point(filled=True, size=50, opacity=1, color=COLOURS[0]).encode(tooltip=told),
        rows=rows.sort("value"),
        width=400,
        height=260,
    )


@figure("tuning/orientation", "layer", "filter", "preferred", "selectivity", "peak", spanning=["peak"])
def orientation(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Preferred orientation and orientation selectivity of every filter, one panel per layer."""
    x = alt.X(
        "preferred:Q",
        title="preferred orientation (degrees)",
        scale=alt.Scale(domain=[0, 180]),
        axis=alt.Axis(values=[0, 45, 90, 135, 180]),
    )
    y = alt.Y("selectivity:Q", title="orientation selectivity", scale=alt.Scale(domain=[0, 1]))
    size = alt.Size(
        "peak:Q",
        title=["peak response", "(activation)"],
        scale=alt.Scale(domain=[0, highest(rows, "peak") or 1.0], range=[8, 120]),
    )
    panel = (
        alt.Chart(values(rows), width=160, height=120)
        .mark_circle(color=COLOURS[0], opacity=0.6)
        .encode(
            x=x,
            y=y,
            size=size,
            tooltip=hints(rows, "layer:O", "filter:Q", "preferred:Q", "selectivity:Q", "peak:Q"),
        )
    )
    return faceted(panel, "layer", appearing(rows, "layer"), 4)


def _angles(shown: pl.Series) -> list[int]:
    """Multiples of 45 degrees inside the values that are shown."""
    known = shown.drop_nulls().to_list()
    return [angle for angle in range(0, 361, 45) if known and min(known) <= angle <= max(known)]
