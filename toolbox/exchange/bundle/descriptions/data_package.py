"""`datapackage.json`: the bundle as a Frictionless Data Package, with a data dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolbox.exchange.bundle.credits import LICENCES, Credits
from toolbox.exchange.bundle.descriptions.described import Described, columns_of
from toolbox.exchange.bundle.dictionary import TABLE_MEANINGS
from toolbox.exchange.bundle.layout import BUNDLE_TABLES
from toolbox.exchange.bundle.parquet_files import WrittenTable
from toolbox.terms import STIMULUS_COLUMNS

_TYPES = {
    "string": "string",
    "int32": "integer",
    "int64": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
}


def data_package(described: Described) -> dict[str, Any]:
    """The descriptor of a Data Package.

    Args:
        described: the bundle.
    """
    digests = {file.name: file.sha256 for file in described.files}
    return {
        "name": described.name,
        "id": described.record["digest"],
        "title": described.title,
        "description": described.summary,
        "version": str(described.record["format"]),
        "created": f"{described.date}T00:00:00Z",
        **_stated(described.credits),
        "keywords": ["category selectivity", "convolutional neural network", "vision science", "tuning"],
        "resources": [_resource(table, digests) for table in described.tables],
    }


def _stated(stated: Credits) -> dict[str, Any]:
    """Licence and authors, as far as they are stated."""
    licence = {"name": stated.licence} if stated.licence in LICENCES else {}
    people = [
        {"title": each.full_name, "role": "author"} | ({"path": each.address} if each.orcid else {})
        for each in stated.authors
    ]
    return {
        **({"licenses": [{**licence, "path": stated.licence_address}]} if stated.licence else {}),
        **({"contributors": people} if people else {}),
    }


def _resource(table: WrittenTable, digests: Mapping[str, str]) -> dict[str, Any]:
    """A table. Without `bytes`: of Parquet, programs read another number than that of the file."""
    key = BUNDLE_TABLES[table.name].order
    return {
        "name": table.file.removesuffix(".parquet"),
        "title": TABLE_MEANINGS[table.name],
        "path": table.file,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "hash": f"sha256:{digests[table.file]}",
        "schema": {
            "fields": [
                {"name": name, "type": _type(table, name, kind), "description": text}
                for name, kind, text in columns_of(table)
            ],
            **({"primaryKey": [*key]} if table.name in ("stimuli", "properties", "labels", "layers") else {}),
        },
    }


def _type(table: WrittenTable, column: str, kind: str) -> str:
    """The type of a field. Whole numbers that may be null are numbers: pandas makes fractions of them, to have NaN."""
    may_be_null = table.name == "stimuli" and column not in STIMULUS_COLUMNS and column != "set"
    return "number" if may_be_null and _TYPES[kind] == "integer" else _TYPES[kind]
