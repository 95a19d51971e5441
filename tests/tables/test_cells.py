"""Cells that no spreadsheet evaluates, in every table that the toolbox writes as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.commands import run
from toolbox.tables import notes_on_cells, spreadsheet_csv, spreadsheet_rows

FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://a")',
    "\uff1d1", "\uff0b1", "\uff0d1", "\uff20a", "-2+3+cmd|' /C calc'!A0", "+happy", "=",
]  # fmt: skip
BEGIN = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def evaluated(cell: str) -> bool:
    """Whether a spreadsheet would take a cell for a formula; a number is none."""
    try:
        float(cell)
    except ValueError:
        return cell.lstrip(" ").startswith(BEGIN)
    return False


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_evaluated(text: str) -> None:
    written = spreadsheet_csv(pl.DataFrame({"category": [text], "path": [text], text: [1]})).decode()
    header, row = csv.reader(io.StringIO(written, newline=""))
    assert not any(evaluated(cell) for cell in (*header, *row))
    assert row[0].endswith(text.strip())
    assert notes_on_cells(pl.DataFrame({"category": [text]}))


@given(st.text(max_size=8), st.sampled_from(["category", "path", "=a", "+", " -"]))
def test_whatever_a_text_is_no_cell_is_evaluated(text: str, column: str) -> None:
    rows = spreadsheet_rows(pl.DataFrame({column: [text]}))
    assert not evaluated(rows.columns[0])
    assert not evaluated(rows.item())


@pytest.mark.parametrize("text", ["face", "-3", "+1.5e-7", "", "a=b", "1-2", "cat/-1.png", " plain"])
def test_other_texts_are_written_as_they_are(text: str) -> None:
    assert spreadsheet_rows(pl.DataFrame({"category": [text, None]}))["category"].to_list() == [text, None]
    assert not notes_on_cells(pl.DataFrame({"category": [text]}))


def test_the_rows_of_a_query_are_guarded_as_csv_with_a_note(shared_study: str, tmp_path: Path) -> None:
    sql = "select '=1+1' as category, '@b.png' as path, -1.5 as value"
    printed = run("query", sql, "--format", "csv", "--study", shared_study)
    assert printed.stdout == "category,path,value\ncategory_=1+1,./@b.png,-1.5\n"
    assert "as spreadsheets would compute them: =1+1, @b.png" in printed.stderr
    file = tmp_path / "rows.csv"
    written = run("query", sql, "--output", str(file), "--study", shared_study)
    assert file.read_text() == printed.stdout
    assert "as spreadsheets would compute them" in written.stderr
    as_json = run("query", sql, "--format", "json", "--study", shared_study)
    assert '"=1+1"' in as_json.stdout
    assert as_json.stderr == ""
