"""Weight files of anybody: nothing of another file is read, and nothing larger than the file can hold."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from support.tiny_network import tensors
from toolbox.errors import WeightsError
from toolbox.network.card import network
from toolbox.network.weights import load_weights, reading
from toolbox.network.weights.reading import open_weights

NAME = "colour/kernel:0"
SECRET = np.full((1, 1, 3, 3), 7, np.float32)


def external_link(file: h5py.File, secret: Path) -> None:
    file["colour"] = h5py.ExternalLink(str(secret), "/colour")


def external_link_in_a_link(file: h5py.File, secret: Path) -> None:
    file["deep/place"] = h5py.ExternalLink(str(secret), "/colour")
    file["colour"] = h5py.SoftLink("/deep/place")


def external_storage(file: h5py.File, secret: Path) -> None:
    file.create_dataset(NAME, (1, 1, 3, 3), "f4", external=[(str(secret), 0, 36)])


def virtual_dataset(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout(shape=(1, 1, 3, 3), dtype="f4")
    layout[...] = h5py.VirtualSource(str(secret), NAME, shape=(1, 1, 3, 3))
    file.create_virtual_dataset(NAME, layout)


def empty_of_terabytes(file: h5py.File, _: Path) -> None:
    file.create_dataset(NAME, (2**20, 2**20), "f4", chunks=(2**10, 2**10))


def group_in_itself(file: h5py.File, _: Path) -> None:
    file["colour/again"] = file["/"]


def deep_groups(file: h5py.File, _: Path) -> None:
    file["/".join(["a"] * 300)] = SECRET


def with_attribute(name: str, value: Any) -> Callable[[h5py.File, Path], None]:
    def write(file: h5py.File, _: Path) -> None:
        file[NAME] = SECRET
        (file if name == "layer_names" else file["colour"]).attrs[name] = value
        if name == "weight_names":
            file.attrs["layer_names"] = ["colour"]

    return write


ATTRIBUTES = [
    0, 1.5, [1, 2], [[b"a", b"b"]], b"\xff\xfe", "nosuch", ["nosuch"], ["/"], [""], [".."], ["colour/kernel:0"],
    np.zeros(3), h5py.Empty("f4"), h5py.Empty(h5py.string_dtype()), ["colour"] * 3, True, np.array([b"a\0b"]),
]  # fmt: skip
HDF5 = {
    **{
        write.__name__: write
        for write in (
            external_link, external_link_in_a_link, external_storage, virtual_dataset, empty_of_terabytes,
            group_in_itself, deep_groups,
        )
    },
    **{f"layer_names = {value!r}": with_attribute("layer_names", value) for value in ATTRIBUTES},
    **{f"weight_names = {value!r}": with_attribute("weight_names", value) for value in ATTRIBUTES},
}  # fmt: skip


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the weights, which no file of weights may read."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file[NAME] = SECRET
    return path


@pytest.mark.parametrize("kind", HDF5)
def test_a_hostile_hdf5_file_is_refused_in_one_line(
    kind: str, card: str, tmp_path: Path, secret: Path
) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        HDF5[kind](file, secret)
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        load_weights(network(card), ["colour"], source=str(path))
    assert str(caught.value).isprintable()
    assert tracemalloc.get_traced_memory()[1] < 2**24
    assert time.monotonic() - started < 5
    tracemalloc.stop()


@pytest.mark.parametrize("write", [external_link, external_link_in_a_link, external_storage, virtual_dataset])
def test_what_is_in_another_file_is_not_read(
    write: Callable[[h5py.File, Path], None], card: str, tmp_path: Path, secret: Path
) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        write(file, secret)
    with pytest.raises(WeightsError, match=r"(a link into|are in) another file\); download or export"):
        load_weights(network(card), ["colour"], source=str(path))


def test_a_tensor_of_terabytes_is_refused_before_its_layer_is_known(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        empty_of_terabytes(file, tmp_path)
    with (
        pytest.raises(WeightsError, match=r"has 4096\.0 GB; expected at most 4 GB"),
        open_weights(tmp_path / "weights.h5", "keras"),
    ):
        pass


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_ENTRIES", 10)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        for number in range(11):
            file[f"layer_{number}"] = SECRET
    with (
        pytest.raises(WeightsError, match="more than 10 entries"),
        open_weights(tmp_path / "weights.h5", "keras"),
    ):
        pass


def test_an_array_of_more_numbers_than_its_entry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.npz").write_bytes(npz_with_header((1000,), bytes(8)))
    with (
        pytest.raises(WeightsError, match="has 4,000 bytes of numbers, but its entry"),
        open_weights(tmp_path / "weights.npz", "npz"),
    ):
        pass


def test_a_graph_of_weights_is_examined_before_anything_is_read(tmp_path: Path) -> None:
    for content, words in (
        (of_terabytes(), "but stores 4"),
        (circle(), "not in an order in which it can run"),
    ):
        (tmp_path / "weights.onnx").write_bytes(content)
        with pytest.raises(WeightsError, match=words), open_weights(tmp_path / "weights.onnx", "onnx"):
            pass


def test_a_link_inside_a_file_is_followed(card: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["elsewhere/kernel:0"] = tensors()["colour.kernel"].transpose(2, 3, 1, 0)
        file["elsewhere/bias:0"] = tensors()["colour.bias"]
        file["colour"] = h5py.SoftLink("/elsewhere")
        file.attrs["layer_names"] = ["colour"]
        file["colour"].attrs["weight_names"] = ["kernel:0", "bias:0"]
    found = load_weights(network(card), ["colour"], source=str(path)).tensors
    assert np.array_equal(found["colour.kernel"], tensors()["colour.kernel"])


def npz_with_header(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, {"descr": "<f4", "fortran_order": False, "shape": shape})
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("colour.kernel.npy", array.getvalue() + content)
    return written.getvalue()


@pytest.mark.parametrize("shape", [(2**40,), (2**20, 2**20), (2**62, 4), (2**13, 2**13)])
def test_an_array_larger_than_its_file_is_refused(shape: tuple[int, ...], card: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(npz_with_header(shape, bytes(2**28) if shape == (2**13, 2**13) else b""))
    with pytest.raises(WeightsError, match="bytes of numbers"):
        load_weights(network(card), ["colour"], source=str(path))


def onnx_with(nodes: list[onnx.NodeProto], tensors: list[onnx.TensorProto]) -> bytes:
    """A graph of one convolution, whose kernel the nodes compute."""
    image = helper.make_tensor_value_info("x", 1, ["n", 3, 4, 4])
    nodes = [*nodes, helper.make_node("Conv", ["x", "kernel"], ["y"])]
    graph = helper.make_graph(nodes, "g", [image], [helper.make_tensor_value_info("y", 1, None)], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString()


def shapes_of_shapes() -> bytes:
    """A shape that is reshaped to itself, which takes twice as long for every node."""
    shape = numpy_helper.from_array(np.array([1]), "s0")
    kernel = numpy_helper.from_array(np.zeros((3, 3, 1, 1), np.float32), "k")
    whole = numpy_helper.from_array(np.array([3, 3, 1, 1]), "whole")
    nodes = [helper.make_node("Reshape", [f"s{place}"] * 2, [f"s{place + 1}"]) for place in range(40)]
    nodes.append(helper.make_node("Unsqueeze", ["k", "s40"], ["unsqueezed"]))
    nodes.append(helper.make_node("Reshape", ["unsqueezed", "whole"], ["kernel"]))
    return onnx_with(nodes, [shape, kernel, whole])


def deep_constant() -> bytes:
    kernel = numpy_helper.from_array(np.zeros((3, 3, 1, 1), np.float32), "k0")
    nodes = [helper.make_node("Identity", [f"k{place}"], [f"k{place + 1}"]) for place in range(5000)]
    return onnx_with([*nodes, helper.make_node("Identity", ["k5000"], ["kernel"])], [kernel])


def circle() -> bytes:
    kernel = numpy_helper.from_array(np.zeros((3, 3, 1, 1), np.float32), "kernel")
    nodes = [helper.make_node("Identity", ["b"], ["a"]), helper.make_node("Identity", ["a"], ["b"])]
    return onnx_with([*nodes, helper.make_node("Conv", ["a", "kernel"], ["z"])], [kernel])


def of_terabytes() -> bytes:
    kernel = onnx.TensorProto(name="kernel", dims=[2**20, 3, 2**10, 2**10], data_type=1, raw_data=b"1234")
    return onnx_with([], [kernel])


@pytest.mark.parametrize("make", [shapes_of_shapes, deep_constant, circle, of_terabytes])
def test_a_hostile_onnx_file_of_weights_ends_in_one_line(
    make: Callable[[], bytes], card: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.onnx"
    path.write_bytes(make())
    started = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        load_weights(network(card), ["sum"], source=str(path))
    assert str(caught.value).isprintable() and time.monotonic() - started < 5


def with_kernel_in(location: str, sides: tuple[int, ...] = (1, 3, 1, 1)) -> bytes:
    """A graph whose kernel is in another file."""
    kernel = onnx.TensorProto(name="kernel", dims=sides, data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    kernel.external_data.add(key="location", value=location)
    return onnx_with([], [kernel])


def test_weights_beside_a_graph_are_counted_before_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").write_bytes(with_kernel_in("nowhere.data", (30_000, 30_000, 1, 1)))
    with (
        pytest.raises(WeightsError, match=r"3\.4 GB of weights; expected less than 2 GB"),
        open_weights(tmp_path / "weights.onnx", "onnx"),
    ):
        pass


@pytest.mark.parametrize("location", ["../secret", "{secret}", "link"])
def test_weights_of_a_graph_are_read_from_its_folder_alone(location: str, tmp_path: Path) -> None:
    secret, path = tmp_path / "secret", tmp_path / "weights" / "weights.onnx"
    path.parent.mkdir()
    secret.write_bytes(bytes(12))
    (path.parent / "link").symlink_to(secret)
    path.write_bytes(with_kernel_in(location.format(secret=secret)))
    with (
        pytest.raises(WeightsError, match="cannot be read as an ONNX file"),
        open_weights(path, "onnx") as opened,
    ):
        opened.tensors[0].read()
