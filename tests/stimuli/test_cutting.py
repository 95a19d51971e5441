"""Pieces of pictures: which pixels they show, what is beyond the picture, and where lines are."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from toolbox.stimuli.cutting import CONTOUR, cut_out, data_uri, hatching, with_contour, with_frame
from toolbox.stimuli.fitting import Box


def picture(height: int, width: int) -> np.ndarray:
    """Every pixel has a colour of its own."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.full_like(rows, 7)], axis=2).astype(np.uint8)


def test_a_small_piece_is_enlarged_pixel_by_pixel() -> None:
    piece, beyond = cut_out(picture(50, 60), Box(10, 20, 14, 22), 40)
    assert piece.shape == (40, 20, 3)
    assert not beyond.any()
    assert piece[::10, ::10, :2].tolist() == [[[10 + r, 20 + c] for c in range(2)] for r in range(4)]


def test_what_is_beyond_the_picture_is_striped() -> None:
    piece, beyond = cut_out(picture(8, 8), Box(-4, 4, 4, 12), 64)
    assert beyond[:32].all()
    assert beyond[:, 32:].all()
    assert not beyond[32:, :32].any()
    assert (piece[beyond] == hatching((64, 64))[beyond]).all()
    assert piece[32, 0, :2].tolist() == [0, 4]
    assert piece[63, 31, :2].tolist() == [3, 7]


@pytest.mark.parametrize("box", [Box(-300, -100, 700, 500), Box(100, 100, 700, 1200)], ids=str)
def test_a_large_piece_is_reduced_without_moving(box: Box) -> None:
    pixels = np.zeros((600, 1000, 3), np.uint8)
    pixels[300:310, 400:410] = 255
    piece, beyond = cut_out(pixels, box, 200)
    scale = max(box.bottom - box.top, box.right - box.left) / 200
    lit = np.argwhere((piece[:, :, 0] > 128) & ~beyond).mean(axis=0)
    assert np.allclose(lit + 0.5, [(305 - box.top) / scale, (405 - box.left) / scale], atol=0.6)


def test_a_contour_surrounds_its_region_and_not_the_edge_of_the_picture() -> None:
    region = np.zeros((60, 60), np.bool_)
    region[:30, 20:40] = True
    drawn = with_contour(np.zeros((60, 60, 3), np.uint8), region)
    bright = (drawn == CONTOUR).all(axis=2)
    assert bright[10, 20]
    assert bright[10, 39]
    assert bright[29, 30]
    assert not bright[0, 25:35].any()
    assert not bright[10:20, 28:32].any()
    assert not bright[50:].any()


def test_a_frame_of_a_tiny_piece_is_large_enough_to_be_seen() -> None:
    drawn = with_frame(np.full((200, 200, 3), 90, np.uint8), Box(100, 100, 101, 101), (200, 200))
    rows, columns = np.nonzero((drawn == 255).all(axis=2))
    assert rows.max() - rows.min() >= 20
    assert abs(rows.mean() - 100.5) < 1.5
    assert abs(columns.mean() - 100.5) < 1.5


def test_a_picture_as_text_is_the_picture() -> None:
    flat = np.full((20, 30, 3), (200, 40, 90), np.uint8)
    content = base64.b64decode(data_uri(flat).partition(",")[2])
    assert np.abs(np.asarray(Image.open(BytesIO(content))).astype(int) - flat).max() <= 3
