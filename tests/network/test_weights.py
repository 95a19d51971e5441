"""Weights: every file format, order of sources, and refusal of what is not the published tensor."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

from support.tiny_network import tensors, write_weights
from toolbox.content import card_names, shipped_names
from toolbox.errors import CardError, DownloadError, UsageError, VerificationError, WeightsError
from toolbox.fetch import fetch
from toolbox.network.card import Network, network
from toolbox.network.weights import load_weights, tensor_digest
from toolbox.setup.exporting import export_model


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
    given["sum.kernel"] = given["sum.kernel"].T  # of which nobody could say how its inputs run
    np.savez(tmp_path / "mixed.npz", **given)
    with pytest.raises(WeightsError, match=r"does not fit at sum: sum.kernel has shape \(2, 12\)"):
        load_weights(network(card), source=str(tmp_path / "mixed.npz"))


def test_an_exported_graph_gives_its_weights_back(tmp_path: Path, card: str, weights: str) -> None:
    export_model(card, full=tmp_path / "full.onnx", weights=weights)
    check_tensors(load_weights(network(card), source=str(tmp_path / "full.onnx")).tensors)


def check_tensors(found: dict[str, np.ndarray]) -> None:
    expected = tensors()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor)
        assert found[name].dtype == np.float32


def test_a_file_without_the_upper_layers_gives_the_lower_ones_and_says_so(tmp_path: Path, card: str) -> None:
    lower = {name: tensor for name, tensor in tensors().items() if name.startswith("colour")}
    np.savez(tmp_path / "lower.npz", **lower)
    found = load_weights(network(card), source=str(tmp_path / "lower.npz"))
    assert [layer.name for layer in found.layers] == ["colour", "pool"]
    assert "sum left out" in found.remarks[0]
    with pytest.raises(WeightsError, match="holds no weights for sum"):
        load_weights(network(card), ["sum"], source=str(tmp_path / "lower.npz"))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"colour_bias": np.zeros(4, np.float32)}, WeightsError, "shape (4,), the card expects (3,)"),
        (
            {"sum_kernel": np.zeros((5, 5), np.float32)},
            WeightsError,
            "shape (5, 5), the card expects (12, 2)",
        ),
        (
            {"colour_bias": np.ones(3, np.float32)},
            VerificationError,
            "colour.bias from wrong.npz is not the tensor of",
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


def write_card(tmp_path: Path, card: str, more: str) -> str:
    path = tmp_path / "card.toml"
    path.write_text(Path(card).read_text() + "\n" + more)
    return str(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("broken.h5", b"no"), ("broken.npz", b"no"), ("broken.onnx", b"\xff\xff\xff\xff no")],
)
def test_a_broken_file_is_said(tmp_path: Path, card: str, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        load_weights(network(card), source=str(tmp_path / name))


@pytest.mark.parametrize("source", ["weights.pt", "random:", "random:x", "nowhere.npz"])
def test_what_is_no_source_is_said(tmp_path: Path, card: str, source: str) -> None:
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


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server of a folder's files on this machine."""
    handler = partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def source(path: Path, url: str, layers: str = "*") -> str:
    """The entry of a card for a published file."""
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    return (
        f'[[weights]]\nformat = "npz"\nlayers = ["{layers}"]\nurl = "{url}/{path.name}"\n'
        f'md5 = "{digest}"\nbytes = {path.stat().st_size}\n'
    )


def served_network(tmp_path: Path, card: str, *entries: str) -> Network:
    return network(write_card(tmp_path, card, "\n".join(entries)))


def test_a_published_file_is_fetched_once(tmp_path: Path, cache: Path, card: str) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")
    told: list[tuple[str, int, int]] = []
    with served(tmp_path / "files") as url:
        net = served_network(tmp_path, card, source(path, url))
        load_weights(net, progress=lambda *step: told.append(step))
    assert told[-1] == ("download weights.npz", path.stat().st_size, path.stat().st_size)
    check_tensors(load_weights(net).tensors)  # the server is gone
    assert [file.name for file in cache.rglob("*") if file.is_file()] == ["weights.npz"]


