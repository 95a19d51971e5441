"""The graph of a gradient of whole networks: compared with central differences in float64, branches, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from support import foreign_graphs
from support.foreign_graphs import SIDE, Builder
from support.gradients import check_gradient, graph_of_builder, in_doubles, run
from support.small_graphs import CHAIN
from support.tiny_network import CARD, tensors
from toolbox.errors import GradientError, UnknownNameError
from toolbox.gradient import gradient_graph
from toolbox.graph import Graph, external_tensor
from toolbox.network.card import network
from toolbox.network.chain import full_graph
from toolbox.network.model import load_model
from toolbox.network.weights import Weights
from toolbox.tapping.entrance import enter_graph
from toolbox.terms import GRADIENT


def tiny() -> Graph:
    """The network of three layers."""
    card = network(str(CARD))
    return full_graph(card, Weights(tensors(), "by hand", card.chain))


def chain(folder: Path) -> Graph:
    """The network with every kind of layer, with random weights."""
    (folder / "chain.toml").write_text(CHAIN)
    return load_model(network(str(folder / "chain.toml")), source="random:3").graph


@pytest.mark.parametrize("layer", ["colour", "colour.sum", "pool", "sum", "sum.sum"])
def test_the_gradient_of_three_layers_agrees_with_central_differences(layer: str) -> None:
    image = np.random.default_rng(0).uniform(0, 100, (2, 3, 4, 4))
    check_gradient(tiny(), layer, image)


@pytest.mark.parametrize("layer", ["a", "b", "c", "d", "e", "e.sum"])
def test_the_gradient_of_every_kind_of_layer_agrees_with_central_differences(
    layer: str, tmp_path: Path
) -> None:
    graph = chain(tmp_path)
    image = np.random.default_rng(0).normal(0, 60 if layer != "e" else 1, (1, 3, 13, 11))
    check_gradient(graph, layer, image)


def test_the_gradient_of_one_unit_follows_by_hand() -> None:
    """The third filter of `colour` is red - green - 10 where that is above 0."""
    image = np.zeros((1, 3, 4, 4), np.float32)
    image[0, 0, 1, 2], image[0, 0, 3, 3] = 50, 5
    direction = np.zeros((1, 3, 4, 4), np.float32)
    direction[0, 2, 1, 2] = direction[0, 2, 3, 3] = 2
    outcome = run(gradient_graph(tiny(), "colour"), image, direction)
    expected = np.zeros((1, 3, 4, 4))
    expected[0, :2, 1, 2] = 2, -2  # at (3, 3) red is 5, below the bias of 10
    np.testing.assert_array_equal(outcome[GRADIENT], expected)
    assert outcome["colour"][0, 2, 1, 2] == 40


def test_of_equal_values_in_a_pool_the_first_receives_the_gradient_and_a_relu_at_0_passes_nothing() -> None:
    """As in torch: the map is 7 everywhere, or 0 before the ReLU."""
    direction = np.ones((1, 3, 2, 2), np.float32)
    outcome = run(gradient_graph(tiny(), "pool"), np.full((1, 3, 4, 4), 7, np.float32), direction)
    first = np.zeros((4, 4))
    first[::2, ::2] = 1
    np.testing.assert_array_equal(outcome[GRADIENT][0, 0], first)
    nothing = run(gradient_graph(tiny(), "pool"), np.zeros((1, 3, 4, 4), np.float32), direction)
    assert not nothing[GRADIENT].any()


FOREIGN = {
    "residual": foreign_graphs.residual(),
    "inception": foreign_graphs.inception(),
    "mobile": foreign_graphs.mobile(),
    "channels last": foreign_graphs.channels_last(),
    "grouped": foreign_graphs.grouped("written out"),
    "transformer of opset 14": foreign_graphs.transformer(opset=14, how="tanh"),
}


def entered(model: onnx.ModelProto) -> tuple[Graph, str]:
    """An added network with the toolbox's own input, and its output."""
    own = enter_graph(model, SIDE, SIDE)
    own.ir_version = 10
    return Graph(own, {}), own.graph.output[0].name


@pytest.mark.parametrize("name", FOREIGN)
def test_the_gradient_of_an_added_network_agrees_with_central_differences(name: str) -> None:
    graph, output = entered(FOREIGN[name])
    check_gradient(graph, output, np.random.default_rng(1).normal(0, 1, (2, 3, SIDE, SIDE)))


