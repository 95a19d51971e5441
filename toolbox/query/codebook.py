"""The codebook of a CSV file: what its columns mean, in CSV on the Web (https://www.w3.org/TR/tabular-metadata/).

The codebook of `rows.csv` is `rows.csv-metadata.json`, where programs that know this standard look for it. The meaning
of columns is that in the header of the query.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.errors import UsageError
from toolbox.query.describing import view_columns
from toolbox.query.header import Column, Query, read_columns
from toolbox.query.run import Answer
from toolbox.query.sections import read_sections
from toolbox.query.syntax import parse_select
from toolbox.store.parquet import with_version

TRUE, FALSE = "TRUE", "FALSE"
"""Texts of true and false in CSV, which R reads as well as others; `true` is a text in R."""
_CONTEXT = ["http://www.w3.org/ns/csvw", {"@language": "en"}]
_DIALECT = {
    "encoding": "utf-8", "delimiter": ",", "quoteChar": '"', "doubleQuote": True, "header": True,
    "lineTerminators": ["\n"],
}  # fmt: skip
_DATATYPES: Mapping[Any, Any] = {
    pl.String: "string",
    pl.Boolean: {"base": "boolean", "format": f"{TRUE}|{FALSE}"},
    pl.Int8: "byte",
    pl.Int16: "short",
    pl.Int32: "int",
    pl.Int64: "long",
    pl.Float32: "float",
    pl.Float64: "double",
    pl.Date: "date",
    pl.Time: "time",
}
_COMMON = {
    "set": "stimulus set",
    "scheme": "label scheme",
    "category": "category of the stimuli under the label scheme",
    "stimulus_id": "number of the stimulus in its set",
    "stimuli": "number of stimuli",
    "path": "image of the stimulus; its first folder is explained under [roots] in study.toml",
    "layer": "layer of the network",
    "filter": "number of the filter in its layer, from 0",
    "index": "index of selectivity",
    "threshold": "value of the index above which a filter is selective",
    "model": "the network",
    "depth": "depth of the layer in its network, from 0 (first) to 1 (last)",
    "counterpart": "layer of the first network that is nearest in depth",
}
"""Meanings of columns that many queries have, where the header of a query does not describe them."""


def codebook_path(path: Path) -> Path:
    """The codebook of a CSV file."""
    return path.with_name(f"{path.name}-metadata.json")


def check_codebook(path: Path) -> None:
    """Refuse to overwrite a file that is not the codebook of a CSV file, but has its name.

    Args:
        path: the CSV file.

    Raises: UsageError.
    """
    file = codebook_path(path)
    if not file.exists():
        return
    try:
        is_codebook = json.loads(file.read_bytes())["url"] == path.name
    except (OSError, ValueError, LookupError, TypeError):
        is_codebook = False
    if not is_codebook:
        raise UsageError(
            f"{file} would be overwritten by the codebook of {path.name}, but is another file; rename it, or choose "
            "another --output"
        )


def codebook(answer: Answer, path: Path) -> str:
    """The codebook of an answer's rows, as JSON.

    Args:
        answer: the rows and their provenance.
        path: the CSV file.
    """
    sql = str(answer.provenance.get("sql", ""))
    title, sections = read_sections(sql)
    described = {column.name: column for column in read_columns(path, sections["columns"])}
    views = _views_of(sql)
    # tables that no SQL computes bring what their columns mean
    brought = answer.provenance.get("columns", {})
    common = _COMMON | _property_meanings(views) | view_columns(views) | brought
    columns = [_column(name, kind, described.get(name), common) for name, kind in answer.rows.schema.items()]
    content = {
        "@context": _CONTEXT,
        "url": path.name,
        "dc:title": title.rstrip(".") or _title(answer, path),
        "dc:description": "\n".join(sections["description"]).strip(),
        "dc:source": " ".join(sections["source"]),
        "dialect": _DIALECT,
        "tableSchema": {"columns": columns},
        "notes": [*answer.notes, {"provenance": with_version(answer.provenance)}],
    }
    known = {key: value for key, value in content.items() if value != ""}
    return json.dumps(known, indent=1, ensure_ascii=False, default=str) + "\n"


def _views_of(sql: str) -> Sequence[str]:
    """The tables that SQL reads."""
    return parse_select(Query("sql", sql)).tables if sql else ()


def _property_meanings(views: Sequence[str]) -> dict[str, str]:
    """What the columns of the view `properties` mean, which the files of the properties say."""
    if "properties" not in views:
        return {}
    from toolbox.stimuli.image_properties import property_columns

    return {
        name: f"{column['title']} ({column['unit']}): {column['formula']}; of {column['pixels']}"
        for name, column in property_columns().items()
    }


def _title(answer: Answer, path: Path) -> str:
    """A title of rows whose SQL has none: the name of the query, or the SQL itself."""
    name, sql = str(answer.provenance.get("query", path.stem)), str(answer.provenance.get("sql", ""))
    return " ".join(sql.split()) if name == "sql" and sql else name


def _column(
    name: str, kind: pl.DataType, described: Column | None, common: Mapping[str, str]
) -> dict[str, Any]:
    """One column; in CSV, an empty field without quotes is an unknown value."""
    description = (described.description if described else "") or common.get(name, "")
    is_plain_name = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.]*", name) is not None
    return {
        **({"name": name} if is_plain_name else {}),
        "titles": name,
        **({"dc:description": description} if description else {}),
        "datatype": "dateTime" if isinstance(kind, pl.Datetime) else _DATATYPES.get(kind, "string"),
        "null": "",
    }
