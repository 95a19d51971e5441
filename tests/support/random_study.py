"""A study of random responses, large enough for every index to differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from support.small_study import SET, add_measurement, add_stimuli, long_table, small_study
from toolbox.store.folder import StudyFolder

STIMULI, FILTERS = 60, 20
LAYERS = ("conv1", "pool1", "conv2", "pool2", "a_conv3", "dense")
"""By depth; `a_conv3` would be first in the alphabet."""
CATEGORIES = ["dog"] * 25 + ["car"] * 15 + ["face"] * 9 + ["axe"] * 4 + [None] * 7
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class RandomStudy:
    """A study, and the numbers that it was made of."""

    folder: StudyFolder
    responses: Mapping[str, tuple[Matrix, Matrix]]
    """Layer -> maximum and mean, each (stimuli, filters)."""
    layers: pl.DataFrame
    categories: list[str | None]
    orientations: list[float]
    frequencies: list[float]
    parts: list[list[int]]


def make_random_study(root: Path) -> RandomStudy:
    """Sparse responses of many ties and several dead filters to stimuli of unequal categories and 5 orientations."""
    chance = np.random.default_rng(20181)
    responses = {layer: _responses(chance) for layer in LAYERS}
    kinds = [name.strip("a_").rstrip("123").replace("conv", "convolution") for name in LAYERS]
    layers = pl.DataFrame({"layer": LAYERS, "position": range(1, len(LAYERS) + 1), "kind": kinds})
    categories = list(chance.permutation(np.array(CATEGORIES, dtype=object)))
    orientations = [36.0 * (number % 5) for number in range(STIMULI)]
    parts = [list(map(int, part)) for part in np.array_split(np.arange(STIMULI), [7, 30])]
    folder = small_study(
        root,
        long_table(responses),
        pl.DataFrame({"stimulus_id": range(STIMULI), "category": categories}),
        layers=layers,
        parts=parts,
    )
    frequencies = [(1.0, 2.0, 3.0, 8.0)[number % 4] for number in range(STIMULI)]
    variables = {
        "stimulus_id": range(STIMULI),
        "orientation": orientations,
        "step": [n % 3 for n in range(STIMULI)],
    }
    add_stimuli(folder, pl.DataFrame({**variables, "spatial_frequency": frequencies}), SET)
    luminance = chance.integers(20, 80, STIMULI).astype(float)
    add_measurement(folder, pl.DataFrame({"stimulus_id": range(STIMULI), "luminance": luminance}), SET)
    return RandomStudy(folder, responses, layers, categories, orientations, frequencies, parts)


def _responses(chance: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Maxima in eighths, half of them 0, and means below them; filters 3 and 11 are dead, 17 never silent."""
    maximum = np.round(8 * chance.gamma(1.5, 2.0, (STIMULI, FILTERS))) / 8
    maximum *= chance.random((STIMULI, FILTERS)) < 0.5
    maximum[:, 3], maximum[:, 11] = 0, 2.5
    maximum[:, 17] += 1
    mean = maximum * chance.integers(1, 9, (STIMULI, FILTERS)) / 16
    mean[:, 11] = 0.25
    return maximum.astype(np.float32), mean.astype(np.float32)
