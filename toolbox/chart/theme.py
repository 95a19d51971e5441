"""The one look of all figures: fonts, sizes, colours. Never touches Altair's global settings."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

Chart = alt.Chart | alt.LayerChart | alt.FacetChart | alt.ConcatChart | alt.HConcatChart

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""The first of these is built into vl-convert, so PNG and SVG do not depend on the fonts of a machine."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Told apart under every common colour blindness (Okabe & Ito 2008); their yellow is too faint on paper."""

SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
"""Seven colours and six shapes have no common factor: 42 categories before a pair comes again."""

UNLABELLED = "no label"
"""How figures call stimuli without a category; they are grey and take no colour from the others."""

SPANNED = "_highest"
"""Ending of a column that holds another's largest value over all networks of a comparison."""

INK, QUIET, LINE, GRID, BAND = "#222222", "#5f5f5f", "#b5b5b5", "#ececec", "#ededed"
TITLE_WIDTH = 72  # characters in a line, at its size about 480 pixels
SUBTITLE_WIDTH = 96
LEGEND_ROWS = 18

CONFIG: dict[str, Any] = {
    "background": "white",
    "font": FONT,
    "padding": 8,
    "title": {
        "anchor": "start",
        "color": INK,
        "fontSize": 14,
        "fontWeight": "bold",
        "subtitleColor": QUIET,
        "subtitleFontSize": 11,
        "subtitlePadding": 4,
        "offset": 12,
    },
    "axis": {
        "labelColor": INK,
        "labelFontSize": 11,
        "labelLimit": 200,
        "maxExtent": 240,  # a title stands behind the longest label
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "domainColor": QUIET,
        "tickColor": QUIET,
        "gridColor": GRID,
    },
    "axisBand": {"grid": False},
    "axisQuantitative": {"labelFlush": False},
    "header": {
        "labelColor": INK,
        "labelFontSize": 12,
        "labelFontWeight": "bold",
        "labelPadding": 4,
        "titleColor": INK,
        "titleFontSize": 12,
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": 11,
        "labelLimit": 220,
        "symbolLimit": 0,  # every category is listed
        "symbolSize": 70,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "view": {"stroke": None},
}


def dressed(chart: Chart) -> Chart:
    """The chart with this look written into its own specification."""
    in_this_look: Chart = chart.configure(**CONFIG)
    return in_this_look


def titled(chart: Chart, title: str, subtitle: str) -> Chart:
    """The chart under a title and a subtitle, both broken into lines that fit; without either, as it is."""
    if not title and not subtitle:
        return chart
    lines = [line for part in subtitle.splitlines() for line in textwrap.wrap(part, SUBTITLE_WIDTH)]
    return chart.properties(title=alt.TitleParams(textwrap.wrap(title, TITLE_WIDTH), subtitle=lines))


def without_rows() -> alt.Chart:
    """What is drawn for an empty table: a chart that says so."""
    chart = alt.Chart(alt.InlineData(values=[{}]), width=360, height=80)
    words: alt.Chart = chart.mark_text(text="no rows", color=QUIET, fontSize=13)
    return words


def values(rows: pl.DataFrame) -> alt.InlineData:
    """Rows as they are embedded, whatever data transformer or row limit a session has set."""
    return alt.InlineData(values=rows.to_dicts())


def appearing(rows: pl.DataFrame, column: str) -> list[Any]:
    """The values of a column in the order of their first appearance: how queries order layers by depth."""
    return rows[column].drop_nulls().unique(maintain_order=True).to_list()


def highest(rows: pl.DataFrame, column: str) -> float | None:
    """The largest value of a column that a figure is `spanning`: over all networks, where several are compared."""
    spanned = f"{column}{SPANNED}"
    found = rows[spanned if spanned in rows.columns else column].cast(pl.Float64).max()
    return float(found) if isinstance(found, float) else None


def colour_of(category: str, categories: Sequence[str]) -> str:
    """The colour of one category among all of a study."""
    return LINE if category == UNLABELLED else COLOURS[categories.index(category) % len(COLOURS)]


def shape_of(category: str, categories: Sequence[str]) -> str:
    """The shape of one category's points, so that a figure can be read without its colours."""
    return SHAPES[0] if category == UNLABELLED else SHAPES[categories.index(category) % len(SHAPES)]


def colour(rows: pl.DataFrame, categories: Sequence[str], *, legend: bool = True) -> alt.Color:
    """The categories of the rows in the colours they have in every figure of the study."""
    shown = sorted(appearing(rows, "category"))
    scale = alt.Scale(domain=shown, range=[colour_of(category, categories) for category in shown])
    return alt.Color("category:N", title="category", scale=scale, legend=_legend(shown) if legend else None)


def shape(rows: pl.DataFrame, categories: Sequence[str], *, legend: bool = True) -> alt.Shape:
    """The categories of the rows in their shapes; merges with the legend of `colour`."""
    shown = sorted(appearing(rows, "category"))
    scale = alt.Scale(domain=shown, range=[shape_of(category, categories) for category in shown])
    return alt.Shape("category:N", title="category", scale=scale, legend=_legend(shown) if legend else None)


def layer_axis(layers: Sequence[str], step: int, *, least: int) -> tuple[alt.X, int]:
    """The x axis with all layers in the order given, and its width in pixels.

    Args:
        step: pixels from layer to layer; fewer when there are very many layers.
        least: pixels that the axis has even with a single layer.
    """
    between = max(13, min(step, 1000 // len(layers)))
    axis = alt.Axis(title="layer", labelAngle=-45 if between > 15 else -90, labelOverlap=False)
    x = alt.X("layer:O", scale=alt.Scale(domain=list(layers)), axis=axis)
    return x, max(least, between * len(layers))


def layered(
    *marks: alt.Chart, rows: pl.DataFrame, width: int | alt.Step, height: int | alt.Step
) -> alt.LayerChart:
    """Marks over one another that share their rows; sizes in pixels, or in steps for names."""
    return alt.LayerChart(layer=list(marks), data=values(rows), width=width, height=height)


def faceted(
    panel: alt.Chart | alt.LayerChart, column: str, order: Sequence[str], columns: int
) -> alt.FacetChart:
    """The same panel for each value of a column, in the order given, so many in a row."""
    header = alt.Header(title=None, labelLimit=panel.width)
    chart = panel.facet(alt.Facet(f"{column}:N", sort=list(order), header=header), columns=columns)
    if len(order) > columns and len(order) % columns:
        # Vega-Lite draws a shared axis below the empty cells of an incomplete last row, far from its panels.
        chart = chart.resolve_axis(x="independent")
    return chart


def side_by_side(
    panels: Mapping[str, alt.LayerChart], columns: int, *, shared: Literal["shared", "independent"] = "shared"
) -> alt.ConcatChart:
    """Panels with a name each and, unless they measure different things, one x scale; their y axes are their own."""
    named = [
        panel.properties(title=alt.TitleParams(name, anchor="middle", fontSize=12, offset=6, limit=300))
        for name, panel in panels.items()
    ]
    chart: alt.ConcatChart = alt.concat(*named, columns=columns).resolve_scale(x=shared, color="independent")
    return chart


def hints(rows: pl.DataFrame, *fields: str) -> list[alt.Tooltip]:
    """What a pointer on a mark is told, with measured values, not counts, cut to four digits."""
    measured = {name for name, kind in rows.schema.items() if kind.is_float()}
    return [
        alt.Tooltip(field, format=".4~g") if field.partition(":")[0] in measured else alt.Tooltip(field)
        for field in fields
    ]


def _legend(shown: Sequence[str]) -> alt.Legend:
    """A legend in as many columns as keep it about as high as the figure."""
    return alt.Legend(columns=-(-len(shown) // LEGEND_ROWS) or 1)
