"""The tables of a bundle, from those of a study. Owns what each has, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from toolbox.exchange.bundle.layout import BUNDLE_TABLES, safe_names
from toolbox.exchange.bundle.names import Replacements, names_of_people
from toolbox.exchange.bundle.parquet_files import WrittenTable, with_names, write_parquet
from toolbox.exchange.bundle.relations import relation_rows
from toolbox.exchange.bundle.sources import TableSources
from toolbox.store.columns import LABELS, TABLES
from toolbox.store.parquet import arrow_table, open_table, read_table
from toolbox.store.rollups import fresh_rollup
from toolbox.terms import PICTURE_COLUMNS, STIMULUS_COLUMNS

_PLAIN = {"large_string": "string", "int32": "int64", "float": "double"}


def write_bundle_tables(sources: TableSources, folder: Path) -> list[WrittenTable]:
    """Write all tables into a folder.

    Args:
        sources: what they are made of.
        folder: an empty folder.

    Returns: the tables, in the order of `BUNDLE_TABLES`; one without rows or columns of its own is not written.
    """
    return [*_tables_of_sets(sources, folder), *_tables_of_all(sources, folder)]


def _tables_of_sets(sources: TableSources, folder: Path) -> Iterator[WrittenTable]:
    parts = safe_names(sources.contents.sets)
    for name, make in (("stimuli", _stimuli), ("properties", _properties)):
        for set_name in sources.contents.sets:
            table, variables = make(sources, set_name)
            if table is None:
                continue
            columns = {field.name: _type_name(field.type) for field in table.schema}
            file = f"{name}-{parts[set_name]}.parquet"
            rows = write_parquet(folder / file, name, [table], columns)
            yield WrittenTable(name, file, rows, columns, set_name, variables)


def _tables_of_all(sources: TableSources, folder: Path) -> Iterator[WrittenTable]:
    for name, make in _OF_ALL.items():
        table = BUNDLE_TABLES[name]
        if table.belongs_to is not None and table.belongs_to not in sources.included:
            continue
        path = folder / f"{name}.parquet"
        rows = write_parquet(path, name, make(sources), table.schema)
        if rows or name in ("labels", "layers", "rollups"):
            yield WrittenTable(name, path.name, rows, table.schema)
        else:
            path.unlink()


def _listed(sources: TableSources, set_name: str, table: pa.Table) -> pa.Table:
    """The rows of stimuli that are not withheld, by their numbers."""
    hidden = pa.array(sorted(sources.withheld.stimuli_of(set_name)), pa.int32())
    kept = pc.invert(pc.is_in(table["stimulus_id"].cast(pa.int32()), value_set=hidden))
    return table.filter(kept).sort_by("stimulus_id")


def _stimuli(sources: TableSources, set_name: str) -> tuple[pa.Table, dict[str, str]]:
    """The stimuli of a set with all fixed columns, and its variables; what is replaced is done so here."""
    table = _listed(sources, set_name, read_table(sources.contents.study.stimuli(set_name)))
    fixed = STIMULUS_COLUMNS | PICTURE_COLUMNS
    columns, replacements = dict[str, Any](), sources.replacements
    columns["set"] = pa.repeat(pa.scalar(set_name, pa.string()), len(table))
    for name, kind in fixed.items():
        type_ = pa.type_for_alias(kind)
        known = name in table.column_names
        columns[name] = table[name].cast(type_) if known else pa.nulls(len(table), type_)
    columns["path"] = pa.array([*map(replacements.path, table["path"].to_pylist())], pa.string())
    variables = _variable_columns(name for name in table.column_names if name not in fixed)
    for column, name in variables.items():
        columns[column] = _replaced(replacements, name, _plain(table[name]))
    return pa.table(columns), {column: name for column, name in variables.items() if column != name}


def _variable_columns(names: Iterable[str]) -> dict[str, str]:
    """Column -> stimulus variable; one whose name another column has, in whatever case, has a number behind it."""
    taken = {name.casefold() for name in ("set", *STIMULUS_COLUMNS, *PICTURE_COLUMNS)}
    columns = {}
    for name in names:
        column, number = name, 2
        while column.casefold() in taken:
            column, number = f"{name}_{number}", number + 1
        taken.add(column.casefold())
        columns[column] = name
    return columns


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of a type that every reader knows: text, int64, double or bool."""
    kind = str(column.type)
    if kind in _PLAIN:
        return column.cast(pa.type_for_alias(_PLAIN[kind]))
    return column if kind in ("string", "int64", "double", "bool") else column.cast(pa.string())


