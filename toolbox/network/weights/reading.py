"""Reading files of weights: names and shapes at once, tensors one at a time. Does not assign tensors to layers."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import WeightsError
from toolbox.network.weights.layout import KERAS_LAYOUT, Shape, StoredTensor, WeightFile

WEIGHT_FORMATS = {
    ".h5": "keras", ".hdf5": "keras", ".onnx": "onnx", ".npz": "npz", ".safetensors": "safetensors"
}  # fmt: skip


@contextmanager
def open_weights(path: Path, format: str) -> Iterator[WeightFile]:
    """A file of weights, which is closed at the end.

    Args:
        path: path of the file.
        format: one of the values of `WEIGHT_FORMATS`.

    Raises: WeightsError for a file that is damaged or has another format, now or when a tensor is read.
    """
    with ExitStack() as stack:
        with _one_line_errors(path, format):
            tensors = _FORMATS[format][1](path, stack)
        yield WeightFile(
            path, [replace(each, read=partial(_read_numbers, path, format, each)) for each in tensors]
        )


def _read_numbers(path: Path, format: str, stored: StoredTensor) -> NDArray[Any]:
    with _one_line_errors(path, format):
        tensor = stored.read()
    if tensor.dtype.kind in "OSUTbcMm":
        raise WeightsError(
            f"{stored.name} in {path} has the type {tensor.dtype}; expected floating-point numbers"
        )
    return tensor


@contextmanager
def _one_line_errors(path: Path, format: str) -> Iterator[None]:
    """Turn the exceptions of the libraries for a damaged file into a WeightsError."""
    try:
        yield
    except _reading_errors() as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{path} cannot be read as {_FORMATS[format][0]} ({reason}); download or export the file again"
        ) from error


def _reading_errors() -> tuple[type[Exception], ...]:
    from google.protobuf.message import DecodeError
    from onnx.checker import ValidationError
    from safetensors import SafetensorError

    of_libraries = (SafetensorError, DecodeError, ValidationError, zipfile.BadZipFile, zlib.error)
    return (OSError, ValueError, KeyError, EOFError, *of_libraries)


def _natural_key(name: str) -> list[list[tuple[int, int, str]]]:
    """A sorting key with features.2 before features.10, and conv/kernel before conv_1/kernel."""
    return [
        [(0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in re.findall(r"\d+|\D+", part)]
        for part in re.split(r"[/.]", name)
    ]


def _stored_tensor(name: str, shape: Shape, read: Callable[[], Any], place: str) -> StoredTensor:
    """A tensor whose layer is known only by its name.

    The layer is the name without its last part. The group is the part of `place` before the first number or separator:
    `features`, `classifier`, `conv`. Numbers order the layers within a group; only the shapes show that `features`
    comes before `classifier`.
    """
    layer = name[: max(name.rfind("/"), name.rfind("."), 0)]
    return StoredTensor(name, shape, read, layer, re.split(r"[/.\d]", place.lstrip("/"), maxsplit=1)[0])


def _sort_tensors(shapes: Mapping[str, Shape], read: Callable[[str], Any]) -> list[StoredTensor]:
    """Tensors of an unordered file in the natural order of their names, without single numbers."""
    names = [name for name in sorted(shapes, key=_natural_key) if shapes[name]]
    return [_stored_tensor(name, shapes[name], partial(read, name), name) for name in names]


def _keras_tensors(path: Path, stack: ExitStack) -> list[StoredTensor]:
    import h5py

    file = stack.enter_context(h5py.File(path))
    root = file.get("model_weights", file)  # a file of a whole model also contains tensors of the optimiser
    is_ordered = "layer_names" in root.attrs
    tensors = _tensors_in_keras_order(root) if is_ordered else _tensors_in_natural_order(root)
    stored = [
        _stored_tensor(name, tensor.shape, partial(tensor.__getitem__, ()), "" if is_ordered else tensor.name)
        for name, tensor in tensors
        if tensor.shape
    ]
    return [replace(tensor, layout=lambda: KERAS_LAYOUT) for tensor in stored]


def _tensors_in_keras_order(root: Any) -> Iterator[tuple[str, Any]]:
    for layer in map(_text, root.attrs["layer_names"]):
        for weight in map(_text, root[layer].attrs.get("weight_names", ())):
            yield f"{layer}/{weight.rsplit(':', 1)[0]}", root[layer][weight]


def _tensors_in_natural_order(root: Any) -> list[tuple[str, Any]]:
    """Keras 3 numbers the layers of each kind (layers/conv2d_1/vars/0), and stores their names as attributes."""
    tensors: list[tuple[str, Any]] = []

    def visit(name: str, item: Any) -> None:
        if hasattr(item, "shape"):  # groups have no shape
            layer = _text(item.parent.attrs.get("name", ""))
            tensors.append((f"{layer}/{name}".lstrip("/").rsplit(":", 1)[0], item))

    root.visititems(visit)
    return sorted(tensors, key=lambda each: _natural_key(each[1].name))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _npz_tensors(path: Path, stack: ExitStack) -> list[StoredTensor]:
    file = np.load(stack.enter_context(path.open("rb")), allow_pickle=False)
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError("it is a single array")
    archive = stack.enter_context(file).zip
    assert archive is not None  # until the file is closed
    shapes = {member.removesuffix(".npy"): _npy_shape(archive, member) for member in archive.namelist()}
    return _sort_tensors(shapes, file.__getitem__)


def _npy_shape(archive: zipfile.ZipFile, member: str) -> Shape:
    """The shape in the header of an array, whose values are not read."""
    with archive.open(member) as file:
        is_old = np.lib.format.read_magic(file) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if is_old else np.lib.format.read_array_header_2_0
        return tuple(read(file)[0])


def _safe_tensors(path: Path, stack: ExitStack) -> list[StoredTensor]:
    import ml_dtypes  # noqa: F401 numpy has no bfloat16 of its own
    from safetensors import safe_open

    file = stack.enter_context(safe_open(path, framework="numpy"))
    shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 no dictionary
    return _sort_tensors(shapes, file.get_tensor)


def _onnx_tensors(path: Path, _: ExitStack) -> list[StoredTensor]:
    from toolbox.network.weights.graphs import graph_tensors

    return graph_tensors(path)


_FORMATS: dict[str, tuple[str, Callable[[Path, ExitStack], list[StoredTensor]]]] = {
    "keras": ("an HDF5 file", _keras_tensors),
    "npz": ("an .npz file of plain arrays", _npz_tensors),
    "onnx": ("an ONNX file", _onnx_tensors),
    "safetensors": ("a .safetensors file", _safe_tensors),
}
