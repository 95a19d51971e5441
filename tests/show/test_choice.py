"""The categories and layers that a figure shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from toolbox.errors import UnknownNameError, UsageError
from toolbox.query import shipped_query
from toolbox.show.choice import choose_rows, split_choice

ROWS = pl.DataFrame(
    [
        {"layer": layer, "category": category}
        for layer in ("block1_conv1", "block1_pool", "block2_conv1")
        for category in ("car", "dog", "i-see-face")
    ]
)


def chosen(
    rows: pl.DataFrame = ROWS, **choice: Sequence[str]
) -> tuple[pl.DataFrame, Mapping[str, list[str]]]:
    return choose_rows("layers/profile", rows, choice)


def test_categories_have_the_order_in_which_they_were_chosen():
    rows, shown = chosen(category=["i-see-face", "car"])
    assert shown == {"category": ["i-see-face", "car"]}
    assert rows.height == 6 and set(rows["category"]) == {"car", "i-see-face"}


def test_layers_are_names_or_patterns_and_keep_the_order_of_the_network():
    rows, shown = chosen(layer=["block2*", "block1_pool"])
    assert shown == {"layer": ["block1_pool", "block2_conv1"]} and rows.height == 6


def test_a_category_is_no_pattern():
    with pytest.raises(UnknownNameError, match=r"no category named 'c\*'"):
        chosen(category=["c*"])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"category": ["dgo"]}, "no category named 'dgo'; did you mean 'dog'?"),
        ({"category": ["dog", "face"]}, "no category named 'face'; did you mean 'i-see-face'?"),
        ({"layer": ["block1_conv2"]}, "no layer named 'block1_conv2'; did you mean 'block1_conv1'?"),
        ({"layer": ["fc*"]}, "no layer named 'fc*'; available: block1_conv1, block1_pool, block2_conv1"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(choice, message):
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        chosen(**choice)


def test_rows_without_categories_are_refused():
    with pytest.raises(
        UsageError, match="the rows of layers/profile have no category to choose; leave out --category"
    ):
        chosen(ROWS.drop("category"), category=["dog"])


def test_one_category_is_paired_with_all_others_and_several_with_one_another():
    pairs = pl.DataFrame({"category": ["car", "car", "dog"], "other": ["dog", "face", "face"]})
    assert chosen(pairs, category=["face"])[0].rows() == [("car", "face"), ("dog", "face")]
    assert chosen(pairs, category=["face", "car"])[0].rows() == [("car", "face")]


@pytest.mark.parametrize(
    ("query", "parameters", "choice", "values", "left"),
    [
        ("layers/best", {}, {"category": ["dog"]}, {"category": "dog"}, {}),
        ("layers/best", {}, {"category": ["dog", "car"]}, {}, {"category": ["dog", "car"]}),
        ("layers/best", {"threshold": 0.1}, {"layer": ["a"]}, {"threshold": 0.1}, {"layer": ["a"]}),
        ("tuning/orientation", {}, {"layer": ["block5*"]}, {}, {"layer": ["block5*"]}),
        ("filters/stimuli", {"filter": 3}, {"layer": ["stem"]}, {"filter": 3, "layer": "stem"}, {}),
    ],
)
def test_a_name_is_the_parameter_of_the_query_if_it_has_one(
    query: str, parameters: dict[str, Any], choice: Any, values: dict[str, Any], left: dict[str, Any]
):
    assert split_choice(shipped_query(query), parameters, choice) == (values, left)


def test_several_names_where_the_query_takes_one_are_refused():
    with pytest.raises(
        UsageError, match="filters/stimuli takes one layer, and got stem, attic; choose one of them"
    ):
        split_choice(shipped_query("filters/stimuli"), {"filter": 3}, {"layer": ["stem", "attic"]})


def test_a_name_that_is_given_twice_is_refused():
    with pytest.raises(UsageError, match="layer is given twice, as a parameter and as --layer; give it once"):
        split_choice(shipped_query("filters/stimuli"), {"layer": "stem"}, {"layer": ["stem"]})
