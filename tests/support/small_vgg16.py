"""VGG16 with its published weights on images of 64 pixels: a twelfth of the work, and every layer still has a map."""

from __future__ import annotations

from pathlib import Path

from toolbox.network.architecture import Network
from toolbox.network.card import network

CARD = """
like = "vgg16"
name = "vgg16"
[input]
height = 64
width = 64
channels = "BGR"
mean = [103.939, 116.779, 123.68]
"""


def small_vgg16(folder: Path) -> Network:
    """The network, from a card written into a folder."""
    (folder / "vgg16.toml").write_text(CARD)
    return network(str(folder / "vgg16.toml"))
