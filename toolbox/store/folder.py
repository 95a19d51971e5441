"""The directory tree of a study. Owns every path inside it; reads nothing but `study.toml` and names.

study.toml
stimuli/set=<set>/stimuli.parquet, images/
labels/set=<set>/scheme=<scheme>/labels.parquet
responses/set=<set>/model=<model>/plan.parquet, part-<k>.parquet, part-<k>.json
rollups/set=<set>/model=<model>/scheme=<scheme>/rollup.parquet
significance/set=<set>/model=<model>/scheme=<scheme>/<table>-<index>-<statistic>-<normalise>.parquet
layers/model=<model>/layers.parquet
runs/<run>.json
"""

from __future__ import annotations

import json
import tomllib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolbox.content import check_name
from toolbox.distribution import name_and_version
from toolbox.errors import ToolboxError, UsageError
from toolbox.files import write_text

SCHEMA_VERSION = 1
SCHEME = "category"
"""The label scheme that ingestion writes: names of folders, or the column `category` of a manifest."""


@dataclass(frozen=True)
class StudyFolder:
    """Paths of one study; its directory may contain nothing but `study.toml`."""

    root: Path

    def stimuli(self, set_name: str) -> Path:
        """The table of the stimuli of a set."""
        return self.root / "stimuli" / f"set={set_name}" / "stimuli.parquet"

    def images(self, set_name: str) -> Path:
        """The folder of images that the toolbox drew or unpacked."""
        return self.root / "stimuli" / f"set={set_name}" / "images"

    def labels(self, set_name: str, scheme: str = SCHEME) -> Path:
        """The label table of a set under one scheme.

        Args:
            set_name: the stimulus set.
            scheme: the label scheme.
        """
        return self.root / "labels" / f"set={set_name}" / f"scheme={scheme}" / "labels.parquet"

    def responses(self, set_name: str, model: str) -> Path:
        """The folder of the parts of one model's responses to a set.

        Args:
            set_name: the stimulus set.
            model: name of the model.
        """
        return self.root / "responses" / f"set={set_name}" / f"model={model}"

    def rollup(self, set_name: str, model: str, scheme: str) -> Path:
        """The roll-up of one model's responses to a set under one scheme.

        Args:
            set_name: the stimulus set.
            model: name of the model.
            scheme: the label scheme.
        """
        folder = self.root / "rollups" / f"set={set_name}" / f"model={model}" / f"scheme={scheme}"
        return folder / "rollup.parquet"

    def significance(self, set_name: str, model: str, scheme: str) -> Path:
        """The folder of the tables of resampled indices.

        Args:
            set_name: the stimulus set.
            model: name of the model.
            scheme: the label scheme.
        """
        return self.root / "significance" / f"set={set_name}" / f"model={model}" / f"scheme={scheme}"

    def layers(self, model: str) -> Path:
        """The table of the layers of a model."""
        return self.root / "layers" / f"model={model}" / "layers.parquet"

    def run_record(self, what: str) -> Path:
        """A new file for the provenance of a run, named after the time and the task."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        return self.root / "runs" / f"{stamp}-{what}.json"

    def sets(self) -> list[str]:
        """Names of the ingested stimulus sets."""
        return _values(self.root / "stimuli", "set", "stimuli.parquet")

    def schemes(self, set_name: str) -> list[str]:
        """Names of the label schemes of a set."""
        return _values(self.root / "labels" / f"set={set_name}", "scheme", "labels.parquet")

    def models(self, set_name: str) -> list[str]:
        """Names of the models whose responses to a set were extracted, partly or completely."""
        return _values(self.root / "responses" / f"set={set_name}", "model", "plan.parquet")

    def all_models(self) -> list[str]:
        """Names of all models of which the study has layers or responses."""
        found = _values(self.root / "layers", "model", "layers.parquet")
        return sorted({*found, *(model for name in self.sets() for model in self.models(name))})

    def image(self, path: str) -> Path:
        """The file of a stored `path`, which is relative to the study for images inside it."""
        return self.root / path

    def stored_path(self, image: Path) -> str:
        """The path of an image as stored: relative to the study if inside it, else absolute; always with `/`."""
        image, root = image.absolute(), self.root.absolute()
        return (image.relative_to(root) if image.is_relative_to(root) else image).as_posix()


def stored_name(name: str) -> str:
    """A name with composed accents, as the folders of a study have it, however it was typed."""
    return unicodedata.normalize("NFC", name)


def check_new_name(kind: str, name: str, existing: Collection[str]) -> str:
    """The name under which something is stored: that of an existing one, or a new name that none resembles.

    Args:
        kind: what the name is for, for the message.
        name: the chosen name.
        existing: the names that the study has.

    Raises: UsageError for an invalid name, and for one that differs from an existing name only in case.

    Example:
        >>> check_new_name("stimulus set", "cats", ["pets"])
        'cats'
    """
    if name in existing:
        return name
    new = check_name(kind, name)
    for other in existing:
        if _folded(other) == _folded(new):
            if stored_name(other) == new:  # as macOS writes its accents
                return other
            raise UsageError(
                f"the name {new!r} differs from the {kind} {other!r} only in case, and some systems make one folder of "
                f"them; use {other!r}, or choose another name"
            )
    return new


def _folded(name: str) -> str:
    """A name as systems compare it that do not distinguish case."""
    return stored_name(name).casefold()


def part_path(folder: Path, number: int) -> Path:
    """The file with the values of a part.

    Args:
        folder: the folder of the extraction.
        number: number of the part, from 0.
    """
    return folder / f"part-{number}.parquet"


def record_path(folder: Path, number: int) -> Path:
    """The file with the commit record of a part.

    Args:
        folder: the folder of the extraction.
        number: number of the part, from 0.
    """
    return folder / f"part-{number}.json"


def create_study(root: Path, title: str = "") -> StudyFolder:
    """Turn a directory into a study by writing `study.toml`.

    Args:
        root: a new or empty directory.
        title: title of the study; the name of the directory if empty.

    Raises: UsageError when the directory is already a study, or contains other files.
    """
    if (root / "study.toml").exists():
        raise UsageError(f"{root} is already a study; use it as it is, or choose another directory")
    if root.exists() and not is_empty(root):
        raise UsageError(f"{root} is not an empty directory; choose a new directory for the study")
    root.mkdir(parents=True, exist_ok=True)
    write_text(root / "study.toml", _study_file(title or root.absolute().name))
    return StudyFolder(root)


def _study_file(title: str) -> str:
    """The content of `study.toml`."""
    lines = {
        "schema_version": SCHEMA_VERSION,
        "title": title,
        "created_by": name_and_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    # JSON strings and numbers are also valid TOML.
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in lines.items())


def is_empty(root: Path) -> bool:
    """Whether a directory contains only hidden files, such as those of a file manager or a killed process."""
    return root.is_dir() and all(entry.name.startswith(".") for entry in root.iterdir())


def open_study(root: Path) -> StudyFolder:
    """The study in a directory.

    Raises: UsageError when the directory is not a study; ToolboxError when a newer toolbox wrote it.
    """
    file = root / "study.toml"
    if not file.is_file():
        is_free = not root.exists() or is_empty(root)
        remedy = (
            f"make it a study with: toolbox init {root}"
            if is_free
            else "choose the directory of a study (--study …)"
        )
        raise UsageError(f"{root} is not a study (it has no study.toml); {remedy}")
    written = _schema_version(file)
    if written != SCHEMA_VERSION:
        raise ToolboxError(
            f"{file} has schema_version = {written!r}, but this toolbox reads {SCHEMA_VERSION}; "
            "install the version that the file names as created_by"
        )
    return StudyFolder(root)


def _schema_version(file: Path) -> Any:
    """The version of the layout of a study, from its `study.toml`."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")).get("schema_version")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolboxError(f"{file} is not valid TOML ({error}); restore it from a copy") from error


def _values(folder: Path, key: str, required: str) -> list[str]:
    """Values of one hive-style level whose folders contain the required file."""
    found = (path.parent.name for path in folder.glob(f"{key}=*/{required}"))
    return sorted(name.removeprefix(f"{key}=") for name in found)
