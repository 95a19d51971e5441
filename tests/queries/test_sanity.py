"""Which indices notice wrong labels, on simulated filters; and the altered indices against their definitions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from support.index_definitions import DEFINITIONS, Measurement
from support.nearly import nearly
from support.own_sql import seen
from support.small_study import long_table, small_study
from toolbox.query import ask
from toolbox.query.indices import RESAMPLED, SANITY, index_names, shipped_indices
from toolbox.store.folder import StudyFolder

STIMULI, MEMBERS, FILTERS = 2000, 40, 10
CLAIMS = dict(zip(SANITY, ((True, False), (False, True), (True, True), None), strict=True))
"""What an index file says of its sanity -> whether it notices missing labels, and extra ones."""


def detectors(stimuli: int, members: int, filters: int, seed: int) -> NDArray[np.float32]:
    """Rectified Gaussian responses, those to the first stimuli three standard deviations above all others."""
    responses = np.random.default_rng(seed).normal(size=(stimuli, filters))
    responses[:members] += 3
    return np.maximum(responses, 0).astype(np.float32)


def study_of(folder: Path, responses: NDArray[np.float32], members: int) -> StudyFolder:
    names = ["target"] * members + ["other"] * (len(responses) - members)
    labels = pl.DataFrame({"stimulus_id": range(len(names)), "category": names})
    return small_study(folder, long_table({"conv1": (responses, responses)}), labels)


@pytest.fixture(scope="module")
def of_detectors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """Index -> its row for detectors of a category of 2 % of the stimuli."""
    folder = tmp_path_factory.mktemp("sanity") / "study"
    study = study_of(folder, detectors(STIMULI, MEMBERS, FILTERS, 5), MEMBERS)
    rows = ask(study, "selectivity/sanity", {"category": "target", "count": FILTERS}).rows
    assert set(rows["tests"]) == {FILTERS}
    assert rows["prevalence"].to_list() == pytest.approx([0.02] * rows.height)
    return {row["index"]: row for row in rows.to_dicts()}


@pytest.mark.parametrize("index", list(shipped_indices()))
def test_an_index_notices_the_labels_that_its_file_says(
    index: str, of_detectors: dict[str, dict[str, float]]
) -> None:
    claim = CLAIMS[shipped_indices()[index].sanity]
    if claim is None:
        assert index not in of_detectors
        return
    row = of_detectors[index]
    notices = {"missing": row["missing"] >= 0.9, "extra": row["extra"] >= 0.9}
    assert notices == dict(zip(notices, claim, strict=True)), f"the row sanity of {index}.sql is wrong: {row}"
    assert row["passes"] == all(claim)


def test_altered_indices_are_those_of_the_altered_labels(tmp_path: Path) -> None:
    """The labels are altered here again from their md5, and every index computed by its definition."""
    responses = np.round(detectors(30, 8, 3, 2), 1)
    assert sorted(DEFINITIONS) == index_names(*RESAMPLED), (
        "an index has no definition in index_definitions.py"
    )
    study = study_of(tmp_path / "study", responses, 8)
    sql = "select * from relabelled_indices('maximum', 'target', 3, 2, 7) order by name, filter, alteration, repeat"
    rows = ask(study, seen(sql)).rows.select("name", "filter", "alteration", "repeat", "value").rows()
    expected = []
    for name in sorted(DEFINITIONS):
        for number in range(3):
            for alteration, repeat in [
                ("extra", 1),
                ("extra", 2),
                ("missing", 1),
                ("missing", 2),
                ("none", 0),
            ]:
                numbers = (~altered(alteration, repeat)).astype(np.int64)
                column = responses[:, number].astype(np.float64)
                found = Measurement(column, numbers, 0, column.min(), column.max())
                expected.append((name, number, alteration, repeat, float(DEFINITIONS[name](found))))
    assert rows == nearly(expected, 1e-9)


def altered(alteration: str, repeat: int) -> NDArray[np.bool_]:
    """Which of 30 stimuli belong to the category, of which the first 8 have the label."""
    has_label = np.arange(30) < 8
    texts = [f"7 {repeat} target {stimulus}" for stimulus in range(30)]
    uniform = np.array([number_of(text) for text in texts]) / 2**64
    if alteration == "none":
        return has_label
    return has_label & (uniform >= 0.5) if alteration == "missing" else has_label | (uniform < 8 / 22)


def number_of(text: str) -> int:
    """The last eight bytes of the md5, the lowest first, as DuckDB's md5_number_lower gives it."""
    return int.from_bytes(hashlib.md5(text.encode()).digest()[8:], "little")
