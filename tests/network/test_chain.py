"""Graphs against an independent forward pass in numpy and scipy, and the identity of layers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper
from scipy.signal import correlate

from support.needs import needs_cuda, needs_no_cuda
from support.small_graphs import CHAIN
from support.small_vgg16 import small_vgg16
from support.tiny_network import write_weights
from toolbox.errors import DeviceError, UnknownNameError, UsageError
from toolbox.graph import IR_VERSION, OPSET, Graph
from toolbox.network.architecture import Input, Network
from toolbox.network.card import network
from toolbox.network.chain import full_graph, layer_digests
from toolbox.network.pooling import pixel_graph, pooled_graph, preprocess
from toolbox.network.weights import Weights, load_weights
from toolbox.runtime.hardware import cuda_obstacle
from toolbox.runtime.session import start_session
from toolbox.setup.exporting import export_model, models

Maps = dict[str, NDArray[np.float64]]


def forward(net: Network, weights: Weights, image: NDArray[np.float32]) -> Maps:
    """Maps of all layers for one image (3, height, width), in float64, by definition."""
    below, maps = image.astype(np.float64), {}
    for layer in weights.layers:
        if layer.kind == "pool":
            windows = np.lib.stride_tricks.sliding_window_view(
                below, (layer.kernel, layer.kernel), axis=(1, 2)
            )
            below = windows[:, :: layer.stride, :: layer.stride].max(axis=(3, 4))
        else:
            kernel = weights.tensors[f"{layer.name}.kernel"].astype(np.float64)
            bias = weights.tensors[f"{layer.name}.bias"].astype(np.float64)
            if layer.kind == "convolution":
                padded = np.pad(below, ((0, 0), (layer.padding,) * 2, (layer.padding,) * 2))
                sums = np.stack([correlate(padded, one, mode="valid", method="direct")[0] for one in kernel])
                below = sums[:, :: layer.stride, :: layer.stride] + bias[:, None, None]
            else:
                flat = below.transpose(1, 2, 0).ravel() if below.ndim == 3 else below
                below = flat @ kernel + bias
            if layer.activation == "relu":
                below = np.maximum(below, 0)
            elif layer.activation == "softmax":
                below = np.exp(below - below.max()) / np.exp(below - below.max()).sum()
        maps[layer.name] = below
    return maps


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Weights]:
    path = tmp_path_factory.mktemp("chain") / "chain.toml"
    path.write_text(CHAIN)
    net = network(str(path))
    return net, load_weights(net, source="random:3")


def test_both_graphs_equal_an_independent_forward_pass(chain: tuple[Network, Weights]) -> None:
    net, weights = chain
    images = np.random.default_rng(0).normal(0, 50, (4, 3, 13, 11)).astype(np.float32)
    graph = full_graph(net, weights)
    onnx.checker.check_model(graph.embed_tensors(), full_check=True)
    names = [layer.name for layer in net.layers]
    maps = start_session(graph, device="cpu").run(images)
    pooled = start_session(pooled_graph(graph, names), device="cpu").run(images)
    for number, image in enumerate(images):
        for name, expected in forward(net, weights, image).items():
            np.testing.assert_allclose(maps[name][number], expected, rtol=1e-5, atol=1e-4)
            positions = expected.reshape(len(expected), -1)
            np.testing.assert_allclose(
                pooled[f"{name}.maximum"][number], positions.max(axis=1), rtol=1e-5, atol=1e-4
            )
            np.testing.assert_allclose(
                pooled[f"{name}.mean"][number], positions.mean(axis=1), rtol=1e-5, atol=1e-4
            )


@settings(max_examples=20, deadline=None)
@given(batch=st.integers(1, 9), threads=st.integers(1, 2), seed=st.integers(0, 10))
def test_batch_and_threads_change_no_bit(
    chain: tuple[Network, Weights], batch: int, threads: int, seed: int
) -> None:
    net, weights = chain
    images = np.random.default_rng(seed).normal(0, 50, (batch, 3, 13, 11)).astype(np.float32)
    graph = pooled_graph(full_graph(net, weights), ["b", "d"])
    together = start_session(graph, device="cpu", threads=threads).run(images)
    single = start_session(graph, device="cpu", threads=1)
    for number in range(batch):
        for name, values in single.run(images[number : number + 1]).items():
            np.testing.assert_array_equal(together[name][number], values[0])


def test_the_full_graph_names_every_layer_and_reports_its_origin(
    chain: tuple[Network, Weights], tmp_path: Path
) -> None:
    net, weights = chain
    onnx.save(full_graph(net, weights).embed_tensors(), tmp_path / "chain.onnx")
    model = onnx.load(tmp_path / "chain.onnx")
    assert [output.name for output in model.graph.output] == ["a", "b", "c", "d", "e"]
    shapes = {
        o.name: [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in model.graph.output
    }
    assert shapes["a"] == ["images", 5, 13, 11]
    assert shapes["e"] == ["images", 3]
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told["weights"] == "random numbers, seed 3"
    assert '"channels": "BGR"' in told["preprocessing"]
    assert model.ir_version == 10


def test_a_graph_is_not_written_over_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder; expected a file"):
        export_model("vgg16-untrained", full=tmp_path, layers=["block1_conv1"])


def test_the_pooled_graph_refuses_a_layer_that_is_not_there(chain: tuple[Network, Weights]) -> None:
    with pytest.raises(UnknownNameError, match="no layer named 'z'"):
        pooled_graph(full_graph(*chain), ["z"])


def test_preprocessing_by_hand(chain: tuple[Network, Weights]) -> None:
    pixels = np.array([[[250, 100, 7]]], np.uint8)  # red, green, blue
    np.testing.assert_array_equal(preprocess(chain[0].input, pixels)[:, 0, 0], [-1.5, 40.0, 110.0])


def test_preprocessing_with_a_scale_for_each_channel(chain: tuple[Network, Weights]) -> None:
    pixels = np.array([[[250, 100, 7]]], np.uint8)
    entry = replace(chain[0].input, scale=(1.0, 0.5, 0.25))  # of blue, green, red: the order of the channels
    np.testing.assert_array_equal(preprocess(entry, pixels)[:, 0, 0], [-3.0, 40.0, 55.0])


def test_a_layers_digest_follows_from_all_below_it_and_nothing_above(tmp_path: Path, card: str) -> None:
    net = network(card)
    base = layer_digests(net.input, load_weights(net, source=str(write_weights(tmp_path / "a.npz"))))
    top = write_weights(tmp_path / "b.npz", sum_bias=np.array([1, 1], np.float32))
    bottom = write_weights(tmp_path / "c.npz", colour_bias=np.array([1, 1, 1], np.float32))
    changed_top = layer_digests(net.input, load_weights(net, source=str(top)))
    changed_bottom = layer_digests(net.input, load_weights(net, source=str(bottom)))
    assert {name for name in base if base[name] != changed_top[name]} == {"sum"}
    assert {name for name in base if base[name] != changed_bottom[name]} == {"colour", "pool", "sum"}
    entry = replace(net.input, resize="bilinear")
    other = layer_digests(entry, load_weights(net, source=str(tmp_path / "a.npz")))
    assert all(other[name] != base[name] for name in base)
    shallow = layer_digests(net.input, load_weights(net, ["pool"], source=str(tmp_path / "a.npz")))
    assert shallow == {name: base[name] for name in ("colour", "pool")}


def test_export_needs_a_file_to_write(card: str, weights: str) -> None:
    with pytest.raises(
        UsageError, match=r"name one with full=… \(--full …\), pooled=… \(--pooled …\), or both"
    ):
        export_model(card, weights=weights)


def test_models_are_listed() -> None:
    assert {"vgg16", "vgg16-untrained"} <= set(models()["model"])


def test_running_a_network_sends_nothing(tmp_path: Path) -> None:
    """onnxruntime would report this machine to its maker, and keep files for that in the user's home."""
    program = (
        "import os; from toolbox.runtime.self_test import compute_once; compute_once('cpu'); "
        "print(os.environ.get('ORT_DISABLE_TELEMETRY'))"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment = {
        name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"
    } | home
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n", "the process of a user of the library is changed"
    assert not list(tmp_path.rglob("*"))


@needs_cuda
def test_cuda_computes_where_it_is_asked_for(chain: tuple[Network, Weights]) -> None:
    assert start_session(full_graph(*chain), device="cuda").provider == "CUDAExecutionProvider"


@needs_no_cuda
def test_cuda_is_never_replaced_silently(chain: tuple[Network, Weights]) -> None:
    graph, obstacle = full_graph(*chain), cuda_obstacle()
    assert start_session(graph, device="auto").provider == "CPUExecutionProvider"
    with pytest.raises(DeviceError) as caught:
        start_session(graph, device="cuda")
    assert obstacle is not None and obstacle in str(caught.value)
    assert "choose device='cpu' (--device cpu)" in str(caught.value)


@pytest.mark.network
def test_vgg16_pooled_equals_full(tmp_path: Path) -> None:
    net = small_vgg16(tmp_path)
    weights = load_weights(net, ["block5_pool"])
    graph = full_graph(net, weights)
    names = [layer.name for layer in weights.layers]
    images = np.random.default_rng(0).uniform(-120, 150, (2, 3, 64, 64)).astype(np.float32)
    maps = start_session(graph).run(images)
    pooled = start_session(pooled_graph(graph, names)).run(images)
    for name in names:
        np.testing.assert_array_equal(pooled[f"{name}.maximum"], maps[name].max(axis=(2, 3)))
        mean = maps[name].mean(axis=(2, 3), dtype=np.float64)
        np.testing.assert_allclose(pooled[f"{name}.mean"], mean, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("scale", [1.0, 1 / 255, (1 / 58.4, 1 / 57.1, 1 / 57.4)])
def test_preprocessing_in_the_graph_equals_that_outside_to_the_bit(
    channels: str, scale: float | tuple[float, float, float]
) -> None:
    entry = Input(5, 7, channels=channels, mean=(103.939, 116.779, 123.68), scale=scale)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["images", 3, 5, 7])
    shown = helper.make_tensor_value_info("shown", TensorProto.FLOAT, ["images", 3, 5, 7])
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["shown"])], "none", [image], [shown])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    whole = pixel_graph(Graph(model, {}), entry)
    onnx.checker.check_model(whole.embed_tensors(), full_check=True)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 5, 7, 3), np.uint8)
    found = start_session(whole, device="cpu").run(pixels)["shown"]
    np.testing.assert_array_equal(found, np.stack([preprocess(entry, image) for image in pixels]))


