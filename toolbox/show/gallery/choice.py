"""What a gallery shows, as it is asked for. Owns refusing what no study could answer; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from toolbox.errors import UsageError
from toolbox.terms import DEFAULT_INDEX

_Value = TypeVar("_Value", str, int)


@dataclass(frozen=True)
class GalleryChoice:
    """What a gallery shows.

    Attributes:
        layer: names of layers, or patterns such as 'block5_*'.
        filter: numbers of filters in each of these layers.
        category: the categories whose most selective filters are shown, of these layers if any are named.
        top: number of most selective filters of a category.
        count: number of stimuli at either end: with the largest responses, and with the smallest ones.
        index: that ranks the filters of a category.

    Raises: UsageError for a choice that names no filter, or a number that is too small.
    """

    layer: tuple[str, ...] = ()
    filter: tuple[int, ...] = ()
    category: tuple[str, ...] = ()
    top: int = 12
    count: int = 5
    index: str = DEFAULT_INDEX

    def __post_init__(self) -> None:
        """Check what can be checked without a study."""
        for name, value in (("top", self.top), ("count", self.count)):
            if value < 1:
                raise UsageError(f"{name} is {value}; expected 1 or more")
        if self.category and self.filter:
            raise UsageError(
                "a category chooses filters itself; leave out filter=… (--filter), or category=… (--category)"
            )
        if not self.category and not (self.layer and self.filter):
            raise UsageError(
                "a gallery needs filters; name them with layer=… and filter=… (--layer block5_conv3 --filter 17), or "
                "a category whose most selective filters are shown with category=… (--category face)"
            )


def chosen_gallery(
    layer: str | Sequence[str] | None,
    filter: int | Sequence[int] | None,
    category: str | Sequence[str] | None,
    **numbers: Any,
) -> GalleryChoice:
    """What a gallery shows, from single values, several, or none.

    Args:
        layer: of the filters.
        filter: numbers of filters.
        category: of the filters.
        **numbers: the other fields of `GalleryChoice`.

    Raises: UsageError, as `GalleryChoice`.

    Example:
        >>> chosen_gallery("pool", 2, None, top=3).filter
        (2,)
    """
    return GalleryChoice(_several(layer), _several(filter), _several(category), **numbers)


def _several(given: _Value | Sequence[_Value] | None) -> tuple[_Value, ...]:
    """A single value, several, or none, as a tuple without repetitions."""
    if given is None:
        return ()
    return (given,) if isinstance(given, str | int) else tuple(dict.fromkeys(given))
