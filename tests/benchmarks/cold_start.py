"""How long a command takes that was not running: a query, and a mistake, against importing what every query needs.

    python tests/benchmarks/cold_start.py [RUNS]

Makes a small study with the three-layer network of the tests, starts every command in turn, RUNS times (15), and
prints the medians of the ratios to `python -c "import duckdb, polars, typer"` in the same turn.
Bars: a query 1.8, a mistake 1.0.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))
ROOT = Path(__file__).parents[2]
IMPORTS = "import duckdb, polars, typer"
COMMANDS = {
    "query": ["query", "layers/profile"],
    "query, as CSV": ["query", "layers/profile", "--format", "csv"],
    "unknown query": ["query", "nosuch/query"],
    "unknown parameter": ["query", "layers/profile", "--param", "thresholdx=1"],
    "value of another type": ["query", "layers/profile", "--param", "threshold=abc"],
    "unknown option": ["query", "layers/profile", "--nosuch"],
    "missing study": ["query", "layers/profile", "--study", "nosuch"],
    "unknown set": ["query", "layers/profile", "--set", "nosuch"],
    "help": ["--help"],
}


def make_study(folder: Path) -> Path:
    """A study of six images on the three-layer network."""
    from support.tiny_network import CARD, paint, write_weights
    from toolbox import Study

    for number, level in enumerate((100, 150, 200)):
        paint(folder / "photographs" / "red" / f"{number}.png", (level, 20, 0))
        paint(folder / "photographs" / "green" / f"{number}.png", (10, level, 0))
    study = Study(folder / "study", create=True)
    study.ingest(folder / "photographs", set="colours")
    study.extract("colours", model=str(CARD), weights=str(write_weights(folder / "tiny.npz")))
    return folder / "study"


def seconds(command: list[str]) -> float:
    """How long a command takes from its start to its end."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


def main(runs: int) -> None:
    """Time all commands in turn and print their ratios."""
    commands = {name: [sys.executable, "-m", "toolbox", *arguments] for name, arguments in COMMANDS.items()}
    yardstick = [sys.executable, "-c", IMPORTS]
    for command in (yardstick, *commands.values()):  # files come from the disk once, tables are checked once
        seconds(command)
    turns = [
        (seconds(yardstick), {name: seconds(command) for name, command in commands.items()})
        for _ in range(runs)
    ]
    print(f"{IMPORTS:<32} {median(base for base, _ in turns):6.3f} s")
    for name in commands:
        ratio = median(times[name] / base for base, times in turns)
        print(f"{name:<32} {median(times[name] for _, times in turns):6.3f} s {ratio:6.2f} x")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        os.environ["TOOLBOX_CACHE"] = str(Path(folder) / "cache")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        os.environ.pop(
            "PYTHONDONTWRITEBYTECODE", None
        )  # an installed package is compiled once, not at every start
        os.environ["TOOLBOX_STUDY"] = str(make_study(Path(folder)))
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
