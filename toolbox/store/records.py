"""Commit records, which make a part of an extraction count. Owns comparing a part with its record.

A part counts only if its record exists, fits the plan, and has the digest of the part's bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.errors import MixtureError, VerificationError
from toolbox.files import digest_of, mirror_of, read_json
from toolbox.store.checksums import damage, present_digest
from toolbox.store.folder import ExtractionFolder
from toolbox.store.memory import recall, remember
from toolbox.store.plan import Plan, plan_digest
from toolbox.store.remedies import remedy_for

REMEMBERED_PARTS = 100_000
"""Number of parts whose successful comparison with their records is kept in the cache."""


def read_record(folder: ExtractionFolder, number: int) -> dict[str, Any] | None:
    """The commit record of a part, None while the part does not count.

    Args:
        folder: the folders of the extraction.
        number: number of the part, from 0.

    Raises: VerificationError for a damaged record, and for the record of another part.
    """
    file = folder.record(number)
    if not file.is_file():
        return None
    record = read_json(file, remedy_for(file))
    if record.get("part") != number:
        raise VerificationError(f"{file} is the record of part {record.get('part')}; {remedy_for(file)}")
    return record


def planned_record(
    folder: ExtractionFolder, plan: Plan, number: int, digests: Mapping[int, str]
) -> dict[str, Any] | None:
    """The commit record of a planned part, None while the part does not count.

    Args:
        folder: the folders of the extraction.
        plan: the plan of the extraction.
        number: number of the part, from 0.
        digests: sha256 of the images of the set by stimulus_id.

    Raises: MixtureError when the part was computed with another network, or from other images, than planned.
    """
    record = read_record(folder, number)
    if record is None:
        return None
    path, part = folder.part(number), plan.parts[number]
    remedy = "extract again with replace (--replace)"
    if record.get("identity") != plan.digest:
        raise MixtureError(f"{path} was computed with another network than that of its plan; {remedy}")
    if not digests.keys() >= set(part) or record.get("plan") != plan_digest(part, digests):
        raise MixtureError(
            f"{path} contains responses to other images than the current images of the stimulus set; {remedy}"
        )
    return record


def planned_records(folder: ExtractionFolder, plan: Plan, digests: Mapping[int, str]) -> list[dict[str, Any]]:
    """The commit records of all planned parts that count.

    Args:
        folder: the folders of the extraction.
        plan: the plan of the extraction.
        digests: sha256 of the images of the set by stimulus_id.

    Raises: as `planned_record`.
    """
    found = (planned_record(folder, plan, number, digests) for number in range(len(plan.parts)))
    return [record for record in found if record is not None]


def intact_parts(folder: ExtractionFolder, plan: Plan, digests: Mapping[int, str]) -> list[dict[str, Any]]:
    """Records of all parts that count, after comparing every part's bytes with its record.

    A part is read in full only once: its path, size and modification time are kept in the user's cache.

    Args:
        folder: the folders of the extraction.
        plan: the plan, which lists all possible parts.
        digests: sha256 of the images of the set by stimulus_id.

    Raises: VerificationError for a damaged part; MixtureError for one that does not fit the plan or the set.
    """
    remembered = recall("intact")
    seen: dict[str, Any] = {}
    records = []
    for number in range(len(plan.parts)):
        record = planned_record(folder, plan, number, digests)
        if record is not None:
            seen |= _check_bytes(folder.part(number), record, remembered)
            records.append(record)
    remember("intact", seen, REMEMBERED_PARTS)
    return records


def _check_bytes(path: Path, record: Mapping[str, Any], remembered: Mapping[str, Any]) -> dict[str, Any]:
    """Compare a part with its record; return the new entry for the cache, empty where it is already there."""
    if not path.is_file():
        raise VerificationError(f"{path} is missing, but its record exists; {remedy_for(path)}")
    entry = _intact_entry(path, path.stat(), record["sha256"])
    if entry.items() <= remembered.items():
        return {}
    # From object storage, blocks are compared when they are read, which does not fetch the part for this.
    digest = present_digest(path) if mirror_of(path) else digest_of(path)
    if digest != record["sha256"]:
        raise damage(path)
    return entry


def remember_intact(path: Path, status: os.stat_result, sha256: str) -> None:
    """Mark a part that was just written as intact, so that it is not read again for comparison with its record.

    Args:
        path: the file of the part.
        status: its size and modification time before its digest was computed.
        sha256: its digest.
    """
    remember("intact", _intact_entry(path, status, sha256), REMEMBERED_PARTS)


def _intact_entry(path: Path, status: os.stat_result, sha256: str) -> dict[str, Any]:
    """The cache entry of a part whose bytes have this digest."""
    return {str(path.absolute()): [status.st_size, status.st_mtime_ns, sha256]}
