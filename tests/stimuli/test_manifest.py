"""Tables of stimuli: types of their columns, where their paths lead, and what is refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from toolbox.errors import StimulusError, TableError, UsageError
from toolbox.stimuli.manifest import list_manifest

Paint = Callable[..., Path]


@pytest.fixture
def lab(tmp_path: Path, paint: Paint) -> Path:
    """A folder with the pictures a.png and b.png."""
    paint(tmp_path / "a.png")
    paint(tmp_path / "b.png")
    return tmp_path


def manifest(folder: Path, text: str, name: str = "stimuli.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_paths_are_relative_to_the_manifests_own_folder(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab / "sub").mkdir()
    file = manifest(lab / "sub", f"path,category\n../a.png,face\n{lab / 'b.png'},car\n")
    monkeypatch.chdir("/")
    listing = list_manifest(file)
    assert [candidate.path for candidate in listing.candidates] == [
        lab.resolve() / "a.png",
        lab.resolve() / "b.png",
    ]


def test_categories_stay_text_and_the_order_is_the_tables(lab: Path) -> None:
    listing = list_manifest(manifest(lab, "category,path\n002,b.png\n001,a.png\n"))
    assert [(candidate.path.name, candidate.category) for candidate in listing.candidates] == [
        ("b.png", "002"),
        ("a.png", "001"),
    ]


@pytest.mark.parametrize("cell", ["", '""', "NA"])
def test_an_empty_category_is_an_unlabelled_stimulus(lab: Path, cell: str) -> None:
    listing = list_manifest(manifest(lab, f"path,category\na.png,{cell}\nb.png,face\n"))
    assert [candidate.category for candidate in listing.candidates] == [None, "face"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1", "2"), (1, 2)),
        (("1", "2.5"), (1.0, 2.5)),
        (("1", ""), (1, None)),
        (("1.5", "NA"), (1.5, None)),
        (("1.5", "NaN"), (1.5, None)),
        (("true", "false"), (True, False)),
        (("TRUE", "FALSE"), (True, False)),
        (("red", "7"), ("red", "7")),
        (("2024-05-01", "2024-05-02"), ("2024-05-01", "2024-05-02")),
    ],
)
def test_further_columns_become_variables_of_their_type(
    lab: Path, cells: tuple[str, str], expected: tuple[Any, Any]
) -> None:
    text = f"path,category,variable\na.png,x,{cells[0]}\nb.png,x,{cells[1]}\n"
    values = [candidate.parameters["variable"] for candidate in list_manifest(manifest(lab, text)).candidates]
    assert values == list(expected)
    assert [type(value) for value in values] == [type(value) for value in expected]


def test_a_tsv_is_split_at_tabs_and_keeps_commas(lab: Path) -> None:
    file = manifest(lab, "path\tcategory\tnote\na.png\tface\tfrom left, dim\n", "stimuli.TSV")
    [candidate] = list_manifest(file).candidates
    assert candidate.parameters == {"note": "from left, dim"}


def test_a_byte_order_mark_and_accents_from_a_spreadsheet_are_read(lab: Path, paint: Paint) -> None:
    paint(lab / "ein Bär.png")
    file = lab / "stimuli.csv"
    file.write_text("path,category\nein Bär.png,Bär\n", encoding="utf-8-sig")
    assert [candidate.category for candidate in list_manifest(file).candidates] == ["Bär"]


def test_parquet_types_become_plain_ones(lab: Path) -> None:
    table = pl.DataFrame(
        {
            "path": ["a.png", "b.png"],
            "category": pl.Series(["x", None], dtype=pl.Categorical),
            "small": pl.Series([1, 2], dtype=pl.UInt8),
            "single": pl.Series([0.5, float("nan")], dtype=pl.Float32),
            "exact": pl.Series(["1.25", "2.50"]).cast(pl.Decimal(10, 2)),
            "flag": [True, None],
            "level": pl.Series(["low", "high"], dtype=pl.Enum(["low", "high"])),
        }
    )
    table.write_parquet(lab / "stimuli.parquet")
    first, second = list_manifest(lab / "stimuli.parquet").candidates
    assert first.parameters == {"small": 1, "single": 0.5, "exact": 1.25, "flag": True, "level": "low"}
    assert second.parameters == {"small": 2, "single": None, "exact": 2.5, "flag": None, "level": "high"}
    assert (first.category, second.category) == ("x", None)


def test_a_numeric_category_of_a_parquet_becomes_text(lab: Path) -> None:
    pl.DataFrame({"path": ["a.png"], "category": [7]}).write_parquet(lab / "m.parquet")
    assert [candidate.category for candidate in list_manifest(lab / "m.parquet").candidates] == ["7"]


@pytest.mark.parametrize(
    "values",
    [[datetime.date(2024, 5, 1)], [[1, 2]], [{"a": 1}], [datetime.timedelta(seconds=1)]],
    ids=["date", "list", "struct", "duration"],
)
def test_a_type_that_is_not_plain_is_refused_by_name(lab: Path, values: list[Any]) -> None:
    pl.DataFrame({"path": ["a.png"], "category": ["x"], "odd": values}).write_parquet(lab / "m.parquet")
    with pytest.raises(
        StimulusError,
        match=r"column 'odd' of .*m\.parquet has the type .*; expected text or numbers; export it so",
    ):
        list_manifest(lab / "m.parquet")


def test_numbers_beyond_64_bits_are_refused(lab: Path) -> None:
    text = "path,category,huge\na.png,x,99999999999999999999\n"
    with pytest.raises(
        StimulusError, match=r"column 'huge' of .* has numbers of more than 64 bits; export them as text"
    ):
        list_manifest(manifest(lab, text))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "file,category",
            "has no column 'path', only 'file', 'category'; expected the columns path and category",
        ),
        ("path,label", "has no column 'category', only 'path', 'label'"),
        ("name;category", "has no column 'path', only 'name;category'"),
        ("path|category", "has no column 'path', only 'path|category'"),
    ],
)
def test_a_missing_column_is_named_with_those_that_are_there(lab: Path, header: str, expected: str) -> None:
    cells = ",".join("a.png" for _ in header.split(","))
    with pytest.raises(StimulusError, match=expected):
        list_manifest(manifest(lab, f"{header}\n{cells}\n"))


@pytest.mark.parametrize(
    "name",
    ["stimulus_id", "sha256", "width", "height", "format", "bytes", "set", "Width", "PATH", "Category"],
)
def test_a_column_that_the_toolbox_fills_itself_is_refused(lab: Path, name: str) -> None:
    with pytest.raises(
        StimulusError, match=f"has a column '{name}', a name that the toolbox reserves; rename the column"
    ):
        list_manifest(manifest(lab, f"path,category,{name}\na.png,x,1\n"))


def test_columns_alike_but_for_case_are_refused(lab: Path) -> None:
    with pytest.raises(StimulusError, match="columns 'contrast' and 'Contrast', which differ only in case"):
        list_manifest(manifest(lab, "path,category,contrast,Contrast\na.png,x,1,2\n"))


def test_row_names_without_a_heading_are_refused_with_a_remedy(lab: Path) -> None:
    with pytest.raises(StimulusError, match="has a column without a name; give it one, or remove it"):
        list_manifest(manifest(lab, ",path,category\n1,a.png,x\n"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "cannot be read as csv in UTF-8"),
        (
            b"path,category\na.png,x,y\n",
            "has values in a column without a name, such as 'y' in row 1, column 3",
        ),
        ("path,category\nä.png,é\n".encode("latin-1"), "cannot be read as csv in UTF-8"),
        (b"path,category\n", "lists no stimulus"),
    ],
    ids=["empty", "ragged", "latin-1", "header only"],
)
def test_a_table_that_cannot_be_used_is_one_line(lab: Path, content: bytes, expected: str) -> None:
    file = lab / "stimuli.csv"
    file.write_bytes(content)
    with pytest.raises((StimulusError, TableError), match=expected) as refusal:
        list_manifest(file)
    assert "\n" not in str(refusal.value)


def test_a_parquet_that_is_none_is_one_line(lab: Path) -> None:
    file = manifest(lab, "path,category\n", "stimuli.parquet")
    with pytest.raises(TableError, match="cannot be read as Parquet") as refusal:
        list_manifest(file)
    assert "\n" not in str(refusal.value)


def test_a_missing_manifest_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError,
        match=r"gone\.csv does not exist; expected a manifest \(\.csv, \.tsv, \.txt, \.xlsx, \.parquet\)",
    ):
        list_manifest(tmp_path / "gone.csv")


def test_rows_that_lead_to_no_file_are_listed_and_the_rest_is_offered(lab: Path) -> None:
    (lab / "folder").mkdir()
    (lab / "broken.png").symlink_to(lab / "gone.png")
    text = f"path,category\ngone.png,x\nfolder,x\n{'n' * 300},x\nbroken.png,x\n,x\na.png,x\n"
    file = manifest(lab, text)
    listing = list_manifest(file)
    assert [candidate.path.name for candidate in listing.candidates] == ["a.png"]
    assert [(rejection.path.rsplit("/", 1)[-1], rejection.reason) for rejection in listing.rejections] == [
        ("gone.png", "no such file"),
        ("folder", "not a regular file"),
        ("n" * 300, "cannot be opened (File name too long)"),
        ("broken.png", "a link without a target"),
        ("stimuli.csv, row 5", "no path"),
    ]


def test_paths_written_on_windows_are_found(lab: Path, paint: Paint) -> None:
    paint(lab / "face" / "c.png")
    listing = list_manifest(manifest(lab, "path,category\nface\\c.png,face\n"))
    assert [candidate.path for candidate in listing.candidates] == [lab.resolve() / "face" / "c.png"]


def test_a_link_as_last_part_keeps_its_own_name(lab: Path) -> None:
    (lab / "shown.png").symlink_to(lab / "a.png")
    listing = list_manifest(manifest(lab, "path,category\nshown.png,face\n"))
    assert [candidate.path for candidate in listing.candidates] == [lab.resolve() / "shown.png"]