def test_a_mirror_replaces_the_server(
    tmp_path: Path, cache: Path, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")
    net = served_network(tmp_path, card, source(path, "http://127.0.0.1:9/closed"))
    with served(tmp_path / "files") as url:
        monkeypatch.setenv("TOOLBOX_MIRROR", url)
        check_tensors(load_weights(net).tensors)


def test_a_file_that_is_not_the_published_one_is_not_kept(tmp_path: Path, cache: Path, card: str) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")
    with served(tmp_path / "files") as url:
        net = served_network(tmp_path, card, source(path, url))
        write_weights(path, colour_bias=np.ones(3, np.float32))
        with pytest.raises(VerificationError, match="bytes that are not the published file"):
            fetch(net.weights[0])
        with pytest.raises(WeightsError, match="nothing was kept"):
            load_weights(net)
    assert not [file for file in cache.rglob("*") if file.is_file()]


def test_a_closed_network_is_said_with_the_remedy(tmp_path: Path, cache: Path, card: str) -> None:
    path = write_weights(tmp_path / "weights.npz")
    net = served_network(tmp_path, card, source(path, "http://127.0.0.1:9"))
    with pytest.raises(DownloadError, match=r"set TOOLBOX_MIRROR .* or put the file at .*weights.npz"):
        fetch(net.weights[0])
    with pytest.raises(WeightsError, match="; give a file with --weights FILE"):
        load_weights(net)


def test_a_file_put_into_the_cache_by_hand_is_used(tmp_path: Path, cache: Path, card: str) -> None:
    path = write_weights(tmp_path / "weights.npz")
    net = served_network(tmp_path, card, source(path, "http://127.0.0.1:9"))
    with pytest.raises(DownloadError) as caught:
        fetch(net.weights[0])
    place = Path(str(caught.value).rsplit("put the file at ", 1)[1])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(path.read_bytes())
    check_tensors(load_weights(net).tensors)


def test_the_smallest_source_that_suffices_comes_first(tmp_path: Path, cache: Path, card: str) -> None:
    (tmp_path / "files").mkdir()
    whole = write_weights(tmp_path / "files" / "whole.npz")
    lower = tmp_path / "files" / "lower.npz"
    np.savez(lower, **{name: tensor for name, tensor in tensors().items() if name.startswith("colour")})
    with served(tmp_path / "files") as url:
        net = served_network(tmp_path, card, source(whole, url), source(lower, url, "colour"))
        assert load_weights(net, ["colour"]).source.endswith("lower.npz")
        assert load_weights(net).source.endswith("whole.npz")


def test_without_the_whole_the_part_is_used_and_the_rest_named(
    tmp_path: Path, cache: Path, card: str
) -> None:
    (tmp_path / "files").mkdir()
    whole = write_weights(tmp_path / "whole.npz")
    lower = tmp_path / "files" / "lower.npz"
    np.savez(lower, **{name: tensor for name, tensor in tensors().items() if name.startswith("colour")})
    with served(tmp_path / "files") as url:
        net = served_network(
            tmp_path, card, source(whole, "http://127.0.0.1:9"), source(lower, url, "colour")
        )
        found = load_weights(net)
        assert [layer.name for layer in found.layers] == ["colour", "pool"]
        assert "could not fetch" in found.remarks[0]
        assert found.remarks[1].startswith("sum left out: their weights could not be had")
        with pytest.raises(WeightsError, match="no weights of tiny for sum"):
            load_weights(net, ["sum"])


PUBLISHED = {  # first kernel value and first bias of the Oxford release, as published with its Keras port
    "block1_conv1": (0.42947057, 0.73429835),
    "block2_conv1": (-0.008902963, -0.04577766),
    "block3_conv3": (0.0024918285, 0.035415243),
    "block4_conv2": (0.007116542, 0.023680462),
    "block5_conv3": (0.00040788297, 0.18837857),
}


@pytest.mark.network
def test_the_convolutions_of_vgg16_are_the_published_ones() -> None:
    found = load_weights(network("vgg16"), ["block5_pool"])
    assert len(found.tensors) == 26
    for layer, (kernel, bias) in PUBLISHED.items():
        assert found.tensors[f"{layer}.kernel"].flat[0] == np.float32(kernel)
        assert found.tensors[f"{layer}.bias"].flat[0] == np.float32(bias)
    last = found.tensors["block5_conv3.bias"]
    assert (last.min(), last.max()) == (np.float32(-0.50036746), np.float32(9.431553))


def test_a_broken_card_of_the_users_own_stops_no_other_network(
    tmp_path: Path, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "broken.toml").write_text("name = broken")
    monkeypatch.setenv("TOOLBOX_MODELS", str(tmp_path / "own"))
    assert card_names("models")[-1] == "broken"
    check_tensors(load_weights(network(card), source=weights).tensors)


def kept_card(tmp_path: Path, card: str, layout: str, more: str = "") -> Network:
    """The tiny network with files of one program."""
    path = tmp_path / "card.toml"
    path.write_text(f'layout = "{layout}"\n' + Path(card).read_text() + more)
    return network(str(path))


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
            "is laid out as in PyTorch, the weights of tiny as in Keras",
        ),
        (
            write_as_tensorflow,
            "tf.npz",
            "keras",
            "torch",
            "is laid out as in Keras and TensorFlow, the weights of",
        ),
        (
            partial(write_keras, old=True),
            "keras.h5",
            "keras",
            "torch",
            "is laid out as in Keras and TensorFlow",
        ),
    ],
)
def test_a_file_of_another_program_is_refused_unless_the_card_knows_every_tensor(
    tmp_path: Path, card: str, write: Callable[[Path], Path], file: str, own: str, other: str, told: str
) -> None:
    path = str(write(tmp_path / file))
    assert not any(
        "on trust" in remark for remark in load_weights(kept_card(tmp_path, card, own), source=path).remarks
    )
    with pytest.raises(
        VerificationError, match=rf'{file} {told}.*write a card of your own .*layout = "{own}"'
    ):
        load_weights(kept_card(tmp_path, card, other), source=path)
    known = load_weights(kept_card(tmp_path, card, other, KNOWN), source=path)
    check_tensors(known.tensors)
    assert not any("on trust" in remark for remark in known.remarks)
    partly = "[digests]\n" + KNOWN.splitlines()[1]
    with pytest.raises(VerificationError, match=told):
        load_weights(kept_card(tmp_path, card, other, partly), source=path)


