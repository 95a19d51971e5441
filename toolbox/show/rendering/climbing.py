"""Steps uphill: Adam with Nesterov momentum. Owns the formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolbox.show.rendering.waves import RealArray

FIRST, SECOND, LEAST = 0.9, 0.999, 1e-8
"""Decay of the mean of gradients and of their squares, and the smallest divisor, as usual."""


@dataclass
class Climber:
    """The state of an ascent (Dozat 2016, Incorporating Nesterov momentum into Adam).

    Attributes:
        rate: length of a step.
    """

    rate: float
    mean: RealArray
    square: RealArray
    steps: int = 0

    def step(self, gradient: RealArray) -> RealArray:
        """What to add to the values.

        Args:
            gradient: of what shall increase, by the values.
        """
        self.steps += 1
        self.mean = FIRST * self.mean + (1 - FIRST) * gradient
        self.square = SECOND * self.square + (1 - SECOND) * gradient**2
        ahead = FIRST * self.mean / (1 - FIRST ** (self.steps + 1))
        ahead = ahead + (1 - FIRST) * gradient / (1 - FIRST**self.steps)
        divisor = np.sqrt(self.square / (1 - SECOND**self.steps)) + LEAST * np.abs(gradient).max()
        return np.asarray(self.rate * ahead / np.maximum(divisor, np.finfo(divisor.dtype).tiny))


def climber(values: RealArray, rate: float) -> Climber:
    """An ascent from some values.

    Args:
        values: where it starts.
        rate: length of a step.
    """
    return Climber(rate, np.zeros_like(values), np.zeros_like(values))
