"""Several values after one option: `--layers a b` is `--layers a --layers b`. Owns which words are values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from typer import Context
from typer.core import TyperCommand, TyperOption

from toolbox.errors import UnknownNameError, UsageError

_LAST_WORD = f"{__name__}.last_word"
"""In the memory of a command: the argument, where it follows the values of an option."""


class SeveralValues(TyperCommand):
    """A command whose repeatable options take several values at once."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse a command line in which every value has an option of its own.

        Args:
            ctx: of the command.
            args: its words, as the user wrote them.
        """
        options = [each for each in self.params if isinstance(each, TyperOption) and not each.is_flag]
        repeatable = {name: each for each in options if each.multiple for name in each.opts}
        taking = {name for each in options for name in each.opts}
        if ctx.resilient_parsing and args and args[-1] in taking:
            args = args[
                :-1
            ]  # its value is being completed: an option without one would hide the words before it
        repeated, open_option, place = _repeat(args, repeatable, taking)
        if place is not None:
            ctx.meta[_LAST_WORD] = repeated[place]
        if open_option:
            ctx.meta[__name__] = repeatable[open_option]
        return super().parse_args(ctx, repeated)

    def invoke(self, ctx: Context) -> Any:  # type: ignore[override]
        """Run the command; where the last of several values was read as a set that is unknown, explain this.

        Args:
            ctx: of the command.
        """
        try:
            return super().invoke(ctx)
        except UnknownNameError as error:
            if error.kind != "stimulus set" or error.name != ctx.meta.get(_LAST_WORD):
                raise
            raise UsageError(
                f"{error}; the last word after the values of an option is the set: write the set as the first word"
            ) from error

    def shell_complete(self, ctx: Context, incomplete: str) -> list[Any]:  # type: ignore[override]
        """Complete a further value of the last option; else, the names of options.

        Args:
            ctx: of the words before.
            incomplete: what is written of the next one.
        """
        option = ctx.meta.get(__name__)
        if option is None or incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        completed: list[Any] = option.shell_complete(ctx, incomplete)
        return completed


def repeat_options(
    args: Sequence[str], repeatable: Collection[str], taking: Collection[str]
) -> tuple[list[str], str | None]:
    """A command line with an option before every value, as the parser needs it.

    Words after the value of a repeatable option are its values too, up to the next option. The last of them is the
    argument of the command if that has no other and the word is no number: in `--layers a b pets` it is the set.

    Args:
        args: the words of the command line.
        repeatable: names of the options that take several values.
        taking: names of all options that take a value.

    Returns: the words, and the repeatable option of which another word would be a value, if any.

    Example:
        >>> repeat_options(["pets", "--layers", "a", "b", "-q"], {"--layers"}, {"--layers"})
        (['pets', '--layers', 'a', '--layers', 'b', '-q'], None)
    """
    repeated, option, _ = _repeat(args, repeatable, taking)
    return repeated, option


def _repeat(
    args: Sequence[str], repeatable: Collection[str], taking: Collection[str]
) -> tuple[list[str], str | None, int | None]:
    """As `repeat_options`, and the place of the argument if it was the last of several words after an option."""
    words, further, has_argument = iter(args), list[int](), False
    repeated, option = list[str](), None
    for word in words:
        if word == "--":
            return [*repeated, word, *words], None, None
        if word.startswith("-") and len(word) > 1:
            name, equals, _ = word.partition("=")
            option = name if name in repeatable else None
            has_value = name in taking and not equals
            repeated += [word, *([value] if has_value and (value := next(words, None)) is not None else ())]
        elif option is None:
            has_argument = True
            repeated.append(word)
        else:
            further.append(len(repeated))
            repeated += [option, word]
    if further and not has_argument and not _is_number(repeated[further[-1] + 1]):
        del repeated[further[-1]]
        return repeated, option, further[-1]
    return repeated, option, None


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdecimal()
