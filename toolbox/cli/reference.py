"""The reference of all commands as Markdown, from the application itself. Owns its form; the words are the help's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

_INTRODUCTION = """# Commands

What `toolbox COMMAND --help` prints, on one page. Data go to stdout, notes and progress to stderr; `--quiet` leaves
these out. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 verification failed.

Options have the names of the keywords in Python: `toolbox extract pets --layers 'block5_*'` is
`study.extract("pets", layers="block5_*")`.

`make reference` writes this page from the help: to change it, change `toolbox/cli/`.
"""
_OF_TYPER = ("--help", "--install-completion", "--show-completion")


def command_reference() -> str:
    """What every command does and takes, as Markdown."""
    from toolbox.cli import app

    return "\n".join([_INTRODUCTION, *_sections(typer.main.get_command(app), ("toolbox",))])


def _sections(command: Any, words: tuple[str, ...]) -> Iterator[str]:
    """One section a command, in the order of the application; a group has one of its own only by its members."""
    below = getattr(command, "commands", {})
    for name, each in below.items():
        yield from _sections(each, (*words, name))
    if not below:
        yield _section(command, words)


def _section(command: Any, words: tuple[str, ...]) -> str:
    rows = [_row(parameter) for parameter in command.params if not {*parameter.opts} & {*_OF_TYPER}]
    table = (
        "\n".join(["| argument, option | default | meaning |", "| --- | --- | --- |", *rows]) if rows else ""
    )
    text = "\n\n".join(part for part in (" ".join((command.help or "").split()), table) if part)
    return f"## {' '.join(words)}\n\n{text}\n"


def _row(parameter: Any) -> str:
    """An argument or option: its spellings, its default, its help."""
    if parameter.param_type_name == "argument":
        spelled = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        spelled = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    is_said = default is not False and default not in (None, (), [], "") and not callable(default)
    values = default if isinstance(default, list | tuple) else [default]
    shown = ", ".join(f"`{value}`" for value in values) if is_said else "must be given" * parameter.required
    meaning = " ".join((parameter.help or "").split()).replace("|", "\\|")
    return f"| {spelled} | {shown} | {meaning} |"
