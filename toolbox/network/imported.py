"""Networks with an imported graph. Owns their full graph and the identity of their layers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from toolbox.errors import CardError, UsageError, VerificationError
from toolbox.files import digest_of
from toolbox.graph import Graph, external_tensor, make_node
from toolbox.network.architecture import ImportedLayer, Network
from toolbox.network.chain import entry_digest
from toolbox.tapping.entrance import INSIDE, enter_graph, entrance, image_size
from toolbox.tapping.graph_file import read_graph
from toolbox.tapping.trial import first_line, run_graph
from toolbox.tapping.wiring import constants
from toolbox.terms import IMAGE

LEAST_BESIDE = 4096
"""Size in bytes from which a tensor is kept beside the graph."""
OLDEST_IR = 8  # before version 4, tensors also had to be inputs


@dataclass(frozen=True)
class _Cut:
    """The part of an imported graph that some layers need.

    Attributes:
        model: the whole graph, with the toolbox's own input.
        nodes: the required nodes, in the order in which they run.
        tensors: the constants that they use.
        layers: the layers whose tensors they compute.
    """

    model: onnx.ModelProto
    nodes: Sequence[onnx.NodeProto]
    tensors: Mapping[str, NDArray[Any]]
    layers: tuple[ImportedLayer, ...]


def imported_graph(
    network: Network, wanted: Iterable[str]
) -> tuple[Graph, tuple[ImportedLayer, ...], dict[str, str]]:
    """The graph of an imported network up to the requested layers.

    Args:
        network: the network of a card.
        wanted: names of the requested layers.

    Returns: the graph, whose outputs are named as the layers; its layers, which include those below the requested
        ones; and their digests, of everything that determines their responses.
    Raises: VerificationError when the file of the graph has changed since it was added; CardError when it is missing,
        or differs from its description in the card.
    """
    cut = _cut_graph(network, set(wanted))
    digests = _digests(network, cut)
    full = _full_graph(network, cut, digests)
    _check_layers(network, full, cut.layers)
    return full, cut.layers, digests


def _cut_graph(network: Network, wanted: set[str]) -> _Cut:
    model = _enter_graph(network)
    tensors = [INSIDE + layer.tensor for layer in network.imported_layers if layer.name in wanted]
    nodes = _required_nodes(model.graph, tensors)
    results = {name for node in nodes for name in node.output}
    layers = tuple(layer for layer in network.imported_layers if INSIDE + layer.tensor in results)
    if missing := sorted(wanted - {layer.name for layer in layers}):
        raise CardError(
            f"the graph of {network.name} has no tensor for {', '.join(missing)}; add the network again (toolbox model "
            "add … --replace)"
        )
    used = {name for node in nodes for name in node.input}
    fixed = {name: tensor for name, tensor in constants(model.graph).items() if name in used}
    return _Cut(model, nodes, fixed, layers)


def _enter_graph(network: Network) -> onnx.ModelProto:
    """The graph of the network, with the toolbox's own input in the size of the card."""
    model, entry = _read_graph(network), network.input
    try:
        image_size(entrance(model), (entry.height, entry.width))
    except UsageError as error:
        raise CardError(f"the card of network {network.name!r} has an invalid [input]: {error}") from error
    return enter_graph(model, entry.height, entry.width, network.batch)


def _check_layers(network: Network, full: Graph, layers: Iterable[ImportedLayer]) -> None:
    """Present one image and compare the shapes with the card, because a wrong axis would mix up the filters."""
    image = np.zeros((1, 3, network.input.height, network.input.width), np.float32)
    try:
        maps = run_graph(full, image)
    except UsageError as error:
        raise CardError(
            f"the card of network {network.name!r} does not fit its graph ({first_line(error)}); add the network again "
            "(toolbox model add … --replace)"
        ) from error
    for layer in layers:
        shape = maps[layer.name].shape
        if not _has_shape_of_card(layer, shape):
            raise CardError(
                f"the card of network {network.name!r} gives layer {layer.name!r} {layer.filters} filters on axis "
                f"{layer.axis} of {layer.rank}, {layer.height} x {layer.width}, but its tensor is "
                f"{' x '.join(map(str, shape))} for one image; correct the card, or add the network again"
            )


def _has_shape_of_card(layer: ImportedLayer, shape: Sequence[int]) -> bool:
    """Whether a tensor for one image has the rank, the filters and the positions that the card gives for a layer."""
    if len(shape) != layer.rank or shape[0] != 1 or shape[layer.axis] != layer.filters:
        return False
    places = [side for axis, side in enumerate(shape) if axis not in (0, layer.axis)]
    if layer.kind == "tokens" or not places:
        return (prod(places), 1) == (layer.height, layer.width)
    return places == [layer.height, layer.width]


