"""Images of one colour each, and a network that sees how red they are."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolbox.network.architecture import Input
from toolbox.store.stimuli import Stimulus

ENTRY = Input(4, 4)


def stimuli(folder: Path, count: int) -> list[Stimulus]:
    """Images of one colour each: red is the number of the stimulus."""
    made = []
    for number in range(count):
        path = folder / f"{number}.png"
        Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
        made.append(Stimulus(number, path.name, path, sha256(path.read_bytes()).hexdigest()))
    return made


def red(images: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
    return [images[:, 0, 0, :1].astype(np.float32)]
