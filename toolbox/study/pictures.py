"""Pictures of what filters respond to, from Python. Owns the signatures; `toolbox.show` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown
from toolbox.terms import DEFAULT_INDEX

if TYPE_CHECKING:
    from toolbox.show.gallery.run import Gallery


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
