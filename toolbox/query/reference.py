"""The reference of all queries as Markdown, from their headers. Owns its form; what it says stands in `queries/`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby, takewhile
from pathlib import Path

from toolbox.content import content_folder
from toolbox.errors import CardError
from toolbox.query.header import Parameter, Query, query_names, shipped_query
from toolbox.query.indices import QUANTITIES, Index, index_names, shipped_indices

_INTRODUCTION = """# Queries

Every query is run by its name, `toolbox query layers/profile` or `study.query("layers/profile")`, and those that have a
figure are drawn by `toolbox plot layers/profile`. A parameter is an option of
the command, `--threshold 0.05`, and a keyword in Python, `threshold=0.05`.

This page is made of the headers of the `.sql` files by `make reference`: to change it, change them.
"""
_INDICES = """## indices

An index measures how far a filter prefers a category. Each is a file in `queries/indices/` with one SQL expression.
Every query with a parameter `$index` takes it, and `toolbox significance --index` resamples it. A new index is a new
file. An expression is written in quantities of one filter and one category (families `moments` and `ranks`), or of one
filter (family `filter`). Responses are normalised (equation 1) by the range of the filter, or with
$normalise = 'layer' by that of its layer. All indices of a dead filter, which responds equally to every stimulus, are
null.

"Notices" says which wrong labels lower the index for a category with 2 % of the stimuli. This was measured on
simulated filters with d' = 3;
selectivity/sanity measures it on the filters of a study.
"""
_FORMULAS = """## formulas

Formulas that several queries share, as macros of SQL; a query of your own may use them too. An argument that is none of
those named is an error, never a default.
"""
_INDENTED = "    "
"""What a formula begins with, in a comment as in Markdown."""
_MACRO = re.compile(r"((?:^--.*\n)+)create\s+macro\s+(\w+)\s*\(([^)]*)\)", re.MULTILINE | re.IGNORECASE)


def query_reference(figures: Collection[str] = ()) -> str:
    """What every shipped query and formula means, takes and returns, stage by stage, as Markdown.

    Args:
        figures: names of the queries that have a figure.

    Raises: CardError when a header breaks its contract, or `queries/stages.toml` says nothing of a folder.
    """
    told = stages(query_names(), stage_sentences())
    blocks = [_INTRODUCTION, _contents(told)]
    for stage, (sentence, names) in told.items():
        blocks.append(f"## {stage}\n\n{sentence}\n")
        blocks += [section(shipped_query(name), name in figures) for name in names]
    return "\n".join([*blocks, *_indices(), *_formulas()])


def stages(names: Iterable[str], stage_sentences: Mapping[str, str]) -> dict[str, tuple[str, list[str]]]:
    """What each folder is, and the names of its queries, in the order of the sentences.

    Args:
        names: of all queries, in alphabetical order.
        stage_sentences: folder -> what it is.

    Raises: CardError when a folder has none.
    """
    grouped = {stage: list(members) for stage, members in groupby(names, lambda name: name.split("/")[0])}
    for stage in grouped:
        if stage not in stage_sentences:
            raise CardError(
                f'queries/stages.toml says nothing of {stage}/; add a line such as {stage} = "What its queries tell."'
            )
    return {
        stage: (sentence, grouped[stage]) for stage, sentence in stage_sentences.items() if stage in grouped
    }


def stage_sentences() -> dict[str, str]:
    """What `queries/stages.toml` says of the folders, in the order of an analysis."""
    return tomllib.loads((content_folder("queries") / "stages.toml").read_text(encoding="utf-8"))


def _contents(told: Mapping[str, tuple[str, list[str]]]) -> str:
    """The queries of each stage, and the formulas, as links to their headings."""
    lines = [f"- {stage}: {', '.join(map(_link, names))}" for stage, (_, names) in told.items()]
    return "\n".join(
        [
            *lines,
            f"- [indices](#indices): {', '.join(map(_link, index_names()))}",
            "- [formulas](#formulas)",
            "",
        ]
    )


def _link(name: str) -> str:
    return f"[{name}](#{name.replace('/', '')})"


def section(query: Query, has_figure: bool = False) -> str:
    """One query: title, text, source, where it is, parameters and columns.

    Args:
        query: with its header.
        has_figure: whether `toolbox plot` draws it.
    """
    lines = query.header.splitlines()[1:]
    text = takewhile(
        lambda line: not line.startswith("Source:") and line not in ("Parameters", "Columns"), lines
    )
    figure = f"; figure: `toolbox plot {query.name}`" if has_figure else ""
    parameters = [
        (f"`${one.name}`", one.type, _default(one), _choices(one), prose(one.description))
        for one in query.parameters
    ]
    columns = [(f"`{one.name}`", one.type, prose(one.description)) for one in query.columns]
    parts = [
        f"### {query.name}",
        f"**{query.title}.**",
        paragraphs(text),
        f"Source: {prose(query.source)}" if query.source else "",
        f"File: [{query.name}.sql]({query.name}.sql){figure}.",
        _table(("parameter", "type", "default", "choices", "meaning"), parameters),
        _table(("column", "type", "meaning"), columns),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _default(parameter: Parameter) -> str:
    """The default as it stands in SQL."""
    if parameter.required:
        return "must be given"
    value = parameter.default
    if isinstance(value, str):
        return f"`'{value}'`"
    return "`null`" if value is None else f"`{str(value).lower()}`"


def _choices(parameter: Parameter) -> str:
    if parameter.listed_in:
        return f"those in `{'.'.join(parameter.listed_in)}`"
    if parameter.bounds:
        return str(parameter.bounds)
    return ", ".join(f"`{choice}`" for choice in parameter.choices)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; a query without parameters has none of them."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [heads, ["---"] * len(heads), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) if cells else ""


def paragraphs(lines: Iterable[str]) -> str:
    """The text of a comment: prose as it is broken into lines, formulas as blocks of their own."""
    blocks = []
    for kind, block in groupby(
        lines, lambda line: _INDENTED if line.startswith(_INDENTED) else bool(line.strip())
    ):
        text = "\n".join(block)
        if kind:
            blocks.append(text if kind == _INDENTED else prose(text))
    return "\n\n".join(blocks)


def prose(text: str) -> str:
    """Text that Markdown shows as it was meant: $names as code, no accidental emphasis or list, links for citations."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [_plain(part) for part in parts[::2]]
    return "".join(parts)


