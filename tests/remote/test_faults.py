"""What goes wrong in object storage is one line, and quotes no credentials."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.commands import run
from support.object_storage import SECRET, storage
from toolbox import Study
from toolbox.errors import ObjectStorageError, UsageError, VerificationError
from toolbox.remote import mirror
from toolbox.remote.place import place_of

ANSWERS = [
    ("AccessDenied", "access is refused; check the credentials, and what they permit in this bucket"),
    ("SignatureDoesNotMatch", "access is refused"),
    ("RequestTimeTooSkewed", "the clock of this computer is wrong, so every request is refused; set it"),
    ("PermanentRedirect", "is in another region; set AWS_DEFAULT_REGION to it"),
    ("SlowDown", r"the object storage reports an error \(SlowDown\); try again later"),
]


@pytest.mark.parametrize(("code", "line"), ANSWERS)
def test_an_answer_of_the_storage(
    address: str, code: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study(address, create=True)

    async def refuse(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": f"StringToSign {SECRET}"}}, "ListObjectsV2")

    monkeypatch.setattr("aiobotocore.client.AioBaseClient._make_api_call", refuse)
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    with pytest.raises(ObjectStorageError, match=f"^{address}: .*{line}") as caught:
        mirror.mirror_around(study.folder.root).refresh()  # type: ignore[union-attr]
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bucket_that_is_not_there(server: str, cache: Path) -> None:
    line = run("query", "layers/profile", "--study", "s3://no-such-bucket/faces", code=1).stderr
    assert line == (
        "error: s3://no-such-bucket/faces: there is no bucket no-such-bucket; create it first, or correct the address\n"
    )


def test_missing_credentials(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    line = one_line(address, monkeypatch)
    assert line.startswith(
        f"error: {address}: no credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID"
    )


def test_a_storage_that_does_not_answer(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    line = one_line(address, monkeypatch)
    assert line.startswith(f"error: {address}: the object storage does not answer; check the network, and")


def one_line(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a command reports that cannot reach the storage."""
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    monkeypatch.setattr("s3fs.S3FileSystem.cachable", False)
    line = run("query", "layers/profile", "--study", address, code=1).stderr
    assert line.count("\n") == 1
    return line


@pytest.mark.parametrize(
    ("address", "line"),
    [
        (f"s3://key:{SECRET}@bucket/faces", "the address of the study contains credentials or options"),
        ("memory://faces", "no study can be kept at memory://; expected a directory, or an address such as"),
        ("file:///faces", "no study can be kept at file://"),
        ("s3://bucket/../faces", "s3://bucket/../faces is no address of a study; expected such as s3://"),
        ("nothing://bucket/faces", "the protocol of nothing://bucket/faces is unknown"),
        ("s3://", "is no address of a study"),
    ],
)
def test_no_address(cache: Path, address: str, line: str) -> None:
    with pytest.raises(UsageError, match=line) as caught:
        Study(address, create=True)
    assert SECRET not in str(caught.value)


def test_a_package_that_is_not_installed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(UsageError, match=r"install it: pip install 'selectivity-toolbox\[s3\]'"):
        Study("s3://bucket/faces", create=True)


def test_a_directory_is_no_address() -> None:
    assert place_of("my-study") is None
    assert place_of(Path("C:/studies/faces")) is None


@pytest.mark.parametrize("name", ["../outside.json", "runs/../../outside.json", "runs/.hidden.json"])
def test_an_object_with_a_hidden_name_is_none_of_the_study(address: str, name: str, cache: Path) -> None:
    study = Study(address, create=True)
    put_named(address, name)
    mirror.mirror_around(study.folder.root).refresh()  # type: ignore[union-attr]
    assert not list(cache.rglob("*outside.json")) and not list(cache.rglob(".hidden.json"))


def put_named(address: str, name: str) -> None:
    """An object of any name, which a path could not have."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    storage().call_s3("put_object", Bucket=bucket, Key=f"{prefix}/{name}", Body=b"{}")


@pytest.mark.parametrize("name", ["runs//a.json", "runs\\a.json", "C:/a.json", "runs/a\0.json"])
def test_an_object_whose_name_leads_out_of_the_study(address: str, name: str, cache: Path) -> None:
    study = Study(address, create=True)
    put_named(address, name)
    with pytest.raises(VerificationError, match="is no path in a study; delete it"):
        mirror.mirror_around(study.folder.root).refresh()  # type: ignore[union-attr]
