"""Charts as files. Owns the five formats and where each keeps its provenance; writes nothing itself."""

from __future__ import annotations

import json
import re
import warnings
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import vl_convert

from toolbox.chart.composition import Specification
from toolbox.chart.fitting import drawn_size
from toolbox.chart.theme import Chart
from toolbox.chart.width import Length
from toolbox.errors import UsageError
from toolbox.printing import is_printable, printable

KEYWORD = "toolbox"
"""Name of the provenance: in a specification's `usermeta`, a PNG's iTXt, metadata of SVG and PDF."""

PNG_DPI = 144  # two pixels for each unit of the chart, which is a point wide
LEAST_DPI, MOST_DPI = 50, 2400

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {hashes}; \
style-src 'unsafe-inline'; img-src data: blob:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>#figure.vega-embed {{display: block}} #figure svg.marks {{width: {width}; max-width: 100%; height: auto}}</style>
<script>{library}</script>
</head>
<body>
<div id="figure"></div>
<script type="application/json" id="specification">{specification}</script>
<script>
{script}
</script>
</body>
</html>
"""
"""The policy forbids every request, and every script except the two of the page, which it knows by their digests; `ast`
does without compiling text to code, which it forbids too."""

NARROWING = (Path(__file__).parent / "narrow.js").read_text(encoding="utf-8").strip()
"""Functions that arrange a specification in the room that a page has."""
SCRIPT = "\n".join([NARROWING, (Path(__file__).parent / "page.js").read_text(encoding="utf-8").strip()])
"""Draws the specification of a page, narrower where the window is."""


def render(
    chart: Chart,
    suffix: str,
    provenance: Mapping[str, object],
    *,
    width: Length | None = None,
    dpi: float | None = None,
) -> bytes:
    """A chart as the content of one file; equal input gives equal bytes.

    Args:
        chart: as `draw` returns it.
        suffix: '.html' (a page that needs no network), '.pdf', '.png', '.svg' or '.json' (the Vega-Lite specification).
        provenance: origin of the figure, of any JSON values. It is stored inside the file.
        width: of the whole figure, for which it was drawn; if None, a unit of the chart is a point (1/72 inch) wide.
        dpi: pixels an inch of a PNG; 144 if None.

    Raises: UsageError for another suffix, or for dots of a file that has none.
    """
    check_format(suffix, dpi)
    specification = printable_specification(chart)
    specification["usermeta"] = {**specification.get("usermeta", {}), KEYWORD: dict(provenance)}
    return _FORMATS[suffix](specification, width, dpi or PNG_DPI)


def printable_specification(chart: Chart) -> Specification:
    """The Vega-Lite specification of a chart, whose texts can all be drawn.

    Args:
        chart: any.
    """
    specification: Specification = _with_printable_texts(chart.to_dict())
    return specification


def _with_printable_texts(part: Any) -> Any:
    """The same specification, whose texts can be drawn: a control character in one would abort the whole process."""
    if isinstance(part, str):
        return part if is_printable(part) else "\n".join(map(printable, part.split("\n")))
    if isinstance(part, list):
        return [_with_printable_texts(entry) for entry in part]
    if isinstance(part, dict):
        return {_with_printable_texts(name): _with_printable_texts(entry) for name, entry in part.items()}
    return part


def check_format(suffix: str, dpi: float | None = None) -> None:
    """Refuse a format that no figure has, dots of what has none, and numbers of them that nobody means.

    Args:
        suffix: of a file's name.
        dpi: pixels an inch; None if none are asked for.

    Raises: UsageError.
    """
    if suffix not in _FORMATS:
        raise UsageError(
            f"cannot draw a figure as {suffix!r}; choose a file name that ends in {', '.join(FIGURE_SUFFIXES)}"
        )
    if dpi is None:
        return
    if suffix != ".png":
        raise UsageError(f"a {suffix} file has no dots per inch; leave out --dpi, or write a .png file")
    if not LEAST_DPI <= dpi <= MOST_DPI:
        raise UsageError(f"dpi is {dpi:g}; expected {LEAST_DPI} to {MOST_DPI}, such as 300")


def _html(specification: Specification, width: Length | None, dpi: float) -> bytes:  # noqa: ARG001
    # A category named '</script>' must not end the element: JSON may write '<' as an escape.
    embedded = json.dumps(specification, ensure_ascii=False).replace("<", "\\u003c")
    library = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub lacks the default
    hashes = " ".join(map(script_hash, (library, f"\n{SCRIPT}\n")))
    parts = {"hashes": hashes, "library": library, "specification": embedded, "script": SCRIPT}
    across = f"{width.points:g}pt" if width else "auto"
    return PAGE.format(title=escape(_title(specification)), width=across, **parts).encode()


def script_hash(script: str) -> str:
    """A script as the policy of a page names it.

    Args:
        script: all that is between the tags of its element.
    """
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def _png(specification: Specification, width: Length | None, dpi: float) -> bytes:
    """The picture with an iTXt chunk behind its header, which is 33 bytes long: signature 8, IHDR 25."""
    picture = vl_convert.svg_to_png(_drawing(specification, width), ppi=dpi)
    text = KEYWORD.encode() + b"\0\0\0\0\0" + _provenance(specification).encode()
    chunk = b"iTXt" + text
    framed = len(text).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return picture[:33] + framed + picture[33:]


def _svg(specification: Specification, width: Length | None, dpi: float) -> bytes:  # noqa: ARG001
    drawing = _drawing(specification, width, unit="pt" if width else "")
    start = drawing.index(">", drawing.index("<svg")) + 1
    metadata = f'<metadata id="{KEYWORD}">{escape(_provenance(specification))}</metadata>'
    return (drawing[:start] + metadata + drawing[start:]).encode()


def _pdf(specification: Specification, width: Length | None, dpi: float) -> bytes:  # noqa: ARG001
    """One page with embedded fonts, whose resources are in alphabetical order: vl-convert's are in any."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import DictionaryObject, NameObject

    with warnings.catch_warnings():
        # vl-convert warns of an argument that it is not given
        warnings.filterwarnings("ignore", message="The scale argument is no longer supported")
        drawn = vl_convert.svg_to_pdf(_drawing(specification, width))
    (page,) = PdfReader(BytesIO(drawn)).pages
    resources = page["/Resources"]
    assert isinstance(resources, DictionaryObject)
    for kind, named in list(resources.items()):
        if isinstance(named, DictionaryObject):
            resources[NameObject(kind)] = DictionaryObject(sorted(named.items()))
    writer, content = PdfWriter(), BytesIO()
    writer.add_page(page)
    writer.add_metadata({"/Title": _title(specification), f"/{KEYWORD}": _provenance(specification)})
    writer.write(content)
    return content.getvalue()


