"""Linear kernels of layers, their weights, and folds of stimuli: the arithmetic of every probe. Never reads a study.

Everything that is learned from images (ranges, weights of layers, the penalty) is learned from those marked as
training images. Images of one group (near-duplicates, matched pairs) are in one fold, and are left out together.

Source: variance components by multiplicative updates: Zhou et al. (2019), doi 10.1080/10618600.2018.1529601.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.linalg.lapack
from numpy.typing import NDArray

from toolbox.design.ridge import Ridge
from toolbox.resampling.arrays import BoolArray, FloatArray, IntArray

ROUNDS = 60
"""Most updates of the layers' weights."""
SETTLED = 1e-3
"""Change of a share at which the weights have settled."""


def layer_features(maximum: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features of a layer: square root of the maxima and means of its filters, with their sign.

    Without the root, the few filters with the largest responses would decide.

    Args:
        maximum: (stimuli, filters), in units of activation.
        mean: the same of the means.

    Returns: (stimuli, 2 * filters).

    Example:
        >>> layer_features(np.float32([[4.0], [0.0]]), np.float32([[1.0], [-9.0]])).tolist()
        [[2.0, 1.0], [0.0, -3.0]]
    """
    values = np.concatenate([maximum, mean], axis=1)
    return np.sign(values) * np.sqrt(np.abs(values))


def standard_scores(features: NDArray[np.float32], training: BoolArray) -> NDArray[np.float32]:
    """Standard scores, by mean and standard deviation of training images; 0 where they are all the same.

    Args:
        features: (stimuli, features).
        training: (stimuli,): which of them are training images.
    """
    known = features[training].astype(np.float64)
    middle, spread = known.mean(axis=0), known.std(axis=0)
    varies = spread > 1e-6 * np.abs(known).max(axis=0, initial=0)
    scores = (features - middle) / np.where(varies, spread, 1)
    return np.where(varies, scores, 0).astype(np.float32)


def layer_kernel(features: NDArray[np.float32], training: BoolArray) -> FloatArray:
    """The linear kernel of standardised features, (stimuli, stimuli), with a mean of 1 on the training diagonal.

    So scaled, layers with many filters weigh no more than layers with few. A layer whose filters are all dead is 0.

    Args:
        features: (stimuli, features).
        training: (stimuli,): the images from which range and scale are taken.

    Example:
        >>> layer_kernel(np.float32([[0], [2], [5]]), np.array([True, True, False])).tolist()
        [[1.0, -1.0, -4.0], [-1.0, 1.0, 4.0], [-4.0, 4.0, 16.0]]
    """
    scores = standard_scores(features, training)
    kernel = (scores @ scores.T).astype(np.float64)
    scale = float(kernel.diagonal()[training].mean())
    return kernel / scale if scale > 0 else kernel


def one_hot(labels: IntArray, categories: int) -> FloatArray:
    """(stimuli, categories): 1 for the category of each stimulus, 0 elsewhere.

    Args:
        labels: (stimuli,): numbers of categories.
        categories: how many there are.
    """
    return np.eye(categories)[labels]


def stratified_folds(labels: IntArray, groups: IntArray, folds: int, seed: int) -> IntArray:
    """The fold of every stimulus: categories are spread evenly, and a group is never divided.

    Args:
        labels: (stimuli,): numbers of categories.
        groups: (stimuli,): numbers of groups; a stimulus of its own has a group of its own.
        folds: how many there are.
        seed: equal seeds give equal folds.

    Returns: (stimuli,): from 0 to folds - 1.

    Example:
        >>> labels, groups = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2, 3, 3])
        >>> folds = stratified_folds(labels, groups, 2, seed=0)
        >>> folds[[0, 2, 4, 6]] == folds[[1, 3, 5, 7]], np.bincount(folds)
        (array([ True,  True,  True,  True]), array([4, 4]))
    """
    chance = np.random.default_rng(seed)
    counts = np.zeros((int(groups.max()) + 1, int(labels.max()) + 1), int)
    np.add.at(counts, (groups, labels), 1)
    shuffled = chance.permutation(len(counts))
    # The largest groups first, as they are the hardest to place; then category by category.
    order = shuffled[np.lexsort((counts.argmax(axis=1)[shuffled], -counts.sum(axis=1)[shuffled]))]
    filled, place = np.zeros((folds, counts.shape[1]), int), np.zeros(len(counts), int)
    for group in order:
        fullness = filled[:, counts[group] > 0].sum(axis=1)
        place[group] = np.lexsort((chance.random(folds), filled.sum(axis=1), fullness))[0]
        filled[place[group]] += counts[group]
    return place[groups]


def layer_weights(kernels: FloatArray, targets: FloatArray) -> tuple[FloatArray, float]:
    """How the variance of the categories is divided among layers and noise, as variance components.

    C = sum of w_l K_l + s I; every w and s is multiplied by the root of num / den until the shares settle, where num =
    mean over categories of b' K_l b, b = C^-1 y, and den = trace of C^-1 K_l: the likelihood rises with every update,
    and no weight becomes negative.

    Args:
        kernels: (layers, training images, training images), each with a mean of 1 on its diagonal.
        targets: (training images, categories): one-hot.

    Returns: (layers,): shares of the layers, which add up to 1 (equal ones where no layer has any); and the share of
        the noise of the whole, from 0 to 1.

    Example:
        >>> signal = np.array([[1.0, 1, -1, -1]])
        >>> kernels = np.stack([signal.T @ signal, np.eye(4)])
        >>> layer_weights(kernels, one_hot(np.array([0, 0, 1, 1]), 2))[0].round(2)
        array([1., 0.])
    """
    y = targets - targets.mean(axis=0)
    spread = y.std(axis=0)
    y = (y / np.where(spread > 0, spread, 1))[:, spread > 0]
    if not y.size:
        return np.full(len(kernels), 1 / len(kernels)), 1.0
    flat = np.ascontiguousarray(kernels).reshape(len(kernels), -1)
    parts, noise = np.full(len(kernels), 0.5 / len(kernels)), 0.5
    for _ in range(ROUNDS):
        whole = (parts @ flat).reshape(kernels.shape[1:])
        whole[np.diag_indices_from(whole)] += noise
        inverse = _inverse(whole)
        b = inverse @ y
        explained = flat @ (b @ b.T).ravel() / y.shape[1]
        expected = flat @ inverse.ravel()
        ratio = np.divide(explained, expected, out=np.zeros_like(expected), where=expected > 0)
        fresh = parts * np.sqrt(np.maximum(ratio, 0))
        fresh_noise = noise * float(np.sqrt((b**2).sum() / y.shape[1] / np.trace(inverse)))
        fresh_noise = max(fresh_noise, 1e-6 * float(fresh.sum() + fresh_noise))
        before, after = _shares(parts, noise), _shares(fresh, fresh_noise)
        parts, noise = fresh, fresh_noise
        if np.abs(after - before).max() < SETTLED:
            break
    total = float(parts.sum())
    shares = parts / total if total > 0 else np.full(len(parts), 1 / len(parts))
    return shares, noise / (total + noise)


def _inverse(whole: FloatArray) -> FloatArray:
    """The inverse of a positive definite matrix, by Cholesky's factor: half the work of any matrix."""
    factor, _ = scipy.linalg.lapack.dpotrf(whole, lower=1, clean=1, overwrite_a=0)
    lower, failed = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed:
        return np.asarray(np.linalg.pinv(whole, hermitian=True), float)
    return np.tril(lower) + np.tril(lower, -1).T


