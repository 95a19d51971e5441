"""The indices agree with scipy, or with their definitions written out in numpy, also where numbers are awkward."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from support.nearly import nearly
from support.random_study import CATEGORIES, FILTERS, LAYERS, RandomStudy
from support.small_study import long_table, small_study
from toolbox.query import ask
from toolbox.query.indices import shipped_indices
from toolbox.store.folder import StudyFolder

STATISTICS = pytest.mark.parametrize("statistic", ["maximum", "mean"])
NAMES = sorted({name for name in CATEGORIES if name})
COMPARED = [name for name, index in shipped_indices().items() if index.is_compared]
Vector = NDArray[np.float64]


def units(study: RandomStudy, statistic: str) -> Iterator[tuple[str, int, Vector, NDArray[np.str_]]]:
    """Layer, filter, responses to the labelled stimuli and their categories, by depth."""
    known = np.array([category is not None for category in study.categories])
    names = np.array(study.categories, dtype=object)[known].astype(str)
    for layer in LAYERS:
        matrix = study.responses[layer][statistic == "mean"].astype(np.float64)[known]
        yield from ((layer, number, matrix[:, number], names) for number in range(FILTERS))


def pooled(one: Vector, other: Vector) -> float:
    """Root of the mean of both variances."""
    return float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2))


def sparse(values: Vector) -> float | None:
    """Vinje and Gallant (2000); None where nothing responds."""
    if not values.any():
        return None
    return float((1 - values.mean() ** 2 / (values**2).mean()) / (1 - 1 / len(values)))


@STATISTICS
def test_csi_fsi_d_prime_and_welch_t_are_those_of_scipy(random_study: RandomStudy, statistic: str) -> None:
    expected: list[tuple[object, ...]] = []
    for layer, number, response, names in units(random_study, statistic):
        means = {name: response[names == name].mean() for name in NAMES}
        for name in NAMES:
            one, other = response[names == name], response[names != name]
            others = np.mean([mean for category, mean in means.items() if category != name])
            if np.ptp(response) == 0:
                expected.append((layer, number, name, None, None, None, None, None))
                continue
            test = stats.ttest_ind(one, other, equal_var=False)
            csi = (one.mean() - others) / (one.mean() + others)
            fsi = (one.mean() - other.mean()) / (one.mean() + other.mean())
            d_prime = (one.mean() - other.mean()) / pooled(one, other)
            expected.append((layer, number, name, csi, fsi, d_prime, float(test.statistic), float(test.df)))
    rows = ask(random_study.folder, "selectivity/index", {"statistic": statistic}).rows
    columns = ("layer", "filter", "category", "csi", "fsi", "d_prime", "welch_t", "welch_df")
    assert rows.select(columns).rows() == nearly(expected, 1e-10)


@pytest.mark.parametrize("against", NAMES)
def test_fsi_compares_with_the_category_asked_for(random_study: RandomStudy, against: str) -> None:
    expected: list[float | None] = []
    for _, _, response, names in units(random_study, "maximum"):
        base = response[names == against].mean()
        for name in NAMES:
            mean = response[names == name].mean()
            known = np.ptp(response) > 0 and name != against and mean + base > 0
            expected.append((mean - base) / (mean + base) if known else None)
    rows = ask(random_study.folder, "selectivity/index", {"against": against}).rows
    assert [(value,) for value in rows["fsi"]] == nearly([(value,) for value in expected], 1e-10)


@STATISTICS
@pytest.mark.parametrize("k", [None, 1, 30, 1000])
def test_indices_by_ranks_are_those_of_scipy_and_of_random_orders(
    random_study: RandomStudy, statistic: str, k: int | None
) -> None:
    expected: list[tuple[object, ...]] = []
    for layer, number, response, names in units(random_study, statistic):
        for name in NAMES:
            members = names == name
            place = (layer, number, name, int(members.sum()))
            if np.ptp(response) == 0:
                expected.append((*place, None, None, None))
                continue
            u = stats.mannwhitneyu(response[members], response[~members]).statistic
            at_the_top = of_the_top(response, members, k or int(members.sum()))
            auc = float(u) / members.sum() / (~members).sum()
            expected.append((*place, auc, average_precision(response, members), at_the_top))
    rows = ask(random_study.folder, "selectivity/ranks", {"statistic": statistic, "k": k}).rows
    columns = ("layer", "filter", "category", "n", "auc", "auprc", "precision")
    assert rows.select(columns).rows() == nearly(expected, 1e-10)


def average_precision(response: Vector, members: NDArray[np.bool_]) -> float:
    """The step function of precision over recall, one step for every distinct response."""
    steps = np.unique(response)[::-1]
    recall = [(response[members] >= step).mean() for step in steps]
    precision = [members[response >= step].mean() for step in steps]
    return float((np.diff([0, *recall]) * precision).sum())


def of_the_top(response: Vector, members: NDArray[np.bool_], k: int) -> float:
    """Members among the k largest, on average over all orders of equal ones."""
    k = min(k, len(response))
    last = np.sort(response)[-k]
    above, peers = response > last, response == last
    return float((members[above].sum() + (k - above.sum()) * members[peers].mean()) / k)


def test_the_mean_over_random_orders_is_what_sharing_places_gives() -> None:
    chance = np.random.default_rng(5)
    response, members = (
        np.array([3.0, 2, 2, 2, 2, 1, 0]),
        np.array([False, True, True, False, True, True, False]),
    )
    orders = [np.lexsort((chance.random(7), -response)) for _ in range(20_000)]
    drawn = np.mean([members[order[:3]].mean() for order in orders])
    assert of_the_top(response, members, 3) == pytest.approx(1 / 2) == pytest.approx(drawn, abs=0.01)


@STATISTICS
def test_indices_of_filters_follow_their_definitions(random_study: RandomStudy, statistic: str) -> None:
    expected: list[tuple[object, ...]] = []
    for layer, number, response, names in units(random_study, statistic):
        if np.ptp(response) == 0:
            expected.append((layer, number, None, None, None, None, None, True))
            continue
        means = np.array([response[names == name].mean() for name in NAMES])
        noise = np.mean([response[names == name].var(ddof=1) for name in NAMES])
        best = int(means.argmax())
        others = np.delete(means, best).mean()
        csi = (means[best] - others) / (means[best] + others)
        depth = (len(means) - means.sum() / means[best]) / (len(means) - 1)
        signal = means.var(ddof=1) / noise
        expected.append((layer, number, NAMES[best], csi, depth, sparse(response), signal, False))
    rows = ask(random_study.folder, "selectivity/filters", {"statistic": statistic}).rows
    assert rows.rows() == nearly(expected, 1e-10)


@STATISTICS
@pytest.mark.parametrize("normalise", ["none", "filter"])
def test_population_sparseness_is_that_of_the_filters_of_a_layer(
    random_study: RandomStudy, statistic: str, normalise: str
) -> None:
    expected: list[tuple[object, ...]] = []
    for layer in LAYERS:
        matrix = random_study.responses[layer][statistic == "mean"].astype(np.float64)
        if normalise == "filter":
            matrix = matrix[:, np.ptp(matrix, axis=0) > 0]
            matrix = (matrix - matrix.min(axis=0)) / np.ptp(matrix, axis=0)
        for stimulus, (category, row) in enumerate(zip(random_study.categories, matrix, strict=True)):
            expected.append((layer, stimulus, category, matrix.shape[1], sparse(row)))
    parameters = {"statistic": statistic, "normalise": normalise}
    assert ask(random_study.folder, "selectivity/population", parameters).rows.rows() == nearly(
        expected, 1e-10
    )


@STATISTICS
@pytest.mark.parametrize("count", [1, 5, 50])
def test_agreement_is_the_rank_correlation_of_scipy(
    random_study: RandomStudy, statistic: str, count: int
) -> None:
    indexed = ask(random_study.folder, "selectivity/index", {"statistic": statistic}).rows
    table = indexed.join(
        ask(random_study.folder, "selectivity/ranks", {"statistic": statistic}).rows,
        on=["layer", "filter", "category"],
        validate="1:1",
    )
    rows = ask(random_study.folder, "selectivity/agreement", {"statistic": statistic, "count": count}).rows
    assert rows.rows() == nearly(agreements(table, count), 1e-9)


@cache
def spearman(x: tuple[float, ...], y: tuple[float, ...]) -> float:
    """Scipy's rank correlation, once for all numbers of places."""
    return float(stats.spearmanr(x, y).statistic)


