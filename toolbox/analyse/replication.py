"""Replication: a published table of selectivities against those of a study. Owns reading and checking the table.

The formulas stand in `queries/replication/`; SQL sees the checked table as the view `reference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.errors import UnknownNameError, UsageError
from toolbox.files import digest_of
from toolbox.query import Answer, ask, shipped_query
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection, resolve_selection
from toolbox.tables import SUFFIXES, read_rows

LAYERS, FILTERS = "replication/layers", "replication/filters"
POOLED = "all"
"""How `replication/layers` calls the row over all categories in common."""
MISSING = ("", "NA", "NaN", "nan", "null")
"""How programs write a value that is not known."""


@dataclass(frozen=True)
class Reference:
    """A published table under the study's names of categories.

    Attributes:
        rows: layer, filter, category, value; a value that the table does not know is null.
        renamed: label of the table -> category of the study, where they differ.
    """

    file: Path
    rows: pl.DataFrame
    renamed: Mapping[str, str]

    @property
    def provenance(self) -> dict[str, Any]:
        return {"file": str(self.file), "sha256": digest_of(self.file), "map": dict(self.renamed)}


def replicate(
    study: StudyFolder,
    file: Path,
    renamed: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    *,
    filters: bool = False,
) -> Answer:
    """How well a study agrees with a published table, per layer and category; or its values filter by filter.

    Args:
        file: .csv, .tsv or .parquet with the columns layer, filter, selectivity, and label or category.
        renamed: label of the table -> category of the study, where they have different names.
        parameters: those of `replication/layers`: index, statistic, normalise, threshold, count.
        filters: whether the rows are those of `replication/filters`, which has no threshold and no count.

    Raises: UsageError for a table that does not fit the study; all that running the query raises.
    """
    reference = read_reference(file, renamed or {})
    chosen = resolve_selection(study, {"responses", "labels", "layers"}, selection or Selection())
    remarks = [*_check_places(study, reference, chosen), *_check_categories(study, reference, chosen)]
    query = shipped_query(FILTERS if filters else LAYERS)
    answer = ask(study, query, parameters, chosen, tables={"reference": reference.rows.to_arrow()})
    absent = [name for name in _distinct_names(reference, "layer") if name not in set(answer.rows["layer"])]
    if absent:
        remarks.append(f"layers of {file} without responses in the study are left out: {', '.join(absent)}")
    provenance = {**answer.provenance, "reference": reference.provenance}
    return replace(answer, provenance=provenance, remarks=(*answer.remarks, *remarks))


def pair_filters(
    study: StudyFolder,
    file: Path,
    renamed: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
) -> Answer:
    """The values of every filter here and in a published table, for a scatter.

    Args:
        parameters: as of `replicate`; those that only its counts need are left aside.
    """
    known = {parameter.name for parameter in shipped_query(FILTERS).parameters}
    asked = {name: value for name, value in (parameters or {}).items() if name in known}
    return replicate(study, file, renamed, asked, selection, filters=True)


def read_reference(file: Path, renamed: Mapping[str, str]) -> Reference:
    """A published table, checked as far as that goes without a study.

    Raises: UsageError when it cannot be read, lacks a column, holds what is no number, or names a filter twice.
    """
    table = _read_table(file)
    naming = "label" if "label" in table.columns else "category"
    for name in ("layer", "filter", "selectivity", naming):
        if name not in table.columns:
            wanted = "layer, filter, selectivity, and label or category"
            raise UsageError(
                f"{file} has no column {name!r}, only {', '.join(table.columns)}; it needs {wanted}"
            )
    rows = pl.DataFrame(
        {
            "layer": _name_column(file, table["layer"]),
            "filter": _number_column(file, table["filter"], whole=True).cast(pl.Int32),
            "label": _name_column(file, table[naming]),
            "value": _number_column(file, table["selectivity"]),
        }
    )
    if rows.is_empty():
        raise UsageError(f"{file} has no rows; expected one for every filter and category")
    for label in renamed:
        if label not in set(rows["label"]):
            raise UnknownNameError(f"{naming} of {file}", label, rows["label"].unique())
    rows = rows.with_columns(category=pl.col("label").replace(dict(renamed))).drop("label")
    _check_unique(file, rows)
    return Reference(file, rows.select("layer", "filter", "category", "value"), renamed)


def _read_table(file: Path) -> pl.DataFrame:
    """The table as it is; from text, every cell is text."""
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{file} is no table that can be read; expected {', '.join(SUFFIXES)}")
    if not file.is_file():
        raise UsageError(f"no file {file}; expected a published table ({', '.join(SUFFIXES)})")
    return read_rows(file, text=None)


def _name_column(file: Path, column: pl.Series) -> pl.Series:
    """A column of names, none of them empty."""
    texts = column.cast(pl.String).str.strip_chars()
    _check_all(file, column, texts.is_not_null() & (texts != ""), "a name")
    return texts


def _number_column(file: Path, column: pl.Series, *, whole: bool = False) -> pl.Series:
    """A column of numbers; one that is not whole may have values that are not known."""
    numbers = column.cast(pl.Float64, strict=False)
    is_good = numbers.is_finite().fill_null(False)
    if whole:
        _check_all(file, column, is_good & (numbers % 1 == 0) & (numbers.abs() < 2**31), "a whole number")
        return numbers
    is_missing = numbers.is_nan().fill_null(False) | column.cast(pl.String).fill_null("").is_in(list(MISSING))
    _check_all(file, column, is_good | is_missing, "a number")
    return numbers.set(~is_good, None)


def _check_all(file: Path, column: pl.Series, is_good: pl.Series, wanted: str) -> None:
    bad = (~is_good.fill_null(False)).arg_true()
    if len(bad):
        value = column[bad[0]]
        raise UsageError(f"{file}, row {bad[0] + 1}: {column.name} is {value!r}; expected {wanted}")


def _check_unique(file: Path, rows: pl.DataFrame) -> None:
    """Refuse two values for one filter and category."""
    keys = ["layer", "filter", "category"]
    twice = rows.filter(rows.select(keys).is_duplicated())
    if not twice.is_empty():
        layer, number, category = twice.select(keys).row(0)
        raise UsageError(
            f"{file} has two rows for filter {number} of {layer} and {category}; leave one of them, "
            "and map no two labels onto one category"
        )


def _check_places(study: StudyFolder, reference: Reference, selection: Selection) -> list[str]:
    """Refuse layers and filters that the model does not have; tell of values that are not known."""
    known = dict(ask(study, "select layer, filters from layers", selection=selection).rows.rows())
    for layer in _distinct_names(reference, "layer"):
        if layer not in known:
            raise UnknownNameError(f"layer of {selection.model}", layer, known, f"in {reference.file}")
    filters = pl.col("layer").replace_strict(known, return_dtype=pl.Int64)
    outside = reference.rows.filter((pl.col("filter") < 0) | (pl.col("filter") >= filters))
    if not outside.is_empty():
        layer, number = outside.select("layer", "filter").row(0)
        raise UsageError(
            f"{reference.file} names filter {number} of {layer}; expected 0 to {known[layer] - 1}"
        )
    unknown = reference.rows["value"].null_count()
    told = (
        "1 row of {} has no value and counts"
        if unknown == 1
        else f"{unknown:,} rows of {{}} have no value and count"
    )
    return [f"{told.format(reference.file)} as unpaired"] if unknown else []


def _check_categories(study: StudyFolder, reference: Reference, selection: Selection) -> list[str]:
    """Refuse a map and a table that lead to no category of the study; tell what has no counterpart."""
    here = ask(
        study, "select distinct category from labels where category is not null", selection=selection
    ).rows["category"]
    file, there = reference.file, _distinct_names(reference, "category")
    for category in reference.renamed.values():
        if category not in set(here):
            raise UnknownNameError(f"category of {selection.set}", category, here, "in --map")
    if POOLED in there:
        raise UsageError(
            f"{file} has a category {POOLED!r}, which is the row over all categories; rename it with --map"
        )
    only_there, only_here = sorted({*there} - {*here}), sorted({*here} - {*there})
    if len(only_there) == len(there):
        raise UsageError(
            f"{file} ({', '.join(only_there)}) and {selection.set} ({', '.join(only_here)}) have no category in "
            "common; name counterparts with --map LABEL=CATEGORY"
        )
    remarks = []
    if only_there:
        remarks.append(
            f"left out, as {selection.set} has no such category: {', '.join(only_there)} (of {file}); "
            "--map LABEL=CATEGORY names a counterpart"
        )
    if only_here:
        remarks.append(
            f"left out, as {file} has no such category: {', '.join(only_here)} (of {selection.set})"
        )
    return remarks


def _distinct_names(reference: Reference, column: str) -> list[str]:
    return reference.rows[column].unique(maintain_order=True).to_list()
