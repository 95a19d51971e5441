"""Responses as one wide table: a row for every stimulus, a column for every filter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from toolbox.exchange.bridges.responses import LayeredResponses
from toolbox.files import replace_file
from toolbox.tables import spreadsheet_rows

_CELLS = 2_000_000
"""Values that are text in memory at a time."""


def write_wide_table(responses: LayeredResponses, path: Path) -> list[Path]:
    """Write stimulus_id, category, path, sha256, and a column `<layer>_<filter>` for every filter, as CSV.

    Texts that a spreadsheet would evaluate are written with the name of their column in front.

    Args:
        responses: what is exported; all values are in memory.
        path: of the file.
    """
    values = np.empty(responses.shape, np.float32)
    for _, columns, block in responses.blocks():
        values[:, columns] = block
    stimuli = responses.stimuli.select("stimulus_id", "category", "path", "sha256")
    names = responses.filters["name"].to_list()
    step = max(_CELLS // len(names), 1)
    with replace_file(path) as fresh, fresh.open("wb") as file:
        for start in range(0, stimuli.height, step):
            rows = slice(start, start + step)
            wide = stimuli[rows].hstack(pl.DataFrame(values[rows], schema=names, orient="row"))
            spreadsheet_rows(wide).write_csv(file, include_header=start == 0)
    return [path]
