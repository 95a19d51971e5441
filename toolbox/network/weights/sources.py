"""Where weights come from, and in which order."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from toolbox.errors import DownloadError, UsageError, VerificationError, WeightsError
from toolbox.fetch import describe, fetch, is_cached
from toolbox.graph import Tensors
from toolbox.network.architecture import ChainLayer, Network
from toolbox.network.weights.digests import (
    Weights,
    card_remedy,
    check_weights,
    recognise_tensors,
    trust_remarks,
    weight_names,
)
from toolbox.network.weights.layout import weighted_layers
from toolbox.network.weights.matching import match_layers
from toolbox.network.weights.reading import WEIGHT_FORMATS, open_weights
from toolbox.progress import Progress, silent


def load_weights(
    network: Network,
    layers: Iterable[str] | None = None,
    *,
    source: str = "auto",
    progress: Progress = silent,
) -> Weights:
    """Verified weights for the named layers and all below them.

    Args:
        network: whose weights they are.
        layers: names of the layers to be recorded; None for all that are available, with a remark on what is missing.
        source: 'auto' (the cache, then the card's sources in their order), a file (`.h5`, `.onnx`, `.npz`,
            `.safetensors`) or `random:SEED`.
        progress: is called with how far a download is.

    Raises: WeightsError when a wanted layer is not available; VerificationError when a tensor of a
        file is not the one in the card.
    """
    wanted = network.below(layers or [layer.name for layer in network.layers])
    if source == "auto":
        return _choose_source(network, wanted, progress, must_be_whole=layers is not None)
    if source.startswith("random:"):
        return _published_weights(network, wanted, {"format": "random", "seed": _seed(source)}, Path())
    path = Path(source)
    if not path.is_file() or path.suffix.lower() not in WEIGHT_FORMATS:
        raise UsageError(
            f"{source!r} is no source of weights; expected auto, random:SEED, "
            f"or an existing file ending in {', '.join(WEIGHT_FORMATS)}"
        )
    return _own_weights(network, wanted, path, must_be_whole=layers is not None)


def _seed(source: str) -> int:
    seed = source.removeprefix("random:")
    if not seed.isdigit():
        raise UsageError(f"{source!r} has no seed; expected a whole number, as in random:0")
    return int(seed)


def _choose_source(
    net: Network, wanted: tuple[ChainLayer, ...], progress: Progress, *, must_be_whole: bool
) -> Weights:
    """Sources that cover every wanted layer first, the smallest download first; then those that cover a part."""
    offers = [(source, _covered_layers(wanted, source)) for source in net.weights]
    offers = [(source, layers) for source, layers in offers if layers == wanted or not must_be_whole]
    offers.sort(key=lambda offer: (-len(offer[1]), not _is_local(offer[0]), int(offer[0].get("bytes", 0))))
    failures: list[str] = []
    for source, layers in offers:
        path = _fetch_or_note(source, progress, failures)
        if path is not None and layers:
            if missing := _names(wanted[len(layers) :]):
                failures.append(
                    f"{missing} left out: their weights could not be had; all other layers are complete"
                )
            weights = _published_weights(net, layers, source, path)
            return replace(weights, remarks=(*failures, *weights.remarks))
    deepest = [layer.name for layer in wanted if layer.has_weights][-1:] or [wanted[-1].name]
    raise WeightsError(
        f"no weights of {net.name} for {deepest[0]}: {'; '.join(failures) or 'its card names no source'}; "
        "give a file with --weights FILE (.h5, .onnx, .npz, .safetensors)"
    )


def _covered_layers(wanted: tuple[ChainLayer, ...], source: Mapping[str, Any]) -> tuple[ChainLayer, ...]:
    """The leading layers that a source covers without a gap."""

    def is_covered(layer: ChainLayer) -> bool:
        return not layer.has_weights or any(fnmatchcase(layer.name, pattern) for pattern in source["layers"])

    return tuple(takewhile(is_covered, wanted))


def _is_local(source: Mapping[str, Any]) -> bool:
    return source["format"] == "random" or is_cached(source)


def _fetch_or_note(source: Mapping[str, Any], progress: Progress, failures: list[str]) -> Path | None:
    """The file of a source, or None and one more failure on the list."""
    if source["format"] == "random":
        return Path()
    try:
        return fetch(source, progress)
    except (DownloadError, VerificationError) as error:
        failures.append(str(error))
        return None


def _names(layers: Iterable[ChainLayer]) -> str:
    return ", ".join(layer.name for layer in layers)


def _published_weights(
    net: Network, layers: tuple[ChainLayer, ...], source: Mapping[str, Any], path: Path
) -> Weights:
    """From a source on a card, whose file has the digest on the card, or from random numbers."""
    if source["format"] != "random":
        return _read_weights(net, layers, source, path)
    seed = int(source["seed"])
    return Weights(_random_tensors(net, layers, seed), f"random numbers, seed {seed}", layers)


def _own_weights(net: Network, wanted: tuple[ChainLayer, ...], path: Path, *, must_be_whole: bool) -> Weights:
    """From a user's file: what the card does not know must at least have the layout of the card's program."""
    source = {"format": WEIGHT_FORMATS[path.suffix.lower()], "title": path.name}
    weights = _read_weights(net, wanted, source, path, must_be_whole=must_be_whole)
    missing = _names(wanted[len(weights.layers) :])
    remarks = [f"{missing} left out: {path} lacks them"] if missing else []
    return replace(weights, remarks=(*remarks, *weights.remarks, *trust_remarks(net, weights)))


def _read_weights(
    net: Network,
    wanted: tuple[ChainLayer, ...],
    source: Mapping[str, Any],
    path: Path,
    *,
    must_be_whole: bool = True,
) -> Weights:
    """Verified tensors of the leading layers that a file holds."""
    title = str(source.get("title") or describe(source))
    needed = [layer for layer in weighted_layers(net) if layer.layer in wanted]
    with open_weights(path, source["format"]) as file:
        known = recognise_tensors(file.tensors, needed, net.digests)
        if known is not None:
            return Weights(known, title, wanted)
        tensors, program, remarks = match_layers(file, net, needed)
    layers = tuple(
        takewhile(lambda layer: not layer.has_weights or f"{layer.name}.kernel" in tensors, wanted)
    )
    if layers != wanted and (must_be_whole or not layers):
        raise WeightsError(
            f"{path} holds no weights for {wanted[len(layers)].name}; choose --layers it does hold"
        )
    weights = Weights(tensors, title, layers, tuple(remarks), program)
    check_weights(net, weights)
    return weights


def _random_tensors(net: Network, layers: Iterable[ChainLayer], seed: int) -> Tensors:
    """Kernels of variance 2 / inputs (He, Zhang, Ren and Sun 2015, arXiv:1502.01852), biases zero."""
    tensors: Tensors = {}
    for layer in layers:
        if {*weight_names(layer), layer.name} & {*net.digests, *net.first_values}:
            raise VerificationError(f"random numbers, seed {seed}, are not the tensors {card_remedy(net)}")
        if layer.has_weights:
            # Each layer has its own stream, so that asking for fewer layers changes none of them.
            stream = np.random.default_rng([seed, zlib.crc32(layer.name.encode())])
            inputs = layer.inputs * (layer.kernel**2 if layer.kind == "convolution" else 1)
            kernel = stream.standard_normal(layer.kernel_shape, dtype=np.float32)
            tensors[f"{layer.name}.kernel"] = kernel * np.float32(np.sqrt(2 / inputs))
            tensors[f"{layer.name}.bias"] = np.zeros(layer.filters, dtype=np.float32)
    return tensors
