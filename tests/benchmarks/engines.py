"""Compare the engines of an extraction: the same stimuli, network and parts, round by round.

    python tests/benchmarks/engines.py                           # 96 images in 12 parts, 3 rounds
    python tests/benchmarks/engines.py --stimuli 60 --rounds 1 --layers 'block1_*'

Prints, for every engine, the time of a whole run; the time per stimulus without starting anything, from the moments at
which the records of the parts were written; and the ratio of this to that of one process, in the same round. All
engines must write the same values. Expected on two cores: at most 1.1 for `processes` and `ray`, two workers of one
thread; beside other programs less, as more processes get more of the processor.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from toolbox import Study
from toolbox.files import read_json

ENGINES = {"here": 1, "processes": 2, "ray": 2}
"""Engine -> number of its workers."""
MODEL = "vgg16-untrained"


def draw(folder: Path, count: int) -> None:
    """Smooth coloured noise of the size of photographs."""
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / ("cat", "dog")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = random.uniform(0, 255, (12, 16, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC).save(path)


def measure(root: Path, images: Path, engine: str, parts: int, layers: str) -> tuple[float, float, list[str]]:
    """Seconds of a run, seconds per stimulus once all workers have written a part, and the digests of the parts."""
    study = Study(root, create=True)
    report = study.ingest(images, set="pets", progress=False)
    workers = ENGINES[engine]
    size = -(-report.stimuli // parts)
    started = time.perf_counter()
    chosen = {} if engine == "here" else {"engine": engine, "workers": workers}
    study.extract("pets", model=MODEL, layers=layers, part=size, progress=False, **chosen)
    seconds = time.perf_counter() - started
    files = sorted(
        study.folder.plans("pets", MODEL).glob("part-*.json"), key=lambda file: file.stat().st_mtime_ns
    )
    moments = [file.stat().st_mtime for file in files]
    later = sum(read_json(file)["stimuli"] for file in files[workers:])
    values = sorted(read_json(file)["values"] for file in files)
    shutil.rmtree(root)
    return seconds, (moments[-1] - moments[workers - 1]) / later, values


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stimuli", type=int, default=96)
    parser.add_argument("--parts", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", default="block[123]_*")
    chosen = parser.parse_args()
    ratios: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as place:
        draw(Path(place) / "images", chosen.stimuli)
        for number in range(chosen.rounds):
            found = {
                engine: measure(
                    Path(place) / engine, Path(place) / "images", engine, chosen.parts, chosen.layers
                )
                for engine in ENGINES
            }
            _, alone, expected = found["here"]
            for engine, (seconds, each, values) in found.items():
                ratios[engine].append(each / alone)
                same = "same values" if values == expected else "OTHER VALUES"
                print(
                    f"round {number + 1}  {engine:10} {seconds:6.1f} s in all  {1000 * each:7.1f} ms a stimulus  "
                    f"ratio {each / alone:5.2f}  {same}",
                    flush=True,
                )
    for engine, each in ratios.items():
        print(f"{engine:10} median ratio {statistics.median(each):5.2f}")


if __name__ == "__main__":
    main()
