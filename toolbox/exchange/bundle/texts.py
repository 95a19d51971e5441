"""The methods text and the report of a bundle. Owns when there is none; rooms beside this one write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolbox.exchange.bundle.choices import Sharing
from toolbox.exchange.bundle.layout import METHODS, REPORT
from toolbox.exchange.bundle.pages import page_without_names
from toolbox.exchange.bundle.sources import TableSources
from toolbox.store.selection import Selection


@dataclass(frozen=True)
class Writers:
    """What writes down a study in words and figures; rooms beside this one do.

    Attributes:
        methods: one text of Markdown, of several sets, models and schemes and what a bundle includes; and of what there
            is none, and why.
        report: writes the page of a report of them, with a title, into a file.
    """

    methods: Callable[[Sequence[Selection], Sharing], tuple[str, list[str]]]
    report: Callable[[Path, Selection, str], object]


def write_texts(
    sources: TableSources, sharing: Sharing, writers: Writers | None, folder: Path
) -> Iterator[str]:
    """Write the methods and, if it was asked for, the report; notes about what is missing.

    Both are of all stimuli: where some are withheld, there is neither.

    Args:
        sources: what the bundle is made of.
        sharing: the options.
        writers: what writes them; None for neither.
        folder: of the bundle.
    """
    if writers is None:
        return
    if sources.withheld:
        yield f"left out: {METHODS}, which describes the withheld stimuli, too"
        return
    found = [
        Selection(each.set, (each.model,), next(iter(each.schemes), None))
        for each in sources.contents.extractions
    ]
    text, left_out = writers.methods(found, sharing)
    yield from (f"left out: methods of {each}" for each in left_out)  # such as a set without labels
    if text:
        (folder / METHODS).write_bytes(sources.replacements.own_text(text).encode())
    if sharing.report:
        _write_report(sources, writers, folder / REPORT)


def _title(sources: TableSources) -> str:
    return sources.credits.title or sources.replacements.text(sources.contents.title)


def _write_report(sources: TableSources, writers: Writers, file: Path) -> None:
    """Write the page, with the title of the bundle and without private names."""
    names = sources.contents.in_use
    selection = Selection(names.get("set"), (names["model"],), names.get("scheme"))
    writers.report(file, selection, _title(sources))
    page = file.read_text(encoding="utf-8")
    file.write_bytes(page_without_names(page, sources.replacements).encode())
