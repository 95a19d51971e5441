"""What may be chosen of a merging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolbox.errors import UsageError, expected_names
from toolbox.terms import CONFLICTS, Conflicts


@dataclass(frozen=True)
class Merging:
    """What is merged, and what happens where laboratories disagree.

    Attributes:
        set: the stimulus set, in every study that has one of this name, and its name in the merged study; None for the
            set that each study means, and the name of the first.
        model: the models; None for all.
        conflicts: what counts where two laboratories state different things of one stimulus, such as its category:
            'refuse' merges nothing and lists them, 'first' takes what the study named first states, 'missing' neither.
        count_twice: whether stimuli in several studies count once for each where only roll-ups were shared.
    """

    set: str | None = None
    model: str | Sequence[str] | None = None
    conflicts: Conflicts = "refuse"
    count_twice: bool = False

    @property
    def models(self) -> tuple[str, ...]:
        """The named models; none for all."""
        return (self.model,) if isinstance(self.model, str) else tuple(self.model or ())


def check_merging(choices: Merging) -> None:
    """Refuse impossible choices.

    Raises: UsageError.
    """
    if choices.conflicts not in CONFLICTS:
        raise UsageError(
            f"conflicts is {choices.conflicts!r}; {expected_names(choices.conflicts, CONFLICTS)}"
        )
