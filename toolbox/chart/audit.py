"""The figure of an audit: findings of every kind in each category, and the properties that tell it from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import polars as pl

from toolbox.chart.notebook import self_contained
from toolbox.chart.registry import clean
from toolbox.chart.theme import (
    INK,
    Chart,
    apply_theme,
    column_words,
    concat_panels,
    distinct_values,
    empty_chart,
    layer_marks,
    name_width,
    tooltips,
)
from toolbox.chart.titles import TITLE_WIDTH, add_title

CELL_HEIGHT = 22  # pixels, of the height
WIDEST, LEAST = 92, 30  # pixels, of the width of a cell
WITH_NUMBERS = 12
"""Categories up to which every cell shows its number; of more, a pointer does."""
LEAST_SCALE = 0.1
"""Proportion of the stimuli that has the darkest colour, at least."""
PROPERTIES_DRAWN = 20
"""Rows of properties that are drawn: those that tell a category most clearly."""
ORANGE, BLUE, PALE = "#d95f02", "#2c6fad", "#f4f4f4"


@dataclass(frozen=True)
class AuditWords:
    """What is written into the figure.

    Attributes:
        title: above it.
        subtitle: below the title.
        limit: AUC from which a property alone predicts a category.
    """

    title: str
    subtitle: str
    limit: float


def draw_audit(
    counts: pl.DataFrame, separations: pl.DataFrame, words: AuditWords, categories: Sequence[str]
) -> Chart:
    """Findings by kind and category, and the AUC of every property for every category.

    Args:
        counts: kind, category, findings, stimuli (of the category), proportion.
        separations: property, category, auc, q.
        words: of the figure.
        categories: all of the labelling, in their order.
    """
    panels = dict[str, alt.LayerChart]()
    if not counts.is_empty():
        panels["Findings by category"] = _findings(clean(counts, categories))
    if not separations.is_empty():
        panels["Categories told by one property (AUC)"] = _separations(
            clean(separations, categories), words.limit
        )
    chart: Chart = concat_panels(panels, 1, shared="independent") if panels else empty_chart()
    key = list[str]()
    if not counts.is_empty():
        key.append(
            "Numbers: findings; colour: proportion of the stimuli of the category that they are about."
        )
    if not separations.is_empty():
        key.append(
            "AUC: probability that an image of the category exceeds one of another category in the property; 0.5 is no "
            f"difference, bold from {words.limit:g} up or {1 - words.limit:.2g} down. (file): measured on the file, "
            "where this tells a category more clearly than the picture as the network sees it."
        )
    return self_contained(add_title(apply_theme(chart), words.title, words.subtitle, TITLE_WIDTH, key=key))


def _findings(rows: pl.DataFrame) -> alt.LayerChart:
    """A cell for every kind and category, with the number of findings."""
    drawn = rows.with_columns(
        name=pl.col("kind").map_elements(column_words, return_dtype=pl.String),
        is_many=pl.col("proportion") > max(LEAST_SCALE, float(str(rows["proportion"].max()))) * 0.6,
    )
    base = _cells(drawn, "name")
    most = max(LEAST_SCALE, float(str(drawn["proportion"].max())))
    scale = alt.Scale(domain=[0, most], range=["#f7f2ea", "#a35200"])
    cells = base.mark_rect(stroke="white").encode(
        color=alt.Color(
            "proportion:Q",
            scale=scale,
            title=["Stimuli", "found"],
            legend=alt.Legend(format="~%", tickCount=4),
        ),
        tooltip=tooltips(drawn, "name:N", "category:N", "findings:Q", "stimuli:Q", "proportion:Q"),
    )
    numbers = base.mark_text(fontSize=11).encode(
        text=alt.Text("findings:Q", format=","),
        color=alt.when("datum.is_many").then(alt.value("white")).otherwise(alt.value(INK)),
    )
    return _layers(drawn, "name", cells, numbers)


def _separations(rows: pl.DataFrame, limit: float) -> alt.LayerChart:
    """A cell for every property and category, with its AUC; the clearest properties first."""
    apart = (pl.col("auc") - 0.5).abs()
    order = (
        rows.group_by("property").agg(clear=apart.max()).sort(["clear", "property"], descending=[True, False])
    )
    shown = order["property"].head(PROPERTIES_DRAWN).to_list()
    place = {name: number for number, name in enumerate(shown)}
    drawn = (
        rows.filter(pl.col("property").is_in(shown))
        .with_columns(
            name=pl.col("property").map_elements(property_words, return_dtype=pl.String),
            place=pl.col("property").replace_strict(place, return_dtype=pl.Int32),
            is_clear=pl.max_horizontal("auc", 1 - pl.col("auc")) >= limit,
            is_dark=apart > 0.42,
        )
        .sort("place", "category")
    )
    base = _cells(drawn, "name")
    scale = alt.Scale(domain=[0, 0.5, 1], range=[BLUE, PALE, ORANGE])
    cells = base.mark_rect(stroke="white").encode(
        color=alt.Color("auc:Q", scale=scale, title="AUC", legend=alt.Legend(values=[0, 0.5, 1])),
        tooltip=tooltips(drawn, "name:N", "category:N", "auc:Q", "q:Q"),
    )
    clear, other = "datum.is_clear", "!datum.is_clear"
    numbers = base.encode(
        text=alt.Text("auc:Q", format=".2f"),
        color=alt.when("datum.is_dark").then(alt.value("white")).otherwise(alt.value(INK)),
    )
    bold = numbers.transform_filter(clear).mark_text(fontSize=11, fontWeight="bold")
    plain = numbers.transform_filter(other).mark_text(fontSize=11, opacity=0.75)
    return _layers(drawn, "name", cells, bold, plain)


def property_words(name: str) -> str:
    """A property as figures and texts name it.

    Args:
        name: of its column; one that ends in `_file` was measured on the pixels of the file.

    >>> property_words("energy_high_file")
    'energy high (file)'
    """
    plain = name.removesuffix("_file")
    return column_words(plain) if plain == name else f"{column_words(plain)} (file)"


def _cells(rows: pl.DataFrame, name: str) -> alt.Chart:
    """A grid of names and categories, both in the order of the rows."""
    categories = sorted(distinct_values(rows, "category"), key=_place(rows).__getitem__)
    return alt.Chart().encode(
        x=alt.X(
            "category:N",
            title=None,
            scale=alt.Scale(domain=categories),
            axis=alt.Axis(
                orient="top", labelAngle=0 if len(categories) <= WITH_NUMBERS else -90, ticks=False
            ),
        ),
        y=alt.Y(f"{name}:N", title=None, scale=alt.Scale(domain=distinct_values(rows, name))),
    )


def _place(rows: pl.DataFrame) -> dict[str, int]:
    """The categories in the order that `clean` gave them, whatever the order of the rows."""
    ordered = rows.select(pl.col("category").unique()).with_columns(place=pl.col("category").to_physical())
    return {str(name): place for name, place in ordered.iter_rows()}


def _layers(rows: pl.DataFrame, name: str, cells: alt.Chart, *numbers: alt.Chart) -> alt.LayerChart:
    """Cells, with numbers where there is room for them."""
    categories = distinct_values(rows, "category")
    few = len(categories) <= WITH_NUMBERS
    widest = max(map(name_width, categories), default=LEAST)
    width = min(max(widest, 46), WIDEST) if few else max(8, min(LEAST, 900 // len(categories)))
    marks = (cells, *numbers) if few else (cells,)
    return layer_marks(
        *marks, rows=rows, width=width * len(categories), height=CELL_HEIGHT * rows[name].n_unique()
    )
