"""The report of a study from Python. Owns the signature; `toolbox.show.report` writes the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown
from toolbox.terms import DEFAULT_INDEX, Range, Statistic

if TYPE_CHECKING:
    from toolbox.show.report.run import StudyReport


class StudyReporting(StudyDirectory):
    """What writes a study down for others."""

    def report(
        self,
        output: str | Path = Path("report.html"),
        *,
        methods: str | Path | None = None,
        with_images: bool = False,
        index: str = DEFAULT_INDEX,
        statistic: Statistic = "maximum",
        normalise: Range = "filter",
        threshold: float | None = None,
        set: str | None = None,
        model: str | None = None,
        scheme: str | None = None,
        weights: str = "auto",
        progress: Progress | bool = True,
    ) -> StudyReport:
        """Write the report: one page with figures, warnings, methods and references, which needs no network.

        It shows what is there, and names the command for what is missing: nothing is extracted, resampled or
        rendered. Every figure comes with a sentence, its SQL and its rows. The page contains no path and, unless
        `with_images`, no pixel of a stimulus. A figure that would make it larger than 2 MB (5 MB with images) is left
        out, with a note.

        Args:
            output: the page, a file whose name ends in .html.
            methods: file for the text of the methods (.md); its references are written beside it (.bib). The page
                contains both, too.
            with_images: show the stimuli that drive the most selective filters, and rendered images. Faces are
                personal data.
            index: index that is compared with the threshold.
            statistic: 'maximum' or 'mean' of the activation map.
            normalise: 'filter' or 'layer', the range of equation 1.
            threshold: a filter above it is selective; that of the index if None.
            set: the stimulus set; the only one with responses if None.
            model: whose responses (the path of its card, where that is not installed); the only one if None.
            scheme: the label scheme; the only one if None.
            weights: with images: 'auto', a file, or 'random:SEED', as they were for the extraction.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: the file, its size in bytes, how many figures and warnings it contains, and notes.
        Raises: UsageError for another suffix, an unknown index or threshold; VerificationError when responses or tables
            are damaged; as `query`.

        Example:
            >>> study.report("report.html", methods="methods.md").methods
            ('methods.md', 'methods.bib')
        """
        from toolbox.show.report.run import write_report
        from toolbox.show.report.subject import Choices

        return write_report(
            self.folder,
            Path(output),
            Selection(set, model or (), scheme),
            Choices(index, statistic, normalise, threshold),
            methods=None if methods is None else Path(methods),
            with_images=with_images,
            weights=weights,
            progress=shown(progress),
        )
