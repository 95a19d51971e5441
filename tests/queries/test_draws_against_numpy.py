"""What the queries make of resampled indices agrees with numpy, on draws that are made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from support.literal_indices import NAMES, Vector, labelled, reference
from support.nearly import nearly
from support.random_study import FILTERS, LAYERS, RandomStudy, make_random_study
from toolbox.query import ask
from toolbox.store.availability import available_responses
from toolbox.store.columns import TABLES
from toolbox.store.folder import SCHEME, StudyFolder
from toolbox.store.resamples import Labelling, Measure, write_resampled

DRAWS = 41
THRESHOLDS = (0.01, 0.1)
CHANCE = ("chance", "chance_low", "chance_high", "beyond_chance")
KINDS = ("bootstrap", "permutation", "equal")
CONVOLUTIONS = [layer for layer in LAYERS if "pool" not in layer]
PLACES = np.array([LAYERS.index(layer) / (len(LAYERS) - 1) for layer in CONVOLUTIONS])
MEASURES = [Measure(), Measure("share", "mean", "layer")]
EACH = pytest.mark.parametrize("measure", MEASURES, ids=str)
COVERED = (0.025, 0.975)
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """The random study with draws: kind, threshold -> selective filters, (layers, categories, draws)."""

    study: RandomStudy
    selective: dict[tuple[Measure, str, float], Whole]
    strength: dict[tuple[Measure, str], Vector]

    def ask(self, query: str, measure: Measure, **further: Any) -> pl.DataFrame:
        return ask(self.study.folder, query, {**vars(measure), **further}).rows

    def observed(self, measure: Measure, threshold: float) -> Whole:
        """(layers, categories): selective filters of the study itself."""
        values = np.nan_to_num(self.values(measure), nan=-np.inf)
        counted: Whole = (values > threshold).sum(axis=2)
        return counted

    def values(self, measure: Measure) -> Vector:
        """(layers, categories, filters), NaN for dead filters."""
        rows = reference(self.study, measure.statistic, measure.normalise)
        values = np.array([row[measure.index] for row in rows], dtype=np.float64)
        return values.reshape(len(LAYERS), FILTERS, len(NAMES)).swapaxes(1, 2)

    def shares(self, measure: Measure, kind: str, threshold: float = 0.1) -> Vector:
        """(draws, categories, layers), without pooling layers; one draw of what was observed."""
        counts = self.observed(measure, threshold)[:, :, None]
        if kind != "observed":
            counts = self.selective[measure, kind, threshold]
        return np.array([counts[LAYERS.index(layer)] for layer in CONVOLUTIONS]).T / FILTERS


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Draws of few filters, so that many tie or have none; `axe` has none in most."""
    study = make_random_study(tmp_path_factory.mktemp("drawn") / "study")
    chance = np.random.default_rng(77)
    selective, strength = {}, {}
    for measure in MEASURES:
        for kind in KINDS:
            shape = (len(LAYERS), len(NAMES), DRAWS)
            strength[measure, kind] = chance.integers(-4, 9, shape) / 8
            for threshold in THRESHOLDS:
                counts = chance.integers(0, 4, shape)
                counts[:, 0] *= chance.random(shape)[:, 0] < 0.1
                selective[measure, kind, threshold] = counts
        write_draws(study.folder, measure, selective, strength)
    return Drawn(study, selective, strength)


def write_draws(
    study: StudyFolder, measure: Measure, selective: dict[Any, Whole], strength: dict[Any, Vector]
) -> None:
    rows = [
        (
            kind,
            draw,
            layer,
            name,
            threshold,
            int(counts[i, j, draw]),
            float(strength[measure, kind][i, j, draw]),
        )
        for (of_one, kind, threshold), counts in selective.items()
        if of_one == measure
        for i, layer in enumerate(LAYERS)
        for j, name in enumerate(NAMES)
        for draw in range(DRAWS)
    ]
    names = [name for name in TABLES["resamples"] if name not in vars(measure)]
    table = pl.DataFrame(rows, schema=names, orient="row").to_arrow()
    labelling = Labelling(study, available_responses(study, "shapes", "tiny"), SCHEME)
    path = labelling.file("resamples", measure)
    write_resampled(path, "resamples", measure, [table], labelling.source)


def around(
    value: Any, samples: Any, lowest: float = 0, highest: float = 1
) -> tuple[float | None, float | None]:
    """1.96 standard deviations of the samples on either side, within what is possible; none where they agree."""
    known = np.asarray(samples, dtype=np.float64)
    known = known[np.isfinite(known)]
    reach = 1.96 * known.std(ddof=1) if len(known) > 1 else 0
    return (max(lowest, value - reach), min(highest, value + reach)) if reach > 1e-9 else (None, None)


