"""A graph without padding gives, for exactly a receptive field, exactly the unit of the full graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from support import foreign_graphs
from support.foreign_graphs import SIDE, Builder
from support.gradients import graph_of_builder, run, run_alone
from toolbox.gradient import gradient_graph, without_padding
from toolbox.graph import Graph
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.tapping.entrance import enter_graph
from toolbox.terms import GRADIENT

CARD = """
name = "deep"
title = "Two blocks, with padding"
[input]
height = 40
width = 36
[layers]
a = { kind = "convolution", filters = 5, kernel = 3, padding = 1, activation = "relu" }
p = { kind = "pool", kernel = 2, stride = 2 }
b = { kind = "convolution", filters = 6, kernel = 3, padding = 1, activation = "relu" }
c = { kind = "convolution", filters = 7, kernel = 5, padding = 2, activation = "relu" }
d = { kind = "dense", filters = 4, activation = "relu" }
"""


@pytest.fixture
def deep(tmp_path: Path) -> Graph:
    (tmp_path / "deep.toml").write_text(CARD)
    return load_model(network(str(tmp_path / "deep.toml")), source="random:1").graph


@pytest.mark.parametrize("layer", ["c.sum", "c"])
def test_a_crop_of_the_receptive_field_gives_exactly_the_unit_and_its_gradient(
    deep: Graph, layer: str
) -> None:
    """Receptive field 3, 4, 8, 16; position 6 of `c` starts at 2 * (6 - 1 - 2) - 1 = 5."""
    image = np.random.default_rng(0).normal(0, 50, (1, 3, 40, 36)).astype(np.float32)
    direction = np.zeros((1, 7, 20, 18), np.float32)
    direction[0, 4, 6, 7] = 1
    whole = run(gradient_graph(deep, layer), image, direction)
    crop, one = image[:, :, 5:21, 7:23], np.zeros((1, 7, 1, 1), np.float32)
    one[0, 4] = 1
    alone = run(gradient_graph(without_padding(deep), layer), crop, one)
    assert alone[layer].shape == (1, 7, 1, 1)
    np.testing.assert_array_equal(alone[layer][0, :, 0, 0], whole[layer][0, :, 6, 7])
    np.testing.assert_allclose(alone[GRADIENT], whole[GRADIENT][:, :, 5:21, 7:23], rtol=1e-5, atol=1e-6)
    assert np.count_nonzero(whole[GRADIENT]) == np.count_nonzero(alone[GRADIENT])


def test_layers_that_take_the_whole_map_are_left_out(deep: Graph) -> None:
    assert without_padding(deep).outputs == ("a", "p", "b", "c")
    assert "d.kernel" not in without_padding(deep).tensors


def test_a_graph_without_padding_takes_images_of_any_size(deep: Graph) -> None:
    graph = without_padding(deep)
    for side in (16, 18, 23):
        image = np.zeros((2, 3, side, side + 2), np.float32)
        outcome = run(gradient_graph(graph, "c"), image, np.ones((2, 7, *sizes(side)), np.float32))
        assert outcome[GRADIENT].shape == image.shape


def sizes(side: int) -> tuple[int, int]:
    """Height and width of the map `c` of an image of side x side + 2 pixels."""
    return (side - 2) // 2 - 6, side // 2 - 6


def test_branches_of_which_one_alone_was_padded_are_left_out() -> None:
    """Without its padding, the long way of a residual block would be smaller than the short one."""
    entered = enter_graph(foreign_graphs.residual(), SIDE, SIDE)
    names = {name for node in entered.graph.node for name in node.output}
    bare = without_padding(Graph(entered, {}))
    kept = {name for node in bare.proto.graph.node for name in node.output}
    assert 0 < len(kept) < len(names)
    assert {node.op_type for node in bare.proto.graph.node} == {
        "Identity", "Conv", "BatchNormalization", "Relu", "MaxPool",
    }  # fmt: skip
    assert not bare.outputs


def test_branches_that_lose_equal_padding_stay() -> None:
    b = Builder(18)
    left, right = b.convolution("image", 4, 3), b.add("Sigmoid", b.convolution("image", 4, 3))
    output = b.add("Mul", left, right)
    graph = graph_of_builder(b, output)
    image = np.random.default_rng(0).normal(0, 1, (1, 3, 6, 7)).astype(np.float32)
    inner = run_alone(without_padding(graph), image)
    np.testing.assert_array_equal(inner, run_alone(graph, image)[:, :, 1:-1, 1:-1])


@pytest.mark.parametrize("operator", ["Flatten", "GlobalAveragePool", "Transpose", "Softmax"])
def test_an_operator_of_the_whole_map_is_left_out(operator: str) -> None:
    b = Builder(18)
    output = b.add(operator, b.convolution("image", 4, 3))
    assert not without_padding(graph_of_builder(b, output)).outputs
