"""A further labelling of a set: which stimuli a table's rows mean, what is refused, and that no network runs again."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from support.own_sql import seen
from support.tiny_network import paint
from toolbox import ResultWarning, Study
from toolbox.collect.label import LabelReport, label
from toolbox.errors import (
    BusyError,
    StimulusError,
    TableError,
    ToolboxError,
    UsageError,
    VerificationError,
)
from toolbox.files import only_writer
from toolbox.store.labels import read_labels, write_labels
from toolbox.store.parquet import provenance_of

WARMTH = ("category,warmth", "red,warm", "green,cold")
COLD_THEN_WARM = {0: "cold", 1: "cold", 2: "cold", 3: "warm", 4: "warm", 5: "warm"}
"""Ingestion goes through folders by name: green 0, 1, 2, then red 0, 1, 2."""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Where a table of labels goes."""
    return tmp_path / "labels.csv"


def written(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def labels(study: Study, scheme: str = "warmth") -> dict[int, str]:
    return read_labels(study.folder.labels("colours", scheme))


def state(study: Study) -> dict[str, tuple[int, bytes]]:
    """Time and content of every file of a study but locks."""
    root = study.folder.root
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


# --- what is written ---


def test_categories_are_regrouped_beside_those_that_stay(study: Study, table: Path) -> None:
    before = state(study)
    report = study.label("colours", scheme="warmth", source=str(written(table, *WARMTH)))
    assert report == LabelReport(
        set="colours",
        scheme="warmth",
        key="category",
        value="warmth",
        ignored=[],
        labelled=6,
        unlabelled=0,
        categories={"cold": 3, "warm": 3},
        written=True,
    )
    assert labels(study) == COLD_THEN_WARM
    assert study.folder.schemes("colours") == ["category", "warmth"]
    after = state(study)
    fresh = set(after) - set(before)
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {"plans/committed.json"}
    assert sorted(path.split("/")[0] for path in fresh) == ["checksums", "labels", "runs"]
    with pytest.raises(FrozenInstanceError):
        report.labelled = 3  # type: ignore[misc]


def test_the_table_of_labels_is_as_ingestion_writes_it(study: Study, table: Path) -> None:
    study.label("colours", scheme="warmth", source=written(table, *WARMTH))
    schemas = [
        pl.read_parquet_schema(study.folder.labels("colours", name)) for name in ("category", "warmth")
    ]
    assert schemas == [{"stimulus_id": pl.Int32, "category": pl.String}] * 2


def test_labels_and_the_runs_record_say_where_they_come_from(study: Study, table: Path) -> None:
    study.label("colours", scheme="warmth", source=written(table, *WARMTH))
    source = {"table": "labels.csv", "sha256": sha256(table.read_bytes()).hexdigest()}
    provenance = provenance_of(study.folder.labels("colours", "warmth"))
    assert provenance.pop("tool").startswith("selectivity-toolbox ")
    assert datetime.fromisoformat(provenance.pop("created")).tzinfo == UTC
    assert provenance == {"task": "label", "set": "colours", "scheme": "warmth", "sources": [source]}
    [record] = (study.folder.root / "runs").glob("*-label-colours.json")
    run = json.loads(record.read_text(encoding="utf-8"))
    assert (run["task"], run["scheme"], run["source"], run["key"]) == ("label", "warmth", source, "category")
    assert (run["labelled"], run["unlabelled"], run["categories"]) == (6, 0, {"cold": 3, "warm": 3})


# --- which stimuli a row means ---


@pytest.mark.parametrize("key", ["stimulus_id", "sha256", "path"])
def test_single_images_are_labelled_by_what_names_them(key: str, study: Study, table: Path) -> None:
    names = study.query(seen("select * from stimuli order by stimulus_id"))[key].to_list()
    study.label(
        "colours",
        scheme="side",
        source=written(table, f"side,{key}", f"left,{names[4]}", f"right,{names[1]}"),
    )
    assert labels(study, "side") == {1: "right", 4: "left"}


def test_a_digest_may_be_in_capitals(study: Study, table: Path) -> None:
    digest = study.query(seen("select sha256 from stimuli where stimulus_id = 2")).item()
    study.label("colours", scheme="side", source=written(table, "sha256,side", f"{digest.upper()},left"))
    assert labels(study, "side") == {2: "left"}


def test_paths_are_as_stored_or_absolute_or_relative_to_the_tables_folder(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = study.folder.root / "images" / "grey"
    for number in range(4):
        paint(inside / f"{number}.png", (number, number, number))
    study.ingest(inside.parent, set="grey")
    file = written(
        inside.parent / "tables" / "labels.csv",
        "path,shade",
        "images/grey/0.png,a",
        f"{inside / '1.png'},b",
        "../grey/2.png,c",
        "..\\grey\\3.png,d",
    )
    monkeypatch.chdir(tmp_path)
    label(replace(study.folder, root=Path("study")), "grey", "shade", file)
    assert read_labels(study.folder.labels("grey", "shade")) == {0: "a", 1: "b", 2: "c", 3: "d"}


def test_a_path_whose_image_was_changed_means_the_old_stimulus_and_the_new(
    study: Study, photographs: Path, table: Path
) -> None:
    changed = photographs / "red" / "red 0.png"
    paint(changed, (0, 0, 200))
    study.ingest(photographs, set="colours")
    study.label("colours", scheme="side", source=written(table, "path,side", f"{changed},left"))
    assert labels(study, "side") == {3: "left", 6: "left"}


def test_accents_are_composed_and_a_category_has_one_name(study: Study, table: Path) -> None:
    apart = unicodedata.normalize("NFD", "kühl")
    study.label(
        "colours", scheme="warmth", source=written(table, "category,warmth", f"green,{apart}", "red,kühl")
    )
    assert set(labels(study).values()) == {"kühl"}
    back = written(table, "category,warmth,again", "green,x,y")
    study.label("colours", scheme="again", source=back)
    assert labels(study, "again") == dict.fromkeys(range(3), "y")


@pytest.mark.parametrize("cell", ["", '""', "NA"])
def test_an_empty_label_is_an_unlabelled_stimulus(cell: str, study: Study, table: Path) -> None:
    report = study.label(
        "colours", scheme="warmth", source=written(table, "category,warmth", "red,warm", f"green,{cell}")
    )
    assert (report.labelled, report.unlabelled, report.categories) == (3, 3, {"warm": 3})
    assert labels(study) == {3: "warm", 4: "warm", 5: "warm"}


def test_stimuli_that_are_not_named_are_unlabelled(study: Study, table: Path) -> None:
    report = study.label("colours", scheme="warmth", source=written(table, "category,warmth", "red,warm"))
    assert (report.labelled, report.unlabelled) == (3, 3)


def test_the_column_of_the_schemes_name_goes_before_category(study: Study, table: Path) -> None:
    report = study.label(
        "colours", scheme="side", source=written(table, "stimulus_id,category,side", "0,red,left")
    )
    assert (report.key, report.value, report.ignored) == ("stimulus_id", "side", ["category"])
    assert labels(study, "side") == {0: "left"}


def test_labels_may_stand_under_category_and_other_columns_are_reported(study: Study, table: Path) -> None:
    path = study.query(seen("select path from stimuli where stimulus_id = 5")).item()
    report = study.label(
        "colours", scheme="side", source=written(table, "note,path,category", f"dim,{path},left")
    )
    assert (report.key, report.value, report.ignored) == ("path", "category", ["note"])
    assert labels(study, "side") == {5: "left"}


def test_labels_that_look_like_numbers_stay_text(study: Study, table: Path) -> None:
    study.label("colours", scheme="block", source=written(table, "stimulus_id,block", "0,01", "1,1"))
    assert labels(study, "block") == {0: "01", 1: "1"}


def test_tables_are_read_as_manifests_are(study: Study, tmp_path: Path) -> None:
    tabs = written(tmp_path / "labels.TSV", "category\ttabs", "red\twarm, or hot", "\t", "green\tcold")
    study.label("colours", scheme="tabs", source=tabs)
    assert set(labels(study, "tabs").values()) == {"warm, or hot", "cold"}
    frame = pl.DataFrame(
        {
            "stimulus_id": pl.Series([4, 0], dtype=pl.UInt8),
            "kind": pl.Series(["a", "b"], dtype=pl.Categorical),
        }
    )
    frame.write_parquet(tmp_path / "labels.parquet")
    study.label("colours", scheme="kind", source=tmp_path / "labels.parquet")
    assert labels(study, "kind") == {0: "b", 4: "a"}
    (tmp_path / "marked.csv").write_text("category,warmth\nred,warm\n", encoding="utf-8-sig")
    study.label("colours", scheme="warmth", source=tmp_path / "marked.csv")
    assert set(labels(study).values()) == {"warm"}


@pytest.mark.parametrize("heading", ["file", "path", "File"])
def test_the_name_of_a_file_or_the_end_of_a_path_means_its_only_stimulus(
    heading: str, study: Study, table: Path
) -> None:
    paths = study.query(seen("select path from stimuli order by stimulus_id"))["path"].to_list()
    ends = [Path(paths[4]).name, "/".join(Path(paths[1]).parts[-2:]), "\\".join(Path(paths[2]).parts[-2:])]
    rows = [f"{end},{side}" for end, side in zip(ends, ["left", "right", "left"], strict=True)]
    report = study.label("colours", scheme="side", source=written(table, f"{heading},side", *rows))
    assert labels(study, "side") == {4: "left", 1: "right", 2: "left"}
    assert report.key == heading.lower()


def test_a_file_name_of_several_stimuli_is_refused_with_both(
    study: Study, tmp_path: Path, table: Path
) -> None:
    for number, category in enumerate(["cat", "dog", "fox"]):
        paint(tmp_path / "more" / category / "0.png", (number, 0, 0))
    study.ingest(tmp_path / "more", set="more")
    before = state(study)
    with pytest.raises(
        StimulusError, match=r"'0\.png', which is the end of .*/cat/0\.png and .*/dog/0\.png and"
    ):
        study.label("more", scheme="side", source=written(table, "file,side", "0.png,left"))
    assert state(study) == before
    study.label("more", scheme="side", source=written(table, "file,side", "dog/0.png,left"))
    assert read_labels(study.folder.labels("more", "side")) == {1: "left"}


def test_blanks_round_a_name_are_not_part_of_it(study: Study, table: Path) -> None:
    paths = study.query(seen("select path from stimuli order by stimulus_id"))["path"].to_list()
    rows = [f"{paths[4]} ,left", f" {Path(paths[1]).name},right"]
    study.label("colours", scheme="side", source=written(table, "path,side", *rows))
    assert labels(study, "side") == {4: "left", 1: "right"}
    study.label("colours", scheme="heat", source=written(table, "category,heat", "red ,warm"))
    assert set(labels(study, "heat").values()) == {"warm"}


def test_the_end_of_a_path_is_whole_names_of_folders_and_files(study: Study, table: Path) -> None:
    name = Path(study.query(seen("select path from stimuli limit 1")).item()).name
    with pytest.raises(StimulusError, match="match no stimulus of colours"):
        study.label("colours", scheme="side", source=written(table, "file,side", f"{name[1:]},left"))


def test_labels_that_are_spelled_as_missing_values_are_asked_about(study: Study, table: Path) -> None:
    written(table, "stimulus_id,side", "0,left", "1,nan", "2,None", "3,NA")
    before = state(study)
    with pytest.raises(
        StimulusError, match="has the categories 'None', 'nan': usually a missing value; choose"
    ):
        study.label("colours", scheme="side", source=table)
    assert state(study) == before
    report = study.label("colours", scheme="side", source=table, missing="unlabelled")
    assert labels(study, "side") == {0: "left"}
    assert len(report.notes) == 1
    study.label("colours", scheme="side", source=table, missing="category", replace=True)
    assert labels(study, "side") == {0: "left", 1: "nan", 2: "None", 3: "NA"}


def test_a_scheme_that_differs_from_another_only_in_case_is_refused(study: Study, table: Path) -> None:
    study.label("colours", scheme="warmth", source=written(table, *WARMTH))
    with pytest.raises(
        UsageError, match="the name 'Warmth' differs from the label scheme 'warmth' only in case"
    ):
        study.label("colours", scheme="Warmth", source=written(table, "category,Warmth", "red,warm"))
    assert study.folder.schemes("colours") == ["category", "warmth"]


def test_labels_that_differ_only_in_case_are_reported(study: Study, table: Path) -> None:
    report = study.label(
        "colours", scheme="warmth", source=written(table, "category,warmth", "red,Warm", "green,warm")
    )
    [note] = report.notes
    assert note.startswith("the scheme warmth has the categories 'Warm', 'warm', which differ only in case")


def test_the_same_row_twice_says_nothing_new(study: Study, table: Path) -> None:
    study.label("colours", scheme="warmth", source=written(table, *WARMTH, WARMTH[1]))
    assert labels(study) == COLD_THEN_WARM


def test_labels_left_by_a_killed_ingestion_name_no_stimulus(study: Study, table: Path) -> None:
    write_labels(study.folder.labels("colours"), {**labels(study, "category"), 6: "red", 7: "blue"}, {})
    report = study.label("colours", scheme="warmth", source=written(table, *WARMTH))
    assert (report.labelled, labels(study)) == (6, COLD_THEN_WARM)
    with pytest.raises(StimulusError, match=r"category 'blue'; its categories: green, red$"):
        study.label("colours", scheme="other", source=written(table, "category,other", "blue,cold"))


# --- what is refused, and that nothing is written then ---


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ("category,heat", "red,warm"),
            "has only the columns 'category', 'heat'; expected the labels in a column 'warmth' (or 'category')",
        ),
        (
            ("category", "red"),
            "has only the columns 'category'; expected the labels in a column 'warmth' (or 'category') and one of the",
        ),
        (
            ("name,warmth", "red,warm"),
            "has only the columns 'name', 'warmth'; expected the labels in a column 'warmth' (or 'category') and",
        ),
        (
            ("category|warmth", "red|warm"),
            "has only the columns 'category|warmth'; expected the labels in a column",
        ),
        (
            ("category,warmth", "rde,warm", "red,warm"),
            "match no stimulus of colours: category 'rde'; its categories: green, red",
        ),
        (
            ("stimulus_id,warmth", "6,a", "7,a", "-1,a", "0,a", "01,a", "1.0,a", "6,a"),
            "has rows that match no stimulus of colours: stimulus_id '6', stimulus_id '7', stimulus_id '-1' and 2 "
            'more; list them with: toolbox query "select stimulus_id, sha256, path from stimuli" --set colours',
        ),
        (("path,warmth", "red 7.png,warm"), "match no stimulus of colours: path 'red 7.png'"),
        (("path,warmth", ",warm"), "match no stimulus of colours: row 1, without path"),
        (
            ("category,warmth", "NA,warm", "red,warm"),
            "match no stimulus of colours: category 'NA'; its categories: g",
        ),
        (
            ("category,warmth", "red,warm", "red,cold", "green,cold"),
            "gives different labels to category 'red'; keep one label for each stimulus",
        ),
        (("category,warmth", "red,warm", "red,"), "gives different labels to category 'red'; keep one"),
        (
            ("category,warmth", "red,", "green,NA"),
            "labels no stimulus: its column 'warmth' is empty; enter the labels there",
        ),
        (("category,warmth",), "labels no stimulus: its column 'warmth' is empty"),
        (("category,warmth", "red,warm,hot,1"), "has values in a column without a name, such as"),
        (
            ("stimulus_id,sha256,warmth", "0,0123456789abcdef,warm"),
            "'0' with sha256 0123456789ab…; list them with: toolbox query",
        ),
    ],
)
def test_a_table_that_is_not_clear_is_refused_in_one_line(
    lines: tuple[str, ...], message: str, study: Study, table: Path
) -> None:
    before = state(study)
    with pytest.raises((StimulusError, TableError)) as caught:
        study.label("colours", scheme="warmth", source=written(table, *lines))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(table))
    assert "\n" not in str(caught.value)
    assert state(study) == before


