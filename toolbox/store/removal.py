"""Deleting a stimulus set, a model or a label scheme with all that was derived from it. Never deletes an image.

A removal is a change of many files together (`commits`): one that was interrupted is finished by whoever opens the
study next. What makes a set, model or scheme exist is deleted first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from glob import escape
from pathlib import Path

from toolbox.errors import AmbiguousError, UnknownNameError, UsageError, VerificationError
from toolbox.files import only_writer, write_json
from toolbox.store.checksums import TREE
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.commits import Commit, committing, finish_commit
from toolbox.store.folder import RESAMPLE_FOLDERS, SCHEME, StudyFolder
from toolbox.store.in_use import read_in_use, stage_in_use
from toolbox.store.parquet import open_table, with_version
from toolbox.terms import REMOVABLE

_TREES = (
    *("stimuli", "labels", "parameters", "properties", "responses", "plans", "rollups"),
    *RESAMPLE_FOLDERS.values(),
    *RELATION_TABLES,
)
"""Folders of a study with tables of a set."""
_FIRST = ("stimuli.parquet", "plan.parquet", "labels.parquet")
"""The tables that make a set, a model or a scheme exist."""


@dataclass(frozen=True)
class Removal:
    """What is deleted."""

    kind: str
    name: str
    sets: tuple[str, ...]
    """The stimulus sets from which it is deleted."""
    stimuli: int
    """Stimuli of a deleted set; 0 for a model or a scheme."""
    schemes: tuple[str, ...]
    """The label schemes that are deleted."""
    models: tuple[str, ...]
    """The models whose responses are deleted."""
    files: int
    bytes: int
    images: str
    """The folder of the set's images that the toolbox drew or unpacked, which stays; empty if there is none."""


def remove(
    study: StudyFolder, kind: str, name: str, *, set_name: str | None = None, dry_run: bool = False
) -> Removal:
    """Delete a stimulus set, a model or a label scheme, with its responses, roll-ups and resampled indices.

    With the last responses of a model, the pictures that were made to drive its filters are deleted, too.

    Args:
        study: the study.
        kind: 'set', 'model' or 'scheme'.
        name: its name.
        set_name: the set whose scheme, or whose responses of a model, are deleted; None for the only set with that
            scheme, or for all sets with responses of that model.
        dry_run: whether nothing is deleted.

    Returns: what was, or would be, deleted.
    Raises: UsageError for another kind, or for the scheme of ingestion; UnknownNameError; AmbiguousError where several
        sets have the scheme; BusyError while another process writes what would be deleted.
    """
    started = datetime.now(UTC)
    if not dry_run:
        finish_commit(study)
    sets = _sets_concerned(study, kind, name, set_name)
    folders = _folders(study, kind, name, sets)
    removal = _describe(study, kind, name, sets, folders)
    if not dry_run:
        with _all_locks(study, kind, name, sets):
            with committing(study) as commit:
                commit.deletions += _files(folders)
                _stage_in_use(study, commit, kind, name, sets)
                record = {"task": "remove", "started": started.isoformat(), **asdict(removal)}
                file = commit.stage(study.run_record(f"remove-{kind}-{name}"))
                write_json(file, with_version(record))
            _prune(folders)
    return removal


def _sets_concerned(study: StudyFolder, kind: str, name: str, set_name: str | None) -> tuple[str, ...]:
    """The sets from which something is deleted.

    Raises: UsageError, UnknownNameError, AmbiguousError.
    """
    if kind not in REMOVABLE:
        raise UsageError(f"the kind is {kind!r}; expected one of {', '.join(REMOVABLE)}")
    if kind == "set":
        if set_name is not None:
            raise UsageError(f"a set is removed by its name alone; expected: toolbox remove set {name}")
        return _with_name("stimulus set", name, {each: [each] for each in study.sets()})
    if set_name is not None and set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets())
    sets = [set_name] if set_name is not None else study.sets()
    if kind == "model":
        return _with_name("model", name, {each: study.models(each) for each in sets})
    if name == SCHEME:
        raise UsageError(
            f"the scheme {name!r} is that of ingestion, without which there is no set; remove the set"
        )
    found = _with_name("label scheme", name, {each: study.schemes(each) for each in sets})
    if len(found) > 1:
        raise AmbiguousError(f"set with the scheme {name}", found, "set")
    return found


