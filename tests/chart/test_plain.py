"""Rows without a figure of their own are drawn by their columns, and the caption says which."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from toolbox.chart import draw_plain, render
from toolbox.chart.plain import MOST_BARS, MOST_ROWS
from toolbox.errors import UsageError

LAYERS = ["first", "second"]


def specification(rows: dict[str, list[Any]], layers: list[str] = LAYERS) -> dict[str, Any]:
    chart = draw_plain(pl.DataFrame(rows), layers, title="Mine", subtitle="pets")
    render(chart, ".png", {})  # it can be drawn
    found: dict[str, Any] = chart.to_dict()
    return found


def caption(found: dict[str, Any]) -> str:
    lines: list[str] = found["title"]["subtitle"]
    assert lines[0] == "pets"
    return lines[1]


def marks(found: dict[str, Any]) -> list[str]:
    return [layer["mark"]["type"] for layer in found["layer"]]


def test_layers_are_drawn_in_the_order_of_the_network_with_a_line_for_each_category() -> None:
    rows = {
        "layer": ["second", "first"] * 2,
        "category": ["a", "a", "b", "b"],
        "mean_value": [1.0, 2.0, 3.0, 4.0],
    }
    found = specification(rows)
    assert caption(found) == "mean value by layer · colour: category"
    assert found["layer"][0]["encoding"]["x"]["scale"]["domain"] == LAYERS
    assert found["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["a", "b"]


def test_layers_without_categories_are_one_line_with_intervals() -> None:
    rows = {"layer": LAYERS, "avg(maximum)": [1, 2], "low": [0.5, 1.5], "high": [1.5, 2.5]}
    found = specification(rows)
    assert caption(found) == "avg(maximum) by layer · lines from low to high"
    assert marks(found) == ["line", "rule", "point"]
    assert found["layer"][0]["encoding"]["y"]["title"] == "avg(maximum)"


def test_several_rows_of_a_layer_are_points() -> None:
    rows = {"layer": ["first"] * 3, "filter": [0, 1, 2], "auc": [0.1, 0.2, float("nan")]}
    found = specification(rows)
    assert (caption(found), marks(found)) == ("auc by layer · a point for every row", ["point"])


def test_a_proportion_is_drawn_before_other_numbers() -> None:
    rows = {"layer": LAYERS, "filters": [8, 9], "proportion": [0.1, 0.2]}
    assert caption(specification(rows)) == "proportion by layer"


def test_a_text_and_a_number_are_bars_with_intervals() -> None:
    rows = {"category": ["b", "a"], "n": [3, 4], "low": [2, 3], "high": [4, 5]}
    found = specification(rows)
    assert (caption(found), marks(found)) == ("n by category · lines from low to high", ["bar", "rule"])
    assert found["layer"][0]["encoding"]["y"]["scale"]["domain"] == ["b", "a"]
    assert caption(specification({"kind": ["b", "b"], "n": [3, 4]})) == "n by kind · a point for every row"


def test_two_numbers_are_points() -> None:
    rows = {"depth": [0.0, 1.0, 0.5], "n": [1, 2, 3], "category": ["a", None, "a"]}
    assert caption(specification(rows)) == "n by depth · colour: category · a point for every row"


def test_networks_have_a_panel_each() -> None:
    rows = pl.DataFrame({"model": ["one", "two"], "layer": ["first", "second"], "n": [1, 2]})
    chart = draw_plain(rows, LAYERS).to_dict()
    assert [panel["title"]["text"] for panel in chart["concat"]] == ["one", "two"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            {"path": ["a", "b"]},
            "the columns of the result (path) cannot be drawn; expected a number and a text, or two",
        ),
        ({"n": [1, 2]}, "the columns of the result (n) cannot be drawn"),
        (
            {"low": [1, 2], "high": [1, 2], "kind": ["a", "b"]},
            "the columns of the result (low, high, kind) cannot",
        ),
        (
            {"n": [1] * (MOST_ROWS + 1)},
            "the result has 5,001 rows; a chart draws at most 5,000: summarise them in SQL",
        ),
        (
            {"kind": [str(n) for n in range(MOST_BARS + 1)], "n": [1] * (MOST_BARS + 1)},
            "kind has 61 different values; a chart has at most 60 bars: add limit",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(rows: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        draw_plain(pl.DataFrame(rows))
    assert str(caught.value).startswith(message)
