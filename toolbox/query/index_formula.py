"""The expression of an index, evaluated over arrays. Owns the way from numpy through DuckDB and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.errors import CardError
from toolbox.query.indices import QUANTITIES, shipped_index
from toolbox.query.syntax import formula_connection, message_of, referenced_columns

Values = NDArray[np.float64]


@dataclass(frozen=True)
class IndexFormula:
    """The expression of one index.

    Attributes:
        name: of the index.
        family: the key of QUANTITIES to whose quantities the expression refers.
        quantities: names of those that it refers to.
        expression: SQL.
    """

    name: str
    family: str
    quantities: frozenset[str]
    expression: str

    def values(self, quantities: Mapping[str, Values]) -> Values:
        """The index; NaN where it is null.

        Args:
            quantities: all that the expression refers to, as arrays that broadcast against each other; NaN is null.

        Returns: an array of the shape to which all broadcast.
        """
        arrays = np.broadcast_arrays(*quantities.values())
        columns = {name: array.ravel() for name, array in zip(quantities, arrays, strict=True)}
        with formula_connection() as connection:
            connection.register("quantities", pl.DataFrame(columns, nan_to_null=True))
            found = connection.sql(
                f"select coalesce(({self.expression})::double, 'nan') as value from quantities"
            )
            values: Values = found.fetchnumpy()["value"]
        return values.reshape(arrays[0].shape)


def index_formula(name: str) -> IndexFormula:
    """The expression of a shipped index, checked.

    Args:
        name: of the index.

    Raises: UnknownNameError for another name; CardError for an expression that refers to anything but the quantities
        of its family.

    >>> import numpy as np
    >>> formula = index_formula("fsi")
    >>> sorted(formula.quantities)
    ['mean', 'rest_mean']
    >>> formula.values({"mean": np.array([2.0, 1.0]), "rest_mean": np.array([1.0, 1.0])}).round(3).tolist()
    [0.333, 0.0]
    """
    index = shipped_index(name)
    known = QUANTITIES[index.family]
    try:
        quantities = referenced_columns(index.expression)
        if quantities <= known.keys():
            _bind(index.expression, quantities)
    except duckdb.Error as error:
        raise CardError(f"queries/indices/{name}.sql: {message_of(error)}") from error
    if unknown := sorted(quantities - known.keys()):
        raise CardError(
            f"queries/indices/{name}.sql refers to {', '.join(unknown)}; "
            f"an index of the family {index.family} may refer to {', '.join(known)}"
        )
    return IndexFormula(name, index.family, quantities, index.expression)


def _bind(expression: str, quantities: Collection[str]) -> None:
    """Let DuckDB find the functions of an expression.

    Raises: duckdb.Error for one that does not exist.
    """
    columns = ", ".join(f"null::double as {name}" for name in ("nothing", *sorted(quantities)))
    with formula_connection() as connection:
        connection.execute(f"select ({expression})::double from (select {columns})")
