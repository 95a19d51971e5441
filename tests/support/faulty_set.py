"""A study of numbers, without images, in which faults are planted: copies, exchanged labels, a confound, poor pictures.

Three categories of 60 stimuli; the responses of 40 filters in each of two layers are a pattern of the category and one
of the stimulus. A second set has copies of some stimuli.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from support.small_study import (
    SET,
    add_labels,
    add_measurement,
    add_responses,
    add_stimuli,
    digest,
    long_table,
    small_study,
)
from toolbox.store.folder import StudyFolder

EACH, FILTERS = 60, 40
LAYERS = ("early", "late")
CATEGORIES = ("car", "dog", "face")
OTHER = "later"
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class FaultySet:
    """The study, and what is wrong in it.

    Attributes:
        folder: the study; SET is audited, OTHER shares some pictures.
        near: pairs of stimuli of SET that are nearly the same: the first, the later one.
        conflict: those of them with two categories.
        exchanged: stimulus -> its true category.
        shared_pixels, shared_near: stimulus of SET -> that of OTHER.
        confound: a property, and the category that it tells.
        dark: stimuli.
    """

    folder: StudyFolder
    near: set[tuple[int, int]]
    conflict: set[tuple[int, int]]
    exchanged: dict[int, str]
    shared_pixels: dict[int, int]
    shared_near: dict[int, int]
    confound: tuple[str, str]
    dark: set[int]


def make_faulty_set(root: Path, seed: int = 0) -> FaultySet:
    """A study with planted faults."""
    chance = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(CATEGORIES)), EACH)
    count = len(truth)
    luminance = chance.normal(50, 8, count) + 25 * (truth == 0)
    patterns = {layer: chance.gamma(1, 2, (len(CATEGORIES), FILTERS)) for layer in LAYERS}
    own = {layer: chance.gamma(1, 1.5, (count, FILTERS)) for layer in LAYERS}
    for layer in LAYERS:
        own[layer][:, :5] += luminance[:, None] / 10  # filters that only respond to luminance
        patterns[layer][:, :5] = 0
    near = {(3, 70), (10, 12), (80, 81), (100, 150), (125, 126)}
    conflict = {(3, 70), (100, 150)}
    maxima = {layer: patterns[layer][truth] + own[layer] for layer in LAYERS}
    for a, b in near:
        for layer in LAYERS:
            maxima[layer][b] = maxima[layer][a] * chance.normal(1, 0.04, FILTERS)
    labels = [CATEGORIES[number] for number in truth]
    exchanged = {20: "car", 61: "dog", 130: "face", 179: "face"}
    for number, category in zip(exchanged, ("dog", "face", "car", "dog"), strict=True):
        labels[number] = category
    folder = small_study(
        root,
        long_table({layer: _both(values) for layer, values in maxima.items()}),
        pl.DataFrame({"stimulus_id": range(count), "category": labels}),
    )
    pixels = [digest(f"pixels {number}") for number in range(count)]
    add_stimuli(
        folder,
        pl.DataFrame({"stimulus_id": range(count), "path": paths(labels), "pixels_sha256": pixels}),
    )
    dark = {7, 90}
    add_measurement(
        folder,
        pl.DataFrame(
            {
                "stimulus_id": range(count),
                "luminance": luminance,
                "symmetry": chance.random(count),
                "brightness_high_file": [0.2 if number in dark else 0.9 for number in range(count)],
                "rms_contrast": 0.07,
                "uniform_background": 0.1,
            }
        ),
    )
    shared_pixels, shared_near = {30: 0, 31: 1}, {40: 2, 141: 3}
    _add_other_set(folder, maxima, pixels, {**shared_pixels, **shared_near}, {*shared_pixels}, chance)
    return FaultySet(
        folder, near, conflict, exchanged, shared_pixels, shared_near, ("luminance", "car"), dark
    )


def paths(labels: list[str]) -> list[str]:
    return [f"pictures/{category}/{number}.png" for number, category in enumerate(labels)]


def _both(maximum: Matrix) -> tuple[Matrix, Matrix]:
    """Maxima, and means below them."""
    return maximum.astype(np.float32), (maximum / 3).astype(np.float32)


def _add_other_set(
    folder: StudyFolder,
    maxima: dict[str, NDArray[np.float64]],
    pixels: list[str],
    shared: dict[int, int],
    same: set[int],
    chance: np.random.Generator,
) -> None:
    """Copies of some stimuli, of which some have the same pixels, and as many other pictures."""
    originals, count = list(shared), 2 * len(shared)
    responses = {}
    for layer, values in maxima.items():
        new = np.concatenate([values[originals], chance.gamma(1, 3, (len(shared), FILTERS))])
        new[: len(shared)] *= chance.normal(1, 0.03, (len(shared), FILTERS))
        responses[layer] = _both(new)
    digests = [digest(f"other pixels {number}") for number in range(count)]
    for original, number in shared.items():
        if original in same:
            digests[number] = pixels[original]
    add_stimuli(folder, pl.DataFrame({"stimulus_id": range(count), "pixels_sha256": digests}), OTHER)
    add_labels(folder, pl.DataFrame({"stimulus_id": [0], "category": ["car"]}), OTHER)
    add_responses(folder, long_table(responses), OTHER)


__all__ = ["CATEGORIES", "OTHER", "SET", "FaultySet", "make_faulty_set"]
