"""Rank correlations of filters with a parameter, compared with scipy and with permutations made one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata, spearmanr

from support.own_sql import seen
from support.random_study import STIMULI, RandomStudy, make_random_study
from support.small_study import SET
from toolbox import Study
from toolbox.collect.parameters import add_parameters
from toolbox.query import ask
from toolbox.store.folder import StudyFolder

EVERYTHING = 10_000


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    """The random study with a rating of many ties, reaction times of which some are missing, and a covariate."""
    root = tmp_path_factory.mktemp("rated")
    study = make_random_study(root / "study")
    chance = np.random.default_rng(7)
    responses = study.responses["conv2"][0]
    rating = np.round(responses[:, 5] + chance.normal(size=STIMULI))
    rows = {
        "stimulus_id": range(STIMULI),
        "rating": rating,
        "covariate": rating // 2 + chance.integers(0, 3, STIMULI),
    }
    times = [
        None if number % 9 == 0 else float(time) for number, time in enumerate(chance.gamma(3, 200, STIMULI))
    ]
    pl.DataFrame({**rows, "time": times, "log_time": [time and np.log(time) for time in times]}).write_csv(
        root / "own.csv"
    )
    add_parameters(study.folder, SET, root / "own.csv")
    return study


def values_of(study: StudyFolder, name: str) -> np.ndarray[Any, Any]:
    rows = ask(study, seen(f"select stimulus_id, value from variables where variable = '{name}'")).rows
    values = np.full(STIMULI, np.nan)
    values[rows["stimulus_id"].to_numpy()] = rows["value"].to_numpy()
    return values


def counted(study: RandomStudy, *names: str) -> np.ndarray[Any, Any]:
    """Labelled stimuli with a value of everything."""
    known = np.array([category is not None for category in study.categories])
    for name in names:
        known &= np.isfinite(values_of(study.folder, name))
    return np.flatnonzero(known)


def correlations(study: RandomStudy, **asked: Any) -> dict[tuple[str, int], float]:
    rows = ask(study.folder, "relation/filters", {"count": EVERYTHING, **asked}).rows
    return {(layer, number): r for layer, number, r in rows.select("layer", "filter", "correlation").rows()}


def residuals(columns: np.ndarray[Any, Any], given: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What is left of columns after linear regression, by least squares."""
    return columns - given @ np.linalg.lstsq(given, columns, rcond=None)[0]


@pytest.mark.parametrize("parameter", ["rating", "time", "orientation"])
@pytest.mark.parametrize("place", [0, 1], ids=["maximum", "mean"])
def test_the_correlation_is_that_of_spearman(rated: RandomStudy, parameter: str, place: int) -> None:
    found = correlations(rated, parameter=parameter, statistic=("maximum", "mean")[place])
    stimuli = counted(rated, parameter)
    values = values_of(rated.folder, parameter)[stimuli]
    expected = {
        (layer, number): spearmanr(matrices[place][stimuli, number], values).statistic
        for layer, matrices in rated.responses.items()
        for number in range(20)
        if not layer.startswith("pool") and len(np.unique(matrices[place][stimuli, number])) > 1
    }
    assert found == pytest.approx(expected, abs=1e-12)
    assert len(found) == 4 * 18


@pytest.mark.parametrize(
    ("given", "names", "by_category"),
    [("covariate", ["covariate"], False), ("orientation, covariate", ["orientation", "covariate"], False),
     ("category", [], True), ("covariate,category,time", ["covariate", "time"], True)],
)  # fmt: skip
def test_a_partial_correlation_is_that_of_the_residuals_of_ranks(
    rated: RandomStudy, given: str, names: list[str], by_category: bool
) -> None:
    found = correlations(rated, parameter="rating", given=given)
    stimuli = counted(rated, "rating", *names)
    ranks = [rankdata(values_of(rated.folder, name)[stimuli]) for name in names]
    categories = np.array(rated.categories, dtype=object)[stimuli]
    dummies = [categories == name for name in {*categories}] if by_category else [np.ones(len(stimuli))]
    design = np.column_stack([*ranks, *dummies]).astype(float)
    rating = residuals(rankdata(values_of(rated.folder, "rating")[stimuli]), design)
    for (layer, number), r in found.items():
        responses = residuals(rankdata(rated.responses[layer][0][stimuli, number]), design)
        assert r == pytest.approx(np.corrcoef(rating, responses)[0, 1], abs=1e-10)
    assert len(found) == 4 * 18


