"""Reads identity and size of many image files at once. Owns the threads; keeps no picture."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from toolbox.errors import StimulusError
from toolbox.stimuli.at_ingestion import measure_at_ingestion
from toolbox.stimuli.contents import read_content
from toolbox.stimuli.images import decode
from toolbox.stimuli.picture_identity import pixel_digest
from toolbox.stimuli.sources import Candidate


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
    pixels_sha256: str = ""
    """The identity of the decoded picture."""
    bit_depth: int | None = None
    properties: Mapping[str, float] = field(default_factory=dict)
    """What was measured of the picture."""


def scan_files(
    candidates: Sequence[Candidate], known: Container[str], bit_depth: int | None = None
) -> Iterator[ScannedFile]:
    """Read and decode every file once, however many candidates name it, in as many threads as there are cores.

    Args:
        candidates: the files.
        known: sha256 of contents that need no decoding.
        bit_depth: bits of the grey values in files of 16 bits; None for 16.

    Yields: one result per candidate, in order.
    """
    firsts = {candidate.path: candidate for candidate in reversed(candidates)}
    ordered = [candidate for candidate in candidates if candidate is firsts[candidate.path]]
    scanned: dict[Path, ScannedFile] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scans = pool.map(partial(_scan_file, known=known, bit_depth=bit_depth), ordered)
        for candidate in candidates:
            if candidate is firsts[candidate.path]:
                scanned[candidate.path] = next(scans)
            yield replace(scanned[candidate.path], candidate=candidate)


def _scan_file(candidate: Candidate, known: Container[str], bit_depth: int | None) -> ScannedFile:
    try:
        content = read_content(candidate.path)
    except OSError as error:
        return ScannedFile(candidate, f"cannot be read ({error.strerror})")
    except StimulusError as error:
        return ScannedFile(candidate, str(error))
    digest = sha256(content).hexdigest()
    if digest in known:
        return ScannedFile(candidate, sha256=digest, bytes=len(content))
    try:
        picture = decode(content, bit_depth=bit_depth)
    except StimulusError as error:
        return ScannedFile(candidate, str(error))
    height, width = picture.pixels.shape[:2]
    return ScannedFile(
        candidate,
        sha256=digest,
        bytes=len(content),
        width=width,
        height=height,
        format=picture.format,
        frames=picture.frames,
        pixels_sha256=pixel_digest(picture.pixels),
        bit_depth=picture.bit_depth,
        properties=measure_at_ingestion(picture),
    )
