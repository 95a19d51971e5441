"""The weights of a network, from a user's file, the cache or a published source, each tensor verified.

Tensors are named `<layer>.kernel` and `<layer>.bias`: float32, kernels of convolutions as (filters, inputs,
height, width), of dense layers as (inputs, filters), where the inputs run over height, width, channel.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import DownloadError, UsageError, VerificationError, WeightsError
from toolbox.fetch import Progress, describe, fetch, is_cached, silent
from toolbox.network.card import ChainLayer, Network

Tensors = dict[str, NDArray[np.float32]]
FORMATS = {".h5": "keras", ".hdf5": "keras", ".onnx": "onnx", ".npz": "npz"}


@dataclass(frozen=True)
class Weights:
    """Tensors by name, where they come from, and the layers they reach down to from the input."""

    tensors: Tensors
    source: str
    layers: tuple[ChainLayer, ...]
    remarks: tuple[str, ...] = ()


def load_weights(
    network: Network,
    layers: Iterable[str] | None = None,
    *,
    source: str = "auto",
    progress: Progress = silent,
) -> Weights:
    """Verified weights for the named layers and all below them.

    Args:
        layers: names of the layers to be tapped; None for all that can be had, with a remark on what is missing.
        source: 'auto' (the cache, then the card's sources in their order), a file (`.h5`, `.onnx`, `.npz`) or
            `random:SEED`.

    Raises: WeightsError when a wanted layer cannot be had; VerificationError when a tensor of a
        file is not the one in the card.
    """
    wanted = network.below(layers or [layer.name for layer in network.layers])
    if source == "auto":
        return _automatic(network, wanted, layers is not None, progress)
    if source.startswith("random:"):
        drawn = {"format": "random", "seed": _seed(source)}
        return _from_source(network, wanted, drawn, Path(), [])
    path = Path(source)
    if not path.is_file() or path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{source!r} is no source of weights; expected auto, random:SEED, "
            f"or an existing file ending in {', '.join(FORMATS)}"
        )
    return _from_file(network, wanted, path, FORMATS[path.suffix.lower()], must_be_whole=layers is not None)


def tensor_digest(tensor: NDArray[np.float32]) -> str:
    """SHA-256 of a tensor as little-endian float32 in C order."""
    return hashlib.sha256(np.ascontiguousarray(tensor, dtype="<f4").tobytes()).hexdigest()


def _automatic(network: Network, wanted: tuple[ChainLayer, ...], must_be_whole: bool, progress: Progress) -> Weights:
    """Sources that cover every wanted layer first, the smallest download first; then those that cover a part."""
    offers = [(source, _covered(wanted, source)) for source in network.weights]
    if must_be_whole:
        offers = [(source, layers) for source, layers in offers if layers == wanted]
    offers.sort(key=lambda offer: (-len(offer[1]), not _is_at_hand(offer[0]), int(offer[0].get("bytes", 0))))
    failures: list[str] = []
    for source, layers in offers:
        path = _try(source, progress, failures)
        if path is not None and layers:
            if missing := ", ".join(layer.name for layer in wanted[len(layers) :]):
                failures.append(f"{missing} left out: their weights could not be had; all other layers are complete")
            return _from_source(network, layers, source, path, failures)
    raise WeightsError(
        f"no weights of {network.name} for {wanted[-1].name}: {'; '.join(failures) or 'its card names no source'}; "
        "or give a file with --weights FILE (.h5, .onnx, .npz)"
    )


def _covered(wanted: tuple[ChainLayer, ...], source: Mapping[str, Any]) -> tuple[ChainLayer, ...]:
    """The leading layers that a source covers without a gap."""

    def is_covered(layer: ChainLayer) -> bool:
        return not layer.has_weights or any(fnmatchcase(layer.name, pattern) for pattern in source["layers"])

    return tuple(takewhile(is_covered, wanted))


def _is_at_hand(source: Mapping[str, Any]) -> bool:
    return source["format"] == "random" or is_cached(source)


def _try(source: Mapping[str, Any], progress: Progress, failures: list[str]) -> Path | None:
    """The file of a source, or None and one more failure on the list."""
    if source["format"] == "random":
        return Path()
    try:
        return fetch(source, progress)
    except (DownloadError, VerificationError) as error:
        failures.append(str(error))
        return None


def _from_source(
    network: Network, layers: tuple[ChainLayer, ...], source: Mapping[str, Any], path: Path, remarks: list[str]
) -> Weights:
    if source["format"] == "random":
        return _verified(network, layers, _random(layers, int(source["seed"])), _title(source), remarks)
    return _verified(network, layers, _read(path, source["format"], layers), _title(source), remarks)


def _title(source: Mapping[str, Any]) -> str:
    """How a source is named in provenance."""
    if source["format"] == "random":
        return f"random numbers, seed {source['seed']}"
    return str(source.get("title") or describe(source))


def _from_file(
    network: Network, wanted: tuple[ChainLayer, ...], path: Path, format: str, *, must_be_whole: bool
) -> Weights:
    tensors = _read(path, format, wanted)
    layers = tuple(takewhile(lambda layer: not layer.has_weights or f"{layer.name}.kernel" in tensors, wanted))
    if layers != wanted and (must_be_whole or not layers):
        raise WeightsError(f"{path} holds no weights for {wanted[len(layers)].name}; choose --layers it does hold")
    missing = ", ".join(layer.name for layer in wanted[len(layers) :])
    return _verified(network, layers, tensors, path.name, [f"{missing} left out: {path} lacks them"] if missing else [])


def _verified(
    network: Network, layers: tuple[ChainLayer, ...], tensors: Tensors, source: str, remarks: Iterable[str] = ()
) -> Weights:
    """Hold every tensor against the shape and the digest (or first value) in the card."""
    kept: Tensors = {}
    for layer in layers:
        for part, shape in (("kernel", layer.kernel_shape), ("bias", (layer.filters,))) if layer.has_weights else ():
            name = f"{layer.name}.{part}"
            if name not in tensors:
                raise WeightsError(f"{source} lacks {name}, shape {shape}; use a file that holds it")
            kept[name] = _shaped(name, tensors[name], shape, source)
            expected = network.digests.get(name)
            if expected and tensor_digest(kept[name]) != expected:
                raise VerificationError(
                    f"{name} from {source} is not the tensor of {network.name}'s card; to use other weights, "
                    f'write a card of your own with like = "{network.name}", a new name and digests = {{}} '
                    "(vgg16-untrained is such a card for random ones)"
                )
        if layer.name in network.first_values:
            _hold_first_values(network, layer, kept, source)
    return Weights(kept, source, layers, tuple(remarks))


def _shaped(name: str, tensor: NDArray[np.float32], shape: tuple[int, ...], source: str) -> NDArray[np.float32]:
    if tensor.shape != shape:
        raise WeightsError(f"{name} from {source} has shape {tensor.shape}, the card expects {shape}")
    return np.ascontiguousarray(tensor, dtype=np.float32)


def _hold_first_values(network: Network, layer: ChainLayer, tensors: Tensors, source: str) -> None:
    found = (float(tensors[f"{layer.name}.kernel"].flat[0]), float(tensors[f"{layer.name}.bias"].flat[0]))
    if not np.allclose(found, network.first_values[layer.name], rtol=1e-5, atol=0):
        raise VerificationError(
            f"{layer.name} from {source} starts with {found}, the published weights of {network.name} with "
            f"{network.first_values[layer.name]}; to use other weights, write a card of your own"
        )


def _seed(source: str) -> int:
    seed = source.removeprefix("random:")
    if not seed.isdigit():
        raise UsageError(f"{source!r} has no seed; expected a whole number, as in random:0")
    return int(seed)


def _random(layers: Iterable[ChainLayer], seed: int) -> Tensors:
    """Kernels of variance 2 / inputs (He, Zhang, Ren and Sun 2015, arXiv:1502.01852), biases zero."""
    tensors: Tensors = {}
    for layer in layers:
        if layer.has_weights:
            # Each layer has its own stream, so that asking for fewer layers changes none of them.
            stream = np.random.default_rng([seed, zlib.crc32(layer.name.encode())])
            inputs = layer.inputs * (layer.kernel**2 if layer.kind == "convolution" else 1)
            kernel = stream.standard_normal(layer.kernel_shape, dtype=np.float32)
            tensors[f"{layer.name}.kernel"] = kernel * np.float32(np.sqrt(2 / inputs))
            tensors[f"{layer.name}.bias"] = np.zeros(layer.filters, dtype=np.float32)
    return tensors


def _read(path: Path, format: str, layers: Iterable[ChainLayer]) -> Tensors:
    """The tensors of a file that belong to layers, matched by the layer's name inside the tensor's name."""
    readers: dict[str, Callable[[Path], Iterator[tuple[str, NDArray[Any]]]]] = {
        "keras": _keras_tensors,
        "onnx": _onnx_tensors,
        "npz": _npz_tensors,
    }
    by_name = {layer.name: layer for layer in layers if layer.has_weights}
    if not by_name:
        return {}
    longest_first = sorted(by_name, key=len, reverse=True)
    pattern = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(map(re.escape, longest_first))})(?![0-9])")
    tensors: Tensors = {}
    for name, tensor in readers[format](path):
        found = pattern.search(name)
        if found:
            layer = by_name[found[1]]
            part = "bias" if tensor.ndim == 1 else "kernel"
            key = f"{layer.name}.{part}"
            if key in tensors:
                raise WeightsError(f"{path} holds several tensors for {key}; keep one")
            tensors[key] = _in_layout(tensor, layer.kernel_shape) if part == "kernel" else tensor
    return tensors


def _in_layout(kernel: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A kernel in the toolbox's layout; only a shape that cannot be that is taken for the Keras or Gemm one."""
    if kernel.shape == shape:
        return kernel
    if kernel.ndim == 4 and kernel.transpose(3, 2, 0, 1).shape == shape:
        return kernel.transpose(3, 2, 0, 1)
    return kernel.T if kernel.ndim == 2 and kernel.T.shape == shape else kernel


def _keras_tensors(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    import h5py

    found: list[tuple[str, NDArray[Any]]] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim:
            found.append((name.rsplit(":", 1)[0], item[()]))

    try:
        with h5py.File(path) as file:
            file.visititems(visit)
    except OSError as error:
        raise WeightsError(f"{path} is not an HDF5 file that can be read ({error})") from error
    for name, tensor in found:
        # Keras keeps convolutions as (height, width, inputs, filters), whatever their sizes.
        yield name, tensor.transpose(3, 2, 0, 1) if tensor.ndim == 4 else tensor


def _onnx_tensors(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(path).graph
    except DecodeError as error:
        raise WeightsError(f"{path} is not an ONNX file ({error})") from error
    for tensor in graph.initializer:
        if tensor.dims:
            yield tensor.name, onnx.numpy_helper.to_array(tensor)


def _npz_tensors(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    import zipfile

    try:
        with np.load(path, allow_pickle=False) as file:
            yield from file.items()
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is not an .npz file of plain arrays ({error})") from error
