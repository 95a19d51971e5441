"""The responses of one model to one set: a fixed plan, parts, and their commit records.

Owns the rule that a part counts only if its record exists, and that nothing of another identity is read beside it.

The plan says which stimulus goes into which part and carries the identity of the extraction: for every layer the
digest of all that its responses follow from. New stimuli make new parts; a planned part never changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from toolbox.errors import MixtureError, VerificationError
from toolbox.fetch import cache_folder, digest_of
from toolbox.store.files import open_table, provenance_of, write_json, write_table, write_tables

PART = 1000
"""Stimuli in a part: its responses fit in memory many times over, and a killed run loses a minute at most."""

RESPONSES = pa.schema(
    [
        ("layer", pa.string()),
        ("filter", pa.int32()),
        ("stimulus_id", pa.int32()),
        ("maximum", pa.float32()),
        ("mean", pa.float32()),
    ]
)
PLAN = pa.schema([("stimulus_id", pa.int32()), ("part", pa.int32())])

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Identity:
    """What must be equal for two parts to stand in one table."""

    model: str
    layers: Mapping[str, str]  # name -> digest of preprocessing, architecture and weights down to it
    precision: str = "float32"
    statistics: str = "maximum, mean"

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """Stimulus identifiers of every part, in their order, and the identity that all parts share."""

    identity: Identity
    parts: tuple[tuple[int, ...], ...]
    digest: str = ""  # of the identity, as it was when the plan was first written

    @property
    def stimuli(self) -> set[int]:
        return {stimulus for part in self.parts for stimulus in part}


def read_plan(folder: Path) -> Plan | None:
    """The plan of an extraction, None where there is none yet."""
    file = folder / "plan.parquet"
    if not file.is_file():
        return None
    provenance = provenance_of(file)
    with open_table(file) as opened:
        table = opened.read()
    parts: dict[int, list[int]] = {}
    for stimulus, part in zip(table["stimulus_id"].to_pylist(), table["part"].to_pylist(), strict=True):
        parts.setdefault(part, []).append(stimulus)
    identity = Identity(**provenance["identity"])
    return Plan(identity, tuple(tuple(parts[number]) for number in sorted(parts)), provenance["digest"])


def extend_plan(folder: Path, identity: Identity, stimuli: Sequence[int], *, size: int = PART) -> Plan:
    """Write the plan that adds the stimuli not yet planned, as new parts; the existing ones stay as they are.

    Args:
        size: stimuli in a new part.

    Raises: MixtureError when the existing plan has another identity.
    """
    plan = read_plan(folder) or Plan(identity, (), identity.digest)
    hold_identity(folder, plan.identity, identity)
    known = plan.stimuli
    fresh = [stimulus for stimulus in stimuli if stimulus not in known]
    if not fresh:
        return plan
    added = tuple(tuple(fresh[start : start + size]) for start in range(0, len(fresh), size))
    plan = Plan(identity, plan.parts + added, plan.digest)
    rows = [(stimulus, number) for number, part in enumerate(plan.parts) for stimulus in part]
    table = pa.table(dict(zip(PLAN.names, map(list, zip(*rows, strict=True)), strict=True)), schema=PLAN)
    write_table(folder / "plan.parquet", table, {"identity": asdict(identity), "digest": plan.digest})
    return plan


def hold_identity(place: Path, existing: Identity, wanted: Identity) -> None:
    """Refuse to go on where another network, preprocessing or choice of layers was at work.

    Raises: MixtureError that says which of them differs.
    """
    if existing == wanted:
        return
    common = existing.layers.keys() & wanted.layers.keys()
    if existing.model != wanted.model or any(existing.layers[name] != wanted.layers[name] for name in common):
        difference = "other weights or preprocessing"
    elif existing.precision != wanted.precision:
        difference = f"precision {existing.precision}, not {wanted.precision}"
    elif existing.statistics != wanted.statistics:
        difference = f"the statistics {existing.statistics}, not {wanted.statistics}"
    else:
        more = ", ".join(sorted(existing.layers.keys() - wanted.layers.keys())) or "no layer more"
        less = ", ".join(sorted(wanted.layers.keys() - existing.layers.keys())) or "none"
        difference = f"other layers (there but not asked for: {more}; asked for but not there: {less})"
    raise MixtureError(
        f"{place} holds responses made with {difference}; repeat the choices made there, "
        "or start afresh with --replace, or use another study"
    )


def hold_same_network(place: Path, existing: Identity, wanted: Identity) -> None:
    """Refuse one model name for two networks in one study; other layers of the same network are welcome.

    Raises: MixtureError.
    """
    common = existing.layers.keys() & wanted.layers.keys()
    if any(existing.layers[name] != wanted.layers[name] for name in common):
        raise MixtureError(
            f"{place} holds responses of {wanted.model} made with other weights or preprocessing; "
            "use the same ones, give the card another name, or use another study"
        )


def clear(folder: Path) -> None:
    """Take back an extraction: the records first, so that no part counts without its plan."""
    for pattern in ("part-*.json", "part-*.parquet", "plan.parquet"):
        for file in folder.glob(pattern):
            file.unlink()


def sweep(folder: Path) -> None:
    """Remove what a killed process left under temporary names; only for the holder of the folder's lock."""
    for file in folder.glob(".*.partial"):
        file.unlink()


