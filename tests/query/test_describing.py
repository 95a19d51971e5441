"""`show tables` and `describe VIEW`: what the views are and contain; nothing else passes the gate with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.worked_examples import example_study
from toolbox.errors import QueryError, UnknownNameError, UsageError
from toolbox.query import ask
from toolbox.query.describing import VIEW_CONTENTS, described_views
from toolbox.store.folder import StudyFolder, create_study
from toolbox.store.views import VIEWS


@pytest.fixture
def worked(tmp_path: Path, cache: Path) -> StudyFolder:
    """The study of the worked examples."""
    return example_study("layers/profile/default", tmp_path / "study")


@pytest.mark.parametrize("text", ["show tables", "SHOW ALL TABLES;", "show views", " describe ", "desc"])
def test_the_views_and_their_columns_are_listed_even_of_an_empty_study(text: str, tmp_path: Path) -> None:
    rows = ask(create_study(tmp_path / "study"), text).rows
    assert rows["view"].to_list() == list(VIEW_CONTENTS)
    assert rows.columns == ["view", "rows", "columns"]


@pytest.mark.parametrize("view", VIEWS)
def test_the_columns_listed_are_those_of_the_view(view: str, worked: StudyFolder) -> None:
    assert VIEW_CONTENTS.keys() == {*VIEWS}
    described = ask(worked, f"describe {view}").rows
    assert described.columns == ["column", "type"]
    assert described["column"].to_list()[: len([*VIEW_CONTENTS[view][1]])] == [*VIEW_CONTENTS[view][1]]
    assert view == "stimuli" or described.height == len([*VIEW_CONTENTS[view][1]])


@pytest.mark.parametrize(
    "text", ["describe responses", "DESC RESPONSES;", 'show "responses"', "describe\nresponses"]
)
def test_a_view_is_described_in_any_spelling(text: str, worked: StudyFolder) -> None:
    assert ask(worked, text).rows.rows() == [
        ("layer", "varchar"),
        ("filter", "integer"),
        ("stimulus_id", "integer"),
        ("maximum", "float"),
        ("mean", "float"),
    ]


def test_a_view_is_summarized(worked: StudyFolder) -> None:
    assert "min" in ask(worked, "summarize labels").rows.columns


def test_what_is_no_view_is_refused(worked: StudyFolder) -> None:
    with pytest.raises(UnknownNameError, match="no view or formula named 'nothing'"):
        ask(worked, "describe nothing")
    with pytest.raises(
        UsageError, match=r"layers/profile is a query; .*: toolbox query layers/profile --describe"
    ):
        ask(worked, "describe layers/profile")


@pytest.mark.parametrize(
    "text",
    [
        "describe responses; drop view responses",
        "show tables; select 1",
        "describe 'secret.csv'",
        "describe (copy labels to 'x.csv')",
        "describe responses) select 1 from (select 1",
        "show databases",
        "describe labels -- and more",
    ],
)
def test_nothing_else_is_rewritten(text: str) -> None:
    assert described_views(text) is None or "databases" in text


@pytest.mark.parametrize(
    "text",
    ["describe responses; drop view responses", "show tables; select 1", "describe (copy labels to 'x.csv')"],
)
def test_nothing_else_is_let_through(text: str, worked: StudyFolder) -> None:
    with pytest.raises(QueryError):
        ask(worked, text)


def test_databases_are_no_view(worked: StudyFolder) -> None:
    with pytest.raises(UnknownNameError, match="no view or formula named 'databases'"):
        ask(worked, "show databases")
