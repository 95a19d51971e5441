"""Figures of a given width: as wide as a journal's column, with text of one size."""

from __future__ import annotations

import re
import struct
from io import BytesIO
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pypdf
import pytest

from support.moments import some_of
from toolbox.chart import draw, figures, length_of, render
from toolbox.chart.width import LABEL_SIZE, LEAST_SIZE
from toolbox.errors import UsageError

COLUMN = length_of("89mm")


def drawn(query: str, rows: Any, width: str = "89mm", **further: Any) -> str:
    length = length_of(width)
    return render(draw(query, rows, width=length, **further), ".svg", {}, width=length).decode()


def smallest_points(drawing: str) -> float:
    """Size of the smallest text on paper."""
    element = ElementTree.fromstring(drawing)
    scale = float(element.attrib["width"].removesuffix("pt")) / float(element.attrib["viewBox"].split()[2])
    return min(float(size) for size in re.findall(r'font-size="([\d.]+)px"', drawing)) * scale


def label_points(drawing: str) -> float:
    """Size of the labels of axes on paper."""
    element = ElementTree.fromstring(drawing)
    scale = float(element.attrib["width"].removesuffix("pt")) / float(element.attrib["viewBox"].split()[2])
    return 11 * scale


@pytest.mark.parametrize(
    ("text", "points"),
    [("72pt", 72), ("1in", 72), ("25.4mm", 72), ("2.54 cm", 72), ("96px", 72), (" 8.9cm ", 252.283)],
)
def test_a_width_has_a_unit(text, points):
    assert length_of(text).points == pytest.approx(points, abs=0.001)


@pytest.mark.parametrize(
    ("text", "millimetres"), [("1column", 89), ("1 column", 89), ("1.5columns", 136), ("2 columns", 183)]
)
def test_a_width_may_be_in_columns_of_a_journal(text, millimetres):
    assert length_of(text).points == pytest.approx(millimetres * 72 / 25.4)


@pytest.mark.parametrize("text", ["3columns", "columns", "89", "mm", "0mm", "-3mm", "89 miles", "8,9cm", ""])
def test_what_is_no_width_is_refused_with_the_units(text):
    with pytest.raises(UsageError, match=re.escape(f"{text!r} is no width; expected a number with its unit")):
        length_of(text)


@pytest.mark.parametrize(
    ("query", "width"),
    [
        ("layers/best", "183mm"),
        ("sets/balance", "183mm"),
        *some_of([(query, "89mm") for query in figures()], 4),
    ],
)
def test_every_figure_fits_a_column_of_a_journal_with_legible_text(query, width, rows_of):
    drawing = drawn(
        query, rows_of(query), width, title="A title that is a good deal longer than one column is wide"
    )
    assert f'width="{length_of(width).points:.3f}pt"' in drawing
    assert label_points(drawing) == pytest.approx(LABEL_SIZE, rel=0.08)
    assert smallest_points(drawing) >= LEAST_SIZE


def test_nothing_is_left_out_of_a_narrow_figure(rows_of, categories, layers):
    drawing = drawn("layers/profile", rows_of("layers/profile"))
    assert [name for name in (*categories, *layers, "Layer") if f">{name}<" not in drawing] == []


def test_panels_are_below_one_another_rather_than_narrow(rows_of):
    rows = rows_of("selectivity/index")
    columns = [draw("selectivity/index", rows, width=length_of(width)).columns for width in ("89mm", "260mm")]
    assert columns[0] < columns[1] == draw("selectivity/index", rows).columns


def test_many_layers_keep_legible_names(rows_of):
    rows = rows_of("layers/profile", layers=[f"layer {k}" for k in range(60)])
    drawing = drawn("layers/profile", rows)
    shown = re.findall(r'<text[^>]*transform="translate\(([\d.]+)[^>]* opacity="1">layer \d+<', drawing)
    places = [float(place) for place in shown]
    assert len(places) >= 15 and min(b - a for a, b in pairwise(places)) >= 11


def test_a_width_without_room_for_text_is_refused_with_one_that_has(rows_of):
    rows = rows_of("layers/profile")
    with pytest.raises(UsageError, match=r"a figure 15mm wide would have text of [12]\.\d points") as refused:
        draw("layers/profile", rows, width=length_of("15mm"))
    least = re.findall(r"give at least (\d+mm)", str(refused.value))[0]
    assert smallest_points(drawn("layers/profile", rows, least)) >= LEAST_SIZE - 0.01


def test_a_pdf_has_that_width_and_embedded_fonts(rows_of):
    chart = draw("layers/profile", rows_of("layers/profile"), title="Figure 1", width=COLUMN)
    (page,) = pypdf.PdfReader(BytesIO(render(chart, ".pdf", {}, width=COLUMN))).pages
    assert float(page.mediabox.width) == pytest.approx(COLUMN.points, abs=0.01)
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    descriptors = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts]
    assert len(fonts) == 2 and all("/FontFile2" in each for each in descriptors)
    assert (
        "Figure 1" in page.extract_text() and "/XObject" not in page["/Resources"]
    )  # text and lines, no picture


def test_a_picture_has_the_dots_that_it_says(rows_of):
    chart = draw("layers/profile", rows_of("layers/profile"), width=COLUMN)
    picture = render(chart, ".png", {}, width=COLUMN, dpi=300)
    assert struct.unpack(">I", picture[16:20])[0] == pytest.approx(89 / 25.4 * 300, abs=1)
    place = picture.index(b"pHYs") + 4
    assert struct.unpack(">IIB", picture[place : place + 9]) == (11811, 11811, 1)  # pixels a metre


@pytest.mark.parametrize(
    ("suffix", "dpi", "message"),
    [
        (".svg", 300, "a .svg file has no dots per inch; leave out --dpi, or write a .png file"),
        (".png", 0, "dpi is 0; expected 50 to 2400, such as 300"),
        (".png", 100000, "dpi is 100000; expected 50 to 2400"),
    ],
)
def test_dots_that_are_none_are_refused(suffix, dpi, message, rows_of):
    with pytest.raises(UsageError, match=re.escape(message)):
        render(draw("layers/profile", rows_of("layers/profile")), suffix, {}, dpi=dpi)


def test_an_empty_table_has_no_width_to_fit(rows_of):
    chart = draw("layers/profile", rows_of("layers/profile").clear(), width=COLUMN)
    assert b"no rows" in render(chart, ".svg", {}, width=COLUMN)
