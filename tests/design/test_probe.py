"""Probes: nothing leaks from test images into what is chosen, and every number is that of its plain definition."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from support.own_sql import seen
from support.probed_study import make_probed_study
from toolbox import Study
from toolbox.design.kernels import stratified_folds
from toolbox.design.probe import Probing, methods, probe
from toolbox.design.probe.discrimination import Discrimination, Split, split
from toolbox.design.probe.intervals import corrected_estimate, estimate_over_images, mean_auc
from toolbox.design.probe.methods import (
    ALL,
    BANK,
    BEST,
    HIGHEST,
    LAST,
    RANDOM,
    SINGLE,
    WEIGHTED,
    Key,
    Prediction,
    SplitResult,
    solve_split,
)  # fmt: skip
from toolbox.design.probe.rows import probe_rows
from toolbox.design.probe.selection import contrast_quotas, forward_selection, response_contrast
from toolbox.errors import QueryError, UnknownNameError, UsageError
from toolbox.query import ask
from toolbox.store.selection import Selection

QUICK = Probing(repeats=1, permutations=0, distance=0)
CHANCE = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a probe itself: small matrices are slow with many threads."""
    with threadpool_limits(1):
        yield


def noise_problem(images: int = 60, filters: int = 300, seed: int = 0) -> Discrimination:
    """Responses that tell nothing of the categories, of far more filters than images."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(images, 2 * filters)).astype(np.float32) ** 2
    labels = np.arange(images) % 3
    return Discrimination(features, ["a", "b"], np.array([filters // 3, filters - filters // 3]), list("xyz"), labels,
                   np.arange(images))  # fmt: skip


def splits_of(of: Discrimination, folds: int = 4, repeats: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    places = [stratified_folds(of.labels, of.groups, folds, seed) for seed in range(repeats)]
    return [(place != fold, place == fold) for place in places for fold in range(folds)]


def accuracies(of: Discrimination, choices: Probing) -> pl.DataFrame:
    splits = splits_of(of)
    results = [solve_split(of, *pair, choices, number) for number, pair in enumerate(splits)]
    return probe_rows(of, splits, results)


def mean_of_noise(sets: int = 6) -> dict[tuple[str, int | None], float]:
    """Accuracy by method and filters, of sets of responses that tell nothing: 1/3, standard error about 0.025."""
    rows = pl.concat([accuracies(noise_problem(seed=seed), Probing(filters=20)) for seed in range(sets)])
    means = (
        rows.filter(pl.col("layer").is_null()).group_by("method", "filters").agg(pl.col("accuracy").mean())
    )
    return {(method, filters): accuracy for method, filters, accuracy in means.rows()}


BOUND = 0.42
"""Accuracy above which something has leaked: more than three standard errors above chance."""


def test_responses_that_tell_nothing_stay_at_chance():
    means = mean_of_noise()
    assert len(means) == 9
    assert {key: mean for key, mean in means.items() if mean > BOUND} == {}


def test_a_bank_that_is_chosen_outside_the_folds_is_caught(monkeypatch):
    """The leak of most published selections: the filters have seen the labels of the test images."""

    def seen_everything(of: Split, size: int, candidates: np.ndarray) -> np.ndarray:
        everything = np.ones(len(of.problem.labels), bool)
        return forward_selection(split(of.problem, everything, everything), size, candidates)

    monkeypatch.setattr(methods, "choose_bank", seen_everything)
    assert mean_of_noise(sets=2)[BANK, 20] > 0.6


def test_the_best_layer_picked_by_its_test_accuracy_is_caught():
    """Of many layers of noise, one is far above chance by chance."""
    chance = np.random.default_rng(5)
    labels, layers = np.arange(60) % 3, 40
    features = chance.normal(size=(60, 2 * 4 * layers)).astype(np.float32)
    of = Discrimination(
        features, [f"l{n}" for n in range(layers)], np.full(layers, 4), list("xyz"), labels, np.arange(60)
    )
    rows = accuracies(of, Probing())
    picked = rows.filter(pl.col("method") == SINGLE)["accuracy"].max()
    assert picked > 0.45
    assert rows.filter(pl.col("method") == BEST)["accuracy"][0] < BOUND


def test_near_copies_that_are_divided_between_folds_are_caught():
    """Every image has a copy; in one fold they teach nothing about each other."""
    once = noise_problem(images=36)
    features = np.repeat(once.features, 2, axis=0)
    labels, groups = CHANCE.permutation(np.arange(36) % 3).repeat(2), np.arange(36).repeat(2)
    together = Discrimination(features, once.layers, once.widths, once.categories, labels, groups)
    divided = Discrimination(features, once.layers, once.widths, once.categories, labels, np.arange(72))
    assert accuracies(together, Probing())["accuracy"][0] < 0.5
    assert accuracies(divided, Probing())["accuracy"][0] > 0.8


def test_labels_of_test_images_change_no_prediction():
    of = noise_problem()
    training = np.arange(60) % 4 > 0
    changed = of.labels.copy()
    changed[~training] = (changed[~training] + 1) % 3
    choices = Probing(filters=[5, 40], images=5)
    here = solve_split(of, training, ~training, choices, 3)
    there = solve_split(of.with_labels(changed), training, ~training, choices, 3)
    assert here.best == there.best and here.banks == there.banks and here.noise == there.noise
    assert [each.key for each in here.predictions] == [each.key for each in there.predictions]
    for one, other in zip(here.predictions, there.predictions, strict=True):
        assert np.array_equal(one.scores, other.scores), one.key


def test_features_of_test_images_change_nothing_that_is_chosen():
    of = noise_problem()
    training = np.arange(60) % 4 > 0
    changed = of.features.copy()
    changed[~training] = changed[~training] * 7 + 3
    other = Discrimination(changed, of.layers, of.widths, of.categories, of.labels, of.groups)
    choices = Probing(filters=[5, 40])
    here, there = (solve_split(each, training, ~training, choices, 3) for each in (of, other))
    assert (here.best, here.banks, here.noise) == (there.best, there.banks, there.noise)
    assert np.array_equal(here.weights, there.weights)


def plain_probe(of: Discrimination, layer: int, training: np.ndarray) -> np.ndarray:
    """Scores of one layer by ridge on standardised features, its penalty by leaving out group after group."""
    x = of.features[:, of.columns(of.filters_of(layer))].astype(float)
    x = (x - x[training].mean(axis=0)) / x[training].std(axis=0)
    y, groups = np.eye(3)[of.labels[training]], of.groups[training]
    z, features = x[training], x.shape[1]

    def fit(a: np.ndarray, b: np.ndarray, penalty: float, new: np.ndarray) -> np.ndarray:
        middle = a.mean(axis=0)
        gram = (a - middle).T @ (a - middle) + penalty * np.eye(features)
        return (new - middle) @ np.linalg.solve(gram, (a - middle).T @ (b - b.mean(axis=0))) + b.mean(axis=0)

    def error(penalty: float) -> float:
        left_out = np.empty_like(y)
        for group in np.unique(groups):
            out = groups == group
            left_out[out] = fit(z[~out], y[~out], penalty, z[out])
        return float(((left_out - y) ** 2).mean())

    penalties = np.logspace(-3, 4, 22) * (z**2).sum(axis=1).mean()
    best = min(penalties, key=error)
    return fit(z, y, best, x[~training])


def test_predictions_are_those_of_fitting_again_and_again():
    of = noise_problem(images=45, filters=24)
    of.features[:, :4] += 2 * np.eye(3)[of.labels] @ CHANCE.normal(size=(3, 4)).astype(np.float32)
    of = Discrimination(of.features, of.layers, of.widths, of.categories, of.labels, np.arange(45) // 3)
    of.features[1::3] = of.features[::3] * 1.01  # left out alone, copies would choose too small a penalty
    training = (np.arange(45) // 3) % 4 > 0
    found = solve_split(of, training, ~training, Probing(), 0)
    singles = {each.key.layer: each.scores for each in found.predictions if each.key.method == SINGLE}
    for number, layer in enumerate(of.layers):
        assert np.allclose(singles[layer], plain_probe(of, number, training), atol=1e-4)


def test_all_filters_are_one_concatenation_and_a_bank_is_its_filters_alone():
    of = noise_problem(images=30, filters=12)
    training = np.arange(30) % 3 > 0
    whole = split(of, training, ~training)
    inside, outside = whole.kernels_of(np.arange(12))
    weights = whole.live / whole.live.sum()
    assert np.allclose(np.tensordot(weights, whole.inside, 1), inside, atol=1e-5)
    assert np.allclose(np.tensordot(weights, whole.outside, 1), outside, atol=1e-5)


def test_intervals_are_wider_than_those_of_independent_folds():
    values = np.array([0.1, 0.2, 0.15, 0.05, 0.3])
    found = corrected_estimate(values, 0.25)
    error = np.sqrt(values.var(ddof=1) * (1 / 5 + 0.25))
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 4) * error)
    naive = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert found.low < naive[0] and found.high > naive[1]
    assert found.p == pytest.approx(2 * stats.t.sf(values.mean() / error, 4))


def test_the_interval_of_a_test_set_is_that_of_welch_for_equal_categories():
    values, labels = CHANCE.random(40), np.repeat([0, 1], 20)
    found = estimate_over_images(values, labels)
    error = np.sqrt(values[:20].var(ddof=1) / 20 + values[20:].var(ddof=1) / 20) / 2
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 38) * error)


def test_the_auc_is_that_of_pairs():
    scores, labels = CHANCE.integers(0, 5, (30, 3)).astype(float), np.arange(30) % 3
    pairs = [
        np.mean([(a > b) + (a == b) / 2 for a in scores[labels == c, c] for b in scores[labels != c, c]])
        for c in range(3)
    ]
    assert mean_auc(scores, labels) == pytest.approx(np.mean(pairs))


def test_response_contrast_is_that_of_the_query(tmp_path):
    study = make_probed_study(tmp_path / "study")
    material = probe(study, Probing(repeats=1, permutations=0, distance=0, filters=40)).bank
    rows = ask(study, "selectivity/index").rows
    first = material.filter(pl.col("rank") <= 3).unique(["rank"]).sort("rank")
    for category, layer, number in first.select("chosen_for", "layer", "filter").rows():
        of_category = rows.filter(pl.col("category") == category, ~pl.col("layer").str.contains("pool"))
        best = of_category.sort("contrast", descending=True, nulls_last=True).row(0, named=True)
        assert (best["layer"], best["filter"]) == (layer, number)


def test_every_category_chooses_as_many_filters():
    of = noise_problem()
    whole = split(of, np.ones(60, bool), np.ones(60, bool))
    chosen, by = contrast_quotas(whole, 50, np.arange(of.filters))
    assert len(set(chosen.tolist())) == 50
    assert sorted(np.bincount(by)) == [16, 17, 17]
    assert chosen[0] == response_contrast(of, np.ones(60, bool))[0].argmax()


def test_forward_selection_finds_the_filters_that_matter_and_none_twice():
    of = noise_problem(filters=60)
    signal = np.array([7, 33])
    of.features[:, signal[0]] += 6 * (of.labels == 0)
    of.features[:, signal[1]] += 6 * (of.labels == 1)
    whole = split(of, np.ones(60, bool), np.ones(60, bool))
    chosen = forward_selection(whole, 30, np.arange(60))
    assert set(chosen[:2].tolist()) == set(signal.tolist())
    assert len(set(chosen.tolist())) == 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where studies are that tests only read."""
    return tmp_path_factory.mktemp("probed")


