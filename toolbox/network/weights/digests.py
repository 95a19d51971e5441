"""Tensors and the digests on cards: what is recognised by them, and what is refused as another network's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.content import card, shipped_names
from toolbox.errors import VerificationError, WeightsError
from toolbox.graph import Tensors
from toolbox.network.architecture import ChainLayer, Network
from toolbox.network.card import network
from toolbox.network.weights.layout import (
    CONVOLUTION_LAYOUTS,
    DENSE_LAYOUTS,
    PARTS,
    PROGRAM_NAMES,
    StoredTensor,
    WeightedLayer,
)


def tensor_digest(tensor: NDArray[np.float32]) -> str:
    """SHA-256 of a tensor as little-endian float32 in C order."""
    return hashlib.sha256(np.ascontiguousarray(tensor, dtype="<f4").data).hexdigest()


def recognise_tensors(
    stored: Sequence[StoredTensor], needed: Sequence[WeightedLayer], digests: Mapping[str, str]
) -> Tensors | None:
    """The tensors of these layers by their content, whatever names, order and layout they have in the file.

    Args:
        stored: the tensors of a file.
        needed: the layers.
        digests: of the card, by `<layer>.kernel` and `<layer>.bias`.

    Returns: kernel and bias of every layer; None where the card or the file lacks one of them.
    """
    names = [(layer, part, f"{layer.name}.{part}") for layer in needed for part in PARTS]
    if not all(name in digests for *_, name in names):
        return None
    rest = list(stored)
    tensors: Tensors = {}
    for layer, part, name in names:
        readings = ((each, tensor) for each in rest for tensor in _readings(each, layer, part))
        same = next((pair for pair in readings if tensor_digest(pair[1]) == digests[name]), None)
        if same is None:
            return None
        # What is taken is not hashed again, so the layers of one shape meet theirs at once in a file of their order.
        rest.remove(same[0])
        tensors[name] = same[1]
    return tensors


def _readings(stored: StoredTensor, layer: WeightedLayer, part: str) -> Iterator[NDArray[np.float32]]:
    """What a tensor of a file would be for a layer, in each known layout whose shape it has; read if there is one."""
    if stored.part != part:
        return
    if part == "bias":
        if stored.shape == layer.bias_shape:
            yield np.ascontiguousarray(stored.read(), np.float32)
        return
    rank = len(stored.shape)
    layouts = CONVOLUTION_LAYOUTS if rank == 4 else DENSE_LAYOUTS
    if fitting := [each for each in layouts if layer.kernel_shape(each, rank) == stored.shape]:
        kernel = stored.read()
        yield from (layer.arrange_kernel(kernel, each) for each in fitting)


@dataclass(frozen=True)
class Weights:
    """Tensors by name, and where they come from.

    Attributes:
        tensors: by `<layer>.kernel` and `<layer>.bias`.
        source: for provenance.
        layers: those that the tensors suffice for, from the input on.
        remarks: what provenance must say beside the source.
        program: whose layout their file has, in the word of a card's `layout`; empty where that cannot be told.
    """

    tensors: Tensors
    source: str
    layers: tuple[ChainLayer, ...]
    remarks: tuple[str, ...] = ()
    program: str = ""


def check_weights(net: Network, weights: Weights) -> None:
    """Compare every tensor with the digest or first value on the network's card, and with the digests on all others.

    Args:
        net: whose weights they should be.
        weights: which should have the tensors of their layers.

    Raises: WeightsError for a tensor that is missing; VerificationError for one that is another's.
    """
    others = _digests_of_others(net)
    for layer in weights.layers:
        for name in weight_names(layer):
            if name not in weights.tensors:
                raise WeightsError(f"{weights.source} lacks {name}; use a file that holds it")
            _check_digest(net, weights, name, others)
        if layer.name in net.first_values:
            _check_first_values(net, weights, layer.name)


def _check_digest(net: Network, weights: Weights, name: str, others: Mapping[str, tuple[str, str]]) -> None:
    digest = tensor_digest(weights.tensors[name])
    if digest != net.digests.get(name, digest):
        _check_program(net, weights)
        raise VerificationError(f"{name} from {weights.source} is not the tensor {card_remedy(net)}")
    if name not in net.digests and digest in others:
        other, its_name = others[digest]
        raise VerificationError(
            f"{name} from {weights.source} is {other}'s {its_name}, and {net.name} is another network; "
            f"use --model {other}, or give your own card these tensors' digests"
        )


def _check_first_values(net: Network, weights: Weights, layer: str) -> None:
    first = tuple(float(weights.tensors[f"{layer}.{part}"].flat[0]) for part in PARTS)
    if not np.allclose(first, net.first_values[layer], rtol=1e-5, atol=0):
        raise VerificationError(
            f"{layer} from {weights.source} starts with {first}, the published weights of {net.name} with "
            f"{net.first_values[layer]}; to use other weights, write a card of your own"
        )


def weight_names(layer: ChainLayer) -> list[str]:
    """How the tensors of a layer are named; a pool has none."""
    return [f"{layer.name}.{part}" for part in PARTS] if layer.has_weights else []


def trust_remarks(net: Network, weights: Weights) -> list[str]:
    """What provenance must say of a user's file some of whose tensors the card does not know.

    Equal shapes may hold other filters, for other preprocessing: only the program of a card's `layout` tells Oxford's
    VGG16 from torchvision's.

    Args:
        net: whose card it is.
        weights: from the user's file.

    Raises: VerificationError for the layout of another program than the card's.
    """
    names = [(layer.name, name) for layer in weights.layers for name in weight_names(layer)]
    if all(name in net.digests or layer in net.first_values for layer, name in names):
        return []
    _check_program(net, weights)
    if weights.program or not net.layout:
        return []
    return [f"nothing tells that these are the weights of {net.name} ({net.title}); they are taken on trust"]


def _check_program(net: Network, weights: Weights) -> None:
    if weights.program and net.layout and weights.program != net.layout:
        raise VerificationError(
            f"{weights.source} is laid out as in {PROGRAM_NAMES[weights.program]}, the weights of {net.name} as in "
            f"{PROGRAM_NAMES[net.layout]}: filters of another training, for other preprocessing; "
            f"{_other_model(net, weights.program)}"
        )


def _other_model(net: Network, program: str) -> str:
    """What to do with weights of another program: the shipped network of the same layers that has such ones."""
    for other in map(network, shipped_names("models")):
        if other.layout == program and other.chain == net.chain:
            return f"use --model {other.name}"
    return (
        f'write a card of your own with like = "{net.name}", a new name, the [input] that these weights need, '
        f'and layout = "{program}"'
    )


def card_remedy(net: Network) -> str:
    """What a message says of other tensors than those of the card: whose they are not, and what to do."""
    return (
        f"of {net.name}'s card; to use other weights, write a card of your own with "
        f'like = "{net.name}", a new name and digests = {{}} (vgg16-untrained is such a card for random ones)'
    )


def _digests_of_others(net: Network) -> dict[str, tuple[str, str]]:
    """Network and name of every tensor whose digest another shipped card knows."""
    return {
        digest: (other, name)
        for other in shipped_names("models")
        if other != net.name
        for name, digest in card("models", other).get("digests", {}).items()
    }
