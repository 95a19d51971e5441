"""The templates of a report. Owns how they are read, and that names in them are text and nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from toolbox.printing import printable

FOLDER = Path(__file__).parent


@cache
def page_templates() -> jinja2.Environment:
    """The environment of templates of HTML, which escapes all that is inserted, and shows what cannot be shown."""
    loader = jinja2.FileSystemLoader(FOLDER)
    return jinja2.Environment(
        autoescape=True, loader=loader, undefined=jinja2.StrictUndefined, finalize=_printable
    )


def exhibit_template() -> Any:
    """The macros of the template of exhibits, as functions."""
    return page_templates().get_template("exhibit.html.jinja").module


def text_of_template(name: str, values: dict[str, Any]) -> str:
    """A template of plain text with its values, which are inserted as they are.

    Args:
        name: of its file.
        values: of all its names.
    """
    environment = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined)
    return environment.from_string((FOLDER / name).read_text(encoding="utf-8")).render(values)


def _printable(value: Any) -> Any:
    """What a template inserts, as it can be shown; what is marked as safe is the toolbox's own."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return "\n".join(map(printable, value.split("\n")))
    return value