@pytest.fixture(scope="module")
def probed(folder: Path) -> Study:
    """A study whose deep layer tells the categories apart, and whose first layer tells a property."""
    return Study(make_probed_study(folder / "study").root)


def test_the_weights_are_where_the_answer_is(probed):
    report = probe(probed.folder, QUICK)
    assert report.best == "deep"
    assert report.layers["layer"].to_list() == ["early", "middle", "deep"]  # no pooling layer
    weights = dict(report.layers.select("layer", "weight").rows())
    assert weights["deep"] > 0.6
    assert sum(weights.values()) == pytest.approx(1)


def test_the_sentence_of_no_gain_has_the_numbers_of_the_row(probed):
    report = probe(probed.folder, QUICK)
    row = report.row(WEIGHTED)
    assert row["difference_low"] <= 0 <= row["difference_high"]
    expected = f"no gain over deep ({100 * row['difference']:+.1f} points"
    assert expected in report.verdict and report.verdict in report.paragraph


def test_a_task_that_needs_two_layers_has_a_gain(folder):
    study = make_probed_study(folder / "both", deep=0.9, both=True, images=40)
    report = probe(study, Probing(repeats=2, permutations=0, distance=0))
    assert "a gain over" in report.verdict
    assert report.row(WEIGHTED)["difference_low"] > 0


