"""The command that passes lists of stimuli and responses on to other programs: export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from toolbox.cli import options, output
from toolbox.cli.conversion import selection_of, study_at
from toolbox.cli.options import HERE
from toolbox.cli.several import SeveralValues
from toolbox.printing import printable
from toolbox.terms import Statistic

if TYPE_CHECKING:
    from toolbox.design.exporting.run import ExportedList
    from toolbox.exchange.bridges.run import ExportedResponses

commands = typer.Typer()

ProgramOption = Annotated[
    str,
    Option(
        "--as",
        metavar="PROGRAM",
        help="List of stimuli: psychopy (.csv, .xlsx), jspsych (.json), bids (.tsv and .json), csv or xlsx. Responses: "
        "xarray (.nc), rsatoolbox (.hdf5), npy (folder), csv-wide (.csv), h5ad (.h5ad). Filters: dmask (.dmask.csv).",
    ),
]
ExportedFileOption = Annotated[Path, Option("--output", "-o", help="File to write; of npy a new folder.")]
SourceListOption = Annotated[
    Path | None,
    Option(
        "--source",
        metavar="FILE",
        help="List: table with the column stimulus_id, such as match writes. Default: the stimuli of the scheme.",
    ),
]
ColumnsOption = Annotated[
    list[str] | None,
    Option(
        "--column",
        metavar="VARIABLE",
        help="List: variable of the stimuli to write, too; several may follow.",
    ),
]
CopiesOption = Annotated[
    Path | None,
    Option(
        "--copy-images",
        metavar="DIR",
        help="List: folder for copies of the images, which the list then names.",
    ),
]
ExportedLayersOption = Annotated[
    list[str] | None,
    Option(
        "--layers",
        help="Responses: name of a layer, or a pattern such as 'block5_*'; several may follow. Default: all extracted.",
    ),
]
BankOption = Annotated[
    Path | None,
    Option(
        "--filters",
        metavar="FILE",
        help="Responses: table with the columns layer and filter, such as filters/representative or probe --save-bank "
        "writes. Default: all filters of the layers.",
    ),
]
ExportedStatisticOption = Annotated[
    Statistic | None,
    Option(
        "--statistic",
        parser=str,
        metavar="NAME",
        help="Responses: statistic of the activation map, maximum or mean. Default: maximum.",
    ),
]


@commands.command(cls=SeveralValues)
def export(
    program: ProgramOption,
    output_file: ExportedFileOption,
    set: options.MeasuredSetArgument = None,
    source: SourceListOption = None,
    column: ColumnsOption = None,
    copy_images: CopiesOption = None,
    layers: ExportedLayersOption = None,
    filters: BankOption = None,
    statistic: ExportedStatisticOption = None,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Write a list of stimuli, or responses, as another program reads them.

    A list for PsychoPy, jsPsych, BIDS, OpenSesame or a table program has relative paths. It is a label scheme, such as
    match saves, or a table that match wrote. Names of columns become variables, and no cell can be taken for a formula.

    Responses of chosen layers, or of a bank of filters, are stimuli x filters: for xarray, rsatoolbox, numpy, AnnData,
    or a table with a column for every filter. A bank of filters alone is a mask of DNNBrain.
    """
    from toolbox.design.exporting.run import ExportedList
    from toolbox.study.exports import ListOptions, ResponseOptions, export_as

    of_kinds = (
        ListOptions(source, column or (), copy_images),
        ResponseOptions(layers or (), filters, statistic),
    )
    report = export_as(
        study_at(study).folder, selection_of(set, model, scheme), program, output_file, of_kinds
    )
    output.print_notes(report.notes, quiet)
    summary = _list_summary(report, copy_images) if isinstance(report, ExportedList) else _summary(report)
    output.note(summary, quiet)
    for file in report.files:
        typer.echo(printable(file))


def _list_summary(report: "ExportedList", copy_images: Path | None) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in report.categories.items())
    copied = f"; {report.copied} images copied to {copy_images}" if report.copied else ""
    return f"{report.set}: {report.trials} rows for {report.to}: {counts}{copied}"


def _summary(report: "ExportedResponses") -> str:
    from toolbox.design.wording import counted

    shape = f"{counted(report.filters, 'filter')} of {counted(len(report.layers), 'layer')}"
    if not report.stimuli:
        return f"{report.model}: {shape} for {report.to}"
    of = f"{report.statistic} of {report.model}"
    return f"{report.set}: {report.stimuli:,} stimuli x {shape} ({of}) for {report.to}: {report.bytes / 1e6:,.1f} MB"
