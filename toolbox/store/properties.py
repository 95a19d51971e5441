"""What was measured of the images of a set. Owns the two tables of it.

    properties.parquet   stimulus_id, property, value: what every ingestion measures (terms.MEASURED_AT_INGESTION)
    measured.parquet     stimulus_id and a column for every property: what `toolbox properties` measures

These are measures of the pictures, not stimulus parameters of the user. A row of `measured.parquet` has been measured
completely: null means that the property is not defined for this picture. What its columns are is in its metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.store.checksums import damage
from toolbox.store.columns import PROPERTIES
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import arrow_table, read_table, read_table_and_origin, write_table
from toolbox.store.plan import plan_digest, read_digests
from toolbox.terms import MEASURED_AT_INGESTION

if TYPE_CHECKING:
    import polars as pl

PictureValues = Mapping[str, float | None]
"""Value of one picture by column; None where a property is not defined for it."""


@dataclass(frozen=True)
class Measurement:
    """The content of `measured.parquet`.

    Attributes:
        values: of every stimulus that was measured, by stimulus_id.
        columns: every column, with what is recorded of it: property, pixels, formula, unit, version, source …
        images: digest of the images that were measured, which are then known to be those of the set.
    """

    values: Mapping[int, PictureValues] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    images: str = ""

    def is_of(self, digests: Mapping[int, str]) -> bool:
        """Whether the images that were measured are those of the set.

        Args:
            digests: identities of the images of the set by stimulus_id.
        """
        return self.values.keys() <= digests.keys() and self.images == plan_digest([*self.values], digests)


def read_properties(study: StudyFolder, set_name: str) -> pl.DataFrame:
    """All that is known of the images of a set, as the view `properties` shows it.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.

    Returns: a row for every stimulus, in the order of stimulus_id: the column stimulus_id, and a float column for
        every property; null where it was not measured, or is not defined for the picture.
    Raises: VerificationError when a table is damaged, or of other images.
    """
    import polars as pl

    def read() -> tuple[list[int], dict[int, dict[str, float]], Measurement]:
        digests = read_digests(study.stimuli(set_name))
        measured = read_measurement(study.measured(set_name))
        check_measured_images(study.measured(set_name), measured, digests)
        return sorted(digests), read_ingestion_measures(study.properties(set_name)), measured

    numbers, first, measured = read_between_commits(study, read)
    names = dict.fromkeys((*MEASURED_AT_INGESTION, *measured.columns))
    columns = {
        name: [{**first.get(number, {}), **measured.values.get(number, {})}.get(name) for number in numbers]
        for name in names
    }
    schema = {"stimulus_id": pl.Int32, **dict.fromkeys(names, pl.Float64)}
    return pl.DataFrame({"stimulus_id": numbers, **columns}, schema=schema)


def read_measurement(path: Path) -> Measurement:
    """What `toolbox properties` measured; empty where it was not run.

    Args:
        path: the file `measured.parquet`.

    Raises: VerificationError when the table is damaged.
    """
    if not path.is_file():
        return Measurement()
    table, origin = read_table_and_origin(path)
    columns, images = origin.get("columns"), origin.get("images")
    if not isinstance(columns, dict) or ["stimulus_id", *columns] != table.column_names:
        raise damage(path, "its metadata do not describe its columns")
    values = {row.pop("stimulus_id"): row for row in table.to_pylist()}
    return Measurement(values, columns, str(images))


def write_measurement(path: Path, measurement: Measurement, provenance: Mapping[str, Any]) -> None:
    """Write what was measured, in the order of stimulus_id, whole or not at all.

    Args:
        path: the file `measured.parquet`, which is replaced if it exists.
        measurement: the values and columns.
        provenance: the origin of the values, for the metadata of the file.
    """
    numbers = sorted(measurement.values)
    columns = {name: [measurement.values[number][name] for number in numbers] for name in measurement.columns}
    types = {"stimulus_id": "int32", **dict.fromkeys(columns, "double")}
    described = {"columns": measurement.columns, "images": measurement.images}
    write_table(path, arrow_table({"stimulus_id": numbers, **columns}, types), {**provenance, **described})


def check_measured_images(path: Path, measurement: Measurement, digests: Mapping[int, str]) -> None:
    """Check that the images that were measured are those of the set.

    Args:
        path: the file `measured.parquet`.
        measurement: its content.
        digests: identities of the images of the set by stimulus_id.

    Raises: VerificationError for the table of another set.
    """
    if measurement.values and not measurement.is_of(digests):
        raise damage(path, "it is of other images than those of the set")


def verify_measurement(study: StudyFolder, set_name: str) -> None:
    """Compare the table of properties of a set with its checksum, its metadata and the images of the set.

    Args:
        study: the study.
        set_name: the stimulus set.

    Raises: VerificationError when it is damaged, or of other images.
    """
    path = study.measured(set_name)
    check_measured_images(path, read_measurement(path), read_digests(study.stimuli(set_name)))


def read_ingestion_measures(path: Path) -> dict[int, dict[str, float]]:
    """Value by property, by stimulus_id, of what ingestion measured; empty in sets of older versions.

    Args:
        path: the file `properties.parquet`.

    Raises: VerificationError when the table is damaged.
    """
    if not path.is_file():
        return {}
    properties: dict[int, dict[str, float]] = {}
    for row in read_table(path, *PROPERTIES).to_pylist():
        properties.setdefault(row["stimulus_id"], {})[row["property"]] = row["value"]
    return properties


def write_ingestion_measures(
    path: Path, properties: Mapping[int, Mapping[str, float]], provenance: Mapping[str, Any]
) -> None:
    """Write what ingestion measured in the order of stimulus_id, whole or not at all.

    Args:
        path: the file `properties.parquet`, which is replaced if it exists.
        properties: value by property, by stimulus_id.
        provenance: the origin of the values, for the metadata of the file.
    """
    rows = [(number, *pair) for number in sorted(properties) for pair in properties[number].items()]
    columns = dict(zip(PROPERTIES, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
    write_table(path, arrow_table(columns or {name: [] for name in PROPERTIES}, PROPERTIES), provenance)
