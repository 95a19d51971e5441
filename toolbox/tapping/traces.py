"""The meanings of the axes of a tensor, and the receptive fields of its positions. Owns the terms for both.

The axes of a tensor in a graph have no labels. Their meanings start at the image, which is (images, channels, height,
width), and are propagated from operator to operator; so are the receptive fields of the positions.
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
"""The meaning of an axis over parts of the filters, such as the heads of attention."""
POSITIONS = (HEIGHT, WIDTH, TOKEN)
"""Meanings of the axes of positions."""
Meaning = str | None
"""The meaning of an axis; None where it is unknown."""
Meanings = tuple[Meaning, ...]


@dataclass(frozen=True)
class Trace:
    """The meanings of the axes, and the spans of the positions, of a tensor that depends on the image."""

    axes: Meanings
    spans: Spans


def channel_axis(axes: Meanings) -> int | None:
    """The only axis of filters, None where there is none or more than one."""
    places = [place for place, meaning in enumerate(axes) if meaning == CHANNEL]
    return places[0] if len(places) == 1 else None


@dataclass(frozen=True)
class Passage:
    """The path through one operator to one of its outputs, with the traces of all earlier tensors."""

    wiring: Wiring
    traces: Mapping[str, Trace]
    node: Node
    output: str

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Inputs that depend on the image, each once."""
        return tuple(dict.fromkeys(name for name in self.node.inputs if name in self.traces))

    @property
    def first(self) -> str:
        """The first input that depends on the image."""
        return self.inputs[0]

    @property
    def axes(self) -> Meanings:
        """The meanings of the axes of the first input."""
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
        """The axes of the output, all with unknown meaning."""
        return (None,) * len(self.shape)

    @cached_property
    def spans(self) -> Spans:
        """The united spans of all inputs."""
        sizes = {name: prod(self.wiring.shape(name)) for name in self.inputs}
        return unite_spans({name: self.traces[name].spans for name in self.inputs}, sizes)
