"""A fixed reference: the responses of a network to a set, as statistics of every filter. Owns the file of them.

Categories that are compared with a reference instead of with each other keep their numbers whatever else is in their
set, and can be compared between studies. The file holds no image, and nothing of a single one but extreme responses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.content import reference_files
from toolbox.display import Report
from toolbox.errors import MixtureError, UnknownNameError, UsageError, VerificationError, command_line
from toolbox.files import replace_file
from toolbox.query import Answer, ask
from toolbox.store.columns import Columns
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import arrow_schema, read_table_and_origin, table_bytes
from toolbox.store.plan import Identity, read_plan
from toolbox.store.selection import Selection, resolve_selection

DISTRIBUTION_QUERY = "filters/distribution"
_DIGEST = "sha256"
"""Key in the metadata of the file: digest of all others."""
_FLOATS = ("mean", "sd", "minimum", "q05", "q25", "q50", "q75", "q95", "maximum")
REFERENCE: Columns = {
    "layer": "string",
    "filter": "int32",
    "statistic": "string",
    "n": "int32",
    **dict.fromkeys(_FLOATS, "float"),
}
"""Columns of the file: those of the query; responses are float32 too."""


@dataclass(frozen=True, eq=False)
class ReferenceResponses:
    """The responses of a network to the stimuli of a reference.

    Attributes:
        name: of the set, or of the file.
        rows: of `filters/distribution`.
        identity: of the network: a digest of preprocessing, architecture and weights for every layer.
        stimuli: number of stimuli.
        description: of the stimuli, with their source.
        origin: for the provenance of results: set or file, digest of the values, description.
        notes: what a reader should know.
    """

    name: str
    rows: pl.DataFrame
    identity: Identity
    stimuli: int
    description: str
    origin: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReferenceReport(Report):
    """A file of reference responses that was written.

    Attributes:
        file: where.
        set, model: whose responses to what.
        stimuli, filters, layers: how many.
        bytes: size of the file.
        notes: what a reader should know.
    """

    file: str
    set: str
    model: str
    stimuli: int
    filters: int
    layers: int
    bytes: int
    notes: tuple[str, ...] = ()


def find_reference(study: StudyFolder, name: str, model: str) -> ReferenceResponses:
    """The reference of a name: a set of the study, a file (.parquet), or one that ships with the network.

    Args:
        study: that is compared.
        name: of the reference, or the path of its file.
        model: the network of the study.

    Raises: UnknownNameError; UsageError, VerificationError for a file that is no reference, or is damaged; as a query
        for the responses to a set.
    """
    if name in study.sets():
        return set_reference(study, Selection(name, (model,)))
    if name.endswith(".parquet"):
        return read_reference(Path(name))
    shipped = reference_files(model)
    if name not in shipped:
        hint = (
            "expected a stimulus set of this study with responses of the network, the file of a reference (.parquet), "
            f"or one that ships with {model} ({', '.join(shipped) or 'none'})"
        )
        raise UnknownNameError("reference", name, [*study.sets(), *shipped], hint)
    return read_reference(shipped[name])


def set_reference(study: StudyFolder, selection: Selection) -> ReferenceResponses:
    """All stimuli of a set with responses, as a reference.

    Args:
        study: with the set.
        selection: set and model; the only ones if not named.

    Raises: as a query.
    """
    chosen = resolve_selection(study, {"responses"}, selection)
    answer = ask(study, DISTRIBUTION_QUERY, {}, chosen)
    rows = answer.rows.with_columns(pl.col(_FLOATS).cast(pl.Float32), pl.col("n").cast(pl.Int32))
    if rows.is_empty():
        raise UsageError(
            f"{chosen.model} has no layer but pooling layers for {chosen.set}; expected filters to compare with"
        )
    plan = read_plan(study.extraction(str(chosen.set), str(chosen.model)))
    assert plan is not None  # the query has read its responses
    return ReferenceResponses(
        str(chosen.set),
        rows,
        plan.identity,
        int(rows["n"][0]),
        f"all {rows['n'][0]:,} stimuli of the set {chosen.set}",
        {"set": chosen.set, "values": values_digest(rows), **_of_responses(answer)},
        tuple(answer.notes),
    )


def save_reference(
    study: StudyFolder, path: Path, selection: Selection, description: str | None = None
) -> ReferenceReport:
    """Write the responses to a set as a reference for other studies, whole or not at all.

    Args:
        study: with the set.
        path: the file (.parquet), which is replaced if it exists.
        selection: set and model; the only ones if not named.
        description: of the stimuli, with their source; it is printed wherever the reference is used.

    Raises: UsageError for another suffix; as a query.
    """
    if path.suffix != ".parquet":
        raise UsageError(
            f"a reference cannot be written to {path.name}; expected a name that ends in .parquet"
        )
    found = set_reference(study, selection)
    provenance = {
        "task": "reference",
        **found.origin,
        "model": found.identity.model,
        "stimuli": found.stimuli,
        "description": description or found.description,
        "identity": asdict(found.identity),
    }
    table = found.rows.to_arrow().cast(arrow_schema(REFERENCE))
    origin = {**provenance, _DIGEST: _digest_of_origin(provenance)}
    with replace_file(path) as fresh:
        fresh.write_bytes(table_bytes(table, origin, split=_FLOATS))
    filters = found.rows.select("layer", "filter").unique().height
    return ReferenceReport(
        str(path),
        found.name,
        found.identity.model,
        found.stimuli,
        filters,
        found.rows["layer"].n_unique(),
        path.stat().st_size,
        found.notes,
    )


def read_reference(path: Path) -> ReferenceResponses:
    """A reference from its file, whose pages and values are compared with their digests.

    Raises: UsageError for a file that is missing or no reference; VerificationError for one that is damaged.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; expected the file of a reference (toolbox reference)")
    table, origin = read_table_and_origin(path)
    if table.schema.names != list(REFERENCE) or origin.get("task") != "reference":
        raise UsageError(
            f"{path} is not the file of a reference; to write one: toolbox reference SET --output FILE"
        )
    rows = pl.DataFrame(table)
    if origin.get(_DIGEST) != _digest_of_origin(origin) or origin["values"] != values_digest(rows):
        raise VerificationError(
            f"{path} is damaged: its content is not what was written; restore it, or write it again"
        )
    identity = Identity(**{**origin["identity"], "tapped": tuple(origin["identity"]["tapped"])})
    kept = {str(name): origin[name] for name in ("set", "values", "description", "weights") if name in origin}
    return ReferenceResponses(
        path.name.removesuffix(".parquet").removeprefix(f"{identity.model}."),
        rows,
        identity,
        int(origin["stimuli"]),
        str(origin["description"]),
        {"file": path.name, **kept},
    )


