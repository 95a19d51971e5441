"""The files of the indices keep their contract, and a broken one is refused in one line."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from toolbox.content import content_folder
from toolbox.errors import CardError
from toolbox.query import describe_query, index_names
from toolbox.query.index_formula import index_formula
from toolbox.query.indices import QUANTITIES, RESAMPLED, read_index, shipped_indices
from toolbox.query.reference import query_reference

FOLDER = content_folder("queries") / "indices"
EACH = pytest.mark.parametrize("name", index_names())
TEXT = """-- ratio: one mean response divided by the other.
--
-- What it is.
--
-- Source: nobody (1900).
--
-- Index
--   family     moments
--   formula    mu_c / mu_rest
--   range      0 or more
--   chance     1
--   threshold  2  twice the response
--   needs      another category
--   sanity     extra labels
mean / nullif(rest_mean, 0)
"""


def written(folder: Path, text: str, name: str = "ratio") -> Path:
    path = folder / f"{name}.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_file_is_an_index() -> None:
    assert index_names() == sorted(path.stem for path in FOLDER.glob("*.sql"))
    assert {index.family for index in shipped_indices().values()} == set(QUANTITIES)


@EACH
def test_an_expression_refers_to_quantities_of_its_family_alone(name: str) -> None:
    formula = index_formula(name)
    assert formula.quantities
    assert formula.quantities <= QUANTITIES[formula.family].keys()


@EACH
def test_a_threshold_is_a_number_within_the_range_and_above_chance(name: str) -> None:
    """For a category of 20 of 100 stimuli, one of five."""
    index = shipped_indices()[name]
    sql = "select ({})::double from (select 20 as n, 100 as all_n, 5 as categories)"
    ((threshold,),) = duckdb.sql(sql.format(index.threshold[0])).fetchall()
    assert index.threshold[1]
    if index.range in ("0 to 1", "-1 to 1"):
        assert -1 <= threshold <= 1
    if index.chance not in ("none", "above 0"):
        ((chance,),) = duckdb.sql(sql.format(index.chance)).fetchall()
        assert threshold > chance


@EACH
def test_an_index_is_described_by_its_own_comment(name: str) -> None:
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    assert "".join(f"-- {line}".rstrip() + "\n" for line in describe_query(name).splitlines()) in text
    assert describe_query(name).startswith(f"{name}: ")


def test_no_other_file_lists_the_indices() -> None:
    """A list of indices, by hand, would not know a new one."""
    for path in [*content_folder("queries").glob("*/*.sql"), *Path("toolbox").rglob("*.py")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            named = [name for name in ("share", "csi", "fsi", "d_prime", "welch_t", "auc") if name in line]
            assert len(named) < 4 or path.parent.name == "selectivity", f"{path}: {line}"


def test_a_file_is_read_with_all_it_says(tmp_path: Path) -> None:
    index = read_index(written(tmp_path, TEXT))
    assert index.title == "one mean response divided by the other"
    assert index.threshold == ("2", "twice the response")
    assert (index.family, index.chance, index.is_compared) == (RESAMPLED[0], "1", True)
    assert index.expression == "mean / nullif(rest_mean, 0)"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "--   chance     1\n",
            "",
            "the rows of Index are family, formula, range, threshold, needs, sanity; expected",
        ),
        (
            "-- ratio:",
            "-- rate:",
            "begins with 'rate: one mean response divided by the other.'; expected 'ratio: what",
        ),
        ("family     moments", "family     means", "the family is means; expected moments, ranks, filter"),
        (
            "extra labels",
            "extra",
            "sanity is 'extra'; expected missing labels, extra labels, missing and extra",
        ),
        ("-- Source: nobody (1900).\n", "", "has no source; expected a line such as 'Source: Author (year)"),
        (
            "--   needs      another category",
            "--   needs",
            "'needs' is not a row of Index; expected a name and a value",
        ),
    ],
)
def test_a_broken_file_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(CardError) as caught:
        read_index(written(tmp_path, TEXT.replace(old, new)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "mean / total",
            "ratio.sql refers to total; an index of the family moments may refer to n, mean, variance",
        ),
        ("mean / (", "ratio.sql: Parser Error"),
    ],
)
def test_an_expression_of_other_things_is_refused_in_one_line(
    tmp_path: Path, expression: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = read_index(written(tmp_path, TEXT.replace("mean / nullif(rest_mean, 0)", expression)))
    monkeypatch.setattr("toolbox.query.index_formula.shipped_index", lambda _: index)
    with pytest.raises(CardError) as caught:
        index_formula("ratio")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_page_of_queries_has_a_section_for_every_index() -> None:
    page = query_reference()
    for name, index in shipped_indices().items():
        assert f"\n### {name}\n" in page
        assert f"`{index.formula}`" in page
