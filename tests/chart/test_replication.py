"""Contents of the figures of a replication."""

from __future__ import annotations

import re

import polars as pl
import pytest
from scipy import stats

from toolbox.chart import draw, render
from toolbox.chart.theme import COLOURS, INK


def svg(query: str, rows: pl.DataFrame, **further: object) -> str:
    return render(draw(query, rows, **further), ".svg", {}).decode()


def test_every_panel_names_its_layer_with_the_correlation_of_its_points(rows_of, layers):
    rows = rows_of("replication/filters")
    r = stats.pearsonr(*rows.filter(layer="stem").select("here", "there").to_numpy().T).statistic
    assert re.findall(r">(\w+), r = (-?[\d.]+)<", svg("replication/filters", rows)) == [
        (layer, f"{r:.2f}") for layer in layers
    ]


def test_a_layer_whose_values_are_all_the_same_has_no_correlation(rows_of):
    rows = rows_of("replication/filters", layers=["stem"]).with_columns(there=pl.lit(0.5))
    drawn = svg("replication/filters", rows)
    assert ">stem<" in drawn and "r = " not in drawn


def test_filters_without_a_value_on_one_side_have_no_point(rows_of):
    rows = rows_of("replication/filters", categories=["dog"], layers=["stem"])
    some = rows.with_columns(here=pl.when(pl.col("filter") > 5).then(None).otherwise("here"))
    assert svg("replication/filters", some).count('aria-roledescription="point"') == 6


@pytest.mark.parametrize("known", [[], ["car", "dog", "emu"]])
def test_the_line_over_all_categories_is_ink_and_takes_no_colour(known, rows_of):
    chart = draw(
        "replication/layers", rows_of("replication/layers", categories=["car", "dog"]), categories=known
    )
    scale = chart.to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert (scale["domain"], scale["range"]) == (["car", "dog", "all"], [COLOURS[0], COLOURS[1], INK])
