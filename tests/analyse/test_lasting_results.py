"""Results last for as long as what they were computed from is the same, whatever is written beside it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.own_sql import seen
from support.tiny_network import paint
from toolbox import ResultWarning, Study
from toolbox.analyse.significance.sources import read_sources
from toolbox.store.availability import available_responses
from toolbox.store.folder import SCHEME
from toolbox.store.labels import digest_of_labels, read_labels, write_labels
from toolbox.store.parquet import provenance_of, read_table, write_table
from toolbox.store.resamples import Labelling

RESAMPLED = "select count(*) as n from significance"
"""What a query reads of resampled indices."""


@pytest.fixture
def finished(study: Study, card: str, weights: str) -> Study:
    """A study with responses, roll-ups and resampled indices."""
    study.extract("colours", model=card, weights=weights)
    study.significance(resamples=20)
    return study


def stamps(study: Study) -> dict[str, int]:
    """When each table of results was written."""
    root = study.folder.root
    return {
        path.relative_to(root).as_posix(): path.stat().st_mtime_ns
        for folder in ("rollups", "significance")
        for path in (root / folder).rglob("*.parquet")
    }


def is_kept(study: Study) -> bool:
    """Whether resampling again computes nothing, queries read all results without a note, and no table is rewritten."""
    before = stamps(study)
    report = study.significance(resamples=20)
    answers = [study.answer(query) for query in (RESAMPLED, "layers/profile")]
    notes = [note for answer in answers for note in answer.notes if note not in answer.cautions]
    rows = answers[0].rows["n"].item()
    return report.seconds == 0 and rows > 0 and not notes and stamps(study) == before


def labels(study: Study) -> Path:
    return study.folder.labels("colours")


def add_columns(study: Study, photographs: Path) -> None:
    """Ingest the images as a table with two parameters."""
    files = sorted(path for path in photographs.rglob("*.png"))
    lines = [f"{path},{path.parent.name},{number},{number / 2}" for number, path in enumerate(files)]
    table = photographs.parent / "ratings.csv"
    table.write_text("\n".join(["path,category,luminance,rms", *lines]))
    report = study.ingest(table, set="colours")
    assert (report.added, report.known, report.parameters) == (0, 6, ["luminance", "rms"])


def move(study: Study, photographs: Path) -> None:
    """Ingest the images from where they are now."""
    moved = shutil.move(photographs, photographs.with_name("moved"))
    report = study.ingest(moved, set="colours")
    assert (report.added, report.moved) == (0, 6)


def rewrite_labels(study: Study, photographs: Path) -> None:
    """Write the same labels in another order, with other metadata and other bytes."""
    before = labels(study).read_bytes()
    write_table(labels(study), read_table(labels(study)).take([5, 0, 1, 4, 2, 3]), {"sources": ["a copy"]})
    assert labels(study).read_bytes() != before


def change_back(study: Study, photographs: Path) -> None:
    """Change a label, ask, and change it back."""
    before = read_labels(labels(study))
    write_labels(labels(study), {**before, 0: "red"}, {})
    with pytest.warns(ResultWarning, match="from other responses or labels"):
        assert study.query(RESAMPLED)["n"].item() == 0
    write_labels(labels(study), before, {})
    study.answer("layers/profile")  # the roll-up is made again, from the few responses


@pytest.mark.parametrize(
    "change",
    [
        lambda study, photographs: study.ingest(photographs, set="colours"),
        move,
        add_columns,
        rewrite_labels,
        change_back,
    ],
    ids=["the same folder", "a moved folder", "a manifest with parameters", "another label file", "and back"],
)
def test_the_same_content_keeps_all_results(
    change: Callable[[Study, Path], None], finished: Study, photographs: Path
) -> None:
    change(finished, photographs)
    assert is_kept(finished)


def test_moved_images_and_added_parameters_leave_the_label_file_alone(
    finished: Study, photographs: Path
) -> None:
    before = labels(finished).stat().st_mtime_ns
    add_columns(finished, photographs)
    move(finished, photographs)
    assert labels(finished).stat().st_mtime_ns == before
    assert finished.query(seen("select distinct parameter from parameters order by 1"))[
        "parameter"
    ].to_list() == [
        "luminance",
        "rms",
    ]


def change_a_label(study: Study, photographs: Path) -> None:
    write_labels(labels(study), {**read_labels(labels(study)), 0: "red"}, provenance_of(labels(study)))


def add_a_stimulus(study: Study, photographs: Path) -> None:
    paint(photographs / "red" / "red 9.png", (77, 5, 5))
    assert study.ingest(photographs, set="colours").added == 1


@pytest.mark.parametrize("change", [change_a_label, add_a_stimulus])
def test_other_content_leaves_resampled_indices_unused_with_a_note(
    change: Callable[[Study, Path], None], finished: Study, photographs: Path
) -> None:
    change(finished, photographs)
    with pytest.warns(ResultWarning) as notes:
        assert finished.query(RESAMPLED)["n"].item() == 0
    assert any(
        "so it is ignored; to compute it again: toolbox significance" in str(note.message) for note in notes
    )
    assert not is_kept(finished)


def test_tables_with_a_digest_of_the_label_file_are_used_while_that_file_stays(
    finished: Study, photographs: Path
) -> None:
    digest = hashlib.sha256(labels(finished).read_bytes()).hexdigest()
    for name in stamps(finished):
        file = finished.folder.root / name
        write_table(file, read_table(file), {**provenance_of(file), "labels": digest})
    finished.ingest(photographs, set="colours")
    add_columns(finished, photographs)
    assert is_kept(finished)
    rewrite_labels(finished, photographs)
    assert not is_kept(finished)


def test_the_digest_is_of_stimuli_and_categories_alone(tmp_path: Path, cache: Path) -> None:
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    write_labels(one, {1: "á", 0: "b"}, {"set": "x"})
    write_labels(other, {0: "b", 1: "á"}, {"set": "y", "sources": [1, 2]})
    assert digest_of_labels(one) == digest_of_labels(other)
    for changed in ({0: "b"}, {0: "á", 1: "b"}, {0: "b", 2: "á"}, {0: "b", 1: "a"}, {0: "b", 1: "á", 2: "b"}):
        write_labels(other, changed, {"set": "x"})
        assert digest_of_labels(one) != digest_of_labels(other), changed


def test_a_cached_digest_is_that_of_the_file_now(finished: Study) -> None:
    responses = available_responses(finished.folder, "colours", "tiny")
    labelling = Labelling(finished.folder, responses, SCHEME)
    before = labelling.source
    assert labelling.source == before
    change_a_label(finished, labels(finished))
    assert labelling.source["labels"] != before["labels"]


def test_responses_that_were_replaced_by_as_many_are_noticed_while_they_are_resampled(
    finished: Study,
) -> None:
    sources = read_sources(finished.folder, "colours", "tiny", "category")
    assert sources.is_current()
    part = finished.folder.extraction("colours", "tiny").part(0)
    shutil.copy(part, part.with_suffix(".copy"))
    part.with_suffix(".copy").replace(part)
    assert not sources.is_current()
