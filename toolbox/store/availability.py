"""Which parts of an extraction count. Owns comparing them with plan, records and bytes, and caching the result.

Comparing 100,000 stimuli with their plan takes longer than most queries. The result is therefore stored in the user's
cache, together with a digest of all on which it depends: the content of the plan, the records and the table of stimuli,
and names, sizes and modification times of the parts, whose bytes are compared with their checksums as they are read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolbox.errors import BusyError, MixtureError, UsageError, command_line
from toolbox.files import digest_of, has_writer
from toolbox.store.checksums import present_digest
from toolbox.store.folder import ExtractionFolder, StudyFolder
from toolbox.store.imported_rollups import (
    IMPORT_AGAIN,
    ImportedRollups,
    imported_record,
    read_imported_rollups,
    without_responses,
)
from toolbox.store.memory import recall, remember
from toolbox.store.plan import Plan, plan_digest, read_digests, read_plan
from toolbox.store.records import intact_parts

REMEMBERED = 1000
"""Number of extractions whose result is kept in the cache."""


@dataclass(frozen=True)
class AvailableResponses:
    """The available responses of one model to one set.

    Attributes:
        layers: the recorded layers.
        parts: number of every part that counts -> digest of its values and of the images of its stimuli.
        stimuli: number of stimuli with responses.
        unreadable: identifiers of planned stimuli that could not be read.
        of: number of stimuli in the set.
        provenance: the origin of the responses, for the provenance of results.
        imported: where only roll-ups were imported: label scheme -> digests of its labels and of its roll-up.
    """

    set: str
    model: str
    layers: list[str]
    parts: dict[str, str]
    stimuli: int
    unreadable: list[int]
    of: int
    provenance: dict[str, Any]
    imported: dict[str, dict[str, str]] | None = None

    @property
    def notes(self) -> list[str]:
        """A warning if responses to some stimuli are missing."""
        if self.stimuli == self.of:
            return []
        unreadable = len(self.unreadable)
        missing = self.of - self.stimuli - unreadable
        verb = "was" if missing == 1 else "were"
        if self.imported is not None:
            return [
                f"these are imported roll-ups of the responses to {self.stimuli:,} of {self.of:,} stimuli "
                f"({unreadable:,} could not be read, {missing:,} {verb} not presented)"
            ]
        return [
            f"these are the responses to {self.stimuli:,} of {self.of:,} stimuli ({unreadable:,} could not be read, "
            f"{missing:,} {verb} not presented yet); extract the rest with: "
            f"{command_line('extract', self.set, '--model', self.model)}"
        ]

    @property
    def cautions(self) -> list[str]:
        """What every result must state, such as that stimuli were counted twice."""
        return list(self.provenance.get("cautions", ()))

    def paths(self, study: StudyFolder, numbers: Collection[str] | None = None) -> list[Path]:
        """The files of the parts that count.

        Args:
            study: the study that contains the responses.
            numbers: numbers of the parts to return; None for all.

        Raises: UsageError where only roll-ups were imported.
        """
        if self.imported is not None:
            raise without_responses(self.set, self.model)
        folder = study.extraction(self.set, self.model)
        return [folder.part(int(number)) for number in (self.parts if numbers is None else numbers)]


def available_responses(study: StudyFolder, set_name: str, model: str) -> AvailableResponses:
    """The parts that count, each compared with the plan, its record and, once, the sha256 in its record.

    Args:
        study: the study that contains the responses.
        set_name: the stimulus set.
        model: name of the model.

    Raises: UsageError when there are no responses yet; BusyError when another process is extracting the first of them;
        VerificationError, MixtureError as `intact_parts`.
    """
    folder = study.extraction(set_name, model)
    key, mark = str(folder.parts.absolute()), _mark(folder, study.stimuli(set_name))
    entry: Any = recall("availability").get(key)
    with contextlib.suppress(TypeError, KeyError):  # there is no entry, or one of another version
        if entry["mark"] == mark:
            return AvailableResponses(**entry["found"])
    found = _count_parts(study, set_name, model)
    remember("availability", {key: {"mark": mark, "found": asdict(found)}}, REMEMBERED)
    return found


def note_extraction(study: StudyFolder, responses: AvailableResponses) -> list[str]:
    """A warning if the responses are incomplete because another process is extracting them now.

    Args:
        study: the study that contains the responses.
        responses: those that are available.
    """
    is_complete = responses.stimuli + len(responses.unreadable) >= responses.of
    if is_complete or not _is_extracted(study.extraction(responses.set, responses.model)):
        return []
    return [
        f"the responses of {responses.model} to {responses.set} are being extracted by another process; ask again when "
        "it has ended"
    ]


def _is_extracted(folder: ExtractionFolder) -> bool:
    """Whether another process, or one of several jobs, is extracting responses."""
    return any(map(has_writer, (folder.plans, *folder.jobs)))


def stimuli_with_responses(study: StudyFolder, set_name: str, model: str) -> set[int]:
    """Identifiers of the stimuli with responses; within one set, a number always means the same image.

    Args:
        study: the study that contains the responses.
        set_name: the stimulus set.
        model: name of the model.

    Raises: as `available_responses`.
    """
    responses = available_responses(study, set_name, model)
    folder = study.extraction(set_name, model)
    if imported := read_imported_rollups(folder):
        return imported.stimuli
    plan = read_plan(folder)
    planned = {
        stimulus for number in responses.parts for stimulus in (plan.parts[int(number)] if plan else ())
    }
    return planned.difference(responses.unreadable)


def _count_parts(study: StudyFolder, set_name: str, model: str) -> AvailableResponses:
    """Compare all parts with plan, records and bytes."""
    folder = study.extraction(set_name, model)
    plan, digests = read_plan(folder), read_digests(study.stimuli(set_name))
    imported = read_imported_rollups(folder)
    if plan and imported:
        return _imported(set_name, plan, imported, digests)
    records = intact_parts(folder, plan, digests) if plan else []
    if plan is None or not records:
        if _is_extracted(folder):
            raise BusyError(
                f"the responses of {model} to {set_name} are being extracted by another process, which has finished no "
                "part yet; wait, and try again"
            )
        raise UsageError(
            f"no responses of {model} to {set_name} are available yet; extract them first with: "
            f"{command_line('extract', set_name, '--model', model)}"
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


def _imported(
    set_name: str, plan: Plan, imported: ImportedRollups, digests: Mapping[int, str]
) -> AvailableResponses:
    """What is available of responses of which only roll-ups were imported.

    Raises: MixtureError when they are of another network than that of the plan, or of other images than the set.
    """
    model, stimuli = plan.identity.model, imported.stimuli
    if imported.identity != plan.digest:
        reason = "another network than that of their plan"
    elif not digests.keys() >= stimuli or plan_digest([*stimuli], digests) != imported.images:
        reason = "other images than the current images of the stimulus set"
    else:
        reason = ""
    if reason:
        raise MixtureError(f"the imported roll-ups of {model} to {set_name} are of {reason}; {IMPORT_AGAIN}")
    return AvailableResponses(
        set=set_name,
        model=model,
        layers=list(plan.identity.recorded_layers),
        parts=dict(imported.parts),
        stimuli=len(stimuli),
        unreadable=imported.unreadable,
        of=len(digests),
        provenance=dict(imported.provenance),
        imported={scheme: dict(digests) for scheme, digests in imported.schemes.items()},
    )


def _origin(plan: Plan, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The origin of the responses, for the provenance of results."""
    return {
        "identity": plan.digest,
        "precision": plan.identity.precision,
        "weights": sorted({record.get("weights", "") for record in records}),
        "provider": sorted({record.get("provider", "") for record in records}),
        "response_rows": sum(record["rows"] for record in records),
    }


def _mark(folder: ExtractionFolder, stimuli: Path) -> str:
    """A digest of all on which the result depends."""
    lines = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder.parts) as parts:
        for part in parts:
            with contextlib.suppress(FileNotFoundError):  # the file was removed after the folder was listed
                lines.append(f"{part.name} {part.stat().st_size} {part.stat().st_mtime_ns}")
    with contextlib.suppress(FileNotFoundError), os.scandir(folder.plans) as records:
        for record in records:
            if record.name.startswith("part-") or record.name == imported_record(folder).name:
                with contextlib.suppress(FileNotFoundError):
                    lines.append(f"{record.name} {digest_of(Path(record.path))}")
    lines += [present_digest(table) for table in (folder.plan, stimuli) if table.is_file()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
