"""Tensors and the digests on cards: what is recognised by them, and what is refused as another network's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.content import card, shipped_names
from toolbox.errors import VerificationError, WeightsError
from toolbox.graph import Tensors
from toolbox.network.card import ChainLayer, Network, network
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
        rest.remove(
            same[0]
        )  # so that layers of one shape are met at the first try where the file has their order
        tensors[name] = same[1]
    return tensors


def _readings(stored: StoredTensor, layer: WeightedLayer, part: str) -> Iterator[NDArray[np.float32]]:
    """What a tensor of a file would be for a layer, in each known layout whose shape it has; read if there is one."""
    if stored.part != part:
        return
    if part == "bias":
        if stored.shape == (layer.layer.filters,):
            yield np.ascontiguousarray(stored.read(), np.float32)
        return
    rank = len(stored.shape)
    layouts = CONVOLUTION_LAYOUTS if rank == 4 else DENSE_LAYOUTS
    if fitting := [each for each in layouts if layer.kernel_shape(each, rank) == stored.shape]:
        kernel = stored.read()
        yield from (layer.arrange_kernel(kernel, each) for each in fitting)


def check_tensors(
    net: Network, layers: Sequence[ChainLayer], tensors: Tensors, program: str, source: str
) -> None:
    """Compare every tensor with the digest or first value on the network's card, and with the digests on all others.

    Args:
        net: whose weights they should be.
        layers: all of which must have their tensors.
        tensors: by `<layer>.kernel` and `<layer>.bias`.
        program: whose layout they had in their file; empty where that cannot be told.
        source: what they come from, for messages.

    Raises: WeightsError for a tensor that is missing; VerificationError for one that is another's.
    """
    others = _digests_of_others(net)
    for layer in layers:
        for name in weight_names(layer):
            if name not in tensors:
                raise WeightsError(f"{source} lacks {name}; use a file that holds it")
            digest = tensor_digest(tensors[name])
            if digest != net.digests.get(name, digest):
                check_program(net, program, source)
                raise VerificationError(f"{name} from {source} is not the tensor {name_remedy(net)}")
            if name not in net.digests and digest in others:
                other, its_name = others[digest]
                raise VerificationError(
                    f"{name} from {source} is {other}'s {its_name}, and {net.name} is another network; "
                    f"use --model {other}, or give your own card these tensors' digests"
                )
        if layer.name in net.first_values:
            _check_first_values(net, layer.name, tensors, source)


def weight_names(layer: ChainLayer) -> list[str]:
    """How the tensors of a layer are named; a pool has none."""
    return [f"{layer.name}.{part}" for part in PARTS] if layer.has_weights else []


def is_known(net: Network, layers: Sequence[ChainLayer]) -> bool:
    """Whether the card tells every tensor of these layers by its digest or first value.

    Args:
        net: whose card it is.
        layers: of the network.
    """
    return all(
        name in net.digests or layer.name in net.first_values
        for layer in layers
        for name in weight_names(layer)
    )


def check_program(net: Network, program: str, source: str) -> None:
    """Refuse files of another program than those of the network: equal shapes hold other filters there.

    They need other preprocessing, too: nothing else tells Oxford's VGG16 from torchvision's.

    Args:
        net: whose card may have a `layout`.
        program: whose layout the file has; empty where that cannot be told.
        source: the file, for the message.

    Raises: VerificationError.
    """
    if program and net.layout and program != net.layout:
        raise VerificationError(
            f"{source} is laid out as in {PROGRAM_NAMES[program]}, the weights of {net.name} as in "
            f"{PROGRAM_NAMES[net.layout]}: filters of another training, for other preprocessing; "
            f"{_other_model(net, program)}"
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


def name_remedy(net: Network) -> str:
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


def _check_first_values(net: Network, layer: str, tensors: Tensors, source: str) -> None:
    expected = net.first_values[layer]
    first = (float(tensors[f"{layer}.kernel"].flat[0]), float(tensors[f"{layer}.bias"].flat[0]))
    if not np.allclose(first, expected, rtol=1e-5, atol=0):
        raise VerificationError(
            f"{layer} from {source} starts with {first}, the published weights of {net.name} with {expected}; "
            "to use other weights, write a card of your own"
        )
