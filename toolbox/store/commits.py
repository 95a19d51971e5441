"""Several files of a study that change together, or not at all. Owns the journal of such a change.

The new files are first written into a scratch folder. Then the journal is written, which lists the files to rename and
to delete: from this moment the change counts. A process that is killed earlier leaves nothing that is visible. After
one that is killed later, whoever reads or writes the study next carries the journal out.

A journal that was carried out is kept under another name until the next change. Whoever reads several files compares
that file before and after; if it is another one, what was read may be of two states, and is read again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from toolbox.errors import BusyError, ObjectStorageError, ToolboxError, VerificationError
from toolbox.files import (
    mirror_of,
    move_files,
    only_writer,
    read_json,
    remove_file,
    remove_folder,
    sweep,
    write_json,
)
from toolbox.store.checksums import checksum_moves, entry_files
from toolbox.store.folder import StudyFolder
from toolbox.store.study_file import PATIENCE

FRESH = 1.0
"""Seconds for which a reader takes the mirror of a study in object storage to be as the storage is."""
READINGS = 10
"""How often a study is read again that other processes change at the same time."""
_PLACE, _JOURNAL, _DONE, _SCRATCH = "plans", "commit.json", "committed.json", ".uncommitted"

_Result = TypeVar("_Result")


@dataclass
class Commit:
    """Files of a study that are going to change together.

    Attributes:
        root: the directory of the study.
        moves: where a file of the study is now -> where it will be.
        deletions: files that will be deleted, if they exist and nothing is written or moved there.
    """

    root: Path
    moves: dict[Path, Path] = field(default_factory=dict)
    deletions: list[Path] = field(default_factory=list)

    def stage(self, path: Path) -> Path:
        """Where to write now what will be at a path: in a scratch folder with the folders of a study.

        Args:
            path: a path in the study.
        """
        return self.root / _PLACE / _SCRATCH / path.relative_to(self.root)

    def take(self, built: Path) -> None:
        """Stage all files that were built in another folder, which has the folders of a study.

        Args:
            built: the folder, on the disk of the study.

        Raises: BusyError when another process has removed it.
        """
        try:
            for file in _files(built):
                staged = self.stage(self.root / file.relative_to(built))
                staged.parent.mkdir(parents=True, exist_ok=True)
                file.replace(staged)
        except FileNotFoundError:
            pass
        else:
            if built.is_dir():
                return
        raise BusyError(f"another process has taken over the work in {built.parent}; wait until it ends")


@contextmanager
def writing(study: StudyFolder, folder: Path, task: str, *swept: Path) -> Iterator[None]:
    """The lock of a folder, for one process that writes; what killed processes left is completed or removed first.

    Args:
        study: the study.
        folder: the folder in `plans/` that is locked.
        task: what the process does, such as 'extracting', for the error message of another process.
        swept: further folders in which only the holder of this lock writes.

    Raises: BusyError when another process has locked the folder; as `finish_commit`.
    """
    with only_writer(folder, task):
        finish_commit(study)
        if (study.root / _PLACE / _SCRATCH).exists():
            with contextlib.suppress(BusyError), scratch_folder(study, wait=0):
                pass  # it was that of a killed process
        sweep(folder, *swept)
        yield


@contextmanager
def scratch_folder(study: StudyFolder, *, wait: float = PATIENCE) -> Iterator[Path]:
    """A folder for files that are being written, which one process has at a time; it is empty, and is removed.

    Args:
        study: the study.
        wait: seconds to wait for another process.

    Raises: BusyError when another process has it.
    """
    place = study.root / _PLACE
    with only_writer(place, "changing the study", wait=wait):
        sweep(study.root, place)
        _finish(study.root)
        try:
            yield place / _SCRATCH
        finally:
            if not (place / _JOURNAL).exists():  # else what is in the folder counts already
                with contextlib.suppress(OSError, BusyError):  # what failed is reported, not this
                    remove_folder(place / _SCRATCH)


@contextmanager
def committing(study: StudyFolder) -> Iterator[Commit]:
    """Changes that become visible together when the block succeeds, or not at all.

    Other processes wait, so the block only checks and writes; it must not take long.

    Args:
        study: the study.

    Raises: BusyError when another process does not end its own changes.
    """
    with scratch_folder(study) as scratch:
        commit = Commit(study.root)
        yield commit
        if mirror := mirror_of(scratch):
            mirror.put_lacking(scratch)
        staged = {file: study.root / file.relative_to(scratch) for file in _files(scratch)}
        commit.moves = {**staged, **commit.moves}
        _add_checksums(commit)
        if commit.moves or commit.deletions:
            write_json(study.root / _PLACE / _JOURNAL, _content(commit))
            _finish(study.root)


def finish_commit(study: StudyFolder) -> None:
    """Carry out the change of a process that was killed meanwhile; wait for that of a living one.

    Whoever writes into a study does this after taking its own lock, and before reading anything.

    Args:
        study: the study.

    Raises: BusyError; ToolboxError in a study that cannot be written to; VerificationError for a damaged journal.
    """
    if not (study.root / _PLACE / _JOURNAL).exists():
        return
    try:
        with only_writer(study.root / _PLACE, "changing the study", wait=PATIENCE):
            _finish(study.root)
    except ObjectStorageError:
        raise
    except OSError as error:
        raise ToolboxError(
            f"a change of {study.root} was interrupted and cannot be completed ({error.strerror}); get the permission "
            "to write, or copy the study and use the copy"
        ) from error


def last_commit(study: StudyFolder) -> tuple[int, ...]:
    """What identifies the last change of a study, after completing one that was interrupted; empty before the first.

    Raises: as `finish_commit`.
    """
    if mirror := mirror_of(study.root):
        mirror.refresh(FRESH)
    finish_commit(study)
    try:
        status = (study.root / _PLACE / _DONE).stat()
    except FileNotFoundError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size


def read_between_commits(study: StudyFolder, read: Callable[[], _Result]) -> _Result:
    """What a function reads of a study, all of it between two changes: it is called again if there was one meanwhile.

    Args:
        study: the study.
        read: reads any number of files.

    Raises: what the function raises; BusyError when other processes change the study all the time.
    """
    for _ in range(READINGS):
        before = last_commit(study)
        try:
            result = read()
        except Exception:  # such as a file that is gone
            if last_commit(study) == before:
                raise
        else:
            if last_commit(study) == before:
                return result
    raise BusyError(f"other processes change {study.root} all the time; wait until they end, and try again")


def _finish(root: Path) -> None:
    """Carry out the journal, if there is one; every step can be repeated. The lock is held."""
    journal = root / _PLACE / _JOURNAL
    if journal.exists():
        moves, deletions = _read(root, journal)
        move_files({old: new for old, new in moves.items() if old.exists()})
        for path in deletions:
            remove_file(path)
        for folder in {path.parent for path in (*moves, *deletions)}:
            _remove_empty(root, folder)
        move_files({journal: journal.with_name(_DONE)})
    if (root / _PLACE / _SCRATCH).exists():
        remove_folder(root / _PLACE / _SCRATCH)


def _remove_empty(root: Path, folder: Path) -> None:
    """Remove a folder, and those that contain it, for as long as they are empty."""
    with contextlib.suppress(OSError):  # it is not
        while folder != root:
            if folder.exists():  # else it was removed before this process
                folder.rmdir()
            folder = folder.parent


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.is_file()]


def _add_checksums(commit: Commit) -> None:
    """Let the checksums of tables move with them, and those of tables that are replaced or deleted be deleted."""
    moves: dict[Path, Path] = {}
    for old, new in commit.moves.items():
        of_table = checksum_moves(old, new) if old.suffix == ".parquet" else {}
        moves |= {**of_table, old: new}  # the checksum of a table is there before the table
    gone = [path for path in (*commit.moves.values(), *commit.deletions) if path.suffix == ".parquet"]
    commit.moves = moves
    commit.deletions += [entry for table in gone for entry in entry_files(table)]


def _content(commit: Commit) -> dict[str, Any]:
    """What the journal says, with paths that are relative to the study."""
    kept = {*commit.moves.values()}
    moves = [[_inside(commit.root, old), _inside(commit.root, new)] for old, new in commit.moves.items()]
    deletions = [_inside(commit.root, path) for path in commit.deletions if path not in kept]
    return {"moves": moves, "deletions": deletions}


def _inside(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _read(root: Path, journal: Path) -> tuple[dict[Path, Path], list[Path]]:
    """The moves and the deletions of a journal.

    Raises: VerificationError when it is damaged, or names a file outside the study.
    """
    remedy = "the change of the study that it lists was interrupted; delete it, and repeat the last command"
    content = read_json(journal, remedy)
    try:
        moves = {_path(root, old): _path(root, new) for old, new in content["moves"]}
        return moves, [_path(root, name) for name in content["deletions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise VerificationError(f"{journal} is damaged: it lists no files of the study; {remedy}") from error


def _path(root: Path, name: str) -> Path:
    """A path in the study.

    Raises: ValueError for a path outside.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or Path(name).is_absolute():
        raise ValueError(name)
    return root / path
