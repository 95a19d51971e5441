"""What to render, and how often. Owns what is refused before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from toolbox.errors import UsageError, expected_names
from toolbox.query.indices import RESAMPLED, index_names
from toolbox.terms import DEFAULT_INDEX, STATISTICS, Statistic

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Rendering:
    """What to render, and how often.

    Attributes:
        layer: of the filters, one or several, also as patterns such as 'block5_*'; of a category, the only ones.
        filter: number of a filter, or several.
        category: whose most selective filters are rendered, one or several.
        top: number of filters of each category.
        index: by which these are selective.
        together: one picture that drives all filters of a layer at once, instead of one for each of them.
        statistic: 'maximum' drives one unit, 'mean' all of the map.
        stimulus: a stimulus of the set to start from, by its number or the path of its file; None to start from noise.
        steps: largest number of steps; None for that of the preset.
        seed: of the first picture of each filter.
        seeds: pictures of each filter, from consecutive seeds.
        replace: make pictures again that are finished.
    """

    layer: str | Sequence[str] | None = None
    filter: int | Sequence[int] | None = None
    category: str | Sequence[str] | None = None
    top: int = 4
    index: str = DEFAULT_INDEX
    together: bool = False
    statistic: Statistic = "maximum"
    stimulus: int | str | None = None
    steps: int | None = None
    seed: int = 0
    seeds: int = 3
    replace: bool = False

    @property
    def layers(self) -> list[str]:
        """The chosen layers, none, one or several."""
        return _unique(self.layer)

    @property
    def filters(self) -> list[int]:
        """The chosen filters, none, one or several."""
        return _unique(self.filter)

    @property
    def categories(self) -> list[str]:
        """The chosen categories, none, one or several."""
        return _unique(self.category)

    @property
    def seed_list(self) -> range:
        """The seeds."""
        return range(self.seed, self.seed + self.seeds)


def check_rendering(choices: Rendering) -> None:
    """Refuse a choice that is impossible for every study.

    Raises: UsageError.
    """
    if bool(choices.filters) == bool(choices.categories) or (choices.filters and not choices.layers):
        raise UsageError(
            "expected either a layer and its filters (--layer block5_conv3 --filter 17), or a category "
            "(--category face)"
        )
    if any(not _is_whole(number) for number in choices.filters):
        raise UsageError(f"filter is {choices.filter!r}; expected numbers of filters, from 0")
    for name, least in (("top", 1), ("seed", 0), ("seeds", 1)):
        value = getattr(choices, name)
        if not _is_whole(value) or value < least:
            raise UsageError(f"{name} is {value!r}; expected a whole number, {least} or more")
    if choices.steps is not None and not (_is_whole(choices.steps) and choices.steps >= 1):
        raise UsageError(f"steps is {choices.steps!r}; expected a whole number, 1 or more")
    if choices.seed + choices.seeds - 1 > LARGEST_SEED:
        raise UsageError(f"seed is {choices.seed}; expected at most {LARGEST_SEED - choices.seeds + 1}")
    _check_names(choices)


def _check_names(choices: Rendering) -> None:
    known: Mapping[str, Iterable[str]] = {"index": index_names(*RESAMPLED), "statistic": STATISTICS}
    for name, names in known.items():
        value = getattr(choices, name)
        if not isinstance(value, str) or value not in names:
            raise UsageError(f"{name} is {value!r}; {expected_names(str(value), list(names))}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _unique(value: Any) -> list[Any]:
    """None, one or several values as a list, each once."""
    if value is None:
        return []
    return list(dict.fromkeys([value] if isinstance(value, str | Integral) else value))
