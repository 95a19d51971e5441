"""Rendered pictures of the most selective filters: do they exceed the best photographs, and how long do they take?

    python tests/benchmarks/rendering.py STUDY [--category face dog car] [--top 4] [--seeds 3] [--model vgg16]

The study needs responses of the network to photographs of these categories. It is copied; the copy is deleted. Prints:

- for every filter, the responses to its pictures as multiples of that to the best photograph; 1.5 is expected of all of
  them, and the exit code is 1 where one has less;
- for one filter of several layers, the time of one picture: of the clock, and of all cores together, beside the load of
  the machine, since a picture on a busy machine takes longer;
- for small and larger canvases, the time of eight pictures one by one, and in batches.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from toolbox import RenderingReport, Study
from toolbox.show.rendering import making

EXPECTED = 1.5
LAYERS = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv1", "block5_conv3")
BATCHED = ("block2_conv2", "block3_conv3", "block4_conv3")


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print the time of a block."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    yield
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what:44} {wall:7.1f} s, {cpu:7.1f} s of all cores; load {os.getloadavg()[0]:.1f}", flush=True)


def print_multiples(report: RenderingReport) -> bool:
    """Print every filter's multiples; returns whether all are as large as expected."""
    for label, multiples in report.multiples.items():
        category = next(each.category for each in report.pictures if each.label == label)
        print(f"{category or '':6} {label:18}", *(f"{multiple or 0:6.2f}" for multiple in multiples))
    return all((multiple or 0) >= EXPECTED for each in report.multiples.values() for multiple in each)


def compare_batches(render: Callable[..., RenderingReport]) -> None:
    """The same eight pictures one by one, and in batches."""
    usual = making.BATCH_PIXELS
    for layer in BATCHED:
        for pixels, words in ((1, "one by one"), (usual, "in batches")):
            making.BATCH_PIXELS = pixels
            with measured(f"{layer}, eight pictures {words}"):
                render(layer=layer, filter=[0, 1], seeds=4, steps=50, replace=True)
    making.BATCH_PIXELS = usual


def main() -> int:
    """Measure, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("--category", nargs="+", default=["face", "dog", "car"])
    parser.add_argument("--top", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--model", default="vgg16")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "study"
        shutil.copytree(given.study, copy, ignore=shutil.ignore_patterns("rendered"))
        study = Study(copy)

        def render(**options: object) -> RenderingReport:
            return study.render(model=given.model, progress=False, **options)  # type: ignore[arg-type]

        for layer in LAYERS:
            with measured(f"{layer}, one picture"):
                render(layer=layer, filter=0, seeds=1)
        compare_batches(render)
        pictures = len(given.category) * given.top * given.seeds
        with measured(f"{pictures} pictures of {', '.join(given.category)}"):
            report = render(category=given.category, top=given.top, seeds=given.seeds)
        return 0 if print_multiples(report) else 1


if __name__ == "__main__":
    sys.exit(main())
