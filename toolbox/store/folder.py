"""The directory tree of a study. Owns every path inside it; reads nothing but `study.toml` and names.

study.toml                                        title, version, the roots of the images
stimuli/set=<set>/stimuli.parquet
images/<set>/                                     what the toolbox drew or unpacked
labels/set=<set>/scheme=<scheme>/labels.parquet
parameters/set=<set>/parameter=<parameter>/observations.parquet
responses/set=<set>/model=<model>/part-<k>.parquet
plans/set=<set>/model=<model>/plan.parquet, part-<k>.json
plans/set=<set>/model=<model>/replacement/        an extraction that will replace that one: plan, records and parts
plans/commit.json, committed.json                 files that change together: `commits`
rollups/set=<set>/model=<model>/scheme=<scheme>/rollup.parquet
significance/set=<set>/model=<model>/scheme=<scheme>/<index>-<statistic>-<normalise>.parquet
resamples/, reliability/                          as significance/
relations/, relation_permutations/set=<set>/model=<model>/scheme=<scheme>/<digest>-<statistic>.parquet
layers/model=<model>/layers.parquet
rendered/model=<model>/layer=<layer>/<picture>.png, .json
runs/<run>.json

Every folder that contains Parquet files contains tables of one kind and nothing else, so that programs which read a
folder as one table can read it. Plans, commit records and locks are therefore in `plans/`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from toolbox.content import check_name
from toolbox.errors import ToolboxError, UsageError, VerificationError
from toolbox.files import local_folder
from toolbox.store.remedies import REPLACEMENT
from toolbox.store.roots import Roots, read_roots
from toolbox.store.study_file import SCHEMA_VERSION, new_study_file, read_study_file, write_study_file

EARLIER_VERSIONS = (1,)
"""Layouts that are moved over to the present one."""
SCHEME = "category"
"""The label scheme that ingestion writes: names of folders, or the column `category` of a manifest."""


RESAMPLE_FOLDERS = {"filters": "significance", "resamples": "resamples", "splits": "reliability"}
"""Table of resampled indices -> its folder, and the view that shows it."""


@dataclass(frozen=True)
class ExtractionFolder:
    """The responses of one model to one set: their parts, and in another folder what makes the parts count."""

    parts: Path
    """The folder of the parts, which contains nothing else."""
    plans: Path
    """The folder of the plan, the commit records and the lock."""

    @property
    def plan(self) -> Path:
        """The file of the plan."""
        return self.plans / "plan.parquet"

    @property
    def draft(self) -> Path:
        """The file of a plan that becomes the plan with the first part; other processes read it meanwhile."""
        return self.plans / "draft.parquet"

    def job(self, number: int, of: int) -> Path:
        """The folder that one of several jobs locks, which present the stimuli together.

        Args:
            number: number of the job, from 0.
            of: how many jobs there are.
        """
        return self.plans / f"job-{number}-of-{of}"

    @property
    def jobs(self) -> list[Path]:
        """The folders of jobs that are running or were killed."""
        return sorted(self.plans.glob("job-*-of-*"))

    @property
    def replacement(self) -> ExtractionFolder:
        """The folder of an extraction that replaces this one when it is complete."""
        return ExtractionFolder(self.plans / REPLACEMENT, self.plans / REPLACEMENT)

    def files(self) -> list[Path]:
        """All files of the extraction; first the records, so that no part counts without its plan."""
        parts = self.parts.glob("part-*.parquet")
        return [*self.plans.glob("part-*.json"), *parts, *self.plans.glob("plan.parquet")]

    def part(self, number: int) -> Path:
        """The file with the values of a part.

        Args:
            number: number of the part, from 0.
        """
        return self.parts / f"part-{number}.parquet"

    def record(self, number: int) -> Path:
        """The file with the commit record of a part.

        Args:
            number: number of the part, from 0.
        """
        return self.plans / f"part-{number}.json"


@dataclass(frozen=True)
class StudyFolder:
    """Paths of one study; its directory may contain nothing but `study.toml`."""

    root: Path

    def stimuli(self, set_name: str) -> Path:
        """The table of the stimuli of a set."""
        return self.root / "stimuli" / f"set={set_name}" / "stimuli.parquet"

    def images(self, set_name: str) -> Path:
        """The folder of images that the toolbox drew or unpacked."""
        return self.root / "images" / set_name

    def properties(self, set_name: str) -> Path:
        """The table of what was measured of the images of a set at their ingestion."""
        return self.root / "properties" / f"set={set_name}" / "properties.parquet"

    def measured(self, set_name: str) -> Path:
        """The table of all properties of the images of a set, which `toolbox properties` measures."""
        return self.root / "properties" / f"set={set_name}" / "measured.parquet"

    def labels(self, set_name: str, scheme: str = SCHEME) -> Path:
        """The label table of a set under one scheme.

        Args:
            set_name: the stimulus set.
            scheme: the label scheme.
        """
        return self.root / "labels" / f"set={set_name}" / f"scheme={scheme}" / "labels.parquet"

    def observations(self, set_name: str, parameter: str) -> Path:
        """The table of the values of a stimulus parameter that was added after ingestion.

        Args:
            set_name: the stimulus set.
            parameter: name of the stimulus parameter.
        """
        folder = self.root / "parameters" / f"set={set_name}" / f"parameter={parameter}"
        return folder / "observations.parquet"

    def responses(self, set_name: str, model: str) -> Path:
        """The folder of the parts of one model's responses to a set.

        Args:
            set_name: the stimulus set.
            model: name of the model.
        """
        return self.root / "responses" / f"set={set_name}" / f"model={model}"

    def plans(self, set_name: str, model: str) -> Path:
        """The folder of the plan and the commit records of one model's responses to a set.

        Args:
            set_name: the stimulus set.
            model: name of the model.
        """
        return self.root / "plans" / f"set={set_name}" / f"model={model}"

    def extraction(self, set_name: str, model: str) -> ExtractionFolder:
        """Both folders of one model's responses to a set.

        Args:
            set_name: the stimulus set.
            model: name of the model.
        """
        return ExtractionFolder(self.responses(set_name, model), self.plans(set_name, model))

    def lock(self, set_name: str) -> Path:
        """The folder that is locked while the stimuli or the labels of a set are written."""
        return self.root / "plans" / f"set={set_name}"

    def rollup(self, set_name: str, model: str, scheme: str) -> Path:
        """The roll-up of one model's responses to a set under one scheme.

        Args:
            set_name: the stimulus set.
            model: name of the model.
            scheme: the label scheme.
        """
        folder = self.root / "rollups" / f"set={set_name}" / f"model={model}" / f"scheme={scheme}"
        return folder / "rollup.parquet"

    def resampled(self, table: str, set_name: str, model: str, scheme: str) -> Path:
        """The folder of one of the tables of resampled indices, named like the view that shows the table.

        Args:
            table: a key of RESAMPLE_FOLDERS.
            set_name: the stimulus set.
            model: name of the model.
            scheme: the label scheme.
        """
        return self.root / RESAMPLE_FOLDERS[table] / f"set={set_name}" / f"model={model}" / f"scheme={scheme}"

    def relations(self, table: str, set_name: str, model: str, scheme: str) -> Path:
        """The folder of one of the tables on filters that are related to a stimulus parameter.

        Args:
            table: relations or relation_permutations, which is the view that shows it.
            set_name: the stimulus set.
            model: name of the model.
            scheme: the label scheme.
        """
        return self.root / table / f"set={set_name}" / f"model={model}" / f"scheme={scheme}"

    def layers(self, model: str) -> Path:
        """The table of the layers of a model."""
        return self.root / "layers" / f"model={model}" / "layers.parquet"

    def rendered(self, model: str, layer: str) -> Path:
        """The folder of the pictures that were made to drive filters of a layer.

        Args:
            model: name of the model.
            layer: name of the layer.
        """
        return self.root / "rendered" / f"model={model}" / f"layer={layer}"

    def run_record(self, what: str) -> Path:
        """A new file for the provenance of a run, named after the time and the task."""
        now = datetime.now(UTC)
        while (path := self.root / "runs" / f"{now:%Y%m%dT%H%M%S.%fZ}-{what}.json").exists():
            now += timedelta(microseconds=1)  # the clock stands still, or was set back
        return path

    def sets(self) -> list[str]:
        """Names of the ingested stimulus sets."""
        return _values(self.root / "stimuli", "set", "stimuli.parquet")

    def schemes(self, set_name: str) -> list[str]:
        """Names of the label schemes of a set."""
        return _values(self.root / "labels" / f"set={set_name}", "scheme", "labels.parquet")

    def added_parameters(self, set_name: str) -> list[str]:
        """Names of the stimulus parameters that were added to a set after ingestion."""
        return _values(self.root / "parameters" / f"set={set_name}", "parameter", "observations.parquet")

    def models(self, set_name: str) -> list[str]:
        """Names of the models whose responses to a set were extracted, partly or completely."""
        return _values(self.root / "plans" / f"set={set_name}", "model", "plan.parquet")

    @property
    def roots(self) -> Roots:
        """Where the images are."""
        return read_roots(self.root)

    def all_models(self) -> list[str]:
        """Names of all models of which the study has layers or responses."""
        found = _values(self.root / "layers", "model", "layers.parquet")
        return sorted({*found, *(model for name in self.sets() for model in self.models(name))})

    def image(self, path: str) -> Path:
        """The file of a stored `path`."""
        return self.roots.file(path)

    def stored_path(self, image: Path) -> str:
        """The path of an image as stored, relative to the study or to one of its roots; always with `/`."""
        return self.roots.stored(image)


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


def create_study(root: Path, title: str = "") -> StudyFolder:
    """Turn a directory into a study by writing `study.toml`.

    Args:
        root: a new or empty directory.
        title: title of the study; the name of the directory if empty.

    Raises: UsageError when the directory is already a study, or contains other files.
    """
    root = local_folder(root)
    if (root / "study.toml").exists():
        raise UsageError(f"{root} is already a study; use it as it is, or choose another directory")
    if not is_free(root):
        raise UsageError(f"{root} is not an empty directory; choose a new directory for the study")
    root.mkdir(parents=True, exist_ok=True)
    write_study_file(root, new_study_file(title or root.absolute().name), is_new=True)
    return StudyFolder(root)


def is_empty(root: Path) -> bool:
    """Whether a directory contains only hidden files, such as those of a file manager or a killed process."""
    return root.is_dir() and all(entry.name.startswith(".") for entry in root.iterdir())


def is_free(root: Path) -> bool:
    """Whether a new study can be made in a directory: it is missing or empty."""
    return not root.exists() or is_empty(root)


def check_study(root: Path) -> dict[str, Any]:
    """The content of the `study.toml` of a directory; changes nothing.

    Raises: UsageError when the directory is not a study; ToolboxError when a newer toolbox wrote it.
    """
    file = root / "study.toml"
    if not file.is_file():
        from toolbox.store.missing import missing_study

        raise missing_study(root, is_free=is_free(root))
    content = read_study_file(root)
    written = content.get("schema_version")
    if written is None:
        raise VerificationError(f"{file} is damaged: it has no schema_version; restore it from a copy")
    if written not in (SCHEMA_VERSION, *EARLIER_VERSIONS):
        raise ToolboxError(
            f"{file} has schema_version = {written!r}, but this toolbox reads {SCHEMA_VERSION}; "
            "install the version that the file names as created_by"
        )
    return content


def _values(folder: Path, key: str, required: str) -> list[str]:
    """Values of one hive-style level whose folders contain the required file."""
    found = (path.parent.name for path in folder.glob(f"{key}=*/{required}"))
    return sorted(name.removeprefix(f"{key}=") for name in found)
