"""Categories compared: with the queries, with numpy, and with what must not change their numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from support.own_sql import seen
from support.random_study import FILTERS, LAYERS, RandomStudy, make_random_study
from support.small_study import MODEL, SET, add_labels, add_layers, add_properties
from toolbox.analyse.significance import Resampling, resample
from toolbox.design.comparison import CategoryComparison, Comparing, compare_categories
from toolbox.design.comparison.pairs import PAIR_COLUMNS, bootstrap_row
from toolbox.design.comparison.stimuli import rank_correlation
from toolbox.design.differences import group_difference
from toolbox.design.equivalence import estimate_equivalence, mean_equivalence
from toolbox.errors import UnknownNameError, UsageError
from toolbox.query import ask
from toolbox.query.result_files import ResultFiles
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection

RESAMPLES = 60
QUICK = Comparing(resamples=RESAMPLES, seed=3)
NAMES = ("dog", "car", "face")
CONVOLUTIONS = [name for name in LAYERS if "pool" not in name]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    """The random study, resampled with the same seed, with properties, and with a scheme of three categories."""
    study = make_random_study(tmp_path_factory.mktemp("compared") / "study")
    add_layers(study.folder, study.layers.with_columns(filters=FILTERS))
    chance = np.random.default_rng(1)
    numbers = range(len(study.categories))
    level = {"dog": 0.0, "car": 1.0, "face": 0.0, "axe": 3.0, None: 0.0}
    lightness = [chance.normal(level[name], 1) for name in study.categories]
    add_properties(study.folder, pl.DataFrame({"stimulus_id": numbers, "sharpness": lightness}))
    labels = pl.DataFrame({"stimulus_id": numbers, "category": study.categories})
    add_labels(study.folder, labels.filter(pl.col("category").is_in(NAMES)), scheme="three")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(tmp_path_factory.mktemp("cache")))
        resample(study.folder, Resampling(resamples=RESAMPLES, seed=3), Selection(scheme="category"))
    return study


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> None:
    """Nothing is remembered from other tests."""


def compared(
    study: StudyFolder, names: tuple[str, ...] = NAMES, choices: Comparing = QUICK, scheme: str = "category"
) -> CategoryComparison:
    return compare_categories(study, names, choices, Selection(scheme=scheme))


def of_kind(found: CategoryComparison, kind: str, measure: str | None = None) -> pl.DataFrame:
    rows = found.rows.filter(kind=kind)
    return rows if measure is None else rows.filter(measure=measure)


@pytest.mark.parametrize("measure", ["proportion", "mean_depth"])
def test_without_a_reference_the_categories_are_as_in_complexity_depth(
    drawn: RandomStudy, measure: str
) -> None:
    expected = ask(drawn.folder, "complexity/depth", {}, Selection(scheme="category")).rows
    values = compared(drawn.folder).categories.filter(kind="complexity", measure=measure)
    for row in values.iter_rows(named=True):
        (same,) = expected.filter(category=row["category"]).iter_rows(named=True)
        for here, there in (("value", measure), ("low", f"{measure}_low"), ("high", f"{measure}_high")):
            assert row[here] == pytest.approx(same[there]), (row["category"], here)


def test_without_a_reference_the_layers_are_as_in_complexity_layers(drawn: RandomStudy) -> None:
    expected = ask(drawn.folder, "complexity/layers", {}, Selection(scheme="category")).rows
    values = compared(drawn.folder).categories.filter(kind="layer")
    assert values.height == len(NAMES) * len(CONVOLUTIONS)
    for row in values.iter_rows(named=True):
        (same,) = expected.filter(category=row["category"], layer=row["measure"]).iter_rows(named=True)
        assert row["value"] == pytest.approx(same["proportion"])
        assert (row["low"], row["high"]) == pytest.approx((same["low"], same["high"]))


def test_without_a_reference_all_pairs_are_as_in_complexity_pairs(drawn: RandomStudy) -> None:
    everything = ("axe", "car", "dog", "face")
    expected = ask(drawn.folder, "complexity/pairs", {}, Selection(scheme="category")).rows
    rows = of_kind(compared(drawn.folder, everything), "complexity")
    assert rows.height == expected.height == 12
    for row in rows.iter_rows(named=True):
        same_pair = {name: row[name] for name in ("measure", "category", "other")}
        (same,) = expected.filter(**same_pair).iter_rows(named=True)
        for name in ("difference", "low", "high", "p", "p_holm"):
            assert row[name] == pytest.approx(same[name]), (*same_pair.values(), name)


def test_a_reference_gives_the_numbers_of_complexity_reference(drawn: RandomStudy) -> None:
    distribution = ask(drawn.folder, "filters/distribution").rows
    for choices in (QUICK, replace(QUICK, statistic="mean", threshold=0.05)):
        threshold = 0.1 if choices.threshold is None else choices.threshold
        expected = ask(
            drawn.folder,
            "complexity/reference",
            {"statistic": choices.statistic, "threshold": threshold},
            Selection(scheme="category"),
            tables={"reference_responses": distribution.to_arrow()},
        ).rows
        found = compared(drawn.folder, choices=replace(choices, reference=SET)).categories
        assert expected["responsive"].sum() > 0
        for row in found.filter(kind="layer").iter_rows(named=True):
            (same,) = expected.filter(category=row["category"], layer=row["measure"]).iter_rows(named=True)
            assert row["value"] == pytest.approx(same["proportion"])
        for row in found.filter(kind="complexity").iter_rows(named=True):
            column = "mean_proportion" if row["measure"] == "proportion" else "mean_depth"
            assert row["value"] == pytest.approx(expected.filter(category=row["category"])[column][0])


def test_a_reference_gives_the_numbers_of_numpy(drawn: RandomStudy) -> None:
    """The definition, literally: mean over the category less mean over the reference, in its range, above 0.1."""
    names = np.array([name or "" for name in drawn.categories])
    found = compared(drawn.folder, choices=replace(QUICK, reference=SET)).categories
    for category in NAMES:
        proportions = []
        for layer in CONVOLUTIONS:
            values = drawn.responses[layer][0].astype(np.float64)
            span = np.ptp(values, axis=0)
            contrast = np.divide(
                values[names == category].mean(axis=0) - values.mean(axis=0),
                span,
                out=np.full(FILTERS, -np.inf),
                where=span > 0,
            )
            proportions.append((contrast > 0.1).sum() / FILTERS)
        depths = [LAYERS.index(layer) / (len(LAYERS) - 1) for layer in CONVOLUTIONS]
        (proportion,) = found.filter(kind="complexity", measure="proportion", category=category)["value"]
        (depth,) = found.filter(kind="complexity", measure="mean_depth", category=category)["value"]
        assert proportion == pytest.approx(np.mean(proportions))
        assert depth == pytest.approx(np.dot(depths, proportions) / np.sum(proportions))


@pytest.mark.parametrize("names", [("dog", "face"), ("face", "dog")])
def test_with_a_reference_another_category_changes_nothing(
    drawn: RandomStudy, names: tuple[str, ...]
) -> None:
    """Neither one that is compared too, nor one that is labelled too."""
    fixed = replace(QUICK, reference=SET)
    keys = ["kind", "measure", "category"]
    alone = compared(drawn.folder, names, fixed, "three").categories.sort(keys)
    for others, scheme in ((NAMES, "three"), (names, "category"), (("axe", *NAMES), "category")):
        among = compared(drawn.folder, others, fixed, scheme).categories
        assert among.filter(pl.col("category").is_in(names)).sort(keys).equals(alone)


def test_without_a_reference_another_category_changes_the_numbers(drawn: RandomStudy) -> None:
    with_axes, without = (
        compared(drawn.folder, scheme=scheme).categories for scheme in ("category", "three")
    )
    assert not with_axes.filter(kind="layer")["value"].equals(without.filter(kind="layer")["value"])


def test_measures_of_single_stimuli_are_as_in_complexity_stimuli(drawn: RandomStudy) -> None:
    expected = ask(drawn.folder, "complexity/stimuli", {}, Selection(scheme="category")).rows
    found = compared(drawn.folder)
    for measure, column in (("responsive_proportion", "proportion"), ("responsive_depth", "mean_depth")):
        for row in of_kind(found, "stimulus", measure).iter_rows(named=True):
            groups = [
                expected.filter(category=row[name])[column].drop_nulls().round(12).to_numpy()
                for name in ("category", "other")
            ]
            assert row["effect_size"] == pytest.approx(group_difference(*groups).standardised)
            assert row["ks_distance"] == pytest.approx(stats.ks_2samp(*groups, method="asymp").statistic)


def test_properties_of_the_images_are_compared(drawn: RandomStudy) -> None:
    measured = ask(
        drawn.folder,
        seen("select * from properties join labels using (stimulus_id)"),
        {},
        Selection(scheme="category"),
    ).rows
    (row,) = (
        of_kind(compared(drawn.folder), "property", "sharpness")
        .filter(category="dog", other="car")
        .iter_rows(named=True)
    )
    dogs, cars = (measured.filter(category=name)["sharpness"].to_numpy() for name in ("dog", "car"))
    pooled = np.sqrt((dogs.var(ddof=1) + cars.var(ddof=1)) / 2)
    assert (row["n"], row["n_other"]) == (25, 15)
    assert row["effect_size"] == pytest.approx((dogs.mean() - cars.mean()) / pooled)
    assert row["variance_ratio"] == pytest.approx(dogs.var(ddof=1) / cars.var(ddof=1))
    assert row["margin"] == pytest.approx(0.5 * pooled)
    assert row["p"] == pytest.approx(stats.ttest_ind(dogs, cars, equal_var=False).pvalue)
    assert row["p_equivalence"] == pytest.approx(mean_equivalence(dogs, cars, 0.5 * pooled).p)
    assert row["conclusion"] == "different"


def test_properties_are_correlated_with_the_complexity_of_stimuli(drawn: RandomStudy) -> None:
    joined = ask(drawn.folder, "complexity/stimuli", {}, Selection(scheme="category")).rows.join(
        ask(drawn.folder, seen("select * from properties")).rows, on="stimulus_id"
    )
    joined = joined.filter(pl.col("category").is_in(NAMES)).sort("stimulus_id")
    (rho, *_) = of_kind(compared(drawn.folder), "property", "sharpness")["rho_proportion"]
    assert rho == pytest.approx(
        rank_correlation(
            joined["sharpness"].to_numpy(), joined["proportion"].to_numpy(), joined["category"].to_list()
        )
    )


def test_a_rank_correlation_within_one_group_is_that_of_scipy() -> None:
    chance = np.random.default_rng(2)
    first, second = chance.integers(0, 9, (2, 40)).astype(float)
    assert rank_correlation(first, second, ["a"] * 40) == pytest.approx(
        stats.spearmanr(first, second).statistic
    )
    assert np.isnan(rank_correlation(first, np.ones(40), ["a"] * 40))
    assert np.isnan(rank_correlation(first, np.full(40, np.nan), ["a"] * 40))


def test_differences_between_groups_are_no_rank_correlation() -> None:
    chance = np.random.default_rng(4)
    first, second = chance.normal(size=(2, 600))
    groups = ["a"] * 300 + ["b"] * 300
    shift = np.repeat([0.0, 50.0], 300)
    apart = rank_correlation(first + shift, second + shift, groups)
    assert abs(stats.spearmanr(first + shift, second + shift).statistic) > 0.7
    assert apart == pytest.approx(rank_correlation(first, second, groups))
    assert abs(apart) < 0.15


def test_a_bootstrap_row_by_hand() -> None:
    samples = np.array([[0.5, 0.1], [0.4, 0.2], [0.6, 0.2], [0.5, 0.3]])  # differences 0.4 0.2 0.4 0.2
    difference, low, high, p, found = bootstrap_row(np.array([0.5, 0.2]), samples, 0.5)
    error = np.sqrt(4 * 0.01 / 3)
    assert difference == pytest.approx(0.3)
    assert (low, high) == pytest.approx((0.3 - 1.96 * error, 0.3 + 1.96 * error))
    assert p == pytest.approx(1 / 5)  # none of the deviations, 0.1, reaches 0.3
    assert found.p == pytest.approx(stats.norm.sf(0.2 / error))


def test_samples_without_a_depth_count_against_equivalence_and_difference() -> None:
    samples = np.array([[0.5, 0.5], [0.51, 0.5], [np.nan, 0.5], [0.49, 0.5]])
    *_, p, found = bootstrap_row(np.array([0.5, 0.5]), samples, 0.2)
    assert estimate_equivalence(0.0, 0.01, 0.2).p < 1e-9
    assert found.p == pytest.approx(1 / 4)
    assert p == 1


def test_samples_that_agree_show_nothing() -> None:
    _, low, high, p, found = bootstrap_row(np.array([0.0, 0.0]), np.zeros((50, 2)), 0.05)
    assert np.isnan([low, high, found.p]).all()
    assert p == 1


def test_the_conclusion_follows_from_both_tests(drawn: RandomStudy) -> None:
    rows = compared(drawn.folder, choices=replace(QUICK, margin=0.3, property_margin=2.5)).rows
    for row in rows.iter_rows(named=True):
        equivalent = row["p_equivalence"] is not None and row["p_equivalence"] < 0.05
        different = row["p_holm"] is not None and row["p_holm"] < 0.05
        expected = {
            (True, False): "equivalent",
            (False, True): "different",
            (True, True): "different within the margin",
            (False, False): "undecided",
        }[equivalent, different]
        assert row["conclusion"] == expected
    assert {"equivalent", "undecided", "different within the margin"} <= set(rows["conclusion"])


def test_every_column_is_described_and_typed(drawn: RandomStudy) -> None:
    found = compared(drawn.folder)
    assert found.rows.schema == {name: kind for name, (kind, _) in PAIR_COLUMNS.items()}
    assert found.provenance["columns"].keys() == set(found.rows.columns)
    assert not any(
        found.rows[name].is_nan().any() for name, kind in found.rows.schema.items() if kind.is_float()
    )


def test_a_category_is_compared_in_some_layers(drawn: RandomStudy) -> None:
    found = compared(drawn.folder, choices=replace(QUICK, layer=["conv*", "dense"]))
    assert found.rows.filter(kind="layer")["measure"].unique(maintain_order=True).to_list() == [
        "conv1",
        "conv2",
        "dense",
    ]
    assert found.provenance["layers"] == ["conv1", "conv2", "dense"]


def test_equal_seeds_give_equal_results(drawn: RandomStudy) -> None:
    for choices in (QUICK, replace(QUICK, reference=SET)):
        first, again, other = (
            compared(drawn.folder, choices=each) for each in (choices, choices, replace(choices, seed=4))
        )
        assert first.rows.equals(again.rows)
        assert first.chart.to_dict() == again.chart.to_dict()
        assert not first.rows.equals(other.rows)


def test_the_order_of_the_categories_is_that_of_the_rows(drawn: RandomStudy) -> None:
    pairs = of_kind(compared(drawn.folder, ("face", "dog", "car")), "complexity", "proportion")
    assert pairs.select("category", "other").rows() == [("face", "dog"), ("face", "car"), ("dog", "car")]


@pytest.mark.parametrize(
    ("names", "choices", "message"),
    [
        (("dog",), QUICK, "1 category is named; expected two or more of axe, car, dog, face"),
        ((), QUICK, "no category is named; expected two or more"),
        (("dog", "dog"), QUICK, "the category dog is named twice"),
        (("dog", "cat"), QUICK, "no category named 'cat'"),
        (NAMES, replace(QUICK, layer="conv9"), "no layer named 'conv9'"),
        (NAMES, replace(QUICK, layer="pool1"), "expected a recorded layer that does not pool"),
        (NAMES, replace(QUICK, reference="natural"), "no reference named 'natural'"),
        (NAMES, replace(QUICK, reference="missing.parquet"), "missing.parquet does not exist"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    drawn: RandomStudy, names: tuple[str, ...], choices: Comparing, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        compared(drawn.folder, names, choices)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("statistic", "median", "expected maximum or mean"),
        ("threshold", 2.0, "expected -1 to 1"),
        ("resamples", 3, "expected 20 or more"),
        ("seed", -1, "expected 0 or more"),
        ("margin", 0.0, "expected a number above 0"),
        ("property_margin", np.nan, "expected a number above 0"),
    ],
)
def test_impossible_options_are_refused(option: str, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Comparing(**{option: value})  # type: ignore[arg-type]


def test_a_category_of_a_single_stimulus_is_refused(tmp_path: Path) -> None:
    study = make_random_study(tmp_path / "study").folder
    labels = {"stimulus_id": [0, 1, 2], "category": ["one", "two", "two"]}
    add_labels(study, pl.DataFrame(labels), scheme="single")
    with pytest.raises(UsageError, match="one has a single stimulus with responses; expected 2 or more"):
        compared(study, ("one", "two"), scheme="single")
    with pytest.raises(UnknownNameError):
        compared(study, ("one", "dog"), scheme="single")


def test_the_paragraph_never_takes_what_is_not_shown_for_a_difference(drawn: RandomStudy) -> None:
    strict = compared(drawn.folder, choices=replace(QUICK, margin=1e-6))
    tests = of_kind(strict, "complexity")
    assert (tests["p_equivalence"] > 0.05).all()
    undecided = tests.filter(conclusion="undecided")
    assert undecided.height
    for measure, words in (
        ("proportion", "in the proportion of such filters"),
        ("mean_depth", "in their mean depth"),
    ):
        (sentence,) = (part for part in strict.paragraph.split(". ") if f"margin of 1e-06 {words}" in part)
        assert sentence.startswith("No pair is shown to be equivalent")
        different = sentence.partition("different (Holm")[2].partition(";")[0]
        for row in undecided.filter(measure=measure).iter_rows(named=True):
            pair = f"{row['category']} – {row['other']}"
            assert pair not in different
            assert pair in sentence.partition("neither equivalence nor a difference is shown")[2]
    assert "Similar complexity is shown in 0 of 6 comparisons; it is not shown" in strict.paragraph


def test_the_paragraph_says_what_was_compared_with_what(drawn: RandomStudy) -> None:
    relative, fixed = (
        compared(drawn.folder, choices=replace(QUICK, reference=name)).paragraph for name in (None, SET)
    )
    for text in (relative, fixed):
        assert f"dog (25), car (15) and face (9) of the set {SET}" in text
        assert f"in {MODEL} (4 layers, 80 filters, maximum of the activation map)" in text
        assert "95 % intervals from 60 bootstrap samples" in text
    assert "relative to the 4 categories of the set, and would change with another one" in relative
    assert "(all 60 stimuli of the set shapes). The numbers of a category therefore do not depend" in fixed


def test_all_pairs_equivalent_is_similar_complexity(drawn: RandomStudy) -> None:
    found = compared(drawn.folder, choices=replace(QUICK, margin=0.9))
    assert (
        "All pairs are equivalent in both measures: the categories are of similar complexity"
        in found.paragraph
    )


@pytest.mark.parametrize(("threshold", "is_lenient"), [(0.1, True), (-0.15, False)])
def test_a_margin_above_both_proportions_is_reported(
    drawn: RandomStudy, threshold: float, is_lenient: bool
) -> None:
    found = compared(drawn.folder, ("dog", "car"), replace(QUICK, threshold=threshold, margin=0.5))
    (row,) = of_kind(found, "complexity", "proportion").iter_rows(named=True)
    assert row["p_equivalence"] < 0.05
    assert (max(row["value"], row["value_other"]) < 0.5) == is_lenient
    words = "of these with two proportions below the margin, so that this says little: dog – car"
    assert (words in found.paragraph) == is_lenient


def test_the_compared_set_as_its_own_reference_has_a_note(drawn: RandomStudy) -> None:
    notes = compared(drawn.folder, choices=replace(QUICK, reference=SET)).notes
    assert any("the reference is the compared set shapes itself" in note for note in notes)


def test_few_filters_and_few_resamples_have_a_note(drawn: RandomStudy) -> None:
    few = compared(drawn.folder, choices=replace(QUICK, threshold=0.6))
    assert any(note.startswith("few filters respond highly to") for note in few.notes)
    everything = ("axe", *NAMES)
    assert not any("resamples" in note for note in compared(drawn.folder, NAMES).notes)
    coarse = compared(drawn.folder, everything, replace(QUICK, resamples=100)).notes
    assert any(
        "no p_holm of the 6 pairs can be below 0.05; use --resamples 120 or more" in note for note in coarse
    )


def test_a_category_without_a_filter_has_no_depth(drawn: RandomStudy) -> None:
    found = compared(drawn.folder, choices=replace(QUICK, threshold=1.0))
    depths = of_kind(found, "complexity", "mean_depth")
    assert depths["value"].null_count() == depths["difference"].null_count() == 3
    assert depths["conclusion"].null_count() == 3
    assert "is dog unknown, car unknown and face unknown" in found.paragraph
    assert "equivalent in both" not in found.paragraph


def test_figure_and_paragraph_are_written(drawn: RandomStudy, tmp_path: Path) -> None:
    files = ResultFiles(tmp_path / "figure.json", tmp_path / "paragraph.md")
    found = compare_categories(drawn.folder, NAMES, QUICK, Selection(scheme="category"), files)
    specification = json.loads((tmp_path / "figure.json").read_text(encoding="utf-8"))
    assert specification["usermeta"]["toolbox"]["categories"] == list(NAMES)
    assert len(specification["vconcat"]) == 3
    assert (tmp_path / "paragraph.md").read_text(encoding="utf-8") == f"{found.paragraph}\n"


@pytest.mark.parametrize(
    ("figure", "text", "message"),
    [
        ("figure.doc", None, "cannot draw a figure as '.doc'"),
        (
            None,
            "text.doc",
            "the paragraph cannot be written to text.doc; expected a name that ends in .md or .txt",
        ),
    ],
)
def test_files_of_other_formats_are_refused_before_anything_is_computed(
    figure: str | None, text: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        ResultFiles(Path(figure) if figure else None, Path(text) if text else None)
