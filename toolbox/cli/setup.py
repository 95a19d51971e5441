"""Commands to begin with: demo, and doctor, which looks at the set-up."""

from pathlib import Path

import typer

from toolbox.cli import examined, network_options, options, output
from toolbox.cli.progress import progress_bars
from toolbox.cli.tables import print_table

commands = typer.Typer()


@commands.command()
def demo(
    directory: network_options.DemonstrationArgument = Path("toolbox-demo"),
    quiet: options.QuietOption = False,
) -> None:
    """Demonstrate the toolbox: present faces and gratings to VGG16, print tables and draw figures."""
    from toolbox.demo import demonstrate

    with progress_bars(quiet) as progress:
        for step in demonstrate(directory, progress):
            for line in step.note.split("\n"):
                output.note(line, quiet)
            if step.rows is not None:
                print_table(step.rows)


@commands.command()
def doctor(
    study: network_options.ExaminedStudyOption = None,
    format: network_options.FindingsFormatOption = "table",
    quiet: options.QuietOption = False,
) -> None:
    """Examine the set-up and report how to fix it: software, processor, GPU, weights, disk. Downloads nothing."""
    from toolbox.setup.doctor import as_json, can_work, examine_setup

    findings = examine_setup(study)
    if format == "json":
        typer.echo(as_json(findings))
    else:
        examined.print_findings(findings)
    if not can_work(findings):
        problems = sum(finding.state == "problem" for finding in findings)
        output.note(f"{problems} to fix before the toolbox can be used", quiet)
        raise typer.Exit(1)
    output.note("the toolbox can be used", quiet)
