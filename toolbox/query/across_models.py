"""Comparison of networks: one query over several models that answered the same stimuli. Owns how their rows are joined.

Never compares responses to different stimuli: a difference would be one of stimuli, not of networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from toolbox.errors import MixtureError, QueryError, UsageError, command_line
from toolbox.query.header import Query
from toolbox.query.limits import Limits
from toolbox.query.own_tables import OwnTable, OwnTables, read_own_tables
from toolbox.query.parameters import find_query
from toolbox.query.run import Answer, ask
from toolbox.query.syntax import needs
from toolbox.store.availability import stimuli_with_responses
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.plan import read_plan
from toolbox.store.selection import Selection, resolve_labelling

WITHOUT_MODEL = {"stimuli", "labels", "parameters", "catalogue"}
"""Views that are the same for every model."""


def ask_each(
    study: StudyFolder,
    query: Query | str,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    tables: Mapping[str, OwnTable] | None = None,
    *,
    limits: Limits | None = None,
) -> Answer:
    """Run a query once for each model of the selection; of one model, or none, as `ask` does.

    Args:
        study: what is asked.
        query: a shipped query's name, a `Query`, or SQL text.
        parameters: values of its `$parameters`.
        selection: set, models and scheme.
        tables: tables of the user that the query reads, by their names in SQL: files, or polars frames.
        limits: of time and memory for each model.

    Returns: the rows of all models behind one another, with the column `model` in front and, where rows have a layer,
        `depth` (0 first layer of the model, 1 its last) and `counterpart`: the layer of the first model that is
        nearest to it in depth, among those of its kind if there are any, and among those with responses.
    Raises: MixtureError when the models did not answer the same stimuli; UsageError when the query reads no model;
        BusyError when other processes change the study all the time.
    """
    own = read_own_tables(find_query(query), tables)
    chosen = selection or Selection()
    answer = read_between_commits(
        study, lambda: _ask_each(study, query, parameters, chosen, own, limits=limits)
    )
    if not own.frames:
        return answer
    return replace(
        answer,
        provenance={**answer.provenance, "tables": own.provenance},
        notes=(*own.notes, *answer.notes),
    )


def _ask_each(
    study: StudyFolder,
    query: Query | str,
    parameters: Mapping[str, Any] | None,
    selection: Selection,
    own: OwnTables,
    *,
    limits: Limits | None,
) -> Answer:
    """The rows of all models, or of the only one."""
    models = selection.models
    tables = {name: frame.to_arrow() for name, frame in own.frames.items()}
    if len(models) < 2:
        return ask(study, query, parameters, selection, tables=tables, limits=limits)
    _check_distinct(models)
    shared = resolve_labelling(study, needs(find_query(query))[0], selection)
    each = replace(shared, notes=())
    answers = {
        model: ask(study, query, parameters, replace(each, models=(model,)), tables=tables, limits=limits)
        for model in models
    }
    _check_comparable(study, answers)
    rows = [_with_depth(study, model, models[0], answer) for model, answer in answers.items()]
    notes = tuple(f"{model}: {note}" for model, answer in answers.items() for note in answer.notes)
    cautions = tuple(f"{model}: {text}" for model, answer in answers.items() for text in answer.cautions)
    return Answer(
        pl.concat(rows, how="vertical_relaxed"), _provenance(answers), (*shared.notes, *notes), cautions
    )


def _check_distinct(models: Sequence[str]) -> None:
    """Refuse a model that is named twice."""
    for model in models:
        if models.count(model) > 1:
            raise UsageError(f"the model {model} is named twice; name each model once")


def _check_comparable(study: StudyFolder, answers: Mapping[str, Answer]) -> None:
    """Refuse rows that are of no model, and models that did not answer the same stimuli."""
    first = next(iter(answers.values())).provenance
    if needs(Query(first["query"], first["sql"]))[0] <= WITHOUT_MODEL:
        raise UsageError(
            f"{first['query']} reads nothing of a model, so its rows are the same for all of them; name no model"
        )
    _check_same_stimuli(study, first.get("set"), list(answers))


def _provenance(answers: Mapping[str, Answer]) -> dict[str, Any]:
    """What all answers have in common, and what is each model's own."""
    each = {model: answer.provenance for model, answer in answers.items()}
    first = next(iter(each.values()))
    shared = {
        key for key in first if all(key in other and other[key] == first[key] for other in each.values())
    }
    shared -= {"rows"}
    return {
        **{key: value for key, value in first.items() if key in shared},
        "model": list(each),
        "models": {
            model: {key: value for key, value in origin.items() if key not in shared}
            for model, origin in each.items()
        },
        "rows": sum(answer.rows.height for answer in answers.values()),
    }


