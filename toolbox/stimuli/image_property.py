"""What an image property is, and how a file in `properties/` declares one. Finds none of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from toolbox.stimuli.measured_picture import MOST_PIXELS, PRESENTED_SIDE, MeasuredPicture

PictureMeasure = Callable[[MeasuredPicture], float | None]
AnyMeasure = TypeVar("AnyMeasure", bound=PictureMeasure)
FILE = "_file"
"""The end of the name of a column that is measured on the pixels of the file."""
PRESENTED_PIXELS = (
    f"the picture stretched to {PRESENTED_SIDE} x {PRESENTED_SIDE} pixels by nearest neighbours"
)
FILE_PIXELS = (
    f"the pixels of the file; of one with more than {MOST_PIXELS:,}, the means of squares of pixels "
    "after which it has no more"
)


@dataclass(frozen=True)
class ImageProperty:
    """One property.

    Attributes:
        name: also that of its file.
        measure: its value for a picture; None where it is not defined.
        title: what it is, in few words.
        formula: in the symbols of its file.
        unit: of its values.
        range: of its values, in words.
        source: publication, or that the definition is our own.
        version: of the formula; images are measured again when it changes.
        of_file_only: whether the shape that a network sees tells nothing, so that the column has the plain name.
        reliable: lowest and highest value that can be trusted.
        unreliable: why others cannot.
        breaks_down: where the property is no measure of what it is called, and what else misleads.
    """

    name: str
    measure: PictureMeasure
    title: str
    formula: str
    unit: str
    range: str
    source: str
    version: int = 1
    of_file_only: bool = False
    reliable: tuple[float, float] = (-math.inf, math.inf)
    unreliable: str = ""
    breaks_down: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        return (self.name,) if self.of_file_only else (self.name, f"{self.name}{FILE}")

    def description(self, column: str) -> dict[str, Any]:
        """What the metadata of the table contain about a column.

        Args:
            column: one of `columns`.
        """
        on_file = self.of_file_only or column != self.name
        texts = {
            name: getattr(self, name)
            for name in ("title", "formula", "unit", "range", "source", "breaks_down")
        }
        pixels = FILE_PIXELS if on_file else PRESENTED_PIXELS
        return {"property": self.name, "version": self.version, "pixels": pixels, **texts}


DECLARED: dict[str, ImageProperty] = {}
"""The properties whose files were imported, by name."""


def image_property(**attributes: Any) -> Callable[[AnyMeasure], AnyMeasure]:
    """Declare the property of which a function is the measure; the attributes are those of ImageProperty.

    Args:
        **attributes: all of ImageProperty but its name and measure.
    """

    def register(measure: AnyMeasure) -> AnyMeasure:
        name = measure.__name__
        DECLARED[name] = ImageProperty(name, measure, **attributes)
        return measure

    return register
