"""Bundles taken into a study: the same numbers to the last bit, all or nothing, and never over what is there."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from support.own_sql import seen
from support.tiny_network import CARD, paint
from toolbox import MixtureError, Study, UsageError, VerificationError
from toolbox.cli import app
from toolbox.exchange.importing import run
from toolbox.exchange.importing.extractions import stage_extractions
from toolbox.exchange.importing.opening import opened_study
from toolbox.exchange.importing.run import verify_bundle
from toolbox.exchange.importing.taking import Taking
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.computed_with import computed_with
from toolbox.store.imported_rollups import imported_record
from toolbox.store.parquet import read_table_and_origin, write_table

SET, MODEL = "colours", "tiny"
FROM_ROLLUPS = (
    "selectivity/index",
    "select * from rollups",
    "select * from labels",
    "select * from layers",
    "select stimulus_id, sha256, path, width from stimuli",
    "select * from properties",
    "select parameter, stimulus_id, value from observations order by all",
)
FROM_SIGNIFICANCE = (
    "filters/representative",
    "layers/profile",
    *(f"select * from {view} order by all" for view in ("significance", "resamples", "reliability")),
)
FROM_RELATIONS = tuple(f"select * from {view} order by all" for view in RELATION_TABLES)
FROM_RESPONSES = ("selectivity/ranks", "select * from responses order by all")
ANSWERED = {
    "rollups": FROM_ROLLUPS,
    "significance": FROM_ROLLUPS + FROM_SIGNIFICANCE,
    "relations": FROM_ROLLUPS + FROM_RELATIONS,
    "all": FROM_ROLLUPS + FROM_SIGNIFICANCE + FROM_RELATIONS + FROM_RESPONSES,
}
"""Bundle -> what it must answer as the study did."""
RELATIONS: tuple[dict[str, Any], ...] = (
    {"parameter": "brightness"},
    {"parameter": "brightness", "given": ["category"], "statistic": "mean"},
    {"parameter": "brightness", "given": ["luminance"]},
    {"parameter": "luminance", "threshold": [0.25]},
)
"""What is related to the responses: what was added, what ingestion measures, and what is measured later."""
BUNDLES = {
    "rollups": None,
    "significance": ["significance"],
    "relations": ["relations"],
    "all": ["significance", "relations", "responses"],
}


@pytest.fixture(scope="module")
def laboratory(extracted_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of two label schemes and a parameter, and bundles of it."""
    folder = tmp_path_factory.mktemp("laboratory")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("TOOLBOX_CACHE", str(folder / "cache"))
        study = Study(shutil.copytree(extracted_folder / "study", folder / "study"))
        lines = [f"{number},{'odd' if number % 2 else 'even'},{number / 3}" for number in range(6)]
        (folder / "table.csv").write_text("\n".join(["stimulus_id,parity,brightness", *lines]))
        (folder / "labels.csv").write_text(
            "\n".join(["stimulus_id,category", *(line.rpartition(",")[0] for line in lines)])
        )
        warnings.simplefilter("ignore")  # of images as small as these
        study.label(SET, scheme="parity", source=folder / "labels.csv")
        study.parameters(SET, source=folder / "table.csv", column=["brightness"])
        study.properties(SET, scheme="category", progress=False)
        study.significance(resamples=40, scheme="category", progress=False)
        for chosen in RELATIONS:
            study.relate(SET, scheme="category", resamples=40, progress=False, **chosen)
        study.use(SET, scheme="category")
        for name, including in BUNDLES.items():
            study.share(folder / f"{name}.zip", including=including, progress=False)
    return folder


@pytest.fixture
def mine(tmp_path: Path, cache: Path) -> Study:
    """Where a study will be."""
    return Study(tmp_path / "mine", create=True)


def answer(study: Study, query: str, scheme: str = "category") -> pl.DataFrame:
    """The rows of a query, without its notes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return study.query(seen(query) if " " in query else query, set=SET, scheme=scheme)


def listed(folder: Path) -> dict[Path, bytes]:
    """All files of a folder but locks."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("bundle", BUNDLES)
