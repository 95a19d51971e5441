"""Responses as AnnData: an `.h5ad` file of stimuli x filters. Owns its layout on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl

from toolbox.exchange.bridges.responses import LayeredResponses
from toolbox.files import replace_file

_TEXT = h5py.string_dtype()
_CATEGORICAL = ("category", "layer", "preferred")
"""Columns of which values repeat."""
_EMPTY = ("layers", "obsm", "obsp", "varm", "varp")


def write_anndata(responses: LayeredResponses, path: Path) -> list[Path]:
    """Write X (stimuli, filters), obs with the stimuli, var with the filters, and uns with where they come from.

    Args:
        responses: what is exported.
        path: of the file.

    Source: anndata's on-disk format, https://anndata.readthedocs.io/en/stable/fileformat-prose.html (AnnData 0.1.0,
        dataframe, categorical and string-array 0.2.0).
    """
    with replace_file(path) as fresh, h5py.File(fresh, "w") as file:
        _mark(file, "anndata", "0.1.0")
        stimuli, filters = responses.stimuli, responses.filters
        _write_frame(file, "obs", stimuli["stimulus_id"].cast(pl.String), stimuli)
        _write_frame(file, "var", filters["name"], filters.drop("name"))
        for name in _EMPTY:
            _mark(file.create_group(name), "dict", "0.1.0")
        origin = _mark(file.create_group("uns"), "dict", "0.1.0")
        for name, value in responses.provenance.items():
            is_text = isinstance(value, str)
            origin[name] = value
            _mark(origin[name], "string" if is_text else "numeric-scalar", "0.2.0")
        values = _mark(file.create_dataset("X", responses.shape, "f4"), "array", "0.2.0")
        for _, columns, block in responses.blocks():
            values[:, columns] = block
    return [path]


def _mark(element: Any, encoding: str, version: str) -> Any:
    """An element with the name and the version of its encoding."""
    element.attrs["encoding-type"], element.attrs["encoding-version"] = encoding, version
    return element


def _write_frame(file: h5py.File, name: str, index: pl.Series, columns: pl.DataFrame) -> None:
    """Write a data frame with an index of texts."""
    group = _mark(file.create_group(name), "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", columns.columns, dtype=_TEXT)
    _write_texts(group, "_index", index.to_list())
    for column in columns:
        if column.name in _CATEGORICAL:
            _write_categorical(group, column)
        elif column.dtype.is_numeric():
            group[column.name] = column.to_numpy()
            _mark(group[column.name], "array", "0.2.0")
        else:
            _write_texts(group, column.name, column.to_list())


def _write_texts(group: h5py.Group, name: str, texts: list[str]) -> None:
    _mark(group.create_dataset(name, data=texts, dtype=_TEXT), "string-array", "0.2.0")


def _write_categorical(group: h5py.Group, column: pl.Series) -> None:
    """Write a column as codes of its values; -1 where it has none."""
    values = column.drop_nulls().unique(maintain_order=True).to_list()
    if column.name != "layer":  # which are in the order of the network
        values.sort()
    codes = {value: code for code, value in enumerate(values)}
    written = _mark(group.create_group(column.name), "categorical", "0.2.0")
    written.attrs["ordered"] = column.name == "layer"
    written["codes"] = np.array([codes.get(value, -1) for value in column], dtype=np.int32)
    _mark(written["codes"], "array", "0.2.0")
    _write_texts(written, "categories", values)
