"""Every query answers its worked examples as they were worked out by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from support.nearly import nearly
from support.worked_examples import (
    EXAMPLES,
    Row,
    example_answer,
    example_names,
    example_parameters,
    example_reference,
    example_study,
    example_tables,
    query_of,
)
from toolbox.query import ask, query_names, shipped_query
from toolbox.query.indices import index_names
from toolbox.store.folder import StudyFolder

NOT_RESAMPLED = (
    "intervals and chance levels for this index",
    "this index was not resampled",
    "p values and chance levels for this relation are missing",
    "p_holm not below 0.05 because of",
)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, ...], StudyFolder]:
    """One study for all examples that are made of the same tables."""
    root = tmp_path_factory.mktemp("examples")
    of_tables = {example_tables(example): example for example in example_names()}
    return {
        tables: example_study(example, root / str(number))
        for number, (tables, example) in enumerate(of_tables.items())
    }


@pytest.mark.parametrize("example", example_names())
def test_a_query_gives_the_rows_worked_out_by_hand(
    example: str, studies: dict[tuple[Path, ...], StudyFolder]
) -> None:
    study, query = studies[example_tables(example)], shipped_query(query_of(example))
    columns, rows = example_answer(example, query)
    answer = ask(study, query, example_parameters(example), tables=example_reference(example))
    assert answer.rows.columns == [column.name for column in query.columns]
    assert set(answer.rows.columns) - set(columns) <= set(index_names())
    assert named_rows(answer.rows, columns, rows).rows() == nearly(rows)
    # what example has draws is its own choice; nothing else is to be said of any
    notes = {*answer.notes} - {*answer.cautions}
    assert [note for note in notes if not note.startswith(NOT_RESAMPLED)] == []


def named_rows(found: pl.DataFrame, columns: list[str], rows: list[Row]) -> pl.DataFrame:
    """What an example names of a result that grows with every index: its columns, its indices and pairs of indices."""
    if "index" in columns:
        named = [row[columns.index("index")] for row in rows]
        found = found.filter(pl.col("index").is_in(named))
    if {"first", "second"} <= set(columns):
        pairs = pl.DataFrame([dict(zip(columns, row, strict=True)) for row in rows]).select("first", "second")
        found = found.join(pairs, on=["first", "second"], how="semi", maintain_order="left")
    return found.select(columns)


@pytest.mark.parametrize("query", query_names())
def test_every_query_has_a_worked_example_with_its_default_parameters(query: str) -> None:
    asked = [example_parameters(example) for example in example_names() if query_of(example) == query]
    needed = {parameter.name for parameter in shipped_query(query).parameters if parameter.required}
    assert any(set(parameters) == needed for parameters in asked)


@pytest.mark.parametrize("example", example_names())
def test_every_worked_example_belongs_to_a_query_and_explains_its_numbers(example: str) -> None:
    assert query_of(example) in query_names()
    assert len((EXAMPLES / example / "note.md").read_text(encoding="utf-8")) > 40
