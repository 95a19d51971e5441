"""The graph of a gradient. Owns the order of the steps backward, and the sum where branches meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, version_converter

from toolbox.errors import GradientError, UnknownNameError
from toolbox.gradient.rules import RULES
from toolbox.gradient.step import FLOATS, Sketch, StepBack, refusal
from toolbox.graph import IR_VERSION, OPSET, Graph
from toolbox.terms import DIRECTION, GRADIENT, IMAGE


def gradient_graph(graph: Graph, tensor: str) -> Graph:
    """The graph of the gradient of a weighted sum over a tensor with respect to the image.

    Gradients of branches that meet are summed. Of equal values in a max-pooling the first one counts, and at 0 a ReLU
    has the gradient 0, as in torch.

    Args:
        graph: a graph whose input is `image` (images, 3, height, width), such as the full graph of a network.
        tensor: name of a tensor of the graph: of a layer, or of any tensor inside.

    Returns: a graph with the inputs `image` and `direction`, the weights of the sum, in the shape of the tensor. Its
        outputs are the tensor, under its name, and `gradient` (images, 3, height, width), that of the sum of
        direction * tensor with respect to the image.
    Raises: UnknownNameError when the graph has no such tensor; GradientError naming operator and layer when a gradient
        would have to pass an operator that has no rule.
    """
    modern = _convert(graph)
    nodes = _required_nodes(modern.proto.graph, tensor)
    responsive = _responsive(nodes)
    if tensor not in responsive:
        raise GradientError(f"tensor {tensor!r} does not depend on the image; choose a layer of the network")
    sketch = Sketch(modern, [_copy(node) for node in nodes])
    _go_back(sketch, sketch.nodes[: len(nodes)], responsive, tensor)
    return _finish(sketch, tensor)


def _convert(graph: Graph) -> Graph:
    """The graph in an opset whose operators the rules write."""
    opset = next(entry.version for entry in graph.proto.opset_import if entry.domain in ("", "ai.onnx"))
    if opset >= OPSET:
        return graph
    bare = onnx.ModelProto()
    bare.CopyFrom(graph.proto)
    beside = [entry for entry in bare.graph.initializer if entry.name in graph.tensors]
    kept = [entry for entry in bare.graph.initializer if entry.name not in graph.tensors]
    del bare.graph.initializer[:]
    bare.graph.initializer.extend(kept)
    # The converter cannot read tensors that are kept beside the graph, so it sees them as inputs.
    bare.graph.input.extend(helper.make_tensor_value_info(e.name, e.data_type, list(e.dims)) for e in beside)
    try:
        converted = version_converter.convert_version(bare, OPSET)
    except (RuntimeError, onnx.checker.ValidationError) as error:
        reason = str(error).strip().splitlines()[0]
        raise GradientError(
            f"the graph has opset {opset} and cannot be converted to {OPSET} ({reason}); export it with opset {OPSET}"
        ) from error
    inputs = [entry for entry in converted.graph.input if entry.name == IMAGE]
    del converted.graph.input[:]
    converted.graph.input.extend(inputs)
    converted.graph.initializer.extend(beside)
    converted.ir_version = max(converted.ir_version, IR_VERSION)
    return Graph(converted, graph.tensors, graph.axes)


def _required_nodes(graph: onnx.GraphProto, tensor: str) -> list[onnx.NodeProto]:
    """The nodes that are needed to compute a tensor, in the order in which they run."""
    known = [name for node in graph.node for name in node.output if name]
    if tensor not in known:
        raise UnknownNameError("tensor", tensor, known)
    if taken := {DIRECTION, GRADIENT}.intersection(known):
        raise GradientError(
            f"a layer is called {min(taken)!r}, as the gradient's own tensors are; rename it in the card"
        )
    wanted, nodes = {tensor}, []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            nodes.append(node)
            wanted.update(node.input)
    return nodes[::-1]


def _copy(node: onnx.NodeProto) -> onnx.NodeProto:
    own = onnx.NodeProto()
    own.CopyFrom(node)
    return own


def _responsive(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """The image, and the tensors that depend on its content."""
    reached = {IMAGE}
    for node in nodes:
        if node.op_type not in ("Shape", "Size") and reached.intersection(node.input):
            reached.update(name for name in node.output if name)
    return reached


def _go_back(sketch: Sketch, nodes: Sequence[onnx.NodeProto], responsive: set[str], tensor: str) -> None:
    """Add the nodes of all steps, from the tensor to the image; the last one has the output `gradient`."""
    parts: defaultdict[str, list[str]] = defaultdict(list)
    parts[tensor] = [DIRECTION]
    for node in reversed(nodes):
        gradients = [_total(sketch, parts.get(name, [])) for name in node.output]
        if not any(gradients):
            continue
        for place, name in enumerate(node.input):
            if name in responsive and sketch.type(name) in FLOATS:
                parts[name] += filter(None, [_step(StepBack(sketch, node, place, gradients))])
    if not parts[IMAGE]:
        parts[IMAGE] = [sketch.add("Mul", IMAGE, sketch.constant(0, np.float32))]
    sketch.nodes.append(helper.make_node("Identity", [_total(sketch, parts[IMAGE])], [GRADIENT]))


def _step(step: StepBack) -> str:
    rule = RULES.get(step.node.op_type)
    if rule is None:
        raise refusal(step.node, "the operator has no rule")
    return rule(step)


def _total(sketch: Sketch, parts: Sequence[str]) -> str:
    """The sum of the gradients that reach a tensor; empty where there is none."""
    if len(parts) < 2:
        return "".join(parts)
    return sketch.add("Sum", *parts)


def _finish(sketch: Sketch, tensor: str) -> Graph:
    """The graph of all nodes, with its inputs, outputs and constants."""
    given = sketch.graph.proto
    image = next(entry for entry in given.graph.input if entry.name == IMAGE)
    rank = sketch.rank(tensor)
    shape = sketch.shape(tensor) or (None if rank is None else [None] * rank)
    direction = helper.make_tensor_value_info(DIRECTION, sketch.type(tensor), shape)
    value = helper.make_tensor_value_info(tensor, sketch.type(tensor), shape)
    sides = [side.dim_value or side.dim_param for side in image.type.tensor_type.shape.dim]
    outcome = helper.make_tensor_value_info(GRADIENT, TensorProto.FLOAT, sides)
    used = {name for node in sketch.nodes for name in node.input}
    tensors = {name: values for name, values in sketch.graph.tensors.items() if name in used}
    made = helper.make_graph(
        sketch.nodes, given.graph.name, [image, direction], [value, outcome], sketch.declared()
    )
    model = helper.make_model(made, opset_imports=given.opset_import, ir_version=given.ir_version)
    return Graph(model, {**tensors, **sketch.tensors}, sketch.graph.axes)
