"""Small ONNX classifiers of 32 x 32 images as different exporters write them, with seeded weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

SIDE = 32


class Builder:
    """A graph in the making. Every method returns the name of the tensor it adds."""

    def __init__(
        self, opset: int = 17, precision: type[np.floating[Any]] = np.float32, seed: int = 0
    ) -> None:
        self.opset = opset
        self.precision = np.dtype(precision)
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def fixed(self, values: Any, name: str = "") -> str:
        """A constant; whole numbers stay whole."""
        array = np.asarray(values)
        name = name or f"constant_{len(self.tensors)}"
        kept = array.astype(self.precision) if array.dtype.kind == "f" else array.astype(np.int64)
        self.tensors.append(numpy_helper.from_array(kept, name))
        return name

    def weight(self, *shape: int) -> str:
        return self.fixed(self.random.normal(0, 1 / np.sqrt(max(1, np.prod(shape[1:]))), shape))

    def add(self, operator: str, *inputs: str, name: str = "", outputs: int = 1, **attributes: Any) -> str:
        out = f"t{len(self.nodes)}"
        made = [out, *(f"{out}_{number}" for number in range(1, outputs))]
        self.nodes.append(helper.make_node(operator, list(inputs), made, name=name, **attributes))
        return out

    def convolution(
        self, below: str, filters: int, inputs: int, side: int | tuple[int, int] = 3, **attributes: Any
    ) -> str:
        sides = (side, side) if isinstance(side, int) else side
        pads = [sides[0] // 2, sides[1] // 2] * 2
        kernel = self.weight(filters, inputs // attributes.get("group", 1), *sides)
        bias = self.fixed(self.random.normal(0, 0.1, filters))
        return self.add("Conv", below, kernel, bias, **{"pads": pads, **attributes})

    def normalise(self, below: str, filters: int) -> str:
        """Batch normalisation with made-up statistics."""
        draws = (self.random.uniform(0.5, 1.5, filters), self.random.normal(0, 0.2, filters))
        scale, bias, mean = (self.fixed(draw) for draw in (*draws, self.random.normal(0, 0.2, filters)))
        return self.add(
            "BatchNormalization", below, scale, bias, mean, self.fixed(self.random.uniform(0.5, 2, filters))
        )

    def reduce(self, operator: str, below: str, axes: list[int], keepdims: int = 1, name: str = "") -> str:
        """A reduction: axes are an attribute before opset 18, an input since."""
        if self.opset < 18:
            return self.add(operator, below, axes=axes, keepdims=keepdims, name=name)
        return self.add(operator, below, self.fixed(axes), keepdims=keepdims, name=name)

    def dense(self, below: str, filters: int, inputs: int) -> str:
        """A dense layer at every token, as exporters write it."""
        product = self.add(
            "MatMul", below, self.fixed(self.random.normal(0, inputs**-0.5, (inputs, filters)))
        )
        return self.add("Add", self.fixed(self.random.normal(0, 0.1, filters)), product)

    def model(
        self, *outputs: str, shape: tuple[Any, ...] = ("n", 3, SIDE, SIDE), entry: str = "x"
    ) -> onnx.ModelProto:
        number = helper.np_dtype_to_tensor_dtype(self.precision)
        graph = helper.make_graph(
            self.nodes,
            "foreign",
            [helper.make_tensor_value_info(entry, number, list(shape))],
            [helper.make_tensor_value_info(output, number, None) for output in outputs],
            self.tensors,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)


def residual(
    opset: int = 17, precision: type[np.floating[Any]] = np.float32, **model: Any
) -> onnx.ModelProto:
    """A ResNet of two blocks, the second strided with a 1 x 1 shortcut; names as PyTorch's exporter gives them."""
    b = Builder(opset, precision)
    stem = b.normalise(b.convolution("x", 8, 3, 7, strides=[2, 2]), 8)
    below = b.add("Relu", stem, name="/stem/act/Relu")
    below = b.add(
        "MaxPool", below, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, name="/stem/pool/MaxPool"
    )
    inside = b.add("Relu", b.normalise(b.convolution(below, 8, 8), 8), name="/layer1/layer1.0/act/Relu")
    inside = b.normalise(b.convolution(inside, 8, 8), 8)
    total = b.add("Add", inside, below, name="/layer1/layer1.0/Add")
    below = b.add("Relu", total, name="/layer1/layer1.0/act_1/Relu")
    inside = b.add(
        "Relu", b.normalise(b.convolution(below, 12, 8, strides=[2, 2]), 12), name="/layer2/layer2.0/act/Relu"
    )
    inside = b.normalise(b.convolution(inside, 12, 12), 12)
    shortcut = b.normalise(b.convolution(below, 12, 8, 1, strides=[2, 2]), 12)
    below = b.add("Relu", b.add("Add", inside, shortcut), name="/layer2/layer2.0/act_1/Relu")
    pooled = b.add("Flatten", b.add("GlobalAveragePool", below, name="/avgpool/GlobalAveragePool"))
    logits = b.add("Gemm", pooled, b.weight(5, 12), b.fixed(np.zeros(5)), transB=1, name="/fc/Gemm")
    return b.model(b.add("Softmax", logits, axis=1, name="/Softmax"), **model)


