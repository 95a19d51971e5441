"""Figures of single filters: the most selective of a category, and the stimuli with the largest responses of one."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import MANY, categories_of, colour, panel_colour
from toolbox.chart.over_layers import has_values
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    INK,
    QUIET,
    Chart,
    concat_panels,
    distinct_values,
    layer_marks,
    tooltips,
    values,
)
from toolbox.chart.titles import add_key

BAR_STEP = 17
IMAGE_SIDE = 48  # pixels


@figure(
    "filters/representative",
    "category",
    "rank",
    "layer",
    "filter",
    "share",
    "balanced_share",
    "contrast",
    "correlation",
    "value",
    optional=("low", "high"),
)
def representative(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """The most selective filters of each category: the index that ranks them as a bar, balanced share as a number.

    With resamples, a thin line is the bootstrap interval of the index.

    Args:
        rows: of `filters/representative`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    panels = {
        str(category): _ranked_bars(rows.filter(pl.col("category") == category), categories)
        for category in categories_of(rows)
    }
    chart = concat_panels(panels, 3 if len(panels) <= MANY else 4)
    line = ["Line: 95 % of bootstrap samples."] if has_values(rows, "low") else []
    return add_key(chart, ["Bar: the index that ranks the filters. Number: balanced share.", *line])


def _ranked_bars(rows: pl.DataFrame, categories: Sequence[str]) -> alt.LayerChart:
    """The filters of one category by the names of layer and filter, in rank order."""
    end = pl.max_horizontal("value", "high") if has_values(rows, "high") else pl.col("value")
    ranked = rows.sort("rank").with_columns(unit=pl.format("{} / {}", "layer", "filter"), end=end)
    indices = ("contrast:Q", "correlation:Q", "balanced_share:Q", "share:Q")
    tooltip = ("category:N", "rank:Q", "layer:O", "filter:Q", *indices)
    y = alt.Y("unit:N", title=None, scale=alt.Scale(domain=distinct_values(ranked, "unit")))
    base = alt.Chart().encode(y=y, tooltip=tooltips(rows, *tooltip))
    has_intervals = has_values(rows, "low")
    x = alt.X("value:Q", title="Index")
    bars = base.mark_bar().encode(x=x, color=panel_colour(rows, categories))
    numbers = base.mark_text(align="left", dx=4, fontSize=10, color=QUIET).encode(
        x=alt.X("end:Q"), text=alt.Text("balanced_share:Q", format=".2f")
    )
    numbers = numbers.transform_filter("isValid(datum.balanced_share)")  # a null would be written out
    intervals = [base.mark_rule(strokeWidth=1.2, color=INK).encode(x=alt.X("low:Q"), x2="high")]
    marks = [bars, *(intervals if has_intervals else ()), numbers]
    return layer_marks(*marks, rows=ranked, width=200, height=alt.Step(BAR_STEP))


@figure(
    "filters/stimuli", "rank", "stimulus_id", "category", "path", "response", "normalised", optional=["image"]
)
def stimuli(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """The stimuli with the largest responses of one filter, in rank order, with images where the rows contain them.

    Args:
        rows: of `filters/stimuli`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    ranked = with_thumbnails(rows.sort("rank"))
    ranked = ranked.with_columns(pl.format("{} {}", "rank", "category").alias("place"))
    has_images = "image" in rows.columns
    y = alt.Y(
        "place:N",
        title="Rank and category of the stimulus",
        scale=alt.Scale(domain=distinct_values(ranked, "place")),
        axis=alt.Axis(domain=False, ticks=False, labelPadding=6, labelOverlap=False),
    )
    tooltip = tooltips(rows, "rank:Q", "category:N", "response:Q", "normalised:Q", "stimulus_id:Q", "path:N")
    step = alt.Step(IMAGE_SIDE + 4 if has_images else 20)
    base = alt.Chart(values(ranked), height=step).encode(y=y, tooltip=tooltip)
    bars: alt.Chart = base.mark_bar(size=20 if has_images else 15).encode(
        x=alt.X("response:Q", title="Response of the filter (activation)", axis=alt.Axis(tickCount=4)),
        color=colour(rows, categories, legend=False),
    )
    bars = bars.properties(width=320)
    return _with_images(base, bars.encode(y=y.axis(None))) if has_images else bars


def _with_images(base: alt.Chart, bars: alt.Chart) -> alt.HConcatChart:
    """The images in front of the bars."""
    images = base.mark_image(width=IMAGE_SIDE, height=IMAGE_SIDE).encode(url="image:N")
    images = images.transform_filter("isValid(datum.image)").properties(width=IMAGE_SIDE)
    pair: alt.HConcatChart = alt.hconcat(images, bars, spacing=8)
    return pair


def with_thumbnails(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose images are data URIs or null: any other address would be fetched while the chart is drawn."""
    if "image" not in rows.columns:
        return rows
    image = pl.col("image").cast(pl.String)
    return rows.with_columns(pl.when(image.str.starts_with("data:image/")).then(image).alias("image"))
