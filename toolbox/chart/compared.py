"""One figure for several networks: the same drawing for each, side by side. Owns their arrangement; knows no figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt

from toolbox.chart.theme import Chart

SINGLE = (alt.Chart, alt.LayerChart)
"""Drawings of one panel stand side by side; those of several stand below one another."""


def beside(drawings: Mapping[str, Chart]) -> Chart:
    """The drawings under the names of their networks, with the same scales for what is measured.

    Panels are equally wide, so that an equal relative depth stands at the same place.
    """
    charts = list(drawings.values())
    is_single = all(isinstance(chart, SINGLE) for chart in charts)
    wide = [chart.width for chart in charts if isinstance(getattr(chart, "width", None), int)]
    named = [
        _named(chart, name, max(wide) if len(wide) == len(charts) else None) for name, chart in drawings.items()
    ]
    measured = {axis: _is_measured(charts, axis) for axis in ("x", "y")}
    chart: alt.ConcatChart = alt.concat(*named, columns=len(named) if is_single else 1, spacing=24)
    return chart.resolve_scale(**{axis: "shared" if shared else "independent" for axis, shared in measured.items()})


def _named(chart: Chart, name: str, width: int | None) -> Chart:
    chart = chart.properties(title=alt.TitleParams(name, anchor="middle", fontSize=13, offset=8))
    return chart.properties(width=width) if width else chart


def _is_measured(charts: list[Chart], axis: str) -> bool:
    """Whether an axis holds numbers in all panels of all drawings."""
    kinds = [kind for chart in charts for kind in _kinds(chart.to_dict(), axis)]
    return bool(kinds) and set(kinds) == {"quantitative"}


def _kinds(part: Any, axis: str) -> Iterator[str]:
    """Types of all encodings of an axis in a specification."""
    if isinstance(part, list):
        for child in part:
            yield from _kinds(child, axis)
    elif isinstance(part, dict):
        encoding = part.get("encoding", {}).get(axis, {})
        if "type" in encoding:
            yield encoding["type"]
        for key in ("layer", "concat", "hconcat", "vconcat", "spec"):
            yield from _kinds(part.get(key), axis)
