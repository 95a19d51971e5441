"""Lists of available networks, and export of ONNX graphs with every intermediate layer as an output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from toolbox.content import card_names, shipped_names
from toolbox.errors import ToolboxError, UsageError
from toolbox.faults import explains_faults
from toolbox.files import replace_file
from toolbox.graph import write_graph
from toolbox.network.architecture import Network
from toolbox.network.card import layer_table, network, select_layers
from toolbox.network.model import Model, load_model
from toolbox.network.pooling import pooled_graph
from toolbox.progress import Progress, silent


@explains_faults
def models(broken: Callable[[str], None] | None = None) -> pl.DataFrame:
    """All shipped networks, then the imported ones: name, title, number of layers and of filters.

    Args:
        broken: is called with a message for every imported network whose card cannot be read; such a network is left
            out of the table.

    Raises: CardError for an unreadable card when `broken` is None.

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


@explains_faults
def model_layers(name: str = "vgg16") -> pl.DataFrame:
    """Geometry of a network's layers: position from 1; stride and receptive field in pixels of its input.

    Example:
        >>> model_layers("tiny.toml").select("layer", "kind", "filters", "receptive_field").row(-1)
        ('sum', 'dense', 2, 4)
    """
    return layer_table(network(name))


@explains_faults
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
        name: name of a network, or path of a card.
        full: file for the graph with every layer's activation map as an output, named as the layer.
        pooled: file for the graph that an extraction runs, with the maximum and mean of every map as outputs.
        layers: patterns of layer names; the full graph ends with the deepest of these layers, and the pooled graph has
            only these.
        weights: source of the weights, as for an extraction.
        progress: is called as weights are downloaded.

    Returns: the network of the graphs, with warnings about missing layers.
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
        raise UsageError("no file to write; name one with full=… (--full …), pooled=… (--pooled …), or both")
    for path in filter(None, (full, pooled)):
        if path.is_dir():
            raise UsageError(f"{path} is a folder; expected a file, such as {path / f'{name}.onnx'}")
