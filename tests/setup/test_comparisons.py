"""Every comparison with numbers made by hand, and faults of every kind, which must be found and placed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from support.faulty_session import Fault, use_faulty_sessions
from support.small_graphs import CHAIN
from support.small_vgg16 import small_vgg16
from support.tiny_network import CARD, tensors
from toolbox.graph import Graph
from toolbox.network.architecture import Layer
from toolbox.network.card import network
from toolbox.network.model import Model, load_model
from toolbox.network.pooling import pooled_graph
from toolbox.runtime.session import Session
from toolbox.setup import comparisons
from toolbox.setup.comparisons import compare, compare_extraction
from toolbox.setup.differences import Comparison
from toolbox.setup.noise import noise, noise_pixels
from toolbox.setup.reference import reference_maps
from toolbox.terms import IMAGE

Images = NDArray[np.float32]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("chain") / "chain.toml"
    path.write_text(CHAIN)
    return load_model(network(str(path)), source="random:3")


@pytest.fixture
def tiny(weights: str) -> Model:
    return load_model(network(str(CARD)), source=weights)


def compare_model(
    model: Model, images: Images, pooled: Graph | None = None
) -> dict[tuple[str, str], Comparison]:
    """Comparisons by the first word and the statistic."""
    pooled = pooled or pooled_graph(model.graph, [layer.name for layer in model.layers])
    found = compare(model.graph, pooled, model.layers, images, device="cpu")
    return {(entry.comparison.split()[0], entry.statistic): entry for entry in found}


def plain(*colours: tuple[int, int, int]) -> Images:
    """Images of one colour for the three-layer network."""
    return np.stack([np.broadcast_to(np.array(c, np.float32)[:, None, None], (3, 4, 4)) for c in colours])


def test_a_sound_network_differs_nowhere(chain: Model, tiny: Model) -> None:
    for model in (chain, tiny):
        found = compare_model(model, noise(model.network.input, 3))
        assert [*found] == [
            ("pooled", "maximum"), ("pooled", "mean"), ("onnxruntime", "map"),
            ("batch", "maximum"), ("batch", "mean"), ("one", "maximum"), ("one", "mean"),
        ]  # fmt: skip
        assert all(entry.ok for entry in found.values())


def test_whole_numbers_differ_by_nothing_at_all_and_no_layer_is_named(tiny: Model) -> None:
    found = compare_model(tiny, plain((200, 50, 0), (10, 20, 30)))
    assert {(entry.difference, entry.layer) for entry in found.values()} == {(0.0, "")}


def test_a_difference_is_a_share_of_the_layers_largest_value_by_hand(tiny: Model) -> None:
    """The first filter's response is r; one more in its bias makes 201 of 200 in the map, 804 of 800 in the sum."""
    changed = {**tensors(), "colour.bias": np.array([1, 0, -10], np.float32)}
    pooled = replace(pooled_graph(tiny.graph, ["colour", "sum"]), tensors=changed)
    layers = [layer for layer in tiny.layers if layer.name != "pool"]
    images = plain((200, 50, 0), (100, 0, 0))
    found = compare(tiny.graph, pooled, layers, images, device="cpu")
    for entry, statistic in zip(found[:2], ("maximum", "mean"), strict=True):
        assert (entry.statistic, entry.layer, entry.ok) == (statistic, "colour", False)
        assert entry.difference == pytest.approx(1 / 201, rel=1e-12)
    assert all(entry.ok for entry in found[2:])  # the graph is wrong, yet wrong in the same way everywhere


def test_pooling_the_wrong_tensor_is_found_and_placed(chain: Model) -> None:
    pooled = pooled_graph(chain.graph, [layer.name for layer in chain.layers])
    (node,) = [node for node in pooled.proto.graph.node if list(node.output) == ["c.mean.rows"]]
    node.input[0] = "b"
    found = compare_model(chain, noise(chain.network.input, 2), pooled)
    assert [key for key, entry in found.items() if not entry.ok] == [("pooled", "mean")]
    assert found["pooled", "mean"].layer == "c"


