"""The files of stimuli, as long as they are those that were ingested. Owns refusing a file that has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from toolbox.errors import StimulusError
from toolbox.stimuli.contents import read_content
from toolbox.stimuli.images import Picture, decode
from toolbox.stimuli.picture_identity import pixel_digest


def read_original(
    file: Path,
    sha256: str,
    *,
    pixels_sha256: str | None = None,
    bit_depth: int | None = None,
    at_least: int | None = None,
) -> Picture:
    """The picture in the file of a stimulus, if it is still the one that was ingested.

    Args:
        file: where the image is now: a file, or a member of a container.
        sha256: of the file at its ingestion.
        pixels_sha256: identity of the decoded picture then, by which a file with other tags is the same picture; None
            in a set of an older version.
        bit_depth: bits of the grey values in a file of 16 bits; None for other files.
        at_least: smallest length of both sides in pixels, for JPEGs that are decoded at a part of their size.

    Raises: OSError when the file cannot be read; StimulusError with a short reason when it has changed, or is damaged.
    """
    content = read_content(file)
    if hashlib.sha256(content).hexdigest() != sha256 and not _has_pixels(content, pixels_sha256, bit_depth):
        raise StimulusError("changed since it was ingested")
    return decode(content, at_least=at_least, bit_depth=bit_depth)


def _has_pixels(content: bytes, pixels_sha256: str | None, bit_depth: int | None) -> bool:
    """Whether a file with other bytes is still the same picture, such as after its tags were edited."""
    if pixels_sha256 is None:
        return False
    return pixel_digest(decode(content, bit_depth=bit_depth).pixels) == pixels_sha256
