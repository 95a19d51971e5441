"""The chart of rows that have no figure of their own. Owns which columns are drawn, and how; says so in the caption.

SQL computes, the chart maps columns: rows of layers are drawn over the layers, a text and a number as bars, two numbers
as points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from toolbox.chart.categories import NO_LABEL, colour
from toolbox.chart.notebook import self_contained
from toolbox.chart.over_layers import has_values, lines_over_layers
from toolbox.chart.registry import clean
from toolbox.chart.several_models import arrange_models
from toolbox.chart.theme import (
    COLOURS,
    INK,
    Chart,
    apply_theme,
    distinct_values,
    layer_axis,
    layer_marks,
)
from toolbox.chart.titles import add_title
from toolbox.chart.width import Length, fit_width, title_width
from toolbox.errors import UsageError

MOST_ROWS = 5000
MOST_BARS = 60
IDENTIFIERS = ("filter", "stimulus_id", "position", "rank", "resample")
"""Numbers that name a thing; drawn only where there is no other."""
ENDS = ("low", "high")
"""Columns of an interval, drawn as a line through the point."""
FIRST_CHOICES = ("proportion", "value")
"""Columns that are drawn before any other number."""


@dataclass(frozen=True)
class Axes:
    """Which columns are drawn.

    Attributes:
        x: column of the other axis: `layer`, a number, or the text that names the bars.
        y: column of the number.
        is_scatter: whether x is a number, too.
        is_single: whether there is one row for each x and category.
    """

    x: str
    y: str
    is_scatter: bool
    is_single: bool


def draw_plain(
    rows: pl.DataFrame,
    layers: Sequence[str] = (),
    *,
    title: str = "",
    subtitle: str = "",
    categories: Sequence[str] = (),
    order: Sequence[str] = (),
    width: Length | None = None,
) -> Chart:
    """A chart of any rows; its caption names the columns that it draws.

    Args:
        rows: at least one; with a column `model` in front, each network has a panel of its own.
        layers: all of the network, in its order.
        title: written above the figure.
        subtitle: below the title, before what was chosen.
        categories: all categories of the study, so that they have their colours.
        order: of the categories in legends; alphabetical if empty.
        width: of the whole figure; the chart's own if None.

    Raises: UsageError for rows that cannot be drawn.
    """
    every = clean(rows, order)
    by_model = {"": every}
    if rows.columns[:1] == ["model"]:
        by_model = {
            name: of_one.drop("model") for (name,), of_one in every.group_by("model", maintain_order=True)
        }
    axes = choose_axes(next(iter(by_model.values())), every.height)
    known = _all_categories(every, categories)
    drawings = {name: _draw(of_one, axes, layers, known) for name, of_one in by_model.items()}
    chart = apply_theme(arrange_models(drawings) if len(drawings) > 1 else next(iter(drawings.values())))
    chart = fit_width(chart, width) if width else chart
    caption = f"{subtitle}\n{_choice_in_words(every, axes)}" if title or subtitle else ""
    return self_contained(add_title(chart, title, caption, width.units if width else title_width(chart)))


def choose_axes(rows: pl.DataFrame, total: int) -> Axes:
    """Which columns of the rows are drawn.

    Args:
        rows: of one network, or of none.
        total: number of rows of all networks.

    Raises: UsageError for too many rows, or columns of which no chart can be made.
    """
    if total > MOST_ROWS:
        raise UsageError(
            f"the result has {total:,} rows; a chart draws at most {MOST_ROWS:,}: summarise them in SQL (group by), or "
            "add limit"
        )
    numbers = [name for name, kind in rows.schema.items() if kind.is_numeric() and name not in ENDS]
    measured = [name for name in numbers if name not in IDENTIFIERS] or numbers
    texts = [name for name, kind in rows.schema.items() if isinstance(kind, pl.String | pl.Enum)]
    texts.sort(key=lambda name: (name != "layer", name != "category"))
    y = next((name for name in FIRST_CHOICES if name in measured), measured[0] if measured else "")
    is_named = bool(texts) and (texts[0] == "layer" or len(measured) < 2 or _is_single(rows, texts[0]))
    if y and is_named:
        return Axes(texts[0], y, False, _is_single(rows, texts[0]))
    if len(measured) > 1:
        return Axes(measured[0], measured[1], True, True)
    raise UsageError(
        f"the columns of the result ({', '.join(rows.columns)}) cannot be drawn; expected a number and a text, or two "
        "numbers"
    )


def _is_single(rows: pl.DataFrame, x: str) -> bool:
    """Whether there is one row for each x and category."""
    return (
        not rows.select(x, *(["category"] if "category" in rows.columns and x == "layer" else []))
        .is_duplicated()
        .any()
    )


def _all_categories(rows: pl.DataFrame, categories: Sequence[str]) -> list[str]:
    """All categories in the order of their colours: those of the study, then those that only the rows have."""
    known = sorted({*categories} - {NO_LABEL})
    present = distinct_values(rows, "category") if "category" in rows.columns else []
    return [*known, *sorted({*present} - {*known, NO_LABEL})]


def _choice_in_words(rows: pl.DataFrame, axes: Axes) -> str:
    """What was chosen, for the reader of the figure."""
    parts = [f"{_words(axes.y)} by {_words(axes.x)}"]
    if "category" in rows.columns and axes.x != "category":
        parts.append("colour: category")
    if axes.is_scatter or not axes.is_single:
        parts.append("a point for every row")
    elif _has_interval(rows):
        parts.append("lines from low to high")
    return " · ".join(parts)


def _has_interval(rows: pl.DataFrame) -> bool:
    return all(has_values(rows, name) for name in ENDS)


def _draw(rows: pl.DataFrame, axes: Axes, layers: Sequence[str], categories: Sequence[str]) -> Chart:
    """The chart of one network; what it draws has names that Vega-Lite does not read as a formula."""
    if not (axes.is_single and _has_interval(rows)):
        rows = rows.drop(ENDS, strict=False)
    kept = [
        name for name in ("layer", "category", *ENDS) if name in rows.columns and name not in (axes.x, axes.y)
    ]
    drawn = rows.select(*kept, pl.col(axes.y).alias("drawn_y"), pl.col(axes.x).alias("drawn_x"))
    if axes.x == "layer":
        return _over_layers(drawn.rename({"drawn_x": "layer"}), axes, layers, categories)
    return _scatter(drawn, axes, categories) if axes.is_scatter else _bars(drawn, axes, categories)


def _over_layers(
    rows: pl.DataFrame, axes: Axes, layers: Sequence[str], categories: Sequence[str]
) -> alt.LayerChart:
    """Lines with points over the layers, or points alone where a layer has several rows."""
    order = [*layers, *(name for name in distinct_values(rows, "layer") if name not in layers)]
    rows = rows.sort(pl.col("layer").replace_strict(order, range(len(order))), maintain_order=True)
    y, tooltip = alt.Y("drawn_y:Q", title=_words(axes.y)), _tooltip(rows, axes)
    if axes.is_single and "category" in rows.columns:
        return lines_over_layers(rows, categories, y, tooltip)
    x, width = layer_axis(distinct_values(rows, "layer"), 28, least=240)
    base = alt.Chart().encode(x=x, y=y, **_colours(rows, categories))
    marks = [
        base.mark_point(filled=True, size=45, opacity=1 if axes.is_single else 0.5).encode(tooltip=tooltip)
    ]
    if axes.is_single:
        marks = [base.mark_line(strokeWidth=1.5), *_interval(base, rows), *marks]
    return layer_marks(*marks, rows=rows, width=width, height=300)


def _bars(rows: pl.DataFrame, axes: Axes, categories: Sequence[str]) -> alt.LayerChart:
    """A bar for every text, or points where a text has several rows."""
    names = distinct_values(rows, "drawn_x")
    if len(names) > MOST_BARS:
        raise UsageError(
            f"{axes.x} has {len(names):,} different values; a chart has at most {MOST_BARS} bars: "
            "add limit, or group by another column"
        )
    y = alt.Y("drawn_x:N", title=None, scale=alt.Scale(domain=names))
    x = alt.X("drawn_y:Q", title=_words(axes.y))
    rows = rows.with_columns(category="drawn_x") if axes.x == "category" else rows
    base = alt.Chart().encode(x=x, y=y, **_colours(rows, categories, legend=axes.x != "category"))
    mark = base.mark_bar() if axes.is_single else base.mark_point(filled=True, size=45, opacity=0.5)
    ends = base.mark_rule(color=INK).encode(x=alt.X("low:Q"), x2="high", color=alt.value(INK))
    marks = [mark.encode(tooltip=_tooltip(rows, axes)), *([ends] if "low" in rows.columns else [])]
    return layer_marks(*marks, rows=rows, width=360, height=alt.Step(20))


def _scatter(rows: pl.DataFrame, axes: Axes, categories: Sequence[str]) -> alt.LayerChart:
    """A point for every row."""
    x, y = (alt.X("drawn_x:Q", title=_words(axes.x)), alt.Y("drawn_y:Q", title=_words(axes.y)))
    x, y = x.scale(zero=False), y.scale(zero=False)
    points = alt.Chart().mark_point(filled=True, size=40, opacity=0.6)
    marks = points.encode(x=x, y=y, tooltip=_tooltip(rows, axes), **_colours(rows, categories))
    return layer_marks(marks, rows=rows, width=420, height=320)


def _interval(base: alt.Chart, rows: pl.DataFrame) -> list[alt.Chart]:
    return (
        [base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high")] if "low" in rows.columns else []
    )


def _colours(rows: pl.DataFrame, categories: Sequence[str], *, legend: bool = True) -> dict[str, Any]:
    """The colours of the categories, or one colour."""
    if "category" not in rows.columns:
        return {"color": alt.value(COLOURS[0])}
    return {"color": colour(rows, categories, legend=legend)}


def _words(column: str) -> str:
    """A column's name as it was chosen in SQL, with blanks."""
    return column.replace("_", " ")


def _tooltip(rows: pl.DataFrame, axes: Axes) -> list[alt.Tooltip]:
    """All columns that are drawn, under their own names."""
    titles = {"drawn_x": axes.x, "drawn_y": axes.y}
    kinds = {name: "Q" if kind.is_numeric() else "N" for name, kind in rows.schema.items()}
    return [
        alt.Tooltip(f"{name}:{kinds[name]}", title=_words(titles.get(name, name))) for name in rows.columns
    ]
