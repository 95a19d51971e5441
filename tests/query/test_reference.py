"""The reference of all queries: in step with their headers, complete, and Markdown that shows what was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolbox.chart import figures
from toolbox.content import content_folder
from toolbox.errors import CardError
from toolbox.query import query_names, query_reference, read_query, shipped_query
from toolbox.query.indices import index_names
from toolbox.query.reference import paragraphs, prose, section, stage_sentences, stages
from toolbox.query.syntax import macro_names

PAGE = content_folder("queries") / "README.md"


def headings(page: str, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", page, re.MULTILINE)


def cells(row: str) -> list[str]:
    """What stands between the bars of a table's row, escaped bars aside."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def test_the_page_is_what_the_headers_say() -> None:
    same = PAGE.read_text(encoding="utf-8") == query_reference(figures())
    assert same, "queries/README.md is not what the headers say any more; run: make reference"


def test_every_query_and_formula_has_a_section_in_its_stage() -> None:
    page = query_reference()
    folders = headings(page, 2)
    assert sorted(folders[:-2]) == sorted({name.split("/")[0] for name in query_names()})
    assert folders[-2:] == ["indices", "formulas"]
    shown = headings(page, 3)
    assert sorted(shown[: len(query_names())]) == query_names()
    further = shown[len(query_names()) :]
    assert further[: len(index_names())] == index_names()
    assert sorted(heading.split("(")[0] for heading in further[len(index_names()) :]) == sorted(macro_names())
    for stage, text in zip(folders, re.split(r"^## .+$", page, flags=re.MULTILINE)[1:], strict=True):
        assert stage in ("indices", "formulas") or {name.split("/")[0] for name in headings(text, 3)} == {
            stage
        }


def test_every_stage_that_is_described_holds_a_query() -> None:
    assert sorted(stage_sentences()) == sorted({name.split("/")[0] for name in query_names()})


@pytest.mark.parametrize("name", query_names())
def test_a_section_holds_the_whole_header(name: str) -> None:
    query = shipped_query(name)
    text = section(query)
    tables = [cells(line) for line in text.splitlines() if line.startswith("|")]
    parameters = [row for row in tables if len(row) == 5][2:]
    columns = [row for row in tables if len(row) == 3][2:]
    assert [row[0] for row in parameters] == [f"`${parameter.name}`" for parameter in query.parameters]
    assert [row[:2] for row in columns] == [[f"`{column.name}`", column.type] for column in query.columns]
    assert len(tables) == len(parameters) + len(columns) + (4 if parameters else 2)
    plain = text.replace("`", "")
    assert all(word in plain for word in query.description.replace("`", "").split())
    assert f"**{query.title}.**" in text


def test_every_link_leads_somewhere() -> None:
    page = query_reference()
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()) for level in (2, 3) for heading in headings(page, level)
    }
    for target in re.findall(r"\]\(([^)]+)\)", page):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (PAGE.parent / target).is_file()


def test_a_figure_is_told_of_where_there_is_one() -> None:
    assert "toolbox plot sets/summary" not in query_reference()
    page = query_reference(["layers/profile"])
    assert "File: [layers/profile.sql](layers/profile.sql); figure: `toolbox plot layers/profile`." in page
    assert page.count("; figure:") == 1


def test_defaults_and_choices_stand_as_in_sql(tmp_path: Path) -> None:
    file = tmp_path / "mine.sql"
    file.write_text(
        "-- Mine.\n--\n-- Parameters\n--   $layer  varchar  {layers.layer}  a|b\n--   $of  varchar = 'x'  {x, y}  |R|\n"
        "--   $least  double = 0.5  smallest\n--   $all  boolean = true  both\n--   $one  integer = null  any\n"
        "-- Columns\n--   n  bigint  $least * 2, x*y\nselect 1"
    )
    assert section(read_query(file)).splitlines() == [
        "### mine",
        "",
        "**Mine.**",
        "",
        "File: [mine.sql](mine.sql).",
        "",
        "| parameter | type | default | choices | meaning |",
        "| --- | --- | --- | --- | --- |",
        "| `$layer` | varchar | must be given | those in `layers.layer` | a\\|b |",
        "| `$of` | varchar | `'x'` | `x`, `y` | \\|R\\| |",
        "| `$least` | double | `0.5` |  | smallest |",
        "| `$all` | boolean | `true` |  | both |",
        "| `$one` | integer | `null` |  | any |",
        "",
        "| column | type | meaning |",
        "| --- | --- | --- |",
        "| `n` | bigint | `$least` * 2, x\\*y |",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cut by $index, or $statistic = 'mean'.", "cut by `$index`, or `$statistic = 'mean'`."),
        ("with $threshold = 0.5.", "with `$threshold = 0.5`."),
        ("`$index` and `a*b` stay", "`$index` and `a*b` stay"),
        ("a * b, x*y*z, m < n, <script>", "a * b, x\\*y\\*z, m < n, \\<script>"),
        ("a\n- b\n+ c\n# d\n> e\n-1 to 1", "a\n\\- b\n\\+ c\n\\# d\n\\> e\n-1 to 1"),
        ("doi 10.1002/a-b(1)2.", "doi [10.1002/a-b(1)2](https://doi.org/10.1002/a-b(1)2)."),
        ("(arXiv:1311.2524)", "([arXiv:1311.2524](https://arxiv.org/abs/1311.2524))"),
    ],
)
def test_markdown_shows_what_was_meant(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_formulas_are_blocks_and_empty_lines_part_paragraphs() -> None:
    lines = ["", "With A*B:", "    a = x * $y", "    b = |z|", "as said.", "", "", "More.", ""]
    assert paragraphs(lines) == "With A\\*B:\n\n    a = x * $y\n    b = |z|\n\nas said.\n\nMore."


def test_a_stage_without_a_sentence_is_told() -> None:
    with pytest.raises(
        CardError, match=r"stages\.toml says nothing of novel/; add a line such as novel = \"What"
    ):
        stages(["layers/profile", "novel/result"], {"layers": "Layers."})


def test_stages_come_in_the_order_of_their_sentences() -> None:
    told = stages(["a/x", "b/x", "b/y"], {"b": "First.", "a": "Then."})
    assert list(told.items()) == [("b", ("First.", ["b/x", "b/y"])), ("a", ("Then.", ["a/x"]))]
