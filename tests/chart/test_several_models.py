"""One figure for two networks: panels side by side, equal scales, the colours of the study."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from support.charts import colours
from support.moments import some_of
from toolbox.chart import draw, draw_plain, figures, render
from toolbox.chart.theme import COLOURS

MODELS = ("deep net", "shallow net")


def both(rows: pl.DataFrame, other: pl.DataFrame | None = None) -> pl.DataFrame:
    """The rows as those of two networks."""
    pairs = zip(MODELS, (rows, rows if other is None else other), strict=True)
    return pl.concat([part.select(pl.lit(model).alias("model"), pl.all()) for model, part in pairs])


def svg(query: str, rows: pl.DataFrame, **further: Any) -> str:
    return render(draw(query, rows, **further), ".svg", {}).decode()


def titles(drawn: str) -> list[str]:
    texts = [
        element.text or "" for element in ElementTree.fromstring(drawn).iter() if element.tag.endswith("text")
    ]
    return [text for text in texts if text in MODELS]


@pytest.mark.parametrize("query", some_of(figures(), 3))
def test_every_figure_draws_two_networks_under_their_names(query, rows_of):
    rows = rows_of(query, ["dog", "car"], ["first", "second"])
    assert titles(svg(query, both(rows), title="Of two networks")) == list(MODELS)


@pytest.mark.parametrize("query", some_of(figures(), 3))
def test_a_network_without_rows_has_an_empty_panel(query, rows_of):
    rows = rows_of(query, ["dog", "car"], ["first", "second"])
    nothing = rows.with_columns(pl.lit(None).cast(kind).alias(name) for name, kind in rows.schema.items())
    drawn = svg(query, both(rows, nothing.head(0)))
    assert titles(drawn) == [MODELS[0]]


def test_panels_have_one_key_and_the_scale_of_the_larger_values(rows_of, categories):
    rows = rows_of("layers/profile")
    drawn = svg("layers/profile", both(rows, rows.with_columns(pl.col("proportion") * 3)))
    assert drawn.count(">Thin bars: 95 %") == 1
    ends = re.findall(r">(\d+)%<", drawn)
    half = len(ends) // 2
    assert ends[:half] == ends[half:] and max(map(int, ends)) >= 60


def test_lines_of_several_networks_have_one_legend(rows_of):
    rows = both(rows_of("layers/profile")).select("model", "layer", "category", "proportion")
    assert render(draw_plain(rows), ".svg", {}).decode().count(">i-see-face<") == 1


def test_networks_of_different_layers_have_panels_of_equal_width(rows_of):
    few, many = (
        rows_of("layers/profile", layers=["a", "b"]),
        rows_of("layers/profile", layers=[*"klmnopqrstuvwxyz"]),
    )
    chart = draw("layers/profile", both(few, many)).to_dict()
    assert len({panels["spec"]["width"] for panels in chart["concat"]}) == 1
    domains = [panels["spec"]["layer"][0]["encoding"]["x"]["scale"]["domain"] for panels in chart["concat"]]
    assert domains == [[*"ab"], [*"klmnopqrstuvwxyz"]]


def test_categories_that_differ_between_networks_keep_their_colours(rows_of, categories):
    dogs, cars = (
        rows_of("filters/stimuli", categories=["dog"]),
        rows_of("filters/stimuli", categories=["car"]),
    )
    chart = draw("filters/stimuli", both(dogs, cars), categories=categories).to_dict()
    assert chart["resolve"]["scale"]["color"] == "independent"
    assert colours(chart) == {"dog": COLOURS[1], "car": COLOURS[0]}


def test_figures_that_end_a_scale_themselves_end_it_alike(rows_of):
    rows = rows_of("complexity/depth")
    chart = draw("complexity/depth", both(rows, rows.with_columns(pl.col("proportion") * 4))).to_dict()
    axes = [[layer["encoding"].get("y", {}) for layer in panel["layer"]] for panel in chart["concat"]]
    ends = [next(axis["scale"]["domain"] for axis in of_panel if "scale" in axis) for of_panel in axes]
    assert ends[0] == ends[1] == [0, pytest.approx(4 * max(rows["proportion"]) * 1.08)]


def test_drawings_of_many_panels_are_below_one_another(rows_of):
    assert draw("selectivity/index", both(rows_of("selectivity/index"))).to_dict()["columns"] == 1
    assert draw("layers/profile", both(rows_of("layers/profile"))).to_dict()["columns"] == 1
    assert draw("tuning/category", both(rows_of("tuning/category"))).to_dict()["columns"] == 2


def test_networks_have_the_same_square_root_axis_where_one_category_dwarfs_the_rest(rows_of):
    """In the second network no category does, and its panels are compared with those of the first."""
    rows = rows_of("layers/profile")
    is_car = pl.col("category") == "car"
    large = rows.with_columns(proportion=pl.when(is_car).then(0.9).otherwise(pl.col("proportion") / 10))
    chart = draw("layers/profile", both(large, rows)).to_dict()
    scales = [
        layer["encoding"]["y"]["scale"]
        for part in chart["concat"]
        for layer in part["spec"]["layer"]
        if "scale" in layer["encoding"]["y"]
    ]
    assert len(scales) >= 4 and all((each["type"], each["domain"]) == ("sqrt", [0, 1]) for each in scales)
