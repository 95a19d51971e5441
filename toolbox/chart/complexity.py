"""Complexity of categories: the proportion of filters selective for a category, and their mean depth.

It is a property of the network's representation, not of the images' pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import categories_of, colour
from toolbox.chart.over_layers import QUANTILES
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    Chart,
    concat_panels,
    layer_marks,
    tooltips,
    values,
)

MEASURE_NAMES = {"proportion": "Proportion of {} filters", "mean_depth": "Mean depth of {} filters"}
"""Of selective filters for a category, of responsive filters for a stimulus."""
AXIS_TITLES = {
    "proportion": "{} filters (proportion, mean over layers)",
    "mean_depth": "Mean depth of {} filters (0 first layer, 1 last)",
}
AXIS_FORMATS = {"proportion": "~%", "mean_depth": "~g"}


@figure("complexity/stimuli", "stimulus_id", "category", "path", "responsive", "proportion", "mean_depth")
def stimuli(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Proportion and mean depth of the filters responsive to a stimulus, by category: median, middle 50 % and 90 %.

    The stimuli outside the middle 90 % are points.

    Args:
        rows: of `complexity/stimuli`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    panels = {
        name.format("responsive"): _spread(rows, categories, measure)
        for measure, name in MEASURE_NAMES.items()
    }
    return concat_panels(panels, 2, shared="independent")


def axis_title(measure: str, kind: str) -> str:
    """The title of a measure's axis for selective or for responsive filters.

    Args:
        measure: 'proportion' or 'mean_depth'.
        kind: 'selective' or 'responsive'.
    """
    title = AXIS_TITLES[measure].format(kind)
    return title[0].upper() + title[1:]


def _spread(rows: pl.DataFrame, categories: Sequence[str], measure: str) -> alt.LayerChart:
    """The stimuli of every category by one measure."""
    value = pl.col(measure)
    quantiles = [value.quantile(level, "linear").alias(name) for name, level in QUANTILES.items()]
    bands = rows.group_by("category", maintain_order=True).agg(*quantiles, value.count().alias("stimuli"))
    order = alt.Scale(domain=categories_of(rows))
    hue = colour(rows, categories, legend=False)
    base = alt.Chart().encode(y=alt.Y("category:N", title=None, scale=order), color=hue)
    marks = (*_spread_bars(base, bands, measure), _spread_points(base, rows, bands, measure))
    return layer_marks(*marks, rows=bands, width=300, height=alt.Step(24))


def _spread_bars(base: alt.Chart, bands: pl.DataFrame, measure: str) -> list[alt.Chart]:
    """A thin bar for the middle 90 %, a thick one for the middle 50 %, a dash for the median."""
    tooltip = tooltips(bands, "category:N", *(f"{name}:Q" for name in QUANTILES), "stimuli:Q")
    bar = base.encode(tooltip=tooltip)
    title = [axis_title(measure, "responsive"), "(stimuli: median, middle 50 and 90 %, and those outside)"]
    x = alt.X("q05:Q", title=title, axis=alt.Axis(format=AXIS_FORMATS[measure]))
    median = alt.X("q50:Q")
    return [
        bar.mark_rule(strokeWidth=1.5).encode(x=x, x2="q95"),
        bar.mark_bar(size=9).encode(x=alt.X("q25:Q"), x2="q75"),
        bar.mark_tick(color="white", thickness=1.5, size=9).encode(x=median, color=alt.value("white")),
    ]


def _spread_points(base: alt.Chart, rows: pl.DataFrame, bands: pl.DataFrame, measure: str) -> alt.Chart:
    """The stimuli outside the middle 90 % of their category."""
    outside = rows.join(bands, on="category").filter(~pl.col(measure).is_between("q05", "q95"))
    tooltip = tooltips(
        rows, "path:N", "stimulus_id:Q", "category:N", "proportion:Q", "mean_depth:Q", "responsive:Q"
    )
    single = base.properties(data=values(outside.drop(*QUANTILES, "stimuli")))
    points: alt.Chart = single.mark_point(filled=True, size=16, opacity=0.7)
    return points.encode(x=alt.X(f"{measure}:Q"), tooltip=tooltip)
