"""The use case that makes a stimulus set from image files. Owns the order of its steps, and three tables.

    stimuli/set=<set>/stimuli.parquet                 stimulus_id, sha256, path, width, height, format, bytes,
                                                      pixels_sha256, bit_depth, and a column for every stimulus
                                                      variable
    properties/set=<set>/properties.parquet           stimulus_id, property, value: what was measured of the pictures
    labels/set=<set>/scheme=category/labels.parquet   stimulus_id, category; no row for unlabelled stimuli
    runs/<run>.json                                   what happened to every file, and why some were left out

Never changes an image. Never changes a number, path or label that a stimulus of the set already has.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from toolbox.collect.appearance import describe_appearance
from toolbox.collect.places import ImagePlaces, image_places
from toolbox.collect.sources import describe_source, list_source, set_of_source, single_source, source_type
from toolbox.display import Report
from toolbox.errors import StimulusError, UsageError
from toolbox.files import write_json
from toolbox.progress import Progress, silent
from toolbox.stimuli.categories import categories_alike
from toolbox.stimuli.contents import is_there
from toolbox.stimuli.ledger import Ledger
from toolbox.stimuli.scan import scan_files
from toolbox.stimuli.sources import Candidate, Listing, Rejection
from toolbox.stimuli.variables import VariableType, merge_types
from toolbox.store.commits import Commit, committing, finish_commit, writing
from toolbox.store.folder import StudyFolder, check_new_name
from toolbox.store.labels import read_labels, write_labels
from toolbox.store.parquet import arrow_schema, creation, provenance_of, read_table, with_version, write_table
from toolbox.store.properties import read_ingestion_measures, write_ingestion_measures
from toolbox.store.roots import Roots, write_roots
from toolbox.store.stimuli import STIMULI, variable_names
from toolbox.terms import FILE_BITS, Missing

_ARROW_TYPES: dict[VariableType, pa.DataType] = {
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "varchar": pa.string(),
}


@dataclass(frozen=True)
class IngestReport(Report):
    """What happened to the files of one source."""

    set: str
    added: int
    """New stimuli."""
    known: int
    """Files that were already in the set, under the same path."""
    moved: int
    """Stimuli whose file was missing and was found under another path, which the set now records."""
    filled: int
    """Labels and stimulus variables that were missing in the set and are now recorded."""
    parameters: list[str]
    """Stimulus variables that the set did not have before."""
    changed: list[str]
    """Files whose content has changed since it was ingested: each is now a further stimulus."""
    animated: list[str]
    """Animations, of which only the first frame is used."""
    rejections: list[Rejection]
    """Files, labels and variables that were left out, with the reason."""
    warnings: list[str]
    """What a scientist should know about the pictures of the set: unused range, no contrast, confounds."""
    dim: dict[str, float]
    """Files of the set that use a small part of the range from black to white, and that part."""
    uniform: list[str]
    """Files of the set with the same grey level everywhere."""
    stimuli: int
    """Number of stimuli in the set, old and new."""
    categories: dict[str, int]
    """Number of stimuli in each category, old and new."""
    notes: list[str] = field(default_factory=list)
    """What was assumed to read the source, and categories that differ only in case."""


def ingest(
    study: StudyFolder,
    source: str | Path | Sequence[str] | Sequence[Path],
    *,
    set_name: str | None = None,
    strict: bool = False,
    missing: Missing | None = None,
    bit_depth: int | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
) -> IngestReport:
    """Add the images of a source to a stimulus set. Ingesting a source again adds only new images.

    Args:
        study: the study that contains the set.
        source: a folder with one sub-folder per category; a manifest (.csv, .tsv, .txt, .xlsx, .parquet) with the
            columns path and category; containers of images (.tar, .zip, .h5, .hdf5, .parquet), one, several, or a
            folder of them; the name of a shipped card; or the path of a card (.toml).
        set_name: name of the new or existing set; None for the name in the card.
        strict: ingest nothing unless every file can be ingested.
        missing: what a category such as `nan` or `None` means: 'unlabelled' stimuli, or a 'category' of that name; None
            refuses it.
        bit_depth: bits of the grey values in new files of 16 bits, 1 to 16: 12 makes 4095 white. None for 16.
        dry_run: whether nothing is written; the images of a card are drawn or unpacked in a temporary folder.
        progress: is called with the number of files that were read.

    Raises: UsageError for an invalid source or name; StimulusError when there is no usable image, when a variable
        changes its type, or when strict is set and anything would be left out; BusyError; what `list_card` raises.
    """
    started = datetime.now(UTC)
    _check_bit_depth(bit_depth)
    study = StudyFolder(study.root.resolve())
    if not dry_run:
        finish_commit(study)
    kind, first = source_type(source), single_source(source)
    name = check_new_name("stimulus set", set_of_source(kind, first, set_name), study.sets())
    lock = nullcontext() if dry_run else writing(study, study.lock(name), "ingesting", *_folders(study, name))
    with lock, image_places(study, name, dry_run) as places:
        listing = list_source(kind, source, places.folder, missing=missing, progress=progress)
        ledger, earlier, is_whole = _open_ledger(study, name, bit_depth)
        files = dict.fromkeys(candidate.path for candidate in listing.candidates)
        images = places.find_roots(ledger, files, first)
        types = merge_types(earlier, listing.candidates)
        _measure_earlier(ledger, images.roots)
        _enter_files(ledger, listing, first, images, bit_depth=bit_depth, progress=progress)
        _check_ledger(ledger, first, strict)
        new = [variable for variable in types if variable not in earlier]
        report = _report(name, ledger, new, listing.notes)
        origin = describe_source(kind, source, images.roots)
        origin |= {} if bit_depth is None else {"bit_depth": bit_depth}
        is_changed = bool(ledger.added or ledger.moved or ledger.filled or ledger.measured)
        with nullcontext() if dry_run else committing(study) as commit:
            if commit and (is_changed or not is_whole):
                write_roots(images.roots, study.roots, commit.stage)
                _write_tables(study, commit, name, ledger, types, origin)
            if commit and (is_changed or report.rejections):
                _write_record(study, commit, report, origin, started)
    return report


def _folders(study: StudyFolder, name: str) -> list[Path]:
    """The folders in which only ingestion writes."""
    tables = (study.stimuli(name), study.properties(name), study.labels(name))
    images = (Path(folder) for folder, _, _ in os.walk(study.images(name)))
    return [*(table.parent for table in tables), *images]


def _check_bit_depth(bit_depth: Any) -> None:
    is_whole = isinstance(bit_depth, int) and not isinstance(bit_depth, bool)
    if bit_depth is not None and not (is_whole and 1 <= bit_depth <= FILE_BITS):
        raise UsageError(
            f"bit_depth is {bit_depth!r}; expected the number of bits of the grey values, 1 to {FILE_BITS}, such as 12"
        )


def _open_ledger(
    study: StudyFolder, name: str, bit_depth: int | None
) -> tuple[Ledger, dict[str, VariableType], bool]:
    """The current ledger of a set, the types of its variables, and whether its tables are consistent."""
    stimuli, labels = study.stimuli(name), study.labels(name)
    if not stimuli.is_file():
        return Ledger([], {}, {}), {}, False
    table = read_table(stimuli)  # verified: what is damaged must not be written again as if it were whole
    written = read_labels(labels) if labels.is_file() else {}
    measured = read_ingestion_measures(study.properties(name))
    # A run of an earlier version that was killed has left labels of stimuli that do not exist.
    kept = {number: category for number, category in written.items() if number < len(table)}
    properties = {number: values for number, values in measured.items() if number < len(table)}
    names = {arrow: name for name, arrow in _ARROW_TYPES.items()}
    types = {
        variable: names[table.schema.field(variable).type] for variable in variable_names(table.column_names)
    }
    ledger = Ledger(
        table.to_pylist(),
        kept,
        properties,
        bit_depth=bit_depth,
        is_there=lambda path: is_there(study.image(path)),
    )
    is_whole = labels.is_file() and len(kept) == len(written) and len(properties) == len(measured)
    return ledger, types, is_whole


def _measure_earlier(ledger: Ledger, roots: Roots) -> None:
    """Measure the stimuli of older versions."""
    earlier = ledger.unmeasured()
    files = scan_files([Candidate(roots.file(row["path"]), None) for row in earlier], ())
    for row, file in zip(earlier, files, strict=True):
        ledger.measure(row, file)


def _enter_files(
    ledger: Ledger,
    listing: Listing,
    source: str | Path,
    images: ImagePlaces,
    *,
    bit_depth: int | None,
    progress: Progress,
) -> None:
    """Enter the rejections of a listing, then its files."""
    for rejection in listing.rejections:
        ledger.reject(images.stored_name(rejection.path, source), rejection.reason)
    total = len(listing.candidates)
    stored_path = cache(images.stored_path)  # many rows of a manifest may name one file
    for done, file in enumerate(scan_files(listing.candidates, ledger.digests, bit_depth), 1):
        ledger.enter(file, stored_path(file.candidate.path))
        progress("read images", done, total)


def _check_ledger(ledger: Ledger, source: str | Path, strict: bool) -> None:
    """Refuse a source without any usable image, and, with `strict`, a source with any rejection."""
    left_out = ledger.rejections
    examples = "; ".join(f"{rejection.path}: {rejection.reason}" for rejection in left_out[:3])
    more = f"; and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    if not ledger.usable:
        raise StimulusError(
            f"{source} has no usable image among {len(left_out)} files ({examples}{more}); "
            "expected images as JPEG, PNG, GIF, BMP, TIFF or WebP"
        )
    if strict and left_out:
        raise StimulusError(
            f"{len(left_out)} entries of {source} would be left out ({examples}{more}); nothing was ingested; "
            "fix these entries, or ingest without strict (--strict)"
        )


def _write_tables(
    study: StudyFolder,
    commit: Commit,
    name: str,
    ledger: Ledger,
    types: dict[str, VariableType],
    origin: dict[str, Any],
) -> None:
    """Write all tables into the scratch folder of a commit.

    A label file that contains these labels already stays as it is, with all that was computed from it.
    """
    sources = provenance_of(study.stimuli(name)).get("sources", []) if study.stimuli(name).is_file() else []
    if origin not in sources:
        sources = [*sources, origin]
    provenance = {"task": "ingest", "set": name, "sources": sources}
    labels, properties, stimuli = study.labels(name), study.properties(name), study.stimuli(name)
    if not labels.is_file() or read_labels(labels) != ledger.labels:
        write_labels(commit.stage(labels), ledger.labels, {**provenance, **creation(labels)})
    write_ingestion_measures(
        commit.stage(properties), ledger.properties, {**provenance, **creation(properties)}
    )
    variables = pa.schema([(variable, _ARROW_TYPES[type_name]) for variable, type_name in types.items()])
    schema = pa.unify_schemas([arrow_schema(STIMULI), variables])
    columns = {column: [row.get(column) for row in ledger.rows] for column in schema.names}
    write_table(commit.stage(stimuli), pa.table(columns, schema), {**provenance, **creation(stimuli)})


def _report(name: str, ledger: Ledger, new: Sequence[str], notes: Sequence[str]) -> IngestReport:
    appearance = describe_appearance(ledger.rows, ledger.labels, ledger.properties)
    return IngestReport(
        set=name,
        added=ledger.added,
        known=ledger.known,
        moved=ledger.moved,
        filled=ledger.filled,
        parameters=[name for name in new if any(row.get(name) is not None for row in ledger.rows)],
        changed=ledger.changed,
        animated=ledger.animated,
        rejections=ledger.rejections,
        **vars(appearance),
        stimuli=len(ledger.rows),
        categories=ledger.categories(),
        notes=[*notes, *categories_alike(ledger.categories(), name)],
    )


def _write_record(
    study: StudyFolder, commit: Commit, report: IngestReport, origin: dict[str, Any], started: datetime
) -> None:
    """Write the record of the run, with every rejection."""
    seconds = (datetime.now(UTC) - started).total_seconds()
    run = {"task": "ingest", "started": started.isoformat(), "seconds": seconds, "source": origin}
    record = with_version({**run, **asdict(report)})
    write_json(commit.stage(study.run_record(f"ingest-{report.set}")), record)
