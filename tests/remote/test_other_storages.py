"""A study in Google's or Azure's storage is used as one in S3; the servers are emulators, over loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from gcsfs.retry import HttpError

from support.commands import run
from support.emulators import KEY, SERVERS, emulated, new_emulated_bucket
from toolbox import Study
from toolbox.errors import BusyError, ObjectStorageError, UsageError
from toolbox.files import has_writer, only_writer, write_json
from toolbox.remote import fetching, lock
from toolbox.remote.answers import explained
from toolbox.remote.mirror import mirror_around, mirror_at
from toolbox.remote.place import place_of, server_of

QUERIES = ("layers/profile", "filters/representative", "layers/significant")
SQL = "select layer, filter, stimulus_id, maximum, mean from responses order by all"

pytestmark = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")


@pytest.fixture(scope="module", params=list(SERVERS))
def protocol(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of the storage, whose server runs."""
    with SERVERS[request.param]():
        yield request.param


@pytest.fixture
def elsewhere(protocol: str, cache: Path) -> str:
    """The address of a study that does not exist yet."""
    return f"{protocol}://{new_emulated_bucket(protocol)}/projects/faces"


@pytest.fixture
def another_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Goes on as on a computer that has seen nothing of the study yet."""
    return lambda: monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "another cache"))


def fill(place: str | Path, photographs: Path, card: str, weights: str) -> Study:
    study = Study(place, create=True)
    study.ingest(photographs, set="colours")
    study.extract("colours", model=card, weights=weights, part=3)
    study.significance("colours", resamples=20)
    return study


def answers(study: Study) -> list[object]:
    """The rows of queries."""
    return [study.query(name).rows() for name in (*QUERIES, SQL)]


def test_the_main_job(
    elsewhere: str,
    protocol: str,
    tmp_path: Path,
    photographs: Path,
    card: str,
    weights: str,
    another_computer: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = answers(fill(tmp_path / "local", photographs, card, weights))
    assert answers(fill(elsewhere, photographs, card, weights)) == expected
    another_computer()
    monkeypatch.setattr(fetching, "LARGEST_WHOLE", 0)  # as if every table were large
    study = Study(elsewhere)
    assert answers(study) == expected
    monkeypatch.setenv("TOOLBOX_STUDY", elsewhere)
    run("share", "--with", "responses", "--output", str(tmp_path / "bundle.zip"))
    run("verify", str(tmp_path / "bundle.zip"))
    assert "no problem" in run("verify", "--thorough").stderr
    study.extract("colours", model=card, weights=weights, part=3, replace=True, layers=["sum"])
    study.remove("model", "tiny")
    assert study.verify(thorough=True).is_intact
    left = emulated(protocol).find(elsewhere)
    assert left and not [
        name for name in left if ".lock" in name or ".uncommitted" in name or ".clock" in name
    ]
    assert KEY not in (tmp_path / "bundle.zip").read_bytes().decode("latin-1")


def test_what_was_put_is_not_fetched_again(
    elsewhere: str, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study(elsewhere, create=True)
    study.ingest(photographs, set="colours")
    mirror = mirror_around(study.folder.root)
    assert mirror is not None
    monkeypatch.setattr("toolbox.remote.storage.Storage.contents", None)
    mirror.refresh()


def test_a_lock_is_renewed_and_keeps_others_out(
    elsewhere: str, protocol: str, another_computer: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init", elsewhere)
    here = Study(elsewhere).folder.root
    monkeypatch.setattr(lock, "_RENEWAL", 0.05)
    with only_writer(here / "plans", "extracting"):
        first = emulated(protocol).cat_file(f"{elsewhere}/plans/.lock")
        for _ in range(200):
            if (now := emulated(protocol).cat_file(f"{elsewhere}/plans/.lock")) != first:
                break
            time.sleep(0.02)
        assert now != first
        another_computer()
        there = Study(elsewhere).folder.root
        assert has_writer(there / "plans")
        with pytest.raises(BusyError, match="is extracting in"), only_writer(there / "plans", "labelling"):
            pass
        write_json(here / "runs" / "a.json", {})
    with only_writer(there / "plans", "labelling"):
        pass


def test_a_lock_that_was_left_is_taken_over_a_minute_later(
    elsewhere: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Study(elsewhere, create=True).folder.root
    name = f"{elsewhere}/plans/.lock"
    text = json.dumps({"mirror": "m", "computer": "ward", "task": "extracting", "token": "t"})
    emulated(protocol).pipe_file(name, text.encode())
    refusal = pytest.raises(BusyError, match=r"ward is extracting.* try again after 60 s")
    with refusal, only_writer(here / "plans", "extracting"):
        pass
    monkeypatch.setattr(lock, "LEASE", -1.0)
    with only_writer(here / "plans", "extracting"):
        assert b'"t"' not in emulated(protocol).cat_file(name)
    assert not emulated(protocol).exists(name)


def test_of_two_that_take_a_lock_over_at_once_one_is_refused(
    elsewhere: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Study(elsewhere, create=True).folder.root
    name = f"{elsewhere}/plans/.lock"
    emulated(protocol).pipe_file(name, b'{"mirror": "m", "token": "t"}')

    def other_is_first(self: lock.HeldLocks, found: object) -> bool:
        monkeypatch.undo()
        emulated(protocol).pipe_file(name, b'{"mirror": "m", "token": "of the other"}')
        return True

    monkeypatch.setattr(lock.HeldLocks, "_is_left", other_is_first)
    with pytest.raises(BusyError), only_writer(here / "plans", "extracting"):
        pass
    assert emulated(protocol).cat_file(name) == b'{"mirror": "m", "token": "of the other"}'


def test_who_lost_his_lock_writes_no_more(
    elsewhere: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Study(elsewhere, create=True).folder.root
    monkeypatch.setattr(lock, "_OLD", -1.0)  # as after the computer has slept
    with only_writer(here / "plans", "extracting"):
        emulated(protocol).pipe_file(f"{elsewhere}/plans/.lock", b'{"token": "of the other"}')
        with pytest.raises(BusyError, match="another computer has taken over"):
            write_json(here / "runs" / "b.json", {})
    assert emulated(protocol).exists(f"{elsewhere}/plans/.lock")
    assert not emulated(protocol).exists(f"{elsewhere}/runs/b.json")


def test_a_record_that_another_computer_has_written_is_not_overwritten(elsewhere: str, protocol: str) -> None:
    here = Study(elsewhere, create=True).folder.root
    emulated(protocol).pipe_file(f"{elsewhere}/plans/part-0.json", b"of the other")
    with pytest.raises(BusyError, match="another process has written"):
        write_json(here / "plans" / "part-0.json", {}, is_new=True)
    assert emulated(protocol).cat_file(f"{elsewhere}/plans/part-0.json") == b"of the other"


def test_a_bucket_that_is_not_there(protocol: str, cache: Path) -> None:
    kind = {"gs": "bucket", "az": "container"}[protocol]
    with pytest.raises(ObjectStorageError, match=f"no-such: there is no {kind} no-such") as caught:
        Study(f"{protocol}://no-such", create=True)
    assert "\n" not in str(caught.value)


ANSWERS = [
    (
        "gs",
        HttpError({"code": 401, "message": f"Anonymous caller {KEY}"}),
        "no credentials were found; set GOOGLE_APP",
    ),
    ("gs", OSError(f"Forbidden: b/bucket {KEY}"), "access is refused; check the credentials"),
    (
        "gs",
        ValueError(f"Bad Request: b/bucket {KEY}"),
        "the object storage reports an error (Bad Request); try again",
    ),
    (
        "gs",
        HttpError({"code": 503, "message": KEY}),
        "the object storage reports an error (503, HttpError); try again",
    ),
    (
        "gs",
        ClientConnectionError(KEY),
        "the object storage does not answer; check the network, and the address of the",
    ),
    ("az", ClientAuthenticationError(KEY), "access is refused; check the credentials"),
    (
        "az",
        ServiceRequestError(KEY),
        "the object storage does not answer; check the network, and the address of the",
    ),
]


@pytest.mark.parametrize(("kind", "error", "line"), ANSWERS)
def test_an_answer_of_another_storage(kind: str, error: Exception, line: str) -> None:
    place = place_of(f"{kind}://bucket/faces")
    assert place is not None
    with pytest.raises(ObjectStorageError) as caught, explained(place):
        raise error
    assert str(caught.value).startswith(f"{kind}://bucket/faces: {line}")
    assert KEY not in str(caught.value)


def test_what_is_no_answer_keeps_its_traceback() -> None:
    place = place_of("gs://bucket/faces")
    assert place is not None
    with pytest.raises(ValueError, match="invalid literal"), explained(place):
        int("a bug")


def test_an_account_that_is_not_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    line = (
        "the account of az://bucket/faces is unknown; set AZURE_STORAGE_ACCOUNT_NAME, or AZURE_STORAGE_CONN"
    )
    with pytest.raises(UsageError, match=line):
        Study("az://bucket/faces", create=True)


def test_each_account_has_a_mirror_of_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_of("az://bucket/faces")
    assert place is not None
    roots = []
    for account in ("first", "second"):
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"AccountName={account};AccountKey={KEY};")
        roots.append(mirror_at(place).root)
        assert server_of(place)[1] == f"AccountName={account};"
    assert roots[0] != roots[1]
