"""Names that several rooms must agree on: of a graph's tensors, and of a stimulus set's columns. Imports nothing."""

from __future__ import annotations

IMAGE = "image"
"""Name of the input: float32 (images, 3, height, width), preprocessed as the card says."""

PIXELS = "pixels"
"""Name of the input of a graph that does the preprocessing too."""

STATISTICS = ("maximum", "mean")
"""Statistics of an activation map that responses are."""

RANGES = ("filter", "layer")
"""What equation 1 normalises a response to: the range of its filter, or of the whole layer."""

STIMULUS_COLUMNS = {
    "stimulus_id": "int32",
    "sha256": "string",
    "path": "string",
    "width": "int32",
    "height": "int32",
    "format": "string",
    "bytes": "int64",
}
"""Columns that every stimulus set has, and their types as Arrow calls them; all further ones are variables."""
