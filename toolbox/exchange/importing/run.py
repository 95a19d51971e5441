"""A bundle verified, or taken into a study. Owns the order of the steps, and that a study gets all or nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolbox.display import Report
from toolbox.errors import ToolboxError, UsageError, command_line
from toolbox.exchange.importing.extractions import stage_extractions
from toolbox.exchange.importing.faults import REMEDY, BundleError, name_of
from toolbox.exchange.importing.quick import Bundle, Check, quick_checks
from toolbox.exchange.importing.relation_values import relation_checks
from toolbox.exchange.importing.rollup_values import rollup_checks
from toolbox.exchange.importing.sets import stage_set
from toolbox.exchange.importing.taking import Taking
from toolbox.exchange.importing.unpacking import unpacked
from toolbox.exchange.importing.values import Content, value_checks
from toolbox.files import remove_file, remove_folder, write_json
from toolbox.progress import Progress, silent
from toolbox.store.commits import committing, finish_commit, writing
from toolbox.store.folder import StudyFolder, create_study
from toolbox.store.parquet import with_version
from toolbox.store.verification import Problem, Verification

_STEPS = 4
"""Of an import: unpacked, compared with digests, values checked, written."""


Recompute = Callable[[StudyFolder], tuple[list[Problem], list[str]]]
"""Computes responses of a study again: what differs, and what could not be computed and why."""


@dataclass(frozen=True)
class ImportReport(Report):
    """What an import did.

    Attributes:
        bundle: title and first digits of the digest, which the stimuli have in the column `origin`.
        digest: of the content of the bundle.
        sets: the stimulus sets, by their names in the study.
        written: what is new in the study.
        known: what was there already, with the same content.
        notes: what a reader should know.
        dry_run: whether nothing was written.
    """

    bundle: str
    digest: str
    sets: tuple[str, ...]
    written: tuple[str, ...]
    known: tuple[str, ...]
    notes: tuple[str, ...] = ()
    dry_run: bool = False


class _DiscardedError(Exception):
    """Ends a commit of which nothing becomes visible."""


def verify_bundle(
    path: Path,
    *,
    thorough: bool = False,
    recompute: Recompute | None = None,
    progress: Progress = silent,
) -> Verification:
    """Compare the files of a bundle with their digests and with each other; changes nothing.

    Args:
        path: a zip, or a directory.
        thorough: whether all values are checked too, and roll-ups are computed again from responses and labels.
        recompute: computes responses of a study again from its images; for thorough verification.
        progress: is called with what is done.

    Raises: UsageError when there is nothing at the path.
    """
    problems, notes, files = list[Problem](), list[str](), 0
    try:
        with unpacked(path) as folder:
            files = len([*folder.iterdir()])
            bundle = Bundle(folder, name_of(path))
            progress("verify", 1, _STEPS)
            problems += _problems_of(quick_checks(bundle))
            progress("verify", 2, _STEPS)
            if thorough and not problems:
                content = Content(bundle)
                problems += _problems_of(_thorough_checks(content))
                progress("verify", 3, _STEPS)
                if not problems:
                    found, notes = _try_import(content, recompute)
                    problems += found
    except BundleError as error:
        problems.append(_problem(error))
    progress("verify", _STEPS, _STEPS)
    return Verification(files, thorough, tuple(dict.fromkeys(problems)), tuple(notes))


def _thorough_checks(content: Content) -> Iterator[Check]:
    yield from value_checks(content)
    yield from rollup_checks(content)
    yield from relation_checks(content)


def _problems_of(checks: Iterator[Check]) -> list[Problem]:
    """What checks find; one that the next ones need ends them."""
    found = list[Problem]()
    try:
        for _, check in checks:
            try:
                check()
            except BundleError as error:
                found.append(_problem(error))
    except BundleError as error:  # a record without which there is nothing to check
        found.append(_problem(error))
    return [*dict.fromkeys(found)]


def _problem(error: BundleError) -> Problem:
    return Problem(error.file or "the bundle", error.problem, error.remedy)


def _try_import(content: Content, recompute: Recompute | None) -> tuple[list[Problem], list[str]]:
    """Take the bundle into a study of its own, which compares responses with records, and roll-ups with responses.

    Raises: BundleError.
    """
    with tempfile.TemporaryDirectory(prefix="toolbox-verify-") as folder:
        study = create_study(Path(folder) / "study", "verification")
        try:
            _take(content, study, {name: name for name in content.bundle.record.sets}, datetime.now(UTC))
        except BundleError:
            raise
        except ToolboxError as error:
            raise BundleError("", f"cannot be imported: {error}") from error
        return recompute(study) if recompute else ([], [])


def import_bundle(
    study: StudyFolder,
    path: Path,
    set_name: str | None = None,
    *,
    dry_run: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Take a bundle into a study, if all of it verifies; never overwrites.

    Args:
        study: the study; a missing one is made.
        path: a zip, or a directory.
        set_name: the name of its set in the study; that of the bundle if None.
        dry_run: whether nothing is written.
        progress: is called with what is done.

    Raises: BundleError for a bundle that does not verify; UsageError where the study has something of the same name
        with another content; MixtureError where its model of that name is another network; BusyError.
    """
    started = datetime.now(UTC)
    with unpacked(path) as folder:
        progress("import", 1, _STEPS)
        bundle = Bundle(folder, name_of(path))
        _check_all(bundle, quick_checks(bundle), path)
        progress("import", 2, _STEPS)
        content = Content(bundle)
        _check_all(bundle, _thorough_checks(content), path)
        progress("import", 3, _STEPS)
        names = _names(bundle, set_name)
        with _study_for(study, bundle.record.title, dry_run=dry_run) as target:
            report = _take(content, target, names, started, dry_run=dry_run)
    progress("import", _STEPS, _STEPS)
    return report


