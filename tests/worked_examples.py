"""The worked examples under `tests/queries`: where they lie, their study, their question and their answer.

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

from small_study import MODEL, SET, add_labels, add_layers, add_responses, add_stimuli
from toolbox.query import Query
from toolbox.store.folder import SCHEME, StudyFolder, create_study

EXAMPLES = Path(__file__).parent / "queries"
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
    if "labels" in tables:
        labels = _by(tables["labels"], set=SET, scheme=SCHEME)
        for (set_name, scheme), rows in labels.group_by("set", "scheme", maintain_order=True):
            add_labels(study, rows.select("stimulus_id", "category"), set_name, scheme)
    if "responses" in tables:
        add_layers(study, tables["layers"], MODEL)
        add_responses(study, _long(tables["responses"]), parts=parts)
    return study


def example_parameters(example: str) -> dict[str, Any]:
    """What an example asks its query with."""
    file = EXAMPLES / example / "parameters.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def example_reference(example: str) -> dict[str, pa.Table]:
    """The published table of an example, where it or a folder above it has one, as a question brings it along."""
    folders = (EXAMPLES / example, *(EXAMPLES / example).parents)
    file = next((folder / "reference.csv" for folder in folders if (folder / "reference.csv").is_file()), None)
    types = {"filter": pl.Int32, "value": pl.Float64}
    return {"reference": pl.read_csv(file, schema_overrides=types).to_arrow()} if file else {}


def example_answer(example: str, query: Query) -> tuple[list[str], list[Row]]:
    """Columns and rows that an example expects, typed as the query's header says."""
    with (EXAMPLES / example / "expected.csv").open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)
    types = {column.name: column.type for column in query.columns}
    return columns, [tuple(_value(cell, types[name]) for name, cell in zip(columns, row, strict=True)) for row in rows]


def _tables(folder: Path) -> dict[str, pl.DataFrame]:
    names = ("stimuli", "labels", "layers", "responses")
    files = {name: folder / f"{name}.csv" for name in names if (folder / f"{name}.csv").is_file()}
    return {name: pl.read_csv(file) for name, file in files.items()} or _tables(folder.parent)


def _by(table: pl.DataFrame, **defaults: str) -> pl.DataFrame:
    """The table with these columns, each with one value where it is not there."""
    return table.with_columns([pl.lit(value).alias(name) for name, value in defaults.items() if name not in table])


def _long(wide: pl.DataFrame) -> pl.DataFrame:
    """Responses as a study keeps them, from one row per filter and statistic."""
    keys = ["layer", "filter", "statistic"]
    numbers = [name for name in wide.columns if name not in keys]
    long = wide.cast(dict.fromkeys(numbers, pl.Float64)).unpivot(numbers, index=keys, variable_name="stimulus_id")
    return long.pivot("statistic", index=["layer", "filter", "stimulus_id"], values="value").cast(
        {"stimulus_id": pl.Int32}
    )


def _value(cell: str, column_type: str) -> Any:
    if cell == "":
        return None
    if column_type == "varchar":
        return cell
    if column_type != "double":
        return int(cell)
    root = re.fullmatch(r"(?:(.+)-)?sqrt\((.+)\)", cell)
    if not root:
        return float(Fraction(cell))
    return float(Fraction(root[1])) - math.sqrt(Fraction(root[2])) if root[1] else math.sqrt(Fraction(root[2]))
