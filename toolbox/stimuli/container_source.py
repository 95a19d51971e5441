"""Containers as a source of stimuli. Owns which members are images, in which order, and which category each has.

A label in the container (a column, a dataset, a .cls or .json beside the image) counts before the folder, and the
folder before a .txt beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.categories import compose_accents, read_categories
from toolbox.stimuli.containers.container import Archive, Container
from toolbox.stimuli.containers.naming import SUFFIXES, container_kind, member_path, split_path
from toolbox.stimuli.containers.opened import opened
from toolbox.stimuli.containers.samples import is_image_name, read_samples, shared_texts
from toolbox.stimuli.sources import Candidate, Listing, Rejection, is_hidden, text_of
from toolbox.terms import Missing


@dataclass(slots=True)
class _Found:
    """An image in a container, before its category is known."""

    path: Path
    folders: tuple[str, ...]
    label: str | None = None
    text: str | None = None


@dataclass
class _Listed:
    """What was found in all containers."""

    images: list[_Found] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)


def list_containers(sources: Sequence[Path], missing: Missing | None = None) -> Listing:
    """The images in containers; the containers in the given order.

    Images in archives are sorted by name, level by level, as those of a folder are; those of a table by row.

    Args:
        sources: containers, or a container, `!/` and the name of a folder, dataset or column in it.
        missing: what a category such as `nan` or `None` means, as of `read_categories`.

    Raises: StimulusError when one cannot be read as what its name states, or has no image; OSError.
    """
    listed = _Listed()
    for source in dict.fromkeys(each.resolve() for each in sources):
        try:
            _list_one(source, listed)
        except StimulusError as error:
            if len(sources) == 1:
                raise
            listed.rejections.append(Rejection(text_of(source), str(error).removeprefix(f"{source} ")))
    place = text_of(sources[0]) if len(sources) == 1 else f"{len(sources)} containers"
    if not listed.images and not listed.rejections:
        raise StimulusError(f"{place} has no image; expected {_expected(sources[0])}")
    texts = list(_category_texts(listed, place))
    categories = read_categories(texts, place, missing)
    listed.notes += [*categories.notes, *_notes_on_unused(place, listed.unused)]
    if without := sum(text is None for text in texts):
        listed.notes.append(
            f"{place}: {without:,} images have neither folder nor label and are unlabelled; toolbox label adds labels"
        )
    candidates = [
        Candidate(each.path, categories.names[text]) for each, text in zip(listed.images, texts, strict=True)
    ]
    return Listing(candidates, listed.rejections, listed.notes)


def containers_in(folder: Path) -> list[Path]:
    """The containers in a folder that has neither sub-folders nor images of its own, sorted by name; else none.

    Args:
        folder: the folder.
    """
    entries = sorted(each for each in folder.iterdir() if not is_hidden(each.name))
    if any(each.is_dir() or is_image_name(each.name) for each in entries):
        return []
    return [each for each in entries if is_container(each)]


def is_container(path: Path) -> bool:
    """Whether a file is a container of images by its name; a table of Parquet by its columns, too.

    Args:
        path: of a file, or of a folder, dataset or column in a container.
    """
    if container_kind(path) != "parquet":
        return container_kind(path) is not None or split_path(path) is not None
    from toolbox.stimuli.containers.parquet import has_image_column

    return path.is_file() and has_image_column(path)


def _list_one(source: Path, listed: _Listed) -> None:
    """Add the images of one container, or of one folder in it."""
    path, inside = split_path(source) or (source, "")
    if not path.exists():
        raise UsageError(f"{path} does not exist; expected a container of images ({', '.join(SUFFIXES)})")
    container = opened(path)
    for fault in container.faults:
        if not inside or fault.name.startswith(f"{inside}/"):
            listed.rejections.append(_rejection(path, fault.name, fault.reason))
    listed.notes += container.notes
    names = [name for name in container.names if not inside or f"{name}/".startswith(f"{inside}/")]
    if inside and not names:
        raise UsageError(f"{path} has no {inside!r}; {_first_folders(container)}")
    if not inside:
        _check_one_column(container)
    if isinstance(container, Archive):
        _list_archive(container, names, inside, listed)
    else:
        listed.images += [
            _Found(member_path(path, name), origin.folders, origin.label)
            for name, origin in zip(names, map(container.origin, names), strict=True)
        ]


def _list_archive(archive: Archive[Any], names: Iterable[str], inside: str, listed: _Listed) -> None:
    """Add the images of an archive, with the labels beside them."""
    seen = [name for name in names if not any(map(is_hidden, PurePosixPath(name).parts))]
    samples = read_samples(archive, sorted(seen, key=_level_by_level))
    depth = len(PurePosixPath(inside).parts)
    listed.images += [
        _Found(
            member_path(archive.path, name),
            archive.origin(name).folders[depth:],
            samples.labels.get(name),
            samples.texts.get(name),
        )
        for name in samples.images
    ]
    listed.rejections += [_rejection(archive.path, each.name, each.reason) for each in samples.faults]
    listed.unused.update(samples.unused)


def _category_texts(listed: _Listed, place: str) -> Iterator[str | None]:
    """The text of the category of every image."""
    by_folder = [each.folders for each in listed.images if each.label is None]
    skipped = _common_folders(by_folder)
    if skipped:
        listed.notes.append(f"{place}: the folders in {'/'.join(by_folder[0][:skipped])}/ are the categories")
    shared = shared_texts({str(each.path): each.text for each in listed.images if each.text is not None})
    for each in listed.images:
        folder = next(iter(each.folders[skipped:]), None)
        text = each.text if each.text in shared else None
        yield next((label for label in (each.label, folder, text) if label is not None), None)


def _common_folders(folders: Sequence[tuple[str, ...]]) -> int:
    """How many folders all images are in, with further folders in there: `photographs/` in `photographs/dog/1.jpg`."""
    depth = 0
    while folders and all(len(each) > depth + 1 and each[depth] == folders[0][depth] for each in folders):
        depth += 1
    return depth


def _level_by_level(name: str) -> list[tuple[str, str]]:
    """The order in which the same files would be listed in a folder."""
    return [(compose_accents(part), part) for part in PurePosixPath(name).parts]


def _rejection(container: Path, name: str, reason: str) -> Rejection:
    return Rejection(text_of(member_path(container, name)) if name else text_of(container), reason)


def _check_one_column(container: Container) -> None:
    columns = list(getattr(container, "columns", ()))
    if len(columns) > 1:
        raise UsageError(
            f"{container.path} has several columns of images: {', '.join(columns)}; name the one that is meant: "
            f"{member_path(container.path, columns[0])}"
        )


def _first_folders(container: Container) -> str:
    first = list(dict.fromkeys(name.partition("/")[0] for name in container.names))
    return f"it has {', '.join(first[:5])}" if first else "it has no image"


def _expected(source: Path) -> str:
    """What a container of this kind should have."""
    return {
        "hdf5": "datasets of uint8 (images x height x width x 3, or images x height x width), or of the bytes of "
        "image files",
        "parquet": "a column of the bytes of image files",
    }.get(container_kind(source) or "", "images as JPEG, PNG, GIF, BMP, TIFF or WebP")


def _notes_on_unused(place: str, unused: Counter[str]) -> list[str]:
    listed = ", ".join(f".{name} ({count:,})" for name, count in sorted(unused.items()))
    return [f"{place}: files beside images that are neither image nor label: {listed}"] if listed else []
