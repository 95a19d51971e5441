"""From a query to a figure. Owns running the query, drawing the figure, and the caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from textwrap import shorten
from typing import Any

import polars as pl

from toolbox.chart import Chart, Length, check_format, draw, draw_plain, figures, length_of, render
from toolbox.errors import QueryError, UsageError
from toolbox.files import replace_file
from toolbox.query import Answer, Query, ask
from toolbox.query.across_models import ask_each
from toolbox.query.parameters import find_query
from toolbox.show.captions import caption, caution_sentence
from toolbox.show.choice import Choice, choose_rows, chosen, split_choice
from toolbox.show.thumbnails import with_thumbnails
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.selection import Selection

LONGEST_PATH = 4096  # characters; longer texts are SQL
LONGEST_TITLE = 140
"""Characters of a SELECT that is the title of its figure."""


@dataclass(frozen=True)
class Layout:
    """How a figure is drawn, and which of its rows.

    Attributes:
        thumbnails: add the images to rows that name them; the figure's file then contains small copies.
        title: whether there are a title and a subtitle.
        width: of the whole figure, such as '89mm' or '2columns'; None for its own.
        category: the only ones that are shown, in this order; all of them if None.
        layer: the only ones that are shown, as names or patterns; all of them if None.
    """

    thumbnails: bool = False
    title: bool = True
    width: str | None = None
    category: str | Sequence[str] | None = None
    layer: str | Sequence[str] | None = None

    @property
    def choice(self) -> Choice:
        """The names that were chosen, by column."""
        return chosen(self.category, self.layer)


@dataclass(frozen=True)
class Figure:
    """A chart, the origin of its rows, and notes for the reader.

    Attributes:
        chart: as `toolbox.chart.draw` returns it.
        provenance: of the rows, as stored in the figure's file.
        notes: notes, for example that the responses are incomplete.
        width: of the whole figure, if one was asked for.
    """

    chart: Chart
    provenance: dict[str, Any]
    notes: tuple[str, ...] = ()
    width: Length | None = None


AS_IT_IS = Layout()


def plot(
    study: StudyFolder,
    query: Query | str | Path,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    drawing: Layout = AS_IT_IS,
) -> Figure:
    """The figure of a query's rows: its own, or a plain chart of their columns.

    Args:
        study: with the responses.
        query: a shipped query's name, a `Query`, a .sql file, or SQL text.
        parameters: values of the query's parameters.
        selection: set, models and scheme; several models are compared, each in a panel of its own.
        drawing: how, and which of the rows. A category or layer is the query's parameter of that name if it has one.

    Raises: QueryError when there is no row; UnknownNameError when the rows have no such category or layer; UsageError
        for a width that is none, and rows that cannot be drawn; all errors of running the query.

    Example:
        >>> plot(study.folder, "layers/profile", {"threshold": 0.05}).provenance["model"]
        'tiny'
    """
    query = find_query(query)
    _length(drawing)
    values, left = split_choice(query, parameters or {}, drawing.choice)
    answer = ask_each(study, query, values, selection)
    drawing = replace(drawing, category=left.get("category"), layer=left.get("layer"))
    return draw_figure(study, query, answer, drawing)


def draw_figure(study: StudyFolder, query: Query, answer: Answer, drawing: Layout = AS_IT_IS) -> Figure:
    """The figure of an answer that was already computed.

    Args:
        study: of the answer.
        query: that was asked.
        answer: its rows and their provenance.
        drawing: as in `plot`, but for parameters of the query.

    Raises: as `plot`.
    """
    _check_rows(answer)
    rows, shown = choose_rows(query.name, answer.rows, drawing.choice)
    if "layer" not in shown:
        rows = rows_to_draw(study, query, replace(answer, rows=rows))
    notes = answer.notes
    if drawing.thumbnails:
        rows, replaced = with_thumbnails(study, rows, answer.provenance.get("set"))
        notes = (*notes, *replaced)
    provenance = {**answer.provenance, **({"shown": shown} if shown else {})}
    words = {"title": "", "subtitle": ""}
    if drawing.title:
        subtitle = "\n".join([caption(provenance), *map(caution_sentence, answer.cautions)])
        own = figures()[query.name].title if query.name in figures() else ""
        words = {"title": own or query.title or shorten(query.sql, LONGEST_TITLE), "subtitle": subtitle}
    chart = _chart(study, query, replace(answer, rows=_without_folders(rows)), drawing, shown, words)
    return Figure(chart, _names_alone(with_version(provenance)), notes, _length(drawing))


def _chart(
    study: StudyFolder,
    query: Query,
    answer: Answer,
    drawing: Layout,
    shown: Mapping[str, Sequence[str]],
    words: Mapping[str, str],
) -> Chart:
    """The query's own figure, or a plain chart of the columns."""
    rows, categories = answer.rows, _categories(study, answer)
    order, width = shown.get("category", ()), _length(drawing)
    if query.name not in figures():
        layers = _layers(study, answer)
        return draw_plain(rows, layers, categories=categories, order=order, width=width, **words)
    if "parameter" in figures()[query.name].optional:
        rows = rows.with_columns(parameter=pl.lit(answer.provenance["parameters"]["parameter"]))
    return draw(query.name, rows, categories=categories, order=order, width=width, **words)


