"""All image properties: what the files in `properties/` declare, found there. Knows none of them by name.

A property is measured on two pictures: as a network sees the stimulus, and with the pixels of its file. Each is a
column: `luminance` and `luminance_file`.
"""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Collection
from functools import cache
from importlib import import_module
from typing import Any

from toolbox.stimuli import properties
from toolbox.stimuli.image_property import DECLARED, ImageProperty
from toolbox.stimuli.images import Pixels
from toolbox.stimuli.measured_picture import MeasuredPicture, picture_of_file, presented_picture


@cache
def image_properties() -> dict[str, ImageProperty]:
    """All properties by name, in alphabetical order.

    Example:
        >>> image_properties()["sharpness"].unit
        'squared grey levels'
    """
    for module in sorted(module.name for module in pkgutil.iter_modules(properties.__path__)):
        import_module(f"{properties.__name__}.{module}")
    return dict(sorted(DECLARED.items()))


def property_columns() -> dict[str, dict[str, Any]]:
    """All columns of the table of properties, each with what its metadata say.

    Example:
        >>> property_columns()["sharpness_file"]["property"]
        'sharpness'
    """
    return {
        column: each.description(column) for each in image_properties().values() for column in each.columns
    }


def measure_picture(pixels: Pixels, columns: Collection[str]) -> dict[str, float | None]:
    """Some properties of a decoded picture.

    Args:
        pixels: height x width x 3, 0..255.
        columns: which of `property_columns`.

    Returns: value by column; None where a property is not defined for the picture, such as the slope of the spectrum
        of a uniform one. Never NaN or infinite.
    """
    presented, of_file = presented_picture(pixels), picture_of_file(pixels)
    return {
        column: _checked(each, of_file if each.of_file_only or column != each.name else presented)
        for each in image_properties().values()
        for column in each.columns
        if column in columns
    }


def _checked(each: ImageProperty, picture: MeasuredPicture) -> float | None:
    """The value of a property.

    Raises: ValueError where its file has a mistake: another value than a number or None.
    """
    value = each.measure(picture)
    if value is not None and not math.isfinite(value):
        raise ValueError(f"the image property {each.name} is {value}; expected a number, or None")
    return None if value is None else float(value)
