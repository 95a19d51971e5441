"""Sums of responses by category, computed from the matrices of a part. Owns the numbers of a roll-up.

The parts of a study are sorted by layer, filter and stimulus, so a layer of a part is a matrix (filters, stimuli). Its
columns are put in the order of the categories, and every category is then summed as one run of columns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from toolbox.store.checksums import damage
from toolbox.store.columns import ROLLUPS
from toolbox.store.parquet import arrow_schema, open_table

STATISTICS = ("maximum", "mean")
READ_AT_ONCE = 2
"""Parts that are read at the same time."""

SUMMED_AT_ONCE = 64_000
"""Responses that are summed at a time."""

Matrix = NDArray[np.float32]
"""(filters, stimuli)"""
Sums = NDArray[np.float64]
"""(filters, categories)"""


@dataclass
class _Moments:
    """Moments of one statistic of a layer's maps, each (filters, categories); cells without stimuli are not defined."""

    sum: Sums
    squared_deviations: Sums
    minimum: Matrix
    maximum: Matrix


@dataclass(frozen=True)
class _Grouping:
    """How the stimuli of a part are grouped.

    Attributes:
        order: places of the labelled stimuli, in the order of their categories.
        starts: where in this order a category begins.
        categories: number of the category of each group.
        sizes: number of stimuli in each group.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    categories: NDArray[np.intp]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, stimuli: Sequence[int], numbers: Mapping[int, int]) -> _Grouping:
        """The groups of some stimuli.

        Args:
            stimuli: their stimulus_id.
            numbers: number of the category by stimulus_id.
        """
        labelled = np.array([place for place, one in enumerate(stimuli) if one in numbers], np.intp)
        category = np.array([numbers[stimuli[place]] for place in labelled], np.intp)
        order = np.argsort(category, kind="stable")
        categories, starts, sizes = np.unique(category[order], return_index=True, return_counts=True)
        return cls(labelled[order], starts, categories, sizes.astype(np.int64))

    def moments(self, values: Matrix) -> _Moments:
        """The moments of the groups, in their order.

        Args:
            values: responses, (filters, stimuli).
        """
        rows = max(1, SUMMED_AT_ONCE // max(1, len(self.order)))
        blocks = [self._of_block(values[start : start + rows]) for start in range(0, len(values), rows)]
        return _Moments(*map(np.concatenate, zip(*blocks, strict=True)))

    def _of_block(self, values: Matrix) -> tuple[Sums, Sums, Matrix, Matrix]:
        """The moments of some filters, few enough for a processor's cache."""
        ordered = np.take(values, self.order, axis=1)  # values[:, order] would not have contiguous rows
        exact = ordered.astype(np.float64)
        sums = np.add.reduceat(exact, self.starts, axis=1)
        # Relative to the mean of the cell: sums of plain squares would cancel.
        exact -= np.repeat(sums / self.sizes, self.sizes, axis=1)
        np.square(exact, out=exact)
        return (
            sums,
            np.add.reduceat(exact, self.starts, axis=1),
            np.minimum.reduceat(ordered, self.starts, axis=1),
            np.maximum.reduceat(ordered, self.starts, axis=1),
        )


_PartMoments = tuple[_Grouping, dict[str, tuple[_Moments, ...]]]
"""The groups of a part, and the moments of each layer's statistics."""


