"""The weights of a network, from a user's file, the cache or a published source, with every tensor verified.

Tensors are named `<layer>.kernel` and `<layer>.bias` and are float32. Kernels of convolutions are (filters, inputs,
height, width). Kernels of dense layers are (inputs, filters), with the inputs in the order height, width, channel.

    sources     the sources of weights and their order; random weights
    digests     recognising and refusing tensors by their digests
    matching    assigning the tensors of a file to layers: by name, else by order and shape
    layout      the layouts of kernels in other programs
    reading     reading files: .h5, .npz, .safetensors
    graphs      reading the kernels in the graph of an .onnx file
"""

from toolbox.graph import Tensors
from toolbox.network.weights.digests import Weights, tensor_digest
from toolbox.network.weights.reading import WEIGHT_FORMATS
from toolbox.network.weights.sources import load_weights

__all__ = ["WEIGHT_FORMATS", "Tensors", "Weights", "load_weights", "tensor_digest"]
