"""Planted tuning is recovered, and the measures of tuning agree with their definitions written out in numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import ArrayLike, NDArray

from support.nearly import nearly
from support.random_study import FILTERS, LAYERS, RandomStudy
from support.small_study import add_stimuli, long_table, small_study
from toolbox.errors import QueryError
from toolbox.query import ask
from toolbox.store.folder import StudyFolder

STATISTICS = pytest.mark.parametrize("statistic", ["maximum", "mean"])
Vector = NDArray[np.float64]
Curve = dict[float, float]
FLOAT32 = 1e-6  # responses are kept in float32


def planted(root: Path, parameter: str, values: ArrayLike, curves: ArrayLike) -> StudyFolder:
    """A study of one stimulus per value, with a filter for every column of `curves` (values, filters)."""
    responses = np.asarray(curves, dtype=np.float32)
    labels = pl.DataFrame(schema={"stimulus_id": pl.Int32, "category": pl.String})
    study = small_study(root, long_table({"layer": (responses, responses)}), labels)
    add_stimuli(
        study, pl.DataFrame({"stimulus_id": range(len(responses)), parameter: np.ravel(values).astype(float)})
    )
    return study


def tuning(root: Path, query: str, values: ArrayLike, curves: ArrayLike, **choices: Any) -> pl.DataFrame:
    """What a query of tuning finds for planted curves."""
    parameter = "spatial_frequency" if query == "tuning/frequency" else "orientation"
    return ask(planted(root, parameter, values, curves), query, choices).rows


def away(found: Vector, planted: Vector) -> Vector:
    """Distance of orientations round the circle, in degrees."""
    return np.abs((found - planted + 90) % 180 - 90)


# Planted tuning


@pytest.mark.parametrize(("step", "allowed"), [(15, 1.3), (5, 0.15)])
def test_von_mises_tuning_is_recovered(step: int, allowed: float, tmp_path: Path) -> None:
    theta = np.arange(0, 180, step)[:, None]
    preferred = np.linspace(0, 179, 40)
    half_width = np.tile([18.0, 25.0, 32.0, 40.0], 10)
    sharpness = np.log(np.sqrt(2)) / (1 - np.cos(2 * np.radians(half_width)))
    around = np.linspace(0, 2 * np.pi, 3600, endpoint=False)[:, None]
    density = np.exp(sharpness * np.cos(around))
    answer = tuning(
        tmp_path / "study",
        "tuning/orientation",
        theta,
        7 * np.exp(sharpness * (np.cos(2 * np.radians(theta - preferred)) - 1)),
    )
    assert away(answer["preferred"].to_numpy(), preferred).max() < 0.2
    assert np.abs(answer["half_width"].to_numpy() - half_width).max() < allowed
    selectivity = (density * np.cos(around)).sum(axis=0) / density.sum(axis=0)
    assert answer["selectivity"].to_numpy() == pytest.approx(selectivity, abs=2e-3)
    assert answer["direction_selectivity"].null_count() == answer["dsi"].null_count() == 40


def test_cosine_tuning_gives_the_indices_that_it_was_made_of(tmp_path: Path) -> None:
    theta = np.arange(0, 360, 15)[:, None]
    preferred = np.array([0, 45, 165, 270, 345])
    of_orientation, of_direction = (np.array([0.9, 0.5, 0.6, 0.2, 0.8]), np.array([0.0, 0.3, 0.5, 0.7, 0.1]))
    radians = np.radians(theta - preferred)
    curves = 20 * (1 + of_direction * np.cos(radians) + of_orientation * np.cos(2 * radians))
    answer = tuning(tmp_path / "study", "tuning/orientation", theta, curves)
    expected = {
        "preferred": preferred % 180,
        "selectivity": of_orientation / 2,
        "osi": of_orientation,
        "direction_selectivity": of_direction / 2,
        "dsi": of_direction / (1 + of_orientation),
        "peak": 20 * (1 + of_orientation),
    }
    assert away(answer["preferred"].to_numpy(), expected.pop("preferred")).max() < 1e-4
    for name, values in expected.items():
        assert answer[name].to_list() == pytest.approx(values, abs=FLOAT32, rel=FLOAT32), name


def test_log_gaussian_tuning_is_recovered(tmp_path: Path) -> None:
    octaves = np.arange(0, 8.01, 0.25)[:, None]
    preferred, bandwidth = np.linspace(3, 5, 21), np.tile([1.0, 1.5, 2.2], 7)
    spread = bandwidth / (2 * np.sqrt(2 * np.log(2)))
    curves = 3 * np.exp(-0.5 * ((octaves - preferred) / spread) ** 2)
    answer = tuning(tmp_path / "study", "tuning/frequency", 2**octaves, curves)
    assert set(answer["kind"]) == {"band-pass"}
    assert np.abs(np.log2(answer["preferred"].to_numpy()) - preferred).max() <= 0.1250001  # half a step
    assert np.abs(answer["bandwidth"].to_numpy() - bandwidth).max() < 0.05
    assert np.abs(np.log2(answer["low_cut"].to_numpy()) - (preferred - bandwidth / 2)).max() < 0.03
    assert np.abs(np.log2(answer["high_cut"].to_numpy()) - (preferred + bandwidth / 2)).max() < 0.03


def test_a_curve_that_ends_inside_its_band_is_low_pass_or_high_pass(tmp_path: Path) -> None:
    octaves = np.arange(6)[:, None]
    curves = np.exp(-((octaves - np.array([0, 2.5, 5, 2.5])) ** 2) / [2, 2, 2, 50])
    answer = tuning(tmp_path / "study", "tuning/frequency", 2.0**octaves, curves)
    assert answer["kind"].to_list() == ["low-pass", "band-pass", "high-pass", "all-pass"]
    assert answer["low_cut"].is_null().to_list() == [True, False, False, True]
    assert answer["high_cut"].is_null().to_list() == [False, False, True, True]
    assert answer["bandwidth"].is_null().to_list() == [True, False, True, True]


def test_the_unit_of_frequency_does_not_matter(tmp_path: Path) -> None:
    values, curves = np.array([3, 5, 6, 11, 24]), np.random.default_rng(7).random((5, 30))
    per_image = tuning(tmp_path / "a", "tuning/frequency", values, curves)
    per_degree = tuning(tmp_path / "b", "tuning/frequency", values / 7, curves)
    for name in ("preferred", "low_cut", "high_cut"):
        assert per_degree[name].to_list() == pytest.approx([v and v / 7 for v in per_image[name].to_list()])
    same = ("bandwidth", "kind", "peak")
    assert per_degree.select(same).rows() == nearly(per_image.select(same).rows())
    assert set(per_image["preferred"]) == set(
        values
    )  # as they were shown, not 2 to the power of their logarithm


def test_turning_all_gratings_turns_the_preference_alone(tmp_path: Path) -> None:
    theta, curves = np.arange(0, 180, 15), np.random.default_rng(8).random((12, 20))
    before = tuning(tmp_path / "a", "tuning/orientation", theta, curves)
    after = tuning(tmp_path / "b", "tuning/orientation", theta - 520.3, curves)
    turned = away(after["preferred"].to_numpy(), before["preferred"].to_numpy() - 520.3)
    assert turned.max() < 1e-9 and before["osi"].null_count() == 0
    assert after.drop("preferred").rows() == nearly(before.drop("preferred").rows(), 1e-9)


def test_preferred_orientations_are_counted_in_their_bins(tmp_path: Path) -> None:
    theta = np.arange(0, 180, 10)[:, None]
    preferred = np.array([0, 3, 176, 20, 22, 24, 100])
    curves = 1 + 0.9 * np.cos(2 * np.radians(theta - preferred))
    curves = np.hstack([curves, np.ones((18, 1)), 1 + 0.3 * np.cos(2 * np.radians(theta - 60))])
    answer = tuning(tmp_path / "study", "tuning/preferences", theta, curves, bin=20)
    assert answer["bin"].to_list() == list(range(0, 180, 20))
    assert answer["filters"].to_list() == [3, 3, 0, 0, 0, 1, 0, 0, 0]
    assert answer["proportion"].to_list() == pytest.approx([3 / 7, 3 / 7, 0, 0, 0, 1 / 7, 0, 0, 0])
    weak = ask(StudyFolder(tmp_path / "study"), "tuning/preferences", {"bin": 20, "threshold": 0.1}).rows
    assert weak["filters"].to_list() == [3, 3, 0, 1, 0, 1, 0, 0, 0]


def test_nearly_silent_filters_are_perfectly_tuned_and_do_not_count(tmp_path: Path) -> None:
    theta = np.arange(0, 180, 15)[:, None]
    strong = 20 * (1 + 0.6 * np.cos(2 * np.radians(theta - np.array([0, 90, 90]))))
    silent = np.where(theta == np.array([30, 45]), 6e-4, 0)
    study = planted(tmp_path / "study", "orientation", theta, np.hstack([strong, silent]))
    tuned = ask(study, "tuning/orientation")
    assert tuned.rows["selectivity"].to_list() == pytest.approx([0.3, 0.3, 0.3, 1, 1])
    assert tuned.rows["relative_peak"].to_list() == pytest.approx([1, 1, 1, 6e-4 / 32, 6e-4 / 32])
    assert tuned.cautions == (
        "2 of 5 filters that respond have less than 0.1 of the median peak of their layer (relative_peak), too little "
        "for their tuning to mean anything",
    )
    preferred = ask(study, "tuning/preferences")
    assert preferred.rows.filter(pl.col("filters") > 0).select("bin", "filters", "weak").rows() == [
        (0, 1, 2),
        (90, 2, 2),
    ]
    assert preferred.cautions == (
        "not counted because of weak responses (relative_peak < 0.1): 2 filters above the threshold",
    )
    everything = ask(study, "tuning/preferences", {"least": 0})
    assert everything.rows["filters"].sum() == 5 and everything.cautions == ()


# What cannot be measured


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ([0, 10, 20, 90], "10.0 to 90.0"),
        ([0, 30, 60, 90, 120], "30.0 to 60.0"),
        ([0, 45, 90, 135, 160], "20.0 to 45.0"),
        ([30, 30, 210], "180.0 to 180.0"),
    ],
)
@pytest.mark.parametrize("query", ["tuning/orientation", "tuning/preferences"])
def test_unevenly_spaced_orientations_are_an_error(
    query: str, values: Sequence[float], steps: str, tmp_path: Path
) -> None:
    with pytest.raises(QueryError) as caught:
        tuning(tmp_path / "study", query, values, np.ones((len(values), 2)))
    assert str(caught.value) == (
        f"{query}: orientation was presented in steps of {steps} degrees; expected two or more values in equal steps "
        "over 180 degrees: present the missing ones, or use tuning/parameter"
    )


@pytest.mark.parametrize(
    "values",
    [
        [0, 25.71, 51.43, 77.14, 102.86, 128.57, 154.29],  # sevenths, rounded
        [-90, -60, -30, 0, 30, 60],
        [
            360,
            420,
            480,
            540.0000001,
            600,
            660,
        ],  # twice three orientations, one of them not quite written the same
        [0.1, 60.1, 120.1, 180.1],
    ],
)
def test_evenly_spaced_orientations_may_be_written_in_any_way(
    values: Sequence[float], tmp_path: Path
) -> None:
    curve = 1 + np.cos(2 * np.radians(np.array(values)[:, None] - 30))
    (row,) = tuning(tmp_path / "study", "tuning/orientation", values, curve).rows(named=True)
    assert row["preferred"] == pytest.approx(30, abs=0.01)
    assert row["selectivity"] == pytest.approx(0.5, abs=1e-3)


def test_both_ends_of_the_half_circle_are_one_orientation_and_no_direction(tmp_path: Path) -> None:
    theta = np.arange(0, 181, 30)
    (row,) = tuning(tmp_path / "study", "tuning/orientation", theta, 3.0 * (theta % 180 == 0)[:, None]).rows(
        named=True
    )
    assert (row["preferred"], row["selectivity"], row["osi"], row["peak"]) == pytest.approx((0, 1, 1, 3))
    assert row["direction_selectivity"] is None and row["dsi"] is None


def test_a_missing_direction_leaves_the_orientation_measured(tmp_path: Path) -> None:
    theta = np.arange(0, 330, 30)
    (row,) = tuning(tmp_path / "study", "tuning/orientation", theta, np.ones((11, 1))).rows(named=True)
    assert row["selectivity"] == pytest.approx(0, abs=1e-9)
    assert row["direction_selectivity"] is None and row["dsi"] is None


def test_an_odd_number_of_directions_has_no_opposite(tmp_path: Path) -> None:
    (row,) = tuning(tmp_path / "study", "tuning/orientation", [0, 120, 240], [[1], [3], [1]]).rows(named=True)
    assert row["direction_selectivity"] == pytest.approx(2 / 5)
    assert (row["osi"], row["dsi"]) == (None, None)


def test_ratios_of_negative_responses_are_null(tmp_path: Path) -> None:
    theta = np.arange(0, 360, 45)
    curves = np.stack([np.cos(np.radians(2 * theta)), -np.ones(8)], axis=1)
    answer = tuning(tmp_path / "a", "tuning/orientation", theta, curves)
    assert answer.drop("layer", "filter", "peak", "relative_peak").null_count().row(0) == (2,) * 6
    assert answer["peak"].to_list() == [1, -1]
    assert answer["relative_peak"].to_list() == [1, -1]
    answer = tuning(tmp_path / "b", "tuning/frequency", [1, 2, 4], [[-3, -1], [-1, 2], [-2, -4]])
    assert answer["kind"].to_list() == [None, "band-pass"]
    assert answer["low_cut"].to_list() == [None, pytest.approx(2 ** (2 / 3))]
    assert answer["high_cut"].to_list() == [None, pytest.approx(2 ** (1 + 1 / 6))]


@pytest.mark.parametrize("width", [25, 0, -15, 360])
def test_a_bin_that_does_not_divide_the_half_circle_is_an_error(width: float, tmp_path: Path) -> None:
    with pytest.raises(QueryError) as caught:
        tuning(tmp_path / "study", "tuning/preferences", [0, 90], np.ones((2, 1)), bin=width)
    expected = f"the bin is {float(width)} degrees wide; expected a whole part of 180, such as 15 or 22.5"
    assert str(caught.value) == f"tuning/preferences: {expected}"


# The definitions in numpy


def curves(study: RandomStudy, values: Sequence[float], statistic: str) -> Iterator[tuple[str, int, Curve]]:
    """The tuning curve of every filter over a parameter of the random study."""
    shown = np.array(values)
    for layer in LAYERS:
        matrix = study.responses[layer][statistic == "mean"].astype(np.float64)
        means = {value: matrix[shown == value].mean(axis=0) for value in sorted(set(values))}
        for number in range(FILTERS):
            yield layer, number, {value: float(mean[number]) for value, mean in means.items()}


def way_down(places: Sequence[float], responses: Sequence[float], level: float) -> float | None:
    """How far a curve that begins at its peak runs until it has fallen to a level."""
    for before in range(len(places) - 1):
        high, low = responses[before], responses[before + 1]
        if low <= level:
            return float(np.interp(-level, [-high, -low], places[before : before + 2])) - places[0]
    return None


def round_the_circle(curve: Curve, *, step: int) -> tuple[list[float], list[float]]:
    """A curve over orientations from its peak once round, in one sense or the other."""
    angles, responses = list(curve), list(curve.values())
    best = responses.index(max(responses))
    width = 180 / len(angles)
    order = [(best + step * k) % len(angles) for k in range(len(angles) + 1)]
    return [width * k for k in range(len(order))], [responses[k] for k in order]


def orientation(curve: Curve) -> tuple[float | None, ...]:
    """Preferred orientation, selectivity, half-width and peak."""
    peak, total = max(curve.values()), sum(curve.values())
    if not total:
        return None, None, None, peak
    vector = sum(response * np.exp(2j * np.radians(theta)) for theta, response in curve.items())
    selectivity = float(abs(vector) / total)
    preferred = round(float(np.degrees(np.angle(vector))) / 2, 12) % 180 if selectivity > 1e-9 else None
    falls = [way_down(*round_the_circle(curve, step=step), peak / np.sqrt(2)) for step in (1, -1)]
    known = [fall for fall in falls if fall is not None]
    return preferred, selectivity, sum(known) / 2 if len(known) == 2 else None, peak


def with_relative_peaks(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows of (layer, …, peak) with the peak relative to the median peak of the layer's filters that respond."""
    median = {
        layer: np.median([row[-1] for row in rows if row[0] == layer and row[-1] > 0]) for layer in LAYERS
    }
    return [(*row, float(row[-1] / median[row[0]])) for row in rows]


