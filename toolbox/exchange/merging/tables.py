"""The small tables of a merged set: stimuli, labels, parameters, properties, layers. Owns writing them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from toolbox.errors import MixtureError
from toolbox.exchange.merging.images import ImageFolders, stored_paths
from toolbox.exchange.merging.labs import Lab
from toolbox.exchange.merging.matching import MergedStimuli
from toolbox.exchange.merging.statements import Statements
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import write_labels
from toolbox.store.parameters import write_observations
from toolbox.store.parquet import (
    arrow_schema,
    present_time,
    provenance_of,
    read_table_and_origin,
    write_table,
)
from toolbox.store.plan import plan_digest
from toolbox.store.properties import (
    Measurement,
    read_ingestion_measures,
    read_measurement,
    write_ingestion_measures,
    write_measurement,
)
from toolbox.store.stimuli import STIMULI, image_identity, variable_names
from toolbox.terms import ORIGIN


def merged_stimuli(statements: Statements, folders: ImageFolders) -> pa.Table:
    """The table of the merged stimuli: fixed columns of the first laboratory that has each, all variables, the origin.

    Args:
        statements: of the laboratories.
        folders: of the images.

    Raises: MixtureError for a variable of two types.
    """
    labs, stimuli = statements.labs, statements.stimuli
    rows = [labs[place].stimuli[old] for place, old in (members[0] for members in stimuli.members)]
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in STIMULI}
    columns["stimulus_id"] = list(range(len(rows)))
    columns["path"] = stored_paths(folders, labs, stimuli)
    variables = _variable_types(labs)
    columns |= {name: statements.variable(name) for name in variables.names}
    return pa.table(columns, pa.unify_schemas([arrow_schema(STIMULI), variables]))


def _variable_types(labs: Sequence[Lab]) -> pa.Schema:
    """All stimulus variables and their types; whole and other numbers are numbers."""
    fields: dict[str, pa.Field] = {}
    for lab in labs:
        for name in variable_names(lab.table.column_names):
            field = lab.table.schema.field(name)
            known = fields.get(name, field)
            both = {known.type, field.type}
            if len(both) > 1 and both != {pa.int64(), pa.float64()}:
                raise MixtureError(
                    f"the stimulus variable {name} is {known.type} in one study and {field.type} in {lab.place}; "
                    "ingest one of them again with the values of the other type, or under another name"
                )
            fields[name] = pa.field(name, pa.float64()) if len(both) > 1 else pa.field(name, field.type)
    return pa.schema([*fields.values(), *([] if ORIGIN in fields else [pa.field(ORIGIN, pa.string())])])


def write_set(
    study: StudyFolder, set_name: str, table: pa.Table, statements: Statements, provenance: Mapping[str, Any]
) -> dict[str, dict[int, str]]:
    """Write the stimuli, their labels and the parameters.

    Args:
        study: the merged study.
        set_name: its set.
        table: of `merged_stimuli`.
        statements: of the laboratories.
        provenance: of all tables.

    Returns: the labels by scheme.
    Raises: MixtureError for conflicts that are not resolved.
    """
    labs = statements.labs
    schemes = _names(lab.study.schemes(lab.set) for lab in labs)
    parameters = _names(lab.study.added_parameters(lab.set) for lab in labs)
    labels = {scheme: statements.labels(scheme) for scheme in schemes}
    observations = {parameter: statements.observations(parameter) for parameter in parameters}
    statements.check()
    write_table(study.stimuli(set_name), table, {**provenance, "created": present_time()})
    for scheme, categories in labels.items():
        created = _earliest([lab.study.labels(lab.set, scheme) for lab in labs])
        write_labels(study.labels(set_name, scheme), categories, {**provenance, **created})
    for parameter, rows in observations.items():
        write_observations(study.observations(set_name, parameter), rows, provenance)
    return labels


def _names(of_labs: Iterator[Collection[str]]) -> list[str]:
    return sorted({name for names in of_labs for name in names})


def _earliest(paths: Sequence[Any]) -> dict[str, str]:
    """When the first of some tables was created, so that the merged one is as old; empty where it is not known."""
    times = [str(provenance_of(path).get("created", "")) for path in paths if path.is_file()]
    return {"created": min(times)} if times and all(times) else {}


def write_properties(
    study: StudyFolder,
    set_name: str,
    labs: Sequence[Lab],
    stimuli: MergedStimuli,
    table: pa.Table,
    provenance: Mapping[str, Any],
) -> Iterator[str]:
    """Write what was measured of the images: of one in several laboratories, what the first measured.

    Args:
        study: the merged study.
        set_name: its set.
        labs: the studies.
        stimuli: the merged stimuli.
        table: of the merged stimuli.
        provenance: of all tables.

    Yields: a note where measures of two versions cannot be in one table.
    """
    first, measured = dict[int, dict[str, float]](), dict[int, Any]()
    measurements = [read_measurement(lab.study.measured(lab.set)) for lab in labs]
    for lab, numbers, measurement in reversed(list(zip(labs, stimuli.numbers, measurements, strict=True))):
        early = read_ingestion_measures(lab.study.properties(lab.set))
        first |= {numbers[old]: values for old, values in early.items()}
        measured |= {numbers[old]: values for old, values in measurement.values.items()}
    if first:
        write_ingestion_measures(study.properties(set_name), first, provenance)
    columns = [measurement.columns for measurement in measurements if measurement.columns]
    if columns and all(each == columns[0] for each in columns):
        digests = {row["stimulus_id"]: image_identity(row) for row in table.to_pylist()}
        merged = Measurement(measured, columns[0], plan_digest([*measured], digests))
        write_measurement(study.measured(set_name), merged, provenance)
    elif columns:
        yield (
            "the properties of the images were measured by different versions, so they are left out; measure them "
            f"again with: toolbox properties {set_name}"
        )


def copy_layers(study: StudyFolder, lab: Lab, model: str) -> None:
    """Write the layers of a model as a laboratory has them.

    Args:
        study: the merged study.
        lab: a laboratory with the model.
        model: its name.
    """
    table, origin = read_table_and_origin(lab.study.layers(model))
    write_table(study.layers(model), table, origin)


def notes_on_schemes(labs: Sequence[Lab], labels: Mapping[str, Mapping[int, str]]) -> Iterator[str]:
    """What a reader should know of the categories: schemes of one laboratory, and categories that look alike.

    Args:
        labs: the studies.
        labels: category by new stimulus_id, by scheme.
    """
    for scheme, categories in labels.items():
        without = [lab.place for lab in labs if scheme not in lab.study.schemes(lab.set)]
        if without:
            yield (
                f"the label scheme {scheme} is missing in {', '.join(without)}: stimuli that are only there have no "
                "label under it"
            )
        yield from _alike(scheme, categories.values())


def _alike(scheme: str, categories: Collection[str]) -> Iterator[str]:
    """Categories that differ only in case or accents, which two laboratories may have meant as one."""
    names = sorted({*categories}, key=lambda name: (_plain(name), name))
    for _, group in groupby(names, _plain):
        if len(alike := list(group)) > 1:
            yield (
                f"{scheme} has the categories {', '.join(map(repr, alike))}, which differ only in case, spaces or "
                "accents: they are separate here; if they are one category, label them anew with: toolbox label"
            )


def _plain(name: str) -> str:
    """A name without case, spaces and accents."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter) and letter not in " _-")
