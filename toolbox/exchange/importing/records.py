"""`bundle.json` and `extractions.json` as they should be. Owns what is refused of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbox.exchange.bundle.layout import BUNDLE, BUNDLE_TABLES, EXTRACTIONS, FORMAT, INCLUDED
from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.exchange.importing.json_files import entry, numbers, read_limited_json, texts
from toolbox.exchange.importing.naming import checked_layer, checked_name
from toolbox.printing import is_printable
from toolbox.store.plan import Identity
from toolbox.terms import PRECISIONS

DIGEST = re.compile("[0-9a-f]{64}")
LONGEST_TEXT = 4096
"""Characters of a name or a category."""


@dataclass(frozen=True)
class TableRecord:
    """What `bundle.json` states of a table.

    Attributes:
        name: of the table.
        file: its file.
        rows: their number.
        columns: name -> type.
        set: the stimulus set, where the table is of one.
        variables: column -> name of the stimulus variable, where it was changed.
    """

    name: str
    file: str
    rows: int
    columns: dict[str, str]
    set: str | None
    variables: dict[str, str]


@dataclass(frozen=True)
class BundleRecord:
    """The content of `bundle.json`."""

    title: str
    digest: str
    tool: str
    includes: tuple[str, ...]
    in_use: dict[str, str]
    withheld: int
    tables: tuple[TableRecord, ...]
    models: dict[str, dict[str, str]]
    images: dict[str, str]
    authors: tuple[dict[str, str], ...] = ()
    licence: str = ""

    @property
    def origin(self) -> str:
        """What says of results where they come from: the title, and the first digits of the digest."""
        return f"{self.title} {self.digest[:8]}"

    def tables_named(self, name: str) -> list[TableRecord]:
        """The tables of a name."""
        return [table for table in self.tables if table.name == name]

    @property
    def sets(self) -> list[str]:
        """The stimulus sets."""
        return [table.set for table in self.tables_named("stimuli") if table.set is not None]


@dataclass(frozen=True)
class PartRecord:
    """A part of responses: its stimuli, and its commit record without places; None for one that does not count."""

    stimuli: tuple[int, ...]
    record: dict[str, Any] | None


@dataclass(frozen=True)
class ExtractionRecord:
    """What `extractions.json` states of the responses of one model to one set.

    Attributes:
        sources: as the parts of `AvailableResponses`; empty where cells are withheld.
        rollups: label scheme -> number of rows of its roll-up.
        labels: label scheme -> digest of its labels.
        parts: None where there are only roll-ups.
    """

    set: str
    model: str
    identity: Identity
    digest: str
    created: str
    stimuli: int
    presented: tuple[tuple[int, int], ...] | None
    unreadable: tuple[int, ...]
    weights: tuple[str, ...]
    provider: tuple[str, ...]
    response_rows: int
    sources: dict[str, str]
    rollups: dict[str, int]
    labels: dict[str, str]
    parts: tuple[PartRecord, ...] | None

    @property
    def names(self) -> tuple[str, str]:
        """Set and model."""
        return self.set, self.model


def read_bundle_record(folder: Path) -> BundleRecord:
    """The record of a bundle.

    Args:
        folder: with the files of the bundle.

    Raises: BundleError.
    """
    record = read_limited_json(folder / BUNDLE)
    version = record.get("format")
    if version != FORMAT or isinstance(version, bool):
        remedy = "read it with a version of the toolbox that knows this format, or ask for the bundle again"
        refuse(BUNDLE, f"has format = {shortened(version)}; expected {FORMAT}", remedy)
    tables = tuple(_table(table) for table in entry(BUNDLE, record, "tables", list))
    withheld = entry(BUNDLE, record, "withheld", dict)
    return BundleRecord(
        title=_text(BUNDLE, "title", record.get("title")),
        digest=_digest(BUNDLE, "digest", record.get("digest")),
        tool=_text(BUNDLE, "tool", record.get("tool")),
        includes=_includes(record),
        in_use=_name_table("in_use", entry(BUNDLE, record, "in_use", dict)),
        withheld=entry(BUNDLE, withheld, "cells", int),
        tables=tables,
        models=_models(entry(BUNDLE, record, "models", dict)),
        images=_images(entry(BUNDLE, record, "images", dict)),
        authors=tuple(map(_author, entry(BUNDLE, {"authors": [], **record}, "authors", list))),
        licence=_text(BUNDLE, "licence", record.get("licence", "")),
    )


def _author(author: object) -> dict[str, str]:
    if not isinstance(author, dict) or not {"name"} <= author.keys() <= {"name", "given", "orcid"}:
        refuse(BUNDLE, f"has the author {shortened(author)}; expected a table of JSON with a name")
    return _name_table("authors", author)


def _includes(record: Mapping[str, Any]) -> tuple[str, ...]:
    includes = texts(BUNDLE, "includes", record.get("includes"))
    if unknown := [name for name in includes if name not in (*INCLUDED, "images")]:
        refuse(BUNDLE, f"includes {shortened(unknown[0])}; expected {', '.join(INCLUDED)}, images")
    return includes


def _table(table: object) -> TableRecord:
    if not isinstance(table, dict):
        refuse(BUNDLE, f"has the table {shortened(table)}; expected a table of JSON")
    name, file = entry(BUNDLE, table, "name", str), entry(BUNDLE, table, "file", str)
    if name not in BUNDLE_TABLES:
        refuse(BUNDLE, f"has a table {shortened(name)}; expected one of {', '.join(BUNDLE_TABLES)}")
    rows = entry(BUNDLE, table, "rows", int)
    if not 0 <= rows < 2**40:
        refuse(BUNDLE, f"states {shortened(rows)} rows of {name}; expected a number of rows")
    columns, variables = dict[str, str](), dict[str, str]()
    for column in entry(BUNDLE, table, "columns", list):
        if not isinstance(column, dict):
            refuse(BUNDLE, f"has the column {shortened(column)} of {name}; expected a table of JSON")
        title = _text(BUNDLE, "the name of a column", column.get("name"))
        columns[title] = entry(BUNDLE, column, "type", str)
        if "variable" in column:
            variables[title] = _text(BUNDLE, "variable", column["variable"])
    set_name = checked_name(BUNDLE, "stimulus set", table["set"]) if "set" in table else None
    if BUNDLE_TABLES[name].is_of_a_set != (set_name is not None):
        refuse(BUNDLE, f"has set = {shortened(set_name)} of the table {name}")
    return TableRecord(name, file, rows, columns, set_name, variables)


def _models(models: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found = {}
    for model, files in models.items():
        if not isinstance(files, dict) or not all(isinstance(file, str) for file in files.values()):
            refuse(BUNDLE, f"has {shortened(files)} of the model {shortened(model)}; expected its files")
        found[checked_name(BUNDLE, "model", model)] = dict(files)
    return found


def _images(images: Mapping[str, Any]) -> dict[str, str]:
    for digest, file in images.items():
        if not DIGEST.fullmatch(digest) or not isinstance(file, str):
            refuse(
                BUNDLE,
                f"has the image {shortened(file)} of {shortened(digest)}; expected a file by its sha256",
            )
    return dict(images)


def _name_table(name: str, table: Mapping[str, Any]) -> dict[str, str]:
    return {_text(BUNDLE, name, key): _text(BUNDLE, name, value) for key, value in table.items()}


def read_extraction_records(folder: Path) -> list[ExtractionRecord]:
    """The records of the extractions of a bundle.

    Args:
        folder: with the files of the bundle.

    Raises: BundleError.
    """
    record = read_limited_json(folder / EXTRACTIONS)
    labels = entry(EXTRACTIONS, record, "labels", dict)
    found = [_extraction(each, labels) for each in entry(EXTRACTIONS, record, "extractions", list)]
    if len({each.names for each in found}) != len(found):
        refuse(EXTRACTIONS, "has two entries of one set and model")
    if not found:
        refuse(EXTRACTIONS, "has no entry; expected one of a set and a model")
    return found


def _extraction(each: object, labels: Mapping[str, Any]) -> ExtractionRecord:
    if not isinstance(each, dict):
        refuse(EXTRACTIONS, f"has the entry {shortened(each)}; expected a table of JSON")
    set_name = checked_name(EXTRACTIONS, "stimulus set", each.get("set"))
    model = checked_name(EXTRACTIONS, "model", each.get("model"))
    of_set = entry(EXTRACTIONS, labels, set_name, dict)
    rollups = entry(EXTRACTIONS, each, "rollups", dict)
    schemes = {checked_name(EXTRACTIONS, "label scheme", scheme) for scheme in rollups}
    for scheme in schemes:
        of_rollup = entry(EXTRACTIONS, rollups, scheme, dict)
        if of_rollup.get("labels") != of_set.get(scheme):
            refuse(EXTRACTIONS, f"has a roll-up of {set_name} of other labels than those of {scheme}")
    return ExtractionRecord(
        set=set_name,
        model=model,
        identity=_identity(model, entry(EXTRACTIONS, each, "identity", dict)),
        digest=_digest(EXTRACTIONS, "digest", each.get("digest")),
        created=_text(EXTRACTIONS, "created", each.get("created")),
        stimuli=entry(EXTRACTIONS, each, "stimuli", int),
        presented=_ranges(each.get("presented")),
        unreadable=numbers(EXTRACTIONS, "unreadable", each.get("unreadable")),
        weights=texts(EXTRACTIONS, "weights", each.get("weights")),
        provider=texts(EXTRACTIONS, "provider", each.get("provider")),
        response_rows=entry(EXTRACTIONS, {"response_rows": 0, **each}, "response_rows", int),
        sources=_sources(entry(EXTRACTIONS, {"sources": {}, **each}, "sources", dict)),
        rollups={scheme: entry(EXTRACTIONS, rollups[scheme], "rows", int) for scheme in sorted(schemes)},
        labels={
            scheme: _digest(EXTRACTIONS, f"labels of {scheme}", of_set.get(scheme))
            for scheme in {**of_set, **rollups}
        },
        parts=tuple(map(_part, entry(EXTRACTIONS, each, "parts", list))) if "parts" in each else None,
    )


def _identity(model: str, given: Mapping[str, Any]) -> Identity:
    layers = entry(EXTRACTIONS, given, "layers", dict)
    for layer, digest in layers.items():
        checked_layer(EXTRACTIONS, layer)
        _digest(EXTRACTIONS, f"the digest of {shortened(layer)}", digest)
    tapped = texts(EXTRACTIONS, "tapped", given.get("tapped"))
    if not layers or not {*tapped} <= layers.keys():
        refuse(EXTRACTIONS, f"has recorded layers {shortened(list(tapped))} that the network {model} lacks")
    if given.get("model") != model:
        refuse(EXTRACTIONS, f"has responses of {shortened(given.get('model'))} as those of {model}")
    precision = entry(EXTRACTIONS, given, "precision", str)
    if precision not in PRECISIONS:
        refuse(
            EXTRACTIONS, f"has precision = {shortened(precision)}; expected one of {', '.join(PRECISIONS)}"
        )
    statistics = entry(EXTRACTIONS, given, "statistics", str)
    if statistics != Identity(model, layers).statistics:
        refuse(EXTRACTIONS, f"has the statistics {shortened(statistics)}; expected maximum, mean")
    return Identity(model, dict(layers), tapped, precision, statistics)


def _ranges(given: object) -> tuple[tuple[int, int], ...] | None:
    if given is None:
        return None
    if not isinstance(given, list) or not all(_is_range(pair) for pair in given):
        refuse(EXTRACTIONS, f"has presented = {shortened(given)}; expected ranges of numbers of stimuli")
    return tuple((first, last) for first, last in given)


def _is_range(pair: object) -> bool:
    is_pair = isinstance(pair, list) and len(pair) == 2 and all(type(each) is int for each in pair)
    return is_pair and 0 <= pair[0] <= pair[1] < 2**31  # type: ignore[index]


def _sources(sources: Mapping[str, Any]) -> dict[str, str]:
    for part, text in sources.items():
        if not re.fullmatch("[0-9]{1,6}", part) or not isinstance(text, str) or len(text) > 200:
            refuse(
                EXTRACTIONS,
                f"has the source {shortened(text)} of part {shortened(part)}; expected two digests",
            )
    return dict(sources)


def _part(part: object) -> PartRecord:
    if not isinstance(part, dict):
        refuse(EXTRACTIONS, f"has the part {shortened(part)}; expected a table of JSON")
    record = part.get("record")
    if record is not None and not isinstance(record, dict):
        refuse(EXTRACTIONS, f"has the record {shortened(record)} of a part; expected a table of JSON")
    return PartRecord(numbers(EXTRACTIONS, "stimuli of a part", part.get("stimuli")), record)


def _text(file: str, name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not is_printable(value):
        refuse(file, f"has {name} = {shortened(value)}; expected a text of one line")
    return value


def _digest(file: str, name: str, value: object) -> str:
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        refuse(file, f"has {name} = {shortened(value)}; expected a sha256")
    return value
