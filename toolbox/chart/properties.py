"""Figures of image properties: what tells the categories apart before any network does."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import colour, shape
from toolbox.chart.registry import figure
from toolbox.chart.theme import LINE, Chart, concat_panels, distinct_values, layer_marks, tooltips

AUC_TITLE = ["AUC of the property alone", "(line at 0.5: the category does not differ)"]
DIFFERENCE_TITLE = ["Standardised mean difference from all others", "(lines at 0 and ±0.1: matched sets)"]
MATCHED = 0.1
"""Standardised difference that sets of matched stimuli usually have at most."""
TOOLTIP = ("stimuli:Q", "missing:Q", "mean:Q", "sd:Q", "median:Q", "others_mean:Q", "others_sd:Q")


@figure(
    "properties/categories",
    "property",
    "category",
    "stimuli",
    "missing",
    "mean",
    "sd",
    "median",
    "others_mean",
    "others_sd",
    "difference",
    "auc",
)
def property_differences(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """How well every property tells each category from all others: AUC, and the standardised mean difference.

    Args:
        rows: of `properties/categories`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    marks = alt.Chart().mark_point(filled=True, size=60, opacity=0.9)
    marks = marks.encode(color=colour(rows, categories), shape=shape(rows, categories))
    panels = {
        "AUC": _points(rows, marks, "auc", AUC_TITLE, (0.5,)),
        "Difference": _points(rows, marks, "difference", DIFFERENCE_TITLE, (-MATCHED, 0, MATCHED)),
    }
    chart = concat_panels(panels, 2, shared="independent")
    with_one_legend: alt.ConcatChart = chart.resolve_scale(color="shared", shape="shared")
    return with_one_legend


def _points(
    rows: pl.DataFrame, marks: alt.Chart, measure: str, title: Sequence[str], lines: Sequence[float]
) -> alt.LayerChart:
    """One measure of every category, a line of points for each property."""
    order = alt.Scale(domain=distinct_values(rows, "property"))
    x = alt.X(f"{measure}:Q", title=[*title])
    rules = [
        alt.Chart().mark_rule(color=LINE).encode(x=alt.XDatum(place, type="quantitative")) for place in lines
    ]
    points = marks.encode(
        x=x.scale(domain=[0, 1]) if measure == "auc" else x,
        y=alt.Y("property:N", title=None, scale=order),
        tooltip=tooltips(rows, "property:N", "category:N", "auc:Q", "difference:Q", *TOOLTIP),
    )
    return layer_marks(*rules, points, rows=rows, width=300, height=alt.Step(24))