def test_equal_seeds_give_equal_reports_and_other_seeds_other_folds(probed):
    one, same, other = (
        probe(probed.folder, Probing(repeats=1, permutations=3, distance=0, filters=4, images=4, seed=seed))
        for seed in (1, 1, 2)
    )
    assert one.rows.equals(same.rows) and one.chance == same.chance
    assert not one.rows.equals(other.rows)


def test_shuffled_labels_give_chance_and_a_warning(folder):
    study = make_probed_study(folder / "nothing", deep=0.0)
    report = probe(study, Probing(repeats=2, permutations=20, distance=0))
    assert report.p > 0.05
    assert any("not above that of permuted labels" in warning for warning in report.warnings)


def test_labels_are_far_above_their_permutations(probed):
    report = probe(probed.folder, Probing(repeats=1, permutations=20, distance=0))
    assert report.p == pytest.approx(1 / 21)
    assert report.chance == pytest.approx(1 / 3, abs=0.1)


def test_a_group_stays_in_one_fold(probed):
    report = probe(probed.folder, Probing(repeats=1, permutations=0, distance=0, group="pair"))
    assert report.groups == report.stimuli // 2
    assert report.mixed == 0
    with pytest.raises(
        UnknownNameError, match="no column or label scheme of photos named 'pairs'; did you mean 'pair'"
    ):
        probe(probed.folder, Probing(group="pairs"))


