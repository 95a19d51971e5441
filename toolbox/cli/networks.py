"""Commands about networks: toolbox model list, show, add, export, check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolbox.cli.options import LayersOption, QuietOption, WeightsOption
from toolbox.cli.output import note, print_table, progress_bars

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Networks: list, show, add, check, export as ONNX."
)


@app.command("list")
def list_models() -> None:
    """All networks that ship, then those that were added."""
    from toolbox.setup.exporting import models

    print_table(models(broken=note))


@app.command("show")
def show_model(name: Annotated[str, typer.Argument(help="Network, or a card's path.")] = "vgg16") -> None:
    """A network's layers, input, weights, citation and licence."""
    from toolbox.fetch import describe
    from toolbox.network.card import layer_table, network

    net = network(name)
    print_table(layer_table(net), most=len(net.layers))
    entry = net.input
    sources = [
        f"random numbers, seed {w['seed']}" if w["format"] == "random" else describe(w) for w in net.weights
    ]
    if not sources and net.graph is None:
        sources = ["the card names no source; give a file with --weights"]
    graph = [f"graph: {net.graph} (recorded {net.activation} the activation functions)"] if net.graph else []
    for line in (
        f"{net.name}: {net.title}",
        f"input: {entry.height} x {entry.width} ({entry.resize}), "
        f"({entry.channels} - {entry.mean}) * {_scale(entry.scale)}",
        *graph,
        *(f"weights: {source}" for source in sources),
        f"citation: {net.citation}",
        f"licence: {net.licence}",
    ):
        note(line)


def _scale(scale: float | tuple[float, ...]) -> str:
    """One number, or one for each channel, for reading."""
    return f"({', '.join(f'{each:g}' for each in scale)})" if isinstance(scale, tuple) else f"{scale:g}"


@app.command("add")
def add(
    graph: Annotated[Path, typer.Argument(metavar="GRAPH", help="ONNX file: a classifier of colour images.")],
    name: Annotated[
        str | None,
        typer.Option("--name", help="What the network is called here; without it, nothing is added."),
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="Where to record: after or before the activation functions.")
    ] = None,
    preprocessing: Annotated[
        str | None,
        typer.Option(help="How the network's images were prepared: caffe, torch, tf, unit or none."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Size of the images where the graph takes any: 224, or 224x192 (height, width)."),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option(help="How images are brought to size; else what goes with the preprocessing."),
    ] = None,
    replace: Annotated[bool, typer.Option(help="Give up an added network of that name.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Add any ONNX classifier: list what there is to record from, and write its card."""
    from toolbox.setup.adding import add_model, examine_graph, tap_table

    examined = examine_graph(graph, size)
    taps = tap_table(examined)
    print_table(taps, most=taps.height)
    for remark in examined.survey.remarks:
        note(remark, quiet)
    if name is None:
        note(
            "to add it: --name NAME --activation after|before --preprocessing caffe|torch|tf|unit|none", quiet
        )
        return
    added = add_model(
        examined, name, activation=activation, preprocessing=preprocessing, resize=resize, replace=replace
    )
    note(f"{added.name}: {added.filters:,} filters in {added.layers} layers; its card is {added.card}", quiet)
    note(f"next: toolbox extract SET --model {added.name}", quiet)


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
    from toolbox.setup.exporting import export_model

    with progress_bars(quiet) as progress:
        found = export_model(
            name, full=full, pooled=pooled, layers=layers or None, weights=weights, progress=progress
        )
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
    precision: Annotated[str, typer.Option(help="bf16 (CPU) or tf32 (CUDA) is compared too.")] = "float32",
    quiet: QuietOption = False,
) -> None:
    """Hold every way of computing a network against another.

    Exit code 3 when they differ by too much, 1 when a comparison cannot be made.
    """
    from toolbox.setup.checking import check_fidelity, check_model

    with progress_bars(quiet) as progress:
        found = check_model(
            name, layers=layers or None, weights=weights, images=images, device=device, precision=precision,
            progress=progress,
        )  # fmt: skip
    for remark in found.remarks:
        note(f"note: {remark}", quiet)
    note(f"{found.model} shown {found.images} images of noise; weights: {found.weights}", quiet)
    note("difference: the largest of any layer, as a share of that layer's largest absolute value", quiet)
    print_table(found.table())
    check_fidelity(found)
