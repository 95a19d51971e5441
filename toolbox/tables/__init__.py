"""Tables of users: `.csv`, `.tsv`, `.txt`, `.xlsx`, `.parquet`. Owns reading them, and cells no spreadsheet evaluates.

A file is read as what its bytes are, not as what its name says; a name with `*`, `?` or `[` is that name alone.
"""

from __future__ import annotations

from toolbox.tables.cells import notes_on_cells, spreadsheet_csv, spreadsheet_rows
from toolbox.tables.columns import find_column
from toolbox.tables.numbers import MISSING_SPELLINGS
from toolbox.tables.reading import OTHER_SPREADSHEETS, TABLE_SUFFIXES, UserTable, check_table_name, read_rows

__all__ = [
    "MISSING_SPELLINGS",
    "OTHER_SPREADSHEETS",
    "TABLE_SUFFIXES",
    "UserTable",
    "check_table_name",
    "find_column",
    "notes_on_cells",
    "read_rows",
    "spreadsheet_csv",
    "spreadsheet_rows",
]
