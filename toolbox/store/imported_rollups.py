"""Roll-ups that were imported without the responses from which they were made. Owns their record, and what it refuses.

    plans/set=<set>/model=<model>/rollups.json

While this record exists, the extraction beside it has a plan without parts: nothing in this study can make its roll-ups
again. They are therefore compared with the record and never rebuilt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.errors import UsageError, VerificationError, command_line
from toolbox.files import read_json, write_json
from toolbox.store.checksums import present_digest
from toolbox.store.columns import ROLLUPS
from toolbox.store.folder import ExtractionFolder
from toolbox.store.labels import digest_of_labels
from toolbox.store.memory import recall, remember
from toolbox.store.parquet import arrow_schema, read_table

if TYPE_CHECKING:
    import pyarrow as pa

REMEMBERED_ROLLUPS = 300
"""Number of roll-ups whose digest is kept in the cache."""
IMPORT_AGAIN = "import its bundle again (toolbox import BUNDLE)"
"""What to do about a damaged record or roll-up."""


@dataclass(frozen=True)
class ImportedRollups:
    """What was imported instead of responses.

    Attributes:
        identity: digest of the identity of the plan.
        schemes: label scheme -> `labels` and `rollup`, the digests of labels and roll-up that belong together.
        parts: as of `AvailableResponses`, of the responses from which the roll-ups were made.
        presented: ranges of the identifiers of the stimuli with responses, each as its first and last one.
        unreadable: identifiers of planned stimuli that could not be read.
        images: digest of the images of the presented stimuli.
        preprocessing: of the images, as in the commit record of a part.
        provenance: as of `AvailableResponses`.
        origin: of which bundle they are.
    """

    identity: str
    schemes: Mapping[str, Mapping[str, str]]
    parts: Mapping[str, str]
    presented: list[list[int]]
    unreadable: list[int]
    images: str
    preprocessing: Mapping[str, Any]
    provenance: Mapping[str, Any]
    origin: str

    @property
    def stimuli(self) -> set[int]:
        """Identifiers of the stimuli with responses."""
        return {number for first, last in self.presented for number in range(first, last + 1)}


def ranges_of(numbers: Collection[int]) -> list[list[int]]:
    """Numbers as ranges, each as its first and last one.

    Example:
        >>> ranges_of({1, 2, 3, 7})
        [[1, 3], [7, 7]]
    """
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def imported_record(folder: ExtractionFolder) -> Path:
    """The file of the record of an extraction of which only roll-ups were imported."""
    return folder.plans / "rollups.json"


def write_imported_rollups(path: Path, imported: ImportedRollups) -> None:
    """Write the record, whole or not at all.

    Args:
        path: where it is written: `imported_record`, or the place of a commit for it.
        imported: its content.
    """
    write_json(path, asdict(imported))


def read_imported_rollups(folder: ExtractionFolder) -> ImportedRollups | None:
    """The record of an extraction of which only roll-ups were imported, None for any other extraction.

    Raises: VerificationError for a damaged record.
    """
    file = imported_record(folder)
    if not file.is_file():
        return None
    content = read_json(file, IMPORT_AGAIN)
    try:
        return ImportedRollups(**content)
    except TypeError as error:
        raise VerificationError(f"{file} is damaged: it lacks an entry; {IMPORT_AGAIN}") from error


def without_responses(set_name: str, model: str) -> UsageError:
    """The refusal of whatever needs responses where only roll-ups were imported.

    Args:
        set_name: the stimulus set.
        model: name of the model.
    """
    extract = command_line("extract", set_name, "--model", model, "--replace")
    return UsageError(
        f"only roll-ups of the responses of {model} to {set_name} were imported, and this needs the responses; ask for "
        f"a bundle with them (toolbox share --with responses), or compute them from the images with: {extract}"
    )


def check_imported_rollup(path: Path, labels: Path, digests: Mapping[str, str]) -> None:
    """Compare a roll-up, and the labels under which it was made, with the record of their import.

    Args:
        path: the roll-up.
        labels: the label table of its scheme.
        digests: the entry of the scheme in the record.

    Raises: VerificationError for a missing or damaged roll-up; UsageError where the labels were changed.
    """
    if digest_of_labels(labels) != digests.get("labels"):
        raise UsageError(
            f"{labels} has other labels than when the roll-ups were imported, and without responses they cannot be "
            f"made again; restore these labels, or {IMPORT_AGAIN}, with another name of the set (--set NAME)"
        )
    if not path.is_file():
        raise VerificationError(f"{path} is missing; restore it, or {IMPORT_AGAIN}")
    if digest_of_rollup(path) != digests.get("rollup"):
        raise VerificationError(
            f"{path} is damaged: it differs from the record of its import; restore it, or {IMPORT_AGAIN}"
        )


def digest_of_rollup(path: Path) -> str:
    """SHA-256 of the content of a roll-up's file, which is in the user's cache under the digest of the file.

    Raises: VerificationError when the file is damaged.
    """
    key = present_digest(path)
    entry: Any = recall("rollups").get(key)
    if isinstance(entry, str):
        return entry
    digest = rollup_digest(_read(path))
    remember("rollups", {key: digest}, REMEMBERED_ROLLUPS)
    return digest


def _read(path: Path) -> pa.Table:
    """The table of a roll-up.

    Raises: VerificationError when it is damaged, or has other columns.
    """
    table = read_table(path)
    if table.schema.names != list(ROLLUPS):
        raise VerificationError(f"{path} has other columns than a roll-up; restore it, or {IMPORT_AGAIN}")
    return table.cast(arrow_schema(ROLLUPS))


def rollup_digest(table: pa.Table) -> str:
    """SHA-256 of the values of a roll-up in their order, equal for every writer of the file.

    Args:
        table: with the columns ROLLUPS.
    """
    digest = hashlib.sha256()
    for name, kind in ROLLUPS.items():
        digest.update(f"{name} {kind} {len(table)}\n".encode())
        if kind == "string":
            digest.update("\n".join(str(value) for value in table[name].to_pylist()).encode())
        else:
            values = table[name].to_numpy()
            digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
