"""Responses as a Dataset of rsatoolbox: the HDF5 file that its `load_dataset` reads. Owns the layout; never pickles."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import polars as pl

from toolbox.exchange.bridges.responses import LayeredResponses
from toolbox.files import replace_file


def write_dataset(responses: LayeredResponses, path: Path) -> list[Path]:
    """Write measurements (stimuli, filters) with descriptors of stimuli, of filters, and of the whole.

    Args:
        responses: what is exported.
        path: of the file.

    Source: rsatoolbox 0.3.2, rsatoolbox/io/hdf5.py (read_dict_hdf5), and data/dataset.py (dataset_from_dict).
    """
    # Descriptors of non-English texts are attributes; only this layout may have attributes of more than 64 kB.
    with replace_file(path) as fresh, h5py.File(fresh, "w", libver=("v110", "latest")) as file:
        file.attrs["type"] = "Dataset"
        file.create_group("descriptors").attrs.update(responses.provenance)
        _describe(file.create_group("obs_descriptors"), responses.stimuli)
        _describe(file.create_group("channel_descriptors"), responses.filters)
        measurements = file.create_dataset("measurements", responses.shape, "f4")
        for _, columns, values in responses.blocks():
            measurements[:, columns] = values
    return [path]


def _describe(group: h5py.Group, rows: pl.DataFrame) -> None:
    """Write a descriptor for every column.

    rsatoolbox reads arrays of bytes as English letters only, and arrays of UTF-8 as bytes; attributes in UTF-8 it reads
    as texts.
    """
    for column in rows:
        if column.dtype.is_numeric():
            group[column.name] = column.to_numpy()
            continue
        texts = column.fill_null("").to_list()
        if all(text.isascii() for text in texts):
            group[column.name] = np.array(texts or [""], dtype="S")[: len(texts)]
        else:
            group.attrs.create(column.name, texts, dtype=h5py.string_dtype())
