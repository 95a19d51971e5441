"""Weights that other programs wrote: found by order and shape, with the responses of the foreign graph itself."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

import support.foreign_networks as foreign
from support.foreign_networks import (
    LAYERS,
    TORCH_NAMES,
    Pairs,
    Writer,
    foreign_responses,
    keras_pairs,
    torch_pairs,
)
from toolbox.errors import WeightsError
from toolbox.network.card import Network, network
from toolbox.network.model import load_model
from toolbox.network.weights import Weights, load_weights
from toolbox.runtime.session import start_session

IMAGES = np.random.default_rng(5).normal(0, 1, (4, 3, 8, 6)).astype(np.float32)


@pytest.fixture
def small(tmp_path: Path) -> Network:
    return network(foreign.write_card(tmp_path))


def responses(net: Network, path: Path) -> NDArray[np.float32]:
    """What our own graph answers with the weights of a file."""
    model = load_model(net, source=str(path))
    return start_session(model.graph, device="cpu").run(IMAGES)["answer"]


def by_layer(pairs: Pairs, names: tuple[str, ...], kernel: str, bias: str) -> dict[str, NDArray[Any]]:
    return {
        f"{name}{suffix}": tensor
        for name, pair in zip(names, pairs, strict=True)
        for suffix, tensor in zip((kernel, bias), pair, strict=True)
    }


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
    assert "5 were matched by order and shape: edges = " in load_weights(small, source=str(path)).remarks[0]


def test_what_a_graph_lacks_is_said(tmp_path: Path, small: Network) -> None:
    path = foreign.write_odd_graph(tmp_path / "odd.onnx", torch_pairs())
    found = load_weights(small, source=str(path))
    assert not found.tensors["answer.bias"].any()
    assert re.fullmatch(r"odd.onnx has no bias in \S+: zero is taken", found.remarks[1])
    assert found.tensors["fc2.bias"].tolist() == [torch_pairs()[3][1][0]] * 7  # one number for all filters


def test_weights_beside_an_onnx_file_are_read(tmp_path: Path, small: Network) -> None:
    path = foreign.write_torch_graph(tmp_path / "a.onnx", torch_pairs())
    onnx.save(
        onnx.load(path), tmp_path / "b.onnx", save_as_external_data=True, location="b.bin", size_threshold=0
    )
    check_equal(load_weights(small, source=str(tmp_path / "b.onnx")), load_weights(small, source=str(path)))
    (tmp_path / "b.bin").unlink()
    with pytest.raises(WeightsError, match=r"b.onnx is not an ONNX file that can be read"):
        load_weights(small, source=str(tmp_path / "b.onnx"))


def check_equal(found: Weights, expected: Weights) -> None:
    assert found.tensors.keys() == expected.tensors.keys()
    for name, tensor in expected.tensors.items():
        np.testing.assert_array_equal(found.tensors[name], tensor)


def in_torch(pairs: Pairs, folder: Path) -> Path:
    """As torchvision's networks, saved as .safetensors."""
    save_file(by_layer(pairs, TORCH_NAMES, ".weight", ".bias"), folder / "torch.safetensors")
    return folder / "torch.safetensors"


def in_timm(pairs: Pairs, folder: Path) -> Path:
    """As timm has VGG: its dense layers are convolutions, and some have names like ours."""
    names = ("features.0", "features.3", "pre_logits.fc1", "pre_logits.fc2", "head.fc")
    convolutions = [
        (kernel.reshape(len(kernel), *shape), bias) for (kernel, bias), shape in _with_shapes(pairs)
    ]
    save_file(by_layer(convolutions, names, ".weight", ".bias"), folder / "timm.safetensors")
    return folder / "timm.safetensors"


def _with_shapes(pairs: Pairs) -> zip[tuple[tuple[Any, Any], tuple[int, ...]]]:
    return zip(pairs, ((3, 3, 3), (5, 3, 3), foreign.MAP, (7, 1, 1), (7,)), strict=True)


def in_npz(pairs: Pairs, folder: Path) -> Path:
    """With names that sort wrongly as texts."""
    np.savez(folder / "ten.npz", **by_layer(pairs, ("l1", "l2", "l9", "l10", "l11"), "/W", "/b"))
    return folder / "ten.npz"


def in_nameless_npz(pairs: Pairs, folder: Path) -> Path:
    np.savez_compressed(folder / "list.npz", *[tensor for pair in pairs for tensor in pair])
    return folder / "list.npz"


