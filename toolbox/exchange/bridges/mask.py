"""A bank of filters as a mask of DNNBrain: a `.dmask.csv` file. Owns its format."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from toolbox.errors import UsageError
from toolbox.files import write_text


def write_mask(filters: pl.DataFrame, path: Path) -> list[Path]:
    """Write a line `layer=chn` for every layer, and below it the numbers of its channels, from 1.

    Args:
        filters: layer and filter (from 0).
        path: of the file.

    Raises: UsageError for a layer with `=` or a line break in its name, which DNNBrain's reader splits.
    Source: Chen et al. (2020), doi 10.3389/fncom.2020.580632; `MaskFile` in dnnbrain/io/fileio.py, which reads them,
        and `ActivationFile`, which subtracts 1 from every number.
    """
    lines = []
    for (layer,), rows in filters.group_by("layer", maintain_order=True):
        if "=" in str(layer) or len(str(layer).splitlines()) != 1:
            raise UsageError(
                f"layer {layer!r} cannot be named in a mask of DNNBrain, which splits names at ="
            )
        lines += [f"{layer}=chn", ",".join(str(number + 1) for number in rows["filter"])]
    write_text(path, "\n".join(lines) + "\n")
    return [path]
