"""Which parts of an extraction count now. Owns comparing them with plan, records and bytes, and remembering that.

Comparing 100,000 stimuli with their plan takes longer than most queries. What was found is therefore remembered in the
user's cache, under the names, sizes and times of all files that it follows from.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolbox.errors import UsageError
from toolbox.store.folder import StudyFolder, part_path
from toolbox.store.memory import recall, remember
from toolbox.store.plan import Plan, read_digests, read_plan
from toolbox.store.records import intact_parts

REMEMBERED = 1000
"""Extractions of which the cache remembers what was found."""


@dataclass(frozen=True)
class AvailableResponses:
    """The responses of one model to one set, as far as they are there.

    Attributes:
        layers: those whose responses are kept.
        parts: number of every part that counts -> digest of its values and of its stimuli's images.
        stimuli: stimuli with responses.
        unreadable: identifiers of stimuli that were planned and could not be read.
        of: stimuli of the set.
        provenance: what a result says of its responses' origin.
    """

    set: str
    model: str
    layers: list[str]
    parts: dict[str, str]
    stimuli: int
    unreadable: list[int]
    of: int
    provenance: dict[str, Any]

    @property
    def remarks(self) -> list[str]:
        """What a reader should know: that there are not the responses to all stimuli."""
        if self.stimuli == self.of:
            return []
        unreadable = len(self.unreadable)
        missing = self.of - self.stimuli - unreadable
        return [
            f"these are the responses to {self.stimuli:,} of {self.of:,} stimuli ({unreadable:,} "
            f"could not be read, {missing:,} were not shown yet); to finish: "
            f"toolbox extract {self.set} --model {self.model}"
        ]

    def paths(self, study: StudyFolder, numbers: Collection[str] | None = None) -> list[Path]:
        """The files of the parts that count.

        Args:
            study: where they are.
            numbers: of those that are wanted; all if None.
        """
        folder = study.responses(self.set, self.model)
        return [part_path(folder, int(number)) for number in (self.parts if numbers is None else numbers)]


def available_responses(study: StudyFolder, set_name: str, model: str) -> AvailableResponses:
    """The parts that count, each compared with the plan, its record and, once, its record's sha256.

    Args:
        study: where they are.
        set_name: the stimulus set.
        model: whose responses.

    Raises: UsageError when there is none yet; VerificationError, MixtureError as `intact_parts`.
    """
    folder, stimuli = study.responses(set_name, model), study.stimuli(set_name)
    key, mark = str(folder.absolute()), _mark(_sources(folder, stimuli))
    entry: Any = recall("availability").get(key)
    with contextlib.suppress(TypeError, KeyError):  # nothing, or another version remembered something else
        if entry["mark"] == mark:
            return AvailableResponses(**entry["found"])
    found = _count_parts(study, set_name, model)
    remember("availability", {key: {"mark": mark, "found": asdict(found)}}, REMEMBERED)
    return found


def stimuli_with_responses(study: StudyFolder, set_name: str, model: str) -> set[int]:
    """Identifiers of the stimuli with responses; within one set a number is one image.

    Args:
        study: where the responses are.
        set_name: the stimulus set.
        model: whose responses.

    Raises: as `available_responses`.
    """
    responses = available_responses(study, set_name, model)
    plan = read_plan(study.responses(set_name, model))
    planned = {
        stimulus for number in responses.parts for stimulus in (plan.parts[int(number)] if plan else ())
    }
    return planned.difference(responses.unreadable)


def _count_parts(study: StudyFolder, set_name: str, model: str) -> AvailableResponses:
    """Compare all parts with plan, records and bytes."""
    folder = study.responses(set_name, model)
    plan, digests = read_plan(folder), read_digests(study.stimuli(set_name))
    records = intact_parts(folder, plan, digests) if plan else []
    if plan is None or not records:
        raise UsageError(
            f"no responses of {model} to {set_name} are complete yet; first: toolbox extract {set_name} --model {model}"
        )
    return AvailableResponses(
        set=set_name,
        model=model,
        layers=list(plan.identity.recorded_layers),
        parts={str(record["part"]): f"{record['values']} {record['plan']}" for record in records},
        stimuli=sum(record["stimuli"] for record in records),
        unreadable=[entry["stimulus_id"] for record in records for entry in record["unreadable"]],
        of=len(digests),
        provenance=_origin(plan, records),
    )


def _origin(plan: Plan, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a result says of its responses' origin."""
    return {
        "identity": plan.digest,
        "precision": plan.identity.precision,
        "weights": sorted({record.get("weights", "") for record in records}),
        "provider": sorted({record.get("provider", "") for record in records}),
        "response_rows": sum(record["rows"] for record in records),
    }


def _sources(folder: Path, stimuli: Path) -> Iterator[os.DirEntry[str] | Path]:
    """All files that the answer follows from."""
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if entry.name.startswith(("part-", "plan.")))
    yield stimuli


def _mark(files: Iterable[os.DirEntry[str] | Path]) -> str:
    """A digest of names, sizes and times of change."""
    lines = []
    for file in files:
        with contextlib.suppress(FileNotFoundError):  # it was taken back since the folder was listed
            lines.append(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