@pytest.mark.parametrize(
    ("set_name", "scheme", "file", "message"),
    [
        ("colors", "warmth", "labels.csv", "no stimulus set named 'colors'; did you mean 'colours'?"),
        ("colours", "category", "labels.csv", "the scheme name 'category' is reserved for ingestion; choose another"),
        ("colours", "Category", "labels.csv", "the scheme name 'Category' is reserved for ingestion"),
        ("colours", "how warm", "labels.csv", "'how warm' is not a valid name for a label scheme; use"),
        ("colours", "../warmth", "labels.csv", "'../warmth' is not a valid name for a label scheme"),
        ("colours", "warmth", "none.csv", "none.csv does not exist; expected a table (.csv, .tsv, .txt, .xlsx, .p"),
        ("colours", "warmth", "labels.doc", "labels.doc cannot be read as a table; expected stimuli and"),
        ("colours", "warmth", "labels.xls", "labels.xls is a spreadsheet in the format .xls; save it as .xlsx or .csv"),
        ("colours", "2024", "labels.csv", "'2024' is not a valid name for a label scheme: programs that read"),
    ],
)  # fmt: skip
def test_impossible_names_and_files_are_refused(
    set_name: str, scheme: str, file: str, message: str, study: Study, tmp_path: Path
) -> None:
    for name in ("labels.csv", "labels.doc", "labels.xls"):
        written(tmp_path / name, *WARMTH)
    before = state(study)
    with pytest.raises(UsageError) as caught:
        study.label(set_name, scheme=scheme, source=tmp_path / file)
    assert message in str(caught.value)
    assert state(study) == before


