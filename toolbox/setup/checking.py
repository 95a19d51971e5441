"""Whether this machine computes a network's graph correctly: every way of computing it is compared with another.

These comparisons cannot show whether the graph is the network that its card names: tensors, axes and preprocessing
are the same on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from toolbox.errors import ToolboxError, UsageError, VerificationError
from toolbox.faults import explains_faults
from toolbox.network.architecture import Layer
from toolbox.network.card import network, select_layers
from toolbox.network.model import Model, load_model
from toolbox.network.pooling import pooled_graph
from toolbox.progress import Progress, silent
from toolbox.runtime.device import check_precision, choose_device
from toolbox.setup.comparisons import compare, compare_extraction
from toolbox.setup.differences import Comparison
from toolbox.setup.noise import noise, noise_pixels

LEAST_BOUND = 1e-8
"""Replaces a bound of 0 when differences are ranked; it is below the resolution of float32."""


@dataclass(frozen=True)
class ModelCheck:
    """All comparisons of one network, and the weights with which they were made."""

    model: str
    weights: str
    images: int
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()

    def table(self) -> pl.DataFrame:
        """One row per comparison; differences are relative to the layer's largest absolute value."""
        columns = ("comparison", "statistic", "difference", "layer", "bound", "ok")
        rows = [{name: getattr(entry, name) for name in columns} for entry in self.comparisons]
        return pl.DataFrame(rows, schema_overrides={"difference": pl.Float64})


@explains_faults
def check_model(
    name: str = "vgg16",
    *,
    layers: Sequence[str] | None = None,
    weights: str = "auto",
    images: int = 4,
    device: str = "auto",
    precision: str = "float32",
    progress: Progress = silent,
) -> ModelCheck:
    """Present noise with the spectrum of photographs in every way of computing the network, and compare the results.

    Args:
        name: name of a network, or path of a card.
        layers: patterns of layer names; None for all layers whose weights are available.
        weights: source of the weights, as for an extraction.
        images: number of images; also the size of the batch that is compared with single images.
        device: the device whose results are compared with the others: 'auto', 'cpu' or 'cuda'.
        precision: 'bf16' and 'tf32' are also compared with 'float32'.
        progress: is called as images are computed.

    Raises: UsageError for fewer than two images; WeightsError, VerificationError of the weights, DeviceError.

    Example:
        >>> check = check_model("tiny.toml", weights="tiny.npz", device="cpu")
        >>> all(comparison.ok for comparison in check.comparisons)
        True
    """
    if images < 2:
        raise UsageError(
            f"images is {images}; expected 2 or more, because a batch is compared with single images"
        )
    check_precision(precision, choose_device(device))
    net = network(name)
    asked = select_layers(net.layers, layers) if layers else None
    model = load_model(net, asked, source=weights, progress=progress)
    compared = [layer for layer in model.layers if asked is None or layer.name in asked]
    comparisons = _compare_all(
        model, compared, images=images, device=device, precision=precision, progress=progress
    )
    return ModelCheck(net.name, model.source, images, comparisons, model.notes)


def _compare_all(
    model: Model, layers: Sequence[Layer], *, images: int, device: str, precision: str, progress: Progress
) -> tuple[Comparison, ...]:
    entry = model.network.input
    pooled = pooled_graph(model.graph, [layer.name for layer in layers])
    together = not model.network.batch
    return (
        *compare(
            model.graph,
            pooled,
            layers,
            noise(entry, images),
            device=device,
            together=together,
            progress=progress,
        ),
        *compare_extraction(
            pooled, layers, entry, noise_pixels(entry, images), device=device, precision=precision
        ),
    )


def check_fidelity(check: ModelCheck) -> None:
    """Compare every difference with its bound.

    Raises: VerificationError when a difference exceeds its bound; the message names the worst one and its layer. Else
        ToolboxError when a comparison could not be made.
    """
    if worst := _worst(check.comparisons):
        raise VerificationError(
            f"{check.model}: {worst.comparison}: the {worst.statistic} of {worst.layer} differs by "
            f"{worst.difference:.2g} of the layer's largest value; expected at most {worst.bound:g}; do not use "
            "responses from this machine before you have found the cause (toolbox doctor checks the set-up)"
        )
    for entry in check.comparisons:
        if entry.difference is None:
            raise ToolboxError(
                f"{check.model}: {entry.comparison}; all other comparisons are within their bounds; compare some of "
                "its responses with those of another framework"
            )


def _worst(comparisons: Sequence[Comparison]) -> Comparison | None:
    """The comparison with the largest ratio of difference to bound; None where all are within their bounds."""
    over = {
        entry: entry.difference / (entry.bound or LEAST_BOUND)
        for entry in comparisons
        if entry.difference is not None and not entry.ok
    }
    return max(over, key=over.__getitem__) if over else None
