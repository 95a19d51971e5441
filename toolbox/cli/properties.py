"""The command that measures the images of a stimulus set: properties."""

import typer

from toolbox.cli import options, output, reports
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.cli.tables import print_table

commands = typer.Typer()


@commands.command()
def properties(
    set: options.MeasuredSetArgument = None,
    scheme: options.SchemeOption = None,
    format: options.FormatOption = None,
    output_file: options.OutputOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Measure properties of the images of a set: luminance, contrast, spectral slope, edges, symmetry and others.

    Prints mean and standard deviation for every category; --output or --format writes all stimuli and properties, as a
    network sees the images and in their files. What was measured before is not measured again.
    """
    output.check_rows_files(format, output_file)
    opened = study_at(study)
    from toolbox.design.properties import measure_properties, summary_of_properties, table_of_properties

    with progress_bars(quiet) as progress:
        report = measure_properties(opened.folder, set, progress=progress)
    reports.print_measurement(report, quiet)
    if output_file is None and format in (None, options.Format.TABLE):
        print_table(summary_of_properties(opened.folder, report.set, scheme), quiet)
    else:
        output.print_answer(
            table_of_properties(opened.folder, report.set, scheme), format, output_file, quiet
        )
