"""Whether a network is computed faithfully here: every way of computing it held against another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from toolbox.errors import UsageError, VerificationError
from toolbox.fetch import Progress, silent
from toolbox.network.card import network, selected
from toolbox.network.fidelity import Comparison, compare, noise
from toolbox.network.graph import pooled_graph
from toolbox.network.model import load_model


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
        return pl.DataFrame(rows)


def check_model(
    name: str = "vgg16",
    *,
    layers: Sequence[str] | None = None,
    weights: str = "auto",
    images: int = 4,
    device: str = "auto",
    progress: Progress = silent,
) -> ModelCheck:
    """Compute noise with the spectrum of photographs in every way there is, and compare.

    Args:
        layers: patterns of layer names; None for all whose weights can be had.
        weights: as for an extraction.
        images: how many; also the size of the batch that is held against single images.
        device: whose results are held against the others: 'auto', 'cpu' or 'cuda'.

    Raises: UsageError for fewer than two images; WeightsError, VerificationError of the weights, DeviceError.
    """
    if images < 2:
        raise UsageError(f"images is {images}; expected 2 or more, since a batch is held against single ones")
    net = network(name)
    asked = selected(net.layers, layers) if layers else None
    model = load_model(net, asked, source=weights, progress=progress)
    kept = [layer for layer in model.layers if asked is None or layer.name in asked]
    pooled = pooled_graph(model.graph, [layer.name for layer in kept])
    shown = noise(net.input, images)
    together = not net.batch
    comparisons = compare(model.graph, pooled, kept, shown, device=device, together=together, progress=progress)
    return ModelCheck(net.name, model.source, images, comparisons, model.remarks)


def hold_fidelity(check: ModelCheck) -> None:
    """Raises: VerificationError when a difference is over its bound; it names the worst, and its layer."""
    over = [entry for entry in check.comparisons if not entry.ok]
    if over:
        worst = max(over, key=lambda entry: entry.difference / entry.bound)
        raise VerificationError(
            f"{check.model}: {worst.comparison}: the {worst.statistic} of {worst.layer} differs by "
            f"{worst.difference:.2g} of the layer's largest value, expected {worst.bound:g} at most; do not use "
            "responses from here before the cause is found (toolbox doctor looks at the set-up)"
        )
