"""JSON of somebody else: of limited size and depth, with numbers that are numbers. Owns reading it and its entries."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from toolbox.exchange.importing.faults import refuse, shortened

LARGEST_JSON = 2**24
"""Bytes of a file: in memory, JSON needs up to thirty times as many."""

_Kind = TypeVar("_Kind")


def read_limited_json(file: Path) -> dict[str, Any]:
    """The table in a JSON file.

    Args:
        file: a file of a bundle.

    Raises: BundleError where it is missing, too large, too deep, no table, or has a name twice or what is no number.
    """
    if not file.is_file():
        refuse(file.name, "is missing")
    if (size := file.stat().st_size) > LARGEST_JSON:
        refuse(
            file.name, f"has {size:,} bytes; expected at most {LARGEST_JSON:,}", "do not trust this bundle"
        )
    content = file.read_bytes()
    try:
        value = json.loads(
            content.decode("utf-8"), object_pairs_hook=_table, parse_constant=_no_number, parse_float=_finite
        )
    except RecursionError:
        refuse(file.name, "has lists in lists in lists without end", "do not trust this bundle")
    except ValueError as error:
        refuse(file.name, f"is not valid JSON ({str(error).splitlines()[0][:100]})")
    if not isinstance(value, dict):
        refuse(file.name, f"has {shortened(value)}; expected a table of JSON")
    return value


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice")
    return table


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:20]} is larger than any number")
    return number


def entry(file: str, record: Mapping[str, Any], name: str, kind: type[_Kind]) -> _Kind:
    """An entry of a record, which must be of a type.

    Args:
        file: name of the file, for the message.
        record: a table of JSON.
        name: of the entry.
        kind: its type: str, int, dict or list; a truth value is no number.

    Raises: BundleError.
    """
    value = record.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        nouns = {str: "a text", int: "a whole number", dict: "a table", list: "a list"}
        refuse(file, f"has {name} = {shortened(value)}; expected {nouns[kind]}")
    return value


def texts(file: str, name: str, values: object) -> tuple[str, ...]:
    """A list of texts.

    Args:
        file: name of the file, for the message.
        name: of the entry.
        values: what should be the list.

    Raises: BundleError.
    """
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        refuse(file, f"has {name} = {shortened(values)}; expected a list of texts")
    return tuple(values)


def numbers(file: str, name: str, values: object) -> tuple[int, ...]:
    """A list of different numbers of stimuli.

    Args:
        file: name of the file, for the message.
        name: of the entry.
        values: what should be the list.

    Raises: BundleError.
    """
    is_list = isinstance(values, list)
    listed = values if isinstance(values, list) else []
    is_valid = is_list and all(type(value) is int and 0 <= value < 2**31 for value in listed)
    if not is_valid or len({*listed}) != len(listed):
        refuse(file, f"has {name} = {shortened(values)}; expected a list of different numbers of stimuli")
    return tuple(listed)
