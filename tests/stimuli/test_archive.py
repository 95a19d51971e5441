"""Archives: whatever is inside, nothing gets out of the folder."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from toolbox.errors import CardError
from toolbox.stimuli.archive import read_members


def tar_bytes(entries: list[tarfile.TarInfo | tuple[str, bytes]], mode: str = "w:gz") -> bytes:
    """A tar archive of files, given as name and content, and of anything else, given as its header."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as tar:  # type: ignore[call-overload]
        for entry in entries:
            if isinstance(entry, tuple):
                header = tarfile.TarInfo(entry[0])
                header.size = len(entry[1])
                tar.addfile(header, io.BytesIO(entry[1]))
            else:
                tar.addfile(entry)
    return written.getvalue()


def unpacked(archive: Path, inner: str | None = None) -> dict[str, bytes]:
    return {name.as_posix(): content for name, content in read_members(archive, inner)}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_are_read_however_they_are_compressed(tmp_path: Path, mode: str) -> None:
    archive = tmp_path / "set.tar"
    archive.write_bytes(tar_bytes([("a/1.jpg", b"one"), ("b/2.jpg", b"two")], mode))
    assert unpacked(archive) == {"a/1.jpg": b"one", "b/2.jpg": b"two"}


def test_a_zip_is_read_without_its_folders(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a/", b"")
        zipped.writestr("a/лицо 1.jpg", b"one")
    assert unpacked(archive) == {"a/лицо 1.jpg": b"one"}


def test_an_archive_in_a_zip_is_read_in_place(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("set/notes.txt", b"not this")
        zipped.writestr("set/images.tar.gz", tar_bytes([("images/a/1.jpg", b"one")]))
    assert unpacked(archive, "set/images.tar.gz") == {"images/a/1.jpg": b"one"}
    with pytest.raises(
        CardError,
        match=r"does not contain 'set/other\.tar', but set/notes\.txt, set/images\.tar\.gz; correct",
    ):
        unpacked(archive, "set/other.tar")


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "a/../../evil.jpg", "/etc/evil.jpg", "a\\..\\evil.jpg", "C:/evil.jpg"]
)
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_path_out_of_the_archive_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    archive = tmp_path / f"set.{kind}"
    if kind == "tar":
        archive.write_bytes(tar_bytes([(name, b"x")]))
    else:
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr(name, b"x")
    with pytest.raises(
        CardError, match=r"contains the path .*, which leads outside the archive; do not trust"
    ):
        unpacked(archive)


def test_links_and_devices_in_an_archive_are_passed_over(tmp_path: Path) -> None:
    symlink, hardlink, device = (tarfile.TarInfo(f"a/{name}") for name in ("symlink", "hardlink", "device"))
    symlink.type, symlink.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hardlink.type, hardlink.linkname = tarfile.LNKTYPE, "../../../etc/passwd"
    device.type = tarfile.CHRTYPE
    archive = tmp_path / "set.tar.gz"
    archive.write_bytes(tar_bytes([symlink, hardlink, device, ("a/1.jpg", b"one")]))
    assert unpacked(archive) == {"a/1.jpg": b"one"}


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive at all", tar_bytes([("a/1.jpg", bytes(range(256)) * 400)])[:200]],
    ids=["empty", "text", "cut short"],
)
def test_a_broken_archive_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "set.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(
        CardError, match=r"set\.tar\.gz cannot be unpacked .*; expected a \.zip or \.tar archive"
    ):
        unpacked(archive)


def test_a_zip_with_a_damaged_member_is_one_clear_error(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a/1.jpg", b"0123456789" * 10)
    archive.write_bytes(archive.read_bytes().replace(b"0123456789", b"9876543210", 1))
    with pytest.raises(CardError, match="cannot be unpacked"):
        unpacked(archive)
