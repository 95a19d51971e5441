"""Reports of studies on the three-layer network, with categories of any name, and how a browser opens them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from support.browser import Watched
from support.tiny_network import CARD, paint, write_weights
from toolbox import Study


def study_of(folder: Path, categories: Sequence[str], *, images: int = 4, resamples: int = 0) -> Study:
    """A study of some images of every category, presented to the three-layer network.

    Args:
        folder: an empty one.
        categories: their names, which may be anything.
        images: of every category.
        resamples: of the significance run; none if 0.
    """
    photographs = folder / "photographs"
    rows = []
    for place, category in enumerate(categories):
        for number in range(images):
            name = f"{place}-{number}.png"
            red, green = (place * 60 + number * 25) % 256, (number * 50 + place * 11) % 256
            paint(photographs / name, (red, green, 0))
            rows.append((name, category))
    with (photographs / "list.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "category"), *rows])
    study = Study(folder / "study", create=True, title="Colours of things")
    study.ingest(photographs / "list.csv", set="colours")
    study.extract("colours", model=str(CARD), weights=str(write_weights(folder / "tiny.npz")))
    if resamples:
        study.significance("colours", resamples=resamples)
    return study


@dataclass(frozen=True)
class Reported:
    """A study and its report."""

    study: Study
    file: Path

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")


def reported(folder: Path, categories: Sequence[str], resamples: int) -> Reported:
    """A study and its report, with the methods beside it."""
    study = study_of(folder, categories, resamples=resamples)
    study.report(folder / "report.html", methods=folder / "methods.md")
    return Reported(study, folder / "report.html")


def opened(browser: Browser, report: Reported, width: int = 1300, **options: Any) -> Watched:
    """A report in a window, watched from before it was opened, when all of its charts are drawn."""
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, **options)
    watched = Watched(context.new_page())
    watched.page.goto(report.file.as_uri())
    if options.get("java_script_enabled", True):
        until_drawn(watched.page)
    return watched


def until_drawn(page: Page) -> None:
    """Wait until all charts are drawn."""
    page.wait_for_function("() => document.documentElement.dataset.drawn")
