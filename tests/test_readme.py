"""Every command and every line of Python that the README shows, run in its order in an empty directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall(README.read_text(encoding="utf-8"))


def test_two_commands_set_everything_up() -> None:
    assert [text.strip() for _, text in blocks()[:2]] == [
        "pip install -e . && toolbox demo",
        'pip install -e ".[test]" && pytest',
    ]


def test_every_query_name_and_option_in_the_readme_exists() -> None:
    from toolbox.query import query_names, shipped_query

    text = README.read_text(encoding="utf-8")
    shown = re.findall(r"toolbox (?:query|plot) (\w+/\w+)(.*)", text)
    assert shown
    for name, options in shown:
        assert name in query_names()
        known = {parameter.name for parameter in shipped_query(name).parameters}
        assert set(re.findall(r"--param (\w+)=", options)) <= known


def make_photographs(folder: Path) -> None:
    """Two categories of smooth coloured noise, six images each."""
    random = np.random.default_rng(0)
    for number in range(12):
        path = folder / ("cat", "dog")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = random.uniform(0, 255, (4 + 8 * (number % 2), 6, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(path)


@pytest.mark.network
def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    """The installation lines are run by CI itself; here the demonstration and all that follows it."""
    make_photographs(tmp_path / "photographs")
    environment = {
        **os.environ,
        "TOOLBOX_MODELS": str(tmp_path / "models"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("TOOLBOX_STUDY", None)
    program = ["set -eux"]
    for language, text in blocks():
        if language == "python":
            program.append(f"python - <<'PYTHON'\n{text}PYTHON")
        elif "pip install" not in text:
            program.append(text)
        elif "toolbox demo" in text:
            program.append("toolbox demo\ntouch marker\ntoolbox demo")
    done = subprocess.run(
        ["bash", "-c", "\n".join(program)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    check_demonstration(tmp_path, done.stdout)
    check_files(tmp_path)


def check_demonstration(folder: Path, output: str) -> None:
    """The tables of the demonstration, its figures, and that its second run extracted nothing anew."""
    for phrase in ("block5_conv3", "non-face", "balanced_share", "preferred"):
        assert phrase in output
    figures = {path.name for path in (folder / "toolbox-demo" / "figures").iterdir()}
    assert {"lfw-layers-profile.html", "lfw-layers-profile.png", "gratings-tuning-orientation.png"} <= figures
    marker = (folder / "marker").stat().st_mtime_ns
    for name in ("responses", "stimuli", "labels", "layers", "runs"):
        for path in (folder / "toolbox-demo" / name).rglob("*.*"):
            assert path.name == ".lock" or path.stat().st_mtime_ns < marker, path


def check_files(folder: Path) -> None:
    """What the commands were asked to write."""
    names = (
        "profile.csv",
        "profile.png",
        "tuning.svg",
        "orientation.html",
        "complexity.html",
        "vgg16-full.onnx",
    )
    for name in names:
        assert (folder / name).stat().st_size > 0
    models = folder / "my-study" / "responses" / "set=pets"
    assert {path.name for path in models.iterdir()} == {
        "model=vgg16",
        "model=vgg16-untrained",
        "model=my-network",
    }
