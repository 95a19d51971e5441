"""Figures of the indices themselves: how they spread, agree, depend on a threshold, and how far to trust them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import altair as alt
import polars as pl

from toolbox.chart.layers import bands_over_layers
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    COLOURS,
    LINE,
    QUIET,
    Chart,
    appearing,
    colour,
    faceted,
    hints,
    layer_axis,
    layered,
    side_by_side,
    values,
)

LEVEL = 0.05  # q below which a filter is counted
STRONGEST = 10  # filters of each category that are named
CELL = 15  # pixels

INDICES_OF_FILTERS = {
    "csi": "class selectivity index",
    "depth_of_selectivity": "depth of selectivity",
    "lifetime_sparseness": "lifetime sparseness",
    "signal_to_noise": "signal to noise",
}
VALUES = {"value": "all stimuli", "cross_validated": "one half, chosen on the other"}
HALVES = {"agreement": "same preferred category", "reliability": "reliability over categories"}


@figure("selectivity/ranks", "layer", "category", "auc")
def ranks(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """AUC of the filters of each layer, one panel per category: median, middle 50 % and middle 90 %."""
    return bands_over_layers(rows, categories, "auc", "AUC", origin=0.5)


@figure("selectivity/population", "layer", "category", "sparseness")
def population(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Population sparseness of the stimuli of each category, over the layers."""
    return bands_over_layers(rows, categories, "sparseness", "population sparseness", of="stimuli")


