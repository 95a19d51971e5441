"""Copies of one picture: the same pixels, and nearly the same responses, in one set and in others.

The same pixels twice are one stimulus, so within a set they are those that ingestion found and left out. The stimulus
of a pair is the later one; the other is the picture that stays. Two categories for one picture leave out both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.design.audit.findings import AuditFinding
from toolbox.design.audit.neighbours import near_pairs
from toolbox.design.audit.stored import StoredSet
from toolbox.design.copies import connected_groups
from toolbox.files import read_json
from toolbox.query import ask
from toolbox.store.folder import StudyFolder

_Row = Mapping[str, Any]
_SAME = re.compile(
    r"^same (?:content|pixels) as (?P<path>.+?)(?:, (?:without a category|of category '.*'); .*)?$"
)
_IGNORED = re.compile(r"; category '(?P<category>.*)' ignored")
"""How the record of an ingestion describes a copy."""


def pixel_copies(audited: StoredSet, others: Sequence[StoredSet]) -> Iterator[AuditFinding]:
    """Pictures with the same pixels: left out by ingestion, and in other sets.

    Args:
        audited: the set.
        others: other sets.
    """
    yield from _found_by_ingestion(audited)
    if not others:
        return
    known = {other.set: _by_number(other) for other in others}
    own = _by_number(audited)
    pairs = ask(audited.study, "sets/duplicates").rows.filter(pl.col("set") == audited.set)
    for pair in pairs.iter_rows(named=True):
        if there := known.get(pair["other_set"]):
            other = there[pair["other_id"]] | {"set": pair["other_set"]}
            yield _pair("duplicate", own[pair["stimulus_id"]], other, "pixels", 0.0, 0.0)


def near_copies(audited: StoredSet, others: Sequence[StoredSet], near: float) -> list[AuditFinding]:
    """Pictures whose responses are nearer to one another than those of different pictures.

    Args:
        audited: the set, with responses.
        others: other sets with responses of the same network to the same layers.
        near: the largest distance.
    """
    layers = audited.last_layers
    numbers, maxima = audited.maxima(layers)
    measure, rows = f"distance in {', '.join(layers)}", _rows(audited, numbers)
    found = list[AuditFinding]()
    for a, b, distance in near_pairs([(each, each) for each in maxima], near):
        found.append(_pair("near_duplicate", rows[b], rows[a], measure, distance, near))
    for other in others:
        known, there = other.maxima(layers)
        theirs = [row | {"set": other.set} for row in _rows(other, known)]
        for a, b, distance in near_pairs(list(zip(maxima, there, strict=True)), near):
            if rows[a]["pixels_sha256"] is None or rows[a]["pixels_sha256"] != theirs[b]["pixels_sha256"]:
                found.append(_pair("near_duplicate", rows[a], theirs[b], measure, distance, near))
    return found


def _rows(stored: StoredSet, numbers: NDArray[np.int32]) -> list[dict[str, Any]]:
    """The stimuli with responses, in the order of their responses."""
    by_number = _by_number(stored)
    return [by_number[int(number)] for number in numbers]


def _by_number(stored: StoredSet) -> dict[int, dict[str, Any]]:
    return {row["stimulus_id"]: row for row in stored.stimuli.iter_rows(named=True)}


def _pair(kind: str, row: _Row, other: _Row, measure: str, value: float, threshold: float) -> AuditFinding:
    """A finding of two pictures, of which the other one may be of another set."""
    conflict = None not in (row["category"], other["category"]) and row["category"] != other["category"]
    return {
        "kind": kind,
        **{name: row[name] for name in ("stimulus_id", "path", "category")},
        "measure": measure,
        "value": value,
        "threshold": threshold,
        "other_set": other.get("set"),
        "other_id": other["stimulus_id"],
        "other_path": other["path"],
        "other_category": other["category"],
        "conflict": conflict,
        "left_out": "both" if conflict and "set" not in other else "stimulus",
    }


def _found_by_ingestion(audited: StoredSet) -> Iterator[AuditFinding]:
    """Files with the pixels of a stimulus, from the records of all ingestions; each once."""
    by_path = {row["path"]: row for row in audited.stimuli.iter_rows(named=True)}
    seen = set[tuple[str, str]]()
    for entry in _rejections(audited.study, audited.set):
        same = _SAME.match(str(entry.get("reason", "")))
        if same is None or same["path"] not in by_path or (entry["path"], same["path"]) in seen:
            continue
        seen.add((entry["path"], same["path"]))
        row, is_conflict = by_path[same["path"]], bool(entry.get("is_conflict"))
        ignored = _IGNORED.search(entry["reason"])
        yield {
            "kind": "duplicate",
            **{name: row[name] for name in ("stimulus_id", "path", "category")},
            "measure": "pixels",
            "value": 0.0,
            "threshold": 0.0,
            "other_path": entry["path"],
            "other_category": ignored["category"] if ignored else row["category"],
            "conflict": is_conflict,
            "left_out": "stimulus" if is_conflict else "none",
        }


def _rejections(study: StudyFolder, set_name: str) -> Iterator[_Row]:
    """What the ingestions of a set left out, in the order of the runs."""
    for record in sorted((study.root / "runs").glob(f"*-ingest-{set_name}.json")):
        content = read_json(record)
        if content.get("set") == set_name:
            yield from content.get("rejections", ())


def groups_of_copies(numbers: Sequence[int], findings: Sequence[AuditFinding]) -> NDArray[np.int64]:
    """A group for every stimulus: copies of one picture share one, whatever their categories.

    Args:
        numbers: of the stimuli.
        findings: of copies.

    Example:
        >>> pairs = [{"stimulus_id": 7, "other_id": 5, "other_set": None}]
        >>> groups_of_copies([5, 6, 7], pairs).tolist()
        [0, 1, 0]
    """
    place = {number: position for position, number in enumerate(numbers)}
    pairs = [
        (place[pair["stimulus_id"]], place[pair["other_id"]])
        for pair in findings
        if pair.get("other_set") is None and {pair["stimulus_id"], pair.get("other_id")} <= place.keys()
    ]
    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    return connected_groups(first, second, len(numbers))


def short_path(path: str) -> str:
    """Folder and name of an image: what a table that is passed on tells of it.

    Example:
        >>> short_path("photographs/cat/cat 1.jpg")
        'cat/cat 1.jpg'
    """
    return "/".join(PurePosixPath(path).parts[-2:])
