"""The file `study.toml`, which makes a directory a study. Owns its format; keeps what others write into it.

schema_version    the layout of the study, a whole number
moving_from       an earlier layout, while the study is moved over from it
title, created_by, created
[roots]           name -> folder of images outside the study

People edit it, so it contains no digest of itself. Damage cannot change a result unseen: a version or a layout that is
not known is refused, a folder that is not there has no images, and each image has a digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from toolbox.content import parse_toml
from toolbox.distribution import name_and_version
from toolbox.errors import VerificationError
from toolbox.files import write_text

SCHEMA_VERSION = 2
"""The layout that this version of the toolbox reads and writes."""
NAME = "study.toml"
PATIENCE = 60.0
"""Seconds to wait for another process that changes the study."""


def read_study_file(root: Path) -> dict[str, Any]:
    """The content of the file; empty where there is none.

    Args:
        root: the directory of the study.

    Raises: VerificationError when the file is not TOML.
    """
    file = root / NAME
    if not file.is_file():
        return {}
    try:
        return parse_toml(file.read_text(encoding="utf-8"))
    except ValueError as error:
        place = re.search(r"at line \d+, column \d+", str(error))
        where = f" ({place[0]})" if place else ""
        raise VerificationError(
            f"{file} is damaged: it is not valid TOML{where}; restore it from a copy, or correct it"
        ) from error


def write_study_file(root: Path, content: Mapping[str, Any], *, is_new: bool = False) -> None:
    """Write the file, whole or not at all.

    Args:
        root: the directory of the study.
        content: all values, and tables of values.
        is_new: whether no other computer may have written it meanwhile.
    """
    write_text(root / NAME, "".join(_lines(content)), is_new=is_new)


def new_study_file(title: str) -> dict[str, Any]:
    """The content of the file of a new study."""
    return {
        "schema_version": SCHEMA_VERSION,
        "title": title,
        "created_by": name_and_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _lines(content: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """TOML: first the values, then the tables."""
    tables = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    yield from (f"{_key(key)} = {_value(value)}\n" for key, value in content.items() if key not in tables)
    for key, table in tables.items():
        full_name = f"{name}.{_key(key)}" if name else _key(key)
        yield f"\n[{full_name}]\n"
        yield from _lines(table, full_name)


def _key(key: str) -> str:
    """A key, in quotes where TOML needs them."""
    is_bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if is_bare else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    """A value; except for dates, JSON is also TOML."""
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
