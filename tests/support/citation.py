"""The subset of YAML in which CITATION.cff is written, since none of our libraries reads YAML."""

from __future__ import annotations

import re
from typing import Any

_PAIR = re.compile(r"(?P<key>[a-z][a-z-]*):(?: (?P<value>\S.*))?")
_NOT_PLAIN = re.compile(r": | #|^[\[\]{}&*!|>'\"%@`?-]")
"""What text must not have that stands without quotes."""


def read_yaml(text: str) -> Any:
    """A document as dictionaries, lists and text: tables and lists by indentation, plain text in one line.

    Everything else that YAML has fails. Numbers stay text.
    """
    value, rest = _read(text.splitlines(), 0)
    assert not rest, rest[0]
    return value


def _read(lines: list[str], indent: int) -> tuple[Any, list[str]]:
    """The list or table that begins at an indentation, and the lines after it."""
    if lines[0][indent:].startswith("- "):
        return _read_list(lines, indent)
    table: dict[str, Any] = {}
    while lines and _indent(lines[0]) == indent:
        pair = _PAIR.fullmatch(lines[0][indent:])
        assert pair and pair["key"] not in table, lines[0]
        if pair["value"] is None:
            table[pair["key"]], lines = _read(lines[1:], indent + 2)
        else:
            table[pair["key"]], lines = _plain(pair["value"]), lines[1:]
    return table, lines


def _read_list(lines: list[str], indent: int) -> tuple[list[Any], list[str]]:
    """The list that begins at an indentation, and the lines after it."""
    items: list[Any] = []
    while lines and _indent(lines[0]) == indent:
        assert lines[0][indent:].startswith("- "), lines[0]
        item = lines[0][indent + 2 :]
        if _PAIR.fullmatch(item):  # a table, whose first row follows the dash
            value, lines = _read([" " * (indent + 2) + item, *lines[1:]], indent + 2)
        else:
            value, lines = _plain(item), lines[1:]
        items.append(value)
    return items, lines


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _plain(text: str) -> str:
    assert not _NOT_PLAIN.search(text), text
    return text
