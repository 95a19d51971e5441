"""The worked examples under `tests/queries`: where they are, their study, their question and their answer.

See `tests/queries/note.md` for their form.
"""

from __future__ import annotations

import csv
import math
import re
import tomllib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from support.small_study import (
    MODEL,
    SET,
    add_labels,
    add_layers,
    add_measurement,
    add_properties,
    add_responses,
    add_stimuli,
)
from toolbox.query import Query
from toolbox.query.run import BROUGHT
from toolbox.store.availability import available_responses
from toolbox.store.columns import TABLES
from toolbox.store.folder import SCHEME, StudyFolder, create_study
from toolbox.store.parameters import write_observations
from toolbox.store.parquet import arrow_schema
from toolbox.store.resamples import Labelling, Measure, write_resampled
from toolbox.store.views import RESAMPLE_VIEWS

EXAMPLES = Path(__file__).parents[1] / "queries"
NAMES = ("stimuli", "properties", "measured", "labels", "layers", "responses")
Row = tuple[Any, ...]


def example_names() -> list[str]:
    """Names of all worked examples, such as 'layers/profile/default'."""
    return sorted(path.parent.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("expected.csv"))


def query_of(example: str) -> str:
    """The query that an example asks: all but the last part of its name."""
    return example.rpartition("/")[0]


def example_study(example: str, root: Path, *, parts: Sequence[Sequence[int]] | None = None) -> StudyFolder:
    """The study of an example, from the tables beside it or in the nearest folder above that has some."""
    study = create_study(root)
    tables = _tables(EXAMPLES / example)
    stimuli = tables["stimuli"]
    for (set_name,), rows in _by(stimuli, set=SET).group_by("set", maintain_order=True):
        add_stimuli(study, rows.drop("set"), set_name)
    if "properties" in tables:
        for (set_name,), rows in _by(tables["properties"], set=SET).group_by("set", maintain_order=True):
            add_properties(study, rows.drop("set"), set_name)
    if "measured" in tables:
        for (set_name,), rows in _by(tables["measured"], set=SET).group_by("set", maintain_order=True):
            add_measurement(study, rows.drop("set"), set_name)
    if "labels" in tables:
        labels = _by(tables["labels"], set=SET, scheme=SCHEME)
        for (set_name, scheme), rows in labels.group_by("set", "scheme", maintain_order=True):
            add_labels(study, rows.select("stimulus_id", "category"), set_name, scheme)
    if "responses" in tables:
        add_layers(study, tables["layers"], MODEL)
        add_responses(study, _long(tables["responses"]), parts=parts)
    if file := _nearest("observations.csv", EXAMPLES / example):
        _add_observations(study, pl.read_csv(file))
    for view, table in RESAMPLE_VIEWS.items():
        if file := _nearest(f"{view}.csv", EXAMPLES / example):
            _add_resampled(study, table, _draws(file) if table == "resamples" else _text(file))
    return study


def example_tables(example: str) -> tuple[Path, ...]:
    """The files that the study of an example is made of; examples of the same files share one that is only read."""
    folder = EXAMPLES / example
    while not any((folder / f"{name}.csv").is_file() for name in NAMES):
        folder = folder.parent
    tables = [folder / f"{name}.csv" for name in NAMES if (folder / f"{name}.csv").is_file()]
    resampled = [_nearest(f"{view}.csv", EXAMPLES / example) for view in (*RESAMPLE_VIEWS, "observations")]
    return (*tables, *filter(None, resampled))


def example_parameters(example: str) -> dict[str, Any]:
    """What an example asks its query with."""
    file = EXAMPLES / example / "parameters.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def example_reference(example: str) -> dict[str, pa.Table]:
    """The tables that an example's question brings along, where it or a folder above it has them."""
    types = {"filter": pl.Int32, "value": pl.Float64, "mean": pl.Float64}
    files = {name: _nearest(f"{name}.csv", EXAMPLES / example) for name in BROUGHT}
    return {
        name: pl.read_csv(file, schema_overrides=types).to_arrow() for name, file in files.items() if file
    }


def example_answer(example: str, query: Query) -> tuple[list[str], list[Row]]:
    """Columns and rows that an example expects, typed as the query's header says."""
    with (EXAMPLES / example / "expected.csv").open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)
    types = {column.name: column.type for column in query.columns}
    return columns, [
        tuple(_value(cell, types[name]) for name, cell in zip(columns, row, strict=True)) for row in rows
    ]


