"""Charts as files. Owns the four formats and where each keeps its provenance; writes nothing itself."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

import vl_convert

from toolbox.chart.theme import Chart
from toolbox.errors import UsageError

KEYWORD = "toolbox"
"""Name of the provenance: in a specification's `usermeta`, a PNG's iTXt, an SVG's metadata."""

PNG_PPI = 144  # two pixels for each of the chart's, and the size on paper stays

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<script>{library}</script>
</head>
<body>
<div id="figure"></div>
<script type="application/json" id="specification">{specification}</script>
<script>
vegaEmbed("#figure", JSON.parse(document.getElementById("specification").textContent),
  {{mode: "vega-lite", renderer: "svg", ast: true, actions: {{export: true, source: true}}}});
</script>
</body>
</html>
"""
"""The policy forbids every request, and `ast` does without compiling text to code, which it forbids too."""


def render(chart: Chart, suffix: str, provenance: Mapping[str, object]) -> bytes:
    """A chart as the content of one file; equal input gives equal bytes.

    Args:
        chart: as `draw` returns it.
        suffix: '.html' (a page that needs no network), '.png' (144 dots an inch), '.svg' or '.json'
            (the Vega-Lite specification).
        provenance: origin of the figure, of any JSON values. It is stored inside the file.

    Raises: UsageError for another suffix.
    """
    if suffix not in _FORMATS:
        raise UsageError(
            f"cannot draw a figure as {suffix!r}; choose a file name that ends in {', '.join(FIGURE_SUFFIXES)}"
        )
    specification = chart.to_dict()
    specification["usermeta"] = {**specification.get("usermeta", {}), KEYWORD: dict(provenance)}
    return _FORMATS[suffix](specification)


def _html(specification: dict[str, Any]) -> bytes:
    # A category named '</script>' must not end the element: JSON may write '<' as an escape.
    embedded = json.dumps(specification, ensure_ascii=False).replace("<", "\\u003c")
    library = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub lacks the default
    return PAGE.format(title=escape(_title(specification)), library=library, specification=embedded).encode()


def _png(specification: dict[str, Any]) -> bytes:
    """The picture with an iTXt chunk behind its header, which is 33 bytes long: signature 8, IHDR 25."""
    picture = vl_convert.vegalite_to_png(specification, ppi=PNG_PPI)
    text = KEYWORD.encode() + b"\0\0\0\0\0" + _provenance(specification).encode()
    chunk = b"iTXt" + text
    framed = len(text).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return picture[:33] + framed + picture[33:]


def _svg(specification: dict[str, Any]) -> bytes:
    drawing = vl_convert.vegalite_to_svg(specification)
    start = drawing.index(">", drawing.index("<svg")) + 1
    metadata = f'<metadata id="{KEYWORD}">{escape(_provenance(specification))}</metadata>'
    return (drawing[:start] + metadata + drawing[start:]).encode()


def _json(specification: dict[str, Any]) -> bytes:
    return (json.dumps(specification, indent=1, ensure_ascii=False) + "\n").encode()


def _provenance(specification: dict[str, Any]) -> str:
    return json.dumps(specification["usermeta"][KEYWORD], ensure_ascii=False)


def _title(specification: dict[str, Any]) -> str:
    """The title as one line; 'figure' where the chart has none."""
    return " ".join(specification.get("title", {}).get("text", ["figure"]))


_FORMATS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    ".html": _html,
    ".png": _png,
    ".svg": _svg,
    ".json": _json,
}
FIGURE_SUFFIXES = tuple(_FORMATS)
"""What a figure's file name may end in."""
