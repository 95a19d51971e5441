"""The main job on stimuli that everyone can have, from images to figures. Owns the story alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.progress import Progress, silent
from toolbox.study import Study

SETS = ("lfw", "gratings")
BASE = ["block*"]
"""The convolutional base: 59 MB of weights instead of 528."""
DEMONSTRATED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("layers/profile", "lfw", {}),
    ("filters/representative", "lfw", {"category": "face"}),
    ("complexity/layers", "lfw", {"threshold": 0.1}),
    ("layers/significant", "lfw", {}),
    ("tuning/orientation", "gratings", {"layer": "block1_conv1"}),
)


@dataclass(frozen=True)
class Step:
    """What was just done or found: a note, and rows to show below it."""

    note: str
    rows: pl.DataFrame | None = None


def demonstrate(directory: Path, progress: Progress = silent) -> Iterator[Step]:
    """Make or continue the study of the demonstration, step by step; what is there is not done again.

    Args:
        directory: of the study.
        progress: is called with what is being done, how much is done, and of how much.
    """
    study = Study(directory, title="Demonstration: faces and gratings")
    yield Step(f"Study in {directory}")
    yield from _collect(study, progress)
    yield _resample(study, progress)
    best = study.query("filters/representative", set="lfw", category="face", count=5)
    yield from _findings(study, best)
    yield from _figures(study, directory / "figures")
    yield Step(_next_steps(directory, best.row(0, named=True)))


def _collect(study: Study, progress: Progress) -> Iterator[Step]:
    """Both stimulus sets, and the responses to them."""
    for name in SETS:
        report = study.ingest(name, progress=progress)
        counts = ", ".join(f"{category} {count}" for category, count in report.categories.items())
        yield Step(f"{name}: {report.stimuli} images ({counts})")
    for name in SETS:
        extraction = study.extract(name, layers=BASE, progress=progress)
        how = (
            f"{extraction.shown} shown in {extraction.seconds:.0f} s" if extraction.shown else "there already"
        )
        responses = f"responses of {extraction.filters:,} filters"
        yield Step(f"{name}: {responses}; {how}; weights: {extraction.weights}")


def _resample(study: Study, progress: Progress) -> Step:
    """What of the photographs is beyond chance."""
    report = study.significance("lfw", progress=progress)
    return Step(
        f"lfw: of {report.tests:,} tests (filter x category) {report.significant:,} find more than chance (q < 0.05); "
        f"{report.resamples:,} bootstrap samples and permutations"
    )


def _figures(study: Study, folder: Path) -> Iterator[Step]:
    """The figures, each to look around in and to print."""
    for query, set_name, parameters in DEMONSTRATED:
        path = folder / f"{set_name}-{query.replace('/', '-')}"
        for suffix in (".html", ".png"):
            study.plot(query, set=set_name, output=path.with_name(path.name + suffix), **parameters)
        yield Step(f"figure: {path}.html and .png")


def _findings(study: Study, best: pl.DataFrame) -> Iterator[Step]:
    """Figure 1's table, the best face filters, and the tuning of a few filters of the first layer."""
    profile = study.query("layers/profile", set="lfw")
    table = profile.pivot(
        "category", index="layer", values=["proportion", "chance_high"], maintain_order=True
    )
    yield Step(
        "\nProportion of category-selective filters in every layer (contrast > 0.01, Figure 1),\n"
        "and what 97.5 % of shuffled labels stay below:",
        table,
    )
    yield Step("\nThe five most face-selective filters:", best)
    tuning = study.query("tuning/orientation", set="gratings", layer="block1_conv1")
    strong = tuning.drop("direction_selectivity", "dsi").filter(pl.col("peak") > pl.col("peak").max() / 10)
    yield Step(
        "\nThe five block1_conv1 filters with the sharpest orientation tuning (preferred orientation in degrees),\n"
        "among those whose best response is at least a tenth of the layer's largest:",
        strong.sort("selectivity", descending=True, nulls_last=True).head(5),
    )
    yield Step("")


def _next_steps(directory: Path, best: dict[str, Any]) -> str:
    """What to type now, about the best filter."""
    options = f"--param layer={best['layer']} --param filter={best['filter']} --set lfw --study {directory}"
    return f"""
What to try next:
  toolbox query --list
  toolbox query filters/stimuli {options}
  toolbox plot filters/stimuli --thumbnails {options}
  toolbox ingest YOUR_FOLDER --set NAME --study YOUR_STUDY"""
