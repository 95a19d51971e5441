"""Categories of few stimuli are withheld, and cannot be computed from what is shared."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.exchange_places import Place
from toolbox import Study
from toolbox.errors import UsageError
from toolbox.exchange.bundle.withholding import Cell, _related_cells, _small_cells
from toolbox.exchange.importing.page_headers import check_pages
from toolbox.exchange.importing.run import verify_bundle

Labels = Mapping[tuple[str, str], Sequence[tuple[int, str]]]
"""Set and scheme -> image and category of every stimulus."""


def view_of(labels: Labels) -> dict[str, list[Cell]]:
    """The cells of every image."""
    view: dict[str, list[Cell]] = {}
    for (set_name, scheme), rows in labels.items():
        for image, category in rows:
            view.setdefault(str(image), []).append((set_name, scheme, category))
    return view


def published(labels: Labels, least: int) -> dict[Cell, Counter[int]]:
    """The cells that are shared, with how often each image is in them."""
    view = [view_of(labels)]
    small = _small_cells(view, least)
    withheld = small | _related_cells(view, small, least, [*labels])
    cells: dict[Cell, Counter[int]] = {}
    for names, rows in labels.items():
        for image, category in rows:
            if (*names, category) not in withheld:
                cells.setdefault((*names, category), Counter())[image] += 1
    return cells


def smallest_sum(cells: Mapping[Cell, Counter[int]], images: int) -> int:
    """The fewest images over which a combination of the sums of cells is a sum: by brute force over all subsets."""
    if not cells:
        return images
    span = np.array([[members[number] for number in range(images)] for members in cells.values()], float)
    rank = np.linalg.matrix_rank(span)
    for size in range(1, images + 1):
        for chosen in combinations(range(images), size):
            wanted = np.isin(np.arange(images), chosen).astype(float)
            if np.linalg.matrix_rank(np.vstack([span, wanted])) == rank:
                return size
    return images


@given(
    st.lists(st.tuples(st.sampled_from("abn"), st.sampled_from("xyn")), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from("pq")), max_size=8),
    st.integers(1, 4),
)
def test_no_combination_of_what_is_shared_is_a_sum_over_fewer_images(
    rows: list[tuple[str, str]], others: list[tuple[int, str]], least: int
) -> None:
    """Two schemes, in which n is no label, and another set, which may have an image twice."""
    labels: dict[tuple[str, str], list[tuple[int, str]]] = {
        ("one", scheme): [(number, row[place]) for number, row in enumerate(rows) if row[place] != "n"]
        for place, scheme in enumerate(("first", "second"))
    }
    labels["two", "first"] = others
    cells = published(labels, least)
    assert all(members.total() >= least for members in cells.values())
    if cells:
        assert smallest_sum(cells, 8) >= least


def test_a_category_is_withheld_that_differs_from_another_by_few_stimuli() -> None:
    """All faces but those of one person: the difference of both sums would be that person's."""
    faces = [*((number, "face") for number in range(10)), *((number, "house") for number in range(10, 20))]
    others = [*((number, "others") for number in range(2, 10)), (0, "theirs"), (1, "theirs")]
    cells = published({("all", "category"): faces, ("all", "person"): others}, least=3)
    assert {*cells} == {("all", "category", "face"), ("all", "category", "house")}


def test_a_category_is_withheld_that_lacks_few_images_of_one_in_another_set() -> None:
    """The same pictures without those of one person as a set of their own."""
    faces = [(number, "face") for number in range(10)]
    cells = published({("all", "category"): faces, ("some", "category"): faces[2:]}, least=3)
    assert {*cells} == {("all", "category", "face")}


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


def test_a_set_that_is_withheld_completely_can_be_verified_and_imported(rich: Study, tmp_path: Path) -> None:
    """The set kopfe has two images."""
    rich.share(tmp_path / "bundle", minimum_n=3)
    assert {*pl.read_parquet(tmp_path / "bundle" / "rollups.parquet")["set"]} == {"köpfe"}
    mine = Study(tmp_path / "mine", create=True)
    assert verify_bundle(tmp_path / "bundle", thorough=True).problems == ()
    assert "köpfe" in mine.import_(tmp_path / "bundle").sets
    for file in (tmp_path / "bundle").glob("*.parquet"):
        footer = pq.read_metadata(file)
        assert all(footer.row_group(number).num_rows for number in range(footer.num_row_groups)), file.name


def test_groups_without_rows_are_pages_as_others_are(tmp_path: Path) -> None:
    """A table as earlier versions wrote it: with a group for a set that is withheld completely."""
    table = pa.table({"layer": ["a", "b"], "n": [1, 2], "sum": [0.5, 1.5]})
    path = tmp_path / "rollups.parquet"
    with pq.ParquetWriter(
        path, table.schema, use_dictionary=["layer", "n"], use_byte_stream_split=["sum"], compression="zstd"
    ) as writer:
        for rows in (table.slice(0, 0), table, table.slice(0, 0)):
            writer.write_table(rows)
    footer = pq.read_metadata(path)
    assert [footer.row_group(number).num_rows for number in range(3)] == [0, 2, 0]
    check_pages(path, footer)


def test_sets_with_the_same_images_are_compared(rich: Study, made: Place, tmp_path: Path) -> None:
    """The set without two of its pictures, as a set of its own."""
    study = Study(shutil.copytree(made.study, tmp_path / "copy"))
    rows = (made.home / "list.csv").read_text().splitlines()
    (made.home / "fewer.csv").write_text("\n".join([rows[0], *rows[3:]]) + "\n")
    study.ingest(made.home / "fewer.csv", set="fewer")
    study.extract("fewer", model="tiny", weights=str(made.home / "tiny.npz"))
    written = study.share(tmp_path / "bundle", set=["fewer", "köpfe"], scheme="category", minimum_n=3)
    rollups = pl.read_parquet(tmp_path / "bundle" / "rollups.parquet")
    expected = [("fewer", "blue"), *(("köpfe", name) for name in ("blue", "green", "red"))]
    assert sorted(rollups.select("set", "category").unique().rows()) == expected
    for name in ("red", "green"):
        assert any(f"withheld: {name} (fewer, category): sums over fewer" in note for note in written.notes)
