"""Small result tables of every query with a figure, defined here and not computed by the queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations, product
from typing import Any

import polars as pl
import pytest

from support.browser import browser, page  # noqa: F401 fixtures
from toolbox.chart import draw, render

LAYERS = ("stem", "block2", "block10", "attic")  # in depth order, which is no alphabetical one
CATEGORIES = ("i-see-face", "Ünïcode category with spaces", "dog", "car")

RowsOf = Callable[..., pl.DataFrame]


def example(
    query: str, categories: Sequence[str] = CATEGORIES, layers: Sequence[str] = LAYERS
) -> pl.DataFrame:
    """Rows as the query of that name would give them."""
    return pl.DataFrame(list(EXAMPLES[query](tuple(categories), tuple(layers))))


def _profile(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"layer": layer, "category": category, "filters": 64, "selective": 4 * i + j + 1}
        | {"proportion": (4 * i + j + 1) / 64, "low": (4 * i + j) / 64, "high": (4 * i + j + 3) / 64}
        | {"chance": 0.1, "chance_low": 0.05, "chance_high": 0.12 + 0.01 * j, "dead": i}
        | {"beyond_chance": (4 * i + j + 1) / 64 > 0.12 + 0.01 * j, "is_pool": False}
        for (i, layer), (j, category) in product(enumerate(layers), enumerate(categories))
    ]


def _selectivity(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"layer": layer, "filter": unit, "category": category, "n": 20, "share": 0.2, "balanced_share": 0.25}
        | {"contrast": unit / 100}
        for layer, unit, category in product(layers, range(101), categories)
    ]


def _ranks(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "filter": unit,
            "category": category,
            "n": 20,
            "auc": unit / 100,
            "precision": unit / 100,
        }
        for layer, unit, category in product(layers, range(101), categories)
    ]


def _filters(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"layer": layer, "filter": unit, "preferred": categories[0], "csi": unit / 20, "dead": False}
        | {"depth_of_selectivity": unit / 25, "lifetime_sparseness": unit / 40, "signal_to_noise": unit / 2}
        for layer, unit in product(layers, range(21))
    ]


def _population(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "stimulus_id": 10 * k + step,
            "category": category,
            "filters": 64,
            "sparseness": step / 10,
        }
        for layer, (k, category), step in product(layers, enumerate(categories), range(10))
    ]


def _threshold(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "category": category,
            "threshold": step / 10,
            "filters": 64,
            "selective": 20 - k - step,
        }
        | {"proportion": (20 - k % 10 - step) / 64}
        for layer, (k, category), step in product(layers, enumerate(categories), range(6))
    ]


def _agreement(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    """The deeper the layer, the more of the three indices agree."""
    return [
        {"layer": layer, "first": first, "second": second, "filters": 64, "spearman": 0.5 + 0.1 * i}
        | {"overlap": 0.3 + 0.1 * i, "chance": 0.2}
        for (i, layer), (first, second) in product(
            enumerate(layers), combinations(("auc", "csi", "share"), 2)
        )
    ]


def _significance(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    """20 filters of every layer, the last of which is the strongest; those above 15 have a small q."""
    return [
        {"layer": layer, "filter": unit, "category": category, "value": unit / 20, "low": unit / 20 - 0.1}
        | {"high": unit / 20 + 0.1, "p": 0.01, "q": 0.25 if unit < 16 else 0.025, "p_fwe": 0.5}
        | {"p_welch": 0.01, "q_welch": 0.02}
        for layer, unit, category in product(layers, range(20), categories)
    ]


def _reliability(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "filter": unit,
            "preferred": categories[0],
            "value": unit / 20,
            "cross_validated": unit / 25,
        }
        | {"agreement": unit / 20, "reliability": 0.9}
        for layer, unit in product(layers, range(21))
    ]


def _representative(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"category": category, "rank": rank, "layer": layers[rank % len(layers)], "filter": 10 * rank}
        | {"share": 0.5 / rank, "balanced_share": 0.6 / rank, "contrast": 0.4 / rank}
        | {"correlation": 0.3 / rank, "value": 0.4 / rank}
        for category, rank in product(categories, (1, 2, 3))
    ]


def _stimuli(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"rank": rank, "stimulus_id": 100 + rank, "category": categories[rank % len(categories)]}
        | {"path": f"images/{rank}.jpg", "response": 90.0 / rank, "normalised": 1.0 / rank}
        for rank in range(1, max(12, len(categories)) + 1)
    ]


def _tuning_of_representatives(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    """The filter of every category responds most to it, and the less to others, the later they are."""
    return [
        {"preferred": preferred, "rank": 1, "layer": layers[k % len(layers)], "filter": k, "value": 0.3}
        | {"category": category, "n": 20, "mean": 40.0 if category == preferred else 20.0 / (place + 1)}
        | {"sem": 0.9, "normalised": 0.5}
        for k, preferred in enumerate(categories)
        for place, category in enumerate(sorted(categories))
    ]


def _category(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"rank": rank, "category": category, "n": 20, "mean": 40.0 / rank, "sd": 4.0, "sem": 0.9}
        | {"normalised": 1.0 / rank}
        for rank, category in enumerate(categories, start=1)
    ]


def _parameter(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"parameter": "orientation", "value": 22.5 * k, "n": 8, "mean": 10.0 + 4 * k, "sd": 2.0, "sem": 0.7}
        | {"normalised": k / 7}
        for k in range(8)
    ]


def _orientation(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "filter": unit,
            "preferred": 18.0 * unit,
            "selectivity": unit / 10,
            "peak": 5.0 + unit,
            "relative_peak": (5.0 + unit) / 9.5,
        }
        | {"osi": unit / 9, "half_width": 40.0 - unit, "direction_selectivity": None, "dsi": None}
        for layer, unit in product(layers, range(10))
    ]


def _frequency(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "filter": unit,
            "preferred": 4.0 * 2 ** (unit % 3),
            "low_cut": 3.0,
            "high_cut": 12.0 + unit,
        }
        | {"bandwidth": 2.0 + unit / 10, "kind": "band-pass", "peak": 5.0 + unit}
        | {"relative_peak": (5.0 + unit) / 9.5}
        for layer, unit in product(layers, range(10))
    ]


def _preferences(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"layer": layer, "bin": 22.5 * k, "filters": k, "proportion": k / 28, "weak": 1}
        for layer, k in product(layers, range(8))
    ]


def _complexity_layers(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"category": category, "layer": layer, "depth": i / max(1, len(layers) - 1), "filters": 64}
        | {
            "selective": i + j + 1,
            "proportion": (i + j + 1) / 64,
            "low": (i + j) / 64,
            "high": (i + j + 2) / 64,
        }
        | {"chance": 0.01}
        for (j, category), (i, layer) in product(enumerate(categories), enumerate(layers))
    ]


def _complexity_depth(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "category": category,
            "selective": 10 + k,
            "proportion": 0.05 + 0.01 * (k % 7),
            "mean_depth": 0.4 + 0.05 * (k % 5),
        }
        | {"proportion_low": 0.04 + 0.01 * (k % 7), "proportion_high": 0.07 + 0.01 * (k % 7)}
        | {"mean_depth_low": 0.35 + 0.05 * (k % 5), "mean_depth_high": 0.5 + 0.05 * (k % 5)}
        | {"entropy": 0.5}
        for k, category in enumerate(categories)
    ]


def _best(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    """The deeper a layer, the better: the last comes first in three of four bootstrap samples."""
    last = len(layers) - 1
    return [
        {"category": category, "rank": last - i + 1, "layer": layer, "depth": i / max(1, last)}
        | {
            "proportion": (i + j + 1) / 64,
            "low": (i + j) / 64,
            "high": (i + j + 2) / 64,
            "first_by_proportion": 0.75 if i == last else 0,
        }
        | {"strength": (i + j) / 10, "strength_low": (i + j) / 11, "strength_high": (i + j) / 9}
        | {"first_by_strength": 1.0 if i == last else 0.0}
        | {"chance": 0.02, "chance_low": 0.01, "chance_high": 0.03, "beyond_chance": (i + j + 1) / 64 > 0.03}
        | {"strength_chance": 0.1, "strength_chance_low": 0.05, "strength_chance_high": 0.15}
        for (j, category), (i, layer) in product(enumerate(categories), reversed(list(enumerate(layers))))
    ]


def _significant(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "category": category,
            "filters": 64,
            "dead": 0,
            "significant": i + j + 2,
            "significant_fwe": i + j,
        }
        | {"proportion": (i + j + 2) / 64}
        for (i, layer), (j, category) in product(enumerate(layers), enumerate(categories))
    ]


def _pairs(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"measure": measure, "category": first, "other": second, "difference": 0.1, "low": 0.05, "high": 0.2}
        | {"p": 0.01, "p_holm": 0.02 if first == "car" else 0.3}
        for measure in ("proportion", "mean_depth")
        for first, second in combinations(sorted(categories), 2)
    ]


def _complexity_stimuli(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    """41 stimuli of every category, from 0 to 1 in both measures."""
    return [
        {
            "stimulus_id": 100 * k + step,
            "category": category,
            "path": f"images/{k}/{step}.jpg",
            "responsive": step,
        }
        | {"proportion": step / 40, "mean_depth": step / 40, "entropy": 0.5}
        for (k, category), step in product(enumerate(categories), range(41))
    ]


def _balance(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"category": category, "stimuli": 20 + k, "selective": 30, "proportion": 0.1}
        | {"ratio": 0.5 + 0.1 * (k % 9)}
        | {
            "mean_depth": 0.4 + 0.05 * (k % 5),
            "shift": 0.05 * (k % 5) - 0.1,
            "proportion_equal": 0.1,
            "ratio_equal": 1.1,
        }
        | {"mean_depth_equal": 0.6, "evenness": 0.9, "spread": 0.25, "evenness_equal": 0.95}
        | {"spread_equal": 0.12}
        for k, category in enumerate(categories)
    ]


def _property_categories(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"property": name, "category": category, "stimuli": 20, "missing": k % 2, "mean": 40.0 + k, "sd": 3.5}
        | {"median": 40.5, "others_mean": 41.0, "others_sd": 4.0}
        | {"difference": 0.3 * (k % 7) - 0.9, "auc": 0.2 + 0.1 * (k % 7)}
        for name, (k, category) in product(("luminance", "spectral_slope", "symmetry"), enumerate(categories))
    ]


def _summary(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"set": name, "scheme": "category", "category": category, "stimuli": 10 + k, "proportion": 0.25}
        | {"width": 224, "height": 224, "bytes": 50_000}
        for name, (k, category) in product(("photographs", "drawings", "gratings"), enumerate(categories))
    ]


def _replication_filters(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "filter": unit,
            "category": category,
            "here": unit / 100,
            "there": (unit * 7 % 5) / 50,
        }
        for layer, unit, category in product(layers, range(8), categories)
    ]


def _replication_layers(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "category": category,
            "filters": 64,
            "unpaired": j,
            "pearson": 0.9 - 0.1 * ((i + j) % 7),
        }
        | {"spearman": 0.8, "overlap": 0.5, "selective_here": 3 + i, "selective_there": 2 + j}
        for (i, layer), (j, category) in product(enumerate(layers), enumerate([*categories, "all"]))
    ]


def _relation_layers(categories: Sequence[str], layers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "layer": layer,
            "depth": i / 16,
            "n": 60,
            "filters": 64,
            "related": 4 + i,
            "positive": 3,
            "negative": 1 + i,
        }
        | {"proportion": (4 + i) / 64, "chance": 0.05, "chance_low": 0.0, "chance_high": 0.14}
        | {"beyond_chance": (4 + i) / 64 > 0.14, "significant": 2 + i // 2, "significant_fwe": 1}
        | {"mean_strength": 0.1 + 0.01 * i, "strongest": (0.3 + 0.02 * i) * (-1) ** i, "strongest_filter": i}
        | {
            "strongest_by_chance": 0.25,
            "ceiling": 0.9,
            "threshold": 0.25,
            "dead": 0,
            "is_pool": "pool" in layer,
        }
        for i, layer in enumerate(layers)
    ]


EXAMPLES = {
    "relation/layers": _relation_layers,
    "layers/profile": _profile,
    "selectivity/index": _selectivity,
    "selectivity/ranks": _ranks,
    "selectivity/filters": _filters,
    "selectivity/population": _population,
    "selectivity/threshold": _threshold,
    "selectivity/agreement": _agreement,
    "selectivity/significance": _significance,
    "selectivity/reliability": _reliability,
    "filters/representative": _representative,
    "filters/stimuli": _stimuli,
    "tuning/category": _category,
    "tuning/representative": _tuning_of_representatives,
    "tuning/parameter": _parameter,
    "tuning/orientation": _orientation,
    "tuning/frequency": _frequency,
    "tuning/preferences": _preferences,
    "complexity/layers": _complexity_layers,
    "complexity/depth": _complexity_depth,
    "layers/best": _best,
    "layers/significant": _significant,
    "complexity/pairs": _pairs,
    "complexity/stimuli": _complexity_stimuli,
    "properties/categories": _property_categories,
    "sets/balance": _balance,
    "sets/summary": _summary,
    "replication/filters": _replication_filters,
    "replication/layers": _replication_layers,
}


@pytest.fixture(scope="session")
def rows_of() -> RowsOf:
    """A function from a query's name to example rows of it."""
    return example


@cache
def drawing(query: str) -> str:
    """The figure of a query's example rows as SVG, rendered once for all tests."""
    return render(draw(query, example(query)), ".svg", {}).decode()


@pytest.fixture
def drawing_of() -> Callable[[str], str]:
    """A function from a query's name to the SVG of its example rows."""
    return drawing


@pytest.fixture
def layers() -> tuple[str, ...]:
    return LAYERS


@pytest.fixture
def categories() -> tuple[str, ...]:
    return CATEGORIES
