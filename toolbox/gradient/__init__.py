"""The gradient of any ONNX graph, as another graph. Knows operators; does not depend on any network."""

from toolbox.gradient.backward import gradient_graph
from toolbox.gradient.padding import without_padding

__all__ = ["gradient_graph", "without_padding"]
