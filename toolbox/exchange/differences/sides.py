"""The two studies that are compared. Owns which set, model and scheme of each is meant."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from toolbox.errors import UsageError
from toolbox.exchange.merging.labs import Lab
from toolbox.store.labels import read_labels
from toolbox.store.selection import MeantNames, Selection, choose_model, choose_scheme


@dataclass(frozen=True, eq=False)
class Side:
    """One of two studies, and what of it is compared.

    Attributes:
        lab: the study and its set.
        model: name of the model.
        scheme: the label scheme.
        notes: on what was chosen without being named.
    """

    lab: Lab
    model: str
    scheme: str
    notes: tuple[str, ...] = ()

    @property
    def selection(self) -> Selection:
        """What is compared."""
        return Selection(self.lab.set, (self.model,), self.scheme)

    @cached_property
    def labels(self) -> dict[int, str]:
        """Categories by stimulus_id."""
        return read_labels(self.lab.study.labels(self.lab.set, self.scheme))


def sides_of(first: Lab, second: Lab, model: str | None, scheme: str | None) -> tuple[Side, Side]:
    """What of two studies is compared: the named model and scheme, else those that the first means.

    Args:
        first: a study.
        second: another.
        model: name of the model in both; None for the one that the first means.
        scheme: likewise.

    Raises: UsageError where one of them has none, or none of that name.
    """
    one = _side(first, model, scheme, ())
    other = _side(second, model, scheme, (one.model, one.scheme))
    return one, other


def _side(lab: Lab, model: str | None, scheme: str | None, preferred: tuple[str, ...]) -> Side:
    models, schemes = lab.study.models(lab.set), lab.study.schemes(lab.set)
    notes = list(lab.notes)
    chosen_model = _name(lab, "model", model, models, choose_model(lab.study, lab.set), preferred, notes)
    chosen_scheme = _name(
        lab, "label scheme", scheme, schemes, choose_scheme(lab.study, lab.set), preferred, notes
    )
    return Side(lab, chosen_model, chosen_scheme, tuple(notes))


def _name(
    lab: Lab,
    kind: str,
    named: str | None,
    names: Collection[str],
    meant: MeantNames,
    preferred: Collection[str],
    notes: list[str],
) -> str:
    """The name that is meant: the named one, that of the other study, or the one that this study means."""
    if named is not None:
        if named not in names:
            raise UsageError(
                f"{lab.place} has no {kind} {named!r} of the set {lab.set}; expected {_listed(names) or 'none yet'}"
            )
        return named
    if found := [name for name in preferred if name in names]:
        return found[0]
    if meant.name is None:
        raise UsageError(
            f"{lab.place} has no {kind} of the set {lab.set} that is meant: {_listed(names) or 'none yet'}"
        )
    notes += [f"{lab.place}: {note}" for note in meant.notes]
    return meant.name


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)


def notes_of(sides: tuple[Side, Side]) -> Iterator[str]:
    """What a reader should know of both studies.

    Args:
        sides: the studies.
    """
    for side in sides:
        yield from side.notes
        yield from (f"{side.lab.place}: {note}" for note in side.lab.responses(side.model).notes)
