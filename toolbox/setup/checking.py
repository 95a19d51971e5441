"""Whether a network's graph is computed faithfully here: every way of computing it held against another.

That the graph is the network which its card names, no comparison here can tell: tensors, axes and preprocessing are
the same on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from toolbox.errors import ToolboxError, UsageError, VerificationError
from toolbox.network.card import network, select_layers
from toolbox.network.model import load_model
from toolbox.network.pooling import pooled_graph
from toolbox.progress import Progress, silent
from toolbox.runtime.session import check_precision, choose_device
from toolbox.setup.comparisons import Comparison, compare, compare_extraction, noise, noise_pixels

LEAST_BOUND = 1e-8
"""For telling which difference is worst, a bound of nothing counts as less than what float32 resolves."""


@dataclass(frozen=True)
class ModelCheck:
    """All comparisons of one network, and the weights they were made with."""

    model: str
    weights: str
    images: int
    comparisons: tuple[Comparison, ...]
    remarks: tuple[str, ...] = ()

    def table(self) -> pl.DataFrame:
        """One row a comparison; differences are relative to the layer's largest absolute value."""
        columns = ("comparison", "statistic", "difference", "layer", "bound", "ok")
        rows = [{name: getattr(entry, name) for name in columns} for entry in self.comparisons]
        return pl.DataFrame(rows, schema_overrides={"difference": pl.Float64})


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
    """Compute noise with the spectrum of photographs in every way there is, and compare.

    Args:
        layers: patterns of layer names; None for all whose weights can be had.
        weights: as for an extraction.
        images: how many; also the size of the batch that is held against single images.
        device: whose results are held against the others: 'auto', 'cpu' or 'cuda'.
        precision: 'bf16' or 'tf32' are held against float32 too.

    Raises: UsageError for fewer than two images; WeightsError, VerificationError of the weights, DeviceError.
    """
    if images < 2:
        raise UsageError(f"images is {images}; expected 2 or more, since a batch is held against single ones")
    check_precision(precision, choose_device(device))
    net = network(name)
    asked = select_layers(net.layers, layers) if layers else None
    model = load_model(net, asked, source=weights, progress=progress)
    kept = [layer for layer in model.layers if asked is None or layer.name in asked]
    pooled = pooled_graph(model.graph, [layer.name for layer in kept])
    shown = noise(net.input, images)
    together = not net.batch
    comparisons = (
        *compare(model.graph, pooled, kept, shown, device=device, together=together, progress=progress),
        *compare_extraction(
            pooled, kept, net.input, noise_pixels(net.input, images), device=device, precision=precision
        ),
    )
    return ModelCheck(net.name, model.source, images, comparisons, model.remarks)


def check_fidelity(check: ModelCheck) -> None:
    """Hold every difference to its bound.

    Raises: VerificationError when one is over it, naming the worst and its layer; else ToolboxError when a comparison
        could not be made.
    """
    over = [
        (entry.difference, entry)
        for entry in check.comparisons
        if not entry.ok and entry.difference is not None
    ]
    if over:
        difference, worst = max(over, key=lambda pair: pair[0] / (pair[1].bound or LEAST_BOUND))
        raise VerificationError(
            f"{check.model}: {worst.comparison}: the {worst.statistic} of {worst.layer} differs by "
            f"{difference:.2g} of the layer's largest value, expected {worst.bound:g} at most; do not use "
            "responses from here before the cause is found (toolbox doctor looks at the set-up)"
        )
    for entry in check.comparisons:
        if entry.difference is None:
            raise ToolboxError(
                f"{check.model}: {entry.comparison}; all other comparisons are within their bounds; hold some of its "
                "responses against another framework"
            )
