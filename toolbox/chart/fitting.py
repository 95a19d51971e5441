"""Plots of a size that gives a figure its width, and a height of at most a page. Knows no figure."""

from __future__ import annotations

import re

import vl_convert

from toolbox.chart.composition import (
    Specification,
    arrangements,
    height_of,
    named_axes,
    panels_of,
    rows_of,
    views,
    width_of,
)
from toolbox.chart.theme import name_width, shared_axis

SMALLEST, LARGEST = 0.65, 1.4
"""Of their own width, panels have this much before a row has one less of them, or one more."""
LEAST_PLOT = 40.0  # units
PAGE = 1000.0  # units of a figure that is as high as a page of a journal, 224 mm, without its title
NARROWEST, LEAST_HEIGHT, BETWEEN = 75.0, 56.0, 20.0
"""Units of a panel, across and down, that more panels in a row must leave, and between two of them."""
TRIALS = 6
LABEL_ROOM = 11.0, 20.0  # units of a layer whose name is written upright, and slanted


def drawn_size(drawing: str) -> tuple[float, float]:
    """Width and height of an SVG as vl-convert writes it, in units.

    Args:
        drawing: its text.
    """
    width, height = re.findall(r' (?:width|height)="([\d.]+)"', drawing.partition(">")[0])
    return float(width), float(height)


def size_of(specification: Specification) -> tuple[float, float]:
    """Width and height of a specification as it is drawn, in units.

    Args:
        specification: without a title.
    """
    return drawn_size(vl_convert.vegalite_to_svg(specification))


class Plots:
    """The plots of a specification, whose widths have one factor, and how many are in a row."""

    def __init__(self, specification: Specification, room: float) -> None:
        """The plots of a specification.

        Args:
            specification: of a chart without a title; `fit` changes it.
            room: width of the whole in units.
        """
        self.whole = specification
        self.room = room
        self.views = [(view, view["width"], view.get("height")) for view in views(specification)]
        self.rows = [each for each in arrangements(specification) if not any(arrangements(each, inside=True))]
        widths = [width_of(view) for view, _, _ in self.views]
        self.least = LEAST_PLOT / max([LEAST_PLOT, *widths])
        self.fitted = 0
        """Panels in a row for which the plots have their width."""
        self.size = 0.0, 0.0
        """Of the whole, as it was drawn last: drawing it is what takes time."""

    def fit(self) -> float:
        """Give the plots the width that makes the whole as wide as its room; how wide it is."""
        number = max((row["columns"] for row in self.rows), default=1)
        panels = max((panels_of(row) for row in self.rows), default=1)
        factor = self._fit_rows(min(number, panels))
        while factor < SMALLEST and number > 1:
            number -= 1
            factor = self._fit_rows(number)
        while factor > LARGEST and number < panels and self._fit_rows(number + 1) > SMALLEST:
            number += 1
            factor = self._fit_rows(number)
        if self.fitted != number:
            self._fit_rows(number)
        self._fit_page(number, panels)
        return self.size[0]

    def _fit_page(self, number: int, panels: int) -> None:
        """Place more panels in a row, and make them lower, where the whole would be higher than a page."""
        heights = {number: self.size[1]}
        while heights[number] > PAGE and number < panels and self._has_room(number + 1):
            number += 1
            self._fit_rows(number)
            heights[number] = self.size[1]
        lowest = min(heights, key=lambda tried: heights[tried])
        if lowest != number:
            self._fit_rows(lowest)
        self._lower(heights[lowest] - PAGE)

    def _lower(self, excess: float) -> None:
        """Make the plots lower by so much in all, but not too low to be read."""
        highest = max((height_of(view) for view, _, _ in self.views), default=0)
        total = sum(rows_of(row) * max(map(height_of, views(row))) for row in self.rows)
        if excess <= 0 or not total:
            return
        factor = min(1, max(LEAST_HEIGHT / highest, 1 - excess / total))
        for view, _, _ in self.views:
            if height_of(view):
                view["height"] *= factor
        self.size = size_of(self.whole)

    def _has_room(self, number: int) -> bool:
        """Whether so many panels in a row, which share the axis at their left, would be wide enough to be read."""
        if not all("facet" in row for row in self.rows):
            return False
        beside = self.size[0] - width_of(self.whole)
        names = [
            name_width(name) for row in self.rows if "facet" in row for name in row["facet"].get("sort") or []
        ]
        return (self.room - beside - BETWEEN) / number >= max([NARROWEST, *names])

    def _fit_rows(self, number: int) -> float:
        """Fit the plots with so many panels in a row, and return the factor of their widths."""
        for row in self.rows:
            row["columns"] = number
            resolved = row.setdefault("resolve", {})
            if "facet" in row and resolved.get("scale", {}).get("x") != "independent":
                resolved.setdefault("axis", {})["x"] = shared_axis(panels_of(row), number)
        factor = 1.0
        self._scale(factor)
        plots = width_of(self.whole)
        for _ in range(TRIALS):  # the width of the rest is not quite the same for all widths of the plots
            self.size = size_of(self.whole)
            missing = self.room - self.size[0]
            if abs(missing) < 1 or (missing < 0 and factor == self.least):
                break
            factor = max(self.least, factor + missing / plots)
            self._scale(factor)
        else:
            self.size = size_of(self.whole)
        self.fitted = number
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


def _turn_names(view: Specification) -> None:
    """Write the names of an axis upright where they have little room, and some of them where they have none."""
    upright, slanted = LABEL_ROOM
    for x in named_axes(view):
        step = width_of(view) / len(x["scale"]["domain"])
        if step < slanted:
            x["axis"]["labelAngle"] = -90
        x["axis"]["labelOverlap"] = "greedy" if step < upright else False
