"""What of a study is shared: its sets, schemes and extractions. Owns choosing them; reads, and writes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from toolbox.errors import BusyError, UnknownNameError, UsageError
from toolbox.exchange.bundle.choices import SharedNames, Sharing, several
from toolbox.store.availability import AvailableResponses, available_responses, stimuli_with_responses
from toolbox.store.contents import study_title
from toolbox.store.folder import StudyFolder, stored_name
from toolbox.store.labels import read_labels
from toolbox.store.plan import Plan, read_plan
from toolbox.store.resamples import Labelling
from toolbox.store.selection import choose_model, choose_scheme, choose_set


@dataclass(frozen=True)
class SharedExtraction:
    """The responses of one model to one set, of which roll-ups or more are shared."""

    study: StudyFolder
    responses: AvailableResponses
    plan: Plan
    schemes: tuple[str, ...]

    @property
    def set(self) -> str:
        """The stimulus set."""
        return self.responses.set

    @property
    def model(self) -> str:
        """The network."""
        return self.responses.model

    def labelling(self, scheme: str) -> Labelling:
        """The responses under a label scheme.

        Args:
            scheme: its name.
        """
        return Labelling(self.study, self.responses, scheme)

    @cached_property
    def with_responses(self) -> frozenset[int]:
        """The stimuli with responses."""
        return frozenset(stimuli_with_responses(self.study, self.set, self.model))


@dataclass(frozen=True)
class Contents:
    """What of a study is shared.

    Attributes:
        schemes: set -> its label schemes, those of ingestion or in use first.
        in_use: set, model and scheme that are meant where none is named.
        notes: what was left out.
    """

    study: StudyFolder
    schemes: dict[str, tuple[str, ...]]
    extractions: tuple[SharedExtraction, ...]
    in_use: dict[str, str]
    notes: tuple[str, ...] = field(default=())

    @property
    def sets(self) -> list[str]:
        """The stimulus sets."""
        return [*self.schemes]

    @property
    def models(self) -> list[str]:
        """The networks."""
        return sorted({each.model for each in self.extractions})

    @cached_property
    def title(self) -> str:
        """That of the study."""
        return study_title(self.study) or "study"

    @cached_property
    def labels(self) -> dict[tuple[str, str], dict[int, str]]:
        """Set and scheme -> category by stimulus_id."""
        return {
            (set_name, scheme): read_labels(self.study.labels(set_name, scheme))
            for set_name, schemes in self.schemes.items()
            for scheme in schemes
        }


def contents_of(study: StudyFolder, sharing: Sharing) -> Contents:
    """What of a study is shared.

    Args:
        study: the study.
        sharing: the options.

    Raises: UnknownNameError for a set, model or scheme that the study lacks; UsageError when there is nothing to share;
        BusyError while the first responses are extracted; VerificationError for damaged tables.
    """
    sets = _chosen("stimulus set", sharing.set, study.sets())
    if not sets:
        raise UsageError("the study has no stimulus set yet; first: toolbox ingest FOLDER")
    every = sorted({scheme for name in sets for scheme in study.schemes(name)})
    wanted = _chosen("label scheme", sharing.scheme, every)
    schemes = {name: _in_order(study, name, wanted) for name in sets}
    models = _chosen("model", sharing.model, sorted({model for name in sets for model in study.models(name)}))
    extractions, notes = _extractions(study, schemes, models)
    if not extractions:
        raise UsageError(
            f"there are no responses to share yet; extract them first with: toolbox extract {sets[0]}"
        )
    return Contents(study, schemes, tuple(extractions), _meant(study, schemes, extractions), tuple(notes))


def _chosen(kind: str, names: SharedNames, known: Sequence[str]) -> list[str]:
    wanted = [*map(stored_name, several(names))] or [*known]
    for name in wanted:
        if name not in known:
            raise UnknownNameError(kind, name, known)
    return sorted({*wanted})


def _in_order(study: StudyFolder, set_name: str, wanted: Collection[str]) -> tuple[str, ...]:
    """The schemes of a set, the one that is meant first."""
    meant = choose_scheme(study, set_name).name
    found = [scheme for scheme in study.schemes(set_name) if scheme in wanted]
    return tuple(sorted(found, key=lambda scheme: (scheme != meant, scheme)))


def _extractions(
    study: StudyFolder, schemes: dict[str, tuple[str, ...]], models: Collection[str]
) -> tuple[list[SharedExtraction], list[str]]:
    found, notes = [], list[str]()
    for set_name, of_set in schemes.items():
        for model in study.models(set_name):
            if model not in models:
                continue
            try:
                responses = available_responses(study, set_name, model)
            except BusyError:
                raise
            except UsageError as error:  # nothing was presented yet
                notes.append(f"left out: {error}")
                continue
            _check_shareable(responses)
            plan = read_plan(study.extraction(set_name, model))
            if plan is not None:
                found.append(SharedExtraction(study, responses, plan, of_set))
                notes += responses.notes
    return found, notes


def _check_shareable(responses: AvailableResponses) -> None:
    """Refuse merged roll-ups in which stimuli count twice: whoever imports them would find other numbers of stimuli.

    Raises: UsageError.
    """
    if responses.cautions:
        raise UsageError(
            f"the roll-ups of {responses.model} to {responses.set} cannot be shared: {'; '.join(responses.cautions)}; "
            "share the studies that were merged, or name other models with model=… (--model …)"
        )


def _meant(
    study: StudyFolder, schemes: dict[str, tuple[str, ...]], extractions: Sequence[SharedExtraction]
) -> dict[str, str]:
    """The set, model and scheme that commands mean, as far as they are shared; else the first ones."""
    shared = {
        each.set: [other.model for other in extractions if other.set == each.set] for each in extractions
    }
    meant = choose_set(study, for_responses=True).name
    set_name = meant if meant in shared else next(iter(shared))
    model = choose_model(study, set_name).name
    names = {"set": set_name, "model": model if model in shared[set_name] else shared[set_name][0]}
    with contextlib.suppress(IndexError):
        names["scheme"] = schemes[set_name][0]
    return names