def test_a_column_that_is_no_text_is_refused(study: Study, tmp_path: Path) -> None:
    pl.DataFrame({"stimulus_id": [0], "kind": [["a", "b"]]}).write_parquet(tmp_path / "nested.parquet")
    with pytest.raises(
        StimulusError, match=r"column 'kind' of .* has the type List\(String\); expected text"
    ):
        study.label("colours", scheme="kind", source=tmp_path / "nested.parquet")


def test_two_names_of_one_image_may_not_contradict_each_other(study: Study, photographs: Path) -> None:
    file = written(
        photographs / "labels.csv", "path,side", "red/red 0.png,left", "red/../red/red 0.png,right"
    )
    with pytest.raises(
        StimulusError, match=r"gives different labels to path 'red/\.\./red/red 0\.png'; keep one label"
    ):
        study.label("colours", scheme="side", source=file)


def test_a_digest_beside_the_number_must_be_that_of_the_stimulus(study: Study, tmp_path: Path) -> None:
    rows = study.query(seen("select stimulus_id, sha256, path from stimuli order by stimulus_id"))
    exported = rows.with_columns(side=pl.lit("left"))
    exported.write_csv(tmp_path / "labels.csv")
    report = study.label("colours", scheme="side", source=tmp_path / "labels.csv")
    assert (report.labelled, report.ignored) == (6, ["path"])
    exported.with_columns(pl.col("sha256").reverse(), other="side").write_csv(tmp_path / "other.csv")
    with pytest.raises(
        StimulusError, match=r"match no stimulus of .*: stimulus_id '0' with sha256 .* and 3 more"
    ):
        study.label("colours", scheme="other", source=tmp_path / "other.csv")


