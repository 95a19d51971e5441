"""The figures and tables of a report: asked, drawn, and packed with all that stands beside them.

Owns what one exhibit carries: sentence, number of cases, SQL, command, rows as CSV. Computes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from toolbox.chart.composition import Specification
from toolbox.chart.linked import drawn_rows, linked_specification
from toolbox.chart.sheets import Group
from toolbox.chart.theme import column_words
from toolbox.errors import QueryError, UsageError, command_line
from toolbox.query import Answer, Query, shipped_query
from toolbox.show.plots import Layout, draw_figure, rows_to_draw
from toolbox.show.report.contents import LARGE, Exhibit
from toolbox.show.report.sentences import sentence_of
from toolbox.show.report.subject import ReportSubject

MOST_EMBEDDED = 1200
"""Rows of a query that a page holds as they are; of more, it holds those that the figure draws."""
TINY = 1e-12
"""A number that is 0 but for the last bits of those it was computed from."""
_SIGNS = re.compile(r"^[=+\-@\t\r]")
_HEADER = re.compile(r"\A(?:--[^\n]*\n)*")
_PLACES = re.compile(r"'(?:[^']|'')*'|\$(\w+)")


@dataclass(frozen=True)
class ShownExhibit:
    """One exhibit as a page shows it.

    Attributes:
        exhibit: of the contents.
        sentence: what it shows, with the numbers of the study.
        cases: how many stimuli, filters and layers it is of.
        cautions: what must be known before anything is concluded from it.
        notes: what is missing of resampling, or too old.
        command: that shows the same in a terminal.
        sql: that gives its rows.
        csv: its rows.
        rows_note: which rows these are, where they are not all of the query.
        specification: of the figure; None for a table.
        cells: of the table, its header first.
        groups: of pictures, in the place of a figure.
        category: the only one that it is of; '' for all.
    """

    exhibit: Exhibit
    sentence: str
    cases: str
    cautions: tuple[str, ...]
    command: str
    sql: str
    csv: str
    rows_note: str = ""
    specification: Specification | None = None
    cells: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    category: str = ""


@dataclass(frozen=True)
class LeftOut:
    """An exhibit that is not shown.

    Attributes:
        exhibit: of the contents.
        reason: why, and what to do.
    """

    exhibit: Exhibit
    reason: str


def show_exhibits(subject: ReportSubject, exhibit: Exhibit) -> Iterator[ShownExhibit | LeftOut]:
    """An exhibit of the network, or one of each control or further set.

    Args:
        subject: of the report.
        exhibit: of the contents.
    """
    if exhibit.of == "model":
        yield show_exhibit(subject, exhibit)
        return
    if exhibit.of == "oriented":
        for name in subject.oriented_sets:
            of_set, layer = subject.of_set(name), subject.first_layer
            named = replace(
                exhibit, title=f"{exhibit.title} ({layer}), set {name}", key=f"{exhibit.name}-{name}"
            )
            yield show_exhibit(of_set, replace(named, parameters={**exhibit.parameters, "layer": layer}))
        return
    for place, model in enumerate(subject.controls if not subject.is_control else []):
        named = replace(exhibit, key=f"{exhibit.name}-{place + 1}" if place else exhibit.name)
        yield show_exhibit(subject.of_model(model), replace(named, title=f"{exhibit.title}: {model}"))


def show_exhibit(subject: ReportSubject, exhibit: Exhibit) -> ShownExhibit | LeftOut:
    """An exhibit, or why there is none.

    Args:
        subject: whose rows are shown.
        exhibit: of the contents.

    Raises: VerificationError when what is read is damaged.
    """
    command = _command(subject, exhibit)
    if exhibit.is_slow and subject.responses.provenance["response_rows"] > LARGE:
        return LeftOut(exhibit, f"it would take minutes for so many responses; to see it: {command}")
    try:
        answer = subject.ask(_question(subject, exhibit), **exhibit.parameters)
        if answer.rows.is_empty():
            return LeftOut(exhibit, _reason(answer))
        return _shown(subject, exhibit, answer, command)
    except (QueryError, UsageError) as error:
        return LeftOut(exhibit, str(error))


def _question(subject: ReportSubject, exhibit: Exhibit) -> Query:
    """The query of an exhibit, with what is around it."""
    query = shipped_query(exhibit.query)
    if not exhibit.around:
        return query
    names = {name: value.replace("'", "''") for name, value in subject.selection.names().items()}
    return replace(query, sql=exhibit.around.format(query=_without_header(query.sql).rstrip(), **names))


def _reason(answer: Answer) -> str:
    """Why there is no row."""
    return "; ".join(_notes_on_resampling(answer)) or "the query has no rows for this study"


def _notes_on_resampling(answer: Answer) -> tuple[str, ...]:
    """The notes that name the command by which intervals and chance levels are computed."""
    notes = (note for note in answer.notes if "toolbox significance" in note)
    return tuple(note for note in notes if note not in answer.cautions)


def _shown(subject: ReportSubject, exhibit: Exhibit, answer: Answer, command: str) -> ShownExhibit:
    drawn = rows_to_draw(subject.folder, shipped_query(exhibit.query), answer)
    said = sentence_of(exhibit.query, drawn, subject)
    shown = ShownExhibit(
        exhibit=exhibit,
        sentence=said,
        cases=_cases(subject, drawn),
        cautions=answer.cautions,
        command=command,
        sql=plain_sql(answer),
        csv="",
        notes=_notes_on_resampling(answer),
    )
    if exhibit.columns:
        return replace(shown, csv=safe_csv(answer.rows), cells=tuple(_cells(exhibit, answer.rows)))
    silent = replace(answer, cautions=())
    figure = draw_figure(subject.folder, shipped_query(exhibit.query), silent, Layout(title=False))
    specification = linked_specification(figure.chart, f"{exhibit.title}. {said}")
    if answer.rows.height <= MOST_EMBEDDED:
        return replace(shown, csv=safe_csv(answer.rows), specification=specification)
    rows = pl.DataFrame(drawn_rows(specification), infer_schema_length=None)
    note = (
        f"These are the {rows.height:,} rows that the figure draws, which summarise {answer.rows.height:,} rows of the "
        "query; the SQL and the command give all of them."
    )
    return replace(shown, csv=safe_csv(rows), rows_note=note, specification=specification)


def _command(subject: ReportSubject, exhibit: Exhibit) -> str:
    """The command that draws the figure, or prints the table."""
    query = shipped_query(exhibit.query)
    given = {**subject.choices.parameters_of(query), **exhibit.parameters}
    usual = {parameter.name: parameter.default for parameter in query.parameters}
    words = [word for name, value in given.items() if value != usual[name] for word in (f"--{name}", value)]
    of = [word for kind, name in subject.selection.names().items() for word in (f"--{kind}", name)]
    kind = "query" if exhibit.columns else "plot"
    return command_line(kind, exhibit.query, *words, *([] if exhibit.query == "sets/summary" else of))


def _cases(subject: ReportSubject, rows: pl.DataFrame) -> str:
    """What the exhibit is of, in numbers: stimuli, categories, and the filters and layers that are in it."""
    if subject.selection.scheme is None:
        return f"n = {subject.responses.stimuli:,} stimuli, {rows.height:,} filters"
    parts = [f"n = {subject.stimuli:,} stimuli", f"{len(subject.categories)} categories"]
    if "bytes" in rows.columns or "differs" in rows.columns:
        return ", ".join(parts)
    drawn = (
        rows.filter(~pl.col("is_pool")) if "is_pool" in rows.columns else rows
    )  # the figure leaves pools out
    layers = drawn["layer"].unique().to_list() if "layer" in rows.columns else []
    shown = subject.layers.filter(pl.col("layer").is_in(layers))
    if len(shown) < 2 or "rank" in rows.columns:
        return ", ".join([*parts, f"{subject.filters:,} filters"])
    pools = " (with pools)" if shown["is_pool"].any() else ""
    return ", ".join([*parts, f"{shown['filters'].sum():,} filters of {len(shown)} layers{pools}"])


def plain_sql(answer: Answer) -> str:
    """The SQL of an answer as it can be run anywhere: without its documentation, with the values of its parameters.

    Args:
        answer: of a query.
    """
    values = answer.provenance["parameters"]

    def value_of(found: re.Match[str]) -> str:
        return _literal(values[found[1]]) if found[1] in values else found[0]

    return _PLACES.sub(value_of, _without_header(answer.provenance["sql"])).strip()


def _without_header(sql: str) -> str:
    """A statement without the comment in front of it."""
    return _HEADER.sub("", sql)


def _literal(value: Any) -> str:
    """A value as SQL writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value!r}::double" if isinstance(value, float) else str(value)
    return "'" + str(value).replace("'", "''") + "'"


