"""An extraction from its first check to its report. Owns the order of the steps and nothing else."""

from __future__ import annotations

import time

from toolbox.collect.extraction.engines import present_parts
from toolbox.collect.extraction.jobs import extract_of_job, no_job
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.parts import Run
from toolbox.collect.extraction.remaining import (
    check_disk_space,
    check_images,
    find_remaining_work,
    plan_parts,
    replace_earlier,
)
from toolbox.collect.extraction.report import ExtractionReport, report_on, stage_run_records
from toolbox.collect.extraction.task import load_task, read_request
from toolbox.progress import Progress, silent
from toolbox.store.commits import committing, finish_commit, writing
from toolbox.store.folder import StudyFolder
from toolbox.store.records import planned_records
from toolbox.store.rollups import update_rollups


def extract(
    study: StudyFolder, set_name: str, options: Extraction | None = None, *, progress: Progress = silent
) -> ExtractionReport:
    """Record the maximum and mean of every filter's activation map for every stimulus of a set.

    Existing responses are kept: after a killed run, extraction continues with the missing parts; new stimuli make new
    parts; and stimuli that could not be read before are tried again. Responses that are replaced stay, and are those
    that are read, until all others are there.

    Args:
        study: the study in which the responses are stored.
        set_name: the stimulus set.
        options: network, layers, weights, and how the responses are computed.
        progress: is called with the number of presented stimuli, and with the progress of a download of weights.

    Raises: UnknownNameError, WeightsError, DeviceError; MixtureError when earlier responses were computed with other
        weights, preprocessing, layers or images; BusyError when another process extracts the same responses;
        StimulusError when no image is readable; StorageError when the disk is too small.
    """
    started = time.monotonic()
    finish_commit(study)
    request = read_request(study, set_name, options or Extraction())
    if job := request.options.job:
        return extract_of_job(request, job, progress)
    model, folder = request.network.name, request.folder
    run_name = study.run_record(f"extract-{set_name}-{model}").stem
    unfinished = folder.replacement.plans
    work = f"extracting {set_name} with {model}"
    with writing(study, folder.plans, work, folder.parts, unfinished), no_job(folder, work):
        task = load_task(request, progress)
        remaining = find_remaining_work(task)
        check_images(task, remaining)
        check_disk_space(task, remaining)
        run = Run(task, plan_parts(task, remaining), run_name)
        presented = present_parts(run)
        records = planned_records(run.folder, run.planned.plan, request.digests)
        report = report_on(task, records, presented, time.monotonic() - started)
        with committing(study) as commit:
            replace_earlier(task, run.folder, commit)
            stage_run_records(study, commit, report, records, run_name if run.planned.numbers else None)
        update_rollups(study, set_name, [model], study.schemes(set_name))
    return report
