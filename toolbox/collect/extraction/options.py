"""What may be chosen of an extraction. Owns which options are possible, here and at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from toolbox.errors import CardError, UsageError
from toolbox.network.card import DECODINGS, Network
from toolbox.runtime.device import PRECISIONS, Device, check_precision, choose_device
from toolbox.runtime.session import CONVOLUTIONS
from toolbox.stimuli.images import RESIZE_METHODS


@dataclass(frozen=True)
class Extraction:
    """What to extract, and how.

    Attributes:
        model: name of a network, or path of a card.
        layers: patterns of layer names (`block5_*`); None for the layers of the first run, or, in a first run, for
            all layers whose weights can be had.
        weights: 'auto', a file, or 'random:SEED'.
        device: 'auto', 'cpu', 'cuda', 'cuda:1', 'cuda:0,1', 'cuda:all', or 'tensorrt' likewise.
        precision: 'float32'; 'bf16' on a CPU that has it, 'tf32' with CUDA: faster, and held against float32.
        convolution: on a CPU, 'winograd' where that is faster, or 'direct'.
        decoding: 'full'; 'scaled' decodes large JPEGs to a half, a quarter or an eighth: faster, other responses,
            held against full decoding. None for what the card says.
        decoders: processes that decode images; 0 for threads. A script that asks for processes must start in
            `if __name__ == "__main__":`, as Python's multiprocessing wants it.
        batch: images in one run of the network; None for what a short probe finds fastest.
        threads: of one run on a CPU, as many runs at once as there are cores left; None for what the probe finds.
        limit: plan at most so many stimuli in all, evenly over the categories; what is planned already is finished.
        part: stimuli in a new part; None for a tenth of the new ones, 50 to 1,000.
        replace: give up responses of other weights, layers or images; those of the same are kept.
    """

    model: str = "vgg16"
    layers: Sequence[str] | str | None = None
    weights: str = "auto"
    device: str = "auto"
    precision: str = "float32"
    convolution: str = "winograd"
    decoding: str | None = None
    decoders: int = 0
    batch: int | None = None
    threads: int | None = None
    limit: int | None = None
    part: int | None = None
    replace: bool = False


def check_options(options: Extraction, network: Network) -> Device:
    """Check the options against what is possible at all, before any work.

    Returns: the device that is asked for.
    Raises: UsageError for an impossible option; DeviceError where the machine lacks that device or precision;
        CardError for a card that resizes in no known way.
    """
    named = {"precision": PRECISIONS, "convolution": CONVOLUTIONS, "decoding": (None, *DECODINGS)}
    for name, known in named.items():
        if getattr(options, name) not in known:
            listed = ", ".join(filter(None, known))
            raise UsageError(f"no {name} {getattr(options, name)!r}; expected {listed}")
    for name in ("batch", "threads", "limit", "part"):
        value = getattr(options, name)
        if value is not None and not (is_whole(value) and value >= 1):
            raise UsageError(f"{name} is {value!r}; expected a whole number, 1 or more")
    device = choose_device(options.device)
    check_precision(options.precision, device)
    if not is_whole(options.decoders) or options.decoders < 0:
        raise UsageError(f"decoders is {options.decoders!r}; expected 0 (threads) or more processes")
    if network.input.resize not in RESIZE_METHODS:
        listed = ", ".join(RESIZE_METHODS)
        raise CardError(f"{network.name} resizes by {network.input.resize!r}; expected one of {listed}")
    return device


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; true and false are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)
