"""Labels beside the images of an archive, as WebDataset writes them: `003.jpg` with `003.cls`, `003.json`, `003.txt`.

Files whose names are equal up to the first dot belong together. A .cls is a label. A .json has one under `label`,
`category`, `class` or `cls`. A .txt may be a label or a caption: it is one where two images share it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from toolbox.errors import StimulusError
from toolbox.stimuli.containers.container import Archive, MemberFault

_IMAGES = {"jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "tif", "tiff", "webp"}
_KEYS = ("label", "category", "class", "cls")
"""Of a label in a .json, the first text before the first number."""
_LARGEST = 2**20
"""Bytes of a label, or of the .json that has it."""
_LONGEST = 200
"""Characters of a label."""


@dataclass
class Samples:
    """The images of an archive, and their labels.

    Attributes:
        images: names of the images, and of what may be one.
        labels: image -> its label.
        texts: image -> what its .txt has.
        faults: labels that cannot be read.
        unused: number of files of samples that are neither image nor label, by the end of their names.
    """

    images: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    faults: list[MemberFault] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)


def read_samples(archive: Archive[Any], names: Iterable[str]) -> Samples:
    """The images of an archive with their labels.

    Args:
        archive: the archive.
        names: of those of its members that count.
    """
    names = list(names)
    keys: dict[str, dict[str, str]] = {}
    for name in names:
        keys.setdefault(_key(name), {})[_extension(name)] = name
    found = Samples()
    for name in names:
        members = keys[_key(name)]
        if is_image_name(name) or not any(map(is_image_name, members.values())):
            found.images.append(name)
            _label(archive, name, members, found)
        elif _extension(name).rpartition(".")[2] not in ("cls", "json", "txt"):
            found.unused[_extension(name)] += 1
    return found


def is_image_name(name: str) -> bool:
    """Whether a name ends as those of images do.

    Args:
        name: of a file.
    """
    return PurePosixPath(name).suffix.lower().removeprefix(".") in _IMAGES


def shared_texts(texts: Mapping[str, str]) -> Collection[str]:
    """The texts that more than one image has; those of a single one are captions.

    Args:
        texts: image -> text.
    """
    return {text for text, count in Counter(texts.values()).items() if count > 1}


def _label(archive: Archive[Any], name: str, members: Mapping[str, str], found: Samples) -> None:
    """Read the labels of one image."""
    for extension in ("cls", "cls.txt", "json", "txt"):
        if extension not in members:
            continue
        try:
            text = _text(archive, members[extension])
            if extension == "txt":
                if 0 < len(text) <= _LONGEST and "\n" not in text:
                    found.texts[name] = text
            elif (label := _json_label(text) if extension == "json" else text) is not None:
                found.labels[name] = _checked(label)
                return
        except (StimulusError, OSError, ValueError, RecursionError) as error:
            reason = f"no label can be read from it ({' '.join(str(error).split())[:100]})"
            found.faults.append(MemberFault(members[extension], reason))


def _checked(label: str) -> str:
    if len(label) > _LONGEST or "\n" in label:
        raise ValueError(f"expected one line of at most {_LONGEST} characters")
    return label


def _text(archive: Archive[Any], name: str) -> str:
    if archive.size(name) > _LARGEST:
        raise ValueError(f"{archive.size(name):,} bytes, expected at most {_LARGEST:,}")
    return archive.read(name).decode("utf-8-sig").strip()


def _json_label(text: str) -> str | None:
    """The label in a .json; None where it has none."""
    content: Any = json.loads(text)
    values = [content[key] for key in _KEYS if key in content] if isinstance(content, dict) else [content]
    texts = [value for value in values if isinstance(value, str)]
    numbers = [str(value) for value in values if isinstance(value, int) and not isinstance(value, bool)]
    return next(iter([*texts, *numbers]), None)


def _key(name: str) -> str:
    """What the names of the files of a sample have in common."""
    path = PurePosixPath(name)
    return f"{path.parent}/{path.name.partition('.')[0]}"


def _extension(name: str) -> str:
    return PurePosixPath(name).name.partition(".")[2].lower()
