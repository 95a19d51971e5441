"""Layers, complexity and balance where draws, detectors, categories or labels are missing: null, and still all rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from support.nearly import nearly
from support.own_sql import seen
from support.random_study import FILTERS, LAYERS, RandomStudy
from support.small_study import small_study
from toolbox.analyse.significance import Resampling, resample
from toolbox.query import ask
from toolbox.store.folder import StudyFolder

NEED_DRAWS = {
    "layers/profile": ["low", "high", "chance", "chance_low", "chance_high", "beyond_chance"],
    "layers/best": [
        *("low", "high", "chance", "chance_low", "chance_high", "beyond_chance"),
        "first_by_proportion",
        *("strength_low", "strength_high"),
        *("strength_chance", "strength_chance_low", "strength_chance_high"),
        "first_by_strength",
    ],
    "complexity/layers": ["low", "high", "chance", "chance_low", "chance_high", "beyond_chance"],
    "complexity/depth": [
        *("proportion_low", "proportion_high", "mean_depth_low", "mean_depth_high"),
        *("chance", "chance_low", "chance_high", "beyond_chance"),
    ],
    "complexity/pairs": ["low", "high", "p", "p_holm", "is_bound"],
    "sets/balance": [
        *("chance", "beyond_chance"),
        *("proportion_equal", "ratio_equal", "mean_depth_equal", "evenness_equal", "spread_equal"),
        *("evenness_low", "evenness_high", "spread_low", "spread_high"),
    ],
}
"""Query -> columns that only `toolbox significance` can fill."""
ROWS = {
    "layers/profile": 4 * len(LAYERS),
    "layers/best": 4 * 4,
    "complexity/layers": 4 * 4,
    "complexity/depth": 4,
    "complexity/pairs": 2 * 6,
    "sets/balance": 4,
}
EACH = pytest.mark.parametrize("query", list(NEED_DRAWS))


@pytest.fixture(scope="module")
def resampled(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """Three categories of 2, 3 and 4 stimuli; the last filter of every layer is dead, and so is the third layer."""
    root = tmp_path_factory.mktemp("resampled") / "study"
    study = make_study(root, ["car"] * 2 + ["dog"] * 3 + ["face"] * 4 + [None] * 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(root.parent / "cache"))
        resample(study, Resampling(resamples=40))
    return study


def make_study(root: Path, categories: list[str | None], *, unlabelled: float = 3.0) -> StudyFolder:
    """Responses follow from the numbers of stimulus and filter; unlabelled stimuli evoke one value in all of them."""
    stimuli = pl.DataFrame({"stimulus_id": range(len(categories)), "category": categories})
    numbers = pl.DataFrame({"filter": range(5)})
    one = stimuli.join(numbers, how="cross").with_columns(
        maximum=pl.when(pl.col("filter") == 4)
        .then(1.0)
        .when(pl.col("category").is_null())
        .then(unlabelled)
        .otherwise((pl.col("stimulus_id") * (pl.col("filter") + 2)) % 7 / 8)
    )
    layers = [
        one.with_columns(layer=pl.lit(name), maximum=value)
        for name, value in (
            ("first", pl.col("maximum")),
            ("second", 1 - pl.col("maximum")),
            ("third", pl.lit(2.0)),
        )
    ]
    responses = pl.concat(layers).with_columns(mean=pl.col("maximum") / 2)
    columns = ("layer", "filter", "stimulus_id", "maximum", "mean")
    return small_study(root, responses.select(columns), stimuli)


@EACH
def test_without_draws_all_rows_are_there_and_what_needs_draws_is_null(
    query: str, random_study: RandomStudy
) -> None:
    rows = ask(random_study.folder, query).rows
    assert rows.height == ROWS[query]
    assert set(rows.select(NEED_DRAWS[query]).null_count().row(0)) == {rows.height}
    assert rows.drop(NEED_DRAWS[query]).null_count().sum_horizontal().item() < rows.height


@EACH
@pytest.mark.parametrize("other", [{"threshold": 0.0123}, {"index": "share"}, {"statistic": "mean"}])
def test_draws_of_another_question_are_not_taken(
    query: str, other: dict[str, Any], resampled: StudyFolder
) -> None:
    without = ask(resampled, query, other).rows
    assert without.height > 0
    assert set(without.select(NEED_DRAWS[query]).null_count().row(0)) == {without.height}


@EACH
def test_draws_of_the_question_are_taken(query: str, resampled: StudyFolder) -> None:
    with_draws, without = ask(resampled, query).rows, ask(resampled, query, {"threshold": 0.0123}).rows
    assert with_draws.height == without.height
    assert with_draws.select(NEED_DRAWS[query]).null_count().max_horizontal().item() < with_draws.height


@EACH
def test_intervals_run_upwards_and_shares_stay_shares(query: str, resampled: StudyFolder) -> None:
    rows = ask(resampled, query).rows
    for low, high in (("low", "high"), ("chance_low", "chance_high"), ("proportion_low", "proportion_high")):
        if low in rows.columns:
            known = rows.select(low, high).drop_nulls()
            assert known.height > 0, low
            assert (known[low] <= known[high]).all()
    for name in (
        "low",
        "high",
        "chance",
        "first_by_proportion",
        "first_by_strength",
        "proportion_low",
        "mean_depth_high",
        "p",
        "p_holm",
        "proportion_equal",
    ):
        if name in NEED_DRAWS[query] and query != "complexity/pairs":
            known_values = rows[name].drop_nulls()
            assert known_values.len() > 0, name
            assert known_values.is_between(0, 1).all(), name


def test_a_layer_of_dead_filters_has_no_selective_one_in_any_draw(resampled: StudyFolder) -> None:
    profile = ask(resampled, "layers/profile").rows.filter(layer="third")
    assert profile.select(
        "selective", "proportion", "low", "high", "chance_high", "dead"
    ).unique().rows() == [(0, 0.0, None, None, 0.0, 5)]
    best = ask(resampled, "layers/best").rows.filter(layer="third")
    assert best["strength"].to_list() == best["strength_high"].to_list() == [None] * 3
    assert best["first_by_strength"].to_list() == [0.0] * 3


def test_the_shares_of_the_samples_in_which_a_layer_is_the_best_add_up_to_1(resampled: StudyFolder) -> None:
    sums = (
        ask(resampled, "layers/best")
        .rows.group_by("category")
        .agg(pl.col("first_by_proportion", "first_by_strength").sum())
    )
    assert sums.height == 3
    assert sums.select("first_by_proportion", "first_by_strength").rows() == nearly([(1.0, 1.0)] * 3)


def test_significant_filters_are_counted_among_all_and_dead_ones_told(resampled: StudyFolder) -> None:
    rows = ask(resampled, "layers/significant", {"level": 1.0}).rows
    assert rows.select("filters", "dead", "significant").rows() == [(5, 1, 4)] * 6 + [(5, 5, 0)] * 3
    tests = ask(resampled, seen("from significance")).rows
    assert rows["significant_fwe"].sum() == (tests["p_fwe"] < 1).sum()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("layers/best", {"proportion": 0.0, "strength": None}),
        ("complexity/depth", {"selective": 0, "proportion": 0.0, "mean_depth": None, "entropy": None}),
        ("complexity/stimuli", {"responsive": 0, "proportion": 0.0, "mean_depth": None, "entropy": None}),
        (
            "sets/balance",
            {
                "selective": 0,
                "proportion": 0.0,
                "ratio": None,
                "mean_depth": None,
                "evenness": None,
                "spread": None,
            },
        ),
    ],
)
def test_where_all_filters_are_dead_nothing_has_a_depth(
    query: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    study = of_one_value(tmp_path / "study", ["car", "car", "dog"])
    rows = ask(study, query).rows.select(list(expected))
    assert rows.rows() == [tuple(expected.values())] * rows.height and rows.height > 1


def test_classes_without_a_depth_differ_in_share_alone(tmp_path: Path) -> None:
    rows = ask(of_one_value(tmp_path / "study", ["car", "car", "dog"]), "complexity/pairs").rows
    assert rows.select("measure", "difference").rows() == [("proportion", 0.0), ("mean_depth", None)]


def of_one_value(root: Path, categories: list[str]) -> StudyFolder:
    stimuli = pl.DataFrame({"stimulus_id": range(len(categories)), "category": categories})
    rows = [
        (layer, 0, number, 2.5, 2.5) for layer in ("first", "second") for number in range(len(categories))
    ]
    columns = ["layer", "filter", "stimulus_id", "maximum", "mean"]
    return small_study(root, pl.DataFrame(rows, schema=columns, orient="row"), stimuli)


def test_a_single_category_has_nothing_to_be_balanced_with(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", ["car"] * 4)
    (row,) = ask(study, "sets/balance").rows.rows(named=True)
    unknown = ("ratio", "mean_depth", "shift", "evenness", "spread", "evenness_equal", "spread_equal")
    assert [row[name] for name in unknown] == [None] * len(unknown)
    (row,) = ask(study, "sets/balance", {"index": "response"}).rows.rows(named=True)
    assert (row["ratio"], row["shift"], row["evenness"], row["spread"]) == (1.0, 0.0, None, None)
    assert ask(study, "complexity/pairs").rows.is_empty()
    assert ask(study, "layers/best").rows["strength"].to_list() == [None] * 3


@pytest.fixture(scope="module")
def of_unlabelled(tmp_path_factory: pytest.TempPathFactory) -> list[StudyFolder]:
    """Three studies: an unlabelled stimulus evokes much, nothing, or is not there."""
    root, categories = tmp_path_factory.mktemp("unlabelled"), ["car", "car", "dog", "dog", "dog", None]
    return [
        make_study(root / "some", categories, unlabelled=9.0),
        make_study(root / "other", categories, unlabelled=0.0),
        make_study(root / "none", categories[:-1]),
    ]


@pytest.mark.parametrize("query", [*NEED_DRAWS, "complexity/stimuli"])
def test_what_unlabelled_stimuli_evoke_changes_nothing(query: str, of_unlabelled: list[StudyFolder]) -> None:
    some, other, none = (ask(study, query).rows for study in of_unlabelled)
    assert some.height > 0
    assert some.rows() == nearly(other.rows()) == nearly(none.rows())
    assert query != "complexity/stimuli" or some["stimulus_id"].to_list() == [0, 1, 2, 3, 4]


def test_classes_of_one_size_need_no_draws_to_be_compared_at_equal_size(tmp_path: Path) -> None:
    (*rows,) = ask(make_study(tmp_path / "study", ["car", "car", "dog", "dog"]), "sets/balance").rows.rows(
        named=True
    )
    assert rows
    for row in rows:
        for name in ("proportion", "ratio", "mean_depth", "evenness", "spread"):
            assert row[name] == row[f"{name}_equal"]
        assert row["proportion"] is not None and row["evenness"] is not None


def test_the_ten_strongest_of_a_larger_layer_make_its_strength(random_study: RandomStudy) -> None:
    rows = ask(random_study.folder, "layers/best", {"category": "dog"}).rows
    index = ask(random_study.folder, "selectivity/index").rows.filter(category="dog").drop_nulls("contrast")
    assert FILTERS > 10 < index.filter(layer="conv1").height
    for layer, strength in rows.select("layer", "strength").iter_rows():
        strongest = index.filter(layer=layer)["contrast"].sort(descending=True)[:10]
        assert strength == pytest.approx(strongest.mean())
