"""Cells that no spreadsheet evaluates. Owns what is written instead of a text that looks like a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_FORMULA = r"^ *[=+\-@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]"
"""Beginnings of a cell that a spreadsheet takes for a formula, those of full width in Asian ones.

Source: OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.
"""
_NUMBER = r"(?i)^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$"
_PATHS = ("path", "file")
_NAMED = 3
"""Texts that a note lists."""


def spreadsheet_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of which a spreadsheet evaluates no cell: a text that it would has the name of its column in front.

    In front of a path, it is `./`, which names the same file. Names of columns are cells, too.

    Args:
        rows: of any types.

    Example:
        >>> import polars as pl
        >>> rows = pl.DataFrame({"category": ["=cmd()", "-3", "dog"], "path": ["-1+1.png", "@a.png", "b.png"]})
        >>> spreadsheet_rows(rows).rows()
        [('category_=cmd()', './-1+1.png'), ('-3', './@a.png'), ('dog', 'b.png')]
    """
    import polars as pl

    safe = rows.with_columns(
        pl.when(_is_evaluated(pl.col(name)))
        .then(_front(name) + pl.col(name).str.strip_chars())
        .otherwise(pl.col(name))
        .alias(name)
        for name, kind in rows.schema.items()
        if kind == pl.String
    )
    evaluated = evaluated_texts(pl.DataFrame({"column": rows.columns}))
    return safe.rename({name: f"column_{name.strip()}" for name in evaluated})


def _front(column: str) -> pl.Expr:
    """What is written in front of a text of a column."""
    import polars as pl

    return pl.lit("./" if column in _PATHS else f"{column.strip()}_".lstrip("=+-@"))


def _is_evaluated(texts: pl.Expr) -> pl.Expr:
    """Whether a spreadsheet may take texts for formulas; a number with its sign is none."""
    return texts.str.contains(_FORMULA) & ~texts.str.contains(_NUMBER)


def evaluated_texts(rows: pl.DataFrame) -> list[str]:
    """The different texts of rows that a spreadsheet may take for formulas, in alphabetical order.

    Args:
        rows: of any types.

    Example:
        >>> import polars as pl
        >>> evaluated_texts(pl.DataFrame({"text": ["=1+1", "-3", "-3+2", " @sum", "face", None]}))
        [' @sum', '-3+2', '=1+1']
    """
    import polars as pl

    found = set[str]()
    for name in (name for name, kind in rows.schema.items() if kind == pl.String):
        found.update(rows.select(name).filter(_is_evaluated(pl.col(name)))[name].unique())
    return sorted(found)


def notes_on_cells(*tables: pl.DataFrame) -> list[str]:
    """A note on the texts that `spreadsheet_rows` changes, if there are any.

    Args:
        *tables: their rows.
    """
    changed = [text for rows in tables for text in evaluated_texts(rows)]
    if not changed:
        return []
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    return [
        "written with the name of their column (of a path, ./) in front, as spreadsheets would compute them: "
        f"{', '.join(changed[:_NAMED])}{more}"
    ]


def spreadsheet_csv(rows: pl.DataFrame) -> bytes:
    """Rows as CSV (RFC 4180, header first, UTF-8) of which a spreadsheet evaluates no cell.

    Args:
        rows: numbers and texts.
    """
    return spreadsheet_rows(rows).write_csv().encode()
