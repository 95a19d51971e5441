"""Which query is drawn by which figure. Owns what every figure does with its rows before it draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
from polars import selectors

from toolbox.chart.compared import beside
from toolbox.chart.theme import SPANNED, UNLABELLED, Chart, dressed, titled, without_rows
from toolbox.errors import UnknownNameError, UsageError

Drawing = Callable[[pl.DataFrame, Sequence[str]], Chart]
"""How a figure is written: clean rows, at least one, and all categories in the order of their colours."""


@dataclass(frozen=True)
class Figure:
    """One figure, called with the rows of its query."""

    query: str
    columns: tuple[str, ...]
    """The columns it needs; others are not embedded."""
    optional: tuple[str, ...]
    """Columns that it draws where the rows have them."""
    drawing: Drawing
    spanning: tuple[str, ...] = ()
    """Columns for which the figure sets the end of a scale itself; see `theme.highest`."""

    def __call__(self, rows: pl.DataFrame, categories: Sequence[str] = ()) -> Chart:
        """The chart of these rows, without a title.

        Args:
            categories: all categories of the study, if the rows may lack some: they fix the colours.

        Raises: UsageError when a column is missing.
        """
        kept = clean(self._needed(rows))
        return dressed(self._drawn(kept, self._known(kept, categories)))

    def compared(self, rows: pl.DataFrame, categories: Sequence[str] = ()) -> Chart:
        """The charts of several networks, which the column `model` tells apart, side by side and without a title."""
        kept = clean(self._needed(rows))
        known = self._known(kept, categories)
        spanned = [name for name in self.spanning if name in kept.columns]
        kept = kept.with_columns(pl.col(spanned).max().name.suffix(SPANNED))
        models = rows["model"].unique(maintain_order=True)
        return dressed(
            beside({name: self._drawn(kept.filter(rows["model"] == name), known) for name in models})
        )

    def _drawn(self, kept: pl.DataFrame, known: Sequence[str]) -> Chart:
        return without_rows() if kept.is_empty() else self.drawing(kept, known)

    def _known(self, kept: pl.DataFrame, categories: Sequence[str]) -> list[str]:
        """All categories in the order of their colours: those of the study, then those that only the rows have."""
        present = kept["category"].to_list() if "category" in self.columns else []
        known = sorted({*categories} - {UNLABELLED})
        return [*known, *sorted({*present} - {*known, UNLABELLED})]

    def _needed(self, rows: pl.DataFrame) -> pl.DataFrame:
        missing = [name for name in self.columns if name not in rows.columns]
        if missing:
            raise UsageError(
                f"the figure of {self.query} needs the column {missing[0]!r}, and the rows have "
                f"{', '.join(rows.columns) or 'none'}; give it the rows of the query {self.query}"
            )
        return rows.select(*self.columns, *(name for name in self.optional if name in rows.columns))


_FIGURES: dict[str, Figure] = {}


def figure(
    query: str, *columns: str, optional: Sequence[str] = (), spanning: Sequence[str] = ()
) -> Callable[[Drawing], Figure]:
    """Register a function as the figure of a query, with the columns that it needs and those it can use.

    Args:
        spanning: columns for which it sets the end of a scale itself, by `theme.highest`.
    """

    def register(drawing: Drawing) -> Figure:
        _FIGURES[query] = Figure(query, columns, tuple(optional), drawing, tuple(spanning))
        return _FIGURES[query]

    return register


def figures() -> dict[str, Figure]:
    """All figures by the name of the query that they draw, in alphabetical order."""
    return dict(sorted(_FIGURES.items()))


def draw(
    query: str, rows: pl.DataFrame, *, title: str = "", subtitle: str = "", categories: Sequence[str] = ()
) -> Chart:
    """The figure of one query.

    Args:
        query: name of the query, such as 'layers/profile'.
        rows: its result; layers are drawn in the order in which they first appear. With a column `model` in front,
            each network has a panel of its own.
        title, subtitle: written above the figure, broken into lines.
        categories: all categories of the study, so that one that is missing in the rows changes no colour.

    Returns: a chart that carries its rows and its look; 'no rows' when there are none.
    Raises: UnknownNameError when no figure draws this query; UsageError when a column is missing.
    """
    if query not in _FIGURES:
        raise UnknownNameError("figure", query, _FIGURES, "any query can be saved as a table")
    chosen = _FIGURES[query]
    is_comparison = rows.columns[:1] == ["model"] and not rows.is_empty()
    return titled(
        chosen.compared(rows, categories) if is_comparison else chosen(rows, categories), title, subtitle
    )


def clean(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose NaN and infinite values are null, as JSON has neither, and whose missing categories have a name."""
    measured = selectors.float()
    rows = rows.with_columns(pl.when(measured.is_finite()).then(measured).otherwise(None).name.keep())
    return rows.with_columns(
        selectors.by_name("category", require_all=False).cast(pl.String).fill_null(UNLABELLED)
    )
