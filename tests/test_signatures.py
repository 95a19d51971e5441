"""A method, the class of its options and its command have the same names, defaults and types: they cannot drift."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import polars as pl
import pytest
import typer

import toolbox
from toolbox import (
    Comparing,
    Extraction,
    Probing,
    Rendering,
    Resampling,
    Study,
    add_model,
    check_model,
    diff,
    examine_graph,
    examine_setup,
    export_model,
    merge,
)
from toolbox.cli import (
    analyse,
    app,
    audit,
    collect,
    compare,
    export,
    gallery,
    importing,
    match,
    networks,
    probe,
    properties,
    relation,
    render,
    report,
    saliency,
    setup,
    share,
    show,
    upkeep,
)
from toolbox.cli import diff as difference
from toolbox.cli import merge as merging
from toolbox.demo import demonstrate
from toolbox.query import SQL_TYPES, query_names, shipped_query
from toolbox.study import query_names as completed
from toolbox.study.completion import query_name_module

OF_THE_TERMINAL = {"study", "quiet", "format"}
"""What only a command needs: where the study is, and how its result is printed."""
PAIRS = {"map", "param", "table"}
"""Mappings, which a command takes as texts NAME=VALUE."""
EXAMINED = {"graph"}
"""What a command takes as a file, and examines before it calls the function."""
NAMES = {"param": "parameters", "table": "tables", "from": "stimulus", "as": "to", "with": "including"}
"""Option -> keyword, where they differ: each parameter is a keyword of its own, all tables are one mapping, and
Python has a keyword `from`."""

COMMANDS: dict[str, tuple[Callable[..., Any], Callable[..., Any], set[str]]] = {
    "ingest": (collect.ingest, Study.ingest, {"create"}),
    "label": (collect.label, Study.label, set()),
    "extract": (collect.extract, Study.extract, {"estimate"}),
    "properties": (properties.properties, Study.properties, {"output"}),
    "audit": (audit.audit, Study.audit, {"output"}),
    "match": (match.match, Study.match, {"output", "balance"}),
    "export": (export.export, Study.export, set()),
    "significance": (analyse.significance, Study.significance, set()),
    "query": (analyse.query, Study.query, {"file", "list", "describe", "output"}),
    "replicate": (analyse.replicate, Study.replicate, {"output"}),
    "compare": (compare.compare, Study.compare, {"output"}),
    "reference": (compare.reference, Study.reference, set()),
    "parameters": (relation.parameters, Study.parameters, set()),
    "relate": (relation.relate, Study.relate, set()),
    "plot": (show.plot, Study.plot, set()),
    "render": (render.render, Study.render, set()),
    "gallery": (gallery.gallery, Study.gallery, set()),
    "saliency": (saliency.saliency, Study.saliency, set()),
    "report": (report.report, Study.report, set()),
    "advise": (probe.advise, Study.advise, {"output"}),
    "probe": (probe.probe, Study.probe, {"output"}),
    "share": (share.share, Study.share, set()),
    "import": (importing.import_, Study.import_, set()),
    "use": (upkeep.use, Study.use, set()),
    "verify": (upkeep.verify, Study.verify, {"directory"}),
    "remove": (upkeep.remove, Study.remove, {"yes"}),
    "diff": (difference.diff, diff, {"output"}),
    "merge": (merging.merge, merge, set()),
    "demo": (setup.demo, demonstrate, set()),
    "model check": (networks.check, check_model, set()),
    "model export": (networks.export, export_model, set()),
    "model add": (networks.add, add_model, {"size"}),
}
"""Command -> the function that it is, the one that it calls, and options that choose or prepare another one."""
LEFT_OUT = {
    "query": ("query",),
    "model add": ("name", "activation", "preprocessing"),
    "plot": ("output",),
    "gallery": ("output",),
    "saliency": ("output",),
    "demo": ("directory",),
}
"""What a command may leave out, which then lists something, or names the file itself."""
EACH = pytest.mark.parametrize("name", list(COMMANDS))


def hints(function: Any) -> dict[str, Any]:
    """Names and types of a function's parameters, those of Study's methods resolved without a cycle of imports."""
    names = {name: getattr(toolbox, name) for name in toolbox.__all__}
    found = get_type_hints(function, localns={**names, **vars(completed), "pl": pl, "Chart": Any})
    return {name: kind for name, kind in found.items() if name not in ("return", "progress")}


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def alternatives(kind: Any) -> set[Any]:
    """The types of a union; for a command, any collection is a list, and a path may be given as one."""
    if get_origin(kind) is Annotated:
        return alternatives(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return set().union(*map(alternatives, get_args(kind)))
    if get_origin(kind) in (Collection, Sequence):
        return {list[get_args(kind)[0]]}  # type: ignore[misc]
    return {kind}


def without_choices(kind: Any) -> set[Any]:
    """The types of a union, a choice of texts being a text."""
    return {str if get_origin(each) is Literal else each for each in alternatives(kind)}


def choices_of(kind: Any) -> set[str]:
    """The texts among which a type lets choose."""
    return {name for each in alternatives(kind) if get_origin(each) is Literal for name in get_args(each)}


def options(command: str) -> Iterator[tuple[str, str]]:
    """Options and arguments of a command: as a user writes each, with `_`, and the function's parameter."""
    found: Any = typer.main.get_command(app)
    for word in command.split():
        found = found.commands[word]
    for parameter in found.params:
        option = next((each for each in parameter.opts if each.startswith("--")), parameter.name)
        yield option.removeprefix("--").replace("-", "_"), parameter.name


