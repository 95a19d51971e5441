"""Files that change together: never half, whatever happens in between, and never outside the study."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from support.failpoints import renames_into
from support.writing_commands import WRITING_COMMANDS, make_inputs
from toolbox import Study, ToolboxError
from toolbox.errors import BusyError, VerificationError
from toolbox.files import only_writer, write_json
from toolbox.store import commits
from toolbox.store.commits import (
    Commit,
    committing,
    finish_commit,
    last_commit,
    read_between_commits,
    writing,
)
from toolbox.store.folder import StudyFolder, create_study


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    """A study with two files of one state, and a third."""
    study = create_study(tmp_path / "study")
    write(study.root, "one")
    (study.root / "runs" / "c.txt").write_text("one")
    return study


def write(root: Path, text: str) -> None:
    for name in ("a.txt", "b.txt"):
        (root / "runs").mkdir(parents=True, exist_ok=True)
        (root / "runs" / name).write_text(text)


def change(study: StudyFolder, text: str = "two") -> None:
    """Both files get another text, and the third goes."""
    with committing(study) as commit:
        commit.deletions.append(study.root / "runs" / "c.txt")
        write(commit.stage(study.root / "runs").parent, text)


def content(study: StudyFolder) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted((study.root / "runs").iterdir())}


ONE, TWO = {"a.txt": "one", "b.txt": "one", "c.txt": "one"}, {"a.txt": "two", "b.txt": "two"}


def test_they_change_together(folder: StudyFolder) -> None:
    before = last_commit(folder)
    change(folder)
    assert content(folder) == TWO
    assert last_commit(folder) != before
    assert {path.name for path in (folder.root / "plans").iterdir()} == {".lock", "committed.json"}


def test_a_block_that_fails_changes_nothing(folder: StudyFolder) -> None:
    before = last_commit(folder)
    with pytest.raises(Killed), committing(folder) as commit:
        write(commit.stage(folder.root / "runs").parent, "two")
        raise Killed
    assert content(folder) == ONE
    assert last_commit(folder) == before
    assert not (folder.root / "plans").exists()


def test_killed_at_any_rename_or_deletion_it_is_all_or_nothing(
    folder: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, moment = set(), 0
    while moment is not None:
        study = StudyFolder(shutil.copytree(folder.root, tmp_path / f"killed {moment}"))
        left = moment

        def counted(path: Path, *arguments: object, original: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return original(path, *arguments, **options)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            for name in ("replace", "unlink"):
                original = getattr(Path, name)
                patch.setattr(
                    Path, name, lambda *a, original=original, **o: counted(*a, original=original, **o)
                )
            try:
                change(study)
                moment = None
            except Killed:
                moment += 1
        finish_commit(study)
        assert content(study) in (ONE, TWO)
        assert not (study.root / "plans" / ".uncommitted").exists() or content(study) == ONE
        seen.add(len(content(study)))
        change(study, "three")
        assert content(study) == {"a.txt": "three", "b.txt": "three"}
        assert {path.name for path in (study.root / "plans").iterdir()} == {".lock", "committed.json"}
    assert seen == {2, 3}


def interrupt(study: StudyFolder) -> None:
    """As if a process had been killed right after its decision."""
    fresh = Commit(study.root).stage(study.root / "runs" / "a.txt")
    fresh.parent.mkdir(parents=True)
    fresh.write_text("two")
    moves = [["plans/.uncommitted/runs/a.txt", "runs/a.txt"]]
    write_json(study.root / "plans" / "commit.json", {"moves": moves, "deletions": []})


def test_whoever_opens_a_study_completes_what_was_interrupted(folder: StudyFolder) -> None:
    interrupt(folder)
    Study(folder.root)
    assert content(folder)["a.txt"] == "two"


@pytest.mark.parametrize("begin", [last_commit, finish_commit])
def test_a_reader_completes_it_before_it_compares(
    begin: Callable[[StudyFolder], object], folder: StudyFolder
) -> None:
    interrupt(folder)
    begin(folder)
    assert content(folder)["a.txt"] == "two"


def test_a_change_completes_an_earlier_one_before_it_begins(folder: StudyFolder) -> None:
    interrupt(folder)
    with committing(folder) as commit:
        assert content(folder)["a.txt"] == "two"
        assert not commit.stage(folder.root / "runs" / "a.txt").exists()


def test_a_writer_completes_it_without_waiting_for_one_that_is_gone(folder: StudyFolder) -> None:
    """Also where nothing else is left of the killed process than its journal."""
    change(folder)
    write_json(folder.root / "plans" / "commit.json", {"moves": [], "deletions": ["runs/a.txt"]})
    with writing(folder, folder.lock("pets"), "ingesting"):
        assert "a.txt" not in content(folder)


def test_a_writer_completes_it_before_it_reads_anything(folder: StudyFolder) -> None:
    interrupt(folder)
    with writing(folder, folder.lock("pets"), "ingesting"):
        assert content(folder)["a.txt"] == "two"


def test_what_killed_writers_left_is_removed_under_their_lock(folder: StudyFolder) -> None:
    left = [folder.lock("pets") / ".x.1-2.partial", folder.root / "runs" / ".y.1-2.partial"]
    for file in left:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("half")
    with writing(folder, folder.lock("pets"), "ingesting", folder.root / "runs"):
        assert not any(file.exists() for file in left)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "runs/../../outside.txt"])
@pytest.mark.parametrize("role", ["from", "to", "deleted"])
def test_a_journal_names_no_file_outside_the_study(name: str, role: str, folder: StudyFolder) -> None:
    outside = folder.root.parent / "outside.txt"
    outside.write_text("mine")
    journal = folder.root / "plans" / "commit.json"
    moves = [[name, "runs/a.txt"]] if role == "from" else [["runs/a.txt", name]] if role == "to" else []
    write_json(journal, {"moves": moves, "deletions": [name] * (role == "deleted")})
    with pytest.raises(VerificationError, match=r"commit\.json is damaged: it lists no files of the study"):
        Study(folder.root)
    assert outside.read_text() == "mine"
    assert content(folder) == ONE


def test_a_damaged_journal_is_reported_with_its_remedy(folder: StudyFolder) -> None:
    interrupt(folder)
    journal = folder.root / "plans" / "commit.json"
    damaged = json.loads(journal.read_text())
    damaged["moves"][0][1] = "runs/b.txt"
    journal.write_text(json.dumps(damaged))
    with pytest.raises(VerificationError, match="delete it, and repeat the last command"):
        Study(folder.root)
    journal.unlink()
    change(folder)
    assert content(folder) == TWO


def test_what_is_read_is_of_one_state(folder: StudyFolder) -> None:
    times = []

    def read() -> tuple[str, str]:
        first = (folder.root / "runs" / "a.txt").read_text()
        if not times:
            change(folder)
        times.append(first)
        return first, (folder.root / "runs" / "b.txt").read_text()

    assert read_between_commits(folder, read) == ("two", "two")
    assert times == ["one", "two"]


def test_a_file_that_goes_while_it_is_read_is_no_fault(folder: StudyFolder) -> None:
    times = []

    def read() -> bool:
        times.append(1)
        if len(times) == 1:
            change(folder)
            (folder.root / "runs" / "c.txt").read_text()
        return (folder.root / "runs" / "c.txt").exists()

    assert read_between_commits(folder, read) is False
    with pytest.raises(FileNotFoundError):
        read_between_commits(folder, (folder.root / "runs" / "c.txt").read_text)


def test_a_study_that_changes_all_the_time_is_busy(folder: StudyFolder) -> None:
    with pytest.raises(BusyError, match="other processes change"):
        read_between_commits(folder, lambda: change(folder))


def test_readers_wait_for_a_commit_that_is_carried_out(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is held by the process that carries it out; a reader goes on when it is free."""
    interrupt(folder)
    with only_writer(folder.root / "plans", "changing the study"):
        reader = threading.Thread(target=finish_commit, args=(folder,))
        reader.start()
        reader.join(0.05)
        assert reader.is_alive()
        commits._finish(folder.root)
    reader.join(10)
    assert not reader.is_alive()
    assert content(folder)["a.txt"] == "two"


def test_in_a_study_that_cannot_be_written_to_an_interrupted_change_is_reported(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(folder)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(commits, "only_writer", refuse)
    with pytest.raises(
        ToolboxError, match=r"cannot be completed \(Read-only file system\); get the permission"
    ):
        finish_commit(folder)


@pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
def test_the_record_of_a_run_becomes_visible_with_what_the_run_made(tmp_path: Path, cache: Path) -> None:
    """Only a commit moves records into `runs`, so that a kill loses none."""
    make_inputs(tmp_path / "inputs")
    root = tmp_path / "study"
    for name in (
        "ingest, a new study", "ingest, more images", "label", "extract", "properties", "parameters", "significance",
        "relate", "import", "match --save-as", "remove scheme",
    ):  # fmt: skip
        before = {*root.glob("runs/*.json")}
        with renames_into(str(root / "runs")) as sources:
            WRITING_COMMANDS[name].act(root)
        (record,) = {*root.glob("runs/*.json")} - before
        assert record.name.endswith(f"Z-{WRITING_COMMANDS[name].record}.json")
        assert [".uncommitted" in source for source in sources] == [True], name
