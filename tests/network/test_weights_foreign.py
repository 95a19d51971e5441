"""Weights that other programs wrote: found by order and shape, with the responses of the foreign graph itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

import support.foreign_networks as foreign
from support.foreign_networks import (
    LAYERS,
    TORCH_NAMES,
    Pairs,
    foreign_responses,
    keras_pairs,
    torch_pairs,
)
from support.weight_files import (
    by_layer,
    check_equal,
    in_keras,
    in_keras_3,
    in_nameless_npz,
    in_npz,
    in_timm,
    in_torch,
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


@pytest.mark.parametrize(
    ("write", "convention"),
    [
        (in_torch, "PyTorch"),
        (in_timm, "PyTorch"),
        (in_npz, "PyTorch"),
        (in_npz, "Keras and TensorFlow"),
        (in_nameless_npz, "Keras and TensorFlow"),
        (in_keras, None),
        (in_keras_3, None),
    ],
)
def test_tensors_without_our_names_are_matched_by_order(
    tmp_path: Path, small: Network, write: Callable[[Pairs, Path], Path], convention: str | None
) -> None:
    path = write(torch_pairs() if convention == "PyTorch" else keras_pairs(), tmp_path)
    if convention == "PyTorch":
        graph = foreign.write_torch_graph(tmp_path / "same.onnx", torch_pairs())
    else:
        graph = foreign.write_tensorflow_graph(tmp_path / "same.onnx", keras_pairs())
    np.testing.assert_allclose(responses(small, path), foreign_responses(graph, IMAGES), rtol=0, atol=1e-6)
    notes = load_weights(small, source=str(path)).notes
    assert notes[0].startswith(
        f"{path.name} does not name the layers of small; 5 were matched by order and shape"
    )
    assert notes[1:] == (
        (f"the kernels of {path.name} have the layout of {convention}",) if convention else ()
    )


@pytest.mark.parametrize("kept_names", [True, False])
def test_keras_3_names_count_where_the_file_has_them(
    tmp_path: Path, small: Network, kept_names: bool
) -> None:
    path = in_keras_3(keras_pairs(), tmp_path)
    expected = load_weights(small, source=str(path))
    with h5py.File(path, "a") as file:
        # The counters are in another order than the network; only names can tell.
        file.move("layers/dense_1", "layers/dense_3")
        file.move("layers/dense_2", "layers/dense_1")
        file.move("layers/dense_3", "layers/dense_2")
        for kind, name in zip(("conv2d", "conv2d_1", "dense", "dense_2", "dense_1"), LAYERS, strict=True):
            file[f"layers/{kind}/vars"].attrs["name"] = name if kept_names else ""
    if kept_names:
        check_equal(load_weights(small, source=str(path)), expected)
        assert load_weights(small, source=str(path)).notes == ()
    else:
        with pytest.raises(
            WeightsError, match=r"does not fit layer fc2: layers/dense_1/vars/0 has shape \(7, 3\)"
        ):
            load_weights(small, source=str(path))


@pytest.mark.parametrize("suffixes", [(".kernel", ".bias"), (".weight", ".bias")])
def test_the_names_of_the_card_in_another_layout(
    tmp_path: Path, small: Network, suffixes: tuple[str, str]
) -> None:
    expected = load_weights(small, source=str(in_torch(torch_pairs(), tmp_path)))
    np.savez(tmp_path / "named.npz", **by_layer(torch_pairs(), LAYERS, *suffixes))
    found = load_weights(small, source=str(tmp_path / "named.npz"))
    check_equal(found, expected)
    assert found.notes == ("the kernels of named.npz have the layout of PyTorch",)


def test_half_precision_is_widened(tmp_path: Path, small: Network) -> None:
    import ml_dtypes

    for number, short in enumerate((np.float16, ml_dtypes.bfloat16)):
        pairs = [(kernel.astype(short), bias.astype(short)) for kernel, bias in torch_pairs()]
        save_file(by_layer(pairs, TORCH_NAMES, ".weight", ".bias"), tmp_path / f"{number}.safetensors")
        kernel = load_weights(small, source=str(tmp_path / f"{number}.safetensors")).tensors["edges.kernel"]
        assert kernel.dtype == np.float32
        np.testing.assert_array_equal(kernel, torch_pairs()[0][0].astype(short).astype(np.float32))


def test_a_file_without_the_upper_layers_gives_the_lower_ones(tmp_path: Path, small: Network) -> None:
    path = in_torch(torch_pairs(), tmp_path)
    whole = load_weights(small, source=str(path))
    save_file(by_layer(torch_pairs()[:2], TORCH_NAMES[:2], ".weight", ".bias"), path)
    found = load_weights(small, source=str(path))
    assert [layer.name for layer in found.layers] == ["edges", "half", "parts"]
    assert found.notes[0] == f"fc1, fc2, answer left out, because {path} lacks their weights"
    np.testing.assert_array_equal(found.tensors["parts.kernel"], whole.tensors["parts.kernel"])
    with pytest.raises(WeightsError, match="contains no weights for fc1"):
        load_weights(small, ["fc2"], source=str(path))


def test_another_top_does_not_matter_where_only_convolutions_are_asked_for(
    tmp_path: Path, small: Network
) -> None:
    pairs = torch_pairs()
    pairs[2] = (np.zeros((7, 12), np.float32), pairs[2][1])
    path = in_torch(pairs, tmp_path)
    assert len(load_weights(small, ["parts"], source=str(path)).tensors) == 4
    with pytest.raises(
        WeightsError, match=r"does not fit layer fc1: .* \(7, 12\), but the card expects \(7, 48\)"
    ):
        load_weights(small, source=str(path))
    pairs[1] = (np.zeros((4, 5, 1, 1), np.float32), pairs[1][1])
    with pytest.raises(
        WeightsError, match=r"does not fit layer parts: features.3.weight has shape \(4, 5, 1, 1\)"
    ):
        load_weights(small, ["edges"], source=str(in_torch(pairs, tmp_path)))


Change = Callable[[dict[str, NDArray[Any]]], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.update({"features.3.bias": np.zeros(5, np.float32)}),
            r"layer parts: features.3.bias has shape \(5,\)",
        ),
        (lambda t: t.pop("features.3.bias"), "contains 5 kernels but 4 vectors"),
        (
            lambda t: t.update({"features.1.running_mean": np.zeros(5, np.float32)}),
            "fold normalisation layers into the kernels",
        ),
        (
            lambda t: t.update({"features.1.bias": t.pop("features.0.bias")}),
            "features.0.weight and features.1.bias belong to different layers",
        ),
        (
            lambda t: t.update({"x.weight": np.zeros((2, 3), np.float32), "x.bias": np.zeros(2, np.float32)}),
            "contains 6 kernels, but small has 5 \\(left over: x.weight\\)",
        ),
        (
            lambda t: [t.pop(name) for name in list(t) if name.startswith("features.0")],
            "does not fit layer edges",
        ),
        (
            lambda t: t.update({"classifier.3.weight": t["classifier.3.weight"].astype(np.complex64)}),
            "has the type complex64; expected floating-point numbers",
        ),
        (lambda t: t.clear(), "contains no kernel"),
        (
            lambda t: t.update(
                {"fc2.weight": t.pop("classifier.10.weight"), "fc2.bias": t.pop("classifier.10.bias")}
            ),
            "fc2.kernel is classifier.3.weight by order, but fc2.weight by name",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, small: Network, change: Change, message: str) -> None:
    tensors = by_layer(torch_pairs(), TORCH_NAMES, ".weight", ".bias")
    change(tensors)
    np.savez(tmp_path / "wrong.npz", **tensors)
    with pytest.raises(WeightsError, match=message):
        load_weights(small, source=str(tmp_path / "wrong.npz"))


def test_names_that_contradict_the_order_are_refused(tmp_path: Path, small: Network) -> None:
    names = ("a.0", "a.1", "a.2", "b.answer", "b.z")
    np.savez(tmp_path / "wrong.npz", **by_layer(torch_pairs(), names, ".weight", ".bias"))
    with pytest.raises(
        WeightsError, match=r"answer.kernel is b.z.weight by order, but b.answer.weight by name"
    ):
        load_weights(small, source=str(tmp_path / "wrong.npz"))


def test_a_layer_missing_among_named_ones_is_refused(tmp_path: Path, small: Network) -> None:
    tensors = by_layer(torch_pairs(), LAYERS, ".weight", ".bias")
    del tensors["fc1.weight"], tensors["fc1.bias"]
    np.savez(tmp_path / "wrong.npz", **tensors)
    with pytest.raises(
        WeightsError, match=r"contains fc2, but not fc1 below it; check the model \(--model\)"
    ):
        load_weights(small, source=str(tmp_path / "wrong.npz"))


def test_a_layout_that_no_shape_tells_is_refused(tmp_path: Path) -> None:
    card = foreign.CARD[: foreign.CARD.index("[layers]")]
    square = '[layers]\nall = { kind = "convolution", filters = 3, kernel = 3 }\n'
    (tmp_path / "square.toml").write_text(card + square)
    net = network(str(tmp_path / "square.toml"))
    tensors = {"x.weight": np.zeros((3, 3, 3, 3), np.float32), "x.bias": np.zeros(3, np.float32)}
    np.savez(tmp_path / "square.npz", **tensors)
    with pytest.raises(
        WeightsError, match="its shapes fit both; save it in the layout of the toolbox with names such as all"
    ):
        load_weights(net, source=str(tmp_path / "square.npz"))
    np.savez(tmp_path / "ours.npz", **{"all.kernel": tensors["x.weight"], "all.bias": tensors["x.bias"]})
    assert load_weights(net, source=str(tmp_path / "ours.npz")).notes == ()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("left", "right"),
            r"both left.weight and right.weight fit layer a, and their names do not specify an order",
        ),
        (
            tuple("klmnopqrs"),
            "both k.weight and l.weight fit layer a, and their names do not specify an order; number them, as in conv1",
        ),
    ],
)
def test_names_that_tell_no_order_are_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    """Layers of one shape could be swapped without any sign of it."""
    layers = "".join(
        f'{name} = {{ kind = "convolution", filters = 3 }}\n' for name in "abcdefghi"[: len(names)]
    )
    (tmp_path / "alike.toml").write_text(
        foreign.CARD[: foreign.CARD.index("[layers]")] + "[layers]\n" + layers
    )
    net = network(str(tmp_path / "alike.toml"))
    pairs = [
        (np.full((3, 3, 1, 1), number, np.float32), np.zeros(3, np.float32)) for number in range(len(names))
    ]
    np.savez(tmp_path / "alike.npz", **by_layer(pairs, names, ".weight", ".bias"))
    with pytest.raises(WeightsError, match=message):
        load_weights(net, source=str(tmp_path / "alike.npz"))
    numbered = by_layer(pairs, tuple(f"l{number}" for number in range(len(names))), ".weight", ".bias")
    np.savez(tmp_path / "numbered.npz", **numbered)
    assert load_weights(net, source=str(tmp_path / "numbered.npz")).tensors["b.kernel"].max() == 1
