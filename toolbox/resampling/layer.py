"""All that resampling reports of one layer. Owns what is counted in which resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import stats

from toolbox.resampling.arrays import FloatArray, IntArray, equality_bound, finite_mean
from toolbox.resampling.halves import HALVINGS, Halves, compare_halves
from toolbox.resampling.indices import Formula
from toolbox.resampling.intervals import Shrinkage, bootstrap_interval
from toolbox.resampling.moments import Moments
from toolbox.resampling.resamples import ResponseMatrix, StimulusCategories, draw_resamples
from toolbox.resampling.samplers import IndexSampler, layer_shrinkage, split_filters

STRENGTH_FILTERS = 10
"""Filters of a layer whose mean value is its strength."""


@dataclass(frozen=True)
class Counts:
    """A layer in every resample.

    Attributes:
        selective: (resamples, categories, thresholds): filters above each threshold.
        strength: (resamples, categories): mean of the largest values.
    """

    selective: IntArray
    strength: FloatArray


@dataclass(frozen=True)
class ResampledLayer:
    """The index of a layer's filters, (categories, filters) each, and the layer's counts in every resample.

    Attributes:
        value: over all stimuli.
        low, high: bootstrap interval, see `bootstrap_interval`.
        p: one-sided, of a value at least as large under permuted labels, (b + 1) / (permutations + 1).
        p_welch: one-sided, of Welch's t.
        largest: (permutations,): largest value of any filter and category in each.
        counts: by kind of resample; of bootstrap samples as `Shrinkage.like_other_sets` makes them.
        halves: how far one half of the stimuli confirms the other.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray
    p_welch: FloatArray
    largest: FloatArray
    counts: dict[str, Counts]
    halves: Halves

    def p_fwe(self, largest: FloatArray) -> FloatArray:
        """Family-wise error (FWE) corrected p, from the sorted largest values of the whole family in each permutation.

        Source: Nichols and Holmes (2002), doi 10.1002/hbm.1058.
        """
        reached = len(largest) - np.searchsorted(largest, equality_bound(self.value))
        return np.where(np.isfinite(self.value), (reached + 1) / (len(largest) + 1), np.nan)


def resample_layer(
    responses: FloatArray,
    categories: StimulusCategories,
    formula: Formula,
    thresholds: Sequence[float] | FloatArray,
    *,
    resamples: int,
    seed: int,
    peak: float | None = None,
) -> ResampledLayer:
    """An index of all filters of a layer, with intervals by bootstrap samples and chance levels by permutations.

    Args:
        responses: (stimuli, filters).
        categories: of the stimuli.
        formula: of the index.
        thresholds: above which filters are counted: (thresholds,), or (thresholds, categories).
        resamples: number of bootstrap samples, and of permutations.
        seed: equal seeds give equal resamples.
        peak: largest maximum of the layer, for the layer-wide range; each filter's own range if None.
    """
    sampler = IndexSampler(categories, formula, resamples, seed, peak)
    blocks = split_filters(responses, max(resamples, 2 * HALVINGS) * categories.categories)
    shrinkage = layer_shrinkage(sampler, blocks)
    done, counts = list[ResampledLayer](), dict[str, Counts]()
    for block in blocks:
        resampled = _resample_block(sampler, block, np.asarray(thresholds), shrinkage)
        counts = _add_counts(
            counts, resampled.counts
        )  # at once: those of all blocks may be more than a memory
        done.append(replace(resampled, counts={}))
    return _join_blocks(done, counts)


def _resample_block(
    sampler: IndexSampler, responses: ResponseMatrix, thresholds: FloatArray, shrinkage: Shrinkage
) -> ResampledLayer:
    """One block of a layer's filters; its `strength` holds the strongest values themselves."""
    value = sampler.values("observed", responses)[0]
    bootstrap = sampler.values("bootstrap", responses)
    low, high = bootstrap_interval(bootstrap, value, sampler.categories.sizes)
    bootstrap = shrinkage.like_other_sets(bootstrap, value, sampler.categories.sizes)
    counts = {"bootstrap": _count_selective(bootstrap, thresholds)}
    del bootstrap  # each array may fill ARRAY_LIMIT
    shuffled = sampler.values("permutation", responses)
    counts["permutation"] = _count_selective(shuffled, thresholds)
    if len({*sampler.categories.sizes.tolist()}) > 1:
        counts["equal"] = _count_selective(sampler.values("equal", responses), thresholds)
    return ResampledLayer(
        value=value,
        low=low,
        high=high,
        p=_p_of_permutations(shuffled, value),
        p_welch=_p_welch(responses, sampler.categories, value),
        largest=np.where(np.isnan(shuffled), -np.inf, shuffled).max(axis=(1, 2)),
        counts=counts,
        halves=_resample_halves(sampler, responses, value),
    )


