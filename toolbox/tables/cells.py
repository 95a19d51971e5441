"""Cells that no spreadsheet evaluates. Owns what is written instead of a text that looks like a formula."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of a cell that a spreadsheet takes for a formula, those of full width in Asian ones.

Source: OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.
"""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_PATHS = frozenset({"path", "file"})


def is_evaluated(text: str) -> bool:
    """Whether a spreadsheet may take the text of a cell for a formula.

    Args:
        text: of the cell.

    Example:
        >>> [is_evaluated(text) for text in ("=1+1", "-3", "-3+2", "@sum", " =1", "face")]
        [True, False, True, True, True, False]
    """
    start = text.lstrip(" ")
    return start.startswith(_FORMULA) and not _NUMBER.fullmatch(text)


def spreadsheet_text(column: str, text: str) -> str:
    """A text as a cell that no spreadsheet evaluates: one that would be gets the name of its column in front.

    Args:
        column: its name; of a path, `./` is put in front, which names the same file.
        text: of the cell.

    Example:
        >>> spreadsheet_text("category", "=cmd()"), spreadsheet_text("path", "-1+1.png")
        ('category_=cmd()', './-1+1.png')
    """
    if not is_evaluated(text):
        return text
    return f"./{text.strip()}" if column in _PATHS else f"{column}_{text.strip()}"


def spreadsheet_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of which a spreadsheet evaluates no cell, their header included.

    Args:
        rows: numbers and texts.
    """
    import polars as pl

    safe = rows.with_columns(
        pl.col(name).map_elements(partial(spreadsheet_text, name), return_dtype=pl.String)
        for name, kind in rows.schema.items()
        if kind == pl.String
    )
    return safe.rename({name: spreadsheet_text("column", name) for name in rows.columns})


def evaluated_texts(rows: pl.DataFrame) -> list[str]:
    """The different texts of rows that a spreadsheet may take for formulas, in alphabetical order.

    Args:
        rows: numbers and texts.
    """
    import polars as pl

    texts = {text for column in rows if column.dtype == pl.String for text in column.drop_nulls().unique()}
    return sorted(text for text in {*texts, *rows.columns} if is_evaluated(text))


def spreadsheet_csv(rows: pl.DataFrame) -> bytes:
    """Rows as CSV (RFC 4180, header first, UTF-8) of which a spreadsheet evaluates no cell.

    Args:
        rows: numbers and texts.
    """
    return spreadsheet_rows(rows).write_csv().encode()
