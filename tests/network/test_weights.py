"""Weights: every file format, random ones, and refusal of what is not the published tensor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from support.tiny_network import tensors, write_weights
from support.weight_files import (
    check_tensors,
    write_as_tensorflow,
    write_as_torch,
    write_card,
    write_keras,
)
from toolbox.content import card_names
from toolbox.errors import UsageError, VerificationError, WeightsError
from toolbox.network.card import network
from toolbox.network.weights import load_weights, tensor_digest
from toolbox.setup.exporting import export_model


@pytest.mark.parametrize(
    "write",
    [
        partial(write_keras, old=True),
        partial(write_keras, old=False),
        partial(write_keras, old=False, nested="model_weights/"),
    ],
    ids=["old Keras", "newer Keras", "whole Keras model"],
)
def test_keras_files_are_read(tmp_path: Path, card: str, write: partial[Path]) -> None:
    check_tensors(load_weights(network(card), source=str(write(tmp_path / "weights.h5"))).tensors)


@pytest.mark.parametrize("write", [write_weights, write_as_torch, write_as_tensorflow])
def test_npz_files_are_read_in_every_layout(tmp_path: Path, card: str, write: Callable[[Path], Path]) -> None:
    check_tensors(load_weights(network(card), source=str(write(tmp_path / "weights.npz"))).tensors)


def test_two_layouts_in_one_file_are_refused(tmp_path: Path, card: str) -> None:
    given = tensors()
    given["colour.kernel"] = given["colour.kernel"].transpose(2, 3, 1, 0)
    given["sum.kernel"] = given["sum.kernel"].T  # the order of its inputs would be unknown
    np.savez(tmp_path / "mixed.npz", **given)
    with pytest.raises(WeightsError, match=r"does not fit layer sum: sum.kernel has shape \(2, 12\)"):
        load_weights(network(card), source=str(tmp_path / "mixed.npz"))


def test_an_exported_graph_gives_its_weights_back(tmp_path: Path, card: str, weights: str) -> None:
    export_model(card, full=tmp_path / "full.onnx", weights=weights)
    check_tensors(load_weights(network(card), source=str(tmp_path / "full.onnx")).tensors)


def test_a_file_without_the_upper_layers_gives_the_lower_ones_with_a_warning(
    tmp_path: Path, card: str
) -> None:
    lower = {name: tensor for name, tensor in tensors().items() if name.startswith("colour")}
    np.savez(tmp_path / "lower.npz", **lower)
    found = load_weights(network(card), source=str(tmp_path / "lower.npz"))
    assert [layer.name for layer in found.layers] == ["colour", "pool"]
    assert "sum left out" in found.notes[0]
    with pytest.raises(WeightsError, match="contains no weights for sum"):
        load_weights(network(card), ["sum"], source=str(tmp_path / "lower.npz"))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"colour_bias": np.zeros(4, np.float32)}, WeightsError, "shape (4,), but the card expects (3,)"),
        (
            {"sum_kernel": np.zeros((5, 5), np.float32)},
            WeightsError,
            "shape (5, 5), but the card expects (12, 2)",
        ),
        (
            {"colour_bias": np.ones(3, np.float32)},
            VerificationError,
            "the digest of colour.bias from wrong.npz differs from that in the card of",
        ),
        (
            {"sum_bias": np.ones(2, np.float32)},
            VerificationError,
            "sum from wrong.npz starts with (1.0, 1.0)",
        ),
    ],
)
def test_what_is_not_the_tensor_of_the_card_is_refused(
    tmp_path: Path, card: str, changed: dict[str, np.ndarray], error: type[Exception], message: str
) -> None:
    strict = write_card(
        tmp_path,
        card,
        f'[digests]\n"colour.bias" = "{tensor_digest(tensors()["colour.bias"])}"\n[first_values]\nsum = [1.0, 0.0]\n',
    )
    load_weights(network(strict), source=str(write_weights(tmp_path / "right.npz")))
    with pytest.raises(error) as caught:
        load_weights(network(strict), source=str(write_weights(tmp_path / "wrong.npz", **changed)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("broken.h5", b"no"), ("broken.npz", b"no"), ("broken.onnx", b"\xff\xff\xff\xff no")],
)
def test_a_broken_file_is_reported(tmp_path: Path, card: str, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        load_weights(network(card), source=str(tmp_path / name))


@pytest.mark.parametrize("source", ["weights.pt", "random:", "random:x", "nowhere.npz"])
def test_what_is_no_source_is_reported(tmp_path: Path, card: str, source: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        load_weights(network(card), source=source)


def test_random_weights_follow_from_the_seed_alone(card: str) -> None:
    net = network("vgg16-untrained")
    first = load_weights(net, ["block1_conv2"], source="random:1")
    deeper = load_weights(net, ["block2_conv1"], source="random:1")
    other = load_weights(net, ["block1_conv2"], source="random:2")
    name = "block1_conv2.kernel"
    np.testing.assert_array_equal(first.tensors[name], deeper.tensors[name])
    assert not np.array_equal(first.tensors[name], other.tensors[name])
    assert first.tensors[name].std() == pytest.approx(np.sqrt(2 / (64 * 9)), rel=0.02)  # He et al. 2015
    assert not first.tensors["block1_conv2.bias"].any()


def test_random_weights_are_not_taken_for_the_trained_ones() -> None:
    with pytest.raises(VerificationError, match=r'write a card of your own with like = "vgg16"'):
        load_weights(network("vgg16"), ["block1_conv1"], source="random:0")


def test_a_broken_card_of_the_users_own_stops_no_other_network(
    tmp_path: Path, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "broken.toml").write_text("name = broken")
    monkeypatch.setenv("TOOLBOX_MODELS", str(tmp_path / "own"))
    assert card_names("models")[-1] == "broken"
    check_tensors(load_weights(network(card), source=weights).tensors)
