"""Running a query over a study, read-only. Owns the time limit, the rows and their provenance."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from toolbox.errors import QueryError, UnknownNameError, UsageError, command_line
from toolbox.faults import fault_of
from toolbox.query.cautions import cautions, criterion
from toolbox.query.header import Query
from toolbox.query.indices import shipped_indices
from toolbox.query.limits import Limits
from toolbox.query.parameters import find_query, parameter_values
from toolbox.query.relation_notes import note_missing_relations
from toolbox.query.resampling_notes import note_missing_resamples, notes_on_pooling, resolution_notes
from toolbox.query.syntax import macro_names, message_of, needs, parse_select
from toolbox.query.transfer import CHOICE, TRANSFER_FORMULA, chosen_elsewhere
from toolbox.store.availability import AvailableResponses
from toolbox.store.database import Database, open_database
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection
from toolbox.store.views import VIEWS
from toolbox.terms import ORIGIN

if TYPE_CHECKING:
    import pyarrow as pa

RowSource = Callable[[Database, dict[str, Any]], pl.DataFrame]
"""The rows of a statement with the values of its parameters, from a database."""
BROUGHT = {
    "reference": "toolbox replicate --reference FILE",
    "reference_responses": "toolbox compare CATEGORY CATEGORY --reference NAME",
    "bank": "toolbox query probe/bank --table bank=FILE, with a file of toolbox probe --save-bank FILE",
}
"""Tables that are not part of a study, and the command that passes each of them to its queries."""


_LISTED = 1000
"""Values of a column that a header names which are read for a message."""


@dataclass(frozen=True)
class Answer:
    """The rows of a query, where they come from, and what a reader should know.

    Attributes:
        rows: as a polars frame.
        provenance: of the rows.
        notes: what a reader should know; the cautions are among them.
        cautions: what must be known before anything is concluded from the rows; figures print it.
    """

    rows: pl.DataFrame
    provenance: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


def ask(
    study: StudyFolder,
    query: Query | str,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    *,
    tables: Mapping[str, pa.Table] | None = None,
    limits: Limits | None = None,
) -> Answer:
    """Run a query over a study, read-only.

    Args:
        study: what is asked.
        query: a shipped query's name, a `Query`, or SQL text (one SELECT over the views).
        parameters: values of its `$parameters`; text is converted to the declared type.
        selection: set, model and scheme, where the study holds several.
        tables: tables in memory that this question brings along, by the names under which SQL sees them.
        limits: of time and, for SQL that does not ship, of memory.

    Returns: rows as a polars frame, with provenance.
    Raises: QueryError when the SQL is refused, fails, or needs too much time or memory; UsageError for a parameter.
    """
    query = find_query(query)
    values = parameter_values(query, parameters or {}, parse_select(query).parameters)
    views, macros = needs(query)
    limits = limits or Limits()
    chosen = None
    if query.ships and TRANSFER_FORMULA in parse_select(query).functions and CHOICE not in (tables or {}):
        chosen = chosen_elsewhere(study, values, selection or Selection(), ask)
        selection, tables = chosen.selection, {**(tables or {}), **chosen.tables}
    with _own_errors(query, limits.seconds), _computation(query, limits) as compute:
        formulas = {name: index.expression for name, index in shipped_indices().items()}
        database = open_database(study, views, selection, macros=macros, tables=tables, formulas=formulas)
        with closing(database), database.readable.window.own_errors(), _time_limit(database, limits.seconds):
            _check_listed_values(database, query, values, limits)
            rows = _plain(compute(database, values))
            note_missing_resamples(database, views, values)
            note_missing_relations(database, views, values)
            database.notes.extend([*notes_on_pooling(database, query, rows), *resolution_notes(rows)])
            database.notes.extend(chosen.notes if chosen else ())
            found = tuple(cautions(study, database, views, values, rows))
    origin: dict[str, Any] = {
        "query": query.name,
        "sql": query.sql,
        "parameters": values,
        "rows": rows.height,
    }
    if selected_by := criterion(values):
        origin["criterion"] = selected_by
    return Answer(rows, {**database.provenance, **origin}, (*database.notes, *found), found)


@contextmanager
def _own_errors(query: Query, time_limit: float) -> Iterator[None]:
    """Say DuckDB's errors as the toolbox's own."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise QueryError(f"{query.name} took longer than {time_limit:g} s and was stopped") from error
    except duckdb.Error as error:
        if query.ships and (fault := fault_of(error)):
            raise fault from error
        message = message_of(error)
        if found := re.search(r"Table (?:Function )?with name \"?(\w+)\"? does not exist", message):
            raise _unknown_table(query, found[1]) from error
        raise QueryError(f"{query.name}: {message}{_remedy_of(message)}") from error


def _remedy_of(message: str) -> str:
    """What to do about an error of SQL, where that is known."""
    if "LocalFileSystem has been disabled" in message:
        return f"; SQL reads no file: {_table_remedy('NAME')}"
    if found := re.search(r'Referenced column "(\w+)" not found', message):
        from toolbox.stimuli.image_properties import property_columns

        if found[1] in property_columns():
            return f"; {found[1]} is a column of the view properties, once the images are measured: toolbox properties"
    return ""


