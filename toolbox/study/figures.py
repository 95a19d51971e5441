"""Figures of a study from Python. Owns the signatures; `toolbox.show` draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory

if TYPE_CHECKING:
    from toolbox.chart import Chart
    from toolbox.show.plots import Figure
    from toolbox.study.query_names import QueryName


class StudyFigures(StudyDirectory):
    """What draws a study."""

    def plot(
        self,
        query: QueryName | str | Path,
        *,
        set: str | None = None,
        model: str | Sequence[str] | None = None,
        scheme: str | None = None,
        output: str | Path | None = None,
        thumbnails: bool = False,
        **parameters: Any,
    ) -> Chart:
        """The figure of a query; also written to `output` if given.

        A query without a figure of its own, such as one of yours, is drawn as a plain chart of its columns, whose
        caption names them: layers in the order of the network, categories in their colours, intervals where there are
        columns `low` and `high`; else a text and a number as bars, or two numbers as points.

        Warns (ResultWarning) of what a reader of the figure should know.

        Args:
            query: its name, its file or its text.
            set: the stimulus set; the only one if None.
            model: one, or several to compare, each in a panel of its own; the only one if None.
            scheme: the label scheme; the only one if None.
            output: the file, whose suffix is the format: .html (works offline), .png, .svg or .json.
            thumbnails: draw the images themselves, where rows name them; the file then holds small copies.
            **parameters: values of the query's $parameters, which `describe` lists with their defaults.

        Returns: an Altair chart, which notebooks show.
        Raises: QueryError when there is no row to draw; UsageError for columns that cannot be drawn; as `query`.

        Example:
            >>> chart = study.plot("layers/profile", threshold=0.05, output="profile.html")
            >>> type(chart).__module__.split(".")[0]
            'altair'
        """
        from toolbox.show.plots import save

        selection = Selection(set, model or (), scheme)
        figure = self.figure(query, parameters, selection, thumbnails=thumbnails)
        self._warn(figure.notes)
        if output is not None:
            save(figure, Path(output))
        return figure.chart

    def figure(
        self,
        query: QueryName | str | Path,
        parameters: Mapping[str, Any] | None = None,
        selection: Selection | None = None,
        *,
        thumbnails: bool = False,
    ) -> Figure:
        """As `plot`, with the provenance of the rows, and its notes as data instead of warnings.

        Args:
            query: its name, its file or its text.
            parameters: values of its $parameters, which may have any name here.
            selection: set, models and scheme; the only ones if None.
            thumbnails: draw the images themselves, where rows name them.

        Returns: chart, provenance and notes.
        Raises: as `plot`.

        Example:
            >>> study.figure("layers/profile").provenance["query"]
            'layers/profile'
        """
        from toolbox.query.parameters import check_question

        checked = check_question(self.folder, query, parameters, selection)
        from toolbox.show.plots import plot  # what takes long to import, after mistakes were found

        return plot(self.folder, checked, parameters, selection, thumbnails=thumbnails)