@STATISTICS
def test_orientation_is_half_the_angle_of_a_complex_sum(random_study: RandomStudy, statistic: str) -> None:
    answer = ask(random_study.folder, "tuning/orientation", {"statistic": statistic}).rows
    every = curves(random_study, random_study.orientations, statistic)
    expected = with_relative_peaks([(layer, number, *orientation(curve)) for layer, number, curve in every])
    columns = ("layer", "filter", "preferred", "selectivity", "half_width", "peak", "relative_peak")
    assert answer.select(columns).rows() == nearly(expected, 1e-9)
    assert answer["preferred"].null_count() == 2 * len(LAYERS)
    assert len(answer) > answer["half_width"].count() > 80
    assert answer["osi"].null_count() == len(answer)  # 36 degrees apart, none is at 90 degrees to another


@STATISTICS
@pytest.mark.parametrize(("width", "least"), [(15, 0.1), (36, 0.9)])
def test_preferences_are_a_histogram_round_the_circle(
    random_study: RandomStudy, statistic: str, width: int, least: float
) -> None:
    found = {layer: np.zeros(180 // width, dtype=int) for layer in LAYERS}
    weak = dict.fromkeys(LAYERS, 0)
    every = curves(random_study, random_study.orientations, statistic)
    for layer, preferred, selectivity, *_, relative in with_relative_peaks(
        [(layer, *orientation(curve)) for layer, _, curve in every]
    ):
        if preferred is not None and selectivity is not None and selectivity > 0.2:
            if relative < least:
                weak[layer] += 1
                continue
            found[layer] += np.histogram([(preferred + width / 2) % 180], 180 // width, (0, 180))[0]
    expected = [
        (layer, float(width * k), int(count), count / counts.sum(), weak[layer])
        for layer, counts in found.items()
        for k, count in enumerate(counts)
    ]
    choices = {"statistic": statistic, "bin": width, "least": least}
    answer = ask(random_study.folder, "tuning/preferences", choices).rows
    assert answer.rows() == nearly(expected)
    assert answer["filters"].sum() > 20
    assert (answer["weak"].sum() > 0) == (least == 0.9)


def frequency(curve: Curve) -> tuple[float | str | None, ...]:
    """Preferred frequency, both cuts, bandwidth, kind and peak."""
    octaves, responses = np.log2(list(curve)).tolist(), list(curve.values())
    peak = max(responses)
    if peak == min(responses):
        return None, None, None, None, None, peak
    best = responses.index(peak)
    down = way_down([-place for place in octaves[best::-1]], responses[best::-1], peak / 2)
    up = way_down(octaves[best:], responses[best:], peak / 2)
    low = None if down is None else 2 ** (octaves[best] - down)
    high = None if up is None else 2 ** (octaves[best] + up)
    kinds = {(True, True): "all-pass", (True, False): "low-pass", (False, True): "high-pass"}
    band = None if low is None or high is None else float(np.log2(high / low))
    return (list(curve)[best], low, high, band, kinds.get((low is None, high is None), "band-pass"), peak)


@STATISTICS
def test_bandwidth_is_the_distance_of_the_half_points_in_octaves(
    random_study: RandomStudy, statistic: str
) -> None:
    answer = ask(random_study.folder, "tuning/frequency", {"statistic": statistic}).rows
    every = curves(random_study, random_study.frequencies, statistic)
    expected = [(layer, number, *frequency(curve)) for layer, number, curve in every]
    assert answer.rows() == nearly(with_relative_peaks(expected), 1e-10)
    assert set(answer["kind"]) == {None, "all-pass", "low-pass", "high-pass", "band-pass"}
