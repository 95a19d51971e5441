"""Commands that choose stimuli: match."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from toolbox.cli import options, output
from toolbox.cli.conversion import selection_of, study_at
from toolbox.cli.options import HERE
from toolbox.cli.several import SeveralValues
from toolbox.terms import Distance

commands = typer.Typer()

PRINTED = (
    "variable", "role", "first", "second", "difference_before", "difference_after", "variance_ratio_after", "ks_after",
)  # fmt: skip
"""Columns of the balance that a terminal shows; the file has all."""

PoolCategoryOption = Annotated[
    list[str] | None, Option("--category", help="Category to choose from; several may follow. Default: all.")
]
CountsOption = Annotated[
    list[str] | None,
    Option(
        "--n",
        metavar="N",
        help="Stimuli of each category (and set): 40, or face=40 car=20. Default: as many as the smallest has.",
    ),
]
OnOption = Annotated[
    list[str] | None,
    Option(
        "--on",
        metavar="VARIABLE",
        help="Variable that is to agree; several may follow: a property of the images, a numeric parameter of the "
        "stimuli, depth, responsive_filters, or layers such as 'block1_*'.",
    ),
]
WithinOption = Annotated[
    float | None,
    Option(help="Largest difference of the members of a pair in every variable, in standard deviations."),
]
DifferentOption = Annotated[
    str | None,
    Option(
        metavar="VARIABLE", help="Variable in which the sets are to differ while they agree in the others."
    ),
]
ByOption = Annotated[
    float, Option(help="Smallest standardised difference of the variable that is to differ.")
]
SetsOption = Annotated[
    int | None,
    Option(help="Number of sets to make of the same stimuli. Default: the categories are the sets."),
]
DistanceOption = Annotated[
    Distance,
    Option(parser=str, metavar="NAME", help="Distance of two stimuli: standardised or mahalanobis."),
]
SameOption = Annotated[
    str | None,
    Option(metavar="COLUMN", help="Column or label scheme: members of a pair have the same value."),
]
StayTogetherOption = Annotated[
    str | None,
    Option(metavar="COLUMN", help="Column or label scheme: stimuli with the same value are chosen together."),
]
StayApartOption = Annotated[
    str | None,
    Option(
        metavar="COLUMN",
        help="Column or label scheme: of stimuli with the same value, no two are in one set.",
    ),
]
FixedOption = Annotated[
    str | None,
    Option(
        metavar="COLUMN",
        help="Column or label scheme that says yes or no of stimuli that must be chosen, or must not; with --sets also "
        "the number of the set.",
    ),
]
KeepOption = Annotated[
    list[str] | None,
    Option("--keep", metavar="STIMULUS", help="Stimulus that must be chosen; several may follow."),
]
LeaveOutOption = Annotated[
    list[str] | None,
    Option("--leave-out", metavar="STIMULUS", help="Stimulus that must not be chosen; several may follow."),
]
MatchedSchemeOption = Annotated[
    str | None,
    Option("--save-as", metavar="SCHEME", help="Write a label scheme of this name with the chosen stimuli."),
]
ChosenFileOption = Annotated[
    Path | None, Option("--output", "-o", help="File for the chosen stimuli: .csv, .json or .parquet.")
]
BalanceOption = Annotated[
    Path | None,
    Option("--balance", help="File for the differences before and after: .csv, .json or .parquet."),
]


@commands.command(cls=SeveralValues)
def match(
    set: options.MeasuredSetArgument = None,
    category: PoolCategoryOption = None,
    n: CountsOption = None,
    on: OnOption = None,
    within: WithinOption = None,
    different: DifferentOption = None,
    by: ByOption = 1.0,
    sets: SetsOption = None,
    distance: DistanceOption = "standardised",
    same: SameOption = None,
    together: StayTogetherOption = None,
    apart: StayApartOption = None,
    fixed: FixedOption = None,
    keep: KeepOption = None,
    leave_out: LeaveOutOption = None,
    seed: options.SeedOption = 0,
    save_as: MatchedSchemeOption = None,
    replace: options.ReplaceLabelsOption = False,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    balance: BalanceOption = None,
    figure: options.FigureOption = None,
    text: options.TextOption = None,
    format: options.FormatOption = None,
    output_file: ChosenFileOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Choose stimuli so that categories agree in properties, responses or ratings. No image is changed.

    Prints how far the categories differ before and after in every variable, also in those that were not asked for, and
    a paragraph for a reviewer; --output or --format writes the chosen stimuli. toolbox export writes them for PsychoPy
    and others.
    """
    from toolbox.design.matching.choices import Matching
    from toolbox.design.matching.run import match as match_sets
    from toolbox.query.result_files import ResultFiles

    choices = Matching(
        category or None, n or None, on or None, within, different, by, sets, distance, same, together, apart, fixed,
        keep or None, leave_out or None, seed,
    )  # fmt: skip
    files = ResultFiles(figure, text)
    output.check_rows_files(format, output_file)
    output.check_rows_files(None, balance)
    folder, selection = study_at(study).folder, selection_of(set, model, scheme)
    found = match_sets(folder, selection, choices, files, save_as=save_as, replace=replace)
    output.print_result(found, found.balance.select(PRINTED), format, output_file, quiet)
    if balance is not None:
        output.print_answer(found.balance_answer, None, balance, quiet=True)
    output.note_files(quiet, figure, text)
    if found.saved_as:
        output.note(
            f"label scheme: {found.saved_as}; choose it in other commands with --scheme {found.saved_as}",
            quiet,
        )
