"""Random weights: the network before any training."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np

from toolbox.errors import VerificationError
from toolbox.graph import Tensors
from toolbox.network.card import ChainLayer, Network
from toolbox.network.weights.digests import name_remedy, weight_names


def random_tensors(net: Network, layers: Iterable[ChainLayer], seed: int) -> Tensors:
    """Kernels of variance 2 / inputs (He, Zhang, Ren and Sun 2015, arXiv:1502.01852), biases zero.

    Args:
        net: whose card knows no other tensors of these layers.
        layers: of the network.
        seed: 0 or more.

    Raises: VerificationError where the card has a digest or first value.
    """
    tensors: Tensors = {}
    for layer in layers:
        if {*weight_names(layer), layer.name} & {*net.digests, *net.first_values}:
            raise VerificationError(f"random numbers, seed {seed}, are not the tensors {name_remedy(net)}")
        if layer.has_weights:
            # Each layer has its own stream, so that asking for fewer layers changes none of them.
            stream = np.random.default_rng([seed, zlib.crc32(layer.name.encode())])
            inputs = layer.inputs * (layer.kernel**2 if layer.kind == "convolution" else 1)
            kernel = stream.standard_normal(layer.kernel_shape, dtype=np.float32)
            tensors[f"{layer.name}.kernel"] = kernel * np.float32(np.sqrt(2 / inputs))
            tensors[f"{layer.name}.bias"] = np.zeros(layer.filters, dtype=np.float32)
    return tensors
