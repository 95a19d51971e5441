"""Charts of a page that marks what is chosen in all of them."""

from __future__ import annotations

import json
import re
from typing import Any

import altair as alt
import pytest

from support.moments import some_of
from toolbox.chart import draw, figures
from toolbox.chart.linked import as_script, drawn_rows, linked_specification, still_picture
from toolbox.chart.theme import COLOURS_ON_DARK, ON_DARK


def marks(part: dict[str, Any]) -> list[dict[str, Any]]:
    """All views of a specification that draw marks."""
    children = [child for key in ("layer", "concat", "hconcat", "vconcat") for child in part.get(key, [])]
    inside = [*children, *([part["spec"]] if "spec" in part else [])]
    return [part] if "mark" in part else [view for child in inside for view in marks(child)]


def conditions_of(specification: dict[str, Any]) -> str:
    return " ".join(
        view["encoding"]["opacity"]["condition"]["test"]
        for view in marks(specification)
        if isinstance(view["encoding"].get("opacity", {}).get("condition"), dict)
        and "test" in view["encoding"]["opacity"]["condition"]
    )


@pytest.mark.parametrize("query", some_of(figures(), 3))
def test_every_figure_is_drawn_with_the_signals_of_a_page(query: str, rows_of: Any) -> None:
    specification = linked_specification(draw(query, rows_of(query)), "What it shows.")
    names = [each["name"] for each in specification["params"]]
    assert names[-2:] == ["chosen_category", "chosen_layer"]
    assert specification["description"] == "What it shows."
    assert "bind" not in json.dumps(specification["params"])
    assert still_picture(specification, "What it shows.").startswith("<svg")


@pytest.mark.parametrize(
    ("query", "signals"),
    [
        ("layers/profile", {"chosen_category", "chosen_layer"}),
        ("complexity/depth", {"chosen_category"}),
        ("selectivity/agreement", {"chosen_layer"}),
        ("complexity/pairs", {"chosen_category"}),
        ("tuning/representative", {"chosen_category", "chosen_layer"}),
    ],
)
def test_marks_depend_on_what_their_rows_are_of(query: str, signals: set[str], rows_of: Any) -> None:
    specification = linked_specification(draw(query, rows_of(query)), "")
    assert {*re.findall(r"chosen_\w+(?= === null)", conditions_of(specification))} == signals


def test_a_pair_of_categories_is_marked_by_either(rows_of: Any) -> None:
    specification = linked_specification(draw("complexity/pairs", rows_of("complexity/pairs")), "")
    assert "datum.category === chosen_category || datum.other === chosen_category" in conditions_of(
        specification
    )


def test_a_line_over_the_layers_is_never_faint_for_a_layer(rows_of: Any) -> None:
    specification = linked_specification(draw("layers/profile", rows_of("layers/profile")), "")
    lines = [view for view in marks(specification) if view["mark"]["type"] in ("line", "area")]
    assert lines and all(
        "chosen_layer" not in json.dumps(view["encoding"].get("opacity", {})) for view in lines
    )


def test_numbers_have_six_digits_and_rests_of_sums_are_zero() -> None:
    rows = alt.InlineData(values=[{"layer": "a", "value": 1 / 3}, {"layer": "b", "value": -6.9e-18}])
    chart = alt.Chart(rows).mark_point().encode(x="layer:N", y="value:Q")
    found = drawn_rows(linked_specification(chart, ""))
    assert [row["value"] for row in found] == [0.333333, 0]


def test_a_picture_keeps_its_texts_and_drops_what_repeats_them() -> None:
    rows = alt.InlineData(values=[{"category": '0.12345 role="b" class="c"', "value": 0.25}])
    chart = alt.Chart(rows).mark_bar().encode(x="value:Q", y="category:N")
    picture = still_picture(linked_specification(chart, ""), 'a "picture"')
    assert '0.12345 role="b" class="c"' in picture and 'aria-label="a &quot;picture&quot;"' in picture
    assert "aria-roledescription" not in picture


@pytest.mark.parametrize("colour", COLOURS_ON_DARK)
def test_a_colour_on_a_dark_page_is_seen(colour: str) -> None:
    """A ratio of 3 to the page, as WCAG 2 asks of graphics."""
    assert (lightness(colour) + 0.05) / (lightness(ON_DARK["white"]) + 0.05) >= 3


def lightness(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_no_name_ends_a_script() -> None:
    assert as_script({"name": "</script><!--"}) == '{"name":"\\u003c/script>\\u003c!--"}'
