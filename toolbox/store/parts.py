"""The responses of one model to one set: parts, and the commit records that make them count.

Owns the rule that a part counts only if its record exists, fits the plan, and names the bytes that are there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from toolbox.cache import cache_folder
from toolbox.errors import MixtureError, VerificationError
from toolbox.files import digest_of, write_json
from toolbox.store.parquet import write_tables
from toolbox.store.plan import Plan, plan_digest

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
"""What of its record a part's own file says too."""
ROW_BYTES = 8
"""Bytes a row (layer, filter, stimulus_id, maximum, mean) takes at most on disk; photographs need 6.5 to 7.4."""

Matrix = NDArray[np.float32]


def clear(folder: Path) -> None:
    """Take back an extraction: the records first, so that no part counts without its plan."""
    for pattern in ("part-*.json", "part-*.parquet", "plan.parquet"):
        for file in folder.glob(pattern):
            file.unlink()


def sweep(folder: Path) -> None:
    """Remove what a killed process left under temporary names; only for the holder of the folder's lock."""
    for file in folder.glob(".*.partial"):
        file.unlink()


def write_part(
    folder: Path,
    number: int,
    stimuli: Sequence[int],
    responses: Mapping[str, tuple[Matrix, Matrix]],
    record: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a part, then the record that makes it count.

    Args:
        stimuli: identifiers, ascending.
        responses: layer -> maximum and mean, each (stimuli, filters).
        record: what else the record shall say (identity, plan, unreadable stimuli, provider …).
    """
    path = part_path(folder, number)
    order = sorted(responses)
    record_path(folder, number).unlink(missing_ok=True)  # a part that is made anew does not count meanwhile
    write_tables(
        path,
        _tables(order, stimuli, responses),
        RESPONSES,
        {key: record[key] for key in FOOTER if key in record},
        split=("maximum", "mean"),
    )
    complete = {
        "part": number,
        "stimuli": len(stimuli),
        "rows": len(stimuli) * sum(responses[layer][0].shape[1] for layer in order),
        "bytes": path.stat().st_size,
        "sha256": digest_of(path),
        "values": _values_digest(order, stimuli, responses),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        **record,
    }
    write_json(record_path(folder, number), complete)
    return complete


def part_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number}.parquet"


def record_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number}.json"


def read_record(folder: Path, number: int) -> dict[str, Any] | None:
    """The commit record of a part, None while the part does not count.

    Raises: VerificationError for a damaged record, and for that of another part.
    """
    file = record_path(folder, number)
    if not file.is_file():
        return None
    try:
        record = dict(json.loads(file.read_text(encoding="utf-8")))
    except ValueError as error:
        raise VerificationError(f"{file} is damaged: {error}; {_remedy(file)}") from error
    if record.get("part") != number:
        raise VerificationError(f"{file} is the record of part {record.get('part')}; {_remedy(file)}")
    return record


def planned_record(
    folder: Path, plan: Plan, number: int, digests: Mapping[int, str]
) -> dict[str, Any] | None:
    """The commit record of a planned part, None while the part does not count.

    Args:
        digests: sha256 of the set's images by stimulus_id.

    Raises: MixtureError when the part was made by another network, or of other images, than the plan says.
    """
    record = read_record(folder, number)
    if record is None:
        return None
    remedy = "extract again with --replace"
    if record.get("identity") != plan.digest:
        raise MixtureError(
            f"{part_path(folder, number)} was made by another network than its plan says; {remedy}"
        )
    part = plan.parts[number]
    if not digests.keys() >= set(part) or record.get("plan") != plan_digest(part, digests):
        raise MixtureError(
            f"{part_path(folder, number)} holds responses to other images than the stimulus set has now; {remedy}"
        )
    return record


def intact_parts(folder: Path, plan: Plan, digests: Mapping[int, str]) -> list[dict[str, Any]]:
    """Records of all parts that count, after holding every part's bytes against its record.

    A part is read in full only once: its path, size and time of change are remembered in the user's cache.

    Args:
        digests: sha256 of the set's images by stimulus_id.

    Raises: VerificationError for a damaged part; MixtureError for one that does not fit the plan or the set.
    """
    remembered = _read_memory()
    seen: dict[str, list[int | str]] = {}
    records = []
    for number in range(len(plan.parts)):
        record = planned_record(folder, plan, number, digests)
        if record is not None:
            seen |= _check_bytes(part_path(folder, number), record, remembered)
            records.append(record)
    _write_memory(remembered, seen)
    return records


def read_layer(parts: Sequence[Path], layer: str) -> tuple[NDArray[np.int32], Matrix, Matrix]:
    """The responses of one layer: stimulus identifiers, and maximum and mean, each (stimuli, filters).

    Raises: VerificationError for a part whose pages are damaged.
    """
    tables = [_rows_of(path, layer) for path in parts]
    stimuli = [np.unique(table["stimulus_id"].to_numpy()) for table in tables]
    pairs = zip(tables, stimuli, strict=True)
    matrices = [[t[name].to_numpy().reshape(-1, len(s)).T for name in ("maximum", "mean")] for t, s in pairs]
    maximum, mean = (np.concatenate(of_all) for of_all in zip(*matrices, strict=True))
    return np.concatenate(stimuli), maximum, mean


def _rows_of(path: Path, layer: str) -> pa.Table:
    """A part's rows of one layer, by filter and stimulus."""
    try:
        return pq.read_table(
            path,
            columns=["stimulus_id", "maximum", "mean"],
            filters=[("layer", "=", layer)],
            partitioning=None,  # `set=…` in the path is no column
            page_checksum_verification=True,
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise VerificationError(f"{path} is damaged: {error}; {_remedy(path)}") from error


def _check_bytes(
    path: Path, record: Mapping[str, Any], remembered: Mapping[str, Any]
) -> dict[str, list[int | str]]:
    if not path.is_file():
        raise VerificationError(f"{path} is missing, but its record exists; {_remedy(path)}")
    status = path.stat()
    mark = [status.st_size, status.st_mtime_ns, record["sha256"]]
    key = str(path.absolute())
    if remembered.get(key) == mark:
        return {}
    if digest_of(path) != record["sha256"]:
        raise VerificationError(
            f"{path} is damaged: its bytes are not those that were written; {_remedy(path)}"
        )
    return {key: mark}


def _remedy(path: Path) -> str:
    return f"restore it, or delete {path.stem}.* there and run the extraction again"


def _read_memory() -> dict[str, Any]:
    with contextlib.suppress(
        OSError, ValueError
    ):  # without it, or with a damaged one, all parts are held again
        return dict(json.loads((cache_folder() / "intact.json").read_text(encoding="utf-8")))
    return {}


def _write_memory(remembered: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
    if seen:
        recent = list({**remembered, **seen}.items())[-100_000:]
        with contextlib.suppress(OSError):  # without a writable cache, parts are only held again next time
            write_json(cache_folder() / "intact.json", dict(recent))


def _tables(
    order: Sequence[str], stimuli: Sequence[int], responses: Mapping[str, tuple[Matrix, Matrix]]
) -> Iterator[pa.Table]:
    """One table a layer, its rows sorted by filter and stimulus."""
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


def _values_digest(
    order: Sequence[str], stimuli: Sequence[int], responses: Mapping[str, tuple[Matrix, Matrix]]
) -> str:
    """SHA-256 over the sorted values, not the file: equal on every machine and for every writer."""
    digest = hashlib.sha256(np.asarray(stimuli, dtype="<i4").tobytes())
    for layer in order:
        digest.update(layer.encode() + b"\n")
        for matrix in responses[layer]:
            digest.update(np.ascontiguousarray(matrix.T, dtype="<f4").tobytes())
    return digest.hexdigest()