def test_a_monotone_transformation_changes_nothing_and_a_falling_one_the_sign(
    rated: RandomStudy, tmp_path: Path
) -> None:
    assert correlations(rated, parameter="log_time") == correlations(rated, parameter="time")
    times = values_of(rated.folder, "time")
    rows = pl.DataFrame({"stimulus_id": range(STIMULI), "speed": [1 / t if t == t else None for t in times]})
    rows.sample(fraction=1, shuffle=True, seed=3).write_csv(tmp_path / "speed.csv")
    add_parameters(rated.folder, SET, tmp_path / "speed.csv")
    falling = {key: -r for key, r in correlations(rated, parameter="speed").items()}
    assert falling == pytest.approx(correlations(rated, parameter="time"), abs=1e-12)


def test_what_is_held_constant_explains_itself(rated: RandomStudy) -> None:
    assert correlations(rated, parameter="log_time", given="time") == {}


@pytest.mark.parametrize("given", [None, ["covariate", "category"]])
def test_p_values_are_those_of_permutations_made_one_by_one(
    rated: RandomStudy, given: list[str] | None
) -> None:
    """The permutations are others, so p agree within what their number allows; all else is exact."""
    study = Study(rated.folder.root)
    study.relate(parameter="rating", given=given, resamples=999, seed=1, progress=False)
    rows = study.query("relation/filters", parameter="rating", given=",".join(given or []), count=EVERYTHING)
    names = [name for name in given or [] if name != "category"]
    stimuli = counted(rated, "rating", *names)
    categories = np.array(rated.categories, dtype=object)[stimuli]
    groups = categories if given else np.zeros(len(stimuli))
    ranks = [rankdata(values_of(rated.folder, name)[stimuli]) for name in names]
    design = np.column_stack([*ranks, *(groups == name for name in {*groups})]).astype(float)
    rest = residuals(rankdata(values_of(rated.folder, "rating")[stimuli]), design)
    chance = np.random.default_rng(99)
    permuted = []
    for _ in range(999):
        shuffled = rest.copy()
        for group in {*groups}:
            shuffled[groups == group] = chance.permutation(rest[groups == group])
        permuted.append(residuals(shuffled, design))
    keys = rows.select("layer", "filter").rows()
    matrix = np.stack([rankdata(rated.responses[layer][0][stimuli, number]) for layer, number in keys])
    matrix = residuals(matrix.T, design).T
    table = np.abs(np.corrcoef(np.vstack([permuted, matrix]))[: len(permuted), len(permuted) :])
    observed = np.abs(rows["correlation"].to_numpy())
    p = (1 + (table >= observed - 1e-9).sum(axis=0)) / 1000
    p_fwe = (1 + (table.max(axis=1)[:, None] >= observed - 1e-9).sum(axis=0)) / 1000
    assert np.abs(rows["p"].to_numpy() - p).max() < 4 * np.sqrt(2 * 0.25 / 999)
    assert np.abs(rows["p_fwe"].to_numpy() - p_fwe).max() < 4 * np.sqrt(2 * 0.25 / 999)
    ordered = np.sort(rows["p"].to_numpy())
    by_hand = np.minimum.accumulate((ordered * len(ordered) / np.arange(1, len(ordered) + 1))[::-1])[::-1]
    assert np.sort(rows["q"].to_numpy()) == pytest.approx(np.minimum(by_hand, 1))