def _replaced(replacements: Replacements, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts of a stimulus variable without private names; people by numbers."""
    if replacements.keep or not (pa.types.is_string(column.type) or names_of_people(name)):
        return column
    values = column.to_pylist()
    if names_of_people(name):
        every = {str(value) for value in values if value is not None}
        return pa.array(
            [None if value is None else replacements.person(name, str(value), every) for value in values],
            pa.string(),
        )
    return pa.array([None if value is None else replacements.text(value) for value in values], pa.string())


def _properties(sources: TableSources, set_name: str) -> tuple[pa.Table | None, dict[str, str]]:
    """What was measured of the images: at ingestion and, in a column each, later."""
    study = sources.contents.study
    wide: dict[str, dict[int, float | None]] = {}
    if (path := study.properties(set_name)).is_file():
        for row in read_table(path).to_pylist():
            wide.setdefault(row["property"], {})[row["stimulus_id"]] = row["value"]
    if (path := study.measured(set_name)).is_file():
        table = read_table(path)
        for name in table.column_names[1:]:
            values = dict(zip(table["stimulus_id"].to_pylist(), table[name].to_pylist(), strict=True))
            wide[name] = wide.get(name, {}) | {
                key: value for key, value in values.items() if value is not None
            }
    if not wide:
        return None, {}
    numbers = read_table(study.stimuli(set_name), "stimulus_id")
    listed = _listed(sources, set_name, numbers)["stimulus_id"].cast(pa.int32())
    columns = {"set": pa.repeat(pa.scalar(set_name, pa.string()), len(listed)), "stimulus_id": listed}
    for name in sorted(wide):
        columns[name] = pa.array([wide[name].get(each) for each in listed.to_pylist()], pa.float64())
    return pa.table(columns), {}


def _labels(sources: TableSources) -> Iterator[pa.Table]:
    for (set_name, scheme), labels in sorted(sources.contents.labels.items()):
        shown = {
            stimulus: category
            for stimulus, category in sorted(labels.items())
            if not sources.withheld.hides(set_name, scheme, category)
        }
        values: dict[str, list[Any]] = {"stimulus_id": [*shown], "category": [*shown.values()]}
        yield with_names(arrow_table(values, LABELS), {"set": set_name, "scheme": scheme})


def _observations(sources: TableSources) -> Iterator[pa.Table]:
    study, replacements = sources.contents.study, sources.replacements
    found = {
        (set_name, parameter): _listed(sources, set_name, read_table(study.observations(set_name, parameter)))
        for set_name in sources.contents.sets
        for parameter in study.added_parameters(set_name)
    }
    every = {name for table in found.values() for name in table["observer"].to_pylist() if name}
    for (set_name, parameter), table in sorted(found.items()):
        names = [replacements.person("observer", name or "", every) for name in table["observer"].to_pylist()]
        place = table.column_names.index("observer")
        renamed = table.set_column(place, "observer", pa.array(names, pa.string()))
        order = [(name, "ascending") for name in ("stimulus_id", "observer", "value")]
        yield with_names(renamed.sort_by(order), {"set": set_name, "parameter": parameter})


def _layers(sources: TableSources) -> Iterator[pa.Table]:
    study = sources.contents.study
    for model in sources.contents.models:
        yield with_names(read_table(study.layers(model)).sort_by("position"), {"model": model})


def _rollups(sources: TableSources) -> Iterator[pa.Table]:
    order = BUNDLE_TABLES["rollups"].order[3:]
    for names, labelling in sources.labellings():
        table = fresh_rollup(labelling)
        shown = [
            category
            for category in table["category"].unique().to_pylist()
            if not sources.withheld.hides(names["set"], names["scheme"], category)
        ]
        table = table.filter(pc.is_in(table["category"], value_set=pa.array(shown, pa.string())))
        sources.rows[names["set"], names["model"], names["scheme"]] = len(table)
        yield with_names(table.sort_by([(name, "ascending") for name in order]), names)


def resampled_files(sources: TableSources, table: str) -> Iterator[tuple[dict[str, str], Path]]:
    """The files of resampled indices that are of the responses and labels of now, and have the columns of now.

    Args:
        sources: what the bundle is made of.
        table: one of TABLES.

    Yields: set, model and scheme, and the file.
    """
    for names, labelling in sources.labellings():
        for file in labelling.fresh_files(table)[0]:
            with open_table(file) as opened:
                is_of_now = opened.schema_arrow.names == [*TABLES[table]]
            if is_of_now:
                yield names, file


def left_out_files(sources: TableSources, table: str) -> Iterator[tuple[dict[str, str], Path]]:
    """The other files of resampled indices: of other responses or labels, or with other columns.

    Args:
        sources: what the bundle is made of.
        table: one of TABLES.

    Yields: set, model and scheme, and the file.
    """
    shared = {file for _, file in resampled_files(sources, table)}
    for names, labelling in sources.labellings():
        for file in sorted(labelling.folder(table).glob("*.parquet")):
            if file not in shared:
                yield names, file


def _resampled(sources: TableSources, table: str, name: str) -> Iterator[pa.Table]:
    order = [(column, "ascending") for column in BUNDLE_TABLES[name].order[3:]]
    for names, file in resampled_files(sources, table):
        yield with_names(read_table(file).sort_by(order), names)


def _responses(sources: TableSources) -> Iterator[pa.Table]:
    """The responses of one layer of one part at a time, as they are in its file: by layer, filter and stimulus."""
    for extraction in sources.contents.extractions:
        for number in sorted(map(int, extraction.responses.parts)):
            (path,) = extraction.responses.paths(sources.contents.study, [str(number)])
            with open_table(path) as part:
                for group in range(part.num_row_groups):
                    rows = part.read_row_group(group, use_threads=False)
                    rows = rows.add_column(0, "part", pa.repeat(pa.scalar(number, pa.int32()), len(rows)))
                    yield with_names(rows, {"set": extraction.set, "model": extraction.model})


_OF_ALL = {
    "labels": _labels,
    "observations": _observations,
    "layers": _layers,
    "rollups": _rollups,
    "significance": lambda sources: _resampled(sources, "filters", "significance"),
    "resamples": lambda sources: _resampled(sources, "resamples", "resamples"),
    "reliability": lambda sources: _resampled(sources, "splits", "reliability"),
    "relations": lambda sources: relation_rows(sources, "relations"),
    "relation_permutations": lambda sources: relation_rows(sources, "relation_permutations"),
    "responses": _responses,
}


def _type_name(kind: pa.DataType) -> str:
    return str(kind)
