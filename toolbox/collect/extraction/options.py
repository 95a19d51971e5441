"""What an extraction is asked for, and what it tells afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolbox.collect.extraction.accuracy import Agreement
from toolbox.collect.extraction.presentation import Unreadable
from toolbox.errors import CardError, UsageError
from toolbox.network.card import DECODINGS, Network
from toolbox.runtime.session import CONVOLUTIONS, PRECISIONS, choose_device, check_precision
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


@dataclass(frozen=True)
class ExtractionReport:
    """What an extraction did. `shown` counts the stimuli of this run, `stimuli` those that now have responses."""

    set: str
    model: str
    weights: str
    provider: str
    runtime: str
    precision: str
    layers: tuple[str, ...]
    filters: int
    stimuli: int
    shown: int
    seconds: float
    arrangement: str = ""
    agreement: Agreement | None = None
    unreadable: tuple[Unreadable, ...] = ()
    remarks: tuple[str, ...] = ()


def check_choices(choices: Extraction, network: Network) -> None:
    """Hold the choices against what is possible at all, before any work.

    Raises: UsageError for an impossible choice; DeviceError where the machine lacks that device or precision;
        CardError for a card that resizes in no known way.
    """
    named = {"precision": PRECISIONS, "convolution": CONVOLUTIONS, "decoding": (None, *DECODINGS)}
    for name, known in named.items():
        if getattr(choices, name) not in known:
            listed = ", ".join(filter(None, known))
            raise UsageError(f"no {name} {getattr(choices, name)!r}; expected {listed}")
    for name in ("batch", "threads", "limit", "part"):
        value = getattr(choices, name)
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; expected 1 or more")
    check_precision(choices.precision, choose_device(choices.device))
    if choices.decoders < 0:
        raise UsageError(f"decoders is {choices.decoders}; expected 0 (threads) or more processes")
    if network.input.resize not in RESIZE_METHODS:
        raise CardError(f"{network.name} resizes by {network.input.resize!r}; expected one of {', '.join(METHODS)}")