def interval(values: Any) -> tuple[float | None, float | None]:
    """The quantiles of what is known."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return tuple(np.quantile(known, COVERED)) if len(known) else (None, None)


def by_chance(observed: float, permuted: Any) -> tuple[float, float | None, float | None, bool]:
    """Mean and quantiles over the permutations, and whether what was observed is above them."""
    low, high = interval(permuted)
    return float(np.mean(permuted)), low, high, bool(observed > high)


def depth_of(shares: Vector) -> Vector:
    """(draws, categories), NaN where no filter responds."""
    with np.errstate(invalid="ignore"):
        return (shares * PLACES).sum(axis=2) / shares.sum(axis=2)


def entropy_of(p: Vector) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


@EACH
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_profile_has_intervals_of_the_bootstrap_and_quantiles_of_the_permutations(
    drawn: Drawn, measure: Measure, threshold: float
) -> None:
    rows = drawn.ask("layers/profile", measure, threshold=threshold)
    bootstrap, shuffled = (
        drawn.selective[measure, kind, threshold] / FILTERS for kind in ("bootstrap", "permutation")
    )
    observed = drawn.observed(measure, threshold) / FILTERS
    expected = [
        (
            layer,
            name,
            observed[i, j],
            *around(observed[i, j], bootstrap[i, j]),
            *by_chance(observed[i, j], shuffled[i, j]),
        )
        for i, layer in enumerate(LAYERS)
        for j, name in enumerate(NAMES)
    ]
    columns = ("layer", "category", "proportion", "low", "high", *CHANCE)
    assert rows.select(columns).rows() == nearly(expected, 1e-10)


@EACH
def test_blocks_add_up_their_filters_in_every_draw(drawn: Drawn, measure: Measure) -> None:
    blocks = {
        "conv1": [0],
        "conv2": [2],
        "a": [4],
        "dense": [5],
    }  # what stands before the underscore, no pooling
    rows = drawn.ask("layers/profile", measure, by="block", threshold=0.1)
    bootstrap, shuffled = (drawn.selective[measure, kind, 0.1] for kind in ("bootstrap", "permutation"))
    expected = []
    for block, members in blocks.items():
        size = FILTERS * len(members)
        for j, name in enumerate(NAMES):
            inside, permuted = (counts[members, j].sum(axis=0) / size for counts in (bootstrap, shuffled))
            share = drawn.observed(measure, 0.1)[members, j].sum() / size
            expected.append((block, name, size, share, *around(share, inside), *by_chance(share, permuted)))
    columns = ("layer", "category", "filters", "proportion", "low", "high", *CHANCE)
    assert rows.select(columns).rows() == nearly(expected, 1e-10)


def wins(values: Vector) -> Vector:
    """(layers,): how often each of (layers, draws) is the largest, a tie shared."""
    first = values == values.max(axis=0)
    return (first / first.sum(axis=0)).mean(axis=1)


@EACH
def test_the_best_layer_is_counted_over_the_samples_with_ties_shared(drawn: Drawn, measure: Measure) -> None:
    inside = [LAYERS.index(layer) for layer in CONVOLUTIONS]
    shares, shuffled = (
        drawn.selective[measure, kind, 0.01][inside] / FILTERS for kind in ("bootstrap", "permutation")
    )
    strength, shuffled_strength = (
        drawn.strength[measure, kind][inside] for kind in ("bootstrap", "permutation")
    )
    observed = drawn.observed(measure, 0.01)[inside] / FILTERS
    best_ten = np.sort(np.nan_to_num(drawn.values(measure), nan=-np.inf), axis=2)[inside, :, -10:].mean(
        axis=2
    )
    expected = []
    for j, name in enumerate(NAMES):
        most, strongest = wins(shares[:, j]), wins(strength[:, j])
        order = sorted(range(len(inside)), key=lambda i: (-observed[i, j], -i))
        for rank, i in enumerate(order, start=1):
            chance = by_chance(observed[i, j], shuffled[i, j])
            of_shares = (observed[i, j], *around(observed[i, j], shares[i, j]), *chance, most[i])
            chance_of_strength = by_chance(best_ten[i, j], shuffled_strength[i, j])[:3]
            strengths = around(best_ten[i, j], strength[i, j], -np.inf, np.inf)
            of_strength = (best_ten[i, j], *strengths, *chance_of_strength, strongest[i])
            expected.append((name, rank, CONVOLUTIONS[i], PLACES[i], *of_shares, *of_strength))
    rows = drawn.ask("layers/best", measure, threshold=0.01)
    assert rows.rows() == nearly(expected, 1e-10)
    assert any(0 < row["first_by_proportion"] < 1 for row in rows.rows(named=True))
    one = drawn.ask("layers/best", measure, threshold=0.01, category="dog")
    assert one.rows() == nearly(row for row in expected if row[0] == "dog")


@EACH
def test_complexity_over_layers_has_intervals_and_chance(drawn: Drawn, measure: Measure) -> None:
    observed, bootstrap, shuffled = (
        drawn.shares(measure, kind) for kind in ("observed", "bootstrap", "permutation")
    )
    expected = [
        (
            *(name, layer, observed[0, j, i], *around(observed[0, j, i], bootstrap[:, j, i])),
            *by_chance(observed[0, j, i], shuffled[:, j, i]),
        )
        for j, name in enumerate(NAMES)
        for i, layer in enumerate(CONVOLUTIONS)
    ]
    columns = ("category", "layer", "proportion", "low", "high", *CHANCE)
    assert drawn.ask("complexity/layers", measure, threshold=0.1).select(columns).rows() == nearly(
        expected, 1e-10
    )


@EACH
def test_depth_has_an_interval_over_the_samples_with_a_depth(drawn: Drawn, measure: Measure) -> None:
    observed, bootstrap, shuffled = (
        drawn.shares(measure, kind) for kind in ("observed", "bootstrap", "permutation")
    )
    depths = depth_of(bootstrap)
    assert 0 < np.isnan(depths).sum() < depths.size
    expected = []
    for j, name in enumerate(NAMES):
        shares, total = observed[0, j], observed[0, j].sum()
        depth = plain(depth_of(observed)[0, j])
        of_depth = (depth, *(around(depth, depths[:, j]) if depth is not None else (None, None)))
        entropy = entropy_of(shares / total) / np.log(len(CONVOLUTIONS)) if total else None
        chance = by_chance(shares.mean(), shuffled[:, j].mean(axis=1))
        of_share = (shares.mean(), *around(shares.mean(), bootstrap[:, j].mean(axis=1)), *chance)
        expected.append((name, round(total * FILTERS), *of_share, *of_depth, entropy))
    assert drawn.ask("complexity/depth", measure, threshold=0.1).rows() == nearly(expected, 1e-10)


def holm(p: list[float | None]) -> list[float | None]:
    """Step-down: the smallest p times all tests, the next times one less, none below the one before."""
    known = sorted((value, place) for place, value in enumerate(p) if value is not None)
    corrected: list[float | None] = [None] * len(p)
    running = 0.0
    for step, (value, place) in enumerate(known):
        running = max(running, min(1.0, (len(known) - step) * value))
        corrected[place] = running
    return corrected


def compared(observed: float, differences: Vector) -> tuple[float | None, ...]:
    """Difference, interval and p; NaN of a draw counts as a difference as large as the observed one."""
    if np.isnan(observed):
        return None, None, None, None
    deviations = np.abs(differences - np.nanmean(differences))
    reached = np.isnan(deviations) | (deviations > abs(observed) - 1e-9)
    return observed, *around(observed, differences, -1), (reached.sum() + 1) / (len(differences) + 1)


@EACH
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_pairs_are_tested_within_the_samples_and_corrected_by_holm(
    drawn: Drawn, measure: Measure, threshold: float
) -> None:
    observed, bootstrap = (drawn.shares(measure, kind, threshold) for kind in ("observed", "bootstrap"))
    expected = []
    counts = [round(observed[0, j].sum() * FILTERS) for j in range(len(NAMES))]
    for name, of_one, of_draws in (
        ("proportion", observed.mean(axis=2)[0], bootstrap.mean(axis=2)),
        ("mean_depth", depth_of(observed)[0], depth_of(bootstrap)),
    ):
        pairs = [(i, j) for i in range(len(NAMES)) for j in range(i + 1, len(NAMES))]
        tests = [compared(of_one[i] - of_one[j], of_draws[:, i] - of_draws[:, j]) for i, j in pairs]
        corrected = holm([test[-1] for test in tests])
        for (i, j), test, p_holm in zip(pairs, tests, corrected, strict=True):
            is_bound = None if test[-1] is None else bool(np.isclose(test[-1], 1 / (DRAWS + 1)))
            expected.append((name, NAMES[i], NAMES[j], counts[i], counts[j], *test, p_holm, is_bound))
    rows = drawn.ask("complexity/pairs", measure, threshold=threshold)
    assert rows.rows() == nearly(expected, 1e-10)
    assert rows["p"].n_unique() > 3 and rows.filter(pl.col("p_holm") > pl.col("p")).height > 3


def balance(shares: Vector) -> Iterator[tuple[Vector, Vector, Vector, float, float]]:
    """Share, ratio and depth of every class, evenness and spread, of one draw after another."""
    for of_one, depth in zip(shares.mean(axis=2), depth_of(shares), strict=True):
        evenness = entropy_of(of_one / of_one.sum()) / np.log(len(NAMES))
        yield of_one, of_one / of_one.mean(), depth, evenness, float(np.nanstd(depth, ddof=1))


@EACH
def test_balance_has_the_means_over_draws_of_equal_classes(drawn: Drawn, measure: Measure) -> None:
    (one,) = balance(drawn.shares(measure, "observed"))
    shares, ratios, depths, evenness, spreads = (
        np.array(column) for column in zip(*balance(drawn.shares(measure, "equal")), strict=True)
    )
    sizes = [drawn.study.categories.count(name) for name in NAMES]
    shuffled = drawn.shares(measure, "permutation")
    sampled = list(zip(*balance(drawn.shares(measure, "bootstrap")), strict=True))
    ends = (*around(one[3], sampled[3]), *around(one[4], sampled[4], 0, np.inf))
    of_the_set = (one[3], one[4], *ends, evenness.mean(), spreads.mean())
    expected = []
    for j, name in enumerate(NAMES):
        shift = plain(one[2][j] - np.nanmean(one[2]))
        chance, _, _, is_beyond = by_chance(one[0][j], shuffled[:, j].mean(axis=1))
        now = (one[0][j], chance, is_beyond, one[1][j], plain(one[2][j]), shift)
        equal = (shares[:, j].mean(), ratios[:, j].mean(), plain(np.nanmean(depths[:, j])))
        expected.append(
            (name, sizes[j], round(one[0][j] * FILTERS * len(CONVOLUTIONS)), *now, *equal, *of_the_set)
        )
    assert drawn.ask("sets/balance", measure, threshold=0.1).rows() == nearly(expected, 1e-10)
    assert len(set(sizes)) > 1


@pytest.mark.parametrize("statistic", ["maximum", "mean"])
@pytest.mark.parametrize("threshold", [0.5, 0.2])
def test_stimuli_drive_the_filters_above_a_part_of_their_range(
    drawn: Drawn, statistic: str, threshold: float
) -> None:
    known = labelled(drawn.study)
    shares = np.zeros((len(known), len(CONVOLUTIONS)))
    for i, layer in enumerate(CONVOLUTIONS):
        response = drawn.study.responses[layer][statistic == "mean"].astype(np.float64)
        low, high = response[known].min(axis=0), response[known].max(axis=0)
        alive = high > low
        shares[:, i] = ((response - low)[:, alive] > threshold * (high - low)[alive]).sum(axis=1) / FILTERS
    depth, expected = depth_of(shares[None])[0], []
    for stimulus in np.flatnonzero(known).tolist():
        total = shares[stimulus].sum()
        entropy = entropy_of(shares[stimulus] / total) / np.log(len(CONVOLUTIONS)) if total else None
        place = (stimulus, drawn.study.categories[stimulus], f"/pictures/{stimulus}.png")
        expected.append(
            (*place, round(total * FILTERS), total / len(CONVOLUTIONS), plain(depth[stimulus]), entropy)
        )
    rows = ask(
        drawn.study.folder, "complexity/stimuli", {"statistic": statistic, "threshold": threshold}
    ).rows
    assert rows.rows() == nearly(expected, 1e-10)


def test_filters_beyond_chance_are_those_of_the_table(drawn: Drawn) -> None:
    chance = np.random.default_rng(5)
    units = [(layer, unit, name) for layer in LAYERS for unit in range(FILTERS) for name in NAMES]
    p = chance.random((len(units), 3)) / 8
    dead = np.array([unit in (3, 11) for _, unit, _ in units])
    numbers = {name: np.where(dead, np.nan, p[:, k]) for k, name in enumerate(("value", "q", "p_fwe"))}
    table = pl.DataFrame(units, schema=["layer", "filter", "category"], orient="row").with_columns(
        pl.Series(name, numbers.get(name, np.zeros(len(units))), pl.Float64).fill_nan(None)
        for name in ("value", "low", "high", "p", "q", "p_fwe", "p_welch", "q_welch")
    )
    table = table.with_columns(permutations=pl.lit(999, pl.Int32))
    labelling = Labelling(
        drawn.study.folder, available_responses(drawn.study.folder, "shapes", "tiny"), SCHEME
    )
    measure = Measure("csi")
    path = labelling.file("filters", measure)
    write_resampled(path, "filters", measure, [table.to_arrow()], labelling.source)
    for level in (0.05, 0.01):
        expected = []
        for layer in CONVOLUTIONS:
            for name in NAMES:
                chosen = np.array([one[0] == layer and one[2] == name for one in units])
                found, sure = (int((numbers[kind][chosen] < level).sum()) for kind in ("q", "p_fwe"))
                expected.append((layer, name, FILTERS, 2, found, sure, found / FILTERS))
        rows = drawn.ask("layers/significant", Measure("csi"), level=level)
        assert rows.rows() == nearly(expected)
        assert rows["significant"].sum() > 0
