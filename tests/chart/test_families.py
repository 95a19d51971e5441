"""Contents of single figures."""

from __future__ import annotations

import base64
import re
from collections import Counter
from io import BytesIO
from xml.etree import ElementTree

import polars as pl
import pytest
from PIL import Image

from toolbox.chart import draw, render
from toolbox.chart.categories import colour_of
from toolbox.chart.theme import INK, LINE


def svg(query: str, rows: pl.DataFrame) -> str:
    return render(draw(query, rows), ".svg", {}).decode()


def texts_of(drawn: str) -> list[str]:
    """All text of an SVG."""
    return [
        each.text or ""
        for each in ElementTree.fromstring(drawn).iter()
        if each.tag.endswith(("text", "tspan"))
    ]


def words(drawn: str) -> str:
    """All text of an SVG, without its line breaks."""
    return " ".join(texts_of(drawn))


def embedded(query: str, rows: pl.DataFrame) -> list[dict[str, object]]:
    (values,) = draw(query, rows).to_dict()["datasets"].values()
    return list(values)


def test_selectivity_embeds_quantiles_and_not_filters(rows_of, layers, categories):
    bands = embedded("selectivity/index", rows_of("selectivity/index"))  # contrasts 0, 0.01 … 1 in each layer
    assert len(bands) == len(layers) * len(categories)
    expected = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "filters": 101}
    for band in bands:
        assert {name: pytest.approx(value) for name, value in expected.items()} == {
            name: band[name] for name in expected
        }


def test_dead_filters_do_not_count_in_the_quantiles(rows_of):
    rows = rows_of("selectivity/index", categories=["dog"], layers=["stem"])
    dead = rows.with_columns(
        pl.when(pl.col("filter") > 10).then(None).otherwise("contrast").alias("contrast")
    )
    (band,) = embedded("selectivity/index", dead)
    assert (band["filters"], band["q50"]) == (11, pytest.approx(0.05))


def test_representative_filters_are_named_by_layer_and_number_in_rank_order(rows_of):
    drawn = svg("filters/representative", rows_of("filters/representative", categories=["dog"]))
    assert re.findall(r">(\w+ / \d+)<", drawn) == ["block2 / 10", "block10 / 20", "attic / 30"]
    assert re.findall(r">(0\.\d\d)<", drawn) == ["0.60", "0.30", "0.20"]  # balanced shares


def thumbnail() -> str:
    file = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def test_stimuli_show_the_images_that_the_rows_hold(rows_of):
    rows = rows_of("filters/stimuli")
    assert "<image" not in svg("filters/stimuli", rows)
    assert svg("filters/stimuli", rows.with_columns(image=pl.lit(thumbnail()))).count("<image") == rows.height


@pytest.mark.parametrize("address", ["http://192.0.2.1/x.png", "file:///x.png", "x.png", None])
def test_an_image_that_would_have_to_be_fetched_is_left_out(address, rows_of):
    rows = rows_of("filters/stimuli").with_columns(image=pl.lit(address, pl.String))
    drawn = svg("filters/stimuli", rows)
    assert (
        "<image" not in drawn
        and "192.0.2.1" not in render(draw("filters/stimuli", rows), ".json", {}).decode()
    )


@pytest.mark.parametrize(
    ("by", "title"), [("rank", "Category, in order of the response"), ("category", "Category")]
)
def test_categories_are_on_a_tuning_curve_in_the_order_of_the_rows(by, title, rows_of):
    rows = rows_of("tuning/category").sort(by)
    drawn = svg("tuning/category", rows)
    places = [drawn.index(f">{name}<") for name in rows["category"]]
    assert places == sorted(places)
    assert f">{title}<" in drawn


def test_the_proportions_of_the_preferred_frequencies_of_a_layer_are_of_its_tuned_filters(rows_of):
    rows = rows_of("tuning/frequency", layers=["stem"])  # 4, 8, 16, 4 … cycles: 4, 3 and 3 filters of 10
    drawn = svg("tuning/frequency", rows)
    assert sorted(re.findall(r">(\d+%)<", drawn))[:3] == ["0%", "100%", "30%"] and ">40%<" in drawn
    assert drawn.index(">16<") < drawn.index(">8<") < drawn.index(">4<")  # from the top down
    untuned = rows.with_columns(preferred=pl.when(pl.col("filter") == 2).then(None).otherwise("preferred"))
    proportions = {">44%<", ">33%<", ">22%<"}
    drawn = svg("tuning/frequency", untuned)
    assert {one for one in proportions if one in drawn} == proportions