def safe_csv(rows: pl.DataFrame) -> str:
    """Rows as CSV whose texts no spreadsheet takes for a formula: an apostrophe is before what begins one.

    Args:
        rows: of numbers, truth values and texts.

    >>> print(safe_csv(pl.DataFrame({"category": ["=1+1", "cat"], "mean": [-0.5, None]})))
    category,mean
    '=1+1,-0.5
    cat,
    <BLANKLINE>
    """
    texts = pl.selectors.string()
    begins = texts.str.contains(_SIGNS.pattern)
    safe = rows.with_columns(pl.when(begins).then(pl.lit("'") + texts).otherwise(texts).name.keep())
    number = pl.selectors.float()
    # what is left of a sum whose terms cancel out differs from run to run
    rounded = pl.when(number.abs() < TINY).then(0.0).otherwise(number.round_sig_figs(6)).name.keep()
    return safe.with_columns(rounded).write_csv()


def _cells(exhibit: Exhibit, rows: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """The cells of a table, its header first."""
    yield tuple(exhibit.columns.values())
    for row in rows.select(*exhibit.columns).iter_rows(named=True):
        yield tuple(column_words(each) if name == "index" else cell(each) for name, each in row.items())


def cell(value: Any) -> str:
    """A value of a table as a reader expects it.

    Args:
        value: of a row.

    >>> cell(0.16666), cell(12345), cell(None), cell(True), cell("auc")
    ('0.167', '12,345', '–', 'yes', 'auc')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value if abs(value) > TINY else 0:.3g}"
    return str(value)
