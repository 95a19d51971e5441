"""Of two writers of a study in object storage one is refused; the lock of a killed one is taken over."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from s3fs import S3FileSystem

from support.object_storage import storage
from toolbox import Study
from toolbox.errors import BusyError, ObjectStorageError
from toolbox.files import has_writer, only_writer, read_json, write_json
from toolbox.remote import lock
from toolbox.remote.mirror import mirror_around

Elsewhere = Callable[[], Path]


@pytest.fixture
def here(address: str) -> Path:
    """The folder of a study as this computer has it."""
    return Study(address, create=True).folder.root


@pytest.fixture
def elsewhere(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """The folder of the same study as another computer has it."""

    def opened() -> Path:
        with monkeypatch.context() as patch:
            patch.setenv("TOOLBOX_CACHE", str(tmp_path / "another cache"))
            return Study(address, create=True).folder.root

    return opened


def left_behind(address: str, folder: str, **content: str) -> str:
    """The lock of a killed process."""
    name = f"{address}/{folder}/.lock"
    text = json.dumps({"mirror": "m", "computer": "ward", "task": "extracting", "token": "t", **content})
    storage().pipe_file(name, text.encode())
    return name


def test_another_computer_is_refused_and_told_who_writes(
    address: str, here: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.node", lambda: "ward")
    there = elsewhere()
    with only_writer(here / "plans", "extracting"):
        assert has_writer(there / "plans")
        refusal = (
            f"another process on ward is extracting in {address}/plans; wait until it ends, or stop it, and"
        )
        with pytest.raises(BusyError, match=refusal), only_writer(there / "plans", "labelling"):
            pass
    assert not has_writer(there / "plans")
    with only_writer(there / "plans", "labelling"):
        pass
    assert not [name for name in storage().find(address) if name.endswith(".lock")]


def test_a_lock_that_is_held_for_long_is_renewed(
    here: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_RENEWAL", 0.05)
    with only_writer(here / "plans", "extracting"):
        first = storage().cat_file(f"{address}/plans/.lock")
        for _ in range(200):
            if (now := storage().cat_file(f"{address}/plans/.lock")) != first:
                break
    assert json.loads(now)["token"] == json.loads(first)["token"] and now != first


def test_the_lock_of_a_killed_process_of_this_computer_is_taken_over_at_once(
    here: Path, address: str
) -> None:
    own = json.loads((here.parent / "place.json").read_text())["mirror"]
    name = left_behind(address, "plans", mirror=own, computer=platform.node())
    assert not has_writer(here / "plans")
    with only_writer(here / "plans", "extracting"):
        assert json.loads(storage().cat_file(name))["token"] != "t"
    assert not storage().exists(name)


def test_a_lock_of_another_computer_that_shares_the_cache_is_respected(here: Path, address: str) -> None:
    own = json.loads((here.parent / "place.json").read_text())["mirror"]
    name = left_behind(address, "plans", mirror=own)
    assert has_writer(here / "plans")
    with pytest.raises(BusyError, match="ward is extracting"), only_writer(here / "plans", "extracting"):
        pass
    assert json.loads(storage().cat_file(name))["token"] == "t"


def test_that_of_another_computer_is_taken_over_a_minute_later(
    here: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = left_behind(address, "plans")
    refusal = pytest.raises(BusyError, match=r"ward is extracting.* try again after 60 s")
    with refusal, only_writer(here / "plans", "extracting"):
        pass
    monkeypatch.setattr(lock, "LEASE", -1.0)
    with only_writer(here / "plans", "extracting"):
        pass
    assert not storage().exists(name)
    assert not [name for name in storage().find(address) if ".clock" in name]


def test_of_two_that_take_it_over_at_once_one_is_refused(
    here: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = left_behind(address, "plans")
    monkeypatch.setattr(lock, "LEASE", -1.0)
    left = lock.HeldLocks._is_left

    def other_is_first(self: Any, found: dict[str, Any]) -> bool:
        left_behind(address, "plans", token="of the other")
        monkeypatch.setattr(lock, "LEASE", 60.0)
        return left(self, found) or True

    monkeypatch.setattr(lock.HeldLocks, "_is_left", other_is_first)
    with pytest.raises(BusyError), only_writer(here / "plans", "extracting"):
        pass
    assert json.loads(storage().cat_file(name))["token"] == "of the other"


def test_who_lost_his_lock_writes_no_more(here: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_OLD", -1.0)  # as after the computer has slept
    with only_writer(here / "plans", "extracting"):
        write_json(here / "runs" / "a.json", {})
        name = left_behind(address, "plans", token="of the other")
        with pytest.raises(BusyError, match="another computer has taken over"):
            write_json(here / "runs" / "b.json", {})
    assert json.loads(storage().cat_file(name))["token"] == "of the other"
    assert not storage().exists(f"{address}/runs/b.json")


def test_a_storage_without_conditions_is_refused(
    here: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = lock.HeldLocks.holding

    def forgetful(self: Any, files: Any, *arguments: Any, **options: Any) -> Any:
        class Ignoring:
            def pipe_file(self, name: str, content: bytes, **_: Any) -> None:
                files.pipe_file(name, content)

        return fresh(self, Ignoring(), *arguments, **options)

    monkeypatch.setattr(lock.HeldLocks, "holding", forgetful)
    refusal = pytest.raises(ObjectStorageError, match="this storage ignores conditions")
    with refusal, only_writer(here / "plans", "extracting"):
        pass


@pytest.fixture
def lost_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request that puts something on a condition is repeated, as botocore does without an answer."""
    original = S3FileSystem._call_s3

    async def call(self: S3FileSystem, method: str, *arguments: Any, **options: Any) -> Any:
        answer = await original(self, method, *arguments, **options)
        if method == "put_object" and options.keys() & {"IfMatch", "IfNoneMatch"}:
            return await original(self, method, *arguments, **options)
        return answer

    monkeypatch.setattr(S3FileSystem, "_call_s3", call)


