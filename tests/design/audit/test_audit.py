"""Audits of a set with planted faults: what is listed, what is left out, what cannot be looked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from support.faulty_set import OTHER, FaultySet
from support.small_study import SET
from support.tiny_network import paint
from toolbox import Study
from toolbox.design.audit import AUDITED, Audit, AuditChoices, audit, save_scheme
from toolbox.design.audit.copies import groups_of_copies, short_path
from toolbox.design.audit.findings import FINDINGS, MEANINGS
from toolbox.design.audit.paragraph import audit_paragraph
from toolbox.errors import UnknownNameError, UsageError
from toolbox.query.result_files import ResultFiles
from toolbox.store.labels import read_labels
from toolbox.store.selection import Selection


def found_in(faulty: FaultySet, **choices: Any) -> Audit:
    return audit(faulty.folder, Selection(SET), AuditChoices(**choices))


def pairs(rows: pl.DataFrame) -> set[tuple[int, int]]:
    """The other picture and the stimulus of every pair."""
    return set(rows.select("other_id", "stimulus_id").iter_rows())


def test_near_duplicates_are_the_planted_pairs_and_no_others(faulty: FaultySet) -> None:
    rows = found_in(faulty, kind="near_duplicate", against=[]).findings
    assert pairs(rows) == faulty.near
    assert pairs(rows.filter("conflict")) == faulty.conflict


def test_one_of_a_pair_may_go_and_both_where_they_have_two_categories(faulty: FaultySet) -> None:
    found = found_in(faulty, kind="near_duplicate", against=[])
    of_conflicts = {number for pair in faulty.conflict for number in pair}
    assert {*found.left_out} == {later for _, later in faulty.near} | of_conflicts


def test_pictures_that_another_set_shares_are_found_by_pixels_and_by_responses(faulty: FaultySet) -> None:
    rows = found_in(faulty, kind=["duplicate", "near_duplicate"]).findings.drop_nulls("other_set")
    assert {*rows["other_set"]} == {OTHER}
    by_kind = {
        kind: dict(of_kind.select("stimulus_id", "other_id").iter_rows())
        for (kind,), of_kind in rows.group_by("kind")
    }
    assert by_kind == {"duplicate": faulty.shared_pixels, "near_duplicate": faulty.shared_near}


def test_no_copies_are_looked_for_in_sets_that_are_not_named(faulty: FaultySet) -> None:
    rows = found_in(faulty, kind=["duplicate", "near_duplicate"], against=[]).findings
    assert rows["other_set"].null_count() == rows.height
    assert found_in(faulty, kind="duplicate", against=OTHER).findings.height == len(faulty.shared_pixels)


def test_exchanged_labels_are_listed_first_with_the_category_that_they_fit(
    faulty: FaultySet, found: Audit
) -> None:
    rows = found.findings.filter(kind="doubtful_label")
    wrong = {**faulty.exchanged, **dict.fromkeys(number for pair in faulty.conflict for number in pair)}
    first = rows.head(len(faulty.exchanged))
    assert {*first["stimulus_id"]} <= wrong.keys()
    listed = dict(rows.select("stimulus_id", "other_category").iter_rows())
    assert {number: listed.get(number) for number in faulty.exchanged} == faulty.exchanged


def test_the_confound_is_found_and_filters_of_the_property_alone_do_not_remain(faulty: FaultySet) -> None:
    found = found_in(faulty, kind="confound")
    name, category = faulty.confound
    assert found.findings.select("measure", "category").rows() == [(name, category)]
    row = found.findings.row(0, named=True)
    assert row["value"] > 0.9
    assert row["selective"] - row["adjusted"] >= 10  # five filters in each layer respond to luminance alone
    assert row["adjusted"] > 0
    assert {*found.separations["property"]} >= {"luminance", "symmetry"}


def test_dark_pictures_are_listed_with_their_threshold(faulty: FaultySet) -> None:
    rows = found_in(faulty, kind="dark").findings
    assert {*rows["stimulus_id"]} == faulty.dark
    assert {*rows["threshold"]} == {0.32}


def test_everything_together_is_ordered_by_kind_and_has_the_declared_columns(found: Audit) -> None:
    assert dict(found.findings.schema) == FINDINGS
    places = [AUDITED.index(kind) for kind in found.findings["kind"]]
    assert places == sorted(places)
    assert MEANINGS.keys() <= FINDINGS.keys()
    assert found.paragraph.startswith("Audit of shapes (180 stimuli, 3 categories of the scheme category, ")
    assert repr(found).startswith("Audit('Audit of shapes")


def test_equal_seeds_give_equal_lists(faulty: FaultySet, found: Audit) -> None:
    again = found_in(faulty, kind="doubtful_label").findings
    assert again.equals(found.findings.filter(kind="doubtful_label"))


def test_what_was_not_measured_is_noted_with_the_command(faulty: FaultySet) -> None:
    notes = found_in(faulty, kind=["light", "dark", "grey"]).notes
    assert notes == ("not looked for, as it was not measured: light, grey; first: toolbox properties shapes",)


def test_without_responses_only_pixels_and_pictures_are_looked_at(faulty: FaultySet, tmp_path: Path) -> None:
    root = tmp_path / "study"
    shutil.copytree(faulty.folder.root, root)
    for folder in ("responses", "plans", "rollups"):
        shutil.rmtree(root / folder, ignore_errors=True)
    found = audit(Study(root).folder, Selection(SET), AuditChoices(kind=["duplicate", "doubtful_label"]))
    assert {*found.findings["kind"]} == {"duplicate"}
    assert "need responses, and shapes has none; to have some: toolbox extract shapes" in found.notes[-1]


def test_the_paragraph_claims_nothing_of_what_could_not_be_looked_for(tmp_path: Path, cache: Path) -> None:
    for number in range(6):
        paint(tmp_path / "images" / "red" / f"{number}.png", (200, number * 9, 0))
    study = Study(tmp_path / "study", create=True)
    study.ingest(tmp_path / "images", set="few")
    found = audit(study.folder, Selection("few"))
    assert "Not looked for: near duplicate, doubtful label, dark, light," in found.paragraph
    assert "confound." in found.paragraph
    assert "nearly the same" not in found.paragraph
    assert "No category is told" not in found.paragraph
    assert "1 category of the scheme" in found.paragraph
    assert any(
        note.startswith("confounds are not looked for: no category of few has 10") for note in found.notes
    )


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"kind": "dusty"}, UnknownNameError, "no kind of finding named 'dusty'"),
        ({"kind": []}, UsageError, "kind is empty"),
        ({"near": 1.5}, UsageError, r"near is 1.5; expected a number from 0, below 1"),
        ({"false_positives": 0}, UsageError, "false_positives is 0; expected a proportion above 0"),
        ({"seed": -1}, UsageError, "seed is -1; expected 0 or more"),
        ({"auc": 0.5}, UsageError, "auc is 0.5; expected a number above 0.5"),
        ({"against": "elsewhere"}, UnknownNameError, "no stimulus set named 'elsewhere'"),
        ({"against": SET}, UsageError, "against is 'shapes', the audited set itself"),
    ],
)
def test_impossible_choices_are_refused(
    faulty: FaultySet, choices: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        found_in(faulty, **choices)


def test_a_figure_that_cannot_be_written_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(UsageError):
        ResultFiles(figure=Path("figure.doc"))
    with pytest.raises(UsageError, match=r"expected a name that ends in \.md or \.txt"):
        ResultFiles(text=Path("paragraph.doc"))


def test_figure_and_paragraph_are_written_and_name_no_folder(faulty: FaultySet, tmp_path: Path) -> None:
    files = ResultFiles(tmp_path / "audit.svg", tmp_path / "audit.md")
    found = audit(faulty.folder, Selection(SET), AuditChoices(kind=["near_duplicate", "confound"]), files)
    drawing = (tmp_path / "audit.svg").read_text(encoding="utf-8")
    assert "near duplicate" in drawing
    assert "Categories told by one property" in drawing
    assert str(faulty.folder.root) not in drawing
    assert (tmp_path / "audit.md").read_text(encoding="utf-8") == f"{found.paragraph}\n"


@pytest.fixture
def copied(faulty: FaultySet, tmp_path: Path) -> Study:
    shutil.copytree(faulty.folder.root, tmp_path / "study")
    return Study(tmp_path / "study")


def test_a_scheme_without_the_findings_has_all_other_labels(copied: Study) -> None:
    found = copied.audit(SET, kind=["near_duplicate", "dark"], save_as="clean", progress=False)
    before = read_labels(copied.folder.labels(SET))
    after = read_labels(copied.folder.labels(SET, "clean"))
    assert found.left_out
    assert after == {number: name for number, name in before.items() if number not in {*found.left_out}}
    rows = copied.query("layers/profile", set=SET, scheme="clean")
    assert {*rows["category"]} == {"car", "dog", "face"}


def test_the_record_of_a_scheme_says_what_was_left_out_and_how(copied: Study) -> None:
    found = copied.audit(SET, kind="dark", save_as="bright", progress=False)
    record = json.loads(
        next((copied.folder.root / "runs").glob("*-audit-*.json")).read_text(encoding="utf-8")
    )
    assert record["task"] == "audit"
    assert record["left_out"] == found.left_out
    assert record["source"]["kind"] == "dark"


def test_other_labels_of_the_scheme_are_only_replaced_on_request(copied: Study) -> None:
    copied.audit(SET, kind="dark", save_as="clean", progress=False)
    with pytest.raises(UsageError, match="already contains different labels"):
        copied.audit(SET, kind="near_duplicate", scheme="category", save_as="clean", progress=False)
    copied.audit(SET, kind="near_duplicate", scheme="category", save_as="clean", replace=True, progress=False)
    with pytest.raises(UsageError, match="reserved for ingestion"):
        copied.audit(SET, kind="dark", scheme="category", save_as="category", progress=False)


def test_a_name_that_no_scheme_can_have_is_refused_before_anything_is_looked_for(
    copied: Study, tmp_path: Path
) -> None:
    figure = tmp_path / "audit.svg"
    for name in ("category", "007", "=1+1"):
        with pytest.raises(UsageError, match="name"):
            copied.audit(SET, kind="dark", save_as=name, figure=figure, progress=False)
    assert not figure.exists()


def test_a_paragraph_counts_one_further_property_in_the_singular() -> None:
    rows = [("confound", "cat", name, 0.9, None, None) for name in ("luminance", "sharpness", "symmetry")]
    columns = ("kind", "category", "measure", "value", "selective", "adjusted")
    findings = pl.DataFrame(rows, schema=columns, orient="row")
    text = audit_paragraph(findings, "a set", ["confound"], None, 0, 3)
    assert "sharpness (AUC 0.90) alone, and by 1 more property." in text


def test_a_scheme_of_no_label_is_refused(copied: Study) -> None:
    choices = AuditChoices(kind="dark")
    found = audit(copied.folder, Selection(SET), choices)
    every = list(read_labels(copied.folder.labels(SET)))
    object.__setattr__(found, "left_out", every)
    with pytest.raises(UsageError, match="leave out every labelled stimulus of shapes"):
        save_scheme(copied.folder, found, "nothing", choices)


def test_copies_of_copies_are_one_group() -> None:
    found = [
        {"stimulus_id": 8, "other_id": 6, "other_set": None},
        {"stimulus_id": 9, "other_id": 8, "other_set": None},
        {"stimulus_id": 5, "other_id": 6, "other_set": "elsewhere"},
    ]
    assert groups_of_copies([5, 6, 7, 8, 9], found).tolist() == [0, 1, 2, 1, 1]


def test_a_short_path_says_nothing_about_the_computer() -> None:
    assert short_path("/home/anna/pictures/cat/1.jpg") == "cat/1.jpg"