def test_layers_count_the_filters_and_their_permutations(rated: RandomStudy) -> None:
    study = Study(rated.folder.root)
    study.relate(parameter="rating", resamples=200, threshold=[0.25], progress=False)
    filters = study.query("relation/filters", parameter="rating", count=EVERYTHING)
    layers = study.answer("relation/layers", {"parameter": "rating", "threshold": 0.25}).rows
    for row in layers.filter(~pl.col("is_pool")).iter_rows(named=True):
        of_layer = filters.filter(layer=row["layer"])
        assert row["related"] == (of_layer["correlation"].abs() > 0.25).sum()
        assert row["positive"] == (of_layer["correlation"] > 0.25).sum()
        assert row["related"] == row["positive"] + row["negative"]
        assert row["strongest"] == of_layer["correlation"][0]
        assert row["strongest_filter"] == of_layer["filter"][0]
        assert row["significant"] == (of_layer["q"] < 0.05).sum()
        assert row["dead"] == 2
        assert 0 <= row["chance_low"] <= row["chance"] <= row["chance_high"]
        assert row["beyond_chance"] == (row["proportion"] > row["chance_high"])
    assert layers.filter(layer="conv2")["strongest_filter"].item() == 5


def test_without_a_relation_one_filter_in_twenty_is_beyond_the_critical_value(rated: RandomStudy) -> None:
    """Planted noise: the chance of the permutations is 0.05 by construction of the threshold."""
    study = Study(rated.folder.root)
    study.relate(parameter="time", resamples=400, progress=False)
    layers = study.answer("relation/layers", {"parameter": "time"}).rows.filter(~pl.col("is_pool"))
    assert layers["chance"].mean() * 20 / 18 == pytest.approx(0.05, abs=0.01)
    assert layers["threshold"].unique().item() == pytest.approx(
        1.96 / np.sqrt(len(counted(rated, "time")) - 1)
    )


def test_other_values_of_a_parameter_make_its_permutations_stale(rated: RandomStudy, tmp_path: Path) -> None:
    study = Study(rated.folder.root)
    pl.DataFrame({"stimulus_id": range(STIMULI), "later": [n % 7 for n in range(STIMULI)]}).write_csv(
        tmp_path / "a.csv"
    )
    study.parameters(SET, source=tmp_path / "a.csv")
    study.relate(parameter="later", resamples=20, progress=False)
    assert study.answer("relation/filters", {"parameter": "later"}).rows["p"].null_count() == 0
    pl.DataFrame({"stimulus_id": range(STIMULI), "later": [n % 5 for n in range(STIMULI)]}).write_csv(
        tmp_path / "a.csv"
    )
    study.parameters(SET, source=tmp_path / "a.csv", replace=True)
    answer = study.answer("relation/filters", {"parameter": "later"})
    assert answer.rows["p"].null_count() == answer.rows.height
    assert any("to repeat them: toolbox relate" in note for note in answer.notes)
    assert study.relate(parameter="later", resamples=20, progress=False).seconds > 0
    assert study.relate(parameter="later", resamples=20, progress=False).seconds == 0


def test_the_ceiling_is_that_of_halves_of_the_observers(rated: RandomStudy, tmp_path: Path) -> None:
    """Two observers can be split in one way only: the reliability is that of their rank correlation."""
    chance = np.random.default_rng(5)
    truth = chance.normal(size=STIMULI)
    both = [truth + chance.normal(size=STIMULI) for _ in range(2)]
    rows = [(n, who, float(values[n])) for who, values in enumerate(both) for n in range(STIMULI)]
    pl.DataFrame(rows, schema=["stimulus_id", "observer", "seen"], orient="row").write_csv(tmp_path / "a.csv")
    add_parameters(rated.folder, SET, tmp_path / "a.csv")
    row = ask(rated.folder, "relation/ceiling", {"parameter": "seen"}).rows.row(0, named=True)
    r = spearmanr(*both).statistic
    assert row["half_correlation"] == pytest.approx(r)
    assert row["reliability"] == pytest.approx(2 * r / (1 + r))
    assert row["ceiling"] == pytest.approx(np.sqrt(2 * r / (1 + r)))
    assert (row["observers"], row["stimuli"], row["observations"]) == (2, STIMULI, 2 * STIMULI)
    single = ask(rated.folder, "relation/ceiling", {"parameter": "rating"}).rows.row(0, named=True)
    assert (single["repeated"], single["reliability"], single["ceiling"]) == (0, None, None)
