"""The thorough checks of the small tables of a bundle: keys, ranges, and that all rows belong to what exists.

Owns which values a table may have. Roll-ups are checked in `rollup_values`, responses as they are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import PurePosixPath

import polars as pl
import pyarrow as pa

from toolbox.exchange.bundle.layout import BUNDLE_TABLES, EXTRACTIONS
from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.exchange.importing.naming import checked_layer, checked_name
from toolbox.exchange.importing.quick import Bundle, Check
from toolbox.exchange.importing.records import TableRecord
from toolbox.exchange.importing.table_files import NO_TRUST, read_bundle_rows
from toolbox.store.labels import labels_digest
from toolbox.terms import FILE_BITS

_SHA256 = "^[0-9a-f]{64}$"
_MOST_FILTERS = 2**20
_OPTIONAL = {"pixels_sha256", "bit_depth", "height", "width", "stride", "receptive_field", "format"}
"""Declared columns that may be empty."""


@dataclass
class Content:
    """The rows of the small tables of a bundle, each of which is read once, and what they are of."""

    bundle: Bundle
    tables: dict[str, pa.Table] = field(default_factory=dict)
    variables: dict[str, dict[str, dict[int, float]]] = field(default_factory=dict)
    """Set -> numeric variable -> value by stimulus_id; of those sets that were asked for."""

    def rows(self, record: TableRecord) -> pa.Table:
        """All rows of a table.

        Args:
            record: what `bundle.json` states of it.

        Raises: BundleError.
        """
        if record.file not in self.tables:
            self.tables[record.file] = read_bundle_rows(self.bundle.folder, record)
        return self.tables[record.file]

    def frame(self, name: str) -> pl.DataFrame:
        """All rows of a table that is not of one set; without rows where the bundle has none.

        Args:
            name: of the table.

        Raises: BundleError.
        """
        record = self.bundle.table(name)
        return pl.DataFrame() if record is None else pl.DataFrame(self.rows(record))

    @cached_property
    def stimuli(self) -> dict[str, set[int]]:
        """The numbers of the stimuli of every set."""
        records = self.bundle.record.tables_named("stimuli")
        return {str(record.set): {*self.rows(record)["stimulus_id"].to_pylist()} for record in records}

    @cached_property
    def labels(self) -> dict[tuple[str, str], dict[int, str]]:
        """Category by stimulus_id, of every set and scheme."""
        found: dict[tuple[str, str], dict[int, str]] = {
            (each.set, scheme): {} for each in self.bundle.extractions for scheme in each.labels
        }
        for set_name, scheme, number, category in self.frame("labels").drop_nulls().iter_rows():
            found.setdefault((set_name, scheme), {})[number] = category
        return found

    @cached_property
    def filters(self) -> dict[str, dict[str, int]]:
        """Number of filters of every layer, of every model."""
        found: dict[str, dict[str, int]] = {}
        for row in self.frame("layers").iter_rows(named=True):
            found.setdefault(row["model"], {})[row["layer"]] = row["filters"]
        return found


def value_checks(content: Content) -> Iterator[Check]:
    """The checks of all values but roll-ups and responses.

    Args:
        content: the tables of a bundle.
    """
    checks = {
        "stimuli": _check_stimuli, "labels": _check_labels, "observations": _check_observations,
        "properties": _check_properties, "layers": _check_layers, "significance": _check_resampled,
        "resamples": _check_resampled, "reliability": _check_resampled,
    }  # fmt: skip
    for record in content.bundle.record.tables:
        if record.name in checks:
            yield record.file, partial(checks[record.name], content, record)


def refuse_rows(file: str, rows: pl.DataFrame, are_wrong: pl.Expr, what: str) -> None:
    """Refuse a table with rows that are wrong.

    Args:
        file: name of the file, for the message.
        rows: all rows.
        are_wrong: whether a row is; null means it is not.
        what: what is wrong with them.

    Raises: BundleError, which shows the first of them.
    """
    wrong = rows.filter(are_wrong.fill_null(value=False))
    if wrong.height:
        first = ", ".join(
            f"{name} {shortened(value)}" for name, value in [*wrong.row(0, named=True).items()][:8]
        )
        count = "a row" if wrong.height == 1 else f"{wrong.height:,} rows"
        refuse(file, f"has {count} {what}; the first: {first}")


def check_plain_rows(record: TableRecord, rows: pl.DataFrame) -> None:
    """Refuse rows without a declared value, with what is no number, or with keys that occur twice.

    Args:
        record: what `bundle.json` states of the table.
        rows: all rows.

    Raises: BundleError.
    """
    table = BUNDLE_TABLES[record.name]
    measured = {"significance", "resamples", "reliability", "relations", "relation_permutations"}
    required = table.order if record.name in measured else [*table.schema]
    needed = [name for name in required if name not in _OPTIONAL]
    missing = pl.any_horizontal(pl.col(needed).is_null())
    refuse_rows(record.file, rows, missing, "without a value that every row has")
    numbers = [name for name, kind in rows.schema.items() if kind.is_float()]
    if numbers:
        infinite = pl.any_horizontal(pl.col(numbers).is_nan() | pl.col(numbers).is_infinite())
        refuse_rows(record.file, rows, infinite, "with what is no number")
    keys = pl.struct(*table.order)
    refuse_rows(
        record.file, rows, keys.is_duplicated() if rows.height else pl.lit(value=False), "that occur twice"
    )


def check_known(record: TableRecord, rows: pl.DataFrame, content: Content) -> None:
    """Refuse rows of a set, model, scheme, layer, filter or stimulus that the bundle lacks.

    Args:
        record: what `bundle.json` states of the table.
        rows: all rows.
        content: the tables of the bundle.

    Raises: BundleError.
    """
    extractions = {
        (each.set, each.model, scheme): each for each in content.bundle.extractions for scheme in each.rollups
    }
    for (set_name, model, scheme), group in rows.group_by("set", "model", "scheme", maintain_order=True):
        names = (str(set_name), str(model), str(scheme))
        if names not in extractions:
            refuse(
                record.file,
                f"has rows of {' '.join(map(shortened, names))}, of which the bundle has no responses",
            )
        recorded = extractions[names].identity.recorded_layers
        filters = {layer: content.filters[names[1]].get(layer, 0) for layer in recorded}
        known = pl.DataFrame({"layer": [*filters], "filters": [*filters.values()]})
        found = group.join(known, on="layer", how="left")
        unknown = pl.col("filters").is_null()
        refuse_rows(
            record.file, found, unknown & pl.col("layer").is_not_null(), "of a layer without responses"
        )
        if "filter" in rows.columns:
            outside = (pl.col("filter") < 0) | (pl.col("filter") >= pl.col("filters"))
            refuse_rows(record.file, found, outside, "of a filter that its layer lacks")
        categories = sorted({*content.labels.get((names[0], names[2]), {}).values()})
        for column in ("category", "preferred"):
            if column in rows.columns:
                other = ~pl.col(column).is_in(categories) & pl.col(column).is_not_null()
                refuse_rows(record.file, found, other, "of a category without stimuli")


def _check_stimuli(content: Content, record: TableRecord) -> None:
    rows = pl.DataFrame(content.rows(record))
    check_plain_rows(record, rows)
    file = record.file
    for variable in (*record.variables.values(), *record.columns):
        if not variable.strip():
            refuse(file, f"has a stimulus variable {shortened(variable)}; expected a name")
    refuse_rows(file, rows, pl.col("set") != record.set, "of another set")
    refuse_rows(file, rows, pl.col("stimulus_id") < 0, "with a negative stimulus_id")
    refuse_rows(file, rows, ~pl.col("sha256").str.contains(_SHA256), "without the sha256 of an image")
    refuse_rows(file, rows, ~pl.col("pixels_sha256").str.contains(_SHA256), "without the sha256 of pixels")
    sizes = (pl.col("width") < 1) | (pl.col("height") < 1) | (pl.col("bytes") < 0)
    refuse_rows(file, rows, sizes, "with a size that no image has")
    refuse_rows(
        file, rows, ~pl.col("bit_depth").is_between(1, FILE_BITS), "with a bit depth that no image has"
    )
    for path in rows["path"].to_list():
        if not is_inside(path):
            refuse(file, f"has the path {shortened(path)}, which leads elsewhere", NO_TRUST)


def is_inside(path: str) -> bool:
    """Whether a stored path can lead nowhere but into a study or one of its roots, on any system.

    Example:
        >>> is_inside("photos/cat 1.jpg"), is_inside("photos/../../etc/passwd"), is_inside("C:/x.jpg")
        (True, False, False)
    """
    parts = PurePosixPath(path)
    is_plain = not any(each in path for each in ("\\", ":", "\0")) and not path.startswith("~")
    return is_plain and bool(parts.parts) and not parts.is_absolute() and ".." not in parts.parts


def _check_labels(content: Content, record: TableRecord) -> None:
    rows = pl.DataFrame(content.rows(record))
    check_plain_rows(record, rows)
    refuse_rows(record.file, rows, pl.col("category").str.strip_chars() == "", "without a category")
    for (set_name, scheme), group in rows.group_by("set", "scheme", maintain_order=True):
        checked_name(record.file, "label scheme", scheme)
        _check_stimuli_of(record, content, str(set_name), group)
    stated = {
        (each.set, scheme): digest
        for each in content.bundle.extractions
        for scheme, digest in each.labels.items()
    }
    for names, labels in content.labels.items():
        if names in stated and labels_digest(labels) != stated[names]:
            refuse(record.file, f"has other labels of {' '.join(names)} than {EXTRACTIONS} states")


def _check_stimuli_of(record: TableRecord, content: Content, set_name: str, rows: pl.DataFrame) -> None:
    """Refuse rows of a set, or of a stimulus, that the bundle lacks."""
    if set_name not in content.stimuli:
        refuse(record.file, f"has rows of the set {shortened(set_name)}, which the bundle lacks")
    known = sorted(content.stimuli[set_name])
    refuse_rows(record.file, rows, ~pl.col("stimulus_id").is_in(known), "of a stimulus that its set lacks")


def _check_observations(content: Content, record: TableRecord) -> None:
    rows = pl.DataFrame(content.rows(record))
    check_plain_rows(record, rows)
    for (set_name, parameter), group in rows.group_by("set", "parameter", maintain_order=True):
        checked_name(record.file, "stimulus parameter", parameter)
        _check_stimuli_of(record, content, str(set_name), group)


def _check_properties(content: Content, record: TableRecord) -> None:
    rows = pl.DataFrame(content.rows(record))
    check_plain_rows(record, rows)
    refuse_rows(record.file, rows, pl.col("set") != record.set, "of another set")
    _check_stimuli_of(record, content, str(record.set), rows)


def _check_layers(content: Content, record: TableRecord) -> None:
    rows = pl.DataFrame(content.rows(record))
    check_plain_rows(record, rows)
    refuse_rows(
        record.file, rows, pl.struct("model", "layer").is_duplicated(), "of a layer that occurs twice"
    )
    refuse_rows(
        record.file,
        rows,
        ~pl.col("filters").is_between(1, _MOST_FILTERS),
        "with a number of filters that no layer has",
    )
    refuse_rows(
        record.file, rows, ~pl.col("position").is_between(1, 2**20), "with a position that no layer has"
    )
    for layer in rows["layer"].unique().to_list():
        checked_layer(record.file, layer)
    layers: Mapping[str, Mapping[str, int]] = content.filters
    for each in content.bundle.extractions:
        if lacking := {*each.identity.layers} - layers.get(each.model, {}).keys():
            refuse(record.file, f"lacks the layer {shortened(min(lacking))} of {each.model}")
    if unknown := layers.keys() - content.bundle.record.models.keys():
        refuse(record.file, f"has layers of {shortened(min(unknown))}, of which the bundle has no responses")


def _check_resampled(content: Content, record: TableRecord) -> None:
    rows = pl.DataFrame(content.rows(record))
    check_plain_rows(record, rows)
    check_known(record, rows, content)
    for name in ("index", "statistic", "normalise"):
        for value in rows[name].unique().to_list():
            checked_name(record.file, name, value)
    counts = [name for name in ("permutations", "resample", "selective") if name in rows.columns]
    for name in counts:
        refuse_rows(record.file, rows, pl.col(name) < 0, f"with a negative number of {name}")
    for name in ("p", "q", "p_fwe", "p_welch", "q_welch"):
        if name in rows.columns:
            refuse_rows(
                record.file, rows, ~pl.col(name).is_between(0, 1), f"with a {name} that is no probability"
            )
