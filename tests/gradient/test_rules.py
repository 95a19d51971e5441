"""Every rule on its own, compared with central differences in float64."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from scipy import special

from support.foreign_graphs import Builder
from support.gradients import check_gradient, graph_of_builder, run, run_alone
from toolbox.gradient import gradient_graph
from toolbox.gradient.rules import _TABLE, RULES
from toolbox.terms import GRADIENT

Case = Callable[[Builder], str]
CASES: dict[str, list[Case]] = {}
WITHOUT_EFFECT = {"Floor", "Ceil", "Round", "Sign"}
"""Operators whose gradient is 0; tests of their own are below."""


def case(*operators: str) -> Callable[[Case], Case]:
    """A case for one operator or several, which are added in turn by the builder's attribute `operator`."""

    def register(function: Case) -> Case:
        for operator in operators:
            CASES.setdefault(operator, []).append(function)
        return function

    return register


def kernel(b: Builder, *shape: int) -> str:
    return b.fixed(b.random.normal(0, 0.5, shape))


# ---- windows


@case("Conv")
def same(b: Builder) -> str:
    return b.convolution("image", 4, 3)


@case("Conv")
def strided(b: Builder) -> str:
    return b.add("Conv", "image", kernel(b, 4, 3, 3, 2), strides=[2, 3], pads=[1, 0, 2, 1])


@case("Conv")
def strided_without_padding(b: Builder) -> str:
    return b.add("Conv", "image", kernel(b, 4, 3, 3, 3), strides=[2, 2])


@case("Conv")
def dilated(b: Builder) -> str:
    return b.add("Conv", "image", kernel(b, 4, 3, 3, 3), dilations=[2, 1], pads=[2, 1, 1, 0])


@case("Conv")
def grouped(b: Builder) -> str:
    return b.add("Conv", "image", kernel(b, 6, 1, 3, 3), group=3, pads=[1, 1, 1, 1])


@case("Conv")
def grouped_dilated_strided(b: Builder) -> str:
    return b.add("Conv", "image", kernel(b, 6, 1, 2, 3), group=3, strides=[2, 2], dilations=[2, 2])


@case("Conv")
def more_padding_than_reach(b: Builder) -> str:
    return b.add("Conv", "image", kernel(b, 4, 3, 1, 1), pads=[1, 2, 0, 1])


@case("Conv")
def without_kernel_shape(b: Builder) -> str:
    return b.add("Conv", b.add("Conv", "image", kernel(b, 4, 3, 2, 3)), kernel(b, 2, 4, 2, 2), strides=[2, 1])


def same_padding(how: str, **attributes: list[int]) -> Case:
    return lambda b: b.add("Conv", "image", kernel(b, 4, 3, 3, 2), auto_pad=how, **attributes)


for _how in ("SAME_UPPER", "SAME_LOWER", "VALID"):
    case("Conv")(same_padding(_how))
    case("Conv")(same_padding(_how, strides=[2, 2]))


@case("Conv")
def computed_kernels(b: Builder) -> str:
    return b.add("Conv", "image", b.add("Transpose", kernel(b, 3, 4, 3, 3), perm=[1, 0, 2, 3]), pads=[1] * 4)


@case("Conv")
def kernels_in_a_node(b: Builder) -> str:
    stored = onnx.numpy_helper.from_array(b.random.normal(0, 1, (4, 3, 3, 3)).astype(np.float32))
    return b.add("Conv", "image", b.add("Constant", value=stored), pads=[1] * 4)


@case("Conv")
def along_one_axis(b: Builder) -> str:
    rows = b.add("Reshape", "image", b.fixed([0, 3, -1]))
    return b.add("Conv", rows, kernel(b, 4, 3, 3), strides=[2], pads=[1, 1])


@case("ConvTranspose")
def transposed(b: Builder) -> str:
    return b.add("ConvTranspose", "image", kernel(b, 3, 4, 3, 3), strides=[2, 2], pads=[1, 0, 1, 1])


@case("ConvTranspose")
def transposed_with_more(b: Builder) -> str:
    return b.add(
        "ConvTranspose",
        "image",
        kernel(b, 3, 2, 3, 3),
        strides=[2, 2],
        output_padding=[1, 1],
        dilations=[1, 2],
    )


def pool(operator: str, **attributes: object) -> Case:
    return lambda b: b.add(operator, b.convolution("image", 4, 3), **attributes)


