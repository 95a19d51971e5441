"""The commands that ask what layers know of categories: probe, advise."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from toolbox.cli import options, output
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import STARTS_AGAIN, progress_bars
from toolbox.cli.several import SeveralValues

commands = typer.Typer()

CategoriesOption = Annotated[
    list[str] | None,
    Option("--category", metavar="NAME", help="Categories to tell apart; several may follow. Default: all."),
]
BankSizesOption = Annotated[
    list[int] | None,
    Option(
        "--filters",
        metavar="NUMBER",
        help="Size of a bank of filters, compared with as many filters of the best layer; several may follow.",
    ),
]
ImagesOption = Annotated[
    list[int] | None,
    Option(
        "--images",
        metavar="NUMBER",
        help="Training images a category of a learning curve; several may follow.",
    ),
]
GroupOption = Annotated[
    str | None,
    Option(
        "--group",
        metavar="COLUMN",
        help="Column of the set, or label scheme: images with the same value stay in one fold, such as matched pairs.",
    ),
]
TestOnOption = Annotated[
    str | None, Option("--test-on", metavar="SET", help="Train on the whole set, and test on this other one.")
]
DistanceOption = Annotated[
    float, Option(help="Near-duplicates, whose responses are that near, stay in one fold; 0: none.")
]
FoldsOption = Annotated[int, Option(help="Folds of the cross-validation.")]
RepeatsOption = Annotated[int, Option(help="Repeats of the cross-validation, with other folds each.")]
PermutationsOption = Annotated[
    int, Option(help="Permutations of the labels, from which chance is estimated.")
]
BankFileOption = Annotated[
    Path | None,
    Option("--save-bank", metavar="FILE", help="File for the largest bank: .parquet, .csv or .json."),
]

ControlOption = Annotated[
    str | None,
    Option(
        "--control",
        metavar="MODEL",
        help="Untrained network with responses to the set. Default: the model's own, such as vgg16-untrained.",
    ),
]


@commands.command(cls=SeveralValues)
def probe(
    set: options.AnalysedSetArgument = None,
    category: CategoriesOption = None,
    filters: BankSizesOption = None,
    images: ImagesOption = None,
    group: GroupOption = None,
    test_on: TestOnOption = None,
    distance: DistanceOption = 0.25,
    folds: FoldsOption = 5,
    repeats: RepeatsOption = 10,
    permutations: PermutationsOption = 20,
    seed: options.SeedOption = 0,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    figure: options.FigureOption = None,
    text: options.TextOption = None,
    save_bank: BankFileOption = None,
    format: options.FormatOption = None,
    output_file: options.OutputOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Tell the categories apart from responses: one layer, several layers weighted, or a bank of chosen filters.

    Everything is chosen from training images: nested cross-validation, or another set (--test-on).
    """
    output.check_rows_files(format, output_file)
    with progress_bars(quiet, STARTS_AGAIN) as progress:
        report = study_at(study).probe(
            set, category=category, filters=filters, images=images, group=group, test_on=test_on, distance=distance,
            folds=folds, repeats=repeats, permutations=permutations, seed=seed, model=model, scheme=scheme,
            figure=figure, text=text, save_bank=save_bank, progress=progress,
        )  # fmt: skip
    output.print_result(report, output.without_empty_columns(report.rows), format, output_file, quiet)
    output.note_files(quiet, figure, text, save_bank)


@commands.command(cls=SeveralValues)
def advise(
    set: options.AnalysedSetArgument = None,
    category: CategoriesOption = None,
    control: ControlOption = None,
    group: GroupOption = None,
    repeats: RepeatsOption = 2,
    permutations: PermutationsOption = 20,
    seed: options.SeedOption = 0,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    figure: options.FigureOption = None,
    text: options.TextOption = None,
    format: options.FormatOption = None,
    output_file: options.OutputOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Report whether a network has filters for the categories of a set, and which layer, or bank, to take.

    It brings together significant filters, an untrained control, a probe of every layer, and confounds of the images.
    """
    output.check_rows_files(format, output_file)
    with progress_bars(quiet, STARTS_AGAIN) as progress:
        advice = study_at(study).advise(
            set, category=category, control=control, group=group, repeats=repeats, permutations=permutations, seed=seed,
            model=model, scheme=scheme, figure=figure, text=text, progress=progress,
        )  # fmt: skip
    output.print_result(advice, output.without_empty_columns(advice.rows), format, output_file, quiet)
    output.note_files(quiet, figure, text)