def in_keras(pairs: Pairs, folder: Path, *, names: tuple[str, ...] = ("z", "y", "x", "w", "v")) -> Path:
    """Keras' `.h5` whose layers are in the order of its attribute, not of their names."""
    with h5py.File(folder / "keras.h5", "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in (names[0], "pool", *names[1:])]
        file.create_group("pool").attrs["weight_names"] = np.zeros(0, "S1")
        for name, (kernel, bias) in zip(names, pairs, strict=True):
            group = file.create_group(name)
            group[f"{name}/kernel:0"], group[f"{name}/bias:0"] = kernel, bias
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
    return folder / "keras.h5"


def in_keras_3(pairs: Pairs, folder: Path) -> Path:
    """Keras 3's `.weights.h5`: layers of a kind are counted, tensors have numbers."""
    kinds = ("conv2d", "conv2d_1", "dense", "dense_1", "dense_2")
    with h5py.File(folder / "keras3.weights.h5", "w") as file:
        for kind, (kernel, bias) in zip(kinds, pairs, strict=True):
            file[f"layers/{kind}/vars/0"], file[f"layers/{kind}/vars/1"] = kernel, bias
        file["optimizer/vars/0"] = np.int64(7)
    return folder / "keras3.weights.h5"


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
    remarks = load_weights(small, source=str(path)).remarks
    assert remarks[0].startswith(
        f"{path.name} does not name the layers of small; 5 were matched by order and shape"
    )
    assert remarks[1:] == (
        (f"the kernels of {path.name} are laid out as in {convention}",) if convention else ()
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
        assert load_weights(small, source=str(path)).remarks == ()
    else:
        with pytest.raises(
            WeightsError, match=r"does not fit at fc2: layers/dense_1/vars/0 has shape \(7, 3\)"
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
    assert found.remarks == ("the kernels of named.npz are laid out as in PyTorch",)


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
    assert found.remarks[0] == f"fc1, fc2, answer left out: {path} lacks them"
    np.testing.assert_array_equal(found.tensors["parts.kernel"], whole.tensors["parts.kernel"])
    with pytest.raises(WeightsError, match="holds no weights for fc1"):
        load_weights(small, ["fc2"], source=str(path))


def test_another_top_does_not_matter_where_only_convolutions_are_asked_for(
    tmp_path: Path, small: Network
) -> None:
    pairs = torch_pairs()
    pairs[2] = (np.zeros((7, 12), np.float32), pairs[2][1])
    path = in_torch(pairs, tmp_path)
    assert len(load_weights(small, ["parts"], source=str(path)).tensors) == 4
    with pytest.raises(WeightsError, match=r"does not fit at fc1: .* \(7, 12\), the card expects \(7, 48\)"):
        load_weights(small, source=str(path))
    pairs[1] = (np.zeros((4, 5, 1, 1), np.float32), pairs[1][1])
    with pytest.raises(
        WeightsError, match=r"does not fit at parts: features.3.weight has shape \(4, 5, 1, 1\)"
    ):
        load_weights(small, ["edges"], source=str(in_torch(pairs, tmp_path)))


Change = Callable[[dict[str, NDArray[Any]]], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.update({"features.3.bias": np.zeros(5, np.float32)}),
            r"at parts: features.3.bias has shape \(5,\)",
        ),
        (lambda t: t.pop("features.3.bias"), "holds 5 kernels but 4 vectors"),
        (
            lambda t: t.update({"features.1.running_mean": np.zeros(5, np.float32)}),
            "normalisation layers must be folded",
        ),
        (
            lambda t: t.update({"features.1.bias": t.pop("features.0.bias")}),
            "features.0.weight and features.1.bias are of two layers",
        ),
        (
            lambda t: t.update({"x.weight": np.zeros((2, 3), np.float32), "x.bias": np.zeros(2, np.float32)}),
            "holds 6 kernels, small has 5; left over: x.weight",
        ),
        (
            lambda t: [t.pop(name) for name in list(t) if name.startswith("features.0")],
            "does not fit at edges",
        ),
        (
            lambda t: t.update({"classifier.3.weight": t["classifier.3.weight"].astype(np.complex64)}),
            "holds complex64; expected floating-point numbers",
        ),
        (lambda t: t.clear(), "holds no kernel"),
        (
            lambda t: t.update(
                {"fc2.weight": t.pop("classifier.10.weight"), "fc2.bias": t.pop("classifier.10.bias")}
            ),
            "by order fc2.kernel is classifier.3.weight, by name fc2.weight",
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
    with pytest.raises(WeightsError, match=r"by order answer.kernel is b.z.weight, by name b.answer.weight"):
        load_weights(small, source=str(tmp_path / "wrong.npz"))


def test_a_layer_missing_among_named_ones_is_refused(tmp_path: Path, small: Network) -> None:
    tensors = by_layer(torch_pairs(), LAYERS, ".weight", ".bias")
    del tensors["fc1.weight"], tensors["fc1.bias"]
    np.savez(tmp_path / "wrong.npz", **tensors)
    with pytest.raises(WeightsError, match="holds fc2, but not fc1 below it; check --model"):
        load_weights(small, source=str(tmp_path / "wrong.npz"))


def test_a_layout_that_no_shape_tells_is_refused(tmp_path: Path) -> None:
    card = foreign.CARD[: foreign.CARD.index("[layers]")]
    square = '[layers]\nall = { kind = "convolution", filters = 3, kernel = 3 }\n'
    (tmp_path / "square.toml").write_text(card + square)
    net = network(str(tmp_path / "square.toml"))
    tensors = {"x.weight": np.zeros((3, 3, 3, 3), np.float32), "x.bias": np.zeros(3, np.float32)}
    np.savez(tmp_path / "square.npz", **tensors)
    with pytest.raises(
        WeightsError, match="its shapes fit both; save it in the toolbox's layout with names such as all"
    ):
        load_weights(net, source=str(tmp_path / "square.npz"))
    np.savez(tmp_path / "ours.npz", **{"all.kernel": tensors["x.weight"], "all.bias": tensors["x.bias"]})
    assert load_weights(net, source=str(tmp_path / "ours.npz")).remarks == ()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("left", "right"), r"left.weight and right.weight fit at a alike, and their names tell no order"),
        (tuple("klmnopqrs"), "the names of its tensors tell no order; number them, as in conv1, conv2"),
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


def edited(
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
        (behind_first("Sigmoid"), "comes behind Sigmoid, which changes what it means"),
        (skip_a_layer, r"is no chain: classifier.10.weight \S+ does not take what classifier.3.weight"),
        (turn_before_flatten, r"takes a map whose axes are in the order \[0, 1, 3, 2\]"),
        (turn_the_input, "takes its input transposed"),
        (turn_after_flatten, r"comes behind a Transpose by \[1, 0\] that is not understood"),
        (
            lengthen_a_bias,
            r"does not fit at parts: features.3.bias .* has shape \(5,\), the card expects \(4,\)",
        ),
        (forget_a_kernel, "comes behind Conv, whose kernel is no constant"),
        (lambda graph: graph.ClearField("node"), "holds no kernel"),
    ],
    ids=["activation", "branch", "order of axes", "transA", "turned", "bias", "no constant", "no nodes"],
)
def test_a_graph_that_is_no_such_chain_is_refused(
    tmp_path: Path, small: Network, edit: Callable[[onnx.GraphProto], object], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        load_weights(small, source=str(edited(tmp_path, edit)))


def test_a_graph_with_our_names_is_held_to_the_chain_too(tmp_path: Path, small: Network) -> None:
    path = edited(tmp_path, behind_first("Sigmoid"), names=LAYERS)
    with pytest.raises(WeightsError, match="comes behind Sigmoid"):
        load_weights(small, source=str(path))
    path = edited(tmp_path, behind_first("Identity"), names=LAYERS)
    assert load_weights(small, source=str(path)).remarks == ()
    np.testing.assert_allclose(responses(small, path), foreign_responses(path, IMAGES), rtol=0, atol=1e-6)


def test_harmless_operators_between_layers_do_not_matter(tmp_path: Path, small: Network) -> None:
    path = edited(tmp_path, behind_first("Dropout"))
    np.testing.assert_allclose(responses(small, path), foreign_responses(path, IMAGES), rtol=0, atol=1e-6)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def spoil(path: Path) -> None:
    """One byte among the numbers of an archive is flipped."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def lie_in_header(path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [9, 9], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"1234")


@pytest.mark.parametrize(
    ("write", "damage", "message"),
    [
        (in_torch, cut, "is not a .safetensors file that can be read"),
        (in_torch, lie_in_header, "is not a .safetensors file that can be read"),
        (in_torch, lambda path: path.write_bytes(b"no"), "is not a .safetensors file that can be read"),
        (in_npz, cut, "is not an .npz file of plain arrays that can be read"),
        (in_nameless_npz, spoil, "is not an .npz file of plain arrays that can be read"),
        (in_npz, one_array, "is a single array"),
        (in_keras, cut, "is not an HDF5 file that can be read"),
    ],
)
def test_a_damaged_file_is_said(
    tmp_path: Path,
    small: Network,
    write: Callable[[Pairs, Path], Path],
    damage: Callable[[Path], object],
    message: str,
) -> None:
    path = write(torch_pairs(), tmp_path)
    damage(path)
    with pytest.raises(WeightsError, match=message):
        load_weights(small, source=str(path))


def test_an_hdf5_file_is_closed_again(tmp_path: Path, small: Network) -> None:
    load_weights(small, source=str(in_keras(keras_pairs(), tmp_path)))
    with pytest.raises(WeightsError):
        load_weights(small, source=str(in_keras(torch_pairs(), tmp_path)))
    opened = h5py.h5f.OBJ_FILE | h5py.h5f.OBJ_GROUP | h5py.h5f.OBJ_DATASET
    assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, opened) == 0


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path, small: Network) -> None:
    tensors = by_layer(torch_pairs(), TORCH_NAMES, ".weight", ".bias")
    tensors["features.0.bias"] = np.array([None] * 5, object)
    np.savez(tmp_path / "objects.npz", **tensors)
    with pytest.raises(WeightsError, match="Object arrays cannot be loaded"):
        load_weights(small, source=str(tmp_path / "objects.npz"))
