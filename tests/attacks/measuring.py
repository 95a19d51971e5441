"""Attacks on the table of image properties: damaged bytes, and processes that are killed while they measure.

    python tests/attacks/measuring.py [damage] [kills] [--count N]

Makes a study of 200 noisy pictures in a temporary folder, and prints what came of each attack:

damage      60 times one flipped bit and 20 truncations of measured.parquet; then it is verified, asked for and read
kills       20 processes that measure the pictures, killed at a random moment; then the study is verified, and measured

Expected: damage noticed by all four readers each time, and by no other error; after a kill no problem but files that
the killed process left; at the end the table of an undisturbed run.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from toolbox import Study, VerificationError
from toolbox.store.properties import read_properties

SET, PICTURES, SIDE = "noise", 200, 160
COUNTS = {"damage": 60, "kills": 20}
PROGRAM = """
import sys
from pathlib import Path
from toolbox.design import properties
from toolbox.store.folder import StudyFolder
properties.SECONDS_BETWEEN = 0.1
properties.measure_properties(StudyFolder(Path(sys.argv[1])), sys.argv[2])
"""


def main() -> None:
    """Run the attacks that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("attacks", nargs="*", choices=[*COUNTS, []])
    parser.add_argument("--count", type=int)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in asked.attacks or COUNTS:
        with TemporaryDirectory() as folder:
            study = new_study(Path(folder))
            print(name, dict(ATTACKS[name](study, asked.count or COUNTS[name])))


def new_study(folder: Path) -> Study:
    """A study of noisy pictures, not measured."""
    (folder / "pictures" / "all").mkdir(parents=True)
    chance = np.random.default_rng(0)
    for number in range(PICTURES):
        pixels = chance.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / "all" / f"{number}.png")
    study = Study(folder / "study", create=True)
    study.ingest(folder / "pictures", set=SET)
    return study


def damage(study: Study, count: int) -> Counter[str]:
    """How many times each reader noticed a flipped bit, and all of them a truncation."""
    study.properties(SET, progress=False)
    path = study.folder.measured(SET)
    content, chance, found = path.read_bytes(), random.Random(0), Counter[str]()
    readers: dict[str, Callable[[], object]] = {
        "query": lambda: study.query("select * from properties"),
        "reader": lambda: read_properties(study.folder, SET),
        "properties": lambda: study.properties(SET, progress=False),
    }
    for number in range(count + 20):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        kind = "flipped" if number < count else "truncated"
        path.write_bytes(changed if number < count else content[: chance.randrange(len(content))])
        found[f"{kind}: verify"] += any(path.name in each.file for each in study.verify().problems)
        for name, read in readers.items():
            try:
                read()
            except VerificationError:
                found[f"{kind}: {name}"] += 1
    return found


def kills(study: Study, count: int) -> Counter[str]:
    """How many kills there were, what was wrong after them, and whether the table is that of an undisturbed run."""
    chance, found, path = random.Random(0), Counter[str](), study.folder.measured(SET)
    while found["kills"] < count:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(study.folder.root), SET])
        try:
            process.wait(chance.uniform(1, 9))
            path.unlink()  # it came to its end; once more
            for entry in study.folder.root.glob("checksums/properties/*/measured/*"):
                entry.unlink()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            found["kills"] += 1
            found["kills with a table"] += path.is_file()
        problems = [each for each in study.verify().problems if not each.file.endswith(".partial")]
        found["problems"] += len(problems)
    after = study.properties(SET, progress=False)
    path.unlink()
    for entry in study.folder.root.glob("checksums/properties/*/measured/*"):
        entry.unlink()
    found["tables as undisturbed"] += after.equals(study.properties(SET, progress=False))
    return found


ATTACKS: dict[str, Callable[[Study, int], Counter[str]]] = {"damage": damage, "kills": kills}

if __name__ == "__main__":
    main()
