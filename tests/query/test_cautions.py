"""What must be known of rows before anything is concluded from them: threshold, chance, and the untrained control."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from support.tiny_network import CARD, paint, write_weights
from toolbox import Selection, Study
from toolbox.errors import VerificationError
from toolbox.query.cautions import _significant_filters, cautions, criterion
from toolbox.store.availability import available_responses
from toolbox.store.resamples import Labelling, Measure


@pytest.fixture
def presented(study: Study, card: str, weights: str) -> Study:
    study.extract("colours", model=card, weights=weights)
    return study


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"index": "auc", "threshold": 0.01}, "below the value of auc without any preference (0.5)"),
        ({"index": "share", "threshold": 0.01}, "below the value of share without any preference (0.5)"),
        ({"index": "auc", "threshold": 1.0}, "no filter can exceed 1: auc ranges from 0 to 1"),
    ],
)
def test_a_threshold_that_means_nothing_is_named(
    parameters: dict[str, object], words: str, presented: Study
) -> None:
    answer = presented.answer("layers/profile", parameters)
    assert words in answer.cautions[0]
    assert "a suitable threshold is" in answer.cautions[0]
    assert set(answer.cautions) <= set(answer.notes)


def test_the_threshold_of_the_index_needs_no_caution(presented: Study) -> None:
    for index in ("contrast", "share", "auc"):
        assert presented.answer("layers/profile", {"index": index}).cautions == ()


def test_proportions_inside_chance_are_counted(presented: Study) -> None:
    presented.significance("colours", resamples=20)
    answer = presented.answer("layers/profile")
    known = answer.rows.filter((answer.rows["proportion"] > 0) & ~answer.rows["is_pool"])
    inside = known.height - known["beyond_chance"].sum()
    assert inside > 0
    assert answer.cautions[0].startswith(f"{inside} of {known.height} proportions above 0 are not beyond")


def test_an_untrained_control_is_to_be_resampled_too(presented: Study, tmp_path: Path) -> None:
    card = tmp_path / "untrained.toml"
    card.write_text(CARD.read_text().replace('name = "tiny"', 'name = "untrained"'))
    presented.extract("colours", model=str(card), weights="random:0")
    presented.significance("colours", model="tiny", resamples=20)
    trained, control = Selection("colours", "tiny"), Selection("colours", "untrained")
    (caution,) = (text for text in presented.answer("layers/significant", {}, trained).cautions)
    assert caution.startswith("the untrained control untrained was not resampled; to compare with it: ")
    presented.significance("colours", model="untrained", resamples=20)
    assert not any(
        "was not resampled" in text for text in presented.answer("layers/significant", {}, trained).notes
    )
    assert presented.answer("layers/significant", {}, control).cautions == ()


def test_a_table_that_is_damaged_after_it_was_found_readable_is_not_counted(
    presented: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    presented.significance("colours", resamples=20)
    labelling = Labelling(
        presented.folder, available_responses(presented.folder, "colours", "tiny"), "category"
    )
    measure = Measure()
    file = labelling.file("filters", measure)
    assert file.is_file() and _significant_filters(labelling, measure) is not None
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1

    def damaged_then_readable(*_: object) -> bool:
        file.write_bytes(content)
        return True

    monkeypatch.setattr("toolbox.query.cautions._is_readable", damaged_then_readable)
    with pytest.raises(VerificationError, match="its bytes have changed since they were written"):
        _significant_filters(labelling, measure)


def test_significant_filters_of_an_untrained_control_are_counted(cache: Path, tmp_path: Path) -> None:
    for number in range(8):
        paint(tmp_path / "photographs" / "red" / f"{number}.png", (180 + 9 * number, 20 + number, 0))
        paint(tmp_path / "photographs" / "green" / f"{number}.png", (number, 60 + 5 * number, 0))
    study = Study(tmp_path / "study", create=True)
    study.ingest(tmp_path / "photographs", set="colours")
    study.extract("colours", model=str(CARD), weights=str(write_weights(tmp_path / "tiny.npz")))
    control = tmp_path / "untrained.toml"
    control.write_text(CARD.read_text().replace('name = "tiny"', 'name = "untrained"'))
    study.extract("colours", model=str(control), weights="random:0")
    for model in ("tiny", "untrained"):
        study.significance("colours", model=model, resamples=200)
    count = "select category, count(*) filter (q < 0.05) as n from significance group by 1 order by 1"
    counted = dict(study.query(count, model="untrained").iter_rows())
    assert sum(counted.values()) > 0
    found = study.answer("layers/significant", {}, Selection("colours", "tiny")).cautions
    own = dict(study.query(count, model="tiny").iter_rows())
    named = ", ".join(
        f"{name} {n} ({own.get(name, 0)})"
        for name, n in sorted(counted.items(), key=lambda e: (-e[1], e[0]))
        if n
    ).replace(")", " of tiny)", 1)
    assert found == (
        f"in the untrained control untrained, filters are significant (q < 0.05) too: {named}; low-level differences "
        "between the categories, such as size or sharpness, are enough for that",
    )


def test_confounds_are_named_where_there_is_no_control(cache: Path, tmp_path: Path) -> None:
    for number in range(10):
        paint(tmp_path / "photographs" / "red" / f"{number}.png", (180 + number, 20 + number, 0), side=8)
        paint(tmp_path / "photographs" / "green" / f"{number}.png", (number, 60 + 5 * number, 0))
    study = Study(tmp_path / "study", create=True)
    study.ingest(tmp_path / "photographs", set="colours")
    study.extract("colours", model=str(CARD), weights=str(write_weights(tmp_path / "tiny.npz")))
    study.significance("colours", resamples=20)
    differs = dict(study.query("sets/summary").select("category", "differs").iter_rows())
    assert differs["red"] is not None and "larger (AUC 1.00)" in differs["red"]
    named = "; ".join(f"{category} {words}" for category, words in sorted(differs.items()) if words)
    assert (
        f"images of some categories can be told apart without their content: {named}; filters may respond to that. An "
        "untrained network shows how many do"
    ) in study.answer("layers/significant").cautions


def test_the_criterion_names_index_and_threshold() -> None:
    assert criterion({"index": "contrast", "threshold": None}) == "contrast > 0.1"
    assert criterion({"index": "contrast", "threshold": 0.01}) == "contrast > 0.01 (as published)"
    assert criterion({"index": "share", "threshold": None}) == "share > 2 * n / (n + all_n)"
    assert criterion({"index": "auc"}) == ""


def test_the_mean_depth_of_few_filters_is_named(presented: Study) -> None:
    sentence = (
        "few filters are selective for green 1, red 9, so where they are located depends on single filters"
    )
    counted = pl.DataFrame(
        {"category": ["green", "red", "blue"], "selective": [1, 9, 10], "mean_depth": [0.1, 0.2, 0.3]}
    )
    pairs = pl.DataFrame(
        {
            "measure": ["mean_depth"] * 3,
            "category": ["blue", "blue", "green"],
            "other": ["green", "red", "red"],
            "selective": [10, 10, 1],
            "selective_other": [1, 9, 9],
        }
    )
    nothing = SimpleNamespace(responses=None, labelling=None)  # of a query that reads no view
    for rows in (counted, pairs):
        assert [*cautions(presented.folder, nothing, (), {}, rows)] == [sentence]
