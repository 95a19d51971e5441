"""The command that makes one study of several: merge."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from toolbox.cli import options, reports
from toolbox.cli.progress import progress_bars
from toolbox.cli.several import SeveralValues
from toolbox.printing import printable
from toolbox.terms import Conflicts

commands = typer.Typer()

StudiesArgument = Annotated[
    list[Path], Argument(metavar="STUDY...", help="Two or more directories of studies, or bundles of them.")
]
MergedOption = Annotated[
    Path, Option("--output", "-o", help="Directory of the merged study: a new or empty one.")
]
MergedSetOption = Annotated[
    str | None,
    Option(
        "--set",
        help="Stimulus set, in every study that has one of this name, and name of the merged set. Default: the set "
        "that each study means.",
    ),
]
MergedModelsOption = Annotated[
    list[str] | None, Option("--model", help="Network to merge; several may follow. Default: all.")
]
ConflictsOption = Annotated[
    Conflicts,
    Option(
        parser=str,
        metavar="NAME",
        help="What counts where studies disagree on the category or another value of one stimulus: refuse (nothing is "
        "merged), first (the study named first) or missing (neither).",
    ),
]
CountTwiceOption = Annotated[
    bool,
    Option(
        "--count-twice",
        help="Count a stimulus that is in several studies once for each, where only roll-ups were shared. Results "
        "carry a caution.",
    ),
]


@commands.command(cls=SeveralValues)
def merge(
    studies: StudiesArgument,
    output_folder: MergedOption,
    set: MergedSetOption = None,
    model: MergedModelsOption = None,
    conflicts: ConflictsOption = "refuse",
    count_twice: CountTwiceOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Merge studies of the same network into one: the stimuli of all, their responses, labels and parameters.

    A stimulus in several studies counts once. Refused with the reason where model, weights, preprocessing, precision or
    layers differ. The studies are only read; a merging that fails leaves nothing.
    """
    from toolbox.exchange.merging import merge

    with progress_bars(quiet) as progress:
        report = merge(
            studies,
            output=output_folder,
            set=set,
            model=model,
            conflicts=conflicts,
            count_twice=count_twice,
            progress=progress,
        )
    reports.print_merging(report, quiet)
    typer.echo(printable(output_folder))