def test_an_import_answers_as_the_study_did(laboratory: Path, mine: Study, bundle: str) -> None:
    report = mine.import_(laboratory / f"{bundle}.zip", progress=False)
    theirs = Study(laboratory / "study")
    differing = [
        query
        for query in ANSWERED[bundle]
        if not answer(mine, query).equals(answer(theirs, query), null_equal=True)
    ]
    assert differing == []
    assert report.sets == (SET,)
    assert mine.verify(thorough=True).problems == ()


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_good_bundle_verifies_in_both_tiers(laboratory: Path, cache: Path, bundle: str) -> None:
    for thorough in (False, True):
        assert verify_bundle(laboratory / f"{bundle}.zip", thorough=thorough).problems == ()


def test_stimuli_name_their_bundle(laboratory: Path, mine: Study) -> None:
    report = mine.import_(laboratory / "rollups.zip", progress=False)
    origins = mine.query(seen("select distinct origin from stimuli"))["origin"].to_list()
    assert origins == [report.bundle] == [f"study {report.digest[:8]}"]
    (record,) = (Path(mine.folder.root) / "runs").glob("*-import-colours.json")
    assert report.digest in record.read_text()


def test_the_same_bundle_again_changes_nothing(laboratory: Path, mine: Study) -> None:
    mine.import_(laboratory / "all.zip", progress=False)
    before = listed(mine.folder.root)
    report = mine.import_(laboratory / "all.zip", progress=False)
    assert report.written == () and "nothing was changed" in report.notes[0]
    assert listed(mine.folder.root) == before


def test_responses_take_the_place_of_imported_roll_ups(laboratory: Path, mine: Study) -> None:
    mine.import_(laboratory / "rollups.zip", progress=False)
    with pytest.raises(UsageError, match="only roll-ups"):
        mine.query("select * from responses", set=SET, scheme="category")
    mine.import_(laboratory / "all.zip", progress=False)
    assert not imported_record(mine.folder.extraction(SET, MODEL)).exists()
    assert answer(mine, "select count(*) as n from responses")["n"].item() == 48
    assert mine.verify(thorough=True).is_intact
    assert "responses of tiny to colours" in mine.import_(laboratory / "rollups.zip", progress=False).known


def test_parts_that_are_there_are_not_written_again(laboratory: Path, mine: Study) -> None:
    mine.import_(laboratory / "all.zip", progress=False)
    folder = mine.folder.extraction(SET, MODEL)
    content = folder.part(0).read_bytes()
    folder.record(0).unlink()  # as if a run had been killed
    report = mine.import_(laboratory / "all.zip", progress=False)
    assert report.written == ("responses of tiny to colours: 1 parts that were missing",)
    assert folder.part(0).read_bytes() == content
    assert mine.verify(thorough=True).is_intact


def test_a_set_of_the_same_name_is_never_overwritten(laboratory: Path, mine: Study, tmp_path: Path) -> None:
    paint(tmp_path / "images" / "red" / "one.png", (1, 2, 3))
    mine.ingest(tmp_path / "images", set=SET, progress=False)
    before = listed(mine.folder.root)
    with pytest.raises(UsageError, match=r"another content than the bundle.*--set colours-2"):
        mine.import_(laboratory / "rollups.zip", progress=False)
    assert listed(mine.folder.root) == before
    mine.import_(laboratory / "rollups.zip", set="theirs", progress=False)
    assert mine.sets == [SET, "theirs"]
    assert mine.query("selectivity/index", set="theirs", scheme="category").height > 0


def test_a_scheme_of_the_same_name_is_never_overwritten(
    laboratory: Path, mine: Study, tmp_path: Path
) -> None:
    mine.import_(laboratory / "all.zip", progress=False)
    (tmp_path / "other.csv").write_text("stimulus_id,category\n0,x\n1,y\n")
    mine.label(SET, scheme="parity", source=tmp_path / "other.csv", replace=True)
    before = listed(mine.folder.root)
    with pytest.raises(UsageError, match="the label scheme 'parity' with another content"):
        mine.import_(laboratory / "all.zip", progress=False)
    assert listed(mine.folder.root) == before


def test_another_network_of_the_same_name_is_refused(
    laboratory: Path, mine: Study, tmp_path: Path, weights: str
) -> None:
    card = tmp_path / "tiny.toml"
    card.write_text(CARD.read_text())
    paint(tmp_path / "images" / "red" / "one.png", (200, 2, 3))
    paint(tmp_path / "images" / "green" / "two.png", (1, 200, 3))
    mine.ingest(tmp_path / "images", set="others", progress=False)
    mine.extract("others", model=str(card), weights="random:1", progress=False)
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        mine.import_(laboratory / "rollups.zip", progress=False)
    assert mine.sets == ["others"]


