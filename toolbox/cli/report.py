"""The command that writes a study down for others: report."""

from pathlib import Path

import typer

from toolbox.cli import options, picture_options, reports
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.printing import printable
from toolbox.terms import DEFAULT_INDEX

commands = typer.Typer()


@commands.command()
def report(
    output_file: picture_options.ReportFileOption = Path("report.html"),
    methods: picture_options.MethodsFileOption = None,
    with_images: picture_options.WithImagesOption = False,
    index: options.IndexOption = DEFAULT_INDEX,
    statistic: options.StatisticOption = "maximum",
    normalise: options.NormaliseOption = "filter",
    threshold: picture_options.ReportThresholdOption = None,
    set: options.SetOption = None,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    weights: options.WeightsOption = "auto",
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Write a report: one page with figures, warnings, methods and references, which needs no network.

    It shows what is there, and names the command for what is missing. Every figure comes with a sentence, its SQL and
    its rows.
    """
    opened = study_at(study)
    with progress_bars(quiet) as progress:
        written = opened.report(
            output_file, methods=methods, with_images=with_images, index=index, statistic=statistic,
            normalise=normalise, threshold=threshold, set=set, model=model, scheme=scheme, weights=weights,
            progress=progress,
        )  # fmt: skip
    reports.print_report(written, quiet)
    typer.echo(printable(written.file))