def test_a_layer_without_band_pass_filters_keeps_its_place(rows_of, layers):
    rows = rows_of("tuning/frequency")
    without = rows.with_columns(
        bandwidth=pl.when(pl.col("layer") == "attic").then(None).otherwise("bandwidth")
    )
    chart = draw("tuning/frequency", without).to_dict()
    (bands,) = (rows for rows in chart["datasets"].values() if "q50" in rows[0])
    assert [(band["layer"], band["filters"]) for band in bands] == [
        *((name, 10) for name in layers[:3]),
        ("attic", 0),
    ]
    assert [band["q50"] for band in bands] == [*[pytest.approx(2.45)] * 3, None]


def test_bins_of_orientation_are_around_their_centre_with_the_proportion_of_chance(rows_of):
    bars = embedded("tuning/preferences", rows_of("tuning/preferences"))  # bins of 22.5 degrees
    edges = [(bar["start"], bar["end"]) for bar in bars[:8]]
    assert edges == [(22.5 * k - 11.25, 22.5 * k + 11.25) for k in range(8)]
    assert {bar["chance"] for bar in bars} == {1 / 8}


@pytest.mark.parametrize(
    ("parameter", "title"),
    [
        ("orientation", "Orientation (degrees)"),
        ("spatial_frequency", "Spatial frequency (cycles per image)"),
        ("contrast", "Luminance contrast (Michelson)"),
        ("eccentricity", "eccentricity"),
    ],
)
def test_a_tuning_curve_names_its_parameter_with_the_unit(parameter, title, rows_of):
    rows = rows_of("tuning/parameter")
    assert f">{title}<" in svg("tuning/parameter", rows.with_columns(parameter=pl.lit(parameter)))


def test_angles_are_marked_every_45_degrees(rows_of):
    drawn = svg("tuning/parameter", rows_of("tuning/parameter"))
    shown = re.findall(r">(\d+)<", drawn)
    assert {"45", "90", "135"} <= set(shown) and "180" not in shown  # the stimuli end at 157.5 degrees


def test_a_category_without_a_mean_depth_is_excluded_and_the_others_remain(rows_of):
    rows = rows_of("complexity/depth", categories=["car", "dog"])
    drawn = svg("complexity/depth", rows.with_columns(mean_depth=pl.Series([None, 0.5])))
    assert ">dog<" in drawn and ">car<" not in drawn


def test_stimuli_without_a_label_are_counted_under_that_name(rows_of):
    rows = rows_of("sets/summary", categories=["car"]).with_columns(category=pl.lit(None, pl.String))
    assert ">no label<" in svg("sets/summary", rows)


def test_a_set_with_two_schemes_has_a_panel_for_each(rows_of):
    rows = rows_of("sets/summary").filter(pl.col("set") == "drawings")
    both = pl.concat([rows, rows.with_columns(scheme=pl.lit("animacy"))])
    assert ">drawings<" in svg("sets/summary", rows)
    assert {">drawings · category<", ">drawings · animacy<"} <= set(
        re.findall(r">drawings[^<]*<", svg("sets/summary", both))
    )


def marks(drawn: str, kind: str) -> int:
    return drawn.count(f'aria-roledescription="{kind} mark"')


def without_resamples(rows: pl.DataFrame, *names: str) -> pl.DataFrame:
    return rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)


OF_RESAMPLES = ("low", "high", "chance", "chance_low", "chance_high", "beyond_chance")


def test_intervals_and_the_band_of_chance_are_drawn_where_there_are_resamples(rows_of, layers, categories):
    rows = rows_of("layers/profile")
    drawn = svg("layers/profile", rows)
    bare = svg("layers/profile", without_resamples(rows, *OF_RESAMPLES))
    assert (marks(drawn, "rule"), marks(bare, "rule")) == (len(layers) * len(categories), 0)
    assert (marks(drawn, "area"), marks(bare, "area")) == (len(categories), 0)
    for entry in (
        "Thin bars: 95 % of bootstrap samples.",
        "chance band of this category",
        "hollow points: not.",
    ):
        assert entry in words(drawn) and entry not in words(bare)
    assert bare == svg("layers/profile", rows.drop(OF_RESAMPLES))


