"""Asking a study: provenance, mistakes, the choice of set, model and scheme, and several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from support.nearly import nearly
from support.small_study import (
    add_labels,
    add_layers,
    add_responses,
    add_stimuli,
    long_table,
    plain_layers,
    small_study,
)
from support.worked_examples import example_study
from toolbox.errors import AmbiguousError, CardError, QueryError, UnknownNameError, UsageError
from toolbox.query import ask, shipped_query, syntax
from toolbox.store import database
from toolbox.store.folder import StudyFolder, create_study
from toolbox.store.selection import Selection
from toolbox.store.window import Window


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test remembers the intact files of another."""
    return cache


@pytest.fixture
def worked(tmp_path: Path) -> StudyFolder:
    """The study of the worked examples."""
    return example_study("layers/profile/default", tmp_path / "study")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("selec t from labels", 'sql: Parser Error: syntax error at or near "selec"'),
        ("select nothing from labels", 'sql: Binder Error: Referenced column "nothing" not found'),
        ("select category::integer as n from labels", "sql: Conversion Error: Could not convert string"),
    ],
)
def test_a_mistake_in_sql_is_duckdbs_message_on_one_line(sql: str, message: str, worked: StudyFolder) -> None:
    with pytest.raises(QueryError) as caught:
        ask(worked, sql)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_that_vanishes_meanwhile_is_said_without_a_traceback(tmp_path: Path) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.register_filesystem(Window({"gone.parquet": tmp_path / "gone.parquet"}))
        with pytest.raises(duckdb.Error, match="Traceback") as caught:
            connection.sql("from 'study://gone.parquet'")
    message = syntax.message_of(caught.value)
    assert message.startswith("FileNotFoundError: ")
    assert "gone.parquet" in message


