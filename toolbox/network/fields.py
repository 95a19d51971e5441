"""Which pixels of its input a position of a layer sees. Owns these spans for both kinds of networks.

For a chain they follow from the card alone: every kernel widens them, every stride separates the positions, and padding
moves the first one before the image. In an imported graph they are traced from operator to operator.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from toolbox.errors import UnknownNameError
from toolbox.graph import Graph
from toolbox.network.architecture import ChainLayer, Layer, Network
from toolbox.tapping.flow import trace_tensors
from toolbox.tapping.geometry import Span, Spans
from toolbox.tapping.traces import HEIGHT, WIDTH
from toolbox.tapping.trial import observe
from toolbox.tapping.wiring import Wiring


def layer_spans(network: Network, graph: Graph, layers: Collection[str]) -> dict[str, Spans]:
    """The pixels of the input that the positions of some layers see, along height and width.

    A position of a layer without a place in the image sees all of it: one of a dense layer, a token, or one after
    attention or after pooling over the whole map.

    Args:
        network: the network of a card.
        graph: its full graph, as of `model.Model`.
        layers: names of layers of the graph.

    Returns: by layer; `geometry.Span` describes the arithmetic.
    Raises: UnknownNameError for a layer that the network lacks.

    Example:
        >>> from toolbox.network.card import network
        >>> _chain_spans(network("vgg16").chain)["block1_pool"][0]
        Span(step=2, left=-2, right=3)
    """
    known = {layer.name: layer for layer in network.layers}
    for name in layers:
        if name not in known:
            raise UnknownNameError("layer", name, known)
    found = _chain_spans(network.chain) if network.chain else _traced_spans(network, graph)
    return {name: found[name] for name in layers}


def has_positions(layer: Layer, spans: Spans) -> bool:
    """Whether a layer's positions are places in the image, each with pixels of its own along at least one side.

    Args:
        layer: of a network.
        spans: of the layer.
    """
    is_map = layer.kind not in ("dense", "tokens")
    return is_map and layer.height * layer.width > 1 and any(span.left > float("-inf") for span in spans)


def _chain_spans(layers: Collection[ChainLayer]) -> dict[str, Spans]:
    """The spans of a chain's layers, whose kernels, strides and paddings are the same along both sides."""
    span, found = Span(), dict[str, Spans]()
    for layer in layers:
        is_dense = layer.kind == "dense"
        span = span.everywhere() if is_dense else span.slide(layer.kernel, layer.stride, layer.padding)
        found[layer.name] = span, span
    return found


def _traced_spans(network: Network, graph: Graph) -> Mapping[str, Spans]:
    """The spans of an imported graph's layers, the whole image where the map is not (height, width)."""
    model, entry = graph.embed_tensors(), network.input
    traces = trace_tensors(Wiring(model, observe(model, entry.height, entry.width)))
    found = dict[str, Spans]()
    for layer in network.imported_layers:
        if layer.name in traces:
            trace = traces[layer.name]
            places = [meaning for axis, meaning in enumerate(trace.axes) if axis not in (0, layer.axis)]
            is_upright = places == [HEIGHT, WIDTH]
            whole = trace.spans[0].everywhere(), trace.spans[1].everywhere()
            found[layer.name] = trace.spans if is_upright else whole
    return found
