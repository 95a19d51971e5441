"""Commands to begin with: demo, and doctor, which looks at the set-up."""

from pathlib import Path

import typer

from toolbox.cli import options, output
from toolbox.cli.progress import progress_bars
from toolbox.cli.tables import print_table

commands = typer.Typer()


@commands.command()
def demo(
    directory: options.DemonstrationArgument = Path("toolbox-demo"), quiet: options.QuietOption = False
) -> None:
    """The main job on shipped stimuli: faces and gratings through VGG16, tables and charts."""
    from toolbox.demo import demonstrate

    with progress_bars(quiet) as progress:
        for step in demonstrate(directory, progress):
            output.note(step.note, quiet)
            if step.rows is not None:
                print_table(step.rows)


@commands.command()
def doctor(
    study: options.ExaminedStudyOption = None,
    format: options.FindingsFormatOption = "table",
    quiet: options.QuietOption = False,
) -> None:
    """Say what is wrong with a set-up and how to mend it: software, processor, GPU, weights, disk. Asks no network."""
    from toolbox.setup.doctor import as_json, can_work, examine_setup

    findings = examine_setup(study)
    if format == "json":
        typer.echo(as_json(findings))
    else:
        output.print_findings(findings)
    if not can_work(findings):
        problems = sum(finding.state == "problem" for finding in findings)
        output.note(f"{problems} to mend before the main job can be done", quiet)
        raise typer.Exit(1)
    output.note("nothing stands in the way of the main job", quiet)
