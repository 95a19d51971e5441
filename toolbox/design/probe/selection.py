"""Choosing a bank of filters: by contrast with quotas, or step by step. Never sees a test image."""

from __future__ import annotations

import numpy as np

from toolbox.design.kernels import one_hot
from toolbox.design.probe.discrimination import Discrimination, Split
from toolbox.resampling.arrays import FloatArray, IntArray

MOST_FORWARD = 32
"""Largest bank that is chosen step by step; larger ones have quotas of contrast."""
FORWARD_PENALTY = 1.0
"""Of the ridge whose residuals the next filter explains, for a kernel with a mean of 1 on its diagonal."""


def choose_bank(of: Split, size: int, candidates: IntArray) -> IntArray:
    """The filters of a bank, the best first.

    Args:
        of: whose training images decide.
        size: of the bank; all candidates if there are fewer.
        candidates: numbers of filters over all layers.

    Returns: numbers of filters over all layers.
    """
    size = min(size, len(candidates))
    if size <= MOST_FORWARD:
        return forward_selection(of, size, candidates)
    return contrast_quotas(of, size, candidates)[0]


def contrast_quotas(of: Split, size: int, candidates: IntArray) -> tuple[IntArray, IntArray]:
    """Filters of the largest response contrast, as many for each category: the categories choose in turn.

    Args:
        of: whose training images decide.
        size: of the bank.
        candidates: numbers of filters over all layers.

    Returns: numbers of filters, and the category that chose each.
    """
    contrast = response_contrast(of.problem, of.training)[:, candidates]
    ranked = [iter(row) for row in np.argsort(-contrast, axis=1, kind="stable").tolist()]
    chosen: dict[int, int] = {}
    turn = 0
    while len(chosen) < size:
        place = next(each for each in ranked[turn] if each not in chosen)
        chosen[place] = turn
        turn = (turn + 1) % len(ranked)
    return candidates[[*chosen]], np.array([*chosen.values()])


def response_contrast(problem: Discrimination, training: np.ndarray) -> FloatArray:
    """(categories, filters): mean maximum for the category less that for the others, in units of the filter's range.

    Args:
        problem: with the responses.
        training: (stimuli,): the images that count.
    """
    roots = problem.features[training, : problem.filters].astype(float)
    responses, labels = np.sign(roots) * roots**2, one_hot(problem.labels[training], len(problem.categories))
    span = responses.max(axis=0) - responses.min(axis=0)
    n = labels.sum(axis=0)[:, None]
    sums = labels.T @ responses
    difference = sums / np.maximum(n, 1) - (sums.sum(axis=0) - sums) / np.maximum(len(labels) - n, 1)
    return np.where(span > 0, difference / np.where(span > 0, span, 1), -np.inf)


def forward_selection(of: Split, size: int, candidates: IntArray) -> IntArray:
    """Filters one by one: each explains most of what a ridge on those before it leaves of all categories together.

    Args:
        of: whose training images decide.
        size: of the bank.
        candidates: numbers of filters over all layers.

    Source: simultaneous orthogonal matching pursuit: Tropp, Gilbert and Strauss (2006), doi
        10.1016/j.sigpro.2005.05.030; here with a ridge.
    """
    x = of.scores[of.training]
    y = one_hot(of.problem.labels[of.training], len(of.problem.categories))
    y = (y - y.mean(axis=0)).astype(np.float32)
    residuals, chosen, free = y, list[int](), np.ones(len(candidates), bool)
    of_candidates = x[:, of.problem.columns(candidates)]
    for _ in range(size):
        explained = ((of_candidates.T @ residuals) ** 2).sum(axis=1).reshape(2, -1).sum(axis=0)
        place = int(np.where(free, explained, -1).argmax())
        free[place] = False
        chosen.append(int(candidates[place]))
        z = x[:, of.problem.columns(np.array(chosen))]
        gram = z.T @ z + FORWARD_PENALTY * z.shape[1] * np.eye(z.shape[1], dtype=np.float32)
        residuals = y - z @ np.linalg.solve(gram, z.T @ y)
    return np.array(chosen)
