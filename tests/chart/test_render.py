"""Charts as files: five formats, each with its provenance."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pypdf
import pytest
from PIL import Image

from toolbox.chart import FIGURE_SUFFIXES, draw, render
from toolbox.errors import UsageError

PROVENANCE = {
    "model": "vgg16",
    "sql": "select 'Ünïcode' where 1 < 2 and \"a\" = '</script>' -- ]]>",
    "rows": [6, None],
}


def chunks(picture: bytes) -> list[tuple[bytes, bytes]]:
    """(kind, content) of a PNG's chunks, whose check sums must hold."""
    found, place = [], 8
    while place < len(picture):
        (length,) = struct.unpack(">I", picture[place : place + 4])
        body = picture[place + 4 : place + 8 + length]
        (check,) = struct.unpack(">I", picture[place + 8 + length : place + 12 + length])
        assert zlib.crc32(body) == check
        found.append((body[:4], body[4:]))
        place += 12 + length
    return found


def from_html(page: bytes) -> Any:
    text = page.decode().partition('<script type="application/json" id="specification">')[2]
    return json.loads(text.partition("</script>")[0])["usermeta"]["toolbox"]


def from_png(picture: bytes) -> Any:
    (content,) = [content for kind, content in chunks(picture) if kind == b"iTXt"]
    keyword, _, text = content.partition(b"\0\0\0\0\0")
    assert keyword == b"toolbox"
    return json.loads(text)


def from_svg(drawing: bytes) -> Any:
    metadata = ElementTree.fromstring(drawing).find("{http://www.w3.org/2000/svg}metadata")
    assert metadata is not None and metadata.get("id") == "toolbox"
    return json.loads(metadata.text or "")


def from_pdf(page: bytes) -> Any:
    metadata = pypdf.PdfReader(BytesIO(page)).metadata
    assert metadata is not None
    return json.loads(str(metadata["/toolbox"]))


def from_json(specification: bytes) -> Any:
    return json.loads(specification)["usermeta"]["toolbox"]


@pytest.mark.parametrize(
    ("suffix", "read"),
    [(".html", from_html), (".pdf", from_pdf), (".png", from_png), (".svg", from_svg), (".json", from_json)],
)
def test_provenance_can_be_read_back(suffix: str, read: Callable[[bytes], Any], rows_of):
    chart = draw("layers/profile", rows_of("layers/profile"))
    assert read(render(chart, suffix, PROVENANCE)) == PROVENANCE


def test_other_programs_read_the_picture_and_its_text(rows_of):
    picture = render(draw("layers/profile", rows_of("layers/profile")), ".png", PROVENANCE)
    with Image.open(BytesIO(picture)) as image:
        image.load()
        assert json.loads(image.text["toolbox"]) == PROVENANCE
        assert image.info["dpi"] == pytest.approx((144, 144), abs=0.1)


@pytest.mark.parametrize("suffix", FIGURE_SUFFIXES)
def test_equal_input_gives_equal_bytes(suffix, rows_of):
    first, second = (
        render(draw("layers/profile", rows_of("layers/profile"), title="A"), suffix, PROVENANCE)
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("suffix", FIGURE_SUFFIXES)
def test_other_provenance_gives_other_bytes(suffix, rows_of):
    chart = draw("layers/profile", rows_of("layers/profile"))
    assert render(chart, suffix, {"rows": 1}) != render(chart, suffix, {"rows": 2})


def test_rendering_leaves_the_chart_as_it_was(rows_of):
    chart = draw("layers/profile", rows_of("layers/profile"))
    before = chart.to_dict()
    render(chart, ".json", PROVENANCE)
    assert chart.to_dict() == before


def test_the_page_asks_for_nothing_and_no_name_ends_its_script(rows_of):
    rows = rows_of("layers/profile", categories=["</script><script>alert(1)</script>", "<!-- <script>"])
    page = render(draw("layers/profile", rows, title="</title><b>"), ".html", PROVENANCE).decode()
    assert page.count("</script>") == page.count("<script") == 3
    assert "<script src" not in page and "<link" not in page and "</title><b>" not in page


def test_the_specification_is_complete_and_readable(rows_of, categories):
    text = render(draw("layers/profile", rows_of("layers/profile"), title="Figure 1"), ".json", {}).decode()
    specification = json.loads(text)
    assert specification["$schema"].startswith("https://vega.github.io/schema/vega-lite/v6")
    assert specification["title"]["text"] == ["Figure 1"]
    assert categories[1] in text and text.count("\n") > 100


@pytest.mark.parametrize("suffix", [".gif", "png", ".PNG", ""])
def test_another_suffix_is_refused_with_the_five(suffix, rows_of):
    chart = draw("layers/profile", rows_of("layers/profile"))
    with pytest.raises(
        UsageError, match=r"cannot draw a figure as '.*'; .* \.html, \.pdf, \.png, \.svg, \.json"
    ):
        render(chart, suffix, {})