def _shares(parts: FloatArray, noise: float) -> FloatArray:
    """Layers and noise as shares of the whole."""
    every = np.append(parts, noise)
    return every / every.sum()


def out_of_fold_scores(
    layers: Mapping[str, NDArray[np.float32]],
    labels: IntArray,
    groups: IntArray,
    *,
    folds: int = 5,
    seed: int = 0,
) -> FloatArray:
    """The scores of every stimulus by a probe that was fitted without its fold: layers weighted, penalty chosen inside.

    Args:
        layers: features (stimuli, features) of every layer, as of `layer_features`.
        labels: (stimuli,): numbers of categories.
        groups: (stimuli,): what stays in one fold.
        folds: how many there are.
        seed: of the folds.

    Returns: (stimuli, categories): about 1 for a category that the stimulus belongs to, about 0 for the others.

    Example:
        >>> layers = {"a": np.float32([[0], [1], [0], [9], [8], [9]])}
        >>> out_of_fold_scores(layers, np.array([0, 0, 0, 1, 1, 1]), np.arange(6), folds=3).argmax(axis=1)
        array([0, 0, 0, 1, 1, 1])
    """
    place = stratified_folds(labels, groups, folds, seed)
    targets = one_hot(labels, int(labels.max()) + 1)
    scores = np.zeros_like(targets)
    for fold in range(folds):
        training = place != fold
        scores[~training] = fold_scores(list(layers.values()), targets, groups, training)
    return scores


def fold_scores(
    layers: Sequence[NDArray[np.float32]], targets: FloatArray, groups: IntArray, training: BoolArray
) -> FloatArray:
    """The scores of the images that are not training images, layers weighted by what the training images show.

    Args:
        layers: features (stimuli, features) of every layer.
        targets: (stimuli, categories): one-hot.
        groups: (stimuli,): what is left out together.
        training: (stimuli,): which are training images.
    """
    kernels = np.stack([layer_kernel(features, training) for features in layers])
    inside = kernels[:, training][:, :, training]
    weights, _ = layer_weights(inside, targets[training])
    ridge = Ridge(np.tensordot(weights, inside, 1), groups[training])
    new = np.tensordot(weights, kernels[:, ~training][:, :, training], 1)
    return ridge.scores(new, targets[training])
