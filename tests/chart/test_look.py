"""Colours, shapes, titles."""

from __future__ import annotations

import polars as pl
import pytest

from support.charts import colours
from support.moments import some_of
from toolbox.chart import draw, render
from toolbox.chart.categories import POINT_SHAPES, colour_of, shape_of
from toolbox.chart.theme import COLOURS, LINE

COLOURED = (
    "complexity/depth",
    "complexity/layers",
    "complexity/stimuli",
    "filters/representative",
    "filters/stimuli",
    "layers/best",
    "layers/profile",
    "replication/filters",
    "layers/significant",
    "selectivity/index",
    "selectivity/population",
    "selectivity/ranks",
    "selectivity/significance",
    "selectivity/threshold",
    "sets/balance",
    "tuning/category",
)


@pytest.mark.parametrize("query", COLOURED)
def test_a_category_has_the_same_colour_in_every_figure(query, rows_of):
    assert colours(draw(query, rows_of(query)).to_dict()) == {
        "Ünïcode category with spaces": COLOURS[3],
        "i-see-face": COLOURS[2],
        "dog": COLOURS[1],
        "car": COLOURS[0],
    }


@pytest.mark.parametrize("query", COLOURED)
def test_rows_that_lack_categories_keep_the_colours_of_the_study(query, rows_of, categories):
    some = rows_of(query, categories=["i-see-face", "car"])
    expected = {"car": COLOURS[0], "i-see-face": COLOURS[2]}
    assert colours(draw(query, some, categories=categories).to_dict()) == expected


def test_a_category_that_the_study_does_not_know_takes_no_colour_from_others(rows_of):
    rows = rows_of("layers/profile", categories=["aardvark", "dog"])
    assert colours(draw("layers/profile", rows, categories=["dog", "car"]).to_dict()) == {
        "dog": COLOURS[1],
        "aardvark": COLOURS[2],
    }


def test_stimuli_without_a_label_are_grey_and_change_no_colour(rows_of):
    rows = rows_of("filters/stimuli", categories=["car", "zebra"])
    some = rows.with_columns(pl.when(pl.col("category") != "car").then("category").alias("category"))
    chart = draw("filters/stimuli", pl.concat([some, rows]))
    assert colours(chart.to_dict()) == {"car": COLOURS[0], "no label": LINE, "zebra": COLOURS[1]}
    assert b">1 no label<" not in render(draw("filters/stimuli", rows), ".svg", {})
    assert render(chart, ".svg", {}).count(b" no label<") == 6


def test_the_colours_are_drawn(rows_of):
    drawn = render(draw("layers/profile", rows_of("layers/profile")), ".svg", {}).decode()
    assert all(f'"{one}"' in drawn for one in COLOURS[:4]) and f'"{COLOURS[4]}"' not in drawn


def test_56_categories_differ_in_colour_or_shape():
    names = [f"category {k:02}" for k in range(len(COLOURS) * len(POINT_SHAPES))]
    pairs = {(colour_of(name, names), shape_of(name, names)) for name in names}
    assert len(pairs) == len(names) == 56


@pytest.mark.parametrize("words", [3, 30, 90])
def test_a_long_title_is_broken_and_not_cut(words, rows_of):
    title = " ".join(f"word{k}" for k in range(words))
    drawn = render(draw("layers/profile", rows_of("layers/profile"), title=title, subtitle=title), ".svg", {})
    assert all(drawn.count(f"word{k}".encode()) >= 2 for k in range(words))


def test_lines_of_a_subtitle_stay_lines(rows_of):
    chart = draw("layers/profile", rows_of("layers/profile"), subtitle="set lfw\nmodel vgg16")
    assert chart.to_dict()["title"]["subtitle"][:2] == ["set lfw", "model vgg16"]
    assert b"model vgg16" in render(chart, ".svg", {})


def test_without_a_title_there_is_none(rows_of):
    assert "title" not in draw("tuning/category", rows_of("tuning/category")).to_dict()


def test_without_a_title_the_key_of_the_marks_stays(rows_of):
    """Whoever draws a figure for a paper leaves the title out, and still has to know what the bars are."""
    title = draw("layers/profile", rows_of("layers/profile")).to_dict()["title"]
    assert title["text"][0].startswith("Thin bars: 95 % of bootstrap samples.") and "subtitle" not in title


@pytest.mark.parametrize("query", some_of(COLOURED, 3))
def test_chosen_categories_have_their_order_and_their_colours(query, rows_of, categories):
    order = ["i-see-face", "dog", "car"]
    rows = rows_of(query, categories=["car", "dog", "i-see-face"])
    shown = colours(draw(query, rows, categories=categories, order=order).to_dict())
    assert shown == {"i-see-face": COLOURS[2], "dog": COLOURS[1], "car": COLOURS[0]}
    drawn = render(draw(query, rows, categories=categories, order=order), ".svg", {}).decode()
    if query not in (
        "filters/stimuli",
        "tuning/category",
        "complexity/depth",
    ):  # whose order or place is by value
        places = [drawn.index(f">{name}<") for name in order]
        assert places == sorted(places)
