"""Contents of the figures of indices."""

from __future__ import annotations

import re

import polars as pl
import pytest

from toolbox.chart import draw, render


def svg(query: str, rows: pl.DataFrame) -> str:
    return render(draw(query, rows), ".svg", {}).decode()


def embedded(query: str, rows: pl.DataFrame) -> list[dict[str, object]]:
    return [row for rows in draw(query, rows).to_dict()["datasets"].values() for row in rows]


def test_the_spread_of_aucs_and_of_sparseness_is_embedded_and_not_their_rows(rows_of, layers, categories):
    for query, counted, number in (
        ("selectivity/ranks", "filters", 101),
        ("selectivity/population", "stimuli", 10),
    ):
        bands = embedded(query, rows_of(query))
        assert len(bands) == len(layers) * len(categories)
        assert {band[counted] for band in bands} == {number}


def test_no_preference_is_an_auc_of_one_half(rows_of):
    marks = draw("selectivity/ranks", rows_of("selectivity/ranks")).to_dict()["spec"]["layer"]
    assert marks[0]["encoding"]["y"]["datum"] == 0.5


def test_indices_of_filters_have_a_panel_each_in_words(rows_of, layers):
    rows = rows_of("selectivity/filters")
    names = ["class selectivity index", "depth of selectivity", "lifetime sparseness", "signal to noise"]
    drawn = svg("selectivity/filters", rows)
    assert [name for name in re.findall(r">([^<>]+)</text>", drawn) if name in names] == names
    medians = {(band["category"], band["q50"]) for band in embedded("selectivity/filters", rows)}
    assert medians == {(names[0], 0.5), (names[1], 0.4), (names[2], 0.25), (names[3], 5)}
    assert len(embedded("selectivity/filters", rows)) == 4 * len(layers)


def test_a_pair_of_indices_has_its_correlation_above_the_diagonal_and_its_overlap_below(rows_of):
    rows = rows_of("selectivity/agreement", layers=["stem"])
    cells = {
        (cell["row"], cell["column"]): cell["agreement"] for cell in embedded("selectivity/agreement", rows)
    }
    above = [("auc", "csi"), ("auc", "share"), ("csi", "share")]
    assert cells == dict.fromkeys(above, 0.5) | {(second, first): 0.3 for first, second in above}
    # in whichever order the pair was asked for
    turned = rows.rename({"first": "second", "second": "first"})
    assert {
        (c["row"], c["column"]): c["agreement"] for c in embedded("selectivity/agreement", turned)
    } == cells


def test_agreement_below_0_has_a_colour_of_its_own(rows_of):
    rows = rows_of("selectivity/agreement")
    domains = []
    for some in (rows, rows.with_columns(spearman=-pl.col("spearman"))):
        scale = draw("selectivity/agreement", some).to_dict()["spec"]["encoding"]["color"]["scale"]
        domains.append(scale["domain"])
    assert domains == [[pytest.approx(0.3), 1], [-1, 1]]


def test_a_line_for_every_category_and_layer_runs_along_the_threshold(rows_of, layers, categories):
    drawn = svg("selectivity/threshold", rows_of("selectivity/threshold"))
    assert drawn.count('aria-roledescription="line mark"') == len(layers) * len(categories)


def test_the_ten_most_selective_filters_are_named_and_the_significant_ones_counted(rows_of):
    rows = rows_of("selectivity/significance", categories=["dog"])
    drawn = svg("selectivity/significance", rows)
    assert re.findall(r">(\w+ / \d+)<", drawn)[:4] == [
        "stem / 19",
        "block2 / 19",
        "block10 / 19",
        "attic / 19",
    ]
    assert len(re.findall(r">\w+ / \d+<", drawn)) == 10
    assert ">q &lt; 0.05 in 16 of 80 filters<" in drawn
    assert len(embedded("selectivity/significance", rows)) == 10


def test_a_pooling_layer_without_q_does_not_repeat_the_filters_below_it(rows_of):
    rows = rows_of("selectivity/significance", categories=["dog"])
    pooled = rows.with_columns(pl.when(pl.col("layer") != "attic").then("q").alias("q"))
    assert "attic / " not in svg("selectivity/significance", pooled)
    assert "attic / " in svg("selectivity/significance", rows.with_columns(q=pl.lit(None, pl.Float64)))


def test_a_value_is_next_to_its_cross_validation(rows_of, layers):
    bands = embedded("selectivity/reliability", rows_of("selectivity/reliability"))
    medians = {(band["series"], band["q50"]) for band in bands}
    assert medians == {
        ("all stimuli", 0.5),
        ("one half, category chosen on the other", 0.4),
        ("same preferred category", 0.5),
        ("reliability over categories", 0.9),
    }
    assert len(bands) == 4 * len(layers)
