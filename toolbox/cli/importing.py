"""The command that takes in what others share: import."""

from pathlib import Path
from typing import Annotated

import typer

from toolbox.cli import options, output, reports
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.printing import printable

commands = typer.Typer()

BundleArgument = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="A zip or a directory that toolbox share wrote.")
]
ImportedSetOption = Annotated[
    str | None,
    typer.Option("--set", help="Name of its stimulus set in the study. Default: that in the bundle."),
]


@commands.command("import")
def import_(
    bundle: BundleArgument,
    set: ImportedSetOption = None,
    dry_run: options.DryRunOption = False,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Take a bundle into a study, all of it or nothing, if all of it verifies. Overwrites nothing.

    A missing study is made. The column `origin` of the stimuli names the bundle.
    """
    opened = study_at(study, create=True)
    with progress_bars(quiet) as progress:
        report = opened.import_(bundle, set=set, dry_run=dry_run, progress=progress)
    output.print_notes(report.notes, quiet)
    for line in report.known:
        output.note(f"there already: {line}", quiet)
    for line in report.written:
        typer.echo(printable(line))
    reports.print_dry_run(dry_run, quiet)
