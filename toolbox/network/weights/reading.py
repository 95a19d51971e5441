"""Reading files of weights: names and shapes at once, tensors one at a time. Does not assign tensors to layers."""

from __future__ import annotations

import math
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

_LARGEST_TENSOR = 2**32
"""Bytes of one tensor in a file of weights; that of the largest layer of VGG16 has 0.4 GB."""
_ALWAYS_READ, _MOST_COMPRESSED = 2**26, 100
"""Bytes of a tensor that may be compressed in any way, and by how much larger ones may be."""
_MOST_ENTRIES, _MOST_DEEP = 100_000, 32
"""Groups and tensors of an HDF5 file, and groups inside one another."""
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
    of_values = (
        ValueError,
        KeyError,
        TypeError,
        NotImplementedError,
        RuntimeError,
        OverflowError,
        MemoryError,
    )
    return (OSError, EOFError, *of_values, *of_libraries)


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
    _check_self_contained(file)
    root = file.get("model_weights", file)  # a file of a whole model also contains tensors of the optimiser
    is_ordered = "layer_names" in root.attrs
    tensors = _tensors_in_keras_order(root) if is_ordered else _tensors_in_natural_order(root)
    stored = [
        _stored_tensor(name, tensor.shape, partial(tensor.__getitem__, ()), "" if is_ordered else tensor.name)
        for name, tensor in tensors
        if tensor.shape
    ]
    return [replace(tensor, layout=lambda: KERAS_LAYOUT) for tensor in stored]


def _check_self_contained(file: Any) -> None:
    """Refuse links and tensors whose numbers are in other files, before anything is followed or read.

    Every link is looked at as a link, so that none leads outside, in circles, or thousands of groups deep.
    """
    import h5py

    groups, found = [("", file)], 0
    while groups:
        place, group = groups.pop()
        for name in group:
            found += 1
            link = group.get(name, getlink=True)
            if found > _MOST_ENTRIES or place.count("/") > _MOST_DEEP:
                raise ValueError(f"it has more than {_MOST_ENTRIES:,} entries, or groups in groups in groups")
            if isinstance(link, h5py.ExternalLink):
                raise ValueError(f"{place}/{name} is a link into another file")
            if isinstance(link, h5py.SoftLink):
                continue  # to a place in this file, where every entry is examined
            entry = group[name]
            if isinstance(entry, h5py.Group):
                groups.append((f"{place}/{name}", entry))
            elif isinstance(entry, h5py.Dataset):
                _check_dataset(entry, f"{place}/{name}")


def _check_size(name: str, size: int, stored: int) -> None:
    """Refuse a tensor whose numbers take much more memory than the bytes in which the file stores them."""
    if size > _LARGEST_TENSOR or size > max(_ALWAYS_READ, _MOST_COMPRESSED * stored):
        raise ValueError(
            f"{name} has {size:,} bytes of numbers, stored in {stored:,}; expected at most {_LARGEST_TENSOR >> 30} GB, "
            f"compressed by at most {_MOST_COMPRESSED}"
        )


def _check_dataset(dataset: Any, name: str) -> None:
    """Refuse a tensor whose numbers are in another file, or are many more than the file can contain."""
    layout = dataset.id.get_create_plist()
    if dataset.is_virtual or layout.get_external_count():
        raise ValueError(f"the numbers of {name} are in another file")
    if dataset.nbytes > _LARGEST_TENSOR:
        raise ValueError(
            f"{name} has {dataset.nbytes / 2**30:.1f} GB; expected at most {_LARGEST_TENSOR >> 30} GB"
        )


def _tensors_in_keras_order(root: Any) -> Iterator[tuple[str, Any]]:
    for layer in _names_in(root, "layer_names"):
        for weight in _names_in(_group_of(root, layer), "weight_names"):
            tensor = root[layer].get(weight)
            if not hasattr(tensor, "shape"):
                raise ValueError(f"{weight!r}, a weight of the layer {layer!r}, is no tensor of this file")
            yield f"{layer}/{weight.rsplit(':', 1)[0]}", tensor


def _names_in(group: Any, attribute: str) -> list[str]:
    """The names in an attribute of a group; a list of texts, or a single text."""
    values = np.atleast_1d(np.asarray(group.attrs.get(attribute, ()), dtype=object))
    if values.ndim != 1 or not all(isinstance(value, str | bytes) for value in values):
        raise ValueError(f"the attribute {attribute!r} is no list of names")
    return [*map(_text, values)]


def _group_of(root: Any, layer: str) -> Any:
    group = root.get(layer)
    if group is None or hasattr(group, "shape"):
        raise ValueError(f"the layer {layer!r} in the attribute 'layer_names' is no group of this file")
    return group


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
    shapes = {
        member.filename.removesuffix(".npy"): _npy_shape(archive, member) for member in archive.infolist()
    }
    return _sort_tensors(shapes, file.__getitem__)


def _npy_shape(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Shape:
    """The shape in the header of an array, whose values are not read; they must be as many as the archive states."""
    with archive.open(member) as file:
        is_old = np.lib.format.read_magic(file) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if is_old else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        size = math.prod(shape) * dtype.itemsize
        if size > member.file_size:
            raise ValueError(
                f"{member.filename} has {size:,} bytes of numbers, but its entry {member.file_size:,}"
            )
        _check_size(member.filename, size, member.compress_size)
        return tuple(shape)


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
