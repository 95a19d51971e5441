"""Equations 1 and 2 written out in numpy, filter by filter: what the queries are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.random_study import CATEGORIES, FILTERS, LAYERS, RandomStudy

NAMES = sorted({name for name in CATEGORIES if name})

Vector = NDArray[np.float64]


def normalised(study: RandomStudy, layer: str, number: int, statistic: str, normalise: str) -> Vector | None:
    """Equation 1 over the labelled stimuli; None for a dead filter."""
    maximum, mean = (matrix.astype(np.float64)[labelled(study)] for matrix in study.responses[layer])
    response = (maximum if statistic == "maximum" else mean)[:, number]
    if response.max() == response.min():
        return None
    if normalise == "layer":
        return response / maximum.max()
    return (response - response.min()) / (response.max() - response.min())


def indices(
    response: Vector, members: NDArray[np.bool_], others: list[NDArray[np.bool_]]
) -> dict[str, float]:
    """Equation 2, its balanced form, and the contrast, of one filter for one category."""
    means = [response[category].mean() for category in others]
    return {
        "share": response[members].sum() / response.sum(),
        "balanced_share": response[members].mean() / sum(means),
        "contrast": response[members].mean() - response[~members].mean(),
        "response": response[members].mean(),
    }


def labelled(study: RandomStudy) -> NDArray[np.bool_]:
    return np.array([category is not None for category in study.categories])


def reference(study: RandomStudy, statistic: str, normalise: str) -> Iterator[dict[str, Any]]:
    """Every filter and category in the order of depth, filter, category."""
    names = np.array([category for category in study.categories if category is not None])
    members = [names == name for name in NAMES]
    for layer in LAYERS:
        for number in range(FILTERS):
            response = normalised(study, layer, number, statistic, normalise)
            for name, category in zip(NAMES, members, strict=True):
                values = dict.fromkeys(("share", "balanced_share", "contrast", "response"))
                if response is not None:
                    values = indices(response, category, members)
                place = {"layer": layer, "filter": number, "category": name, "n": int(category.sum())}
                yield {**place, **values, "dead": response is None}
