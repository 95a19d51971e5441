"""How a picture is made. Owns the settings and their presets by receptive field.

The presets were found on VGG16 by looking. In the deep layers, whose units see a hundred pixels and more, a window in
which only what the unit sees is drawn, and a low-pass, make the most natural pictures. What a unit of the first blocks
prefers are edges, gratings and colours of a few pixels, at a contrast that natural amplitudes do not allow: there, the
amplitudes are free.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from toolbox.errors import UsageError

STEPS = 100
"""Largest number of steps of a preset."""
SMALL, LARGE = 20, 60
"""Receptive fields in pixels between which the presets change."""


@dataclass(frozen=True)
class PictureRecipe:
    """The settings of a picture; with the model, the units and the seed, they determine it.

    Attributes:
        free_amplitudes: whether amplitudes are free, too, and not only phases.
        steps: the largest number of steps uphill; an ascent that no longer improves ends earlier.
        window: diameter of the disc outside of which the picture is grey, as a proportion of the receptive field; 0 for
            no window.
        edge: width in which the disc fades to grey, as such a proportion.
        low_pass: standard deviation of a Gaussian by which the amplitudes are multiplied, in cycles a pixel; 0: none.
        gain: contrast.
        rate: length of a step.
        jitter: pixels by which the picture is moved at most, in each direction, as a proportion of the receptive field.
        zoom: largest change of the logarithm of its scale.
        turn: degrees by which it is turned at most.
    """

    free_amplitudes: bool = False
    steps: int = STEPS
    window: float = 0.85
    edge: float = 0.2
    low_pass: float = 0.15
    gain: float = 1.3
    rate: float = 1.0
    jitter: float = 1 / 14
    zoom: float = 0.1
    turn: float = 10.0

    def describe(self) -> dict[str, Any]:
        """The settings, as they are recorded with a picture."""
        return asdict(self)

    def margin(self, field: int) -> int:
        """Whole pixels beside what the unit sees, so that a moved picture still covers it.

        Args:
            field: side of what the unit sees, in pixels.
        """
        return max(1, int(field * self.jitter))


def preset(field: int, *, is_whole: bool = False) -> PictureRecipe:
    """The recipe for a unit.

    Args:
        field: side of its receptive field in pixels.
        is_whole: whether the canvas is the whole image, all of which may matter.

    Example:
        >>> preset(196).low_pass, preset(14).low_pass
        (0.15, 0.25)
    """
    if field < SMALL:
        return PictureRecipe(
            free_amplitudes=True, steps=200, window=0, low_pass=0.25, rate=0.3, zoom=0, turn=0
        )
    recipe = PictureRecipe(window=1, low_pass=0.2) if field < LARGE else PictureRecipe()
    return replace(recipe, window=0) if is_whole else recipe


def accentuation() -> PictureRecipe:
    """The recipe for a picture that starts from a stimulus, which is moved little so that it is still recognised."""
    return PictureRecipe(
        free_amplitudes=True,
        steps=50,
        window=0,
        low_pass=0.2,
        gain=1,
        rate=0.012,
        jitter=1 / 56,
        zoom=0,
        turn=0,
    )


def with_steps(recipe: PictureRecipe, steps: int | None) -> PictureRecipe:
    """The recipe with another number of steps.

    Args:
        recipe: a preset.
        free_amplitudes: whether amplitudes are free, too, and not only phases.
        steps: the largest number of steps; None for that of the preset.

    Raises: UsageError for a number that is not positive.
    """
    if steps is None:
        return recipe
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise UsageError(f"steps is {steps!r}; expected a number of steps, 1 or more")
    return replace(recipe, steps=steps)
