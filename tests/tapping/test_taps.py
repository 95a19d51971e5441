"""What there is to record from in graphs of other exporters: kinds, axes and geometry, checked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from support.foreign_graphs import SIDE, Builder, channels_last, grouped, inception, residual, transformer
from support.taps import operators, rows
from toolbox.errors import UsageError
from toolbox.tapping.graph_file import read_graph
from toolbox.tapping.taps import survey


@pytest.mark.parametrize("opset", [9, 11, 17, 20, 24])
@pytest.mark.parametrize("precision", [np.float32, np.float16])
def test_a_residual_network(opset: int, precision: type[np.floating[Any]]) -> None:
    model = residual(opset, precision)
    taps = survey(model, SIDE, SIDE).taps
    # receptive fields: 7, + 2 * 2 by the pool, + 2 * 4 by each 3 x 3 on a step of 4, + 2 * 8 on a step of 8;
    # the last position of the second block's shortcut looks no further than its other branch
    assert rows(taps) == [
        ("stem.act", "convolution", "Relu", (8, 16, 16), 2, 7),
        ("stem.pool", "pool", "MaxPool", (8, 8, 8), 4, 11),
        ("layer1.0.act", "convolution", "Relu", (8, 8, 8), 4, 19),
        ("layer1.0.act_1", "sum", "Relu", (8, 8, 8), 4, 27),
        ("layer2.0.act", "convolution", "Relu", (12, 4, 4), 8, 35),
        ("layer2.0.act_1", "sum", "Relu", (12, 4, 4), 8, 51),
        ("avgpool", "pool", "GlobalAveragePool", (12, 1, 1), 32, 32),
        ("fc", "dense", "Softmax", (5, 1, 1), 32, 32),
    ]
    assert [tap.position for tap in taps] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {tap.axis for tap in taps} == {1}
    makers = operators(model)
    assert [makers[tap.before] for tap in taps] == [
        "BatchNormalization", "MaxPool", "BatchNormalization", "Add", "BatchNormalization", "Add", "GlobalAveragePool",
        "Gemm",
    ]  # fmt: skip
    assert [makers[tap.after] for tap in taps] == [tap.operator for tap in taps]


def test_branches_of_different_reach() -> None:
    taps = survey(inception(), SIDE, SIDE).taps
    assert rows(taps) == [
        ("relu_1", "convolution", "Relu", (6, 16, 16), 2, 3),
        ("relu_2", "convolution", "Relu", (4, 16, 16), 2, 3),
        ("relu_3", "convolution", "Relu", (4, 16, 16), 2, 3),
        ("relu_4", "convolution", "Relu", (5, 16, 16), 2, 7),
        ("relu_5", "convolution", "Relu", (4, 16, 16), 2, 15),  # 1 x 7: 3 + 6 * 2 along the width
        ("relu_6", "convolution", "Relu", (3, 16, 16), 2, 15),
        ("averagepool_1", "pool", "AveragePool", (6, 16, 16), 2, 7),
        ("relu_7", "convolution", "Relu", (2, 16, 16), 2, 7),
        ("relu_8", "convolution", "Relu", (7, 8, 8), 4, 19),  # the widest branch, 15, + 2 * 2
        ("globalmaxpool_1", "pool", "GlobalMaxPool", (7, 1, 1), 32, 32),
        ("gemm_1", "dense", "Gemm", (5, 1, 1), 32, 32),
    ]


@pytest.mark.parametrize("how", ["erf", "tanh"])
@pytest.mark.parametrize("opset", [11, 17, 20])
@pytest.mark.parametrize("precision", [np.float32, np.float16])
def test_a_transformer(opset: int, how: str, precision: type[np.floating[Any]]) -> None:
    model = transformer(opset, how, precision)
    found = survey(model, SIDE, SIDE)
    function = {"erf": "Gelu", "tanh": "FastGelu"}[how]
    assert rows(found.taps) == [
        ("blocks.0.add", "tokens", "Add", (8, 17, 1), 8, 32),
        ("blocks.0.mlp.act", "tokens", function, (16, 17, 1), 8, 32),
        ("blocks.0.add_1", "tokens", "Add", (8, 17, 1), 8, 32),
        ("head", "dense", "Gemm", (5, 1, 1), 32, 32),
    ]
    assert [tap.axis for tap in found.taps] == [2, 2, 2, 1]
    # the tensor before the activation is the sum of the dense layer, bias included
    assert operators(model)[found.taps[1].before] == "Add"
    assert found.batch == 0
    assert found.notes == (
        "3 layers have tokens instead of maps; maximum and mean are taken over their 17 tokens, "
        "including a class token if there is one",
    )


@pytest.mark.parametrize("how", ["operator", "written out"])
def test_norms_over_groups_of_filters(how: str) -> None:
    """They are written with reshapes to (images, groups, rest) and back; each sees the whole map."""
    found = survey(grouped(how), SIDE, SIDE)
    assert found.notes == ()
    assert rows(found.taps) == [
        ("relu_1", "convolution", "Relu", (8, 16, 16), 2, 32),
        ("relu_2", "convolution", "Relu", (8, 16, 16), 2, 32),
        ("add_1", "sum", "Add", (8, 16, 16), 2, 32),
        ("relu_3", "sum", "Relu", (8, 16, 16), 2, 32),
        ("globalaveragepool_1", "pool", "GlobalAveragePool", (8, 1, 1), 32, 32),
        ("gemm_1", "dense", "Gemm", (5, 1, 1), 32, 32),
    ]


def test_shuffled_filters_are_not_taken_for_a_way_back() -> None:
    """A transpose on the way moves values: rows come back as columns of a map as large."""
    b = Builder()
    below = b.add("Reshape", b.convolution("x", 4, 3), b.fixed([0, 64, 64]))
    turned = b.add("Reshape", b.add("Transpose", below, perm=[0, 2, 1]), b.fixed([0, 4, 32, 32]))
    model = b.model(b.add("Gemm", b.add("Flatten", b.add("Relu", turned)), b.weight(4096, 5)))
    assert [tap.operator for tap in survey(model, SIDE, SIDE).taps] == ["Gemm"]


@pytest.mark.parametrize("opset", [11, 17, 20])
def test_channels_last(opset: int) -> None:
    taps = survey(channels_last(opset), SIDE, SIDE).taps
    assert rows(taps) == [
        ("relu_of_conv1", "convolution", "Relu", (6, 16, 16), 2, 3),
        ("mixed", "convolution", "Relu", (9, 8, 8), 4, 7),
        ("avg_pool", "pool", "ReduceMean", (9, 1, 1), 32, 32),
        ("predictions", "dense", "Softmax", (5, 1, 1), 32, 32),
    ]
    assert [tap.axis for tap in taps] == [1, 3, 1, 1]


def test_the_larger_of_two_maps_is_a_layer() -> None:
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3))
    larger = b.add("Max", b.convolution(below, 6, 4), b.convolution(below, 6, 4, 5))
    assert rows(survey(b.model(b.add("GlobalMaxPool", larger)), SIDE, SIDE).taps) == [
        ("relu_1", "convolution", "Relu", (4, 32, 32), 1, 3),
        ("max_1", "maxout", "Max", (6, 32, 32), 1, 7),
        ("globalmaxpool_1", "pool", "GlobalMaxPool", (6, 1, 1), 32, 32),
    ]


@pytest.mark.parametrize("written_out", [True, False])
def test_a_norm_over_the_map_is_no_pool(written_out: bool) -> None:
    b = Builder(18)
    below = b.convolution("x", 4, 3)
    if written_out:
        centred = b.add("Sub", below, b.reduce("ReduceMean", below, [2, 3]))
        variance = b.reduce("ReduceMean", b.add("Mul", centred, centred), [2, 3])
        below = b.add("Div", centred, b.add("Sqrt", b.add("Add", variance, b.fixed(1e-5))))
    else:
        below = b.add("InstanceNormalization", below, b.fixed(np.ones(4)), b.fixed(np.zeros(4)))
    model = b.model(b.add("GlobalMaxPool", b.add("Relu", below)))
    taps = survey(model, SIDE, SIDE).taps
    assert rows(taps) == [
        ("relu_1", "convolution", "Relu", (4, 32, 32), 1, 32),
        ("globalmaxpool_1", "pool", "GlobalMaxPool", (4, 1, 1), 32, 32),
    ]


def test_tokens_that_are_mixed_have_their_units_as_filters() -> None:
    """An MLP-Mixer: a dense layer over tokens, whose units are filters at the positions of channels."""
    b = Builder()
    tokens = b.add("Reshape", b.add("Conv", "x", b.weight(6, 3, 8, 8), strides=[8, 8]), b.fixed([0, 6, 16]))
    mixed = b.add("Relu", b.dense(tokens, 10, 16))
    back = b.add("Transpose", b.dense(mixed, 16, 10), perm=[0, 2, 1])
    stream = b.add("Add", b.add("Transpose", tokens, perm=[0, 2, 1]), back)
    model = b.model(b.add("MatMul", b.reduce("ReduceMean", stream, [1], keepdims=0), b.weight(6, 5)))
    taps = survey(model, SIDE, SIDE).taps
    assert [
        (tap.operator, tap.kind, tap.filters, tap.height, tap.axis, tap.receptive_field) for tap in taps
    ] == [
        ("Relu", "tokens", 10, 6, 2, 32),
        ("Add", "tokens", 6, 16, 2, 32),
        ("ReduceMean", "pool", 6, 1, 1, 32),
        ("MatMul", "dense", 5, 1, 1, 32),
    ]


def test_logits_and_probabilities_are_one_layer() -> None:
    b = Builder()
    logits = b.add("Gemm", b.add("Flatten", b.add("GlobalMaxPool", "x")), b.weight(3, 5))
    model = b.model(logits, b.add("Softmax", logits), b.add("ArgMax", logits, axis=1))
    model.graph.output[2].type.tensor_type.elem_type = onnx.TensorProto.INT64
    last = survey(model, SIDE, SIDE).taps[-1]
    assert (last.operator, last.before, last.after) == ("Softmax", logits, model.graph.output[1].name)


def test_an_unidentifiable_axis_is_reported() -> None:
    """Filters shuffled into positions: which axis holds them now, nobody knows."""
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3))
    odd = b.add("Relu", b.add("Reshape", below, b.fixed([0, 8, 512])), name="odd one")
    model = b.model(b.add("Gemm", b.add("Flatten", odd), b.weight(4096, 5)))
    found = survey(model, SIDE, SIDE)
    assert [tap.operator for tap in found.taps] == ["Relu", "Gemm"]
    assert found.notes == ("1 left out, because their axis of filters cannot be identified: odd one",)


def test_a_graph_without_anything_to_record_from_is_refused() -> None:
    b = Builder()
    model = b.model(b.reduce("ReduceMax", "x", [1, 2, 3], keepdims=0))
    with pytest.raises(UsageError, match="no activation, pool or output"):
        survey(model, SIDE, SIDE)


def test_tensors_that_are_inputs_too() -> None:
    """As in graphs of the first years, where every tensor had to be one."""
    model = residual(9)
    model.ir_version = 3
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    assert rows(survey(model, SIDE, SIDE).taps) == rows(survey(residual(), SIDE, SIDE).taps)


def test_a_dense_classifier_without_convolutions() -> None:
    b = Builder()
    hidden = b.add("Relu", b.add("Gemm", b.add("Flatten", "x"), b.weight(3 * 64, 6)))
    taps = survey(b.model(b.add("Gemm", hidden, b.weight(6, 5)), shape=("n", 3, 8, 8)), 8, 8).taps
    assert rows(taps) == [
        ("relu_1", "dense", "Relu", (6, 1, 1), 8, 8),
        ("gemm_1", "dense", "Gemm", (5, 1, 1), 8, 8),
    ]


def test_local_functions_are_written_out(tmp_path: Path) -> None:
    """Newer exporters keep blocks as functions of the model."""
    model = residual()
    body = [helper.make_node("Relu", ["value"], ["result"])]
    function = helper.make_function("own", "Act", ["value"], ["result"], body, [helper.make_opsetid("", 17)])
    for node in model.graph.node:
        if node.op_type == "Relu":
            node.op_type, node.domain = "Act", "own"
    model.functions.append(function)
    model.opset_import.append(helper.make_opsetid("own", 1))
    onnx.save(model, tmp_path / "net.onnx")
    read = read_graph(tmp_path / "net.onnx")
    assert [tap.filters for tap in survey(read, SIDE, SIDE).taps] == [8, 8, 8, 8, 12, 12, 12, 5]
