"""The complexity of categories, over the stimuli and in bootstrap samples. Draws nothing, writes nothing.

A filter responds highly to a category if the mean normalised response to the category exceeds that to what it is
compared with by more than a threshold. Without a reference, this is the response contrast to all other stimuli of the
set, as in complexity/layers; with one it is the contrast to the stimuli of the reference, as in complexity/reference.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl

from toolbox.design.comparison.reference import ReferenceResponses
from toolbox.design.comparison.subject import ComparedCategories, ComparedLayer, Comparing
from toolbox.progress import Progress
from toolbox.query.index_formula import index_formula
from toolbox.query.thresholds import index_thresholds
from toolbox.resampling import (
    FloatArray,
    IndexSampler,
    IntArray,
    MeanSampler,
    SelectiveFilters,
    StimulusCategories,
    count_selective,
)
from toolbox.store.parts import read_layer_of
from toolbox.terms import DEFAULT_INDEX, STATISTICS

RESPONSIVE = 0.5
"""Part of a filter's range above which it is responsive to a stimulus, as in complexity/stimuli."""


@dataclass(frozen=True, eq=False)
class Complexity:
    """The filters that respond highly to each category, and those responsive to each stimulus.

    Attributes:
        threshold: above which a filter responds highly.
        observed: (categories, layers): filters over all stimuli.
        samples: (bootstrap samples, categories, layers).
        stimuli: (stimuli,): numbers of the stimuli of the compared categories, in order.
        responsive: (stimuli, layers): filters responsive to each.
        filters, depths: (layers,): filters and depth of each layer.
    """

    threshold: float
    observed: IntArray
    samples: IntArray
    stimuli: IntArray
    responsive: IntArray
    filters: FloatArray
    depths: FloatArray

    def proportion(self, counts: IntArray) -> FloatArray:
        """Mean over the layers of a proportion of filters: (…) from (…, layers).

        Args:
            counts: filters of each layer.
        """
        return np.asarray((counts / self.filters).mean(axis=-1))

    def mean_depth(self, counts: IntArray) -> FloatArray:
        """Mean depth of some filters, the layers weighted by proportions; NaN if there are none.

        Args:
            counts: (…, layers): filters of each layer.
        """
        proportions = counts / self.filters
        total = proportions.sum(axis=-1)
        return np.asarray((proportions @ self.depths) / np.where(total > 0, total, np.nan))

    def depth_spread(self) -> FloatArray:
        """(categories,): standard deviation of the depth of the filters, weighted as their mean; NaN if none."""
        proportions = self.observed / self.filters
        total = proportions.sum(axis=-1)
        squares = (proportions * (self.depths - self.mean_depth(self.observed)[:, None]) ** 2).sum(axis=-1)
        return np.asarray(np.sqrt(squares / np.where(total > 0, total, np.nan)))


def measure_complexity(
    subject: ComparedCategories, choices: Comparing, reference: ReferenceResponses | None, progress: Progress
) -> Complexity:
    """The complexity of the compared categories, layer by layer.

    Args:
        subject: what is compared.
        choices: how.
        reference: what the categories are compared with; each other if None.
        progress: called with how many filters are done.
    """
    measuring = _measuring(subject, choices, reference)
    counted, responsive = list[SelectiveFilters](), list[IntArray]()
    task, done, total = f"compare {', '.join(subject.categories)}", 0, int(subject.filters.sum())
    for layer in subject.layers:
        progress(task, done, total)
        of_layer, of_stimuli = measuring.layer(layer)
        counted.append(of_layer)
        responsive.append(of_stimuli)
        done += layer.filters
    progress(task, total, total)
    places = [measuring.names.index(name) for name in subject.categories]
    compared = np.isin(measuring.categories.numbers, places)
    return Complexity(
        measuring.threshold,
        np.stack([of_layer.observed[places] for of_layer in counted], axis=-1),
        np.stack([of_layer.samples[:, places] for of_layer in counted], axis=-1),
        np.array(measuring.stimuli)[compared],
        np.stack(responsive, axis=-1)[compared],
        subject.filters,
        subject.depths,
    )


