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
        category: str | Sequence[str] | None = None,
        layer: str | Sequence[str] | None = None,
        title: bool = True,
        width: str | None = None,
        dpi: float | None = None,
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
            output: the file, whose suffix is the format: .html (works offline), .pdf, .png, .svg or .json.
            thumbnails: draw the images themselves, where rows name them; the file then holds small copies.
            category: the only ones to show, in this order; all of them if None.
            layer: the only ones to show, as names or patterns such as 'block5_*'; all of them if None.
            title: whether there are a title and a subtitle.
            width: of the whole figure, such as '89mm' (mm, cm, in, pt or px) or '1column': its plots shrink or
                grow, and labels are 7 points high.
            dpi: pixels an inch of a PNG; 144 if None.
            **parameters: values of the query's $parameters, which `describe` lists with their defaults.

        Returns: an Altair chart, which notebooks draw without a network.
        Raises: QueryError when there is no row to draw; UsageError for columns that cannot be drawn; as `query`.

        Example:
            >>> chart = study.plot("layers/profile", threshold=0.05, output="profile.html")
            >>> import altair
            >>> isinstance(chart, altair.FacetChart)
            True
        """
        from toolbox.show.plots import save

        selection = Selection(set, model or (), scheme)
        figure = self.figure(
            query, parameters, selection, thumbnails=thumbnails, category=category, layer=layer, title=title,
            width=width,
        )  # fmt: skip
        self._warn(figure.notes)
        if output is not None:
            save(figure, Path(output), dpi=dpi)
        return figure.chart

    def figure(
        self,
        query: QueryName | str | Path,
        parameters: Mapping[str, Any] | None = None,
        selection: Selection | None = None,
        *,
        thumbnails: bool = False,
        category: str | Sequence[str] | None = None,
        layer: str | Sequence[str] | None = None,
        title: bool = True,
        width: str | None = None,
    ) -> Figure:
        """As `plot`, with the provenance of the rows, and its notes as data instead of warnings.

        Args:
            query: its name, its file or its text.
            parameters: values of its $parameters, which may have any name here.
            selection: set, models and scheme; the only ones if None.
            thumbnails: draw the images themselves, where rows name them.
            category: as for `plot`.
            layer: as for `plot`.
            title: as for `plot`.
            width: as for `plot`.

        Returns: chart, provenance and notes.
        Raises: as `plot`.

        Example:
            >>> study.figure("layers/profile").provenance["query"]
            'layers/profile'
        """
        from toolbox.query.parameters import check_question, find_query
        from toolbox.show.choice import chosen, split_choice

        question = find_query(query)
        values, _ = split_choice(question, parameters or {}, chosen(category, layer))
        check_question(self.folder, question, values, selection)
        from toolbox.show.plots import (  # what takes long to import, after mistakes were found
            Layout,
            plot,
        )

        drawing = Layout(thumbnails, title, width, category, layer)
        return plot(self.folder, question, parameters, selection, drawing)
