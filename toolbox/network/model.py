"""A network with its weights, ready to run. Owns how a card of either kind becomes a graph."""

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
        graph: the full graph, with every layer's activation map an output.
        layers: those that the weights reach, from the input down.
        digests: of every layer, all that its responses follow from: preprocessing, architecture, weights.
        source: where the weights come from.
    """

    network: Network
    graph: Graph
    layers: tuple[Layer, ...]
    digests: Mapping[str, str]
    source: str
    remarks: tuple[str, ...] = ()


def load_model(
    network: Network,
    layers: Iterable[str] | None = None,
    *,
    source: str = "auto",
    progress: Progress = silent,
) -> Model:
    """A network with verified weights, down to the deepest of the named layers.

    Args:
        network: of a card.
        layers: names of the layers to be tapped; None for all that are available, with a remark on what is missing.
        source: of the weights: 'auto', a file, or 'random:SEED'.
        progress: is called as weights are fetched.

    Raises: WeightsError, VerificationError, UsageError; CardError when an imported network's graph is gone.
    """
    if network.graph is not None:
        return _imported_model(network, layers, source)
    weights = load_weights(network, layers, source=source, progress=progress)
    digests = layer_digests(network.input, weights)
    graph = full_graph(network, weights, digests)
    return Model(network, graph, weights.layers, digests, weights.source, weights.remarks)


def _imported_model(network: Network, layers: Iterable[str] | None, source: str) -> Model:
    """A network whose weights are in its own graph."""
    if source != "auto":
        raise UsageError(
            f"{network.name} brings its weights in its graph, which {source!r} cannot replace; leave --weights out, "
            "or add the other graph under a name of its own"
        )
    wanted = list(layers or [layer.name for layer in network.layers])
    graph, kept, digests = imported_graph(network, wanted)
    remarks = (
        (f"{network.name} is shown one image at a time: its graph takes no batches",) if network.batch else ()
    )
    return Model(network, graph, kept, digests, f"the graph {network.sha256[:12]}", remarks)
