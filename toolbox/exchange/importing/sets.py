"""Stimuli, labels, parameters and properties of a bundle, into a study. Owns what is written of a set."""

from __future__ import annotations

import shutil
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from toolbox.errors import VerificationError
from toolbox.exchange.importing.records import TableRecord
from toolbox.exchange.importing.taking import Taking, are_equal, other_content
from toolbox.files import digest_of, replace_file
from toolbox.store.folder import check_new_name
from toolbox.store.labels import read_labels, write_labels
from toolbox.store.parameters import read_observations, write_observations
from toolbox.store.parquet import read_table, write_table
from toolbox.store.plan import plan_digest
from toolbox.store.properties import Measurement, write_ingestion_measures, write_measurement
from toolbox.store.stimuli import STIMULI, image_identity
from toolbox.terms import MEASURED_AT_INGESTION, ORIGIN


def stage_set(taking: Taking, set_name: str) -> None:
    """Stage what is new of a set.

    Args:
        taking: the import.
        set_name: the set in the bundle.

    Raises: UsageError where the study has a set, scheme or parameter of the same name with another content.
    """
    (record,) = (
        each for each in taking.content.bundle.record.tables_named("stimuli") if each.set == set_name
    )
    name, path = taking.names[set_name], taking.study.stimuli(taking.names[set_name])
    table = _stimuli(taking, record)
    if path.is_file():
        if not _is_same_set(pl.DataFrame(read_table(path)), pl.DataFrame(table)):
            raise other_content("a stimulus set", name, name)
        taking.known.append(f"set {name}")
    else:
        check_new_name("stimulus set", name, taking.study.sets())
        write_table(
            taking.commit.stage(path),
            _with_origin(taking, _stage_images(taking, name, table)),
            taking.made(name),
        )
        taking.written.append(f"set {name}: {len(table):,} stimuli")
    _stage_labels(taking, set_name)
    _stage_observations(taking, set_name)
    _stage_properties(taking, set_name)


def digests_of(taking: Taking, set_name: str) -> dict[int, str]:
    """Identities of the images of a set by stimulus_id.

    Args:
        taking: the import.
        set_name: the set in the bundle.
    """
    (record,) = (
        each for each in taking.content.bundle.record.tables_named("stimuli") if each.set == set_name
    )
    rows = taking.content.rows(record).select(["stimulus_id", "sha256", "bit_depth"]).to_pylist()
    return {row["stimulus_id"]: image_identity(row) for row in rows}


def _stimuli(taking: Taking, record: TableRecord) -> pa.Table:
    """The stimuli as a study has them: variables under their own names, and no column of the set."""
    table = taking.content.rows(record).sort_by("stimulus_id").drop_columns(["set"])
    return table.rename_columns([record.variables.get(name, name) for name in table.column_names])


def _with_origin(taking: Taking, table: pa.Table) -> pa.Table:
    """The stimuli with the name of the bundle; stimuli that were imported before keep that of the first one."""
    if ORIGIN in table.column_names:
        return table
    return table.append_column(ORIGIN, pa.repeat(pa.scalar(taking.origin, pa.string()), len(table)))


def _is_same_set(existing: pl.DataFrame, wanted: pl.DataFrame) -> bool:
    """Whether two sets have the same images under the same numbers, and the same values of variables."""
    first, second = existing.sort("stimulus_id"), wanted.sort("stimulus_id")
    kept = [
        "stimulus_id",
        "sha256",
        "bit_depth",
        *(name for name in wanted.columns if name not in (*STIMULI, ORIGIN)),
    ]
    if "bit_depth" not in first.columns:
        first = first.with_columns(pl.lit(None, dtype=pl.Int32).alias("bit_depth"))
    if not {*kept} <= {*first.columns}:
        return False
    return are_equal(first.select(kept), second.select(kept))


def _stage_images(taking: Taking, name: str, table: pa.Table) -> pa.Table:
    """The stimuli with the paths of the images of the bundle, which are copied; without images, as they are."""
    images = taking.content.bundle.record.images
    paths, folder = table["path"].to_pylist(), taking.study.images(name)
    for row, sha256 in enumerate(table["sha256"].to_pylist()):
        if (file := images.get(sha256)) is None:
            continue
        source, target = taking.content.bundle.folder / file, taking.commit.stage(folder / file)
        if not target.exists():
            with replace_file(target) as fresh:
                shutil.copyfile(source, fresh)
            if digest_of(target) != sha256:
                raise VerificationError(
                    f"{file} is not the image that its stimulus has; ask for the bundle again"
                )
        paths[row] = (folder / file).relative_to(taking.study.root).as_posix()
    return table.set_column(table.column_names.index("path"), "path", pa.array(paths, pa.string()))


