"""The plan of an extraction: which stimulus goes into which part, and the identity that all parts share.

The identity contains, for every layer up to the deepest recorded one, the digest of everything that determines its
responses. New stimuli make new parts; a planned part never changes. Owns refusing mixtures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from toolbox.errors import MixtureError, VerificationError
from toolbox.store.columns import PLAN
from toolbox.store.folder import ExtractionFolder
from toolbox.store.parquet import arrow_table, read_table_and_origin, write_table
from toolbox.store.stimuli import image_identity, read_stimuli

LARGEST_PART, SMALLEST_PART = 1000, 50
"""Number of stimuli in a part: small compared with the memory, but large enough for files that are read fast."""


def part_size(stimuli: int) -> int:
    """The default number of stimuli in a part: a tenth of all, so that a killed run loses no more."""
    return min(LARGEST_PART, max(SMALLEST_PART, -(-stimuli // 10)))  # a tenth, rounded up


@dataclass(frozen=True)
class Identity:
    """What must be equal for two parts to be in one table.

    Attributes:
        layers: name -> digest of preprocessing, architecture and weights from the input to this layer, for all
            layers up to the deepest recorded one.
        tapped: the recorded layers; all of `layers` if empty.
    """

    model: str
    layers: Mapping[str, str]
    tapped: tuple[str, ...] = ()
    precision: str = "float32"
    statistics: str = "maximum, mean"

    @property
    def recorded_layers(self) -> tuple[str, ...]:
        """Names of the recorded layers."""
        return self.tapped or tuple(self.layers)

    @property
    def digest(self) -> str:
        """SHA-256 of all fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """The stimulus identifiers of every part, in order, and the identity that all parts share."""

    identity: Identity
    parts: tuple[tuple[int, ...], ...]
    digest: str = ""  # of the identity when the plan was first written
    created: str = ""  # the time of the first plan of these responses; empty where an early version wrote it

    @property
    def stimuli(self) -> set[int]:
        """Identifiers of all planned stimuli."""
        return {stimulus for part in self.parts for stimulus in part}

    def begins(self, other: Plan | None) -> bool:
        """Whether another plan is this one, or this one with further parts."""
        return (
            other is not None and other.digest == self.digest and other.parts[: len(self.parts)] == self.parts
        )


def read_plan(folder: ExtractionFolder, *, draft: bool = False) -> Plan | None:
    """The plan of an extraction, None where there is none yet.

    Args:
        folder: the folders of the extraction.
        draft: whether to read the plan that becomes this one with the first part.

    Raises: VerificationError when the plan is damaged.
    """
    file = folder.draft if draft else folder.plan
    if not file.is_file():
        return None
    table, provenance = read_table_and_origin(file, *PLAN)
    try:
        given = {**provenance["identity"], "tapped": tuple(provenance["identity"].get("tapped", ()))}
        identity, digest = Identity(**given), str(provenance["digest"])
        rows = zip(table["stimulus_id"].to_pylist(), table["part"].to_pylist(), strict=True)
    except (KeyError, TypeError) as error:
        raise VerificationError(
            f"{file} is damaged; restore it, or extract again with replace (--replace)"
        ) from error
    parts: dict[int, list[int]] = {}
    for stimulus, part in rows:
        parts.setdefault(part, []).append(stimulus)
    planned = tuple(tuple(parts[number]) for number in sorted(parts))
    return Plan(identity, planned, digest, str(provenance.get("created", "")))


