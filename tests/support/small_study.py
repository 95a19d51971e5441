"""Studies made of a few numbers, without images or a network. Owns writing tables where a study keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from toolbox.store.folder import SCHEME, ExtractionFolder, StudyFolder, create_study
from toolbox.store.parquet import write_table
from toolbox.store.parts import write_part
from toolbox.store.plan import (
    Identity,
    Plan,
    check_identity,
    extended_plan,
    plan_digest,
    read_digests,
    read_plan,
    write_plan,
)
from toolbox.store.properties import Measurement, write_ingestion_measures, write_measurement

SET, MODEL = "shapes", "tiny"
Matrix = NDArray[np.float32]

_STIMULI = {
    "stimulus_id": pl.Int32,
    "sha256": pl.String,
    "path": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "format": pl.String,
    "bytes": pl.Int64,
}
_LAYERS = {
    "layer": pl.String,
    "position": pl.Int32,
    "kind": pl.String,
    "filters": pl.Int32,
    "height": pl.Int32,
    "width": pl.Int32,
    "stride": pl.Int32,
    "receptive_field": pl.Int32,
}


def small_study(
    root: Path,
    responses: pl.DataFrame,
    labels: pl.DataFrame,
    *,
    layers: pl.DataFrame | None = None,
    parts: Sequence[Sequence[int]] | None = None,
) -> StudyFolder:
    """A study of one set and one model.

    Args:
        responses: layer, filter, stimulus_id, maximum, mean.
        labels: stimulus_id, category; a stimulus without a row, or with null, is unlabelled.
        layers: layer, position, kind; all convolutions in order of appearance if not given.
        parts: stimuli of every part; two of every other stimulus if not given.
    """
    study = create_study(root)
    numbers = responses["stimulus_id"].unique().sort()
    add_stimuli(study, pl.DataFrame({"stimulus_id": numbers}))
    add_labels(study, labels)
    add_layers(study, layers if layers is not None else plain_layers(responses))
    add_responses(study, responses, parts=parts)
    return study


def plain_layers(responses: pl.DataFrame) -> pl.DataFrame:
    """Convolutions, in the order in which the responses name them."""
    names = responses["layer"].unique(maintain_order=True)
    return pl.DataFrame({"layer": names, "position": range(1, len(names) + 1), "kind": "convolution"})


def add_stimuli(study: StudyFolder, stimuli: pl.DataFrame, set_name: str = SET) -> None:
    """Write the stimuli of a set; what every set has is made up where the frame does not say it."""
    numbers = stimuli["stimulus_id"].to_list()
    made_up = pl.DataFrame(
        {
            "stimulus_id": numbers,
            "sha256": [digest(number) for number in numbers],
            "path": [f"/pictures/{number}.png" for number in numbers],
            "width": 4,
            "height": 3,
            "format": "PNG",
            "bytes": 100,
        }
    )
    missing = [name for name in made_up.columns if name not in stimuli.columns]
    _write(study.stimuli(set_name), stimuli.with_columns(made_up[missing]), _STIMULI)


def add_properties(study: StudyFolder, properties: pl.DataFrame, set_name: str = SET) -> None:
    """Write what was measured of the images: stimulus_id, and a column for each property."""
    values = {row.pop("stimulus_id"): row for row in properties.iter_rows(named=True)}
    write_ingestion_measures(study.properties(set_name), values, {})


def add_measurement(study: StudyFolder, measured: pl.DataFrame, set_name: str = SET) -> None:
    """Write what `toolbox properties` would have measured: stimulus_id, and a column for each property."""
    values = {row.pop("stimulus_id"): row for row in measured.iter_rows(named=True)}
    columns = {name: {"property": name.removesuffix("_file")} for name in measured.columns[1:]}
    images = plan_digest([*values], read_digests(study.stimuli(set_name)))
    write_measurement(study.measured(set_name), Measurement(values, columns, images), {})


def add_labels(study: StudyFolder, labels: pl.DataFrame, set_name: str = SET, scheme: str = SCHEME) -> None:
    """Write a label scheme; as in any study, an unlabelled stimulus has no row."""
    schema = {"stimulus_id": pl.Int32, "category": pl.String}
    _write(study.labels(set_name, scheme), labels.drop_nulls("category"), schema)


def add_layers(study: StudyFolder, layers: pl.DataFrame, model: str = MODEL) -> None:
    """Write the layers of a model; geometry that the frame does not say is made up."""
    made_up = [
        pl.lit(1000 if name == "filters" else 1).alias(name) for name in _LAYERS if name not in layers.columns
    ]
    _write(study.layers(model), layers.with_columns(made_up), _LAYERS)


def add_responses(
    study: StudyFolder,
    responses: pl.DataFrame,
    set_name: str = SET,
    model: str = MODEL,
    *,
    parts: Sequence[Sequence[int]] | None = None,
) -> Plan:
    """Write responses as the given parts, each with its record."""
    numbers = responses["stimulus_id"].unique().sort().to_list()
    parts = parts or [part for part in (numbers[::2], numbers[1::2]) if part]
    folder, identity = study.extraction(set_name, model), identity_of(responses, model)
    for part in parts:
        plan = grow_plan(folder, identity, part, size=len(part))
    for number, part in enumerate(plan.parts):
        fits = plan_digest(part, {stimulus: digest(stimulus) for stimulus in part})
        write_part(folder, number, part, matrices(responses, part), record(identity, plan=fits))
    return plan


def grow_plan(
    folder: ExtractionFolder, identity: Identity, stimuli: Sequence[int], size: int | None = None
) -> Plan:
    """Go on with the plan that is there, if it is of this identity, as an extraction does."""
    plan = read_plan(folder) or Plan(identity, (), identity.digest)
    check_identity(folder.parts, plan.identity, identity)
    extended = extended_plan(plan, stimuli, size=size)
    if extended != plan:
        write_plan(folder.plan, extended)
    return extended


def identity_of(responses: pl.DataFrame, model: str = MODEL) -> Identity:
    """Identity of an extraction by a network of these layers."""
    return Identity(model, {layer: digest(layer) for layer in responses["layer"].unique(maintain_order=True)})


def record(identity: Identity, **further: Any) -> dict[str, Any]:
    """What an extraction says in the record of a part."""
    origin = {"weights": "made up", "provider": "none", "precision": identity.precision}
    return {"model": identity.model, "identity": identity.digest, "unreadable": [], **origin, **further}


def matrices(responses: pl.DataFrame, part: Sequence[int]) -> dict[str, tuple[Matrix, Matrix]]:
    """Layer -> maximum and mean, each (stimuli of the part, filters)."""
    chosen = responses.filter(pl.col("stimulus_id").is_in(list(part))).sort("stimulus_id", "filter")
    return {
        layer: (_matrix(rows["maximum"], part), _matrix(rows["mean"], part))
        for (layer,), rows in chosen.group_by("layer", maintain_order=True)
    }


def long_table(responses: Mapping[str, tuple[Matrix, Matrix]]) -> pl.DataFrame:
    """The rows of layer -> maximum and mean, each (stimuli, filters); stimuli are numbered from 0."""
    tables = []
    for layer, (maximum, mean) in responses.items():
        stimuli, filters = np.indices(maximum.shape)
        columns = {"filter": filters.ravel(), "stimulus_id": stimuli.ravel()}
        tables.append(
            pl.DataFrame({"layer": layer, **columns, "maximum": maximum.ravel(), "mean": mean.ravel()})
        )
    return pl.concat(tables)


def digest(value: object) -> str:
    """Some sha256."""
    return hashlib.sha256(str(value).encode()).hexdigest()


def _matrix(values: pl.Series, part: Sequence[int]) -> Matrix:
    return values.to_numpy().astype(np.float32).reshape(len(part), -1)


def _write(path: Path, table: pl.DataFrame, schema: Mapping[str, Any]) -> None:
    columns = [*schema, *(name for name in table.columns if name not in schema)]
    plain: pa.Table = table.select(columns).cast(dict(schema)).to_arrow()
    # Polars hands text over as large_string; a study holds plain types only.
    fields = [
        field.with_type(pa.string()) if field.type == pa.large_string() else field for field in plain.schema
    ]
    write_table(path, plain.cast(pa.schema(fields)), {"task": "made up for a test"})
