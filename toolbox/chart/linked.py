"""Charts of a page that shows several: what is chosen in one is marked in all. Owns what that adds to a chart.

The page sets two signals, which are null while nothing is chosen. Marks of other categories or layers become faint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any
from xml.sax.saxutils import escape

import vl_convert

from toolbox.chart.composition import Specification
from toolbox.chart.fitting import Plots, drawn_size
from toolbox.chart.render import printable_specification
from toolbox.chart.theme import Chart

SIGNALS = {"category": "chosen_category", "layer": "chosen_layer"}
"""Column -> the signal that holds the value chosen."""
COLUMNS = {"category": ("category", "other"), "layer": ("layer",)}
"""Columns that hold a category, or a layer."""
FAINT = 0.12
SHEET = 765
"""Units of a chart that fills the width of a sheet of A4, where the smallest text, 10 units, has 6.7 points."""
DIGITS = 6
"""Digits of embedded numbers: nobody reads more from a chart, and each costs a byte in every page."""
TINY_NUMBER = 1e-12
"""A number is 0 if it is no more than this: the rest of a sum whose terms cancel out, which differs from run to run."""

_PATHS = ("line", "area", "trail")  # one mark for many rows
_COMPOSITE = ("errorbar", "errorband", "boxplot")  # marks whose rows are others than those given
_SEE_THROUGH = ("point", "tick", "circle", "square")  # marks that Vega-Lite draws at 0.7
_GROUPING = ("color", "stroke", "fill", "shape", "strokeDash", "detail")

_TAG = re.compile(r'<[A-Za-z](?:[^"<>]|"[^"]*")*>')
_WORDS = re.compile(r' (?:aria-[a-z]+|role|class)="[^"]*"')
"""Each mark repeats its row in words, which is most of a drawing."""
_DECIMALS = re.compile(r"(?<=\d\.\d)\d+")


def linked_specification(chart: Chart, description: str) -> Specification:
    """The specification of a chart that marks what the page has chosen.

    Args:
        chart: as `draw` returns it.
        description: what it shows, for those who cannot see it.

    Returns: a specification with the signals of `SIGNALS`, and numbers of six digits.
    """
    specification: Specification = _with_short_names(_short(printable_specification(chart)))
    own = _legend_selections(specification)
    _link(specification, _Place(specification.get("datasets", {})), own)
    signals = [{"name": name, "value": None} for name in SIGNALS.values()]
    specification["params"] = [*specification.get("params", []), *signals]
    specification["description"] = description
    specification.pop("usermeta", None)
    return specification


def drawn_rows(specification: Specification) -> list[dict[str, Any]]:
    """The rows that a chart draws, which are fewer than its query's where the chart draws quantiles.

    Args:
        specification: of a chart.
    """
    tables = specification.get("datasets") or {}
    return max(tables.values(), key=len, default=[])


def still_picture(specification: Specification, description: str) -> str:
    """A chart as SVG for readers without JavaScript, in as few characters as its look allows; no wider than paper.

    Args:
        specification: of a chart.
        description: what it shows, for those who cannot see it.
    """
    drawing: str = vl_convert.vegalite_to_svg(specification)
    if drawn_size(drawing)[0] > SHEET:
        narrower = deepcopy(specification)
        Plots(narrower, SHEET).fit()
        drawing = vl_convert.vegalite_to_svg(narrower)
    short = _TAG.sub(lambda tag: _DECIMALS.sub("", _WORDS.sub("", tag[0])), drawing)
    return short.replace(
        "<svg ", f'<svg role="img" aria-label="{escape(description, {chr(34): "&quot;"})}" ', 1
    )


def script_library() -> str:
    """The programs that draw charts in a page: Vega, Vega-Lite and vega-embed, as `window.vegaEmbed`."""
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub lacks the default
    return bundle


class _Place:
    """Where in a chart a mark is: the rows that it draws, and what surrounds it."""

    def __init__(
        self,
        tables: Mapping[str, Sequence[Mapping[str, Any]]],
        columns: Collection[str] = (),
        encoding: Mapping[str, Any] | None = None,
        facets: Collection[str] = (),
    ) -> None:
        self.tables, self.columns, self.facets = tables, columns, facets
        self.encoding = encoding or {}

    def inside(self, part: Specification) -> _Place:
        """The place inside a part of the chart."""
        facets = {*self.facets, *_fields(part.get("facet", {}))}
        encoding = {**self.encoding, **part.get("encoding", {})}
        return _Place(self.tables, self._columns_of(part), encoding, facets)

    def _columns_of(self, part: Specification) -> Collection[str]:
        source = part.get("data")
        if not source:
            return self.columns
        rows = source["values"] if "values" in source else self.tables.get(source.get("name", ""), [])
        return {*rows[0]} if rows else ()

    def marks_column(self, mark: str, column: str) -> bool:
        """Whether the marks here belong to one category, or to one layer, each."""
        if mark in _COMPOSITE or column not in self.columns:
            return False
        if mark not in _PATHS:
            return True
        grouping = (_fields({name: self.encoding.get(name, {})}) for name in _GROUPING)
        return column in self.facets or any(column in fields for fields in grouping)


def _fields(channels: Mapping[str, Any]) -> set[str]:
    """The columns that some channels show; a facet may be one channel itself."""
    if "field" in channels:
        return {str(channels["field"])}
    several = [each for one in channels.values() for each in (one if isinstance(one, list) else [one])]
    return {str(each["field"]) for each in several if isinstance(each, dict) and "field" in each}


def _link(part: Specification, place: _Place, own: Collection[str]) -> None:
    """Make the marks of a part, and of all parts in it, faint where something else is chosen."""
    here = place.inside(part)
    if "params" in part:
        part["params"] = [each for each in part["params"] if each["name"] not in own]
    if "mark" in part:
        _fade(part, here, own)
    else:
        _release(part.get("encoding", {}), own)
    for key in ("layer", "concat", "hconcat", "vconcat"):
        for child in part.get(key, []):
            _link(child, here, own)
    if "spec" in part:
        _link(part["spec"], here, own)


def _fade(view: Specification, place: _Place, own: Collection[str]) -> None:
    """The opacity of one mark, which depends on what is chosen."""
    mark = view["mark"] if isinstance(view["mark"], dict) else {"type": view["mark"]}
    encoding = view.setdefault("encoding", {})
    _release(encoding, own)
    tests = [
        _test(column, place.columns) for column in SIGNALS if place.marks_column(str(mark["type"]), column)
    ]
    if not tests or "opacity" in encoding:
        return
    usual = mark.get("opacity", 0.7 if mark["type"] in _SEE_THROUGH else 1)
    encoding["opacity"] = {"condition": {"test": " && ".join(tests), "value": usual}, "value": FAINT * usual}


def _test(column: str, columns: Collection[str]) -> str:
    """Whether a row is of what is chosen, in the language of Vega."""
    signal = SIGNALS[column]
    same = (f"datum.{each} === {signal}" for each in COLUMNS[column] if each in columns)
    return f"({signal} === null || {' || '.join(same)})"


def _legend_selections(specification: Specification) -> set[str]:
    """Names of the selections that a click on a legend makes, which those of the page replace."""
    found = {each["name"] for each in specification.get("params", []) if each.get("bind") == "legend"}
    return found.union(*map(_legend_selections, _children(specification)))


def _children(part: Specification) -> list[Specification]:
    several = [child for key in ("layer", "concat", "hconcat", "vconcat") for child in part.get(key, [])]
    return [*several, *([part["spec"]] if "spec" in part else [])]


def _release(encoding: Specification, own: Collection[str]) -> None:
    """Drop an opacity that depends on a selection of the chart's own."""
    condition = encoding.get("opacity", {}).get("condition", [])
    if any(each.get("param") in own for each in (condition if isinstance(condition, list) else [condition])):
        del encoding["opacity"]


def _short(part: Any) -> Any:
    """The same with numbers of few digits."""
    if isinstance(part, float):
        return float(f"{part:.{DIGITS}g}") if abs(part) > TINY_NUMBER else 0
    if isinstance(part, list):
        return [_short(entry) for entry in part]
    if isinstance(part, dict):
        return {name: _short(entry) for name, entry in part.items()}
    return part


def _with_short_names(specification: Specification) -> Specification:
    """The same with tables called by their place: Altair calls them by a digest of all their digits."""
    tables = specification.get("datasets", {})
    names = {name: f"rows-{place}" for place, name in enumerate(tables, start=1)}

    def renamed(part: Any) -> Any:
        if isinstance(part, list):
            return [renamed(entry) for entry in part]
        if not isinstance(part, dict):
            return part
        named = {key: renamed(entry) for key, entry in part.items() if key != "datasets"}
        if isinstance(name := part.get("name"), str) and name in names:
            named["name"] = names[name]
        return named

    return {**renamed(specification), "datasets": {names[name]: rows for name, rows in tables.items()}}


def as_script(content: Any) -> str:
    """Any values as JSON inside a script of a page, which no name in them can end.

    Args:
        content: of numbers, texts, lists and mappings.
    """
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
