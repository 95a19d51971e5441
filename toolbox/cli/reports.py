"""What commands report at their end, on stderr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from toolbox.cli.output import LISTED, note, print_notes
from toolbox.cli.tables import print_table
from toolbox.printing import printable
from toolbox.progress import duration

if TYPE_CHECKING:
    from toolbox.analyse.significance import SignificanceReport
    from toolbox.collect.extraction import Estimate, ExtractionReport
    from toolbox.collect.ingest import IngestReport
    from toolbox.collect.label import LabelReport
    from toolbox.design.properties import PropertiesReport
    from toolbox.exchange.merging import MergeReport
    from toolbox.show.rendering import RenderingReport
    from toolbox.show.report.run import StudyReport
    from toolbox.stimuli.sources import Rejection
    from toolbox.store.removal import Removal
    from toolbox.store.use import InUse
    from toolbox.store.verification import Verification


def print_ingestion(report: IngestReport, quiet: bool, *, is_recorded: bool = True) -> None:
    """Print what was added to a stimulus set, and what was not.

    Args:
        report: what became of the files.
        quiet: whether nothing is printed.
        is_recorded: whether the run has a record; that of a dry run has none.
    """
    print_notes(report.notes, quiet)
    lists = (
        [f"first image only: {path} holds several" for path in report.animated],
        [
            f"changed since it was first ingested, so it is a further stimulus: {path}"
            for path in report.changed
        ],
        _conflicts(report.rejections),
        [f"not used: {each.path}: {each.reason}" for each in report.rejections if not each.is_conflict],
    )
    for lines in lists:
        print_notes(lines[:LISTED], quiet)
    if more := sum(max(0, len(lines) - LISTED) for lines in lists):
        note(f"… and {more} more{'; the folder runs/ of the study lists all' * is_recorded}", quiet)
    if report.moved:
        note(f"{report.moved} stimuli were located elsewhere before; the set has their new paths", quiet)
    if report.parameters:
        note(f"{_count(len(report.parameters), 'parameter')} added: {', '.join(report.parameters)}", quiet)
    if report.filled:
        note(f"{report.filled:,} missing labels and values of parameters filled in", quiet)
    counts = ", ".join(f"{category} {count}" for category, count in report.categories.items())
    added = f"{report.added} added, {report.known} known"
    note(f"{report.set}: {added}; now {report.stimuli}: {counts}", quiet)
    print_notes(report.warnings, quiet, "warning: ")


def _conflicts(rejections: Iterable[Rejection]) -> list[str]:
    """One line for each picture with two categories."""
    return [f"label conflict: {each.path}: {each.reason}" for each in rejections if each.is_conflict]


def _count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, in the plural where it is one."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def print_labelling(report: LabelReport, quiet: bool) -> None:
    """Print how a set was labelled.

    Args:
        report: how many stimuli have which label.
        quiet: whether nothing is printed.
    """
    print_notes(report.notes, quiet)
    if report.ignored:
        note(
            f"not used: {', '.join(report.ignored)}; labels are {report.value!r} by {report.key!r} "
            "(columns of a table of stimuli are kept by: toolbox ingest TABLE)",
            quiet,
        )
    if not report.written:
        note("nothing to do: the set has these labels already", quiet)
    counts = ", ".join(f"{category} {count}" for category, count in report.categories.items())
    labelled = f"{report.labelled} labelled, {report.unlabelled} unlabelled"
    note(f"{report.set}: {labelled}; {counts}; choose them in queries with --scheme {report.scheme}", quiet)


def print_dry_run(dry_run: bool, quiet: bool) -> None:
    """Print, after the report of a dry run, that it was one.

    Args:
        dry_run: whether nothing was written.
        quiet: whether nothing is printed.
    """
    if dry_run:
        note(
            "this is what would be done: nothing was written; without --dry-run, the same command writes",
            quiet,
        )


def print_extraction(report: ExtractionReport, quiet: bool) -> None:
    """Print what was presented to a network, how fast, and what responses there are now.

    Args:
        report: of the extraction.
        quiet: whether nothing is printed.
    """
    print_notes(report.notes, quiet, "note: ")
    for entry in report.unreadable[:LISTED]:
        note(f"not presented: {entry.path}: {entry.reason}", quiet)
    if len(report.unreadable) > LISTED:
        note(f"… and {len(report.unreadable) - LISTED} more; the records of the parts list all", quiet)
    if report.agreement:
        note(str(report.agreement), quiet)
    note(_speed(report), quiet)
    responses = f"responses of {report.filters:,} filters in {len(report.layers)} layers of {report.model}"
    note(f"{report.set}: {responses} to {report.stimuli:,} stimuli; weights: {report.weights}", quiet)


def _speed(report: ExtractionReport) -> str:
    """How many stimuli were presented, how fast and by what."""
    if not report.shown:
        return "nothing to do: there are responses to every stimulus that was asked for"
    rate = report.shown / report.seconds
    how = f"{report.provider}, {report.precision}, {report.arrangement}"
    return f"{report.shown} stimuli presented in {report.seconds:.0f} s ({rate:.1f} per second; {how})"


def print_measurement(report: PropertiesReport, quiet: bool) -> None:
    """Print how many images were measured, which could not be, and which values cannot be trusted.

    Args:
        report: of the measurement.
        quiet: whether nothing is printed.
    """
    print_notes(report.refusals[:LISTED], quiet)
    if len(report.refusals) > LISTED:
        more = f"… and {len(report.refusals) - LISTED} more; the folder runs/ of the study lists all"
        note(more, quiet)
    print_notes(report.notes, quiet, "warning: ")
    if report.measured:
        measured = f"{len(report.properties)} properties of {_count(report.measured, 'stimulus', 'stimuli')} measured"
        note(f"{report.set}: {measured}, of {report.stimuli:,}", quiet)
    elif not report.refusals:
        note("nothing to do: every stimulus is measured", quiet)


def print_estimate(estimate: Estimate, quiet: bool) -> None:
    """Print an estimate as a table on stdout, notes on stderr.

    Args:
        estimate: of an extraction.
        quiet: whether the notes are left out.
    """
    import polars as pl

    print_notes(estimate.notes, quiet, "note: ")
    if not estimate.stimuli:
        note("nothing to do: there are responses to every stimulus", quiet)
        return
    figures = dict(_figures(estimate))
    print_table(pl.DataFrame({"what": list(figures), "how much": list(figures.values())}))
    note("nothing was written; without --estimate, the same command extracts", quiet)


def _figures(estimate: Estimate) -> Iterator[tuple[str, str]]:
    """What is estimated, and how much it is."""
    yield "set", estimate.set
    yield "network", estimate.model
    yield "stimuli to present", f"{estimate.stimuli:,}"
    yield "parts", f"{estimate.parts:,}"
    yield "layers", f"{estimate.layers:,}"
    yield "filters", f"{estimate.filters:,}"
    yield "rows", f"{estimate.rows:,}"
    yield "expected time", duration(estimate.seconds)
    yield "computed by", f"{estimate.provider}, {estimate.arrangement}"
    yield "memory", "unknown here" if estimate.memory is None else _size(estimate.memory)
    yield "disk, at most", _size(estimate.disk)
    yield "disk, free", _size(estimate.free)


def _size(count: int) -> str:
    """Bytes, for reading."""
    for unit, digits, name in ((1e9, 2, "GB"), (1e6, 1, "MB")):
        if count >= unit:
            return f"{count / unit:.{digits}f} {name}"
    return f"{count / 1e3:.0f} kB"


def print_removal(removal: Removal, quiet: bool) -> None:
    """Print what is deleted, and what is not.

    Args:
        removal: what is deleted.
        quiet: whether nothing is printed.
    """
    where = "" if removal.kind == "set" else f" of {', '.join(removal.sets)}"
    derived = {
        "set": f"{_count(removal.stimuli, 'stimulus', 'stimuli')}; "
        f"label schemes: {', '.join(removal.schemes) or 'none'}; responses: {', '.join(removal.models) or 'none'}",
        "model": "its responses, roll-ups and resampled indices",
        "scheme": "its labels, roll-ups and resampled indices",
    }
    size = f"{_count(removal.files, 'file')}, {_size(removal.bytes)}"
    note(f"to be deleted: {removal.kind} {removal.name}{where}: {derived[removal.kind]}; {size}", quiet)
    kept = f", also those in {removal.images}" if removal.images else ""
    note(f"not deleted: images{kept}", quiet)


def print_verification(verification: Verification, quiet: bool) -> None:
    """Print each problem of a study on stdout, and how much was verified on stderr.

    Args:
        verification: the problems.
        quiet: whether the number of files is left out.
    """
    for problem in verification.problems:
        typer.echo(printable(problem))
    for unfinished in verification.notes:
        note(unfinished, quiet)
    problems = _count(len(verification.problems), "problem") if verification.problems else "no problem"
    is_all = verification.thorough or not verification.is_intact
    further = "" if is_all else "; --thorough also checks all values, those of the responses too"
    note(f"{_count(verification.files, 'file')} verified: {problems}{further}", quiet)


def print_in_use(in_use: InUse) -> None:
    """Print what commands mean where nothing is named, as a table on stdout.

    Args:
        in_use: set, model and scheme.
    """
    import polars as pl

    kinds = list(in_use.reasons)
    names = [getattr(in_use, kind) for kind in kinds]
    reasons = [
        _reason(name, in_use.reasons[kind], in_use.names[kind])
        for kind, name in zip(kinds, names, strict=True)
    ]
    print_table(pl.DataFrame({"what": kinds, "name": pl.Series(names, dtype=pl.String), "why": reasons}))


def _reason(name: str | None, reason: str, names: Sequence[str]) -> str:
    """Why a set, model or scheme is meant, and what else could be."""
    others = ", ".join(each for each in names if each != name)
    if reason == "several":
        return f"must be named, or put in use; there are: {others}"
    return f"{reason}; others: {others}" if others else reason


def print_significance(report: SignificanceReport, quiet: bool) -> None:
    """Print what was resampled, and how many tests are significant.

    Args:
        report: what the tables show.
        quiet: whether nothing is printed.
    """
    print_notes(report.notes, quiet)
    filters = f"{report.index} of {report.filters:,} filters of {report.model} ({report.dead:,} dead)"
    how = f"in {report.seconds:.0f} s" if report.seconds else "as computed before"
    note(f"{report.set}: {filters}, {report.resamples:,} resamples {how}", quiet)
    note(
        f"of {report.tests:,} tests (filter x category), {report.significant:,} have q < 0.05, "
        f"{report.significant_fwe:,} an FWE-corrected p < 0.05",
        quiet,
    )


def print_rendering(report: RenderingReport, sheet: Path, quiet: bool) -> None:
    """Print the pictures with their responses, and where their sheet is.

    Args:
        report: on the pictures.
        sheet: its file.
        quiet: whether notes are left out.
    """
    import polars as pl

    rows = [
        {
            "filter": picture.label,
            "category": picture.category,
            "seed": picture.record.subject.seed,
            "response": picture.response,
            "multiple": picture.multiple,
            "file": picture.file,
        }
        for picture in report.pictures
    ]
    print_notes(report.notes, quiet)
    print_table(pl.DataFrame(rows, infer_schema_length=None), quiet, most=len(rows))
    kept = len(report.pictures) - report.rendered
    made = (
        f"{_count(report.rendered, 'picture')} in {duration(report.seconds)}"
        if report.rendered
        else "no picture"
    )
    note(f"rendered {made}{f', {kept:,} were finished' if kept else ''}; their sheet: {sheet}", quiet)


def print_report(report: StudyReport, quiet: bool) -> None:
    """Print what a report contains.

    Args:
        report: as it was written.
        quiet: whether to print no notes.
    """
    size = f"{report.bytes / 1e6:.1f} MB"
    note(f"{report.figures} figures and tables, {report.warnings} warnings and notes; {size}", quiet)
    for file in report.methods:
        note(f"methods: {file}", quiet)
    print_notes(report.notes, quiet)


def print_merging(report: MergeReport, quiet: bool) -> None:
    """Print what a merged study is made of.

    Args:
        report: how many stimuli come from where.
        quiet: whether nothing is printed.
    """
    print_notes(report.notes, quiet)
    lines = [f"resolved: {conflict}" for conflict in report.resolved]
    print_notes(lines[:LISTED], quiet)
    if len(lines) > LISTED:
        note(f"… and {len(lines) - LISTED} more; the folder runs/ of the study lists all", quiet)
    sources = ", ".join(f"{origin} {stimuli:,}" for origin, stimuli in report.studies.items())
    shared = (
        f"{_count(report.shared, 'stimulus', 'stimuli')} in several, counted once"
        if report.shared
        else "none in several"
    )
    note(f"{report.set}: {_count(report.stimuli, 'stimulus', 'stimuli')} ({sources}; {shared})", quiet)
    models = ", ".join(f"{model} {stimuli:,}" for model, stimuli in report.models.items())
    note(f"stimuli with responses: {models}", quiet)
