"""The studies that are merged. Owns which set of each is meant, and what the column `origin` calls it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.errors import UsageError, VerificationError
from toolbox.exchange.importing.opening import opened_study
from toolbox.files import local_folder
from toolbox.store.availability import AvailableResponses, available_responses, stimuli_with_responses
from toolbox.store.computed_with import ComputedWith, computed_with
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import read_table
from toolbox.store.plan import Plan, read_plan
from toolbox.store.selection import choose_set
from toolbox.store.stimuli import STIMULI, image_identity
from toolbox.store.study_file import read_study_file

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Lab:
    """A study that is merged, and its set.

    Attributes:
        place: as the user named it.
        origin: what it is called.
        notes: on the choice of the set.
    """

    place: str
    origin: str
    study: StudyFolder
    set: str
    notes: tuple[str, ...] = ()

    @cached_property
    def table(self) -> pa.Table:
        """The table of the stimuli."""
        return read_table(self.study.stimuli(self.set))

    @cached_property
    def stimuli(self) -> dict[int, dict[str, Any]]:
        """The stimuli by stimulus_id, with all fixed columns and the variables of the set."""
        rows = self.table.to_pylist()
        return {row["stimulus_id"]: dict.fromkeys(STIMULI) | row for row in rows}

    @cached_property
    def digests(self) -> dict[int, str]:
        """Identities of the images by stimulus_id."""
        return {number: image_identity(row) for number, row in self.stimuli.items()}

    @property
    def is_temporary(self) -> bool:
        """Whether the study is that of an opened bundle, whose directory will be removed."""
        return self.study.root.resolve() != Path(self.place).resolve()

    def responses(self, model: str) -> AvailableResponses:
        """What there is of the responses of a model."""
        return available_responses(self.study, self.set, model)

    def computed_with(self, model: str) -> ComputedWith:
        """What the responses of a model were computed with."""
        return computed_with(self.study.extraction(self.set, model))

    def presented(self, model: str) -> frozenset[int]:
        """The stimulus_id of all stimuli with responses of a model."""
        return frozenset(stimuli_with_responses(self.study, self.set, model))

    def has_only_rollups(self, model: str) -> bool:
        """Whether there are roll-ups of a model without the responses of which they were made."""
        return model in self.study.models(self.set) and self.responses(model).imported is not None

    def plan(self, model: str) -> Plan:
        """The plan of the responses of a model.

        Raises: VerificationError when it is missing or damaged.
        """
        folder = self.study.extraction(self.set, model)
        if (plan := read_plan(folder)) is None:
            raise VerificationError(f"{folder.plan} is missing; restore it, or extract again")
        return plan


@contextmanager
def opened_labs(places: Sequence[str] | Sequence[Path], set_name: str | None) -> Iterator[list[Lab]]:
    """The studies, each with a name of its own.

    Args:
        places: directories of studies, or bundles.
        set_name: the stimulus set, in every study that has it.

    Raises: UsageError for fewer than two studies, for one that is named twice, and for one without a stimulus set.
    """
    if len(places) < 2:
        raise UsageError(f"{len(places)} study is named; expected two or more to merge")
    places = [local_folder(place) for place in places]
    _check_distinct(places)
    with ExitStack() as stack:
        labs = [
            _lab(str(place), stack.enter_context(opened_study(Path(place))), set_name) for place in places
        ]
        yield _with_distinct_names(labs)


def _check_distinct(places: Sequence[str] | Sequence[Path]) -> None:
    resolved = [Path(place).resolve() for place in places]
    for place, where in zip(places, resolved, strict=True):
        if resolved.count(where) > 1:
            raise UsageError(f"{place} is named twice; name each study once")


def _lab(place: str, study: StudyFolder, set_name: str | None) -> Lab:
    sets = study.sets()
    if not sets:
        raise UsageError(
            f"{place} has no stimulus set; ingest one first with: toolbox ingest FOLDER --set NAME"
        )
    chosen = choose_set(study, for_responses=True)
    title = str(read_study_file(study.root).get("title") or Path(place).stem)
    if set_name in sets:
        return Lab(place, title, study, str(set_name))
    if chosen.name is None:
        raise UsageError(
            f"{place} has several stimulus sets ({', '.join(sets)}); choose one with set=… (--set …), or in this "
            "study with: toolbox use SET"
        )
    return Lab(place, title, study, chosen.name, tuple(f"{place}: {note}" for note in chosen.notes))


def _with_distinct_names(labs: Sequence[Lab]) -> list[Lab]:
    """The studies under their titles; those of one title with their directories, or with numbers."""
    titles = Counter(lab.origin for lab in labs)
    named = [
        replace(lab, origin=f"{lab.origin} ({Path(lab.place).resolve().name})")
        if titles[lab.origin] > 1
        else lab
        for lab in labs
    ]
    again = Counter(lab.origin for lab in named)
    return [
        replace(lab, origin=f"{lab.origin} {number}") if again[lab.origin] > 1 else lab
        for number, lab in enumerate(named, 1)
    ]
