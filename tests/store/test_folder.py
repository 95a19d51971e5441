"""Where everything of a study is located, and which directories are one."""

from __future__ import annotations

import shlex
import tomllib
import unicodedata
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

import duckdb
import polars as pl
import pyarrow.dataset
import pytest

from toolbox.content import check_name
from toolbox.errors import ToolboxError, UsageError
from toolbox.files import read_json, write_json
from toolbox.store import folder
from toolbox.store.folder import StudyFolder, check_new_name, create_study
from toolbox.store.migration import open_study
from toolbox.store.selection import Selection
from toolbox.store.study_file import SCHEMA_VERSION


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (StudyFolder(Path("s")).stimuli("a"), "s/stimuli/set=a/stimuli.parquet"),
        (StudyFolder(Path("s")).images("a"), "s/images/a"),
        (StudyFolder(Path("s")).labels("a"), "s/labels/set=a/scheme=category/labels.parquet"),
        (StudyFolder(Path("s")).labels("a", "mood"), "s/labels/set=a/scheme=mood/labels.parquet"),
        (StudyFolder(Path("s")).responses("a", "vgg16"), "s/responses/set=a/model=vgg16"),
        (StudyFolder(Path("s")).layers("vgg16"), "s/layers/model=vgg16/layers.parquet"),
    ],
)
def test_the_tree_is_the_documented_one(path: Path, expected: str) -> None:
    assert path.as_posix() == expected


def test_records_of_runs_are_named_by_time_and_task(tmp_path: Path) -> None:
    file = StudyFolder(tmp_path).run_record("ingest-animals")
    stamp, _, what = file.stem.partition("-")
    assert (file.parent, file.suffix, what) == (tmp_path / "runs", ".json", "ingest-animals")
    assert datetime.strptime(stamp, "%Y%m%dT%H%M%S.%fZ").year >= 2024


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_only_what_has_its_table_is_named_in_alphabetical_order(tmp_path: Path) -> None:
    study = StudyFolder(tmp_path)
    assert (study.sets(), study.schemes("zoo"), study.models("zoo")) == ([], [], [])
    for set_name in ("zoo", "animals"):
        touch(study.stimuli(set_name))
    study.images("half").mkdir(parents=True)
    touch(study.stimuli("zoo").parent.parent / "stray" / "stimuli.parquet")
    touch(study.labels("zoo", "mood"))
    touch(study.labels("zoo"))
    touch(study.plans("zoo", "vgg16") / "plan.parquet")
    touch(study.responses("zoo", "half") / "part-0.parquet")
    assert study.sets() == ["animals", "zoo"]
    assert (study.schemes("zoo"), study.schemes("animals")) == (["category", "mood"], [])
    assert (study.models("zoo"), study.models("animals")) == (["vgg16"], [])


