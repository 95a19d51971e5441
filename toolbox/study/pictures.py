"""Pictures of what filters respond to, from Python. Owns the signatures; `toolbox.show` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown
from toolbox.terms import DEFAULT_INDEX, Statistic

if TYPE_CHECKING:
    from toolbox.show.gallery.run import Gallery
    from toolbox.show.rendering import RenderingReport
    from toolbox.show.saliency import Saliency


class StudyPictures(StudyDirectory):
    """What shows the stimuli that drive a filter, and makes such pictures."""

    def gallery(
        self,
        *,
        layer: str | Sequence[str] | None = None,
        filter: int | Sequence[int] | None = None,
        category: str | Sequence[str] | None = None,
        top: int = 12,
        count: int = 5,
        index: str = DEFAULT_INDEX,
        set: str | None = None,
        model: str | None = None,
        scheme: str | None = None,
        weights: str = "auto",
        device: str = "auto",
        output: str | Path | None = None,
        title: bool = True,
        width: str | None = None,
        dpi: float | None = None,
        progress: Progress | bool = True,
    ) -> Gallery:
        """The stimuli that drive filters most, least and at the deciles between, with the piece of each that did.

        The network is run on these images alone. The piece is what the position of the maximum sees: its receptive
        field, in the proportions of the image; a line surrounds where the activation is at least half of the maximum. A
        layer without positions, such as a dense one, sees the whole image.

        Warns (ResultWarning) of images that cannot be read, of filters that respond alike to all stimuli, and, where
        files are written, that they contain pixels of the stimuli. Nothing is kept in the study.

        Args:
            layer: of the filters: names, or patterns such as 'block5_*'; of the category's filters if one is given.
            filter: numbers of filters in each of these layers.
            category: whose most selective filters are shown, one or several; each has a sheet of its filters, too.
            top: number of filters of each category, chosen as by `filters/representative`.
            count: stimuli with the largest responses, and with the smallest ones.
            index: that ranks the filters of a category.
            set: the stimulus set; the only one if None.
            model: name of the network, or the path of its card; the only one with responses if None.
            scheme: the label scheme; the only one if None.
            weights: 'auto', a file, or 'random:SEED', as they were for the extraction.
            device: 'auto', 'cpu', 'cuda', 'cuda:1' or 'tensorrt'.
            output: the file, whose suffix is the format: .html, .pdf, .png, .svg or .json; with several sheets, the
                name of each is added before the suffix. None to write none.
            title: whether there are a title and a subtitle.
            width: of a whole sheet, such as '89mm' (mm, cm, in, pt or px).
            dpi: pixels an inch of a PNG; 144 if None.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: the sheets by name: 'block5_conv1-104' for a filter, 'face' for a category; each has a `chart`.
        Raises: UsageError, UnknownNameError for a choice; QueryError when every filter responds alike to all stimuli;
            StimulusError when no image can be read; MixtureError when card or weights are not those of the stored
            responses; VerificationError when the network computes other responses than those.

        Example:
            >>> shown = study.gallery(layer="colour", filter=2, count=2, model="tiny.toml", weights="tiny.npz")
            >>> list(shown.sheets)
            ['colour-2']
        """
        from toolbox.show.gallery.choice import chosen_gallery

        choice = chosen_gallery(layer, filter, category, top=top, count=count, index=index)
        from toolbox.show.gallery.run import (  # takes long to import, after mistakes
            make_gallery,
            save_gallery,
        )
        from toolbox.show.plots import Layout

        found = make_gallery(
            self.folder,
            choice,
            Selection(set, model or (), scheme),
            weights=weights,
            device=device,
            drawing=Layout(title=title, width=width),
            progress=shown(progress),
        )
        if output is not None:
            save_gallery(found, Path(output), dpi=dpi)
        self._warn(found.notes if output is None else (*found.notes, found.pixel_note))
        return found

    def render(
        self,
        *,
        layer: str | Sequence[str] | None = None,
        filter: int | Sequence[int] | None = None,
        category: str | Sequence[str] | None = None,
        top: int = 4,
        index: str = DEFAULT_INDEX,
        together: bool = False,
        statistic: Statistic = "maximum",
        stimulus: int | str | None = None,
        steps: int | None = None,
        seed: int = 0,
        seeds: int = 3,
        replace: bool = False,
        set: str | None = None,
        model: str | None = None,
        scheme: str | None = None,
        weights: str = "auto",
        as_set: str | None = None,
        output: str | Path | None = None,
        title: bool = True,
        width: str | None = None,
        dpi: float | None = None,
        progress: Progress | bool = True,
    ) -> RenderingReport:
        """Make pictures that drive filters, by climbing the gradient of their responses, and keep them in the study.

        Every picture is presented to the network as a stimulus is, and its response is compared with that to the best
        stimulus of the study. Pictures that are finished, of the same network by the same recipe, are not made again.
        On a CPU, a picture of a deep layer of VGG16 takes about half a minute.

        Args:
            layer: of the filters, one or several, also as patterns such as 'block5_*'; of a category, the only layers.
            filter: number of a filter, or several.
            category: whose most selective filters are rendered, one or several; instead of numbers.
            top: number of filters of each category.
            index: by which these are selective.
            together: one picture that drives all filters of a layer at once, instead of one for each of them.
            statistic: 'maximum' drives one unit, as a stored response is the maximum of the map; 'mean' all of the map.
            stimulus: a stimulus of the set to start from, by its number or the path of its file: what drives the filter
                in it is exaggerated. None to start from noise.
            steps: largest number of steps; an ascent that no longer improves ends earlier. None for that of the layer's
                preset.
            seed: of the first picture of each filter; equal seeds give equal pictures.
            seeds: pictures of each filter, from consecutive seeds.
            replace: make pictures again that are finished.
            set: the stimulus set whose best stimuli the pictures are compared with; the only one if None.
            model: name of the network, or the path of a card; the only one with responses if None.
            scheme: the label scheme; the only one if None.
            weights: 'auto', a file, or 'random:SEED', as they were for the extraction.
            as_set: name of a stimulus set to which the pictures are added, so that any query can be asked of them after
                an extraction; their category is the one for which their filter was chosen, or else its layer.
            output: file of the sheet of the pictures beside the best stimuli: .html, .pdf, .png, .svg or .json.
            title: whether the sheet has a title.
            width: of the whole sheet, such as '89mm' (mm, cm, in, pt or px).
            dpi: pixels an inch of a PNG; 144 if None.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: the pictures with their responses, as multiples of that to the best stimulus; and the sheet, as
        `figure`. Raises: UsageError, UnknownNameError for a choice; MixtureError where card or weights are not those of
            the stored responses; GradientError for an operator without a gradient; VerificationError for a damaged
        picture. Source: Olah et al. (2017), doi 10.23915/distill.00007; Fel et al. (2023), arXiv:2306.06805, for the
        phases.

        Example:
            >>> report = study.render(layer="colour", filter=2, seeds=1, model="tiny.toml", weights="tiny.npz")
            >>> report.pictures[0].multiple > 1
            True
        """
        from toolbox.show.plots import Layout, check_figure_file, save
        from toolbox.show.rendering import Rendering, render_pictures
        from toolbox.store.folder import check_new_name

        if as_set is not None:  # mistakes are found before anything is computed
            as_set = check_new_name("stimulus set", as_set, self.folder.sets())
        if output is not None:
            check_figure_file(Path(output), dpi)
        choices = Rendering(
            layer, filter, category, top, index, together, statistic, stimulus, steps, seed, seeds, replace
        )
        report = render_pictures(
            self.folder,
            Selection(set, model or (), scheme),
            choices,
            weights=weights,
            layout=Layout(title=title, width=width),
            progress=shown(progress),
        )
        if as_set is not None:
            self._ingest_pictures(report, as_set)
        if output is not None:
            assert report.figure is not None  # it was drawn
            save(report.figure, Path(output), dpi=dpi)
        return report

    def _ingest_pictures(self, report: RenderingReport, set: str) -> None:
        """Add the pictures of a report to a stimulus set."""
        from tempfile import TemporaryDirectory

        from toolbox.collect.ingest import ingest
        from toolbox.show.rendering import list_preferred

        with TemporaryDirectory() as folder:
            manifest = Path(folder) / f"{set}.csv"
            list_preferred(self.folder, report, set, manifest)
            ingest(self.folder, manifest, set_name=set)

    def saliency(
        self,
        *,
        stimulus: int | str,
        layer: str,
        filter: int,
        patch: int | None = None,
        set: str | None = None,
        model: str | None = None,
        weights: str = "auto",
        output: str | Path | None = None,
        title: bool = True,
        width: str | None = None,
        dpi: float | None = None,
        progress: Progress | bool = True,
    ) -> Saliency:
        """Which pixels of one stimulus drive one filter: gradient x input, and occlusion as the check.

        A stored response is the maximum of the activation map, so what is explained is the response of the unit at its
        position. Both maps compare the image with an input of zeros, which is the colour that the card subtracts as the
        mean. Gradient x input takes the slope of the response at the image for its slope everywhere, which tells what
        each pixel contributes. Occlusion assumes nothing: it hides one patch after the other with that colour.
        `agreement` is how alike both rank the patches. On two idle cores, the 256 patches of a deep layer of VGG16 take
        about a quarter of a minute.

        Args:
            stimulus: of the set, by its number, the path of its file, or the end of that path.
            layer: of the filter.
            filter: its number.
            patch: side of the square patches in pixels of the network's input; they overlap by half. None for an eighth
                of the longer side of what the unit sees.
            set: the stimulus set; the only one if None.
            model: name of the network, or the path of a card; the only one with responses if None.
            weights: 'auto', a file, or 'random:SEED', as they were for the extraction.
            output: file of the photograph and both maps side by side: .html, .pdf, .png, .svg or .json.
            title: whether there are a title and a subtitle.
            width: of the whole sheet, such as '89mm' (mm, cm, in, pt or px).
            dpi: pixels an inch of a PNG; 144 if None.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: both maps, their agreement, and the sheet, as `figure`.
        Raises: UnknownNameError, UsageError for a name or number, and where the stimulus does not drive the filter;
            StimulusError when its image cannot be read, or was changed after it was ingested; GradientError for an
            operator without a gradient; MixtureError where card or weights are not those of the stored responses.
        Source: Shrikumar et al. (2016), arXiv:1605.01713, for gradient x input; Zeiler and Fergus (2014),
            arXiv:1311.2901, for occlusion.

        Example:
            >>> found = study.saliency(
            ...     stimulus="red/red 2.png", layer="colour", filter=2, model="tiny.toml", weights="tiny.npz"
            ... )
            >>> found.response, round(found.explained, 3)  # 200 - 20 - 10, of which the bias of -10 is no pixel's
            (170.0, 1.059)
        """
        from toolbox.show.plots import Layout, check_figure_file, save
        from toolbox.show.saliency import SaliencyChoice, explain

        if output is not None:
            check_figure_file(Path(output), dpi)
        found = explain(
            self.folder,
            SaliencyChoice(stimulus, layer, filter, patch),
            Selection(set, model or ()),
            Layout(title=title, width=width),
            weights=weights,
            progress=shown(progress),
        )
        if output is not None:
            save(found.figure, Path(output), dpi=dpi)
        return found
