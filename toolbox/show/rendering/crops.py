"""A crop of a picture, moved, scaled and turned a little, and the adjoint of taking it. Owns bilinear sampling.

A picture that drives a unit wherever it is put does not depend on single pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.show.rendering.waves import RealArray


@dataclass(frozen=True)
class Movement:
    """How a crop lies in a picture: the offset of its middle from that of the picture, in pixels; scale; radians."""

    down: float = 0.0
    right: float = 0.0
    scale: float = 1.0
    turn: float = 0.0


@dataclass(frozen=True)
class Crop:
    """Which pixels of a picture, with which weights, are a pixel of the crop.

    Attributes:
        places: (4, crop pixels), numbers of pixels in the unrolled picture.
        weights: (4, crop pixels), the sum of each column is 1.
        sides: height and width of the crop.
        whole: height and width of the picture.
    """

    places: NDArray[np.intp]
    weights: RealArray
    sides: tuple[int, int]
    whole: tuple[int, int]

    def take(self, picture: RealArray) -> RealArray:
        """The crop of a picture.

        Args:
            picture: (channels, height, width).
        """
        pixels = picture.reshape(len(picture), -1)
        taken = sum(
            weight * pixels[:, place] for place, weight in zip(self.places, self.weights, strict=True)
        )
        return np.asarray(taken).reshape(-1, *self.sides)

    def spread(self, gradient: RealArray) -> RealArray:
        """The adjoint of `take`: the gradient by the picture of anything of which that by the crop is known.

        Args:
            gradient: (channels, height, width) of the crop.
        """
        places, size = self.places.ravel(), self.whole[0] * self.whole[1]
        channels = [
            np.bincount(places, (self.weights * channel.ravel()).ravel(), minlength=size)
            for channel in gradient
        ]
        return np.stack(channels).reshape(-1, *self.whole).astype(gradient.dtype)


def moved_crop(whole: tuple[int, int], sides: tuple[int, int], movement: Movement) -> Crop:
    """A crop around the middle of a picture, whose outermost pixels go on where the crop leaves it.

    Args:
        whole: height and width of the picture.
        sides: height and width of the crop.
        movement: how it lies.
    """
    rows = (np.arange(sides[0]) - (sides[0] - 1) / 2)[:, None]
    columns = (np.arange(sides[1]) - (sides[1] - 1) / 2)[None, :]
    cosine, sine = movement.scale * np.cos(movement.turn), movement.scale * np.sin(movement.turn)
    down = (cosine * rows - sine * columns + (whole[0] - 1) / 2 + movement.down).ravel()
    right = (sine * rows + cosine * columns + (whole[1] - 1) / 2 + movement.right).ravel()
    top, left = np.floor(down).astype(int), np.floor(right).astype(int)
    lower, further = down - top, right - left
    places, weights = [], []
    for below, row_weight in ((0, 1 - lower), (1, lower)):
        for beside, column_weight in ((0, 1 - further), (1, further)):
            row, column = (top + below).clip(0, whole[0] - 1), (left + beside).clip(0, whole[1] - 1)
            places.append(row * whole[1] + column)
            weights.append(row_weight * column_weight)
    return Crop(np.stack(places), np.stack(weights), sides, whole)
