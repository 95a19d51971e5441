"""The command that shows the stimuli that drive filters: gallery."""

import typer

from toolbox.cli import options, output, picture_options
from toolbox.cli.conversion import selection_of, study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.cli.several import SeveralValues
from toolbox.printing import printable
from toolbox.terms import DEFAULT_INDEX

commands = typer.Typer()


@commands.command(cls=SeveralValues)
def gallery(
    layer: picture_options.GalleryLayersOption = None,
    filter: picture_options.GalleryFiltersOption = None,
    category: picture_options.GalleryCategoriesOption = None,
    top: picture_options.TopOption = 12,
    count: picture_options.EndsOption = 5,
    index: picture_options.RankingIndexOption = DEFAULT_INDEX,
    set: options.SetOption = None,
    model: picture_options.PresentedNetworkOption = None,
    scheme: options.SchemeOption = None,
    weights: options.WeightsOption = "auto",
    device: options.DeviceOption = "auto",
    output_file: picture_options.GalleryFileOption = None,
    title: picture_options.FigureTitleOption = True,
    width: picture_options.WidthOption = None,
    dpi: picture_options.DotsOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Show the stimuli that drive filters most, least and between, with the piece of each that did.

    One sheet a filter: --layer and --filter name them, or --category chooses its most selective ones, which then have a
    sheet together, too. The images must be where they were when they were ingested.
    """
    from toolbox.show.gallery.choice import chosen_gallery

    choice = chosen_gallery(layer, filter, category, top=top, count=count, index=index)
    folder, selection = study_at(study).folder, selection_of(set, model, scheme)
    from toolbox.show.gallery.run import make_gallery, save_gallery  # takes long to import, after mistakes
    from toolbox.show.plots import Layout

    with progress_bars(quiet) as progress:
        shown = make_gallery(
            folder, choice, selection, weights=weights, device=device, drawing=Layout(title=title, width=width),
            progress=progress,
        )  # fmt: skip
    paths = save_gallery(shown, output_file, dpi=dpi)
    output.print_notes((*shown.notes, shown.pixel_note), quiet)
    for path in paths:
        typer.echo(printable(path))