def inception() -> onnx.ModelProto:
    """Four branches of one map: 1 x 1, 3 x 3, 1 x 7 and 7 x 1, pooled; joined, then strided. Nodes have no names."""
    b = Builder()
    stem = b.add("Relu", b.convolution("x", 6, 3, 3, strides=[2, 2]))
    one = b.add("Relu", b.convolution(stem, 4, 6, 1))
    three = b.add("Relu", b.convolution(b.add("Relu", b.convolution(stem, 4, 6, 1)), 5, 4, 3))
    seven = b.add("Relu", b.convolution(b.add("Relu", b.convolution(stem, 4, 6, (1, 7))), 3, 4, (7, 1)))
    pooled = b.add("AveragePool", stem, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    pooled = b.add("Relu", b.convolution(pooled, 2, 6, 1))
    joined = b.add("Concat", one, three, seven, pooled, axis=1)
    top = b.add("Relu", b.convolution(joined, 7, 14, 3, strides=[2, 2]))
    flat = b.add("Flatten", b.add("GlobalMaxPool", top))
    return b.model(b.add("Gemm", flat, b.weight(7, 5)))


def normalise_tokens(b: Builder, below: str, filters: int, *, written_out: bool) -> str:
    """Layer normalisation over the last axis, as one operator or written out in nine."""
    scale, bias = (b.fixed(b.random.uniform(0.5, 1.5, filters)), b.fixed(b.random.normal(0, 0.1, filters)))
    if not written_out:
        return b.add("LayerNormalization", below, scale, bias, axis=-1)
    axes = [2]
    centred = b.add("Sub", below, b.reduce("ReduceMean", below, axes))
    variance = b.reduce("ReduceMean", b.add("Pow", centred, b.fixed(2.0)), axes)
    deviation = b.add("Sqrt", b.add("Add", variance, b.fixed(1e-5)))
    return b.add("Add", b.add("Mul", b.add("Div", centred, deviation), scale), bias)


def gelu(b: Builder, below: str, how: str, name: str) -> str:
    """Gelu as exporters write it out."""
    half, one = b.fixed(0.5), b.fixed(1.0)
    if how == "erf":
        wave = b.add("Add", b.add("Erf", b.add("Div", below, b.fixed(float(np.sqrt(2))))), one)
        return b.add("Mul", b.add("Mul", below, wave), half, name=name)
    cube = b.add("Mul", b.add("Pow", below, b.fixed(3.0)), b.fixed(0.044715))
    inner = b.add("Mul", b.add("Add", below, cube), b.fixed(float(np.sqrt(2 / np.pi))))
    return b.add("Mul", b.add("Mul", below, half), b.add("Add", b.add("Tanh", inner), one), name=name)


def transformer(
    opset: int = 17, how: str = "erf", precision: type[np.floating[Any]] = np.float32
) -> onnx.ModelProto:
    """Patches of 8 x 8, a class token, one block of attention with two heads and a dense part, and a head on the class
    token."""
    b = Builder(opset, precision)
    width, heads, tokens = 8, 2, 17
    patches = b.add("Conv", "x", b.weight(width, 3, 8, 8), strides=[8, 8])
    rows = b.add("Transpose", b.add("Reshape", patches, b.fixed([0, width, -1])), perm=[0, 2, 1])
    count = b.add("Gather", b.add("Shape", rows), b.fixed([0]), axis=0)
    shape = b.add("Concat", count, b.fixed([1, width]), axis=0)
    first = b.add("Expand", b.fixed(b.random.normal(0, 1, (1, 1, width))), shape)
    stream = b.add("Concat", first, rows, axis=1)
    stream = b.add("Add", stream, b.fixed(b.random.normal(0, 0.1, (1, tokens, width))))
    written_out = opset < 17
    below = normalise_tokens(b, stream, width, written_out=written_out)
    split = b.fixed([0, tokens, heads, width // heads])
    query, key, value = (b.add("Reshape", b.dense(below, width, width), split) for _ in range(3))
    query, value = (b.add("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
    scores = b.add("MatMul", query, b.add("Transpose", key, perm=[0, 2, 3, 1]))
    weights = b.add("Softmax", b.add("Mul", scores, b.fixed(0.5)), axis=3)
    mixed = b.add("Transpose", b.add("MatMul", weights, value), perm=[0, 2, 1, 3])
    mixed = b.dense(b.add("Reshape", mixed, b.fixed([0, tokens, width])), width, width)
    stream = b.add("Add", mixed, stream, name="/blocks/blocks.0/Add")
    hidden = b.dense(normalise_tokens(b, stream, width, written_out=written_out), 16, width)
    hidden = b.dense(gelu(b, hidden, how, "/blocks/blocks.0/mlp/act/Mul_1"), width, 16)
    stream = b.add("Add", stream, hidden, name="/blocks/blocks.0/Add_1")
    last = b.add(
        "Gather", normalise_tokens(b, stream, width, written_out=written_out), b.fixed(np.int64(0)), axis=1
    )
    return b.model(b.add("Gemm", last, b.weight(width, 5), name="/head/Gemm"))


def mobile() -> onnx.ModelProto:
    """Expansion, depthwise convolution, squeeze and excitation, projection with a shortcut; hard swish both ways."""
    b = Builder()
    stem = b.convolution("x", 8, 3, 3, strides=[2, 2])
    stem = b.add("HardSwish", stem, name="/stem/act/HardSwish")
    wide = b.convolution(stem, 16, 8, 1)
    gate = b.add("Clip", b.add("Add", wide, b.fixed(3.0)), b.fixed(0.0), b.fixed(6.0))
    wide = b.add("Div", b.add("Mul", wide, gate), b.fixed(6.0), name="/expand/act/Div")
    depth = b.convolution(wide, 16, 16, 5, group=16)
    depth = b.add("Clip", b.normalise(depth, 16), b.fixed(0.0), b.fixed(6.0), name="/depth/act/Clip")
    squeezed = b.reduce("ReduceMean", depth, [2, 3], name="/se/pool/ReduceMean")
    squeezed = b.add("Relu", b.convolution(squeezed, 4, 16, 1), name="/se/act/Relu")
    hard = b.add(
        "Clip", b.add("Add", b.convolution(squeezed, 16, 4, 1), b.fixed(3.0)), b.fixed(0.0), b.fixed(6.0)
    )
    scaled = b.add("Mul", depth, b.add("Div", hard, b.fixed(6.0)))
    total = b.add("Add", b.convolution(scaled, 8, 16, 1), stem, name="/project/Add")
    silu = b.convolution(total, 12, 8, 3, group=4)
    silu = b.add("Mul", silu, b.add("Sigmoid", silu), name="/last/act/Mul")
    pooled = b.reduce("ReduceMean", silu, [2, 3], keepdims=0, name="/pool/ReduceMean")
    return b.model(b.add("Gemm", pooled, b.weight(12, 5), name="/head/Gemm"))


def channels_last(opset: int = 11) -> onnx.ModelProto:
    """Height, width, channel, as from Keras through tf2onnx: padding apart, SAME written out, MatMul at the end."""
    b = Builder(opset)
    below = b.add("Transpose", "x", perm=[0, 3, 1, 2])
    below = b.add("Pad", below, b.fixed([0, 0, 1, 1, 0, 0, 1, 1]))
    below = b.add("Conv", below, b.weight(6, 3, 3, 3), strides=[2, 2], name="model/conv1/Conv2D")
    below = b.add("Relu", below, name="model/relu_of_conv1/Relu")
    below = b.add(
        "Conv", below, b.weight(7, 6, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2], name="model/conv2/Conv2D"
    )
    rows = b.add("Transpose", below, perm=[0, 2, 3, 1])
    rows = b.add("Relu", b.add("MatMul", rows, b.weight(7, 9)), name="model/mixed/Relu")
    pooled = b.reduce("ReduceMean", rows, [1, 2], keepdims=0, name="model/avg_pool/Mean")
    logits = b.add("MatMul", pooled, b.weight(9, 5), name="model/predictions/MatMul")
    return b.model(
        b.add("Softmax", logits, axis=1, name="model/predictions/Softmax"), shape=("n", SIDE, SIDE, 3)
    )


def grouped(how: str = "operator") -> onnx.ModelProto:
    """A block whose norms are over two groups of four filters, as PyTorch exports them, or written out further."""
    b = Builder()

    def normalise_groups(below: str) -> str:
        groups = b.add("Reshape", below, b.fixed([0, 2, -1]))
        if how == "operator":
            groups = b.add("InstanceNormalization", groups, b.fixed(np.ones(2)), b.fixed(np.zeros(2)))
        else:
            centred = b.add("Sub", groups, b.reduce("ReduceMean", groups, [2]))
            variance = b.reduce("ReduceMean", b.add("Mul", centred, centred), [2])
            groups = b.add("Div", centred, b.add("Sqrt", b.add("Add", variance, b.fixed(1e-5))))
        back = b.add("Reshape", groups, b.add("Shape", below))
        scaled = b.add("Mul", back, b.fixed(b.random.uniform(0.5, 1.5, (8, 1, 1))))
        return b.add("Relu", b.add("Add", scaled, b.fixed(b.random.normal(0, 0.1, (8, 1, 1)))))

    stem = b.convolution("x", 8, 3, strides=[2, 2])
    inside = b.convolution(normalise_groups(b.convolution(normalise_groups(stem), 8, 8)), 8, 8)
    top = normalise_groups(b.add("Add", inside, stem))
    return b.model(b.add("Gemm", b.add("Flatten", b.add("GlobalAveragePool", top)), b.weight(8, 5)))


def saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path


def reference(model: onnx.ModelProto, images: NDArray[Any], tensors: list[str]) -> dict[str, NDArray[Any]]:
    """The tensors for a batch as onnx's own evaluator, written in numpy, computes them."""
    from onnx.reference import ReferenceEvaluator

    more = onnx.ModelProto()
    more.CopyFrom(model)
    del more.graph.output[:]
    more.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors)
    entry = model.graph.input[0].name
    return dict(zip(tensors, ReferenceEvaluator(more).run(None, {entry: images}), strict=True))
