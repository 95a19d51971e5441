"""The figure of a comparison: what it shows of two, three and many categories."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from toolbox.chart import render
from toolbox.chart.comparison import ComparisonWords, draw_comparison

WORDS = ComparisonWords(
    "Complexity", "set · network", "all other stimuli of the set by more than 0.1 of its range"
)
LAYERS = ("conv1", "conv2")
NAMES = ["face", "car", "dog", "cat", "</script>", "Ägypten"]


def category_rows(names: list[str], layers: tuple[str, ...] = LAYERS) -> pl.DataFrame:
    measures = [
        ("complexity", "proportion"),
        ("complexity", "mean_depth"),
        *(("layer", name) for name in layers),
    ]
    rows = [
        (kind, measure, name, 20, 0.1 * place, 0.1 * place - 0.05, 0.1 * place + 0.05)
        for kind, measure in [*measures, ("property", "luminance")]
        for place, name in enumerate(names, 1)
    ]
    return pl.DataFrame(
        rows, schema=["kind", "measure", "category", "n", "value", "low", "high"], orient="row"
    )


def pair_rows(names: list[str], effect: float | None = 0.4) -> pl.DataFrame:
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    rows = [
        (kind, measure, *pair, effect, 1.2, 0.3)
        for kind, measure in (("stimulus", "responsive_depth"), ("property", "rms_contrast"))
        for pair in pairs
    ]
    columns = ["kind", "measure", "category", "other", "effect_size", "variance_ratio", "ks_distance"]
    return pl.DataFrame(
        rows, schema=dict(zip(columns, [*[pl.String] * 4, *[pl.Float64] * 3], strict=True)), orient="row"
    )


def specification(names: list[str], **parts: Any) -> dict[str, Any]:
    categories = parts.get("categories", category_rows(names))
    found: dict[str, Any] = draw_comparison(
        categories, parts.get("pairs", pair_rows(names)), WORDS, parts.get("known", sorted(names))
    ).to_dict()
    return found


@pytest.mark.parametrize("count", [2, 3, 6])
def test_it_has_complexity_layers_and_differences(count: int) -> None:
    chart = draw_comparison(category_rows(NAMES[:count]), pair_rows(NAMES[:count]), WORDS, sorted(NAMES))
    complexity, layers, differences = chart.to_dict()["vconcat"]
    assert len(complexity["concat"]) == 2
    assert layers["layer"][0]["encoding"]["x"]["scale"]["domain"] == list(LAYERS)
    assert differences["layer"][1]["encoding"]["y"]["scale"]["domain"] == ["responsive depth", "rms contrast"]
    assert render(chart, ".svg", {}).startswith(b"<svg")


def test_categories_are_in_their_order_and_the_colours_of_the_study() -> None:
    drawn = specification(["face", "car"], known=["car", "dog", "face"])
    for panel in drawn["vconcat"][0]["concat"]:
        encoding = panel["layer"][0]["encoding"]
        assert encoding["y"]["scale"]["domain"] == ["face", "car"]
        assert encoding["color"]["scale"]["domain"] == ["face", "car"]
        colours = encoding["color"]["scale"]["range"]
    everything = specification(["car", "dog", "face"], known=["car", "dog", "face"])
    all_colours = everything["vconcat"][0]["concat"][0]["layer"][0]["encoding"]["color"]["scale"]["range"]
    assert colours == [all_colours[2], all_colours[0]]


@pytest.mark.parametrize(("count", "has_shapes"), [(2, True), (3, True), (4, False)])
def test_few_pairs_have_shapes_and_many_have_none(count: int, has_shapes: bool) -> None:
    points = specification(NAMES[:count])["vconcat"][2]["layer"][1]
    assert ("shape" in points["encoding"]) == has_shapes


def test_a_single_layer_has_no_line_over_layers() -> None:
    drawn = specification(NAMES[:2], categories=category_rows(NAMES[:2], ("conv1",)))
    assert len(drawn["vconcat"]) == 2


def test_nothing_measured_and_nothing_known_is_drawn() -> None:
    unknown = category_rows(NAMES[:2]).with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ("value", "low", "high")
    )
    nothing = pair_rows(NAMES[:2]).clear()
    chart = draw_comparison(unknown, nothing, WORDS)
    assert len(chart.to_dict()["vconcat"]) == 2
    assert render(chart, ".svg", {})


def test_an_infinite_difference_is_left_out_of_the_axis() -> None:
    infinite = specification(NAMES[:2], pairs=pair_rows(NAMES[:2], float("inf")))
    data = infinite["vconcat"][2]["data"]
    rows = infinite["datasets"][data["name"]] if "name" in data else data["values"]
    assert [row["size"] for row in rows] == [None, None]


def test_what_a_filter_exceeds_is_written() -> None:
    title = specification(NAMES[:2])["title"]
    assert title["text"] == ["Complexity"]
    assert "exceeds that to all other stimuli of the set by more than 0.1" in " ".join(title["subtitle"])
