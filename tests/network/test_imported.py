"""Extracting with an imported graph: responses against onnx's own evaluator, and the identity of layers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from support.foreign_graphs import (
    SIDE,
    Builder,
    channels_last,
    grouped,
    inception,
    mobile,
    reference,
    residual,
    saved,
    transformer,
)
from support.imported_networks import add_graph, digests, graph_file, pixels, prepare_image
from support.own_sql import seen
from toolbox import Study
from toolbox.errors import CardError, MixtureError, UsageError, VerificationError
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.runtime.session import start_session
from toolbox.setup.adding import add_model, examine_graph
from toolbox.setup.exporting import export_model, model_layers
from toolbox.tapping.taps import survey

pytest_plugins = ("support.imported_fixtures",)
pytestmark = pytest.mark.usefixtures("own")


GRAPHS: dict[str, tuple[Callable[[], onnx.ModelProto], str, float]] = {
    "residual": (residual, "torch", 1e-4),
    "residual-opset9": (lambda: residual(9), "caffe", 1e-4),
    "residual-opset20": (lambda: residual(20), "tf", 1e-4),
    "residual-float16": (lambda: residual(17, np.float16), "unit", 2e-2),
    "inception": (inception, "tf", 1e-4),
    "transformer-opset11": (lambda: transformer(11), "torch", 1e-4),
    "transformer-opset17": (lambda: transformer(17, "tanh"), "unit", 1e-4),
    "transformer-opset20": (lambda: transformer(20), "none", 1e-4),
    "mobile": (mobile, "unit", 1e-4),
    "grouped": (grouped, "torch", 1e-4),
    "grouped-written-out": (lambda: grouped("written out"), "unit", 1e-4),
    "channels-last": (channels_last, "tf", 1e-4),
    "channels-last-opset20": (lambda: channels_last(20), "caffe", 1e-4),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("activation", ["after", "before"])
def test_responses_are_those_of_an_independent_evaluator(
    noise: Study, tmp_path: Path, name: str, activation: str
) -> None:
    make, preprocessing, bound = GRAPHS[name]
    model = make()
    add_graph(model, tmp_path, activation=activation, preprocessing=preprocessing)
    report = noise.extract("noise", model="net", batch=4)
    taps = survey(model, SIDE, SIDE).taps
    assert report.layers == tuple(tap.layer for tap in taps)
    images = prepare_image(pixels(noise), preprocessing)
    if model.graph.input[0].type.tensor_type.shape.dim[3].dim_value == 3:
        images = images.transpose(0, 2, 3, 1)
    kind = onnx.helper.tensor_dtype_to_np_dtype(model.graph.input[0].type.tensor_type.elem_type)
    names = [getattr(tap, activation) for tap in taps]
    # The evaluator takes BatchNormalization of opset 9 for the one of training; these weights are the same ones.
    evaluated = residual() if name == "residual-opset9" else model
    expected = reference(evaluated, images.astype(kind), names)
    rows = noise.query(seen("select layer, filter, stimulus_id, maximum, mean from responses"))
    for tap, tensor in zip(taps, names, strict=True):
        positions = np.moveaxis(expected[tensor].astype(np.float64), tap.axis, 1).reshape(6, tap.filters, -1)
        found = rows.filter(layer=tap.layer).sort("stimulus_id", "filter")
        for statistic, values in (("maximum", positions.max(axis=2)), ("mean", positions.mean(axis=2))):
            got = found[statistic].to_numpy().reshape(6, tap.filters)
            np.testing.assert_allclose(
                got, values, rtol=bound, atol=bound * np.abs(values).max(), err_msg=tap.layer
            )


def test_a_graph_that_the_toolbox_wrote_comes_back_as_the_same_network(
    study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    export_model(card, full=tmp_path / "full.onnx", weights=weights)
    add_model(examine_graph(tmp_path / "full.onnx"), "again", activation="after", preprocessing="none")
    study.extract("colours", model=card, weights=weights)
    study.extract("colours", model="again")
    rows = (
        "select layer, filter, stimulus_id, maximum, mean from responses order by layer, filter, stimulus_id"
    )
    assert study.query(seen(rows), model="again").equals(study.query(seen(rows), model="tiny"))
    assert model_layers("again").drop("kind").equals(model_layers(card).drop("kind"))


def test_the_whole_way_to_a_figure(noise: Study, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path)
    noise.extract("noise", model="net", layers=["layer*", "fc"])
    profile = noise.query("layers/profile")
    assert set(profile["layer"]) == {"layer1.0.act", "layer1.0.act_1", "layer2.0.act", "layer2.0.act_1", "fc"}
    table = noise.query(seen("select layer, position, stride, receptive_field from layers order by position"))
    assert table.row(3) == ("layer1.0.act_1", 4, 4, 27)


def test_exported_graphs_hold_the_layers_under_their_names(tmp_path: Path) -> None:
    model = channels_last()
    add_graph(model, tmp_path)
    full, pooled = tmp_path / "full.onnx", tmp_path / "pooled.onnx"
    export_model("net", full=full, pooled=pooled, layers=["relu*", "mixed"])
    told = onnx.load(full)
    onnx.checker.check_model(told, full_check=True)
    assert [output.name for output in told.graph.output] == ["relu_of_conv1", "mixed"]
    sizes = [[d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in told.graph.output]
    assert sizes == [["images", 6, 16, 16], ["images", 8, 8, 9]]
    assert "ReduceMean" not in {node.op_type for node in told.graph.node}  # what lies above is left out
    assert [output.name for output in onnx.load(pooled).graph.output] == [
        "relu_of_conv1.maximum", "relu_of_conv1.mean", "mixed.maximum", "mixed.mean",
    ]  # fmt: skip
    images = np.random.default_rng(1).uniform(0, 1, (3, 3, SIDE, SIDE)).astype(np.float32)
    maps = start_session(load_model(network("net")).graph, device="cpu").run(images)
    tensors = {tap.layer: tap.after for tap in survey(model, SIDE, SIDE).taps}
    expected = reference(model, images.transpose(0, 2, 3, 1), list(tensors.values()))
    for layer, tensor in tensors.items():
        np.testing.assert_allclose(maps[layer], expected[tensor], rtol=1e-4, atol=1e-5)


def test_images_one_at_a_time_where_the_graph_asks_for_it(noise: Study, tmp_path: Path) -> None:
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3))
    flat = b.add("Reshape", b.add("GlobalMaxPool", below), b.fixed([1, 4]))
    model = b.model(b.add("Gemm", flat, b.weight(4, 5)), shape=(1, 3, SIDE, SIDE))
    add_graph(model, tmp_path, preprocessing="none")
    assert network("net").batch == 1
    report = noise.extract("noise", model="net", batch=4)
    assert report.notes == (
        "images are presented to net one at a time, because its graph does not accept batches",
    )
    tensor = model.graph.output[0].name
    images = prepare_image(pixels(noise), "none").astype(np.float32)
    expected = np.concatenate([reference(model, image[None], [tensor])[tensor] for image in images])
    rows = noise.query(
        seen("select maximum from responses where layer = 'gemm_1' order by stimulus_id, filter")
    )
    np.testing.assert_allclose(rows["maximum"].to_numpy().reshape(6, 5), expected, rtol=1e-4)


def test_a_layers_digest_follows_from_all_below_it_and_nothing_else(tmp_path: Path) -> None:
    model = residual()
    add_graph(model, tmp_path)
    base = digests()
    assert len(set(base.values())) == len(base)
    assert digests(layers=["layer1.0.act"]) == {
        name: base[name] for name in ("stem.act", "stem.pool", "layer1.0.act")
    }

    other = residual()
    tensor = next(t for t in other.graph.initializer if t.name == other.graph.node[-2].input[1])
    tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) + 1, tensor.name))
    add_graph(other, tmp_path, "other-weights")
    assert {name for name, digest in digests("other-weights").items() if digest != base[name]} == {"fc"}

    padded = residual()
    pool = next(node for node in padded.graph.node if node.op_type == "MaxPool")
    pool.attribute[0].ints[:] = [2, 2]
    add_graph(padded, tmp_path, "other-pool")
    changed = {name for name, digest in digests("other-pool").items() if digest != base[name]}
    assert changed == set(base) - {"stem.act"}

    for name, choices in (("before", {"activation": "before"}), ("tf", {"preprocessing": "tf"})):
        add_graph(model, tmp_path, name, **choices)
    assert {name for name, digest in digests("before").items() if digest == base[name]} == {
        "stem.pool",
        "avgpool",
    }
    assert not set(digests("tf").values()) & set(base.values())

    renamed = residual()
    for number, node in enumerate(renamed.graph.node):
        node.name = f"operator {number}"
        for names in (node.input, node.output):
            names[:] = [name if name == "x" else f"other {name}" for name in names]
    for entry in (*renamed.graph.initializer, *renamed.graph.output):
        entry.name = f"other {entry.name}"
    add_graph(renamed, tmp_path, "renamed")
    assert list(digests("renamed").values()) == list(base.values())


def test_two_graphs_never_share_a_table(noise: Study, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path)
    noise.extract("noise", model="net", layers=["stem.act"])
    assert noise.extract("noise", model="net", layers=["stem.act"]).shown == 0
    add_graph(residual(), tmp_path, activation="before", replace=True)
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        noise.extract("noise", model="net", layers=["stem.act"])


def test_another_file_in_its_place_is_refused(own: Path, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path)
    graph = graph_file(own)
    shutil.copy(saved(inception(), tmp_path / "x.onnx"), graph)
    with pytest.raises(VerificationError, match="is not the graph that was added as net"):
        load_model(network("net"))
    graph.unlink()
    with pytest.raises(CardError, match=r"is missing at .*net-[0-9a-f]{12}\.onnx; restore it"):
        load_model(network("net"))


def test_other_weights_for_an_added_network_are_refused(noise: Study, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path)
    with pytest.raises(
        UsageError, match="the weights of net are in its graph and cannot be replaced by 'random:0'"
    ):
        noise.extract("noise", model="net", weights="random:0")


def test_large_tensors_of_float16_are_kept_beside_the_graph(noise: Study, tmp_path: Path) -> None:
    b = Builder(precision=np.float16)
    below = b.add("Relu", b.convolution(b.convolution("x", 32, 3), 32, 32))
    model = b.model(b.add("Gemm", b.add("Flatten", b.add("GlobalMaxPool", below)), b.weight(32, 5)))
    add_graph(model, tmp_path)
    graph = load_model(network("net")).graph
    assert {tensor.dtype for tensor in graph.tensors.values()} == {np.dtype(np.float16)}
    noise.extract("noise", model="net")
    tensor = model.graph.output[0].name
    expected = reference(model, prepare_image(pixels(noise), "unit").astype(np.float16), [tensor])[tensor]
    rows = noise.query(
        seen("select maximum from responses where layer = 'gemm_1' order by stimulus_id, filter")
    )
    np.testing.assert_allclose(
        rows["maximum"].to_numpy().reshape(6, 5), expected, atol=0.02 * np.abs(expected).max()
    )
    export_model("net", full=tmp_path / "full.onnx")
    assert len(onnx.load(tmp_path / "full.onnx").graph.output) == 3


@pytest.mark.parametrize("opset", [9, 17])
def test_large_convolutions_of_any_opset_are_computed_alike_either_way(tmp_path: Path, opset: int) -> None:
    """The quick convolution is written in operators that the oldest graphs do not know."""
    b = Builder(opset)
    top = b.add("Relu", b.convolution(b.convolution("x", 128, 3, 1), 128, 128))
    add_graph(b.model(top, shape=("n", 3, 8, 8)), tmp_path)
    graph = load_model(network("net")).graph
    images = np.random.default_rng(0).uniform(0, 1, (2, 3, 8, 8)).astype(np.float32)
    quick, plain = (
        start_session(graph, device="cpu", convolution=convolution) for convolution in ("winograd", "direct")
    )
    assert ("Winograd" in quick.runtime) == (opset == 17)
    np.testing.assert_allclose(quick.run(images)["relu_1"], plain.run(images)["relu_1"], rtol=1e-4, atol=1e-4)
