"""Archives: whatever is inside, nothing gets out of the folder."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from toolbox.errors import CardError
from toolbox.stimuli import archive as archives
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
    return {name.as_posix(): content.read(2**20) for name, content in read_members(archive, inner)}


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


def repeated(size: int) -> Iterator[bytes]:
    """So many zeros, in pieces."""
    while size > 0:
        yield bytes(min(size, 2**20))
        size -= 2**20


@cache
def bombs() -> dict[str, bytes]:
    """Archives of some kilobytes that unpack to gigabytes, or state that they do."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a/1.png", "w") as file:
        for piece in repeated(257 * 2**20):
            file.write(piece)
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(33):
            archive.writestr(f"a/{number}.png", bytes(2**23))
    huge = tarfile.TarInfo("a/1.png")
    huge.size = 2**40
    long_name = tarfile.TarInfo("a/1.png")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 2**32
    extended = tarfile.TarInfo("a/1.png")
    extended.type, extended.size = tarfile.XHDTYPE, 2**32
    return {
        "a file of zeros": zipped.getvalue(),
        "many files of zeros": many.getvalue(),
        "a size that is stated": gzip.compress(huge.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)),
        "a long name": gzip.compress(long_name.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)),
        "an extended header": gzip.compress(extended.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)),
    }


@pytest.mark.parametrize(
    "kind",
    ["a file of zeros", "many files of zeros", "a size that is stated", "a long name", "an extended header"],
)
def test_what_unpacks_to_more_than_images_is_refused_before_it_is_read(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "set.zip"
    archive.write_bytes(bombs()[kind])
    tracemalloc.start()
    with pytest.raises(CardError, match=r"expected at most .*; do not trust this archive"):
        for _, content in read_members(archive):
            while content.read(2**20):
                pass
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    archive = tmp_path / "set.tar.gz"
    archive.write_bytes(tar_bytes([("a/1.png", bytes(100 * 2**20))]))
    tracemalloc.start()
    ((_, content),) = [
        (name, sum(map(len, iter(partial(file.read, 2**16), b"")))) for name, file in read_members(archive)
    ]
    assert content == 100 * 2**20
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["/".join(["a"] * 1000) + "/1.png", "a/" + "x" * 300])
def test_a_path_that_no_disk_takes_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "set.tar"
    archive.write_bytes(tar_bytes([(name, b"one")]))
    with pytest.raises(CardError, match="which is too long"):
        unpacked(archive)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_file_larger_than_an_image_is_refused_however_large_the_archive_is(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "OF_IMAGES", archives.ArchiveLimits(largest=1000))
    archive = tmp_path / f"set.{kind}"
    write_archive(archive, {"a/1.png": bytes(1000), "a/2.png": bytes(1001)})
    read = read_members(archive)
    assert next(read)[0].as_posix() == "a/1.png"
    with pytest.raises(CardError, match=r"has a file 'a/2\.png' of 1,001 bytes; expected at most 1,000"):
        next(read)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_of_too_many_files_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "OF_IMAGES", archives.ArchiveLimits(files=3))
    archive = tmp_path / f"set.{kind}"
    write_archive(archive, {f"a/{number}.png": b"" for number in range(3)})
    assert len(unpacked(archive)) == 3
    write_archive(archive, {f"a/{number}.png": b"" for number in range(4)})
    with pytest.raises(CardError, match="do not trust this archive"):
        unpacked(archive)


def write_archive(archive: Path, files: dict[str, bytes]) -> None:
    if archive.suffix == ".tar":
        archive.write_bytes(tar_bytes([*files.items()], "w"))
        return
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)


@pytest.mark.parametrize("stated", [40, 160])
def test_a_file_of_another_size_than_the_archive_states_is_refused(tmp_path: Path, stated: int) -> None:
    content, archive = b"0123456789" * 10, tmp_path / "set.zip"
    write_archive(archive, {"a/1.png": content})
    sizes = (len(content)).to_bytes(4, "little")
    written = archive.read_bytes()
    directory = written.index(b"PK\x01\x02")
    entry = written[directory:].replace(sizes * 2, sizes + stated.to_bytes(4, "little"), 1)
    archive.write_bytes(written[:directory] + entry)
    with pytest.raises(CardError, match="cannot be unpacked"):
        for _, member in read_members(archive):
            while member.read(7):
                pass
