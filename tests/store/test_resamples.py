"""Tables of resampled indices: which are read, which are stale, and the command that makes them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from support.small_study import MODEL, SET, add_labels, add_responses
from toolbox.store.availability import available_responses
from toolbox.store.columns import TABLES
from toolbox.store.folder import SCHEME, StudyFolder
from toolbox.store.parquet import arrow_schema, provenance_of, read_table, write_table
from toolbox.store.resamples import Labelling, Measure, write_resampled

SHARE = Measure("share", "mean", "layer")


def labelling(study: StudyFolder, scheme: str = SCHEME) -> Labelling:
    return Labelling(study, available_responses(study, SET, MODEL), scheme)


def splits() -> pa.Table:
    columns = {
        "layer": ["conv1"],
        "filter": [0],
        "preferred": pa.nulls(1, pa.string()),
        **{name: [0.5] for name in ("value", "cross_validated", "agreement", "reliability")},
    }
    return pa.table(columns)


def written(study: StudyFolder, measure: Measure = SHARE) -> Path:
    here = labelling(study)
    file = here.file("splits", measure)
    write_resampled(file, "splits", measure, [splits()], {"seed": 3, **here.source})
    return file


def test_a_table_holds_its_measure_and_says_what_it_was_made_from(two_parts: StudyFolder) -> None:
    file = written(two_parts)
    table = read_table(file)
    assert table.schema == arrow_schema(TABLES["splits"])
    assert list(table.to_pylist()[0].values()) == ["share", "mean", "layer", "conv1", 0, None, *[0.5] * 4]
    assert provenance_of(file)["seed"] == 3
    here = labelling(two_parts)
    assert here.has_table("splits", SHARE, {"seed": 3})
    assert not here.has_table("splits", SHARE, {"seed": 4})
    assert not here.has_table("splits", Measure())
    assert here.fresh_files("splits") == ([file], [])
    assert here.fresh_files("resamples") == ([], [])
    assert here.command_of(file) == f"{here.command(SHARE)} --seed 3"


@pytest.mark.parametrize("change", ["labels", "a part taken back", "a rebuilt part", "another program"])
def test_a_table_of_other_labels_or_responses_is_stale(
    change: str, two_parts: StudyFolder, responses: pl.DataFrame
) -> None:
    file = written(two_parts)
    folder = two_parts.extraction(SET, MODEL)
    if change == "labels":
        add_labels(
            two_parts, pl.DataFrame({"stimulus_id": [0, 1, 2, 3], "category": ["dog", "car", "dog", "car"]})
        )
    elif change == "a part taken back":
        folder.record(1).unlink()
    elif change == "a rebuilt part":
        for path in (*folder.parts.iterdir(), *folder.plans.iterdir()):
            path.unlink()
        add_responses(two_parts, responses.with_columns(pl.col("mean") / 2), parts=[[0, 2], [1, 3]])
    else:
        write_table(file, read_table(file), {})
    here = labelling(two_parts)
    assert not here.has_table("splits", SHARE)
    assert here.fresh_files("splits") == ([], [file])


def test_the_command_has_the_options_that_are_needed(two_parts: StudyFolder, responses: pl.DataFrame) -> None:
    here = labelling(two_parts)
    assert here.command(Measure()) == "toolbox significance shapes"
    assert here.command(SHARE, [0.25]) == (
        "toolbox significance shapes --index share --statistic mean --normalise layer --threshold 0.25"
    )
    add_responses(two_parts, responses, model="second")
    add_labels(two_parts, pl.DataFrame({"stimulus_id": [0, 1], "category": ["old", "new"]}), scheme="age")
    assert labelling(two_parts, "age").command(Measure(), [0.05]) == (
        "toolbox significance shapes --model tiny --scheme age --threshold 0.05"
    )
