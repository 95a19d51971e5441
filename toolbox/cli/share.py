"""The command that hands results on: share."""

from pathlib import Path
from typing import Annotated

import typer

from toolbox.cli import options, output
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.printing import printable

commands = typer.Typer()


WithOption = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        help="What to include: rollups (always), significance, relations, responses. Repeat it for several.",
    ),
]
SharedSetsOption = Annotated[
    list[str] | None, typer.Option("--set", help="Stimulus set. Repeat it for several. Default: all.")
]
SharedModelsOption = Annotated[
    list[str] | None, typer.Option("--model", help="Network. Repeat it for several. Default: all.")
]
SharedSchemesOption = Annotated[
    list[str] | None, typer.Option("--scheme", help="Label scheme. Repeat it for several. Default: all.")
]
MinimumOption = Annotated[
    int,
    typer.Option(
        "--minimum-n",
        metavar="N",
        help="Withhold categories of fewer stimuli, their labels and list entries, and what they follow from.",
    ),
]
IncludeImagesOption = Annotated[
    bool, typer.Option("--include-images", help="Add copies of the images. You need the right to share them.")
]
KeepNamesOption = Annotated[
    bool,
    typer.Option("--keep-names", help="Keep names of users, computers and observers, and absolute paths."),
]
WithReportOption = Annotated[
    bool, typer.Option("--report", help="Add the page of the report, without images.")
]
TitleOption = Annotated[
    str | None,
    typer.Option("--title", help="Title of the results, as a deposit shows it. Default: that of the study."),
]
AuthorsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--author",
        metavar="'FAMILY, GIVEN; ORCID'",
        help="Author of the results, with or without an ORCID; or a group, without a comma. Repeat it for several.",
    ),
]
LicenceOption = Annotated[
    str | None,
    typer.Option(
        "--licence",
        metavar="ID|https://…",
        help="Licence of the results: an SPDX identifier, such as CC-BY-4.0, or the address of another one.",
    ),
]
BundleOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE.zip|DIR",
        help="New zip or directory. Default: a zip in the current directory, named after the title of the study.",
    ),
]


@commands.command()
def share(
    including: WithOption = None,
    set: SharedSetsOption = None,
    model: SharedModelsOption = None,
    scheme: SharedSchemesOption = None,
    minimum_n: MinimumOption = 1,
    include_images: IncludeImagesOption = False,
    keep_names: KeepNamesOption = False,
    report: WithReportOption = False,
    title: TitleOption = None,
    author: AuthorsOption = None,
    licence: LicenceOption = None,
    output_file: BundleOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Write a bundle: Parquet tables and descriptions that a collaborator can use without this toolbox.

    It contains stimuli, labels and roll-ups, but no pixels. Names of users, computers and observers are replaced, and
    absolute paths.
    """
    opened = study_at(study)
    with progress_bars(quiet) as progress:
        written = opened.share(
            output_file, including=including or None, set=set or None, model=model or None, scheme=scheme or None,
            minimum_n=minimum_n, include_images=include_images, keep_names=keep_names, report=report,
            title=title, author=author or None, licence=licence, progress=progress,
        )  # fmt: skip
    output.print_notes(written.notes, quiet)
    size = f"{written.bytes / 1e6:.1f} MB" if written.bytes >= 1e5 else f"{written.bytes / 1e3:.1f} kB"
    output.note(
        f"{written.files} files, {size}, with {', '.join(written.includes)}; digest {written.digest[:8]}",
        quiet,
    )
    typer.echo(printable(written.output))
