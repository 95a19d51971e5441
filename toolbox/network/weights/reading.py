"""What is in a file of weights: names and shapes at once, tensors one at a time. Never says which layer is meant."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from toolbox.errors import WeightsError
from toolbox.network.weights.layout import KERAS, Stored


@contextmanager
def opened(path: Path, format: str) -> Iterator[list[Stored]]:
    """The tensors of a file in the order of the layers, as far as names or graph tell it; closed at the end.

    Raises: WeightsError for a file that is broken or another format, now or when a tensor is read.
    """
    reader = _READERS[format]()
    with ExitStack() as stack:
        tensors = _guarded(partial(reader.open, path, stack), path, reader)
        yield [replace(each, read=partial(_guarded, each.read, path, reader)) for each in tensors]


@dataclass(frozen=True)
class _Reader:
    """A file format: how it is called, what its library raises of a broken file, and the function that opens it."""

    title: str
    errors: tuple[type[Exception], ...]
    open: Callable[[Path, ExitStack], list[Stored]]


def _guarded(read: Callable[[], Any], path: Path, reader: _Reader) -> Any:
    try:
        return read()
    except reader.errors as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{path} is not {reader.title} that can be read ({reason}); get the file anew"
        ) from error


def natural(name: str) -> list[list[tuple[int, int, str]]]:
    """A key that sorts features.2 before features.10, and conv/kernel before conv_1/kernel."""
    return [
        [(0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in re.findall(r"\d+|\D+", part)]
        for part in re.split(r"[/.]", name)
    ]


def _stem(name: str) -> str:
    """What a tensor's name shares with the other tensor of its layer, if names have parts at all."""
    return name[: max(name.rfind("/"), name.rfind("."), 0)]


def _group(name: str) -> str:
    """What comes before the first number or part of a name: `features`, `classifier`, `conv`. Numbers order layers
    within; that features come before the classifier, only shapes tell."""
    return re.split(r"[/.\d]", name.lstrip("/"), maxsplit=1)[0]


def _keras() -> _Reader:
    import h5py

    def tensors(path: Path, stack: ExitStack) -> list[Stored]:
        file = stack.enter_context(h5py.File(path))
        root = file.get("model_weights", file)  # beside it, a whole model has its optimiser's tensors
        is_ordered = "layer_names" in root.attrs
        found = _in_keras_order(root) if is_ordered else _in_natural_order(root)
        return [
            Stored(
                name,
                tensor.shape,
                partial(tensor.__getitem__, ()),
                _stem(name),
                "" if is_ordered else _group(tensor.name),
                lambda: KERAS,
            )
            for name, tensor in found
            if tensor.shape
        ]

    def _in_keras_order(root: Any) -> Iterator[tuple[str, Any]]:
        for layer in map(_text, root.attrs["layer_names"]):
            for weight in map(_text, root[layer].attrs.get("weight_names", ())):
                yield f"{layer}/{weight.rsplit(':', 1)[0]}", root[layer][weight]

    def _in_natural_order(root: Any) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                # Keras 3 counts layers of a kind (layers/conv2d_1/vars/0) and keeps their names beside the tensors.
                layer = _text(item.parent.attrs.get("name", ""))
                found.append((f"{layer}/{name}".lstrip("/").rsplit(":", 1)[0], item))

        root.visititems(visit)
        return sorted(found, key=lambda each: natural(each[1].name))

    return _Reader("an HDF5 file", (OSError, KeyError), tensors)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _npz() -> _Reader:
    def tensors(path: Path, stack: ExitStack) -> list[Stored]:
        file = np.load(stack.enter_context(path.open("rb")), allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
        stack.enter_context(file)
        return [
            Stored(name, shape, partial(file.__getitem__, name), _stem(name), _group(name))
            for name in sorted(file.files, key=natural)
            if (shape := _shape(file.zip, name))
        ]

    def _shape(archive: zipfile.ZipFile | None, name: str) -> tuple[int, ...]:
        assert archive is not None  # until the file is closed
        member = name if name in archive.namelist() else f"{name}.npy"
        with archive.open(member) as header:
            version = np.lib.format.read_magic(header)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            return tuple(read(header)[0])

    return _Reader(
        "an .npz file of plain arrays",
        (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error),
        tensors,
    )


def _safetensors() -> _Reader:
    import ml_dtypes  # noqa: F401 numpy has no bfloat16 of its own
    from safetensors import SafetensorError, safe_open

    def tensors(path: Path, stack: ExitStack) -> list[Stored]:
        file = stack.enter_context(safe_open(path, framework="numpy"))
        return [
            Stored(name, shape, partial(file.get_tensor, name), _stem(name), _group(name))
            for name in sorted(file.keys(), key=natural)
            if (shape := tuple(file.get_slice(name).get_shape()))
        ]

    return _Reader("a .safetensors file", (SafetensorError, OSError, ValueError), tensors)


def _onnx() -> _Reader:
    from google.protobuf.message import DecodeError
    from onnx.checker import ValidationError

    from toolbox.network.weights.graphs import graph_tensors

    def tensors(path: Path, _: ExitStack) -> list[Stored]:
        return graph_tensors(path)

    return _Reader("an ONNX file", (DecodeError, ValidationError, OSError, ValueError), tensors)


_READERS: dict[str, Callable[[], _Reader]] = {
    "keras": _keras,
    "npz": _npz,
    "onnx": _onnx,
    "safetensors": _safetensors,
}