def test_every_category_has_its_own_band_of_chance_in_its_own_panel(rows_of, categories):
    """The four bands end at 0.12, 0.13, 0.14, 0.15; each is drawn once, in the panel of its category."""
    rows = rows_of("layers/profile")
    chart = draw("layers/profile", rows).to_dict()
    assert chart["facet"]["field"] == "category" and chart["facet"]["sort"] == sorted(categories)
    (area,) = (layer for layer in chart["spec"]["layer"] if layer["mark"]["type"] == "area")
    assert "data" not in area  # so it is drawn of the rows of the panel alone
    tops = [
        min(float(y) for y in re.findall(r"[ML,][\d.]+,([\d.]+)", path))
        for path in re.findall(
            r'aria-roledescription="area mark"[^>]* d="([^"]+)"', svg("layers/profile", rows)
        )
    ]
    by_name = dict(rows.select("category", "chance_high").unique().iter_rows())
    highest = [by_name[name] for name in sorted(categories)]
    order = sorted(range(4), key=lambda place: highest[place])
    assert len(tops) == 4 and sorted(range(4), key=lambda place: -tops[place]) == order


def test_the_layers_that_exceed_their_own_band_have_a_bar_above_their_panel(rows_of):
    rows = rows_of("layers/profile")
    bars = re.findall(r'aria-roledescription="bar"[^>]*>', svg("layers/profile", rows))
    drawn = [fill for bar in bars for fill in re.findall(r'fill="([^"]+)"', bar)]
    beyond = rows.filter("beyond_chance")
    assert 0 < beyond.height < rows.height
    expected = {
        colour_of(name, sorted({*rows["category"]})): count
        for name, count in beyond["category"].value_counts().iter_rows()
    }
    assert Counter(drawn) == expected and len(bars) == rows.height  # the others are not seen
    assert "Bar above a panel, filled points: layers above their own chance band" in words(
        svg("layers/profile", rows)
    )


@pytest.mark.parametrize(
    "query", ["complexity/layers", "layers/best", "layers/profile", "layers/significant"]
)
def test_categories_over_layers_do_not_overlap(query, rows_of, layers, categories):
    """A panel holds the marks of one category: at most one line of a kind, and one interval a layer."""
    chart = draw(query, rows_of(query)).to_dict()
    of_measures = chart.get("vconcat", [chart])
    assert [part["facet"]["field"] for part in of_measures] == ["category"] * len(of_measures)
    for part in of_measures:
        assert not [
            layer for layer in part["spec"]["layer"] if "data" in layer or "detail" in layer["encoding"]
        ]


def test_pooling_layers_are_left_out_of_figure_1(rows_of, layers):
    rows = rows_of("layers/profile").with_columns(is_pool=pl.col("layer") == "block2")
    drawn = texts_of(svg("layers/profile", rows))
    assert "block2" not in drawn and {*layers} - {"block2"} <= {*drawn}
    only = rows.filter(pl.col("layer") == "block2")
    assert "block2" in texts_of(svg("layers/profile", only))  # who asks for nothing else gets it


def test_a_proportion_inside_chance_is_hollow(rows_of):
    rows = rows_of("layers/profile")
    inside = rows.filter(~pl.col("beyond_chance")).height
    assert 0 < inside < rows.height
    white = re.compile(r'<path[^>]*role="graphics-symbol"[^>]*fill="white"')
    assert len(white.findall(svg("layers/profile", rows))) == inside
    beyond = svg("layers/profile", rows.with_columns(beyond_chance=True))
    assert not white.findall(beyond)


def rings(drawn: str) -> Counter[str]:
    """Colours of the rings."""
    return Counter(re.findall(r'stroke="(#[^"]+)"[^>]* stroke-width="1.5"', drawn))


def test_a_ring_marks_the_best_layer_with_or_without_resamples(rows_of, categories):
    rows = rows_of("layers/best")
    names = ("low", "high", "first_by_proportion", "strength_low", "strength_high", "first_by_strength")
    some, bare = svg("layers/best", rows), svg("layers/best", without_resamples(rows, *names))
    assert "Rings: layers that are first in more than 5 % of the bootstrap samples" in words(some)
    assert "Ring: the layer that comes first" in words(bare)
    for drawn in (some, bare):
        assert rings(drawn) == {INK: 2 * len(categories)}