def test_a_dry_run_writes_nothing(laboratory: Path, mine: Study) -> None:
    report = mine.import_(laboratory / "all.zip", dry_run=True, progress=False)
    assert report.dry_run and "set colours: 6 stimuli" in report.written
    assert not mine.folder.root.exists()
    assert mine.import_(laboratory / "all.zip", progress=False).written == report.written


def test_an_import_that_fails_leaves_the_study_as_it_was(
    laboratory: Path, mine: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "images" / "red" / "one.png", (1, 2, 3))
    mine.ingest(tmp_path / "images", set="mine", progress=False)
    before = listed(mine.folder.root)

    def end_late(taking: Taking) -> None:
        stage_extractions(taking)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "stage_extractions", end_late)
    with pytest.raises(Exception, match="space"):
        mine.import_(laboratory / "all.zip", progress=False)
    assert listed(mine.folder.root) == before
    assert mine.sets == ["mine"]


def test_a_bundle_with_images_can_be_extracted_again(laboratory: Path, mine: Study, weights: str) -> None:
    bundle = laboratory / "images.zip"
    theirs = Study(laboratory / "study")
    theirs.share(bundle, including="responses", include_images=True, progress=False)
    mine.import_(bundle, progress=False)
    assert len([*mine.folder.images(SET).iterdir()]) == 6
    mine.extract(SET, model=str(CARD), weights=weights, replace=True, progress=False)
    query = "select * from responses order by all"
    assert answer(mine, query).equals(answer(theirs, query))


