"""ONNX files of some kilobytes that state, or compute, far more than they are, or that never end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper

from support.foreign_graphs import SIDE, Builder


def finished(b: Builder, below: str) -> onnx.ModelProto:
    return b.model(b.add("GlobalMaxPool", b.add("Relu", below)))


def _with_scale(b: Builder, scale: str) -> onnx.ModelProto:
    """A graph that multiplies the image by the mean of a tensor."""
    return finished(b, b.add("Mul", "x", b.reduce("ReduceMean", scale, [0], keepdims=0)))


def constant_of_shape() -> onnx.ModelProto:
    b = Builder()
    return _with_scale(b, b.add("ConstantOfShape", b.fixed(np.array([2**34]))))


def expanded() -> onnx.ModelProto:
    b = Builder()
    return _with_scale(b, b.add("Expand", b.fixed(np.array([1.0])), b.fixed(np.array([2**34]))))


def tiled() -> onnx.ModelProto:
    b = Builder()
    return _with_scale(b, b.add("Tile", b.fixed(np.array([1.0])), b.fixed(np.array([2**34]))))


def doubled() -> onnx.ModelProto:
    b = Builder()
    below = "x"
    for _ in range(30):
        below = b.add("Concat", below, below, axis=2)
    return finished(b, below)


def resized() -> onnx.ModelProto:
    b = Builder()
    sizes = b.fixed(np.array([1.0, 1.0, 10_000.0, 10_000.0], np.float32))
    return finished(b, b.add("Upsample" if b.opset < 10 else "Resize", "x", "", sizes))


def padded() -> onnx.ModelProto:
    b = Builder()
    return finished(b, b.add("Pad", "x", b.fixed(np.array([0, 0, 0, 0, 0, 0, 2**20, 2**20]))))


def of_the_image() -> onnx.ModelProto:
    """The size depends on the image, so that it is known only when it is computed."""
    b = Builder()
    bright = b.reduce("ReduceMax", b.add("Abs", "x"), [0, 1, 2, 3], keepdims=0)
    count = b.add("Cast", b.add("Mul", bright, b.fixed(np.float32(2e10))), to=TensorProto.INT64)
    shape = b.add("Reshape", count, b.fixed(np.array([1])))
    return _with_scale(b, b.add("ConstantOfShape", shape))


def _with_tensor(
    dims: list[int], data_type: int = TensorProto.FLOAT, raw: bytes = b"\0\0\0\0"
) -> onnx.ModelProto:
    b = Builder()
    b.tensors.append(TensorProto(name="huge", dims=dims, data_type=data_type, raw_data=raw))
    return finished(b, b.add("Mul", "x", "huge"))


def of_negative_sides() -> onnx.ModelProto:
    """A tensor whose sides have a product that fits what is stored."""
    return _with_tensor([-1, -1])


def with_few_numbers() -> onnx.ModelProto:
    """A tensor of gigabytes with one number that is stored as a number."""
    b = Builder()
    b.tensors.append(TensorProto(name="huge", dims=[2**30], data_type=TensorProto.FLOAT, float_data=[1.0]))
    return finished(b, b.add("Mul", "x", "huge"))


def with_few_places() -> onnx.ModelProto:
    """A sparse tensor of one value with places of terabytes."""
    model = _with_sparse_tensor((4, 4))
    places = model.graph.sparse_initializer[0].indices
    places.dims[0], places.raw_data = 2**40, bytes(8)
    places.ClearField("int64_data")
    return model


def with_constant_in_an_operator() -> onnx.ModelProto:
    b = Builder()
    return finished(b, b.add("Mul", "x", b.add("Constant", value=_hidden())))


def with_constant_in_a_function() -> onnx.ModelProto:
    model = _with_functions(1)
    model.functions[0].node.append(helper.make_node("Constant", [], ["unused"], value=_hidden()))
    return model


def _hidden() -> TensorProto:
    return TensorProto(name="hidden", dims=[2**20, 2**20], data_type=TensorProto.FLOAT, raw_data=bytes(4))


def with_functions_in_a_branch() -> onnx.ModelProto:
    """An operator with a graph that calls a function, which calls others."""
    model = _with_functions(18)
    called = onnx.NodeProto()
    called.CopyFrom(model.graph.node[0])
    inner = helper.make_graph(
        [called], "inner", [], [helper.make_tensor_value_info(called.output[0], 1, None)]
    )
    branch = helper.make_node("If", ["c"], [*called.output], then_branch=inner, else_branch=inner)
    model.graph.node[0].CopyFrom(branch)
    return model


def _with_sparse_tensor(sides: tuple[int, int] = (2**20, 2**20)) -> onnx.ModelProto:
    b = Builder()
    model = finished(b, b.add("Mul", "x", "huge"))
    values = helper.make_tensor("huge", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("places", TensorProto.INT64, [1], [0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [*sides]))
    return model


def _with_functions(count: int, calls: int = 2, *, in_circles: bool = False) -> onnx.ModelProto:
    """Functions of which each calls the one below it, twice unless another number is given."""
    b = Builder()
    model = finished(b, "x")
    model.opset_import.append(helper.make_opsetid("mine", 1))
    standard = [helper.make_opsetid("", b.opset), helper.make_opsetid("mine", 1)]
    for number in range(count):
        called = f"f{number - 1}" if number else (f"f{count - 1}" if in_circles else "Relu")
        domain = "mine" if number or in_circles else ""
        nodes = [
            helper.make_node(called, [f"a{call}"], [f"a{call + 1}"], domain=domain) for call in range(calls)
        ]
        made = helper.make_function("mine", f"f{number}", ["a0"], [f"a{calls}"], nodes, standard)
        model.functions.append(made)
    model.graph.node[0].op_type, model.graph.node[0].domain = f"f{count - 1}", "mine"
    return model


def _with_graphs_in_graphs(depth: int) -> onnx.ModelProto:
    b = Builder()
    node = helper.make_node("Relu", ["x"], ["y"])
    for _ in range(depth):
        inner = helper.make_graph([node], "inner", [], [helper.make_tensor_value_info("y", 1, None)])
        node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    b.nodes.append(node)
    return finished(b, "y")


HOSTILE_GRAPHS: dict[str, Callable[[], onnx.ModelProto]] = {
    "ConstantOfShape": constant_of_shape,
    "Expand": expanded,
    "Tile": tiled,
    "Concat with itself": doubled,
    "Resize": resized,
    "Pad": padded,
    "a size of the image": of_the_image,
    "a tensor of terabytes": lambda: _with_tensor([2**20, 2**20]),
    "a tensor of more than 64 bits": lambda: _with_tensor([2**62, 2**62]),
    "a tensor below nothing": lambda: _with_tensor([-1, 4]),
    "a tensor below nothing twice": of_negative_sides,
    "a tensor of no type": lambda: _with_tensor([1], 99),
    "a tensor cut short": lambda: _with_tensor([100]),
    "a tensor of fewer numbers": with_few_numbers,
    "a sparse tensor of terabytes": _with_sparse_tensor,
    "functions that double": lambda: _with_functions(60),
    "functions that call themselves": lambda: _with_functions(3, in_circles=True),
    "functions in functions": lambda: _with_functions(150),
    "functions so deep that Python gives up": lambda: _with_functions(5_000, 1),
    "graphs in graphs": lambda: _with_graphs_in_graphs(12),
    "an image of any height": lambda: Builder().model("x", shape=("n", 3, 2**40, SIDE)),
}