def test_a_best_layer_that_is_not_beyond_chance_has_a_grey_ring(rows_of, categories):
    """The first of layers of which none is above chance is no result."""
    rows = rows_of("layers/best").with_columns(beyond_chance=pl.col("category") != "dog")
    assert rings(svg("layers/best", rows)) == {INK: 2 * len(categories) - 1, LINE: 1}
    assert "grey: not above chance" in words(svg("layers/best", rows))


def test_the_two_corrections_of_significance_are_distinguished(rows_of, categories):
    drawn = svg("layers/significant", rows_of("layers/significant"))
    assert marks(drawn, "line") == 2 * len(categories)
    assert len(re.findall(r'aria-roledescription="line mark"[^>]* stroke-dasharray="4,3"', drawn)) == len(
        categories
    )
    assert "Line with points: q < level. Dashed line: FWE-corrected p < level" in words(drawn)


def test_intervals_of_mean_depth_and_proportion_cross_in_their_category(rows_of, categories):
    rows = rows_of("complexity/depth")
    names = ("proportion_low", "proportion_high", "mean_depth_low", "mean_depth_high")
    far = marks(svg("complexity/depth", without_resamples(rows, *names)), "rule")  # lines to names
    crosses = embedded("complexity/depth", rows)
    assert marks(svg("complexity/depth", rows), "rule") == 2 * len(categories) + sum(
        row["is_far"] for row in crosses
    )
    assert far <= len(categories)


def test_a_pair_of_categories_is_named_and_filled_where_it_differs(rows_of):
    drawn = svg("complexity/pairs", rows_of("complexity/pairs", categories=["car", "dog", "face"]))
    assert re.findall(r">(\w+ - \w+)<", drawn) == 2 * ["car - dog", "car - face", "dog - face"]
    assert (
        drawn.count('fill="#222222" stroke="#222222"') == 4
        and drawn.count('fill="white" stroke="#222222"') == 2
    )
    assert ">filled: Holm-corrected p &lt; 0.05)<" in drawn and ">(bars: 95 % of bootstrap samples;<" in drawn


def test_without_resamples_no_pair_is_significant(rows_of):
    rows = without_resamples(rows_of("complexity/pairs"), "low", "high", "p", "p_holm")
    assert "corrected" not in svg("complexity/pairs", rows)


def test_only_the_stimuli_outside_the_middle_are_drawn_one_by_one(rows_of):
    rows = rows_of(
        "complexity/stimuli", categories=["car"]
    )  # 0, 1/40 … 1: the middle 90 % run from 2/40 to 38/40
    sets = draw("complexity/stimuli", rows).to_dict()["datasets"].values()
    single = [row["stimulus_id"] for rows in sets for row in rows if "path" in row]
    assert sorted(set(single)) == [0, 1, 39, 40]


def test_the_axis_of_responses_has_few_ticks(rows_of):
    drawn = svg("filters/stimuli", rows_of("filters/stimuli"))
    assert 3 <= len(re.findall(r">(\d+)<", drawn)) <= 6


def test_balance_reports_the_measures_of_the_set_and_the_effect_of_equal_categories(rows_of, categories):
    rows = rows_of("sets/balance")
    drawn = svg("sets/balance", rows)
    assert ">Proportion: evenness 0.90 (0.95 for equal sizes)<" in drawn
    assert ">Mean depth: spread 0.25 (0.12 for equal sizes)<" in drawn
    same = rows.with_columns(
        ratio_equal="ratio", mean_depth_equal="mean_depth", evenness_equal="evenness", spread_equal="spread"
    )
    assert ">Proportion: evenness 0.90<" in svg("sets/balance", same)
    assert ">(rings: categories of equal size)<" in drawn and "rings: " not in svg("sets/balance", same)
    nothing = without_resamples(
        rows, "ratio_equal", "mean_depth_equal", "evenness_equal", "spread_equal", "spread"
    )
    assert ">Mean depth: spread unknown<" in svg("sets/balance", nothing)
