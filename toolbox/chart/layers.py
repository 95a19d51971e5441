"""Figures over the depth of a network: layers on the x axis, in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.registry import figure
from toolbox.chart.theme import LINE, Chart, appearing, colour, faceted, hints, layer_axis, layered, shape

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
FACET_WIDTH = 1020  # pixels that a row of facets fills before the next row begins


@figure("layers/profile", "layer", "category", "filters", "selective", "proportion", "dead")
def profile(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Share of a layer's filters that are selective for a category, one line per category.

    Source: Malakhova (2018), figure 1.
    """
    told = hints(rows, "layer:O", "category:N", "proportion:Q", "selective:Q", "filters:Q", "dead:Q")
    return lines_over_layers(rows, categories, "proportion", "category-selective filters (share of the layer)", told)


@figure("selectivity/index", "layer", "category", "contrast")
def selectivity(rows: pl.DataFrame, categories: Sequence[str]) -> Chart:
    """Contrast of the filters of each layer, one panel per category: median, middle 50 % and middle 90 %."""
    return bands_over_layers(rows, categories, "contrast", "contrast")


def bands_over_layers(
    rows: pl.DataFrame,
    categories: Sequence[str],
    measure: str,
    title: str,
    *,
    of: str = "filters",
    origin: float = 0,
    hue: str | None = None,
    columns: int | None = None,
) -> alt.FacetChart:
    """Median, middle 50 % and middle 90 % of a measure in every layer, one panel per category.

    Args:
        title: what is measured, for the y axis.
        of: what is counted: filters or stimuli.
        origin: where a line is drawn across.
        hue: one colour for all; those of the categories if none, and then the panels are sorted.
        columns: panels in a row; as many as fit if not given.
    """
    layers = appearing(rows, "layer")
    bands = (
        rows.group_by("category", "layer", maintain_order=True)
        .agg(
            *(pl.col(measure).quantile(level, "linear").alias(name) for name, level in QUANTILES.items()),
            pl.col(measure).count().alias(of),
        )
        .sort("category", maintain_order=True)
    )
    x, width = layer_axis(layers, 14, least=180)
    told = hints(bands, "layer:O", "category:N", *(f"{name}:Q" for name in QUANTILES), f"{of}:Q")
    drawn = alt.value(hue) if hue else colour(rows, categories, legend=False)
    base = alt.Chart().encode(x=x, tooltip=told)
    y = alt.Y("q05:Q", title=[f"{title} of {of}", "(5, 25, 50, 75, 95 %)"], axis=alt.Axis(grid=True))
    panel = layered(
        alt.Chart().mark_rule(color=LINE).encode(y=alt.YDatum(origin, type="quantitative")),
        base.mark_rule(strokeWidth=1.5).encode(y=y, y2="q95", color=drawn),
        base.mark_bar(size=8).encode(y=alt.Y("q25:Q"), y2="q75", color=drawn),
        base.mark_tick(color="white", thickness=1.5, size=8).encode(y=alt.Y("q50:Q")),
        rows=bands,
        width=width,
        height=150,
    )
    order = list(categories) if hue else sorted(appearing(rows, "category"))
    return faceted(panel, "category", order, columns or max(1, FACET_WIDTH // (width + 40)))


def lines_over_layers(
    rows: pl.DataFrame, categories: Sequence[str], measure: str, title: str, told: list[alt.Tooltip]
) -> alt.LayerChart:
    """One line with points per category over the layers; in a browser a click on the legend picks one out.

    Args:
        measure: column of the y axis, a share from 0 to 1.
        title: of the y axis.
        told: tooltip of a point.
    """
    chosen = alt.selection_point(name="chosen", fields=["category"], bind="legend")
    x, width = layer_axis(appearing(rows, "layer"), 28, least=240)
    base = alt.Chart().encode(
        x=x,
        y=alt.Y(f"{measure}:Q", title=title, axis=alt.Axis(format="~%")),
        color=colour(rows, categories),
        opacity=alt.when(chosen).then(alt.value(1)).otherwise(alt.value(0.1)),
    )
    points = base.mark_point(filled=True, size=45).encode(shape=shape(rows, categories), tooltip=told)
    lines = base.mark_line(strokeWidth=1.5)
    # The legend is that of the first mark: only there does it answer to clicks.
    return layered(lines.add_params(chosen), points, rows=rows, width=width, height=300)
