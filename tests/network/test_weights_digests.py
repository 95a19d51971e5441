"""Whose weights a file holds: recognised by the digests of the card, else by the program that wrote it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from support.tiny_network import tensors, write_weights
from support.weight_files import (
    check_tensors,
    write_as_tensorflow,
    write_as_torch,
    write_keras,
)
from toolbox.content import shipped_names
from toolbox.errors import CardError, VerificationError
from toolbox.network.architecture import Network
from toolbox.network.card import network
from toolbox.network.weights import load_weights, tensor_digest
from toolbox.setup.exporting import export_model


def write_network(tmp_path: Path, card: str, layout: str, more: str = "") -> Network:
    """The tiny network with files of one program."""
    path = tmp_path / "card.toml"
    path.write_text(f'layout = "{layout}"\n' + Path(card).read_text() + more)
    return network(str(path))


Axes = tuple[int, int, int, int]
Array = np.ndarray[Any, Any]
KNOWN = "[digests]\n" + "".join(
    f'"{name}" = "{tensor_digest(tensor)}"\n' for name, tensor in tensors().items()
)


@pytest.mark.parametrize(
    ("write", "file", "own", "other", "told"),
    [
        (
            write_as_torch,
            "torch.npz",
            "torch",
            "keras",
            "has the layout of PyTorch, but the weights of tiny have that of Keras",
        ),
        (
            write_as_tensorflow,
            "tf.npz",
            "keras",
            "torch",
            "has the layout of Keras and TensorFlow, but the weights of",
        ),
        (
            partial(write_keras, old=True),
            "keras.h5",
            "keras",
            "torch",
            "has the layout of Keras and TensorFlow",
        ),
    ],
)
def test_a_file_of_another_program_is_refused_unless_the_card_knows_every_tensor(
    tmp_path: Path, card: str, write: Callable[[Path], Path], file: str, own: str, other: str, told: str
) -> None:
    path = str(write(tmp_path / file))
    assert not any(
        "without verification" in note
        for note in load_weights(write_network(tmp_path, card, own), source=path).notes
    )
    with pytest.raises(
        VerificationError, match=rf'{file} {told}.*write a card of your own .*layout = "{own}"'
    ):
        load_weights(write_network(tmp_path, card, other), source=path)
    known = load_weights(write_network(tmp_path, card, other, KNOWN), source=path)
    check_tensors(known.tensors)
    assert not any("without verification" in note for note in known.notes)
    partly = "[digests]\n" + KNOWN.splitlines()[1]
    with pytest.raises(VerificationError, match=told):
        load_weights(write_network(tmp_path, card, other, partly), source=path)


def write_shuffled(
    path: Path, *, convolution: Axes, is_turned: bool, is_channels_first: bool, **more: Array
) -> Path:
    """The tensors in one of the known layouts, with names and an order that tell nothing."""
    given = tensors()
    dense = given["sum.kernel"]
    if is_channels_first:
        dense = dense.reshape(2, 2, 3, 2).transpose(2, 0, 1, 3).reshape(12, 2)
    np.savez(
        path,
        a=given["sum.bias"],
        b=dense.T if is_turned else dense,
        c=given["colour.bias"],
        d=given["colour.kernel"].transpose(convolution),
        **more,
    )
    return path


@pytest.mark.parametrize("convolution", [(0, 1, 2, 3), (2, 3, 1, 0)])
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("is_channels_first", [False, True])
def test_tensors_that_the_card_knows_are_recognised_whatever_their_names_order_and_layout(
    tmp_path: Path, card: str, convolution: Axes, is_turned: bool, is_channels_first: bool
) -> None:
    write = partial(
        write_shuffled,
        tmp_path / "shuffled.npz",
        convolution=convolution,
        is_turned=is_turned,
        is_channels_first=is_channels_first,
    )
    net = write_network(tmp_path, card, "torch", KNOWN)
    found = load_weights(
        net, source=str(write(e=np.ones((3, 3, 1, 1), np.float32), f=np.zeros(3, np.float32)))
    )
    check_tensors(found.tensors)
    assert (found.source, found.notes) == ("shuffled.npz", ())


def test_one_tensor_that_is_not_the_cards_recognises_none(tmp_path: Path, card: str) -> None:
    net = write_network(tmp_path, card, "keras", KNOWN)
    changed = write_weights(tmp_path / "changed.npz", sum_bias=np.array([0, 1], np.float32))
    with pytest.raises(
        VerificationError,
        match=r"the digest of sum.bias from changed.npz differs from that in the card of tiny;",
    ):
        load_weights(net, source=str(changed))
    assert len(load_weights(net, ["colour"], source=str(changed)).tensors) == 2


def test_only_tensors_whose_shape_may_fit_are_read_to_be_recognised(tmp_path: Path, card: str) -> None:
    net = write_network(tmp_path, card, "keras", KNOWN)
    path = tmp_path / "objects.npz"
    np.savez(path, no=np.array([None] * 5, object), **tensors())  # which cannot be read without running code
    check_tensors(load_weights(net, source=str(path)).tensors)


def test_layers_of_one_content_are_all_recognised(tmp_path: Path) -> None:
    kernel, bias = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1), np.zeros(3, np.float32)
    known = "".join(
        f'"{layer}.kernel" = "{tensor_digest(kernel)}"\n"{layer}.bias" = "{tensor_digest(bias)}"\n'
        for layer in "ab"
    )
    layers = "".join(f'{layer} = {{ kind = "convolution", filters = 3 }}\n' for layer in "ab")
    card = f'name = "alike"\ntitle = "Two layers"\n[input]\nheight = 4\nwidth = 4\n[layers]\n{layers}[digests]\n{known}'
    (tmp_path / "alike.toml").write_text(card)
    np.savez(tmp_path / "alike.npz", w=kernel, x=bias, y=kernel, z=bias)
    found = load_weights(network(str(tmp_path / "alike.toml")), source=str(tmp_path / "alike.npz"))
    assert [*found.tensors] == ["a.kernel", "a.bias", "b.kernel", "b.bias"]


@pytest.mark.parametrize("layout", ["keras", "torch"])
def test_weights_that_cannot_be_verified_are_used_with_a_warning(
    tmp_path: Path, card: str, weights: str, layout: str
) -> None:
    warning = (
        "the toolbox cannot verify that these are the weights of tiny (Three layers for tests); they are used without "
        "verification"
    )
    export_model(card, full=tmp_path / "full.onnx", weights=weights)
    for path in (weights, str(tmp_path / "full.onnx")):
        assert load_weights(write_network(tmp_path, card, layout), source=path).notes[-1] == warning
        assert load_weights(write_network(tmp_path, card, layout, KNOWN), source=path).notes == ()
        assert load_weights(network(card), source=path).notes == ()


@pytest.mark.parametrize(
    ("producer", "layout", "is_refused"),
    [
        ("pytorch", "keras", True),
        ("pytorch", "torch", False),
        ("tf2onnx", "torch", True),
        ("tf2onnx", "keras", False),
    ],
)
def test_the_exporter_of_a_graph_tells_whose_weights_it_holds(
    tmp_path: Path, card: str, weights: str, producer: str, layout: str, is_refused: bool
) -> None:
    path = tmp_path / "full.onnx"
    export_model(card, full=path, weights=weights)
    model = onnx.load(path)
    model.producer_name = producer
    onnx.save(model, path)
    net = write_network(tmp_path, card, layout)
    if is_refused:
        with pytest.raises(VerificationError, match="these filters come from another training"):
            load_weights(net, source=str(path))
    else:
        assert load_weights(net, source=str(path)).notes == ()


def test_a_layout_that_is_none_is_reported(tmp_path: Path, card: str) -> None:
    with pytest.raises(CardError, match="has layout = 'caffe'; expected keras or torch, or no layout"):
        write_network(tmp_path, card, "caffe")


def test_every_shipped_network_whose_tensors_are_unknown_says_whose_files_it_takes() -> None:
    words = {name: network(name).layout for name in shipped_names("models")}
    assert words == {
        "vgg11": "torch", "vgg16": "keras", "vgg16-torchvision": "torch", "vgg16-untrained": "", "vgg19": "keras",
    }  # fmt: skip