def test_weights_that_are_one_percent_off_are_found_and_placed(chain: Model) -> None:
    changed = {**chain.graph.tensors, "d.kernel": chain.graph.tensors["d.kernel"] * np.float32(1.01)}
    pooled = replace(pooled_graph(chain.graph, ["a", "b", "c", "d"]), tensors=changed)
    found = compare(chain.graph, pooled, chain.layers[:4], noise(chain.network.input, 2), device="cpu")
    assert [(entry.statistic, entry.layer) for entry in found if not entry.ok] == [
        ("maximum", "d"),
        ("mean", "d"),
    ]
    assert found[0].difference == pytest.approx(0.01 / 1.01, rel=1e-4)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            lambda session: session.outputs[0] == "a",
            {("pooled", "maximum"), ("pooled", "mean"), ("onnxruntime", "map")},
        ),
        (
            lambda session: session.batch > 1 and session.threads == 0,
            {("batch", "maximum"), ("batch", "mean")},
        ),
        (lambda session: session.threads == 2, {("one", "maximum"), ("one", "mean")}),
    ],
    ids=["the full graph", "batches", "threads"],
)
def test_an_onnxruntime_that_computes_one_layer_wrongly_is_found(
    chain: Model,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Fault], bool],
    expected: set[tuple[str, str]],
) -> None:
    use_faulty_sessions(monkeypatch, "b", fault)
    found = compare_model(chain, noise(chain.network.input, 3))
    assert {key for key, entry in found.items() if not entry.ok} == expected
    for key in expected:
        assert found[key].layer == "b"
        assert found[key].difference == pytest.approx(0.001 / 1.001, rel=1e-2)


WIDE = """
name = "wide"
title = "A layer that Winograd's algorithm is for"
[input]
height = 10
width = 7
[layers]
a = { kind = "convolution", filters = 128, kernel = 3, padding = 1, activation = "relu" }
b = { kind = "convolution", filters = 128, kernel = 3, padding = 1, activation = "relu" }
c = { kind = "pool", kernel = 2, stride = 2 }
"""


def test_winograds_algorithm_is_compared_with_the_plain_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wide.toml").write_text(WIDE)
    wide = load_model(network(str(tmp_path / "wide.toml")), source="random:1")
    images = noise(wide.network.input, 2)
    found = compare_model(wide, images)
    assert all(entry.ok for entry in found.values())
    assert 0 < found["Winograd", "maximum"].difference < 1e-5
    use_faulty_sessions(monkeypatch, "b", lambda session: session.convolution == "direct")
    wrong = {key: entry for key, entry in compare_model(wide, images).items() if not entry.ok}
    assert [*wrong] == [("Winograd", "maximum"), ("Winograd", "mean")]
    assert {entry.layer for entry in wrong.values()} == {"b"}