def test_near_duplicates_stay_in_one_fold(folder):
    study = make_probed_study(folder / "copies", copies=6)
    report = probe(study, Probing(repeats=1, permutations=0, distance=0.05))
    assert report.stimuli - report.groups == 6
    apart = probe(study, Probing(repeats=1, permutations=0, distance=0))
    assert apart.stimuli == apart.groups


def test_copies_teach_nothing_about_each_other(folder):
    study = make_probed_study(folder / "twins", deep=0.0, copies=60)
    together = probe(study, Probing(repeats=1, permutations=0, distance=0.01))
    divided = probe(study, Probing(repeats=1, permutations=0, distance=0))
    assert together.groups == together.stimuli // 2
    assert together.row(WEIGHTED)["accuracy"] < 0.5
    assert divided.row(WEIGHTED)["accuracy"] > 0.6


def test_copies_of_training_images_are_not_tested(folder):
    study = make_probed_study(folder / "shared", second="others", shared=7)
    report = probe(study, Probing(permutations=0, distance=0.001), Selection("photos"), test_on="others")
    assert "7 images of others are near-duplicates of training images and are not tested" in report.notes
    assert report.stimuli == 60 + 53


def test_a_bank_of_other_filters_is_refused_by_sql(folder):
    study = Study(make_probed_study(folder / "other bank").root)
    bank = study.probe(filters=2, repeats=1, permutations=0, distance=0).bank
    other = bank.with_columns(filter=pl.when(pl.col("rank") == 1).then(999).otherwise("filter"))
    with pytest.raises(QueryError, match="filters without responses here"):
        study.query("probe/bank", tables={"bank": other})


def test_responses_that_are_all_alike_are_no_copies(probed):
    report = probe(probed.folder, Probing(repeats=1, permutations=0, distance=0.9))
    assert report.stimuli == report.groups
    assert "copies cannot be told" in " ".join(report.notes)


def test_a_set_is_tested_by_what_another_taught(folder):
    study = make_probed_study(folder / "two", second="others")
    report = probe(study, Probing(permutations=3, distance=0), Selection("photos"), test_on="others")
    assert report.splits == 1
    assert report.row(LAST)["accuracy"] > 0.8
    assert "trained on photos and tested on others" in report.paragraph
    with pytest.raises(UnknownNameError, match="no stimulus set named 'other'; did you mean 'others'"):
        probe(study, Probing(), Selection("photos"), test_on="other")
    with pytest.raises(UsageError, match="cannot be tested on photos itself"):
        probe(study, Probing(), Selection("photos"), test_on="photos")