def _json(specification: Specification, width: Length | None, dpi: float) -> bytes:  # noqa: ARG001
    return (json.dumps(specification, indent=1, ensure_ascii=False) + "\n").encode()


def _drawing(specification: Specification, width: Length | None, unit: str = "") -> str:
    """The SVG as wide as asked, whatever is in it."""
    drawing = vl_convert.vegalite_to_svg(specification)
    if width is None:
        return drawing
    across, down = drawn_size(drawing)
    size = f'width="{width.points:.3f}{unit}" height="{width.points * down / across:.3f}{unit}"'
    return re.sub(r'width="[\d.]+" height="[\d.]+"', size, drawing, count=1)


def _provenance(specification: Specification) -> str:
    """The origin of the figure as JSON, in characters that XML and a terminal take."""
    return "".join(map(printable, json.dumps(specification["usermeta"][KEYWORD], ensure_ascii=False)))


def _title(specification: Specification) -> str:
    """The title as one line, whether a user set it anew or not; 'figure' where the chart has none."""
    title = specification.get("title", "figure")
    text = title.get("text", "figure") if isinstance(title, dict) else title
    return text if isinstance(text, str) else " ".join(text)


_FORMATS: dict[str, Callable[[Specification, Length | None, float], bytes]] = {
    ".html": _html,
    ".pdf": _pdf,
    ".png": _png,
    ".svg": _svg,
    ".json": _json,
}
FIGURE_SUFFIXES = tuple(_FORMATS)
"""What a figure's file name may end in."""