@figure("selectivity/filters", "layer", *INDICES_OF_FILTERS)
def filters(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Four indices of the filters of each layer, one panel each, whatever the category."""
    named = _melted(rows, INDICES_OF_FILTERS, "category")
    chart = bands_over_layers(
        named, list(INDICES_OF_FILTERS.values()), "amount", "index", hue=COLOURS[0], columns=2
    )
    independent: alt.FacetChart = chart.resolve_scale(y="independent")
    return independent


@figure("selectivity/threshold", "layer", "category", "threshold", "filters", "selective", "proportion")
def threshold(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Share of a layer's filters above the threshold as it moves, one panel per layer and one line per category."""
    told = hints(rows, "layer:O", "category:N", "threshold:Q", "proportion:Q", "selective:Q", "filters:Q")
    known = rows.drop_nulls(["threshold", "proportion"])
    shown = known["threshold"].to_list() or [0, 1]
    domain = alt.Scale(domain=[min(shown), max(shown)], nice=False)
    axis = alt.Axis(format="~%", grid=True)
    layers = appearing(rows, "layer")
    width, height = (150, 110) if len(layers) > 1 else (400, 260)
    lines = alt.Chart(values(known), width=width, height=height).mark_line(strokeWidth=1.5)
    panel = lines.encode(
        x=alt.X("threshold:Q", title="threshold", scale=domain, axis=alt.Axis(tickCount=4)),
        y=alt.Y("proportion:Q", title="filters above it", axis=axis),
        color=colour(rows, categories),
        tooltip=told,
    )
    return faceted(panel, "layer", layers, 5)


@figure("selectivity/agreement", "layer", "first", "second", "filters", "spearman", "overlap", "chance")
def agreement(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Agreement of every two indices, one panel per layer: rank correlation above the diagonal, overlap below it."""
    names = sorted({*rows["first"], *rows["second"]})
    cells = with_both_halves(rows)
    lowest = min(cells["agreement"].drop_nulls().to_list(), default=0)
    hue = alt.Scale(scheme="redblue", domain=[-1, 1])
    if lowest >= 0:  # indices agree much, so the scale begins where they agree least
        hue = alt.Scale(scheme="blues", domain=[min(0.9, math.floor(10 * lowest) / 10), 1])
    legend = alt.Legend(
        title=["above the diagonal:", "rank correlation;", "below: overlap of", "the most selective"]
    )
    scale = alt.Scale(domain=names)
    panel = (
        alt.Chart(values(cells), width=CELL * len(names), height=CELL * len(names))
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("column:N", title=None, scale=scale, axis=alt.Axis(labelAngle=-90, labelOverlap=False)),
            y=alt.Y("row:N", title=None, scale=scale, axis=alt.Axis(labelOverlap=False)),
            color=alt.Color("agreement:Q", scale=hue, legend=legend),
            tooltip=hints(cells, "layer:O", "measure:N", "row:N", "column:N", "agreement:Q", "filters:Q"),
        )
    )
    return faceted(panel, "layer", appearing(rows, "layer"), 6)


def with_both_halves(rows: pl.DataFrame) -> pl.DataFrame:
    """Two cells for every pair: its rank correlation above the diagonal, its overlap below."""
    one, other = pl.min_horizontal("first", "second"), pl.max_horizontal("first", "second")
    halves = (
        ("rank correlation", "spearman", one, other),
        ("overlap of the most selective", "overlap", other, one),
    )
    return pl.concat(
        rows.select(
            "layer",
            "filters",
            pl.lit(measure).alias("measure"),
            row.alias("row"),
            column.alias("column"),
            pl.col(name).alias("agreement"),
        )
        for measure, name, row, column in halves
    )


@figure("selectivity/significance", "layer", "filter", "category", "value", "low", "high", "q", "p_family")
def significance(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """The most selective filters of each category with their intervals and q; above them, how many there are.

    Pooling layers, which have no q, are left out where others have one.
    """
    tested = rows.filter(pl.col("q").is_not_null())
    shown = rows if tested.is_empty() else tested
    by_category = {
        str(category): shown.filter(pl.col("category") == category)
        for category in sorted(appearing(rows, "category"))
    }
    chart = side_by_side({name: _strongest(of_one, categories) for name, of_one in by_category.items()}, 3)
    for panel, of_one in zip(chart.concat, by_category.values(), strict=True):
        known = of_one["q"].drop_nulls()
        panel.title.subtitle = f"q < {LEVEL} in {(known < LEVEL).sum():,} of {len(known):,} filters"
    return chart


def _strongest(rows: pl.DataFrame, categories: Sequence[str]) -> alt.LayerChart:
    """The filters of one category with the largest values, the first on top."""
    ranked = rows.sort("value", descending=True, nulls_last=True).head(STRONGEST)
    named = ranked.with_columns(pl.format("{} / {}", "layer", "filter").alias("unit"))
    y = alt.Y("unit:N", title=None, scale=alt.Scale(domain=appearing(named, "unit")))
    told = ("category:N", "layer:O", "filter:Q", "value:Q", "low:Q", "high:Q", "q:Q", "p_family:Q")
    hue = colour(rows, categories, legend=False)
    base = alt.Chart().encode(y=y, tooltip=hints(rows, *told))
    x = alt.X("value:Q", title="index, 95 % of bootstrap samples (number: q)", scale=alt.Scale(zero=False))
    numbers = base.mark_text(align="left", dx=5, fontSize=10, color=QUIET).encode(
        x=alt.X("high:Q"), text=alt.Text("q:Q", format=".2~g")
    )
    return layered(
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("low:Q"), x2="high", color=hue),
        base.mark_point(filled=True, size=45, opacity=1).encode(x=x, color=hue),
        numbers.transform_filter("isValid(datum.q) && isValid(datum.high)"),  # a null would be written out
        rows=named,
        width=220,
        height=alt.Step(17),
    )


@figure("selectivity/reliability", "layer", *VALUES, *HALVES)
def reliability(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """What choosing the preferred category adds to its index, and how far two halves of the stimuli agree."""
    panels = (
        _medians(rows, VALUES, "index of the preferred category", COLOURS[:2]),
        _medians(rows, HALVES, "agreement of the halves", COLOURS[2:4]),
    )
    chart: alt.ConcatChart = alt.concat(*panels, columns=1).resolve_scale(
        color="independent", xOffset="independent"
    )
    return chart


def _medians(
    rows: pl.DataFrame, names: Mapping[str, str], title: str, colours: Sequence[str]
) -> alt.LayerChart:
    """Median and middle 50 % of some columns over the layers, beside each other."""
    order = list(names.values())
    bands = (
        _melted(rows, names, "series")
        .group_by("layer", "series", maintain_order=True)
        .agg(
            *(
                pl.col("amount").quantile(level, "linear").alias(f"q{level:.0%}"[:-1])
                for level in (0.25, 0.5, 0.75)
            ),
            pl.col("amount").count().alias("filters"),
        )
    )
    x, width = layer_axis(appearing(rows, "layer"), 28, least=240)
    hue = alt.Color("series:N", title=None, scale=alt.Scale(domain=order, range=list(colours)), sort=order)
    offset = alt.XOffset("series:N", scale=alt.Scale(domain=order, paddingOuter=0.8))
    told = hints(bands, "layer:O", "series:N", "q25:Q", "q50:Q", "q75:Q", "filters:Q")
    base = alt.Chart().encode(x=x, xOffset=offset, color=hue, tooltip=told)
    y = alt.Y("q25:Q", title=[title, "(median, middle 50 % of filters)"], axis=alt.Axis(grid=True))
    return layered(
        alt.Chart().mark_rule(color=LINE).encode(y=alt.YDatum(0, type="quantitative")),
        base.mark_rule(strokeWidth=1.5).encode(y=y, y2="q75"),
        base.mark_point(filled=True, size=45, opacity=1).encode(y=alt.Y("q50:Q")),
        rows=bands,
        width=width,
        height=180,
    )


def _melted(rows: pl.DataFrame, names: Mapping[str, str], variable: str) -> pl.DataFrame:
    """One row per layer, filter and column, with the column's name in words and its value as `amount`."""
    long = rows.unpivot(list(names), index="layer", variable_name=variable, value_name="amount")
    return long.with_columns(pl.col(variable).replace(dict(names)))