def plan_digest(part: Sequence[int], digests: Mapping[int, str]) -> str:
    """Identity of a part's stimuli: their identifiers and the sha256 of their files."""
    lines = "\n".join(f"{stimulus} {digests[stimulus]}" for stimulus in sorted(part))
    return hashlib.sha256(lines.encode()).hexdigest()


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
        {key: record[key] for key in ("identity", "model", "weights", "provider", "precision") if key in record},
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


def intact_parts(folder: Path, plan: Plan) -> list[dict[str, Any]]:
    """Records of all parts that count, after holding every part's bytes against its record.

    A part is read in full only once: its path, size and time of change are remembered in the user's cache.

    Raises: VerificationError for a damaged part; MixtureError for one of another identity.
    """
    remembered = _remembered()
    seen: dict[str, list[int | str]] = {}
    records = []
    for number in range(len(plan.parts)):
        record = read_record(folder, number)
        if record is None:
            continue
        path = part_path(folder, number)
        if record["identity"] != plan.digest:
            raise MixtureError(f"{path} was made by another network than its plan says; delete it and extract again")
        seen |= _hold(path, record, remembered)
        records.append(record)
    _remember(remembered, seen)
    return records


def _hold(path: Path, record: Mapping[str, Any], remembered: Mapping[str, Any]) -> dict[str, list[int | str]]:
    if not path.is_file():
        raise VerificationError(f"{path} is missing, but its record exists; {_remedy(path)}")
    status = path.stat()
    mark = [status.st_size, status.st_mtime_ns, record["sha256"]]
    key = str(path.absolute())
    if remembered.get(key) == mark:
        return {}
    if digest_of(path) != record["sha256"]:
        raise VerificationError(f"{path} is damaged: its bytes are not those that were written; {_remedy(path)}")
    return {key: mark}


def _remedy(path: Path) -> str:
    return f"restore it, or delete {path.stem}.* there and run the extraction again"


def _remembered() -> dict[str, Any]:
    file = cache_folder() / "intact.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _remember(remembered: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
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


def _values_digest(order: Sequence[str], stimuli: Sequence[int], responses: Mapping[str, tuple[Matrix, Matrix]]) -> str:
    """SHA-256 over the sorted values, not the file: equal on every machine and for every writer."""
    digest = hashlib.sha256(np.asarray(stimuli, dtype="<i4").tobytes())
    for layer in order:
        digest.update(layer.encode() + b"\n")
        for matrix in responses[layer]:
            digest.update(np.ascontiguousarray(matrix.T, dtype="<f4").tobytes())
    return digest.hexdigest()
