"""What may be chosen of a probe. Owns the refusal of what is impossible; reads no study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolbox.errors import UsageError


@dataclass(frozen=True)
class Probing:
    """How the layers are probed.

    Attributes:
        category: the categories to tell apart; all of them if None.
        filters: sizes of banks, each compared with as many filters of the best layer and as many at random.
        images: training images a category, of learning curves.
        group: a column of the set, or a label scheme, whose images with one value stay in one fold.
        distance: of responses, below which two images are near-duplicates and stay in one fold; 0 for none.
        folds: of the cross-validation; 2 or more.
        repeats: of the cross-validation, each with other folds; 1 or more.
        permutations: of the labels, from which chance is estimated; 0 for none.
        seed: equal seeds give equal folds, draws and permutations.
    """

    category: str | Sequence[str] | None = None
    filters: int | Sequence[int] | None = None
    images: int | Sequence[int] | None = None
    group: str | None = None
    distance: float = 0.25
    folds: int = 5
    repeats: int = 10
    permutations: int = 20
    seed: int = 0

    @property
    def bank_sizes(self) -> list[int]:
        """The sizes of banks, ascending."""
        return _numbers(self.filters)

    @property
    def image_numbers(self) -> list[int]:
        """The numbers of training images a category, ascending."""
        return _numbers(self.images)


def check_probing(choices: Probing) -> None:
    """Refuse what is impossible.

    Args:
        choices: of the user.

    Raises: UsageError.

    Example:
        >>> check_probing(Probing(folds=1))
        Traceback (most recent call last):
        ...
        toolbox.errors.UsageError: folds is 1; expected 2 or more
    """
    least = {"folds": 2, "repeats": 1, "permutations": 0, "seed": 0}
    for name, bound in least.items():
        _check_whole(name, getattr(choices, name), bound)
    for name, numbers, bound in (("filters", choices.bank_sizes, 1), ("images", choices.image_numbers, 2)):
        for number in numbers:
            _check_whole(name, number, bound)
    if not 0 <= choices.distance < 1:
        raise UsageError(f"distance is {choices.distance}; expected 0 or more, and less than 1")


def _check_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name} is {value!r}; expected {least} or more")


def _numbers(given: int | Sequence[int] | None) -> list[int]:
    """One number, several or none, each once, ascending."""
    if given is None:
        return []
    return sorted({given} if isinstance(given, int) else {*given})
