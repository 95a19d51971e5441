"""Where weights come from, in which order, and that every tensor is the one it should be."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.content import card, shipped_names
from toolbox.errors import DownloadError, UsageError, VerificationError, WeightsError
from toolbox.fetch import describe, fetch, is_cached
from toolbox.graph import Tensors
from toolbox.network.card import ChainLayer, Network, network
from toolbox.network.weights.layout import PROGRAMS
from toolbox.network.weights.matching import Found, read_tensors
from toolbox.progress import Progress, silent

FORMATS = {".h5": "keras", ".hdf5": "keras", ".onnx": "onnx", ".npz": "npz", ".safetensors": "safetensors"}


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
        source: 'auto' (the cache, then the card's sources in their order), a file (`.h5`, `.onnx`, `.npz`,
            `.safetensors`) or `random:SEED`.

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
    return hashlib.sha256(np.ascontiguousarray(tensor, dtype="<f4").data).hexdigest()


def _automatic(
    net: Network, wanted: tuple[ChainLayer, ...], must_be_whole: bool, progress: Progress
) -> Weights:
    """Sources that cover every wanted layer first, the smallest download first; then those that cover a part."""
    offers = [(source, _covered(wanted, source)) for source in net.weights]
    if must_be_whole:
        offers = [(source, layers) for source, layers in offers if layers == wanted]
    offers.sort(key=lambda offer: (-len(offer[1]), not _is_at_hand(offer[0]), int(offer[0].get("bytes", 0))))
    failures: list[str] = []
    for source, layers in offers:
        path = _try(source, progress, failures)
        if path is not None and layers:
            if missing := ", ".join(layer.name for layer in wanted[len(layers) :]):
                failures.append(
                    f"{missing} left out: their weights could not be had; all other layers are complete"
                )
            return _from_source(net, layers, source, path, failures)
    deepest = [layer.name for layer in wanted if layer.has_weights][-1:] or [wanted[-1].name]
    raise WeightsError(
        f"no weights of {net.name} for {deepest[0]}: {'; '.join(failures) or 'its card names no source'}; "
        "give a file with --weights FILE (.h5, .onnx, .npz, .safetensors)"
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
    net: Network, layers: tuple[ChainLayer, ...], source: Mapping[str, Any], path: Path, remarks: list[str]
) -> Weights:
    if source["format"] == "random":
        return Weights(_drawn(net, layers, int(source["seed"])), _title(source), layers, tuple(remarks))
    found = read_tensors(path, source["format"], net, layers)
    kept, _ = _verified(net, layers, found, _title(source))  # and the file has the digest that its card says
    return Weights(kept, _title(source), layers, (*remarks, *found.remarks))


def _title(source: Mapping[str, Any]) -> str:
    """How a source is named in provenance."""
    if source["format"] == "random":
        return f"random numbers, seed {source['seed']}"
    return str(source.get("title") or describe(source))


def _from_file(
    net: Network, wanted: tuple[ChainLayer, ...], path: Path, format: str, *, must_be_whole: bool
) -> Weights:
    found = read_tensors(path, format, net, wanted)
    layers = tuple(
        takewhile(lambda layer: not layer.has_weights or f"{layer.name}.kernel" in found.tensors, wanted)
    )
    if layers != wanted and (must_be_whole or not layers):
        raise WeightsError(
            f"{path} holds no weights for {wanted[len(layers)].name}; choose --layers it does hold"
        )
    missing = ", ".join(layer.name for layer in wanted[len(layers) :])
    left_out = [f"{missing} left out: {path} lacks them"] if missing else []
    kept, is_known = _verified(net, layers, found, path.name)
    on_trust = [] if is_known else _on_trust(net, found.program, path.name)
    return Weights(kept, path.name, layers, (*left_out, *found.remarks, *on_trust))


def _verified(
    net: Network, layers: tuple[ChainLayer, ...], found: Found, source: str
) -> tuple[Tensors, bool]:
    """Hold every tensor against the digest (or first value) in the card, and against the digests in all others.

    Returns: the tensors of these layers, and whether the card knew each of them.
    """
    known = _digests_of_others(net)
    kept: Tensors = {}
    is_known = True
    for layer in layers:
        for part in ("kernel", "bias") if layer.has_weights else ():
            name = f"{layer.name}.{part}"
            if name not in found.tensors:
                raise WeightsError(f"{source} lacks {name}; use a file that holds it")
            kept[name] = found.tensors[name]
            _check_digest(net, name, found, source, known)
            is_known = is_known and (name in net.digests or layer.name in net.first_values)
        if layer.name in net.first_values:
            _check_first_values(net, layer, kept, source)
    return kept, is_known


def _on_trust(net: Network, program: str, source: str) -> list[str]:
    """What is to be said of tensors that the card does not know, where it says whose layout they have.

    Equal shapes hold other filters, which need other preprocessing: nothing else tells Oxford's from torchvision's.

    Raises: VerificationError for the layout of another program.
    """
    _check_layout(net, program, source)
    if program or not net.layout:
        return []
    return [f"nothing tells that these are the weights of {net.name} ({net.title}); they are taken on trust"]


def _check_layout(net: Network, program: str, source: str) -> None:
    if not program or not net.layout or program == net.layout:
        return
    raise VerificationError(
        f"{source} is laid out as in {PROGRAMS[program]}, the weights of {net.name} as in {PROGRAMS[net.layout]}: "
        f"filters of another training, for other preprocessing; {_other_model(net, program)}"
    )


def _other_model(net: Network, program: str) -> str:
    """What to do with weights of another program: the shipped network of the same layers that has such ones."""
    others = (network(name) for name in shipped_names("models"))
    fitting = [other.name for other in others if other.layout == program and other.chain == net.chain]
    if fitting:
        return f"use --model {fitting[0]}"
    return (
        f'write a card of your own with like = "{net.name}", a new name, the [input] that these weights need, '
        f'and layout = "{program}"'
    )


def _check_digest(
    net: Network, name: str, found: Found, source: str, known: Mapping[str, tuple[str, str]]
) -> None:
    digest, expected = tensor_digest(found.tensors[name]), net.digests.get(name)
    if expected and digest != expected:
        _check_layout(net, found.program, source)
        raise VerificationError(
            f"{name} from {source} is not the tensor of {net.name}'s card; to use other weights, "
            f'write a card of your own with like = "{net.name}", a new name and digests = {{}} '
            "(vgg16-untrained is such a card for random ones)"
        )
    if not expected and digest in known:
        other, its_name = known[digest]
        raise VerificationError(
            f"{name} from {source} is {other}'s {its_name}, and {net.name} is another network; "
            f"use --model {other}, or give your own card these tensors' digests"
        )


def _digests_of_others(net: Network) -> dict[str, tuple[str, str]]:
    """Network and name of every tensor whose digest another shipped card knows."""
    return {
        digest: (other, name)
        for other in shipped_names("models")
        if other != net.name
        for name, digest in card("models", other).get("digests", {}).items()
    }


def _check_first_values(net: Network, layer: ChainLayer, tensors: Tensors, source: str) -> None:
    found = (float(tensors[f"{layer.name}.kernel"].flat[0]), float(tensors[f"{layer.name}.bias"].flat[0]))
    if not np.allclose(found, net.first_values[layer.name], rtol=1e-5, atol=0):
        raise VerificationError(
            f"{layer.name} from {source} starts with {found}, the published weights of {net.name} with "
            f"{net.first_values[layer.name]}; to use other weights, write a card of your own"
        )


def _seed(source: str) -> int:
    seed = source.removeprefix("random:")
    if not seed.isdigit():
        raise UsageError(f"{source!r} has no seed; expected a whole number, as in random:0")
    return int(seed)


def _drawn(net: Network, layers: Iterable[ChainLayer], seed: int) -> Tensors:
    """Random tensors, for a network whose card names no others."""
    for layer in layers:
        if {f"{layer.name}.kernel", f"{layer.name}.bias", layer.name} & {*net.digests, *net.first_values}:
            raise VerificationError(
                f"random numbers, seed {seed}, are not the tensors of {net.name}'s card; to use other weights, "
                f'write a card of your own with like = "{net.name}", a new name and digests = {{}} '
                "(vgg16-untrained is such a card for random ones)"
            )
    return _random(layers, seed)


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