def check_reference(
    reference: ReferenceResponses, identity: Identity, layers: Sequence[str]
) -> tuple[str, ...]:
    """Refuse a reference of another network, other weights, or another preprocessing.

    Args:
        reference: that is compared with.
        identity: of the responses that are compared.
        layers: that are compared.

    Returns: a note on layers that the reference lacks.
    Raises: MixtureError.
    """
    recorded = set(reference.rows["layer"])
    absent = [name for name in layers if name not in recorded]
    common = [name for name in layers if name in recorded]
    others = [name for name in common if identity.layers[name] != reference.identity.layers[name]]
    own = command_line("reference", "SET", "--model", identity.model, "--output", "FILE")
    remedy = f"present the stimuli of the reference to the same network, and write it again ({own})"
    if others or not common:
        difference = f"the first layer that differs: {others[0]}" if others else "no layer in common"
        raise MixtureError(
            f"the reference {reference.name} is of {reference.identity.model} with other weights or another "
            f"preprocessing than the responses of {identity.model} here ({difference}); {remedy}"
        )
    if reference.identity.precision != identity.precision:
        raise MixtureError(
            f"the reference {reference.name} was computed in {reference.identity.precision}, the responses here in "
            f"{identity.precision}; {remedy}"
        )
    if not absent:
        return ()
    return (f"layers that the reference {reference.name} lacks are left out: {', '.join(absent)}",)


def values_digest(rows: pl.DataFrame) -> str:
    """SHA-256 of the values of a reference, whoever wrote the file.

    Args:
        rows: of the file.
    """
    digest = hashlib.sha256("\n".join(rows["layer"] + rows["statistic"]).encode())
    for name in ("filter", "n", *_FLOATS):
        digest.update(rows[name].fill_null(float("nan") if name in _FLOATS else 0).to_numpy().tobytes())
    return digest.hexdigest()


def _digest_of_origin(origin: Mapping[str, Any]) -> str:
    """SHA-256 of what is recorded of a reference, with the digest of its values, whichever version wrote it."""
    recorded = {name: value for name, value in origin.items() if name not in ("tool", _DIGEST)}
    return hashlib.sha256(json.dumps(recorded, sort_keys=True).encode()).hexdigest()


def _of_responses(answer: Answer) -> dict[str, Any]:
    return {name: answer.provenance[name] for name in ("weights", "provider") if name in answer.provenance}
