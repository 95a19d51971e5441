"""The parameters of a query as options of a command: `--threshold 0.05` for `--param threshold=0.05`.

Owns finding them among the arguments, and their part of the help; never reads a study.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from toolbox.cli.several import SeveralValues, repeat_options
from toolbox.errors import UnknownNameError, UsageError, nearest_name

if TYPE_CHECKING:
    from toolbox.query.header import Parameter, Query

_OPTION = re.compile(r"--[A-Za-z_][\w-]*")
_METAVARS = {"varchar": "str", "integer": "int", "bigint": "int", "double": "float", "boolean": "bool"}
_ALIKE = {"threshold": "--level", "level": "--threshold"}
"""Options that are mistaken for others."""
_QUERY = "toolbox.query"
"""Key of the query in what click carries along with the parsing of a command."""


class QueryCommand(SeveralValues):
    """A command that has, besides its own options, one for each parameter of the query that it is asked."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, those of the query as `--param NAME=VALUE`.

        Args:
            ctx: of the command.
            args: words of the command line.

        Raises: UnknownNameError for an option that neither the command nor the query has; UsageError for one without
            a value.
        """
        takes_value = dict(self._own_options(ctx))
        rest, given = split_options(args, takes_value)
        repeatable = {
            name for each in self.get_params(ctx) if getattr(each, "multiple", False) for name in each.opts
        }
        repeated, _ = repeat_options(rest, repeatable, {name for name, takes in takes_value.items() if takes})
        found, _, _ = self.make_parser(ctx).parse_args(args=repeated)
        query = ctx.meta[_QUERY] = _query_of(found)
        if given and not ctx.resilient_parsing and "help" not in found:
            named = _named_parameters(query, given, takes_value, str(ctx.command_path))
            rest = [text for name, value in named.items() for text in ("--param", f"{name}={value}")] + rest
        return super().parse_args(ctx, rest)

    def _own_options(self, ctx: Any) -> Iterator[tuple[str, bool]]:
        """The command's own options as they are written, and whether each takes a value."""
        for option in self.get_params(ctx):
            if option.param_type_name == "option":
                for spelling in (*option.opts, *option.secondary_opts):
                    yield spelling, not getattr(option, "is_flag", False)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the command's own options, and those of the query if one is named.

        Args:
            ctx: of the command.
            formatter: of the help page.
        """
        super().format_options(ctx, formatter)
        query = ctx.meta.get(_QUERY)
        if query and (rows := [_help_of(parameter) for parameter in declared_parameters(query)]):
            with formatter.section(f"Options of {query.name}"):
                formatter.write_dl(rows)


def split_options(
    arguments: Sequence[str], takes_value: Mapping[str, bool]
) -> tuple[list[str], list[tuple[str, str | None]]]:
    """Arguments that a command knows, and the other options with their values.

    Args:
        arguments: as they were written.
        takes_value: for every option of the command, whether a value follows it.

    Returns: the command's own arguments; the other options as (name, value), the value None where there is none.

    >>> split_options(["layers/profile", "--threshold", "-1", "-o", "a.csv"], {"-o": True})
    (['layers/profile', '-o', 'a.csv'], [('--threshold', '-1')])
    """
    own, others = list[str](), list[tuple[str, str | None]]()
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if argument == "--":
            own += [argument, *waiting]
        elif name in takes_value:
            own += [argument, *islice(waiting, int(takes_value[name] and not equals))]
        elif _OPTION.fullmatch(name):
            others.append((name, value if equals else next(waiting, None)))
        else:
            own.append(argument)
    return own, others


def _query_of(found: Mapping[str, Any]) -> Query | None:
    """The query that the parsed arguments name; one that the command refuses is none."""
    from toolbox.query.header import query_names
    from toolbox.query.parameters import find_query

    asked = [found[name] for name in ("query", "file") if found.get(name) is not None]
    if found.get("describe") and not {*asked} <= {*query_names()}:  # it takes the names of indices too
        return None
    return find_query(*asked) if len(asked) == 1 else None


def declared_parameters(query: Query) -> list[Parameter]:
    """The parameters of a query: those of its header, then those that only its SQL has."""
    from toolbox.query.header import Parameter
    from toolbox.query.parameters import placeholders

    declared = {parameter.name for parameter in query.parameters}
    others = sorted(placeholders(query.sql) - declared)
    return [*query.parameters, *(Parameter(name, "varchar", None, True, "") for name in others)]


def _named_parameters(
    query: Query | None, given: Sequence[tuple[str, str | None]], known: Mapping[str, bool], command: str
) -> dict[str, str]:
    """The values of options by the names of the query's parameters."""
    own = {
        f"--{parameter.name}": parameter.name for parameter in (declared_parameters(query) if query else ())
    }
    by_spelling = {_spelling(option): name for option, name in own.items()}
    named = {}
    for option, value in given:
        name = by_spelling.get(_spelling(option))
        if name is None:
            of = query.name if query else command
            remedy = f"its own options: {', '.join(own) or 'none'}; all: {command} --help"
            if query is None:
                raise UnknownNameError(f"option of {of}", option, known)
            alike = _ALIKE.get(_spelling(option))
            near = alike if alike in own else nearest_name(option, [*own, *known])
            hint = f"; did you mean {near!r}?" if near else ""  # a list of all would repeat that of the query
            raise UsageError(f"no option of {of} named {option!r}{hint} ({remedy})")
        if value is None or _OPTION.fullmatch(value.partition("=")[0]):
            raise UsageError(f"{option} has no value; expected {option} VALUE")
        named[name] = value
    return named


def _spelling(option: str) -> str:
    """An option without what people write either way: capitals, `-` and `_`."""
    return re.sub("[-_]", "", option).lower()


def _help_of(parameter: Parameter) -> tuple[str, str]:
    """An option and its type, and what it means."""
    said = [parameter.description] if parameter.description else []
    if parameter.choices:
        said.append(f"one of {', '.join(parameter.choices)}")
    if parameter.bounds:
        said.append(str(parameter.bounds))
    if parameter.default is not None:
        said.append(f"default: {parameter.default}")
    return f"--{parameter.name} <{_METAVARS[parameter.type]}>", "; ".join(said)
