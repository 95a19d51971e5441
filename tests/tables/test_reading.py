"""Tables as people bring them: of any program, country and encoding. What is read, what is noted, what is refused."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from toolbox.errors import TableError, UsageError
from toolbox.tables import UserTable, check_table_name, read_rows

ROWS = [("path", "category", "luminance"), ("a.png", "face", "41,5"), ("b.png", "Häuser", "38")]


def saved(file: Path, content: str | bytes) -> Path:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def joined(separator: str, rows: list[tuple[str, ...]] = ROWS, end: str = "\n") -> str:
    return "".join(separator.join(row) + end for row in rows)


def read(file: Path) -> UserTable:
    return read_rows(file, ["path", "category"])


def workbook(file: Path, **sheets: list[tuple[Any, ...]]) -> Path:
    """A workbook as Excel writes it; a sheet whose name starts with `hidden` is one."""
    book = xlsxwriter.Workbook(str(file), {"default_date_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        if name.startswith("hidden"):
            sheet.hide()
    book.close()
    return file


# --- separators and decimal commas ---


@pytest.mark.parametrize(
    ("name", "separator", "note"),
    [
        ("t.csv", ";", "t.csv: columns are separated by ';'"),
        ("t.tsv", ";", "t.tsv: columns are separated by ';'"),
        ("t.csv", "\t", "t.csv: columns are separated by tabs"),
        ("t.txt", "\t", None),
        ("t.tsv", "\t", None),
    ],
)
def test_the_separator_is_that_of_the_file_and_decimal_commas_are_numbers(
    name: str, separator: str, note: str | None, tmp_path: Path
) -> None:
    table = read(saved(tmp_path / name, joined(separator)))
    assert table.rows.rows() == [("a.png", "face", 41.5), ("b.png", "Häuser", 38.0)]
    assert table.notes == [
        *([note] if note else []),
        f"{name}: numbers in luminance have a decimal comma",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "path,category,note\na.png,face,left; dim\nb.png,car,up; bright\n",
        "path,category,a;b\na.png,face,1\nb.png,car,2\n",
        'path,category,"x;y;z;w"\na.png,face,1\nb.png,car,2\n',
    ],
)
def test_semicolons_in_a_table_of_commas_separate_nothing(text: str, tmp_path: Path) -> None:
    table = read(saved(tmp_path / "t.csv", text))
    assert table.rows.columns[:2] == ["path", "category"]
    assert table.rows.shape == (2, 3)
    assert table.notes == []


def test_commas_in_a_header_of_semicolons_separate_nothing(tmp_path: Path) -> None:
    table = read(
        saved(tmp_path / "t.csv", "path;category;luminance, cd\na.png;face;41,5\nb.png;face;38,25\n")
    )
    assert table.rows["luminance, cd"].to_list() == [41.5, 38.25]


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("in_header", [True, False])
def test_empty_columns_without_a_name_are_left_out(separator: str, in_header: bool, tmp_path: Path) -> None:
    rows = [("path", "", "category"), ("a.png", "", "face"), ("b.png", " ", "car")]
    lines = joined(separator, rows, end=2 * separator + "\r\n").splitlines(keepends=True)
    lines[0] = lines[0] if in_header else lines[0].replace(2 * separator + "\r\n", "\r\n")
    table = read(saved(tmp_path / "t.csv", "".join(lines)))
    assert table.rows.columns == ["path", "category"]
    assert table.rows.rows() == [("a.png", "face"), ("b.png", "car")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("path,category\na.png,face\nb.png,car,odd\n", "'odd' in row 2, column 3"),
        ("path,category,,\na.png,face,1,odd\n", "'odd' in row 1, column 4"),
    ],
)
def test_values_beside_the_named_columns_are_refused_with_their_place(
    text: str, place: str, tmp_path: Path
) -> None:
    with pytest.raises(TableError) as caught:
        read(saved(tmp_path / "t.csv", text))
    assert str(caught.value).endswith(
        f"t.csv has values in a column without a name, such as {place}; give the column a name, or remove it"
    )


def test_the_column_of_row_names_that_r_writes_is_kept(tmp_path: Path) -> None:
    table = read(saved(tmp_path / "t.csv", '"","path","category"\n"1","a.png","face"\n'))
    assert table.rows.rows() == [(1, "a.png", "face")]


def test_excels_line_that_names_the_separator_is_no_header(tmp_path: Path) -> None:
    table = read(saved(tmp_path / "t.csv", "sep=;\r\n" + joined(";", end="\r\n")))
    assert table.rows.columns == ["path", "category", "luminance"]


def test_text_with_commas_stays_text_in_a_table_of_semicolons(tmp_path: Path) -> None:
    table = read(saved(tmp_path / "t.csv", "path;category;where\na.png;1,5;3,4 left\nb.png;2;5\n"))
    assert table.rows.rows() == [("a.png", "1,5", "3,4 left"), ("b.png", "2", "5")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path;category;x\na;b;1.234,5\nc;d;2,5\n", "has numbers such as '1.234,5' in the column 'x'"),
        (
            "path;category;x\na;b;1,5\nc;d;2.5\n",
            "whose decimal sign is not clear; write them with a decimal point",
        ),
        ('path,category,x\na,b,"1,5"\n', "has numbers such as '1,5' in the column 'x'"),
        ('path,category,x\na,b,"1,234"\n', "without thousands separators"),
        (
            "path;category;x;y\na;b;1,5;2.5\n",
            "with a decimal comma in the column 'x', but with a decimal point in 'y'",
        ),
    ],
)
def test_numbers_whose_decimal_sign_is_not_clear_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        read(saved(tmp_path / "t.csv", text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_words_for_a_missing_number_are_unknown_numbers_with_a_note(tmp_path: Path) -> None:
    table = read(saved(tmp_path / "t.csv", "path,category,x,y\na,b,1.5,None\nc,d,None,red\ne,f,#N/A,blue\n"))
    assert table.rows["x"].to_list() == [1.5, None, None]
    assert table.rows["y"].to_list() == ["None", "red", "blue"]
    assert table.notes == ["t.csv: #N/A, None in the column 'x' was read as unknown"]


# --- encodings ---


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_with_a_mark_and_line_ends_of_any_system_are_read(
    encoding: str, end: str, tmp_path: Path
) -> None:
    file = saved(tmp_path / "t.txt", joined("\t", end=end).encode(encoding))
    assert read(file).rows.rows() == [("a.png", "face", 41.5), ("b.png", "Häuser", 38.0)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (joined(",").encode("latin-1"), "cannot be read as csv in UTF-8 (line 3 has the byte 0xE4, as files in Wi"),
        (joined(",").encode("utf-16-le"), "cannot be read as csv in UTF-8 (it has NUL characters); in Excel, save"),
        (b"\xff\xfea", "cannot be read as csv in UTF-16"),
        (b"", "cannot be read as csv in UTF-8 (it is empty)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is a workbook of Excel 97-2003, or protected by a pass"),
        (b"PK\x03\x04" + bytes(600), "cannot be read as an Excel workbook"),
    ],
    ids=["latin-1", "utf-16 without a mark", "half a character", "empty", "old Excel", "zip"],
)  # fmt: skip
def test_what_is_no_text_is_refused_in_one_plain_line(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        read(saved(tmp_path / "t.csv", content))
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert "PK" not in str(caught.value)


# --- names and headers ---


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "parquet", "xlsx"])
@pytest.mark.parametrize("name", ["glob*", "glob[B]", "glob?", "set=1"])
def test_a_name_is_that_file_alone(name: str, suffix: str, tmp_path: Path) -> None:
    for stem, value in ((name, "mine"), ("globB", "beside")):
        file = tmp_path / f"{stem}.{suffix}"
        if suffix == "parquet":
            with file.open("wb") as opened:
                pl.DataFrame({"path": [value]}).write_parquet(opened)
        elif suffix == "xlsx":
            workbook(file, Sheet1=[("path",), (value,)])
        else:
            saved(file, f"path\n{value}\n")
    assert read(tmp_path / f"{name}.{suffix}").rows.to_dicts() == [{"path": "mine"}]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="has several columns 'x'; rename or remove all but one of them"):
        read(saved(tmp_path / "t.csv", "path,x,x\na,1,2\n"))


def test_spaces_around_the_names_of_columns_are_no_part_of_them(tmp_path: Path) -> None:
    table = read(saved(tmp_path / "t.csv", "path, Category ,x\n7,08,1\n"))
    assert table.rows.to_dicts() == [{"path": "7", "Category": "08", "x": 1}]


@pytest.mark.parametrize("suffix", [".xls", ".ods", ".XLSB"])
def test_other_spreadsheets_are_refused_by_name(suffix: str) -> None:
    with pytest.raises(UsageError, match=r"is a spreadsheet in the format \.\w+; save it as \.xlsx or \.csv"):
        check_table_name(Path(f"t{suffix}"), "a manifest")


# --- workbooks ---

SHEET: list[tuple[Any, ...]] = [
    ("Path", "category", "whole", "broken", "flag", "day", "id"),
    ("a.png", 7, 1, 41.5, True, datetime.date(2024, 5, 1), "007"),
    ("b.png", "Häuser", 2, "", False, datetime.date(2024, 5, 2), "008"),
    ("", "", "", "", "", "", ""),
]


def test_a_workbook_is_read_as_the_same_table_in_text(tmp_path: Path) -> None:
    table = read(workbook(tmp_path / "t.xlsx", Sheet1=SHEET))
    assert table.rows.rows() == [
        ("a.png", "7", 1, 41.5, True, "2024-05-01", 7),
        ("b.png", "Häuser", 2, None, False, "2024-05-02", 8),
    ]
    assert table.notes == []


@pytest.mark.parametrize("name", ["t.csv", "t.parquet.txt"])
def test_a_workbook_under_another_name_is_read_as_what_it_is(name: str, tmp_path: Path) -> None:
    workbook(tmp_path / "t.xlsx", Sheet1=SHEET).rename(tmp_path / name)
    table = read(tmp_path / name)
    assert table.rows.height == 2
    assert table.notes == [f"{name} is an Excel workbook and was read as such"]


def test_a_parquet_under_another_name_is_read_as_what_it_is(tmp_path: Path) -> None:
    pl.DataFrame({"path": ["a"]}).write_parquet(tmp_path / "t.csv")
    assert read(tmp_path / "t.csv").notes == ["t.csv is Parquet and was read as such"]


def test_the_sheet_with_the_wanted_columns_is_found(tmp_path: Path) -> None:
    notes = [("Read me",), ("These are my images",)]
    file = workbook(tmp_path / "t.xlsx", Notes=notes, Images=SHEET, hidden=SHEET, Empty=[])
    table = read(file)
    assert table.rows.height == 2
    assert table.notes == ["t.xlsx: the sheet 'Images' was read; not read: Notes, Empty"]


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        (
            {"One": SHEET, "Two": SHEET},
            r"has several sheets that may be meant \(One, Two\); keep one of them",
        ),
        ({"One": [("x",)], "Two": [("y",)]}, r"has several sheets that may be meant \(One, Two\)"),
        ({"One": []}, "has no sheet with cells; expected a table in the first sheet"),
    ],
)
def test_a_workbook_whose_table_is_not_clear_is_refused(
    sheets: dict[str, list[tuple[Any, ...]]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(TableError, match=message):
        read(workbook(tmp_path / "t.xlsx", **sheets))


def test_text_that_is_called_a_workbook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read as an Excel workbook"):
        read(saved(tmp_path / "t.xlsx", joined(",")))
