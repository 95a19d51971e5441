"""The command that looks for what is wrong with a stimulus set: audit."""

from typing import Annotated

import typer
from typer import Option

from toolbox.cli import options, output
from toolbox.cli.conversion import selection_of, study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import STARTS_AGAIN, progress_bars
from toolbox.cli.several import SeveralValues

commands = typer.Typer()

PRINTED = ("kind", "path", "category", "value", "threshold", "other_path", "other_category", "left_out")
"""Columns that a terminal shows; files and the other formats hold all."""

KindsOption = Annotated[
    list[str] | None,
    Option(
        "--kind",
        help="What to look for; several may follow: duplicate, near_duplicate, doubtful_label, dark, light, blurred, "
        "low_information, odd_aspect_ratio, odd_size, grey, confound. Default: all.",
    ),
]
AgainstOption = Annotated[
    list[str] | None,
    Option("--against", help="Another set in which to look for copies; several may follow. Default: all."),
]
NearOption = Annotated[
    float,
    Option(
        "--near",
        help="Largest distance of near duplicates, where neighbours in the set are at a distance of about 1.",
    ),
]
FalsePositivesOption = Annotated[
    float, Option(help="Proportion of labels that would be doubtful if all labels were shuffled.")
]
AucOption = Annotated[float, Option("--auc", help="AUC from which a property alone predicts a category.")]
SaveAsOption = Annotated[
    str | None,
    Option(
        "--save-as",
        metavar="SCHEME",
        help="Write a label scheme of this name without the stimuli that were found.",
    ),
]


@commands.command(cls=SeveralValues)
def audit(
    set: options.MeasuredSetArgument = None,
    kind: KindsOption = None,
    against: AgainstOption = None,
    near: NearOption = 0.65,
    false_positives: FalsePositivesOption = 0.05,
    auc: AucOption = 0.8,
    seed: options.SeedOption = 0,
    save_as: SaveAsOption = None,
    replace: options.ReplaceLabelsOption = False,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    figure: options.FigureOption = None,
    text: options.TextOption = None,
    format: options.FormatOption = None,
    output_file: options.OutputOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Look for what is wrong with a set: copies, doubtful labels, poor pictures, properties that tell a category.

    From what is stored: no network runs, no image is read, and nothing is changed. Run toolbox extract and toolbox
    properties before. Look at the pictures before you leave one out.
    """
    from toolbox.design.audit import AuditChoices, check_saving, save_scheme
    from toolbox.design.audit import audit as audit_set
    from toolbox.query.result_files import ResultFiles

    choices = AuditChoices(kind or None, against or None, near, false_positives, auc, seed)
    files = ResultFiles(figure, text)
    output.check_rows_files(format, output_file)
    folder, selection = study_at(study).folder, selection_of(set, model, scheme)
    if save_as:
        check_saving(folder, selection, save_as)
    with progress_bars(quiet, STARTS_AGAIN) as progress:
        found = audit_set(folder, selection, choices, files, progress=progress)
    saved = save_scheme(folder, found, save_as, choices, replace=replace) if save_as else None
    output.print_result(found, found.findings.select(PRINTED), format, output_file, quiet)
    output.note_files(quiet, figure, text)
    if saved:
        output.note(saved, quiet)
