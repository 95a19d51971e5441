"""The options of a matching. Owns refusing those that are impossible, or contradict each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolbox.errors import UsageError, expected_names
from toolbox.terms import DISTANCES, Distance

StimulusCounts = int | Mapping[str, int] | Sequence[str] | None
"""Stimuli of each category: one number for all, numbers by category, or the same as texts ('40', 'face=40')."""


@dataclass(frozen=True)
class Matching:
    """How stimuli are chosen.

    Attributes:
        category: the categories that are to agree; all of the scheme if None.
        n: stimuli of each category (and set); as many as the smallest category has if None.
        on: variables that are to agree.
        within: largest difference of the members of a pair in any variable, in standard deviations; None for no limit.
        different: variable in which the sets are to differ.
        by: smallest standardised difference of that variable.
        sets: number of sets that are made of the same stimuli; None if the categories are the sets.
        distance: of two stimuli.
        same: column, or label scheme: members of a pair have the same value.
        together: column of the stimuli, or label scheme: those with the same value are chosen together.
        apart: column, or label scheme: of those with the same value, no two are in one set.
        fixed: column, or label scheme, that says of some stimuli whether, or in which set, they are.
        keep: stimuli that are chosen.
        leave_out: stimuli that are not.
        seed: equal seeds give equal choices.
    """

    category: Sequence[str] | None = None
    n: StimulusCounts = None
    on: Sequence[str] | None = None
    within: float | None = None
    different: str | None = None
    by: float = 1.0
    sets: int | None = None
    distance: Distance = "standardised"
    same: str | None = None
    together: str | None = None
    apart: str | None = None
    fixed: str | None = None
    keep: Sequence[str] | None = None
    leave_out: Sequence[str] | None = None
    seed: int = 0

    @property
    def criteria(self) -> tuple[str, ...]:
        """All variables that count: those that are to agree, and the one that is to differ."""
        names = (self.on,) if isinstance(self.on, str) else tuple(self.on or ())
        return tuple(dict.fromkeys((*names, *([self.different] if self.different else []))))

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that were named."""
        return (
            (self.category,) if isinstance(self.category, str) else tuple(dict.fromkeys(self.category or ()))
        )

    @property
    def makes_categories_agree(self) -> bool:
        """Whether categories are compared with each other: without sets, or where several are named."""
        return self.sets is None or len(self.categories) > 1

    @property
    def makes_pairs(self) -> bool:
        """Whether pairs are chosen as such: their members must be close, or have something in common."""
        return self.within is not None or self.same is not None


def check_matching(options: Matching) -> None:
    """Refuse options that are impossible, or contradict each other.

    Args:
        options: of the user.

    Raises: UsageError.
    """
    if not options.criteria:
        raise UsageError(
            "no variable is named that should agree; name one or more with on=… (--on luminance)"
        )
    if options.different and options.criteria == (options.different,):
        raise UsageError(
            f"{options.different!r} is to differ, and nothing to agree; name variables with --on"
        )
    if options.different in ((options.on,) if isinstance(options.on, str) else tuple(options.on or ())):
        raise UsageError(
            f"{options.different!r} is to agree (--on) and to differ (--different); choose one of them"
        )
    if options.distance not in DISTANCES:
        raise UsageError(f"distance is {options.distance!r}; {expected_names(options.distance, DISTANCES)}")
    for name, value, least in (("within", options.within, 0), ("by", options.by, 0)):
        if value is not None and not least < value < float("inf"):
            raise UsageError(f"{name} is {value:g}; expected a number above {least}, in standard deviations")
    if options.sets is not None and options.sets < 2:
        raise UsageError(f"sets is {options.sets}; expected 2 or more")
    if options.seed < 0:
        raise UsageError(f"seed is {options.seed}; expected 0 or more")
    if options.makes_pairs:
        _check_pairs(options)


def _check_pairs(options: Matching) -> None:
    """Refuse what cannot be combined with pairs whose members must be close, or have something in common."""
    limit = "within" if options.within is not None else "same"
    for name, value in (
        ("sets", options.sets), ("different", options.different), ("together", options.together),
        ("fixed", options.fixed), ("keep", options.keep), ("apart", options.apart),
    ):  # fmt: skip
        if value:
            raise UsageError(
                f"{limit} (--{limit}) is about the members of pairs of categories, and cannot be combined with {name} "
                f"(--{name}); leave one of them out"
            )


def counts_of(n: StimulusCounts, categories: Sequence[str]) -> dict[str, int] | None:
    """Number of stimuli by category; None if none was named.

    Args:
        n: as the user gave it.
        categories: that are to agree.

    Raises: UsageError for what is no number, for an unknown category, or one without a number.

    Example:
        >>> counts_of(["face=40", "car=20"], ["face", "car"])
        {'face': 40, 'car': 20}
    """
    if n is None or (isinstance(n, Sequence) and not n):
        return None
    given = n if isinstance(n, Mapping) else _from_texts(n, categories)
    for name in given:
        if name not in categories:
            raise UsageError(f"n names {name!r}; expected one of the categories {', '.join(categories)}")
    missing = [name for name in categories if name not in given]
    if missing:
        raise UsageError(f"n has no number for {', '.join(missing)}; name one, such as --n {missing[0]}=20")
    for name, count in given.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UsageError(f"n is {count!r} for {name}; expected a whole number, 1 or more")
    return {name: given[name] for name in categories}


def _from_texts(n: int | Sequence[str], categories: Sequence[str]) -> dict[str, int]:
    """Numbers by category, from one number or texts."""
    texts = list(map(str, n)) if isinstance(n, list | tuple) else [str(n)]
    if len(texts) == 1 and "=" not in texts[0]:
        return dict.fromkeys(categories, _number(texts[0], texts[0]))
    split = [text.rpartition("=") for text in texts]
    return {name: _number(number, text) for (name, _, number), text in zip(split, texts, strict=True)}


def _number(text: str, written: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(
            f"n is {written!r}; expected a number such as 40, or one for each category such as face=40"
        ) from None
