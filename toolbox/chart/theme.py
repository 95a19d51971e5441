"""The one look of all figures: fonts, sizes, colours. Never touches Altair's global settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

from toolbox.chart.letters import text_width

Chart = alt.Chart | alt.LayerChart | alt.FacetChart | alt.ConcatChart | alt.HConcatChart | alt.VConcatChart

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""The first of these is built into vl-convert, so PNG and SVG do not depend on the fonts of a machine."""

COLOURS = ("#024297", "#cf6c00", "#007b53", "#ad5d98", "#4799e8", "#8d3e00", "#000000", "#542311")
"""Distinct under every common colour blindness, dark enough for white paper, and of different lightness in grey.

Those of Okabe & Ito (2008), changed until the least difference of two was largest: tests/chart/test_palette.py measures
it. Their yellow, sky blue and orange are too faint on paper."""

HIGHEST_SUFFIX = "_highest"
"""Suffix of a column with the largest value of another over all networks of a comparison."""

INK, QUIET, LINE, GRID_LINE, BAND = "#222222", "#5f5f5f", "#b5b5b5", "#ececec", "#dddddd"
COLOURS_ON_DARK = (
    "#5b8def", "#ff9f40", "#2fb88a", "#d98cc6", "#a8d8ff", "#c77b4a", "#ffffff", "#a58a80",
)  # fmt: skip
"""The same hues in the same order on a dark page."""
ON_DARK = {
    **dict(zip(COLOURS, COLOURS_ON_DARK, strict=True)),
    "white": "#1a1a1a",
    INK: "#e6e8ea",
    QUIET: "#a8b0b8",
    LINE: "#6c737a",
    GRID_LINE: "#2f3338",
    BAND: "#44494f",
    "black": "#ffffff",
}
"""What colours become on a dark page; those of scales are seen on both."""
TITLE_SIZE, SUBTITLE_SIZE, HEADER_SIZE = 14, 11, 12  # pixels
MOST_AXES = 3  # rows of panels with an axis each, where the last row is incomplete
ALPHA = 0.05  # a corrected p or q below it is significant

TOOLTIP_NAMES = {
    "contrast": "response contrast",
    "auc": "AUC",
    "auprc": "AUPRC",
    "csi": "CSI",
    "d_prime": "d'",
    "fsi": "FSI",
    "welch_t": "Welch's t",
    "depth": "network depth",
    "here": "this study",
    "n": "stimuli",
    "osi": "OSI",
    "p_fwe": "p (FWE-corrected)",
    "p_holm": "p (Holm)",
    "q05": "5th percentile",
    "q25": "25th percentile",
    "q50": "median",
    "q75": "75th percentile",
    "q95": "95th percentile",
    "sd": "standard deviation",
    "sem": "standard error",
    "significant_fwe": "significant (FWE-corrected)",
    "there": "published table",
}
"""Columns whose name in words is not the name itself with blanks."""

EMBEDDING = {
    "embedOptions": {"actions": {"export": True, "source": False, "compiled": False, "editor": False}}
}
"""What vega-embed reads from a specification, in whatever page: the menu saves pictures, and does nothing else."""