def _read_graph(network: Network) -> onnx.ModelProto:
    """The graph exactly as it was imported."""
    path = network.graph
    if path is None or not path.is_file():
        raise CardError(
            f"the graph of {network.name} is missing at {path}; restore it, or add the network again"
        )
    if digest_of(path) != network.sha256:
        raise VerificationError(
            f"{path} is not the graph that was added as {network.name} (its sha256 differs); restore the original "
            "graph, or add this graph under another name"
        )
    try:
        return read_graph(Path(path))
    except UsageError as error:
        raise CardError(f"the graph of {network.name}: {error}") from error


def _required_nodes(graph: onnx.GraphProto, tensors: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes that are needed to compute the tensors, in the order in which they run."""
    wanted = set(tensors)
    nodes = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            nodes.append(node)
            wanted.update(node.input)
    return nodes[::-1]


def _full_graph(network: Network, cut: _Cut, digests: Mapping[str, str]) -> Graph:
    """A graph whose outputs are named as the layers, converted to float32."""
    beside = {
        name: tensor
        for name, tensor in cut.tensors.items()
        if tensor.nbytes >= LEAST_BESIDE and tensor.dtype.kind == "f"
    }
    model = helper.make_model(
        _bare_graph(network, cut, beside),
        opset_imports=cut.model.opset_import,
        ir_version=max(cut.model.ir_version, OLDEST_IR),
    )
    helper.set_model_props(model, _properties(network, cut.layers, digests))
    return Graph(model, beside, {layer.name: layer.axis for layer in cut.layers})


def _bare_graph(network: Network, cut: _Cut, beside: Mapping[str, NDArray[Any]]) -> onnx.GraphProto:
    """The required nodes, and casts that name the tensors of the layers as the layers."""
    for node in cut.nodes:
        node.name = ""  # it may equal the name of a layer, and onnxruntime requires unique names
    outlets = [
        make_node("Cast", [INSIDE + layer.tensor], layer.name, to=TensorProto.FLOAT) for layer in cut.layers
    ]
    maps = [helper.make_tensor_value_info(layer.name, TensorProto.FLOAT, layer.shape) for layer in cut.layers]
    graph = cut.model.graph
    small = [entry for entry in graph.initializer if entry.name in cut.tensors and entry.name not in beside]
    large = [external_tensor(name, tensor) for name, tensor in beside.items()]
    return helper.make_graph(
        [*cut.nodes, *outlets], network.name, graph.input, maps, [*small, *large], doc_string=network.title
    )


def _properties(
    network: Network, layers: Iterable[ImportedLayer], digests: Mapping[str, str]
) -> dict[str, str]:
    """The metadata that a reader needs to use the file."""
    return {
        "network": network.name,
        "graph": f"sha256:{network.sha256}",
        "input": "float32 (images, channel, height, width) from pixels of 0 to 255, preprocessed as described below",
        "preprocessing": json.dumps(network.input.describe()),
        "outputs": f"the tensors {network.activation} the activation functions; if pooled, their .maximum and .mean",
        "layers": json.dumps({layer.name: layer.tensor for layer in layers}),
        "digests": json.dumps(digests),
        "digests_of": "preprocessing, operators and weights from the input to the layer (SHA-256)",
        "citation": network.citation,
        "licence": network.licence,
    }


def _digests(network: Network, cut: _Cut) -> dict[str, str]:
    """For every layer, a digest of the preprocessing and of all operators and tensors that determine its responses.

    The digest does not depend on the names of tensors and nodes. With | for a line break,

        digest(output) = SHA-256(domain | operator | opsets | attributes | digest(each input) | place of the output)
    """
    opsets = sorted((entry.domain, entry.version) for entry in cut.model.opset_import)
    known = {name: _tensor_digest(tensor) for name, tensor in cut.tensors.items()}
    known[IMAGE] = entry_digest(network.input)
    known[""] = ""  # an omitted optional input
    for node in cut.nodes:
        attributes = sorted(map(_attribute_text, node.attribute))
        inputs = [known[name] for name in node.input]
        parts = [node.domain, node.op_type, repr(opsets), *attributes, *inputs]
        for place, name in enumerate(node.output):
            known[name] = hashlib.sha256("\n".join([*parts, str(place)]).encode()).hexdigest()
    return {
        layer.name: hashlib.sha256(f"{known[INSIDE + layer.tensor]}\naxis {layer.axis}".encode()).hexdigest()
        for layer in cut.layers
    }


def _tensor_digest(tensor: NDArray[Any]) -> str:
    content = hashlib.sha256(f"{tensor.dtype.str} {tensor.shape}\n".encode())
    content.update(np.ascontiguousarray(tensor).tobytes())
    return content.hexdigest()


def _attribute_text(entry: onnx.AttributeProto) -> str:
    """An attribute as text, without the parts that do not change a result."""
    bare = onnx.AttributeProto()
    bare.CopyFrom(entry)
    bare.doc_string = ""
    if bare.type == onnx.AttributeProto.TENSOR:
        bare.t.name = ""
        bare.t.ClearField("data_location")  # it remains set for tensors that were read from another file
    content: bytes = bare.SerializeToString(deterministic=True)
    return content.hex()