@pytest.fixture
def macro_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of macros in place of the shipped one."""
    monkeypatch.setattr(syntax, "content_folder", lambda _: tmp_path)
    folder = tmp_path / "macros"
    folder.mkdir()
    return folder


def test_a_folder_of_macros_contains_macros_alone(macro_folder: Path) -> None:
    (macro_folder / "halves.sql").write_text("create table half as select 1;")
    with pytest.raises(CardError, match=r"halves.sql: expected only `create macro name.*`"):
        syntax._macros.__wrapped__()


def test_macros_of_values_and_of_tables_come_after_those_that_they_use(macro_folder: Path) -> None:
    (macro_folder / "a.sql").write_text(
        "create macro quarters(t) as table select half(half(n)) from parts(t);"
    )
    (macro_folder / "b.sql").write_text(
        "create macro parts(t) as table select half(filter) as n from layers where layer = t;\n"
        "create macro half(x) as x / 2;"
    )
    macros = syntax._macros.__wrapped__()
    assert list(macros) == ["half", "parts", "quarters"]
    assert macros["parts"].tables == ("layers",)
    assert {"half"} <= set(macros["parts"].functions)


def test_an_unknown_query_suggests_the_nearest(worked: StudyFolder) -> None:
    with pytest.raises(UnknownNameError) as caught:
        ask(worked, "layers/profil")
    assert str(caught.value) == (
        "no query named 'layers/profil'; did you mean 'layers/profile'? (toolbox query --list shows them all)"
    )


def test_an_answer_says_where_its_rows_come_from(worked: StudyFolder) -> None:
    answer = ask(worked, "layers/profile", {"index": "share"})
    sql = shipped_query("layers/profile").sql
    expected = {
        "set": "shapes",
        "model": "tiny",
        "scheme": "category",
        "precision": "float32",
        "weights": ["made up"],
        "provider": ["none"],
        "response_rows": 70,
        "query": "layers/profile",
        "sql": sql,
        "parameters": {
            "by": "layer",
            "index": "share",
            "normalise": "filter",
            "statistic": "maximum",
            "threshold": None,
        },
        "criterion": "share > 2 * n / (n + all_n)",
        "rows": 9,
    }
    assert {name: answer.provenance[name] for name in expected} == expected
    assert len(answer.provenance["identity"]) == 64
    assert set(answer.provenance) == {*expected, "identity"}


def test_what_a_query_does_not_read_is_not_looked_for(tmp_path: Path) -> None:
    answer = ask(create_study(tmp_path / "study"), "select 1 as one")
    assert answer.rows.rows() == [(1,)]
    assert set(answer.provenance) == {"query", "sql", "parameters", "rows"}


@pytest.fixture
def several(tmp_path: Path) -> StudyFolder:
    """Sets animals (models deep, shallow; schemes category, mood), faces (model deep), gratings (no responses)."""
    study = create_study(tmp_path / "several")
    numbers = pl.DataFrame({"stimulus_id": [0, 1]})
    for place, set_name in enumerate(("animals", "faces", "gratings")):
        add_stimuli(study, numbers, set_name)
        add_labels(study, numbers.with_columns(category=pl.Series([f"{set_name}{place}", "other"])), set_name)
    add_labels(study, numbers.with_columns(category=pl.lit("calm")), "animals", "mood")
    for set_name, model in (("animals", "deep"), ("animals", "shallow"), ("faces", "deep")):
        responses = pl.DataFrame(
            {"layer": model, "filter": 0, "stimulus_id": [0, 1], "maximum": [0.0, 1.0], "mean": 0.0}
        )
        add_layers(study, plain_layers(responses), model)
        add_responses(study, responses, set_name, model)
    return study


@pytest.mark.parametrize(
    ("sql", "choice", "message"),
    [
        (
            "from stimuli",
            Selection(),
            "the study holds several stimulus sets (animals, faces, gratings); choose one with set=… (--set …)",
        ),
        (
            "from responses",
            Selection(),
            "the study holds several stimulus sets (animals, faces); choose one with set=… (--set …)",
        ),
        (
            "from responses",
            Selection(set="animals"),
            "the study holds several models (deep, shallow); choose one with model=… (--model …)",
        ),
        (
            "from responses",
            Selection(models="deep"),
            "the study holds several stimulus sets (animals, faces); choose one with set=… (--set …)",
        ),
        (
            "from labels",
            Selection(set="animals"),
            "the study holds several label schemes (category, mood); choose one with scheme=… (--scheme …)",
        ),
        (
            "from layers",
            Selection(),
            "the study holds several models (deep, shallow); choose one with model=… (--model …)",
        ),
    ],
)
def test_what_is_not_clear_is_asked_for_with_the_candidates(
    sql: str, choice: Selection, message: str, several: StudyFolder
) -> None:
    with pytest.raises(AmbiguousError) as caught:
        ask(several, sql, selection=choice)
    assert str(caught.value) == f"{message}, or for all commands with: toolbox use"


@pytest.mark.parametrize(
    ("sql", "choice", "message"),
    [
        ("from stimuli", Selection(set="animal"), "no stimulus set named 'animal'; did you mean 'animals'?"),
        (
            "select 1 as one",
            Selection(set="cats"),
            "no stimulus set named 'cats'; available: animals, faces, gratings",
        ),
        (
            "from responses",
            Selection(set="animals", models="depp"),
            "no model named 'depp'; did you mean 'deep'? (toolbox extract animals)",
        ),
        (
            "from labels",
            Selection(set="animals", scheme="moot"),
            "no label scheme named 'moot'; did you mean 'mood'? (ingest a set with categories)",
        ),
        (
            "from layers",
            Selection(models="vgg"),
            "no model named 'vgg'; available: deep, shallow (toolbox extract SET)",
        ),
    ],
)
def test_an_unknown_choice_suggests_what_there_is(
    sql: str, choice: Selection, message: str, several: StudyFolder
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        ask(several, sql, selection=choice)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("sql", "choice", "chosen"),
    [
        ("from responses", Selection(models="shallow"), {"set": "animals", "model": "shallow"}),
        ("from responses", Selection(set="faces"), {"set": "faces", "model": "deep"}),
        ("from labels", Selection(set="faces"), {"set": "faces", "scheme": "category"}),
        ("from layers", Selection(set="faces"), {"set": "faces", "model": "deep"}),
        ("from labels", Selection(set="animals", scheme="mood"), {"set": "animals", "scheme": "mood"}),
        ("from catalogue", Selection(), {}),
    ],
)
def test_the_only_possibility_is_the_default(
    sql: str, choice: Selection, chosen: dict[str, str], several: StudyFolder
) -> None:
    provenance = ask(several, sql, selection=choice).provenance
    assert {name: provenance[name] for name in ("set", "model", "scheme") if name in provenance} == chosen


@pytest.mark.parametrize(
    ("sql", "set_name", "message"),
    [
        (
            "from stimuli",
            None,
            "the study has no stimulus set yet; add one first (toolbox ingest FOLDER)",
        ),
        (
            "from catalogue",
            None,
            "the study has no stimulus set yet; first: toolbox ingest FOLDER --set NAME",
        ),
        ("from layers", None, "the study has no model yet; add one first (toolbox extract SET)"),
        (
            "from responses",
            "shapes",
            "the study has no model yet; add one first (toolbox extract shapes)",
        ),
        (
            "from labels",
            "shapes",
            "the study has no label scheme yet; add one first (ingest a set with categories)",
        ),
    ],
)
def test_what_is_not_there_yet_is_said_with_the_command_that_makes_it(
    sql: str, set_name: str | None, message: str, tmp_path: Path
) -> None:
    study = create_study(tmp_path / "study")
    if set_name:
        add_stimuli(study, pl.DataFrame({"stimulus_id": [0]}), set_name)
    with pytest.raises(UsageError) as caught:
        ask(study, sql)
    assert str(caught.value) == message


def test_threads_that_ask_at_once_each_get_their_own_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database._CLOSED, "threads", 4)
    chance = np.random.default_rng(4)
    layers = [f"layer{number}" for number in range(6)]
    shape = (300, 100)
    matrices = {
        layer: (chance.random(shape, np.float32), chance.random(shape, np.float32)) for layer in layers
    }
    table = {"stimulus_id": range(300), "category": ["dog", "car", "face"] * 100}
    study = small_study(tmp_path / "large", long_table(matrices), pl.DataFrame(table), parts=[range(300)])
    expected = {layer: float(matrices[layer][0].astype(np.float64).sum()) for layer in layers}
    profile = ask(study, "layers/profile").rows.rows()

    def total(layer: str) -> float:
        sql = "select sum(maximum::double) as total from responses where layer = $layer"
        return float(ask(study, sql, {"layer": layer}).rows["total"][0])

    with ThreadPoolExecutor(6) as pool:
        profiles = [pool.submit(ask, study, "layers/profile") for _ in range(4)]
        totals = list(pool.map(total, layers * 3))
    assert totals == pytest.approx([expected[layer] for layer in layers] * 3, rel=1e-12)
    assert [answer.result().rows.rows() for answer in profiles] == [nearly(profile)] * 4
