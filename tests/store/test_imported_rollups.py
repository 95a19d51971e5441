"""Roll-ups that were imported without responses: the same results, and one line for whatever needs the responses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from support.own_sql import seen
from support.tiny_network import CARD
from support.without_parts import take_away_responses
from toolbox import Study
from toolbox.errors import MixtureError, ToolboxError, UsageError, VerificationError
from toolbox.files import read_json, write_json
from toolbox.store.folder import StudyFolder
from toolbox.store.imported_rollups import imported_record
from toolbox.store.parquet import read_table, read_table_and_origin, write_table
from toolbox.store.plan import read_plan

SET, MODEL = "colours", "tiny"
INDICES = (
    "select layer, filter, category, statistic, n, sum, squared_deviations, minimum, maximum from rollups"
)


@pytest.fixture(scope="module")
def prepared(
    extracted_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, pl.DataFrame]]:
    """A study of whose responses only the roll-ups are left, and what it answered before."""
    root = tmp_path_factory.mktemp("imported") / "study"
    shutil.copytree(extracted_folder / "study", root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(root.parent / "cache"))
        Study(root).significance(resamples=20, progress=False)
        before = answers(Study(root))
        take_away_responses(root, SET, MODEL)
    return root, before


@pytest.fixture
def before(prepared: tuple[Path, dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """What the study answered with its responses."""
    return prepared[1]


@pytest.fixture
def imported(prepared: tuple[Path, dict[str, pl.DataFrame]], tmp_path: Path, cache: Path) -> Study:
    """A copy of the study of whose responses only the roll-ups are left."""
    return Study(shutil.copytree(prepared[0], tmp_path / "study"))


def answers(study: Study) -> dict[str, pl.DataFrame]:
    """Indices, roll-ups and resampled indices."""
    queries = (
        "selectivity/index",
        "layers/profile",
        INDICES,
        "filters/representative",
        "select * from significance",
    )
    return {query: study.answer(query).rows for query in queries}


def folder_of(study: Study) -> StudyFolder:
    return study.folder


def test_queries_give_the_same_rows_from_roll_ups_alone(
    imported: Study, before: dict[str, pl.DataFrame]
) -> None:
    after = answers(imported)
    assert [query for query in before if not after[query].equals(before[query], null_equal=True)] == []
    assert before["select * from significance"].height > 0  # they count as current
    assert imported.verify(thorough=True).is_intact


NEEDS_RESPONSES: dict[str, Callable[[Study], object]] = {
    "responses": lambda study: study.query("select * from responses"),
    "some responses": lambda study: study.query("select filter from responses where stimulus_id = 1"),
    "a count of responses": lambda study: study.query("select count(*) from responses"),
    "the layers of responses": lambda study: study.query(
        "select r.layer from responses r join labels using (stimulus_id)"
    ),
    "a rank index of layers": lambda study: study.query("layers/profile", index="precision"),
    "rank indices": lambda study: study.query("selectivity/ranks"),
    "significance": lambda study: study.significance(resamples=40, progress=False),
    "gallery": lambda study: study.gallery(layer="colour", filter=0),
    "responses in Python": lambda study: study.responses(layer="colour"),
    "extract": lambda study: study.extract(SET, model=str(CARD), progress=False),
}


@pytest.mark.parametrize("task", NEEDS_RESPONSES)
def test_what_needs_responses_gets_one_line(imported: Study, task: str) -> None:
    refusal = f"only roll-ups of the responses of {MODEL} to {SET} were imported"
    with pytest.raises(UsageError, match=refusal) as e:
        NEEDS_RESPONSES[task](imported)
    assert "\n" not in str(e.value) and "share --with responses" in str(e.value)


def test_a_new_label_scheme_needs_responses(imported: Study, tmp_path: Path) -> None:
    table = tmp_path / "hue.csv"
    stimuli = imported.query(seen("select stimulus_id from stimuli"))["stimulus_id"]
    table.write_text("stimulus_id,hue\n" + "".join(f"{n},{'odd' if n % 2 else 'even'}\n" for n in stimuli))
    imported.label(SET, scheme="hue", source=table)
    with pytest.raises(UsageError, match="only roll-ups"):
        imported.query("selectivity/index", scheme="hue")
    assert imported.query("selectivity/index", scheme="category").height > 0


def test_labels_that_were_changed_since_are_refused(imported: Study) -> None:
    path = folder_of(imported).labels(SET)
    write_table(path, read_table(path).slice(1), {})
    with pytest.raises(UsageError, match="other labels than when the roll-ups were imported"):
        imported.query("selectivity/index")


def test_a_roll_up_that_was_exchanged_is_not_believed(imported: Study) -> None:
    path = folder_of(imported).rollup(SET, MODEL, "category")
    table = read_table(path)
    more = table.set_column(5, "sum", pl.Series(table["sum"].to_numpy() * 1.5).to_arrow())
    write_table(path, more, {})  # with a checksum of its own
    with pytest.raises(VerificationError, match="differs from the record of its import"):
        imported.query("selectivity/index")
    problems = imported.verify().problems
    assert [problem.file for problem in problems] == [
        f"rollups/set={SET}/model={MODEL}/scheme=category/rollup.parquet"
    ]
    assert "import its bundle again" in problems[0].remedy


def test_a_missing_roll_up_is_named_and_never_made_empty(imported: Study) -> None:
    path = folder_of(imported).rollup(SET, MODEL, "category")
    path.unlink()
    with pytest.raises(VerificationError, match="is missing"):
        imported.query("selectivity/index")
    assert any("rollup.parquet" in problem.file for problem in imported.verify().problems)
    assert not path.exists()


@pytest.mark.parametrize(
    "change", [{"identity": "0" * 64}, {"images": "0" * 64}, {"presented": [[1, 9_999]]}]
)
def test_a_record_of_another_network_or_of_other_images_is_refused(
    imported: Study, change: dict[str, object]
) -> None:
    file = imported_record(folder_of(imported).extraction(SET, MODEL))
    write_json(file, {**without_digest(read_json(file, "")), **change})
    with pytest.raises(MixtureError, match="imported roll-ups of tiny to colours are of"):
        imported.query("selectivity/index")
    if "identity" in change:
        assert not imported.verify().is_intact


def without_digest(content: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in content.items() if name != "digest"}


def test_a_damaged_record_is_named(imported: Study) -> None:
    file = imported_record(folder_of(imported).extraction(SET, MODEL))
    file.write_text("{}")
    with pytest.raises(ToolboxError, match="import its bundle again"):
        imported.query("selectivity/index")
    assert any(problem.file.endswith("rollups.json") for problem in imported.verify().problems)


def test_extraction_with_replace_takes_the_place_of_imported_roll_ups(
    imported: Study, weights: str, before: dict[str, pl.DataFrame]
) -> None:
    imported.extract(SET, model=str(CARD), weights=weights, replace=True, progress=False)
    folder = folder_of(imported).extraction(SET, MODEL)
    plan = read_plan(folder)
    assert not imported_record(folder).exists()
    assert plan and len(plan.stimuli) == 6
    assert imported.query(seen("select count(*) as n from responses")).height == 1
    assert imported.query("selectivity/index").equals(before["selectivity/index"], null_equal=True)
    assert imported.verify(thorough=True).is_intact


def test_a_model_is_removed_with_its_record(imported: Study) -> None:
    imported.remove("model", MODEL)
    assert not imported_record(folder_of(imported).extraction(SET, MODEL)).exists()
    assert imported.verify().is_intact


def test_thorough_verification_computes_roll_ups_again(
    extracted_folder: Path, tmp_path: Path, cache: Path
) -> None:
    study = Study(shutil.copytree(extracted_folder / "study", tmp_path / "study"))
    assert study.verify(thorough=True).is_intact
    path = study.folder.rollup(SET, MODEL, "category")
    table, origin = read_table_and_origin(path)
    more = table.set_column(5, "sum", pl.Series(table["sum"].to_numpy() * 1.001).to_arrow())
    write_table(path, more, origin)  # with a checksum of its own, as a program with a fault would write it
    assert study.verify().is_intact
    (problem,) = study.verify(thorough=True).problems
    assert problem.file.endswith("rollup.parquet")
    assert problem.problem == "is damaged: its sum does not follow from the responses"
