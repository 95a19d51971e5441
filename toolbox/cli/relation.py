"""Commands on stimulus parameters: parameters, relate."""

import typer

from toolbox.cli import options, relation_options, reports
from toolbox.cli.conversion import study_at
from toolbox.cli.following import print_next
from toolbox.cli.options import HERE
from toolbox.cli.output import note, print_notes
from toolbox.cli.progress import STARTS_AGAIN, progress_bars
from toolbox.cli.several import SeveralValues
from toolbox.printing import printable

commands = typer.Typer()


@commands.command(cls=SeveralValues)
def parameters(
    set: relation_options.ParametersSetArgument,
    source: relation_options.ParametersOption,
    column: relation_options.ColumnOption = None,
    observer: relation_options.ObserverOption = None,
    replace: relation_options.ReplaceParametersOption = False,
    dry_run: options.DryRunOption = False,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Add numeric columns of a table to the stimuli of a set: ratings, reaction times, response amplitudes.

    A stimulus may have several rows, one of each observer; queries use the mean.
    """
    report = study_at(study).parameters(
        set, source=source, column=column, observer=observer, replace=replace, dry_run=dry_run
    )
    print_notes(report.notes, quiet)
    if report.ignored:
        note(f"not used: {', '.join(report.ignored)}", quiet)
    for name, stimuli in report.parameters.items():
        observed = f", {report.observations[name]:,} observations" if report.repeats > 1 else ""
        known = "" if name in report.written else "; it has these values already"
        note(f"{name}: {stimuli:,} of {report.stimuli:,} stimuli{observed}{known}", quiet)
    reports.print_dry_run(dry_run, quiet)
    if not dry_run:
        print_next(["relate", report.set, "--parameter", next(iter(report.parameters))], study, quiet)


@commands.command(cls=SeveralValues)
def relate(
    parameter: relation_options.RelatedOption,
    set: options.AnalysedSetArgument = None,
    given: relation_options.GivenOption = None,
    statistic: options.StatisticOption = "maximum",
    threshold: relation_options.RelationThresholdsOption = None,
    resamples: relation_options.PermutationsOption = 1000,
    seed: options.SeedOption = 0,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Test every filter for a rank correlation with a parameter of the stimuli, by permutations."""
    opened = study_at(study)
    with progress_bars(quiet, STARTS_AGAIN) as progress:
        report = opened.relate(
            set, parameter=parameter, given=given, statistic=statistic, threshold=threshold, resamples=resamples,
            seed=seed, model=model, scheme=scheme, progress=progress,
        )  # fmt: skip
    print_notes(report.notes, quiet)
    held = f", {', '.join(report.given)} held constant" if report.given else ""
    how = f"in {report.seconds:.1f} s" if report.seconds else "as computed before"
    what = f"{report.filters:,} filters of {report.model} ({report.dead:,} dead) to {report.parameter}{held}"
    note(f"{report.set}: {what}; {report.stimuli:,} stimuli, {report.resamples:,} permutations {how}", quiet)
    found = (
        f"{report.significant:,} filters have q < 0.05, {report.significant_fwe:,} an FWE-corrected p < 0.05"
    )
    largest = f"; the strongest: {report.strongest}, {report.correlation:.3f}" if report.strongest else ""
    typer.echo(printable(f"{found}{largest}"))
    words = [word for name in report.given for word in ("--given", name)]
    if statistic != "maximum":
        words += ["--statistic", str(statistic)]
    several = {
        "set": opened.sets,
        "model": opened.models(report.set),
        "scheme": opened.folder.schemes(report.set),
    }
    words += [
        word
        for kind, names in several.items()
        if len(names) > 1
        for word in (f"--{kind}", getattr(report, kind))
    ]
    print_next(["plot", "relation/layers", "--parameter", report.parameter, *words], study, quiet)
