"""Axes on which one category dwarfs the rest, and points whose depth means little."""

from __future__ import annotations

import re
from itertools import pairwise

import polars as pl
import pytest

from toolbox.chart import draw, render
from toolbox.chart.depth import PLOT_HEIGHT, with_label_places
from toolbox.chart.scales import root_end, root_ticks


def of_values(*values: float | None) -> pl.DataFrame:
    """One value for each of some categories."""
    return pl.DataFrame({"category": [f"c{k}" for k in range(len(values))], "value": values})


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ((0.9, 0.1, 0.05, 0.0), 1.0),
        ((0.24, 0.05, 0.01), 0.3),
        ((0.0021, 0.0, 0.0005), 0.003),
        ((0.3, 0.2, 0.1), None),
        ((0.9, 0.01), None),  # of two, a linear axis shows both
        ((0.0, 0.0, 0.0), None),
        ((None, None, None), None),
    ],
)
def test_an_axis_has_a_square_root_scale_where_one_category_dwarfs_the_others(values, end):
    assert root_end(of_values(*values).cast({"value": pl.Float64}), ["value"]) == (
        end if end is None else pytest.approx(end)
    )


@pytest.mark.parametrize("end", [1.0, 0.3, 0.04, 0.003])
@pytest.mark.parametrize("height", [56, 130, 340])
def test_ticks_of_a_square_root_axis_do_not_touch(end, height):
    ticks = root_ticks(end, height)
    places = [(tick / end) ** 0.5 * height for tick in ticks]
    assert ticks[0] == 0 and ticks[-1] == end
    assert all(above - below >= 15 for below, above in pairwise(places))


def dwarfed(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, with one category far above the others."""
    is_car = pl.col("category") == "car"
    return rows.with_columns(proportion=pl.when(is_car).then(0.9).otherwise(pl.col("proportion") / 10))


@pytest.mark.parametrize("query", ["complexity/depth", "complexity/layers", "layers/best", "layers/profile"])
def test_the_title_of_the_axis_says_that_it_is_of_square_roots(query, rows_of):
    rows = rows_of(query)
    drawn = render(draw(query, dwarfed(rows)), ".svg", {}).decode()
    assert "square root axis" in drawn
    assert "square root axis" not in render(draw(query, rows), ".svg", {}).decode()


def test_small_proportions_keep_their_digits_on_a_square_root_axis(rows_of):
    """A tick at 0.5 % is not a second 0 %."""
    drawn = render(draw("complexity/depth", dwarfed(rows_of("complexity/depth"))), ".svg", {}).decode()
    ticks = re.findall(r">([\d.]+)%<", drawn)
    assert len({*ticks}) == len(ticks) and {"0", "0.5", "2", "10", "100"} <= {*ticks}


def test_names_are_beside_their_points_on_a_square_root_axis():
    rows = pl.DataFrame(
        {"category": ["car", "cat", "dog"], "proportion": [0.9, 0.05, 0.01], "mean_depth": [0.2, 0.5, 0.8]}
    )
    placed = with_label_places(rows, end=1.0)
    for proportion, place in placed.select("proportion", "name_y").iter_rows():
        assert abs(proportion**0.5 - place**0.5) * PLOT_HEIGHT < 14  # a line of text


def centres(rows: pl.DataFrame) -> int:
    """How many points of the figure have a white centre."""
    drawn = render(draw("complexity/depth", rows), ".svg", {}).decode()
    return len(re.findall(r'aria-roledescription="point"[^>]* fill="white"', drawn))


def test_the_depth_of_fewer_than_five_filters_is_hollow(rows_of, categories):
    rows = rows_of("complexity/depth")
    assert centres(rows) == 0
    few = rows.with_columns(selective=pl.Series([4, 5, 1, 90]))
    assert centres(few) == 2
    key = draw("complexity/depth", few).to_dict()["title"]["text"]
    assert " ".join(key) == (
        "Hollow points: fewer than five selective filters, so that the depth is one of single filters."
    )
    both = few.with_columns(beyond_chance=pl.Series([True, False, True, True]))
    assert centres(both) == 3
    title = draw("complexity/depth", both).to_dict()["title"]
    assert "or a proportion that is not above chance" in " ".join(title["text"])
