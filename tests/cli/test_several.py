"""Several values after one option, and which of the words is the argument of the command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.commands import run
from toolbox import Study
from toolbox.cli.several import repeat_options

LAYERS = {"--layers", "-l"}
TAKING = {*LAYERS, "--model"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("pets --layers a", "pets --layers a"),
        ("pets --layers a b c", "pets --layers a --layers b --layers c"),
        ("pets --layers a b --quiet", "pets --layers a --layers b --quiet"),
        ("pets --layers a --layers b c", "pets --layers a --layers b --layers c"),
        ("pets --layers=a b", "pets --layers=a --layers b"),
        ("pets -l a b", "pets -l a -l b"),
        ("pets --model m --layers a b", "pets --model m --layers a --layers b"),
        ("--layers a pets", "--layers a pets"),
        ("--layers a b pets", "--layers a --layers b pets"),
        ("--layers a b pets --model m", "--layers a --layers b pets --model m"),
        ("--model m pets --layers a b", "--model m pets --layers a --layers b"),
        ("--layers 0.1 0.2", "--layers 0.1 --layers 0.2"),
        ("--layers a b -- pets", "--layers a --layers b -- pets"),
        ("pets --model m rest", "pets --model m rest"),
        ("pets --layers", "pets --layers"),
        ("", ""),
    ],
)
def test_words_after_the_value_of_an_option_are_its_values_up_to_the_next_option(
    written: str, read: str
) -> None:
    repeated, _ = repeat_options(written.split(), LAYERS, TAKING)
    assert repeated == read.split()


@pytest.mark.parametrize("order", ["before", "after"])
def test_several_layers_are_extracted(
    order: str, photographs: Path, tmp_path: Path, card: str, weights: str
) -> None:
    there = str(tmp_path / "new")
    Study(there, create=True).ingest(photographs, set="colours")
    layers = ["--layers", "sum", "co*"]
    words = ["colours", *layers] if order == "before" else [*layers, "colours"]
    told = run("extract", *words, "--model", card, "--weights", weights, "--study", there).stderr
    assert "responses of 5 filters in 2 layers of tiny to 6 stimuli" in told


def test_several_thresholds_need_no_set_in_front(extracted_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(extracted_folder / "study", there := tmp_path / "study")
    run("significance", "--threshold", "0.2", "0.3", "--resamples", "20", "--study", str(there))
    counted = Study(there).query("select distinct threshold from resamples")
    assert {0.2, 0.3} <= {*counted["threshold"]}


def test_a_file_that_a_shell_put_in_the_place_of_a_pattern_is_explained(
    photographs: Path, tmp_path: Path, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Study("new", create=True).ingest(photographs, set="colours")
    (tmp_path / "pool.png").touch()
    told = run(
        "extract",
        "colours",
        "--layers",
        "pool.png",
        "--model",
        card,
        "--weights",
        weights,
        "--study",
        "new",
        code=2,
    ).stderr
    assert told == (
        "error: no layer named 'pool.png'; did you mean 'pool'? "
        "(it is a file here: quote patterns, as in --layers 'block5_*')\n"
    )  # fmt: skip


@pytest.mark.parametrize("words", [[], ["extract"], ["model"], ["model", "check"]], ids=" ".join)
def test_h_is_help_everywhere(words: list[str]) -> None:
    assert run(*words, "-h").stdout == run(*words, "--help").stdout
