"""Reads identity and size of many image files at once. Owns the threads; keeps no picture."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from toolbox.errors import StimulusError
from toolbox.stimuli.images import decode
from toolbox.stimuli.sources import Candidate

MAX_BYTES = 1 << 30
"""Larger files are not read: the largest accepted picture is smaller, and a film would fill the memory."""


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """The result of reading a candidate's file."""

    candidate: Candidate
    fault: str | None = None
    """The reason why it cannot be a stimulus; the attributes below are then unset."""
    sha256: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    """0 for known content, which is not decoded again."""
    format: str = ""
    frames: int = 0


def scan_files(candidates: Sequence[Candidate], known: Container[str]) -> Iterator[ScannedFile]:
    """Read and decode every file once, however many candidates name it, in as many threads as there are cores.

    Args:
        candidates: the files.
        known: sha256 of contents that need no decoding.

    Yields: one result per candidate, in order.
    """
    firsts = {candidate.path: candidate for candidate in reversed(candidates)}
    ordered = [candidate for candidate in candidates if candidate is firsts[candidate.path]]
    scanned: dict[Path, ScannedFile] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scans = pool.map(partial(_scan_file, known=known), ordered)
        for candidate in candidates:
            if candidate is firsts[candidate.path]:
                scanned[candidate.path] = next(scans)
            yield replace(scanned[candidate.path], candidate=candidate)


def _scan_file(candidate: Candidate, known: Container[str]) -> ScannedFile:
    try:
        size = candidate.path.stat().st_size
        if size > MAX_BYTES:
            return ScannedFile(candidate, f"oversized: {size:,} bytes, expected at most {MAX_BYTES:,}")
        content = candidate.path.read_bytes()
    except OSError as error:
        return ScannedFile(candidate, f"cannot be read ({error.strerror})")
    digest = sha256(content).hexdigest()
    if digest in known:
        return ScannedFile(candidate, sha256=digest, bytes=len(content))
    try:
        picture = decode(content)
    except StimulusError as error:
        return ScannedFile(candidate, str(error))
    height, width = picture.pixels.shape[:2]
    return ScannedFile(candidate, None, digest, len(content), width, height, picture.format, picture.frames)
