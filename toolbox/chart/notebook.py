"""Charts that a notebook draws without a network. Owns what a notebook is handed; changes no setting of Altair.

Altair's own HTML loads Vega from the internet. A chart of the toolbox brings its page along, in a frame, so that the
scripts of the notebook and of the page do not meet; and its picture, for programs that run no script. A renderer that
the user has enabled is respected: `altair.renderers.enable("png")` keeps notebooks small.

Names in a chart are data of anybody. In every page, also in one that Altair makes, they can neither end the element
that they are in, nor reach the actions of the menu that write them into another page or send them to a public site.
"""

from __future__ import annotations

import base64
import json
import struct
from html import escape
from typing import Any

import altair as alt

from toolbox.chart.render import PNG_DPI, render
from toolbox.chart.theme import Chart

MARGIN = 60
"""Pixels of the page beside the chart: its own margins, and the menu; with less, the page draws it narrower."""
_SCREEN_PPI = 72
_RENDERERS_OF_PAGES = frozenset({"default", "html", "colab", "kaggle", "zeppelin", "olli", "browser"})
"""Altair's renderers that write the specification into a script of a page."""


class _PageEncoder(json.JSONEncoder):
    """JSON for a script of a page: a category named '</script>' must not end it."""

    def encode(self, content: Any) -> str:
        return super().encode(content).replace("<", "\\u003c")


class _SelfContained:
    """What makes a chart show itself as a page that needs no network."""

    def _repr_mimebundle_(self, *args: Any, **options: Any) -> Any:
        """Page and picture of the chart; what the user's renderer makes of it, where one was enabled."""
        active = alt.renderers.active
        if active == "default":
            return mime_bundle(self)  # type: ignore[arg-type]
        further = {"json_kwds": {"cls": _PageEncoder}} if active in _RENDERERS_OF_PAGES else {}
        with alt.renderers.enable(active, **{**alt.renderers.options, **further}):
            return super()._repr_mimebundle_(*args, **options)  # type: ignore[misc]

    def to_html(self, *args: Any, json_kwds: dict[str, Any] | None = None, **options: Any) -> Any:
        """The chart in a page of Altair's own."""
        return super().to_html(*args, json_kwds={"cls": _PageEncoder, **(json_kwds or {})}, **options)  # type: ignore[misc]

    def save(self, *args: Any, json_kwds: dict[str, Any] | None = None, **options: Any) -> Any:
        """Write the chart to a file, as Altair does."""
        return super().save(*args, json_kwds={"cls": _PageEncoder, **(json_kwds or {})}, **options)  # type: ignore[misc]


class SingleChart(_SelfContained, alt.Chart):
    """A chart of one view."""


class LayerChart(_SelfContained, alt.LayerChart):
    """A chart of several layers."""


class FacetChart(_SelfContained, alt.FacetChart):
    """A chart of panels that rows are divided among."""


class ConcatChart(_SelfContained, alt.ConcatChart):
    """A chart of several charts."""


class HConcatChart(_SelfContained, alt.HConcatChart):
    """A chart of several charts in a row."""


class VConcatChart(_SelfContained, alt.VConcatChart):
    """A chart of several charts below one another."""


_KINDS: dict[type, type] = {
    alt.Chart: SingleChart,
    alt.LayerChart: LayerChart,
    alt.FacetChart: FacetChart,
    alt.ConcatChart: ConcatChart,
    alt.HConcatChart: HConcatChart,
    alt.VConcatChart: VConcatChart,
}


def self_contained(chart: Chart) -> Chart:
    """The same chart, which notebooks draw without a network.

    Args:
        chart: any; it stays what it is of Altair's, with all methods.
    """
    copied = chart.copy(deep=False)
    object.__setattr__(copied, "__class__", _KINDS[type(copied)])
    return copied


def mime_bundle(chart: Chart) -> dict[str, str]:
    """The chart for a notebook: as HTML, and as a PNG in Base64.

    Args:
        chart: any.
    """
    picture = render(chart, ".png", {})
    width, height = (side * _SCREEN_PPI // PNG_DPI + MARGIN for side in struct.unpack(">II", picture[16:24]))
    page = escape(render(chart, ".html", {}).decode())
    style = f"border: 0; width: 100%; min-width: {width}px; height: {height}px"
    # In a sandbox the page is of no origin: whatever runs in it, it reaches neither the notebook nor its server.
    frame = f'<iframe sandbox="allow-scripts allow-downloads" style="{style}" srcdoc="{page}"></iframe>'
    return {"text/html": frame, "image/png": base64.b64encode(picture).decode()}
