"""The use case that makes somebody else's ONNX graph a network of the toolbox. Owns its card and where both are kept.

    <name>-<12 digits>.onnx    the graph, tensors included; the digits begin its SHA-256
    <name>.toml                its card: preprocessing, and the tensors that are its layers

The card is written last, so that a name always means one whole network.

Whether layers are recorded before or after their activation functions, and what an image goes through first, no graph
tells: both are asked for, and never guessed.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from toolbox.content import card_names, check_name, own_models, shipped_names
from toolbox.errors import UsageError
from toolbox.files import digest_of, only_writer, replacing
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.network.pooling import pooled_graph
from toolbox.runtime.session import start_session
from toolbox.stimuli.images import RESIZE_METHODS
from toolbox.tapping.inspection import Inspection, inspect_graph, keep_graph
from toolbox.tapping.taps import Tap

SIDES = ("after", "before")
"""Of the activation functions: where layers may be recorded."""
WORKPLACE = ".add-"
"""What the name of a folder begins with in which a network is put together."""


@dataclass(frozen=True)
class Preprocessing:
    """What an image goes through before the first layer, under the name that Keras gave it where it has one."""

    channels: str
    mean: tuple[float, float, float]
    scale: float | tuple[float, float, float]
    resize: str
    meaning: str


DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's channels, as torchvision publishes them with their means
PREPROCESSINGS = {
    "caffe": Preprocessing(
        "BGR",
        (103.939, 116.779, 123.68),
        1.0,
        "nearest",
        "channels reversed, ImageNet's mean taken off (VGG, ResNet in Keras)",
    ),
    "torch": Preprocessing(
        "RGB",
        (255 * 0.485, 255 * 0.456, 255 * 0.406),
        (1 / (255 * DEVIATIONS[0]), 1 / (255 * DEVIATIONS[1]), 1 / (255 * DEVIATIONS[2])),
        "bilinear",
        "values of 0 to 1, ImageNet's mean taken off, divided by its standard deviation (torchvision)",
    ),
    "tf": Preprocessing(
        "RGB",
        (127.5, 127.5, 127.5),
        1 / 127.5,
        "nearest",
        "values of -1 to 1 (Inception, MobileNet in Keras)",
    ),
    "unit": Preprocessing("RGB", (0.0, 0.0, 0.0), 1 / 255, "bilinear", "values of 0 to 1"),
    "none": Preprocessing(
        "RGB", (0.0, 0.0, 0.0), 1.0, "nearest", "values of 0 to 255, as the pixels have them"
    ),
}


@dataclass(frozen=True)
class RecordingOptions:
    """What no graph tells: where layers are recorded, how images are prepared and brought to size."""

    activation: str
    preprocessing: str
    resize: str


@dataclass(frozen=True)
class AddedModel:
    """What was added: where the card is, and how many layers and filters it has."""

    name: str
    card: Path
    layers: int
    filters: int


def examine_graph(path: str | Path, size: str | None = None) -> Inspection:
    """Run a graph on two images and list what there is to record from.

    Args:
        path: of an ONNX file: a classifier of colour images.
        size: of the images, where the graph takes any: '224', or '224x192' for height and width.

    Raises: UsageError when the graph cannot be recorded from, or a size is missing or does not fit.
    """
    return inspect_graph(Path(path), _sides(size))


def tap_table(graph: Inspection) -> pl.DataFrame:
    """One row for every place to record from; `before` and `after` are names of tensors."""
    columns = (
        "layer",
        "position",
        "kind",
        "operator",
        "filters",
        "height",
        "width",
        "step",
        "receptive_field",
    )
    rows = [{name: getattr(tap, name) for name in (*columns, "before", "after")} for tap in graph.survey.taps]
    numbers = ("position", "filters", "height", "width", "step", "receptive_field")
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(numbers, pl.Int32)).rename({"step": "stride"})


def add_model(
    graph: Inspection,
    name: str,
    *,
    activation: str | None,
    preprocessing: str | None,
    resize: str | None = None,
    replace: bool = False,
) -> AddedModel:
    """Keep a graph and its card among the user's own networks, whole or not at all.

    Args:
        activation: 'after' or 'before': which tensor of every layer is recorded.
        preprocessing: 'caffe', 'torch', 'tf', 'unit' or 'none': how the network's images were prepared in training.
        resize: how images are brought to size; None for what goes with the preprocessing.
        replace: whether a network of that name may be given up.

    Raises: UsageError when a choice is missing or unknown, or the name is taken.
    """
    choices = _recording_options(activation, preprocessing, resize)
    folder = _own_folder()
    with only_writer(folder, "adding a network"):
        _check_name(name, replace)
        _sweep(folder, f"{WORKPLACE}*")
        with tempfile.TemporaryDirectory(dir=folder, prefix=WORKPLACE) as place:
            for file in _write_network(graph, name, choices, Path(place)):
                with replacing(folder / file.name) as fresh:
                    shutil.move(file, fresh)
        _drop_graphs(folder, name)
    net = network(str(folder / f"{name}.toml"))
    return AddedModel(
        name, folder / f"{name}.toml", len(net.layers), sum(layer.filters for layer in net.layers)
    )


def _own_folder() -> Path:
    """The folder of added networks, made if need be."""
    folder = own_models()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"networks cannot be kept in {folder} ({error.strerror or error}); set the environment variable "
            "TOOLBOX_MODELS to a folder that can be written"
        ) from error
    return folder


def _write_network(graph: Inspection, name: str, choices: RecordingOptions, place: Path) -> tuple[Path, Path]:
    """The graph and its card in a folder of their own, tried out."""
    copy = place / "graph.onnx"
    keep_graph(graph, copy)
    sha256 = digest_of(copy)
    copy = copy.rename(place / f"{name}-{sha256[:12]}.onnx")
    card = place / f"{name}.toml"
    card.write_text(_card(graph, name, choices, copy.name, sha256), encoding="utf-8")
    _check_runs(card)
    return copy, card


def _sweep(folder: Path, pattern: str) -> None:
    """Take away what a killed run left behind; the lock is held, so nobody is at work in it."""
    for left in folder.glob(pattern):
        shutil.rmtree(left, ignore_errors=True)


def _drop_graphs(folder: Path, name: str) -> None:
    """Delete graphs of that name that no card mentions any more."""
    graphs = [
        path
        for path in folder.glob("*.onnx")
        if re.fullmatch(rf"{re.escape(name)}-[0-9a-f]{{12}}", path.stem)
    ]
    cards = [path.read_bytes() for path in folder.glob("*.toml")]
    for graph in graphs:
        if not any(graph.name.encode() in card for card in cards):
            graph.unlink()


def _sides(size: str | None) -> tuple[int, int] | None:
    """Height and width from '224' or '224x192'."""
    if size is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?", size)
    if not found:
        raise UsageError(
            f"size {size!r} is not understood; expected pixels such as 224, or height and width as 224x192"
        )
    return int(found[1]), int(found[2] or found[1])


def _recording_options(
    activation: str | None, preprocessing: str | None, resize: str | None
) -> RecordingOptions:
    """Two choices that no graph tells; what they mean is said where they are missing."""
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


def _check_name(name: str, replace: bool) -> None:
    check_name("network", name)
    if name.lower().endswith((".toml", ".onnx")):
        raise UsageError(
            f"{name!r} would be taken for a file; choose another --name, such as {name[:-5] or 'net'!r}"
        )
    if name.lower() in (shipped.lower() for shipped in shipped_names("models")):
        raise UsageError(f"{name!r} is a network that ships with the toolbox; choose another --name")
    there = next((own for own in card_names("models") if own.lower() == name.lower()), None)
    if there == name and not replace:
        raise UsageError(
            f"there is a network {name!r} already ({own_models()}); choose another --name, or --replace it"
        )
    if there not in (None, name):  # some file systems keep both as one
        raise UsageError(
            f"{name!r} differs from the network {there!r} by large and small letters alone; choose another --name, or "
            f"--name {there} --replace"
        )


def _check_runs(card: Path) -> None:
    """Show the network as the card has it a black and a noisy image, so that no card is written that cannot be used.

    Raises: UsageError when a layer's responses are no numbers.
    """
    net = network(str(card))
    session = start_session(
        pooled_graph(load_model(net).graph, [layer.name for layer in net.layers]), device="cpu"
    )
    black = np.zeros((1, 3, net.input.height, net.input.width), np.float32)
    for image in (black, np.random.default_rng(0).uniform(-1, 1, black.shape).astype(np.float32)):
        for output, values in session.run(image).items():
            if not np.isfinite(values).all():
                raise UsageError(
                    f"the graph gives values that are no numbers (NaN, or infinite) in layer "
                    f"{output.rpartition('.')[0]!r}: its weights are damaged, or too large for its precision; export "
                    "it again, in float32"
                )


def _layer_tensors(graph: Inspection, activation: str) -> list[tuple[Tap, str]]:
    """Layers and their tensors; two layers that are one before their activations are listed once."""
    tensors: dict[str, Tap] = {}
    for tap in graph.survey.taps:
        tensors.setdefault(tap.before if activation == "before" else tap.after, tap)
    return [(tap, tensor) for tensor, tap in tensors.items()]


def _card(graph: Inspection, name: str, choices: RecordingOptions, file: str, sha256: str) -> str:
    """The card as TOML, with the comments that a reader needs to change it."""
    side = choices.activation
    lines = [
        "# A network whose graph somebody else made; toolbox model add wrote this card, the graph lies beside it.",
        f"name = {_text(name)}",
        f"title = {_text(graph.path.name)}",
        'description = ""',
        'citation = "" # what a reader should cite',
        'licence = "" # of the weights',
        "",
        f"graph = {_text(file)}",
        f"sha256 = {_text(sha256)}",
        f"activation = {_text(side)} # layers are recorded {side} their activation functions",
    ]
    if graph.survey.batch:
        lines.append(
            f"batch = {graph.survey.batch} # the graph gives other results for several images at once"
        )
    lines += ["", *_input(graph, choices), "", *LAYERS]
    if any(tap.kind == "tokens" for tap in graph.survey.taps):
        lines.append(
            "# Layers of tokens are no maps: height is the number of tokens, over which maximum and mean are taken."
        )
    lines += ["[layers]", *(_layer(tap, tensor) for tap, tensor in _layer_tensors(graph, side))]
    return "\n".join(lines) + "\n"


LAYERS = (
    "# Layers in the order in which they run, and the tensors of the graph that are their responses; a layer may",
    "# be renamed or taken out. axis: where a tensor has its filters, counted from 0 (the images); rank: how many",
    "# axes it has. height and width are those of a map; stride and receptive_field are in pixels of the image",
    "# (Araujo, Norris and Sim 2019, doi:10.23915/distill.00021). A receptive field is the theoretical one: of",
    "# convolutions and pools it may exceed the image; of what sees all of an image it is the image's larger side.",
)
"""What a reader of the card is told of its layers."""


def _input(graph: Inspection, choices: RecordingOptions) -> list[str]:
    """The card's preprocessing."""
    convention = PREPROCESSINGS[choices.preprocessing]
    return [
        f"# What an image goes through before the first layer: {convention.meaning}.",
        "# It is resized to height x width; then (value - mean) * scale. The convention is called "
        f"{choices.preprocessing!r}.",
        "[input]",
        f"height = {graph.height}",
        f"width = {graph.width}",
        f"resize = {_text(choices.resize)}",
        f"channels = {_text(convention.channels)}",
        f"mean = {_numbers(convention.mean)} # in the order of the channels",
        f"scale = {_numbers(convention.scale)}",
    ]


def _layer(tap: Tap, tensor: str) -> str:
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
