"""The command that makes pictures which drive filters: render."""

import re
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from toolbox.cli import following, options, picture_options, reports
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.cli.several import SeveralValues
from toolbox.terms import DEFAULT_INDEX, Statistic

commands = typer.Typer()

CategoryOption = Annotated[
    list[str] | None,
    Option("--category", help="Category whose most selective filters are rendered; several may follow."),
]
TogetherOption = Annotated[
    bool,
    Option("--together", help="One picture for all filters of a layer, instead of one for each of them."),
]
DrivenOption = Annotated[
    Statistic,
    Option(
        "--statistic",
        parser=str,
        metavar="NAME",
        help="What is driven: maximum, one unit of the map; or mean, all of the map.",
    ),
]
FromOption = Annotated[
    str | None,
    Option(
        "--from",
        metavar="STIMULUS",
        help="Stimulus of the set in which what drives the filter is exaggerated: its number, or the path of its file.",
    ),
]
StepsOption = Annotated[
    int | None, Option("--steps", help="Largest number of steps. Default: that of the layer's preset.")
]
FirstSeedOption = Annotated[int, Option("--seed", help="Seed of the first picture of each filter.")]
SeedsOption = Annotated[int, Option("--seeds", help="Pictures of each filter, from consecutive seeds.")]
ReplacePicturesOption = Annotated[bool, Option("--replace", help="Make pictures again that are finished.")]
AsSetOption = Annotated[
    str | None,
    Option(
        "--as-set", metavar="NAME", help="Stimulus set to which the pictures are added, such as preferred."
    ),
]
SheetOption = Annotated[
    Path | None,
    Option(
        "--output",
        "-o",
        help="Sheet to write: .html, .pdf, .png, .svg or .json. Default: render-, what is rendered, .html.",
    ),
]


@commands.command(cls=SeveralValues)
def render(
    layer: picture_options.GalleryLayersOption = None,
    filter: picture_options.GalleryFiltersOption = None,
    category: CategoryOption = None,
    top: picture_options.TopOption = 4,
    index: picture_options.RankingIndexOption = DEFAULT_INDEX,
    together: TogetherOption = False,
    statistic: DrivenOption = "maximum",
    stimulus: FromOption = None,
    steps: StepsOption = None,
    seed: FirstSeedOption = 0,
    seeds: SeedsOption = 3,
    replace: ReplacePicturesOption = False,
    set: options.SetOption = None,
    model: picture_options.PresentedNetworkOption = None,
    scheme: options.SchemeOption = None,
    weights: options.WeightsOption = "auto",
    as_set: AsSetOption = None,
    output_file: SheetOption = None,
    title: picture_options.FigureTitleOption = True,
    width: picture_options.WidthOption = None,
    dpi: picture_options.DotsOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Make pictures that drive filters, and draw them beside the stimuli that drive the same filters most.

    Choose filters by --layer and --filter, or by --category. Pictures are kept in the study; finished ones are not made
    again. Each is presented to the network as a stimulus is: its response is a multiple of that to the best stimulus.
    """
    opened = study_at(study)
    path = output_file or Path(f"render-{_subject(layer, filter, category)}.html")
    with progress_bars(quiet) as progress:
        report = opened.render(
            layer=layer or None, filter=filter or None, category=category or None, top=top, index=index,
            together=together, statistic=statistic, stimulus=stimulus, steps=steps, seed=seed, seeds=seeds,
            replace=replace, set=set, model=model, scheme=scheme, weights=weights, as_set=as_set, output=path,
            title=title, width=width, dpi=dpi, progress=progress,
        )  # fmt: skip
    reports.print_rendering(report, path, quiet)
    following.print_next(following.after_rendering(report, as_set, model, weights), study, quiet)


def _subject(layers: list[str] | None, filters: list[int] | None, categories: list[str] | None) -> str:
    """What is rendered, as part of the name of a file; a pattern without its signs."""
    words = [*(categories or ()), *(layers or ()), *map(str, filters or ())]
    return "-".join(re.sub(r"[^\w.-]", "", word) for word in words)
