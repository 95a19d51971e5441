"""The commands compare and reference: what goes to stdout, to stderr and into files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from support.commands import run
from toolbox.design.comparison.pairs import PAIR_COLUMNS
from toolbox.store.parquet import provenance_of


@pytest.fixture
def quick(shared_study: str) -> list[str]:
    return ["--study", shared_study, "--resamples", "40"]


def test_a_comparison_prints_a_table_and_a_paragraph(quick: list[str]) -> None:
    shown = run("compare", "red", "green", *quick)
    table, _, paragraph = shown.stdout.partition("\n\n")
    header, *rows = table.splitlines()
    assert header.split()[:3] == ["measure", "category", "other"]
    assert {row.split()[0] for row in rows} >= {"proportion", "mean_depth", "responsive_depth", "sharpness"}
    assert not any(row.startswith(("colour ", "sum ")) for row in rows)  # of single layers
    assert paragraph.startswith("The categories red (3) and green (3) of the set colours")
    assert "few filters respond highly to red 3, green 1" in shown.stderr
    assert "toolbox properties colours" in shown.stderr
    assert run("compare", "red", "green", "--quiet", *quick).stderr == ""


def test_a_comparison_is_written_with_its_codebook(quick: list[str], tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    run("compare", "red", "green", "--output", str(file), *quick)
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert list(rows[0]) == list(PAIR_COLUMNS)
    assert [row["measure"] for row in rows if row["kind"] == "layer"] == ["colour", "sum"]
    codebook = json.loads((tmp_path / "rows.csv-metadata.json").read_text(encoding="utf-8"))
    columns = {column["titles"]: column for column in codebook["tableSchema"]["columns"]}
    assert all(columns[name]["dc:description"] == meaning for name, (_, meaning) in PAIR_COLUMNS.items())


def test_rows_are_printed_in_other_formats_without_the_paragraph(quick: list[str]) -> None:
    rows = json.loads(run("compare", "red", "green", "--format", "json", *quick).stdout)
    assert {row["kind"] for row in rows} == {"complexity", "layer", "stimulus", "property"}


def test_figure_and_paragraph_are_files(quick: list[str], tmp_path: Path) -> None:
    figure, text = tmp_path / "figure.svg", tmp_path / "paragraph.txt"
    shown = run("compare", "red", "green", "--figure", str(figure), "--text", str(text), *quick)
    assert figure.read_text(encoding="utf-8").startswith("<svg")
    assert text.read_text(encoding="utf-8").strip() in shown.stdout
    assert f"written: {figure}" in shown.stderr


def test_layers_may_follow_one_option(quick: list[str]) -> None:
    shown = run("compare", "red", "green", "--layer", "sum", "colour", *quick)
    assert "(2 layers, 5 filters" in shown.stdout


def test_a_reference_is_written_and_used(quick: list[str], shared_study: str, tmp_path: Path) -> None:
    file = tmp_path / "tiny.mine.parquet"
    written = run(
        "reference", "colours", "--output", str(file), "--description", "six colours", "--study", shared_study
    )
    assert written.stdout == f"{file}\n"
    assert "colours: 5 filters in 2 layers of tiny, over 6 stimuli" in written.stderr
    assert provenance_of(file)["description"] == "six colours"
    shown = run("compare", "red", "green", "--reference", str(file), *quick)
    assert "the reference (six colours)" in shown.stdout
    rows = pl.read_json(
        run("compare", "green", "red", "--reference", str(file), "--format", "json", *quick).stdout.encode()
    )
    # the mean response to three of six stimuli exceeds that to all by half of the difference
    assert rows.filter(kind="complexity", measure="proportion")["value"].to_list() == [pytest.approx(1 / 6)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["red"], "1 category is named; expected two or more of green, red"),
        (["red", "blue"], "no category named 'blue'"),
        (["red", "green", "--margin", "0"], "the margin is 0; expected a number above 0"),
        (["red", "green", "--layer", "pool"], "no layer named 'pool'"),
        (["red", "green", "--reference", "natural"], "no reference named 'natural'"),
        (["red", "green", "--figure", "figure.doc"], "cannot draw a figure as '.doc'"),
        (["red", "green", "--text", "text.pdf"], "expected a name that ends in .md or .txt"),
    ],
)
def test_mistakes_are_one_line(quick: list[str], arguments: list[str], message: str) -> None:
    refused = run("compare", *arguments, *quick, code=2)
    assert message in refused.stderr
    assert refused.stdout == ""


def test_a_reference_without_a_file_is_refused(shared_study: str) -> None:
    assert "--output" in run("reference", "colours", "--study", shared_study, code=2).stderr
    named = run("reference", "colours", "--output", "reference.csv", "--study", shared_study, code=2)
    assert (
        "a reference cannot be written to reference.csv; expected a name that ends in .parquet"
        in named.stderr
    )