def _with_name(noun: str, name: str, names: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The sets that have a name.

    Raises: UnknownNameError when none has it.
    """
    found = tuple(each for each, its_names in names.items() if name in its_names)
    if not found:
        raise UnknownNameError(noun, name, {each for its_names in names.values() for each in its_names})
    return found


def _folders(study: StudyFolder, kind: str, name: str, sets: Iterable[str]) -> list[Path]:
    """The folders that are deleted."""
    below = {
        "set": [""],
        "model": [f"model={escape(name)}"],
        "scheme": [f"scheme={escape(name)}", f"model=*/scheme={escape(name)}"],
    }
    trees = [*_TREES, *(f"{TREE}/{tree}" for tree in _TREES)]
    patterns = [
        f"{tree}/set={escape(each)}/{part}" for tree in trees for each in sets for part in below[kind]
    ]
    folders = [
        folder for pattern in patterns for folder in sorted(study.root.glob(pattern)) if folder.is_dir()
    ]
    if kind == "model" and not any(name in study.models(other) for other in {*study.sets()} - {*sets}):
        layers = study.layers(name).parent
        whole = (layers, study.root / TREE / "layers" / layers.name, study.root / "rendered" / layers.name)
        folders += [folder for folder in whole if folder.is_dir()]
    return folders


def _describe(
    study: StudyFolder, kind: str, name: str, sets: tuple[str, ...], folders: Iterable[Path]
) -> Removal:
    """What the folders contain."""
    sizes = [file.stat().st_size for file in _files(folders)]
    (set_name, *_), is_set = sets, kind == "set"
    models = study.models(set_name) if is_set else [name] * (kind == "model")
    schemes = study.schemes(set_name) if is_set else [name] * (kind == "scheme")
    images = study.images(set_name)
    return Removal(
        kind=kind,
        name=name,
        sets=sets,
        stimuli=_count_rows(study.stimuli(set_name)) if is_set else 0,
        schemes=tuple(schemes),
        models=tuple(models),
        files=len(sizes),
        bytes=sum(sizes),
        images=str(images) if is_set and images.is_dir() else "",
    )


def _count_rows(path: Path) -> int:
    """The number of rows of a table; 0 for a damaged one, which can be removed, too."""
    with contextlib.suppress(VerificationError), open_table(path) as opened:
        return int(opened.metadata.num_rows)
    return 0


def _files(folders: Iterable[Path]) -> list[Path]:
    """The files in the folders, without locks; those that make something exist come first."""
    files = [
        file for folder in folders for file in folder.rglob("*") if file.is_file() and file.name != ".lock"
    ]
    order = {name: number for number, name in enumerate(_FIRST)}
    return sorted(files, key=lambda file: order.get(file.name, len(order)))


def _prune(folders: Iterable[Path]) -> None:
    """Delete the folders that are empty now, with their locks; on Windows, those that are held stay."""
    for top in folders:
        for folder in (*sorted(top.rglob("*"), reverse=True), top):
            with contextlib.suppress(OSError):
                if [path.name for path in folder.iterdir()] == [".lock"]:
                    (folder / ".lock").unlink()
                folder.rmdir()
        with contextlib.suppress(OSError):
            top.parent.rmdir()


@contextlib.contextmanager
def _all_locks(study: StudyFolder, kind: str, name: str, sets: Iterable[str]) -> Iterator[None]:
    """The locks of all that writes what is deleted."""
    places: list[Path] = []
    for each in sets:
        models = [name] if kind == "model" else study.models(each)
        folders = [study.lock(each), *(study.plans(each, model) for model in models)]
        inside = [
            each
            for folder in folders[1:]
            for kind in ("scheme=*", "job-*-of-*")
            for each in folder.glob(kind)
        ]
        places += [folder for folder in (*folders, *inside) if folder.is_dir()]
    with contextlib.ExitStack() as held:
        for place in places:
            held.enter_context(only_writer(place, f"writing what {kind} {name} contains,"))
        yield


def _stage_in_use(study: StudyFolder, commit: Commit, kind: str, name: str, sets: Collection[str]) -> None:
    """Take what is deleted out of use."""
    in_use = read_in_use(study)
    if in_use.get("set", "") in sets and in_use.get(kind) == name:
        kept = {each: in_use[each] for each in in_use if each != kind} if kind != "set" else {}
        stage_in_use(study, commit, kept)