class CategorySums:
    """The sums of all parts that were added so far, by layer, filter and category."""

    def __init__(self, labels: Mapping[int, str]) -> None:
        """Begin without any part.

        Args:
            labels: category by stimulus_id.
        """
        self._names = sorted(set(labels.values()))
        numbers = {name: number for number, name in enumerate(self._names)}
        self._numbers = {stimulus: numbers[name] for stimulus, name in labels.items()}
        self._sizes: dict[str, NDArray[np.int64]] = {}
        self._moments: dict[str, tuple[_Moments, ...]] = {}

    def add_parts(self, parts: Sequence[Path]) -> None:
        """Add the files of some parts, several of which are read at the same time.

        The sums are those of the parts one after the other, whichever is read first.

        Args:
            parts: the files.

        Raises: VerificationError for a damaged part.
        """
        ahead = deque[Future[_PartMoments]]()
        with ThreadPoolExecutor(READ_AT_ONCE, "roll up") as readers:
            for part in parts:
                ahead.append(readers.submit(self._read, part))
                if len(ahead) > READ_AT_ONCE:  # more, of a thousand categories, would fill the memory
                    self._merge_part(ahead.popleft().result())
            while ahead:
                self._merge_part(ahead.popleft().result())

    def table(self) -> pa.Table:
        """All sums as a roll-up, with the columns ROLLUPS, sorted by layer, filter, category and statistic."""
        schema = arrow_schema(ROLLUPS)
        tables = [self._table(layer).cast(schema) for layer in sorted(self._moments)]
        return pa.concat_tables(tables) if tables else schema.empty_table()

    def _read(self, part: Path) -> _PartMoments:
        """The moments of the groups of one part, by layer."""
        with open_table(part) as opened:
            stimuli = _stimuli(opened)
            grouping = _Grouping.of(stimuli, self._numbers)
            if not len(grouping.order):
                return grouping, {}
            return grouping, {
                layer: tuple(map(grouping.moments, matrices))
                for layer, matrices in _layers(opened, part, len(stimuli))
            }

    def _merge_part(self, part: _PartMoments) -> None:
        """Add the moments of one part."""
        grouping, layers = part
        for layer, moments in layers.items():
            self._merge(layer, grouping, moments)

    def _merge(self, layer: str, grouping: _Grouping, added: tuple[_Moments, ...]) -> None:
        """Add the moments of one layer of a part."""
        if layer not in self._moments:
            shape = len(added[0].sum), len(self._names)
            self._sizes[layer] = np.zeros(len(self._names), np.int64)
            self._moments[layer] = tuple(map(partial(_without_stimuli, shape), added))
        sizes = self._sizes[layer]
        for held, new in zip(self._moments[layer], added, strict=True):
            _add(held, sizes, new, grouping)
        sizes[grouping.categories] += grouping.sizes

    def _table(self, layer: str) -> pa.Table:
        """The sums of one layer."""
        sizes = self._sizes[layer]
        there = np.flatnonzero(sizes)
        names = pa.array([self._names[number] for number in there], pa.string())
        filters, statistics = len(self._moments[layer][0].sum), len(STATISTICS)
        cells = len(there) * statistics

        def stacked(name: str) -> NDArray[np.generic]:
            return np.stack([getattr(each, name)[:, there] for each in self._moments[layer]], axis=-1).ravel()

        repeated = np.tile(np.repeat(np.arange(len(there)), statistics), filters)
        return pa.table(
            {
                "layer": pa.repeat(layer, filters * cells),
                "filter": np.repeat(np.arange(filters, dtype=np.int32), cells),
                "category": names.take(pa.array(repeated)),
                "statistic": pa.array(STATISTICS).take(
                    pa.array(np.tile(np.arange(statistics), filters * len(there)))
                ),
                "n": np.tile(np.repeat(sizes[there], statistics), filters),
                **{name: stacked(name) for name in ("sum", "squared_deviations", "minimum", "maximum")},
            }
        )


def _without_stimuli(shape: tuple[int, int], like: _Moments) -> _Moments:
    """Moments to which those of parts are added."""
    zeros = np.zeros(shape)
    extremes = np.full(shape, np.inf, like.minimum.dtype), np.full(shape, -np.inf, like.maximum.dtype)
    return _Moments(zeros, zeros.copy(), *extremes)


def _add(held: _Moments, sizes: NDArray[np.int64], new: _Moments, grouping: _Grouping) -> None:
    """Add the moments of groups to those that are held of `sizes` stimuli.

    Source: Chan, Golub and LeVeque (1983), doi 10.1080/00031305.1983.10483115
    """
    is_whole = len(grouping.categories) == len(sizes)
    at = slice(None) if is_whole else grouping.categories  # without a copy where all categories are there
    n, m = sizes[at], grouping.sizes
    before = held.sum[:, at]
    difference = before / np.maximum(n, 1) - new.sum / m
    held.squared_deviations[:, at] += new.squared_deviations + difference**2 * (n * m / (n + m))
    held.sum[:, at] = before + new.sum
    held.minimum[:, at] = np.minimum(held.minimum[:, at], new.minimum)
    held.maximum[:, at] = np.maximum(held.maximum[:, at], new.maximum)


def _stimuli(opened: pq.ParquetFile) -> list[int]:
    """The stimuli of a part, which are those of its first filter."""
    if not opened.num_row_groups:
        return []
    first = opened.read_row_group(0, columns=["filter", "stimulus_id"], use_threads=False)
    count = int(np.count_nonzero(first["filter"].to_numpy() == 0))
    return list(first["stimulus_id"].to_numpy()[:count].tolist())


def _layers(opened: pq.ParquetFile, part: Path, stimuli: int) -> Iterator[tuple[str, list[Matrix]]]:
    """Every layer of a part with its matrices, one a statistic."""
    groups: dict[str, list[int]] = {}
    for number in range(opened.num_row_groups):
        groups.setdefault(_layer_of(opened, number, part), []).append(number)
    for layer, numbers in groups.items():
        try:
            rows = opened.read_row_groups(numbers, columns=[*STATISTICS], use_threads=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise damage(part, str(error)) from error
        if len(rows) % stimuli:
            raise damage(part, f"its layer {layer} has {len(rows):,} rows for {stimuli:,} stimuli")
        yield layer, [rows[name].to_numpy().reshape(-1, stimuli) for name in STATISTICS]


def _layer_of(opened: pq.ParquetFile, group: int, part: Path) -> str:
    """The layer of a row group, from the footer; no row group has rows of two."""
    found = opened.metadata.row_group(group).column(0).statistics
    if found is None or not found.has_min_max or found.min != found.max:
        raise damage(part, "its row groups are not those of one layer each")
    return str(found.min)
