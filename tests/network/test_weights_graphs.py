"""Weights in the graphs of other exporters: the responses of the foreign graph itself are the reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import support.foreign_networks as foreign
from support.foreign_networks import (
    LAYERS,
    TORCH_NAMES,
    Writer,
    foreign_responses,
    keras_pairs,
    torch_pairs,
)
from support.weight_files import (
    check_equal,
)
from toolbox.errors import WeightsError
from toolbox.network.architecture import Network
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.network.weights import load_weights
from toolbox.runtime.session import start_session

IMAGES = np.random.default_rng(5).normal(0, 1, (4, 3, 8, 6)).astype(np.float32)


@pytest.fixture
def small(tmp_path: Path) -> Network:
    return network(foreign.write_card(tmp_path))


def responses(net: Network, path: Path) -> NDArray[np.float32]:
    """The responses of our own graph with the weights of a file."""
    model = load_model(net, source=str(path))
    return start_session(model.graph, device="cpu").run(IMAGES)["answer"]


half = partial(Writer, precision=np.float16)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: foreign.write_torch_graph(path, torch_pairs()),
        lambda path: foreign.write_torch_graph(path, torch_pairs(), Writer(constants_as_nodes=True)),
        lambda path: foreign.write_torch_graph(path, torch_pairs(), half()),
        lambda path: foreign.write_torch_graph(path, torch_pairs(), names=TORCH_NAMES),
        lambda path: foreign.write_tensorflow_graph(path, keras_pairs()),
        lambda path: foreign.write_tensorflow_graph(path, keras_pairs(), half(constants_as_nodes=True)),
        lambda path: foreign.write_odd_graph(path, torch_pairs()),
        lambda path: foreign.write_convolutional_graph(path, torch_pairs()),
    ],
    ids=[
        "torch",
        "constant nodes",
        "half",
        "named",
        "TensorFlow",
        "TensorFlow, half, nodes",
        "odd",
        "convolutions",
    ],
)
def test_a_foreign_graphs_weights_give_its_own_responses(
    tmp_path: Path, small: Network, write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path / "foreign.onnx")
    expected = foreign_responses(path, IMAGES)
    assert expected.std() > 0.05  # else a wrong order of inputs would not show
    np.testing.assert_allclose(responses(small, path), expected, rtol=0, atol=1e-6)
    assert "5 were matched by order and shape: edges = " in load_weights(small, source=str(path)).notes[0]


def test_missing_parts_of_a_graph_are_reported(tmp_path: Path, small: Network) -> None:
    path = foreign.write_odd_graph(tmp_path / "odd.onnx", torch_pairs())
    found = load_weights(small, source=str(path))
    assert not found.tensors["answer.bias"].any()
    assert re.fullmatch(r"odd.onnx has no bias in \S+; zero is used", found.notes[1])
    assert found.tensors["fc2.bias"].tolist() == [torch_pairs()[3][1][0]] * 7  # one number for all filters


def test_weights_beside_an_onnx_file_are_read(tmp_path: Path, small: Network) -> None:
    path = foreign.write_torch_graph(tmp_path / "a.onnx", torch_pairs())
    onnx.save(
        onnx.load(path), tmp_path / "b.onnx", save_as_external_data=True, location="b.bin", size_threshold=0
    )
    check_equal(load_weights(small, source=str(tmp_path / "b.onnx")), load_weights(small, source=str(path)))
    (tmp_path / "b.bin").unlink()
    with pytest.raises(WeightsError, match=r"b.onnx cannot be read as an ONNX file"):
        load_weights(small, source=str(tmp_path / "b.onnx"))


def write_edited(
    tmp_path: Path, edit: Callable[[onnx.GraphProto], object], names: tuple[str, ...] = TORCH_NAMES
) -> Path:
    """The PyTorch export with its graph changed."""
    model = onnx.load(foreign.write_torch_graph(tmp_path / "right.onnx", torch_pairs(), names=names))
    edit(model.graph)
    onnx.save(model, tmp_path / "wrong.onnx")
    return tmp_path / "wrong.onnx"


def behind_first(operator: str, **attributes: Any) -> Callable[[onnx.GraphProto], object]:
    """Puts a node between the first convolution's ReLU and the pool."""

    def edit(graph: onnx.GraphProto) -> None:
        pool = next(node for node in graph.node if node.op_type == "MaxPool")
        extra = onnx.helper.make_node(operator, [pool.input[0]], ["extra"], **attributes)
        pool.input[0] = "extra"
        graph.node.insert(2, extra)

    return edit


