"""Which query is drawn by which figure. Owns what every figure does with its rows before it draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from polars import selectors

from toolbox.chart.categories import NO_LABEL
from toolbox.chart.notebook import self_contained
from toolbox.chart.scales import root_end
from toolbox.chart.several_models import arrange_models
from toolbox.chart.theme import HIGHEST_SUFFIX, Chart, apply_theme, distinct_values, empty_chart
from toolbox.chart.titles import add_title, take_key
from toolbox.chart.width import Length, fit_width, plot_width, title_width
from toolbox.errors import UnknownNameError, UsageError

FigureFunction = Callable[..., Chart]
"""How a figure is written: clean rows, at least one, and all categories in the order of their colours."""


@dataclass(frozen=True)
class FigureDefinition:
    """One figure, called with the rows of its query.

    Attributes:
        query: name of the query.
        columns: those it needs; others are not embedded.
        optional: columns that it draws where the rows have them.
        function: draws clean rows.
        scale_ends: columns for which it sets the end of a scale itself; see `theme.highest_value`.
        is_sized: whether the function takes a `plot_width`, because it depends on the size of text.
        rooted: columns of the axis that has a square-root scale where one category dwarfs the rest in the first of
            them; the function takes its `end`.
        title: of the figure, where it shows less than its query; '' for the title of the query.
        without_pools: whether it leaves pooling layers out, which repeat the layer below them.
    """

    query: str
    columns: tuple[str, ...]
    optional: tuple[str, ...]
    function: FigureFunction
    scale_ends: tuple[str, ...] = ()
    is_sized: bool = False
    rooted: tuple[str, ...] = ()
    title: str = ""
    without_pools: bool = False

    def __call__(
        self,
        rows: pl.DataFrame,
        categories: Sequence[str] = (),
        order: Sequence[str] = (),
        plot_width: float | None = None,
    ) -> Chart:
        """The chart of these rows, without a title.

        Args:
            rows: of the query.
            categories: all categories of the study, if the rows may lack some: they fix the colours.
            order: of the categories in panels, axes and legends; alphabetical if empty.
            plot_width: of each plot in pixels, for a figure that is sized.

        Raises: UsageError when a column is missing.
        """
        chart, key = take_key(self.draw_model(rows, categories, order, plot_width))
        return add_title(chart, "", "", title_width(chart), key=key)

    def draw_model(
        self,
        rows: pl.DataFrame,
        categories: Sequence[str] = (),
        order: Sequence[str] = (),
        plot_width: float | None = None,
    ) -> Chart:
        """The chart of one network, without a title, from which the key can be taken.

        Args:
            rows: of the query.
            categories: as for a call.
            order: as for a call.
            plot_width: as for a call.

        Raises: UsageError when a column is missing.
        """
        drawn = clean(self._select_columns(rows), order)
        known = self._all_categories(drawn, categories)
        return apply_theme(self._draw_rows(drawn, known, self._options(drawn, plot_width)))

    def draw_models(
        self,
        rows: pl.DataFrame,
        categories: Sequence[str] = (),
        order: Sequence[str] = (),
        plot_width: float | None = None,
    ) -> Chart:
        """The charts of several networks side by side, without a title.

        Args:
            rows: of the query for each network, which the column `model` names.
            categories: as for a call.
            order: as for a call.
            plot_width: as for a call.

        Raises: UsageError when a column is missing.
        """
        drawn = clean(self._select_columns(rows), order)
        known = self._all_categories(drawn, categories)
        ends = [name for name in self.scale_ends if name in drawn.columns]
        # a panel sees the rows of its own network only, and its scale must end where that of all others does
        drawn = drawn.with_columns(pl.col(ends).max().name.suffix(HIGHEST_SUFFIX))
        options = self._options(drawn, plot_width)
        by_model = {
            model: self._draw_rows(drawn.filter(rows["model"] == model), known, options)
            for model in distinct_values(rows, "model")
        }
        return apply_theme(arrange_models(by_model))

    def _draw_rows(
        self, rows: pl.DataFrame, categories: Sequence[str], options: Mapping[str, float | None]
    ) -> Chart:
        return empty_chart() if rows.is_empty() else self.function(rows, categories, **options)

    def _options(self, rows: pl.DataFrame, plot_width: float | None) -> dict[str, float | None]:
        """What the function takes besides rows and categories, for the rows of all networks."""
        sized: dict[str, float | None] = {"plot_width": plot_width} if self.is_sized and plot_width else {}
        return {**sized, "end": root_end(rows, self.rooted)} if self.rooted else sized

    def _all_categories(self, rows: pl.DataFrame, categories: Sequence[str]) -> list[str]:
        """All categories in the order of their colours: those of the study, then those that only the rows have."""
        present = rows["category"].to_list() if "category" in self.columns else []
        known = sorted({*categories} - {NO_LABEL})
        return [*known, *sorted({*present} - {*known, NO_LABEL})]

    def _select_columns(self, rows: pl.DataFrame) -> pl.DataFrame:
        missing = [name for name in self.columns if name not in rows.columns]
        if missing:
            raise UsageError(
                f"the figure of {self.query} needs the column {missing[0]!r}, and the rows have "
                f"{', '.join(rows.columns) or 'none'}; give it the rows of the query {self.query}"
            )
        return rows.select(*self.columns, *(name for name in self.optional if name in rows.columns))


_FIGURES: dict[str, FigureDefinition] = {}


def figure(
    query: str,
    *columns: str,
    optional: Sequence[str] = (),
    scale_ends: Sequence[str] = (),
    is_sized: bool = False,
    rooted: Sequence[str] = (),
    title: str = "",
    without_pools: bool = False,
) -> Callable[[FigureFunction], FigureDefinition]:
    """Register a function as the figure of a query.

    Args:
        query: name of the query.
        columns: those that the figure needs.
        optional: those that it draws where the rows have them.
        scale_ends: columns for which it sets the end of a scale itself, by `theme.highest_value`.
        is_sized: whether the function takes a `plot_width`.
        rooted: columns of an axis that may have a square-root scale, whose `end` the function takes.
        title: of the figure, where it shows less than its query.
        without_pools: whether it leaves pooling layers out.
    """

    def register(function: FigureFunction) -> FigureDefinition:
        _FIGURES[query] = FigureDefinition(
            query,
            columns,
            tuple(optional),
            function,
            tuple(scale_ends),
            is_sized,
            tuple(rooted),
            title,
            without_pools,
        )
        return _FIGURES[query]

    return register


def figures() -> dict[str, FigureDefinition]:
    """All figures by the name of the query that they draw, in alphabetical order."""
    return dict(sorted(_FIGURES.items()))


def draw(
    query: str,
    rows: pl.DataFrame,
    *,
    title: str = "",
    subtitle: str = "",
    categories: Sequence[str] = (),
    order: Sequence[str] = (),
    width: Length | None = None,
) -> Chart:
    """The figure of one query.

    Args:
        query: name of the query, such as 'layers/profile'.
        rows: its result; layers are drawn in the order in which they first appear. With a column `model` in front,
            each network has a panel of its own.
        title: written above the figure, broken into lines.
        subtitle: below the title, in smaller type.
        categories: all categories of the study, so that one that is missing in the rows changes no colour.
        order: of the categories in panels, axes and legends; alphabetical if empty.
        width: of the whole figure; the chart's own if None.

    Returns: a chart that carries its rows and its look; 'no rows' when there are none.
    Raises: UnknownNameError when no figure draws this query; UsageError when a column is missing, or the width is too
        small for legible text.
    """
    if query not in _FIGURES:
        raise UnknownNameError("figure", query, _FIGURES, "any query can be saved as a table")
    definition = _FIGURES[query]
    is_comparison = rows.columns[:1] == ["model"] and not rows.is_empty()
    function = definition.draw_models if is_comparison else definition.draw_model
    chart, key = take_key(function(rows, categories, order))
    if width is None or rows.is_empty():
        return self_contained(add_title(chart, title, subtitle, title_width(chart), key=key))
    fitted = fit_width(chart, width)
    if definition.is_sized:
        chart, key = take_key(function(rows, categories, order, plot_width(fitted)))
        fitted = fit_width(chart, width)
    return self_contained(add_title(fitted, title, subtitle, width.units, key=key))


def clean(rows: pl.DataFrame, order: Sequence[str] = ()) -> pl.DataFrame:
    """Rows whose NaN and infinite values are null, as JSON has neither, and whose missing categories have a name.

    Args:
        rows: of a query.
        order: of the categories, which those of the rows then have; alphabetical if empty.
    """
    measured = selectors.float()
    rows = rows.with_columns(pl.when(measured.is_finite()).then(measured).otherwise(None).name.keep())
    if "category" not in rows.columns:
        return rows
    named = rows.with_columns(pl.col("category").cast(pl.String).fill_null(NO_LABEL))
    others = sorted({*named["category"]} - {*order})
    return named.with_columns(pl.col("category").cast(pl.Enum([*order, *others])))
