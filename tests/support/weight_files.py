"""Files of weights as other programs write them: of the small network as pairs, of the three-layer one by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

import support.foreign_networks as foreign
from support.foreign_networks import (
    TORCH_NAMES,
    Pairs,
)
from support.tiny_network import tensors
from toolbox.network.weights import Weights


def by_layer(pairs: Pairs, names: tuple[str, ...], kernel: str, bias: str) -> dict[str, NDArray[Any]]:
    return {
        f"{name}{suffix}": tensor
        for name, pair in zip(names, pairs, strict=True)
        for suffix, tensor in zip((kernel, bias), pair, strict=True)
    }


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


def write_as_torch(path: Path) -> Path:
    """The dense kernel as PyTorch has it: (filters, inputs), whose inputs run over channel, height, width."""
    given = tensors()
    given["sum.kernel"] = given["sum.kernel"].reshape(2, 2, 3, 2).transpose(3, 2, 0, 1).reshape(2, 12)
    np.savez(path, **given)
    return path


def write_as_tensorflow(path: Path) -> Path:
    """The convolution's kernel as TensorFlow has it: (height, width, inputs, filters)."""
    given = tensors()
    given["colour.kernel"] = given["colour.kernel"].transpose(2, 3, 1, 0)
    np.savez(path, **given)
    return path


def write_keras(path: Path, *, old: bool, nested: str = "") -> Path:
    """The tensors as Keras lays them out, with the names of its old or newer releases."""
    with h5py.File(path, "w") as file:
        for layer in ("colour", "sum"):
            kernel, bias = tensors()[f"{layer}.kernel"], tensors()[f"{layer}.bias"]
            kernel = kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel
            names = (f"{layer}/{layer}_W_1:0", f"{layer}/{layer}_b_1:0")
            if not old:
                names = (f"{layer}/{layer}/kernel:0", f"{layer}/{layer}/bias:0")
            file[nested + names[0]], file[nested + names[1]] = kernel, bias
        file["colour10/kernel:0"] = np.zeros(
            (1, 1, 3, 3), np.float32
        )  # another layer whose name begins alike
    return path


def check_tensors(found: dict[str, np.ndarray]) -> None:
    expected = tensors()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor)
        assert found[name].dtype == np.float32


def write_card(tmp_path: Path, card: str, more: str) -> str:
    path = tmp_path / "card.toml"
    path.write_text(Path(card).read_text() + "\n" + more)
    return str(path)
