"""Filters related to parameters, of a bundle: that they follow from what it has.

Owns comparing them: n with the values, labels and responses; q and the corrected p with the permutations; the rank
correlation with the responses, where the bundle has them. The permutations themselves are not repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from toolbox.exchange.bundle.layout import EXTRACTIONS
from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.exchange.importing.quick import Check
from toolbox.exchange.importing.records import ExtractionRecord, TableRecord
from toolbox.exchange.importing.responses import stimuli_of_responses
from toolbox.exchange.importing.values import Content, check_known, check_plain_rows, refuse_rows
from toolbox.exchange.importing.variables import variables_of
from toolbox.resampling import FloatArray
from toolbox.resampling.relation import (
    centred_ranks,
    corrected_for_all,
    false_discovery_rates,
    ranked_variable,
    relate_layer,
)
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.parts import read_layer_of
from toolbox.store.relations import CATEGORY, Relation, given_text
from toolbox.terms import STATISTICS

RELATION_NAMES = ("set", "model", "scheme", "parameter", "given", "statistic")
"""What names a relation in the tables of a bundle."""
_MARGIN = 1e-9
"""Of correlations and p values that are computed again: another order of the sums."""


def relation_checks(content: Content) -> Iterator[Check]:
    """The checks of the values of relations.

    Args:
        content: the tables of a bundle.
    """
    record = content.bundle.record
    if "relations" in record.includes or any(map(record.tables_named, RELATION_TABLES)):
        yield "relations.parquet", partial(_check_relations, content)


def _check_ranges(content: Content, record: TableRecord) -> None:
    rows = pl.DataFrame(content.rows(record))
    check_plain_rows(record, rows)
    check_known(record, rows, content)
    file = record.file
    refuse_rows(file, rows, ~pl.col("statistic").is_in(list(STATISTICS)), "of another statistic")
    for name in {"n", "permutations", "permutation", "related", "threshold"} & {*rows.columns}:
        refuse_rows(file, rows, pl.col(name).is_null() | (pl.col(name) < 0), f"without a {name} of 0 or more")
    for name in {"p", "q", "p_fwe", "strongest"} & {*rows.columns}:
        refuse_rows(file, rows, ~pl.col(name).is_between(0, 1 + _MARGIN), f"with a {name} outside 0 to 1")
    if "correlation" in rows.columns:
        outside = ~pl.col("correlation").is_between(-1 - _MARGIN, 1 + _MARGIN)
        refuse_rows(file, rows, outside, "with a correlation outside -1 to 1")
        of_one = pl.col("p").is_null() != pl.col("correlation").is_null()
        refuse_rows(file, rows, of_one, "with only one of correlation and p")


def _check_relations(content: Content) -> None:
    """Compare every relation with the values of its variables, and with its permutations."""
    for name in RELATION_TABLES:
        for record in content.bundle.record.tables_named(name):
            _check_ranges(content, record)
    first, second = (_by_relation(content.frame(name)) for name in RELATION_TABLES)
    if not first or first.keys() != second.keys():
        refuse("relation_permutations.parquet", "has permutations of other relations than relations.parquet")
    extractions = {each.names: each for each in content.bundle.extractions}
    for names, rows in first.items():
        each = extractions[str(names[0]), str(names[1])]
        relation = relation_of(names)
        _check_names(content, each.set, relation)
        _check_complete(content, each, relation, rows, second[names])
        n = len(related_stimuli(content, each, str(names[2]), relation))
        wrong = (pl.col("n") != n) | (n < 1)
        refuse_rows(
            "relations.parquet", rows, wrong, f"with another n than the {n:,} stimuli that have values"
        )
        _check_corrections(content, each, rows, second[names])


def _by_relation(rows: pl.DataFrame) -> dict[tuple[Any, ...], pl.DataFrame]:
    return {} if rows.is_empty() else rows.partition_by(*RELATION_NAMES, as_dict=True, maintain_order=True)


def relation_of(names: Sequence[Any]) -> Relation:
    """What was related, from the values of RELATION_NAMES."""
    return Relation(*map(str, names[3:]))


def _check_names(content: Content, set_name: str, relation: Relation) -> None:
    """Refuse variables that the bundle lacks, and those that are held constant in another order than they are kept."""
    known = variables_of(content, set_name)
    for name in (relation.parameter, *relation.given_names):
        if name not in known and not (name == CATEGORY and name != relation.parameter):
            refuse(
                "relations.parquet", f"has the parameter {shortened(name)}, of which the bundle has no values"
            )
    if relation.given != given_text(relation.given) or relation.parameter in relation.given_names:
        refuse("relations.parquet", f"has given = {shortened(relation.given)}, which no relation has")


def _check_complete(
    content: Content, each: ExtractionRecord, relation: Relation, rows: pl.DataFrame, permuted: pl.DataFrame
) -> None:
    """Refuse a relation that lacks a filter, a permutation, or a count of one."""
    layers = {layer: content.filters[each.model].get(layer, 0) for layer in each.identity.recorded_layers}
    permutations = rows["permutations"].unique().to_list()
    thresholds = permuted["threshold"].n_unique()
    filters, counts = sum(layers.values()), len(layers) * thresholds * int(permutations[0])
    of = f"of the relation to {shortened(relation.parameter)}"
    if len(permutations) > 1 or len(rows) != filters:
        refuse(
            "relations.parquet", f"has {len(rows):,} rows {of}; expected one for each of {filters:,} filters"
        )
    file = "relation_permutations.parquet"
    if len(permuted) != counts:
        refuse(
            file, f"has {len(permuted):,} rows {of}; expected {counts:,}, one for every permutation and layer"
        )
    refuse_rows(
        file, permuted, pl.col("permutation") >= permutations[0], "of a permutation that was not made"
    )
    sizes = pl.col("layer").replace_strict(layers, return_dtype=pl.Int64)
    refuse_rows(file, permuted, pl.col("related") > sizes, "with more related filters than the layer has")
    is_one = pl.col("strongest").n_unique().over("permutation", "layer") == 1
    refuse_rows(file, permuted, ~is_one, "of a permutation with two strongest filters of a layer")
    is_any = pl.col("strongest") > pl.col("threshold")
    refuse_rows(
        file, permuted, is_any != (pl.col("related") > 0), "whose strongest filter is not the counted one"
    )


def related_stimuli(
    content: Content, each: ExtractionRecord, scheme: str, relation: Relation
) -> dict[int, tuple[str, list[float]]]:
    """The stimuli that count, by their numbers: labelled, with responses and a value of every variable.

    Args:
        content: the tables of a bundle.
        each: the extraction.
        scheme: the label scheme.
        relation: what was related.

    Returns: stimulus_id -> the category, if it is held constant; the values of what is given, then of the parameter.
    """
    known = variables_of(content, each.set)
    names = [*(name for name in relation.given_names if name != CATEGORY), relation.parameter]
    is_within = CATEGORY in relation.given_names
    presented = stimuli_of_responses(each, content.stimuli[each.set])
    labels = content.labels.get((each.set, scheme), {})
    return {
        number: (labels[number] if is_within else "", [known[name][number] for name in names])
        for number in sorted(labels.keys() & presented)
        if all(number in known[name] for name in names)
    }


def _check_corrections(
    content: Content, each: ExtractionRecord, rows: pl.DataFrame, permuted: pl.DataFrame
) -> None:
    """Compare q with the p values of the tested filters, the corrected p with the strongest of all permutations."""
    layers = content.frame("layers").filter(pl.col("model") == each.model)
    family = layers.filter(pl.col("kind") != "pool")["layer"].to_list()
    is_tested = pl.col("layer").is_in(family)
    tested = rows.select(pl.when(is_tested).then(pl.col(name)).alias(name) for name in ("correlation", "p"))
    of_family = permuted.filter(pl.col("layer").is_in(family))
    strongest = of_family.group_by("permutation").agg(pl.col("strongest").max())["strongest"].to_numpy()
    p, correlation = (
        tested[name].cast(pl.Float64).to_numpy().astype(np.float64) for name in ("p", "correlation")
    )
    expected = {"q": false_discovery_rates(p), "p_fwe": corrected_for_all(correlation, strongest)}
    for name, values in expected.items():
        if not _are_close(rows[name], values):
            refuse("relations.parquet", f"has another {name} than follows from its p values and permutations")
    known = rows["p"].drop_nulls().to_numpy()
    counts = known * (rows["permutations"][0] + 1)
    if not np.allclose(counts, np.round(counts), atol=1e-6, rtol=0) or not (known > 0).all():
        refuse("relations.parquet", "has a p that its number of permutations cannot have")


def _are_close(stated: pl.Series, computed: FloatArray) -> bool:
    values = stated.cast(pl.Float64).to_numpy().astype(np.float64)
    return bool(np.allclose(values, computed, rtol=0, atol=_MARGIN, equal_nan=True))


@dataclass(frozen=True)
class ResponseFiles:
    """The responses of a model to a set: the files of their parts, and the stimuli in them."""

    files: Sequence[Path]
    stimuli: Collection[int]


def check_correlations(
    stimuli: Mapping[int, tuple[str, list[float]]],
    relation: Relation,
    rows: pl.DataFrame,
    responses: ResponseFiles,
) -> None:
    """Compare the rank correlations with those of the responses.

    Args:
        stimuli: those that count.
        relation: what was related.
        rows: the correlations of the bundle.
        responses: of the bundle.

    Raises: BundleError.
    """
    if not stimuli.keys() <= {*responses.stimuli}:
        refuse(EXTRACTIONS, "states responses to other stimuli than its parts")
    groups = np.unique([category for category, _ in stimuli.values()], return_inverse=True)[1]
    values = np.array([values for _, values in stimuli.values()], dtype=np.float64)
    ranks = centred_ranks(values.reshape(len(stimuli), -1), groups)
    variable = ranked_variable(ranks[:, -1], ranks[:, :-1], groups, 1, 0)
    place = STATISTICS.index(relation.statistic)  # checked before
    for (layer,), stated in rows.partition_by("layer", as_dict=True).items():
        values = read_layer_of(responses.files, str(layer), [*stimuli])[place].astype(np.float64)
        computed = relate_layer(values, variable, np.array([0.0])).correlation
        if not _are_close(stated.sort("filter")["correlation"], computed):
            of = f"{shortened(relation.parameter)} in {shortened(str(layer))}"
            refuse(
                "relations.parquet", f"has other correlations with {of} than follow from responses.parquet"
            )
