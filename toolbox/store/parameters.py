"""Stimulus parameters that were added after ingestion: stimulus_id, observer, value. Owns the schema of their tables.

A stimulus may have several values, one of each observer or repetition; what a query calls the value of the stimulus is
their mean. Parameters that the manifest of a set contains are columns of its table of stimuli instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
    return {number: sum(sorted(each)) / len(each) for number, each in values.items()}