def shared(command: str) -> dict[str, str]:
    """Options of a command that a method has too: keyword -> name of the function's parameter."""
    _, _, choosing = COMMANDS[command]
    return {
        NAMES.get(option, option): name
        for option, name in options(command)
        if option not in choosing | OF_THE_TERMINAL | {"help"}
    }


def keywords(method: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(method).parameters) - {"self", "progress"}


def leaves(command: Any, *words: str) -> Iterator[str]:
    """All commands that do something."""
    below = getattr(command, "commands", {})
    for name, each in below.items():
        yield from leaves(each, *words, name)
    if not below:
        yield " ".join(words)


def test_every_command_but_those_without_a_method_is_compared() -> None:
    alone = {"init", "doctor", "model list", "model show"}
    assert {*leaves(typer.main.get_command(app))} == COMMANDS.keys() | alone


@EACH
def test_a_command_has_the_options_that_its_method_has(name: str) -> None:
    _, method, _ = COMMANDS[name]
    assert set(shared(name)) == keywords(method)


@EACH
def test_a_command_has_the_defaults_of_its_method(name: str) -> None:
    command, method, _ = COMMANDS[name]
    ours, theirs = defaults(command), defaults(method)
    for keyword, parameter in shared(name).items():
        expected = theirs[keyword]
        if keyword in ("parameters", *LEFT_OUT.get(name, ())):
            continue
        given = ours[parameter]
        assert (tuple(given) if isinstance(given, list) else given) == expected, keyword


@EACH
def test_a_command_has_the_types_of_its_method(name: str) -> None:
    command, method, _ = COMMANDS[name]
    ours, theirs = hints(command), hints(method)
    for keyword, parameter in shared(name).items():
        if parameter in EXAMINED:
            continue
        if parameter in PAIRS:
            assert alternatives(ours[parameter]) == {list[str], type(None)}
            assert keyword == "parameters" or Mapping in map(get_origin, alternatives(theirs[keyword]))
            continue
        given = alternatives(ours[parameter]) - ({type(None)} if keyword in LEFT_OUT.get(name, ()) else set())
        assert given <= alternatives(theirs[keyword]), keyword


@pytest.mark.parametrize(
    ("method", "choices"),
    [
        (Study.extract, Extraction),
        (Study.estimate, Extraction),
        (Study.significance, Resampling),
        (Study.probe, Probing),
        (Study.render, Rendering),
        (Study.compare, Comparing),
    ],
)
def test_a_method_has_the_fields_of_its_options(method: Callable[..., Any], choices: type) -> None:
    theirs, types_of_fields = hints(method), hints(choices)
    of_the_selection = {"set"} | ({"model", "scheme"} if choices is not Extraction else set())
    of_files = {
        Rendering: {"weights", "as_set", "output", "title", "width", "dpi"},
        Probing: {"test_on", "figure", "text", "save_bank"},
        Comparing: {"categories", "figure", "text"},
    }
    beside = of_the_selection | of_files.get(choices, set())
    assert keywords(method) - beside == {field.name for field in fields(choices)}
    for field in fields(choices):
        assert defaults(method)[field.name] == field.default, field.name
        assert without_choices(theirs[field.name]) == without_choices(types_of_fields[field.name]), field.name


def test_an_estimate_takes_what_an_extraction_takes() -> None:
    ours, theirs = (inspect.signature(method).parameters for method in (Study.estimate, Study.extract))
    assert list(ours.items()) == list(theirs.items())


def test_a_replication_has_the_parameters_of_its_query() -> None:
    declared = {parameter.name: parameter for parameter in shipped_query("replication/layers").parameters}
    of_the_call = {"reference", "map", "filters", "set", "model", "scheme", "figure"}
    assert keywords(Study.replicate) - of_the_call == declared.keys()
    for name, parameter in declared.items():
        kind = without_choices(hints(Study.replicate)[name])
        assert kind == {SQL_TYPES[parameter.type], type(None)}, name
        assert defaults(Study.replicate)[name] is None, name  # so that the query's header alone has a default
    assert choices_of(hints(Study.replicate)["statistic"]) == set(declared["statistic"].choices)
    assert choices_of(hints(Study.replicate)["normalise"]) == set(declared["normalise"].choices)


def test_the_help_of_a_replication_says_the_defaults_of_its_query() -> None:
    declared = {parameter.name: parameter for parameter in shipped_query("replication/layers").parameters}
    found: Any = typer.main.get_command(app)
    said = {parameter.name: parameter.help for parameter in found.commands["replicate"].params}
    for name in ("statistic", "normalise", "threshold", "count"):
        assert said[name].endswith(f"Default: {declared[name].default}."), name


def test_names_of_queries_complete_and_are_those_of_the_files() -> None:
    assert list(get_args(completed.QueryName)) == query_names()
    written = Path(completed.__file__).read_text(encoding="utf-8")
    assert written == query_name_module(query_names()), "run make reference"
    for method in (Study.query, Study.plot, Study.answer, Study.figure, Study.describe):
        assert {completed.QueryName, str} <= alternatives(hints(method)["query"])


def test_the_other_functions_have_the_names_of_their_commands() -> None:
    assert {name for name, _ in options("doctor")} - {"format", "quiet"} == keywords(examine_setup)
    assert keywords(examine_graph) == {"path", "size"}
