"""Small copies of the images that rows name. Owns that a copy is of the image that was presented."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.errors import StimulusError, UsageError
from toolbox.query import ask
from toolbox.stimuli.contents import read_content
from toolbox.stimuli.images import decode, thumbnail
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection

THUMBNAIL = 96
"""Longer side of a thumbnail, in pixels."""


def with_thumbnails(
    study: StudyFolder, rows: pl.DataFrame, set_name: str | None
) -> tuple[pl.DataFrame, list[str]]:
    """The rows with a small copy of every image as a data URI, null for a file that is not the image of the study.

    Args:
        study: of the images.
        rows: with a column `path`.
        set_name: their stimulus set; all sets if None.

    Returns: the rows, and a note that counts such files.
    Raises: UsageError when the rows name no images; StimulusError when one cannot be read any more.
    """
    if "path" not in rows.columns:
        raise UsageError("the rows of this query name no images; thumbnails go with filters/stimuli")
    keys = [name for name in ("stimulus_id", "path") if name in rows.columns]
    digests = _digests_of_images(study, set_name, keys)
    images = [_thumbnail(study.image(row[-1]), digests.get(row, ())) for row in rows.select(keys).rows()]
    notes = []
    if lost := len({row for row, image in zip(rows["path"], images, strict=True) if image is None}):
        notes = [f"images not shown, because their files are not those that were ingested: {lost:,}"]
    return rows.with_columns(image=pl.Series(images, dtype=pl.String)), notes


def _digests_of_images(
    study: StudyFolder, set_name: str | None, keys: Sequence[str]
) -> dict[tuple[Any, ...], set[str]]:
    """The sha256 of the images of a set, or of all sets, by their identifiers and paths."""
    digests: dict[tuple[Any, ...], set[str]] = {}
    for name in [set_name] if set_name else study.sets():
        stimuli = ask(study, f"select {', '.join(keys)}, sha256 from stimuli", selection=Selection(name)).rows
        for *key, sha256 in stimuli.rows():
            digests.setdefault(tuple(key), set()).add(sha256)
    return digests


def _thumbnail(path: Path, digests: Collection[str]) -> str | None:
    """A small copy of an image as a data URI; None if the digest of the file is not one of the given ones."""
    try:
        content = read_content(path)
    except OSError as error:
        raise StimulusError(
            f"{path} cannot be read ({error.strerror}); put it back, change the line of its folder under [roots] in "
            "study.toml, or plot without images"
        ) from error
    if hashlib.sha256(content).hexdigest() not in digests:
        return None
    small = thumbnail(decode(content).pixels, THUMBNAIL)
    return f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"