def test_studies_that_exist_stay_valid() -> None:
    """The identity of a layer as it was in the first release; were it another, every study would be refused."""
    net = network("vgg16-untrained")
    assert layer_digests(net.input, load_weights(net, ["block1_pool"])) == {
        "block1_conv1": "a1442681c16ddc37ebf93bc70931001ace36779b5874d11e699fe01b4cda433a",
        "block1_conv2": "1a59c7e3be353a0cdca835d2549303d03342275002c624f153bf1989ba3822f1",
        "block1_pool": "e5d7e5228f29368fcf77fa4c3fcbc1a9a66e452a9930d71c9cfaaaaedd3d835a",
    }


def test_another_decoding_is_another_identity(card: str, weights: str) -> None:
    net = network(card)
    loaded = load_weights(net, source=weights)
    full, scaled = (
        layer_digests(replace(net.input, decoding=decoding), loaded) for decoding in ("full", "scaled")
    )
    assert full == layer_digests(net.input, loaded)
    assert all(full[name] != scaled[name] for name in full)


def test_another_resize_or_fit_is_another_identity_and_the_usual_ones_keep_it(
    card: str, weights: str
) -> None:
    net = network(card)
    loaded = load_weights(net, source=weights)
    usual, box, area, crop, pad = (
        layer_digests(replace(net.input, **changed), loaded)["colour"]
        for changed in (
            {"fit": "stretch"},
            {"resize": "box"},
            {"resize": "area"},
            {"fit": "crop"},
            {"fit": "pad"},
        )
    )
    assert usual == layer_digests(net.input, loaded)["colour"]
    assert box == area
    assert len({usual, box, crop, pad}) == 4