def _check_all(bundle: Bundle, checks: Iterator[Check], path: Path) -> None:
    """Raise the first problem, with the number of others.

    Raises: BundleError.
    """
    problems = _problems_of(checks)
    if problems:
        first, more = problems[0], len(problems) - 1
        others = f" (and {more} more: {command_line('verify', path)})" if more else ""
        raise BundleError(f"{bundle.name}: {first.file}", first.problem, f"{first.remedy or REMEDY}{others}")


def _names(bundle: Bundle, set_name: str | None) -> dict[str, str]:
    """Set in the bundle -> its name in the study.

    Raises: UsageError for one name of several sets.
    """
    sets = bundle.record.sets
    if set_name is None:
        return {name: name for name in sets}
    if len(sets) > 1:
        raise UsageError(
            f"the bundle has the sets {', '.join(sets)}, and one name was given; expected a bundle of one set, or none "
            "with set=… (--set)"
        )
    return {sets[0]: set_name}


@contextlib.contextmanager
def _study_for(study: StudyFolder, title: str, *, dry_run: bool) -> Iterator[StudyFolder]:
    """The study that takes the bundle in; a missing one is made, for a dry run elsewhere, and not left behind empty."""
    if (study.root / "study.toml").is_file():
        yield study
    elif dry_run:
        with tempfile.TemporaryDirectory(prefix="toolbox-import-") as folder:
            yield create_study(Path(folder) / "study", title)
    else:
        was_missing = not study.root.exists()
        made = create_study(study.root, title)
        try:
            yield made
        except BaseException:
            remove_file(study.root / "study.toml")
            remove_folder(study.root if was_missing else study.root / "plans")
            raise


def _take(
    content: Content,
    study: StudyFolder,
    names: Mapping[str, str],
    started: datetime,
    *,
    dry_run: bool = False,
) -> ImportReport:
    """Write what is new, all of it or nothing."""
    finish_commit(study)
    report: ImportReport | None = None
    with contextlib.suppress(_DiscardedError), _locks(content, study, names), committing(study) as commit:
        taking = Taking(content, study, commit, names)
        for set_name in taking.in_order("set", [*names]):
            stage_set(taking, set_name)
        stage_extractions(taking)
        report = _report(taking, dry_run=dry_run)
        if dry_run or not report.written:
            raise _DiscardedError
        _stage_record(taking, report, started)
    assert report is not None  # else an error was raised
    return report


@contextlib.contextmanager
def _locks(content: Content, study: StudyFolder, names: Mapping[str, str]) -> Iterator[None]:
    """The locks of the sets and extractions that are written."""
    folders = [study.lock(name) for name in sorted(names.values())]
    folders += sorted(study.plans(names[each.set], each.model) for each in content.bundle.extractions)
    with contextlib.ExitStack() as held:
        for folder in folders:
            held.enter_context(writing(study, folder, "importing"))
        yield


def _report(taking: Taking, *, dry_run: bool) -> ImportReport:
    record, notes = taking.content.bundle.record, [*taking.notes]
    if not taking.written:
        notes.append("the study has all of this bundle already, so nothing was changed")
    if record.withheld:
        notes.append(
            "categories of few stimuli were withheld from the bundle, so sums over all stimuli lack them"
        )
    return ImportReport(
        bundle=record.origin,
        digest=record.digest,
        sets=tuple(taking.names.values()),
        written=tuple(taking.written),
        known=tuple(taking.known),
        notes=tuple(notes),
        dry_run=dry_run,
    )


def _stage_record(taking: Taking, report: ImportReport, started: datetime) -> None:
    """Stage the record of the run."""
    record = taking.content.bundle.record
    source = {
        "bundle": taking.content.bundle.name,
        "title": record.title,
        "digest": record.digest,
        "tool": record.tool,
        **({"authors": [*record.authors]} if record.authors else {}),
        **({"licence": record.licence} if record.licence else {}),
    }
    run: dict[str, Any] = {
        "task": "import",
        "started": started.isoformat(),
        "seconds": (datetime.now(UTC) - started).total_seconds(),
        "source": source,
        "set": next(iter(report.sets), ""),
    }
    content = with_version({**run, **asdict(report)})
    file = taking.study.run_record(f"import-{run['set']}")
    write_json(taking.commit.stage(file), content)
