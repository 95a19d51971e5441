"""Halves of the labelled stimuli of a set, category by category. Owns which stimulus is in which half."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True)
class Half:
    """One of the two halves into which a seed divides every category.

    Attributes:
        number: 1 or 2.
        seed: equal seeds give equal halves.
    """

    number: int
    seed: int

    def labels(self, labels: Mapping[int, str]) -> dict[int, str]:
        """The labels of the stimuli in this half; of an odd number, one more is in the second.

        Args:
            labels: category by stimulus_id.

        >>> Half(1, 0).labels({0: "cat", 1: "cat", 2: "cat"}) | Half(2, 0).labels({0: "cat", 1: "cat", 2: "cat"})
        {0: 'cat', 1: 'cat', 2: 'cat'}
        """
        members: dict[str, list[int]] = defaultdict(list)
        for stimulus in sorted(labels, key=self._place):
            members[labels[stimulus]].append(stimulus)
        cuts = {category: len(stimuli) // 2 for category, stimuli in members.items()}
        parts = {
            category: slice(cut) if self.number == 1 else slice(cut, None) for category, cut in cuts.items()
        }
        return {
            number: category for category, part in parts.items() for number in sorted(members[category][part])
        }

    def _place(self, stimulus: int) -> str:
        """Where a stimulus is in a random order that depends on the seed and its number alone."""
        return sha256(f"{self.seed}/{stimulus}".encode()).hexdigest()
