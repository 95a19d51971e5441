"""Rank correlations of filters with one variable of the stimuli, and the same for permuted stimuli. Reads no file.

The ranks of the variable and of the responses are compared after linear regression on those of the variables that are
given. In a permutation, what is left of the variable changes places between the stimuli (of one group), and is
regressed again: this keeps its relation to what is given (Freedman and Lane 1983, doi 10.2307/1391660).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, rankdata

from toolbox.resampling.arrays import FloatArray, IntArray, equality_bound

_LEAST = 1e-9
"""Part of the variance that must be left after regression; what is less is rounding."""
_BLOCK = 4_000_000
"""Most correlations that are in memory at once."""


@dataclass(frozen=True)
class RankedVariable:
    """A variable of the stimuli, and the same for permuted stimuli.

    Attributes:
        axis: (stimuli,): what is left of its ranks, of length 1; 0 if nothing is.
        given: (stimuli, given): orthogonal vectors of length 1 that span the ranks of what is given.
        groups: (stimuli,): number of the group in which stimuli change places, and whose mean rank does not count.
        permuted: (stimuli, permutations): as the axis.
    """

    axis: FloatArray
    given: FloatArray
    groups: IntArray
    permuted: FloatArray


@dataclass(frozen=True)
class RelatedLayer:
    """Rank correlations of the filters of a layer.

    Attributes:
        correlation: (filters,): NaN for a dead filter.
        p: (filters,): two-sided permutation p.
        counts: (permutations, thresholds): filters with an absolute correlation above the threshold.
        strongest: (permutations,): the largest absolute correlation; 0 if all filters are dead.
    """

    correlation: FloatArray
    p: FloatArray
    counts: IntArray
    strongest: FloatArray


def ranked_variable(
    variable: FloatArray, given: FloatArray, groups: IntArray, permutations: int, seed: int
) -> RankedVariable:
    """The variable and its permutations.

    Args:
        variable: (stimuli,): its ranks, minus the mean of each group.
        given: (stimuli, given): the same of what is held constant.
        groups: (stimuli,): number of each stimulus' group.
        permutations: how many.
        seed: equal seeds give equal permutations.
    """
    basis = _orthonormal(given)
    rest = variable - basis @ (basis.T @ variable)
    permuted = _permuted(rest, groups, permutations, np.random.default_rng(seed))
    axis, columns = (_unit(values, basis, variable) for values in (rest[:, None], permuted))
    return RankedVariable(axis[:, 0], basis, groups, columns)


def relate_layer(responses: FloatArray, variable: RankedVariable, thresholds: FloatArray) -> RelatedLayer:
    """The rank correlations of a layer's filters.

    Args:
        responses: (stimuli, filters).
        variable: of the same stimuli.
        thresholds: (thresholds,): of the absolute correlation, above which filters are counted.
    """
    axes = _response_axes(responses, variable)
    dead = ~axes.any(axis=0)
    correlation = np.clip(variable.axis @ axes, -1, 1)
    reached = np.zeros(len(correlation), dtype=np.int64)
    counts, strongest = [], []
    block = max(1, _BLOCK // max(1, axes.shape[1]))
    for start in range(0, variable.permuted.shape[1], block):
        strengths = np.abs(variable.permuted[:, start : start + block].T @ axes)
        reached += (strengths >= equality_bound(np.abs(correlation))).sum(axis=0)
        counts.append((strengths[:, :, None] > thresholds).sum(axis=1))
        strongest.append(strengths.max(axis=1, initial=0))
    permutations = variable.permuted.shape[1]
    unknown = dead | (not variable.axis.any())
    return RelatedLayer(
        np.where(unknown, np.nan, correlation),
        np.where(unknown, np.nan, (reached + 1) / (permutations + 1)),
        np.concatenate(counts),
        np.concatenate(strongest),
    )


def corrected_for_all(correlation: FloatArray, strongest: FloatArray) -> FloatArray:
    """FWE corrected p of each filter: how often the strongest of all filters reaches its absolute correlation.

    Args:
        correlation: (filters,).
        strongest: (permutations,): the largest absolute correlation over all filters that are tested.
    """
    ordered = np.sort(strongest)
    reached = len(ordered) - np.searchsorted(ordered, equality_bound(np.abs(correlation)), side="left")
    return np.where(np.isnan(correlation), np.nan, (reached + 1) / (len(ordered) + 1))


def false_discovery_rates(p: FloatArray) -> FloatArray:
    """Benjamini-Hochberg q values; a missing p stays missing, and counts in no number.

    Args:
        p: (filters,): NaN where it is missing.
    """
    known, q = np.isfinite(p), np.full(len(p), np.nan)
    if known.any():
        q[known] = false_discovery_control(p[known])
    return q


def centred_ranks(values: FloatArray, groups: IntArray) -> FloatArray:
    """Ranks, of which equal values share the mean, minus the mean rank of each group.

    Args:
        values: (stimuli,) or (stimuli, variables).
        groups: (stimuli,): number of each stimulus' group.

    Example:
        >>> centred_ranks(np.array([1.0, 5.0, 5.0]), np.array([0, 0, 0]))
        array([-1. ,  0.5,  0.5])
    """
    ranks: FloatArray = rankdata(values, axis=0)
    for group in np.unique(groups):
        members = groups == group
        ranks[members] -= ranks[members].mean(axis=0)
    return ranks


def _orthonormal(vectors: FloatArray) -> FloatArray:
    """Orthogonal vectors of length 1 that span the same space; those that others explain are left out."""
    kept: list[FloatArray] = []
    for vector in vectors.T:
        rest = vector.copy()
        for axis in kept:
            rest -= axis * (axis @ rest)
        if rest @ rest > _LEAST * (vector @ vector):
            kept.append(rest / np.sqrt(rest @ rest))
    return np.stack(kept, axis=1) if kept else np.zeros((len(vectors), 0))


def _permuted(
    values: FloatArray, groups: IntArray, permutations: int, generator: np.random.Generator
) -> FloatArray:
    """(stimuli, permutations): the values, permuted within every group."""
    permuted = np.empty((len(values), permutations))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        columns = np.repeat(values[members, None], permutations, axis=1)
        permuted[members] = generator.permuted(columns, axis=0)
    return permuted


def _unit(values: FloatArray, basis: FloatArray, whole: FloatArray) -> FloatArray:
    """Columns without what is given, of length 1; 0 where nothing is left of the whole."""
    rest = values - basis @ (basis.T @ values)
    squares = (rest**2).sum(axis=0)
    lengths = np.where(squares > _LEAST * (whole**2).sum(), np.sqrt(squares), np.inf)
    return rest / lengths


def _response_axes(responses: FloatArray, variable: RankedVariable) -> FloatArray:
    """(stimuli, filters): ranks of the responses, as the axis of the variable; 0 for a dead filter."""
    ranks = centred_ranks(responses, variable.groups)
    rest = ranks - variable.given @ (variable.given.T @ ranks)
    squares, whole = (rest**2).sum(axis=0), (ranks**2).sum(axis=0)
    lengths = np.where(squares > _LEAST * whole, np.sqrt(squares), np.inf)
    return rest / lengths