def test_the_gradient_of_a_network_in_an_old_opset_is_that_of_the_same_network_in_a_new_one() -> None:
    """With opset 17 in float64: of opset 11, onnx's evaluator computes another batch normalisation."""
    (old, output), (new, _) = (entered(foreign_graphs.residual(opset=opset)) for opset in (11, 17))
    image = np.random.default_rng(1).normal(0, 1, (2, 3, SIDE, SIDE))
    check_gradient(old, output, image, in_doubles(new, output))


@pytest.mark.parametrize("build", [foreign_graphs.residual, foreign_graphs.transformer])
def test_the_gradient_of_a_network_in_float16_is_nearly_that_in_float32(build: Any) -> None:
    """Overlapping pools, norms and gathered tokens have sums that onnxruntime does not add in float16."""
    image = np.random.default_rng(1).normal(0, 1, (2, 3, SIDE, SIDE)).astype(np.float32)
    direction = np.random.default_rng(2).normal(0, 1, (2, 5))
    gradients = []
    for precision in (np.float16, np.float32):
        graph, output = entered(build(precision=precision))
        found = run(gradient_graph(graph, output), image, direction.astype(precision))
        assert found[GRADIENT].dtype == np.float32
        gradients.append(found[GRADIENT].ravel())
    assert np.corrcoef(*gradients)[0, 1] > 0.99


def test_where_branches_meet_gradients_are_summed() -> None:
    """Three ways from one map: 2 x directly, x * x, and twice the same operand."""
    b = Builder(18)
    below = b.add("Exp", "image")
    output = b.add("Sum", b.add("Mul", below, below), below, b.add("Add", below, below))
    image = np.zeros((1, 3, 6, 7), np.float32)
    outcome = run(gradient_graph(graph_of_builder(b, output), output), image, np.ones_like(image))
    np.testing.assert_allclose(outcome[GRADIENT], 5)  # 2 x + 3 with x = 1


def test_overlapping_windows_of_a_pool_add_their_gradients() -> None:
    """One maximum in the centre of a 3 x 3 image is that of all four windows of 2 x 2."""
    b = Builder(18)
    output = b.add("MaxPool", "image", kernel_shape=[2, 2], strides=[1, 1])
    image = np.zeros((1, 3, 3, 3), np.float32)
    image[:, :, 1, 1] = 1
    graph = graph_of_builder(b, output, ("images", 3, 3, 3))
    outcome = run(gradient_graph(graph, output), image, np.ones((1, 3, 2, 2), np.float32))
    expected = np.zeros((3, 3))
    expected[1, 1] = 4
    np.testing.assert_array_equal(outcome[GRADIENT][0, 0], expected)


def test_the_graph_has_the_agreed_inputs_and_outputs() -> None:
    graph = gradient_graph(tiny(), "pool")
    assert [entry.name for entry in graph.proto.graph.input] == ["image", "direction"]
    assert graph.outputs == ("pool", "gradient")
    onnx.checker.check_model(graph.embed_tensors(), full_check=True)


def test_the_graph_keeps_only_what_it_needs() -> None:
    graph = gradient_graph(tiny(), "pool")
    assert set(graph.tensors) == {"colour.kernel", "colour.bias", "gradient/colour.kernel.turned"}


def test_the_given_graph_is_not_changed() -> None:
    graph = tiny()
    before = graph.proto.SerializeToString(deterministic=True)
    gradient_graph(graph, "sum")
    assert graph.proto.SerializeToString(deterministic=True) == before


def test_a_gradient_that_no_pixel_has_is_0() -> None:
    b = Builder(18)
    output = b.add("Floor", "image")
    image = np.ones((1, 3, 6, 7), np.float32)
    outcome = run(gradient_graph(graph_of_builder(b, output), output), image, image)
    assert outcome[GRADIENT].shape == image.shape
    assert not outcome[GRADIENT].any()


def test_an_unknown_tensor_suggests_the_one_that_was_meant() -> None:
    with pytest.raises(UnknownNameError, match=r"no tensor named 'pol'; did you mean 'pool'\?"):
        gradient_graph(tiny(), "pol")


