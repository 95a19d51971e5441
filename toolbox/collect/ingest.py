"""The use case that makes a stimulus set of image files. Owns the order of its steps, and two tables.

    stimuli/set=<set>/stimuli.parquet                 stimulus_id, sha256, path, width, height, format, bytes,
                                                      and a column for every stimulus variable
    labels/set=<set>/scheme=category/labels.parquet   stimulus_id, category; no row for unlabelled stimuli
    runs/<run>.json                                   what became of every file, and why some were left out

Never changes an image, and never a number, path or label that a set has given already.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from toolbox.content import card_names, check_name
from toolbox.errors import StimulusError, UnknownNameError, UsageError
from toolbox.fetch import describe
from toolbox.files import digest_of, only_writer, write_json
from toolbox.progress import Progress, silent
from toolbox.stimuli.cards import from_card, stimulus_card
from toolbox.stimuli.ledger import Ledger
from toolbox.stimuli.manifest import from_manifest
from toolbox.stimuli.scan import scan
from toolbox.stimuli.sources import Listing, Rejection, from_folder
from toolbox.stimuli.variables import VariableType, merge_types
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels, write_labels
from toolbox.store.parquet import provenance_of, with_version, write_table
from toolbox.tables import SUFFIXES

_FIXED = pa.schema(
    [
        ("stimulus_id", pa.int32()),
        ("sha256", pa.string()),
        ("path", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("bytes", pa.int64()),
    ]
)
_TYPES: dict[VariableType, pa.DataType] = {
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "varchar": pa.string(),
}


@dataclass(frozen=True)
class IngestReport:
    """What became of the files of one source."""

    set: str
    added: int
    """New stimuli."""
    known: int
    """Files that were in the set already, under the same path."""
    moved: int
    """Stimuli whose file was gone and came back under another path, which is theirs now."""
    filled: int
    """Labels and stimulus variables that stimuli of the set lacked and have now."""
    changed: list[str]
    """Files whose content is not what was ingested under their path: now a further stimulus."""
    animated: list[str]
    """Files of which only the first frame is used."""
    rejections: list[Rejection]
    """Files, or what a source said of them, that were not taken, with the reason."""
    stimuli: int
    """Stimuli of the set, all told."""
    categories: dict[str, int]
    """Stimuli of each category, all told."""


def ingest(
    study: StudyFolder,
    source: str | Path,
    *,
    set_name: str | None = None,
    strict: bool = False,
    progress: Progress = silent,
) -> IngestReport:
    """Take the images of a source into a stimulus set; doing it again adds only what is new.

    Args:
        source: a folder with one sub-folder per category; a manifest (.csv, .tsv, .parquet) with path and
            category; the name of a shipped card, or a card's .toml.
        set_name: of the new or existing set; a card's own name if not given.
        strict: take nothing unless everything can be taken.
        progress: told how many files are done.

    Raises: UsageError for an impossible source or name; StimulusError when there is no usable image, a
        variable changes its type, or strict and anything is left out; BusyError; what `from_card` raises.
    """
    started = datetime.now(UTC)
    study = StudyFolder(study.root.resolve())
    kind = _kind(source)
    name = check_name("stimulus set", _set_name(kind, source, set_name))
    origin = _origin(kind, source)
    listing = _listing(kind, source, study.images(name), progress)
    with only_writer(study.stimuli(name).parent, "ingest"):
        ledger, kinds, is_whole = _open_ledger(study, name)
        kinds = merge_types(kinds, listing.candidates)
        _enter_files(ledger, listing, study, progress)
        _check(ledger, source, strict)
        if ledger.added or ledger.moved or ledger.filled or not is_whole:
            _write(study, name, ledger, kinds, origin)
        report = _report(name, ledger)
        if report.added or report.moved or report.filled or report.rejections:
            _record(study, report, origin, started)
    return report


def _kind(source: str | Path) -> Literal["folder", "manifest", "card"]:
    """What a source is; what exists here goes before a shipped card of the same name."""
    path = Path(source)
    if path.is_dir():
        return "folder"
    if path.suffix.lower() in SUFFIXES:
        return "manifest"
    if path.suffix == ".toml" or str(source) in card_names("datasets"):
        return "card"
    raise UnknownNameError(
        "folder, manifest or stimulus card",
        str(source),
        card_names("datasets"),
        f"a manifest ends in {', '.join(SUFFIXES)}",
    )


def _set_name(kind: str, source: str | Path, chosen: str | None) -> str:
    if chosen is not None:
        return chosen
    if kind != "card":
        raise UsageError(f"{source} is a {kind}; choose a name for its stimulus set (--set NAME)")
    return str(stimulus_card(str(source))["name"])


def _origin(kind: str, source: str | Path) -> dict[str, Any]:
    """What the set's provenance says of a source."""
    if kind == "folder":
        return {"folder": Path(source).resolve().as_posix()}
    if kind == "manifest":
        file = Path(source)
        return {"manifest": file.resolve().as_posix()} | (
            {"sha256": digest_of(file)} if file.is_file() else {}
        )
    card = stimulus_card(str(source))
    fetched = {"source": describe(card["source"])} if "source" in card else {}
    return {"card": card["name"], "citation": card["citation"], "licence": card["licence"]} | fetched


