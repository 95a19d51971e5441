"""The command audit: table, paragraph, files, scheme."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from toolbox.cli import app

RUNNER = CliRunner()


@pytest.fixture
def study(shared_study: str, tmp_path: Path) -> str:
    """A study of six pictures, of which no labels can be judged, that may be written to."""
    shutil.copytree(shared_study, tmp_path / "own")
    return str(tmp_path / "own")


def run(*words: str) -> tuple[int, str, str]:
    result = RUNNER.invoke(app, ["audit", *words])
    return result.exit_code, result.stdout, result.stderr


def test_a_table_and_the_paragraph_are_printed(study: str) -> None:
    code, out, err = run("colours", "--study", study)
    assert code == 0
    assert "Audit of colours (6 stimuli, 2 categories of the scheme category, responses of tiny)." in out
    assert "labels are not judged: fewer than two categories of colours have 5 stimuli" in err
    assert "first: toolbox properties colours" in err


def test_rows_figure_paragraph_and_scheme_are_written(study: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("list.json", "audit.png", "audit.md")]
    code, _, err = run(
        "colours", "--study", study, "--kind", "odd_size", "near_duplicate", "--near", "0.001",
        "--output", str(files[0]), "--figure", str(files[1]), "--text", str(files[2]), "--save-as", "clean",
    )  # fmt: skip
    assert code == 0
    assert all(file.is_file() for file in files)
    assert json.loads(files[0].read_text(encoding="utf-8")) == []
    assert "clean: 6 of 6 labels of category; choose them with --scheme clean" in err


def test_a_csv_file_says_what_its_columns_mean(study: str, tmp_path: Path) -> None:
    assert run("colours", "--study", study, "--output", str(tmp_path / "list.csv"))[0] == 0
    codebook = (tmp_path / "list.csv-metadata.json").read_text(encoding="utf-8")
    assert "left_out" in codebook