def test_a_bundle_may_have_more_images_than_a_deposit_has_files(
    tmp_path: Path, mine: Study, weights: str
) -> None:
    for number in range(110):
        category = ("even", "odd")[number % 2]
        paint(tmp_path / "photographs" / category / f"{number}.png", (number, 2 * number, 255 - number))
    study = Study(tmp_path / "study", create=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of images as small as these
        study.ingest(tmp_path / "photographs", set=SET)
        study.extract(SET, model=str(CARD), weights=weights, progress=False)
        shared = study.share(tmp_path / "images.zip", include_images=True, progress=False)
        assert shared.files > 110
        mine.import_(shared.output, progress=False)
    assert len([*(tmp_path / "mine" / "images").rglob("*.png")]) == 110


def relation_files(study: Study) -> list[Path]:
    """Both tables of one relation."""
    folders = [study.folder.relations(table, SET, MODEL, "category") for table in RELATION_TABLES]
    name = min(file.name for file in folders[0].iterdir())
    return [folder / name for folder in folders]


@pytest.mark.parametrize("kind", ["stale", "without permutations"])
def test_a_relation_that_no_query_reads_is_replaced(laboratory: Path, mine: Study, kind: str) -> None:
    mine.import_(laboratory / "all.zip", progress=False)
    first, second = relation_files(mine)
    if kind == "stale":
        for file in (first, second):
            rows, origin = read_table_and_origin(file)
            write_table(file, rows, origin | {"labels": "of others"})
    else:
        second.unlink()
    (written,) = mine.import_(laboratory / "relations.zip", progress=False).written
    assert written.startswith("relation to ")
    theirs = Study(laboratory / "study")
    for query in FROM_RELATIONS:
        assert answer(mine, query).equals(answer(theirs, query), null_equal=True)
    assert mine.verify(thorough=True).is_intact


def test_a_relation_with_other_permutations_stays(laboratory: Path, mine: Study) -> None:
    mine.import_(laboratory / "all.zip", progress=False)
    mine.relate(SET, scheme="category", resamples=40, seed=7, progress=False, **RELATIONS[0])
    before = answer(mine, FROM_RELATIONS[0])
    report = mine.import_(laboratory / "relations.zip", progress=False)
    assert answer(mine, FROM_RELATIONS[0]).equals(before, null_equal=True)
    assert not before.equals(answer(Study(laboratory / "study"), FROM_RELATIONS[0]), null_equal=True)
    stays = "relation to brightness of tiny to colours is there already, with other values or permutations, and stays"
    assert any(note.startswith(stays) for note in report.notes)


def test_withheld_categories_stay_withheld(laboratory: Path, mine: Study, tmp_path: Path) -> None:
    theirs = Study(shutil.copytree(laboratory / "study", tmp_path / "theirs"))
    (tmp_path / "few.csv").write_text(
        "stimulus_id,category\n0,rare\n1,often\n2,often\n3,often\n4,often\n5,often\n"
    )
    theirs.label(SET, scheme="few", source=tmp_path / "few.csv")
    theirs.share(tmp_path / "few.zip", scheme="few", minimum_n=3, progress=False)
    report = mine.import_(tmp_path / "few.zip", progress=False)
    assert any("withheld" in note for note in report.notes)
    found = answer(mine, "select distinct category from rollups", scheme="few")
    assert found["category"].to_list() == ["often"]
    assert mine.verify(thorough=True).is_intact


def test_either_is_opened_as_a_study(laboratory: Path, cache: Path) -> None:
    for path in (laboratory / "study", laboratory / "all.zip"):
        with opened_study(path) as study:
            assert study.sets() == [SET] and study.models(SET) == [MODEL]


def test_commands_verify_and_import(laboratory: Path, tmp_path: Path, cache: Path) -> None:
    bundle, study = str(laboratory / "all.zip"), str(tmp_path / "mine")
    runner = CliRunner()
    verified = runner.invoke(app, ["verify", bundle, "--thorough"])
    assert verified.exit_code == 0 and "no problem" in verified.stderr
    imported = runner.invoke(app, ["import", bundle, "--study", study])
    assert imported.exit_code == 0 and "set colours: 6 stimuli" in imported.stdout
    again = runner.invoke(app, ["import", bundle, "--study", study])
    assert again.stdout == "" and "nothing was changed" in again.stderr
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes((laboratory / "all.zip").read_bytes()[:-100])
    refused = runner.invoke(app, ["verify", str(damaged)])
    assert refused.exit_code == 3 and len(refused.stdout.splitlines()) == 1
    with pytest.raises(VerificationError):
        runner.invoke(app, ["import", str(damaged), "--study", study], catch_exceptions=False)


def test_imported_roll_ups_are_shared_again_and_responses_are_asked_for(
    laboratory: Path, mine: Study, tmp_path: Path
) -> None:
    mine.import_(laboratory / "rollups.zip", progress=False)
    mine.share(tmp_path / "again.zip", progress=False)
    third = Study(tmp_path / "third", create=True)
    third.import_(tmp_path / "again.zip", progress=False)
    query = "selectivity/index"
    assert answer(third, query).equals(answer(mine, query), null_equal=True)
    theirs = Study(laboratory / "study").folder.extraction(SET, MODEL)
    assert computed_with(third.folder.extraction(SET, MODEL)) == computed_with(theirs)
    assert computed_with(theirs).runtime and computed_with(theirs).preprocessing
    with pytest.raises(UsageError, match="only roll-ups of the responses of tiny to colours"):
        mine.share(tmp_path / "responses.zip", including="responses", progress=False)


def test_a_study_is_no_bundle(laboratory: Path, mine: Study) -> None:
    with pytest.raises(
        UsageError, match="is a study, not a bundle; to make one of it: toolbox share --study"
    ):
        mine.import_(laboratory / "study", progress=False)


def test_a_missing_zip_is_no_missing_study(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["verify", str(tmp_path / "nowhere.zip")])
    assert isinstance(answer.exception, UsageError)
    assert "there is no bundle" in str(answer.exception)


def test_what_computers_add_to_a_folder_is_named(laboratory: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.unpack_archive(laboratory / "rollups.zip", folder)
    (folder / ".DS_Store").touch()
    (problem,) = verify_bundle(folder).problems
    assert (problem.file, problem.remedy) == (".DS_Store", "delete it")


def test_a_zip_that_was_packed_again_with_folders_is_explained(laboratory: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(laboratory / "rollups.zip", tmp_path / "packed" / "rollups")
    again = shutil.make_archive(str(tmp_path / "again"), "zip", tmp_path / "packed")
    (problem,) = verify_bundle(Path(again)).problems
    assert "was packed again" in problem.problem


def test_the_column_of_origins_is_no_numeric_parameter(
    mine: Study, extracted_folder: Path, tmp_path: Path
) -> None:
    Study(extracted_folder / "study").share(tmp_path / "plain.zip", progress=False)
    mine.import_(tmp_path / "plain.zip", progress=False)
    with pytest.raises(UsageError, match="needs stimuli with numeric parameters, and the set has none"):
        answer(mine, "tuning/orientation")
