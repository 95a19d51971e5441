"""The comment in front of a `.sql` file, sorted by its sections. Owns how such a file is read; never what it means."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from toolbox.errors import CardError, UsageError

MOST_SQL = 200_000
"""Characters of SQL that anyone may write: DuckDB's parser takes memory and time for each of them."""
MOST_UNTRUSTED_SQL = 20_000
"""Characters of SQL that nobody has read; the longest query that ships has a third of them."""
SECTIONS = ("Parameters", "Columns", "Index")
"""Headings of sections, each on a line of its own; `Source:` begins the one of citations."""


def read_sql(path: Path) -> str:
    """The text of a `.sql` file.

    Raises: UsageError when there is no such file; CardError when it is not text.
    """
    if not path.is_file():
        raise UsageError(f"no file {path}; expected a .sql file with one SELECT")
    check_length(str(path), path.stat().st_size)
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows put a mark in front
    except UnicodeDecodeError as error:
        raise CardError(f"{path} is not encoded as UTF-8; save it as UTF-8 text") from error


def check_length(name: str, length: int, most: int = MOST_SQL) -> None:
    """Refuse SQL that nobody writes by hand, before anything parses it.

    Args:
        name: of the query or its file.
        length: its characters.
        most: characters that it may have.

    Raises: UsageError.
    """
    if length > most:
        raise UsageError(
            f"{name} has {length:,} characters; expected at most {most:,}; pass long lists as a table "
            "(--table NAME=FILE)"
        )


def header_of(text: str) -> str:
    """The comment in front of the SQL, without comment signs."""
    lines = takewhile(lambda line: line.startswith("--"), text.splitlines())
    return "\n".join(line[2:].removeprefix(" ") for line in lines)


def read_sections(text: str) -> tuple[str, dict[str, list[str]]]:
    """The title, and the comment lines in front of the SQL by their section, in lower case.

    What comes before the first heading is the section `description`.
    """
    sections: dict[str, list[str]] = {
        name: [] for name in ("description", "source", *map(str.lower, SECTIONS))
    }
    title, current = "", "description"
    for line in takewhile(lambda line: line.startswith("--"), text.splitlines()):
        content = line[2:].strip()
        if not title:
            title = content
        elif content in SECTIONS:
            current = content.lower()
        elif content.startswith("Source:"):
            current = "source"
            sections[current].append(content.removeprefix("Source:").strip())
        elif content:
            sections[current].append(content)
        elif current == "description":
            sections[current].append("")
    return title, sections
