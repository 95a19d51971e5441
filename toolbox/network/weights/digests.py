"""Tensors and the digests in cards. Owns recognising tensors by digest, and refusing those of other networks."""

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
    """The tensors of these layers, recognised by their content regardless of their names, order and layout.

    Args:
        stored: the tensors of a file.
        needed: the layers.
        digests: digests in the card, by `<layer>.kernel` and `<layer>.bias`.

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
        # Recognised tensors are not hashed again, so that layers of equal shape match at once in a file in their order.
        rest.remove(same[0])
        tensors[name] = same[1]
    return tensors


def _readings(stored: StoredTensor, layer: WeightedLayer, part: str) -> Iterator[NDArray[np.float32]]:
    """A tensor of a file as that of a layer, in each layout that fits its shape; it is read only if one fits."""
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
    """Tensors by name, and their source.

    Attributes:
        tensors: tensors by `<layer>.kernel` and `<layer>.bias`.
        source: the source, for provenance.
        layers: the layers whose tensors are available, starting at the input.
        notes: warnings for provenance.
        program: the program whose layout the file has, as in the key `layout` of a card; empty if unknown.
    """

    tensors: Tensors
    source: str
    layers: tuple[ChainLayer, ...]
    notes: tuple[str, ...] = ()
    program: str = ""


def check_weights(net: Network, weights: Weights) -> None:
    """Compare every tensor with the digest or first value in the network's card, and with the digests in other cards.

    Args:
        net: the network to which the weights should belong.
        weights: the weights to check.

    Raises: WeightsError for a missing tensor; VerificationError for the tensor of another network.
    """
    others = _digests_of_others(net)
    for layer in weights.layers:
        for name in weight_names(layer):
            if name not in weights.tensors:
                raise WeightsError(f"{weights.source} lacks {name}; use a file that contains it")
            _check_digest(net, weights, name, others)
        if layer.name in net.first_values:
            _check_first_values(net, weights, layer.name)


def _check_digest(net: Network, weights: Weights, name: str, others: Mapping[str, tuple[str, str]]) -> None:
    digest = tensor_digest(weights.tensors[name])
    if digest != net.digests.get(name, digest):
        _check_program(net, weights)
        raise VerificationError(
            f"the digest of {name} from {weights.source} differs from that in {card_remedy(net)}"
        )
    if name not in net.digests and digest in others:
        other, its_name = others[digest]
        raise VerificationError(
            f"{name} from {weights.source} is the tensor {its_name} of {other}, but the network is {net.name}; choose "
            f"model={other!r} (--model {other}), or list the digests of these tensors in a card of your own"
        )


def _check_first_values(net: Network, weights: Weights, layer: str) -> None:
    first = tuple(float(weights.tensors[f"{layer}.{part}"].flat[0]) for part in PARTS)
    if not np.allclose(first, net.first_values[layer], rtol=1e-5, atol=0):
        raise VerificationError(
            f"{layer} from {weights.source} starts with {first}, but the published weights of {net.name} start with "
            f"{net.first_values[layer]}; to use other weights, write a card of your own"
        )


def weight_names(layer: ChainLayer) -> list[str]:
    """The names of the tensors of a layer; none for a pool."""
    return [f"{layer.name}.{part}" for part in PARTS] if layer.has_weights else []


def trust_notes(net: Network, weights: Weights) -> list[str]:
    """Warnings about a user's file with tensors for which the card has no digest.

    Tensors of equal shape may be other filters, for another preprocessing: only the program (`layout` in the card)
    distinguishes Oxford's VGG16 from torchvision's.

    Args:
        net: the network of the card.
        weights: weights from the user's file.

    Raises: VerificationError when the file has the layout of another program than the card.
    """
    names = [(layer.name, name) for layer in weights.layers for name in weight_names(layer)]
    if all(name in net.digests or layer in net.first_values for layer, name in names):
        return []
    _check_program(net, weights)
    if weights.program or not net.layout:
        return []
    return [
        f"the toolbox cannot verify that these are the weights of {net.name} ({net.title}); "
        "they are used without verification"
    ]


def _check_program(net: Network, weights: Weights) -> None:
    if weights.program and net.layout and weights.program != net.layout:
        raise VerificationError(
            f"{weights.source} has the layout of {PROGRAM_NAMES[weights.program]}, but the weights of {net.name} have "
            f"that of {PROGRAM_NAMES[net.layout]}: these filters come from another training, with another "
            f"preprocessing; {_other_model(net, weights.program)}"
        )


def _other_model(net: Network, program: str) -> str:
    """The remedy for weights of another program: the shipped network with the same layers and such weights, if any."""
    for other in map(network, shipped_names("models")):
        if other.layout == program and other.chain == net.chain:
            return f"choose model={other.name!r} (--model {other.name})"
    return (
        f'write a card of your own with like = "{net.name}", a new name, the [input] that these weights require, '
        f'and layout = "{program}"'
    )


def card_remedy(net: Network) -> str:
    """The card, and what to do about tensors that differ from its digests; the end of a message."""
    return (
        f"the card of {net.name}; to use other weights, write a card of your own with "
        f'like = "{net.name}", a new name and digests = {{}} (as vgg16-untrained does for random weights)'
    )


def _digests_of_others(net: Network) -> dict[str, tuple[str, str]]:
    """Network and name of every tensor whose digest is in another shipped card."""
    return {
        digest: (other, name)
        for other in shipped_names("models")
        if other != net.name
        for name, digest in card("models", other).get("digests", {}).items()
    }
