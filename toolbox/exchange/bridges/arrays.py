"""Responses as arrays of numpy: a folder with a `.npy` file for every layer, and tables of its rows and columns."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl

from toolbox.exchange.bridges.responses import LayeredResponses
from toolbox.files import new_folder
from toolbox.tables import spreadsheet_csv

STIMULI, FILTERS = "stimuli.csv", "filters.csv"


def write_arrays(responses: LayeredResponses, path: Path) -> list[Path]:
    """Write `<layer>.npy` as float32 (stimuli, filters), and tables of its rows and of its columns.

    Args:
        responses: what is exported.
        path: of the folder, which is missing or empty.
    """
    files = array_names([*responses.layers])
    with new_folder(path) as folder:
        for name, _, values in responses.blocks():
            np.save(folder / files[name], values, allow_pickle=False)
        layer, filters = pl.col("layer"), responses.filters.drop("name")
        places = filters.with_columns(
            file=layer.replace_strict(files, return_dtype=pl.String),
            column=pl.int_range(pl.len()).over("layer"),
        )
        (folder / FILTERS).write_bytes(spreadsheet_csv(places.select("file", "column", *filters.columns)))
        rows = responses.stimuli.with_row_index("row")
        (folder / STIMULI).write_bytes(spreadsheet_csv(rows))
    return [path / name for name in (*files.values(), STIMULI, FILTERS)]


def array_names(layers: list[str]) -> dict[str, str]:
    """The file of each layer: its name in letters that every system has, and different where case is ignored.

    Args:
        layers: their names.

    Example:
        >>> array_names(["conv1", "Conv1", "block/2", "con"])
        {'conv1': 'conv1.npy', 'Conv1': 'Conv1_2.npy', 'block/2': 'block_2.npy', 'con': 'con_layer.npy'}
    """
    found: dict[str, str] = {}
    for layer in layers:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", layer).strip("._")[:100] or "layer"
        plain = (
            f"{plain}_layer"
            if re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", plain.lower())
            else plain
        )
        taken, number, name = {each.lower() for each in found.values()}, 1, f"{plain}.npy"
        while name.lower() in taken:
            number += 1
            name = f"{plain}_{number}.npy"
        found[layer] = name
    return found
