"""Checksums of a study's tables, kept apart from them. Owns the tree `checksums/`, and verified reading.

    checksums/<path of the table, without .parquet>/<sha256>.json      size, sha256 and digests of the blocks of 64 KiB

Every byte of a table is compared with these digests when it is read, by SQL (`window`) and by pyarrow (`parquet`), so
nothing is trusted because of its size and time. XXH3 with 128 bits costs 3 to 6 % of reading 84.5 million rows of
responses; SHA-256 costs 20 %, and finds nothing more where nobody forges anything.

The name of an entry is the digest of the content to which it belongs: the entry of a new table is written before the
table replaces the old one, and that of the old one stays for an hour. After a kill in between, and with several writers
at once, one entry therefore belongs to the table, without a lock. A table that has no entry, of an earlier version of
the toolbox or copied by hand, gets one when it is first read, after its pages were compared with Parquet's own
checksums, or a part's bytes with the sha256 in its record. Files outside a study have none and are read as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import time
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedReader
from pathlib import Path

from toolbox.errors import VerificationError
from toolbox.files import digest_of, mirror_of, read_json, remove_file, remove_folder, sweep_ended, write_json
from toolbox.store.remedies import REPLACEMENT, remedy_for

BLOCK = 64 * 1024
"""Bytes of a block: little beside what SQL reads at once, and many beside a digest."""
TREE = "checksums"
_PIECE = 64 * BLOCK
_DIGEST = 16
"""Bytes of the digest of a block."""
_KEPT = 3600.0
"""Seconds for which the entry of a replaced table is kept, in case that another process replaces it, too."""


@dataclass(frozen=True)
class Checksum:
    """What the bytes of a file must be.

    Attributes:
        size: in bytes.
        sha256: of the whole file.
        blocks: the digests of its blocks, one after the other.
    """

    size: int
    sha256: str
    blocks: bytes

    def fits(self, start: int, content: memoryview) -> bool:
        """Whether whole blocks of the file are as they were written.

        Args:
            start: offset of the first block.
            content: the bytes of the blocks.
        """
        first = start // BLOCK * _DIGEST
        found = _block_digests(content)
        return self.blocks[first : first + len(found)] == found


def checksum_of(content: bytes | memoryview) -> Checksum:
    """The checksum of the content of a file.

    Example:
        >>> checksum_of(b"responses").size
        9
    """
    return Checksum(len(content), hashlib.sha256(content).hexdigest(), _block_digests(memoryview(content)))


def checksum_of_file(path: Path) -> Checksum:
    """The checksum of a file as it is now, read in pieces.

    Args:
        path: the file.
    """
    sha256, blocks, size = hashlib.sha256(), [], 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sha256.update(piece)
            blocks.append(_block_digests(memoryview(piece)))
            size += len(piece)
    return Checksum(size, sha256.hexdigest(), b"".join(blocks))


def _block_digests(content: memoryview) -> bytes:
    """The digests of blocks, one after the other."""
    from xxhash import xxh3_128_digest

    return b"".join(xxh3_128_digest(content[at : at + BLOCK]) for at in range(0, len(content), BLOCK))


def entries_of(path: Path) -> Path | None:
    """The folder of the entries of a table; None for a file that is not in the folders of a study.

    Args:
        path: the table, below folders such as `labels/set=…/scheme=…`.
    """
    folder = path.parent.parent if path.parent.name == REPLACEMENT else path.parent
    tree = folder
    while "=" in tree.name:
        tree = tree.parent
    place = path.relative_to(tree.parent).with_suffix("")  # no folder is called like a table
    return tree.parent / TREE / place if tree != folder else None


def table_of(entry: Path) -> Path:
    """The table to which an entry belongs.

    Args:
        entry: a file in the tree `checksums/` of a study.
    """
    tree = entry.parents[1]
    while "=" in tree.name or tree.name == REPLACEMENT:
        tree = tree.parent
    return tree.parents[1] / entry.parent.relative_to(tree.parent).with_suffix(".parquet")


def write_checksum(path: Path, checksum: Checksum, scratch: Path | None = None) -> None:
    """Write the entry of a table, before the table is put in its place.

    Args:
        path: the table.
        checksum: of its new content.
        scratch: the folder of the entry while it is written; that of the entry if None.
    """
    if folder := entries_of(path):
        sweep_ended(folder)  # tables that only are read get their entries without a lock
        content = {"size": checksum.size, "sha256": checksum.sha256, "blocks": checksum.blocks.hex()}
        write_json(folder / f"{checksum.sha256}.json", content, scratch)


def drop_earlier(path: Path, checksum: Checksum) -> None:
    """Delete the entries of what a table was an hour ago and longer, after it was put in its place.

    Args:
        path: the table.
        checksum: of its content now.
    """
    for entry in entry_files(path):
        with contextlib.suppress(FileNotFoundError):  # another writer deleted it
            if entry.stem != checksum.sha256 and time.time() - entry.stat().st_mtime > _KEPT:
                remove_file(entry)


def forget(path: Path) -> None:
    """Delete all entries of a table that is deleted.

    Args:
        path: the table.
    """
    if (folder := entries_of(path)) and folder.is_dir():
        remove_folder(folder)


def expected_checksum(path: Path, opened: BufferedReader | None = None) -> Checksum | None:
    """What the bytes of a table must be; None for a file outside a study.

    A table without an entry gets one, if its content is intact as far as that can be found out.

    Args:
        path: the table.
        opened: the table, if it was opened before; it may be replaced meanwhile.

    Raises: VerificationError when the table is damaged, or its entry; FileNotFoundError for a missing table.
    """
    if entries_of(path) is None:
        return None
    entries = entry_files(path)
    if not entries:
        return _adopted(path)
    if len(entries) == 1:
        return _read_entry(entries[0])
    # It was replaced a moment ago, or a writer was killed.
    if mirror := mirror_of(path):
        mirror.complete(path)
    sha256 = hashlib.file_digest(opened, "sha256").hexdigest() if opened else digest_of(path)
    for entry in entries:
        if entry.stem == sha256:
            return _read_entry(entry)
    raise damage(path)


def present_digest(path: Path) -> str:
    """SHA-256 of what a table must be now: the key of whatever is cached about its content.

    Raises: VerificationError when it is missing or damaged, as far as that is found without reading all of it.
    """
    try:
        with path.open("rb") as opened:
            expected = expected_checksum(path, opened)
    except FileNotFoundError as error:
        raise VerificationError(f"{path} is missing; {remedy_for(path)}") from error
    return expected.sha256 if expected else digest_of(path)


def damage(path: Path, what: str = "its bytes have changed since they were written") -> VerificationError:
    """The error for a damaged file of a study.

    Args:
        path: the file.
        what: what is wrong.
    """
    return VerificationError(f"{path} is damaged: {what}; {remedy_for(path)}")


def checksum_moves(old: Path, new: Path) -> dict[Path, Path]:
    """Where the entries of a table are now -> where they will be, when the table is renamed.

    Args:
        old: the table now.
        new: its later path.
    """
    folder = entries_of(new)
    return {entry: folder / entry.name for entry in entry_files(old)} if folder else {}


def entry_files(path: Path) -> list[Path]:
    """All entries of a table.

    Args:
        path: the table.
    """
    folder = entries_of(path)
    return sorted(folder.glob("*.json")) if folder else []


@lru_cache(maxsize=4096)  # its name determines its content
def _read_entry(entry: Path) -> Checksum:
    content = read_json(entry, "restore it, or delete it, so that it is made again from the table")
    try:
        return Checksum(int(content["size"]), str(content["sha256"]), bytes.fromhex(content["blocks"]))
    except (KeyError, ValueError, TypeError) as error:
        raise VerificationError(
            f"{entry} is damaged: it has no checksum; restore it, or delete it"
        ) from error


def _adopted(path: Path) -> Checksum:
    """The checksum of a table of an earlier version, after what can be compared was compared."""
    if mirror := mirror_of(path):
        mirror.complete(path)
    content = path.read_bytes()
    checksum = checksum_of(content)
    if path.parents[2].name == "responses":
        record = path.parents[3] / "plans" / path.relative_to(path.parents[2]).with_suffix(".json")
        if record.is_file() and read_json(record).get("sha256") != checksum.sha256:
            raise damage(path)
    else:
        _check_pages(path, content)
    with contextlib.suppress(OSError):  # in a read-only study, they are compared each time
        write_checksum(path, checksum)
    return checksum


def _check_pages(path: Path, content: bytes) -> None:
    """Compare all pages of a Parquet file with the checksums in it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True, pre_buffer=False).read(
            use_threads=False
        )
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise damage(path, "it is not a valid Parquet file") from error
