"""Width and style of every `.sql` file that ships."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolbox.content import content_folder

FOLDER = content_folder("queries")
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.sql"))
EACH = pytest.mark.parametrize("name", FILES)
WIDTH = 120
KEYWORDS = re.findall(
    r"\w+",
    """
    select from where group order by having join left cross using on as and or not case when then else end with union
    partition over window between null is in create macro table filter distinct values qualify unpivot
    """,
)
TEXT_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--.*")


def lines(name: str) -> list[str]:
    return (FOLDER / name).read_text(encoding="utf-8").splitlines()


def statements(name: str) -> list[str]:
    """The lines of SQL, without texts and comments."""
    return [
        TEXT_OR_COMMENT.sub(lambda found: "" if found[0].startswith("--") else "''", line)
        for line in lines(name)
    ]


@EACH
def test_lines_are_neither_too_wide_nor_ragged(name: str) -> None:
    for number, line in enumerate(lines(name), start=1):
        assert len(line) <= WIDTH, f"{name}:{number} has {len(line)} columns"
        assert line == line.rstrip(), f"{name}:{number} ends in blanks"
        assert "\t" not in line, f"{name}:{number} has a tab"
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@EACH
def test_statements_are_indented_by_four_and_their_keywords_in_lower_case(name: str) -> None:
    for number, line in enumerate(statements(name), start=1):
        assert (len(line) - len(line.lstrip())) % 4 == 0 or not line.strip(), f"{name}:{number}"
        loud = [
            word for word in re.findall(r"\w+", line) if word.lower() in KEYWORDS and word != word.lower()
        ]
        assert loud == [], f"{name}:{number}"


@EACH
def test_commas_end_lines_and_are_followed_by_a_blank(name: str) -> None:
    for number, line in enumerate(statements(name), start=1):
        assert not line.lstrip().startswith(","), f"{name}:{number} begins with a comma"
        assert not re.search(r",\S", line), f"{name}:{number} has a comma without a blank"


@EACH
def test_a_file_begins_with_a_sentence(name: str) -> None:
    first, second, *_ = lines(name)
    assert re.fullmatch(r"-- \S.*\.", first), first
    assert second in ("", "--"), f"{name}: a blank line comes after the title"


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(("macros/", "indices/"))])
def test_the_rows_of_a_query_have_an_order(name: str) -> None:
    assert re.search(r"^order by ", "\n".join(lines(name)), re.MULTILINE), name


@pytest.mark.parametrize("path", sorted((FOLDER / "macros").glob("*.sql")), ids=lambda path: path.stem)
def test_a_macro_is_introduced_by_its_own_signature(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    signatures = re.findall(r"^create macro (\w+\([^)]*\))", text, re.MULTILINE)
    assert signatures
    for signature in signatures:
        assert re.search(rf"^-- {re.escape(signature)}: \S", text, re.MULTILINE), signature
