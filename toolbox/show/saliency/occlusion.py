"""Occlusion: the fall of the response while a patch hides a part of the image. Owns where the patches are.

A patch has the colour at which the input of the network is 0, which is the baseline of gradient x input, too. The
response is that of the same unit, whose maximum may meanwhile be elsewhere: only so both maps explain the same number.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import UsageError
from toolbox.progress import Progress, silent
from toolbox.show.saliency.attribution import Inputs, Unit

PATCHES_ALONG = 8
"""Patches without overlap along the longer side of what the unit sees, where no side is chosen."""
MOST_PATCHES = 4096
"""Each patch is one presentation of the image."""


@dataclass(frozen=True)
class Tiling:
    """Overlapping square patches that cover what a unit sees.

    Attributes:
        tops, lefts: first rows and first columns of the patches, in pixels of the input.
        side: of a patch.
        stride: pixels between neighbouring patches; the last ones end where the region ends.
    """

    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    side: tuple[int, int]
    stride: int

    @property
    def patches(self) -> list[tuple[slice, slice]]:
        """Rows and columns of each patch, in reading order."""
        down, across = self.side
        return [
            (slice(top, top + down), slice(left, left + across)) for top in self.tops for left in self.lefts
        ]

    def sums(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """The sum over each patch.

        Args:
            values: (height, width) of the input.

        Returns: a row of patches after the other.
        """
        return np.array([float(values[patch].sum(dtype=np.float64)) for patch in self.patches])


@dataclass(frozen=True, eq=False)
class Occlusion:
    """The fall of the response for each patch, in reading order; negative where the response rises."""

    tiling: Tiling
    falls: NDArray[np.float64]

    def spread(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """For each pixel, the mean fall over the patches that hide it; 0 where there are none.

        Args:
            size: height and width of the input.
        """
        total, count = np.zeros(size), np.zeros(size)
        for patch, fall in zip(self.tiling.patches, self.falls, strict=True):
            total[patch] += fall
            count[patch] += 1
        return total / np.maximum(count, 1)


def tile(region: tuple[int, int, int, int], side: int | None) -> Tiling:
    """The patches over a region.

    Args:
        region: top, left, bottom and right edge, in pixels of the input.
        side: of a patch; None for an eighth of the longer side of the region.

    Raises: UsageError for a side that is none, or so small that there are too many patches.

    Example:
        >>> tile((0, 0, 10, 6), 4).tops, tile((0, 0, 10, 6), 4).lefts
        ((0, 2, 4, 6), (0, 2))
    """
    top, left, bottom, right = region
    height, width = bottom - top, right - left
    chosen = max(1, round(max(height, width) / PATCHES_ALONG)) if side is None else side
    stride = (chosen + 1) // 2
    down, across = min(chosen, height), min(chosen, width)
    tops, lefts = _starts(top, bottom - down, stride), _starts(left, right - across, stride)
    if len(tops) * len(lefts) > MOST_PATCHES:
        least = next(
            each for each in range(chosen + 1, 10 * height) if _count(height, width, each) <= MOST_PATCHES
        )
        raise UsageError(
            f"patches of {side} pixels mean {len(tops) * len(lefts):,} presentations of the image, one for each of "
            f"them; expected at most {MOST_PATCHES:,}: choose patch={least} (--patch {least}) or more"
        )
    return Tiling(tops, lefts, (down, across), stride)


def _starts(first: int, last: int, stride: int) -> tuple[int, ...]:
    return (*range(first, last, stride), last)


def _count(height: int, width: int, side: int) -> int:
    """The number of patches of a side."""
    stride = (side + 1) // 2
    return len(_starts(0, max(height - side, 0), stride)) * len(_starts(0, max(width - side, 0), stride))


def occlude(unit: Unit, image: Inputs, tiling: Tiling, progress: Progress = silent) -> Occlusion:
    """Present the image once for each patch, with this part of it hidden.

    Args:
        unit: whose response is computed.
        image: a single one.
        tiling: the patches.
        progress: is called with the number of patches.
    """
    response = unit.response(image)
    falls = []

    def fall(patch: tuple[slice, slice]) -> float:
        hidden = image.copy()
        hidden[(slice(None), slice(None), *patch)] = 0
        return response - unit.response(hidden)

    with ThreadPoolExecutor(unit.session.workers, "occlusion") as pool:
        for count, one in enumerate(pool.map(fall, tiling.patches), 1):
            falls.append(one)
            progress("hiding parts of the image", count, len(tiling.patches))
    return Occlusion(tiling, np.array(falls))