def _unknown_table(query: Query, name: str) -> UsageError:
    """What to say of a table that no view, formula or study is called."""
    if command := BROUGHT.get(name.lower()):
        remedy = f"which is not part of a study; it is available in: {command}"
        return UsageError(f"{query.name} reads a table {name!r}, {remedy}")
    return UnknownNameError("view or formula", name, [*VIEWS, *macro_names()], _table_remedy(name))


def _table_remedy(name: str) -> str:
    """How a table of the user is read."""
    return f"a table of your own is read with tables={{{name!r}: FILE}} (--table {name}=FILE)"


@contextmanager
def _computation(query: Query, limits: Limits) -> Iterator[RowSource]:
    """What computes the rows: this process if the SQL ships, else one of its own."""
    if query.ships:
        yield lambda database, values: _frame(database.connection.sql(query.sql, params=values))
        return
    from toolbox.query.confinement import confined

    with confined(query.name, limits) as process:
        yield lambda database, values: process.rows(query.sql, values, database.readable)


class _Rows:
    """The rows of a relation as any reader of Arrow takes them; DuckDB's own `.pl()` would load pyarrow for it."""

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        self._relation = relation

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._relation.__arrow_c_stream__(requested_schema)


def _frame(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """The rows as a polars frame."""
    try:
        return pl.DataFrame(_Rows(relation))
    except pl.exceptions.ComputeError as error:  # DuckDB's errors after its first rows
        kind = duckdb.InterruptException if "INTERRUPT" in str(error) else duckdb.Error
        raise kind(str(error).removeprefix("got external error: ")) from error


def _plain(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with DuckDB's wide sums and decimals as the 64-bit numbers that every reader knows."""
    whole = [name for name, kind in rows.schema.items() if kind == pl.Int128 or _scale(kind) == 0]
    broken = [name for name, kind in rows.schema.items() if (_scale(kind) or 0) > 0]
    if not whole and not broken:
        return rows
    try:
        return rows.with_columns(pl.col(whole).cast(pl.Int64), pl.col(broken).cast(pl.Float64))
    except pl.exceptions.InvalidOperationError:  # a sum beyond 64 bits
        return rows.with_columns(pl.col(whole + broken).cast(pl.Float64))


def _scale(kind: pl.DataType) -> int | None:
    return kind.scale if isinstance(kind, pl.Decimal) else None


def _listed_values(
    database: Database, query: Query, column: tuple[str, str], value: Any, limits: Limits
) -> list[str]:
    """The values of a column that a header names; of a header that does not ship, the value, if any, and a thousand."""
    view, name = column
    if query.ships:
        rows = database.connection.sql(f"select distinct {name}::varchar from {view}").fetchall()
        return [value for (value,) in rows if value is not None]
    from toolbox.query.confinement import confined

    known = f"select distinct {name}::varchar as value from {view} where {name} is not null limit {_LISTED}"
    sought = f"select {name}::varchar as value from {view} where {name}::varchar = $sought limit 1"
    with confined(query.name, limits) as process:
        found = process.rows(f"({sought}) union ({known})", {"sought": str(value)}, database.readable)
    return sorted(found["value"])


def _check_listed_values(database: Database, query: Query, values: Mapping[str, Any], limits: Limits) -> None:
    """Refuse a value that the column named in the header does not hold: an empty result would hide a typing error."""
    for parameter in query.parameters:
        value = values.get(parameter.name)
        if value is not None and parameter.listed_in:
            view, _ = parameter.listed_in
            known = _listed_values(database, query, parameter.listed_in, value, limits)
            if view == "variables" and not known:
                raise UsageError(
                    f"{query.name} needs stimuli with numeric parameters, and the set has none; to add columns of a "
                    "table: toolbox parameters SET --source FILE"
                )
            if view == "parameters" and not {*known} - {ORIGIN}:
                raise UsageError(
                    f"{query.name} needs stimuli with numeric parameters, and the set has none; to have some: "
                    "toolbox ingest gratings --set gratings, or a table with further columns of numbers"
                )
            if str(value) not in known:
                raise UnknownNameError(parameter.name, str(value), known)
            if parameter.listed_in == ("layers", "layer") and database.responses:
                _check_extracted(str(value), database.responses)


def _check_extracted(layer: str, responses: AvailableResponses) -> None:
    """Refuse a layer of the network that was not extracted, as its empty result would look like an answer."""
    if layer not in responses.layers:
        again = command_line(
            "extract", responses.set, "--model", responses.model, "--layers", "*", "--replace"
        )
        raise UsageError(
            f"no responses of {layer} to {responses.set} are stored, only of {', '.join(responses.layers)}; "
            f"to extract it: {again}"
        )


@contextmanager
def _time_limit(database: Database, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, database.connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
