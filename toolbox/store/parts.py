"""The responses of one model to one set, in parts. Owns writing and reading their values.

A part is written before the commit record that makes it count. `records` owns the content of such a record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from toolbox.files import remove_file, write_json
from toolbox.store.checksums import Checksum, damage, forget
from toolbox.store.folder import ExtractionFolder
from toolbox.store.parquet import open_table, write_tables
from toolbox.store.verified import open_verified

RESPONSES = pa.schema(
    [
        ("layer", pa.string()),
        ("filter", pa.int32()),
        ("stimulus_id", pa.int32()),
        ("maximum", pa.float32()),
        ("mean", pa.float32()),
    ]
)
FOOTER = ("identity", "model", "weights", "preprocessing", "provider", "runtime", "precision")
"""Keys of the record that are also stored in the file of the part."""
ROW_BYTES = 8
"""Largest size on disk of a row (layer, filter, stimulus_id, maximum, mean) in bytes; 6.5 to 7.4 for photographs."""

StatisticMatrix = NDArray[np.float32]
"""(stimuli, filters)"""
LayerResponses = Mapping[str, tuple[StatisticMatrix, StatisticMatrix]]
"""Layer -> maximum and mean."""


def clear(folder: ExtractionFolder) -> None:
    """Delete an extraction; first the records, so that no part counts without its plan."""
    for file in folder.files():
        remove_file(file)
        forget(file)


def write_part(
    folder: ExtractionFolder,
    number: int,
    stimuli: Sequence[int],
    responses: LayerResponses,
    record: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a part, then the record that makes it count.

    Args:
        folder: the folders of the extraction.
        number: number of the part, from 0.
        stimuli: identifiers, ascending.
        responses: layer -> maximum and mean, each (stimuli, filters).
        record: further content of the record (identity, plan, unreadable stimuli, provider …).

    Returns: the complete record.
    """
    path, order = folder.part(number), sorted(responses)
    # While a part is written again, it does not count.
    remove_file(folder.record(number))
    footer = {key: record[key] for key in FOOTER if key in record}
    # In the folder of the parts, a file that is not complete would hinder whoever reads that folder.
    checksum = write_tables(
        path,
        _tables(order, stimuli, responses),
        RESPONSES,
        footer,
        split=("maximum", "mean"),
        scratch=folder.plans,
    )
    complete = {"part": number, **_contents(checksum, order, stimuli, responses), **record}
    write_json(folder.record(number), complete, is_new=True)
    return complete


def _contents(
    checksum: Checksum,
    order: Sequence[str],
    stimuli: Sequence[int],
    responses: LayerResponses,
) -> dict[str, Any]:
    """The content of a record that describes the part just written."""
    return {
        "stimuli": len(stimuli),
        "rows": len(stimuli) * sum(responses[layer][0].shape[1] for layer in order),
        "bytes": checksum.size,
        "sha256": checksum.sha256,
        "values": _values_digest(order, stimuli, responses),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def read_layer(
    parts: Sequence[Path], layer: str
) -> tuple[NDArray[np.int32], StatisticMatrix, StatisticMatrix]:
    """The responses of one layer.

    Args:
        parts: files of parts of one extraction.
        layer: name of the layer.

    Returns: stimulus identifiers, and maximum and mean, each (stimuli, filters).
    Raises: VerificationError for a part with damaged pages.
    """
    tables = [_rows_of(path, layer) for path in parts]
    stimuli = [np.unique(table["stimulus_id"].to_numpy()) for table in tables]
    maximum, mean = (
        np.concatenate([_matrix(table, name, len(s)) for table, s in zip(tables, stimuli, strict=True)])
        for name in ("maximum", "mean")
    )
    return np.concatenate(stimuli), maximum, mean


def read_layer_of(
    parts: Sequence[Path], layer: str, stimuli: ArrayLike
) -> tuple[StatisticMatrix, StatisticMatrix]:
    """The responses of one layer to some stimuli, in their order.

    Args:
        parts: files of parts of one extraction.
        layer: name of the layer.
        stimuli: their stimulus_id; all of them have responses.

    Returns: maximum and mean, each (stimuli, filters).
    Raises: VerificationError for a part with damaged pages.
    """
    numbers, maximum, mean = read_layer(parts, layer)
    order = np.argsort(numbers)
    places = order[np.searchsorted(numbers, stimuli, sorter=order)]
    assert np.array_equal(numbers[places], stimuli)  # availability and labels were read before
    return maximum[places], mean[places]


def _matrix(table: pa.Table, statistic: str, stimuli: int) -> StatisticMatrix:
    """One statistic as (stimuli, filters), from rows that are sorted by filter and stimulus."""
    values: StatisticMatrix = table[statistic].to_numpy()
    return values.reshape(-1, stimuli).T


def _rows_of(path: Path, layer: str) -> pa.Table:
    """A part's rows of one layer, by filter and stimulus."""
    try:
        return pq.read_table(
            open_verified(path),
            columns=["stimulus_id", "maximum", "mean"],
            filters=[("layer", "=", layer)],
            page_checksum_verification=True,
            use_threads=False,
            pre_buffer=False,
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise damage(path, str(error)) from error


def _tables(
    order: Sequence[str],
    stimuli: Sequence[int],
    responses: LayerResponses,
) -> Iterator[pa.Table]:
    """One table per layer, with rows sorted by filter and stimulus."""
    identifiers = np.asarray(stimuli, dtype=np.int32)
    for layer in order:
        maximum, mean = responses[layer]
        filters = maximum.shape[1]
        yield pa.table(
            {
                "layer": pa.repeat(layer, filters * len(identifiers)),
                "filter": np.repeat(np.arange(filters, dtype=np.int32), len(identifiers)),
                "stimulus_id": np.tile(identifiers, filters),
                "maximum": maximum.T.ravel(),
                "mean": mean.T.ravel(),
            },
            schema=RESPONSES,
        )


def stored_values_digest(path: Path) -> str:
    """The digest of the values in the file of a part, as its record has it.

    Raises: VerificationError when the file is damaged.
    """
    with open_table(path) as opened:
        layers = sorted({name for group in _layer_names(opened) for name in group})
    responses, stimuli = dict[str, tuple[StatisticMatrix, StatisticMatrix]](), np.empty(0, np.int32)
    for layer in layers:
        stimuli, *both = read_layer([path], layer)
        responses[layer] = (both[0], both[1])
    return _values_digest(layers, stimuli.tolist(), responses)


def _layer_names(opened: pq.ParquetFile) -> Iterator[list[str]]:
    """The names of layers in every row group of a part."""
    for number in range(opened.num_row_groups):
        yield opened.read_row_group(number, columns=["layer"])["layer"].unique().to_pylist()


def _values_digest(
    order: Sequence[str],
    stimuli: Sequence[int],
    responses: LayerResponses,
) -> str:
    """SHA-256 of the sorted values instead of the file, so that it is equal on every machine and for every writer."""
    digest = hashlib.sha256(np.asarray(stimuli, dtype="<i4").tobytes())
    for layer in order:
        digest.update(layer.encode() + b"\n")
        for matrix in responses[layer]:
            digest.update(np.ascontiguousarray(matrix.T, dtype="<f4").tobytes())
    return digest.hexdigest()
