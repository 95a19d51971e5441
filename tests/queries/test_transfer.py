"""Filters chosen on some stimuli and measured on others, compared with label schemes that are the halves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pytest
from scipy.stats import spearmanr

from support.own_sql import seen
from support.random_study import STIMULI, RandomStudy, make_random_study
from support.small_study import SET, add_labels, add_responses, add_stimuli
from toolbox.errors import MixtureError, UnknownNameError, UsageError
from toolbox.query import ask
from toolbox.store.halves import Half
from toolbox.store.selection import Selection

SEED = 3


def labels_of(study: RandomStudy) -> dict[int, str]:
    return {number: category for number, category in enumerate(study.categories) if category is not None}


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    """The random study with a label scheme for each half, and a second set with other labels of the same names."""
    study = make_random_study(tmp_path_factory.mktemp("halved") / "study")
    for number in (1, 2):
        labels = Half(number, SEED).labels(labels_of(study))
        rows = {"stimulus_id": list(labels), "category": list(labels.values())}
        add_labels(study.folder, pl.DataFrame(rows), SET, f"half-{number}")
    responses = ask(
        study.folder, seen("select * from responses"), selection=Selection(SET, scheme="category")
    ).rows
    add_stimuli(study.folder, pl.DataFrame({"stimulus_id": range(STIMULI)}), "other")
    others = pl.DataFrame(
        {"stimulus_id": range(STIMULI), "category": [*study.categories[1:], study.categories[0]]}
    )
    add_labels(study.folder, others, "other")
    add_responses(study.folder, responses, "other")
    return study


def values(
    study: RandomStudy, scheme: str, set_name: str = SET, **asked: Any
) -> dict[tuple[str, int, str], float]:
    query = "select layer, filter, category, value from index_values($index, 'maximum', 'filter') where not is_pool"
    rows = ask(
        study.folder, seen(query), {"index": "contrast", **asked}, Selection(set_name, (), scheme)
    ).rows
    return {row[:3]: row[3] for row in rows.rows() if row[3] is not None}


@pytest.mark.parametrize("index", ["contrast", "auc"])
def test_a_half_chooses_and_the_other_is_measured(halved: RandomStudy, index: str) -> None:
    asked = {"seed": SEED, "index": index, "count": 1000}
    rows = ask(halved.folder, "filters/transfer", asked, Selection(SET, (), "category")).rows
    first, second = (values(halved, f"half-{number}", index=index) for number in (1, 2))
    both = {key: (first[key], second[key]) for key in first if key in second}
    found = rows.select("layer", "filter", "category", "chosen", "held_out").rows()
    assert {row[:3]: row[3:] for row in found} == {
        key: pytest.approx(pair, abs=1e-12) for key, pair in both.items()
    }
    for _, of_category in rows.group_by("category"):
        assert of_category["chosen"].is_sorted(descending=True)
        by_held_out = of_category.sort("held_out_rank")["held_out"]
        assert by_held_out.is_sorted(descending=True)
        assert of_category["filters"].unique().item() == of_category.height


def test_the_summary_is_that_of_the_filters(halved: RandomStudy) -> None:
    selection = Selection(SET, (), "category")
    whole = ask(halved.folder, "filters/transfer", {"count": 1000, "seed": SEED}, selection).rows
    rows = ask(halved.folder, "selectivity/transfer", {"count": 7, "seed": SEED}, selection).rows
    assert rows["category"].to_list() == ["axe", "car", "dog", "face"]
    for row in rows.iter_rows(named=True):
        filters = whole.filter(category=row["category"])
        best = filters.filter(pl.col("rank") <= 7)
        shared, by_chance = best.filter(pl.col("held_out_rank") <= 7).height, 49 / filters.height
        mean = {name: filters[name].mean() for name in ("chosen", "held_out")}
        retained = (best["held_out"].mean() - mean["held_out"]) / (best["chosen"].mean() - mean["chosen"])
        expected = {
            "filters": filters.height, "chosen": best["chosen"].mean(), "held_out": best["held_out"].mean(),
            "all_filters": mean["held_out"], "retained": retained, "shared": shared, "shared_by_chance": by_chance,
            "jaccard": shared / (14 - shared), "jaccard_by_chance": by_chance / (14 - by_chance),
            "spearman": spearmanr(filters["chosen"], filters["held_out"]).statistic,
        }  # fmt: skip
        assert {name: row[name] for name in expected} == pytest.approx(expected)
        assert row["chosen_on"] == "half, seed 3"


def test_random_responses_keep_nothing_of_their_advantage(halved: RandomStudy) -> None:
    """Regression to the mean: the categories of the random study mean nothing, so all that was chosen is noise."""
    retained = [
        value
        for seed in range(6)
        for value in ask(
            halved.folder, "selectivity/transfer", {"count": 5, "seed": seed}, Selection(SET, (), "category")
        ).rows["retained"]
    ]
    assert abs(sum(retained) / len(retained)) < 0.25
    assert max(retained) < 1


def test_another_set_chooses(halved: RandomStudy) -> None:
    asked = {"chosen_on": "other", "count": 1000}
    rows = ask(halved.folder, "filters/transfer", asked, Selection(SET, (), "category")).rows
    first, second = values(halved, "category", "other"), values(halved, "category")
    found = {
        row[:3]: row[3:] for row in rows.select("layer", "filter", "category", "chosen", "held_out").rows()
    }
    assert found == {
        key: pytest.approx((first[key], second[key]), abs=1e-12) for key in first if key in second
    }
    assert rows["chosen_on"].unique().to_list() == ["other"]


def test_halves_divide_every_category_and_depend_on_the_seed_alone() -> None:
    labels = {number: "abc"[number % 3] for number in range(50)}
    first, second = (Half(number, 0).labels(labels) for number in (1, 2))
    assert {**first, **second} == labels
    assert not {*first} & {*second}
    assert Counter(first.values()) == {"a": 8, "b": 8, "c": 8}
    assert Half(1, 0).labels(dict(reversed(labels.items()))) == first
    assert Half(1, 1).labels(labels) != first


def test_a_set_that_chooses_must_be_another_one_that_is_there(halved: RandomStudy) -> None:
    selection = Selection(SET, (), "category")
    with pytest.raises(UnknownNameError, match="no stimulus set named 'nothing'"):
        ask(halved.folder, "filters/transfer", {"chosen_on": "nothing"}, selection)
    with pytest.raises(UsageError, match=f"cannot be chosen on {SET} and measured on the same stimuli"):
        ask(halved.folder, "filters/transfer", {"chosen_on": SET}, selection)


def test_sets_without_a_common_category_are_refused(halved: RandomStudy) -> None:
    add_stimuli(halved.folder, pl.DataFrame({"stimulus_id": range(STIMULI)}), "strange")
    add_labels(halved.folder, pl.DataFrame({"stimulus_id": [0, 1], "category": ["x", "y"]}), "strange")
    responses = ask(
        halved.folder, seen("select * from responses"), selection=Selection(SET, (), "category")
    ).rows
    add_responses(halved.folder, responses, "strange")
    with pytest.raises(UsageError, match=r"no category in common \(x, y; axe, car, dog, face\)"):
        ask(halved.folder, "filters/transfer", {"chosen_on": "strange"}, Selection(SET, (), "category"))


def test_a_single_stimulus_cannot_be_halved(halved: RandomStudy) -> None:
    labels = labels_of(halved) | {next(iter(labels_of(halved))): "lonely"}
    rows = {"stimulus_id": list(labels), "category": list(labels.values())}
    add_labels(halved.folder, pl.DataFrame(rows), SET, "lonely")
    answer = ask(halved.folder, "selectivity/transfer", {}, Selection(SET, (), "lonely"))
    assert "lonely" not in answer.rows["category"].to_list()
    assert "a single stimulus cannot be divided into halves, so these are left out: lonely" in answer.notes


def test_responses_of_another_network_of_the_same_name_do_not_choose(halved: RandomStudy) -> None:
    from toolbox.query import transfer
    from toolbox.query.run import Answer

    answers = iter(
        [Answer(pl.DataFrame({"category": ["a"]}), {"set": name, "identity": name}) for name in "xy"]
    )
    with pytest.raises(MixtureError, match="are of different networks or preprocessings"):
        transfer.chosen_elsewhere(
            halved.folder,
            {"chosen_on": "other", "index": "contrast", "statistic": "maximum", "normalise": "filter"},
            Selection(SET, (), "category"),
            lambda *_: next(answers),
        )
