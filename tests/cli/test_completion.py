"""What the Tab key offers, asked as the scripts of the shells ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import run, run_process
from toolbox import Study
from toolbox.query import index_names, query_names


def offered(*words: str, **environment: str) -> list[str]:
    """What bash is offered for the last of the words, which is unfinished."""
    asked = {"COMP_WORDS": "\n".join(["toolbox", *words]), "COMP_CWORD": str(len(words))}
    shown = run(_TOOLBOX_COMPLETE="complete_bash", **asked, **environment).stdout
    return [line for line in shown.split("\n") if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["que"], ["query"]),
        (["query", "layers/"], ["layers/best", "layers/profile", "layers/significant"]),
        (["plot", "layers/pr"], ["layers/profile"]),
        (["query", "--describe", "d_"], ["d_prime"]),
        (["query", "layers/profile", "--set", ""], ["colours"]),
        (["query", "layers/profile", "--scheme", ""], ["category"]),
        (["query", "layers/profile", "--model", ""], ["tiny"]),
        (["query", "layers/profile", "--model", "t"], ["tiny"]),
        (["query", "layers/profile", "--set", "none", "--model", ""], []),
        (["extract", "co"], ["colours"]),
        (["extract", "colours", "--model", "vgg16"], ["vgg16", "vgg16-torchvision", "vgg16-untrained"]),
        (["extract", "colours", "--layers", "block5_"], [f"block5_{n}" for n in ("conv1", "conv2", "conv3", "pool")]),
        (["extract", "colours", "--layers", "fc1", "fc"], ["fc1", "fc2"]),
        (["extract", "colours", "--precision", ""], ["float32", "tf32", "bf16"]),
        (["model", "check", "vgg11", "--layers", "block5_conv"], ["block5_conv1", "block5_conv2"]),
        (["significance", ""], ["colours"]),
        (["significance", "--index", "d"], ["d_prime"]),
        (["significance", "--statistic", ""], ["maximum", "mean"]),
        (["label", "colours", "--source", "x.csv", "--sc"], ["--scheme"]),
    ],
)  # fmt: skip
def test_names_are_offered(words: list[str], expected: list[str], shared_study: str) -> None:
    assert offered(*words, TOOLBOX_STUDY=shared_study) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--param", "th"], ["threshold="]),
        (["--param", "by", "="], ["layer", "block"]),
        (["--param", "by", "=", "bl"], ["block"]),
        (["--param", "by", "=", "block", "--param", "norm"], ["normalise="]),
        (["--param", "by", "=", "block", "norm"], ["normalise="]),
        (["--param", "nothing", "=", ""], []),
        (["--param", "threshold", "=", ""], []),
    ],
)
def test_parameters_and_their_values_are_offered_where_the_equals_sign_is_a_word(
    words: list[str], expected: list[str], shared_study: str
) -> None:
    assert offered("query", "layers/profile", *words, TOOLBOX_STUDY=shared_study) == expected


def test_values_come_from_the_chosen_study(shared_study: str) -> None:
    asked = ["query", "filters/stimuli", "--study", shared_study, "--param", "layer", "="]
    assert offered(*asked, "") == ["colour", "pool", "sum"]
    assert offered(*asked, "p") == ["pool"]
    asked = ["query", "filters/representative", "--param", "category", "="]
    assert offered(*asked, "r", TOOLBOX_STUDY=shared_study) == ["red"]


@pytest.mark.parametrize("study", ["none", "."])
def test_without_a_study_nothing_is_offered_and_nothing_goes_wrong(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for option in ("--set", "--scheme", "--model"):
        assert offered("query", "layers/profile", "--study", study, option, "") == []
    assert offered("query", "nosuch/query", "--study", study, "--param", "") == []
    assert offered("query", "filters/stimuli", "--study", study, "--param", "layer", "=", "") == []


def test_sets_that_ship_and_folders_are_offered_to_be_ingested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("my pets", "galaxies", ".hidden"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert offered("ingest", "") == ["caltech101", "gratings", "lfw", "galaxies/", "my\\ pets/"]
    assert offered("ingest", "g") == ["gratings", "galaxies/"]


def test_zsh_and_fish_are_offered_whole_pairs_and_what_queries_mean(shared_study: str) -> None:
    def asked(shell: str, words: str) -> str:
        environment = {"_TOOLBOX_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": words}
        return run(**environment, _TYPER_COMPLETE_FISH_ACTION="get-args", TOOLBOX_STUDY=shared_study).stdout

    assert '"layers/profile":"Proportion of' in asked("zsh", "toolbox query layers/pr")
    assert '(("layer=pool"))' in asked("zsh", "toolbox query filters/stimuli --param layer=p")
    lines = asked("fish", "toolbox query ").splitlines()
    assert [line.partition("\t")[0] for line in lines if line] == query_names()
    assert asked("fish", "toolbox plot layers/profile --param by=b").strip() == "by=block"


LISTING = """
import sys
from toolbox.__main__ import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words", [["query", ""], ["query", "layers/profile", "--set", ""], ["significance", "--index", ""]]
)
def test_offers_import_no_library_of_an_answer(words: list[str], shared_study: str) -> None:
    asked = {"COMP_WORDS": "\n".join(["toolbox", *words]), "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-c", LISTING],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **asked, "_TOOLBOX_COMPLETE": "complete_bash", "TOOLBOX_STUDY": shared_study},
    )
    assert done.stdout.strip()
    assert {*done.stderr.split()} & {"duckdb", "polars", "numpy", "pyarrow", "altair", "onnxruntime"} == set()


def test_the_script_for_bash_completes_a_line(shared_study: str, tmp_path: Path) -> None:
    program = tmp_path / "toolbox"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m toolbox "$@"\n')
    program.chmod(0o755)
    script = run_process(_TOOLBOX_COMPLETE="source_bash").stdout
    line = "COMP_WORDS=(toolbox query layers/profile --set ''); COMP_CWORD=4; _toolbox_completion toolbox"
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", f'{script}\n{line}\necho "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": path, "TOOLBOX_STUDY": shared_study},
    )
    assert done.stdout.strip() == "colours"


def test_a_name_with_a_space_is_written_for_bash(extracted_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(extracted_folder / "photographs", photographs := tmp_path / "photographs")
    (photographs / "red").rename(photographs / "dark red")
    Study(tmp_path / "new", create=True).ingest(photographs, set="colours")
    asked = ["query", "filters/representative", "--study", str(tmp_path / "new"), "--param", "category", "="]
    assert offered(*asked, "da") == ["dark\\ red"]


def test_what_is_offered_for_an_index_is_what_can_be_resampled() -> None:
    assert set(offered("significance", "--index", "")) < set(index_names())
