"""The card of an imported network, as text. Owns the conventions of preprocessing by their names, and what a card says.

Whether layers are recorded before or after their activation functions, and how images are prepared, no graph tells:
both are asked for, and never guessed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from toolbox.errors import UsageError
from toolbox.stimuli.images import RESIZE_METHODS
from toolbox.tapping.inspection import Inspection
from toolbox.tapping.taps import Tap

SIDES = ("after", "before")
"""Of the activation functions: where layers may be recorded."""
DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's channels, as torchvision publishes them with their means
LAYER_COMMENT = (
    "# Layers in the order in which they run, and the tensors of the graph that are their responses; a layer may",
    "# be renamed or taken out. axis: where a tensor has its filters, counted from 0 (the images); rank: how many",
    "# axes it has. height and width are those of a map; stride and receptive_field are in pixels of the image",
    "# (Araujo, Norris and Sim 2019, doi:10.23915/distill.00021). A receptive field is the theoretical one: of",
    "# convolutions and pools it may exceed the image; of what sees all of an image it is the image's larger side.",
)
"""What a reader of a card must know of its layers."""


@dataclass(frozen=True)
class Preprocessing:
    """How an image is prepared for the first layer: (value - mean) * scale, in the order of `channels`."""

    channels: str
    mean: tuple[float, float, float]
    scale: float | tuple[float, float, float]
    resize: str
    meaning: str


PREPROCESSINGS = {
    "caffe": Preprocessing(
        channels="BGR",
        mean=(103.939, 116.779, 123.68),
        scale=1.0,
        resize="nearest",
        meaning="channels reversed, ImageNet's mean taken off (VGG, ResNet in Keras)",
    ),
    "torch": Preprocessing(
        channels="RGB",
        mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
        scale=(1 / (255 * DEVIATIONS[0]), 1 / (255 * DEVIATIONS[1]), 1 / (255 * DEVIATIONS[2])),
        resize="bilinear",
        meaning=(
            "values of 0 to 1, ImageNet's mean taken off, divided by its standard deviation (torchvision)"
        ),
    ),
    "tf": Preprocessing(
        channels="RGB",
        mean=(127.5, 127.5, 127.5),
        scale=1 / 127.5,
        resize="nearest",
        meaning="values of -1 to 1 (Inception, MobileNet in Keras)",
    ),
    "unit": Preprocessing(
        channels="RGB",
        mean=(0.0, 0.0, 0.0),
        scale=1 / 255,
        resize="bilinear",
        meaning="values of 0 to 1",
    ),
    "none": Preprocessing(
        channels="RGB",
        mean=(0.0, 0.0, 0.0),
        scale=1.0,
        resize="nearest",
        meaning="values of 0 to 255, as the pixels have them",
    ),
}
"""Conventions, under the names that Keras gave them where it has one."""


@dataclass(frozen=True)
class RecordingOptions:
    """What no graph tells: where layers are recorded, how images are prepared and resized."""

    activation: str
    preprocessing: str
    resize: str


def recording_options(
    activation: str | None, preprocessing: str | None, resize: str | None
) -> RecordingOptions:
    """The choices that no graph tells.

    Args:
        activation: 'after' or 'before'.
        preprocessing: the name of a convention.
        resize: how images are resized; None for what goes with the convention.

    Raises: UsageError for one that is missing, which says what the choices mean, or unknown.
    """
    if activation is None:
        raise UsageError(
            "choose where to record: --activation after (what the next layer gets, as in the literature) "
            "or --activation before (the sum, negative values included)"
        )
    if preprocessing is None:
        meanings = "; ".join(f"{name}: {convention.meaning}" for name, convention in PREPROCESSINGS.items())
        raise UsageError(
            f"choose how the network's images were prepared in training with --preprocessing: {meanings}"
        )
    for option, value, known in (
        ("activation", activation, SIDES),
        ("preprocessing", preprocessing, tuple(PREPROCESSINGS)),
        ("resize", resize, (None, *RESIZE_METHODS)),
    ):
        if value not in known:
            raise UsageError(f"no {option} {value!r}; expected {', '.join(filter(None, known))}")
    return RecordingOptions(activation, preprocessing, resize or PREPROCESSINGS[preprocessing].resize)


def card_text(graph: Inspection, name: str, options: RecordingOptions, *, file: str, sha256: str) -> str:
    """The card as TOML, with the comments that a reader needs to change it.

    Args:
        graph: whose layers it lists.
        name: of the network.
        options: what no graph tells.
        file: name of the graph's file, beside the card.
        sha256: of that file.
    """
    return "\n".join(
        [
            *_head(graph, name),
            "",
            *_graph_lines(graph, options.activation, file, sha256),
            "",
            *_input_lines(graph, options),
            "",
            *_layer_lines(graph, options.activation),
            "",
        ]
    )


def _head(graph: Inspection, name: str) -> list[str]:
    return [
        "# A network whose graph somebody else made; toolbox model add wrote this card, the graph lies beside it.",
        f"name = {_text(name)}",
        f"title = {_text(graph.path.name)}",
        'description = ""',
        'citation = "" # what a reader should cite',
        'licence = "" # of the weights',
    ]


def _graph_lines(graph: Inspection, side: str, file: str, sha256: str) -> list[str]:
    lines = [
        f"graph = {_text(file)}",
        f"sha256 = {_text(sha256)}",
        f"activation = {_text(side)} # layers are recorded {side} their activation functions",
    ]
    if graph.survey.batch:
        batch = graph.survey.batch
        lines.append(f"batch = {batch} # the graph gives other results for several images at once")
    return lines


def _input_lines(graph: Inspection, options: RecordingOptions) -> list[str]:
    convention = PREPROCESSINGS[options.preprocessing]
    return [
        f"# What an image goes through before the first layer: {convention.meaning}.",
        "# It is resized to height x width; then (value - mean) * scale. The convention is called "
        f"{options.preprocessing!r}.",
        "[input]",
        f"height = {graph.height}",
        f"width = {graph.width}",
        f"resize = {_text(options.resize)}",
        f"channels = {_text(convention.channels)}",
        f"mean = {_numbers(convention.mean)} # in the order of the channels",
        f"scale = {_numbers(convention.scale)}",
    ]


def _layer_lines(graph: Inspection, side: str) -> list[str]:
    lines = [*LAYER_COMMENT]
    if any(tap.kind == "tokens" for tap in graph.survey.taps):
        lines.append(
            "# Layers of tokens are no maps: height is the number of tokens, over which maximum and mean are taken."
        )
    tensors = _layer_tensors(graph, side)
    return [*lines, "[layers]", *(_layer_line(tap, tensor) for tensor, tap in tensors.items())]


def _layer_tensors(graph: Inspection, side: str) -> dict[str, Tap]:
    """Tensors and their layers; two layers that are one before their activations are listed once."""
    tensors: dict[str, Tap] = {}
    for tap in graph.survey.taps:
        tensors.setdefault(tap.before if side == "before" else tap.after, tap)
    return tensors


def _layer_line(tap: Tap, tensor: str) -> str:
    values = {
        "tensor": _text(tensor),
        "axis": tap.axis,
        "rank": tap.rank,
        "kind": _text(tap.kind),
        "filters": tap.filters,
        "height": tap.height,
        "width": tap.width,
        "stride": tap.step,
        "receptive_field": tap.receptive_field,
    }
    return f"{_text(tap.layer)} = {{ {', '.join(f'{key} = {value}' for key, value in values.items())} }}"


def _text(value: str) -> str:
    """A TOML string; JSON's are the same but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _numbers(value: float | tuple[float, ...]) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)
