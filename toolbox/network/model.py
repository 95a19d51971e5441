"""A network with its weights, ready to run. Owns turning a card of either kind into a graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from toolbox.errors import UsageError
from toolbox.graph import Graph
from toolbox.network.architecture import Layer, Network
from toolbox.network.chain import full_graph, layer_digests
from toolbox.network.imported import imported_graph
from toolbox.network.weights import load_weights
from toolbox.progress import Progress, silent


@dataclass(frozen=True)
class Model:
    """A network with its weights.

    Attributes:
        graph: the full graph, with every layer's activation map as an output.
        layers: the layers whose weights are available, starting at the input.
        digests: for every layer, a digest of all that determines its responses: preprocessing, architecture, weights.
        source: the source of the weights.
        notes: warnings, such as about missing layers.
    """

    network: Network
    graph: Graph
    layers: tuple[Layer, ...]
    digests: Mapping[str, str]
    source: str
    notes: tuple[str, ...] = ()


def load_model(
    network: Network,
    layers: Iterable[str] | None = None,
    *,
    source: str = "auto",
    progress: Progress = silent,
) -> Model:
    """A network with verified weights, up to the deepest of the named layers.

    Args:
        network: the network of a card.
        layers: names of the layers to record; None for all available layers, with a warning about missing ones.
        source: source of the weights: 'auto', a file, or 'random:SEED'.
        progress: is called as weights are downloaded.

    Raises: WeightsError, VerificationError, UsageError; CardError when the graph of an imported network is missing.
    """
    if network.graph is not None:
        return _imported_model(network, layers, source)
    weights = load_weights(network, layers, source=source, progress=progress)
    digests = layer_digests(network.input, weights)
    graph = full_graph(network, weights, digests)
    return Model(network, graph, weights.layers, digests, weights.source, weights.notes)


def _imported_model(network: Network, layers: Iterable[str] | None, source: str) -> Model:
    """A network whose weights are in its graph."""
    if source != "auto":
        raise UsageError(
            f"the weights of {network.name} are in its graph and cannot be replaced by {source!r}; omit weights "
            "(--weights), or add the other graph as another network"
        )
    wanted = list(layers or [layer.name for layer in network.layers])
    graph, kept, digests = imported_graph(network, wanted)
    notes = (
        (f"images are presented to {network.name} one at a time, because its graph does not accept batches",)
        if network.batch
        else ()
    )
    return Model(network, graph, kept, digests, f"the graph {network.sha256[:12]}", notes)
