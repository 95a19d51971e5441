"""The figure of an audit: numbers of findings, AUC of properties, few and many categories."""

from __future__ import annotations

import polars as pl
import pytest

from toolbox.chart import render
from toolbox.chart.audit import PROPERTIES_DRAWN, AuditWords, draw_audit

WORDS = AuditWords("Audit of the set pets", "3 stimuli", 0.8)


def counts(categories: list[str]) -> pl.DataFrame:
    rows = [("near_duplicate", name, number, 10, number / 10) for number, name in enumerate(categories)]
    schema = ["kind", "category", "findings", "stimuli", "proportion"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def separations(categories: list[str], properties: int) -> pl.DataFrame:
    rows = [
        (name, f"property_{number}_file", 0.5 + 0.4 * number / properties, 0.01)
        for name in categories
        for number in range(properties)
    ]
    return pl.DataFrame(rows, schema=["category", "property", "auc", "q"], orient="row")


def drawn(counted: pl.DataFrame, told: pl.DataFrame, categories: list[str]) -> str:
    return render(draw_audit(counted, told, WORDS, categories), ".svg", {}).decode()


def test_cells_have_numbers_and_names_in_words() -> None:
    names = ["cat", "dog"]
    svg = drawn(counts(names), separations(names, 4), names)
    for text in ("Audit of the set pets", "near duplicate", "property 3 (file)", ">0.80<", ">cat<"):
        assert text in svg


def test_many_categories_have_no_numbers_and_only_the_clearest_properties_are_drawn() -> None:
    names = [f"category {number:02}" for number in range(40)]
    svg = drawn(counts(names), separations(names, PROPERTIES_DRAWN + 9), names)
    assert ">0.50<" not in svg
    assert "property 0 (file)" not in svg
    assert f"property {PROPERTIES_DRAWN + 8} (file)" in svg


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_figure_of_nothing_has_its_title(is_empty: bool) -> None:
    names = ["cat", "dog"]
    svg = drawn(counts(names).clear() if is_empty else counts(names), separations(names, 2).clear(), names)
    assert "Audit of the set pets" in svg
    assert ("no rows" in svg) == is_empty