def test_other_labels_are_overwritten_only_on_demand(study: Study, table: Path) -> None:
    study.label("colours", scheme="warmth", source=written(table, *WARMTH))
    before = state(study)
    again = study.label("colours", scheme="warmth", source=table)
    assert (again.written, again.labelled) == (False, 6)
    written(table, "category,warmth", "red,hot", "green,cold")
    with pytest.raises(
        UsageError, match=r"scheme 'warmth' of colours already contains different labels; .* \(--replace\)"
    ):
        study.label("colours", scheme="warmth", source=table)
    assert state(study) == before
    assert study.label("colours", scheme="warmth", source=table, replace=True).written
    assert set(labels(study).values()) == {"hot", "cold"}


def test_damaged_labels_are_told_and_can_be_replaced(study: Study, table: Path) -> None:
    study.label("colours", scheme="warmth", source=written(table, *WARMTH))
    path = study.folder.labels("colours", "warmth")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ToolboxError, match="is damaged: its bytes have changed since they were written"):
        study.label("colours", scheme="warmth", source=table)
    study.label("colours", scheme="warmth", source=table, replace=True)
    assert labels(study) == COLD_THEN_WARM


def test_nothing_is_labelled_while_another_process_writes_the_set(study: Study, table: Path) -> None:
    with (
        only_writer(study.folder.lock("colours"), "ingest"),
        pytest.raises(BusyError, match="another process is ingesting or labelling in"),
    ):
        study.label("colours", scheme="warmth", source=written(table, *WARMTH))
    assert study.folder.schemes("colours") == ["category"]


