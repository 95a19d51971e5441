"""Choices of stimuli: never worse than random ones, under constraints, the same for the same seed."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.matching import largest_difference, made, no_links, pool_rows, solved
from toolbox.design.matching.choices import Matching, check_matching, counts_of
from toolbox.design.matching.columns import Links
from toolbox.design.matching.designs import sum_units
from toolbox.design.matching.exchange import Exchanges
from toolbox.design.matching.imbalance import Imbalance, totals_of
from toolbox.design.matching.pairs import (
    close_pairs,
    optimal_pairs,
    optimal_tuples,
    tuple_distances,
    whitened,
)
from toolbox.design.matching.search import best_solution
from toolbox.design.matching.starts import random_choices
from toolbox.errors import UsageError

TWO = {"face": 12, "car": 14}


@given(seed=st.integers(0, 1000), count=st.integers(1, 4))
def test_pairs_have_the_smallest_sum_of_distances_of_all_choices_of_so_many(seed: int, count: int) -> None:
    distances = np.random.default_rng(seed).random((4, 5))
    rows, columns = optimal_pairs(distances, count)
    best = min(
        sum(distances[row, column] for row, column in zip(some, others, strict=True))
        for some in combinations(range(4), count)
        for others in permutations(range(5), count)
    )
    assert len({*rows}) == len({*columns}) == count
    assert distances[rows, columns].sum() == pytest.approx(best)
    assert list(distances[rows, columns]) == sorted(distances[rows, columns])


@pytest.mark.parametrize("count", [1, 30, 200])
def test_pairs_of_a_large_pool_are_those_that_are_solved_at_once(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    distances = np.random.default_rng(3).random((300, 280))
    exact = optimal_pairs(distances, count)
    monkeypatch.setattr("toolbox.design.matching.pairs.SMALL_POOL", 10)
    priced = optimal_pairs(distances, count)
    assert distances[priced].sum() == pytest.approx(distances[exact].sum())
    assert len(priced[0]) == count


def test_forbidden_pairs_are_never_made_and_fewer_are_returned() -> None:
    distances = np.array([[0.0, np.inf], [np.inf, np.inf]])
    assert [each.tolist() for each in optimal_pairs(distances, 2)] == [[0], [0]]


def test_tuples_of_three_are_no_worse_than_the_best_of_all_choices_within_a_tenth() -> None:
    values = np.random.default_rng(0).normal(size=(12, 2))
    groups = [np.arange(4), np.arange(4, 8), np.arange(8, 12)]
    found = tuple_distances(optimal_tuples(groups, values, 4), values).sum()
    best = min(
        tuple_distances(np.array([groups[0], second, third]).T, values).sum()
        for second, third in product(permutations(groups[1]), permutations(groups[2]))
    )
    assert best <= found <= 1.1 * best


def test_a_mahalanobis_distance_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3))
    inverse = np.linalg.inv(np.cov(values, rowvar=False))
    difference = values[0] - values[1]
    white = whitened(values, values - values.mean(0))
    assert np.linalg.norm(white[0] - white[1]) == pytest.approx(np.sqrt(difference @ inverse @ difference))


def test_a_caliper_holds_in_every_criterion_and_over_the_components_of_a_layer() -> None:
    values = np.array([[0.0, 0.0, 0.0], [0.4, 0.0, 0.0], [0.0, 0.4, 0.4]])
    close = close_pairs(values, np.array([0, 1, 1]), 0.5)
    assert close.tolist() == [[True, True, False], [True, True, False], [False, False, True]]


@pytest.mark.parametrize("options", [Matching(n=4, on=["a", "b"]), Matching(n=4, on=["a", "b"], sets=3)])
def test_kept_sums_are_those_of_the_chosen_stimuli(options: Matching) -> None:
    rows = pool_rows(0, TWO)
    design, _ = made(rows, options)
    units, rng = sum_units(design), np.random.default_rng(0)
    exchange = Exchanges(design, units)
    place = random_choices(design, units, 1, 1, rng)[0]
    value = exchange.improve(place, "largest", rng)
    again = Imbalance(design)(totals_of(units, place, design.places), "largest")
    assert value == pytest.approx(again[0])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sizes", [TWO, {"face": 9, "car": 8, "dog": 10}])
def test_a_choice_is_never_worse_than_the_best_of_10000_random_ones(seed: int, sizes: dict[str, int]) -> None:
    rows = pool_rows(seed, sizes)
    options = Matching(n=5, on=["a", "b"])
    design, pairing = made(rows, options)
    found = best_solution(design, pairing, seed=0)
    units = sum_units(design)
    [random] = random_choices(design, units, 10_000, 1, np.random.default_rng(seed + 100))
    totals = totals_of(units, random, 1)
    assert found is not None
    assert found.imbalance <= Imbalance(design)(totals, "largest")[0] + 1e-9
    assert found.largest <= Imbalance(design).largest_difference(totals)[0] + 0.01


def test_a_small_pool_is_solved_as_well_as_by_trying_all_choices() -> None:
    rows = pool_rows(5, {"face": 7, "car": 7})
    design, pairing = made(rows, Matching(n=4, on=["a", "b"]))
    units, imbalance = sum_units(design), Imbalance(design)
    values = []
    for faces, cars in product(combinations(range(7), 4), combinations(range(7, 14), 4)):
        place = np.ones(14, np.int64)
        place[[*faces, *cars]] = 0
        values.append(imbalance(totals_of(units, place, 1), "largest")[0])
    found = best_solution(design, pairing)
    assert found is not None
    assert found.imbalance <= min(values) * 1.02 + 0.002


def test_the_largest_difference_is_that_of_its_definition() -> None:
    groups, found = solved(pool_rows(1, TWO), Matching(n=6, on=["a", "b"]))
    assert found.largest == pytest.approx(largest_difference(groups, ["a", "b"]))
    assert [group.height for group in groups] == [6, 6]


def test_pools_that_overlap_agree_below_a_tenth() -> None:
    groups, _ = solved(
        pool_rows(2, {"face": 60, "car": 60, "dog": 60}, 4, shift=0.2), Matching(n=30, on=list("abcd"))
    )
    assert largest_difference(groups, list("abcd")) <= 0.1


def test_equal_seeds_give_equal_choices() -> None:
    rows = pool_rows(3, TWO)
    places = [solved(rows, Matching(n=5, on=["a"], seed=seed))[1].place.tolist() for seed in (4, 4)]
    assert places[0] == places[1]


def test_categories_may_have_different_numbers() -> None:
    groups, _ = solved(
        pool_rows(4, TWO), Matching(n={"face": 4, "car": 8}, on=["a", "b"], category=["face", "car"])
    )
    assert [group.height for group in groups] == [4, 8]
    assert largest_difference(groups, ["a", "b"]) < 0.1


def test_sets_of_one_pool_agree_and_have_the_same_number_of_each_category() -> None:
    groups, _ = solved(pool_rows(6, {"face": 18, "car": 15}), Matching(n=5, sets=3, on=["a", "b"]))
    for group in groups:
        assert group["category"].to_list().count("face") == group["category"].to_list().count("car") == 5
    assert len({number for group in groups for number in group["stimulus_id"]}) == 30
    assert largest_difference(groups, ["a", "b"]) < 0.1


def test_sets_of_named_categories_agree_between_categories_too() -> None:
    options = Matching(n=5, sets=2, on=["a", "b"], category=["face", "car"])
    groups, _ = solved(pool_rows(7, {"face": 30, "car": 30}), options)
    assert [group.height for group in groups] == [5] * 4
    assert largest_difference(groups, ["a", "b"]) < 0.15


def test_sets_differ_in_one_variable_and_agree_in_the_others() -> None:
    rows = pool_rows(8, {"face": 80}, 3)
    groups, _ = solved(rows, Matching(n=15, sets=2, on=["b", "c"], different="a", by=1.2))
    low, high = (group["a"].to_numpy() for group in groups)
    assert (high.mean() - low.mean()) / np.sqrt((low.var(ddof=1) + high.var(ddof=1)) / 2) >= 1.15
    assert largest_difference(groups, ["b", "c"]) <= 0.1


def test_categories_differ_in_one_variable_in_the_direction_in_which_they_do() -> None:
    rows = pool_rows(9, {"high": 40, "low": 40}, 2, shift=-0.8)
    (high, low), _ = solved(rows, Matching(n=10, on=["b"], different="a", by=1, category=["high", "low"]))
    assert high["a"].mean() > low["a"].mean() + 0.5  # type: ignore[operator]
    assert largest_difference([high, low], ["b"]) <= 0.1


def test_members_of_a_pair_stay_within_the_caliper_after_exchanges() -> None:
    rows = pool_rows(10, {"face": 40, "car": 40}, 2, shift=0.3)
    options = Matching(n=12, on=["a", "b"], within=0.5)
    _, pairing = made(rows, options)
    _, found = solved(rows, options)
    assert found.tuples is not None
    assert pairing.close is not None
    assert all(pairing.close[first, second] for first, second in found.tuples)
    assert sorted(found.tuples.ravel()) == np.flatnonzero(found.place == 0).tolist()


def test_a_caliper_that_leaves_too_few_pairs_says_how_many_and_which_variable() -> None:
    rows = pool_rows(11, {"face": 10, "car": 10}, 2).with_columns(
        b=pl.col("b") + 8 * (pl.col("category") == "car")
    )
    with pytest.raises(
        UsageError, match=r"only 0 pairs agree .* no n is possible.*; b alone leaves 0 .*no overlap"
    ):
        solved(rows, Matching(n=5, on=["a", "b"], within=0.5))


def test_members_of_a_pair_have_something_in_common() -> None:
    rows = pool_rows(12, TWO)
    room = np.arange(26) % 2
    links = no_links(26, 1, room[:, None] == room)
    _, found = solved(rows, Matching(n=6, on=["a"], same="room"), links)
    assert found.tuples is not None
    assert (room[found.tuples[:, 0]] == room[found.tuples[:, 1]]).all()


def test_stimuli_that_stay_together_are_chosen_together() -> None:
    rows = pool_rows(13, TWO)
    unit = np.array([0, 0, *range(1, 23), 23, 23])
    links = Links(unit, np.ones((24, 2), bool), np.zeros((24, 0), bool))
    groups, _ = solved(rows, Matching(n=6, on=["a", "b"]), links)
    chosen = {number for group in groups for number in group["stimulus_id"]}
    assert len({0, 1} & chosen) in (0, 2)
    assert len({24, 25} & chosen) in (0, 2)
    assert [group.height for group in groups] == [6, 6]


@pytest.mark.parametrize("sets", [None, 2])
def test_stimuli_that_stay_apart_are_never_in_one_set(sets: int | None) -> None:
    rows = pool_rows(14, TWO)
    apart = np.zeros((26, 2), bool)
    apart[:4, 0] = apart[12:16, 1] = True
    links = Links(np.arange(26), np.ones((26, (sets or 1) + 1), bool), apart)
    groups, found = solved(rows, Matching(n=4, on=["a", "b"], sets=sets), links)
    for place in range(sets or 1):
        assert (apart[found.place == place].sum(0) <= 1).all()
    assert sum(group.height for group in groups) == 8 * (sets or 1)


def test_fixed_stimuli_are_where_they_must_be() -> None:
    rows = pool_rows(15, TWO)
    allowed = np.ones((26, 3), bool)
    allowed[0] = [False, True, False]
    allowed[1] = [False, False, True]
    allowed[13] = [True, True, False]
    links = Links(np.arange(26), allowed, np.zeros((26, 0), bool))
    _, found = solved(rows, Matching(n=4, on=["a", "b"], sets=2), links)
    assert found.place[0] == 1
    assert found.place[1] == 2
    assert found.place[13] in (0, 1)


def test_constraints_that_nothing_satisfies_say_which_number_would_be_possible() -> None:
    rows = pool_rows(16, TWO)
    apart = np.zeros((26, 1), bool)
    apart[:10] = True  # of 12 faces, at most 3 in one set
    links = Links(np.arange(26), np.ones((26, 2), bool), apart)
    with pytest.raises(UsageError, match="n of at most 3 is possible"):
        solved(rows, Matching(n=6, on=["a"]), links)


def test_stimuli_with_unknown_values_are_left_out_with_a_note() -> None:
    from toolbox.design.matching.pools import make_pool

    rows = pool_rows(17, TWO).with_columns(a=pl.when(pl.col("stimulus_id") == 3).then(None).otherwise("a"))
    pool = make_pool(rows, Matching(on=["a", "b"]))
    assert pool.rows.height == 25
    assert pool.notes == ["left out, as a is not known of them: 1 face"]


def test_more_stimuli_than_there_are_is_refused_with_what_is_possible() -> None:
    with pytest.raises(
        UsageError, match="n is 13 for face, and 12 stimuli can be chosen; expected n of at most 12"
    ):
        solved(pool_rows(18, TWO), Matching(n=13, on=["a"]))


def test_a_set_of_one_stimulus_is_refused() -> None:
    with pytest.raises(UsageError, match="a set would have 1 stimulus to compare"):
        solved(pool_rows(18, TWO), Matching(n=1, on=["a"]))


def test_a_variable_that_does_not_vary_is_refused() -> None:
    with pytest.raises(UsageError, match="a does not vary within the categories"):
        solved(pool_rows(19, TWO).with_columns(a=pl.lit(2.0)), Matching(n=3, on=["a"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Matching(), "no variable is named"),
        (Matching(on=["a"], within=0), "within is 0; expected a number above 0"),
        (Matching(on=["a"], sets=1), "sets is 1; expected 2 or more"),
        (Matching(on=["a"], seed=-1), "seed is -1"),
        (Matching(on=["a"], different="a"), "'a' is to differ, and nothing to agree"),
        (Matching(on=["a", "b"], different="a"), "to agree .* and to differ"),
        (Matching(on=["a"], distance="euclid"), "distance is 'euclid'; expected one of"),  # type: ignore[arg-type]
        (Matching(on=["a"], within=0.2, sets=2), "cannot be combined with sets"),
        (Matching(on=["a"], same="room", keep=["x"]), "cannot be combined with keep"),
    ],
)
def test_impossible_options_are_refused(options: Matching, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_matching(options)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (7, {"face": 7, "car": 7}),
        (["7"], {"face": 7, "car": 7}),
        (["car=3", "face=4"], {"face": 4, "car": 3}),
        ({"face": 2, "car": 9}, {"face": 2, "car": 9}),
        (None, None),
    ],
)
def test_numbers_of_stimuli_are_read_from_numbers_texts_and_mappings(given: object, expected: object) -> None:
    assert counts_of(given, ["face", "car"]) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["many", ["face=4"], ["face=4", "bird=3"], 0, ["car=x", "face=3"], 2.5])
def test_other_numbers_of_stimuli_are_refused(given: object) -> None:
    with pytest.raises(UsageError, match=r"^n "):
        counts_of(given, ["face", "car"])  # type: ignore[arg-type]
