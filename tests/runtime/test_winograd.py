"""Winograd's algorithm against scipy and the plain sum; which convolutions it takes, and that no bit depends on how."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper
from scipy.signal import correlate

from support.small_graphs import convolution, graph_of
from toolbox.graph import Graph, external_tensor
from toolbox.network.card import network
from toolbox.network.chain import full_graph
from toolbox.network.pooling import pooled_graph
from toolbox.network.weights import load_weights
from toolbox.runtime import winograd
from toolbox.runtime.session import start_session
from toolbox.runtime.winograd import LEAST_CHANNELS, A, B, G, with_winograd
from toolbox.terms import IMAGE

SAME: dict[str, Any] = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}


def kernel_and_bias(
    filters: int = LEAST_CHANNELS, inputs: int = LEAST_CHANNELS, side: int = 3
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    random = np.random.default_rng(filters + inputs)
    kernel = random.normal(0, 1 / np.sqrt(9 * inputs), (filters, inputs, side, side)).astype(np.float32)
    return kernel, random.normal(0, 1, filters).astype(np.float32)


def images(
    count: int, height: int, width: int, inputs: int = LEAST_CHANNELS, seed: int = 0
) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 1, (count, inputs, height, width)).astype(np.float32)


def by_definition(
    kernel: NDArray[np.float32], bias: NDArray[np.float32], given_images: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Correlation of padded maps with every kernel, in float64."""
    padded = np.pad(given_images.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    sums = [
        [correlate(one, kernel_of_one, "valid", "direct")[0] for kernel_of_one in kernel] for one in padded
    ]
    return np.array(sums) + bias[:, None, None]


def check_close(found: NDArray[np.float32], expected: NDArray[np.floating]) -> None:
    """To a ten thousandth of the largest value; a wrong tile differs by a tenth and more."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def operators(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.proto.graph.node]


@given(st.integers(0, 2**32 - 1))
def test_the_matrices_are_those_of_the_algorithm(seed: int) -> None:
    random = np.random.default_rng(seed)
    d, g = random.normal(size=(6, 6)), random.normal(size=(3, 3))
    y = A.T @ ((G @ g @ G.T) * (B.T @ d @ B)) @ A
    np.testing.assert_allclose(y, correlate(d, g, "valid", "direct"), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 4), (5, 3), (6, 13)])
def test_a_convolution_equals_its_definition(height: int, width: int) -> None:
    kernel, bias = kernel_and_bias(LEAST_CHANNELS, LEAST_CHANNELS + 1)
    graph = with_winograd(convolution(kernel, height, width, bias=bias, **SAME))
    assert "ConvTranspose" in operators(graph)
    shown = images(1, height, width, LEAST_CHANNELS + 1)
    found = start_session(graph, device="cpu").run(shown)["map"]
    check_close(found, by_definition(kernel, bias, shown))


@pytest.mark.parametrize("is_there", [True, False])
def test_a_convolution_without_a_bias_equals_its_definition(is_there: bool) -> None:
    """An input that is left out may also be there without a name."""
    kernel, bias = kernel_and_bias()
    plain = convolution(kernel, 5, 8, bias=None, **SAME)
    if is_there:
        plain.proto.graph.node[0].input.append("")
    graph = with_winograd(plain)
    assert "ConvTranspose" in operators(graph)
    onnx.checker.check_model(graph.embed_tensors(), full_check=True)
    shown = images(1, 5, 8)
    found = start_session(graph, device="cpu").run(shown)["map"]
    check_close(found, by_definition(kernel, np.zeros_like(bias), shown))


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    filters=st.integers(LEAST_CHANNELS - 1, LEAST_CHANNELS + 2),
    inputs=st.integers(LEAST_CHANNELS - 1, LEAST_CHANNELS + 2),
    count=st.integers(1, 3),
    has_bias=st.booleans(),
)
def test_any_map_equals_the_plain_sum(
    height: int, width: int, filters: int, inputs: int, count: int, has_bias: bool
) -> None:
    kernel, bias = kernel_and_bias(filters, inputs)
    graph = convolution(kernel, height, width, bias=bias if has_bias else None, **SAME)
    session = start_session(graph, device="cpu")
    assert (winograd.WINOGRAD in session.runtime) == (min(filters, inputs) >= LEAST_CHANNELS)
    shown = images(count, height, width, inputs)
    plain = start_session(graph, device="cpu", convolution="direct").run(shown)["map"]
    check_close(session.run(shown)["map"], plain)


@pytest.mark.parametrize(("height", "width"), [(2, 3), (14, 11)])
def test_no_bit_depends_on_batch_threads_or_workers(height: int, width: int) -> None:
    kernel, bias = kernel_and_bias()
    graph = convolution(kernel, height, width, bias=bias, **SAME)
    shown = images(5, height, width)
    single = start_session(graph, device="cpu", threads=1)
    expected = np.concatenate([single.run(image[None])["map"] for image in shown])
    for workers, threads in [(1, 1), (1, 2), (1, 5), (2, 1), (2, 2)]:
        session = start_session(graph, device="cpu", workers=workers, threads=threads)
        for batch in (1, 2, 5):
            found = [session.run(shown[start : start + batch])["map"] for start in range(0, 5, batch)]
            np.testing.assert_array_equal(np.concatenate(found), expected)


def left_as_it_is() -> dict[str, Graph]:
    """Convolutions that the algorithm is not for, by what makes them so."""
    kernel, bias = kernel_and_bias()
    wide, point = (kernel_and_bias(side=side)[0] for side in (5, 1))
    grouped = kernel[:, : LEAST_CHANNELS // 2]
    half = kernel.astype(np.float16), bias.astype(np.float16)
    return {
        "stride": convolution(kernel, 8, 8, bias=bias, **SAME, strides=[2, 2]),
        "dilation": convolution(kernel, 8, 8, bias=bias, kernel_shape=[3, 3], pads=[1] * 4, dilations=[2, 2]),
        "no padding": convolution(kernel, 8, 8, bias=bias, kernel_shape=[3, 3]),
        "padding on one side": convolution(kernel, 8, 8, bias=bias, kernel_shape=[3, 3], pads=[0, 0, 2, 2]),
        "padding by name": convolution(kernel, 8, 8, bias=bias, kernel_shape=[3, 3], auto_pad="SAME_UPPER"),
        "groups": convolution(grouped, 8, 8, bias=bias, group=2, **SAME),
        "1 x 1": convolution(point, 8, 8, bias=bias, kernel_shape=[1, 1]),
        "5 x 5": convolution(wide, 8, 8, bias=bias, kernel_shape=[5, 5], pads=[2] * 4),
        "few filters": convolution(
            kernel[: LEAST_CHANNELS - 1], 8, 8, bias=bias[: LEAST_CHANNELS - 1], **SAME
        ),
        "few inputs": convolution(kernel[:, : LEAST_CHANNELS - 1], 8, 8, bias=bias, **SAME),
        "float16": convolution(half[0], 8, 8, bias=half[1], dtype=TensorProto.FLOAT16, **SAME),
        "a kernel that is computed": with_computed_kernel(kernel, bias),
    }


def with_computed_kernel(kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> Graph:
    nodes = [
        helper.make_node("Abs", ["raw"], ["kernel"]),
        helper.make_node("Conv", [IMAGE, "kernel", "bias"], ["map"], **SAME),
    ]
    entry = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, ["images", LEAST_CHANNELS, 8, 8])
    outcome = helper.make_tensor_value_info("map", TensorProto.FLOAT, ["images", LEAST_CHANNELS, None, None])
    tensors = {"raw": kernel, "bias": bias}
    return graph_of(
        nodes,
        [entry],
        [outcome],
        [external_tensor(name, tensor) for name, tensor in tensors.items()],
        tensors,
    )


@pytest.mark.parametrize("reason", left_as_it_is())
def test_other_convolutions_are_left_as_they_are(reason: str) -> None:
    graph = left_as_it_is()[reason]
    onnx.checker.check_model(graph.embed_tensors(), full_check=True)
    assert with_winograd(graph) is graph


def test_a_map_of_unknown_size_is_left_as_it_is() -> None:
    kernel, bias = kernel_and_bias()
    graph = convolution(kernel, 8, 8, bias=bias, **SAME)
    for side in (2, 3):
        graph.proto.graph.input[0].type.tensor_type.shape.dim[side].dim_param = "side"
    assert with_winograd(graph) is graph


def test_the_attributes_that_onnx_takes_for_granted_may_be_left_out() -> None:
    kernel, bias = kernel_and_bias()
    graph = convolution(kernel, 7, 9, bias=bias, pads=[1, 1, 1, 1])
    rewritten = with_winograd(graph)
    assert operators(rewritten).count("MatMul") == 1
    shown = images(2, 7, 9)
    plain = start_session(graph, device="cpu", convolution="direct").run(shown)["map"]
    check_close(start_session(rewritten, device="cpu").run(shown)["map"], plain)


def test_a_kernel_that_two_convolutions_share_is_transformed_for_both() -> None:
    kernel, bias = kernel_and_bias()
    nodes = [
        helper.make_node("Conv", [IMAGE, "kernel", "bias"], ["first"], **SAME),
        helper.make_node("Conv", ["first", "kernel", "bias"], ["map"], **SAME),
    ]
    entry = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, ["images", LEAST_CHANNELS, 6, 5])
    outcome = helper.make_tensor_value_info("map", TensorProto.FLOAT, ["images", LEAST_CHANNELS, None, None])
    tensors = {"kernel": kernel, "bias": bias}
    beside = [external_tensor(name, tensor) for name, tensor in tensors.items()]
    graph = graph_of(nodes, [entry], [outcome], beside, tensors)
    rewritten = with_winograd(graph)
    assert set(rewritten.tensors) == {"first.winograd", "map.winograd", "bias"}
    shown = images(2, 6, 5)
    plain = start_session(graph, device="cpu", convolution="direct").run(shown)["map"]
    check_close(start_session(rewritten, device="cpu").run(shown)["map"], plain)


def test_vgg16_is_rewritten_where_it_pays_and_is_valid_onnx_without_the_plain_kernels() -> None:
    net = network("vgg16-untrained")
    full = full_graph(net, load_weights(net, ["block3_conv2"]))
    graph = pooled_graph(full, ["block2_conv2", "block3_conv1", "block3_conv2"])
    rewritten = with_winograd(graph)
    chosen = {name.removesuffix(".winograd") for name in rewritten.tensors if name.endswith(".winograd")}
    assert {name.removesuffix(".sum") for name in chosen} == {"block2_conv2", "block3_conv1", "block3_conv2"}
    initialisers = {entry.name for entry in rewritten.proto.graph.initializer}
    for gone in ("block2_conv2.kernel", "block3_conv1.kernel", "block3_conv2.kernel"):
        assert gone not in rewritten.tensors and gone not in initialisers
    assert {"block1_conv1.kernel", "block2_conv1.kernel", "block3_conv2.bias"} <= set(rewritten.tensors)
    assert rewritten.outputs == graph.outputs
    onnx.checker.check_model(rewritten.embed_tensors(), full_check=True)
    assert "block2_conv2.kernel" in graph.tensors, "the graph that was given stays as it was"


def test_the_choice_is_told_in_the_runtime() -> None:
    kernel, bias = kernel_and_bias()
    graph = convolution(kernel, 4, 4, bias=bias, **SAME)
    assert start_session(graph, device="cpu").runtime.endswith(", Winograd F(4x4, 3x3)")
    assert "Winograd" not in start_session(graph, device="cpu", convolution="direct").runtime
