"""Commands that keep a study in order: use."""

import typer

from toolbox.cli import options, output
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE

commands = typer.Typer()


@commands.command()
def use(
    set: options.UsedSetArgument = None,
    model: options.UsedModelOption = None,
    scheme: options.UsedSchemeOption = None,
    study: options.StudyOption = HERE,
) -> None:
    """Choose the set, model and scheme that commands mean where the study has several; without a choice, print them.

    Without a choice, commands mean the one that was there first. --set, --model and --scheme always take precedence.
    """
    output.print_in_use(study_at(study).use(set, model=model, scheme=scheme))
