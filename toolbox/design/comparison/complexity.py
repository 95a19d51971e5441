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
from toolbox.store.parts import read_layer
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
    names = subject.all_categories if reference is None else subject.categories
    stimuli = subject.stimuli_of(*names)
    labels = [subject.labels[stimulus] for stimulus in stimuli]
    categories = StimulusCategories(np.array([names.index(label) for label in labels]), len(names))
    threshold = choices.threshold
    if threshold is None:
        threshold = index_thresholds(DEFAULT_INDEX, categories.sizes.tolist())[0][0]
    counted, responsive = [], []
    task, total = f"compare {', '.join(subject.categories)}", int(subject.filters.sum())
    for number, layer in enumerate(subject.layers):
        progress(task, int(subject.filters[:number].sum()), total)
        values = _layer_responses(subject, layer, choices, stimuli)
        low, span = _range(values, layer, reference, choices)
        responsive.append(((values - low > RESPONSIVE * span) & (span > 0)).sum(axis=1))
        if reference is None:
            counted.append(_relative_to_others(values, categories, threshold, choices))
        else:
            normalised = (values - _column(reference, layer, choices, "mean")) / np.where(
                span > 0, span, np.nan
            )
            counted.append(_relative_to_reference(normalised, categories, names, threshold, choices))
    progress(task, total, total)
    places = [names.index(name) for name in subject.categories]
    compared = np.isin(np.array(labels), subject.categories)
    return Complexity(
        threshold,
        np.stack([of_layer.observed[places] for of_layer in counted], axis=-1),
        np.stack([of_layer.samples[:, places] for of_layer in counted], axis=-1),
        np.array(stimuli)[compared],
        np.stack(responsive, axis=-1)[compared],
        subject.filters,
        subject.depths,
    )


def _layer_responses(
    subject: ComparedCategories, layer: ComparedLayer, choices: Comparing, stimuli: list[int]
) -> FloatArray:
    """(stimuli, filters): responses of a layer to these stimuli, in their order."""
    numbers, *both = read_layer(subject.paths, layer.name)
    place = {int(number): row for row, number in enumerate(numbers)}
    rows = [place[stimulus] for stimulus in stimuli]
    return both[STATISTICS.index(choices.statistic)][rows].astype(np.float64)


def _range(
    values: FloatArray, layer: ComparedLayer, reference: ReferenceResponses | None, choices: Comparing
) -> tuple[FloatArray, FloatArray]:
    """(filters,) each: smallest response of every filter and range of its responses, of the set or the reference."""
    if reference is None:
        low, high = values.min(axis=0), values.max(axis=0)
    else:
        low, high = (_column(reference, layer, choices, name) for name in ("minimum", "maximum"))
    return low, high - low


def _column(reference: ReferenceResponses, layer: ComparedLayer, choices: Comparing, name: str) -> FloatArray:
    """(filters,): a column of the reference."""
    of_layer = (pl.col("layer") == layer.name) & (pl.col("statistic") == choices.statistic)
    return reference.rows.filter(of_layer).sort("filter")[name].cast(pl.Float64).to_numpy()


def _relative_to_others(
    values: FloatArray, categories: StimulusCategories, threshold: float, choices: Comparing
) -> SelectiveFilters:
    """As `toolbox significance` resamples the response contrast, so with the same samples."""
    sampler = IndexSampler(categories, index_formula(DEFAULT_INDEX), choices.resamples, choices.seed)
    return count_selective(sampler, values, np.full(categories.categories, threshold))


def _relative_to_reference(
    values: FloatArray,
    categories: StimulusCategories,
    names: tuple[str, ...],
    threshold: float,
    choices: Comparing,
) -> SelectiveFilters:
    """Every category by itself, with samples that depend on nothing but its own stimuli, its name and the seed."""
    counted = []
    for number, name in enumerate(names):
        own = values[categories.numbers == number]
        alone = StimulusCategories(np.zeros(len(own), dtype=np.int64), 1)
        sampler = MeanSampler(alone, choices.resamples, _seed_of(name, choices.seed))
        counted.append(count_selective(sampler, own, np.array([threshold])))
    return SelectiveFilters(
        np.concatenate([each.observed for each in counted]),
        np.concatenate([each.samples for each in counted], axis=1),
    )


def _seed_of(category: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {category}".encode()).digest()[:8], "big")
