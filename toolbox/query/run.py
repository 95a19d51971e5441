"""Running a query over a study, read-only. Owns parameters' values, the time limit and the provenance of rows."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from toolbox.errors import QueryError, UnknownNameError, UsageError
from toolbox.query.header import Parameter, Query, shipped_query, value_of
from toolbox.query.syntax import check_single_select, macro_names, message_of, needs
from toolbox.store.availability import AvailableResponses
from toolbox.store.database import RESAMPLE_VIEWS, VIEWS, Database, open_database
from toolbox.store.folder import StudyFolder
from toolbox.store.resamples import Measure
from toolbox.store.selection import Selection

TIME_LIMIT = 600.0
"""Seconds after which a query is stopped."""
BROUGHT = {"reference": "toolbox replicate --reference FILE"}
"""Tables that no study holds, and the command that brings each of them along."""


@dataclass(frozen=True)
class Answer:
    """The rows of a query, where they come from, and what a reader should know."""

    rows: pl.DataFrame
    provenance: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def ask(
    study: StudyFolder,
    query: Query | str,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    *,
    tables: Mapping[str, pa.Table] | None = None,
    time_limit: float = TIME_LIMIT,
) -> Answer:
    """Run a query over a study, read-only.

    Args:
        query: a shipped query's name, a `Query`, or SQL text (one SELECT over the views).
        parameters: values of its `$parameters`; text is converted to the declared type.
        selection: set, model and scheme, where the study holds several.
        tables: tables in memory that this question brings along, by the names under which SQL sees them.
        time_limit: seconds.

    Returns: rows as a polars frame, with provenance.
    Raises: QueryError when the SQL is refused, fails or takes too long; UsageError for a parameter.
    """
    if isinstance(query, str):
        query = shipped_query(query) if _is_name(query) else Query("sql", query)
    check_single_select(query)
    values = _values(query, parameters or {})
    views, macros = needs(query)
    try:
        with (
            closing(open_database(study, views, selection, macros=macros, tables=tables)) as database,
            _time_limit(database, time_limit),
        ):
            _check_listed_values(database, query, values)
            rows = _plain(database.connection.sql(query.sql, params=values).pl())
            _remark_on_resampling(database, views, values)
    except duckdb.InterruptException as error:
        raise QueryError(f"{query.name} took more than {time_limit:g} s and was stopped") from error
    except duckdb.Error as error:
        message = message_of(error)
        if found := re.search(r"Table (?:Function )?with name \"?(\w+)\"? does not exist", message):
            if command := BROUGHT.get(found[1].lower()):
                remedy = f"which no study holds; bring it along with: {command}"
                raise UsageError(f"{query.name} reads a table {found[1]!r}, {remedy}") from error
            raise UnknownNameError("view or formula", found[1], [*VIEWS, *macro_names()]) from error
        raise QueryError(f"{query.name}: {message}") from error
    provenance = {**database.provenance, "query": query.name, "sql": query.sql, "parameters": values}
    return Answer(rows, {**provenance, "rows": rows.height}, tuple(database.remarks))


def _plain(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with DuckDB's wide sums and decimals as the 64-bit numbers that every reader knows."""
    whole = [name for name, kind in rows.schema.items() if kind == pl.Int128 or _scale(kind) == 0]
    broken = [name for name, kind in rows.schema.items() if (_scale(kind) or 0) > 0]
    try:
        return rows.with_columns(pl.col(whole).cast(pl.Int64), pl.col(broken).cast(pl.Float64))
    except pl.exceptions.InvalidOperationError:  # a sum beyond 64 bits
        return rows.with_columns(pl.col(whole + broken).cast(pl.Float64))


def _scale(kind: pl.DataType) -> int | None:
    return kind.scale if isinstance(kind, pl.Decimal) else None


def _is_name(text: str) -> bool:
    """Whether text is meant as the name of a query, not as SQL."""
    return not re.search(r"\s", text.strip())


def _values(query: Query, given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every parameter of the statement: given, or the default."""
    named = duckdb.extract_statements(query.sql)[0].named_parameters
    declared = {parameter.name: parameter for parameter in query.parameters}
    values: dict[str, Any] = {}
    for name in given:
        if name not in named:
            raise UnknownNameError(f"parameter of {query.name}", name, named)
    missing = [name for name in sorted(named) if _is_missing(name, declared.get(name), given)]
    if missing:
        options = " ".join(f"--param {name}=…" for name in missing)
        raise UsageError(f"{query.name} needs a value for ${', $'.join(missing)}; give it as {options}")
    for name in sorted(named):
        parameter = declared.get(name)
        values[name] = given[name] if parameter is None else value_of(parameter, given.get(name))
    return values


def _is_missing(name: str, parameter: Parameter | None, given: Mapping[str, Any]) -> bool:
    """Whether a value must be given and is not; only an undeclared parameter may be null."""
    return name not in given if parameter is None else parameter.required and given.get(name) is None


def _check_listed_values(database: Database, query: Query, values: Mapping[str, Any]) -> None:
    """Refuse a value that the column named in the header does not hold: an empty result would hide a typing error."""
    for parameter in query.parameters:
        value = values.get(parameter.name)
        if value is not None and parameter.listed_in:
            view, column = parameter.listed_in
            rows = database.connection.sql(f"select distinct {column}::varchar from {view}").fetchall()
            known = [name for (name,) in rows if name is not None]
            if str(value) not in known:
                raise UnknownNameError(parameter.name, str(value), known)
            if parameter.listed_in == ("layers", "layer") and database.responses:
                _check_extracted(str(value), database.responses)


def _remark_on_resampling(database: Database, views: Collection[str], values: Mapping[str, Any]) -> None:
    """Say how to have what a query would show of resampling, if nothing was resampled for its very values."""
    labelling, chosen = (
        database.labelling,
        [values.get(name) for name in ("index", "statistic", "normalise")],
    )
    if not labelling or None in chosen:
        return
    measure, threshold = Measure(*map(str, chosen)), values.get("threshold")
    missing = [
        view
        for view in RESAMPLE_VIEWS
        if view in views and not _is_resampled(database, view, measure, threshold)
    ]
    if not missing:
        return
    if "draws" in missing and threshold is not None:
        told, counted = (
            "no intervals and no chance level for this index and threshold yet; to have them",
            [threshold],
        )
    else:
        told, counted = "this index was not resampled yet; to do so", []
    command = labelling.command(measure, counted)
    if not any(command in remark for remark in database.remarks):  # that of a stale table says the same
        database.remarks.append(f"{told}: {command}")


def _is_resampled(database: Database, view: str, measure: Measure, threshold: float | None) -> bool:
    """Whether a view has rows of a measure and, where it counts filters, of a threshold."""
    values = vars(measure) | ({"threshold": threshold} if view == "draws" and threshold is not None else {})
    wanted = " and ".join(f"v.{name} = ${name}" for name in values)
    return bool(
        database.connection.execute(f"select 1 from {view} v where {wanted} limit 1", values).fetchall()
    )


def _check_extracted(layer: str, responses: AvailableResponses) -> None:
    """Refuse a layer of the network that was not extracted, as its empty result would look like an answer."""
    if layer not in responses.layers:
        raise UsageError(
            f"no responses of {layer} to {responses.set} are there, only of {', '.join(responses.layers)}; to have it: "
            f"toolbox extract {responses.set} --model {responses.model} --layers '*' --replace"
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
