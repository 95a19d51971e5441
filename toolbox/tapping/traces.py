"""What is known of a tensor: what its axes mean, and what its positions see. Owns the words for both.

A tensor of a graph has no labels on its axes. Their meaning starts at the image, which is (images, channels, height,
width), and is carried from operator to operator; so is the part of the image that every position sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

from toolbox.tapping.geometry import Spans, unite_spans
from toolbox.tapping.wiring import Node, Wiring

BATCH, CHANNEL, HEIGHT, WIDTH, TOKEN = "batch", "channel", "height", "width", "token"
SHARE = "share of channel"
"""An axis that is a part of the filters, such as the heads of attention."""
POSITIONS = (HEIGHT, WIDTH, TOKEN)
"""Axes along which a layer has its positions."""
Meaning = str | None
"""What an axis is; None where that is lost."""
Meanings = tuple[Meaning, ...]


@dataclass(frozen=True)
class Trace:
    """What is known of a tensor that follows from the image: the meaning of every axis, and what positions see."""

    axes: Meanings
    spans: Spans


def channel_axis(axes: Meanings) -> int | None:
    """The one axis of filters, None where there is none or several."""
    places = [place for place, meaning in enumerate(axes) if meaning == CHANNEL]
    return places[0] if len(places) == 1 else None


@dataclass(frozen=True)
class Passage:
    """The way through one operator to one of its outputs, and what is known of all tensors before it."""

    wiring: Wiring
    traces: Mapping[str, Trace]
    node: Node
    output: str

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Inputs that follow from the image, each once."""
        return tuple(dict.fromkeys(name for name in self.node.inputs if name in self.traces))

    @property
    def first(self) -> str:
        """The first input that follows from the image."""
        return self.inputs[0]

    @property
    def axes(self) -> Meanings:
        """What the axes of the first input mean."""
        return self.traces[self.first].axes

    @property
    def first_shape(self) -> tuple[int, ...]:
        """The shape of the first input."""
        return self.wiring.shape(self.first)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the output."""
        return self.wiring.shape(self.output)

    @property
    def lost(self) -> Meanings:
        """The meanings of the output's axes where nothing is known of them."""
        return (None,) * len(self.shape)

    @cached_property
    def spans(self) -> Spans:
        """What the inputs see together."""
        sizes = {name: prod(self.wiring.shape(name)) for name in self.inputs}
        return unite_spans({name: self.traces[name].spans for name in self.inputs}, sizes)
