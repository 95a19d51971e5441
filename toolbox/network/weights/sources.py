"""Where weights come from, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import Any

from toolbox.errors import DownloadError, UsageError, VerificationError, WeightsError
from toolbox.fetch import describe, fetch, is_cached
from toolbox.graph import Tensors
from toolbox.network.card import ChainLayer, Network
from toolbox.network.weights.digests import check_program, check_tensors, is_known, recognise_tensors
from toolbox.network.weights.layout import weighted_layers
from toolbox.network.weights.matching import match_layers
from toolbox.network.weights.reading import WEIGHT_FORMATS, open_weights
from toolbox.network.weights.untrained import random_tensors
from toolbox.progress import Progress, silent


@dataclass(frozen=True)
class Weights:
    """Tensors by name, and where they come from.

    Attributes:
        tensors: by `<layer>.kernel` and `<layer>.bias`.
        source: for provenance.
        layers: those that the tensors suffice for, from the input on.
        remarks: what provenance must say beside the source.
    """

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
    if source["format"] == "random":
        seed = int(source["seed"])
        return Weights(random_tensors(net, layers, seed), f"random numbers, seed {seed}", layers)
    title = str(source.get("title") or describe(source))
    return _read_weights(net, layers, path, source["format"], title)[0]


def _own_weights(net: Network, wanted: tuple[ChainLayer, ...], path: Path, *, must_be_whole: bool) -> Weights:
    """From a user's file: what the card does not know must at least have the layout of the card's program."""
    format = WEIGHT_FORMATS[path.suffix.lower()]
    weights, program = _read_weights(net, wanted, path, format, path.name)
    layers = weights.layers
    if layers != wanted and (must_be_whole or not layers):
        raise WeightsError(
            f"{path} holds no weights for {wanted[len(layers)].name}; choose --layers it does hold"
        )
    remarks = weights.remarks
    if missing := _names(wanted[len(layers) :]):
        remarks = (f"{missing} left out: {path} lacks them", *remarks)
    if not is_known(net, layers):
        check_program(net, program, path.name)
        if net.layout and not program:
            on_trust = f"nothing tells that these are the weights of {net.name} ({net.title}); they are taken on trust"
            remarks = (*remarks, on_trust)
    return replace(weights, remarks=remarks)


def _read_weights(
    net: Network, wanted: tuple[ChainLayer, ...], path: Path, format: str, source: str
) -> tuple[Weights, str]:
    """Verified tensors of the leading layers that a file holds, and the program whose layout it has, if it tells."""
    needed = [layer for layer in weighted_layers(net) if layer.layer in wanted]
    with open_weights(path, format) as file:
        tensors = recognise_tensors(file.tensors, needed, net.digests)
        if tensors is not None:
            return Weights(tensors, source, wanted), ""
        tensors, program, remarks = match_layers(file, net, needed)
    layers = tuple(
        takewhile(lambda layer: not layer.has_weights or f"{layer.name}.kernel" in tensors, wanted)
    )
    check_tensors(net, layers, tensors, program, source)
    return Weights(tensors, source, layers, tuple(remarks)), program
