"""The header of a `.sql` file: its documentation and its contract. Owns reading it; never runs anything.

A title, paragraphs, `Source:`, then

    -- Parameters
    --   $name  type = default  {choice, choice}  description
    -- Columns
    --   name   type  description

The choices of a parameter may be a column of a view, as in {layers.layer}: a value must then be one of its values. Or
they are the bounds of a number, as in {0 to 1} or {1 or more}.
Lists of indices are not repeated but named, as in {@indices}: see `toolbox.query.expansion`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.content import content_folder
from toolbox.errors import CardError, UnknownNameError, UsageError, expected_names
from toolbox.query.bounds import Bounds, read_bounds
from toolbox.query.expansion import expand
from toolbox.query.indices import index_names, shipped_index
from toolbox.query.sections import header_of, read_sections, read_sql

if TYPE_CHECKING:
    import polars as pl

FORMULA_FOLDERS = ("indices", "macros")
"""Folders of `queries/` whose files are parts of queries, not queries."""
SQL_TYPES = {"varchar": str, "integer": int, "bigint": int, "double": float, "boolean": bool}
_IN_WORDS = {
    "varchar": "a text",
    "integer": "a whole number",
    "bigint": "a whole number",
    "double": "a finite number",
    "boolean": "true or false",
}
_PARAMETER = re.compile(r"\$(\w+)\s+(\w+)(?:\s*=\s*('[^']*'|[^\s{]+))?(?:\s+\{([^}]*)\})?\s*(.*)")
_COLUMN = re.compile(r"(\w+)\s+(\w+)\s*(.*)")


@dataclass(frozen=True)
class Parameter:
    """A `$name` of a query; without a default it must be given.

    Attributes:
        name: without the dollar.
        type: one of SQL_TYPES.
        default: null if None.
        required: whether a value must be given.
        description: what it means.
        choices: its values, where the header lists them.
        listed_in: view and column that hold its values, where the header names them as {view.column}.
        bounds: of a number, where the header has them as {0 to 1}.
    """

    name: str
    type: str
    default: Any
    required: bool
    description: str
    choices: tuple[str, ...] = ()
    listed_in: tuple[str, str] | None = None
    bounds: Bounds | None = None


@dataclass(frozen=True)
class Column:
    """A column of a query's result."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Query:
    """A `.sql` file: its header and its one SELECT.

    Attributes:
        ships: whether the SQL is the toolbox's own. That of anybody else runs in a process of its own, within limits.
    """

    name: str
    sql: str
    title: str = ""
    description: str = ""
    source: str = ""
    parameters: tuple[Parameter, ...] = ()
    columns: tuple[Column, ...] = ()
    ships: bool = False

    @property
    def header(self) -> str:
        """The documentation as it is in the file, without comment signs."""
        return header_of(self.sql)


def query_names() -> list[str]:
    """Names of all shipped queries, `stage/result`."""
    folder = content_folder("queries")
    paths = (path for path in folder.glob("*/*.sql") if path.parent.name not in FORMULA_FOLDERS)
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in paths)


def query_table() -> pl.DataFrame:
    """Name and title of all shipped queries.

    Example:
        >>> query_table().filter(query="layers/profile")["title"].item()
        'Proportion of category-selective filters in every layer'
    """
    import polars as pl

    queries = [shipped_query(name) for name in query_names()]
    return pl.DataFrame({"query": [q.name for q in queries], "title": [q.title for q in queries]})


def shipped_query(name: str) -> Query:
    """The query of a name such as 'layers/profile'.

    Raises: UnknownNameError, CardError when its header breaks the contract.
    """
    if name not in query_names():
        raise UnknownNameError("query", name, query_names(), "toolbox query --list shows them all")
    return replace(read_query(content_folder("queries") / f"{name}.sql", name), ships=True)


def describe_query(name: str) -> str:
    """What a shipped query, or an index, means: the comment in front of its SQL.

    Args:
        name: such as 'layers/profile' or 'd_prime'.

    Raises: UnknownNameError.

    >>> print(describe_query("auc").splitlines()[0])
    auc: probability that a stimulus of the category evokes a larger response than any other; ties count one half.
    """
    if name in index_names():
        return shipped_index(name).header
    if name not in query_names():
        raise UnknownNameError("query or index", name, [*query_names(), *index_names()])
    return shipped_query(name).header