# --- asking with it ---


def test_a_new_labelling_is_asked_about_without_the_network(
    study: Study, card: str, weights: str, table: Path
) -> None:
    """Of each colour, the darkest image is `dark`, the lightest `light`, and the one between has no label.

    Responses to dark and light are, for the filters of colour and pool, r: 10, 100 and 10, 200; g: 20, 100 and 20, 200;
    max(r - g - 10, 0): 0, 70 and 0, 170; for those of sum, 4 r, and 0. All prefer light, but the dead one.
    """
    study.extract("colours", model=card, weights=weights)
    by_colour = study.query("layers/profile")
    Path(weights).unlink()
    responses = {path: found for path, found in state(study).items() if path.startswith("responses")}
    lines = (f"{number},{('dark', '', 'light')[number % 3]}" for number in range(6))
    study.label("colours", scheme="luminance", source=written(table, "stimulus_id,luminance", *lines))
    columns = ["layer", "category", "filters", "selective", "proportion", "dead"]
    assert study.query("layers/profile", scheme="luminance").select(columns).rows() == [
        ("colour", "dark", 3, 0, 0.0, 0),
        ("colour", "light", 3, 3, 1.0, 0),
        ("pool", "dark", 3, 0, 0.0, 0),
        ("pool", "light", 3, 3, 1.0, 0),
        ("sum", "dark", 2, 0, 0.0, 1),
        ("sum", "light", 2, 1, 0.5, 1),
    ]
    contrasts = study.query("selectivity/index", scheme="luminance").filter(layer="colour", category="light")[
        "contrast"
    ]
    assert contrasts.to_list() == pytest.approx([50 / 190, 50 / 180, 50 / 170])
    assert study.query("layers/profile", scheme="category").equals(by_colour)
    assert responses == {path: found for path, found in state(study).items() if path.startswith("responses")}
    note = (
        r"several label schemes \(category, luminance\); category is used, as it was the first; .* scheme=…"
    )
    with pytest.warns(ResultWarning, match=note):
        assert study.query("layers/profile").equals(by_colour)


