"""From choices to tables: what is chosen, whether it has to be made, and what is recorded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from toolbox.analyse.significance.choices import Resampling, check_choices
from toolbox.analyse.significance.corrections import correct_p_values
from toolbox.analyse.significance.layers import (
    ExtractedLayer,
    counted_thresholds,
    extracted_layers,
    labelled_stimuli,
    resample_layers,
)
from toolbox.analyse.significance.report import SignificanceReport, significance_report
from toolbox.analyse.significance.sources import Sources, read_sources
from toolbox.analyse.significance.tables import ResampledTables, significance_tables
from toolbox.errors import BusyError, ToolboxError
from toolbox.files import write_json
from toolbox.progress import Progress, silent
from toolbox.query.indices import shipped_index
from toolbox.store.columns import TABLES
from toolbox.store.commits import Commit, committing, finish_commit, writing
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import provenance_of, with_version
from toolbox.store.resamples import Labelling, Measure, write_resampled
from toolbox.store.selection import Selection, resolve_selection

_ATTEMPTS = 3
"""How often is resampled again where labels or responses change meanwhile."""


def resample(
    study: StudyFolder,
    choices: Resampling | None = None,
    selection: Selection | None = None,
    *,
    progress: Progress = silent,
) -> SignificanceReport:
    """Resample an index over the stimuli, and keep the results for the queries that join them.

    What was made with the same choices from the same responses and labels is not made again. If labels or responses
    change meanwhile, they are resampled again.

    Args:
        study: whose responses and labels are resampled.
        choices: index, thresholds, number of resamples, seed.
        selection: set, model and scheme, where there are several.
        progress: called with how many layers are done.

    Raises: UsageError for an impossible choice; BusyError; as a query where responses or labels are missing or damaged.
    """
    started = time.monotonic()
    checked = check_choices(choices or Resampling())
    finish_commit(study)
    chosen = resolve_selection(study, {"rollups"}, selection or Selection())
    names = (str(chosen.set), str(chosen.model), str(chosen.scheme))
    lock = study.plans(*names[:2]) / f"scheme={names[2]}"
    folders = [study.resampled(table, *names) for table in TABLES]
    with writing(study, lock, f"resampling {names[0]}", *folders):
        report = _resample_labelling(study, names, checked, started, progress)
    return replace(report, notes=(*chosen.notes, *report.notes))


def _resample_labelling(
    study: StudyFolder, names: tuple[str, str, str], choices: Resampling, started: float, progress: Progress
) -> SignificanceReport:
    """The report on the tables of a labelling, which are made unless they are there.

    Raises: BusyError when labels or responses change during every attempt.
    """
    for _ in range(_ATTEMPTS):
        sources = read_sources(study, *names)
        asked = replace(choices, threshold=_all_thresholds(sources.labelling, choices))
        layers = extracted_layers(sources.labelling)
        made = _record(sources.labelling, asked)
        if all(sources.labelling.has_table(table, asked.measure, made) for table in TABLES):
            return significance_report(sources.labelling, asked, _family(layers), 0.0)
        try:
            tables = _resampled_tables(sources, asked, layers, progress)
        except ToolboxError:  # such as a part that is gone
            if sources.is_current():
                raise
            continue
        with committing(study) as commit:
            if sources.is_current():
                _write_tables(commit, sources, asked.measure, tables, made)
                seconds = time.monotonic() - started
                report = significance_report(sources.labelling, asked, _family(layers), seconds, commit)
                record = {"task": "significance", **made, **asdict(report)}
                write_json(
                    commit.stage(study.run_record(f"significance-{report.set}-{report.model}")), record
                )
                return report
    raise BusyError(
        f"other processes change the labels of {names[0]}, or the responses of {names[1]}, while they are resampled; "
        "wait until they end, and try again"
    )


def _family(layers: Mapping[str, ExtractedLayer]) -> list[str]:
    """The layers whose filters are tested: those that do not pool, unless all do."""
    return [name for name, layer in layers.items() if not layer.is_pool] or list(layers)


def _record(labelling: Labelling, choices: Resampling) -> dict[str, Any]:
    """What tables are recorded to be made of; equal records, equal tables."""
    responses = labelling.responses
    chosen = {"set": responses.set, "model": responses.model, "scheme": labelling.scheme}
    index = shipped_index(choices.index)
    counted = {"suitable": index.threshold[0], "published": index.published and index.published[0]}
    return with_version({**chosen, **asdict(choices), **counted, "formula": index.expression})


def _resampled_tables(
    sources: Sources, choices: Resampling, layers: Mapping[str, ExtractedLayer], progress: Progress
) -> ResampledTables:
    """The rows of all tables."""
    stimuli = labelled_stimuli(sources, next(iter(layers)))
    thresholds = counted_thresholds(choices, stimuli.categories.sizes.tolist())
    resampled = resample_layers(sources.labelling, layers, stimuli, choices, thresholds, progress)
    corrected = correct_p_values(resampled, _family(layers))
    return significance_tables(resampled, corrected, stimuli.names, thresholds)


def _write_tables(
    commit: Commit, sources: Sources, measure: Measure, tables: ResampledTables, made: Mapping[str, Any]
) -> None:
    """Write all tables, and what they were made of, into the scratch folder of a commit."""
    differs = {"differs": sources.confounds()}
    origin = {**sources.labelling.responses.provenance, **made, **sources.source, **differs}
    for table, rows in tables.items():
        path = commit.stage(sources.labelling.file(table, measure))
        write_resampled(path, table, measure, rows, origin)


def _all_thresholds(labelling: Labelling, choices: Resampling) -> list[float]:
    """The thresholds asked for, and those that queries may use since an earlier run."""
    thresholds = {*choices.threshold_list}
    if labelling.has_table("resamples", choices.measure):
        thresholds |= {*provenance_of(labelling.file("resamples", choices.measure))["threshold"]}
    return sorted(thresholds)
