"""From choices to tables: what is chosen, whether it has to be made, and what is recorded."""

from __future__ import annotations

import contextlib
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
from toolbox.analyse.significance.tables import significance_tables
from toolbox.errors import VerificationError
from toolbox.files import only_writer, write_json
from toolbox.progress import Progress, silent
from toolbox.query.indices import shipped_index
from toolbox.store.availability import available_responses
from toolbox.store.columns import TABLES
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import provenance_of, with_version
from toolbox.store.parts import sweep
from toolbox.store.resamples import Labelling
from toolbox.store.selection import Selection, resolve_selection


def resample(
    study: StudyFolder,
    choices: Resampling | None = None,
    selection: Selection | None = None,
    *,
    progress: Progress = silent,
) -> SignificanceReport:
    """Resample an index over the stimuli, and keep the results for the queries that join them.

    What was made with the same choices from the same responses and labels is not made again.

    Args:
        study: whose responses and labels are resampled.
        choices: index, thresholds, number of resamples, seed.
        selection: set, model and scheme, where there are several.
        progress: called with how many layers are done.

    Raises: UsageError for an impossible choice; as a query where responses or labels are missing or damaged.
    """
    started = time.monotonic()
    checked = check_choices(choices or Resampling())
    chosen = resolve_selection(study, {"rollups"}, selection or Selection())
    set_name, model, scheme = str(chosen.set), str(chosen.model), str(chosen.scheme)
    labelling = Labelling(study, available_responses(study, set_name, model), scheme)
    with only_writer(study.plans(set_name, model) / f"scheme={scheme}", f"resampling {set_name}"):
        sweep(*(labelling.folder(table) for table in TABLES))
        report = _resample_labelling(labelling, checked, started, progress)
    return replace(report, notes=(*chosen.notes, *report.notes))


def _resample_labelling(
    labelling: Labelling, choices: Resampling, started: float, progress: Progress
) -> SignificanceReport:
    """The report on the tables of a labelling, which are made unless they are there."""
    # Digests are taken before anything is read: labels that change meanwhile leave the tables stale.
    source = labelling.source
    choices = replace(choices, threshold=_all_thresholds(labelling, choices))
    layers = extracted_layers(labelling)
    family = _family(layers)
    made = _record(labelling, choices)
    if all(labelling.has_table(table, choices.measure, made) for table in TABLES):
        return significance_report(labelling, choices, family, 0.0)
    _write_tables(labelling, choices, layers, {**made, **source}, progress)
    report = significance_report(labelling, choices, family, time.monotonic() - started)
    record = labelling.study.run_record(f"significance-{report.set}-{report.model}")
    write_json(record, {"task": "significance", **made, **asdict(report)})
    return report


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


def _write_tables(
    labelling: Labelling,
    choices: Resampling,
    layers: Mapping[str, ExtractedLayer],
    record: Mapping[str, Any],
    progress: Progress,
) -> None:
    stimuli = labelled_stimuli(labelling, next(iter(layers)))
    thresholds = counted_thresholds(choices, stimuli.categories.sizes.tolist())
    resampled = resample_layers(labelling, layers, stimuli, choices, thresholds, progress)
    corrected = correct_p_values(resampled, _family(layers))
    origin = {**labelling.responses.provenance, **record}
    for table, rows in significance_tables(resampled, corrected, stimuli.names, thresholds):
        labelling.write(table, choices.measure, rows, origin)


def _all_thresholds(labelling: Labelling, choices: Resampling) -> list[float]:
    """The thresholds asked for, and those that queries may use since an earlier run."""
    thresholds = {*choices.threshold_list}
    with contextlib.suppress(VerificationError, ValueError):  # damaged, or of other columns: it is rebuilt
        if labelling.read("resamples", choices.measure) is not None:
            thresholds |= {*provenance_of(labelling.file("resamples", choices.measure))["threshold"]}
    return sorted(thresholds)