def _check_same_stimuli(study: StudyFolder, set_name: str | None, models: Sequence[str]) -> None:
    """Refuse models of which one has responses to stimuli that another has none to.

    Raises: MixtureError.
    """
    if set_name is None:
        return
    responded = {model: stimuli_with_responses(study, set_name, model) for model in models}
    everything = set[int]().union(*responded.values())
    for model, stimuli in responded.items():
        if stimuli != everything:
            counts = ", ".join(f"{name} {len(numbers):,}" for name, numbers in responded.items())
            raise MixtureError(
                f"the models have responses to different stimuli of {set_name} ({counts}), so a difference may be due "
                f"to the stimuli; first: {command_line('extract', set_name, '--model', model)}"
            )


def _with_depth(study: StudyFolder, model: str, first: str, answer: Answer) -> pl.DataFrame:
    """The rows of one model with its name and, where they have a layer, with their place in depth."""
    rows, set_name = answer.rows, answer.provenance.get("set")
    added = {"model"} | ({"counterpart"} if "layer" in rows.columns else set())
    if taken := sorted(added & {*rows.columns}):
        raise QueryError(f"the rows have a column {taken[0]!r} of their own; rename it to compare models")
    rows = rows.select(pl.lit(model).alias("model"), pl.all())
    if rows.schema.get("layer") != pl.String:
        return rows
    places = _counterparts(_layers(study, set_name, model), _layers(study, set_name, first))
    return rows.join(
        places.drop("depth") if "depth" in rows.columns else places,
        on="layer",
        how="left",
        maintain_order="left",
    )


def _layers(study: StudyFolder, set_name: str | None, model: str) -> pl.DataFrame:
    """Layer, kind, depth, and whether there are responses of it, in the order of the network."""
    query = Query("sql", "select layer, kind, position from layers order by position", ships=True)
    layers = ask(study, query, selection=Selection(models=model)).rows
    plan = read_plan(study.extraction(set_name, model)) if set_name else None
    kept = plan.identity.recorded_layers if plan else layers["layer"].to_list()
    last = layers["position"].max()
    depth = (pl.col("position") - 1) / (pl.lit(last) - 1)
    return layers.select(
        "layer",
        "kind",
        pl.when(pl.lit(last) > 1).then(depth).alias("depth"),
        is_kept=pl.col("layer").is_in(list(kept)),
    )


def _counterparts(layers: pl.DataFrame, of_first: pl.DataFrame) -> pl.DataFrame:
    """Layer, depth and counterpart of every layer; the earlier of two layers that are equally near."""
    candidates = of_first.filter("is_kept").with_row_index("order")
    pairs = layers.join(candidates, how="cross", suffix="_first")
    distance = (pl.col("depth") - pl.col("depth_first")).abs().round(12)
    nearest = pairs.sort(pl.col("kind") != pl.col("kind_first"), distance, "order", nulls_last=True)
    return (
        nearest.group_by("layer", maintain_order=True)
        .first()
        .select("layer", "depth", pl.col("layer_first").alias("counterpart"))
    )
