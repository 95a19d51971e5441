"""The names by which the tensors of every graph of the toolbox are known. Imports nothing."""

from __future__ import annotations

IMAGE = "image"
"""Name of the input: float32 (images, 3, height, width), preprocessed as the card says."""

PIXELS = "pixels"
"""Name of the input of a graph that does the preprocessing too."""

STATISTICS = ("maximum", "mean")
