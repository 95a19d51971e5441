"""`README.md` of a bundle: what it is, how to read it in four languages, and what every column means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from toolbox.exchange.bundle.credits import Credits
from toolbox.exchange.bundle.descriptions.described import Described, columns_of
from toolbox.exchange.bundle.descriptions.snippets import SNIPPETS, WARNINGS
from toolbox.exchange.bundle.dictionary import TABLE_MEANINGS
from toolbox.exchange.bundle.layout import METHODS, REPORT
from toolbox.exchange.bundle.parquet_files import WrittenTable

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|&])")


def readme(described: Described) -> str:
    """The text of the page.

    Args:
        described: the bundle, with all files that the page names.
    """
    return "\n".join([*_lines(described), ""])


def _lines(described: Described) -> Iterator[str]:
    record = described.record
    yield from (f"# {escaped(described.title)}", "")
    yield "How selective the filters of convolutional networks are for categories of images. The tables are"
    yield "Parquet files that many programs read."
    yield ""
    yield from (f"- {escaped(count)}" for count in described.counts)
    yield f"- includes {', '.join(record['includes'])}"
    yield f"- written by the {escaped(record['tool'])}; digest of the content `{record['digest']}`"
    yield from _withheld(record)
    yield from ("", "## Files", "", "| file | content |", "| --- | --- |")
    listed = [file for file in described.files if not file.name.startswith("image-")]
    yield from (f"| `{file.name}` | {escaped(file.description)} |" for file in listed)
    if copies := len(described.files) - len(listed):
        yield f"| `image-….…` | Copies of {copies:,} images, each with the first digits of its SHA-256 in its name |"
    yield "| `README.md`, `CITATION.cff` | This page; how to cite |"
    yield "| `datapackage.json`, `croissant.json`, `ro-crate-metadata.json` | The same for programs |"
    yield "| `SHA256SUMS` | Digests of all files; verify them with: `sha256sum -c SHA256SUMS` |"
    yield from ("", *_reading(described))
    yield from ("", *_dictionary(described))
    yield from ("", *_conditions(described))


def _withheld(record: Mapping[str, object]) -> Iterator[str]:
    withheld, replaced = record["withheld"], record["replaced"]
    assert isinstance(withheld, dict) and isinstance(replaced, dict)
    if withheld["cells"]:
        yield (
            f"- withheld: {withheld['cells']} cells, and the labels and list entries of {withheld['stimuli']} stimuli, "
            f"so that no sum is over fewer than {withheld['minimum_n']} stimuli. Indices compare a category with the "
            "others that are here"
        )
    if not replaced["keep_names"]:
        yield "- names of users, computers and observers, and absolute paths, were replaced"


def _reading(described: Described) -> Iterator[str]:
    yield from (
        "## Read the tables",
        "",
        "A roll-up has, for every filter, category and statistic of the activation map, the number of stimuli and",
        "the sum, squared deviations, minimum and maximum of the responses. Every index from moments follows. Each",
        "of these examples computes the response contrast: the mean normalised response to a category minus that to",
        "all other stimuli, with responses normalised to the range of the filter.",
    )
    names = described.record["in_use"]
    for title, (language, code) in SNIPPETS.items():
        yield from (
            "",
            f"### {title}",
            "",
            *((WARNINGS[title], "") if title in WARNINGS else ()),
            f"```{language}",
        )
        yield from _filled(code, language, names).strip().splitlines()
        yield "```"
    yield from (
        "",
        "`views.sql` has views over the files, of the set, model and scheme above; others are chosen with",
        "`set variable model = '…'` before a query. `queries.sql` has the queries of the toolbox as views, with their",
        "explanations. Their parameters are variables too.",
    )


def _filled(code: str, language: str, names: Mapping[str, str]) -> str:
    """A snippet with the names of set, model and scheme as texts of its language."""
    for key in ("set", "model", "scheme"):
        code = code.replace(f"<{key}>", _quoted(names.get(key, ""), language))
    return code


def _quoted(text: str, language: str) -> str:
    return (
        '"' + text.replace('"', '""') + '"' if language == "matlab" else json.dumps(text, ensure_ascii=False)
    )


def _dictionary(described: Described) -> Iterator[str]:
    yield "## Tables and columns"
    for name in dict.fromkeys(table.name for table in described.tables):
        tables = [table for table in described.tables if table.name == name]
        files = ", ".join(f"`{table.file}` ({table.rows:,} rows)" for table in tables)
        yield from ("", f"### {name}", "", f"{TABLE_MEANINGS[name]}. {files}", "")
        yield from ("| column | type | meaning |", "| --- | --- | --- |")
        yield from (
            f"| {escaped(column)} | {kind} | {escaped(text)} |" for column, kind, text in _columns(tables)
        )


def _columns(tables: list[WrittenTable]) -> list[tuple[str, str, str]]:
    """The columns of tables of one kind, each once."""
    return [*dict.fromkeys(column for table in tables for column in columns_of(table))]


def _conditions(described: Described) -> Iterator[str]:
    files = {file.name for file in described.files}
    yield from ("## Conditions", "")
    yield from _stated(described.credits)
    if "images" in described.record["includes"]:
        yield "The images are copies; whoever made them may have rights to them, and some show people."
    else:
        yield "The images are not part of it; `stimuli-….parquet` has the SHA-256 of each, which identifies a copy."
    yield "How to cite: `CITATION.cff`."
    if METHODS in files:
        shown = f", and `{REPORT}` shows them" if REPORT in files else ""
        yield f"`{METHODS}` describes how the results were obtained{shown}."


def _stated(stated: Credits) -> Iterator[str]:
    """Whose the results are, and what others may do with them."""
    if stated.authors:
        people = (
            f"{each.full_name} ({each.address})" if each.orcid else each.full_name for each in stated.authors
        )
        are = "authors are" if len(stated.authors) > 1 else "author is"
        yield f"The {are} {escaped('; '.join(people))}."
    if stated.licence:
        place = f" (<{stated.licence_address}>)" if stated.licence != stated.licence_address else ""
        yield f"The licence of these results is {escaped(stated.licence)}{place}."
    else:
        yield "The owners of the study state no licence here; ask them before you publish these results further."


def escaped(text: object) -> str:
    """A text in which nothing is a mark of Markdown, whatever the names in it."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))
