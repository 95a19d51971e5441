"""The card of an imported network, as text. Owns the named conventions of preprocessing, and the content of the card.

A graph specifies neither the preprocessing, nor whether to record before or after the activation functions. The user
must choose both; they are never guessed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from toolbox.errors import UsageError, expected_names
from toolbox.stimuli.images import RESIZE_METHODS
from toolbox.tapping.inspection import Inspection
from toolbox.tapping.taps import Tap

SIDES = ("after", "before")
"""Sides of an activation function on which a layer may be recorded."""
DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's channels, as published by torchvision with the means
LAYER_COMMENT = (
    "# The layers in the order in which they run, and the tensors of the graph that contain their responses. You may",
    "# rename or remove a layer. axis: the axis of the filters, counted from 0 (the images). rank: the number of axes.",
    "# height and width: size of a map. stride and receptive_field: in pixels of the image (Araujo, Norris and Sim",
    "# 2019, doi:10.23915/distill.00021). The receptive field is the theoretical one: for convolutions and pools it",
    "# may exceed the image; for a layer whose positions see the whole image, it is the larger side of the image.",
)
"""Comment that explains the layers to a reader of the card."""


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of an image: (value - mean) * scale, in the order of `channels`."""

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
        meaning="channels reversed, ImageNet's mean subtracted (VGG, ResNet in Keras)",
    ),
    "torch": Preprocessing(
        channels="RGB",
        mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
        scale=(1 / (255 * DEVIATIONS[0]), 1 / (255 * DEVIATIONS[1]), 1 / (255 * DEVIATIONS[2])),
        resize="bilinear",
        meaning=(
            "values of 0 to 1, ImageNet's mean subtracted, divided by its standard deviation (torchvision)"
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
        meaning="values of 0 to 255, those of the pixels",
    ),
}
"""Conventions of preprocessing, with the names used by Keras where it has one."""


@dataclass(frozen=True)
class RecordingOptions:
    """What a graph does not specify: where layers are recorded, and how images are preprocessed and resized."""

    activation: str
    preprocessing: str
    resize: str


def recording_options(
    activation: str | None, preprocessing: str | None, resize: str | None
) -> RecordingOptions:
    """The checked choices that a graph does not specify.

    Args:
        activation: 'after' or 'before'.
        preprocessing: the name of a convention.
        resize: the resizing method; None for the usual method of the convention.

    Raises: UsageError for a missing or unknown choice; for a missing one, the message explains the choices.
    """
    if activation is None:
        raise UsageError(
            "the graph does not specify where to record; choose activation=after (the input of the next layer, as in "
            "the literature) or activation=before (the sum, including negative values) (--activation …)"
        )
    if preprocessing is None:
        meanings = "; ".join(f"{name}: {convention.meaning}" for name, convention in PREPROCESSINGS.items())
        raise UsageError(
            "the graph does not specify its preprocessing; choose the preprocessing used in training with "
            f"preprocessing=… (--preprocessing …): {meanings}"
        )
    for option, value, known in (
        ("activation", activation, SIDES),
        ("preprocessing", preprocessing, tuple(PREPROCESSINGS)),
        ("resize", resize, (None, *RESIZE_METHODS)),
    ):
        if value not in known:
            raise UsageError(f"unknown {option} {value!r}; {expected_names(value, filter(None, known))}")
    return RecordingOptions(activation, preprocessing, resize or PREPROCESSINGS[preprocessing].resize)


def card_text(graph: Inspection, name: str, options: RecordingOptions, *, file: str, sha256: str) -> str:
    """The card as TOML, with the comments that a reader needs to change it.

    Args:
        graph: the graph, whose layers the card lists.
        name: name of the network.
        options: the choices that the graph does not specify.
        file: name of the file of the graph, beside the card.
        sha256: digest of that file.
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
        "# A network with an imported graph. `toolbox model add` wrote this card; the graph is in the same folder.",
        f"name = {_text(name)}",
        f"title = {_text(graph.path.name)}",
        'description = ""',
        'citation = "" # the publication to cite',
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
        lines.append(f"batch = {batch} # the graph computes different results for several images at once")
    return lines


def _input_lines(graph: Inspection, options: RecordingOptions) -> list[str]:
    convention = PREPROCESSINGS[options.preprocessing]
    return [
        f"# Preprocessing of an image: {convention.meaning}.",
        "# It is resized to height x width; then (value - mean) * scale is computed. This convention is called "
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
            "# Layers of tokens have no maps: height is the number of tokens, over which maximum and mean are taken."
        )
    tensors = _layer_tensors(graph, side)
    return [*lines, "[layers]", *(_layer_line(tap, tensor) for tensor, tap in tensors.items())]


def _layer_tensors(graph: Inspection, side: str) -> dict[str, Tap]:
    """Tensors and their layers; two layers that share a tensor before their activations are listed once."""
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
    """A TOML string; JSON strings differ only in one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _numbers(value: float | tuple[float, ...]) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)
