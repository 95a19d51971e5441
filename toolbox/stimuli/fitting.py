"""Where the pixels of a network's input are in the picture that was fitted into it. Owns that arithmetic.

Places are edges of pixels, not their centres: the first pixel reaches from 0 to 1. A picture is stretched, cropped or
padded by `images.resize_pixels`; along each axis, the place p of the input is offset + scale * p in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from toolbox.errors import UsageError, expected_names
from toolbox.terms import FITS

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels by its edges; the right and the bottom ones are excluded. It may exceed its picture.

    Attributes:
        top, left, bottom, right: in pixels, which may be broken.
    """

    top: float
    left: float
    bottom: float
    right: float

    def outward(self) -> tuple[int, int, int, int]:
        """The same edges in whole pixels, so that the rectangle contains every pixel that it touches.

        Example:
            >>> Box(0.2, -1.5, 3.0, 4.1).outward()
            (0, -2, 3, 5)
        """
        # rounding errors of a scale must not add a row of pixels
        first = floor(self.top + 1e-6), floor(self.left + 1e-6)
        return *first, ceil(self.bottom - 1e-6), ceil(self.right - 1e-6)

    def within(self, size: Size) -> Box:
        """The part of the rectangle inside a picture; of a side without an end, the whole side.

        Args:
            size: of the picture.
        """
        height, width = size
        return Box(max(self.top, 0), max(self.left, 0), min(self.bottom, height), min(self.right, width))

    def exceeds(self, size: Size) -> bool:
        """Whether a part of the rectangle is beyond the edges of a picture.

        Args:
            size: of the picture.
        """
        return self.outward() != self.within(size).outward()


@dataclass(frozen=True)
class Fitting:
    """How a picture was fitted into the input of a network: two scale factors, and where the input begins in it.

    Attributes:
        scale: pixels of the picture for each pixel of the input, along height and width.
        offset: the place of the input's first edge in the picture, in pixels of it; negative where there is a border.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]

    def to_picture(self, box: Box) -> Box:
        """A rectangle of the input in pixels of the picture.

        Args:
            box: in pixels of the input.
        """
        (down, across), (top, left) = self.scale, self.offset
        return Box(
            top + down * box.top, left + across * box.left, top + down * box.bottom, left + across * box.right
        )


def fitting_of(picture: Size, size: Size, fit: str = "stretch", decoded: Size | None = None) -> Fitting:
    """How `images.resize_pixels` fits a picture into the input of a network.

    Args:
        picture: size of the picture.
        size: size of the input.
        fit: 'stretch', 'crop' or 'pad'.
        decoded: size at which the picture was decoded before, where that is not its own.

    Raises: UsageError for an unknown fit.

    Example:
        >>> fitting_of((448, 112), (224, 224)).scale
        (2.0, 0.5)
        >>> fitting_of((100, 200), (50, 50), "crop")
        Fitting(scale=(2.0, 2.0), offset=(0.0, 50.0))
        >>> fitting_of((100, 200), (50, 50), "pad").offset  # 12 pixels of border, each as high as 4 of the picture
        (-48.0, 0.0)
    """
    if fit not in FITS:
        raise UsageError(f"unknown fit {fit!r}; {expected_names(fit, FITS)}")
    presented = decoded or picture
    fitted = _FITTINGS[fit](presented, size)
    down, across = (own / seen for own, seen in zip(picture, presented, strict=True))
    return Fitting(
        (fitted.scale[0] * down, fitted.scale[1] * across),
        (fitted.offset[0] * down, fitted.offset[1] * across),
    )


def _stretched(picture: Size, size: Size) -> Fitting:
    return Fitting((picture[0] / size[0], picture[1] / size[1]), (0.0, 0.0))


def _cropped(picture: Size, size: Size) -> Fitting:
    """As Pillow's `ImageOps.fit`, which leaves out equal parts of both ends of the longer side."""
    scale = min(picture[0] / size[0], picture[1] / size[1])
    top, left = ((own - scale * side) / 2 for own, side in zip(picture, size, strict=True))
    return Fitting((scale, scale), (top, left))


def _padded(picture: Size, size: Size) -> Fitting:
    """As Pillow's `ImageOps.pad`: the shorter side has a whole number of pixels, and begins at a whole one."""
    largest = max(picture[0] / size[0], picture[1] / size[1])
    if largest == picture[1] / size[1]:
        inner = (min(round(picture[0] / picture[1] * size[1]), size[0]), size[1])
    else:
        inner = (size[0], min(round(picture[1] / picture[0] * size[0]), size[1]))
    scale = picture[0] / max(inner[0], 1), picture[1] / max(inner[1], 1)
    borders = [round((side - filled) * 0.5) for side, filled in zip(size, inner, strict=True)]
    return Fitting(scale, (0.0 - borders[0] * scale[0], 0.0 - borders[1] * scale[1]))


_FITTINGS = {"stretch": _stretched, "crop": _cropped, "pad": _padded}
