"""Tuning curves: response against a stimulus variable, categorical or measured."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import colour
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    COLOURS,
    LINE,
    QUIET,
    Chart,
    concat_panels,
    distinct_values,
    layer_marks,
    tooltips,
)

BEYOND = 6  # degrees (or pixels) between the first and last values and the frame, which would cut their marks
RESPONSE = "Response (activation, mean ± s.e.m.)"
UNITS = {
    "orientation": "Orientation (degrees)",
    "direction": "Direction (degrees)",
    "phase": "Phase (degrees)",
    "frequency": "Spatial frequency (cycles per image)",
    "spatial_frequency": "Spatial frequency (cycles per image)",
    "contrast": "Luminance contrast (Michelson)",
}
"""Titles of axes for the stimulus parameters of the field; others have their own name."""
ANGLES = ("orientation", "direction", "phase")


@figure("tuning/category", "rank", "category", "n", "mean", "sd", "sem", "normalised")
def category(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Mean response of one filter to each category, ± s.e.m., in the order of the rows: by rank or by label.

    Args:
        rows: of `tuning/category`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    title = "Category, in order of the response" if rows["rank"].is_sorted() else "Category"
    order = alt.Scale(domain=distinct_values(rows, "category"))
    x = alt.X("category:N", title=title, scale=order, axis=alt.Axis(labelAngle=-45, labelOverlap=False))
    y = alt.Y("mean:Q", title=RESPONSE)
    step = max(24, min(60, 420 // len(rows)))
    base = alt.Chart().encode(x=x, y=y)
    tooltip = tooltips(rows, "category:N", "rank:Q", "mean:Q", "sem:Q", "sd:Q", "n:Q", "normalised:Q")
    return layer_marks(
        base.mark_line(color=LINE),
        base.mark_errorbar(ticks={"size": 8}, color=QUIET).encode(yError="sem:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            color=colour(rows, categories, legend=False), tooltip=tooltip
        ),
        rows=rows,
        width=alt.Step(step),
        height=260,
    )


@figure(
    "tuning/representative",
    "preferred",
    "rank",
    "layer",
    "filter",
    "category",
    "n",
    "mean",
    "sem",
    "normalised",
)
def representative_curves(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Mean response to each category, ± s.e.m., of the most selective filters of every category, a panel each.

    Args:
        rows: of `tuning/representative`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    panels = {
        f"{preferred}: {layer} / {number}": _curve(of_one, categories)
        for (preferred, layer, number), of_one in rows.group_by(
            "preferred", "layer", "filter", maintain_order=True
        )
    }
    return concat_panels(panels, 3)


def _curve(rows: pl.DataFrame, categories: Sequence[str]) -> alt.LayerChart:
    """The curve of one filter, in the order of the categories, which all panels share."""
    order = alt.Scale(domain=distinct_values(rows.sort("category"), "category"))
    x = alt.X("category:N", title=None, scale=order, axis=alt.Axis(labelAngle=-45, labelOverlap=False))
    ends = rows.with_columns(low=pl.col("mean") - pl.col("sem"), high=pl.col("mean") + pl.col("sem"))
    base = alt.Chart().encode(x=x)
    y = alt.Y("mean:Q", title=["Response (activation,", "mean ± s.e.m.)"])
    tooltip = tooltips(rows, "category:N", "mean:Q", "sem:Q", "n:Q", "normalised:Q")
    return layer_marks(
        base.mark_line(color=LINE).encode(y=y),
        base.mark_rule(color=QUIET).encode(y=alt.Y("low:Q"), y2="high"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            y=y, color=colour(rows, categories, legend=False), tooltip=tooltip
        ),
        rows=ends,
        width=max(200, 13 * rows["category"].n_unique()),
        height=140,
    )


@figure("tuning/parameter", "parameter", "value", "n", "mean", "sd", "sem", "normalised")
def parameter(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Tuning curve of one filter: mean response, ± s.e.m., against a stimulus parameter.

    Args:
        rows: of `tuning/parameter`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    name = "stimulus parameter" if rows.is_empty() else str(rows["parameter"][0])
    ticks = alt.Axis(values=_angles(rows["value"])) if name in ANGLES else alt.Axis()
    has_values = rows["value"].count() > 0  # padding of an empty scale is no number
    inside = alt.Scale(zero=False, nice=False, padding=BEYOND if has_values else 0)
    x = alt.X("value:Q", title=UNITS.get(name, name), scale=inside, axis=ticks)
    base = alt.Chart().encode(x=x, y=alt.Y("mean:Q", title=RESPONSE))
    tooltip = tooltips(rows, "value:Q", "mean:Q", "sem:Q", "sd:Q", "n:Q", "normalised:Q")
    return layer_marks(
        base.mark_line(color=COLOURS[0]),
        base.mark_errorbar(ticks=True, color=COLOURS[0]).encode(yError="sem:Q"),
        base.mark_point(filled=True, size=50, opacity=1, color=COLOURS[0]).encode(tooltip=tooltip),
        rows=rows.sort("value"),
        width=400,
        height=260,
    )


def _angles(shown: pl.Series) -> list[int]:
    """Multiples of 45 degrees in the range of the values presented."""
    known = shown.drop_nulls().to_list()
    return [angle for angle in range(0, 361, 45) if known and min(known) <= angle <= max(known)]
