"""Every command and every line of Python that the README shows, run in its order within a section.

The sections run side by side: the state in which a section finds the study is made by the toolbox, from the same
photographs and the published weights. Bash takes the commands apart; the demonstration is a process of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import run
from toolbox import Study

README = Path(__file__).parent.parent / "README.md"
PIECE = re.compile(r"^##+ (?P<heading>[^\n]+)$|^```(?P<language>sh|python)\n(?P<text>.*?)^```$", re.M | re.S)
TASKS = ("1. Show", "2. Find", "3. Look", "4. Compare", "5. Ask")
RECORD = 'toolbox() { printf "%s\\0" "$#" "${TOOLBOX_STUDY:-}" "$@" >> calls; }\n'
"""Stands for the command while bash reads a block: the arguments of every call, as bash takes them apart, to a file."""


def blocks() -> list[tuple[str, str, str]]:
    """Heading, language and text of every block; those before the first heading have none."""
    found, heading = [], ""
    for piece in PIECE.finditer(README.read_text(encoding="utf-8")):
        heading = piece["heading"] or heading
        if piece["language"]:
            found.append((heading, piece["language"], piece["text"]))
    return found


def test_two_commands_set_everything_up() -> None:
    assert [text.strip() for _, _, text in blocks()[:2]] == [
        "pip install -e . && toolbox demo",
        'pip install -e ".[test]" && pytest',
    ]


def test_every_block_is_run_by_a_test() -> None:
    """The installation lines are run by CI itself."""
    headings = dict.fromkeys(heading for heading, _, text in blocks() if "pip install" not in text)
    expected = (*TASKS, "Networks", "Speed")
    assert len(headings) == len(expected)
    assert all(name.startswith(start) for name, start in zip(headings, expected, strict=True))


def test_every_query_name_and_option_in_the_readme_exists() -> None:
    from toolbox.query import query_names, shipped_query

    text = README.read_text(encoding="utf-8")
    shown = re.findall(r"toolbox (?:query|plot) (\w+/\w+)(.*)", text)
    assert shown
    for name, options in shown:
        assert name in query_names()
        known = {parameter.name for parameter in shipped_query(name).parameters}
        assert set(re.findall(r"--param (\w+)=", options)) <= known


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in, no study chosen and no network added."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLBOX_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TOOLBOX_STUDY", "")  # so that what a block exports ends with the test
    monkeypatch.delenv("TOOLBOX_STUDY")
    return tmp_path


@pytest.fixture
def photographs(directory: Path) -> Path:
    """Two categories of smooth coloured noise, six images each."""
    random = np.random.default_rng(0)
    for number in range(12):
        path = directory / "photographs" / ("cat", "dog")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = random.uniform(0, 255, (4 + 8 * (number % 2), 6, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(path)
    return directory / "photographs"


@pytest.fixture
def my_study(directory: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of the photographs, nothing shown to a network, chosen as the second task does."""
    study = Study(directory / "my-study")
    study.ingest(photographs, set="pets")
    monkeypatch.setenv("TOOLBOX_STUDY", str(directory / "my-study"))
    return study


def run_section(start: str, directory: Path) -> str:
    """Run the blocks below a heading; what the commands print."""
    texts = [(language, text) for heading, language, text in blocks() if heading.startswith(start)]
    assert texts
    return "".join(
        run_python(text) if language == "python" else run_shell(text, directory) for language, text in texts
    )


def run_python(text: str) -> str:
    exec(compile(text, "README.md", "exec"), {"__name__": "__main__"})
    return ""


def run_shell(text: str, directory: Path) -> str:
    """Let bash run a block, then run the calls of the command that were in it; what they print."""
    subprocess.run(["bash", "-euc", RECORD + text], cwd=directory, check=True)
    recorded = (directory / "calls").read_text(encoding="utf-8").split("\0")[:-1]
    (directory / "calls").unlink()
    printed = ""
    while recorded:
        count, study, *recorded = recorded
        arguments, recorded = recorded[: int(count)], recorded[int(count) :]
        if study:
            os.environ["TOOLBOX_STUDY"] = study  # as `export` leaves it for the blocks that follow
        printed += run(*arguments).stdout
    return printed


@pytest.mark.network
def test_the_demonstration_runs_and_again_does_nothing_twice(directory: Path) -> None:
    """First by the command that was installed, in a process of its own, then in this one."""
    done = subprocess.run(
        [Path(sys.executable).parent / "toolbox", "demo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (directory / "marker").touch()
    for output in (done.stdout, run("demo").stdout):
        for phrase in ("block5_conv3", "non-face", "chance_high", "balanced_share", "preferred"):
            assert phrase in output
    figures = {path.name for path in (directory / "toolbox-demo" / "figures").iterdir()}
    assert {"lfw-layers-profile.html", "lfw-layers-profile.png", "gratings-tuning-orientation.png"} <= figures
    marker = (directory / "marker").stat().st_mtime_ns
    for name in ("responses", "stimuli", "labels", "layers", "runs"):
        paths = list((directory / "toolbox-demo" / name).rglob("*.*"))
        assert paths
        for path in paths:
            assert path.name == ".lock" or path.stat().st_mtime_ns < marker, path


@pytest.mark.network
def test_the_five_things_to_do_are_done(directory: Path, photographs: Path) -> None:
    for start in TASKS:
        run_section(start, directory)
    names = ("profile.csv", "profile.png", "indices.csv", "threshold.html", "tuning.svg", "orientation.html")
    names += ("preferences.png", "complexity.html", "stimuli.csv", "balance.png")
    for name in names:
        assert (directory / name).stat().st_size > 0
    models = directory / "my-study" / "responses" / "set=pets"
    assert {path.name for path in models.iterdir()} == {"model=vgg16"}


@pytest.mark.network
def test_networks_are_shown_exported_added_checked_and_compared(directory: Path, my_study: Study) -> None:
    my_study.extract("pets", layers=["block*"])  # as the first task leaves it
    run_section("Networks", directory)
    for name in ("vgg16-full.onnx", "vgg16-pooled.onnx", "control.html", "published.csv", "replication.html"):
        assert (directory / name).stat().st_size > 0
    assert set(my_study.models("pets")) == {"vgg16", "vgg16-untrained", "my-network"}


@pytest.mark.network
def test_speed_is_told_before_anything_is_written(directory: Path, my_study: Study) -> None:
    printed = run_section("Speed", directory)
    assert "stimuli to present" in printed
    assert my_study.models("pets") == []