def test_a_bank_scores_in_sql_as_in_the_probe(folder, tmp_path):
    study = Study(make_probed_study(folder / "bank").root)
    file = tmp_path / "bank.parquet"
    report = study.probe(filters=[2, 5], repeats=1, permutations=0, distance=0, save_bank=file)
    rows = study.query("probe/bank", tables={"bank": file})
    assert rows.height == report.stimuli
    assert rows["correct"].mean() > 0.9
    bank = pl.read_parquet(file)
    assert bank["rank"].n_unique() == 5
    responses = ask(study.folder, seen("select * from responses")).rows
    one = rows.row(3, named=True)
    scores = {}
    for (category,), terms in bank.group_by("category"):
        joined = terms.join(
            responses.filter(pl.col("stimulus_id") == one["stimulus_id"]), on=["layer", "filter"]
        )
        root = np.sqrt(np.where(joined["statistic"] == "maximum", joined["maximum"], joined["mean"]))
        value = (joined["weight"] * (root - joined["middle"]) / joined["spread"]).sum()
        scores[category] = terms["intercept"][0] + value
    assert one["predicted"] == max(scores, key=scores.get)
    assert one["score"] == pytest.approx(max(scores.values()))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"folds": 1}, "folds is 1; expected 2 or more"),
        ({"filters": 0}, "filters is 0; expected 1 or more"),
        ({"images": [5, 1]}, "images is 1; expected 2 or more"),
        ({"images": 900}, "the smallest category has"),
        ({"distance": 1.0}, "distance is 1.0; expected 0 or more, and less than 1"),
        ({"category": ["red"]}, "no category of photos named 'red'"),
        ({"filters": 100_000}, "filters is 100000; expected at most "),
        ({"category": "cat"}, "only the category cat is named; expected two or more of car, cat, dog"),
    ],
)
def test_what_is_impossible_is_refused_with_one_line(probed, choices, message):
    with pytest.raises(UsageError, match=message):
        probe(probed.folder, Probing(**choices))


def test_few_images_matched_pairs_and_a_ceiling_are_said(folder):
    study = make_probed_study(folder / "few", images=6, deep=9.0)
    warnings = " ".join(probe(study, Probing(repeats=2, permutations=0, distance=0, group="across")).warnings)
    assert "only 4 training images" in warnings
    assert "near the ceiling" in warnings
    assert "matched pairs" in warnings


def test_the_figure_and_the_rows_are_written(probed, tmp_path):
    study = Study(probed.folder.root)
    report = study.probe(
        filters=[2, 4], images=[3, 6], repeats=1, permutations=2, distance=0, figure=tmp_path / "p.png",
        text=tmp_path / "p.txt",
    )  # fmt: skip
    assert (tmp_path / "p.txt").read_text(encoding="utf-8") == f"{report.paragraph}\n"
    assert report.provenance["tool"]
    assert [*report.provenance["columns"]] == report.rows.columns
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    methods_found = report.rows["method"].unique().to_list()
    assert sorted(methods_found) == sorted([WEIGHTED, BEST, LAST, ALL, RANDOM, HIGHEST, BANK, SINGLE])
    with pytest.raises(UsageError, match="its size is missing"):
        study.probe(save_bank=tmp_path / "bank.parquet")
    with pytest.raises(UsageError):
        study.probe(figure=tmp_path / "p.bmp")


def test_a_method_is_compared_with_the_best_layer_of_as_many_filters():
    of = noise_problem(images=20, filters=6)
    splits = splits_of(of, folds=2)
    scores = np.eye(3)
    predictions = []
    for _, test in splits:
        right = scores[of.labels[test]]
        wrong = scores[(of.labels[test] + 1) % 3]
        predictions.append(
            [
                Prediction(Key(WEIGHTED), right), Prediction(Key(SINGLE, "a"), wrong),
                Prediction(Key(SINGLE, "b"), wrong), Prediction(Key(BEST), wrong),
                Prediction(Key(BANK, filters=2), right), Prediction(Key(BEST, filters=2), right),
            ]
        )  # fmt: skip
    results = [
        SplitResult(each, np.array([0.2, 0.8]), 0.1, 1, {2: frozenset({1, 2})}) for each in predictions
    ]
    rows = probe_rows(of, splits, results)
    known = {(row["method"], row["filters"], row["layer"]): row for row in rows.to_dicts()}
    assert known[WEIGHTED, None, None]["difference"] == 1
    assert known[BANK, 2, None]["difference"] == 0
    assert known[BANK, 2, None]["overlap"] == 1
    assert known[BANK, 2, None]["chance_overlap"] == pytest.approx((4 / 6) / (4 - 4 / 6))
    assert known[SINGLE, 4, "b"]["chosen"] == 1
