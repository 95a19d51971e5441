"""Draws: which stimuli stand for which category, and that equal seeds give equal ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from toolbox.resampling import StimulusCategories, draw_resamples
from toolbox.resampling import resamples as module
from toolbox.resampling.resamples import CHUNK, RESAMPLE_KINDS, ResampleKind

LABELS = StimulusCategories(np.array([0, 1, 0, 2, 0, 1, 0, 2, 0, 0, 1]), 3)  # sizes 6, 3, 2
KIND = pytest.mark.parametrize("kind", RESAMPLE_KINDS)


def weights(
    kind: ResampleKind, count: int = 60, seed: int = 4, labels: StimulusCategories = LABELS
) -> NDArray[np.float64]:
    """(draws, categories, stimuli)."""
    found = [draws.weights.toarray() for draws in draw_resamples(kind, labels, count, seed)]
    return np.concatenate(found).reshape(-1, labels.categories, len(labels.numbers))


@KIND
def test_every_draw_has_as_many_stimuli_of_a_category_as_it_says(kind: ResampleKind) -> None:
    for draws in draw_resamples(kind, LABELS, 60, 0):
        sums = draws.weights.toarray().sum(axis=1).reshape(draws.count, 3)
        assert (sums == draws.sizes).all()


def test_the_sizes_of_every_kind() -> None:
    sizes = {kind: next(draw_resamples(kind, LABELS, 60, 0)).sizes.tolist() for kind in RESAMPLE_KINDS}
    whole = [6, 3, 2]
    assert sizes == {
        "observed": whole,
        "bootstrap": whole,
        "permutation": whole,
        "equal": [2, 2, 2],
        "half": [3, 1, 1],
    }


@pytest.mark.parametrize("kind", ["observed", "bootstrap", "equal", "half"])
def test_stimuli_stay_in_their_category(kind: ResampleKind) -> None:
    own = np.stack([LABELS.numbers == number for number in range(3)])
    assert not weights(kind)[:, ~own].any()


@pytest.mark.parametrize("kind", ["observed", "permutation"])
def test_every_stimulus_is_there_once(kind: ResampleKind) -> None:
    assert (weights(kind).sum(axis=1) == 1).all()


@pytest.mark.parametrize("kind", ["equal", "half"])
def test_no_stimulus_is_drawn_twice(kind: ResampleKind) -> None:
    assert weights(kind).max() == 1


def test_the_bootstrap_draws_with_replacement_as_numpy_does() -> None:
    chance = np.random.default_rng([4, 1, 0])
    for number, size in enumerate(LABELS.sizes):
        members = np.flatnonzero(LABELS.numbers == number)
        chosen = members[chance.integers(0, size, (CHUNK, size))]
        expected = np.stack([np.bincount(row, minlength=11) for row in chosen])
        assert (weights("bootstrap")[:CHUNK, number] == expected).all()


def test_halves_come_in_pairs_that_share_no_stimulus() -> None:
    found = weights("half")
    both = found[::2] + found[1::2]
    assert both.max() == 1
    assert (both.sum(axis=2) == [6, 2, 2]).all()  # of three stimuli one is left out
    left_out = {int(row.argmin()) for row in both[:, 1, LABELS.numbers == 1]}
    assert left_out == {0, 1, 2}


@KIND
def test_equal_seeds_give_equal_draws_and_others_others(kind: ResampleKind) -> None:
    assert (weights(kind) == weights(kind)).all()
    assert (weights(kind) == weights(kind, seed=5)).all() == (kind == "observed")


@KIND
def test_the_first_of_many_draws_are_those_of_a_few(kind: ResampleKind) -> None:
    """Each chunk has a generator of its own."""
    few, many = weights(kind, CHUNK), weights(kind, 3 * CHUNK)
    assert (many[: len(few)] == few).all()
    if kind != "observed":
        assert len(many) == 3 * CHUNK
        assert (many[:CHUNK] != many[CHUNK : 2 * CHUNK]).any()


@KIND
@pytest.mark.parametrize("dense", [0, 32])
def test_full_and_sparse_products_are_the_sums_of_a_loop(
    kind: ResampleKind, dense: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DENSE_CATEGORIES", dense)
    monkeypatch.setattr(module, "ARRAY_LIMIT", 40)  # a few rows of the full matrix at a time
    responses = np.random.default_rng(1).normal(size=(11, 4))
    (draws,) = draw_resamples(kind, LABELS, 4, 0)
    expected = np.einsum("dcs,sf->dcf", weights(kind, 4, 0), responses)
    assert np.allclose(draws.sums(responses), expected, rtol=0, atol=1e-12)
    totals = draws.weights.toarray().reshape(draws.count, -1, 11).sum(axis=1)
    assert (totals == weights(kind, 4, 0).sum(axis=1)).all()
    assert not draws.has_all_stimuli or (totals == 1).all()