def _plain(text: str) -> str:
    """What stands between pieces of code."""
    text = re.sub(r"[*<](?=\S)|^[-+#>](?= )", r"\\\g<0>", text, flags=re.MULTILINE)
    text = re.sub(r"\$\w+( = ('[^']*'|[\d.]*\d))?", r"`\g<0>`", text)
    text = re.sub(r"\b10\.\d{4,}/[^\s,;]*\w", r"[\g<0>](https://doi.org/\g<0>)", text)
    return re.sub(r"\barXiv:(\d{4}\.\d+)", r"[\g<0>](https://arxiv.org/abs/\1)", text)


def _indices() -> Iterator[str]:
    """The quantities in which indices are written, and every index."""
    yield prose(_INDICES)
    for family, quantities in QUANTITIES.items():
        yield (
            _table(
                (f"family `{family}`", "meaning"), [(f"`{name}`", text) for name, text in quantities.items()]
            )
            + "\n"
        )
    yield from map(_index_section, shipped_indices().values())


def _index_section(index: Index) -> str:
    """One index: title, text, source, and what its file says of its values."""
    threshold = f"`{index.threshold[0]}`: {index.threshold[1]}"
    rows = [
        ("family", f"`{index.family}`"),
        ("formula", f"`{index.formula}`"),
        ("SQL", f"`{' '.join(index.expression.split())}`"),
        ("range", index.range),
        ("chance", f"`{index.chance}`"),
        ("suitable threshold", threshold),
        ("null without", index.needs),
        ("notices", index.sanity),
    ]
    parts = [
        f"### {index.name}",
        f"**{index.title[:1].upper()}{index.title[1:]}.**",
        prose(index.description),
        f"Source: {prose(index.source)}",
        f"File: [indices/{index.name}.sql](indices/{index.name}.sql).",
        _table(("", ""), rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _formulas() -> Iterator[str]:
    """Every macro with its comment, file by file."""
    yield _FORMULAS
    for path in sorted((content_folder("queries") / "macros").glob("*.sql")):
        yield from _formulas_of_file(path)


def _formulas_of_file(path: Path) -> Iterator[str]:
    """The macros of a file under their names; the file's first line is its title."""
    text = path.read_text(encoding="utf-8")
    title = _without_comment_sign(text.splitlines()[0]).rstrip(".")
    yield f"**{title}** ([macros/{path.name}](macros/{path.name})).\n"
    for comment, name, arguments in _MACRO.findall(text):
        lines = [_without_comment_sign(line) for line in comment.splitlines()]
        first = re.sub(rf"^{name}\([^)]*\):\s*", "", lines[0])
        told = paragraphs([first[:1].upper() + first[1:], *lines[1:]])
        yield f"### {name}({' '.join(arguments.split())})\n\n{told}\n"


def _without_comment_sign(line: str) -> str:
    return line.removeprefix("--").removeprefix(" ")
