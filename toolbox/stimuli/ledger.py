"""A stimulus set while files are added to it: numbers, identity, labels. Never reads or writes a file.

Existing values of the set are never changed. Missing values (labels, variables) may be filled in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from toolbox.stimuli.scan import ScannedFile
from toolbox.stimuli.sources import Rejection, Value

Row = dict[str, Any]
"""One stimulus: the columns that every stimulus has, and its variables."""
Properties = dict[int, dict[str, float]]
"""What was measured of the pictures: value by property, by stimulus_id."""


_LISTED_TWICE = "listed twice"


class Ledger:
    """The rows of one set, in the order of their numbers, and the outcome for the files that were entered."""

    def __init__(
        self,
        rows: list[Row],
        labels: dict[int, str],
        properties: Properties,
        *,
        bit_depth: int | None = None,
        is_there: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """The ledger of a set before files are entered.

        Args:
            rows: the existing stimuli of the set.
            labels: their categories by stimulus_id; unlabelled stimuli are absent.
            properties: what was measured of their pictures; stimuli of older versions are absent.
            bit_depth: the requested bit depth of grey values in files of 16 bits; None for none.
            is_there: returns whether the file of a stored path still exists.
        """
        self.rows, self.labels, self.properties = rows, labels, properties
        self._bit_depth = bit_depth
        self._is_there = is_there
        self._elsewhere: frozenset[str] = frozenset()
        self._rejected: Counter[tuple[str, str, bool]] = Counter()
        self.changed: list[str] = []
        """Paths whose content has changed since it was ingested: each is now a further stimulus."""
        self.animated: list[str] = []
        """Paths of files with several frames."""
        self.usable = 0
        """Number of files that could be read as images."""
        self.moved = 0
        """Number of stimuli whose file was missing and was found under another path, which the set now records."""
        self.known = 0
        """Number of files that were already in the set."""
        self.filled = 0
        """Number of missing labels and variables that were filled in."""
        self.measured = 0
        """Number of stimuli of older versions whose pictures were measured now."""
        self._count_before = len(rows)
        self._by_digest = {row["sha256"]: row for row in rows}
        self._by_pixels = {row["pixels_sha256"]: row for row in rows if row.get("pixels_sha256")}
        self._paths = {row["path"] for row in rows}

    @property
    def added(self) -> int:
        """Number of new stimuli."""
        return len(self.rows) - self._count_before

    @property
    def rejections(self) -> list[Rejection]:
        """What was left out, in the order in which it was found; equal rejections are one, with their number."""
        return [
            Rejection(path, _reason_with_count(reason, count), is_conflict)
            for (path, reason, is_conflict), count in self._rejected.items()
        ]

    @property
    def digests(self) -> frozenset[str]:
        """sha256 of every stimulus entered so far."""
        return frozenset(self._by_digest)

    def unmeasured(self) -> list[Row]:
        """Stimuli of older versions, whose pictures were not measured when they were ingested."""
        return [row for row in self.rows if row.get("pixels_sha256") is None]

    def measure(self, row: Row, file: ScannedFile) -> None:
        """Record what an older version did not measure.

        Args:
            row: a stimulus of the set.
            file: its scanned file; one that changed or cannot be read leaves the stimulus as it is.
        """
        if file.fault is None and file.sha256 == row["sha256"]:
            row |= {"pixels_sha256": file.pixels_sha256, "bit_depth": file.bit_depth}
            self.properties[row["stimulus_id"]] = dict(file.properties)
            self._by_pixels.setdefault(file.pixels_sha256, row)
            self.measured += 1

    def look_elsewhere(self, is_there: Callable[[str], bool]) -> None:
        """Change where files are looked for; those that are missing before count as moved when they are found.

        Args:
            is_there: returns whether the file of a stored path exists now.
        """
        self._elsewhere = frozenset(row["path"] for row in self.rows if not self._is_there(row["path"]))
        self._is_there = is_there

    def categories(self) -> dict[str, int]:
        """Number of stimuli of every category, in alphabetical order."""
        return dict(sorted(Counter(self.labels.values()).items()))

    def enter(self, file: ScannedFile, path: str) -> None:
        """Enter one file.

        Args:
            file: the scanned file.
            path: the path to store.
        """
        row = self._by_digest.get(file.sha256) or self._by_pixels.get(file.pixels_sha256)
        self.usable += file.fault is None
        if file.fault is not None:
            self.reject(path, file.fault)
        elif row is None:
            self._add(file, path)
        elif row["path"] != path:
            self._enter_copy(file, row, path)
        elif self._is_new(row):
            self._reject_copy(file, row, path, _LISTED_TWICE)
        else:
            self.moved += path in self._elsewhere
            self.known += path not in self._elsewhere
            self._fill(file, row)

    def _enter_copy(self, file: ScannedFile, row: Row, path: str) -> None:
        """Enter a known picture under another path; if the file of the stimulus is missing, the stimulus has moved."""
        if self._is_new(row) or self._is_there(row["path"]):
            same = "same content" if file.sha256 == row["sha256"] else "same pixels"
            self._reject_copy(file, row, path, f"{same} as {row['path']}")
            return
        row["path"] = path
        self.moved += 1
        self._fill(file, row)

    def _is_new(self, row: Row) -> bool:
        """Whether a stimulus is new in the set."""
        return int(row["stimulus_id"]) >= self._count_before

    def reject(self, path: str, reason: str, *, is_conflict: bool = False) -> None:
        """Record a rejection.

        Args:
            path: path of a file, or the row of its source.
            reason: the reason in a few words.
            is_conflict: whether another category was given for the same picture.
        """
        self._rejected[path, reason, is_conflict] += 1

    def _reject_copy(self, file: ScannedFile, row: Row, path: str, reason: str) -> None:
        """Reject a second entry for a picture; another category is a label conflict."""
        category, label = file.candidate.category, self._label(row)
        if category in (None, label):
            self.reject(path, reason)
        else:
            known = "without a category" if label is None else f"of category {label!r}"
            self.reject(
                path, f"{reason}, {known}; category {category!r} ignored", is_conflict=label is not None
            )

    def _add(self, file: ScannedFile, path: str) -> None:
        """Add a new stimulus, with the next number."""
        number = len(self.rows)
        row = {**_fixed_columns(file, number, path), **file.candidate.parameters}
        self.rows.append(row)
        self._by_digest[file.sha256] = self._by_pixels[file.pixels_sha256] = row
        self.properties[number] = dict(file.properties)
        if file.candidate.category is not None:
            self.labels[number] = file.candidate.category
        if path in self._paths:
            self.changed.append(path)
        if file.frames > 1:
            self.animated.append(path)

    def _label(self, row: Row) -> str | None:
        return self.labels.get(row["stimulus_id"])

    def _fill(self, file: ScannedFile, row: Row) -> None:
        """Fill in missing values of an existing stimulus; reject different values."""
        category = file.candidate.category
        if category is not None and self._label(row) is None:
            self.labels[row["stimulus_id"]] = category
            self.filled += 1
        elif category not in (None, self._label(row)):
            reason = f"already has category {self._label(row)!r}; {category!r} ignored"
            self.reject(row["path"], reason, is_conflict=True)
        if self._bit_depth is not None and row.get("bit_depth") not in (None, self._bit_depth):
            reason = (
                f"already has bit depth {row['bit_depth']}; {self._bit_depth} ignored; use another set for it"
            )
            self.reject(row["path"], reason)
        for name, value in file.candidate.parameters.items():
            if value is not None and value != row.get(name):
                self._fill_variable(row, name, value)

    def _fill_variable(self, row: Row, name: str, value: Value) -> None:
        if row.get(name) is None:
            row[name] = value
            self.filled += 1
        else:
            self.reject(row["path"], f"already has {name} {row[name]!r}; {value!r} ignored")


def _reason_with_count(reason: str, count: int) -> str:
    """A reason, and how often it was found if more than once."""
    if count == 1:
        return reason
    if reason.startswith(_LISTED_TWICE):
        return f"listed {count + 1:,} times{reason.removeprefix(_LISTED_TWICE)}"
    return f"{reason} ({count:,} times)"


def _fixed_columns(file: ScannedFile, number: int, path: str) -> Row:
    """The columns that every stimulus has, as listed in `STIMULUS_COLUMNS` and `PICTURE_COLUMNS`."""
    return {
        "stimulus_id": number,
        "sha256": file.sha256,
        "path": path,
        "width": file.width,
        "height": file.height,
        "format": file.format,
        "bytes": file.bytes,
        "pixels_sha256": file.pixels_sha256,
        "bit_depth": file.bit_depth,
    }
