"""The command that shows which pixels of a stimulus drive a filter: saliency."""

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from toolbox.cli import options, output, picture_options
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.printing import printable

if TYPE_CHECKING:
    from toolbox.show.saliency import Saliency

commands = typer.Typer()

StimulusOption = Annotated[
    str,
    Option(
        "--stimulus",
        help="Stimulus of the set: its number, the path of its file, or the end of that path, such as face/17.",
    ),
]
LayerOption = Annotated[str, Option("--layer", help="Layer of the filter, such as block5_conv3.")]
FilterOption = Annotated[int, Option("--filter", metavar="NUMBER", help="Number of the filter, from 0.")]
PatchOption = Annotated[
    int | None,
    Option(
        "--patch",
        metavar="PIXELS",
        help="Side of the patches that hide a part of the image, in pixels of the network's input. Default: an eighth "
        "of what the unit sees.",
    ),
]
SheetOption = Annotated[
    Path | None,
    Option(
        "--output",
        "-o",
        help="File to write: .html, .pdf, .png, .svg or .json. Default: saliency-, the filter, the stimulus, .html.",
    ),
]


@commands.command()
def saliency(
    stimulus: StimulusOption,
    layer: LayerOption,
    filter: FilterOption,
    patch: PatchOption = None,
    set: options.SetOption = None,
    model: options.ModelOption = None,
    weights: options.WeightsOption = "auto",
    output_file: SheetOption = None,
    title: picture_options.FigureTitleOption = True,
    width: picture_options.WidthOption = None,
    dpi: picture_options.DotsOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Show which pixels of a stimulus drive a filter: the photograph, gradient x input, and occlusion as the check.

    What is explained is the response of the unit at the position of the maximum, as the maximum is what is stored.
    """
    path = output_file or Path(f"saliency-{layer}-{filter}-{PurePath(stimulus).stem}.html")
    with progress_bars(quiet) as progress:
        found = study_at(study).saliency(
            stimulus=stimulus, layer=layer, filter=filter, patch=patch, set=set, model=model, weights=weights,
            output=path, title=title, width=width, dpi=dpi, progress=progress,
        )  # fmt: skip
    output.print_notes([*found.notes, *_findings(found)], quiet)
    typer.echo(printable(path))


def _findings(found: "Saliency") -> list[str]:
    """What was explained, and how far both maps agree."""
    largest, patches = found.occlusion.falls.max() / found.response, found.occlusion.falls.size
    agreement = "not defined, as one of them is the same for all patches"
    if found.agreement is not None:
        meaning = "1: both rank them alike, 0: unrelated; where it is low, trust neither map alone"
        agreement = f"{found.agreement:.2f} (Spearman over patches; {meaning})"
    return [
        f"{found.layer}/{found.filter}, {found.path}: response {found.response:.4g}",
        f"gradient x input: sums to {100 * found.explained:.0f} % of the response",
        f"occlusion: one of {patches:,} patches lowers it by up to {100 * largest:.0f} %",
        f"agreement of both maps: {agreement}",
        "the sheet contains the pixels of the stimulus; images of people are personal: share the file only as the "
        "licence of the image and the consent of those in it allow",
    ]
