"""Networks as files: what there is, and their ONNX graphs with every intermediate layer as an output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from toolbox.content import card_names, shipped_names
from toolbox.errors import ToolboxError, UsageError
from toolbox.files import replace_file
from toolbox.graph import write_graph
from toolbox.network.architecture import Network
from toolbox.network.card import layer_table, network, select_layers
from toolbox.network.model import Model, load_model
from toolbox.network.pooling import pooled_graph
from toolbox.progress import Progress, silent


def models(broken: Callable[[str], None] | None = None) -> pl.DataFrame:
    """All networks that ship, then those that were imported: name, title, number of layers and of filters.

    Args:
        broken: is told of every imported network whose card cannot be read, which is then left out.

    Raises: CardError for such a card where nobody is told.

    Example:
        >>> models().filter(model="vgg16").select("layers", "filters").row(0)
        (21, 14888)
    """
    shipped = shipped_names("models")
    imported = card_names("models")[len(shipped) :]
    networks = [*map(network, shipped), *_readable_networks(imported, broken)]
    return pl.DataFrame(
        {
            "model": [net.name for net in networks],
            "title": [net.title for net in networks],
            "layers": [len(net.layers) for net in networks],
            "filters": [sum(layer.filters for layer in net.layers) for net in networks],
        }
    )


def _readable_networks(names: Sequence[str], broken: Callable[[str], None] | None) -> Iterator[Network]:
    for name in names:
        try:
            yield network(name)
        except ToolboxError as error:
            if broken is None:
                raise
            broken(f"left out: {error}")


def model_layers(name: str = "vgg16") -> pl.DataFrame:
    """Geometry of a network's layers: position from 1; stride and receptive field in pixels of its input.

    Example:
        >>> model_layers("tiny.toml").select("layer", "kind", "filters", "receptive_field").row(-1)
        ('sum', 'dense', 2, 4)
    """
    return layer_table(network(name))


def export_model(
    name: str = "vgg16",
    *,
    full: Path | None = None,
    pooled: Path | None = None,
    layers: Sequence[str] | None = None,
    weights: str = "auto",
    progress: Progress = silent,
) -> Model:
    """Write a network's ONNX graphs.

    Args:
        name: of a network, or a card's path.
        full: where the graph goes that has every layer's activation map as an output, named as the layer.
        pooled: where the graph goes that extraction runs: maximum and mean of every map.
        layers: patterns of layer names; the graph ends with the deepest of them, and the pooled one has no others.
        weights: as for an extraction.
        progress: is called as weights are fetched.

    Returns: the network as it is in the graphs, with remarks on what is missing.
    Raises: UsageError when neither file is named; WeightsError, VerificationError.

    Example:
        >>> export_model("tiny.toml", weights="tiny.npz", full=Path("tiny.onnx")).source
        'tiny.npz'
    """
    _check_targets(name, full, pooled)
    net = network(name)
    asked = select_layers(net.layers, layers) if layers else None
    model = load_model(net, asked, source=weights, progress=progress)
    if full is not None:
        with replace_file(full) as fresh:
            write_graph(model.graph, fresh)
    if pooled is not None:
        with replace_file(pooled) as fresh:
            write_graph(pooled_graph(model.graph, asked or list(model.digests)), fresh)
    return model


def _check_targets(name: str, full: Path | None, pooled: Path | None) -> None:
    if full is None and pooled is None:
        raise UsageError("nothing to write; name a file with --full FILE or --pooled FILE")
    for path in filter(None, (full, pooled)):
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name a file to write, such as {path / f'{name}.onnx'}")
