"""Lists of stimuli as programs for experiments read them, for tests.

What PsychoPy does to a conditions file (psychopy.data.importConditions, 2024.2): names of columns must be variables; a
.csv is read by pandas, a .xlsx cell by cell by openpyxl; texts that are numbers, also with a decimal comma, become
numbers; texts in brackets are evaluated; a backslash and n become a line break. OpenSesame evaluates a cell after `=`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd


class EvaluatedError(Exception):
    """A program would run what is in a cell."""


def psychopy_conditions(file: Path) -> list[dict[str, Any]]:
    """The conditions that PsychoPy makes of a file."""
    if file.suffix == ".csv":
        table = pd.read_csv(file, encoding="utf-8-sig", sep=",", decimal=".")
        _check_variables(table.columns)
        return [
            {name: _psychopy_value(value) for name, value in row.items()} for row in table.to_dict("records")
        ]
    sheet = openpyxl.load_workbook(file, data_only=True).worksheets[0]
    names = [cell.value for cell in next(sheet.iter_rows(max_row=1))]
    _check_variables(names)
    return [
        {name: _psychopy_value(cell.value) for name, cell in zip(names, row, strict=True)}
        for row in sheet.iter_rows(min_row=2)
    ]


def _check_variables(names: Any) -> None:
    for name in names:
        assert name
        assert isinstance(name, str)
        assert not name[0].isdigit(), name
        assert not re.search(r"\W", name), name


def _psychopy_value(value: Any) -> Any:
    """What PsychoPy makes of a cell."""
    if isinstance(value, float) and pd.isna(value):
        return None
    if not isinstance(value, str):
        return value
    if (value.startswith("[") and value.endswith("]")) or (value.startswith("(") and value.endswith(")")):
        raise EvaluatedError(value)
    value = value.replace("\\n", "\n")
    try:
        return float(value.replace(",", "."))
    except ValueError:
        return value


def opensesame_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of an OpenSesame loop table."""
    table = (
        pd.read_csv(file, keep_default_na=False)
        if file.suffix == ".csv"
        else pd.read_excel(file, engine="openpyxl")
    )
    rows: list[dict[str, Any]] = table.to_dict("records")
    for row in rows:
        for value in row.values():
            if isinstance(value, str) and value.startswith("="):
                raise EvaluatedError(value)
    return rows
