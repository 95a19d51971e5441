"""Where a pixel of a network's input is in the picture: a bright dot is found again, however the picture was fitted."""

from __future__ import annotations

import numpy as np
import pytest

from toolbox.errors import UsageError
from toolbox.stimuli.fitting import Box, fitting_of
from toolbox.stimuli.images import resize_pixels

SIZES = [(288, 554), (301, 97), (97, 301), (224, 224), (40, 30), (12, 300)]


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("entry", [(224, 224), (60, 90)], ids=str)
def test_a_bright_dot_is_mapped_back_to_its_place(
    fit: str, size: tuple[int, int], entry: tuple[int, int]
) -> None:
    """The input pixels that show a bright square of the picture are mapped back onto that square, and nowhere else."""
    height, width = size
    square = slice(height // 2 - 4, height // 2 + 4), slice(width // 2 + 1, width // 2 + 7)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[square] = 255
    seen = resize_pixels(picture, *entry, "nearest", fit)[:, :, 0] > 200
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert rows.size
    assert columns.size
    fitting = fitting_of(size, entry, fit)
    found = fitting.to_picture(Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1))
    down, across = fitting.scale
    for edge, expected, step in (
        (found.top, square[0].start, down), (found.bottom, square[0].stop, down),
        (found.left, square[1].start, across), (found.right, square[1].stop, across),
    ):  # fmt: skip
        assert abs(edge - expected) <= 0.51 * max(step, 1) + 0.51


def test_a_stretched_picture_has_two_scale_factors() -> None:
    fitting = fitting_of((112, 448), (224, 224))
    assert fitting.to_picture(Box(100, 100, 200, 200)) == Box(50, 200, 100, 400)


def test_a_picture_that_was_decoded_smaller_is_mapped_to_its_own_pixels() -> None:
    whole = fitting_of((1000, 2000), (224, 224), "crop")
    half = fitting_of((1000, 2000), (224, 224), "crop", decoded=(500, 1000))
    assert half == whole


def test_an_unknown_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown fit 'squeeze'"):
        fitting_of((10, 10), (5, 5), "squeeze")
