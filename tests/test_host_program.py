"""A program that imports the toolbox, and works with it, keeps its process as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from support.commands import run

HOST = """
import json, logging, os, sys, warnings
import PIL.Image
import numpy, polars, requests, scipy.stats  # each adds filters, or a variable, of its own

def state():
    root = logging.getLogger()
    return {
        "limit of Pillow": PIL.Image.MAX_IMAGE_PIXELS,
        "filters of warnings": repr(warnings.filters),
        "environment": dict(os.environ),
        "modules shut out": [name for name, module in sys.modules.items() if module is None],
        "logging": [root.level, repr(root.handlers), logging.root.manager.disable],
        "working directory": os.getcwd(),
        "standard streams": [stream is original for stream, original in (
            (sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__))],
    }
"""
IMPORTS = """
before = state()
import importlib, pkgutil
import toolbox
names = [module.name for module in pkgutil.walk_packages(toolbox.__path__, "toolbox.")]
for name in names:
    importlib.import_module(name)
report = {"modules": len(names), "before": before, "after": state()}
"""
WORK = """
from toolbox import Study
from toolbox.runtime.self_test import compute_once
folder, card, weights = sys.argv[1:]
study = Study(folder + "/study", create=True)
study.ingest(folder + "/photographs", set="colours")
study.extract("colours", model=card, weights=weights)
rows = study.query("select count(*) as n from responses")["n"].item()
study.plot("filters/stimuli", layer="colour", filter=0, thumbnails=True, output=folder + "/figure.svg")
report |= {"rows": rows, "provider": compute_once("cpu"), "after work": state()}
"""


def test_neither_importing_nor_working_changes_the_process(
    tmp_path: Path, cache: Path, photographs: Path, card: str, weights: str
) -> None:
    program = f"{HOST}{IMPORTS}{WORK}print(json.dumps(report))"
    command = [sys.executable, "-c", program, str(tmp_path), card, weights]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["modules"] > 90
    assert report["after"] == report["before"]
    assert (report["rows"], report["provider"]) == (48, "CPUExecutionProvider")
    assert report["after work"] == report["before"]


def test_the_command_does_not_print_what_pillow_notes_on_odd_tags(
    tmp_path: Path, cache: Path, card: str, weights: str
) -> None:
    folder = tmp_path / "photographs" / "odd"
    folder.mkdir(parents=True)
    for number in range(2):
        image = Image.new("RGB", (4, 4), (number, 0, 0))
        image.save(folder / f"{number}.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    at = ["--study", str(tmp_path / "study")]
    done = run("ingest", str(folder.parent), "--set", "odd", "--create", *at)
    assert "2 added" in done.stdout + done.stderr
    assert "Warning" not in done.stderr
    network = ["--model", card, "--weights", weights, "--decoders", "1"]
    assert "Warning" not in run("extract", "odd", *network, *at).stderr
