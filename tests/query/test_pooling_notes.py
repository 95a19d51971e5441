"""Notes on SQL that reads several resampled indices together, and tuning where there are no parameters."""

from __future__ import annotations

import pytest

from toolbox import Study
from toolbox.errors import UsageError

COUNT = "select count(*) as n from significance where q < 0.9"


@pytest.fixture
def resampled(study: Study, card: str, weights: str) -> Study:
    study.extract("colours", model=card, weights=weights)
    study.significance("colours", resamples=20)
    study.significance("colours", index="auc", resamples=20)
    return study


def test_sql_that_reads_two_indices_together_is_noted(resampled: Study) -> None:
    (note,) = resampled.answer(COUNT).notes
    assert note == (
        "significance holds 2 indices (auc, contrast), and this SQL reads all of them together; "
        "to choose one: where index = 'contrast'"
    )
    resampled.significance("colours", statistic="mean", resamples=20)
    statistics = resampled.answer(COUNT).notes[1]
    assert statistics.startswith("significance holds 2 statistics (maximum, mean), ")
    (of_halves,) = resampled.answer("select avg(value) as v from reliability where statistic = 'mean'").notes
    assert of_halves.startswith("reliability holds 2 indices")


@pytest.mark.parametrize(
    "sql",
    [
        f"{COUNT} and index = 'auc'",
        f"{COUNT} and \"INDEX\" = 'auc'",
        "select * from significance",
        "select index, count(*) as n from significance group by all",
        "select count(*) as n from labels",
        "layers/significant",
    ],
)
def test_sql_that_names_or_shows_the_index_needs_no_note(sql: str, resampled: Study) -> None:
    assert not [note for note in resampled.answer(sql).notes if "holds" in note]


def test_a_comment_names_no_column(resampled: Study) -> None:
    assert len(resampled.answer(f"{COUNT} -- index = 'auc'").notes) == 1


def test_one_index_needs_no_note(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights)
    study.significance("colours", resamples=20)
    assert study.answer(COUNT).notes == ()


def test_tuning_without_parameters_names_what_has_them(resampled: Study) -> None:
    with pytest.raises(UsageError) as caught:
        resampled.query("tuning/parameter", layer="pool", filter=0)
    assert str(caught.value) == (
        "tuning/parameter needs stimuli with numeric parameters, and the set has none; to have some: "
        "toolbox ingest gratings --set gratings, or a table with further columns of numbers"
    )