@pytest.mark.parametrize("layout", ["keras", "torch"])
def test_what_nobody_can_tell_is_taken_on_trust_and_said(
    tmp_path: Path, card: str, weights: str, layout: str
) -> None:
    told = (
        "nothing tells that these are the weights of tiny (Three layers for tests); they are taken on trust"
    )
    export_model(card, full=tmp_path / "full.onnx", weights=weights)
    for path in (weights, str(tmp_path / "full.onnx")):
        assert load_weights(kept_card(tmp_path, card, layout), source=path).remarks[-1] == told
        assert load_weights(kept_card(tmp_path, card, layout, KNOWN), source=path).remarks == ()
        assert load_weights(network(card), source=path).remarks == ()


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
    net = kept_card(tmp_path, card, layout)
    if is_refused:
        with pytest.raises(VerificationError, match="filters of another training"):
            load_weights(net, source=str(path))
    else:
        assert load_weights(net, source=str(path)).remarks == ()


def test_a_layout_that_is_none_is_said(tmp_path: Path, card: str) -> None:
    with pytest.raises(CardError, match="has layout 'caffe'; expected keras, torch, or none"):
        kept_card(tmp_path, card, "caffe")


def test_every_shipped_network_whose_tensors_are_unknown_says_whose_files_it_takes() -> None:
    words = {name: network(name).layout for name in shipped_names("models")}
    assert words == {
        "vgg11": "torch", "vgg16": "keras", "vgg16-torchvision": "torch", "vgg16-untrained": "", "vgg19": "keras",
    }  # fmt: skip
