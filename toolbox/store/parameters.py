"""Stimulus parameters that were added after ingestion: stimulus_id, observer, value. Owns the schema of their tables.

A stimulus may have several values, one of each observer or repetition; what a query calls the value of the stimulus is
their mean. Parameters that the manifest of a set contains are columns of its table of stimuli instead.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from toolbox.store.columns import OBSERVATIONS
from toolbox.store.parquet import arrow_table, read_table, write_table

ObservedValue = tuple[int, str, float]
"""stimulus_id, observer, value."""


def write_observations(
    path: Path, observations: Iterable[ObservedValue], provenance: Mapping[str, Any]
) -> None:
    """Write the values of one parameter in the order of stimulus_id and observer, whole or not at all.

    Args:
        path: the file, which is replaced if it exists.
        observations: the values.
        provenance: the origin of the values, for the metadata of the file.
    """
    columns = dict(zip(OBSERVATIONS, map(list, zip(*sorted(observations), strict=True)), strict=True))
    write_table(path, arrow_table(columns, OBSERVATIONS), provenance)


def read_observations(path: Path) -> list[ObservedValue]:
    """The values of one parameter, in the order of stimulus_id and observer.

    Raises: VerificationError when the file is missing or damaged.
    """
    rows = read_table(path, *OBSERVATIONS).to_pylist()
    return [(row["stimulus_id"], row["observer"], row["value"]) for row in rows]


def observed_means(path: Path) -> dict[int, float]:
    """The mean of the values of each stimulus, by stimulus_id; as the views compute it.

    Raises: VerificationError when the file is missing or damaged.
    """
    values: dict[int, list[float]] = defaultdict(list)
    for number, _, value in read_observations(path):
        values[number].append(value)
    return {number: mean_of(each) for number, each in values.items()}


def mean_of(values: Collection[float]) -> float:
    """The mean of values that are added one by one, the smallest first, as DuckDB adds them in the views.

    Python's own `sum` compensates for rounding, from 3.12 on: its means may be others, and rank otherwise.

    Args:
        values: one at least.

    Example:
        >>> mean_of([0.3, 0.1, 0.2])
        0.20000000000000004
    """
    return reduce(operator.add, sorted(values)) / len(values)
