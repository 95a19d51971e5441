"""Studies of an earlier layout, moved over to the present one. Owns what earlier layouts were.

In layout 1, plans, commit records and locks were beside the parts, the three tables of resampled indices were in one
folder, the images of cards were under `stimuli/`, and the paths of other images were absolute.

A study can be moved over again from any moment at which it was interrupted: `study.toml` gets the new version first,
with the mark `moving_from`, so that earlier versions of the toolbox refuse the study; every step finds what is left to
do; the mark is removed last. Responses are renamed, never copied.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from toolbox.errors import ToolboxError, VerificationError
from toolbox.files import (
    digest_of,
    local_folder,
    mirror_of,
    move_files,
    only_writer,
    read_json,
    sweep,
    write_json,
)
from toolbox.store.commits import finish_commit
from toolbox.store.folder import EARLIER_VERSIONS, RESAMPLE_FOLDERS, StudyFolder, check_study
from toolbox.store.labels import digest_of_labels
from toolbox.store.parquet import provenance_of, read_table, read_table_and_origin, write_table
from toolbox.store.roots import KEY, Roots
from toolbox.store.study_file import PATIENCE, SCHEMA_VERSION, read_study_file, write_study_file

_EARLIER_NAMES = {
    "filters": "significance",
    "resamples": "resamples",
    "draws": "resamples",
    "splits": "reliability",
}
"""What the names of tables of resampled indices began with -> their folder now."""
_EARLIER_IMAGES = r"^stimuli/set=([^/]+)/images/"
_SOURCES = ("folder", "manifest", "table")
"""Keys of the provenance under which the paths of sources are."""
_TREES = (
    "stimuli",
    "labels",
    "responses",
    "significance",
    "resamples",
    "reliability",
    "rollups",
    "plans",
    "runs",
)


def open_study(root: Path) -> StudyFolder:
    """The study in a directory; a study of an earlier layout is first moved over to the present one.

    What a killed process has decided is completed.

    Raises: as `check_study`; ToolboxError when an earlier study cannot be written to; BusyError when another process
        is writing in it.
    """
    root = local_folder(root)
    study, content = StudyFolder(root), check_study(root)
    if content["schema_version"] in EARLIER_VERSIONS or "moving_from" in content:
        if mirror_of(root):
            raise ToolboxError(
                f"{root} has the layout of an earlier version; copy it into a directory, open it there once, and copy "
                "it back"
            )
        _check_writable(root)
        _move_over(study)
    finish_commit(study)
    return study


def _move_over(study: StudyFolder) -> None:
    """Move a study over, or continue to do so; nothing is done if another process has finished it meanwhile."""
    with only_writer(study.root / "plans", "moving the study over to its present layout", wait=PATIENCE):
        content = read_study_file(study.root)
        earlier = content.pop("moving_from", content["schema_version"])
        if earlier == SCHEMA_VERSION:
            return
        moved = {**content, "schema_version": SCHEMA_VERSION}
        with _earlier_locks(study.root):
            write_study_file(study.root, {"moving_from": earlier, **moved})
        for lock in _lock_files(study.root):
            lock.unlink()
        sweep(study.root, *_folders(study.root))
        _move_files(study)
        moved |= _roots_entry(study)
        write_study_file(study.root, {"moving_from": earlier, **moved})
        _rewrite_files(study)
        write_study_file(study.root, moved)


def _check_writable(root: Path) -> None:
    """Refuse a study in which a step would fail."""
    for folder in (root, *_folders(root)):
        # one that is gone was moved by another process
        if folder.exists() and not os.access(folder, os.W_OK):
            raise ToolboxError(
                f"{root} has the layout of an earlier version and must be moved over once, but {folder} cannot be "
                "written to; get the permission, or copy the study and use the copy"
            )


def _folders(root: Path) -> Iterator[Path]:
    """The folders in which something is changed."""
    return (Path(folder) for tree in _TREES for folder, _, _ in os.walk(root / tree))


@contextlib.contextmanager
def _earlier_locks(root: Path) -> Iterator[None]:
    """The locks of earlier versions.

    Raises: BusyError when an earlier version of the toolbox is writing in the study.
    """
    with contextlib.ExitStack() as held:
        for lock in _lock_files(root):
            held.enter_context(only_writer(lock.parent, "using an earlier version of the toolbox"))
        yield


def _lock_files(root: Path) -> list[Path]:
    """The files of these locks."""
    patterns = ("stimuli/set=*/.lock", "responses/*/*/.lock", "significance/*/*/*/.lock")
    return [lock for pattern in patterns for lock in root.glob(pattern)]


def _move_files(study: StudyFolder) -> None:
    """Rename what is in another folder now."""
    root = study.root
    for folder in sorted(root.glob("responses/set=*/model=*")):
        plans = root / "plans" / folder.relative_to(root / "responses")
        _move([*folder.glob("part-*.json"), *folder.glob("plan.parquet")], plans)
    for folder in sorted(root.glob("significance/set=*/model=*/scheme=*")):
        for start, tree in _EARLIER_NAMES.items():
            place = root / tree / folder.relative_to(root / "significance")
            _move(folder.glob(f"{start}-*.parquet"), place, cut=f"{start}-")
    for folder in sorted(root.glob("stimuli/set=*/images")):
        move_files({folder: study.images(folder.parent.name.removeprefix("set="))})


def _move(files: Iterable[Path], folder: Path, cut: str = "") -> None:
    """Rename files into another folder, without the beginning of their names."""
    move_files({file: folder / file.name.removeprefix(cut) for file in files})


def _roots_entry(study: StudyFolder) -> dict[str, dict[str, str]]:
    """The entry of `study.toml` for the roots of all images, none if all are in the study."""
    roots = study.roots
    for name in study.sets():
        with _leaving_damaged():
            table, origin = read_table_and_origin(study.stimuli(name), "path")
            files = [Path(path) for path in table["path"].to_pylist() if _is_absolute(path)]
            for folder in (source["folder"] for source in origin.get("sources", []) if "folder" in source):
                roots = roots.extended([file for file in files if file.is_relative_to(folder)], Path(folder))
            roots = roots.extended(files)
    return {KEY: dict(roots.folders)} if roots.folders else {}


def _rewrite_files(study: StudyFolder) -> None:
    """Change paths, and the digests of label files in what was computed from them, as these files change too."""
    for file in _results(study):
        with _leaving_damaged():
            _rewrite_result(study, file)
    for file in (
        *study.root.glob("labels/*/*/labels.parquet"),
        *study.root.glob("stimuli/*/stimuli.parquet"),
    ):
        with _leaving_damaged():
            _rewrite_table(study, file)
    for file in (*study.root.glob("runs/*.json"), *study.root.glob("plans/*/*/part-*.json")):
        with _leaving_damaged():
            content = read_json(file)
            if (changed := _anonymous(study.roots, content)) != content:
                write_json(file, changed)


def _results(study: StudyFolder) -> list[Path]:
    """Tables that were computed from responses and labels."""
    return [
        file
        for tree in ("rollups", *RESAMPLE_FOLDERS.values())
        for file in study.root.glob(f"{tree}/*/*/*/*.parquet")
    ]


def _rewrite_result(study: StudyFolder, file: Path) -> None:
    """Record the digest of the labels instead of that of the label file, if that is the file of now.

    A table of filters gets the number of permutations, which its origin has.
    """
    origin = provenance_of(file)
    set_name, _, scheme = (folder.name.partition("=")[2] for folder in reversed(file.parents[:3]))
    labels = study.labels(set_name, scheme)
    if labels.is_file() and origin.get("labels") == digest_of(labels):
        table = read_table(file)
        if file.parents[3].name == RESAMPLE_FOLDERS["filters"] and "permutations" not in table.column_names:
            import pyarrow as pa  # only here: whoever opens a study of now does not wait for it

            count = pa.array([origin["resamples"]] * table.num_rows, pa.int32())
            table = table.append_column("permutations", count)
        write_table(file, table, {**origin, "labels": digest_of_labels(labels)})


def _rewrite_table(study: StudyFolder, file: Path) -> None:
    """Store the paths in a table and in its provenance without the places of roots."""
    table, origin = read_table_and_origin(file)
    changed, changed_origin = table, _anonymous(study.roots, origin)
    if "path" in table.column_names:
        place = table.schema.get_field_index("path")
        paths = [_present_path(study.roots, path) for path in table["path"].to_pylist()]
        changed = table.set_column(place, table.schema.field(place), [paths])
    if changed != table or changed_origin != origin:
        write_table(file, changed, changed_origin)


def _present_path(roots: Roots, path: str) -> str:
    """A path as it is stored now."""
    if _is_absolute(path):
        return roots.stored(Path(path))
    return re.sub(_EARLIER_IMAGES, r"images/\1/", path)


def _anonymous(roots: Roots, value: Any) -> Any:
    """A value of a record without the places of roots; sources outside them keep their name alone."""
    if isinstance(value, dict):
        return {
            key: _anonymous_source(roots, each) if key in _SOURCES else _anonymous(roots, each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_anonymous(roots, each) for each in value]
    if isinstance(value, str):
        return roots.anonymous(re.sub(_EARLIER_IMAGES, r"images/\1/", value))
    return value


def _anonymous_source(roots: Roots, value: Any) -> Any:
    """The path of a source."""
    is_path = isinstance(value, str) and _is_absolute(value)
    return roots.anonymous(value, Path(posixpath.dirname(value))) if is_path else value


def _is_absolute(path: str) -> bool:
    """Whether a path is absolute on this or on another operating system."""
    return path.startswith("/") or PureWindowsPath(path).is_absolute()


def _leaving_damaged() -> contextlib.suppress:
    """Damaged files stay as they are; whoever reads them reports them."""
    return contextlib.suppress(VerificationError)
