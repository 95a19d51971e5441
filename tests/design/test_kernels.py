"""Kernels, weights of layers and ridge: compared with the plain definitions, and with refitting."""

from __future__ import annotations

import numpy as np
import pytest

from toolbox.design.kernels import (
    fold_scores,
    layer_features,
    layer_kernel,
    layer_weights,
    one_hot,
    out_of_fold_scores,
    stratified_folds,
)
from toolbox.design.ridge import Ridge

CHANCE = np.random.default_rng(7)
LABELS = np.repeat(np.arange(3), 12)
ALONE = np.arange(36)


def features(filters: int, signal: float = 0) -> np.ndarray:
    """Noise and, if asked, a difference between the categories."""
    noise = CHANCE.normal(size=(36, filters)).astype(np.float32)
    return noise + signal * one_hot(LABELS, 3) @ CHANCE.normal(size=(3, filters)).astype(np.float32)


def refitted(x: np.ndarray, targets: np.ndarray, penalty: float, left_out: np.ndarray) -> np.ndarray:
    """The scores of what is left out by the ridge, with a free intercept, that is fitted to the rest."""
    rest, mean = x[~left_out], x[~left_out].mean(axis=0)
    y = targets[~left_out]
    centred = rest - mean
    b = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - y.mean(axis=0)))
    return (x[left_out] - mean) @ b + y.mean(axis=0)


@pytest.mark.parametrize("groups", [None, np.arange(36) // 2, np.arange(36) % 5])
def test_what_is_left_out_scores_as_by_a_ridge_fitted_without_it(groups):
    x = features(8, 1.0).astype(float)
    x -= x.mean(axis=0)
    targets = one_hot(LABELS, 3)
    ridge = Ridge(x @ x.T, groups)
    found = ridge.left_out(targets)
    for number, penalty in enumerate(ridge.penalties):
        for group in np.unique(ALONE if groups is None else groups):
            left_out = (ALONE if groups is None else groups) == group
            expected = refitted(x, targets, penalty, left_out)
            assert np.allclose(found[number][left_out], expected, atol=1e-6)


def test_new_images_score_as_by_a_ridge_on_the_features():
    x = features(50, 1.0).astype(float)
    training = ALONE % 3 > 0
    x -= x[training].mean(axis=0)
    targets = one_hot(LABELS, 3)[training]
    ridge = Ridge(x[training] @ x[training].T)
    penalty = float(ridge.penalties[9])
    y = targets - targets.mean(axis=0)
    b = np.linalg.solve(x[training].T @ x[training] + penalty * np.eye(50), x[training].T @ y)
    found = ridge.scores(x[~training] @ x[training].T, targets, penalty)
    assert np.allclose(found, x[~training] @ b + targets.mean(axis=0))


def test_only_training_images_decide_range_and_scale():
    x = features(20)
    training = ALONE < 30
    changed = x.copy()
    changed[~training] *= 100
    here, there = layer_kernel(x, training), layer_kernel(changed, training)
    assert np.array_equal(here[training][:, training], there[training][:, training])
    assert here.diagonal()[training].mean() == pytest.approx(1)


def test_a_layer_of_dead_filters_has_no_kernel_and_no_weight():
    kernels = np.stack(
        [layer_kernel(x, ALONE >= 0) for x in (np.full((36, 4), 3.0, np.float32), features(9))]
    )
    assert not kernels[0].any()
    weights, _ = layer_weights(kernels, one_hot(LABELS, 3))
    assert weights.tolist() == [0, 1]


def plain_weights(kernels: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Shares of layers and noise by the definition, step by step, until nothing changes."""
    y = (targets - targets.mean(axis=0)) / targets.std(axis=0)
    every = [*kernels, np.eye(len(y))]
    parts = [0.5 / len(kernels)] * len(kernels) + [0.5]
    for _ in range(60):
        inverse = np.linalg.inv(sum(part * kernel for part, kernel in zip(parts, every, strict=True)))
        b = inverse @ y
        old = np.array(parts) / sum(parts)
        parts = [
            part * np.sqrt(np.mean([v @ kernel @ v for v in b.T]) / np.trace(inverse @ kernel))
            for part, kernel in zip(parts, every, strict=True)
        ]
        if np.abs(np.array(parts) / sum(parts) - old).max() < 1e-3:
            break
    return np.array(parts) / sum(parts)


def test_weights_are_those_of_the_definition():
    kernels = np.stack([layer_kernel(features(30, signal), ALONE >= 0) for signal in (0, 0.5, 1)])
    weights, noise = layer_weights(kernels, one_hot(LABELS, 3))
    plain = plain_weights(kernels, one_hot(LABELS, 3))
    assert np.allclose([*(weights * (1 - noise)), noise], plain, atol=1e-9)
    assert weights.argmax() == 2


def test_of_shuffled_labels_nearly_all_is_noise():
    everything = np.ones(150, bool)
    noise = CHANCE.normal(size=(3, 150, 10)).astype(
        np.float32
    )  # few filters: the kernels are not like noise itself
    kernels = np.stack([layer_kernel(x, everything) for x in noise])
    labels = np.repeat(np.arange(3), 50)
    noises = [layer_weights(kernels, one_hot(CHANCE.permutation(labels), 3))[1] for _ in range(10)]
    assert np.median(noises) > 0.9


def test_folds_spread_every_category_evenly_and_never_divide_a_group():
    labels = np.repeat(np.arange(4), [20, 20, 15, 5])
    groups = np.arange(60)
    groups[20:40] = groups[:20]  # matched pairs of the first two categories
    folds = stratified_folds(labels, groups, 5, seed=3)
    counts = np.array(
        [[np.sum((folds == fold) & (labels == each)) for each in range(4)] for fold in range(5)]
    )
    assert (counts == [4, 4, 3, 1]).all()
    assert (folds[20:40] == folds[:20]).all()
    assert np.array_equal(folds, stratified_folds(labels, groups, 5, seed=3))
    assert not np.array_equal(folds, stratified_folds(labels, groups, 5, seed=4))


def test_labels_of_a_fold_do_not_change_its_scores():
    x, targets = [features(30), features(12, 1.0)], one_hot(LABELS, 3)
    training = ALONE % 4 > 0
    wrong = targets.copy()
    wrong[~training] = wrong[~training][:, ::-1]
    assert np.array_equal(fold_scores(x, targets, ALONE, training), fold_scores(x, wrong, ALONE, training))


def test_out_of_fold_scores_tell_categories_apart_that_the_layers_tell_apart():
    scores = out_of_fold_scores({"noise": features(30), "signal": features(30, 2.0)}, LABELS, ALONE, folds=4)
    assert (scores.argmax(axis=1) == LABELS).mean() > 0.9


def test_features_keep_the_sign_of_negative_responses():
    found = layer_features(np.float32([[-4, 9]]), np.float32([[1, 0]]))
    assert found.tolist() == [[-2, 3, 1, 0]]
