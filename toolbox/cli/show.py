"""Commands that draw: plot."""

from pathlib import Path

import typer

from toolbox.cli import options, output, picture_options
from toolbox.cli.conversion import parameters, selection_of, study_at
from toolbox.cli.options import HERE
from toolbox.cli.query_options import QueryCommand
from toolbox.printing import printable

commands = typer.Typer()


@commands.command(cls=QueryCommand)
def plot(
    query: picture_options.FigureArgument,
    param: options.ParamOption = None,
    set: options.SetOption = None,
    model: options.ModelsOption = None,
    scheme: options.SchemeOption = None,
    output_file: picture_options.FigureFileOption = None,
    thumbnails: picture_options.ThumbnailsOption = False,
    category: picture_options.ShownCategoriesOption = None,
    layer: picture_options.ShownLayersOption = None,
    title: picture_options.FigureTitleOption = True,
    width: picture_options.WidthOption = None,
    dpi: picture_options.DotsOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Draw the figure of a query.

    Every parameter of the query is an option, too: toolbox plot layers/profile --help lists --threshold and others.
    """
    selection = selection_of(set, model, scheme)
    figure = study_at(study).figure(
        query, parameters(param), selection, thumbnails=thumbnails, category=category, layer=layer, title=title,
        width=width,
    )  # fmt: skip
    from toolbox.show.plots import save

    path = output_file or Path(f"{figure.provenance['query'].replace('/', '-')}.html")
    save(figure, path, dpi=dpi)
    output.print_notes(figure.notes, quiet)
    typer.echo(printable(path))
