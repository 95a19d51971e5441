"""Which filters are exported: those of layers, or those of a table. Owns refusing what the model does not have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from toolbox.errors import TableError, UnknownNameError, UsageError
from toolbox.network.card import matching_layers
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import read_table
from toolbox.tables import check_table_name, find_column, read_rows

_SEVERAL = "*?["
"""Signs that make the name of a layer a pattern."""


def layer_sizes(study: StudyFolder, model: str) -> dict[str, int]:
    """Layer -> number of its filters, in the order of the network.

    Args:
        study: with responses of the model.
        model: its name.
    """
    table = pl.DataFrame(read_table(study.layers(model), "layer", "position", "filters")).sort("position")
    return dict(zip(table["layer"], table["filters"], strict=True))


def chosen_layers(sizes: dict[str, int], patterns: Sequence[str], recorded: Sequence[str]) -> list[str]:
    """Names of layers, in the order of the network; a pattern means those that were recorded.

    Args:
        sizes: of all layers of the network.
        patterns: names or patterns; all that were recorded if empty.
        recorded: layers with responses.

    Raises: UnknownNameError for a pattern that matches nothing.
    """
    if not patterns:
        return [layer for layer in sizes if layer in recorded]
    exact = {pattern for pattern in patterns if not any(sign in pattern for sign in _SEVERAL)}
    matching = matching_layers([*sizes], patterns)
    return [layer for layer in matching if layer in recorded or layer in exact] or matching


def filters_of(sizes: dict[str, int], layers: Sequence[str], source: Path | None) -> pl.DataFrame:
    """The filters of layers, or those of them that a table lists.

    Args:
        sizes: number of filters of all layers.
        layers: the chosen ones.
        source: table with the columns layer and filter, such as a query or `probe` writes; None for all filters.

    Returns: name (`<layer>_<filter>`), layer, filter; in the order of the network.
    Raises: UsageError, TableError, UnknownNameError for a table that does not list filters of the model.
    """
    listed = None if source is None else _read_filters(source, sizes)
    rows = [
        (f"{layer}_{number}", layer, number)
        for layer in layers
        for number in (range(sizes[layer]) if listed is None else sorted(listed.get(layer, ())))
    ]
    if not rows:
        raise UsageError(
            f"{source} lists no filter of {', '.join(layers)}; choose other layers or another table"
        )
    return pl.DataFrame(
        rows, schema={"name": pl.String, "layer": pl.String, "filter": pl.Int32}, orient="row"
    )


def listed_layers(source: Path, sizes: dict[str, int]) -> list[str]:
    """The layers of the filters that a table lists, in the order of the network.

    Args:
        source: the table.
        sizes: number of filters of all layers.
    """
    listed = _read_filters(source, sizes)
    return [layer for layer in sizes if layer in listed]


def _read_filters(source: Path, sizes: dict[str, int]) -> dict[str, set[int]]:
    """Layer -> numbers of the filters that a table lists."""
    if not source.is_file():
        raise UsageError(
            f"{source} does not exist; expected a table of filters with the columns layer and filter"
        )
    check_table_name(source, "a table of filters")
    table = read_rows(source, ["layer"]).rows
    columns = {wanted: find_column(source, table.columns, wanted) for wanted in ("layer", "filter")}
    if missing := [wanted for wanted, found in columns.items() if found is None]:
        raise TableError(
            f"{source} has no column {' and no column '.join(missing)}; expected layer and filter, as "
            "filters/representative and `toolbox probe --save-bank` write them"
        )
    rows = table.select(layer=pl.col(str(columns["layer"])), filter=pl.col(str(columns["filter"])))
    found: dict[str, set[int]] = {}
    for place, (layer, number) in enumerate(rows.iter_rows(), 1):
        found.setdefault(str(layer), set()).add(_number(source, place, layer, number, sizes))
    if not found:
        raise TableError(f"{source} lists no filter; expected a row for each")
    return found


def _number(source: Path, place: int, layer: object, number: object, sizes: dict[str, int]) -> int:
    """The number of a filter, if the network has it."""
    if layer not in sizes:
        raise UnknownNameError(f"layer in row {place} of {source}", str(layer), [*sizes])
    try:
        whole = int(str(number))
    except ValueError:
        whole = -1
    if not 0 <= whole < sizes[str(layer)]:
        raise TableError(
            f"{source} lists filter {number} of {layer} in row {place}; expected a whole number from 0 to "
            f"{sizes[str(layer)] - 1}"
        )
    return whole