def test_a_lock_whose_renewal_was_answered_by_nobody_is_kept(
    here: Path, address: str, lost_answers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_OLD", -1.0)  # renewed before every write
    with only_writer(here / "plans", "extracting"):
        write_json(here / "runs" / "a.json", {})
    assert storage().exists(f"{address}/runs/a.json")


def test_a_lock_that_was_taken_over_by_a_request_without_an_answer_is_held(
    here: Path, address: str, lost_answers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = left_behind(address, "plans")
    monkeypatch.setattr(lock, "LEASE", -1.0)
    once = lock.HeldLocks._is_left

    def left_once(self: Any, found: dict[str, Any]) -> bool:
        monkeypatch.setattr(lock, "LEASE", 60.0)
        return once(self, found) or True

    monkeypatch.setattr(lock.HeldLocks, "_is_left", left_once)
    with only_writer(here / "plans", "extracting"):
        assert json.loads(storage().cat_file(name))["token"] != "t"


def test_the_time_of_a_renewal_is_that_before_its_request(
    here: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_OLD", -1.0)
    replace, asked = lock.replace_unchanged, [0.0]

    def slow(*arguments: Any) -> None:
        asked[0] = time.time()
        replace(*arguments)

    monkeypatch.setattr(lock, "replace_unchanged", slow)
    mirror = mirror_around(here)
    assert mirror is not None
    with only_writer(here / "plans", "extracting"):
        write_json(here / "runs" / "a.json", {})
        (held,) = mirror._held._locks
        assert held.renewed <= asked[0]


def test_a_record_that_another_computer_has_written_is_not_overwritten(here: Path, address: str) -> None:
    storage().pipe_file(f"{address}/plans/part-0.json", b"of the other")
    with pytest.raises(
        BusyError, match=rf"another process has written {address}/plans/part-0.json meanwhile"
    ):
        write_json(here / "plans" / "part-0.json", {}, is_new=True)
    assert storage().cat_file(f"{address}/plans/part-0.json") == b"of the other"


def test_a_record_whose_answer_was_lost_is_there(here: Path, address: str, lost_answers: None) -> None:
    write_json(here / "plans" / "part-0.json", {"part": 0}, is_new=True)
    assert read_json(here / "plans" / "part-0.json") == {"part": 0}
    assert storage().exists(f"{address}/plans/part-0.json")
