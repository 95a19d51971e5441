"""The use case that imports any ONNX graph as a network of the toolbox. Owns where its two files are stored.

    <name>-<12 digits>.onnx    the graph with its tensors; the digits are the first 12 of its SHA-256
    <name>.toml                its card: preprocessing, and the tensors of its layers

The card is written last, so that every name belongs to one complete network.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from toolbox.content import card_names, check_name, own_models, shipped_names
from toolbox.errors import UsageError
from toolbox.faults import explains_faults
from toolbox.files import digest_of, only_writer, replace_file
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.network.pooling import pooled_graph
from toolbox.runtime.session import start_session
from toolbox.setup.imported_card import RecordingOptions, card_text, recording_options
from toolbox.tapping.inspection import Inspection, inspect_graph, keep_graph
from toolbox.tapping.trial import probes

WORKPLACE = ".add-"
"""Prefix of the temporary folder in which a network is assembled."""
TAP_NUMBERS = ("position", "filters", "height", "width", "step", "receptive_field")
TAP_COLUMNS = ("layer", "position", "kind", "operator", *TAP_NUMBERS[1:], "before", "after")


@dataclass(frozen=True)
class ImportedModel:
    """An added network: its card, and its numbers of layers and filters."""

    name: str
    card: Path
    layers: int
    filters: int


@explains_faults
def examine_graph(path: str | Path, size: str | None = None) -> Inspection:
    """Run a graph on two images and list the places to record from.

    Args:
        path: path of an ONNX file that contains a classifier of colour images.
        size: size of the images, where the graph accepts any: '224', or '224x192' for height and width.

    Raises: UsageError when the graph cannot be recorded from, or a size is missing or does not fit.

    Example:
        >>> graph = examine_graph("network.onnx")
        >>> [(tap.layer, tap.filters) for tap in graph.survey.taps]
        [('colour', 3), ('pool', 3), ('sum', 2)]
    """
    return inspect_graph(Path(path), _height_and_width(size))


def tap_table(graph: Inspection) -> pl.DataFrame:
    """One row per place to record from; `before` and `after` are names of tensors."""
    rows = [{name: getattr(tap, name) for name in TAP_COLUMNS} for tap in graph.survey.taps]
    table = pl.DataFrame(rows, schema_overrides=dict.fromkeys(TAP_NUMBERS, pl.Int32))
    return table.rename({"step": "stride"})


@explains_faults
def add_model(
    graph: Inspection,
    name: str,
    *,
    activation: str | None,
    preprocessing: str | None,
    resize: str | None = None,
    replace: bool = False,
) -> ImportedModel:
    """Add a graph and its card to the user's networks, completely or not at all.

    Args:
        graph: the result of `examine_graph`.
        name: name of the new network.
        activation: 'after' or 'before': whether to record after or before the activation function of every layer.
        preprocessing: 'caffe', 'torch', 'tf', 'unit' or 'none': the preprocessing of the images in training.
        resize: the resizing method; None for the usual method of the preprocessing.
        replace: whether an existing network of that name is overwritten.

    Raises: UsageError when a choice is missing or unknown, or the name is taken.

    Example:
        >>> added = add_model(examine_graph("network.onnx"), "mine", activation="after", preprocessing="none")
        >>> added.layers, added.filters
        (3, 8)
    """
    options = recording_options(activation, preprocessing, resize)
    folder = _own_folder()
    with only_writer(folder, "adding a network"):
        _check_name(name, replace)
        _sweep(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=WORKPLACE) as place:
            for file in _write_network(graph, name, options, Path(place)):
                with replace_file(folder / file.name) as fresh:
                    shutil.move(file, fresh)
        _drop_graphs(folder, name)
    return _imported_model(name, folder / f"{name}.toml")


def _imported_model(name: str, card: Path) -> ImportedModel:
    layers = network(str(card)).layers
    return ImportedModel(name, card, len(layers), sum(layer.filters for layer in layers))


def _own_folder() -> Path:
    """The folder of imported networks, which is made if it is missing."""
    folder = own_models()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"networks cannot be stored in {folder} ({error.strerror or error}); set the environment variable "
            "TOOLBOX_MODELS to a writable folder"
        ) from error
    return folder


def _write_network(graph: Inspection, name: str, options: RecordingOptions, place: Path) -> tuple[Path, Path]:
    """Write the graph and its card into a folder, and test them."""
    copy = place / "graph.onnx"
    keep_graph(graph, copy)
    sha256 = digest_of(copy)
    copy = copy.rename(place / f"{name}-{sha256[:12]}.onnx")
    card = place / f"{name}.toml"
    card.write_text(card_text(graph, name, options, file=copy.name, sha256=sha256), encoding="utf-8")
    _check_runs(card)
    return copy, card


def _sweep(folder: Path) -> None:
    """Remove the folders of killed runs; while the lock is held, no other run uses them."""
    for left in folder.glob(f"{WORKPLACE}*"):
        shutil.rmtree(left, ignore_errors=True)


def _drop_graphs(folder: Path, name: str) -> None:
    """Delete the graphs of that name to which no card refers any more."""
    pattern = re.compile(rf"{re.escape(name)}-[0-9a-f]{{12}}")
    cards = [path.read_bytes() for path in folder.glob("*.toml")]
    for graph in [*folder.glob("*.onnx")]:
        is_mentioned = any(graph.name.encode() in card for card in cards)
        if pattern.fullmatch(graph.stem) and not is_mentioned:
            graph.unlink()


def _height_and_width(size: str | None) -> tuple[int, int] | None:
    """Height and width from '224' or '224x192'."""
    if size is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?", size)
    if not match:
        raise UsageError(
            f"size {size!r} is not valid; expected a side in pixels such as 224, or height and width such as 224x192"
        )
    return int(match[1]), int(match[2] or match[1])


def _check_name(name: str, replace: bool) -> None:
    check_name("network", name)
    if name.lower().endswith((".toml", ".onnx")):
        raise UsageError(
            f"the name {name!r} looks like the name of a file; choose another name (--name), such as "
            f"{name[:-5] or 'net'!r}"
        )
    if name.lower() in (shipped.lower() for shipped in shipped_names("models")):
        raise UsageError(
            f"{name!r} is the name of a network that ships with the toolbox; choose another name (--name)"
        )
    taken = next((own for own in card_names("models") if own.lower() == name.lower()), None)
    if taken == name and not replace:
        raise UsageError(
            f"a network named {name!r} already exists in {own_models()}; choose another name (--name), or overwrite "
            "it with replace (--replace)"
        )
    if taken not in (None, name):  # some file systems keep both as one
        raise UsageError(
            f"the name {name!r} differs from that of the network {taken!r} only in case; choose another name (--name), "
            f"or overwrite {taken} with replace (--name {taken} --replace)"
        )


def _check_runs(card: Path) -> None:
    """Present a black image and a noise image to the network of a card, to verify that the card works.

    Raises: UsageError when a response is NaN or infinite.
    """
    net = network(str(card))
    graph = pooled_graph(load_model(net).graph, [layer.name for layer in net.layers])
    session = start_session(graph, device="cpu")
    noise = probes(1, net.input.height, net.input.width)
    for image in (np.zeros_like(noise), noise):
        for output, values in session.run(image).items():
            if not np.isfinite(values).all():
                raise UsageError(
                    f"the graph computes NaN or infinite values in layer {output.rpartition('.')[0]!r}: its weights "
                    "are damaged, or too large for its precision; export it again in float32"
                )
