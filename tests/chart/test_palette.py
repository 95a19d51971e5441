"""Colours that colour-blind readers and a black-and-white printer keep apart, by numbers.

Colour blindness is simulated as Machado, Oliveira and Fernandes (2009) do, at full severity; differences are those of
CIE L*a*b* (1976), of which 2.3 is just noticeable.
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from toolbox.chart.categories import DASHES, MANY, POINT_SHAPES, colour_of
from toolbox.chart.theme import BAND, COLOURS

BLINDNESS = {
    "none": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def light(colour: str) -> np.ndarray:
    """Red, green and blue of a colour as amounts of light."""
    code = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def perceived(colour: str, blindness: str) -> np.ndarray:
    """L*, a* and b* of a colour, as someone sees it."""
    relative = TO_XYZ @ np.clip(BLINDNESS[blindness] @ light(colour), 0, 1) / WHITE
    x, y, z = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as the guidelines for accessible pages define it (WCAG 2.2)."""
    bright, dark = sorted((TO_XYZ[1] @ light(colour) for colour in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("blindness", "least"), [("none", 26), ("deuteranopia", 25), ("protanopia", 25), ("tritanopia", 21)]
)
def test_any_two_colours_differ_for_colour_blind_readers(blindness, least):
    """The palette of Okabe and Ito without its yellow, for comparison: 26, 18, 21 and 16."""
    seen = [perceived(colour, blindness) for colour in COLOURS]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) >= least


def test_colours_are_dark_enough_for_white_paper_and_chance_bands():
    """3 is what the guidelines ask of graphics; the lines of a category cross its grey chance band."""
    assert min(contrast(colour, "#ffffff") for colour in COLOURS) >= 3
    assert min(contrast(colour, BAND) for colour in COLOURS) >= 2.2


def test_in_grey_no_two_colours_have_the_same_lightness():
    lightness = sorted(perceived(colour, "none")[0] for colour in COLOURS)
    assert min(b - a for a, b in pairwise(lightness)) >= 5


def test_every_colour_has_a_shape_and_a_dash_of_its_own():
    names = [f"category {k}" for k in range(MANY)]
    assert len({colour_of(name, names) for name in names}) == MANY == len(COLOURS)
    assert len({*DASHES}) >= MANY and len({*POINT_SHAPES}) == MANY - 1
