"""A demonstration on freely available stimuli, from images to figures. Owns only its sequence of steps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.errors import ResultWarning, command_line
from toolbox.progress import Progress, silent
from toolbox.store.selection import Selection
from toolbox.study import Study

SETS = ("lfw", "gratings")
BASE = ["block*"]
"""The convolutional base: 59 MB of weights instead of 528."""
PUBLISHED = {"threshold": 0.01}
"""The threshold of Figure 1 of the paper."""
DEMONSTRATED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("layers/significant", "lfw", "", {}),
    ("layers/profile", "lfw", "", {}),
    ("layers/profile", "lfw", "-as-published", PUBLISHED),
    ("filters/representative", "lfw", "", {"category": "face"}),
    ("complexity/layers", "lfw", "", {}),
    ("tuning/orientation", "gratings", "", {"layer": "block1_conv1"}),
)
"""Query, set, what its file is called beside others of the same query, parameters."""


@dataclass(frozen=True)
class Step:
    """The result of one step: a note, and rows to print below it."""

    note: str
    rows: pl.DataFrame | None = None


def demonstrate(directory: Path, progress: Progress = silent) -> Iterator[Step]:
    """Make or continue the study of the demonstration, step by step; completed steps are not repeated.

    Args:
        directory: directory of the study.
        progress: is called with the task, the amount done so far, and the total.
    """
    study = Study(directory, create=True, title="Demonstration: faces and gratings")
    yield Step(f"Study in {directory}")
    yield from _collect(study, progress)
    yield _resample(study, progress)
    best = study.answer("filters/representative", {"category": "face", "count": 5}, Selection("lfw")).rows
    yield from _findings(study, best)
    yield from _figures(study, directory / "figures")
    yield _report(study, directory / "report.html", progress)
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
            f"{extraction.shown} images presented in {extraction.seconds:.0f} s"
            if extraction.shown
            else "already extracted"
        )
        responses = f"responses of {extraction.filters:,} filters"
        yield Step(f"{name}: {responses}; {how}; weights: {extraction.weights}")


def _resample(study: Study, progress: Progress) -> Step:
    """The significance of the selectivity for the photographs."""
    report = study.significance("lfw", progress=progress)
    return Step(
        f"lfw: {report.significant:,} of {report.tests:,} tests (filter x category) are significant (q < 0.05); "
        f"{report.resamples:,} bootstrap samples and permutations"
    )


def _figures(study: Study, folder: Path) -> Iterator[Step]:
    """The figures, each as an interactive page and as an image to print."""
    for query, set_name, further, parameters in DEMONSTRATED:
        path = folder / f"{set_name}-{query.replace('/', '-')}{further}"
        with warnings.catch_warnings(action="ignore", category=ResultWarning):  # the figures have them
            for suffix in (".html", ".png"):
                study.plot(query, set=set_name, output=path.with_name(path.name + suffix), **parameters)
        yield Step(f"figure: {path}.html and .png")


def _report(study: Study, file: Path, progress: Progress) -> Step:
    """All of it on one page, with pixels of the faces: they are published, and the page stays here."""
    report = study.report(file, set="lfw", with_images=True, progress=progress)
    return Step(
        f"report: {file} ({report.bytes / 1e6:.1f} MB; open it in a browser; it shows images of people)"
    )


def _findings(study: Study, best: pl.DataFrame) -> Iterator[Step]:
    """Where filters are selective, the most face-selective ones, and the tuning of filters of the first layer."""
    significant = study.answer("layers/significant", {}, Selection("lfw"))
    yield Step(
        "\nFilters that prefer a category beyond chance (q < 0.05), and their proportion of the layer:",
        significant.rows.pivot("category", index=["layer", "filters"], values=["significant", "proportion"]),
    )
    yield from (Step(f"note: {caution}") for caution in significant.cautions)
    profile = study.answer("layers/profile", PUBLISHED, Selection("lfw"))
    yield Step(
        "\nFigure 1 of the paper, as published: the proportion of filters with a response contrast > 0.01, and the\n"
        "97.5th percentile of this proportion over permuted labels. Up to chance_high it shows no selectivity:",
        profile.rows.pivot(
            "category", index="layer", values=["proportion", "chance_high"], maintain_order=True
        ),
    )
    further = [caution for caution in profile.cautions if caution not in significant.cautions]
    yield from (Step(f"note: {caution}") for caution in further)
    yield Step("\nThe five most face-selective filters:", best)
    tuning = study.answer("tuning/orientation", {"layer": "block1_conv1"}, Selection("gratings"))
    strong = tuning.rows.drop("direction_selectivity", "dsi").filter(pl.col("relative_peak") >= 0.1)
    yield Step(
        "\nThe five block1_conv1 filters with the sharpest orientation tuning (preferred orientation in degrees),\n"
        "among those whose peak is at least a tenth of the median peak of the layer (relative_peak):",
        strong.sort("selectivity", descending=True, nulls_last=True).head(5),
    )
    yield Step("")


def _next_steps(directory: Path, best: dict[str, Any]) -> str:
    """Commands to try next, for the most face-selective filter."""
    options = ["--layer", best["layer"], "--filter", best["filter"], "--set", "lfw", "--study", directory]
    return f"""
Commands to try next:
  toolbox query --list
  {command_line("gallery", *options)}
  {command_line("render", *options)}
  toolbox ingest YOUR_FOLDER --set NAME --study YOUR_STUDY --create"""
