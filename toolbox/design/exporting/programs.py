"""How each program reads a list of stimuli. Owns the columns, the format and the files of each.

psychopy   conditions (.csv or .xlsx): a row for every trial; names of columns are variables
jspsych    timeline variables (.json), and the images to load before
bids       stimuli.tsv with its .json, which describes every column; n/a for what is not known
csv, xlsx  a plain table, for OpenSesame and others
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from toolbox.design.exporting.cells import plain_text, variable_names_of

IMAGE_COLUMN = "image_file"
"""Column of the path: PsychoPy calls its first image component `image`."""
DESCRIPTIONS = {
    IMAGE_COLUMN: "image, relative to the folder of this file",
    "stimulus_id": "number of the stimulus in its set",
    "category": "category of the stimulus under the label scheme",
    "ingested_category": "category of the stimulus when it was ingested",
    "set": "number of the set of stimuli, from 1",
    "match": "number of the pair or tuple of matched stimuli, the closest first",
    "distance": "sum of the distances within the pair or tuple, in standard deviations of the matched variables",
}
"""Meaning of the columns that the toolbox writes."""


@dataclass(frozen=True, eq=False)
class Trials:
    """Rows with the paths of their images.

    Attributes:
        rows: image_file, stimulus_id, category and further columns.
        title: of the list.
        provenance: where it comes from.
    """

    rows: pl.DataFrame
    title: str
    provenance: Mapping[str, Any]


Files = dict[Path, bytes]
"""What is written."""


def conditions(trials: Trials, path: Path) -> Files:
    """A table whose names are variables, and whose cells are what they look like, as CSV or as a workbook.

    Args:
        trials: with rows.
        path: of the file, whose suffix decides.
    """
    safe = safe_rows(trials.rows)
    return {path: _workbook(safe) if path.suffix.lower() == ".xlsx" else safe.write_csv().encode()}


def timeline(trials: Trials, path: Path) -> Files:
    """Timeline variables of jsPsych, and the images that its preload plugin takes; paths are those of a URL.

    Args:
        trials: with rows.
        path: of the file.
    """
    names = variable_names_of(trials.rows.columns)
    urls = {image: quote(image) for image in trials.rows[IMAGE_COLUMN]}
    rows = [
        {names[name]: urls[value] if name == IMAGE_COLUMN else value for name, value in row.items()}
        for row in trials.rows.iter_rows(named=True)
    ]
    renamed = [{"stimulus": row.pop(IMAGE_COLUMN), **row} for row in rows]
    content = {"timeline_variables": renamed, "images": list(dict.fromkeys(urls.values()))}
    return {path: (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()}


def bids(trials: Trials, path: Path) -> Files:
    """A table of stimuli with a JSON file that describes its columns.

    Args:
        trials: with rows.
        path: of the table; the description is beside it.

    Source: Brain Imaging Data Structure, https://bids-specification.readthedocs.io, tabular files.
    """
    rows = trials.rows.rename({"stimulus_id": "number", IMAGE_COLUMN: "stim_file"})
    labels = pl.Series("stimulus_id", [f"stim-{number:04d}" for number in rows["number"]])
    kind = pl.Series("type", ["image"] * rows.height)
    table = pl.DataFrame([labels, kind]).hstack(rows.drop("number"))
    table = table.rename(variable_names_of(table.columns))
    text = table.with_columns(pl.col(pl.String).map_elements(_one_cell, return_dtype=pl.String)).write_csv(
        separator="\t", null_value="n/a", quote_style="never"
    )
    described = json.dumps(_sidecar(trials, table), indent=2, ensure_ascii=False) + "\n"
    return {path: text.encode(), path.with_suffix(".json"): described.encode()}


def _one_cell(text: str) -> str:
    """A text without what would end a cell or a row; n/a would mean that it is not known."""
    clean = " ".join(text.split())
    return plain_text("text", clean) if clean.casefold() in ("", "n/a") else clean


def _sidecar(trials: Trials, table: pl.DataFrame) -> dict[str, Any]:
    """The description of every column."""
    own = {
        **DESCRIPTIONS,
        "stimulus_id": "label of the stimulus: its number in the set",
        "type": "kind of the stimulus",
        "stim_file": "image, relative to the folder of this table",
    }
    described: dict[str, Any] = {"StimulusSet": {"Description": trials.title, **trials.provenance}}
    for name in table.columns:
        described[name] = {"Description": own.get(name, f"{name} of the stimulus")}
        if name in ("category", "ingested_category"):
            levels = sorted(table[name].drop_nulls().unique())
            described[name]["Levels"] = {level: f"stimulus of the category {level}" for level in levels}
    return described


def safe_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose names are variables, and whose texts no program computes.

    Args:
        rows: any.
    """
    texts = [name for name, kind in rows.schema.items() if kind == pl.String and name != IMAGE_COLUMN]
    safe = rows.with_columns(
        pl.col(name).map_elements(partial(plain_text, name), return_dtype=pl.String) for name in texts
    )
    return safe.rename(variable_names_of(rows.columns))


def _workbook(rows: pl.DataFrame) -> bytes:
    """One sheet with a header and a row for every trial; no formula, no link, no blank row."""
    import xlsxwriter

    content = io.BytesIO()
    constant = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": False,
    }
    with xlsxwriter.Workbook(content, constant) as workbook:
        sheet = workbook.add_worksheet("conditions")
        for column, name in enumerate(rows.columns):
            sheet.write_string(0, column, name)
        for place, row in enumerate(rows.iter_rows(), 1):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(place, column, value)
                elif isinstance(value, bool):
                    sheet.write_boolean(place, column, value)
                elif value is not None:
                    sheet.write_number(place, column, value)
    return content.getvalue()


@dataclass(frozen=True)
class Program:
    """A program, or a format.

    Attributes:
        name: as the user names it.
        suffixes: what its file may end in.
        write: its files.
    """

    name: str
    suffixes: Sequence[str]
    write: Callable[[Trials, Path], Files]


PROGRAMS = {
    program.name: program
    for program in (
        Program("psychopy", (".csv", ".xlsx"), conditions),
        Program("jspsych", (".json",), timeline),
        Program("bids", (".tsv",), bids),
        Program("csv", (".csv",), conditions),
        Program("xlsx", (".xlsx",), conditions),
    )
}
"""All programs, by name. A new one is a function here."""
