"""Where the activation of a filter is strong in a picture. Owns interpolating a map between its positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.stimuli.cutting import Mask
from toolbox.stimuli.fitting import Box, Fitting, Size
from toolbox.tapping.geometry import Spans

STRONG = 0.5
"""Part of the maximum from which the activation is strong."""

ActivationMap = NDArray[np.float32]
"""height x width."""


@dataclass(frozen=True)
class Placement:
    """Where the positions of a map are in an image: what they see of the input, and how the image was fitted into it.

    Attributes:
        spans: pixels of the input that a position sees, along height and width.
        fitting: of the image.
        input: size of the input.
    """

    spans: Spans
    fitting: Fitting
    input: Size

    def field(self, position: tuple[int, int]) -> Box:
        """What a position sees, in pixels of the input; it may exceed the input.

        With a step of 16, left -98 and right 97, position 1 sees the pixels -82 to 113: from edge -82 to edge 114. A
        side along which all is seen has the edges of the input.

        Args:
            position: row and column.
        """
        edges = [
            (place * span.step + span.left, place * span.step + span.right + 1)
            if np.isfinite(span.left)
            else (0, side)
            for place, span, side in zip(position, self.spans, self.input, strict=True)
        ]
        return Box(edges[0][0], edges[1][0], edges[0][1], edges[1][1])

    def positions(self, axis: int, edges: tuple[int, int], count: int, of: int) -> NDArray[np.float64]:
        """The positions, in fractions, at the centres of so many shown pixels along one side of a piece of the image.

        The centre of position p is at p * step + (left + right + 1) / 2 in the input.

        Args:
            axis: 0 for the height, 1 for the width.
            edges: of the piece in pixels of the image.
            count: number of shown pixels.
            of: number of positions of the map along this side.
        """
        span, (first, last) = self.spans[axis], edges
        shown = first + (np.arange(count) + 0.5) * (last - first) / count
        seen = (shown - self.fitting.offset[axis]) / self.fitting.scale[axis]
        if not np.isfinite(span.left):
            return seen / self.input[axis] * of - 0.5
        centred: NDArray[np.float64] = (seen - (span.left + span.right + 1) / 2) / span.step
        return centred


def strong_region(activation: ActivationMap, placement: Placement, piece: Box, size: Size) -> Mask:
    """Where the activation, interpolated between positions, is at least STRONG of its maximum.

    Args:
        activation: the map of a filter.
        placement: of its positions.
        piece: of the image, in its own pixels.
        size: height and width at which the piece is shown.

    Returns: of that size; False everywhere where the maximum is not above zero.
    """
    largest = float(activation.max())
    if largest <= 0:
        return np.zeros(size, np.bool_)
    top, left, bottom, right = piece.outward()
    rows = placement.positions(0, (top, bottom), size[0], activation.shape[0])
    columns = placement.positions(1, (left, right), size[1], activation.shape[1])
    return interpolated(activation, rows, columns) >= STRONG * largest


def interpolated(
    activation: ActivationMap, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A map at the crossings of rows and columns, linearly between positions; beyond the outer ones, as there.

    Args:
        activation: the map.
        rows: positions along the height, in fractions.
        columns: positions along the width.

    Example:
        >>> interpolated(np.array([[0, 4]], np.float32), np.array([0.0]), np.array([-1, 0.25, 2])).tolist()
        [[0.0, 1.0, 4.0]]
    """
    result = activation.astype(np.float64)
    for axis, places in enumerate((rows, columns)):
        bounded = places.clip(0, activation.shape[axis] - 1)
        low = np.floor(bounded).astype(np.int64)
        high = np.minimum(low + 1, activation.shape[axis] - 1)
        part = (bounded - low).reshape((-1, 1) if axis == 0 else (1, -1))
        result = result.take(low, axis) * (1 - part) + result.take(high, axis) * part
    return result
