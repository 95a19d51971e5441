"""Results as a notebook shows them. Owns their form as HTML; imports nothing but `printing`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from html import escape
from typing import Any

from toolbox.printing import printable

LISTED = 10
"""Entries of a list that are shown."""


class Report:
    """A dataclass that a notebook shows as a table: a row for every field that is not empty."""

    def _repr_html_(self) -> str:
        rows = [(field.name, getattr(self, field.name)) for field in fields(self)]  # type: ignore[arg-type]
        cells = [
            (name, printable(_text(value))) for name, value in rows if value not in (None, (), [], {}, "")
        ]
        body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in cells)
        return f"<table>{body}</table>"


class Description(str):
    """A text of several lines, which a notebook and IPython show as such."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self)}</pre>"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(str(self))


def _text(value: Any) -> str:
    """A value in words: counts of a mapping, entries of a list, numbers with a few digits."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(count)}" for name, count in value.items())
    if isinstance(value, Collection) and not isinstance(value, str):
        entries = list(map(_text, value))
        more = [f"and {len(entries) - LISTED} more"] if len(entries) > LISTED else []
        return ", ".join([*entries[:LISTED], *more])
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
