"""Pieces of pictures as they are shown: cut out, enlarged or reduced, marked. Owns the pixels; draws no chart.

A piece may exceed its picture. What is beyond the picture is hatched, so that it is not taken for a part of it.
"""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from toolbox.stimuli.fitting import Box, Size
from toolbox.stimuli.images import Pixels

Mask = npt.NDArray[np.bool_]
"""height x width."""

HATCH_LIGHT, HATCH_DARK = 236, 200
"""Greys of the stripes beyond a picture."""
HATCH_PERIOD = 12
"""Pixels from stripe to stripe."""
CONTOUR, HALO = (255, 214, 0), (0, 0, 0)
"""Colours of a contour, and of the thin line around it that separates it from any picture."""
LEAST_FRAME = 28
"""Pixels between the sides of a frame, however small the piece is."""
QUALITY = 90


def shown_size(box: Box, side: int) -> Size:
    """The size at which a piece is shown: its longer side as given, its shape kept.

    Args:
        box: in pixels of the picture.
        side: longer side in pixels.
    """
    top, left, bottom, right = box.outward()
    height, width = bottom - top, right - left
    factor = side / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def cut_out(pixels: Pixels, box: Box, side: int) -> tuple[Pixels, Mask]:
    """A piece of a picture at the size at which it is shown, with what is beyond the picture hatched.

    A small piece is enlarged so that its pixels remain visible as squares; a large one is reduced.

    Args:
        pixels: height x width x 3, 0..255.
        box: the piece in pixels of the picture; it may exceed the picture.
        side: longer side of the result in pixels.

    Returns: the piece, and which of its pixels are beyond the picture.
    """
    size = shown_size(box, side)
    top, left, bottom, right = box.outward()
    rows = _places(top, bottom, size[0])
    columns = _places(left, right, size[1])
    height, width = pixels.shape[:2]
    beyond = ((rows < 0) | (rows >= height))[:, None] | ((columns < 0) | (columns >= width))[None, :]
    if max(bottom - top, right - left) <= side:
        inside = pixels[np.clip(rows, 0, height - 1)][:, np.clip(columns, 0, width - 1)]
    else:
        inside = _reduced(pixels, (top, left, bottom, right), size)
    return np.where(beyond[:, :, None], hatching(size), inside), beyond


def _places(first: int, last: int, count: int) -> npt.NDArray[np.int64]:
    """The pixel of the picture at the centre of each of so many shown pixels."""
    return np.floor(first + (np.arange(count) + 0.5) * (last - first) / count).astype(np.int64)


def _reduced(pixels: Pixels, edges: tuple[int, int, int, int], size: Size) -> Pixels:
    """A large piece in a smaller size; beyond the picture its pixels are arbitrary."""
    top, left, bottom, right = edges
    height, width = pixels.shape[:2]
    piece = pixels[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    borders = (max(-top, 0), max(bottom - height, 0)), (max(-left, 0), max(right - width, 0)), (0, 0)
    whole = np.pad(piece, borders, mode="edge")
    return np.asarray(Image.fromarray(whole).resize(size[::-1], Image.Resampling.BOX))


def hatching(size: Size) -> Pixels:
    """Diagonal stripes of two light greys: what is shown where there is no picture.

    Args:
        size: height and width in pixels.

    Returns: height x width x 3.
    """
    diagonal = np.add.outer(np.arange(size[0]), np.arange(size[1])) % HATCH_PERIOD
    grey = np.where(diagonal < HATCH_PERIOD // 3, HATCH_DARK, HATCH_LIGHT).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def with_contour(pixels: Pixels, region: Mask, thickness: int = 2) -> Pixels:
    """A picture with a line around a region, bright with a dark edge so that it is visible on any ground.

    Args:
        pixels: height x width x 3.
        region: the region, of the same height and width; its line is drawn where it ends inside the picture.
        thickness: of the bright line in pixels.
    """
    line = _border(region)
    result = pixels.copy()
    result[_grown(line, thickness)] = HALO
    result[_grown(line, thickness // 2)] = CONTOUR
    return result


def with_frame(pixels: Pixels, box: Box, picture: Size, thickness: int = 2) -> Pixels:
    """A shown picture with a frame around a piece of it, wider where that would be too small to be seen.

    Args:
        pixels: the whole picture as it is shown.
        box: the piece in pixels of the picture.
        picture: size of the picture in its own pixels.
        thickness: of the bright line in pixels.
    """
    height, width = pixels.shape[:2]
    down, across = height / picture[0], width / picture[1]
    inside = box.within(picture)
    top, bottom = _widened(inside.top * down, inside.bottom * down, height)
    left, right = _widened(inside.left * across, inside.right * across, width)
    region = np.zeros((height, width), np.bool_)
    region[top:bottom, left:right] = True
    framed = pixels.copy()
    line = region & ~_shrunk(np.pad(region, 1))[1:-1, 1:-1]
    framed[_grown(line, thickness)] = HALO
    framed[_grown(line, thickness // 2)] = (255, 255, 255)
    return framed


def _widened(first: float, last: float, side: int) -> tuple[int, int]:
    """Two edges in whole pixels, so far from each other that a frame remains visible."""
    missing = max(0.0, LEAST_FRAME - (last - first)) / 2
    return max(0, round(first - missing)), min(side, round(last + missing))


def data_uri(pixels: Pixels) -> str:
    """A picture as text that a chart embeds: JPEG without subsampling of colours.

    Args:
        pixels: height x width x 3.
    """
    content = BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def _border(region: Mask) -> Mask:
    """The pixels of a region beside pixels outside it; edges of the picture are no border."""
    return region & ~_shrunk(region)


def _shrunk(region: Mask) -> Mask:
    """The pixels of a region whose eight neighbours are in it, too."""
    padded = np.pad(region, 1, mode="edge")
    height, width = region.shape
    shifted = [padded[row : row + height, column : column + width] for row in range(3) for column in range(3)]
    inner: Mask = np.logical_and.reduce(shifted)
    return inner


def _grown(region: Mask, by: int) -> Mask:
    """A region with all pixels at most so far away from it, along rows, columns and diagonals."""
    for _ in range(by):
        region = ~_shrunk(~region)
    return region