def test_paths_of_images_inside_the_study_move_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = StudyFolder(tmp_path / "study")
    inside, outside = study.images("a") / "1.png", tmp_path / "photographs" / "1.png"
    assert study.stored_path(inside) == "images/a/1.png"
    assert study.stored_path(outside) == outside.as_posix()
    for image in (inside, outside):
        assert study.image(study.stored_path(image)) == image
    monkeypatch.chdir(tmp_path)
    assert StudyFolder(Path("study")).stored_path(inside) == "images/a/1.png"
    assert study.stored_path(Path("photographs/1.png")) == outside.as_posix()


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("title", ["", 'Faces "and" cars → 猫 \\ \n'])
def test_a_new_study_can_be_opened(exists: bool, title: str, tmp_path: Path) -> None:
    root = tmp_path / "deep" / "study"
    if exists:
        root.mkdir(parents=True)
    assert create_study(root, title) == open_study(root) == StudyFolder(root)
    card = tomllib.loads((root / "study.toml").read_text(encoding="utf-8"))
    assert (card["schema_version"], card["title"]) == (SCHEMA_VERSION, title or "study")
    assert card["created_by"].startswith("selectivity-toolbox ")
    assert datetime.fromisoformat(card["created"]).tzinfo is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"study.toml": "schema_version = 1"},
            "is already a study; use it as it is, or choose another directory",
        ),
        ({"letter.txt": "Dear"}, "is not an empty directory; choose a new directory for the study"),
        (
            {".hidden": "", "letter.txt": ""},
            "is not an empty directory; choose a new directory for the study",
        ),
    ],
)
def test_a_study_is_not_made_over_other_things(content: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as caught:
        create_study(tmp_path)
    assert str(caught.value) == f"{tmp_path} {message}"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == content


def test_a_file_cannot_become_a_study(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not an empty directory; choose a new directory"):
        create_study(tmp_path / "file")


MAKE = "to make one: toolbox init {}, or ingest with --create (in Python: create=True)"


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("an empty one", "{} is not a study (it has no study.toml); " + MAKE),
        ("none", "no study at {}; " + MAKE),
    ],
)
def test_a_directory_without_its_card_is_no_study(root: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "an empty one").mkdir()
    with pytest.raises(UsageError) as caught:
        open_study(tmp_path / root)
    assert str(caught.value) == message.format(tmp_path / root, shlex.quote(str(tmp_path / root)))


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with two studies, in which the user works."""
    for name in ("my-study", "other"):
        create_study(tmp_path / name)
    (tmp_path / "my-study" / "figures").mkdir()
    (tmp_path / "my-study" / "figures" / "one.svg").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("my-studdy", "no study at my-studdy; did you mean my-study?; " + MAKE.format("my-studdy")),
        ("new", "no study at new; " + MAKE.format("new")),
        (
            "my-study/figures",
            "my-study/figures is not a study (it has no study.toml); did you mean {here}/my-study?",
        ),
        (
            "",
            "the current directory ({here}) is not a study (it has no study.toml); did you mean my-study or other?",
        ),
    ],
)
def test_the_study_that_may_be_meant_is_suggested(root: str, expected: str, studies: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_study(Path(root))
    assert str(caught.value) == expected.format(here=studies)
    assert not (studies / "new").exists()


def test_a_mistake_in_the_environment_variable_is_named(
    studies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLBOX_STUDY", str(studies / "othr"))
    with pytest.raises(
        UsageError, match=r"no study at \S+/othr \(the value of TOOLBOX_STUDY\); did you mean \S+/other\?"
    ):
        open_study(studies / "othr")


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (
            b"schema_version = 3\n",
            "has schema_version = 3, but this toolbox reads 2; install the version that the file names",
        ),
        (
            b'schema_version = "1"\n',
            "has schema_version = '1', but this toolbox reads 2; install the version that the file names",
        ),
        (b"title = 'x'\n", "is damaged: it has no schema_version; restore it from a copy"),
        (b"schema_version = \n", "is damaged: it is not valid TOML"),
        (b"title = " + b"[" * 5000 + b"]" * 5000, "is damaged: it is not valid TOML"),
        (b"title = " + b"9" * 5000, "is damaged: it is not valid TOML"),
        (b"a." * 100_000 + b"a = 1", "is damaged: it is not valid TOML"),
        (b"title = '\xff'\n", "is damaged: it is not valid TOML"),
    ],
)
def test_an_unreadable_study_file_is_reported(card: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_bytes(card)
    with pytest.raises(ToolboxError) as caught:
        open_study(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'study.toml'} {message}")
    assert caught.value.exit_code == (3 if "is damaged" in message else 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "animals",
        "A",
        "vgg16",
        "a.b_c-d",
        "x" * 100,
        "con",
        "é",
        "猫",
        "Кошки",
        "हिन्दी",
        "猫" * 33,
        "7a",
        "may-2024",
    ],
)
def test_names_that_any_system_takes_are_fine(name: str) -> None:
    assert check_name("stimulus set", name) == name


VALUES = ["007", "1", "1.5", "1e5", "true", "True", "2024", "nan", "NULL", "None", "inf", "0x10", "epoch"]
VALUES += ["2024-01-01", "01-02-2024", "2024-01-01T10", "20240101", "1.2.3", "\uff11\uff12", "٣", "1-2", "NA"]


@pytest.mark.parametrize("name", VALUES)
def test_names_that_a_reader_takes_for_a_value_are_refused_with_a_suggestion(name: str) -> None:
    with pytest.raises(
        UsageError, match="take it for a number, a truth value, a date or a missing value"
    ) as caught:
        check_name("label scheme", name)
    assert str(caught.value).endswith(f"choose a name such as 'scheme-{name}'")


@pytest.mark.parametrize(
    "name",
    [
        "pets",
        "Кошки",
        "猫",
        "köpfe",
        "हिन्दी",
        "été.2",
        "7a",
        "set-007",
        "e5",
        "may-2024",
        "nano",
        "trueish",
        "\uff11a",
        "t",
    ],
)
def test_every_reader_of_a_hive_tree_reads_an_accepted_name_as_it_is(name: str, tmp_path: Path) -> None:
    folder = tmp_path / f"set={check_name('stimulus set', name)}"
    folder.mkdir()
    pl.DataFrame({"x": [1]}).write_parquet(folder / "a.parquet")
    sql = f"select \"set\" from read_parquet('{tmp_path}/**/*.parquet', hive_partitioning = true)"
    arrow = pyarrow.dataset.dataset(tmp_path, partitioning="hive").to_table()
    assert pl.read_parquet(tmp_path, hive_partitioning=True)["set"].to_list() == [name]
    assert duckdb.sql(sql).fetchall() == [(name,)]
    assert arrow["set"].to_pylist() == [name]


def test_a_decomposed_name_is_stored_composed_and_selects_the_composed_one() -> None:
    decomposed = unicodedata.normalize("NFD", "köpfe")
    assert check_name("stimulus set", decomposed) == "köpfe"
    assert Selection(decomposed, (decomposed,), decomposed) == Selection("köpfe", ("köpfe",), "köpfe")


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("pets", "pets"),
        ("Pets", None),
        ("PETS", None),
        ("Köpfe", None),
        ("ko\u0308pfe", "köpfe"),
        ("new", "new"),
        ("7", "7"),
    ],
)
def test_a_new_name_may_not_differ_from_another_only_in_case(name: str, stored: str | None) -> None:
    existing = ["pets", "köpfe", "7"]
    if stored is not None:
        assert check_new_name("stimulus set", name, existing) == stored
    else:
        with pytest.raises(
            UsageError, match=f"the name '{name}' differs from the stimulus set '\\w+' only in case"
        ):
            check_new_name("stimulus set", name, existing)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a/b",
        "a\\b",
        "..",
        ".hidden",
        "-x",
        "_x",
        "a=b",
        "a'b",
        "a\n",
        "猫 犬",
        "猫" * 34,
        "́a",
        "a*",
        "a:b",
        "ends.",
        "x" * 101,
    ],
)
def test_names_that_cannot_be_part_of_a_path_everywhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_name("stimulus set", name)
    assert str(caught.value).startswith(
        f"{name!r} is not a valid name for a stimulus set; use letters, digits"
    )
    assert "\n" not in str(caught.value)


class StoppedClock(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 1, 1, tzinfo=tz)


def test_no_record_takes_the_place_of_another_where_the_clock_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = create_study(tmp_path / "study")
    monkeypatch.setattr(folder, "datetime", StoppedClock)
    for count in (1, 2, 3):
        write_json(study.run_record("label-colours"), {"count": count})
    assert sorted(read_json(file)["count"] for file in (study.root / "runs").iterdir()) == [1, 2, 3]
