"""The command line: parse, call one use case, print. Holds no logic.

stdout is data, stderr is notes and progress. Heavy imports live inside the commands, so that `--help` is quick.
"""

import typer

from toolbox.cli import (
    analyse,
    audit,
    collect,
    compare,
    diff,
    export,
    gallery,
    importing,
    match,
    merge,
    networks,
    probe,
    properties,
    relation,
    render,
    report,
    saliency,
    setup,
    share,
    show,
    upkeep,
)
from toolbox.cli.completion import complete_options
from toolbox.cli.options import VersionOption
from toolbox.distribution import toolbox_version

complete_options()
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Treat the filters of a convolutional network as a neurophysiologist treats neurons.",
)
for commands in (
    setup.commands,
    collect.commands,
    properties.commands,
    audit.commands,
    match.commands,
    export.commands,
    analyse.commands,
    compare.commands,
    relation.commands,
    show.commands,
    gallery.commands,
    render.commands,
    saliency.commands,
    report.commands,
    share.commands,
    importing.commands,
    probe.commands,
    merge.commands,
    diff.commands,
    upkeep.commands,
):
    app.add_typer(commands)
app.add_typer(networks.commands, name="model")


@app.callback(invoke_without_command=True)
def main(version: VersionOption = False) -> None:
    """Treat the filters of a convolutional network as a neurophysiologist treats neurons."""
    if version:
        typer.echo(toolbox_version())
        raise typer.Exit