def _tables(folder: Path) -> dict[str, pl.DataFrame]:
    files = {name: folder / f"{name}.csv" for name in NAMES if (folder / f"{name}.csv").is_file()}
    return {name: pl.read_csv(file) for name, file in files.items()} or _tables(folder.parent)


def _nearest(name: str, folder: Path) -> Path | None:
    """The file of that name in the folder of an example, or in the nearest one above."""
    file = folder / name
    return file if file.is_file() else None if folder == EXAMPLES else _nearest(name, folder.parent)


def _text(file: Path) -> pl.DataFrame:
    """A table with its cells as they are written, empty ones as null."""
    return pl.read_csv(file, infer_schema=False)


def _draws(file: Path) -> pl.DataFrame:
    """Draws one by one, from a table that has a column for each; their strengths, if any, lie beside it."""
    table = _text(file)
    if "resample" in table.columns:
        return table
    draws, beside = _one_by_one(table, "selective"), file.with_name("strengths.csv")
    if not beside.is_file():
        return _by(draws, strength=None)
    strengths = _one_by_one(_text(beside), "strength")
    return draws.join(strengths, on=[name for name in strengths.columns if name != "strength"], how="left")


def _one_by_one(wide: pl.DataFrame, value: str) -> pl.DataFrame:
    numbers = [name for name in wide.columns if name.isdecimal()]
    keys = [name for name in wide.columns if not name.isdecimal()]
    return wide.unpivot(numbers, index=keys, variable_name="resample", value_name=value).drop_nulls(value)


def _add_resampled(study: StudyFolder, table: str, rows: pl.DataFrame) -> None:
    """Write a table of resampled indices as if it had been made from the responses and labels of the study."""
    labelling = Labelling(study, available_responses(study, SET, MODEL), SCHEME)
    measures = _by(rows, **vars(Measure())).group_by(*vars(Measure()), maintain_order=True)
    for (index, statistic, normalise), group in measures:
        fields = list(arrow_schema(TABLES[table]))[3:]
        columns = [
            pa.array([_plain(cell, field.type) for cell in group[field.name]], field.type) for field in fields
        ]
        rows_of_one = pa.Table.from_arrays(columns, names=[field.name for field in fields])
        measure = Measure(str(index), str(statistic), str(normalise))
        write_resampled(labelling.file(table, measure), table, measure, [rows_of_one], labelling.source)


def _add_observations(study: StudyFolder, rows: pl.DataFrame) -> None:
    """Write the parameters that were added after ingestion."""
    for (parameter,), group in rows.group_by("parameter", maintain_order=True):
        values = group.select("stimulus_id", "observer", pl.col("value").cast(pl.Float64)).rows()
        write_observations(study.observations(SET, str(parameter)), values, {})


def _plain(cell: str | None, kind: pa.DataType) -> Any:
    if cell is None or pa.types.is_string(kind):
        return cell
    return float(Fraction(cell)) if pa.types.is_floating(kind) else int(cell)


def _by(table: pl.DataFrame, **defaults: str | None) -> pl.DataFrame:
    """The table with these columns, each with one value where it is not there."""
    return table.with_columns(
        [pl.lit(value).alias(name) for name, value in defaults.items() if name not in table]
    )


def _long(wide: pl.DataFrame) -> pl.DataFrame:
    """Responses as a study keeps them, from one row per filter and statistic."""
    keys = ["layer", "filter", "statistic"]
    numbers = [name for name in wide.columns if name not in keys]
    long = wide.cast(dict.fromkeys(numbers, pl.Float64)).unpivot(
        numbers, index=keys, variable_name="stimulus_id"
    )
    return long.pivot("statistic", index=["layer", "filter", "stimulus_id"], values="value").cast(
        {"stimulus_id": pl.Int32}
    )


def _value(cell: str, column_type: str) -> Any:
    if cell == "":
        return None
    if column_type == "varchar":
        return cell
    if column_type == "boolean":
        return {"true": True, "1": True, "false": False, "0": False}[cell]
    if column_type == "boolean":
        return {"true": True, "false": False}[cell]
    if column_type != "double":
        return int(cell)
    root = re.fullmatch(r"(?:(.*)([+-]))?(?:(.+)\*)?sqrt\((.+)\)", cell)
    if not root:
        return float(Fraction(cell))
    start, sign, factor, square = root.groups()
    length = float(Fraction(factor or 1)) * math.sqrt(Fraction(square))
    return float(Fraction(start or 0)) + (-length if sign == "-" else length)
