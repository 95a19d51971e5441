"""Doubtful labels: margins are those of refitting, thresholds those of shuffled labels."""

from __future__ import annotations

import numpy as np
import pytest

from toolbox.design.audit import labels as judged
from toolbox.design.audit.labels import Doubts, doubtful_labels

EACH = 30


def made(seed: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Features of three categories, and their labels."""
    chance = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), EACH)
    features = chance.normal(0, 1, (3, 25))[labels] + chance.normal(0, noise, (3 * EACH, 25))
    return features.astype(np.float32), labels


def doubts(features: np.ndarray, labels: np.ndarray, **options: float) -> Doubts:
    groups = np.arange(len(labels))
    return doubtful_labels([features], labels, groups, false_positives=0.05, **options)  # type: ignore[arg-type]


def test_exchanged_labels_are_beyond_the_threshold_and_right_ones_are_not() -> None:
    features, labels = made(0, 1.0)
    wrong = [3, 40, 77]
    labels[wrong] = (labels[wrong] + 1) % 3
    found = doubts(features, labels)
    assert set(np.flatnonzero(found.margins > found.threshold)) == set(wrong)
    assert (found.others[wrong] == (labels[wrong] - 1) % 3).all()
    assert found.found > 0.5
    assert found.false_alarms < 0.02


def test_where_labels_have_nothing_to_do_with_the_pictures_few_are_doubtful() -> None:
    features, labels = made(1, 1.0)
    found = doubts(features, np.random.default_rng(2).permutation(labels))
    assert (found.margins > found.threshold).mean() < 0.12  # 5 % are expected
    assert found.found < 0.3


def test_a_copy_does_not_vouch_for_the_wrong_label_of_its_original() -> None:
    features, labels = made(2, 1.0)
    features[5], labels[[5, 6]] = features[6], 2  # both copies have the same wrong label
    groups = np.arange(len(labels))
    alone = doubtful_labels([features], labels, groups, false_positives=0.05)
    groups[5] = groups[6]
    together = doubtful_labels([features], labels, groups, false_positives=0.05)
    assert together.margins[5] > 0 > alone.margins[5]


def test_a_large_set_is_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = made(3, 0.7)
    labels[[1, 50]] = [2, 0]
    monkeypatch.setattr(judged, "TOGETHER", 45)
    found = doubts(features, labels)
    assert {1, 50} <= set(np.flatnonzero(found.margins > found.threshold))


def test_a_layer_of_dead_filters_changes_nothing() -> None:
    features, labels = made(4, 1.0)
    with_dead = [features, np.zeros((len(labels), 8), np.float32)]
    groups = np.arange(len(labels))
    first = doubtful_labels([features], labels, groups, false_positives=0.05)
    second = doubtful_labels(with_dead, labels, groups, false_positives=0.05)
    assert second.margins == pytest.approx(first.margins, abs=1e-6)
