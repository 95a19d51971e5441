"""Figures of the indices themselves: distribution, threshold, significance and reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import polars as pl

from toolbox.chart.categories import MANY, POINT_SHAPES, categories_of, colour, dash, panel_colour
from toolbox.chart.over_layers import BandMeasure, bands_over_layers
from toolbox.chart.registry import figure
from toolbox.chart.theme import (
    ALPHA,
    COLOURS,
    LINE,
    QUIET,
    Chart,
    concat_panels,
    distinct_values,
    facet_panels,
    layer_axis,
    layer_marks,
    tooltips,
    values,
)
from toolbox.chart.titles import add_key

FILTERS_NAMED = 10  # filters of each category that are named

INDICES_OF_FILTERS = {
    "csi": "class selectivity index",
    "depth_of_selectivity": "depth of selectivity",
    "lifetime_sparseness": "lifetime sparseness",
    "signal_to_noise": "signal to noise",
}
VALUE_COLUMNS = {"value": "all stimuli", "cross_validated": "one half, category chosen on the other"}
HALVES_COLUMNS = {"agreement": "same preferred category", "reliability": "reliability over categories"}


@figure(
    "selectivity/ranks",
    "layer",
    "category",
    "auc",
    title="AUC of the filters of every layer",
    without_pools=True,
)
def ranks(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """AUC of the filters of each layer, one panel per category: median, middle 50 % and middle 90 %.

    Args:
        rows: of `selectivity/ranks`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    return bands_over_layers(
        rows, categories, BandMeasure("auc", "AUC", origin=0.5, note="Line at 0.5: no preference.")
    )


