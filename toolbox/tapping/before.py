"""What a layer is before its activation function, in a graph that is ready to run. Owns finding that tensor."""

from __future__ import annotations

from toolbox.graph import Graph
from toolbox.tapping.operators import OPERATORS, UNKNOWN, Effect

_FUNCTIONS = (Effect.ACTIVATION, Effect.GATE, Effect.SQUASH)
_COPIES = ("Identity", "Cast", "Dropout")


def tensor_before_activation(graph: Graph, layer: str) -> str:
    """The tensor from which the activation function of a layer computes it; the layer itself if it has none.

    A filter that does not respond at all has no gradient after a ReLU, but it has one before it.

    Args:
        graph: a graph whose outputs are named as the layers.
        layer: name of one of them.
    """
    producers = {name: node for node in graph.proto.graph.node for name in node.output}
    name = layer
    while (node := producers.get(name)) is not None:
        effect = OPERATORS.get(node.op_type, UNKNOWN).effect
        if node.op_type in _COPIES:
            name = node.input[0]
        elif effect in _FUNCTIONS:
            return str(node.input[0])
        else:
            break
    return layer