_RESAMPLING = "toolbox significance"
"""Command that notes on missing and stale tables of resampled indices name."""
_NO_ROWS = {"sets/near_duplicates": ": no two images of the set are that alike"}
"""Reasons of queries that find nothing."""


def _check_rows(answer: Answer) -> None:
    """Refuse an answer without rows: an empty figure would look like a result.

    Raises: QueryError with the reason, as far as it is known.
    """
    if answer.rows.is_empty():
        origin = answer.provenance
        given = [f"{name} {value}" for name, value in origin["parameters"].items() if value is not None]
        of = ", ".join([*(str(origin[kind]) for kind in ("set", "model") if kind in origin), *given])
        # what else there is to know of the study is no reason for no rows
        reasons = [note for note in answer.notes if _RESAMPLING in note and note not in answer.cautions]
        reason = f": {'; '.join(reasons)}" if reasons else _NO_ROWS.get(origin["query"], "")
        raise QueryError(
            f"{origin['query']} has no rows{f' for {of}' if of else ''}, so nothing is drawn{reason}"
        )


def rows_to_draw(study: StudyFolder, query: Query, answer: Answer) -> pl.DataFrame:
    """The rows of an answer that its figure shows: some leave pooling layers out, unless there are no others.

    Args:
        study: of the answer.
        query: that was asked.
        answer: its rows and their provenance.
    """
    if query.name not in figures() or not figures()[query.name].without_pools:
        return answer.rows
    kept = answer.rows.filter(~pl.col("layer").is_in(_layers(study, answer, "is_pool")))
    return answer.rows if kept.is_empty() else kept


def _layers(study: StudyFolder, answer: Answer, condition: str = "true") -> list[str]:
    """The layers of the networks of an answer, in their order."""
    if answer.rows.schema.get("layer") != pl.String or "model" not in answer.provenance:
        return []
    models = answer.provenance["model"]
    found = list[str]()
    for model in [models] if isinstance(models, str) else models:
        query = Query("sql", f"select layer from layers where {condition} order by position", ships=True)
        found += (
            ask(study, query, selection=Selection(answer.provenance.get("set"), model))
            .rows["layer"]
            .to_list()
        )
    return list(dict.fromkeys(found))


def _length(drawing: Layout) -> Length | None:
    return length_of(drawing.width) if drawing.width else None


def save(figure: Figure, path: Path, *, dpi: float | None = None) -> None:
    """Write a figure as HTML (works offline), PDF, PNG, SVG or Vega-Lite JSON, by the file's suffix.

    Args:
        figure: chart and provenance.
        path: of the file, which is replaced if there is one.
        dpi: pixels an inch of a PNG; 144 if None.

    Raises: UsageError for another suffix, or for dots of what has none.

    Example:
        >>> save(plot(study.folder, "layers/profile"), Path("profile.json"))
        >>> Path("profile.json").is_file()
        True
    """
    check_figure_file(path, dpi)
    content = render(figure.chart, path.suffix, figure.provenance, width=figure.width, dpi=dpi)
    with replace_file(path) as fresh:
        fresh.write_bytes(content)


def check_figure_file(path: Path, dpi: float | None = None) -> None:
    """Refuse a file that cannot be written as a figure, before anything is computed for it.

    Args:
        path: of the file.
        dpi: pixels an inch of a PNG; 144 if None.

    Raises: UsageError.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory; expected the name of a file")
    check_format(path.suffix, dpi)


def _categories(study: StudyFolder, answer: Answer) -> list[str]:
    """All categories of the labelling, so that a category has one colour in all figures of a study."""
    set_name, scheme = (answer.provenance.get(kind) for kind in ("set", "scheme"))
    if "category" not in answer.rows.columns or set_name is None or scheme is None:
        return []
    query = Query("sql", "select distinct category from labels", ships=True)
    found = ask(study, query, selection=Selection(set_name, scheme=scheme))
    return found.rows["category"].to_list()


def _without_folders(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their images by folder and name: a figure that is passed on says nothing about this computer."""
    if "path" not in rows.columns:
        return rows
    short = [None if path is None else "/".join(PurePath(path).parts[-2:]) for path in rows["path"]]
    return rows.with_columns(path=pl.Series(short, dtype=pl.String))


def _names_alone(value: Any) -> Any:
    """A provenance whose absolute paths are names of files; their digests identify them."""
    if isinstance(value, dict):
        return {key: _names_alone(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_names_alone(each) for each in value]
    is_path = (
        isinstance(value, str | PurePath) and len(str(value)) < LONGEST_PATH and PurePath(value).is_absolute()
    )
    return PurePath(value).name if is_path else value