def test_an_operator_without_a_rule_is_named_with_its_layer() -> None:
    b = Builder(18)
    output = b.add("Relu", b.add("CumSum", "image", b.fixed(np.int64(2)), name="graph/sums/CumSum"))
    graph = graph_of_builder(b, output)
    with pytest.raises(GradientError) as refused:
        gradient_graph(graph, output)
    assert str(refused.value) == (
        "the gradient through operator CumSum (layer 'sums/CumSum') cannot be computed: the operator has no rule; "
        "choose a layer before it"
    )


def refused_cases() -> list[tuple[str, Any]]:
    def kernels_of_the_image(b: Builder) -> str:
        return b.add("Conv", "image", b.add("Reshape", "image", b.fixed([14, 3, 3, 1])))

    def interpolation(b: Builder) -> str:
        return b.add("Resize", "image", "", b.fixed(np.array([1.0, 1.0, 2.0, 2.0])), mode="linear")

    def slope(b: Builder) -> str:
        return b.add("PRelu", "image", b.add("Exp", "image"))

    def summed_alone(b: Builder) -> str:
        return b.add("Einsum", "image", "image", equation="nchw,nchv->nch")

    def output_shape(b: Builder) -> str:
        return b.add("ConvTranspose", "image", b.weight(3, 2, 3, 3), output_shape=[8, 9])

    return [
        ("its kernels depend on the image", kernels_of_the_image),
        ("it interpolates between values", interpolation),
        ("its slope depends on the image", slope),
        ("sums over an axis of one operand alone", summed_alone),
        ("its padding is not written out", output_shape),
    ]


@pytest.mark.parametrize(("reason", "case"), refused_cases(), ids=[reason for reason, _ in refused_cases()])
def test_what_a_rule_does_not_cover_is_refused(reason: str, case: Any) -> None:
    b = Builder(18)
    output = case(b)
    with pytest.raises(GradientError, match=reason):
        gradient_graph(graph_of_builder(b, output), output)


def test_a_tensor_that_does_not_depend_on_the_image_is_refused() -> None:
    b = Builder(18)
    output = b.add("Exp", b.fixed(np.ones(3)))
    with pytest.raises(GradientError, match="does not depend on the image"):
        gradient_graph(graph_of_builder(b, output), output)


def test_the_value_is_that_of_the_given_graph(tmp_path: Path) -> None:
    graph = chain(tmp_path)
    image = np.random.default_rng(0).normal(0, 60, (1, 3, 13, 11))
    value = in_doubles(graph, "c")(image)
    outcome = run(gradient_graph(graph, "c"), image.astype(np.float32), value.astype(np.float32))
    np.testing.assert_allclose(outcome["c"], value, rtol=1e-4, atol=1e-4 * value.max())


@pytest.mark.parametrize("opset", [11, 17])
def test_tensors_that_are_kept_beside_a_graph_stay_there(opset: int) -> None:
    """As those of an added network, whose opset is converted."""
    graph, output = entered(foreign_graphs.residual(opset=opset))
    image = np.random.default_rng(1).normal(0, 1, (2, 3, SIDE, SIDE)).astype(np.float32)
    direction = np.random.default_rng(2).normal(0, 1, (2, 5)).astype(np.float32)
    expected = run(gradient_graph(graph, output), image, direction)
    model, beside = onnx.ModelProto(), dict[str, Any]()
    model.CopyFrom(graph.proto)
    for entry in model.graph.initializer:
        if len(entry.dims) == 4:
            beside[entry.name] = onnx.numpy_helper.to_array(entry)
            entry.CopyFrom(external_tensor(entry.name, beside[entry.name]))
    found = gradient_graph(Graph(model, beside), output)
    assert beside.keys() <= found.tensors.keys()
    outcome = run(found, image, direction)
    for name, values in expected.items():
        np.testing.assert_array_equal(outcome[name], values)


@pytest.mark.parametrize("name", ["direction", "gradient"])
def test_a_layer_with_the_name_of_the_gradients_own_tensors_is_refused(name: str) -> None:
    b = Builder(18)
    output = b.add("Relu", "image")
    b.nodes[-1].output[0] = name
    with pytest.raises(GradientError, match=f"a layer is called '{name}'"):
        gradient_graph(graph_of_builder(b, name), name)
    assert output
