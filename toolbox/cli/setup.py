"""Commands about the set-up: doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from toolbox.cli.options import QuietOption
from toolbox.cli.output import note

if TYPE_CHECKING:
    from toolbox.setup.doctor import Finding

app = typer.Typer()


@app.command()
def doctor(
    study: Annotated[
        Path | None, typer.Option("--study", envvar="TOOLBOX_STUDY", help="Look at this study's folder too.")
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="table or json.")] = "table",
    quiet: QuietOption = False,
) -> None:
    """Say what is wrong with a set-up and how to mend it: software, processor, GPU, weights, disk. Asks no network."""
    from toolbox.setup.doctor import as_json, can_work, examine_setup

    findings = examine_setup(study)
    if format == "json":
        typer.echo(as_json(findings))
    else:
        _print_findings(findings)
    if not can_work(findings):
        note(
            f"{sum(finding.state == 'problem' for finding in findings)} to mend before the main job can be done",
            quiet,
        )
        raise typer.Exit(1)
    note("nothing stands in the way of the main job", quiet)


def _print_findings(findings: tuple[Finding, ...]) -> None:
    """One line a finding, and its remedy below; plain text, since what draws tables may be what is broken."""
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        typer.echo(f"{finding.state:<7}  {finding.subject:<{width}}  {finding.finding}")
        if finding.remedy:
            typer.echo(f"{'':<7}  {'':<{width}}  -> {finding.remedy}")
