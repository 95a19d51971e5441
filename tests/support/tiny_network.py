"""The three-layer network of tiny.toml: its weights, and images for it whose responses follow by hand.

For an image of one colour (r, g, b) the responses are, in every layer's order of filters:
    colour, pool    r, g, max(r - g - 10, 0)
    sum             4 r, 0 (a dead filter)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CARD = Path(__file__).parent / "tiny.toml"


def tensors() -> dict[str, NDArray[np.float32]]:
    """Weights as the toolbox lays them out."""
    colour = np.array([[1, 0, 0], [0, 1, 0], [1, -1, 0]], np.float32).reshape(3, 3, 1, 1)
    total = np.zeros((2, 2, 3, 2), np.float32)  # height, width, channel, filter
    total[:, :, 0, 0] = 1
    return {
        "colour.kernel": colour,
        "colour.bias": np.array([0, 0, -10], np.float32),
        "sum.kernel": total.reshape(12, 2),
        "sum.bias": np.array([0, -1], np.float32),
    }


def write_weights(path: Path, **changed: NDArray[np.float32]) -> Path:
    """An .npz file of the weights, with some tensors changed (colour_bias=… for colour.bias)."""
    replaced = {name.replace("_", "."): tensor for name, tensor in changed.items()}
    np.savez(path, **{**tensors(), **replaced})
    return path


def paint(path: Path, colour: tuple[int, int, int], side: int = 4) -> Path:
    """A PNG of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), colour).save(path)
    return path
