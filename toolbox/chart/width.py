"""A figure of a given width: its plots shrink or grow, and its text keeps its size. Knows no figure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import altair as alt

from toolbox.chart.composition import Specification, views, width_of
from toolbox.chart.fitting import Plots
from toolbox.chart.theme import CONFIG, Chart
from toolbox.chart.titles import TITLE_WIDTH
from toolbox.errors import UsageError

POINTS = {"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pt": 1.0, "px": 0.75}
"""Points (1/72 inch) of each unit of length; a px is that of CSS, 1/96 inch."""
COLUMNS = {"1": 89.0, "1.5": 136.0, "2": 183.0}
"""Millimetres of a journal's column, of one and a half, and of two with the space between them, as in Nature."""

LABEL_SIZE = 7.0  # points on paper of the labels of axes
SMALLEST_TEXT = 10.0  # units: numbers beside bars and points
LEAST_SIZE = 6.0  # points on paper of the smallest text, which is legible in print
POINTS_A_UNIT: float = LABEL_SIZE / CONFIG["axis"]["labelFontSize"]
"""Points on paper of a unit of a figure (its pixel), if the figure has a given width."""

NARROW = 560.0  # units of a figure whose legends are below it, because beside it they would take its room
LETTER, SYMBOL = (
    6.0,
    30.0,
)  # units, mean width of a letter of a label, and of what is around an entry of a legend


@dataclass(frozen=True)
class Length:
    """A length as it was written, and in points.

    Attributes:
        text: such as '89mm'.
        points: 1/72 inch.
    """

    text: str
    points: float

    @property
    def units(self) -> float:
        """Units (pixels) of a figure that wide, of which each has a fixed size on paper."""
        return self.points / POINTS_A_UNIT


def length_of(text: str) -> Length:
    """The length that a text gives.

    Args:
        text: a number with its unit: mm, cm, in, pt or px; or columns of a journal: 1, 1.5 or 2 columns.

    Raises: UsageError for another text.

    Example:
        >>> round(length_of("89mm").points, 2), length_of("1 column").points == length_of("89mm").points
        (252.28, True)
    """
    columns = re.fullmatch(r"\s*(1|1\.5|2)\s*columns?\s*", text)
    if columns is not None:
        return Length(text.strip(), COLUMNS[columns[1]] * POINTS["mm"])
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(mm|cm|in|pt|px)\s*", text)
    if found is None or not float(found[1]):
        raise UsageError(
            f"{text!r} is no width; expected a number with its unit ({', '.join(POINTS)}), such as 89mm, or "
            "columns of a journal (1, 1.5 or 2), such as 1column"
        )
    return Length(text.strip(), float(found[1]) * POINTS[found[2]])


def fit_width(chart: Chart, width: Length) -> Chart:
    """The chart with plots as wide as its total width leaves them, legends and names of axes included.

    Where panels would become much narrower or wider than they were drawn, a row has fewer or more of them.

    Args:
        chart: any, without a title.
        width: of the whole figure.

    Raises: UsageError when even the narrowest plots leave too little room for legible text.
    """
    specification = deepcopy(chart.to_dict())
    if width.units < NARROW:
        _place_legends_beyond(specification, width.units)
    _check_legible(width, Plots(specification, width.units).fit())
    fitted: Chart = alt.Chart.from_dict(specification)
    return fitted


def plot_width(chart: Chart) -> float:
    """The width of the first plot of a chart, in units.

    Args:
        chart: whose plots have a width.
    """
    return width_of(next(views(chart.to_dict())))


def title_width(chart: Chart) -> float:
    """Width of the title of a chart that has its own width: that of its plots, but never narrow, in units.

    Args:
        chart: any, without a title.
    """
    return max(TITLE_WIDTH, width_of(chart.to_dict(validate=False)))


def _check_legible(width: Length, drawn: float) -> None:
    """Refuse a width for which text would have to be too small."""
    size = SMALLEST_TEXT * POINTS_A_UNIT * width.units / drawn
    if size < LEAST_SIZE:
        needed = math.ceil(width.points * LEAST_SIZE / size / POINTS["mm"])
        raise UsageError(
            f"a figure {width.text} wide would have text of {size:.1f} points; give at least {needed}mm"
        )


def _place_legends_beyond(specification: Specification, room: float) -> None:
    """Place the legend of categories, or the first one, below the plots in rows, and others above, in columns."""
    shown = [channel for channel in _channels(specification) if _has_legend(channel)]
    places = (
        {"Category": "bottom"} if any(one.get("title") == "Category" for one in shown) else dict[str, str]()
    )
    for channel in shown:
        place = places.setdefault(str(channel.get("title")), "top" if places else "bottom")
        longest = max((len(str(name)) for name in (channel.get("scale") or {}).get("domain", [])), default=10)
        columns = max(1, int(room / (longest * LETTER + SYMBOL))) if place == "bottom" else 1
        channel["legend"] = {**channel.get("legend", {}), "orient": place, "columns": columns}


def _has_legend(channel: Specification) -> bool:
    return "field" in channel and channel.get("legend", True) is not None


def _channels(part: Any) -> Iterator[Specification]:
    """What colours, shapes, dashes and sizes encode."""
    children: list[Any] = part if isinstance(part, list) else []
    if isinstance(part, dict):
        children = [part.get(key, []) for key in ("layer", "concat", "hconcat", "vconcat", "spec")]
        encoding = part.get("encoding", {})
        yield from (
            encoding[name] for name in ("color", "shape", "strokeDash", "size", "fill") if name in encoding
        )
    for child in children:
        yield from _channels(child)
