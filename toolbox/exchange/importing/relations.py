"""Filters related to parameters, of a bundle, into a study. Owns which of them the study can have, and their origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.exchange.bundle.layout import PROVENANCE
from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.exchange.importing.records import ExtractionRecord
from toolbox.exchange.importing.relation_values import (
    RELATION_NAMES,
    ResponseFiles,
    check_correlations,
    related_stimuli,
    relation_of,
)
from toolbox.exchange.importing.taking import Taking, are_equal
from toolbox.exchange.importing.variables import lacking_variables
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import arrow_schema, provenance_of, read_table, write_table
from toolbox.store.relations import variable_sources


def stage_relations(taking: Taking, responses: Mapping[tuple[str, str], ResponseFiles]) -> None:
    """Stage the relations, each with the origin that states from what it was computed.

    Args:
        taking: the import.
        responses: of set and model, where the bundle has them.

    Raises: BundleError for relations that do not follow from the responses, or whose origin is another one.
    """
    listed, found = taking.provenance.get("related", []), set[tuple[Any, ...]]()
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        refuse(PROVENANCE, f"has related = {shortened(listed)}; expected a list of relations")
    extractions = {each.names: each for each in taking.extractions()}
    for entry in listed:
        names = tuple(entry.get(name) for name in RELATION_NAMES)
        each = extractions.get((str(names[0]), str(names[1])))
        if not all(isinstance(name, str) for name in names) or each is None or names[2] not in each.rollups:
            refuse(PROVENANCE, "has the origin of a relation of a set, model or scheme that the bundle lacks")
        if names in found:
            refuse(PROVENANCE, f"has the origin of the relation to {shortened(str(names[3]))} twice")
        found.add(names)
        _stage_relation(taking, each, names, entry.get("origin"), responses.get(each.names))
    rows = taking.content.frame("relations")
    if not rows.is_empty() and {*rows.select(RELATION_NAMES).unique().iter_rows()} != found:
        refuse("relations.parquet", f"has rows of which {PROVENANCE} does not state the origin")


def _stage_relation(
    taking: Taking,
    each: ExtractionRecord,
    names: Sequence[Any],
    origin: object,
    responses: ResponseFiles | None,
) -> None:
    """Stage the tables of one relation, unless the study has one of the same responses, labels and values."""
    relation, scheme, target = relation_of(names), str(names[2]), taking.names[each.set]
    if (
        not isinstance(origin, dict)
        or origin.get("parts") != each.sources
        or origin.get("labels") != each.labels[scheme]
    ):
        refuse(PROVENANCE, f"has the origin of {shortened(relation.parameter)} of other responses or labels")
    of_names = pl.all_horizontal(
        pl.col(name) == value for name, value in zip(RELATION_NAMES, names, strict=True)
    )
    tables = {
        table: taking.content.frame(table).filter(of_names).select(*columns)
        for table, columns in RELATION_TABLES.items()
    }
    if tables["relations"].is_empty():
        refuse(
            "relations.parquet",
            f"has no rows of {shortened(relation.parameter)}, of which {PROVENANCE} states",
        )
    if responses:
        stimuli = related_stimuli(taking.content, each, scheme, relation)
        check_correlations(stimuli, relation, tables["relations"], responses)
    shown = f"relation to {relation.parameter} of {each.model} to {target}"
    names_of_variables = [relation.parameter, *relation.given_names]
    if lacking := lacking_variables(taking, each.set, names_of_variables):
        taking.notes.append(f"{shown} is left out, as the values of {', '.join(lacking)} were not imported")
        return
    staged = StudyFolder(taking.commit.stage(taking.study.root))
    variables = variable_sources(taking.study, target, names_of_variables, staged)
    made = {**origin, **vars(relation), "set": target, "model": each.model, "scheme": scheme}
    made |= {"variables": variables}
    paths = {
        table: taking.study.relations(table, target, each.model, scheme) / relation.file_name
        for table in tables
    }
    if all(path.is_file() and _is_of(path, made) for path in paths.values()):
        is_same = all(_has_rows(path, tables[table]) for table, path in paths.items())
        other = "" if is_same else " is there already, with other values or permutations, and stays as it is"
        (taking.known if is_same else taking.notes).append(f"{shown}{other}")
        return
    for table, rows in tables.items():
        whole = rows.to_arrow().cast(arrow_schema(RELATION_TABLES[table]))
        write_table(taking.commit.stage(paths[table]), whole, made)
    taking.written.append(shown)


def _is_of(path: Path, made: Mapping[str, Any]) -> bool:
    """Whether a table of the study is of these responses, labels and values; else no query reads it."""
    existing = provenance_of(path)
    return all(existing.get(key) == made[key] for key in ("parts", "labels", "variables"))


def _has_rows(path: Path, rows: pl.DataFrame) -> bool:
    existing = pl.DataFrame(read_table(path))
    return are_equal(existing.sort(existing.columns), rows.sort(rows.columns))
