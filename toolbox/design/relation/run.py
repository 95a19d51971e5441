"""From choices to tables: what is related, whether it has to be computed, and what is recorded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import polars as pl

from toolbox.design.relation.choices import COUNTED, Relating, check_relating, critical_correlation
from toolbox.design.relation.report import RelationReport, relation_report, tested_layers
from toolbox.design.relation.sources import compared_stimuli, layer_responses, network_layers
from toolbox.design.relation.tables import relation_tables
from toolbox.errors import BusyError, ToolboxError, VerificationError
from toolbox.files import write_json
from toolbox.progress import Progress, silent
from toolbox.resampling.relation import RelatedLayer, relate_layer
from toolbox.store.availability import available_responses
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.commits import committing, finish_commit, writing
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import provenance_of, read_table, with_version
from toolbox.store.relations import relation_file, variable_sources, write_relation
from toolbox.store.resamples import Labelling
from toolbox.store.selection import Selection, resolve_selection

_ATTEMPTS = 3
"""How often it is computed again where labels, responses or values change meanwhile."""


def relate(
    study: StudyFolder,
    choices: Relating,
    selection: Selection | None = None,
    *,
    progress: Progress = silent,
) -> RelationReport:
    """Test every filter for a rank correlation with a parameter, and keep the results for the queries that join them.

    Args:
        study: the study.
        choices: the parameter, what is held constant, number of permutations, seed.
        selection: set, model and scheme, where there are several.
        progress: called with how many filters are done.

    Raises: UsageError for an impossible choice, or where too few stimuli have values; UnknownNameError; BusyError; as a
        query where responses or labels are missing or damaged.
    """
    checked = check_relating(choices)
    finish_commit(study)
    chosen = resolve_selection(study, {"relations"}, selection or Selection())
    names = (str(chosen.set), str(chosen.model), str(chosen.scheme))
    lock = study.plans(*names[:2]) / f"scheme={names[2]}"
    folders = [study.relations(table, *names) for table in RELATION_TABLES]
    with writing(study, lock, f"resampling {names[0]}", *folders):
        report = _relate(study, names, checked, progress)
    return replace(report, notes=(*chosen.notes, *report.notes))


def _relate(
    study: StudyFolder, names: tuple[str, str, str], choices: Relating, progress: Progress
) -> RelationReport:
    """The report on the tables, which are made unless they are there."""
    started = time.monotonic()
    set_name, model, scheme = names
    for _ in range(_ATTEMPTS):
        labelling = Labelling(study, available_responses(study, set_name, model), scheme)
        origin = _origin(labelling, choices)
        if _is_there(labelling, choices, origin):
            file = relation_file(labelling, "relations", choices.relation)
            return relation_report(labelling, choices, pl.DataFrame(read_table(file)), 0.0)
        try:
            tables = _tables(labelling, choices, progress)
        except ToolboxError:  # such as a part that is gone
            if _is_current(labelling, choices, origin):
                raise
            continue
        with committing(study) as commit:
            if _is_current(labelling, choices, origin):
                for table, rows in tables.items():
                    path = commit.stage(relation_file(labelling, table, choices.relation))
                    write_relation(path, table, choices.relation, rows, origin)
                seconds = time.monotonic() - started
                report = relation_report(labelling, choices, tables["relations"], seconds)
                record = with_version({"task": "relate", **origin, **asdict(report)})
                write_json(commit.stage(study.run_record(f"relate-{set_name}-{model}")), record)
                return report
    raise BusyError(
        f"other processes change the labels, the responses or the parameters of {set_name} while they are related; "
        "wait until they end, and try again"
    )


def _is_current(labelling: Labelling, choices: Relating, origin: Mapping[str, Any]) -> bool:
    """Whether labels, responses and values are still the same."""
    study, responses = labelling.study, labelling.responses
    now = Labelling(study, available_responses(study, responses.set, responses.model), labelling.scheme)
    return _origin(now, choices) == origin


def _origin(labelling: Labelling, choices: Relating) -> dict[str, Any]:
    """What tables are recorded to be made of; equal records, equal tables."""
    responses, relation = labelling.responses, choices.relation
    variables = variable_sources(labelling.study, responses.set, [relation.parameter, *relation.given_names])
    chosen = {"set": responses.set, "model": responses.model, "scheme": labelling.scheme}
    made = {**asdict(choices), **vars(relation), "thresholds": choices.threshold_list}
    return with_version(
        {**responses.provenance, **chosen, **made, **labelling.source, "variables": variables}
    )


def _is_there(labelling: Labelling, choices: Relating, origin: Mapping[str, Any]) -> bool:
    """Whether the tables are there, whole, and made in just this way of what there is now."""
    try:
        for table, columns in RELATION_TABLES.items():
            file = relation_file(labelling, table, choices.relation)
            if not file.is_file() or not origin.items() <= provenance_of(file).items():
                return False
            read_table(file, *columns)
    except VerificationError:  # damaged: it is computed again
        return False
    return True


def _tables(labelling: Labelling, choices: Relating, progress: Progress) -> dict[str, pl.DataFrame]:
    """The rows of all tables."""
    stimuli = compared_stimuli(labelling, choices.relation)
    variable = stimuli.permuted(choices.resamples, choices.seed)
    thresholds = np.array([critical_correlation(stimuli.free), *COUNTED, *choices.threshold_list])
    layers = network_layers(labelling)
    task, total, done = f"relate {choices.parameter}", sum(layer.filters for layer in layers.values()), 0
    related = dict[str, RelatedLayer]()
    for name, layer in layers.items():
        progress(task, done, total)
        responses = layer_responses(labelling, name, choices.statistic, stimuli.numbers)
        related[name] = relate_layer(responses, variable, thresholds)
        done += layer.filters
    progress(task, total, total)
    return relation_tables(related, tested_layers(layers), thresholds, len(stimuli.numbers))
