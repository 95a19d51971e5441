"""Names with control characters: refused where they would become names of a study, else printed safely everywhere."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from support.tiny_network import paint
from toolbox import Study, cli
from toolbox.cli.output import note
from toolbox.cli.reports import print_verification
from toolbox.cli.tables import print_table
from toolbox.errors import ResultWarning, StimulusError, ToolboxError, UnknownNameError
from toolbox.printing import is_printable, printable

ODD = {
    "C0": "\x1b[31m", "bell": "\x07", "NUL": "\x00", "DEL": "\x7f", "C1": "\x9b2J", "next line": "\x85",
    "override": "\u202e", "isolate": "\u2066", "separator": "\u2028", "byte order": "\ufeff", "surrogate": "\ud800",
    "no character": "\uffff",
}  # fmt: skip
LEGAL = ("köpfe", "猫", "👩‍🚀", "שלום\u200f", "a b", "[red]cat[/red]", "it's", "a\\nb")


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_no_message_contains_what_cannot_be_shown(odd: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"cat{odd}dog"
    errors = (ToolboxError(name), UnknownNameError("set", "x", [name]), ResultWarning(name))
    note(name)
    print_table(pl.DataFrame({"name": [name.encode("utf-8", "replace").decode()]}))
    captured = capsys.readouterr()
    for text in (*map(str, errors), captured.err.rstrip("\n"), *captured.out.splitlines()):
        assert is_printable(text)
        text.encode("utf-8")


def test_every_command_prints_through_what_makes_texts_printable() -> None:
    """All texts that a command prints, but those that it wrote itself."""
    own = {
        "as_json(findings)",
        "toolbox_version()",
        "left_out",
        "line",
    }  # `line` is of cells that are printable
    for file in Path(cli.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "typer.echo":
                printed = ast.unparse(call.args[0])
                assert printed.startswith(("printable(", "printable_lines(")) or printed in own, (
                    file,
                    printed,
                )


def test_the_head_of_a_table_is_printed_safely(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(pl.DataFrame({"cat\x07": [1]}))
    assert "\x07" not in capsys.readouterr().out


def test_a_stray_file_with_an_odd_name_is_named_safely(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    (study.folder.root / "runs" / "a\x07.txt").write_text("")
    verification = study.verify()
    print_verification(verification, quiet=True)
    printed = capsys.readouterr().out
    assert "does not belong to the study" in printed and "\x07" not in printed


@pytest.mark.parametrize("name", LEGAL)
def test_other_names_are_printed_as_they_are(name: str) -> None:
    assert printable(name) == name == str(ToolboxError(name))


@pytest.mark.parametrize("odd", [odd for odd in ODD.values() if odd not in ("\x00", "\ud800", "\x85")])
def test_a_folder_with_such_a_name_is_no_category(tmp_path: Path, cache: Path, odd: str) -> None:
    paint(tmp_path / "photographs" / f"cat{odd}dog" / "0.png", (1, 2, 3))
    study = Study(tmp_path / "study", create=True)
    with pytest.raises(StimulusError, match="with a character that cannot be shown; rename it") as caught:
        study.ingest(tmp_path / "photographs", set="pets")
    assert is_printable(str(caught.value))


@pytest.mark.parametrize("column", ["category", "path,category,in\x1bk"])
def test_a_table_with_such_a_name_is_refused(tmp_path: Path, cache: Path, column: str) -> None:
    paint(tmp_path / "0.png", (1, 2, 3))
    header, row = ("path,category", "0.png,cat\x1b[31m") if column == "category" else (column, "0.png,cat,3")
    (tmp_path / "images.csv").write_text(f"{header}\n{row}\n")
    with pytest.raises(ToolboxError, match="cannot be shown"):
        Study(tmp_path / "study", create=True).ingest(tmp_path / "images.csv", set="pets")


def test_a_label_with_such_a_name_is_refused(study: Study, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("category,hue\nred,warm\x1b[31m\n")
    with pytest.raises(StimulusError, match="cannot be shown"):
        study.label("colours", scheme="hue", source=tmp_path / "labels.csv")


def test_a_file_with_an_odd_but_legal_name_is_a_stimulus_and_printed_safely(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paint(tmp_path / "photographs" / "cat" / "a\x1b[31m\n.png", (1, 2, 3))
    study = Study(tmp_path / "study", create=True)
    assert study.ingest(tmp_path / "photographs", set="pets").stimuli == 1
    rows = study.query("select path from stimuli")
    assert rows["path"].item() == "photographs/cat/a\x1b[31m\n.png"
    print_table(rows)
    assert "\x1b" not in capsys.readouterr().out


DRAWN = """
import sys, polars as pl
from toolbox.chart import draw, render
odd = sys.argv[1].encode().decode("unicode_escape")
rows = pl.DataFrame({
    "layer": ["a", "b"], "category": ["cat" + odd] * 2, "position": [1, 2], "selective": [1, 2], "filters": [4, 4],
    "dead": [0, 0], "proportion": [0.25, 0.5],
})
chart = draw("layers/profile", rows, title="title" + odd)
for suffix in (".svg", ".png", ".pdf", ".html", ".json"):
    content = render(chart, suffix, {"name": odd})
    assert suffix in (".png", ".pdf") or odd.encode("utf-8", "surrogatepass") not in content
print("drawn")
"""


def test_a_control_character_in_a_category_does_not_abort_a_figure() -> None:
    """In a process of its own, which vl-convert would abort."""
    odd = "\\x00\\x01\\x1b\\x7f\\x9b\\u202e\\ufffe"
    answer = subprocess.run([sys.executable, "-c", DRAWN, odd], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (0, "drawn\n"), answer.stderr


def test_csv_in_a_terminal_is_printed_safely_and_in_a_pipe_as_it_is(shared_study: str) -> None:
    command = [
        sys.executable,
        "-m",
        "toolbox",
        "query",
        "select 'a\x1b[31mb' as name",
        "--format",
        "csv",
        "--study",
    ]
    piped = subprocess.run([*command, shared_study], capture_output=True, check=True)
    assert piped.stdout == b"name\na\x1b[31mb\n"
    ours, theirs = pty.openpty()
    subprocess.run([*command, shared_study], stdout=theirs, stderr=subprocess.DEVNULL, check=True)
    os.close(theirs)
    assert os.read(ours, 1000) == b"name\r\na\\x1b[31mb\r\n"
    os.close(ours)


def test_json_has_every_name_as_it_is(shared_study: str) -> None:
    rows = Study(shared_study).query("select 'a\x1b[31mb' as name")
    assert json.loads(rows.write_json()) == [{"name": "a\x1b[31mb"}]
