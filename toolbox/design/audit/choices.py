"""What an audit looks for, and from which value on it reports it. Owns the thresholds and their reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from toolbox.errors import UnknownNameError, UsageError

COPIED = ("duplicate", "near_duplicate")
POOR = (
    "dark",
    "light",
    "blurred",
    "low_information",
    "odd_aspect_ratio",
    "odd_size",
    "grey",
)
AUDITED = (*COPIED, "doubtful_label", *POOR, "confound")
"""What an audit can find, in the order of its list."""
NEAREST = 0.65
"""Largest distance of near duplicates, in distances to neighbours: see `neighbours`.

Of 600 photographs of six categories (VGG16, last three layers), copies saved as JPEG of quality 60, scaled to 80 % or
without 3 % of every side had up to 0.49; mirrored, 40 % brighter, scaled to a half, or of quality 20, up to 0.64; of
those without a tenth of every side, turned by 5 degrees or made grey, 0.65 finds seven in ten. Different photographs
had 0.67 or more, cars in the same view, unless they were blurred beyond recognition. Of 1,000 photographs of as many
classes, no two had less than 0.78.
"""
FALSE_POSITIVES = 0.05
"""Proportion of stimuli whose label would be doubtful if labels had nothing to do with the pictures.

Of 600 photographs with 33 wrong labels, 0.05 found about three in four, and three in four of the list were wrong; 0.01
found half, and four in five of the list were wrong.
"""
CONFOUND = 0.8
"""AUC, or one minus it, from which a property alone predicts a category; the ingestion warns from there, too."""


@dataclass(frozen=True)
class AuditChoices:
    """What is looked for.

    Attributes:
        kind: some of AUDITED; all of them if None.
        against: other sets in which copies are looked for; all of them if None, none if empty.
        near: largest distance of near duplicates.
        false_positives: as FALSE_POSITIVES.
        auc: as CONFOUND.
        seed: of shuffled labels.
    """

    kind: str | Sequence[str] | None = None
    against: str | Sequence[str] | None = None
    near: float = NEAREST
    false_positives: float = FALSE_POSITIVES
    auc: float = CONFOUND
    seed: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are looked for, in their order."""
        chosen = names_of(self.kind)
        return AUDITED if chosen is None else tuple(kind for kind in AUDITED if kind in chosen)

    def other_sets(self, set_name: str, known: Collection[str]) -> list[str]:
        """The sets in which copies are looked for.

        Args:
            set_name: the audited set.
            known: all sets of the study.

        Raises: UnknownNameError; UsageError for the audited set itself.
        """
        chosen = names_of(self.against)
        if chosen is None:
            return [name for name in known if name != set_name]
        for name in chosen:
            if name not in known:
                raise UnknownNameError("stimulus set", name, known)
            if name == set_name:
                raise UsageError(f"against is {name!r}, the audited set itself; expected other sets")
        return list(dict.fromkeys(chosen))


def names_of(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """One name or several as a tuple; None stays None."""
    return given if given is None else (given,) if isinstance(given, str) else tuple(given)


def check_audit(choices: AuditChoices) -> None:
    """Refuse impossible choices.

    Raises: UnknownNameError for a kind; UsageError for a number outside its range.

    Example:
        >>> check_audit(AuditChoices(auc=0.4))
        Traceback (most recent call last):
            ...
        toolbox.errors.UsageError: auc is 0.4; expected a number above 0.5, up to 1
    """
    for kind in names_of(choices.kind) or ():
        if kind not in AUDITED:
            raise UnknownNameError("kind of finding", kind, AUDITED)
    if choices.kind is not None and not choices.kinds:
        raise UsageError("kind is empty; expected at least one kind of finding")
    if not 0 <= choices.near < 1:
        raise UsageError(f"near is {choices.near!r}; expected a number from 0, below 1")
    if not 0 < choices.false_positives <= 0.5:
        raise UsageError(
            f"false_positives is {choices.false_positives!r}; expected a proportion above 0, up to 0.5"
        )
    if choices.seed < 0:
        raise UsageError(f"seed is {choices.seed}; expected 0 or more")
    if not 0.5 < choices.auc <= 1:
        raise UsageError(f"auc is {choices.auc!r}; expected a number above 0.5, up to 1")