for _layout in (
    {"kernel_shape": [2, 2], "strides": [2, 2]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [3, 2], "strides": [1, 2], "pads": [0, 1, 1, 0]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [2, 2], "strides": [1, 1], "auto_pad": "SAME_UPPER"},
):
    case("MaxPool", "AveragePool")(lambda b, layout=_layout: pool(b.operator, **layout)(b))
case("MaxPool")(pool("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]))
case("AveragePool")(
    pool("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
)
case("AveragePool")(
    pool(
        "AveragePool",
        kernel_shape=[3, 2],
        strides=[2, 2],
        pads=[1, 0, 1, 0],
        count_include_pad=1,
        ceil_mode=1,
    )
)


@case("GlobalMaxPool", "GlobalAveragePool")
def whole_map(b: Builder) -> str:
    return b.add(b.operator, b.convolution("image", 4, 3))


# ---- reductions


REDUCTIONS = (
    "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSumExp",
)  # fmt: skip


@case(*REDUCTIONS)
def over_the_map(b: Builder) -> str:
    return b.add(b.operator, "image", b.fixed([2, 3]), keepdims=1)


@case(*REDUCTIONS)
def over_the_rows(b: Builder) -> str:
    return b.add(b.operator, "image", b.fixed([-1]), keepdims=0)


@case("ReduceMean", "ReduceMax", "ReduceL2")
def over_everything(b: Builder) -> str:
    return b.add(b.operator, "image", keepdims=0)


# ---- products


@case("Gemm")
def dense(b: Builder) -> str:
    return b.add("Gemm", b.add("Flatten", "image"), b.weight(126, 5), b.fixed(np.zeros(5)), alpha=0.5)


@case("Gemm")
def dense_transposed(b: Builder) -> str:
    return b.add("Gemm", b.add("Flatten", "image"), b.weight(5, 126), transB=1)


def _gemm(first: int, second: int) -> Case:
    def build(b: Builder) -> str:
        a = b.add("Flatten", "image")
        other = b.add("Flatten", b.add("Neg", "image"))
        c = b.add("ReduceSum", a, b.fixed([1]), keepdims=1)
        if first == second:
            return (
                b.add("Gemm", other, b.add("Mul", a, a), c, transA=first, transB=1 - second, beta=0.3)
                if not first
                else b.add("Gemm", other, b.add("Mul", a, a), transA=1, transB=0, beta=0.3)
            )
        if first:
            shorter = b.add("Slice", b.add("Mul", a, a), b.fixed([0]), b.fixed([2]), b.fixed([1]))
            return b.add("Gemm", other, shorter, transA=1, transB=1)
        return b.add("Gemm", other, b.add("Mul", a, a), c, transB=1, beta=2.0)

    return build


for _first, _second in ((0, 0), (0, 1), (1, 0), (1, 1)):
    case("Gemm")(_gemm(_first, _second))


@case("MatMul")
def matrices(b: Builder) -> str:
    return b.add("MatMul", "image", b.fixed(b.random.normal(0, 1, (7, 5))))


@case("MatMul")
def constant_first(b: Builder) -> str:
    return b.add("MatMul", b.fixed(b.random.normal(0, 1, (4, 6))), "image")


@case("MatMul")
def attention(b: Builder) -> str:
    return b.add("MatMul", "image", b.add("Transpose", b.add("Mul", "image", "image"), perm=[0, 1, 3, 2]))


@case("MatMul")
def repeated_operand(b: Builder) -> str:
    return b.add(
        "MatMul", "image", b.add("ReduceMean", b.add("Reshape", "image", b.fixed([0, 3, 7, 6])), b.fixed([1]))
    )


@case("MatMul")
def with_a_vector(b: Builder) -> str:
    vector = b.add("ReduceMean", "image", b.fixed([0, 1, 2]), keepdims=0)
    return b.add("MatMul", "image", vector)


@case("MatMul")
def vector_first(b: Builder) -> str:
    vector = b.add("ReduceMean", "image", b.fixed([0, 1, 3]), keepdims=0)
    return b.add("MatMul", vector, "image")


@case("MatMul")
def two_vectors(b: Builder) -> str:
    vector = b.add("ReduceMean", "image", b.fixed([0, 1, 2]), keepdims=0)
    return b.add("MatMul", vector, b.add("Exp", vector))


@case("Einsum")
def two_operands(b: Builder) -> str:
    return b.add("Einsum", "image", b.add("Exp", "image"), equation="nchw, ncow -> ncho")


# ---- norms


@case("BatchNormalization")
def stored_statistics(b: Builder) -> str:
    return b.normalise("image", 3)


def _scaled(operator: str, sizes: tuple[int, ...], **attributes: object) -> Case:
    def build(b: Builder) -> str:
        scale = b.fixed(b.random.uniform(0.5, 1.5, sizes))
        biases = () if operator == "RMSNormalization" else (b.fixed(b.random.normal(0, 0.1, sizes)),)
        return b.add(operator, "image", scale, *biases, **attributes)

    return build


case("LayerNormalization")(_scaled("LayerNormalization", (7,), axis=-1))
case("LayerNormalization")(_scaled("LayerNormalization", (3, 6, 7), axis=1, epsilon=0.1))
case("RMSNormalization")(_scaled("RMSNormalization", (7,), axis=-1))
case("InstanceNormalization")(_scaled("InstanceNormalization", (3,), epsilon=0.1))
case("Softmax", "LogSoftmax")(lambda b: b.add(b.operator, "image", axis=1))
case("Softmax", "LogSoftmax")(lambda b: b.add(b.operator, "image"))


# ---- selections

case("Reshape")(lambda b: b.add("Reshape", "image", b.fixed([0, -1, 14])))
case("Flatten")(lambda b: b.add("Flatten", "image", axis=2))
case("Squeeze")(lambda b: b.add("Squeeze", b.add("GlobalAveragePool", "image"), b.fixed([2, 3])))
case("Unsqueeze")(lambda b: b.add("Unsqueeze", "image", b.fixed([0, 3])))
case("Transpose")(lambda b: b.add("Transpose", "image", perm=[0, 2, 3, 1]))
case("Transpose")(lambda b: b.add("Transpose", "image"))
case("Expand")(lambda b: b.add("Expand", b.add("GlobalAveragePool", "image"), b.fixed([1, 3, 4, 5])))
case("Concat")(lambda b: b.add("Concat", b.add("Exp", "image"), "image", b.add("Sin", "image"), axis=1))
case("Concat")(lambda b: b.add("Concat", "image", b.add("Exp", "image"), axis=-1))
case("Concat")(lambda b: b.add("Concat", b.fixed(np.ones((2, 1, 6, 7))), b.add("Exp", "image"), axis=1))
case("Slice")(
    lambda b: b.add("Slice", "image", b.fixed([1, -1]), b.fixed([99, -9]), b.fixed([2, 3]), b.fixed([2, -2]))
)
case("Slice")(lambda b: b.add("Slice", "image", b.fixed([1]), b.fixed([4]), b.fixed([3])))
case("Gather")(lambda b: b.add("Gather", "image", b.fixed([2, 0, 2, -1]), axis=2))
case("Gather")(lambda b: b.add("Gather", "image", b.fixed(np.int64(1)), axis=1))
case("GatherElements")(
    lambda b: b.add("GatherElements", "image", b.fixed(np.ones((2, 3, 6, 2), int)), axis=3)
)
case("GatherND")(lambda b: b.add("GatherND", "image", b.fixed([[0, 1], [1, 2], [0, 1]])))
case("Pad")(lambda b: b.add("Pad", "image", b.fixed([0, 0, 1, 2, 0, 0, 0, 1])))
case("Pad")(lambda b: b.add("Pad", "image", b.fixed([0, 0, 1, 2, 0, 0, 0, 1]), b.fixed(3.0)))
case("Pad")(lambda b: b.add("Pad", "image", b.fixed([1, 2, 0, 1]), "", b.fixed([2, 3]), mode="reflect"))
case("Pad")(lambda b: b.add("Pad", "image", b.fixed([0, 0, 1, 2, 0, 0, 0, 1]), mode="edge"))
case("Tile")(lambda b: b.add("Tile", "image", b.fixed([1, 2, 1, 3])))
case("DepthToSpace")(lambda b: b.add("DepthToSpace", b.convolution("image", 8, 3), blocksize=2))
case("DepthToSpace")(lambda b: b.add("DepthToSpace", b.convolution("image", 8, 3), blocksize=2, mode="CRD"))
case("SpaceToDepth")(
    lambda b: b.add("SpaceToDepth", b.convolution("image", 2, 3, (3, 4), pads=[1, 1, 1, 1]), blocksize=2)
)
case("Resize")(
    lambda b: b.add("Resize", "image", "", b.fixed(np.array([1.0, 1.0, 2.0, 3.0])), mode="nearest")
)


@case("Split")
def parts(b: Builder) -> str:
    first = b.add("Split", "image", b.fixed([2, 4]), axis=2, outputs=2)
    return b.add("Concat", b.add("Exp", f"{first}_1"), b.add("Sin", first), axis=2)


@case("Split")
def one_part_of_two(b: Builder) -> str:
    return f"{b.add('Split', 'image', b.fixed([2, 4]), axis=2, outputs=2)}_1"


# ---- functions


def _repeated(b: Builder) -> str:
    """(n, 1, 1, 7): repeated along two axes."""
    return b.add("Exp", b.add("ReduceMean", "image", b.fixed([1, 2])))


case("Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min")(
    lambda b: b.add(b.operator, b.add("Exp", "image"), _repeated(b))
)
case("Add", "Sub", "Mul", "Div", "Pow")(lambda b: b.add(b.operator, _repeated(b), b.add("Exp", "image")))
case("Add", "Mul", "Sub", "Div")(
    lambda b: b.add(b.operator, b.add("Exp", "image"), b.fixed(b.random.normal(0, 1, (3, 1, 1))))
)
case("Mul")(lambda b: b.add("Mul", "image", "image"))
case("Pow")(lambda b: b.add("Pow", "image", b.fixed(3)))
case("Pow")(lambda b: b.add("Pow", "image", b.fixed(2.0)))
case("Sum", "Max", "Mean")(lambda b: b.add(b.operator, "image", b.add("Sin", "image"), b.fixed(0.2)))
case("Where")(
    lambda b: b.add("Where", b.add("Greater", "image", b.fixed(0.3)), b.add("Exp", "image"), _repeated(b))
)
case("PRelu")(lambda b: b.add("PRelu", "image", b.fixed(b.random.uniform(0, 1, (3, 1, 1)))))
case("Clip")(lambda b: b.add("Clip", "image", b.fixed(-0.5), b.fixed(0.6)))
case("Clip")(lambda b: b.add("Clip", "image", "", b.fixed(0.6)))
case("Cast")(lambda b: b.add("Mul", b.add("Cast", "image", to=1), "image"))
case("Gelu")(lambda b: b.add("Gelu", "image", approximate="tanh"))
case("Elu", "Celu", "LeakyRelu", "ThresholdedRelu")(lambda b: b.add(b.operator, "image", alpha=0.7))
case("Sqrt", "Log", "Reciprocal")(lambda b: b.add(b.operator, b.add("Exp", "image")))
case("Dropout")(lambda b: b.add("Dropout", "image", b.fixed(0.5)))
FUNCTIONS = (
    "Identity Neg Abs Exp Sin Cos Relu Elu Selu Celu LeakyRelu Sigmoid Tanh HardSigmoid HardSwish Softplus Softsign "
    "Mish Swish"
)
for _name in FUNCTIONS.split():
    case(_name)(lambda b: b.add(b.operator, "image"))

NEWEST = {"RMSNormalization": 23, "Gelu": 20, "Swish": 24, "AveragePool": 19}
"""The opset in which an operator was added, where it is newer than that of the toolbox."""
EVERY = [(operator, number) for operator, found in CASES.items() for number in range(len(found))]


@pytest.mark.parametrize(("operator", "number"), EVERY, ids=[f"{name}-{place}" for name, place in EVERY])
def test_the_rule_agrees_with_central_differences(operator: str, number: int) -> None:
    builder = Builder(NEWEST.get(operator, 18), seed=number)
    builder.operator = operator  # type: ignore[attr-defined]
    image = np.random.default_rng(number).normal(0, 1.2, (2, 3, 6, 7))
    output = CASES[operator][number](builder)
    assert any(node.op_type == operator for node in builder.nodes)
    check_gradient(graph_of_builder(builder, output), output, image)


def test_a_norm_of_groups_agrees_with_central_differences() -> None:
    """GroupNormalization, which onnx's evaluator computes in float32."""

    def norm(x: NDArray[np.float64]) -> NDArray[np.float64]:
        grouped = np.tile(x, (1, 2, 1, 1)).reshape(2, 2, -1)
        centred = grouped - grouped.mean(axis=2, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=2, keepdims=True) + 1e-5)
        return np.asarray((centred / deviation).reshape(2, 6, 6, 7) * scale.reshape(6, 1, 1))

    builder, scale = Builder(21), np.array([0.5, 0.7, 1, 1.2, 1.4, -2])
    wide = builder.add("Tile", "image", builder.fixed([1, 2, 1, 1]))
    others = [builder.fixed(scale), builder.fixed(np.zeros(6))]
    output = builder.add("GroupNormalization", wide, *others, num_groups=2)
    image = np.random.default_rng(1).normal(0, 2, (2, 3, 6, 7))
    check_gradient(graph_of_builder(builder, output), output, image, norm)


def test_a_normal_distribution_agrees_with_central_differences() -> None:
    """Gelu and Erf, which onnx's evaluator computes in float32."""
    for operator, function in (("Erf", special.erf), ("Gelu", lambda x: x * special.ndtr(x))):
        builder = Builder(20)
        output = builder.add(operator, "image")
        image = np.random.default_rng(0).normal(0, 1.2, (2, 3, 6, 7))
        check_gradient(graph_of_builder(builder, output), output, image, function)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_a_local_response_norm_agrees_with_central_differences(size: int) -> None:
    """With LRN in numpy: onnx's evaluator sums over other channels than the operator's definition."""

    def norm(x: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.zeros_like(x)
        for channel in range(x.shape[1]):
            first, last = channel - (size - 1) // 2, channel + size // 2
            sums[:, channel] = (x[:, max(first, 0) : last + 1] ** 2).sum(axis=1)
        return np.asarray(x * (1.5 + 0.5 / size * sums) ** -0.6)

    builder = Builder(18)
    output = builder.add(
        "LRN",
        builder.add("Tile", "image", builder.fixed([1, 2, 1, 1])),
        size=size,
        alpha=0.5,
        beta=0.6,
        bias=1.5,
    )
    image = np.random.default_rng(1).normal(0, 2, (2, 3, 6, 7))
    check_gradient(graph_of_builder(builder, output), output, image, lambda x: norm(np.tile(x, (1, 2, 1, 1))))


@pytest.mark.parametrize(
    ("operator", "attributes", "others"),
    [
        ("ConvTranspose", {"group": 3, "strides": [2, 2]}, [np.ones((3, 2, 3, 3)) * np.arange(3)]),
        ("Pad", {}, [np.array([0, 0, 1, -1, 0, -1, -2, 2])]),
        ("Identity", {}, []),
    ],
)
def test_the_gradient_of_a_linear_operator_is_its_adjoint(
    operator: str, attributes: Any, others: Any
) -> None:
    """sum(d * A x) = sum(x * A' d), where onnx's evaluator does not compute A."""
    builder = Builder(18)
    output = builder.add(operator, "image", *map(builder.fixed, others), **attributes)
    graph = gradient_graph(graph_of_builder(builder, output), output)
    random = np.random.default_rng(2)
    image = random.normal(0, 1, (2, 3, 6, 7)).astype(np.float32)
    shape = run_alone(graph_of_builder(builder, output), image).shape
    direction = random.normal(0, 1, shape).astype(np.float32)
    outcome = run(graph, image, direction)
    forth, back = (outcome[output] * direction).sum(), (outcome[GRADIENT] * image).sum()
    assert abs(forth - back) <= 1e-4 * np.abs(outcome[output] * direction).sum()
    assert np.abs(outcome[GRADIENT]).max() > 0


def test_every_rule_has_a_case() -> None:
    assert set(RULES) - set(CASES) - WITHOUT_EFFECT == {"QuickGelu", "Erf", "LRN", "GroupNormalization"}


def test_every_name_is_an_operator_of_onnx_in_one_line() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if not schema.domain}
    assert set(RULES) - known == {"QuickGelu"}
    assert len(" ".join(_TABLE).split()) == len(RULES)


def test_the_documentation_names_the_operators_with_a_rule() -> None:
    text = (Path(__file__).parents[2] / "toolbox" / "README.md").read_text(encoding="utf-8")
    listed = text.split("layers before it can be explained:\n\n")[1].split("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(RULES)
