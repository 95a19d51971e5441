"""The weights of a network, from a user's file, the cache or a published source, each tensor verified.

Tensors are named `<layer>.kernel` and `<layer>.bias`: float32, kernels of convolutions as (filters, inputs,
height, width), of dense layers as (inputs, filters), where the inputs run over height, width, channel.

    sources     where weights come from, and in which order; random ones
    digests     tensors that a card knows by their content, and those it refuses
    matching    which tensor of a file belongs to which layer: by name, else by order and shape
    layout      how other programs lay kernels out
    reading     what is in a file: .h5, .npz, .safetensors
    graphs      what is in the graph of an .onnx file
"""

from toolbox.graph import Tensors
from toolbox.network.weights.digests import Weights, tensor_digest
from toolbox.network.weights.reading import WEIGHT_FORMATS
from toolbox.network.weights.sources import load_weights

__all__ = ["WEIGHT_FORMATS", "Tensors", "Weights", "load_weights", "tensor_digest"]
