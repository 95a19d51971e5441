"""Stimulus sets that a card describes: drawn by a recipe, or unpacked from a published archive.

    name, title, description, citation, licence       in every card
    [source]     url or wheel + member, digest, bytes what to download (toolbox.fetch)
    recipe = "gratings.py"                            a file beside the card with draw(card, source)
    [archive]    inner, folder, leave_out             the location of the category folders in the archive

Owns reading these cards and writing their images into one folder; does not depend on any particular stimulus set.
"""

from __future__ import annotations

import filecmp
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from toolbox.content import Card, card, card_path, content_folder
from toolbox.errors import CardError, StimulusError
from toolbox.fetch import fetch
from toolbox.files import place_file
from toolbox.progress import Progress, silent
from toolbox.stimuli.archive import Member, read_members
from toolbox.stimuli.categories import check_printable, compose_accents
from toolbox.stimuli.images import encode_png
from toolbox.stimuli.sources import (
    Candidate,
    Drawing,
    Listing,
    Rejection,
    is_hidden,
    text_of,
)
from toolbox.stimuli.variables import check_names

Recipe = Callable[[Card, Path | None], Iterator[Drawing]]

_PIECE = 2**20  # bytes of an image that are in memory at once

TEXTS = ("name", "title", "description", "citation", "licence")
"""Texts that every card must have."""


def stimulus_card(name: str) -> Card:
    """The checked card of a stimulus set.

    Args:
        name: name of a shipped card, or path of a `.toml` file.

    Raises: UnknownNameError; CardError when the card is incomplete.
    """
    content = card("datasets", name)
    missing = [key for key in TEXTS if not isinstance(content.get(key), str) or not content[key].strip()]
    if missing:
        raise CardError(f'the card {name} lacks {", ".join(missing)}; add a line such as {missing[0]} = "…"')
    if ("recipe" in content) == ("archive" in content):
        raise CardError(
            f'the card {name} must have either recipe = "….py" or a table [archive]; keep or add one of them'
        )
    if "archive" in content and "source" not in content:
        raise CardError(
            f"the card {name} has a table [archive] but no [source]; add a [source] for the download"
        )
    return content


def list_card(name: str, images: Path, progress: Progress = silent) -> Listing:
    """The stimuli of a card; missing image files are written into a folder.

    Args:
        name: name of a shipped card, or path of a `.toml` file. A recipe is Python code, which is executed.
        images: the folder in which a sub-folder for the images of this card is made.
        progress: is called with the progress of downloading, drawing and unpacking.

    Raises: UnknownNameError, CardError, DownloadError, VerificationError; StimulusError when an image file exists
        with a different content.
    """
    content = stimulus_card(name)
    folder = images.resolve() / content["name"]
    if "archive" in content:
        return _unpack_images(fetch(content["source"], progress), content["archive"], folder, progress)
    draw = _recipe(content["recipe"], card_path("datasets", name))
    source = fetch(content["source"], progress) if "source" in content else None
    candidates = list(_draw_images(draw(content, source), folder, progress))
    if not candidates:
        raise CardError(f"the recipe of {name} drew no image; expected at least one Drawing")
    return Listing(candidates, [])


def _recipe(name: str, card_file: Path) -> Recipe:
    """The function `draw` of a recipe beside the card, or beside the shipped cards (for a card with `like`)."""
    places = [card_file.parent / name, content_folder("datasets") / name]
    file = next((place for place in places if place.is_file()), None)
    if file is None or Path(name).name != name:
        raise CardError(
            f"{card_file} has recipe = {name!r}, which does not exist; expected a .py file beside the card"
        )
    spec = importlib.util.spec_from_file_location(f"toolbox_recipe_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise CardError(f"{card_file} has recipe = {name!r}, which is not Python; expected a .py file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, "draw", None)):
        raise CardError(
            f"{file} has no function draw(card, source); define one that yields objects of type Drawing"
        )
    draw: Recipe = module.draw
    return draw


def _draw_images(drawings: Iterator[Drawing], folder: Path, progress: Progress) -> Iterator[Candidate]:
    """Write every drawing as a PNG file, and yield a candidate for it."""
    names: set[str] = set()
    for number, drawing in enumerate(drawings, 1):
        relative = PurePosixPath(f"{drawing.name}.png")
        if relative.is_absolute() or ".." in relative.parts or drawing.name.lower() in names:
            raise CardError(
                f"the recipe of {folder.name} named a drawing {drawing.name!r}; expected unique relative names"
            )
        names.add(drawing.name.lower())
        check_printable(filter(None, [drawing.category]), f"the recipe of {folder.name} has the category")
        check_names(drawing.parameters, f"the recipe of {folder.name}")
        path = _keep_image(folder / relative, BytesIO(encode_png(drawing.pixels)))
        progress(f"draw {folder.name}", number, 0)
        values = {name: _plain(value) for name, value in drawing.parameters.items()}
        yield Candidate(path, drawing.category, values)


def _plain(value: Any) -> Any:
    """A numpy number as a Python number."""
    return value.item() if isinstance(value, np.generic) else value


def _unpack_images(source: Path, rules: Card, folder: Path, progress: Progress) -> Listing:
    """Every file in the category folders of the archive as a candidate, sorted as in a folder."""
    top = PurePosixPath(rules.get("folder", "."))
    leave_out = set(rules.get("leave_out", []))
    candidates: list[Candidate] = []
    rejections: list[Rejection] = []
    for name, content in read_members(source, rules.get("inner")):
        if not name.is_relative_to(top) or any(map(is_hidden, name.parts)):
            continue
        relative = name.relative_to(top)
        if len(relative.parts) == 1:
            rejections.append(Rejection(text_of(folder / relative), "not in a category folder"))
        elif relative.parts[0] not in leave_out:
            check_printable(relative.parts[:1], f"{source.name} has the category")
            path = _keep_image(folder / relative, content)
            candidates.append(Candidate(path, compose_accents(relative.parts[0])))
            progress(f"unpack {source.name}", len(candidates), 0)
    if not candidates:
        raise CardError(f"{source.name} has no file in {top}; correct `folder` in the [archive] of the card")
    return Listing(sorted(candidates, key=lambda candidate: candidate.path.parts), rejections)


def _keep_image(path: Path, content: Member | BytesIO) -> Path:
    """Write an image unless it exists; never change an image that may already be a stimulus of a set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{os.getpid()}.partial")
    try:
        with fresh.open("wb") as file:
            shutil.copyfileobj(content, file, _PIECE)
        if path.exists():
            check_unchanged(path, fresh)
        else:
            place_file(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return path


def check_unchanged(path: Path, fresh: Path) -> None:
    """Refuse to draw or unpack another image than the one that is there.

    Args:
        path: an existing image.
        fresh: a file of what the card specifies now.

    Raises: StimulusError.
    """
    if not filecmp.cmp(path, fresh, shallow=False):
        remedy = "ingest the changed card as another set, or delete that file"
        raise StimulusError(f"{path} differs from the image that its card now specifies; {remedy}")
