r"""Texts that may come from anywhere, printed safely. Owns which characters never reach a terminal as they are.

A name with an escape sequence can recolour a terminal, rename its window or hide what was printed; one with a mark of
writing direction can show other letters than it has. Both are written as Python writes them: '\x1b[2J'.
"""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: C0, DEL, C1
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides and isolates of the writing direction
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # separators of lines, the mark of a byte order, annotations
    "\ud800-\udfff\ufffe\uffff]"  # halves of characters, and what is none
)
"""What can be shown nowhere, or makes a text look like another one."""
_NAMES: dict[str, str] = {}
"""Folder -> what users call it."""


def name_place(folder: str, name: str) -> None:
    """Let a folder that users do not know be printed by the name that they gave: the address of a study.

    Args:
        folder: its path.
        name: what takes its place in every text.
    """
    _NAMES[folder] = name


def named(text: str) -> str:
    """A text with the names that users gave to folders.

    Args:
        text: may contain paths.
    """
    for folder, name in _NAMES.items():
        text = text.replace(folder, name)
    return text


def printable(text: object) -> str:
    r"""A text for one line of a terminal or a notebook: characters that cannot be shown are written as Python does.

    Args:
        text: any text, or what has one.

    Example:
        >>> printable("cat\x1b[2J"), printable("köpfe")
        ('cat\\x1b[2J', 'köpfe')
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), named(str(text)))


def printable_lines(text: object) -> str:
    r"""A text of several lines for a terminal.

    Args:
        text: any text, or what has one; tabs become spaces.

    Example:
        >>> printable_lines("cat\x07\ndog")
        'cat\\x07\ndog'
    """
    return "\n".join(map(printable, str(text).expandtabs().split("\n")))


def is_printable(text: str) -> bool:
    r"""Whether a text can be shown as it is.

    Args:
        text: such as the name of a category.

    Example:
        >>> is_printable("cat"), is_printable("cat\n")
        (True, False)
    """
    return _UNPRINTABLE.search(text) is None