def agreements(table: pl.DataFrame, count: int) -> list[tuple[object, ...]]:
    """Of every two indices, by layer: filters, Spearman, overlap and chance, as the mean over the categories."""
    expected: list[tuple[object, ...]] = []
    for layer in LAYERS:
        for first, second in combinations(COMPARED, 2):
            found = []
            for name in NAMES:
                both = table.filter(layer=layer, category=name).select(first, second).drop_nulls().to_numpy()
                # the last bits of a value may not decide between equal ones
                x, y = np.round(both.T, 12)
                places = min(count, len(x))
                overlap = (chosen(x, places) * chosen(y, places)).sum() / places
                found.append((len(x), spearman(tuple(x), tuple(y)), overlap, places / len(x)))
            n, *means = np.array(found).T
            expected.append((layer, first, second, int(n.sum()), *(float(mean.mean()) for mean in means)))
    return expected


def chosen(values: Vector, places: int) -> Vector:
    """The part of a place among the largest that each value has; equal ones share what is left."""
    last = np.sort(values)[-places]
    return np.where(
        values > last, 1.0, (values == last) * (places - (values > last).sum()) / (values == last).sum()
    )


def test_two_indices_known_for_different_filters_are_ranked_over_those_in_common(tmp_path: Path) -> None:
    chance = np.random.default_rng(8)
    matrix = chance.normal(2, 2, (30, 12)).astype(np.float32)
    matrix[:, ::3] = np.abs(matrix[:, ::3])
    study = study_of(tmp_path / "study", matrix, ["car"] * 12 + ["dog"] * 8 + ["face"] * 10)
    table = ask(study, "selectivity/index").rows
    correlations = []
    for name in ("car", "dog", "face"):
        both = table.filter(category=name).select("csi", "contrast").drop_nulls().to_numpy()
        correlations.append(stats.spearmanr(*both.T).statistic)
    (row,) = ask(study, "selectivity/agreement", {"first": "csi", "second": "contrast"}).rows.rows()
    assert row[3:5] == (12, pytest.approx(np.mean(correlations)))


