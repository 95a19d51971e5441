"""The command line: parse, call one use case, print. Holds no logic.

stdout is data, stderr is notes and progress. Heavy imports live inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from toolbox.cli import analyse, collect, networks, setup

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Treat the filters of a convolutional network as a neurophysiologist treats neurons.",
)
app.add_typer(collect.app)
app.add_typer(analyse.app)
app.add_typer(setup.app)
app.add_typer(networks.app, name="model")


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Treat the filters of a convolutional network as a neurophysiologist treats neurons."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("selectivity-toolbox"))
        raise typer.Exit