def test_what_an_extraction_runs_gives_the_same_bits(chain: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a", "b", "c", "d", "e"]
    pooled, entry = pooled_graph(chain.graph, names), chain.network.input
    pixels = noise_pixels(entry, 5)
    found = compare_extraction(pooled, chain.layers, entry, pixels, device="cpu")
    assert [(each.statistic, each.difference, each.bound) for each in found] == [
        ("maximum", 0, 0),
        ("mean", 0, 0),
    ]
    real = comparisons.pixel_graph
    monkeypatch.setattr(
        comparisons, "pixel_graph", lambda graph, entry: real(graph, replace(entry, channels="RGB"))
    )
    swapped = compare_extraction(pooled, chain.layers, entry, pixels, device="cpu")
    assert not any(each.ok for each in swapped)


def test_a_lower_precision_is_compared_with_float32(chain: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever processor is here: a session that is told to be less precise, and rounds to seven bits of mantissa."""
    real = comparisons.start_session

    class Rounded:
        def __init__(self, session: Session, share: float) -> None:
            self.session, self.share = session, share

        def run(self, images: Images) -> dict[str, Images]:
            found = self.session.run(images)
            bits = {name: (values.view(np.uint32) + 0x8000) & 0xFFFF0000 for name, values in found.items()}
            return {name: each.view(np.float32) * np.float32(self.share) for name, each in bits.items()}

    def start(graph: Graph, share: float, *, precision: str = "float32", **choices: Any) -> Any:
        session = real(graph, **choices)
        return session if precision == "float32" else Rounded(session, share)

    pooled, entry = pooled_graph(chain.graph, ["a", "e"]), chain.network.input
    layers = [layer for layer in chain.layers if layer.name in ("a", "e")]
    for share, is_right in ((1, True), (0.9, False)):
        monkeypatch.setattr(comparisons, "start_session", partial(start, share=share))
        *_, last = compare_extraction(
            pooled, layers, entry, noise_pixels(entry, 2), device="cpu", precision="bf16"
        )
        assert (last.comparison, last.ok) == ("bf16 vs float32", is_right)
        assert last.difference is not None and last.difference > 0


def test_what_is_not_a_number_is_over_every_bound(tiny: Model) -> None:
    huge = {**tensors(), "sum.kernel": np.full((12, 2), 3e38, np.float32)}
    graph = replace(tiny.graph, tensors=huge)
    found = compare_model(replace(tiny, graph=graph), plain((200, 50, 0), (100, 0, 0)))
    assert not found["onnxruntime", "map"].ok
    assert (found["onnxruntime", "map"].difference, found["onnxruntime", "map"].layer) == (math.inf, "sum")


def dot_product(operator: str, domain: str = "") -> Graph:
    """One operator on an image of 3 x 4 x 4 pixels, seen as 16 tokens of 3 filters."""
    nodes = [
        helper.make_node("Reshape", [IMAGE, "shape"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["given"], perm=[0, 2, 1]),
        helper.make_node(operator, ["given"], ["tokens"], domain=domain),
    ]
    shape = numpy_helper.from_array(np.array([0, 3, 16]), "shape")
    entry = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, ["images", 3, 4, 4])
    output = helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["images", 16, 3])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph(nodes, "tokens", [entry], [output], [shape])
    return Graph(helper.make_model(graph, opset_imports=opsets, ir_version=10), {})


TOKENS = Layer(
    name="tokens", kind="tokens", filters=3, position=1, height=1, width=16, step=1, receptive_field=4, axis=2
)


def test_tokens_are_pooled_over_tokens() -> None:
    full = dot_product("Tanh")
    pooled = onnx.ModelProto()
    pooled.CopyFrom(full.proto)
    del pooled.graph.output[:]
    pooled.graph.initializer.append(numpy_helper.from_array(np.array([1]), "axis"))
    for operator, statistic in (("ReduceMax", "maximum"), ("ReduceMean", "mean")):
        name = f"tokens.{statistic}"
        pooled.graph.node.append(helper.make_node(operator, ["tokens", "axis"], [name], keepdims=0))
        pooled.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["images", 3]))
    images = np.random.default_rng(0).normal(0, 1, (2, 3, 4, 4)).astype(np.float32)
    assert all(entry.ok for entry in compare(full, Graph(pooled, {}), [TOKENS], images, device="cpu"))
    wrong = [replace(TOKENS, axis=1)]  # pooled over filters: another shape
    found = compare(full, Graph(pooled, {}), wrong, images, device="cpu")
    assert [entry.difference for entry in found[:2]] == [math.inf, math.inf]


def test_an_operator_that_only_onnxruntime_has_leaves_one_comparison_undone() -> None:
    full = dot_product("QuickGelu", "com.microsoft")
    pooled = pooled_graph(replace(full, axes={"tokens": 2}), ["tokens"])
    images = np.random.default_rng(1).normal(0, 1, (2, 3, 4, 4)).astype(np.float32)
    found = compare(full, pooled, [TOKENS], images, device="cpu")
    (undone,) = [entry for entry in found if not entry.ok]
    assert (undone.difference, undone.statistic, undone.layer) == (None, "map", "")
    assert undone.comparison.startswith("not compared: onnx.reference ")
    assert "QuickGelu" in undone.comparison
    assert len(found) == 7


@pytest.mark.parametrize("opset", [9, 13, 14])
def test_batch_normalisation_of_any_opset_is_that_of_inference(opset: int) -> None:
    """Its numbers by hand: (x - mean) / sqrt(variance + epsilon) * scale + bias of every channel."""
    given = np.array([[2, 1, 0.5], [0, 1, -1], [10, 20, 30], [3.99, 0.24, 8.99]], np.float32)
    values = dict(zip(("scale", "bias", "mean", "variance"), given, strict=True))
    node = helper.make_node("BatchNormalization", [IMAGE, *values], ["map"], epsilon=0.01)
    entry = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, ["images", 3, 4, 4])
    output = helper.make_tensor_value_info("map", TensorProto.FLOAT, ["images", 3, 4, 4])
    constants = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph([node], "normalised", [entry], [output], constants)
    full = Graph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), {})
    layer = replace(TOKENS, name="map", kind="convolution", axis=1, height=4, width=4)
    images = plain((200, 50, 0), (10, 20, 30))
    (reference,) = list(reference_maps(full, [layer.name], images[:1]))
    np.testing.assert_allclose(
        reference["map"][0, :, 0, 0], [2 * 190 / 2, 1 + 30 / 0.5, -1 - 15 / 3], rtol=1e-6
    )
    found = compare(full, pooled_graph(full, ["map"]), [layer], images, device="cpu")
    assert all(entry.ok for entry in found)


@pytest.mark.network
def test_vgg16_is_computed_faithfully(tmp_path: Path) -> None:
    model = load_model(small_vgg16(tmp_path), ["block2_conv2"])
    found = compare_model(model, noise(model.network.input, 2))
    assert all(entry.ok for entry in found.values())
    assert 0 < found["onnxruntime", "map"].difference < 1e-5
