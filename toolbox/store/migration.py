"""Studies of an earlier layout, moved over to the present one. Owns what earlier layouts were.

In layout 1, plans, commit records and locks were beside the parts, the three tables of resampled indices were in one
folder, and the images of cards were under `stimuli/`.

A study can be moved over again from any moment at which it was interrupted: `study.toml` gets the new version first,
with the mark `moving_from`, so that earlier versions of the toolbox refuse the study; every step finds what is left to
do; the mark is removed last. Responses are renamed, never copied.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from toolbox.errors import ToolboxError
from toolbox.files import move_files, only_writer
from toolbox.store.folder import EARLIER_VERSIONS, StudyFolder, check_study
from toolbox.store.parquet import read_table_and_origin, write_table
from toolbox.store.study_file import SCHEMA_VERSION, read_study_file, write_study_file

PATIENCE = 60.0
"""Seconds to wait for another process that moves the same study over."""
_EARLIER_NAMES = {
    "filters": "significance",
    "resamples": "resamples",
    "draws": "resamples",
    "splits": "reliability",
}
"""What the names of tables of resampled indices began with -> their folder now."""
_TREES = ("stimuli", "labels", "responses", "significance")


def open_study(root: Path) -> StudyFolder:
    """The study in a directory; a study of an earlier layout is first moved over to the present one.

    Raises: as `check_study`; ToolboxError when an earlier study cannot be written to; BusyError when another process
        is writing in it.
    """
    study, content = StudyFolder(root), check_study(root)
    if content["schema_version"] in EARLIER_VERSIONS or "moving_from" in content:
        _check_writable(root)
        _move_over(study)
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
        _move_files(study)
        _rename_images(study)
        write_study_file(study.root, moved)


def _check_writable(root: Path) -> None:
    """Refuse a study in which a step would fail."""
    folders = (folder for tree in _TREES for folder, _, _ in os.walk(root / tree))
    for folder in (str(root), *folders):
        if not os.access(folder, os.W_OK):
            raise ToolboxError(
                f"{root} has the layout of an earlier version and must be moved over once, but {folder} cannot be "
                "written to; get the permission, or copy the study and use the copy"
            )


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


def _rename_images(study: StudyFolder) -> None:
    """Change the paths of the images that the toolbox drew or unpacked."""
    for name in study.sets():
        file, earlier, now = study.stimuli(name), f"stimuli/set={name}/images/", f"images/{name}/"
        table, origin = read_table_and_origin(file)
        paths = table["path"].to_pylist()
        renamed = [now + path.removeprefix(earlier) if path.startswith(earlier) else path for path in paths]
        if renamed != paths:
            place = table.schema.get_field_index("path")
            write_table(file, table.set_column(place, table.schema.field(place), [renamed]), origin)
