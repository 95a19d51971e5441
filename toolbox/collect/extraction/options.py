"""The options of an extraction. Owns checking them, in general and against the machine and the card."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

from toolbox.errors import CardError, UsageError, expected_names
from toolbox.network.architecture import Network
from toolbox.runtime.device import Device, check_precision, choose_device
from toolbox.stimuli.images import RESIZE_METHODS
from toolbox.store.plan import part_size
from toolbox.terms import (
    CONVOLUTIONS,
    DECODINGS,
    ENGINES,
    FITS,
    PRECISIONS,
    RESIZES,
    Convolution,
    Decoding,
    Engine,
    Fit,
    Precision,
    Resize,
)

_TEXTS = {
    "model": "the name of a network, or the path of a card, as text",
    "weights": "'auto', the path of a file, or 'random:SEED', as text",
    "device": "'auto', 'cpu', 'cuda' or 'tensorrt', as text",
}
_OF_ENGINES = {"workers": ("processes", "ray"), "address": ("ray",), "gpus_per_worker": ("ray",)}
"""Option -> the engines that have it."""
_NAMES = {
    "precision": PRECISIONS,
    "convolution": CONVOLUTIONS,
    "decoding": (None, *DECODINGS),
    "resize": (None, *RESIZES),
    "fit": (None, *FITS),
    "engine": ENGINES,
}
_COUNTS = ("batch", "threads", "limit", "workers")


_JOB = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


@dataclass(frozen=True)
class ExtractionJob:
    """One of several jobs, which presents the parts whose number, divided by `of`, leaves the remainder `number`."""

    number: int
    of: int

    def __str__(self) -> str:
        """As it is written in options."""
        return f"{self.number}/{self.of}"


@dataclass(frozen=True)
class Extraction:
    """What to extract, and how to compute it.

    Attributes:
        model: name of a network, or path of a card.
        layers: patterns of layer names (`block5_*`); None for the layers of the first run, or, in a first run, for
            all layers whose weights are available. Further layers are added to those of existing responses.
        weights: 'auto', a file, or 'random:SEED'.
        device: 'auto', 'cpu', 'cuda', 'cuda:1', 'cuda:0,1', 'cuda:all', or 'tensorrt' likewise.
        precision: 'float32'; 'bf16' on a CPU that has it, 'tf32' with CUDA: faster, and compared with float32.
        convolution: on a CPU, 'winograd' where that is faster, or 'direct'.
        decoding: 'full'; 'scaled' decodes large JPEGs to a half, a quarter or an eighth: faster, other responses,
            compared with full decoding. None for what the card specifies.
        resize: 'nearest', 'bilinear', 'bicubic', 'lanczos', 'box' (or 'area') or 'hamming': another method gives other
            responses. None for what the card specifies.
        fit: 'stretch', 'crop' or 'pad', for images of another aspect ratio: another fit gives other responses. None for
            what the card specifies.
        decoders: processes that decode images; 0 for threads. A script that asks for processes must start in
            `if __name__ == "__main__":`, as Python's multiprocessing requires.
        batch: images in one run of the network; None for the fastest number, found by a short probe.
        threads: threads per run on a CPU; as many runs as the cores allow are computed at once. None for the fastest
            number, found by the probe.
        limit: plan at most this many stimuli in all, evenly over the categories; stimuli that are already planned are
            always presented.
        part: stimuli in a new part; None for a tenth of the new stimuli, between 50 and 1,000. 'i/n', such as '0/8' to
            '7/8', for one of n jobs, which presents every n-th part, beside the others.
        replace: discard responses of other weights, layers or images; responses of the same ones are kept.
        engine: who presents the stimuli: 'here', this process; 'processes' of this computer; 'ray', a cluster.
        workers: number of processes; None for one a core, two with CUDA, or, on a cluster, one a
            computer or GPU.
        address: of a cluster that is running: 'auto', or what `ray start` prints; None to start one on this computer.
        gpus_per_worker: GPUs of every process of a cluster; 0 for none, 0.5 for two processes a GPU.
    """

    model: str = "vgg16"
    layers: Collection[str] | str | None = None
    weights: str = "auto"
    device: str = "auto"
    precision: Precision = "float32"
    convolution: Convolution = "winograd"
    decoding: Decoding | None = None
    resize: Resize | None = None
    fit: Fit | None = None
    decoders: int = 0
    batch: int | None = None
    threads: int | None = None
    limit: int | None = None
    part: int | str | None = None
    replace: bool = False
    engine: Engine = "here"
    workers: int | None = None
    address: str | None = None
    gpus_per_worker: float = 0

    @property
    def job(self) -> ExtractionJob | None:
        """Which of several jobs this is; None for the only one."""
        found = _JOB.fullmatch(self.part) if isinstance(self.part, str) else None
        return ExtractionJob(int(found[1]), int(found[2])) if found else None

    def part_size(self, stimuli: int) -> int:
        """The number of stimuli in a new part.

        Args:
            stimuli: the number of stimuli that are not planned yet.
        """
        if self.part is not None and self.job is None:
            return int(self.part)
        jobs = self.job.of if self.job else 1
        return min(part_size(stimuli), max(1, -(-stimuli // jobs)))  # no job is left without a part

    def __post_init__(self) -> None:
        """Check all values that are invalid for every machine and network.

        Raises: UsageError for an invalid value or type.
        """
        _check_texts(self)
        _check_layers(self.layers)
        _check_numbers(self)
        _check_engine(self)
        # A string such as 'no' would be true, and responses would be discarded.
        if not isinstance(self.replace, bool):
            raise _invalid("replace", self.replace, "True or False")


def check_options(options: Extraction, network: Network) -> Device:
    """Check the options against this machine and the network's card, before any work.

    Args:
        options: the requested options.
        network: the network, whose card specifies the preprocessing.

    Returns: the requested device.
    Raises: UsageError for an invalid device; DeviceError where the machine lacks that device or precision;
        CardError for a card with an unknown resizing method.
    """
    device = choose_device(options.device)
    check_precision(options.precision, device)
    if network.input.resize not in RESIZE_METHODS:
        expected = expected_names(network.input.resize, RESIZE_METHODS)
        raise CardError(f"the card of {network.name} has resize = {network.input.resize!r}; {expected}")
    return device


def with_preprocessing(network: Network, options: Extraction) -> Network:
    """The network with the requested preprocessing instead of that of its card.

    Args:
        network: the network of the card.
        options: the options, of which decoding, resize and fit are used.
    """
    chosen: dict[str, Any] = {name: getattr(options, name) for name in ("decoding", "resize", "fit")}
    requested = {name: value for name, value in chosen.items() if value is not None}
    return replace(network, input=replace(network.input, **requested))


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; True and False are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _check_texts(options: Extraction) -> None:
    for name, expected in _TEXTS.items():
        value = getattr(options, name)
        if not isinstance(value, str):
            raise _invalid(name, value, expected)
    for name, known in _NAMES.items():
        value = getattr(options, name)
        if not isinstance(value, str | None) or value not in known:
            expected = expected_names(value, filter(None, known))
            raise UsageError(f"unknown {name} {_one_line(value)}; {expected}")


def _check_layers(layers: Any) -> None:
    expected = "a pattern of layer names such as 'block5_*', or a list of them"
    if layers is None or isinstance(layers, str):
        return
    if not isinstance(layers, Collection) or isinstance(layers, bytes | Mapping):
        raise _invalid("layers", layers, expected)
    for pattern in layers:
        if not isinstance(pattern, str):
            raise _invalid("layers", layers, f"{expected}; {_one_line(pattern)} is not a pattern")


def _check_numbers(options: Extraction) -> None:
    for name in _COUNTS:
        value = getattr(options, name)
        if value is not None and not (is_whole(value) and value >= 1):
            raise _invalid(name, value, "a whole number, 1 or more")
    part, job = options.part, options.job
    is_size = is_whole(part) and int(part or 0) >= 1
    if part is not None and not is_size and not (job and job.number < job.of):
        raise _invalid("part", part, "a whole number, 1 or more, or one of n jobs, '0/n' to 'n-1/n'")
    if not is_whole(options.decoders) or options.decoders < 0:
        raise _invalid("decoders", options.decoders, "0 (threads) or more processes")


def _check_engine(options: Extraction) -> None:
    gpus: Any = options.gpus_per_worker
    if isinstance(gpus, bool) or not isinstance(gpus, int | float) or not 0 <= gpus < math.inf:
        raise _invalid("gpus_per_worker", gpus, "a number, 0 or more")
    if gpus > 1 and gpus != int(gpus):
        raise _invalid("gpus_per_worker", gpus, "a part of one GPU, such as 0.5, or a whole number")
    if not isinstance(options.address, str | None):
        raise _invalid("address", options.address, "'auto', or the address of a cluster, as text")
    for name, engines in _OF_ENGINES.items():
        if getattr(options, name) and options.engine not in engines:
            raise UsageError(
                f"{name} is an option of {' and '.join(f'engine={each!r}' for each in engines)}, and engine is "
                f"{options.engine!r}; leave it out, or choose the engine (--engine {engines[-1]})"
            )


def _invalid(name: str, value: Any, expected: str) -> UsageError:
    return UsageError(f"{name} is {_one_line(value)}; expected {expected}")


def _one_line(value: Any) -> str:
    """The repr of a value on one line; that of an array may have several lines."""
    return " ".join(repr(value).split())
