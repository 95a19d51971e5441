"""The quick checks of a bundle: digests, presence, numbers of rows in footers. Owns what belongs to a bundle."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from toolbox.exchange.bundle.layout import (
    BUNDLE,
    BUNDLE_TABLES,
    EXTRACTIONS,
    FIXED,
    PROVENANCE,
    SUMS,
    bundle_digest,
)
from toolbox.exchange.importing.faults import named_file, refuse, shortened
from toolbox.exchange.importing.records import (
    BundleRecord,
    ExtractionRecord,
    TableRecord,
    read_bundle_record,
    read_extraction_records,
)
from toolbox.exchange.importing.table_files import opened_table
from toolbox.files import digest_of

_LINE = re.compile("([0-9a-f]{64})  ([^\n]+)\n")
_LARGEST_SUMS = 2**16
"""Bytes of a hundred lines, and more."""
_NO_TRUST = "do not trust this bundle"
Check = tuple[str, Callable[[], object]]
"""The file that a check is about, and the check, which raises a BundleError."""


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle, and its records, each of which is read once.

    Attributes:
        folder: with the files.
        name: of the bundle, for messages.
    """

    folder: Path
    name: str

    @cached_property
    def record(self) -> BundleRecord:
        """What `bundle.json` states.

        Raises: BundleError.
        """
        return read_bundle_record(self.folder)

    @cached_property
    def extractions(self) -> list[ExtractionRecord]:
        """What `extractions.json` states.

        Raises: BundleError.
        """
        return read_extraction_records(self.folder)

    @cached_property
    def sums(self) -> dict[str, str]:
        """Digest of every file that `SHA256SUMS` lists.

        Raises: BundleError.
        """
        return _read_sums(self.folder / SUMS)

    def table(self, name: str) -> TableRecord | None:
        """The table of a name, of which there is one for all sets; None where the bundle has none."""
        return next(iter(self.record.tables_named(name)), None)


def quick_checks(bundle: Bundle) -> Iterator[Check]:
    """The checks that read every byte once, and footers. Those of records come first: others need them.

    Args:
        bundle: the bundle.
    """
    yield SUMS, partial(_check_sums, bundle)
    yield BUNDLE, partial(_check_record, bundle)
    yield EXTRACTIONS, partial(_check_extractions, bundle)
    for table in bundle.record.tables:
        yield table.file, partial(_check_table, bundle, table)


def _read_sums(file: Path) -> dict[str, str]:
    if not file.is_file():
        refuse(SUMS, "is missing, so nothing can be compared")
    if (size := file.stat().st_size) > _LARGEST_SUMS:
        refuse(SUMS, f"has {size:,} bytes; expected at most {_LARGEST_SUMS:,}", _NO_TRUST)
    with named_file(SUMS):
        text = file.read_bytes().decode("utf-8")
    found = _LINE.findall(text)
    if "".join(f"{digest}  {name}\n" for digest, name in found) != text or not found:
        refuse(SUMS, "has other lines than a digest and a file name")
    sums = {name: digest for digest, name in found}
    if len(sums) != len(found):
        refuse(SUMS, "lists a file twice")
    return sums


def _check_sums(bundle: Bundle) -> None:
    """Compare every file with its digest, and the list with the files."""
    present = {file.name for file in bundle.folder.iterdir()} - {SUMS}
    for name in sorted(bundle.sums.keys() - present):
        refuse(name, f"is listed in {SUMS}, but missing")
    for name in sorted(present - bundle.sums.keys()):
        refuse(
            name,
            f"is not listed in {SUMS}, so it cannot be compared",
            "delete it, or ask for the bundle again",
        )
    for name, digest in bundle.sums.items():
        if digest_of(bundle.folder / name) != digest:
            refuse(name, f"is damaged: it differs from its digest in {SUMS}")


def _check_record(bundle: Bundle) -> None:
    """Compare what the bundle states of itself with its files."""
    record = bundle.record
    if bundle_digest(bundle.sums) != record.digest:
        refuse(BUNDLE, f"has another digest of the content than that of the files in {SUMS}")
    files = [table.file for table in record.tables]
    if len({*files}) != len(files):
        refuse(BUNDLE, "lists two tables in one file")
    _check_tables_listed(record)
    known = {*FIXED, *files, *record.images.values()}
    known |= {file for of_model in record.models.values() for file in of_model.values()}
    for name in sorted({file.name for file in bundle.folder.iterdir()} - known):
        refuse(name, f"does not belong to the bundle: {BUNDLE} does not list it", _NO_TRUST)
    for name in sorted(known - FIXED | {PROVENANCE}):
        if not (bundle.folder / name).is_file():
            refuse(BUNDLE, f"lists {shortened(name)}, which is missing")


def _check_tables_listed(record: BundleRecord) -> None:
    """Refuse tables that occur twice, and what a bundle must have and lacks."""
    names = [(table.name, table.set) for table in record.tables]
    if len({*names}) != len(names):
        refuse(BUNDLE, "lists a table twice")
    for name, table in BUNDLE_TABLES.items():
        there = record.tables_named(name)
        if table.belongs_to == "responses" and bool(there) != ("responses" in record.includes):
            refuse(BUNDLE, "has responses and does not include them, or the reverse")
        if name in ("stimuli", "labels", "layers", "rollups") and not there:
            refuse(BUNDLE, f"has no table {name}")
    if not {table.set for table in record.tables_named("properties")} <= {*record.sets}:
        refuse(BUNDLE, "has properties of a set that it lacks")


def _check_extractions(bundle: Bundle) -> None:
    """Compare the extractions with the sets and models of the bundle."""
    for each in bundle.extractions:
        if each.set not in bundle.record.sets:
            refuse(EXTRACTIONS, f"has responses to the set {shortened(each.set)}, which the bundle lacks")
        if each.model not in bundle.record.models:
            refuse(EXTRACTIONS, f"has responses of the model {shortened(each.model)}, which the bundle lacks")
        if (each.parts is not None) != ("responses" in bundle.record.includes):
            refuse(EXTRACTIONS, "has parts of responses that the bundle lacks, or lacks them")
    used: Mapping[str, None] = dict.fromkeys(each.model for each in bundle.extractions)
    if unused := bundle.record.models.keys() - used.keys():
        refuse(BUNDLE, f"has a model {shortened(min(unused))} without responses")


def _check_table(bundle: Bundle, table: TableRecord) -> None:
    """Compare the footer of a table with what the bundle states."""
    with opened_table(bundle.folder, table):
        pass