def extended_plan(plan: Plan, stimuli: Sequence[int], *, size: int | None = None) -> Plan:
    """The plan with new parts for stimuli that are not yet planned; the existing parts stay unchanged.

    Args:
        plan: the existing plan, or a plan without parts.
        stimuli: identifiers of all stimuli, already planned or not.
        size: number of stimuli in a new part; None for the `part_size` of the new stimuli.
    """
    planned = plan.stimuli
    fresh = [stimulus for stimulus in stimuli if stimulus not in planned]
    if not fresh:
        return plan
    size = size or part_size(len(fresh))
    added = tuple(tuple(fresh[start : start + size]) for start in range(0, len(fresh), size))
    return replace(plan, parts=plan.parts + added)


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan, whole or not at all.

    Args:
        path: the file.
        plan: the plan.
    """
    columns: dict[str, list[int]] = {name: [] for name in PLAN}
    for number, part in enumerate(plan.parts):
        columns["stimulus_id"] += part
        columns["part"] += [number] * len(part)
    origin = {"identity": asdict(plan.identity), "digest": plan.digest}
    origin |= {"created": plan.created} if plan.created else {}
    write_table(path, arrow_table(columns, PLAN), origin)


def check_identity(place: Path, existing: Identity, wanted: Identity) -> None:
    """Refuse to add responses of another network, preprocessing or choice of layers.

    Args:
        place: the folder of the extraction.
        existing: the identity of the existing responses.
        wanted: the identity of the new responses.

    Raises: MixtureError, whose message names the difference.
    """
    if existing != wanted:
        raise MixtureError(
            f"{place} contains responses computed with {_difference(existing, wanted)}; use the same settings again, "
            "discard these responses with replace (--replace), or use another study"
        )


def has_more_layers(existing: Identity, wanted: Identity) -> bool:
    """Whether a wanted identity differs from that of existing responses in nothing but further recorded layers.

    Args:
        existing: the identity of the existing responses.
        wanted: the identity of the new responses.
    """
    is_wider = {*existing.recorded_layers} < {*wanted.recorded_layers}
    is_same_network = existing.layers.items() <= wanted.layers.items()
    # all else is compared, too
    return (
        is_wider
        and is_same_network
        and existing == replace(wanted, layers=existing.layers, tapped=existing.tapped)
    )


def _difference(existing: Identity, wanted: Identity) -> str:
    """The difference between two identities, in words."""
    if existing.model != wanted.model or _has_other_layers(existing, wanted):
        return "other weights or another preprocessing (card, weights, decoding, resize, fit)"
    if existing.precision != wanted.precision:
        return f"precision {existing.precision} instead of {wanted.precision}"
    if existing.statistics != wanted.statistics:
        return f"the statistics {existing.statistics} instead of {wanted.statistics}"
    more = ", ".join(sorted({*existing.recorded_layers} - {*wanted.recorded_layers})) or "none"
    less = ", ".join(sorted({*wanted.recorded_layers} - {*existing.recorded_layers})) or "none"
    return f"other layers (recorded but not requested: {more}; requested but not recorded: {less})"


def _has_other_layers(existing: Identity, wanted: Identity) -> bool:
    """Whether a layer of both identities has different responses in them."""
    common = existing.layers.keys() & wanted.layers.keys()
    return any(existing.layers[name] != wanted.layers[name] for name in common)


def check_same_network(place: Path, existing: Identity, wanted: Identity) -> None:
    """Refuse one model name for two networks in one study; other layers of the same network are accepted.

    Args:
        place: the folder of an extraction.
        existing: the identity of the existing responses.
        wanted: the identity of the new responses.

    Raises: MixtureError.
    """
    if _has_other_layers(existing, wanted):
        raise MixtureError(
            f"{place} contains responses of {wanted.model} computed with other weights or another preprocessing "
            "(card, weights, decoding, resize, fit); use the same settings, give the card another name, or use another "
            "study"
        )


def read_digests(stimuli: Path) -> dict[int, str]:
    """Identities of the images of a set by stimulus_id, from its table.

    Raises: VerificationError when the table is damaged.
    """
    return {row["stimulus_id"]: image_identity(row) for row in read_stimuli(stimuli)}


def plan_digest(part: Sequence[int], digests: Mapping[int, str]) -> str:
    """The identity of the stimuli of a part: a digest of their identifiers and the identities of their images.

    Args:
        part: identifiers, in any order.
        digests: identities of the images by stimulus_id.
    """
    lines = "\n".join(f"{stimulus} {digests[stimulus]}" for stimulus in sorted(part))
    return hashlib.sha256(lines.encode()).hexdigest()
