"""What the Tab key offers: names of queries, sets, networks, layers and so on. Owns their lists; changes nothing.

Typer calls these functions with the words before; what does not begin as the unfinished word is left out by it. A study
that cannot be read offers nothing, since an error in the middle of a line would help nobody.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import environ
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from typer import Context

from toolbox.cli import network_options, options, picture_options
from toolbox.content import card_names, shipped_names
from toolbox.errors import ToolboxError
from toolbox.query.indices import RESAMPLED, index_names
from toolbox.terms import CONVOLUTIONS, DECODINGS, PRECISIONS, RANGES, STATISTICS

if TYPE_CHECKING:
    from toolbox.query.header import Parameter
    from toolbox.store.folder import StudyFolder

Offers = list[str] | list[tuple[str, str]]
HELP_WIDTH = 60
"""Of what a shell shows beside a name; a second line would be taken for a name."""
Completion = Callable[[Context], Offers]


def one_of(*names: str) -> Completion:
    """A completion that always offers the same names."""
    return lambda ctx: list(names)  # noqa: ARG005


def offers(listing: Callable[[Context], Iterable[str]]) -> Completion:
    """A completion of the names that a function lists; of none where it fails."""

    def offered(ctx: Context) -> Offers:
        with contextlib.suppress(ToolboxError, OSError):
            return [_as_typed(name) for name in dict.fromkeys(listing(ctx))]
        return []

    return offered


def queries(ctx: Context) -> Offers:
    """Names of queries with their titles; with --describe, those of indices too."""
    from toolbox.query.header import query_names, shipped_query

    with contextlib.suppress(ToolboxError, OSError):
        titles = [(name, shorten(shipped_query(name).title, HELP_WIDTH)) for name in query_names()]
        return [*titles, *((name, "index") for name in index_names() if ctx.params.get("describe"))]
    return []


@offers
def sets(ctx: Context) -> Iterable[str]:
    """Names of the stimulus sets of the study."""
    return _study(ctx).sets()


@offers
def schemes(ctx: Context) -> Iterable[str]:
    """Names of the label schemes of the set, or of all sets."""
    study = _study(ctx)
    return (scheme for each in _chosen_sets(ctx, study) for scheme in study.schemes(each))


@offers
def models(ctx: Context) -> Iterable[str]:
    """Names of the networks with responses to the set, or to any set."""
    study = _study(ctx)
    return (model for each in _chosen_sets(ctx, study) for model in study.models(each))


@offers
def networks(ctx: Context) -> Iterable[str]:  # noqa: ARG001
    """Names of all networks."""
    return card_names("models")


@offers
def layers(ctx: Context) -> Iterable[str]:
    """Names of the layers of the network that the command is about."""
    from toolbox.network.card import network

    return (
        layer.name for layer in network(ctx.params.get("model") or ctx.params.get("name") or "vgg16").layers
    )


@offers
def layers_of_study(ctx: Context) -> Iterable[str]:
    """Names of the layers of the chosen network, or of all networks of the study."""
    return _column(ctx, "layer")


@offers
def categories(ctx: Context) -> Iterable[str]:
    """Categories of the chosen set and scheme, or of all of them."""
    return _column(ctx, "category")


def _column(ctx: Context, column: str) -> Iterator[str]:
    """The names in a column of the tables of the study that the command is about."""
    from toolbox.store.parquet import read_table

    for table in dict.fromkeys(_tables(ctx, _study(ctx), column)):
        yield from dict.fromkeys(filter(None, read_table(table, column)[column].to_pylist()))


@offers
def sources(ctx: Context) -> Iterable[str]:  # noqa: ARG001
    """Names of the sets that ship with the toolbox, and folders."""
    folders = (f"{entry.name}/" for entry in Path().iterdir() if entry.is_dir() and entry.name[0] != ".")
    return (*shipped_names("datasets"), *sorted(folders))


@offers
def indices(ctx: Context) -> Iterable[str]:  # noqa: ARG001
    """Names of the indices that can be resampled."""
    return index_names(*RESAMPLED)


def parameters(ctx: Context, incomplete: str) -> Offers:
    """`name=` for every parameter of the query, and `name=value` once the name is written.

    Args:
        ctx: of the words before.
        incomplete: what is written of the pair.
    """
    from toolbox.query.header import shipped_query

    with contextlib.suppress(ToolboxError, OSError, KeyError):
        declared = {each.name: each for each in shipped_query(str(ctx.params.get("query"))).parameters}
        before = _name_before(ctx.params.get("param") or [])
        name, equals, _ = incomplete.partition("=")
        if before:
            return [_as_typed(value) for value in values(ctx, declared[before])]
        if equals:
            return [_as_typed(f"{name}={value}") for value in values(ctx, declared[name])]
        return [(f"{each.name}=", shorten(each.description, HELP_WIDTH)) for each in declared.values()]
    return []


def _name_before(words: Sequence[str]) -> str:
    """The parameter whose value is being written, where the shell, as bash does, takes `=` for a word of its own."""
    pairs = " ".join(words).replace(" = ", "=").replace(" =", "=")
    name, equals, value = (pairs.split() or [""])[-1].partition("=")
    return "" if equals and value else name


def values(ctx: Context, parameter: Parameter) -> Iterator[str]:
    """The values that a parameter of a query can have, where these are names.

    Args:
        ctx: of the words before.
        parameter: of the query.
    """
    if parameter.listed_in is None:
        yield from parameter.choices
        return
    yield from _column(ctx, parameter.listed_in[1])


def _tables(ctx: Context, study: StudyFolder, column: str) -> Iterator[Path]:
    """The tables with the layers of the chosen model, or with the categories of the chosen set and scheme."""
    for each in _chosen_sets(ctx, study):
        if column == "layer":
            chosen = ctx.params.get("model") or study.models(each)
            yield from (study.layers(model) for model in ([chosen] if isinstance(chosen, str) else chosen))
        if column == "category":
            chosen = ctx.params.get("scheme")
            yield from (
                study.labels(each, scheme) for scheme in ([chosen] if chosen else study.schemes(each))
            )


def _study(ctx: Context) -> StudyFolder:
    from toolbox.store.folder import StudyFolder, check_study

    root = Path(ctx.params.get("study") or environ.get("TOOLBOX_STUDY") or "")
    check_study(root)  # the Tab key moves no study of an earlier layout over
    return StudyFolder(root)


def _chosen_sets(ctx: Context, study: StudyFolder) -> list[str]:
    chosen: Any = ctx.params.get("set")
    return [chosen] if chosen else study.sets()


def _as_typed(name: str) -> str:
    """The name as it must be written in the shell; bash, unlike the others, does not quote what it is offered."""
    in_bash = environ.get("_TOOLBOX_COMPLETE") == "complete_bash"
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", name) if in_bash else name


_COMPLETIONS: tuple[tuple[Any, Callable[..., Offers]], ...] = (
    (options.SetOption, sets),
    (options.NewSetOption, sets),
    (options.LabelledSetArgument, sets),
    (options.PresentedSetArgument, sets),
    (options.AnalysedSetArgument, sets),
    (options.SchemeOption, schemes),
    (options.ModelOption, models),
    (options.ModelsOption, models),
    (options.NetworkOption, networks),
    (network_options.NetworkArgument, networks),
    (options.LayersOption, layers),
    (options.SourceArgument, sources),
    (options.IndexOption, indices),
    (options.ReplicatedIndexOption, indices),
    (options.QueryArgument, queries),
    (picture_options.FigureArgument, queries),
    (options.ParamOption, parameters),
    (picture_options.GalleryLayersOption, layers_of_study),
    (picture_options.GalleryCategoriesOption, categories),
    (picture_options.RankingIndexOption, indices),
    (picture_options.PresentedNetworkOption, models),
    (options.DeviceOption, one_of("auto", "cpu", "cuda", "tensorrt")),
    (network_options.CheckedDeviceOption, one_of("auto", "cpu", "cuda")),
    (options.PrecisionOption, one_of(*PRECISIONS)),
    (network_options.CheckedPrecisionOption, one_of(*PRECISIONS)),
    (options.ConvolutionOption, one_of(*CONVOLUTIONS)),
    (options.DecodingOption, one_of(*DECODINGS)),
    (options.StatisticOption, one_of(*STATISTICS)),
    (options.ReplicatedStatisticOption, one_of(*STATISTICS)),
    (options.NormaliseOption, one_of(*RANGES)),
    (options.ReplicatedRangeOption, one_of(*RANGES)),
    (network_options.ActivationOption, one_of("after", "before")),
)


def complete_options() -> None:
    """Let every option and argument that takes a name offer the names."""
    for annotation, completion in _COMPLETIONS:
        (option,) = annotation.__metadata__
        option.autocompletion = completion