def read_query(path: Path, name: str = "") -> Query:
    """A query from a file. A user's own file may have a header or none.

    Args:
        path: a .sql file.
        name: what the query is called; as the file if empty.

    Raises: UsageError when there is no such file; CardError when its header breaks the contract.
    """
    text = expand(read_sql(path))
    title, sections = read_sections(text)
    return Query(
        name=name or path.stem,
        sql=text,
        title=title.rstrip("."),
        description="\n".join(sections["description"]).strip(),
        source=" ".join(sections["source"]),
        parameters=tuple(_parameter(path, line) for line in sections["parameters"]),
        columns=read_columns(path, sections["columns"]),
    )


def read_columns(path: Path, lines: Iterable[str]) -> tuple[Column, ...]:
    """The columns that a header describes.

    Args:
        path: the file, for messages.
        lines: the lines of the section.

    Raises: CardError for a line that describes no column.
    """
    return tuple(_column(path, line) for line in lines)


def value_of(parameter: Parameter, given: Any) -> Any:
    """What a declared parameter becomes.

    Args:
        parameter: as the header declares it.
        given: a value, or text that is read as its type; None for the default.

    Raises: UsageError for a value of another type, that is none of the choices, or outside the bounds.
    """
    if given is None:
        return parameter.default
    value = _convert(parameter.name, parameter.type, given)
    if parameter.bounds and value not in parameter.bounds:
        raise UsageError(f"${parameter.name} is {value:g}; expected {parameter.bounds}")
    if parameter.choices:
        choices = [_convert(parameter.name, parameter.type, choice) for choice in parameter.choices]
        if value not in choices:
            raise UsageError(f"${parameter.name} is {value!r}; {expected_names(value, parameter.choices)}")
    return value


def _parameter(path: Path, line: str) -> Parameter:
    found = _PARAMETER.fullmatch(line)
    if not found or found[2] not in SQL_TYPES:
        raise CardError(
            f"{path}: {line!r} is not a parameter; expected: $name type = default {{choices}} description, "
            f"with a type of {', '.join(SQL_TYPES)}"
        )
    name, type_name, default, braces, description = found.groups()
    constraint = _constraint(braces or "")
    if "bounds" in constraint and SQL_TYPES[type_name] not in (int, float):
        raise CardError(f"{path}: {line!r} has bounds; expected them of a number only")
    try:
        value = None if default in (None, "null") else _convert(name, type_name, default.strip("'"))
    except UsageError as error:
        raise CardError(f"{path}: {error} as the default in {line!r}") from error
    return Parameter(name, type_name, value, default is None, description, **constraint)


def _constraint(braces: str) -> dict[str, Any]:
    """What the braces of a parameter contain: bounds, a column of a view, or choices."""
    if bounds := read_bounds(braces):
        return {"bounds": bounds}
    if found := re.fullmatch(r"([a-z]\w*)\.(\w+)", braces.strip()):
        return {"listed_in": (found[1], found[2])}
    return {"choices": tuple(choice.strip() for choice in braces.split(","))} if braces else {}


def _column(path: Path, line: str) -> Column:
    found = _COLUMN.fullmatch(line)
    if not found or found[2] not in SQL_TYPES:
        raise CardError(f"{path}: {line!r} is not a column; expected: name type description")
    return Column(*found.groups())


def _convert(name: str, type_name: str, value: Any) -> Any:
    """A value as the declared type; text is read, whole numbers may stand for decimals."""
    expected = SQL_TYPES[type_name]
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        value = value.item()  # numpy's numbers, told without importing it
    with contextlib.suppress(ValueError, OverflowError):  # reported below, as every other misfit
        if isinstance(value, str) and expected in (int, float):
            value = expected(value)
        if expected is float and type(value) is int:
            value = float(value)
        if isinstance(value, str) and expected is bool and value in ("true", "false"):
            return value == "true"
        if type(value) is expected and not (isinstance(value, float) and not isfinite(value)):
            return value
    raise UsageError(f"${name} is {value!r}; expected {_IN_WORDS[type_name]}")
