"""A figure of a given width: its plots shrink or grow, and its text keeps its size. Knows no figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from toolbox.chart.theme import CONFIG, Chart
from toolbox.errors import UsageError

POINTS = {"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pt": 1.0, "px": 0.75}
"""Points (1/72 inch) of each unit of length; a px is that of CSS, 1/96 inch."""

LABEL_SIZE = 7.0  # points on paper of the smallest text that every figure has: labels of axes
LEAST_SIZE = 5.0  # points; journals refuse smaller text
POINTS_A_UNIT: float = LABEL_SIZE / CONFIG["axis"]["labelFontSize"]
"""Points on paper of a unit of a figure (its pixel), if the figure has a given width."""

SMALLEST, LARGEST = 0.75, 1.4
"""Of their own width, panels have this much before a row has one less of them, or one more."""
LEAST_PLOT = 40.0  # units
TRIALS = 6
NARROW = 560.0  # units of a figure whose legends are below it, because beside it they would take its room
LETTER, SYMBOL = (
    6.0,
    30.0,
)  # units, mean width of a letter of a label, and of what is around an entry of a legend
LABEL_ROOM = 12.0, 16.0  # units of a layer whose name is written upright, and slanted

Specification = dict[str, Any]


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
        text: a number with its unit: mm, cm, in, pt or px.

    Raises: UsageError for another text.

    Example:
        >>> round(length_of("89mm").points, 2)
        252.28
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(mm|cm|in|pt|px)\s*", text)
    if found is None or not float(found[1]):
        raise UsageError(
            f"{text!r} is no width; expected a number with its unit ({', '.join(POINTS)}), such as 89mm"
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
    _Plots(specification, width.units).fit()
    _check_legible(width, _drawn_width(specification))
    fitted: Chart = alt.Chart.from_dict(specification)
    return fitted


def plot_width(chart: Chart) -> float:
    """The width of the first plot of a chart, in units.

    Args:
        chart: whose plots have a width.
    """
    return _width(next(_views(chart.to_dict())))


def drawn_size(drawing: str) -> tuple[float, float]:
    """Width and height of an SVG as vl-convert writes it, in units.

    Args:
        drawing: its text.
    """
    width, height = re.findall(r' (?:width|height)="([\d.]+)"', drawing.partition(">")[0])
    return float(width), float(height)


def _drawn_width(specification: Specification) -> float:
    return drawn_size(vl_convert.vegalite_to_svg(specification))[0]


def _check_legible(width: Length, drawn: float) -> None:
    """Refuse a width for which text would have to be too small."""
    size = LABEL_SIZE * width.units / drawn
    if size < LEAST_SIZE:
        needed = width.points * LEAST_SIZE / size / POINTS["mm"]
        raise UsageError(
            f"a figure {width.text} wide would have text of {size:.1f} points; give at least {needed:.0f}mm"
        )


class _Plots:
    """The plots of a specification, whose widths have one factor, and how many are in a row."""

    def __init__(self, specification: Specification, room: float) -> None:
        self.whole = specification
        self.room = room
        self.views = [(view, view["width"], view.get("height")) for view in _views(specification)]
        self.rows = [
            each for each in _arrangements(specification) if not any(_arrangements(each, inside=True))
        ]
        widths = [_width(view) for view, _, _ in self.views]
        self.least = LEAST_PLOT / max([LEAST_PLOT, *widths])

    def fit(self) -> None:
        """Give the plots the width that makes the whole as wide as its room."""
        number = max((row["columns"] for row in self.rows), default=1)
        panels = max((_panels(row) for row in self.rows), default=1)
        factor = self._fit_rows(min(number, panels))
        while factor < SMALLEST and number > 1:
            number -= 1
            factor = self._fit_rows(number)
        while factor > LARGEST and number < panels and self._fit_rows(number + 1) > SMALLEST:
            number += 1
            factor = self._fit_rows(number)
        self._fit_rows(number)

    def _fit_rows(self, number: int) -> float:
        """Fit the plots with so many panels in a row, and return the factor of their widths."""
        for row in self.rows:
            row["columns"] = number
            if "facet" in row and _panels(row) > number and _panels(row) % number:
                # a shared axis would be below the empty cells of the last row, as in `facet_panels`
                row.setdefault("resolve", {}).setdefault("axis", {})["x"] = "independent"
        factor = 1.0
        self._scale(factor)
        plots = _width(self.whole)
        for _ in range(TRIALS):  # the width of the rest is not quite the same for all widths of the plots
            missing = self.room - _drawn_width(self.whole)
            if abs(missing) < 1 or (missing < 0 and factor == self.least):
                break
            factor = max(self.least, factor + missing / plots)
            self._scale(factor)
        return factor

    def _scale(self, factor: float) -> None:
        for view, width, height in self.views:
            if isinstance(width, dict):
                view["width"] = {"step": width["step"] * factor}
            else:
                view["width"] = width * factor
                if height == width:
                    view["height"] = height * factor  # a square stays one
            _turn_names(view)


def _width(part: Specification) -> float:
    """Width of the plots of a row, without what is between and around them."""
    if "hconcat" in part:
        return sum(_width(child) for child in part["hconcat"])
    if "concat" in part:
        return int(part["columns"]) * max(_width(child) for child in part["concat"])
    if "vconcat" in part:
        return max(_width(child) for child in part["vconcat"])
    if "facet" in part:
        return int(part["columns"]) * _width(part["spec"])
    width = part["width"]
    return float(width["step"] * len(_names(part)) if isinstance(width, dict) else width)


def _views(part: Specification) -> Iterator[Specification]:
    """The plots of a specification whose width may change; images keep theirs."""
    if "mark" in part or "layer" in part:
        if _mark(part) != "image":
            yield part
        return
    children = [*part.get("concat", []), *part.get("hconcat", []), *part.get("vconcat", [])]
    for child in [*children, *([part["spec"]] if "spec" in part else [])]:
        yield from _views(child)


def _arrangements(part: Specification, *, inside: bool = False) -> Iterator[Specification]:
    """The parts of a specification that place panels in rows.

    Args:
        part: of the specification.
        inside: without the part itself.
    """
    if "columns" in part and not inside:
        yield part
    for child in [
        *part.get("concat", []),
        *part.get("hconcat", []),
        *([part["spec"]] if "spec" in part else []),
    ]:
        yield from _arrangements(child)


def _panels(arrangement: Specification) -> int:
    """How many panels are arranged."""
    if "concat" in arrangement:
        return len(arrangement["concat"])
    return len(arrangement["facet"].get("sort") or [0])


def _mark(view: Specification) -> str:
    mark = view.get("mark", "")
    return str(mark["type"] if isinstance(mark, dict) else mark)


def _turn_names(view: Specification) -> None:
    """Write the names of an axis upright where they have little room, and some of them where they have none."""
    upright, slanted = LABEL_ROOM
    for x in _named_axes(view):
        step = _width(view) / len(x["scale"]["domain"])
        if step < slanted:
            x["axis"]["labelAngle"] = -90
        x["axis"]["labelOverlap"] = "greedy" if step < upright else False


def _names(view: Specification) -> list[Any]:
    """The names along the x axis."""
    return next((x["scale"]["domain"] for x in _named_axes(view)), [0])


def _named_axes(view: Specification) -> list[Specification]:
    """The x channels with names and an axis."""
    channels = [part.get("encoding", {}).get("x", {}) for part in [view, *view.get("layer", [])]]
    return [
        x for x in channels if x.get("axis") and x.get("type") in ("ordinal", "nominal") and x.get("scale")
    ]


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
