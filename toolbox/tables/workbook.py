"""Excel workbooks. Owns which sheet is read, and how a cell is written as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.errors import TableError

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

_Cells = list[list[str]]


def sheet_as_text(file: Path, content: bytes, wanted: Sequence[str]) -> tuple[str, list[str]]:
    """The sheet of a workbook that contains the table, as text separated by commas.

    Args:
        file: the workbook, for messages.
        content: its bytes.
        wanted: names of columns by which the sheet is found, where several have cells.

    Returns: the text, and a note that names the sheet where the workbook has several.
    Raises: TableError when the content is not a workbook, is damaged or empty, or when several sheets may be meant.
    """
    sheets = _visible_sheets(file, content)
    filled = {name: cells for name, cells in sheets.items() if cells}
    if not filled:
        raise TableError(f"{file} has no sheet with cells; expected a table in the first sheet")
    names = {name.lower() for name in wanted}
    meant = [name for name, cells in filled.items() if names & {cell.strip().lower() for cell in cells[0]}]
    candidates = meant or list(filled)
    if len(candidates) > 1:
        raise TableError(
            f"{file} has several sheets that may be meant ({', '.join(candidates)}); keep one of them in the workbook, "
            "or save one as .csv"
        )
    [name] = candidates
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(filled[name])
    others = [other for other in sheets if other != name]
    note = f"{file.name}: the sheet {name!r} was read; not read: {', '.join(others)}"
    return text.getvalue(), [note] if others else []


def _visible_sheets(file: Path, content: bytes) -> dict[str, _Cells]:
    """The cells of every sheet that Excel shows, as text."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        shown = [
            sheet.name for sheet in workbook.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible
        ]
        return {name: _cells(workbook, name) for name in shown}
    except CalamineError as error:
        raise TableError(
            f"{file} cannot be read as an Excel workbook ({error}); save it again as .xlsx, or as .csv"
        ) from error


def _cells(workbook: CalamineWorkbook, name: str) -> _Cells:
    """The cells of a sheet as text, without the empty rows and columns at its end."""
    rows = [[_text(cell) for cell in row] for row in workbook.get_sheet_by_name(name).to_python()]
    while rows and not any(rows[-1]):
        rows.pop()
    width = max((number for row in rows for number, cell in enumerate(row, 1) if cell), default=0)
    return [row[:width] for row in rows]


def _text(cell: Any) -> str:
    """A cell as a table of separated values has it; Excel stores whole numbers as doubles."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return cell.isoformat(" ") if isinstance(cell, datetime) else str(cell)
