"""The figure of two studies compared: how far an index moved in every layer, and how many preferences changed."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import polars as pl

from toolbox.chart.notebook import self_contained
from toolbox.chart.over_layers import LAYER_STEP
from toolbox.chart.registry import clean
from toolbox.chart.theme import (
    COLOURS,
    GRID_LINE,
    INK,
    LINE,
    QUIET,
    Chart,
    apply_theme,
    distinct_values,
    layer_axis,
    layer_marks,
    tooltips,
)
from toolbox.chart.titles import TITLE_WIDTH, add_title


@dataclass(frozen=True)
class ChangeWords:
    """What is written into the figure.

    Attributes:
        title, subtitle: above it.
        index: what changed.
        noise: what the band means; empty where there is none.
    """

    title: str
    subtitle: str
    index: str
    noise: str = ""


def draw_changes(layers: pl.DataFrame, words: ChangeWords) -> Chart:
    """The changes of an index in every layer, with the band of sampling, above the filters whose preference changed.

    Args:
        layers: layer, filters, preferences_changed, beyond_noise, q05, q25, q50, q75, q95, lowest, highest, noise.
        words: of the figure.
    """
    rows = clean(layers.rename({"category": "largest_category"}) if "category" in layers.columns else layers)
    rows = rows.with_columns(
        low_noise=-pl.col("noise"),
        proportion=pl.col("preferences_changed") / pl.col("filters"),
        certain=pl.col("beyond_noise") / pl.col("filters"),
    )
    chart = alt.vconcat(_changes(rows, words), _preferences(rows), spacing=24)
    key = [
        "Above: median (white), middle 50 % (thick), middle 90 % (thin) and extremes (dots) of the changes.",
        *([words.noise] if words.noise else []),
        "Below: filters whose preferred category changed"
        + (
            ", in dark those that changed beyond sampling."
            if rows["certain"].null_count() < rows.height
            else "."
        ),
    ]
    return self_contained(add_title(apply_theme(chart), words.title, words.subtitle, TITLE_WIDTH, key=key))


def _changes(rows: pl.DataFrame, words: ChangeWords) -> alt.LayerChart:
    x, width = layer_axis(distinct_values(rows, "layer"), LAYER_STEP, least=240)
    tooltip = tooltips(
        rows, "layer:O", "lowest:Q", "q05:Q", "q25:Q", "q50:Q", "q75:Q", "q95:Q", "highest:Q", "noise:Q"
    )
    base = alt.Chart().encode(x=x, tooltip=tooltip)
    title = f"Change of {words.index}"
    y = alt.Y("q05:Q", title=title, axis=alt.Axis(grid=True, tickCount=7))
    noise = base.mark_bar(color=GRID_LINE, width=LAYER_STEP).encode(
        y=alt.Y("low_noise:Q", title=title), y2="noise"
    )
    zero = alt.Chart().mark_rule(color=LINE).encode(y=alt.YDatum(0))
    colour = COLOURS[0]
    thin = base.mark_bar(color=colour, width=2.5).encode(y=y, y2="q95")
    thick = base.mark_bar(color=colour, width=11).encode(y=alt.Y("q25:Q", title=title), y2="q75")
    median = base.mark_tick(color="white", thickness=2, width=11, orient="horizontal").encode(y="q50:Q")
    extremes = [
        base.mark_point(filled=True, size=16, color=INK, opacity=1).encode(y=alt.Y(f"{name}:Q", title=title))
        for name in ("lowest", "highest")
    ]
    return layer_marks(noise, zero, thin, thick, median, *extremes, rows=rows, width=width, height=240)


def _preferences(rows: pl.DataFrame) -> alt.LayerChart:
    x, width = layer_axis(distinct_values(rows, "layer"), LAYER_STEP, least=240)
    tooltip = tooltips(rows, "layer:O", "filters:Q", "preferences_changed:Q", "beyond_noise:Q")
    base = alt.Chart().encode(x=x, tooltip=tooltip)
    title = ["Preferred category changed", "(proportion of filters)"]
    every = base.mark_bar(color=QUIET, width=14, opacity=0.45).encode(
        y=alt.Y("proportion:Q", title=title, axis=alt.Axis(format="~%", tickCount=5, grid=True))
    )
    certain = base.mark_bar(color=COLOURS[0], width=14).encode(y=alt.Y("certain:Q", title=title))
    return layer_marks(every, certain, rows=rows, width=width, height=130)
