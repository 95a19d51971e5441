"""Commands that keep a study in order: use, remove."""

import sys

import typer

from toolbox.cli import network_options, options, output, reports
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.errors import UsageError, VerificationError

commands = typer.Typer()


@commands.command()
def use(
    set: network_options.UsedSetArgument = None,
    model: network_options.UsedModelOption = None,
    scheme: network_options.UsedSchemeOption = None,
    study: options.StudyOption = HERE,
) -> None:
    """Choose the set, model and scheme that commands mean where the study has several; without a choice, print them.

    Without a choice, commands mean the one that was there first. --set, --model and --scheme always take precedence.
    """
    reports.print_in_use(study_at(study).use(set, model=model, scheme=scheme))


@commands.command()
def verify(
    directory: network_options.VerifiedStudyArgument = None,
    thorough: network_options.ThoroughOption = False,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Compare the files of a study, or of a bundle, with their digests, plans and records. Prints each problem.

    With its remedy. The exit code is 3 if there is a problem. Changes nothing.
    """
    from toolbox.collect.recomputation import recompute_responses
    from toolbox.exchange.importing.run import verify_bundle
    from toolbox.exchange.importing.unpacking import is_bundle

    path = directory or study
    if directory and path.suffix.lower() == ".zip" and not path.exists():
        raise UsageError(
            f"there is no bundle {path}; expected a zip that toolbox share wrote, or a directory"
        )
    verification = (
        verify_bundle(path, thorough=thorough, recompute=recompute_responses)
        if is_bundle(path)
        else study_at(path).verify(thorough=thorough)
    )
    reports.print_verification(verification, quiet)
    if not verification.is_intact:
        raise typer.Exit(VerificationError.exit_code)


@commands.command()
def remove(
    kind: network_options.RemovedKindArgument,
    name: network_options.RemovedNameArgument,
    set: network_options.RemovedFromOption = None,
    dry_run: options.DryRunOption = False,
    yes: network_options.YesOption = False,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Delete a stimulus set, the responses of a model or a label scheme, with all that was derived from it.

    Asks before it deletes. Images are never deleted.
    """
    opened = study_at(study)
    reports.print_removal(opened.remove(kind, name, set=set, dry_run=True), quiet)
    if dry_run:
        output.note("nothing was deleted; without --dry-run, the same command deletes", quiet)
        return
    if not yes:
        _ask()
    opened.remove(kind, name, set=set)
    output.note("deleted", quiet)


def _ask() -> None:
    """Ask whether to delete.

    Raises: UsageError without a terminal; Exit when the answer is no.
    """
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask before deleting; to delete without a question: --yes")
    if not typer.confirm("Delete this?", err=True):
        output.note("nothing was deleted")
        raise typer.Exit(1)
