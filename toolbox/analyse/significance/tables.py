"""The rows of the three tables that resampling writes. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from toolbox.analyse.significance.corrections import CorrectedP
from toolbox.resampling import FloatArray, ResampledLayer

ResampledTables = dict[str, Iterable[pa.Table]]
"""Table -> its rows, layer by layer, each made when it is written: with many categories, all are more than a memory."""


def significance_tables(
    layers: Mapping[str, ResampledLayer],
    corrected: Mapping[str, CorrectedP],
    categories: Sequence[str],
    thresholds: FloatArray,
) -> ResampledTables:
    """All tables by name.

    Args:
        layers: by name, in the order of their rows.
        corrected: the layers' corrected p values.
        categories: names in the order of their numbers.
        thresholds: (thresholds, categories), above which filters were counted; a repeated one is listed once.
    """
    pairs = list(layers.items())
    return {
        "resamples": (table for pair in pairs for table in _counts_tables(*pair, categories, thresholds)),
        "splits": (_halves_table(*pair, categories) for pair in pairs),
        "filters": (_filters_table(*pair, corrected[pair[0]], categories) for pair in pairs),
    }


def _filters_table(
    name: str, layer: ResampledLayer, corrected: CorrectedP, categories: Sequence[str]
) -> pa.Table:
    """One row per filter and category."""
    filters = layer.value.shape[1]
    columns = {
        "value": layer.value,
        "low": layer.low,
        "high": layer.high,
        "p": layer.p,
        "q": corrected.q,
        "p_fwe": corrected.p_fwe,
        "p_welch": layer.p_welch,
        "q_welch": corrected.q_welch,
    }
    places = {
        "layer": pa.repeat(name, filters * len(categories)),
        "filter": np.repeat(np.arange(filters), len(categories)),
        "category": [*categories] * filters,
    }
    permutations = pa.array([len(layer.largest)] * layer.value.size, pa.int32())
    numbers = {column: _nullable(values.T) for column, values in columns.items()}
    return pa.table({**places, **numbers, "permutations": permutations})


def _halves_table(name: str, layer: ResampledLayer, categories: Sequence[str]) -> pa.Table:
    """One row per filter."""
    halves = layer.halves
    preferred = [categories[number] if number >= 0 else None for number in halves.preferred.tolist()]
    columns = {
        "layer": pa.repeat(name, len(preferred)),
        "filter": np.arange(len(preferred)),
        "preferred": pa.array(preferred, pa.string()),
        "value": _nullable(halves.value),
        "cross_validated": _nullable(halves.cross_validated),
        "agreement": _nullable(halves.agreement),
        "reliability": _nullable(halves.reliability),
    }
    return pa.table(columns)


def _counts_tables(
    name: str, layer: ResampledLayer, categories: Sequence[str], thresholds: FloatArray
) -> Iterator[pa.Table]:
    """One row per kind, resample, category and threshold; one table per kind."""
    places, numbers = np.nonzero(_is_listed(thresholds.T))
    for kind, counts in layer.counts.items():
        resamples = len(counts.selective)
        rows = resamples * len(places)
        columns = {
            "kind": pa.repeat(kind, rows),
            "resample": np.repeat(np.arange(resamples), len(places)),
            "layer": pa.repeat(name, rows),
            "category": np.tile(np.array(categories, dtype=object)[places], resamples),
            "threshold": np.tile(thresholds[numbers, places], resamples),
            "selective": counts.selective[:, places, numbers].ravel(),
            "strength": _nullable(counts.strength[:, places]),
        }
        yield pa.table(columns)


def _is_listed(thresholds: FloatArray) -> NDArray[np.bool_]:
    """(categories, thresholds): whether it is the first of its value in its category."""
    first = [[row.index(value) == place for place, value in enumerate(row)] for row in thresholds.tolist()]
    return np.array(first)


def _nullable(values: FloatArray) -> pa.Array:
    """Numbers in the order of their rows, with null where there is none."""
    return pa.array(values.ravel(), from_pandas=True)
