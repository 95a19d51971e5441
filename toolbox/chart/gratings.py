"""Figures of the tuning of all filters to oriented gratings: preferred orientations and spatial frequencies."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    COLOURS,
    INK,
    LINE,
    QUIET,
    Chart,
    distinct_values,
    facet_panels,
    layer_axis,
    layer_marks,
    tooltips,
    values,
)
from toolbox.chart.titles import add_key
from toolbox.chart.tuning import BEYOND, UNITS

FREQUENCY = "spatial_frequency"
ORIENTATION = "Preferred orientation (degrees)"
QUARTILES = {"q25": 0.25, "q50": 0.5, "q75": 0.75}
DARK = 0.5  # proportion above which the number of a cell is white
WEAK, STRONG = 0.1, 2.0
"""Peaks, as multiples of the layer's median, below which tuning means nothing, and above which points grow no more."""
WIDE = 26  # pixels that a cell's number needs


@figure(
    "tuning/orientation",
    "layer",
    "filter",
    "preferred",
    "selectivity",
    "osi",
    "half_width",
    "peak",
    "relative_peak",
)
def orientation(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Preferred orientation and orientation selectivity of every filter, one panel per layer.

    Args:
        rows: of `tuning/orientation`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    x = alt.X(
        "preferred:Q",
        title=ORIENTATION,
        scale=alt.Scale(domain=[-BEYOND, 180 + BEYOND], nice=False),
        axis=alt.Axis(values=[0, 45, 90, 135, 180]),
    )
    y = alt.Y(
        "selectivity:Q", title="Orientation selectivity", scale=alt.Scale(domain=[-0.03, 1.03], nice=False)
    )
    size = alt.Size(
        "relative_peak:Q",
        title=["Peak response", "(median of the", "layer: 1)"],
        scale=alt.Scale(domain=[0, STRONG], range=[6, 90], clamp=True),
        legend=alt.Legend(
            values=[WEAK, 1, STRONG],
            labelExpr=f"datum.value < {STRONG} ? datum.label : '{STRONG:g} or more'",
            format="~g",
        ),
    )
    hue = alt.when(f"datum.relative_peak < {WEAK}").then(alt.value(LINE)).otherwise(alt.value(COLOURS[0]))
    measures = ("preferred:Q", "selectivity:Q", "osi:Q", "half_width:Q", "peak:Q", "relative_peak:Q")
    tooltip = tooltips(rows, "layer:O", "filter:Q", *measures)
    points = alt.Chart(values(rows), width=160, height=120).mark_circle(opacity=0.6)
    panel = points.encode(x=x, y=y, size=size, color=hue, tooltip=tooltip)
    chart = facet_panels(panel, "layer", distinct_values(rows, "layer"), 4)
    return add_key(chart, [f"Grey: peak below {WEAK:g} of the layer's median, too weak to be tuned."])


@figure("tuning/preferences", "layer", "bin", "filters", "proportion")
def preferences(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Proportion of a layer's selective filters that prefer each orientation, one panel per layer, with chance.

    Args:
        rows: of `tuning/preferences`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    chance = 1 / rows["bin"].n_unique()
    half = 90 * chance  # degrees: the bins divide 180 among them, and this is half of one
    bars = rows.with_columns(start=pl.col("bin") - half, end=pl.col("bin") + half, chance=pl.lit(chance))
    line = alt.Chart().mark_rule(color=QUIET, strokeDash=[4, 3])
    line = line.encode(y=alt.YDatum(chance, type="quantitative"))
    panel = layer_marks(_bin_bars(bars, half), line, rows=bars, width=160, height=100)
    return facet_panels(panel, "layer", distinct_values(rows, "layer"), 4)


def _bin_bars(bars: pl.DataFrame, half: float) -> alt.Chart:
    """A bar from the start of each bin to its end."""
    x = alt.X(
        "start:Q",
        title=ORIENTATION,
        scale=alt.Scale(domain=[-half, 180 - half], nice=False),
        axis=alt.Axis(values=[0, 45, 90, 135]),
    )
    title = ["Filters (proportion;", "dashed: chance)"]
    y = alt.Y("proportion:Q", title=title, axis=alt.Axis(format="~%"))
    tooltip = tooltips(bars, "layer:O", "bin:Q", "filters:Q", "proportion:Q", "chance:Q")
    marks: alt.Chart = alt.Chart().mark_bar(color=COLOURS[0], stroke="white", strokeWidth=0.5)
    # without a second y a bar between two x is a dash at its height
    return marks.encode(x=x, x2="end", y=y, y2=alt.Y2Datum(0), tooltip=tooltip)


@figure("tuning/frequency", "layer", "filter", "preferred", "bandwidth", optional=["parameter"])
def frequency(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Proportion of a layer's filters that prefer each spatial frequency; below it, their bandwidths, if any has one.

    Args:
        rows: of `tuning/frequency`, at least one; numbers are finite or null. `parameter` names the stimulus
            parameter that is the frequency; without it, it is `spatial_frequency`.
        categories: all of the labelling, in the order of their colours.
    """
    layers = distinct_values(rows, "layer")
    x, width = layer_axis(layers, 30, least=240)
    name = str(rows["parameter"][0]) if "parameter" in rows.columns else FREQUENCY
    title = f"Preferred {UNITS.get(name, name)}".replace("Spatial", "spatial").replace(" (", "|(").split("|")
    if rows["bandwidth"].drop_nulls().is_empty():
        title = [*title, "No filter is band-pass, so none has a bandwidth"]
        return _preferred_frequencies(rows, x, width, title)
    above = alt.X(
        "layer:O", scale=alt.Scale(domain=layers), axis=alt.Axis(title=None, labels=False, ticks=False)
    )
    panels = alt.vconcat(_preferred_frequencies(rows, above, width, title), _bandwidths(rows, x, width))
    chart: alt.VConcatChart = panels.resolve_scale(color="independent")
    return chart


def _preferred_frequencies(rows: pl.DataFrame, x: alt.X, width: int, title: Sequence[str]) -> alt.LayerChart:
    """A cell for every layer and frequency, the darker the more of the layer's tuned filters prefer it."""
    tuned = rows.drop_nulls("preferred")
    counts = tuned.group_by("layer", "preferred", maintain_order=True).len("filters")
    cells = counts.with_columns(proportion=pl.col("filters") / pl.col("filters").sum().over("layer"))
    frequencies = sorted(distinct_values(cells, "preferred"), reverse=True)
    y = alt.Y("preferred:O", title=list(title), scale=alt.Scale(domain=frequencies))
    tooltip = tooltips(cells, "layer:O", "preferred:Q", "proportion:Q", "filters:Q")
    base = alt.Chart().encode(x=x, y=y, tooltip=tooltip)
    has_room = width >= WIDE * rows["layer"].n_unique()
    marks = [_shaded_cells(base), *([_numbers(base)] if has_room else [])]
    return layer_marks(*marks, rows=cells, width=width, height=alt.Step(30))


def _shaded_cells(base: alt.Chart) -> alt.Chart:
    shade = alt.Color(
        "proportion:Q",
        title=["Filters", "(proportion)"],
        scale=alt.Scale(domain=[0, 1], scheme="blues"),
        legend=alt.Legend(format="~%", gradientLength=90),
    )
    cells: alt.Chart = base.mark_rect()
    return cells.encode(color=shade)


def _numbers(base: alt.Chart) -> alt.Chart:
    """The proportions as numbers, white on the dark cells."""
    ink = alt.when(alt.datum.proportion > DARK).then(alt.value("white")).otherwise(alt.value(INK))
    numbers: alt.Chart = base.mark_text(fontSize=10)
    return numbers.encode(text=alt.Text("proportion:Q", format=".0%"), color=ink)


def _bandwidths(rows: pl.DataFrame, x: alt.X, width: int) -> alt.LayerChart:
    """Median and middle half of the bandwidths of every layer, and how many filters have one."""
    measure = pl.col("bandwidth")
    levels = [measure.quantile(level, "linear").alias(name) for name, level in QUARTILES.items()]
    bands = rows.group_by("layer", maintain_order=True).agg(*levels, measure.count().alias("filters"))
    base = alt.Chart().encode(
        x=x, tooltip=tooltips(bands, "layer:O", *(f"{name}:Q" for name in QUARTILES), "filters:Q")
    )
    y = alt.Y(
        "q25:Q",
        title=["Bandwidth (octaves; band-pass", "filters: median, middle 50 %)"],
        axis=alt.Axis(grid=True),
    )
    return layer_marks(
        base.mark_bar(size=10, color=COLOURS[0], opacity=0.4).encode(y=y, y2="q75"),
        # wider than the bar, so that it is seen where a layer has one such filter and the bar no height
        base.mark_tick(color=COLOURS[0], opacity=1, thickness=2, size=14).encode(y=alt.Y("q50:Q")),
        rows=bands,
        width=width,
        height=150,
    )