def skip_a_layer(graph: onnx.GraphProto) -> None:
    dense = [node for node in graph.node if node.op_type == "Gemm"]
    dense[2].input[0] = dense[0].output[0]


def turn_before_flatten(graph: onnx.GraphProto) -> None:
    flatten = next(node for node in graph.node if node.op_type == "Flatten")
    turned = onnx.helper.make_node("Transpose", [flatten.input[0]], ["turned"], perm=[0, 1, 3, 2])
    graph.node.insert(list(graph.node).index(flatten), turned)
    flatten.input[0] = "turned"


def turn_the_input(graph: onnx.GraphProto) -> None:
    dense = [node for node in graph.node if node.op_type == "Gemm"]
    dense[1].attribute.append(onnx.helper.make_attribute("transA", 1))


def turn_after_flatten(graph: onnx.GraphProto) -> None:
    flatten = next(node for node in graph.node if node.op_type == "Flatten")
    turned = onnx.helper.make_node("Transpose", [flatten.output[0]], ["turned"], perm=[1, 0])
    graph.node.insert(list(graph.node).index(flatten) + 1, turned)
    next(node for node in graph.node if node.op_type == "Gemm").input[0] = "turned"


def lengthen_a_bias(graph: onnx.GraphProto) -> None:
    bias = next(tensor for tensor in graph.initializer if tensor.name == "features.3.bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.zeros(5, np.float32), bias.name))


def forget_a_kernel(graph: onnx.GraphProto) -> None:
    """The kernel of the second convolution becomes an input, so that it is no constant."""
    kernel = next(tensor for tensor in graph.initializer if tensor.name == "features.3.weight")
    graph.input.append(onnx.helper.make_tensor_value_info(kernel.name, kernel.data_type, kernel.dims))
    graph.initializer.remove(kernel)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (behind_first("Sigmoid"), "follows Sigmoid, which changes the meaning of its kernel"),
        (
            skip_a_layer,
            r"is not a chain: the input of classifier.10.weight \S+ is not the output of classifier.3",
        ),
        (turn_before_flatten, r"has an input map with the axes in the order \[0, 1, 3, 2\]"),
        (turn_the_input, "transposes its input"),
        (turn_after_flatten, r"follows a Transpose by \[1, 0\], which is not supported"),
        (
            lengthen_a_bias,
            r"does not fit layer parts: features.3.bias .* has shape \(5,\), but the card expects \(4,\)",
        ),
        (forget_a_kernel, "follows Conv, whose kernel is not constant"),
        (lambda graph: graph.ClearField("node"), "contains no kernel"),
    ],
    ids=["activation", "branch", "order of axes", "transA", "turned", "bias", "no constant", "no nodes"],
)
def test_a_graph_that_is_no_such_chain_is_refused(
    tmp_path: Path, small: Network, edit: Callable[[onnx.GraphProto], object], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        load_weights(small, source=str(write_edited(tmp_path, edit)))


def test_a_graph_with_our_names_is_held_to_the_chain_too(tmp_path: Path, small: Network) -> None:
    path = write_edited(tmp_path, behind_first("Sigmoid"), names=LAYERS)
    with pytest.raises(WeightsError, match="follows Sigmoid"):
        load_weights(small, source=str(path))
    path = write_edited(tmp_path, behind_first("Identity"), names=LAYERS)
    assert load_weights(small, source=str(path)).notes == ()
    np.testing.assert_allclose(responses(small, path), foreign_responses(path, IMAGES), rtol=0, atol=1e-6)


def test_harmless_operators_between_layers_do_not_matter(tmp_path: Path, small: Network) -> None:
    path = write_edited(tmp_path, behind_first("Dropout"))
    np.testing.assert_allclose(responses(small, path), foreign_responses(path, IMAGES), rtol=0, atol=1e-6)
