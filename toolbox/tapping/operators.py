"""Properties of ONNX operators. Owns the table that describes one operator, or several, per line.

An operator that is missing in the table is assumed to keep axes and receptive fields if the shape is unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from toolbox.tapping import axes, fields, windows
from toolbox.tapping.axes import AxesRule
from toolbox.tapping.fields import SpansRule
from toolbox.tapping.traces import Meanings, Passage
from toolbox.tapping.wiring import Node, Wiring


class Effect(Enum):
    """The effect of an operator on values, where it matters."""

    COPY = "passes all values on, unchanged and in place"
    VIEW = "passes all values on in order, in another shape"
    MOVE = "passes all values on to other positions"
    ARITHMETIC = "computes element by element, from one or two tensors"
    COMPARISON = "compares two tensors element by element"
    CORNER = "selects one of two values: exporters build Relu, LeakyRelu and Clip from these"
    BEND = "is an element-wise function that is not arithmetic"
    ACTIVATION = "is an activation function on its own"
    GATE = "is an activation function, or a gate where its results scale other values"
    SQUASH = "turns the output of a classifier into probabilities"


@dataclass(frozen=True)
class Operator:
    """The rules for axes and receptive fields of an operator, and what it contributes to a layer.

    Attributes:
        axes, spans: the rules.
        kind: kind of a layer whose filters come from this operator; empty where they come from an earlier one. Sums and
            maxima are layers where they join two streams of one shape.
        effect: the effect on values.
    """

    axes: AxesRule = axes.equal_shape
    spans: SpansRule = fields.equal_shape
    kind: str = ""
    effect: Effect | None = None


def _view(at: Passage) -> Meanings:
    return axes.view(at, is_ordered)


_FUNCTIONS = (
    "Relu LeakyRelu Elu Selu Celu HardSwish Mish Gelu FastGelu QuickGelu Softplus Softsign "
    "ThresholdedRelu Swish"
)
_REDUCTIONS = "ReduceMin ReduceSum ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp ReduceProd ArgMax ArgMin"
_TABLE = {
    "Conv": Operator(axes.convolution, windows.window, "convolution"),
    "ConvTranspose": Operator(axes.convolution, windows.transposed_window, "convolution"),
    "Gemm": Operator(axes.matrix_product, fields.everywhere, "dense"),
    "MatMul": Operator(axes.product, fields.product, "dense"),
    "Einsum": Operator(axes.einsum, fields.einsum, "dense"),
    "Attention": Operator(axes.equal_rank, fields.everywhere),
    "MaxPool AveragePool LpPool": Operator(axes.equal_rank, windows.window, "pool"),
    "GlobalMaxPool GlobalAveragePool GlobalLpPool": Operator(axes.equal_rank, fields.everywhere, "pool"),
    "ReduceMean ReduceMax": Operator(axes.reduction, fields.reduction, "pool"),
    _REDUCTIONS: Operator(axes.reduction, fields.reduction),
    "LayerNormalization RMSNormalization": Operator(spans=fields.norm),
    "InstanceNormalization GroupNormalization MeanVarianceNormalization": Operator(spans=fields.everywhere),
    "Softmax LogSoftmax": Operator(spans=fields.softmax, effect=Effect.SQUASH),
    "Resize Upsample": Operator(axes.equal_rank, windows.resize),
    "Pad": Operator(axes.equal_rank, windows.pad),
    "Slice": Operator(axes.equal_rank, windows.slice_positions),
    "SpaceToDepth DepthToSpace": Operator(axes.equal_rank, windows.blocks),
    "Split Tile": Operator(axes.equal_rank, fields.same),
    "Gather": Operator(axes.gather, fields.same),
    "Concat": Operator(axes.join, fields.same, "concatenation"),
    "Reshape Flatten Squeeze Unsqueeze": Operator(_view, fields.same, effect=Effect.VIEW),
    "Transpose": Operator(axes.transpose, fields.same, effect=Effect.MOVE),
    "Expand": Operator(axes.align, fields.same, effect=Effect.MOVE),
    "Add": Operator(axes.align, fields.same, "sum", Effect.ARITHMETIC),
    "Sum": Operator(axes.align, fields.same, "sum"),
    "Mean": Operator(axes.align, fields.same),
    "Sub Mul Div Pow": Operator(axes.align, fields.same, effect=Effect.ARITHMETIC),
    "Max": Operator(axes.align, fields.same, "maxout", Effect.CORNER),
    "Min Where": Operator(axes.align, fields.same, effect=Effect.CORNER),
    "Greater GreaterOrEqual Less LessOrEqual": Operator(effect=Effect.COMPARISON),
    "Neg Abs Sqrt Exp Log Reciprocal": Operator(effect=Effect.ARITHMETIC),
    "Erf": Operator(effect=Effect.BEND),
    "Identity Dropout Cast": Operator(effect=Effect.COPY),
    "PRelu": Operator(axes.align, effect=Effect.ACTIVATION),
    _FUNCTIONS: Operator(effect=Effect.ACTIVATION),
    "Sigmoid HardSigmoid Tanh Clip": Operator(effect=Effect.GATE),
}
"""Names of operators -> rule for axes, rule for spans, kind, effect."""
OPERATORS = {name: operator for names, operator in _TABLE.items() for name in names.split()}
UNKNOWN = Operator()


def operator_of(node: Node) -> Operator:
    """The properties of a node's operator."""
    return OPERATORS.get(node.operator, UNKNOWN)


def has_effect(node: Node, *effects: Effect) -> bool:
    """Whether a node's operator has one of the given effects.

    Args:
        node: a node of any graph.
        effects: the effects to look for.
    """
    return operator_of(node).effect in effects


def is_ordered(wiring: Wiring, node: Node) -> bool:
    """Whether a node, such as a view or a norm, keeps the values of one of its inputs in their order.

    Args:
        wiring: the wiring of the graph.
        node: a node of the graph.
    """
    operator = operator_of(node)
    if operator.effect is Effect.VIEW:
        return True
    is_in_place = operator.axes in (axes.equal_shape, axes.align) and operator.effect is not Effect.MOVE
    return is_in_place and wiring.shape(node.output) in map(wiring.shape, wiring.responsive_inputs(node))