def _listing(kind: str, source: str | Path, images: Path, progress: Progress) -> Listing:
    if kind == "folder":
        return from_folder(Path(source))
    if kind == "manifest":
        return from_manifest(Path(source))
    return from_card(str(source), images, progress)


def _open_ledger(study: StudyFolder, name: str) -> tuple[Ledger, dict[str, VariableType], bool]:
    """The ledger of a set as it stands, the types of its variables, and whether its two tables agree."""
    stimuli, labels = study.stimuli(name), study.labels(name)
    if not stimuli.is_file():
        return Ledger([], {}), {}, False
    # ParquetFile, unlike read_table, does not take `set=…` in the path for a column.
    table = pq.ParquetFile(stimuli).read()
    written = read_labels(labels) if labels.is_file() else {}
    # Labels are written first: those of stimuli that do not exist are left from a run killed in between.
    kept = {number: category for number, category in written.items() if number < len(table)}
    names = {arrow: kind for kind, arrow in _TYPES.items()}
    kinds = {field.name: names[field.type] for field in table.schema if field.name not in _FIXED.names}
    ledger = Ledger(table.to_pylist(), kept, lambda path: study.image(path).exists())
    return ledger, kinds, labels.is_file() and len(kept) == len(written)


def _enter_files(ledger: Ledger, listing: Listing, study: StudyFolder, progress: Progress) -> None:
    """Enter every file of a listing, what it left out first."""
    root = f"{study.root.as_posix()}/"
    for rejection in listing.rejections:
        ledger.reject(rejection.path.removeprefix(root), rejection.reason)
    total = len(listing.candidates)
    for done, found in enumerate(scan(listing.candidates, ledger.digests), 1):
        ledger.enter(found, study.stored_path(found.candidate.path))
        progress("read images", done, total)


def _check(ledger: Ledger, source: str | Path, strict: bool) -> None:
    """Refuse a source without any image, and under `strict` one with anything left out."""
    left_out = ledger.rejections
    examples = "; ".join(f"{rejection.path}: {rejection.reason}" for rejection in left_out[:3])
    more = f"; and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    if not ledger.usable:
        raise StimulusError(f"{source} has no usable image among {len(left_out)} files ({examples}{more})")
    if strict and left_out:
        raise StimulusError(
            f"{len(left_out)} of the files of {source} cannot be taken as they are ({examples}{more}); "
            "nothing was ingested; mend them, or ingest without strict"
        )


def _write(
    study: StudyFolder, name: str, ledger: Ledger, kinds: dict[str, VariableType], origin: dict[str, Any]
) -> None:
    """Write both tables; the second makes the new stimuli exist."""
    sources = provenance_of(study.stimuli(name)).get("sources", []) if study.stimuli(name).is_file() else []
    if origin not in sources:
        sources = [*sources, origin]
    provenance = {"task": "ingest", "set": name, "sources": sources}
    write_labels(study.labels(name), ledger.labels, provenance)
    schema = pa.unify_schemas(
        [_FIXED, pa.schema([(variable, _TYPES[kind]) for variable, kind in kinds.items()])]
    )
    columns = {column: [row.get(column) for row in ledger.rows] for column in schema.names}
    write_table(study.stimuli(name), pa.table(columns, schema), provenance)


def _report(name: str, ledger: Ledger) -> IngestReport:
    return IngestReport(
        set=name,
        added=ledger.added,
        known=ledger.known,
        moved=ledger.moved,
        filled=ledger.filled,
        changed=ledger.changed,
        animated=ledger.animated,
        rejections=ledger.rejections,
        stimuli=len(ledger.rows),
        categories=ledger.categories(),
    )


def _record(study: StudyFolder, report: IngestReport, origin: dict[str, Any], started: datetime) -> None:
    """Write the run's record, every rejection included."""
    seconds = (datetime.now(UTC) - started).total_seconds()
    run = {"task": "ingest", "started": started.isoformat(), "seconds": seconds, "source": origin}
    write_json(study.run_record(f"ingest-{report.set}"), with_version({**run, **asdict(report)}))
