"""The sources of weights, and their order."""

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
    trust_notes,
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
    """Verified weights for the named layers and all layers below them.

    Args:
        network: the network.
        layers: names of the layers to record; None for all available layers, with a warning about missing ones.
        source: 'auto' (the cache, then the sources in the card, in order), a file (`.h5`, `.onnx`, `.npz`,
            `.safetensors`), or `random:SEED`.
        progress: is called with the progress of a download.

    Raises: WeightsError when a requested layer is not available; VerificationError when a tensor of a file differs
        from that in the card.
    """
    wanted = network.below(layers or [layer.name for layer in network.layers])
    if source == "auto":
        return _choose_source(network, wanted, progress, must_be_whole=layers is not None)
    if source.startswith("random:"):
        return _published_weights(network, wanted, {"format": "random", "seed": _seed(source)}, Path())
    path = Path(source)
    if not path.is_file() or path.suffix.lower() not in WEIGHT_FORMATS:
        raise UsageError(
            f"{source!r} is not a source of weights; expected auto, random:SEED, "
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
    """The weights of the best source: first sources of all layers, the smallest download first; then other sources."""
    offers = [(source, _covered_layers(wanted, source)) for source in net.weights]
    offers = [(source, layers) for source, layers in offers if layers == wanted or not must_be_whole]
    offers.sort(key=lambda offer: (-len(offer[1]), not _is_local(offer[0]), int(offer[0].get("bytes", 0))))
    failures: list[str] = []
    for source, layers in offers:
        path = _fetch_or_note(source, progress, failures)
        if path is not None and layers:
            if missing := _names(wanted[len(layers) :]):
                failures.append(
                    f"{missing} left out, because their weights are not available; all other layers are complete"
                )
            weights = _published_weights(net, layers, source, path)
            return replace(weights, notes=(*failures, *weights.notes))
    deepest = [layer.name for layer in wanted if layer.has_weights][-1:] or [wanted[-1].name]
    raise WeightsError(
        f"no weights of {net.name} are available for {deepest[0]}: "
        f"{'; '.join(failures) or 'its card lists no source'}; choose a file (.h5, .onnx, .npz, .safetensors) with "
        "weights=… (--weights …)"
    )


def _covered_layers(wanted: tuple[ChainLayer, ...], source: Mapping[str, Any]) -> tuple[ChainLayer, ...]:
    """The first layers that a source covers without a gap."""

    def is_covered(layer: ChainLayer) -> bool:
        return not layer.has_weights or any(fnmatchcase(layer.name, pattern) for pattern in source["layers"])

    return tuple(takewhile(is_covered, wanted))


def _is_local(source: Mapping[str, Any]) -> bool:
    return source["format"] == "random" or is_cached(source)


def _fetch_or_note(source: Mapping[str, Any], progress: Progress, failures: list[str]) -> Path | None:
    """The file of a source; None, with the failure added to the list, where it cannot be downloaded."""
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
    """Weights from a source in the card, whose file has the digest in the card, or from random numbers."""
    if source["format"] != "random":
        return _read_weights(net, layers, source, path)
    seed = int(source["seed"])
    return Weights(_random_tensors(net, layers, seed), f"random numbers, seed {seed}", layers)


def _own_weights(net: Network, wanted: tuple[ChainLayer, ...], path: Path, *, must_be_whole: bool) -> Weights:
    """Weights from a user's file; tensors without a digest in the card must have the layout of the card's program."""
    source = {"format": WEIGHT_FORMATS[path.suffix.lower()], "title": path.name}
    weights = _read_weights(net, wanted, source, path, must_be_whole=must_be_whole)
    missing = _names(wanted[len(weights.layers) :])
    notes = [f"{missing} left out, because {path} lacks their weights"] if missing else []
    return replace(weights, notes=(*notes, *weights.notes, *trust_notes(net, weights)))


def _read_weights(
    net: Network,
    wanted: tuple[ChainLayer, ...],
    source: Mapping[str, Any],
    path: Path,
    *,
    must_be_whole: bool = True,
) -> Weights:
    """Verified tensors of the first layers that a file contains."""
    title = str(source.get("title") or describe(source))
    needed = [layer for layer in weighted_layers(net) if layer.layer in wanted]
    with open_weights(path, source["format"]) as file:
        known = recognise_tensors(file.tensors, needed, net.digests)
        if known is not None:
            return Weights(known, title, wanted)
        tensors, program, notes = match_layers(file, net, needed)
    layers = tuple(
        takewhile(lambda layer: not layer.has_weights or f"{layer.name}.kernel" in tensors, wanted)
    )
    if layers != wanted and (must_be_whole or not layers):
        raise WeightsError(
            f"{path} contains no weights for {wanted[len(layers)].name}; choose layers (--layers) that it contains"
        )
    weights = Weights(tensors, title, layers, tuple(notes), program)
    check_weights(net, weights)
    return weights


def _random_tensors(net: Network, layers: Iterable[ChainLayer], seed: int) -> Tensors:
    """Kernels of variance 2 / inputs (He, Zhang, Ren and Sun 2015, arXiv:1502.01852), biases zero."""
    tensors: Tensors = {}
    for layer in layers:
        if {*weight_names(layer), layer.name} & {*net.digests, *net.first_values}:
            raise VerificationError(
                f"random numbers (seed {seed}) differ from the digests or first values in {card_remedy(net)}"
            )
        if layer.has_weights:
            # Each layer has its own random stream, so that its weights do not depend on the other layers.
            stream = np.random.default_rng([seed, zlib.crc32(layer.name.encode())])
            inputs = layer.inputs * (layer.kernel**2 if layer.kind == "convolution" else 1)
            kernel = stream.standard_normal(layer.kernel_shape, dtype=np.float32)
            tensors[f"{layer.name}.kernel"] = kernel * np.float32(np.sqrt(2 / inputs))
            tensors[f"{layer.name}.bias"] = np.zeros(layer.filters, dtype=np.float32)
    return tensors
