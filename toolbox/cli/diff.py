"""The command that compares two studies: diff."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from toolbox.cli import options, output
from toolbox.cli.tables import print_table
from toolbox.printing import printable, printable_lines

commands = typer.Typer()

PRINTED_OF_LAYERS = (
    "layer", "filters", "preferences_changed", "beyond_noise", "indices_changed", "significant", "q50", "noise",
    "filter", "category", "largest",
)  # fmt: skip
"""Columns that a terminal shows; files and the other formats have a row for every filter and category."""

FirstArgument = Annotated[Path, Argument(metavar="FIRST", help="Directory of a study, or a bundle.")]
SecondArgument = Annotated[
    Path, Argument(metavar="SECOND", help="Another one, which is compared with the first.")
]
ComparedSetOption = Annotated[
    str | None,
    Option(
        "--set",
        help="Stimulus set, in each study that has one of this name. Default: the one that each means.",
    ),
]
ComparedModelOption = Annotated[
    str | None, Option("--model", help="Network, in both. Default: the one that the first study means.")
]
ComparedSchemeOption = Annotated[
    str | None, Option("--scheme", help="Label scheme, in both. Default: the one that the first study means.")
]


@commands.command()
def diff(
    first: FirstArgument,
    second: SecondArgument,
    index: options.IndexOption = "contrast",
    statistic: options.StatisticOption = "maximum",
    normalise: options.NormaliseOption = "filter",
    set: ComparedSetOption = None,
    model: ComparedModelOption = None,
    scheme: ComparedSchemeOption = None,
    figure: options.FigureOption = None,
    text: options.TextOption = None,
    format: options.FormatOption = None,
    output_file: options.OutputOption = None,
    quiet: options.QuietOption = False,
) -> None:
    """Compare two studies: what differs in model, stimuli and labels; then which filters changed, and how far.

    Where the index was resampled in both (toolbox significance), every change is compared with what the sampling of
    stimuli alone explains.
    """
    from toolbox.exchange.differences import diff

    output.check_rows_files(format, output_file)
    found = diff(
        first,
        second,
        index=index,
        statistic=statistic,
        normalise=normalise,
        set=set,
        model=model,
        scheme=scheme,
        figure=figure,
        text=text,
    )
    if output_file is None and format in (None, options.Format.TABLE) and not found.inputs.is_empty():
        print_table(found.inputs, quiet, most=output.MOST_ROWS)
        typer.echo(printable(""))
    if found.is_empty and output_file is None and format in (None, options.Format.TABLE):
        output.print_notes(found.notes, quiet)
        typer.echo(printable_lines(found.paragraph))
    else:
        output.print_result(found, found.layers.select(PRINTED_OF_LAYERS), format, output_file, quiet)
    output.note_files(quiet, figure, text)