def _stage_labels(taking: Taking, set_name: str) -> None:
    name, study = taking.names[set_name], taking.study
    labels = {scheme: each for (of_set, scheme), each in taking.content.labels.items() if of_set == set_name}
    for scheme in taking.in_order("scheme", labels):
        path = study.labels(name, scheme)
        if path.is_file():
            if read_labels(path) != labels[scheme]:
                raise other_content("the label scheme", scheme, name)
            taking.known.append(f"labels {scheme} of {name}")
            continue
        check_new_name("label scheme", scheme, study.schemes(name))
        write_labels(taking.commit.stage(path), labels[scheme], taking.made(name, scheme=scheme))
        taking.written.append(f"labels {scheme} of {name}")


def _stage_observations(taking: Taking, set_name: str) -> None:
    rows, name = taking.content.frame("observations"), taking.names[set_name]
    if rows.is_empty():
        return
    of_set = rows.filter(pl.col("set") == set_name)
    for parameter in of_set["parameter"].unique(maintain_order=True).to_list():
        values = (
            of_set.filter(pl.col("parameter") == parameter).select("stimulus_id", "observer", "value").rows()
        )
        path = taking.study.observations(name, parameter)
        if path.is_file():
            if sorted(read_observations(path)) != sorted(values):
                raise other_content("the stimulus parameter", parameter, name)
            continue
        check_new_name("parameter", parameter, taking.study.added_parameters(name))
        write_observations(taking.commit.stage(path), values, taking.made(name, parameter=parameter))
        taking.written.append(f"parameter {parameter} of {name}")


def _stage_properties(taking: Taking, set_name: str) -> None:
    """Stage what was measured of the images; what the study measured itself stays."""
    record = next(
        (each for each in taking.content.bundle.record.tables_named("properties") if each.set == set_name),
        None,
    )
    if record is None:
        return
    name, rows = taking.names[set_name], taking.content.rows(record).to_pylist()
    first = {
        row["stimulus_id"]: {key: row[key] for key in MEASURED_AT_INGESTION if row.get(key) is not None}
        for row in rows
    }
    path = taking.study.properties(name)
    if not path.is_file():
        write_ingestion_measures(taking.commit.stage(path), first, taking.made(name))
    measured = taking.origin_of("sets", set_name, "measured")
    path = taking.study.measured(name)
    if measured and not path.is_file():
        _stage_measurement(taking, set_name, rows, measured)


def _stage_measurement(
    taking: Taking, set_name: str, rows: list[dict[str, Any]], measured: dict[str, Any]
) -> None:
    """Stage the table of all properties, if the images that were measured are those of the set."""
    columns, images = measured.get("columns"), measured.get("images")
    digests = digests_of(taking, set_name)
    if isinstance(columns, dict) and all(isinstance(each, dict) for each in columns.values()):
        known = [name for name in columns if rows and name in rows[0]]
        values = {row["stimulus_id"]: {name: row[name] for name in known} for row in rows}
        if images == plan_digest([*values], digests) and known == [*columns]:
            name = taking.names[set_name]
            measurement = Measurement(values, columns, str(images))
            write_measurement(
                taking.commit.stage(taking.study.measured(name)), measurement, taking.made(name)
            )
            return
    taking.notes.append(
        f"the properties of the images of {taking.names[set_name]} were measured of some of them only, so they are "
        "left out; with the images: toolbox properties"
    )


def stage_layer_table(taking: Taking, model: str) -> None:
    """Stage the layers of a model.

    Args:
        taking: the import.
        model: its name.

    Raises: UsageError where the study has other layers of a model with this name.
    """
    table = taking.content.rows(taking.content.bundle.table("layers"))  # type: ignore[arg-type]
    rows = table.filter(pc.equal(table["model"], model)).drop_columns(["model"]).sort_by("position")
    path = taking.study.layers(model)
    if not path.is_file():
        check_new_name("model", model, taking.study.all_models())
        citation = str(taking.origin_of("layers", model).get("citation", ""))
        write_table(
            taking.commit.stage(path), rows, {"model": model, "citation": citation, "origin": taking.origin}
        )
    elif not are_equal(pl.DataFrame(read_table(path)), pl.DataFrame(rows)):
        raise other_content("the network", model, next(iter(taking.names.values())))
