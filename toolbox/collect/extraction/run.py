"""An extraction from its first check to its report. Owns the order of the steps and nothing else."""

from __future__ import annotations

import time
from dataclasses import asdict

from toolbox.collect.extraction.accuracy import compare_with_exact
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.parts import present_parts
from toolbox.collect.extraction.remaining import (
    check_disk_space,
    check_images,
    find_remaining_work,
    write_plan,
)
from toolbox.collect.extraction.report import ExtractionReport, report_on
from toolbox.collect.extraction.task import load_task, read_request, start_network
from toolbox.files import only_writer, write_json
from toolbox.progress import Progress, silent
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.parts import sweep
from toolbox.store.rollups import update_rollups


def extract(
    study: StudyFolder, set_name: str, options: Extraction | None = None, *, progress: Progress = silent
) -> ExtractionReport:
    """Record the maximum and mean of every filter's activation map for every stimulus of a set.

    Existing responses are kept: after a killed run, extraction continues with the missing parts; new stimuli make new
    parts; and stimuli that could not be read before are tried again.

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
    request = read_request(study, set_name, options or Extraction())
    model = request.network.name
    with only_writer(request.folder.plans, f"extracting {set_name} with {model}"):
        sweep(request.folder.parts, request.folder.plans)
        task = load_task(request, progress)
        remaining = find_remaining_work(task)
        check_images(task, remaining)
        check_disk_space(task, remaining)
        # The session starts before the plan is written, so that an unusable device discards no responses.
        session = start_network(task, len(remaining.stimuli)) if remaining.stimuli else None
        plan, numbers = write_plan(task, remaining)
        agreement = compare_with_exact(task, session, remaining.stimuli) if session else None
        presented = present_parts(task, session, plan, numbers, agreement) if session else None
        report = report_on(task, plan, session, presented, agreement, time.monotonic() - started)
        if session:
            write_json(study.run_record(f"extract-{set_name}-{model}"), with_version(asdict(report)))
        update_rollups(study, set_name, [model], study.schemes(set_name))
    return report
