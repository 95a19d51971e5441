"""Following values through a graph. Owns tracing all tensors that depend on the image, and following copies."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from toolbox.tapping.axes import IMAGE_AXES
from toolbox.tapping.geometry import Span
from toolbox.tapping.operators import Effect, has_effect, operator_of
from toolbox.tapping.traces import Passage, Trace
from toolbox.tapping.wiring import Node, Wiring
from toolbox.terms import IMAGE

COPIES = (Effect.COPY,)


def trace_tensors(wiring: Wiring) -> dict[str, Trace]:
    """The meanings of the axes, and the fields of the positions, of every tensor that depends on the image."""
    traces = {IMAGE: Trace(IMAGE_AXES, (Span(), Span()))}
    for node in wiring.nodes:
        if not traces.keys().isdisjoint(node.inputs):
            names = [name for name in node.outputs if name in wiring.responsive]
            traces |= {name: _pass(Passage(wiring, traces, node, name)) for name in names}
    return traces


def _pass(passage: Passage) -> Trace:
    operator = operator_of(passage.node)
    return Trace(operator.axes(passage), operator.spans(passage))


def takers(wiring: Wiring, tensor: str) -> Iterator[Node]:
    """Nodes that use the values of a tensor, directly or through operators that copy them unchanged.

    Args:
        wiring: the wiring of the graph.
        tensor: name of the tensor.
    """
    for node in wiring.consumers.get(tensor, ()):
        if has_effect(node, Effect.COPY):
            yield from takers(wiring, node.output)
        else:
            yield node


def source(wiring: Wiring, tensor: str, through: Collection[Effect] = COPIES) -> str:
    """The original tensor of these values, found by going back through operators that pass them on.

    Args:
        wiring: the wiring of the graph.
        tensor: name of the tensor.
        through: effects of these operators.
    """
    node = wiring.producer.get(tensor)
    while node is not None and has_effect(node, *through) and node.inputs[0] in wiring.responsive:
        tensor = node.inputs[0]
        node = wiring.producer.get(tensor)
    return tensor
