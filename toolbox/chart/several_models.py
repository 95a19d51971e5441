"""One figure for several networks: the same drawing for each, side by side. Owns their arrangement; knows no figure."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import altair as alt

from toolbox.chart.theme import Chart
from toolbox.chart.titles import add_key, take_key

ONE_PANEL = (alt.Chart, alt.LayerChart)
"""Drawings of one panel are placed side by side; those of several below one another."""


Resolution = Literal["shared", "independent"]
Encoding = tuple[str, dict[str, Any]]


def arrange_models(drawings: Mapping[str, Chart]) -> Chart:
    """The drawings under the names of their networks, with the same scales for what is measured.

    Panels are equally wide, so that for networks of as many layers an equal relative depth has the same place.
    """
    parts = [take_key(chart) for chart in drawings.values()]
    charts = [chart for chart, _ in parts]
    width = _common_width(charts)
    panels = [_add_name(chart, name, width) for name, chart in zip(drawings, charts, strict=True)]
    columns = len(panels) if all(isinstance(chart, ONE_PANEL) for chart in charts) else 1
    scales = [list(_encodings(chart.to_dict())) for chart in charts]
    together: alt.ConcatChart = _concat(panels, columns).resolve_scale(
        x=_axis_resolution(scales, "x"),
        y=_axis_resolution(scales, "y"),
        color=_legend_resolution(scales, "color"),
        shape=_legend_resolution(scales, "shape"),
    )
    return add_key(together, list(dict.fromkeys(line for _, key in parts for line in key)))


def _common_width(charts: Sequence[Chart]) -> int | None:
    """The largest width in pixels of a panel, if all have one."""
    widths = [_panel_of(chart).width for chart in charts if isinstance(_panel_of(chart), ONE_PANEL)]
    known = [width for width in widths if isinstance(width, int)]
    return max(known) if len(known) == len(charts) else None


def _panel_of(chart: Chart) -> Any:
    """The panel of a drawing that has one, or repeats one."""
    return chart.spec if isinstance(chart, alt.FacetChart) else chart


def _concat(charts: Sequence[Chart], columns: int) -> alt.ConcatChart:
    with warnings.catch_warnings():
        # Altair warns that one click on the legend picks a category out in all panels: that is what is wanted.
        warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")
        together: alt.ConcatChart = alt.concat(*charts, columns=columns, spacing=24)
    return together


def _add_name(chart: Chart, name: str, width: int | None) -> Chart:
    named = chart.properties(title=alt.TitleParams(name, anchor="middle", fontSize=13, offset=8))
    if width:
        _panel_of(named).width = width
    return named


def _axis_resolution(scales: Sequence[Sequence[Encoding]], axis: str) -> Resolution:
    """One scale for all where an axis holds numbers whose range the drawings do not set themselves."""
    axes = [one for encodings in scales for channel, one in encodings if channel == axis and "type" in one]
    is_set = any("domain" in (one.get("scale") or {}) for one in axes)
    is_measured = {one["type"] for one in axes} == {"quantitative"}
    return "shared" if is_measured and not is_set else "independent"


def _legend_resolution(scales: Sequence[Sequence[Encoding]], channel: str) -> Resolution:
    """One scale, and one legend, where all drawings have the same categories; Vega-Lite would mix up others."""
    domains = [
        {tuple(one["scale"]["domain"]) for name, one in encodings if name == channel and one.get("scale")}
        for encodings in scales
    ]
    return "shared" if all(domain == domains[0] for domain in domains) else "independent"


def _encodings(part: Any) -> Iterator[Encoding]:
    """All channels of a specification and what they encode."""
    if isinstance(part, list):
        for child in part:
            yield from _encodings(child)
    elif isinstance(part, dict):
        encoding = part.get("encoding", {})
        yield from ((channel, one) for channel, one in encoding.items() if isinstance(one, dict))
        for key in ("layer", "concat", "hconcat", "vconcat", "spec"):
            yield from _encodings(part.get(key))
