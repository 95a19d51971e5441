"""The weights of a network, from a user's file, the cache or a published source, each tensor verified.

Tensors are named `<layer>.kernel` and `<layer>.bias`: float32, kernels of convolutions as (filters, inputs,
height, width), of dense layers as (inputs, filters), where the inputs run over height, width, channel.

    sources     where weights come from, in which order, and that they are the published ones
    matching    which tensor of a file belongs to which layer: by name, else by order and shape
    layout      how other programs lay kernels out
    reading     what is in a file: .h5, .npz, .safetensors
    graphs      what is in the graph of an .onnx file
"""

from toolbox.graph import Tensors
from toolbox.network.weights.sources import FORMATS, Weights, load_weights, tensor_digest

__all__ = ["FORMATS", "Tensors", "Weights", "load_weights", "tensor_digest"]
