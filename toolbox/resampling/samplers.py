"""What is measured of filters in every resample, and how many of them exceed a threshold. Knows no file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from toolbox.resampling.arrays import FloatArray, IntArray
from toolbox.resampling.indices import Formula, resampled_values
from toolbox.resampling.intervals import Shrinkage, estimate_shrinkage, sampling_variance
from toolbox.resampling.resamples import (
    ARRAY_LIMIT,
    ResampleKind,
    ResponseMatrix,
    StimulusCategories,
    draw_resamples,
)

SHRINKAGE_SAMPLES = 100
"""Bootstrap samples from which the noise of a layer's filters is estimated."""


class Sampler(Protocol):
    """What is measured of some filters in all resamples of a kind.

    Attributes:
        categories: of the stimuli.
        resamples: number of bootstrap samples.
    """

    @property
    def categories(self) -> StimulusCategories:
        """The categories of the stimuli."""
        ...

    @property
    def resamples(self) -> int:
        """Number of bootstrap samples."""
        ...

    def values(self, kind: ResampleKind, responses: ResponseMatrix, count: int | None = None) -> FloatArray:
        """What is measured: (resamples, categories, filters).

        Args:
            kind: of the resamples.
            responses: of some filters.
            count: the first so many resamples; all if None.
        """
        ...


@dataclass(frozen=True)
class IndexSampler:
    """An index of some filters in all resamples of a kind.

    Attributes:
        categories: of the stimuli.
        formula: of the index.
        resamples: number of resamples.
        seed: equal seeds give equal resamples.
        peak: as of `Moments`.
    """

    categories: StimulusCategories
    formula: Formula
    resamples: int
    seed: int
    peak: float | None = None

    def values(self, kind: ResampleKind, responses: ResponseMatrix, count: int | None = None) -> FloatArray:
        """The index: (resamples, categories, filters); NaN where it is null.

        Args:
            kind: of the resamples.
            responses: of some filters.
            count: the first so many resamples; all if None.
        """
        chunks = draw_resamples(kind, self.categories, count or self.resamples, self.seed)
        return np.concatenate(
            [resampled_values(self.formula, responses, chunk, self.peak) for chunk in chunks]
        )


@dataclass(frozen=True)
class MeanSampler:
    """The mean of some filters' responses to each category in all resamples of a kind.

    Attributes:
        categories: of the stimuli.
        resamples: number of resamples.
        seed: equal seeds give equal resamples.
    """

    categories: StimulusCategories
    resamples: int
    seed: int

    def values(self, kind: ResampleKind, responses: ResponseMatrix, count: int | None = None) -> FloatArray:
        """The means: (resamples, categories, filters); NaN for a filter with a response that is NaN.

        Args:
            kind: of the resamples.
            responses: of some filters.
            count: the first so many resamples; all if None.
        """
        chunks = draw_resamples(kind, self.categories, count or self.resamples, self.seed)
        return np.concatenate([chunk.sums(responses.values) / chunk.sizes[:, None] for chunk in chunks])


@dataclass(frozen=True)
class SelectiveFilters:
    """How many filters of a layer exceed a threshold.

    Attributes:
        observed: (categories,): over all stimuli.
        samples: (bootstrap samples, categories): as `Shrinkage.like_other_sets` makes them.
    """

    observed: IntArray
    samples: IntArray


def count_selective(sampler: Sampler, responses: FloatArray, threshold: FloatArray) -> SelectiveFilters:
    """The filters of a layer above a threshold, in all bootstrap samples.

    Args:
        sampler: of what is compared with the threshold.
        responses: (stimuli, filters).
        threshold: (categories,).
    """
    blocks = split_filters(responses, sampler.resamples * sampler.categories.categories)
    shrinkage, bound = layer_shrinkage(sampler, blocks), threshold[:, None]
    observed, samples = [], []
    for block in blocks:
        value = sampler.values("observed", block)[0]
        observed.append((value > bound).sum(axis=1))
        sample = sampler.values("bootstrap", block)
        sample = shrinkage.like_other_sets(sample, value, sampler.categories.sizes)
        samples.append((sample > bound).sum(axis=2))
    return SelectiveFilters(np.sum(observed, axis=0), np.sum(samples, axis=0))


def split_filters(responses: FloatArray, numbers: int) -> list[ResponseMatrix]:
    """Blocks of filters for which an array of so many numbers for every filter can be held.

    Args:
        responses: (stimuli, filters).
        numbers: for every filter.
    """
    width = max(1, ARRAY_LIMIT // numbers)
    starts = range(0, responses.shape[1], width)
    return [ResponseMatrix(responses[:, start : start + width]) for start in starts]


def layer_shrinkage(sampler: Sampler, blocks: Sequence[ResponseMatrix]) -> Shrinkage:
    """That of all filters of a layer together.

    Args:
        sampler: of what is compared with a threshold.
        blocks: all filters of the layer.
    """
    count, sizes = min(SHRINKAGE_SAMPLES, sampler.resamples), sampler.categories.sizes
    values = [sampler.values("observed", block)[0] for block in blocks]
    noises = [sampling_variance(sampler.values("bootstrap", block, count), sizes) for block in blocks]
    return estimate_shrinkage(np.concatenate(values, axis=1), np.concatenate(noises, axis=1))
