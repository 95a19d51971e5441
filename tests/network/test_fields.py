"""What a position of a layer sees, against measurement: pixels just inside change its value, those outside do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from support.foreign_graphs import Builder, saved
from toolbox.errors import UnknownNameError
from toolbox.graph import Graph
from toolbox.network.card import network
from toolbox.network.chain import full_graph
from toolbox.network.fields import has_positions, layer_spans
from toolbox.network.model import load_model
from toolbox.network.weights import Weights
from toolbox.setup.adding import add_model, examine_graph
from toolbox.show.strong import Placement
from toolbox.stimuli.fitting import fitting_of
from toolbox.tapping.trial import run_graph

CARD = """
name = "stack"
title = "Kernels, strides and paddings"
[input]
height = 40
width = 40
[layers]
first = { kind = "convolution", filters = 2, kernel = 5, padding = 2, activation = "relu" }
pool1 = { kind = "pool", kernel = 3, stride = 2 }
second = { kind = "convolution", filters = 2, kernel = 3, stride = 2, padding = 1, activation = "relu" }
pool2 = { kind = "pool", kernel = 2, stride = 2 }
third = { kind = "convolution", filters = 2, kernel = 3, padding = 1, activation = "relu" }
dense = { kind = "dense", filters = 2 }
"""


def positive(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Weights with which a brighter pixel makes every value brighter that depends on it."""
    return np.random.default_rng(len(shape)).uniform(0.5, 1.5, shape).astype(np.float32)


@pytest.fixture
def chain(tmp_path: Path) -> tuple[str, Graph]:
    """A card of six layers, and its graph."""
    file = tmp_path / "stack.toml"
    file.write_text(CARD)
    net = network(str(file))
    tensors = {}
    for layer in net.chain:
        if layer.has_weights:
            tensors |= {
                f"{layer.name}.kernel": positive(layer.kernel_shape),
                f"{layer.name}.bias": positive((layer.filters,)),
            }
    return str(file), full_graph(net, Weights(tensors, "made for this test", net.chain))


def check_field(graph: Graph, layer: str, at: Placement, position: tuple[int, int]) -> None:
    """Change single rows and columns of pixels on both sides of every edge of a field that is inside the image."""
    height, width = at.input
    image = np.random.default_rng(0).uniform(0, 1, (1, 3, height, width)).astype(np.float32)
    before = run_graph(graph, image)[layer][0, :, position[0], position[1]]
    field = at.field(position)

    def changes(axis: int, place: float) -> bool:
        bright = image.copy()
        bright[(slice(None), slice(None), *([slice(None)] * axis), int(place))] += 1000
        return bool((run_graph(graph, bright)[layer][0, :, position[0], position[1]] != before).any())

    for axis, (first, last) in enumerate(((field.top, field.bottom), (field.left, field.right))):
        side = at.input[axis]
        inside = [edge for edge in (max(first, 0), min(last, side) - 1) if 0 <= edge < side]
        outside = [edge for edge in (first - 1, last) if 0 <= edge < side]
        assert all(changes(axis, edge) for edge in inside), (layer, position, axis, field)
        assert not any(changes(axis, edge) for edge in outside), (layer, position, axis, field)


@pytest.mark.parametrize("layer", ["first", "pool1", "second", "pool2", "third"])
def test_a_position_of_a_chain_sees_exactly_its_field(chain: tuple[str, Graph], layer: str) -> None:
    card, graph = chain
    net = network(card)
    spans = layer_spans(net, graph, [layer])[layer]
    at = Placement(spans, fitting_of((40, 40), (40, 40)), (40, 40))
    described = next(each for each in net.layers if each.name == layer)
    assert has_positions(described, spans)
    ends = described.height - 1, described.width - 1
    for position in ((0, 0), (ends[0] // 2, ends[1] // 2), (1, ends[1]), ends):
        check_field(graph, layer, at, position)


def test_a_dense_layer_sees_the_whole_image(chain: tuple[str, Graph]) -> None:
    card, graph = chain
    spans = layer_spans(network(card), graph, ["dense"])["dense"]
    at = Placement(spans, fitting_of((40, 40), (40, 40)), (40, 40))
    assert not has_positions(network(card).layers[-1], spans)
    assert at.field((0, 0)).outward() == (0, 0, 40, 40)


def test_vgg16_sees_what_the_card_says() -> None:
    """Known from its publication: 14 positions 16 pixels apart, of 196 pixels each in the last convolution."""
    net = network("vgg16")
    empty = Graph(None, {})  # type: ignore[arg-type]  # the spans of a chain follow from its card
    spans = layer_spans(net, empty, ["block1_conv2", "block5_conv3"])
    assert [(span.step, span.left, span.right) for span in spans["block1_conv2"]] == [(1, -2, 2)] * 2
    (height, _) = spans["block5_conv3"]
    assert (height.step, height.right - height.left + 1) == (16, 196)
    assert (
        height.left + height.right + 1
    ) / 2 == 8  # the first position is in the middle of the first 16 pixels
    for layer in net.chain:
        if layer.kind != "dense":
            (span, _) = layer_spans(net, empty, [layer.name])[layer.name]
            assert (span.step, span.right - span.left + 1) == (layer.step, layer.receptive_field)


def test_an_imported_graph_is_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLBOX_MODELS", str(tmp_path / "models"))
    b = Builder()
    conv = b.add("Conv", "x", b.weight(4, 3, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    act = b.add("Relu", conv)
    pooled = b.add("MaxPool", act, kernel_shape=[3, 3], strides=[2, 2])
    again = b.add("Relu", b.add("Conv", pooled, b.weight(4, 4, 3, 3), pads=[1, 1, 1, 1]))
    whole = b.add("Relu", b.add("Flatten", b.add("GlobalAveragePool", again)))
    path = saved(b.model(whole), tmp_path / "net.onnx")
    add_model(examine_graph(path), "net", activation="after", preprocessing="unit")
    net = network("net")
    model = load_model(net)
    names = [layer.name for layer in net.layers]
    spans = layer_spans(net, model.graph, names)
    size = net.input.height, net.input.width
    maps = [layer for layer in net.layers if has_positions(layer, spans[layer.name])]
    assert [(layer.kind, layer.receptive_field) for layer in maps] == [
        ("convolution", 3),
        ("pool", 7),
        ("convolution", 15),
    ]
    for layer in maps:
        at = Placement(spans[layer.name], fitting_of(size, size), size)
        field = at.field((2, 3))
        assert field.bottom - field.top == layer.receptive_field
    assert len(maps) < len(names)


def test_a_layer_that_the_network_lacks_is_refused(chain: tuple[str, Graph]) -> None:
    card, graph = chain
    with pytest.raises(UnknownNameError, match="no layer named 'fourth'"):
        layer_spans(network(card), graph, ["fourth"])
