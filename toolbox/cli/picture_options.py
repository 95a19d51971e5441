"""Options of figures, of pictures of what filters respond to, and of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from toolbox.cli.options import DEFAULT_IN_USE

# Figures.
FigureArgument = Annotated[
    str, Argument(help="Name of a shipped query, a .sql file of your own, or a SELECT over the views.")
]
FigureFileOption = Annotated[
    Path | None,
    Option(
        "--output",
        "-o",
        help="File to write: .html, .pdf, .png, .svg or .json. Default: the query's name, .html.",
    ),
]
ThumbnailsOption = Annotated[
    bool, Option(help="Draw the images themselves; the file then holds small copies of them.")
]
ShownCategoriesOption = Annotated[
    list[str] | None,
    Option("--category", help="Category to show. Repeat it for several, which are shown in this order."),
]
ShownLayersOption = Annotated[
    list[str] | None,
    Option("--layer", help="Layer to show, or a pattern such as 'block5_*'. Repeat it for several."),
]
FigureTitleOption = Annotated[bool, Option("--title/--no-title", help="Draw the title and the subtitle.")]
WidthOption = Annotated[
    str | None,
    Option(
        "--width",
        metavar="LENGTH",
        help=(
            "Width of the whole figure, such as 89mm (mm, cm, in, pt or px), or of a journal (1column, 2columns). "
            "Labels are then 7 points high."
        ),
    ),
]
DotsOption = Annotated[float | None, Option("--dpi", help="Pixels an inch of a .png file. Default: 144.")]

# Pictures of what filters respond to.
GalleryLayersOption = Annotated[
    list[str] | None,
    Option("--layer", help="Layer of the filters, or a pattern such as 'block5_*'; several may follow."),
]
GalleryFiltersOption = Annotated[
    list[int] | None,
    Option("--filter", help="Number of a filter in each of these layers, from 0; several may follow."),
]
GalleryCategoriesOption = Annotated[
    list[str] | None,
    Option("--category", help="Category whose most selective filters are shown; several may follow."),
]
TopOption = Annotated[int, Option(help="Number of most selective filters of a category.")]
EndsOption = Annotated[
    int, Option("--count", help="Stimuli with the largest, and with the smallest responses of a filter.")
]
RankingIndexOption = Annotated[
    str, Option("--index", help="Index that ranks the filters of a category, as in filters/representative.")
]
PresentedNetworkOption = Annotated[
    str | None,
    Option(
        "--model", help=f"Network whose responses are used, by name or path of its card. {DEFAULT_IN_USE}"
    ),
]
GalleryFileOption = Annotated[
    Path | None,
    Option(
        "--output",
        "-o",
        help="File to write: .html, .pdf, .png, .svg or .json. With several sheets, the name of each is added to it. "
        "Default: gallery-<sheet>.html.",
    ),
]

# The report.
ReportFileOption = Annotated[Path, Option("--output", "-o", help="Page to write (.html).")]
MethodsFileOption = Annotated[
    Path | None,
    Option("--methods", help="File for the methods text (.md); its references are written beside it (.bib)."),
]
WithImagesOption = Annotated[
    bool,
    Option(
        "--with-images",
        help="Show stimuli and rendered images. Without it, the page contains no pixel of a stimulus.",
    ),
]
ReportThresholdOption = Annotated[
    float | None,
    Option("--threshold", help="A filter whose index is above it is selective. Default: that of the index."),
]
