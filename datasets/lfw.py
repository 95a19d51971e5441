"""Turns the array behind lfw.toml into pictures: 100 faces, then 100 non-faces, 25 x 25, values 0..1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from toolbox.stimuli import Drawing


def draw(_card: dict[str, Any], source: Path) -> Iterator[Drawing]:
    """One grey picture for every entry of the array, none scaled or cropped.

    Args:
        _card: needed for nothing.
        source: the file with the array.
    """
    pictures = np.rint(np.load(source) * 255).astype(np.uint8)
    for number, pixels in enumerate(pictures):
        category = "face" if number < 100 else "non-face"
        yield Drawing(f"{category}/{category}-{number % 100 + 1:03d}", category, pixels)
