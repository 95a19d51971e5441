"""The queries agree with the definitions written out in numpy: every filter normalised first, then looped over."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from support.literal_indices import NAMES, labelled, reference
from support.nearly import nearly
from support.random_study import FILTERS, LAYERS, RandomStudy
from toolbox.query import ask

STATISTICS = pytest.mark.parametrize("statistic", ["maximum", "mean"])
RANGES = pytest.mark.parametrize("normalise", ["filter", "layer"])


@STATISTICS
@RANGES
def test_indices_follow_equations_1_and_2(random_study: RandomStudy, statistic: str, normalise: str) -> None:
    answer = ask(
        random_study.folder, "selectivity/index", {"statistic": statistic, "normalise": normalise}
    ).rows
    columns = ("layer", "filter", "category", "n", "share", "balanced_share", "contrast")
    expected = [tuple(row[name] for name in columns) for row in reference(random_study, statistic, normalise)]
    assert answer.select(columns).rows() == nearly(expected, 1e-10)
    assert answer["contrast"].null_count() == 2 * len(LAYERS) * len(NAMES)


@STATISTICS
@RANGES
@pytest.mark.parametrize(
    ("index", "threshold"), [("contrast", 0.01), ("share", 0.3), ("balanced_share", 0.28)]
)
def test_profile_counts_the_filters_above_the_threshold(
    random_study: RandomStudy, statistic: str, normalise: str, index: str, threshold: float
) -> None:
    parameters = {"statistic": statistic, "normalise": normalise, "index": index, "threshold": threshold}
    rows = list(reference(random_study, statistic, normalise))
    expected = []
    for layer in LAYERS:
        for name in NAMES:
            filters = [row for row in rows if (row["layer"], row["category"]) == (layer, name)]
            selective = sum(1 for row in filters if not row["dead"] and row[index] > threshold)
            dead = sum(1 for row in filters if row["dead"])
            expected.append(
                (layer, name, FILTERS, selective, selective / FILTERS, *[None] * 6, dead, "pool" in layer)
            )
    assert ask(random_study.folder, "layers/profile", parameters).rows.rows() == nearly(expected, 1e-10)


@STATISTICS
@pytest.mark.parametrize("index", ["contrast", "share", "balanced_share"])
def test_representative_filters_are_the_first_of_a_sorted_list(
    random_study: RandomStudy, statistic: str, index: str
) -> None:
    expected = []
    rows = [row for row in reference(random_study, statistic, "filter") if "pool" not in row["layer"]]
    for name in NAMES:
        alive = [row for row in rows if row["category"] == name and not row["dead"]]
        alive.sort(key=lambda row: (-round(row[index], 12), LAYERS.index(row["layer"]), row["filter"]))
        for rank, row in enumerate(alive[:100], start=1):
            values = (row["share"], row["balanced_share"], row["contrast"])
            expected.append((name, rank, row["layer"], row["filter"], *values, row[index], *[None] * 4))
    parameters = {"statistic": statistic, "index": index, "count": 100}
    found = ask(random_study.folder, "filters/representative", parameters).rows.drop("correlation")
    assert found.rows() == nearly(expected, 1e-10)


@STATISTICS
@RANGES
@pytest.mark.parametrize(("index", "threshold"), [("contrast", 0.1), ("response", 0.2137)])
def test_depth_is_the_mean_position_weighed_by_the_share_of_filters(
    random_study: RandomStudy, statistic: str, normalise: str, index: str, threshold: float
) -> None:
    parameters = {"statistic": statistic, "normalise": normalise, "index": index, "threshold": threshold}
    rows = [row for row in reference(random_study, statistic, normalise) if not row["dead"]]
    layers, depths = [], []
    for name in NAMES:
        above = [row["layer"] for row in rows if row["category"] == name and row[index] > threshold]
        counts = {layer: above.count(layer) for layer in LAYERS if "pool" not in layer}
        shares = np.array([count / FILTERS for count in counts.values()])
        places = np.array([LAYERS.index(layer) / (len(LAYERS) - 1) for layer in counts])
        depth = np.average(places, weights=shares) if shares.any() else None
        entropy = scipy_entropy(shares, base=len(shares)) if shares.any() else None
        depths.append(
            (name, sum(counts.values()), float(shares.mean()), *[None] * 6, depth, None, None, entropy)
        )
        for (layer, count), share, place in zip(counts.items(), shares, places, strict=True):
            layers.append((name, layer, float(place), FILTERS, count, float(share), *[None] * 6))
    assert ask(random_study.folder, "complexity/layers", parameters).rows.rows() == nearly(layers, 1e-10)
    assert ask(random_study.folder, "complexity/depth", parameters).rows.rows() == nearly(depths, 1e-10)


@STATISTICS
@pytest.mark.parametrize(("layer", "number"), [("conv1", 0), ("a_conv3", 17), ("dense", 11)])
def test_tuning_curves_are_means_and_standard_errors(
    random_study: RandomStudy, statistic: str, layer: str, number: int
) -> None:
    response = random_study.responses[layer][statistic == "mean"][:, number].astype(np.float64)
    span = response.max() - response.min()
    expected = []
    for theta in sorted(set(random_study.orientations)):
        chosen = response[np.array(random_study.orientations) == theta]
        sd = chosen.std(ddof=1)
        level = (chosen.mean() - response.min()) / span if span else None
        expected.append(
            ("orientation", theta, len(chosen), chosen.mean(), sd, sd / np.sqrt(len(chosen)), level)
        )
    parameters = {"layer": layer, "filter": number, "statistic": statistic}
    assert ask(random_study.folder, "tuning/parameter", parameters).rows.rows() == nearly(expected, 1e-10)


@STATISTICS
def test_category_tuning_is_the_same_curve_over_labels(random_study: RandomStudy, statistic: str) -> None:
    response = random_study.responses["conv2"][statistic == "mean"][:, 5].astype(np.float64)
    known = response[labelled(random_study)]
    curve = []
    for name in NAMES:
        chosen = response[np.array(random_study.categories, dtype=object) == name]
        sd = chosen.std(ddof=1)
        level = (chosen.mean() - known.min()) / (known.max() - known.min())
        curve.append((name, len(chosen), chosen.mean(), sd, sd / np.sqrt(len(chosen)), level))
    curve.sort(key=lambda row: -row[2])
    expected = [(rank, *row) for rank, row in enumerate(curve, start=1)]
    parameters = {"layer": "conv2", "filter": 5, "statistic": statistic}
    assert ask(random_study.folder, "tuning/category", parameters).rows.rows() == nearly(expected, 1e-10)
