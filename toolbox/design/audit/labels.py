"""Doubtful labels: stimuli whose responses fit another category better than their own. Reads no file.

A ridge regression on the responses of all layers scores every category for every stimulus, fitted without it and
without its copies. The margin of a stimulus is the best score of another category minus that of its own. Labels that
were shuffled over all stimuli have nothing to do with the pictures: the margin that few of them reach is the threshold.
How many wrong labels exceed it is seen from labels that were exchanged on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.design.kernels import layer_kernel, layer_weights, one_hot, stratified_folds
from toolbox.design.ridge import Ridge

_Features = NDArray[np.float32]
_FloatArray = NDArray[np.float64]
_IntArray = NDArray[np.int64]

TOGETHER = 1500
"""Stimuli that are scored together; a larger set is divided at random, evenly over categories."""
WEIGHED = 300
"""Stimuli from which the weights of the layers are estimated: a few numbers, which need no more."""
SHUFFLES = 20
"""Times that all labels are shuffled, and times that some are exchanged."""
EXCHANGED = 0.05
"""Proportion of the labels that are exchanged on purpose."""
LEAST_LABELLED = 5
"""Stimuli of a category below which its labels are not judged: others cannot tell what it looks like."""


@dataclass(frozen=True)
class Doubts:
    """How well every label fits the responses.

    Attributes:
        margins: (stimuli,): score of the best other category minus that of the own.
        others: (stimuli,): that other category, as a number.
        threshold: margin from which a label is doubtful.
        found: proportion of labels exchanged on purpose that are beyond it.
        false_alarms: proportion of the labels left alone that are beyond it for that alone: not without exchanges.
    """

    margins: _FloatArray
    others: _IntArray
    threshold: float
    found: float
    false_alarms: float


@dataclass(frozen=True)
class _Exchange:
    """Margins after some labels were exchanged on purpose.

    Attributes:
        wrong: of those that were exchanged.
        left: of those that were left alone.
        before: of the same without exchanges.
    """

    wrong: _FloatArray
    left: _FloatArray
    before: _FloatArray


def doubtful_labels(
    layers: Sequence[_Features],
    labels: _IntArray,
    groups: _IntArray,
    *,
    false_positives: float,
    seed: int = 0,
) -> Doubts:
    """Margins of all labels, and the threshold from shuffled ones.

    Args:
        layers: features of every layer, as of `kernels.layer_features`.
        labels: (stimuli,): numbers of categories, from 0, of which there are at least two.
        groups: (stimuli,): what is left out together, such as copies of one picture.
        false_positives: proportion of shuffled labels beyond the threshold.
        seed: of shuffles and divisions.

    Example:
        >>> pictures = np.float32(np.repeat([[0, 3], [3, 0]], 10, axis=0) + np.arange(20)[:, None] % 3)
        >>> labels = np.repeat([0, 1], 10); labels[4] = 1
        >>> doubts = doubtful_labels([pictures], labels, np.arange(20), false_positives=0.01)
        >>> np.flatnonzero(doubts.margins > doubts.threshold).tolist(), int(doubts.others[4])
        ([4], 0)
    """
    count, chance = len(labels), np.random.default_rng(seed)
    parts = stratified_folds(labels, groups, -(-count // TOGETHER), seed)
    margins, others = np.empty(count), np.empty(count, np.int64)
    shuffled, exchanges = list[_FloatArray](), list[_Exchange]()
    for part in range(int(parts.max()) + 1):
        inside = parts == part
        few = [features[inside] for features in layers]
        probe = _Probe(few, one_hot(labels, int(labels.max()) + 1)[inside], groups[inside], chance)
        margins[inside], others[inside] = probe.margins(probe.labels)
        shuffled += [probe.margins(chance.permutation(probe.labels))[0] for _ in range(SHUFFLES)]
        exchanges += [probe.exchange(margins[inside], chance) for _ in range(SHUFFLES)]
    threshold = max(0.0, float(np.quantile(np.concatenate(shuffled), 1 - false_positives)))
    found = np.concatenate([each.wrong > threshold for each in exchanges]).mean()
    alarms = np.concatenate([(each.left > threshold) & (each.before <= threshold) for each in exchanges])
    return Doubts(margins, others, threshold, float(found), float(alarms.mean()))


class _Probe:
    """The ridge of some stimuli: weights of layers and penalty once, scores for any labels of the same pictures."""

    def __init__(
        self,
        layers: Sequence[_Features],
        targets: _FloatArray,
        groups: _IntArray,
        chance: np.random.Generator,
    ) -> None:
        self.labels = targets.argmax(axis=1)
        self._categories = targets.shape[1]
        every = np.ones(len(targets), np.bool_)
        kernels = [layer_kernel(features, every) for features in layers]
        few = np.sort(chance.permutation(len(targets))[:WEIGHED])
        weights, _ = layer_weights(np.stack([kernel[np.ix_(few, few)] for kernel in kernels]), targets[few])
        whole = sum(weight * kernel for weight, kernel in zip(weights, kernels, strict=True))
        self._ridge = Ridge(np.asarray(whole), groups)
        self._penalty = self._ridge.choose_penalty(targets).penalty

    def margins(self, labels: _IntArray) -> tuple[_FloatArray, _IntArray]:
        """Best score of another category minus that of the own, and that category."""
        scores = self._ridge.left_out_at(one_hot(labels, self._categories), self._penalty)
        every = np.arange(len(labels))
        own = scores[every, labels]
        scores[every, labels] = -np.inf
        others = scores.argmax(axis=1)
        return scores[every, others] - own, others

    def exchange(self, before: _FloatArray, chance: np.random.Generator) -> _Exchange:
        """Margins where some labels were exchanged on purpose, each for that of another stimulus."""
        labels = self.labels.copy()
        chosen = chance.permutation(len(labels))[: max(1, round(EXCHANGED * len(labels)))]
        for stimulus in chosen:
            labels[stimulus] = chance.choice(self.labels[self.labels != labels[stimulus]])
        margins = self.margins(labels)[0]
        is_left = np.ones(len(labels), np.bool_)
        is_left[chosen] = False
        return _Exchange(margins[chosen], margins[is_left], before[is_left])
