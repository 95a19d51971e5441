"""Categories of few stimuli are withheld, and cannot be computed from what is shared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolbox import Study
from toolbox.errors import UsageError
from toolbox.exchange.bundle.withholding import _related_cells, _small_cells, _unpublished


def published(labels: Mapping[str, Mapping[int, str]], least: int) -> dict[tuple[str, str], frozenset[int]]:
    """The cells that are shared, with their stimuli."""
    small = _small_cells(labels, [], least)
    withheld = small | _related_cells(labels, [], small, least)
    cells: dict[tuple[str, str], set[int]] = {}
    for scheme, categories in labels.items():
        for stimulus, category in categories.items():
            if (scheme, category) not in withheld:
                cells.setdefault((scheme, category), set()).add(stimulus)
    return {cell: frozenset(members) for cell, members in cells.items()}


def smallest_sum(cells: Mapping[tuple[str, str], frozenset[int]], stimuli: int) -> int:
    """The fewest stimuli over which a combination of the sums of cells is a sum: by brute force over all subsets."""
    if not cells:
        return stimuli
    span = np.array([[number in members for number in range(stimuli)] for members in cells.values()], float)
    rank = np.linalg.matrix_rank(span)
    for size in range(1, stimuli + 1):
        for chosen in combinations(range(stimuli), size):
            wanted = np.isin(np.arange(stimuli), chosen).astype(float)
            if np.linalg.matrix_rank(np.vstack([span, wanted])) == rank:
                return size
    return stimuli


@given(
    st.lists(st.tuples(st.sampled_from("abn"), st.sampled_from("xyn")), min_size=1, max_size=8),
    st.integers(1, 4),
)
def test_no_combination_of_what_is_shared_is_a_sum_over_fewer_stimuli(
    rows: list[tuple[str, str]], least: int
) -> None:
    """Two schemes, in which n is no label."""
    labels = {
        scheme: {number: row[place] for number, row in enumerate(rows) if row[place] != "n"}
        for place, scheme in enumerate(("first", "second"))
    }
    cells = published(labels, least)
    assert all(len(members) >= least for members in cells.values())
    if cells:
        assert smallest_sum(cells, len(rows)) >= least


def test_a_category_is_withheld_that_differs_from_another_by_few_stimuli() -> None:
    """All faces but those of one person: the difference of both sums would be that person's."""
    faces = dict.fromkeys(range(10), "face") | dict.fromkeys(range(10, 20), "house")
    others = dict.fromkeys(range(2, 10), "others") | dict.fromkeys(range(2), "theirs")
    cells = published({"category": faces, "person": others}, least=3)
    assert {*cells} == {("category", "face"), ("category", "house")}
    assert (
        _unpublished({"category": faces, "person": others}, _small_cells({"person": others}, [], 3)) == set()
    )


@pytest.fixture(scope="module")
def of_few(made, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """A bundle from which cells of fewer than three stimuli are withheld: those labelled `theirs`, two."""
    with pytest.MonkeyPatch.context() as patch:
        made.own(patch)
        output = tmp_path_factory.mktemp("few") / "bundle"
        written = Study(made.study).share(output, set="köpfe", scheme="owner", minimum_n=3)
    assert any("theirs" in note and "fewer than 3" in note for note in written.notes)
    assert any("2 stimuli" in note for note in written.notes)
    return output


def test_withheld_stimuli_are_in_no_table_and_no_record(of_few: Path, shared: Path) -> None:
    whole = pl.read_parquet(shared / "labels.parquet").filter(set="köpfe", scheme="owner", category="theirs")
    hidden = {*whole["stimulus_id"]}
    stimuli = next(
        pl.read_parquet(file) for file in shared.glob("stimuli-*") if "session" in pl.read_parquet(file)
    )
    digests = {*stimuli.filter(pl.col("stimulus_id").is_in(hidden))["sha256"]}
    assert len(hidden) == len(digests) == 2
    for file in of_few.glob("*.parquet"):
        rows = pl.read_parquet(file)
        if "stimulus_id" in rows.columns:
            assert not hidden & {*rows["stimulus_id"]}, file.name
        if "category" in rows.columns:
            assert {*rows["category"]} == {"ours"}, file.name
    for file in of_few.iterdir():
        text = file.read_bytes().decode(errors="ignore")
        assert "theirs" not in text, file.name
        assert not [digest for digest in digests if digest in text], file.name
    record = json.loads((of_few / "bundle.json").read_text())
    assert record["withheld"] == {"minimum_n": 3, "cells": 1, "stimuli": 2}
    assert "withheld: 1 cells" in (of_few / "README.md").read_text()


def test_what_would_reveal_the_withheld_is_refused(rich: Study, tmp_path: Path) -> None:
    for options, named in (
        ({"including": "responses"}, "every single stimulus"),
        ({"including": "significance"}, "could be computed from them"),
        ({"report": True}, "small ones"),
        ({"minimum_n": 100}, "nothing would be left"),
        ({"minimum_n": 0}, "1 or more"),
    ):
        with pytest.raises(UsageError, match=named):
            rich.share(tmp_path / "x", set="köpfe", **{"minimum_n": 3, **options})
    assert [*tmp_path.iterdir()] == []


def test_nothing_is_withheld_where_all_cells_are_large(rich: Study, tmp_path: Path) -> None:
    rich.share(tmp_path / "x", set="köpfe", scheme="category", minimum_n=4, including="significance")
    rows = pl.read_parquet(tmp_path / "x" / "rollups.parquet")
    assert {*rows["category"]} == {"red", "green", "blue"}
