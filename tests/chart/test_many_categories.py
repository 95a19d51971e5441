"""Figures of more categories than one panel can show, and figures that are read without colours."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import polars as pl
import pytest

from support.charts import colours
from support.moments import some_of
from toolbox.chart import draw, length_of, render
from toolbox.chart.fitting import drawn_size
from toolbox.chart.letters import text_width
from toolbox.chart.theme import COLOURS

MANY = [f"category {k:02}" for k in range(13)]


def svg(query: str, rows: pl.DataFrame) -> str:
    return render(draw(query, rows), ".svg", {}).decode()


def fields(part: Any) -> set[str]:
    """All channels with a legend."""
    found: set[str] = set()
    if isinstance(part, dict):
        found |= {
            name for name, one in part.get("encoding", {}).items() if isinstance(one, dict) and "scale" in one
        }
        part = list(part.values())
    if isinstance(part, list):
        for child in part:
            found |= fields(child)
    return found


@pytest.mark.parametrize(
    "query", ["complexity/layers", "layers/best", "layers/profile", "layers/significant"]
)
@pytest.mark.parametrize("number", some_of([13, 2, 6, 30], 4))
def test_every_category_has_a_panel_with_its_name_and_none_a_legend(query, number, rows_of):
    names = [f"category {k:02}" for k in range(number)]
    drawn = svg(query, rows_of(query, categories=names, layers=["first", "second"]))
    panels = 2 if query == "layers/best" else 1
    assert [drawn.count(f">{name}<") for name in names] == [panels] * number
    assert ">Category<" not in drawn


def test_lines_of_more_than_eight_categories_are_in_panels(rows_of):
    rows = rows_of("selectivity/threshold", categories=MANY[:9], layers=["first", "second"])
    drawn = svg("selectivity/threshold", rows)
    assert all(drawn.count(f">{name}<") == 1 for name in MANY[:9]) and ">Category<" not in drawn
    eight = svg("selectivity/threshold", rows_of("selectivity/threshold", categories=MANY[:8]))
    assert ">Category<" in eight


def test_more_categories_than_colours_have_one_colour(rows_of):
    """A colour that recurs would group categories that have nothing in common."""
    for number, hues in ((len(COLOURS), len(COLOURS)), (len(COLOURS) + 1, 1)):
        rows = rows_of("layers/profile", categories=MANY[:number])
        assert len({*colours(draw("layers/profile", rows).to_dict()).values()}) == hues


NUMBERS, WIDTHS = (2, 6, 13, 30, 60), (None, "89mm", "180mm")
QUICK = {(6, None), (13, "89mm"), (30, None), (60, None), (2, "180mm")}


@pytest.mark.parametrize(
    ("number", "width"),
    [
        pytest.param(*each, marks=[] if each in QUICK else [pytest.mark.long])
        for each in product(NUMBERS, WIDTHS)
    ],
)
def test_the_panels_of_many_categories_are_not_endless(number, width, rows_of):
    """Up to 30 panels are no higher than a page; more are the smallest that can be read."""
    names = [f"{k} names" for k in range(number)]
    rows = rows_of("layers/profile", categories=names, layers=[f"conv{k}" for k in range(13)])
    length = length_of(width) if width else None
    across, down = drawn_size(render(draw("layers/profile", rows, width=length), ".svg", {}).decode())
    limit = {60: 2200}.get(number, 1150)
    assert down < limit and (width or across < 1100)


def test_many_pairs_are_cells_with_a_dot_where_they_differ(rows_of):
    rows = rows_of("complexity/pairs", categories=MANY)
    drawn = svg("complexity/pairs", rows.with_columns(p_holm=pl.Series([0.01, *[0.3] * (rows.height - 1)])))
    assert drawn.count('aria-roledescription="rect mark"') == rows.height
    assert drawn.count('aria-roledescription="point"') == 1
    assert "(dot: Holm-corrected p &lt; 0.05)" in drawn


@pytest.mark.parametrize(
    ("query", "channel"),
    [
        ("replication/layers", "shape"),
        ("selectivity/reliability", "shape"),
        ("selectivity/threshold", "strokeDash"),
    ],
)
def test_lines_and_points_can_be_told_apart_in_grey(query, channel, rows_of):
    assert channel in fields(draw(query, rows_of(query)).to_dict())


@pytest.mark.parametrize("query", ["selectivity/agreement", "selectivity/threshold", "tuning/orientation"])
def test_the_name_of_a_panel_is_never_cut(query, rows_of):
    name = "encoder_block_12_feed_forward_2"
    rows = rows_of(query, layers=[name, "b"])
    if query == "selectivity/agreement":
        rows = rows.filter(pl.col("first") == "auc", pl.col("second") == "csi")
    assert f">{name}<" in svg(query, rows)


def test_without_a_band_pass_filter_there_is_no_empty_panel(rows_of):
    rows = rows_of("tuning/frequency").with_columns(bandwidth=pl.lit(None, pl.Float64))
    drawn = svg("tuning/frequency", rows)
    assert ">No filter is band-pass, so none has a bandwidth<" in drawn and "Bandwidth (" not in drawn


@pytest.mark.parametrize(
    ("parameter", "title"),
    [("spatial_frequency", "(cycles per image)"), ("spots_a_degree", "spots_a_degree")],
)
def test_frequencies_have_their_unit(parameter, title, rows_of):
    rows = rows_of("tuning/frequency").with_columns(parameter=pl.lit(parameter))
    assert f"{title}<" in svg("tuning/frequency", rows)


def test_the_first_and_the_last_orientation_are_inside_the_frame(rows_of):
    drawn = svg("tuning/parameter", rows_of("tuning/parameter"))
    across = [
        float(x)
        for x in re.findall(r'aria-roledescription="point"[^>]*transform="translate\(([\d.]+)', drawn)
    ]
    assert min(across) >= 5 and max(across) <= 395
    domain = draw("tuning/orientation", rows_of("tuning/orientation")).to_dict()["spec"]["encoding"]["x"][
        "scale"
    ]
    assert domain["domain"][0] < 0 and domain["domain"][1] > 180


def test_filters_that_respond_too_weakly_to_be_tuned_are_grey(rows_of):
    rows = rows_of("tuning/orientation", layers=["stem"])
    weak = rows.with_columns(relative_peak=pl.when(pl.col("filter") < 4).then(0.05).otherwise(1.5))
    for drawn, expected in ((rows, 0), (weak, 4)):
        chart = svg("tuning/orientation", drawn)
        assert len(re.findall(r'aria-roledescription="circle"[^>]*fill="#[bcd]', chart)) == expected
        assert "too weak to be tuned" in chart


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("tuning/preferences", "dashed: chance)"),
        ("sets/balance", "(line: a balanced set)"),
        ("complexity/depth", "(bars: 95 % of bootstrap samples)"),
        ("complexity/stimuli", "(stimuli: median, middle 50 and 90 %, and those outside)"),
    ],
)
def test_bars_and_lines_are_explained(query, key, drawing_of):
    assert f">{key}<" in drawing_of(query)


@pytest.mark.parametrize(
    ("query", "key"),
    some_of(
        [
            ("layers/profile", "Thin bars: 95 % of bootstrap samples."),
            ("complexity/layers", "Thin bars: 95 % of bootstrap samples."),
            ("selectivity/index", "Filters: median (white), middle 50 % (thick) and middle 90 % (thin)."),
            (
                "selectivity/population",
                "Stimuli: median (white), middle 50 % (thick) and middle 90 % (thin).",
            ),
            ("selectivity/ranks", "Line at 0.5: no preference."),
            ("selectivity/significance", "Line: 95 % interval. Number: q."),
            ("filters/representative", "Bar: the index that ranks the filters. Number: balanced share."),
        ],
        3,
    ),
)
@pytest.mark.parametrize(
    "width", ["89mm", *(pytest.param(each, marks=pytest.mark.long) for each in (None, "180mm"))]
)
def test_the_key_below_the_title_is_inside_the_figure(query, key, width, rows_of):
    """At every width it is complete, and no line of it is wider than the figure."""
    length = length_of(width) if width else None
    subtitle = (
        "a subtitle that is a good deal longer than one line of a figure in one column of a journal " * 2
    )
    chart = draw(query, rows_of(query), title="WIDE LETTERS " * 9, subtitle=subtitle, width=length)
    title = chart.to_dict()["title"]
    across, _ = drawn_size(render(chart, ".svg", {}).decode())
    assert key in " ".join(title["subtitle"])
    assert max(text_width(line, 11) for line in title["subtitle"]) <= across - 8
    assert max(text_width(line, 14, is_bold=True) for line in title["text"]) <= across - 8
    assert length is None or across == pytest.approx(length.units, rel=0.06)
