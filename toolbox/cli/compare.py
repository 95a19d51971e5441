"""Commands that compare categories of a set: compare, and reference, which writes what they are compared with."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from toolbox.cli import options, output
from toolbox.cli.conversion import selection_of, study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import STARTS_AGAIN, progress_bars
from toolbox.cli.several import SeveralValues
from toolbox.printing import printable

commands = typer.Typer()

PRINTED = (
    "measure", "category", "other", "value", "value_other", "difference", "low", "high", "effect_size", "p_holm",
    "p_equivalence", "conclusion",
)  # fmt: skip
"""Columns that a terminal shows; files and the other formats hold all, and further rows."""

CategoriesArgument = Annotated[list[str], Argument(metavar="CATEGORY", help="Two or more categories.")]
LayersOption = Annotated[
    list[str] | None,
    Option("--layer", help="Layer to compare, or a pattern such as 'block5_*'; several may follow."),
]
ReferenceNameOption = Annotated[
    str | None,
    Option(
        "--reference",
        metavar="NAME",
        help="Compare every category with this instead of with the others: a set of the study, the file of a reference "
        "(.parquet), or one that ships with the network (natural for vgg16).",
    ),
]
ThresholdOption = Annotated[
    float | None,
    Option(
        help="Difference of the mean normalised responses above which a filter responds highly. Default: 0.1, that of "
        "response contrast."
    ),
]
MarginOption = Annotated[
    float,
    Option(
        help="Largest difference in proportion and in mean depth that does not matter: five filters in a hundred, or "
        "about one layer of VGG16."
    ),
]
PropertyMarginOption = Annotated[
    float,
    Option(
        help="The same for properties of the images, in standard deviations: a medium effect, about the smallest that "
        "40 stimuli in each category can exclude."
    ),
]
BootstrapOption = Annotated[int, Option("--resamples", help="Number of bootstrap samples.")]
ReferenceFileOption = Annotated[Path, Option("--output", "-o", help="File to write (.parquet).")]
DescriptionOption = Annotated[
    str | None,
    Option(
        "--description",
        help="What the stimuli are, and their source; results with this reference print it.",
    ),
]


@commands.command(cls=SeveralValues)
def compare(
    categories: CategoriesArgument,
    layer: LayersOption = None,
    reference: ReferenceNameOption = None,
    statistic: options.StatisticOption = "maximum",
    threshold: ThresholdOption = None,
    margin: MarginOption = 0.05,
    property_margin: PropertyMarginOption = 0.5,
    resamples: BootstrapOption = 1000,
    seed: options.SeedOption = 0,
    set: options.SetOption = None,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    figure: options.FigureOption = None,
    text: options.TextOption = None,
    format: options.FormatOption = None,
    output_file: options.OutputOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Compare the visual complexity of categories, and the properties of their images: are they equivalent?

    Complexity is the proportion of filters that respond highly to a category, and their mean depth. Tests of
    equivalence and of difference are reported side by side: where neither is shown, the stimuli are too few to decide.
    """
    from toolbox.design.comparison import Comparing, compare_categories
    from toolbox.query.result_files import ResultFiles

    choices = Comparing(layer, reference, statistic, threshold, margin, property_margin, resamples, seed)
    files = ResultFiles(figure, text)
    output.check_rows_files(format, output_file)
    folder, selection = study_at(study).folder, selection_of(set, model, scheme)
    with progress_bars(quiet, STARTS_AGAIN) as progress:
        found = compare_categories(folder, categories, choices, selection, files, progress=progress)
    output.print_result(found, found.summary.select(PRINTED), format, output_file, quiet)
    output.note_files(quiet, figure, text)


@commands.command()
def reference(
    output_file: ReferenceFileOption,
    set: options.AnalysedSetArgument = None,
    description: DescriptionOption = None,
    model: options.ModelOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Write the responses to a set as a reference, with which the categories of other studies can be compared.

    The file has statistics of every filter over all stimuli of the set, and no image. It is only used with the same
    network, weights and preprocessing.
    """
    from toolbox.design.comparison import save_reference

    report = save_reference(study_at(study).folder, output_file, selection_of(set, model, None), description)
    output.print_notes(report.notes, quiet)
    output.note(
        f"{report.set}: {report.filters:,} filters in {report.layers} layers of {report.model}, over "
        f"{report.stimuli:,} stimuli; {report.bytes / 1000:.0f} kB",
        quiet,
    )
    typer.echo(printable(output_file))