def test_a_new_labelling_is_rolled_up_at_once(study: Study, card: str, weights: str, table: Path) -> None:
    study.extract("colours", model=card, weights=weights)
    study.label(
        "colours", scheme="warmth", source=written(table, "category,warmth", "red,warm", "green,cold")
    )
    rollup = study.folder.rollup("colours", "tiny", "warmth")
    made = rollup.read_bytes()
    assert study.query(seen("from rollups"), scheme="warmth")["category"].unique().sort().to_list() == [
        "cold",
        "warm",
    ]
    assert rollup.read_bytes() == made
    written(table, "category,warmth", "red,hot")
    study.label("colours", scheme="warmth", source=table, replace=True)
    assert rollup.read_bytes() != made
    rows = pl.read_parquet(rollup, hive_partitioning=False)
    assert rows["category"].unique().to_list() == ["hot"]


def test_damaged_responses_do_not_keep_a_set_from_being_labelled(
    study: Study, card: str, weights: str, table: Path
) -> None:
    study.extract("colours", model=card, weights=weights)
    (study.folder.responses("colours", "tiny") / "part-0.parquet").write_bytes(b"damaged")
    (study.folder.plans("colours", "planned") / "plan.parquet").parent.mkdir()
    (study.folder.plans("colours", "planned") / "plan.parquet").touch()
    assert study.label("colours", scheme="warmth", source=written(table, *WARMTH)).written
    assert not study.folder.rollup("colours", "tiny", "warmth").exists()
    with pytest.raises(VerificationError, match=r"part-0\.parquet is damaged"):
        study.query("from rollups", scheme="warmth", model="tiny")


def test_the_summary_of_the_study_shows_every_labelling(study: Study, table: Path) -> None:
    study.label("colours", scheme="warmth", source=written(table, "category,warmth", "red,warm"))
    rows = study.query("sets/summary").select("scheme", "category", "stimuli").rows()
    assert rows == [
        ("category", "green", 3),
        ("category", "red", 3),
        ("warmth", "warm", 3),
        ("warmth", None, 3),
    ]


def test_ingesting_more_leaves_the_new_stimuli_without_a_label(
    study: Study, photographs: Path, table: Path
) -> None:
    study.label("colours", scheme="warmth", source=written(table, *WARMTH))
    paint(photographs / "red" / "red 3.png", (250, 20, 0))
    study.ingest(photographs, set="colours")
    assert labels(study) == COLD_THEN_WARM
    study.label("colours", scheme="warmth", source=table, replace=True)
    assert labels(study) == {**COLD_THEN_WARM, 6: "warm"}