def _resample_halves(sampler: IndexSampler, responses: ResponseMatrix, value: FloatArray) -> Halves:
    can_be_halved = sampler.categories.sizes.min() >= 2
    halves = sampler.values("half", responses, 2 * HALVINGS) if can_be_halved else None
    return compare_halves(value, halves)


def _join_blocks(blocks: Sequence[ResampledLayer], counts: Mapping[str, Counts]) -> ResampledLayer:
    """The blocks of a layer as one, with what is counted of all of them."""

    def join(name: str) -> FloatArray:
        return np.concatenate([getattr(block, name) for block in blocks], axis=1)

    halves = {
        field.name: np.concatenate([getattr(block.halves, field.name) for block in blocks])
        for field in fields(Halves)
    }
    return ResampledLayer(
        **{name: join(name) for name in ("value", "low", "high", "p", "p_welch")},
        largest=np.max([block.largest for block in blocks], axis=0),
        counts={
            kind: replace(each, strength=finite_mean(each.strength, axis=2)) for kind, each in counts.items()
        },
        halves=Halves(**halves),
    )


def _add_counts(counts: Mapping[str, Counts], added: Mapping[str, Counts]) -> dict[str, Counts]:
    """Those of one more block: the strongest of a layer are the strongest among those of its blocks."""
    return {
        kind: Counts(
            counts[kind].selective + new.selective if kind in counts else new.selective,
            _strongest(
                np.concatenate([*([counts[kind].strength] if kind in counts else []), new.strength], axis=2)
            ),
        )
        for kind, new in added.items()
    }


def _count_selective(values: FloatArray, thresholds: FloatArray) -> Counts:
    """Filters above each threshold, and the strongest values; NaN is above none."""
    rows = [np.reshape(row, (-1, 1)) for row in thresholds]  # one for all categories, or one for each
    selective = np.stack([(values > row).sum(axis=2, dtype=np.int32) for row in rows], axis=2)
    return Counts(selective, _strongest(values))


def _strongest(values: FloatArray) -> FloatArray:
    """(…, up to STRENGTH_FILTERS): the largest values over the filters, in any order; NaN where there are not so many.

    A partition costs less than a sort. It moves the smallest to the front and NaN to the end, so the values are
    negated: dead filters then come after all others.
    """
    if values.shape[2] <= STRENGTH_FILTERS:
        return values
    return -np.partition(-values, STRENGTH_FILTERS - 1, axis=2)[:, :, :STRENGTH_FILTERS]


def _p_of_permutations(permuted: FloatArray, value: FloatArray) -> FloatArray:
    """(b + 1) / (permutations + 1): the observed labels are one of the permutations, so that no p is 0."""
    # not (permuted >= …): a permutation in which the index is null counts against it
    reached = (~(permuted < equality_bound(value))).sum(axis=0)
    return np.where(np.isfinite(value), (reached + 1) / (len(permuted) + 1), np.nan)


def _p_welch(responses: ResponseMatrix, categories: StimulusCategories, value: FloatArray) -> FloatArray:
    """One-sided p of Welch's t test of each category against all others; NaN where the index is null."""
    (observed,) = draw_resamples("observed", categories, 1, 0)
    moments = Moments(responses, observed)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = stats.ttest_ind_from_stats(
            *(moments.mean, np.sqrt(moments.variance), moments.n),
            *(moments.rest_mean, np.sqrt(moments.rest_variance), moments.rest_n),
            equal_var=False,
            alternative="greater",
        ).pvalue
    return np.where(np.isfinite(value), p[0], np.nan)
