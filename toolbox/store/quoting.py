"""Names and texts as SQL writes them; folders and columns that others made may be called anything."""

from __future__ import annotations


def quote_name(name: str) -> str:
    """A name of a column between quotes.

    >>> quote_name('reaction time ("ms")')
    '"reaction time (""ms"")"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text between quotes.

    >>> quote_text("the observer's rating")
    "'the observer''s rating'"
    """
    return "'" + text.replace("'", "''") + "'"
