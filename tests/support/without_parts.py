"""A study as an import without responses leaves it: its parts are taken away, and a record of its roll-ups is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toolbox.store.availability import AvailableResponses, available_responses, stimuli_with_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.imported_rollups import (
    ImportedRollups,
    digest_of_rollup,
    imported_record,
    ranges_of,
    write_imported_rollups,
)
from toolbox.store.labels import digest_of_labels
from toolbox.store.parts import clear
from toolbox.store.plan import plan_digest, read_digests, read_plan, write_plan
from toolbox.store.records import read_record
from toolbox.store.rollups import update_rollups


def take_away_responses(root: Path, set_name: str, model: str) -> AvailableResponses:
    """Leave of the responses of one model to one set only their roll-ups; return what was available before."""
    study = StudyFolder(root)
    folder, schemes = study.extraction(set_name, model), study.schemes(set_name)
    update_rollups(study, set_name, [model], schemes)
    before, plan = available_responses(study, set_name, model), read_plan(folder)
    presented = stimuli_with_responses(study, set_name, model)
    record = read_record(folder, 0)
    assert plan and record
    clear(folder)
    write_plan(folder.plan, replace(plan, parts=()))
    imported = ImportedRollups(
        identity=plan.digest,
        schemes={
            scheme: {
                "labels": digest_of_labels(study.labels(set_name, scheme)),
                "rollup": digest_of_rollup(study.rollup(set_name, model, scheme)),
            }
            for scheme in schemes
        },
        parts=before.parts,
        presented=ranges_of(presented),
        unreadable=before.unreadable,
        images=plan_digest([*presented], read_digests(study.stimuli(set_name))),
        preprocessing=record["preprocessing"],
        provenance=before.provenance,
        origin="another laboratory",
    )
    write_imported_rollups(imported_record(folder), imported)
    return before
