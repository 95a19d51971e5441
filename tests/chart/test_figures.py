"""Properties of every figure: it draws the columns of its query, for any rows."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import altair as alt
import polars as pl
import pytest
from polars import selectors

from support.moments import some_of
from toolbox.chart import draw, figures, render
from toolbox.errors import UnknownNameError, UsageError
from toolbox.query import query_names, shipped_query

EVERY = pytest.mark.parametrize("query", list(figures()))
OF_PARAMETERS = {"tuning/parameter", "tuning/orientation", "tuning/frequency", "tuning/preferences"}
NAMES_CATEGORIES = sorted(set(figures()) - OF_PARAMETERS - {"complexity/pairs"})
NAMES_CATEGORIES = [name for name in NAMES_CATEGORIES if "category" in figures()[name].columns]
OVER_LAYERS = (
    "complexity/layers",
    "layers/best",
    "layers/profile",
    "layers/significant",
    "selectivity/index",
)
OVER_LAYERS += (
    "selectivity/filters",
    "selectivity/population",
    "selectivity/ranks",
    "selectivity/reliability",
)
OVER_LAYERS += ("replication/layers", "tuning/frequency")
ADDED = {"image", "parameter"}
"""Columns of figures that are not of their query: `toolbox.show` adds thumbnails, and the name of a parameter."""
WITHOUT_A_TYPE = {"x2", "y2", "yError"}  # they take the type of x and y
TYPES = {"quantitative", "ordinal", "nominal"}


def svg(chart: Any) -> str:
    return render(chart, ".svg", {}).decode()


def texts(chart: Any) -> list[str]:
    """All text that the picture shows."""
    return texts_in(svg(chart))


def texts_in(drawing: str) -> list[str]:
    """All text of an SVG."""
    return [
        element.text or ""
        for element in ElementTree.fromstring(drawing).iter()
        if element.tag.endswith("text")
    ]


def channels(specification: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """(channel, definition, embedded rows) of every encoding in a specification."""

    def inside(part: dict[str, Any], rows: list[dict[str, Any]]) -> Iterator[Any]:
        source = part.get("data", {})
        rows = source.get("values") or specification.get("datasets", {}).get(source.get("name"), rows)
        computed = {each["as"]: None for each in part.get("transform", []) if "calculate" in each}
        rows = [row | computed for row in rows[:1]]
        if "facet" in part:
            yield "facet", part["facet"], rows
        for channel, definition in part.get("encoding", {}).items():
            for one in definition if isinstance(definition, list) else [definition]:
                yield channel, one, rows
        for group in ("layer", "hconcat", "vconcat", "concat"):
            for child in part.get(group, []):
                yield from inside(child, rows)
        if "spec" in part:
            yield from inside(part["spec"], rows)

    return inside(specification, [])


def test_every_figure_has_an_example(rows_of):
    for query, figure in figures().items():
        assert set(figure.columns) <= set(rows_of(query).columns)


def test_every_figure_draws_columns_of_a_query_that_is_there():
    assert set(figures()) <= set(query_names())
    for query, figure in figures().items():
        columns = {column.name for column in shipped_query(query).columns}
        assert set(figure.columns) <= columns, query
        assert set(figure.optional) - ADDED <= columns, query


@EVERY
def test_encodings_name_embedded_columns_with_spelled_out_types(query, rows_of):
    found = list(channels(draw(query, rows_of(query)).to_dict()))
    fields = [(channel, one, rows) for channel, one, rows in found if "field" in one]
    assert fields
    for channel, one, rows in fields:
        assert one["field"] in rows[0], f"{channel} asks for {one['field']}"
        assert channel in WITHOUT_A_TYPE or one["type"] in TYPES, f"{channel} has no type"


@EVERY
def test_only_the_columns_of_the_figure_are_embedded(query, rows_of):
    rows = rows_of(query).with_columns(pl.lit("s3cret").alias("another"))
    assert b"s3cret" not in render(draw(query, rows), ".json", {})


@pytest.mark.parametrize("query", OVER_LAYERS)
def test_layers_are_on_the_axis_in_the_order_of_the_rows(query, rows_of, drawing_of, layers):
    chart = draw(query, rows_of(query))
    domains = [one["scale"]["domain"] for name, one, _ in channels(chart.to_dict()) if name == "x"]
    assert domains and all(domain == list(layers) for domain in domains)
    shown = [text for text in texts_in(drawing_of(query)) if text in layers]
    assert shown[: len(layers)] == list(layers)


@pytest.mark.parametrize(
    "query", ["selectivity/agreement", "selectivity/threshold", "tuning/orientation", "tuning/preferences"]
)
def test_the_panels_of_layers_are_in_the_order_of_the_rows(query, drawing_of, layers):
    shown = [text for text in texts_in(drawing_of(query)) if text in layers]
    assert shown == list(layers)


@pytest.mark.parametrize("query", ["complexity/layers", "layers/profile"])
def test_lines_run_from_the_first_layer_to_the_last(query, drawing_of, categories, layers):
    lines = re.findall(r'aria-roledescription="line mark"[^>]* d="M([^"]+)"', drawing_of(query))
    assert len(lines) == len(categories)
    for line in lines:
        across = [float(point.split(",")[0]) for point in line.split("L")]
        assert len(across) == len(layers) and across == sorted(across)


@EVERY
def test_an_empty_table_gives_a_titled_chart(query, rows_of):
    chart = draw(query, rows_of(query).clear(), title="Nothing passes", subtitle="threshold 2")
    assert texts(chart) == ["no rows", "Nothing passes", "threshold 2"]


@pytest.mark.parametrize("query", some_of(figures(), 3))
def test_missing_values_are_embedded_as_null(query, rows_of):
    rows = rows_of(query, layers=["first", "second"])
    some = pl.int_range(pl.len()) % 3 == 0
    charts = []
    for missing in (None, float("nan"), float("inf")):
        floats = pl.when(some).then(pl.lit(missing)).otherwise(selectors.float()).name.keep()
        charts.append(draw(query, rows.with_columns(floats)))
    written = {render(chart, ".json", {}) for chart in charts}
    assert len(written) == 1  # so one picture is that of all three
    json.loads(written.pop(), parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    drawn = texts(charts[0])
    assert drawn and not {"NaN", "null", "undefined"} & set(drawn)


@EVERY
def test_columns_without_any_value_are_drawn(query, rows_of):
    rows = rows_of(query)
    nothing = rows.with_columns(
        pl.lit(None).cast(pl.Float64).alias(name) for name in rows.select(selectors.float()).columns
    )
    chart = draw(query, nothing)
    drawn = svg(chart)
    assert "NaN" not in drawn and not {"null", "undefined"} & set(texts_in(drawn))


def size_of(drawing: str) -> tuple[int, int]:
    """Width and height of an SVG, whole pixels."""
    element = ElementTree.fromstring(drawing)
    return round(float(element.attrib["width"])), round(float(element.attrib["height"]))


@pytest.mark.parametrize("query", ["layers/profile", "filters/stimuli", "selectivity/significance"])
def test_a_picture_has_two_pixels_for_each_of_the_drawing(query, rows_of, drawing_of):
    picture = render(draw(query, rows_of(query)), ".png", {})
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = size_of(drawing_of(query))
    assert struct.unpack(">II", picture[16:24]) == pytest.approx((2 * width, 2 * height), abs=2)


@EVERY
def test_the_picture_is_larger_than_a_thumbnail(query, drawing_of):
    width, height = size_of(drawing_of(query))
    assert 400 < 2 * width < 4000 and 300 < 2 * height < 4000


@pytest.mark.parametrize("query", NAMES_CATEGORIES)
@pytest.mark.parametrize("number", some_of([30, 1], 2))
def test_every_category_is_named(query, number, rows_of, categories):
    names = [*categories, *(f"category {k}" for k in range(26))][:number]
    shown = " ".join(texts(draw(query, rows_of(query, names, layers=["first"]))))
    assert [name for name in names if name not in shown] == []


@pytest.mark.parametrize("query", NAMES_CATEGORIES)
def test_the_categories_of_the_example_are_named(query, drawing_of, categories):
    shown = " ".join(texts_in(drawing_of(query)))
    assert [name for name in categories if name not in shown] == []


@EVERY
def test_one_layer_is_enough(query, rows_of):
    assert texts(draw(query, rows_of(query, layers=["only"])))


def test_an_unknown_figure_is_refused_with_the_nearest_name(rows_of):
    with pytest.raises(
        UnknownNameError, match="no figure named 'layers/profle'; did you mean 'layers/profile'"
    ):
        draw("layers/profle", rows_of("layers/profile"))


def test_rows_of_another_query_are_refused(rows_of):
    with pytest.raises(
        UsageError, match="layers/profile needs the column 'filters', and the rows have rank, category"
    ):
        draw("layers/profile", rows_of("tuning/category").with_columns(layer=pl.lit("stem")))


def test_a_figure_can_be_called_by_its_query(rows_of):
    chart = figures()["layers/profile"](rows_of("layers/profile"))
    assert chart.to_dict() == draw("layers/profile", rows_of("layers/profile")).to_dict()


def test_altair_is_left_as_it_was_and_its_settings_do_not_matter(rows_of):
    rows = rows_of(
        "layers/profile",
        categories=[f"category {k}" for k in range(50)],
        layers=[f"l{k}" for k in range(120)],
    )
    plain = render(draw("layers/profile", rows), ".json", {})
    with alt.data_transformers.enable("default", max_rows=10):
        assert rows.height > 5000 and render(draw("layers/profile", rows), ".json", {}) == plain
    assert (alt.theme.active, alt.data_transformers.active) == ("default", "default")


@EVERY
def test_no_axis_has_two_titles_in_one(query, drawing_of):
    assert not [
        text for text in texts_in(drawing_of(query)) if text.count("(thin bars") > 1 or len(text) > 110
    ]