@figure("selectivity/population", "layer", "category", "sparseness", without_pools=True)
def population(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Population sparseness of the stimuli of each category, over the layers.

    Args:
        rows: of `selectivity/population`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    measure = BandMeasure("sparseness", "Population sparseness", counted="stimuli")
    return bands_over_layers(rows, categories, measure)


@figure(
    "selectivity/filters",
    "layer",
    *INDICES_OF_FILTERS,
    title="How sharply the filters of every layer are tuned: four indices",
    without_pools=True,
)
def filters(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Four indices of the filters of each layer that do not depend on the category, one panel each.

    Args:
        rows: of `selectivity/filters`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    named = _unpivot_columns(rows, INDICES_OF_FILTERS, "category")
    order, measure = list(INDICES_OF_FILTERS.values()), BandMeasure("amount", "Index")
    chart = bands_over_layers(named, order, measure, hue=COLOURS[0], columns=2)
    independent: Chart = chart.resolve_scale(y="independent")
    return independent


@figure("selectivity/threshold", "layer", "category", "threshold", "filters", "selective", "proportion")
def threshold(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Proportion of selective filters as a function of the threshold, one panel per layer and one line per category.

    With many categories, one panel per category and one line per layer.

    Args:
        rows: of `selectivity/threshold`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    tooltip = tooltips(
        rows, "layer:O", "category:N", "threshold:Q", "proportion:Q", "selective:Q", "filters:Q"
    )
    known = rows.drop_nulls(["threshold", "proportion"])
    layers, names = distinct_values(rows, "layer"), categories_of(rows)
    column, panels = ("category", names) if len(names) > MANY else ("layer", layers)
    width, height = (150, 110) if len(panels) > 1 else (400, 260)
    lines = alt.Chart(values(known), width=width, height=height).mark_line(strokeWidth=1.5)
    panel = lines.encode(**_threshold_axes(known), tooltip=tooltip)
    if column == "category":
        panel = panel.encode(color=_depth_colour(layers))
    else:
        panel = panel.encode(color=colour(rows, categories), strokeDash=dash(rows, categories))
    return facet_panels(panel, column, panels, 5)


def _threshold_axes(rows: pl.DataFrame) -> dict[str, alt.X | alt.Y]:
    """The axes from the first to the last threshold, and of the proportion of selective filters."""
    shown = rows["threshold"].to_list() or [0, 1]
    domain = alt.Scale(domain=[min(shown), max(shown)], nice=False)
    axis = alt.Axis(format="~%", grid=True)
    return {
        "x": alt.X("threshold:Q", title="Threshold", scale=domain, axis=alt.Axis(tickCount=4)),
        "y": alt.Y("proportion:Q", title=["Selective filters", "(proportion)"], axis=axis),
    }


def _depth_colour(layers: Sequence[str]) -> alt.Color:
    """The layers from dark to light, in the order of their depth."""
    scale = alt.Scale(domain=list(layers), scheme="viridis")
    return alt.Color("layer:O", title="Layer", scale=scale, sort=list(layers))


@figure("selectivity/significance", "layer", "filter", "category", "value", "low", "high", "q", "p_fwe")
def significance(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """The most selective filters of each category with intervals and q; above them, the number of significant filters.

    Pooling layers, which have no q, are excluded if other layers have one.

    Args:
        rows: of `selectivity/significance`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    tested = rows.filter(pl.col("q").is_not_null())
    shown = rows if tested.is_empty() else tested
    by_category = {
        str(category): shown.filter(pl.col("category") == category) for category in categories_of(rows)
    }
    panels = {name: _most_selective_filters(of_one, categories) for name, of_one in by_category.items()}
    chart = concat_panels(panels, 3 if len(panels) <= MANY else 4)
    for panel, of_one in zip(chart.concat, by_category.values(), strict=True):
        known = of_one["q"].drop_nulls()
        panel.title.subtitle = (
            f"q < {ALPHA} in {(known < ALPHA).sum():,} of {len(known):,} filters{_bound(of_one)}"
        )
    return add_key(chart, ["Line: 95 % interval. Number: q."])


def _bound(rows: pl.DataFrame) -> str:
    """The bound that many q share, which is written once and not at each of them."""
    bounds = rows.filter(_is_bound(rows))["q"].drop_nulls().to_list()
    return f"; q <= {max(bounds):.2g} without number" if bounds else ""


def _is_bound(rows: pl.DataFrame) -> pl.Expr:
    """Whether a q is only known to be no larger, as far as the rows tell."""
    marked = pl.col("is_bound") if "is_bound" in rows.columns else pl.lit(value=False)
    return marked.fill_null(value=False)


def _most_selective_filters(rows: pl.DataFrame, categories: Sequence[str]) -> alt.LayerChart:
    """The filters of one category with the largest values, the first on top."""
    ranked = rows.sort("value", descending=True, nulls_last=True).head(FILTERS_NAMED)
    number = pl.when(~_is_bound(rows)).then(pl.col("q")).alias("number")
    named = ranked.with_columns(pl.format("{} / {}", "layer", "filter").alias("unit"), number)
    y = alt.Y("unit:N", title=None, scale=alt.Scale(domain=distinct_values(named, "unit")))
    tooltip = ("category:N", "layer:O", "filter:Q", "value:Q", "low:Q", "high:Q", "q:Q", "p_fwe:Q")
    hue = panel_colour(rows, categories)
    base = alt.Chart().encode(y=y, tooltip=tooltips(rows, *tooltip))
    x = alt.X("value:Q", title="Index", scale=alt.Scale(zero=False))
    numbers = base.mark_text(align="left", dx=5, fontSize=10, color=QUIET).encode(
        x=alt.X("high:Q"), text=alt.Text("number:Q", format=".2~g")
    )
    return layer_marks(
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("low:Q"), x2="high", color=hue),
        base.mark_point(filled=True, size=45, opacity=1).encode(x=x, color=hue),
        numbers.transform_filter(
            "isValid(datum.number) && isValid(datum.high)"
        ),  # a null would be written out
        rows=named,
        width=220,
        height=alt.Step(17),
    )


@figure("selectivity/reliability", "layer", *VALUE_COLUMNS, *HALVES_COLUMNS, without_pools=True)
def reliability(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:  # noqa: ARG001
    """Bias of the index of the preferred category by choosing it, and agreement of two halves of the stimuli.

    Args:
        rows: of `selectivity/reliability`, at least one; numbers are finite or null.
        categories: all of the labelling, in the order of their colours.
    """
    panels = (
        _medians(rows, VALUE_COLUMNS, "Index of the preferred category", COLOURS[:2]),
        _medians(rows, HALVES_COLUMNS, "Agreement of the halves", COLOURS[2:4]),
    )
    chart: alt.ConcatChart = alt.concat(*panels, columns=1).resolve_scale(
        color="independent", shape="independent", xOffset="independent"
    )
    return chart


def _medians(
    rows: pl.DataFrame, names: Mapping[str, str], title: str, colours: Sequence[str]
) -> alt.LayerChart:
    """Median and middle 50 % of some columns over the layers, side by side."""
    order = list(names.values())
    bands = _quartiles(rows, names)
    x, width = layer_axis(distinct_values(rows, "layer"), 28, least=240)
    hue = alt.Color("series:N", title=None, scale=alt.Scale(domain=order, range=list(colours)), sort=order)
    shapes = alt.Shape("series:N", title=None, scale=alt.Scale(domain=order, range=list(POINT_SHAPES[:2])))
    offset = alt.XOffset("series:N", scale=alt.Scale(domain=order, paddingOuter=0.8))
    tooltip = tooltips(bands, "layer:O", "series:N", "q25:Q", "q50:Q", "q75:Q", "filters:Q")
    base = alt.Chart().encode(x=x, xOffset=offset, color=hue, tooltip=tooltip)
    y = alt.Y("q25:Q", title=[title, "(median, middle 50 % of filters)"], axis=alt.Axis(grid=True))
    marks = (
        alt.Chart().mark_rule(color=LINE).encode(y=alt.YDatum(0, type="quantitative")),
        base.mark_rule(strokeWidth=1.5).encode(y=y, y2="q75"),
        base.mark_point(filled=True, size=45, opacity=1).encode(y=alt.Y("q50:Q"), shape=shapes),
    )
    return layer_marks(*marks, rows=bands, width=width, height=180)


def _quartiles(rows: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """One row per layer and column: the quartiles over the filters that have a value, and their number."""
    amount = pl.col("amount")
    levels = {"q25": 0.25, "q50": 0.5, "q75": 0.75}
    quartiles = [amount.quantile(level, "linear").alias(name) for name, level in levels.items()]
    series = _unpivot_columns(rows, names, "series").group_by("layer", "series", maintain_order=True)
    return series.agg(*quartiles, amount.count().alias("filters"))


def _unpivot_columns(rows: pl.DataFrame, names: Mapping[str, str], variable: str) -> pl.DataFrame:
    """One row per layer, filter and column, with the column's name in words and its value as `amount`."""
    long = rows.unpivot(list(names), index="layer", variable_name=variable, value_name="amount")
    return long.with_columns(pl.col(variable).replace(dict(names)))
