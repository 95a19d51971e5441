"""Responses and roll-ups of a bundle, into a study. Owns the plan, the records, and what counts as the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from toolbox.exchange.bundle.layout import PROVENANCE
from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.exchange.importing.records import ExtractionRecord
from toolbox.exchange.importing.relation_values import ResponseFiles
from toolbox.exchange.importing.relations import stage_relations
from toolbox.exchange.importing.responses import (
    ExpectedPart,
    PartKey,
    expected_parts,
    read_parts,
    stimuli_of_responses,
)
from toolbox.exchange.importing.rollup_values import check_recomputed, rollup_of
from toolbox.exchange.importing.sets import digests_of, stage_layer_table
from toolbox.exchange.importing.taking import Taking, other_content
from toolbox.store.availability import available_responses
from toolbox.store.columns import TABLES
from toolbox.store.folder import ExtractionFolder
from toolbox.store.imported_rollups import (
    ImportedRollups,
    imported_record,
    ranges_of,
    read_imported_rollups,
    rollup_digest,
    write_imported_rollups,
)
from toolbox.store.parquet import arrow_schema, present_time, read_table, write_table
from toolbox.store.parts import write_part
from toolbox.store.plan import Plan, check_same_network, plan_digest, read_plan, write_plan
from toolbox.store.records import planned_records
from toolbox.store.resamples import Measure
from toolbox.store.rollups import labelled_parts, roll_up

_WITHHELD = "withheld"
_RESAMPLED = {"significance": "filters", "resamples": "resamples", "reliability": "splits"}
_RESAMPLED_NAMES = ("set", "model", "scheme", "index", "statistic", "normalise")


def stage_extractions(taking: Taking) -> None:
    """Stage what is new of responses, roll-ups and resampled indices.

    Args:
        taking: the import.

    Raises: UsageError where the study has other responses of the same model to the same set; MixtureError where its
        model of this name is another network; BundleError for responses that are not those of their records.
    """
    expected = dict[PartKey, ExpectedPart]()
    for each in taking.extractions():
        _check_network(taking, each)
        stage_layer_table(taking, each.model)
        if each.parts is None:
            _stage_rollups_only(taking, each)
        else:
            expected |= _stage_plan(taking, each)
    _stage_parts(taking, expected)
    for each in taking.extractions():
        if each.parts is not None:
            _stage_rollups(taking, each)
    _stage_resampled(taking)
    stage_relations(
        taking, {each.names: _responses_of(taking, each) for each in taking.extractions() if each.parts}
    )


def _responses_of(taking: Taking, each: ExtractionRecord) -> ResponseFiles:
    """The files of the responses of a bundle, where they are until the commit, and the stimuli in them."""
    folder = _folder(taking, each)
    staged = _staged(taking, folder)
    files = [_there(staged.part(int(number)), folder.part(int(number))) for number in each.sources]
    expected = expected_parts(taking.content, each, digests_of(taking, each.set))
    return ResponseFiles(files, {stimulus for part in expected.values() for stimulus in part.stimuli})


def _folder(taking: Taking, each: ExtractionRecord) -> ExtractionFolder:
    return taking.study.extraction(taking.names[each.set], each.model)


def _check_network(taking: Taking, each: ExtractionRecord) -> None:
    """Refuse a model that has the name of another network of the study."""
    for set_name in taking.study.sets():
        folder = taking.study.extraction(set_name, each.model)
        if plan := read_plan(folder):
            check_same_network(folder.parts, plan.identity, each.identity)


def _other_responses(taking: Taking, each: ExtractionRecord) -> Exception:
    name = taking.names[each.set]
    return other_content("responses of", f"{each.model} to {name}", name)


def sources_of(each: ExtractionRecord, rollups: Mapping[str, str]) -> dict[str, str]:
    """What tables were computed from; of withheld cells, digests of the roll-ups, as the responses are not known.

    Args:
        each: the extraction.
        rollups: label scheme -> digest of its roll-up.
    """
    return dict(each.sources) or {
        "0": " ".join([_WITHHELD, *(rollups[scheme] for scheme in sorted(rollups))])
    }


def _stage_rollups_only(taking: Taking, each: ExtractionRecord) -> None:
    """Stage the roll-ups of an extraction, and their record; where the study has its responses, only compare them."""
    name, folder = taking.names[each.set], _folder(taking, each)
    tables = {scheme: rollup_of(taking.content, each, scheme) for scheme in each.rollups}
    digests = {scheme: rollup_digest(table) for scheme, table in tables.items()}
    sources = sources_of(each, digests)
    plan, existing = read_plan(folder), read_imported_rollups(folder)
    if plan is not None and (plan.identity != each.identity or _sources_there(taking, each) != sources):
        raise _other_responses(taking, each)
    if plan is not None and existing is None:
        taking.known.append(f"responses of {each.model} to {name}")
        return
    record = _imported(taking, each, sources, digests)
    known = existing.schemes if existing else {}
    for scheme, stated in known.items():
        if scheme in record.schemes and stated != record.schemes[scheme]:
            raise _other_responses(taking, each)
    for scheme in taking.in_order("scheme", tables):
        path = taking.study.rollup(name, each.model, scheme)
        if scheme in known and path.is_file():
            taking.known.append(f"roll-up of {each.model} to {name} by {scheme}")
            continue
        origin = _origin_of_rollup(each, name, scheme, sources) | {"labelled": {}}
        write_table(taking.commit.stage(path), tables[scheme], origin)
        taking.written.append(f"roll-up of {each.model} to {name} by {scheme}")
    if plan is None:
        write_plan(taking.commit.stage(folder.plan), Plan(each.identity, (), each.digest, present_time()))
    if not record.schemes.items() <= known.items():
        merged = ImportedRollups(**{**vars(record), "schemes": {**known, **record.schemes}})
        write_imported_rollups(taking.commit.stage(imported_record(folder)), merged)


def _sources_there(taking: Taking, each: ExtractionRecord) -> dict[str, str]:
    return available_responses(taking.study, taking.names[each.set], each.model).parts


def _origin_of_rollup(
    each: ExtractionRecord, name: str, scheme: str, sources: Mapping[str, str]
) -> dict[str, Any]:
    names = {"set": name, "model": each.model, "scheme": scheme}
    return {**names, "labels": each.labels[scheme], "parts": dict(sources)}


def _imported(
    taking: Taking, each: ExtractionRecord, sources: Mapping[str, str], digests: Mapping[str, str]
) -> ImportedRollups:
    images = digests_of(taking, each.set)
    presented, computed = stimuli_of_responses(each, images), taking.computed_with(each)
    return ImportedRollups(
        identity=each.digest,
        schemes={scheme: {"labels": each.labels[scheme], "rollup": digests[scheme]} for scheme in digests},
        parts=dict(sources),
        presented=ranges_of(presented),
        unreadable=[*each.unreadable],
        images=plan_digest([*presented], images),
        preprocessing=computed.preprocessing,
        provenance={
            "identity": each.digest,
            "precision": each.identity.precision,
            "weights": [*computed.weights],
            "provider": [*computed.provider],
            "runtime": [*computed.runtime],
            "response_rows": each.response_rows,
        },
        origin=taking.origin,
    )


def _stage_plan(taking: Taking, each: ExtractionRecord) -> dict[PartKey, ExpectedPart]:
    """Stage the plan of responses; the parts that the study lacks."""
    name, folder = taking.names[each.set], _folder(taking, each)
    images = digests_of(taking, each.set)
    expected = expected_parts(taking.content, each, images)
    parts = tuple(part.stimuli for part in each.parts or ())
    plan = read_plan(folder)
    is_imported = imported_record(folder).exists()
    if plan is None or is_imported:
        if plan is not None and (
            plan.identity != each.identity or _sources_there(taking, each) != each.sources
        ):
            raise _other_responses(taking, each)
        write_plan(taking.commit.stage(folder.plan), Plan(each.identity, parts, each.digest, present_time()))
        if is_imported:
            taking.commit.deletions.append(imported_record(folder))
        taking.written.append(f"responses of {each.model} to {name}: {each.stimuli:,} stimuli")
        return expected
    if plan.identity != each.identity or plan.parts != parts:
        raise _other_responses(taking, each)
    there = {record["part"]: record["values"] for record in planned_records(folder, plan, images)}
    for (_, _, number), part in expected.items():
        if number in there and there[number] != part.values:
            raise _other_responses(taking, each)
    missing = {key: part for key, part in expected.items() if key[2] not in there}
    if missing:
        taking.written.append(
            f"responses of {each.model} to {name}: {len(missing):,} parts that were missing"
        )
    else:
        taking.known.append(f"responses of {each.model} to {name}")
    return missing


def _stage_parts(taking: Taking, missing: Mapping[PartKey, ExpectedPart]) -> None:
    """Stage the parts that the study lacks, each compared with the digest in its record."""
    if not missing:
        return
    every = dict[PartKey, ExpectedPart]()
    for each in taking.extractions():
        every |= expected_parts(taking.content, each, digests_of(taking, each.set))
    for key, responses in read_parts(taking.content, every):
        if key not in missing:
            continue
        set_name, model, number = key
        part, name = missing[key], taking.names[set_name]
        folder = _staged(taking, taking.study.extraction(name, model))
        written = write_part(
            folder, number, part.stimuli, responses, {"set": name, "model": model, **part.record}
        )
        if written["values"] != part.values:
            refuse(
                "responses.parquet",
                f"has other responses of part {number} of {shortened(model)} to {shortened(set_name)} than its record",
            )


def _staged(taking: Taking, folder: ExtractionFolder) -> ExtractionFolder:
    """Where the parts and records of an extraction are until the commit."""
    stage = taking.commit.stage
    return ExtractionFolder(stage(folder.part(0)).parent, stage(folder.record(0)).parent)


def _stage_rollups(taking: Taking, each: ExtractionRecord) -> None:
    """Stage the roll-ups of responses, after comparing them with those that follow from the responses."""
    name, files = taking.names[each.set], _responses_of(taking, each).files
    plan = Plan(each.identity, tuple(part.stimuli for part in each.parts or ()), each.digest)
    for scheme in taking.in_order("scheme", each.rollups):
        labels = taking.content.labels[each.set, scheme]
        table = rollup_of(taking.content, each, scheme)
        names = {"set": each.set, "model": each.model, "scheme": scheme}
        check_recomputed(table, roll_up(files, labels), names)
        path = taking.study.rollup(name, each.model, scheme)
        if not path.is_file():
            labelled = labelled_parts(each.sources, plan, labels)
            origin = _origin_of_rollup(each, name, scheme, each.sources) | {"labelled": labelled}
            write_table(taking.commit.stage(path), table, origin)


def _there(staged: Path, existing: Path) -> Path:
    return staged if staged.is_file() else existing


def _stage_resampled(taking: Taking) -> None:
    """Stage the tables of resampled indices, each with the origin that says from what it was computed."""
    listed = taking.provenance.get("resampled", [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        refuse(PROVENANCE, f"has resampled = {shortened(listed)}; expected a list of tables")
    extractions = {each.names: each for each in taking.extractions()}
    found: dict[str, set[tuple[Any, ...]]] = {name: set() for name in _RESAMPLED}
    for entry in listed:
        table, names = str(entry.get("table")), tuple(str(entry.get(name)) for name in _RESAMPLED_NAMES)
        each = extractions.get((names[0], names[1]))
        if table not in _RESAMPLED or each is None or names[2] not in each.rollups:
            refuse(
                PROVENANCE,
                f"has the origin of {shortened(table)} of a set, model or scheme that the bundle lacks",
            )
        if names in found[table]:
            refuse(PROVENANCE, f"has the origin of one table of {table} twice")
        found[table].add(names)
        _stage_table(taking, each, entry)
    for name, listed_names in found.items():
        rows = taking.content.frame(name)
        if not rows.is_empty() and {*rows.select(_RESAMPLED_NAMES).unique().iter_rows()} != listed_names:
            refuse(f"{name}.parquet", f"has rows of which {PROVENANCE} does not state the origin")


def _stage_table(taking: Taking, each: ExtractionRecord, entry: Mapping[str, Any]) -> None:
    """Stage one table of resampled indices."""
    name, scheme = str(entry["table"]), str(entry["scheme"])
    measure = Measure(*(str(entry.get(part)) for part in ("index", "statistic", "normalise")))
    origin = entry.get("origin")
    is_of_these = isinstance(origin, dict) and origin.get("parts") == each.sources
    if not isinstance(origin, dict) or not is_of_these or origin.get("labels") != each.labels[scheme]:
        refuse(
            PROVENANCE, f"has the origin of {name} ({shortened(str(measure))}) of other responses or labels"
        )
    rows = taking.content.frame(name)
    chosen = {"set": each.set, "model": each.model, "scheme": scheme, **vars(measure)}
    of_measure = pl.all_horizontal(pl.col(key) == value for key, value in chosen.items())
    found = rows.filter(of_measure).select(*TABLES[_RESAMPLED[name]])
    if found.is_empty():
        refuse(f"{name}.parquet", f"has no rows of {measure}, of which {PROVENANCE} states the origin")
    target = taking.names[each.set]
    path = taking.study.resampled(_RESAMPLED[name], target, each.model, scheme) / f"{measure}.parquet"
    if path.is_file():
        existing = read_table(path)
        is_same = _sorted(pl.DataFrame(existing)).equals(_sorted(found), null_equal=True)
        (taking.known if is_same else taking.notes).append(
            f"{name} {measure} of {each.model} to {target}"
            + ("" if is_same else " is there already, with other resamples, and stays as it is")
        )
        return
    write_table(taking.commit.stage(path), _typed(found, _RESAMPLED[name]), {**origin, "set": target})
    taking.written.append(f"{name} {measure} of {each.model} to {target}")


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort(rows.columns)


def _typed(rows: pl.DataFrame, table: str) -> pa.Table:
    return rows.to_arrow().cast(arrow_schema(TABLES[table]))