@dataclass(frozen=True, eq=False)
class _Measuring:
    """What the filters of a layer are counted for, and relative to what.

    Attributes:
        names: of the categories whose stimuli are read: all of the scheme if they are compared with each other.
        stimuli, categories: these stimuli, and the category of each.
        threshold: above which a filter responds highly.
    """

    subject: ComparedCategories
    choices: Comparing
    reference: ReferenceResponses | None
    names: tuple[str, ...]
    stimuli: list[int]
    categories: StimulusCategories
    threshold: float

    def layer(self, layer: ComparedLayer) -> tuple[SelectiveFilters, IntArray]:
        """The filters of a layer that respond highly to each category; and (stimuli,) those responsive to each."""
        values = self._responses(layer)
        low, span = self._range(layer, values)
        responsive = ((values - low > RESPONSIVE * span) & (span > 0)).sum(axis=1)
        if self.reference is None:
            return self._relative_to_others(values), responsive
        exceeding = (values - self._column(layer, "mean")) / np.where(span > 0, span, np.nan)
        return self._relative_to_reference(exceeding), responsive

    def _responses(self, layer: ComparedLayer) -> FloatArray:
        """(stimuli, filters), in the order of the stimuli."""
        both = read_layer_of(self.subject.paths, layer.name, self.stimuli)
        return both[STATISTICS.index(self.choices.statistic)].astype(np.float64)

    def _range(self, layer: ComparedLayer, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(filters,) each: smallest response and range of the responses, in the set or the reference."""
        if self.reference is None:
            return values.min(axis=0), np.ptp(values, axis=0)
        low, high = (self._column(layer, name) for name in ("minimum", "maximum"))
        return low, high - low

    def _column(self, layer: ComparedLayer, name: str) -> FloatArray:
        """(filters,): a column of the reference."""
        assert self.reference is not None
        rows = self.reference.rows.filter(layer=layer.name, statistic=self.choices.statistic)
        return rows.sort("filter")[name].cast(pl.Float64).to_numpy()

    def _relative_to_others(self, values: FloatArray) -> SelectiveFilters:
        """As `toolbox significance` resamples the response contrast, so with the same samples."""
        resamples, seed = self.choices.resamples, self.choices.seed
        sampler = IndexSampler(self.categories, index_formula(DEFAULT_INDEX), resamples, seed)
        return count_selective(sampler, values, np.full(len(self.names), self.threshold))

    def _relative_to_reference(self, values: FloatArray) -> SelectiveFilters:
        """Every category by itself, with samples that depend on nothing but its own stimuli, its name and the seed."""
        counted = []
        for number, name in enumerate(self.names):
            own = values[self.categories.numbers == number]
            alone = StimulusCategories(np.zeros(len(own), dtype=np.int64), 1)
            sampler = MeanSampler(alone, self.choices.resamples, _seed_of(name, self.choices.seed))
            counted.append(count_selective(sampler, own, np.array([self.threshold])))
        return SelectiveFilters(
            np.concatenate([each.observed for each in counted]),
            np.concatenate([each.samples for each in counted], axis=1),
        )


def _measuring(
    subject: ComparedCategories, choices: Comparing, reference: ReferenceResponses | None
) -> _Measuring:
    names = subject.all_categories if reference is None else subject.categories
    stimuli = subject.stimuli_of(*names)
    numbers = np.array([names.index(subject.labels[stimulus]) for stimulus in stimuli])
    categories = StimulusCategories(numbers, len(names))
    threshold = choices.threshold
    if threshold is None:
        threshold = index_thresholds(DEFAULT_INDEX, categories.sizes.tolist())[0][0]
    return _Measuring(subject, choices, reference, names, stimuli, categories, threshold)


def _seed_of(category: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {category}".encode()).digest()[:8], "big")
