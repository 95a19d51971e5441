"""Commands about networks: toolbox model list, show, add, export, check."""

import typer

from toolbox.cli import examined, network_options, options, output
from toolbox.cli.progress import progress_bars
from toolbox.cli.several import SeveralValues
from toolbox.cli.tables import print_table
from toolbox.errors import command_line
from toolbox.printing import printable

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Networks: list, show, add, check, export as ONNX."
)


@commands.command("list")
def list_models() -> None:
    """List all networks: those that ship, then those that were added."""
    from toolbox.setup.exporting import models

    print_table(models(broken=output.note))


@commands.command("show")
def show_model(name: network_options.NetworkArgument = "vgg16") -> None:
    """Print a network's layers, input, weights, citation and licence."""
    from toolbox.network.card import layer_table, network

    described = network(name)
    print_table(layer_table(described), most=len(described.layers))
    examined.print_network(described)


@commands.command("add")
def add(
    graph: network_options.GraphArgument,
    name: network_options.NetworkNameOption = None,
    activation: network_options.ActivationOption = None,
    preprocessing: network_options.PreprocessingOption = None,
    size: network_options.SizeOption = None,
    resize: network_options.ResizeOption = None,
    replace: network_options.ReplaceNetworkOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Add a network from an ONNX file: list the layers that can be recorded, and write its card."""
    from toolbox.setup.adding import add_model, examine_graph, tap_table

    examined = examine_graph(graph, size)
    taps = tap_table(examined)
    print_table(taps, most=taps.height)
    output.print_notes(examined.survey.notes, quiet)
    if name is None:
        choices = "--activation after|before --preprocessing caffe|torch|tf|unit|none"
        output.note(f"to add it: --name NAME {choices}", quiet)
        return
    added = add_model(
        examined, name, activation=activation, preprocessing=preprocessing, resize=resize, replace=replace
    )
    counts = f"{added.filters:,} filters in {added.layers} layers"
    output.note(f"{added.name}: {counts}; its card is {added.card}", quiet)
    output.note(f"next: {command_line('extract', 'SET', '--model', added.name)}", quiet)


@commands.command("export", cls=SeveralValues)
def export(
    name: network_options.NetworkArgument = "vgg16",
    full: network_options.FullGraphOption = None,
    pooled: network_options.PooledGraphOption = None,
    layers: options.LayersOption = None,
    weights: options.WeightsOption = "auto",
    quiet: options.QuietOption = False,
) -> None:
    """Write a network as ONNX files."""
    from toolbox.setup.exporting import export_model

    with progress_bars(quiet) as progress:
        exported = export_model(
            name, full=full, pooled=pooled, layers=layers or None, weights=weights, progress=progress
        )
    output.note(f"weights: {exported.source}", quiet)
    output.print_notes(exported.notes, quiet)
    for path in filter(None, (full, pooled)):
        typer.echo(printable(path))


@commands.command("check", cls=SeveralValues)
def check(
    name: network_options.NetworkArgument = "vgg16",
    layers: options.LayersOption = None,
    weights: options.WeightsOption = "auto",
    images: network_options.NoiseOption = 4,
    device: network_options.CheckedDeviceOption = "auto",
    precision: network_options.CheckedPrecisionOption = "float32",
    quiet: options.QuietOption = False,
) -> None:
    """Compare the ways of computing a network with one another.

    Exit code 3: they differ by more than a bound. Exit code 1: a comparison cannot be made.
    """
    from toolbox.setup.checking import check_fidelity, check_model

    with progress_bars(quiet) as progress:
        report = check_model(
            name, layers=layers or None, weights=weights, images=images, device=device, precision=precision,
            progress=progress,
        )  # fmt: skip
    examined.print_fidelity(report, quiet)
    check_fidelity(report)
