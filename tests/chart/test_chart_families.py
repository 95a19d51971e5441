"""What single figures show."""

from __future__ import annotations

import base64
import re
from io import BytesIO

import polars as pl
import pytest
from PIL import Image

from toolbox.chart import draw, render


def svg(query: str, rows: pl.DataFrame) -> str:
    return render(draw(query, rows), ".svg", {}).decode()


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
    dead = rows.with_columns(pl.when(pl.col("filter") > 10).then(None).otherwise("contrast").alias("contrast"))
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
    assert "<image" not in drawn and "192.0.2.1" not in render(draw("filters/stimuli", rows), ".json", {}).decode()


@pytest.mark.parametrize(("by", "title"), [("rank", "category, in order of the response"), ("category", "category")])
def test_categories_stand_on_a_tuning_curve_in_the_order_of_the_rows(by, title, rows_of):
    rows = rows_of("tuning/category").sort(by)
    drawn = svg("tuning/category", rows)
    places = [drawn.index(f">{name}<") for name in rows["category"]]
    assert places == sorted(places)
    assert f">{title}<" in drawn


def test_every_layer_shares_its_tuned_filters_out_over_the_preferred_frequencies(rows_of):
    rows = rows_of("tuning/frequency", layers=["stem"])  # 4, 8, 16, 4 … cycles: 4, 3 and 3 filters of 10
    drawn = svg("tuning/frequency", rows)
    assert sorted(re.findall(r">(\d+%)<", drawn))[:3] == ["0%", "100%", "30%"] and ">40%<" in drawn
    assert drawn.index(">16<") < drawn.index(">8<") < drawn.index(">4<")  # from the top down
    untuned = rows.with_columns(preferred=pl.when(pl.col("filter") == 2).then(None).otherwise("preferred"))
    shares = {">44%<", ">33%<", ">22%<"}
    assert {share for share in shares if share in svg("tuning/frequency", untuned)} == shares


def test_a_layer_without_band_pass_filters_keeps_its_place(rows_of, layers):
    rows = rows_of("tuning/frequency")
    without = rows.with_columns(bandwidth=pl.when(pl.col("layer") == "attic").then(None).otherwise("bandwidth"))
    chart = draw("tuning/frequency", without).to_dict()
    (bands,) = (rows for rows in chart["datasets"].values() if "q50" in rows[0])
    assert [(band["layer"], band["filters"]) for band in bands] == [*((name, 10) for name in layers[:3]), ("attic", 0)]
    assert [band["q50"] for band in bands] == [*[pytest.approx(2.45)] * 3, None]


def test_bins_of_orientation_stand_around_their_centre_with_the_share_of_chance(rows_of):
    bars = embedded("tuning/preferences", rows_of("tuning/preferences"))  # bins of 22.5 degrees
    edges = [(bar["start"], bar["end"]) for bar in bars[:8]]
    assert edges == [(22.5 * k - 11.25, 22.5 * k + 11.25) for k in range(8)]
    assert {bar["chance"] for bar in bars} == {1 / 8}


@pytest.mark.parametrize(
    ("parameter", "title"),
    [
        ("orientation", "orientation (degrees)"),
        ("spatial_frequency", "spatial frequency (cycles per image)"),
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


def test_a_class_without_a_depth_is_left_out_and_the_others_stay(rows_of):
    rows = rows_of("complexity/depth", categories=["car", "dog"])
    drawn = svg("complexity/depth", rows.with_columns(depth=pl.Series([None, 0.5])))
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
