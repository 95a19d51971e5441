"""What laboratories state of the stimuli: variables, labels, values of observers. Owns conflicts between them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolbox.errors import MixtureError
from toolbox.exchange.merging.labs import Lab
from toolbox.exchange.merging.matching import MergedStimuli
from toolbox.store.labels import read_labels
from toolbox.store.parameters import ObservedValue, read_observations
from toolbox.terms import ORIGIN, Conflicts

MOST_CONFLICTS = 10
"""Conflicts that a refusal lists."""


@dataclass
class Statements:
    """Statements of laboratories about the stimuli of a merged set; conflicts are collected, and then refused or kept.

    Attributes:
        labs: the studies.
        stimuli: the merged stimuli.
        policy: what counts where two laboratories disagree.
        conflicts: what they disagree about, one line each.
    """

    labs: Sequence[Lab]
    stimuli: MergedStimuli
    policy: Conflicts
    conflicts: list[str] = field(default_factory=list)

    def agreed(self, what: str, number: int, values: Mapping[int, Any]) -> Any:
        """The value of a stimulus on which the laboratories agree; where they do not, that of the policy.

        Args:
            what: what the values are, for the list of conflicts.
            number: new stimulus_id.
            values: by place of the laboratory; None where it states nothing.
        """
        stated = {place: value for place, value in values.items() if value is not None}
        if len(different := list(stated.values())) and any(value != different[0] for value in different[1:]):
            place, old = self.stimuli.members[number][0]
            texts = (f"{value} in {self.labs[place].place}" for place, value in stated.items())
            self.conflicts.append(f"{what} of {self.labs[place].stimuli[old]['path']}: {', '.join(texts)}")
            return stated[min(stated)] if self.policy == "first" else None
        return different[0] if different else None

    def check(self) -> None:
        """Refuse conflicts, unless the policy resolves them.

        Raises: MixtureError, which lists them.
        """
        if self.conflicts and self.policy == "refuse":
            more = (
                f"; and {len(self.conflicts) - MOST_CONFLICTS} more"
                if len(self.conflicts) > MOST_CONFLICTS
                else ""
            )
            raise MixtureError(
                f"the studies disagree about {len(self.conflicts):,} of their shared stimuli ("
                f"{'; '.join(self.conflicts[:MOST_CONFLICTS])}{more}); correct one of them, or choose what counts with "
                "conflicts='first' or 'missing' (--conflicts first, or --conflicts missing)"
            )

    def variable(self, name: str) -> list[Any]:
        """The values of a stimulus variable by new stimulus_id.

        Args:
            name: the variable.
        """
        if name == ORIGIN:
            return [self._origin(members) for members in self.stimuli.members]
        return [
            self.agreed(
                f"{name}", number, {place: self.labs[place].stimuli[old].get(name) for place, old in members}
            )
            for number, members in enumerate(self.stimuli.members)
        ]

    def _origin(self, members: Iterable[tuple[int, int]]) -> str:
        """Where a stimulus comes from, as an earlier import or merging states it, else the name of the study."""
        names = (
            self.labs[place].stimuli[old].get(ORIGIN) or self.labs[place].origin for place, old in members
        )
        return " + ".join(dict.fromkeys(names))

    def labels(self, scheme: str) -> dict[int, str]:
        """The categories under a scheme by new stimulus_id.

        Args:
            scheme: the label scheme.
        """
        of_labs = [
            read_labels(lab.study.labels(lab.set, scheme)) if scheme in lab.study.schemes(lab.set) else {}
            for lab in self.labs
        ]
        found = {
            number: self.agreed(
                f"{scheme}", number, {place: of_labs[place].get(old) for place, old in members}
            )
            for number, members in enumerate(self.stimuli.members)
        }
        return {number: category for number, category in found.items() if category is not None}

    def observations(self, parameter: str) -> list[ObservedValue]:
        """The values of a stimulus parameter by new stimulus_id; what two laboratories share counts once.

        Args:
            parameter: its name.
        """
        of_labs: dict[tuple[int, str], dict[int, Counter[float]]] = defaultdict(dict)
        for place, lab in enumerate(self.labs):
            if parameter in lab.study.added_parameters(lab.set):
                for old, observer, value in read_observations(lab.study.observations(lab.set, parameter)):
                    key = (self.stimuli.numbers[place][old], observer)
                    of_labs[key].setdefault(place, Counter())[value] += 1
        rows = []
        for (number, observer), values in of_labs.items():
            texts = {place: tuple(sorted(each.elements())) for place, each in values.items()}
            agreed = self.agreed(f"{parameter} ({observer or 'no observer'})", number, texts)
            rows += [(number, observer, value) for value in agreed or ()]
        return sorted(rows)
