"""Names of columns and texts of cells that no program takes for something else. Owns what is written instead.

Programs that present stimuli compute what is in a cell: PsychoPy makes a number of every text that looks like one, and
evaluates a text in brackets as Python; OpenSesame evaluates a text after `=`; spreadsheets compute after `=`, `+`, `-`
and `@`. A category such as `1` or `None` would arrive as another value, and a name could run code.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from toolbox.tables import MISSING_SPELLINGS

_COMPUTED = ("=", "+", "-", "@", "[", "(", "{", "\t", "\r")
"""Beginnings of a cell that a program evaluates."""
_UNKNOWN = {"", "none", "null", "nan", "na", "n/a", "#n/a", "<na>", "true", "false", "inf", "infinity", "nat"}
"""Texts that a program takes for an unknown value, or for a truth value."""


def variable_name(name: str) -> str:
    """The name of a column as a variable of a program: letters of English, digits and `_`, no digit first.

    Args:
        name: of the column.

    Example:
        >>> variable_name("reaction time (ms)"), variable_name("2afc"), variable_name("class")
        ('reaction_time_ms', 'v_2afc', 'class_')
    """
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    if not plain or plain[0].isdigit():
        plain = f"v_{plain}".rstrip("_")
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def variable_names_of(names: Iterable[str]) -> dict[str, str]:
    """Names of columns as different variables, by name.

    Args:
        names: of the columns.

    Example:
        >>> variable_names_of(["a b", "a_b"])
        {'a b': 'a_b', 'a_b': 'a_b_2'}
    """
    found: dict[str, str] = {}
    for name in names:
        plain, number = variable_name(name), 1
        taken = {each.casefold() for each in found.values()}
        while (wanted := plain if number == 1 else f"{plain}_{number}").casefold() in taken:
            number += 1
        found[name] = wanted
    return found


def is_plain(text: str) -> bool:
    r"""Whether every program reads a text as this text: no number, no formula, no list, no unknown value.

    Args:
        text: of a cell.

    Example:
        >>> [is_plain(text) for text in ("face", "1,5", "=1+1", "[0]", "NA", "a\\nb")]
        [True, False, False, False, False, False]
    """
    if text != text.strip() or text.startswith(_COMPUTED) or "\\n" in text:
        return False
    if text.casefold() in _UNKNOWN or text in MISSING_SPELLINGS or any(ord(sign) < 32 for sign in text):
        return False
    return not _is_number(text)


def _is_number(text: str) -> bool:
    """Whether PsychoPy, pandas or a spreadsheet reads a text as a number, with a decimal point or comma."""
    try:
        float(text.replace(",", "."))
    except ValueError:
        return bool(re.fullmatch(r"[\d.,:/\-\s]+%?", text))  # dates and times, too
    return True


def plain_text(column: str, text: str) -> str:
    r"""A text as every program reads it; one that would be computed gets the name of its column in front.

    Args:
        column: its name.
        text: of the cell.

    Example:
        >>> plain_text("category", "7"), plain_text("category", "=cmd()"), plain_text("category", "dog")
        ('category_7', 'category_=cmd()', 'dog')
    """
    if is_plain(text):
        return text
    clean = "".join(sign if ord(sign) >= 32 else " " for sign in text).replace("\\", "/").strip()
    return f"{column}_{clean}"
