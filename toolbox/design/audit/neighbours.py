"""Distances of pictures by the maxima of a few layers, in units of what is usual between neighbours.

How far apart two different pictures are depends on the set: photographs of cars are nearer to one another than
landscapes, and cut-outs on grey than photographs. So the distance of two pictures in a layer, norm(a - b) /
max(norm(a), norm(b)) over the maxima of its filters, is divided by the usual distance of both to their neighbours: the
square root of the product of the two, each the distance within which the nearest twentieth of all stimuli of the set
is. The mean over the layers is about 1 for neighbours that are different pictures.

Reads no file. Maxima, and not means: of cut-outs on a plain ground, most of a mean is ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from toolbox.design.copies import Maxima, relative_distances

NEIGHBOURS = 0.05
"""Proportion of the stimuli of a set that are neighbours of one of them, and at least LEAST_NEIGHBOURS."""
LEAST_NEIGHBOURS = 5
SAMPLE = 2000
"""Stimuli among which neighbours are counted in larger sets."""
ROWS = 1024
"""Stimuli whose distances to all others are in memory together."""


def usual_distances(maxima: Maxima, among: Maxima, *, seed: int = 0) -> NDArray[np.float64]:
    """The distance of every stimulus to its neighbours in a set: within it is the nearest twentieth of the others.

    Args:
        maxima: (stimuli, filters).
        among: (stimuli of the set, filters); a stimulus may be one of them.
        seed: of the sample of a set with more than SAMPLE stimuli.
    """
    count = len(among)
    if count > SAMPLE:
        chosen = np.random.default_rng(seed).choice(count, SAMPLE, replace=False)
        among, count = among[chosen], SAMPLE
    place = min(max(LEAST_NEIGHBOURS, round(NEIGHBOURS * count)), count - 1)
    usual = [
        np.partition(relative_distances(maxima[rows], among), place, axis=1)[:, place]
        for rows in _blocks(len(maxima))
    ]
    return np.concatenate(usual).astype(np.float64)


def near_pairs(
    layers: Sequence[tuple[Maxima, Maxima]], largest: float, *, seed: int = 0
) -> list[tuple[int, int, float]]:
    """Pairs of a stimulus of a set and one of another, or of the same, that are nearer than different pictures are.

    Args:
        layers: for every layer, the maxima of the set, and of the other one: the same array for pairs within the set.
        largest: distance, in those to neighbours.
        seed: as of `usual_distances`.

    Returns: place in the set, place in the other, distance; within a set, every pair once.

    Example:
        >>> pictures = np.float32([[9, 0], [9, 0.1], [0, 7], [5, 5], [2, 9], [8, 4], [4, 8]])
        >>> [(a, b) for a, b, _ in near_pairs([(pictures, pictures)], 0.2)]
        [(0, 1)]
    """
    if not layers or min(len(maxima) for maxima in layers[0]) == 0 or len(layers[0][0]) < 3:
        return []
    is_same = layers[0][0] is layers[0][1]
    usual = [
        (usual_distances(own, own, seed=seed), usual_distances(other, own, seed=seed))
        for own, other in layers
    ]
    found = list[tuple[int, int, float]]()
    for rows in _blocks(len(layers[0][0])):
        mean = np.zeros((rows.stop - rows.start, len(layers[0][1])))
        for (own, other), (of_own, of_other) in zip(layers, usual, strict=True):
            unit = np.sqrt(of_own[rows][:, None] * of_other)
            apart = relative_distances(own[rows], other)
            mean += np.divide(apart, unit, out=np.where(apart > 0, np.inf, 0.0), where=unit > 0)
        mean /= len(layers)
        for a, b in zip(*np.nonzero(mean <= largest), strict=True):
            if not is_same or a + rows.start < b:
                found.append((int(a) + rows.start, int(b), float(mean[a, b])))
    return sorted(found, key=lambda pair: (pair[2], pair[:2]))


def _blocks(count: int) -> Iterator[slice]:
    """Slices of ROWS rows."""
    for start in range(0, count, ROWS):
        yield slice(start, min(start + ROWS, count))