def study_of(root: Path, matrix: NDArray[np.float32], categories: list[str]) -> StudyFolder:
    """A study of one layer, (stimuli, filters)."""
    labels = pl.DataFrame({"stimulus_id": range(len(categories)), "category": categories})
    return small_study(root, long_table({"layer": (matrix, matrix)}), labels)


def test_negative_responses_give_the_fsi_of_unequal_signs_and_no_csi(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    matrix = chance.normal(0, 1, (24, 40)).astype(np.float32)
    names = np.array(["car", "dog", "face"] * 8)
    rows = ask(study_of(tmp_path / "study", matrix, names.tolist()), "selectivity/index").rows
    expected: list[float | None] = []
    for response in matrix.astype(np.float64).T:
        for name in ("car", "dog", "face"):
            one, other = response[names == name].mean(), response[names != name].mean()
            usual = (one - other) / (one + other) if one + other > 0 else None
            expected.append(float(np.sign(one)) if one * other < 0 else usual)
    assert [(value,) for value in rows["fsi"]] == nearly([(value,) for value in expected], 1e-9)
    assert {1.0, -1.0, None} < set(rows["fsi"])
    assert rows["csi"].null_count() == rows.height


def layers_of(
    root: Path, layers: Mapping[str, NDArray[np.float32]], categories: Sequence[str]
) -> StudyFolder:
    """A study of several layers, each (stimuli, filters)."""
    labels = pl.DataFrame({"stimulus_id": range(len(categories)), "category": categories})
    return small_study(root, long_table({name: (matrix, matrix) for name, matrix in layers.items()}), labels)


@pytest.mark.parametrize("categories", [2, 3, 6])
def test_a_large_offset_does_not_change_a_t_or_a_d_prime(tmp_path: Path, categories: int) -> None:
    chance = np.random.default_rng(9)
    # eighths, and sixteenths beside 1e6, are exact in 32 bits
    small = (chance.integers(0, 16, (12 * categories, 20)) / 16).astype(np.float32)
    names = np.repeat([f"category {number}" for number in range(categories)], 12)
    layers = {f"offset {offset:g}": small + np.float32(offset) for offset in (0, 1e6)}
    rows = ask(layers_of(tmp_path / "study", layers, names.tolist()), "selectivity/index").rows
    assert rows.height == 2 * 20 * categories
    for row in rows.rows(named=True):
        number, name = row["filter"], row["category"]
        one, other = (small[mask, number].astype(np.float64) for mask in (names == name, names != name))
        test = stats.ttest_ind(one, other, equal_var=False)
        assert row["welch_t"] == pytest.approx(float(test.statistic), rel=1e-7, abs=1e-7)
        assert row["welch_df"] == pytest.approx(float(test.df), rel=1e-7)
        assert row["d_prime"] == pytest.approx(
            (one.mean() - other.mean()) / pooled(one, other), rel=1e-7, abs=1e-7
        )


def one_that_varies(rest: float, spread: float, stimuli: int) -> NDArray[np.float32]:
    """Responses (stimuli, 8 filters) that are `rest` for all but the first 7 stimuli."""
    matrix = np.full((stimuli, 8), rest, dtype=np.float32)
    matrix[:7] += 1 + np.float32(spread) * np.random.default_rng(2).random((7, 8)).astype(np.float32)
    return matrix


@pytest.mark.parametrize("categories", [2, 3, 5])
def test_where_all_others_are_constant_only_the_category_varies(tmp_path: Path, categories: int) -> None:
    layers = {
        f"rest {rest:g}, spread {spread:g}": one_that_varies(rest, spread, 7 * categories)
        for rest, spread in product((0.1, 1e6), (0.0, 1e-3, 1e5))
    }
    names = np.repeat([f"category {number}" for number in range(categories)], 7)
    rows = ask(layers_of(tmp_path / "study", layers, names.tolist()), "selectivity/index").rows
    varying = 0
    for row in rows.filter(category="category 0").rows(named=True):
        matrix, number = layers[row["layer"]].astype(np.float64), row["filter"]
        one, other = matrix[:7, number], matrix[7:, number]
        if one.var() == 0:
            assert (row["d_prime"], row["welch_t"], row["welch_df"]) == (None, None, None)
            continue
        varying += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # scipy's, of nearly equal values
            test = stats.ttest_ind(one, other, equal_var=False)
        assert row["welch_t"] == pytest.approx(float(test.statistic), rel=1e-6)
        assert row["welch_df"] == pytest.approx(float(test.df), rel=1e-6)
        assert row["d_prime"] == pytest.approx((one.mean() - other.mean()) / pooled(one, other), rel=1e-6)
    assert varying == sum(np.count_nonzero(np.ptp(matrix[:7], axis=0)) for matrix in layers.values()) > 8


@pytest.mark.parametrize("index", ["csi", "d_prime", "welch_t", "auc", "precision"])
def test_thresholds_count_the_filters_above_them(random_study: RandomStudy, index: str) -> None:
    query = "selectivity/ranks" if index in ("auc", "precision") else "selectivity/index"
    table = ask(random_study.folder, query).rows
    expected: list[tuple[object, ...]] = []
    for layer in LAYERS:
        for name in NAMES:
            values = table.filter(layer=layer, category=name)[index].to_list()
            for threshold in np.linspace(-0.987, 1.234, 11):
                selective = sum(value is not None and value > threshold for value in values)
                expected.append((layer, name, float(threshold), FILTERS, selective, selective / FILTERS))
    shown = [row for row in expected if "pool" not in str(row[0])]
    parameters = {"index": index, "lowest": -0.987, "highest": 1.234, "steps": 11}
    assert ask(random_study.folder, "selectivity/threshold", parameters).rows.rows() == nearly(shown)


def test_a_category_that_makes_up_all_of_a_sum_leaves_the_others_their_digits(tmp_path: Path) -> None:
    response = np.array([30_000_000, 30_000_004, 1, 2, 4, 1, 3, 7], np.float32)[:, None]
    names = np.array(["face"] * 2 + ["car"] * 3 + ["dog"] * 3)
    labels = pl.DataFrame({"stimulus_id": range(8), "category": names})
    study = small_study(tmp_path, long_table({"conv": (response, response)}), labels)
    ((found,),) = ask(study, "selectivity/index").rows.filter(category="face").select("welch_t").rows()
    face, rest = (response[chosen, 0].astype(np.float64) for chosen in (names == "face", names != "face"))
    assert found == pytest.approx(stats.ttest_ind(face, rest, equal_var=False).statistic, rel=1e-12)


def _asked(tmp_path: Path, responses: NDArray[np.float32], names: Sequence[str]) -> pl.DataFrame:
    labels = pl.DataFrame({"stimulus_id": range(len(names)), "category": names})
    return ask(
        small_study(tmp_path, long_table({"conv": (responses, responses)}), labels), "selectivity/index"
    ).rows


def test_a_filter_that_responds_to_one_category_alone_has_shares_of_1_to_the_last_digit(
    tmp_path: Path,
) -> None:
    responses = np.zeros((9, 200), np.float32)
    responses[:3] = np.random.default_rng(0).gamma(2, 0.1, (3, 200))
    rows = _asked(tmp_path, responses, ["face"] * 3 + ["car"] * 3 + ["dog"] * 3)
    assert rows.filter(category="face").select("share", "balanced_share").unique().rows() == [(1.0, 1.0)]
    assert rows.filter(pl.col("category") != "face").select("share", "balanced_share").unique().rows() == [
        (0.0, 0.0)
    ]


def test_of_two_categories_one_is_exactly_the_rest_of_the_other(tmp_path: Path) -> None:
    responses = np.random.default_rng(0).gamma(2, 0.1, (7, 200)).astype(np.float32)
    rows = _asked(tmp_path, responses, ["face"] * 3 + ["car"] * 4)
    for index in ("contrast", "csi", "fsi"):
        face, car = (rows.filter(category=name)[index] for name in ("face", "car"))
        assert (face == -car).all(), index


def test_three_categories_of_equal_responses_differ_in_no_digit(tmp_path: Path) -> None:
    one = np.random.default_rng(0).gamma(2, 0.1, (3, 200)).astype(np.float32)
    rows = _asked(tmp_path, np.concatenate([one] * 3), ["face"] * 3 + ["car"] * 3 + ["dog"] * 3)
    assert rows.select("contrast", "csi", "fsi", "d_prime", "welch_t").unique().rows() == [(0.0,) * 5]
