"""Photographs with faults planted in them: copies, exchanged labels, a category that differs, poor pictures.

What is planted where is chosen by a seed and returned, so that what an audit finds can be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

COPIES = ("exact", "jpeg", "scaled", "cropped")
POOR = ("dark", "light", "blurred", "odd size", "odd aspect ratio", "grey", "low information")
Edit = Callable[[Image.Image], Image.Image]


@dataclass
class Planted:
    """What was planted, by the file's name.

    Attributes:
        copies: kind of copy -> pairs of the original and its copy.
        swapped: name -> the category that it truly has.
        poor: kind of fault -> names.
        confounded: category -> the property that was changed in it.
    """

    copies: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    swapped: dict[str, str] = field(default_factory=dict)
    poor: dict[str, list[str]] = field(default_factory=dict)
    confounded: dict[str, str] = field(default_factory=dict)


def save_copy(source: Path, target: Path, kind: str) -> None:
    """A copy of a photograph as it is met in sets: the same pixels, saved again, smaller, without its margin.

    Args:
        source: the photograph.
        target: the file of the copy.
        kind: one of COPIES.
    """
    image = Image.open(source).convert("RGB")
    width, height = image.size
    if kind == "scaled":
        image = image.resize((round(width * 0.8), round(height * 0.8)), Image.Resampling.LANCZOS)
    if kind == "cropped":
        across, down = round(width * 0.03), round(height * 0.03)
        image = image.crop((across, down, width - across, height - down))
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind == "exact":  # other bytes, the same pixels
        image.save(target.with_suffix(".png"))
    else:
        image.save(target, quality=60 if kind == "jpeg" else 90)


def _scale_levels(image: Image.Image, low: float, high: float) -> Image.Image:
    levels = np.asarray(image, np.float64) / 255
    return Image.fromarray(np.uint8(np.rint(255 * (low + (high - low) * levels))))


EDITS: Mapping[str, Edit] = {
    "dark": lambda image: _scale_levels(image, 0.0, 0.2),
    "light": lambda image: _scale_levels(image, 0.96, 1.0),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(max(image.size) / 25)),
    "odd size": lambda image: image.resize((image.width * 6, image.height * 6)),
    "odd aspect ratio": lambda image: image.resize((image.width, max(round(image.width * 0.25), 1))),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "low information": lambda image: _scale_levels(image, 0.6, 0.62),
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.5),
    "softened": lambda image: image.filter(ImageFilter.GaussianBlur(1.2)),
}


def plant(
    photographs: Mapping[str, Sequence[Path]],
    folder: Path,
    *,
    seed: int,
    copies: int = 10,
    swapped: int = 15,
    poor: int = 3,
    confounded: Mapping[str, str] | None = None,
) -> Planted:
    """Write the photographs into one folder a category, with faults in some of them.

    Args:
        photographs: category -> files, all of which are written.
        folder: a new folder.
        seed: of the choice.
        copies: of every kind of COPIES, every other one in another category.
        swapped: number of photographs that are put into the folder of another category.
        poor: photographs with every fault of POOR.
        confounded: category -> 'brightened' or 'softened', all photographs of the category.
    """
    random = np.random.default_rng(seed)
    files = [(category, file) for category in sorted(photographs) for file in sorted(photographs[category])]
    order = [files[number] for number in random.permutation(len(files))]
    planted = Planted(confounded=dict(confounded or {}))
    names = sorted(photographs)

    def another(category: str) -> str:
        return str(random.choice([name for name in names if name != category]))

    chosen = iter(order)
    edits: dict[Path, str] = {}
    for kind in POOR if poor else ():
        for _, file in (next(chosen) for _ in range(poor)):
            edits[file] = kind
            planted.poor.setdefault(kind, []).append(file.stem)
    moved: dict[Path, str] = {}
    for category, file in (next(chosen) for _ in range(swapped)):
        moved[file] = another(category)
        planted.swapped[file.stem] = category
    for category, file in files:
        image = Image.open(file).convert("RGB")
        if category in planted.confounded and file not in moved:
            image = EDITS[planted.confounded[category]](image)
        if file in edits:
            image = EDITS[edits[file]](image)
        target = folder / moved.get(file, category) / f"{file.stem}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        image.save(target, quality=95)
    for kind in COPIES:
        for number, (category, file) in enumerate(next(chosen) for _ in range(copies)):
            there = category if number % 2 else another(category)
            source = folder / category / f"{file.stem}.jpg"
            copy = folder / there / f"{file.stem} {kind}.jpg"
            save_copy(source, copy, kind)
            planted.copies.setdefault(kind, []).append((file.stem, copy.stem))
    return planted
