"""Numbers added to the stimuli of a set after ingestion: which stimuli they are of, and what is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from support.own_sql import seen
from toolbox import Study
from toolbox.design.variables import stimulus_variables
from toolbox.errors import BusyError, StimulusError, ToolboxError, UnknownNameError, UsageError
from toolbox.files import only_writer
from toolbox.store.parameters import read_observations


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Where a table of ratings goes."""
    return tmp_path / "ratings.csv"


def state(study: Study) -> dict[str, bytes]:
    root = study.folder.root
    files = (path for path in root.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def values(study: Study, name: str) -> dict[int, float]:
    sql = f"select stimulus_id, value from variables where variable = '{name}' order by all"
    return dict(study.query(seen(sql)).rows())


@pytest.fixture
def responding(study: Study, weights: str, card: str) -> Study:
    """The study with responses."""
    study.extract("colours", model=card, weights=weights, progress=False)
    return study


SIX = [f"{number},{number * number}" for number in range(6)]


# --- what is added ---


def test_a_numeric_column_becomes_a_parameter_beside_all_that_was_there(study: Study, table: Path) -> None:
    before = state(study)
    report = study.parameters(
        "colours", source=written(table, "stimulus_id,rating,remark", *(f"{row},x" for row in SIX))
    )
    assert report.parameters == {"rating": 6}
    assert report.ignored == ["remark"]
    assert report.written == ["rating"]
    assert values(study, "rating") == {number: number * number for number in range(6)}
    after = state(study)
    assert {name: after[name] for name in before if "commit" not in name} == {
        name: content for name, content in before.items() if "commit" not in name
    }
    assert study.query(seen("select value from parameters where stimulus_id = 3"))["value"].to_list() == [
        "9.0"
    ]
    assert stimulus_variables(study.folder, "colours", None, ["rating"])["rating"].to_list() == [
        0,
        1,
        4,
        9,
        16,
        25,
    ]


def test_the_same_table_again_writes_nothing(study: Study, table: Path) -> None:
    written(table, "stimulus_id,rating", *SIX)
    study.parameters("colours", source=table)
    before = state(study)
    assert study.parameters("colours", source=table).written == []
    assert state(study) == before


@pytest.mark.parametrize("key", ["sha256", "path", "file"])
def test_stimuli_are_named_as_for_labels(study: Study, table: Path, key: str) -> None:
    column = "path" if key == "file" else key
    names = study.query(seen(f"select {column} from stimuli order by stimulus_id"))[column].to_list()
    names = [Path(name).name if key == "file" else name for name in names]
    if len({*names}) < 6:  # both folders have images of the same names
        names = study.query(seen("select path from stimuli order by stimulus_id"))["path"].to_list()
        names = ["/".join(name.split("/")[-2:]) for name in names]
    written(table, f"{key},rating", *(f"{name},{number}" for number, name in enumerate(names)))
    study.parameters("colours", source=table)
    assert values(study, "rating") == {number: float(number) for number in range(6)}


def test_a_value_of_a_category_is_that_of_its_stimuli(study: Study, table: Path) -> None:
    study.parameters("colours", source=written(table, "category,warmth", "red,3", "green,1"))
    assert sorted(values(study, "warmth").values()) == [1, 1, 1, 3, 3, 3]


def test_observers_are_kept_apart_and_queries_use_their_mean(study: Study, table: Path) -> None:
    rows = [f"{number},{who},{number + 2 * who}" for number in range(6) for who in (0, 1)]
    report = study.parameters("colours", source=written(table, "stimulus_id,participant,rating", *rows))
    assert (report.observer, report.repeats, report.observations) == ("participant", 2, {"rating": 12})
    assert values(study, "rating") == {number: number + 1.0 for number in range(6)}
    assert study.query(seen("select count(distinct observer) as n from observations"))["n"].item() == 2


def test_repeated_rows_without_observers_are_numbered(study: Study, table: Path) -> None:
    study.parameters("colours", source=written(table, "stimulus_id,rt", "0,500", "0,700", "0,NA", "1,400"))
    found = read_observations(study.folder.observations("colours", "rt"))
    assert found == [(0, "1", 500.0), (0, "2", 700.0), (1, "1", 400.0)]


def test_unknown_values_stay_unknown(study: Study, table: Path) -> None:
    pl.DataFrame({"stimulus_id": [0, 1, 2], "rating": [1.0, float("nan"), float("inf")]}).write_parquet(
        table.with_suffix(".parquet")
    )
    study.parameters("colours", source=table.with_suffix(".parquet"))
    assert values(study, "rating") == {0: 1.0}


def test_equal_ratings_of_observers_in_another_order_tie(study: Study, table: Path) -> None:
    """0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1: the order of a sum must not break a tie."""
    rows = [
        f"{number},{value}"
        for number in range(6)
        for value in ((0.1, 0.2, 0.3) if number % 2 else (0.3, 0.2, 0.1))
    ]
    study.parameters("colours", source=written(table, "stimulus_id,rating", *rows))
    assert len({*values(study, "rating").values()}) == 1


def test_a_dry_run_writes_nothing(study: Study, table: Path) -> None:
    before = state(study)
    assert study.parameters(
        "colours", source=written(table, "stimulus_id,rating", *SIX), dry_run=True
    ).written == ["rating"]
    assert state(study) == before


# --- what is refused ---


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["stimulus_id,rating", "9,1"], "rows that match no stimulus of colours: stimulus_id '9'"),
        (["name,rating", "a,1"], "expected columns of numbers, and one of the columns stimulus_id"),
        (
            ["stimulus_id,rating", "0,good"],
            "has no column of numbers: rating has 'good'; enter the values of the stimuli there",
        ),
        (["stimulus_id,rating", "0,NA"], "enter the values of the stimuli there"),
        (["stimulus_id,observer,rating", "0,,1"], "row 1 of .* has no observer"),
        (
            ["stimulus_id,observer,rating", "0,a,1", "0,a,2"],
            "has 2 values of rating by observer 'a' for stimulus 0",
        ),
        (["stimulus_id,width", "0,1"], "a parameter cannot be called 'width', which is a column of a view"),
        (["stimulus_id,Value", "0,1"], "a parameter cannot be called 'Value'"),
        (["stimulus_id,reaction time", "0,1"], "reaction time"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_line(
    study: Study, table: Path, lines: list[str], message: str
) -> None:
    before = state(study)
    with pytest.raises(ToolboxError, match=message) as caught:
        study.parameters("colours", source=written(table, *lines))
    assert "\n" not in str(caught.value)
    assert state(study) == before


def test_other_values_are_overwritten_only_on_demand(study: Study, table: Path) -> None:
    study.parameters("colours", source=written(table, "stimulus_id,rating", *SIX))
    written(table, "stimulus_id,rating", "0,7")
    with pytest.raises(
        UsageError, match=r"already has other values; rename the column, or overwrite them with replace"
    ):
        study.parameters("colours", source=table)
    study.parameters("colours", source=table, replace=True)
    assert values(study, "rating") == {0: 7.0}


def test_names_that_are_not_there_are_refused(study: Study, table: Path, tmp_path: Path) -> None:
    written(table, "stimulus_id,rating,text", "0,1,a")
    with pytest.raises(UnknownNameError, match="no stimulus set named 'colors'"):
        study.parameters("colors", source=table)
    with pytest.raises(UsageError, match="does not exist; expected a table"):
        study.parameters("colours", source=tmp_path / "nothing.csv")
    with pytest.raises(UnknownNameError, match="named 'ratin'"):
        study.parameters("colours", source=table, column=["ratin"])
    with pytest.raises(StimulusError, match=r"column 'text' .* expected numbers"):
        study.parameters("colours", source=table, column=["text"])
    with pytest.raises(UnknownNameError, match="named 'who'"):
        study.parameters("colours", source=table, observer="who")


def test_a_column_of_the_manifest_is_not_hidden(tmp_path: Path, study: Study, table: Path) -> None:
    paths = [study.folder.image(path) for path in study.query(seen("select path from stimuli"))["path"]]
    manifest = written(tmp_path / "m.csv", "path,category,rating", *(f"{path},red,1" for path in paths))
    study.ingest(manifest, set="rated", progress=False)
    with pytest.raises(
        UsageError, match="have a parameter 'rating' since they were ingested; rename the column"
    ):
        study.parameters("rated", source=written(table, "stimulus_id,Rating", "0,1"))


def test_nobody_else_writes_meanwhile(study: Study, table: Path) -> None:
    written(table, "stimulus_id,rating", *SIX)
    with only_writer(study.folder.lock("colours"), "ingesting"), pytest.raises(BusyError):
        study.parameters("colours", source=table)


# --- the rest of the study knows them ---


def test_parameters_and_relations_are_verified_and_removed_with_the_set(
    responding: Study, table: Path
) -> None:
    responding.parameters("colours", source=written(table, "stimulus_id,rating", *SIX))
    responding.relate("colours", parameter="rating", resamples=20, progress=False)
    assert responding.verify().is_intact
    for tree in ("parameters", "relations", "relation_permutations"):
        assert any((responding.folder.root / tree).rglob("*.parquet"))
    file = responding.folder.observations("colours", "rating")
    content = file.read_bytes()
    file.write_bytes(content[:60] + bytes([content[60] ^ 255]) + content[61:])
    problem = responding.verify().problems[0]
    assert problem.file == "parameters/set=colours/parameter=rating/observations.parquet"
    assert "toolbox parameters colours --source FILE --replace" in problem.remedy
    with pytest.raises(ToolboxError, match="is damaged"):
        values(responding, "rating")
    responding.remove("set", "colours")
    for tree in ("parameters", "relations", "relation_permutations"):
        assert not any((responding.folder.root / tree).rglob("*.parquet"))
    assert responding.verify().is_intact


def test_a_relation_without_enough_stimuli_or_variation_is_refused(responding: Study, table: Path) -> None:
    written(
        table, "stimulus_id,few,same,rating", "0,1,2,1", "1,5,2,2", "2,,2,3", "3,,2,5", "4,,2,4", "5,,2,6"
    )
    responding.parameters("colours", source=table)
    with pytest.raises(UsageError, match="with responses and a value of few: 2; expected 3 or more"):
        responding.relate("colours", parameter="few", progress=False)
    with pytest.raises(UsageError, match="same does not vary, so no filter can be related to it"):
        responding.relate("colours", parameter="same", progress=False)
    with pytest.raises(UsageError, match=r"value of rating and few: 2; expected 4 or more"):
        responding.relate("colours", parameter="rating", given=["few"], progress=False)
    with pytest.raises(UnknownNameError, match="no numeric parameter or property named 'ratin'"):
        responding.relate("colours", parameter="ratin", progress=False)
    with pytest.raises(UnknownNameError, match="named 'size'"):
        responding.relate("colours", parameter="rating", given=["size"], progress=False)
    with pytest.raises(UsageError, match="cannot be held constant while it is related"):
        responding.relate("colours", parameter="rating", given=["rating"], progress=False)
    with pytest.raises(UsageError, match="threshold is 1; expected an absolute correlation"):
        responding.relate("colours", parameter="rating", threshold=[1], progress=False)
    with pytest.raises(UsageError, match="resamples is 5; expected a whole number, 20 or more"):
        responding.relate("colours", parameter="rating", resamples=5, progress=False)
    with pytest.raises(ToolboxError, match="no parameter or property named size"):
        responding.query("relation/filters", parameter="rating", given="size")
