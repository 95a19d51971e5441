"""Distances of pictures in units of those between neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from toolbox.design.audit import neighbours
from toolbox.design.audit.neighbours import near_pairs, usual_distances
from toolbox.design.copies import relative_distances


@pytest.fixture
def maxima() -> np.ndarray:
    return np.random.default_rng(3).gamma(1, 3, (70, 12)).astype(np.float32)


def test_a_distance_is_that_of_the_definition(maxima: np.ndarray) -> None:
    a, b = maxima[4].astype(float), maxima[9].astype(float)
    expected = np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b))
    assert relative_distances(maxima, maxima)[4, 9] == pytest.approx(expected, rel=1e-5)


def test_a_picture_is_exactly_at_itself_however_large_its_responses(maxima: np.ndarray) -> None:
    assert (relative_distances(maxima * 1e6, maxima * 1e6).diagonal() == 0).all()


def test_the_usual_distance_is_that_of_the_nearest_twentieth_or_of_five(maxima: np.ndarray) -> None:
    apart = np.sort(relative_distances(maxima, maxima), axis=1)
    assert usual_distances(maxima, maxima) == pytest.approx(apart[:, 5])  # the picture itself is the first
    many = np.tile(maxima, (3, 1)) + np.random.default_rng(4).random((210, 12)).astype(np.float32)
    assert usual_distances(many, many) == pytest.approx(
        np.sort(relative_distances(many, many), axis=1)[:, 10]
    )


def test_pairs_are_the_same_however_many_rows_are_in_memory(
    maxima: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = near_pairs([(maxima, maxima)], 0.9)
    monkeypatch.setattr(neighbours, "ROWS", 13)
    assert near_pairs([(maxima, maxima)], 0.9) == whole
    assert len(whole) > 5
    assert all(a < b for a, b, _ in whole)


def test_pictures_of_a_dense_set_are_no_copies_of_one_another() -> None:
    """Photographs of one thing are near to one another; a threshold of the plain distance would list them all."""
    chance = np.random.default_rng(1)
    similar = (20 + chance.random((200, 60))).astype(np.float32)
    copy = similar[:1] * chance.normal(1, 0.002, (1, 60)).astype(np.float32)
    pictures = np.concatenate([similar, copy])
    assert relative_distances(pictures, pictures).max() < 0.1
    assert [(a, b) for a, b, _ in near_pairs([(pictures, pictures)], 0.7)] == [(0, 200)]


def test_silent_pictures_are_at_distance_0_and_two_pictures_no_set() -> None:
    silent = np.zeros((4, 3), np.float32)
    assert (relative_distances(silent, silent) == 0).all()
    assert near_pairs([(silent[:2], silent[:2])], 0.7) == []
    assert near_pairs([], 0.7) == []