CONFIG: dict[str, Any] = {
    "background": "white",
    "font": FONT,
    "padding": 8,
    "title": {
        "anchor": "start",
        "color": INK,
        "fontSize": TITLE_SIZE,
        "fontWeight": "bold",
        "subtitleColor": QUIET,
        "subtitleFontSize": SUBTITLE_SIZE,
        "subtitlePadding": 4,
        "offset": 12,
    },
    "axis": {
        "labelColor": INK,
        "labelFontSize": 11,
        "labelLimit": 200,
        "maxExtent": 240,  # a title is behind the longest label
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "domainColor": QUIET,
        "tickColor": QUIET,
        "gridColor": GRID_LINE,
    },
    "axisBand": {"grid": False},
    "axisQuantitative": {"labelFlush": False},
    "header": {
        "labelColor": INK,
        "labelFontSize": HEADER_SIZE,
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


def apply_theme(chart: Chart) -> Chart:
    """The chart with this look written into its own specification."""
    in_this_look: Chart = chart.configure(**CONFIG)
    in_this_look.usermeta = EMBEDDING
    return in_this_look


def empty_chart() -> alt.Chart:
    """The chart of an empty table: the words `no rows`."""
    chart = alt.Chart(alt.InlineData(values=[{}]), width=360, height=80)
    words: alt.Chart = chart.mark_text(text="no rows", color=QUIET, fontSize=13)
    return words


def values(rows: pl.DataFrame) -> alt.InlineData:
    """Rows as they are embedded, whatever data transformer or row limit a session has set."""
    return alt.InlineData(values=rows.to_dicts())


def distinct_values(rows: pl.DataFrame, column: str) -> list[Any]:
    """The values of a column in the order of their first appearance: how queries order layers by depth.

    Args:
        rows: of any query.
        column: its name.
    """
    return rows[column].drop_nulls().unique(maintain_order=True).to_list()


def highest_value(rows: pl.DataFrame, column: str) -> float | None:
    """The largest value of a column that ends a scale: over all networks, where several are compared.

    Args:
        rows: of one network.
        column: among the `scale_ends` of the figure.
    """
    over_all = f"{column}{HIGHEST_SUFFIX}"
    found = rows[over_all if over_all in rows.columns else column].cast(pl.Float64).max()
    return float(found) if isinstance(found, float) else None


def layer_axis(layers: Sequence[str], step: int, *, least: int) -> tuple[alt.X, int]:
    """The x axis with all layers in the order given, and its width in pixels.

    Args:
        layers: by depth.
        step: pixels from layer to layer; fewer when there are very many layers.
        least: pixels that the axis has even with a single layer.
    """
    between = max(13, min(step, 1000 // len(layers)))
    axis = alt.Axis(title="Layer", labelAngle=-45 if between > 20 else -90, labelOverlap=False)
    x = alt.X("layer:O", scale=alt.Scale(domain=list(layers)), axis=axis)
    return x, max(least, between * len(layers))


def layer_marks(
    *marks: alt.Chart, rows: pl.DataFrame, width: int | alt.Step, height: int | alt.Step
) -> alt.LayerChart:
    """Marks over one another that share their rows.

    Args:
        marks: from the lowest to the topmost.
        rows: embedded once, for all of them.
        width: in pixels, or in steps for names.
        height: as the width.
    """
    return alt.LayerChart(layer=list(marks), data=values(rows), width=width, height=height)


def facet_panels(
    panel: alt.Chart | alt.LayerChart, column: str, order: Sequence[str], columns: int
) -> alt.FacetChart:
    """The same panel for each value of a column, at least as wide as the names above them, which are never cut.

    Args:
        panel: what is drawn of the rows of one value.
        column: its name.
        order: the values, in the order of their panels.
        columns: panels in a row.
    """
    header = alt.Header(title=None, labelLimit=0)
    if isinstance(panel.width, int):
        panel.width = max(panel.width, *map(name_width, order), 0)
    if len(order) > columns > 2 and len(order) % columns and not len(order) % (columns - 1):
        columns -= 1  # so that all rows are complete, and share the axes below them
    chart = panel.facet(alt.Facet(f"{column}:N", sort=list(order), header=header), columns=columns)
    if shared_axis(len(order), columns) == "independent":
        chart = chart.resolve_axis(x="independent")
    return chart


def shared_axis(panels: int, columns: int) -> Literal["shared", "independent"]:
    """Whether the panels of a column share the axis below them, or have one each.

    Vega-Lite places a shared axis below the empty cells of an incomplete last row, far from its panels. Of many rows
    it is shared all the same: so many axes would take more room than the panels.

    Args:
        panels: their number.
        columns: panels in a row.
    """
    rows = math.ceil(panels / columns)
    return "independent" if 1 < rows <= MOST_AXES and panels % columns else "shared"


def name_width(name: object) -> int:
    """Pixels of a panel with room for its name.

    Args:
        name: of the panel.
    """
    return round(text_width(str(name), HEADER_SIZE, is_bold=True)) + 6


def concat_panels(
    panels: Mapping[str, alt.LayerChart], columns: int, *, shared: Literal["shared", "independent"] = "shared"
) -> alt.ConcatChart:
    """Panels with a name each and y axes of their own.

    Args:
        panels: by name.
        columns: panels in a row.
        shared: whether they have one x scale; not where they measure different things.
    """
    named = [
        panel.properties(title=alt.TitleParams(name, anchor="middle", fontSize=12, offset=6, limit=300))
        for name, panel in panels.items()
    ]
    chart: alt.ConcatChart = alt.concat(*named, columns=columns).resolve_scale(x=shared, color="independent")
    return chart


def tooltips(rows: pl.DataFrame, *fields: str) -> list[alt.Tooltip]:
    """The tooltip of a mark: names in words, and four digits of measured values, but all digits of counts.

    Args:
        rows: whose column types distinguish measured values from counts.
        fields: columns with the letter of their type, such as 'proportion:Q'.
    """
    measured = {name for name, kind in rows.schema.items() if kind.is_float()}
    names = {field: field.partition(":")[0] for field in fields}
    return [
        alt.Tooltip(field, title=column_words(name), format=".4~g" if name in measured else alt.Undefined)
        for field, name in names.items()
    ]


def column_words(column: str) -> str:
    """A column's name, or that of an index, as figures print it.

    Args:
        column: its name.

    >>> column_words("contrast"), column_words("chance_high")
    ('response contrast', 'chance high')
    """
    return TOOLTIP_NAMES.get(column, column.replace("_", " "))
