"""The views over a study, and the walls around them even where no gate stands in front."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from support.small_study import MODEL, SET, add_labels, add_stimuli
from toolbox.query import ask
from toolbox.store.database import Database, open_database
from toolbox.store.folder import StudyFolder, create_study
from toolbox.store.views import VIEWS


@pytest.fixture
def with_variables(two_parts: StudyFolder) -> StudyFolder:
    """Stimuli with an orientation (one lacks it), a contrast, and a word with a quote in its name."""
    columns = {
        "stimulus_id": [0, 1, 2, 3],
        "orientation": [0, 45, None, 135],
        "contrast": [0.5, 0.25, 1.0, None],
        'a "word"': ["x", None, None, None],
    }
    add_stimuli(two_parts, pl.DataFrame(columns))
    return two_parts


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("labels", [(0, "dog"), (1, "dog"), (2, "car"), (3, "car")]),
        (
            "parameters",
            [
                (0, 'a "word"', "x"),
                (0, "contrast", "0.5"),
                (0, "orientation", "0"),
                (1, "contrast", "0.25"),
                (1, "orientation", "45"),
                (2, "contrast", "1.0"),
                (3, "orientation", "135"),
            ],
        ),
        (
            "layers",
            [
                ("conv1", 1, "convolution", 1000, 1, 1, 1, 1, 0.0, False),
                ("conv2", 2, "convolution", 1000, 1, 1, 1, 1, 1.0, False),
            ],
        ),
    ],
)
def test_a_view_shows_its_table(
    view: str, expected: list[tuple[object, ...]], with_variables: StudyFolder
) -> None:
    assert ask(with_variables, f"select * from {view} order by all").rows.rows() == expected


@pytest.mark.parametrize(
    ("view", "columns"),
    [
        (
            "stimuli",
            "stimulus_id INTEGER, sha256 VARCHAR, path VARCHAR, width INTEGER, height INTEGER, format VARCHAR, "
            'bytes BIGINT, orientation BIGINT, contrast DOUBLE, a "word" VARCHAR',
        ),
        ("labels", "stimulus_id INTEGER, category VARCHAR"),
        ("parameters", "stimulus_id INTEGER, parameter VARCHAR, value VARCHAR"),
        (
            "properties",
            "set VARCHAR, stimulus_id INTEGER, sharpness DOUBLE, rms_contrast DOUBLE, darkest DOUBLE, "
            "brightest DOUBLE",
        ),
        ("property_values", "set VARCHAR, stimulus_id INTEGER, property VARCHAR, value DOUBLE"),
        ("responses", "layer VARCHAR, filter INTEGER, stimulus_id INTEGER, maximum FLOAT, mean FLOAT"),
        (
            "layers",
            "layer VARCHAR, position INTEGER, kind VARCHAR, filters INTEGER, height INTEGER, width INTEGER, "
            "stride INTEGER, receptive_field INTEGER, depth DOUBLE, is_pool BOOLEAN",
        ),
        (
            "catalogue",
            "set VARCHAR, scheme VARCHAR, category VARCHAR, stimulus_id INTEGER, sha256 VARCHAR, path VARCHAR, "
            "width INTEGER, height INTEGER, format VARCHAR, bytes BIGINT, pixels_sha256 VARCHAR, sharpness DOUBLE",
        ),
    ],
)
def test_a_view_has_the_documented_columns(view: str, columns: str, with_variables: StudyFolder) -> None:
    rows = ask(with_variables, f"describe {view}").rows.rows()
    assert ", ".join(f"{name} {kind.upper()}" for name, kind in rows) == columns
    assert view in VIEWS


def test_without_variables_the_view_of_parameters_is_empty(two_parts: StudyFolder) -> None:
    rows = ask(two_parts, "from parameters").rows
    assert (rows.height, rows.columns) == (0, ["stimulus_id", "parameter", "value"])


def test_the_catalogue_shows_every_set_and_scheme(two_parts: StudyFolder) -> None:
    add_stimuli(two_parts, pl.DataFrame({"stimulus_id": [0]}), "more")
    unlabelled = pl.DataFrame(
        {"stimulus_id": [0], "category": [None]}, schema_overrides={"category": pl.String}
    )
    add_labels(two_parts, unlabelled, "more")
    add_labels(two_parts, pl.DataFrame({"stimulus_id": [0, 1], "category": "calm"}), SET, "mood")
    sql = "select set, scheme, category, count(*)::bigint as n from catalogue group by all order by all"
    assert ask(two_parts, sql).rows.rows() == [
        ("more", "category", None, 1),
        ("shapes", "category", "car", 2),
        ("shapes", "category", "dog", 2),
        ("shapes", "mood", "calm", 2),
        ("shapes", "mood", None, 2),
    ]


def test_only_the_views_that_are_named_are_made(two_parts: StudyFolder) -> None:
    opened = open_database(two_parts, ["labels"])
    views = opened.connection.sql("select view_name from duckdb_views() where not internal").fetchall()
    opened.close()
    assert views == [("labels",)]
    assert opened.provenance == {"set": SET, "scheme": "category"}


@pytest.mark.parametrize("name", ["o'brien", "a'; drop view x; --", "x' union select 1 --", 'a "b"'])
def test_folders_that_others_named_are_names_and_never_sql(name: str, tmp_path: Path) -> None:
    study = create_study(tmp_path / "study")
    add_stimuli(study, pl.DataFrame({"stimulus_id": [0]}), name)
    add_labels(study, pl.DataFrame({"stimulus_id": [0], "category": ["dog"]}), name, name)
    rows = ask(study, "select set, scheme, category from catalogue").rows.rows()
    assert rows == [(name, name, "dog")]


# The walls, without the gate that accepts one SELECT only


@pytest.fixture
def opened(two_parts: StudyFolder) -> Iterator[Database]:
    opened = open_database(two_parts, VIEWS)
    yield opened
    opened.close()


def state(root: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{out}'",
        "copy responses to '{out}' (format parquet, use_tmp_file false)",
        "copy (select 1) to 'study://{part}'",
        "copy (select 1) to 'study://{part}' (format parquet, use_tmp_file false)",
        "copy (select 1) to 'study://{part}' (format csv, overwrite_or_ignore true)",
        "copy (select 1) to 'study://new.csv'",
        "copy (select 1 as a) to 'study://new' (format parquet, partition_by (a))",
        "copy responses from '{out}'",
        "with x as (copy (select 1) to 'study://{part}') select * from x",
        "export database '{out}'",
        "export database 'study://new'",
        "attach '{out}'",
        "attach 'study://new.db'",
        "install httpfs",
        "load httpfs",
        "load '{out}'",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "set disabled_filesystems = ''",
        "set temp_directory = '{out}'",
        "create persistent secret s (type s3)",
        "select * from read_text('{study}')",
        "select * from read_csv('{study}')",
    ],
)
def test_the_walls_stand_without_the_gate(sql: str, opened: Database, two_parts: StudyFolder) -> None:
    before = state(two_parts.root.parent)
    out = two_parts.root.parent / "out"
    with pytest.raises(duckdb.Error):
        opened.connection.execute(
            sql.format(out=out, part="0-stimuli.parquet", study=two_parts.root / "study.toml")
        )
    assert state(two_parts.root.parent) == before


def test_a_table_made_by_sql_ends_with_its_connection(opened: Database, two_parts: StudyFolder) -> None:
    before = state(two_parts.root.parent)
    opened.connection.execute("create table own as select * from responses")
    assert opened.connection.sql("select count(*) from own").fetchall() == [(16,)]
    assert state(two_parts.root.parent) == before


def test_the_responses_say_which_extraction_they_are_of(opened: Database) -> None:
    assert {key: opened.provenance[key] for key in ("set", "model", "scheme", "response_rows")} == {
        "set": SET,
        "model": MODEL,
        "scheme": "category",
        "response_rows": 16,
    }
