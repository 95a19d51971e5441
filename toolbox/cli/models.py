"""Commands about networks: toolbox model list, show, export, check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolbox.cli.options import LayersOption, QuietOption, WeightsOption
from toolbox.cli.output import note, print_table, progress_bars

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Networks: list, show, check, export as ONNX.")


@app.command("list")
def list_models() -> None:
    """All networks that ship."""
    from toolbox.export import models

    print_table(models())


@app.command("show")
def show_model(name: Annotated[str, typer.Argument(help="Network, or a card's path.")] = "vgg16") -> None:
    """A network's layers, input, weights, citation and licence."""
    from toolbox.fetch import describe
    from toolbox.network.card import layer_table, network

    net = network(name)
    print_table(layer_table(net))
    entry = net.input
    sources = [f"random numbers, seed {w['seed']}" if w["format"] == "random" else describe(w) for w in net.weights]
    for line in (
        f"{net.name}: {net.title}",
        f"input: {entry.height} x {entry.width} ({entry.resize}), "
        f"({entry.channels} - {entry.mean}) * {_scale(entry.scale)}",
        *(f"weights: {source}" for source in sources),
        f"citation: {net.citation}",
        f"licence: {net.licence}",
    ):
        note(line)


def _scale(scale: float | tuple[float, ...]) -> str:
    """One number, or one for each channel, for reading."""
    return f"({', '.join(f'{each:g}' for each in scale)})" if isinstance(scale, tuple) else f"{scale:g}"


@app.command("export")
def export(
    name: Annotated[str, typer.Argument(help="Network, or a card's path.")] = "vgg16",
    full: Annotated[Path | None, typer.Option(help="ONNX file with every layer's map as an output.")] = None,
    pooled: Annotated[Path | None, typer.Option(help="ONNX file with maximum and mean of every map.")] = None,
    layers: LayersOption = None,
    weights: WeightsOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Write a network as ONNX."""
    from toolbox.export import export_model

    with progress_bars(quiet) as progress:
        found = export_model(name, full=full, pooled=pooled, layers=layers or None, weights=weights, progress=progress)
    note(f"weights: {found.source}", quiet)
    for remark in found.remarks:
        note(remark, quiet)
    for path in (full, pooled):
        if path is not None:
            typer.echo(path)


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="Network, or a card's path.")] = "vgg16",
    layers: LayersOption = None,
    weights: WeightsOption = "auto",
    images: Annotated[int, typer.Option(help="Images of noise to compute; also the larger batch.")] = 4,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    quiet: QuietOption = False,
) -> None:
    """Hold every way of computing a network against another; exit code 3 when they differ by too much."""
    from toolbox.check import check_model, hold_fidelity

    with progress_bars(quiet) as progress:
        found = check_model(
            name, layers=layers or None, weights=weights, images=images, device=device, progress=progress
        )
    for remark in found.remarks:
        note(f"note: {remark}", quiet)
    note(f"{found.model} shown {found.images} images of noise; weights: {found.weights}", quiet)
    note("difference: the largest of any layer, as a share of that layer's largest absolute value", quiet)
    print_table(found.table())
    hold_fidelity(found)
