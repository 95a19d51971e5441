"""Folders of a study as other programs read them: as one table, with what the names of folders say as columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pytest

from toolbox import Study
from toolbox.store import parts as module

TREES = {"responses": 72, "rollups": 64, "significance": 16, "resamples": None, "reliability": 8}
"""Folder -> rows; those of `resamples` depend on the thresholds."""


def pandas_rows(folder: Path) -> int:
    pandas = pytest.importorskip("pandas")
    return len(pandas.read_parquet(folder))


READERS: dict[str, Callable[[Path], int]] = {
    "duckdb": lambda folder: count(f"read_parquet('{folder}/**/*.parquet')"),
    "duckdb by name": lambda folder: count(f"read_parquet('{folder}/**/*.parquet', union_by_name = true)"),
    "duckdb hive": lambda folder: count(f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"),
    "polars": lambda folder: pl.scan_parquet(folder).collect().height,
    "polars hive": lambda folder: (
        pl.scan_parquet(folder, hive_partitioning=True).select(pl.len()).collect().item()
    ),
    "polars read": lambda folder: pl.read_parquet(f"{folder}/").height,
    "arrow": lambda folder: ds.dataset(folder).to_table().num_rows,
    "arrow hive": lambda folder: ds.dataset(folder, partitioning="hive").to_table().num_rows,
    "pandas": pandas_rows,
}


def count(table: str) -> int:
    return int(duckdb.sql(f"select count(*) from {table}").fetchall()[0][0])


@pytest.fixture
def finished(study: Study, photographs: Path, card: str, weights: str) -> Path:
    """A study of two sets with responses, roll-ups and resampled indices."""
    study.extract("colours", model=card, weights=weights, part=2)
    study.ingest(photographs, set="again")
    study.extract("again", model=card, weights=weights, limit=3)
    study.significance(set="colours", resamples=20)
    return study.folder.root


@pytest.mark.parametrize("tree", TREES)
def test_a_folder_is_one_table_for_every_reader(tree: str, finished: Path) -> None:
    rows = {name: read(finished / tree) for name, read in READERS.items()}
    assert set(rows.values()) == {TREES[tree] or rows["polars"]}, rows
    assert rows["polars"] > 0


@pytest.mark.parametrize("tree", ["labels", "layers", "stimuli"])
def test_small_tables_are_read_so_too(tree: str, finished: Path) -> None:
    rows = {name: read(finished / tree) for name, read in READERS.items()}
    assert set(rows.values()) == {{"labels": 12, "layers": 3, "stimuli": 12}[tree]}, rows


def test_set_and_model_are_columns(finished: Path) -> None:
    responses = pl.scan_parquet(finished / "responses").collect()
    assert responses.schema == {
        "layer": pl.String,
        "filter": pl.Int32,
        "stimulus_id": pl.Int32,
        "maximum": pl.Float32,
        "mean": pl.Float32,
        "set": pl.String,
        "model": pl.String,
    }
    assert responses.null_count().sum_horizontal().item() == 0
    assert set(responses["set"]) == {"colours", "again"}
    hive = ds.dataset(finished / "responses", partitioning="hive").to_table()
    assert sorted(hive.column_names) == sorted(responses.columns)


def test_while_a_part_is_written_the_others_can_be_read(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.extract("colours", model=card, weights=weights, limit=2, part=1)
    seen: list[dict[str, int]] = []
    original = module._tables

    def read_meanwhile(*arguments: Any) -> Any:
        yield from original(*arguments)
        assert list(study.folder.plans("colours", "tiny").glob(".*.partial"))
        seen.append({name: read(study.folder.root / "responses") for name, read in READERS.items()})

    monkeypatch.setattr(module, "_tables", read_meanwhile)
    study.extract("colours", model=card, weights=weights, part=4)
    assert [set(rows.values()) for rows in seen] == [{16}]
