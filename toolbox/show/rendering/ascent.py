"""The way uphill: from noise to a picture that drives its units. Owns the loop, and when it ends.

Every picture has its own random numbers, so that it is the same alone and in a batch with others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from toolbox.show.rendering.climbing import Climber, climber
from toolbox.show.rendering.crops import Crop, Movement, moved_crop
from toolbox.show.rendering.painting import Paint, paint, paint_gradient
from toolbox.show.rendering.recipe import PictureRecipe
from toolbox.show.rendering.waves import RealArray

Drive = Callable[[RealArray, Sequence[int]], tuple[RealArray, RealArray]]
"""From crops (pictures, 3, height, width) of 0 to 255, and the numbers of their pictures, to the response to each crop
and its gradient in the shape of the crops."""

AVERAGED = 20
"""Steps over which responses are averaged, as each is that to a crop moved at random."""
PATIENT_STEPS = 30
"""An ascent ends when its best average of the last so many steps is hardly larger than its best one before."""
LEAST_GAIN = 0.01
"""What is hardly larger, as a proportion."""


@dataclass
class Ascent:
    """One picture on its way.

    Attributes:
        how: what is fixed of it.
        values: what is free of it.
        responses: one for each step, to the crop of that step.
    """

    how: Paint
    values: RealArray
    random: np.random.Generator
    climber: Climber
    responses: list[float] = field(default_factory=list)

    @property
    def pixels(self) -> RealArray:
        """The picture: (3, height, width), 0 to 255."""
        return np.asarray(paint(self.values[None], self.how).pixels[0])

    @property
    def is_level(self) -> bool:
        """Whether it no longer improves."""
        return is_level(self.responses)

    def has_ended(self, steps: int) -> bool:
        """Whether all steps were made, or the last ones did not improve it.

        Args:
            steps: the largest number of steps.
        """
        return len(self.responses) >= steps or self.is_level


def is_level(responses: Sequence[float]) -> bool:
    """Whether the best average of the last steps is hardly larger than the best one before them.

    Args:
        responses: one for each step.

    Example:
        >>> is_level(range(100)), is_level([5] * 100), is_level([5] * 30)
        (False, True, False)
    """
    if len(responses) < AVERAGED + PATIENT_STEPS:
        return False
    averages = np.convolve(responses, np.full(AVERAGED, 1 / AVERAGED), "valid")
    earlier, later = averages[:-PATIENT_STEPS].max(), averages[-PATIENT_STEPS:].max()
    return bool(later - earlier < LEAST_GAIN * abs(earlier))


def start(how: Paint, seed: int, recipe: PictureRecipe, deviation: float = 1.0) -> Ascent:
    """A picture before its first step.

    Args:
        how: waves, window and gain.
        seed: of its random numbers.
        recipe: the settings.
        deviation: standard deviation of the values from which it starts.
    """
    random = np.random.default_rng(seed)
    first = (deviation * random.normal(size=how.waves.shape)).astype(np.float32)
    return Ascent(how, first, random, climber(first, recipe.rate))


def climb(
    ascents: Sequence[Ascent],
    sides: tuple[int, int],
    drive: Drive,
    recipe: PictureRecipe,
    on_step: Callable[[int], None] = lambda _: None,
) -> None:
    """Make steps until every picture has ended; pictures that have ended leave the batch.

    Args:
        ascents: the pictures, which change.
        sides: height and width of a crop.
        drive: the responses to crops, and their gradients.
        recipe: the settings.
        on_step: is called after every step with the number of pictures that made it.
    """
    while open_ends := [
        number for number, ascent in enumerate(ascents) if not ascent.has_ended(recipe.steps)
    ]:
        _step([ascents[number] for number in open_ends], open_ends, sides, drive, recipe)
        on_step(len(open_ends))


def _step(
    ascents: Sequence[Ascent],
    numbers: Sequence[int],
    sides: tuple[int, int],
    drive: Drive,
    recipe: PictureRecipe,
) -> None:
    """One step of all pictures of a batch."""
    paintings = [paint(ascent.values[None], ascent.how) for ascent in ascents]
    crops = [_random_crop(ascent, sides, recipe) for ascent in ascents]
    taken = [crop.take(painting.pixels[0]) for crop, painting in zip(crops, paintings, strict=True)]
    responses, gradients = drive(np.stack(taken), numbers)
    for ascent, crop, painting, response, gradient in zip(
        ascents, crops, paintings, responses, gradients, strict=True
    ):
        by_values = paint_gradient(crop.spread(gradient)[None], painting, ascent.how)[0]
        ascent.values = ascent.values + ascent.climber.step(by_values)
        ascent.responses.append(float(response))


def _random_crop(ascent: Ascent, sides: tuple[int, int], recipe: PictureRecipe) -> Crop:
    """A crop that is moved, scaled and turned at random."""
    farthest = recipe.jitter * min(sides)
    down, right = ascent.random.uniform(-farthest, farthest, 2)
    scale = np.exp(ascent.random.uniform(-recipe.zoom, recipe.zoom))
    turn = np.radians(ascent.random.uniform(-recipe.turn, recipe.turn))
    return moved_crop(ascent.how.waves.sides, sides, Movement(down, right, float(scale), float(turn)))
