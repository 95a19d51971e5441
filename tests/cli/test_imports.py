"""What a command imports: a library that it does not need costs more time than most answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from support.small_study import long_table, small_study

PROGRAM = """
import sys
from toolbox.__main__ import main
sys.argv = ["toolbox", *sys.argv[1:]]
try:
    main()
except SystemExit as stop:
    print(stop.code or 0, file=sys.stderr)
print(*sys.modules, file=sys.stderr)
"""
READERS = {"duckdb", "polars", "fsspec"}
"""What a query needs."""
OTHERS = {
    "PIL", "altair", "filelock", "h5py", "numpy", "onnx", "onnxruntime", "pandas", "pooch", "pyarrow", "requests",
    "rich", "safetensors", "scipy", "skimage", "vl_convert",
}  # fmt: skip
"""What neither a query nor a mistake needs."""
CONFINING = "toolbox.query.confinement"
"""What runs SQL of a user in a process of its own."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that was asked once, so that its tables are known to be whole, and the cache of that."""
    folder = tmp_path_factory.mktemp("asked")
    responses = long_table(
        {"conv1": (numbers := pl.DataFrame({"a": [1.0, 2, 4], "b": [3, 1, 0]}).to_numpy(), numbers)}
    )
    labels = pl.DataFrame({"stimulus_id": [0, 1, 2], "category": ["dog", "car", "car"]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(folder / "cache"))
        imported(["query", "layers/profile"], small_study(folder / "study", responses, labels).root)
    return folder


@pytest.fixture
def resting(asked: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That study, which tests only read."""
    monkeypatch.setenv("TOOLBOX_CACHE", str(asked / "cache"))
    return asked / "study"


def imported(arguments: list[str], study: Path, code: int = 0) -> set[str]:
    """Names of the modules that a command imports in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TOOLBOX_STUDY": str(study)},
    )
    *_, stopped, modules = done.stderr.splitlines()
    assert stopped == str(code), done.stderr
    return set(modules.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "nosuch/query"],
        ["query", "layers/profile", "--param", "thresholdx=1"],
        ["query", "layers/profile", "--param", "threshold=abc"],
        ["query", "layers/profile", "--param", "index=none"],
        ["query", "layers/profile", "--param", "threshold"],
        ["query", "layers/profile", "--nosuch"],
        ["query", "layers/profile", "--set", "nosuch"],
        ["query", "layers/profile", "--study", "nosuch"],
        ["query", "filters/stimuli"],
        ["query"],
        ["plot", "layers/profile", "--param", "thresholdx=1"],
        ["gallery"],
        ["gallery", "--category", "face", "--filter", "1"],
        ["nosuch"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_found_before_any_library_of_the_answer_is_imported(
    arguments: list[str], resting: Path
) -> None:
    modules = imported(arguments, resting, code=2)
    assert "typer" in modules
    assert modules & (READERS | OTHERS) == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["query", "--help"], ["extract", "--help"], ["--version"]], ids=" ".join
)
def test_help_imports_no_library_of_an_answer(arguments: list[str], tmp_path: Path) -> None:
    assert imported(arguments, tmp_path) & (READERS | OTHERS) == set()


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_a_query_imports_what_reads_and_nothing_else(format: str, resting: Path) -> None:
    modules = imported(["query", "layers/profile", "--format", format], resting)
    assert modules >= READERS
    assert modules & OTHERS == set()


def test_ingestion_measures_without_the_libraries_of_all_properties(
    resting: Path, photographs: Path, tmp_path: Path
) -> None:
    study = Path(shutil.copytree(resting, tmp_path / "study"))
    found = imported(["ingest", str(photographs), "--set", "colours"], study)
    assert "toolbox.stimuli.properties.sharpness" in found
    assert not {"skimage", "scipy"} & found


@pytest.mark.parametrize(("question", "is_confined"), [("layers/profile", False), ("select 1 as one", True)])
def test_what_confines_sql_of_a_user_is_imported_for_that_alone(
    question: str, is_confined: bool, resting: Path
) -> None:
    assert (CONFINING in imported(["query", question], resting)) is is_confined
