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
"""One stimulus: stimulus_id, sha256, path, width, height, format, bytes, and its variables."""


_LISTED_TWICE = "listed twice"


class Ledger:
    """The rows of one set, in the order of their numbers, and the outcome for the files that were entered."""

    def __init__(
        self, rows: list[Row], labels: dict[int, str], is_there: Callable[[str], bool] = lambda _: True
    ) -> None:
        """The ledger of a set before files are entered.

        Args:
            rows: the existing stimuli of the set.
            labels: their categories by stimulus_id; unlabelled stimuli are absent.
            is_there: returns whether the file of a stored path still exists.
        """
        self.rows, self.labels = rows, labels
        self._is_there = is_there
        self._elsewhere: frozenset[str] = frozenset()
        self._rejected: Counter[tuple[str, str]] = Counter()
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
        self._count_before = len(rows)
        self._by_digest = {row["sha256"]: row for row in rows}
        self._paths = {row["path"] for row in rows}

    @property
    def added(self) -> int:
        """Number of new stimuli."""
        return len(self.rows) - self._count_before

    @property
    def rejections(self) -> list[Rejection]:
        """What was left out, in the order in which it was found; equal rejections are one, with their number."""
        return [
            Rejection(path, _reason_with_count(reason, count))
            for (path, reason), count in self._rejected.items()
        ]

    @property
    def digests(self) -> frozenset[str]:
        """sha256 of every stimulus entered so far."""
        return frozenset(self._by_digest)

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
        row = self._by_digest.get(file.sha256)
        self.usable += file.fault is None
        if file.fault is not None:
            self.reject(path, file.fault)
        elif row is None:
            self._add(file, path)
        elif row["path"] != path:
            self._enter_copy(file, row, path)
        elif self._is_new(row):
            self.reject(path, f"{_LISTED_TWICE}{self._ignored(file, row)}")
        else:
            self.moved += path in self._elsewhere
            self.known += path not in self._elsewhere
            self._fill(file, row)

    def _enter_copy(self, file: ScannedFile, row: Row, path: str) -> None:
        """Enter a known content under another path; if the file of the stimulus is missing, the stimulus has moved."""
        if self._is_new(row) or self._is_there(row["path"]):
            self.reject(path, f"same content as {row['path']}{self._ignored(file, row)}")
            return
        row["path"] = path
        self.moved += 1
        self._fill(file, row)

    def _is_new(self, row: Row) -> bool:
        """Whether a stimulus is new in the set."""
        return int(row["stimulus_id"]) >= self._count_before

    def reject(self, path: str, reason: str) -> None:
        """Record a rejection.

        Args:
            path: path of a file, or the row of its source.
            reason: the reason in a few words.
        """
        self._rejected[path, reason] += 1

    def _add(self, file: ScannedFile, path: str) -> None:
        """Add a new stimulus, with the next number."""
        number = len(self.rows)
        row = {**_fixed_columns(file, number, path), **file.candidate.parameters}
        self.rows.append(row)
        self._by_digest[file.sha256] = row
        if file.candidate.category is not None:
            self.labels[number] = file.candidate.category
        if path in self._paths:
            self.changed.append(path)
        if file.frames > 1:
            self.animated.append(path)

    def _ignored(self, file: ScannedFile, row: Row) -> str:
        """A note on the different category of a second entry for a stimulus, if any."""
        category = file.candidate.category
        return f"; category {category!r} ignored" if category not in (None, self._label(row)) else ""

    def _label(self, row: Row) -> str | None:
        return self.labels.get(row["stimulus_id"])

    def _fill(self, file: ScannedFile, row: Row) -> None:
        """Fill in missing values of an existing stimulus; reject different values."""
        category = file.candidate.category
        if category is not None and self._label(row) is None:
            self.labels[row["stimulus_id"]] = category
            self.filled += 1
        elif category not in (None, self._label(row)):
            self.reject(row["path"], f"already has category {self._label(row)!r}; {category!r} ignored")
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
    """The columns that every stimulus has, as listed in `STIMULUS_COLUMNS`."""
    return {
        "stimulus_id": number,
        "sha256": file.sha256,
        "path": path,
        "width": file.width,
        "height": file.height,
        "format": file.format,
        "bytes": file.bytes,
    }
