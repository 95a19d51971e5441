"""One of several jobs that present a set together, such as those of an array of SLURM: `--part i/n`.

The first job writes the plan, as a draft that becomes the plan with the first part of any job; the others read it. Each
presents the parts whose number, divided by n, leaves the remainder i. Jobs do not lock each other out: each locks and
builds in a folder of its own. Who extracts without a job waits for none, and is refused while one is running.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from toolbox.collect.extraction.engines import present_parts
from toolbox.collect.extraction.options import ExtractionJob
from toolbox.collect.extraction.parts import Run
from toolbox.collect.extraction.remaining import (
    PlannedParts,
    check_disk_space,
    check_images,
    find_remaining_work,
    plan_parts,
    readable_plan,
    replace_earlier,
)
from toolbox.collect.extraction.report import ExtractionReport, report_on, stage_run_records
from toolbox.collect.extraction.task import Request, Task, load_task, read_earlier
from toolbox.errors import BusyError
from toolbox.files import has_writer, only_writer, sweep
from toolbox.progress import Progress
from toolbox.store.commits import committing, finish_commit
from toolbox.store.folder import ExtractionFolder
from toolbox.store.plan import write_plan
from toolbox.store.records import planned_records
from toolbox.store.rollups import update_rollups
from toolbox.store.study_file import PATIENCE


def extract_of_job(request: Request, job: ExtractionJob, progress: Progress) -> ExtractionReport:
    """Present the parts of one job.

    Args:
        request: the checked request.
        job: which job this is.
        progress: as of `extract`.

    Raises: as `extract`; BusyError when this job is running already, or jobs of another number.
    """
    started, study, folder = time.monotonic(), request.study, request.folder
    name = f"extract-{request.set}-{request.network.name}-{job.number}-of-{job.of}"
    task = load_task(request, progress)
    with ExitStack() as held:
        with _planning(request):
            others = [each for each in folder.jobs if has_writer(each)]
            _check_others(others, job)
            place = folder.job(job.number, job.of)
            held.enter_context(only_writer(place, f"presenting the parts {job}"))
            sweep(folder.plans, folder.replacement.plans)
            sweep_jobs(folder)
            planned = _plan(replace(task, earlier=read_earlier(request)), is_first=not others)
        numbers = tuple(number for number in planned.numbers if number % job.of == job.number)
        run = Run(task, replace(planned, numbers=numbers), study.run_record(name).stem, place)
        presented = present_parts(run)
        records = planned_records(run.folder, planned.plan, request.digests)
        report = report_on(task, records, presented, time.monotonic() - started)
        report = replace(
            report, notes=(*report.notes, _progress_of(job, len(numbers), len(records), planned))
        )
        own = [record for record in records if record.get("run") == run.name]
        with committing(study) as commit:
            stage_run_records(study, commit, report, own, run.name if numbers else None)
    _finish_together(run)
    return report


def _planning(request: Request) -> contextlib.AbstractContextManager[None]:
    """The lock under which jobs begin and end, one after the other; who extracts without a job has it all the time."""
    task = f"extracting {request.set} with {request.network.name}"
    finish_commit(request.study)
    return only_writer(request.folder.plans, task, wait=PATIENCE)


def _check_others(running: Sequence[Path], job: ExtractionJob) -> None:
    """Raises: BusyError when jobs of another number are running."""
    strangers = [each for each in running if not each.name.endswith(f"-of-{job.of}")]
    if strangers:
        raise BusyError(
            f"{strangers[0]} is in use: jobs of another number than {job.of} are running; wait until they end, or use "
            "their number"
        )


def _plan(task: Task, *, is_first: bool) -> PlannedParts:
    """The parts of all jobs that are missing, of the plan of the jobs that are running, or of one that is made now."""
    remaining = find_remaining_work(task)
    check_images(task, remaining)
    check_disk_space(task, remaining)
    planned, folder = plan_parts(task, remaining), remaining.folder
    draft = None if is_first else readable_plan(folder, draft=True)
    if draft and draft.identity == task.identity and (remaining.plan is None or remaining.plan.begins(draft)):
        known = len(remaining.plan.parts) if remaining.plan else 0
        return replace(planned, plan=draft, numbers=(*remaining.pending, *range(known, len(draft.parts))))
    if planned.plan != planned.before:
        write_plan(folder.draft, planned.plan)
    return planned


def _progress_of(job: ExtractionJob, own: int, done: int, planned: PlannedParts) -> str:
    """What this job did, in words."""
    parts = f"{own} part{'s' * (own != 1)}"
    return f"job {job} presented {parts}; {done} of {len(planned.plan.parts)} parts are there"


def _finish_together(run: Run) -> None:
    """Let what all jobs wrote take the place of earlier responses, if it is complete; the last job does this."""
    task, study = run.task, run.task.request.study
    with _planning(task.request):
        if any(map(has_writer, task.request.folder.jobs)):
            return
        if run.present_plan() != run.planned.plan:
            return
        records = planned_records(run.folder, run.planned.plan, task.request.digests)
        if len(records) < len(run.planned.plan.parts):
            return
        with committing(study) as commit:
            replace_earlier(task, run.folder, commit)
    update_rollups(study, task.request.set, [task.network.name], study.schemes(task.request.set))


@contextmanager
def no_job(folder: ExtractionFolder, task: str) -> Iterator[None]:
    """The locks of all jobs, for who extracts without a job.

    Args:
        folder: the folders of the extraction.
        task: what the process does, for the error message of another process.

    Raises: BusyError when a job is running.
    """
    with ExitStack() as held:
        for place in folder.jobs:
            held.enter_context(only_writer(place, task))
        sweep_jobs(folder, alone=True)
        yield


def sweep_jobs(folder: ExtractionFolder, *, alone: bool = False) -> None:
    """Remove the folders of jobs that were killed.

    Args:
        folder: the folders of the extraction.
        alone: whether the caller has the locks of all jobs.
    """
    for place in folder.jobs:
        if alone or not has_writer(place):
            shutil.rmtree(place, ignore_errors=True)
