"""Help and chapters know every command and every option: both lists are derived from the application itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from support.chapters import CHAPTERS
from support.chapters import commands as chapter_commands
from support.commands import run
from toolbox.cli import app
from toolbox.cli.reference import command_reference

REFERENCE = Path(__file__).parents[2] / "toolbox" / "cli" / "README.md"
OF_TYPER = {"--help", "--install-completion", "--show-completion"}


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Words and command of everything that can be called, groups included."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, *path, name)


COMMANDS = dict(commands(typer.main.get_command(app)))
EACH = pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)


def test_the_application_was_walked_to_its_leaves() -> None:
    assert len(COMMANDS) > 12
    assert {("query",), ("model", "export")} < COMMANDS.keys()


@EACH
def test_every_command_and_every_option_has_help(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    shown = " ".join(run(*words, "--help").stdout.split())
    assert f"Usage: {' '.join(('toolbox', *words))} " in shown
    assert command.help and " ".join(command.help.split()) in shown
    for parameter in command.params:
        assert parameter.help, parameter.name
        assert " ".join(parameter.help.split())[:30] in shown, parameter.name
        for option in parameter.opts if parameter.param_type_name == "option" else ():
            assert option in shown


@EACH
def test_every_command_is_used_in_a_chapter(words: tuple[str, ...]) -> None:
    """In a block, whose commands the tests of the chapters run."""
    called = re.compile(rf"\b{' '.join(('toolbox', *words))}\b")
    assert any(called.search(command) for chapter in CHAPTERS for command in chapter_commands(chapter))


def test_the_page_of_commands_is_that_of_the_application() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == command_reference(), "run make reference"


@EACH
def test_every_option_stands_in_the_chapter_of_its_command(words: tuple[str, ...]) -> None:
    """A group stands there by its members."""
    command, chapters = COMMANDS[words], REFERENCE.read_text(encoding="utf-8").split("\n## ")
    if getattr(command, "commands", {}):
        assert len([chapter for chapter in chapters if chapter.startswith(" ".join(("toolbox", *words)))]) > 1
        return
    (chapter,) = [each for each in chapters if each.splitlines()[0] == " ".join(("toolbox", *words))]
    for parameter in command.params:
        spelled = {*parameter.opts} - OF_TYPER if parameter.param_type_name == "option" else ()
        assert all(f"`{option}`" in chapter for option in spelled)
