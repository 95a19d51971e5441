"""The methods text and the report of a bundle. Owns when there is none; rooms beside this one write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from toolbox.errors import ToolboxError, UsageError
from toolbox.exchange.bundle.choices import Sharing
from toolbox.exchange.bundle.layout import METHODS, REPORT
from toolbox.exchange.bundle.sources import TableSources
from toolbox.store.selection import Selection


@dataclass(frozen=True)
class Writers:
    """What writes down a study in words and figures; rooms beside this one do.

    Attributes:
        methods: the methods text, as Markdown, of set, model and scheme.
        report: writes the page of a report of them into a file.
    """

    methods: Callable[[Selection], str]
    report: Callable[[Path, Selection], object]


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

    Raises: UsageError for a report with a name that is private.
    """
    if writers is None:
        return
    if sources.withheld:
        yield f"left out: {METHODS}, which describes the withheld stimuli, too"
        return
    texts = []
    for extraction in sources.contents.extractions:
        selection = Selection(extraction.set, (extraction.model,), next(iter(extraction.schemes), None))
        try:
            texts.append(writers.methods(selection))
        except ToolboxError as error:  # such as a set without labels
            yield f"left out: methods of {extraction.model} and {extraction.set}: {error}"
    if texts:
        (folder / METHODS).write_bytes(sources.replacements.text("\n".join(texts)).encode())
    if sharing.report:
        names = sources.contents.in_use
        writers.report(folder / REPORT, Selection(names.get("set"), (names["model"],), names.get("scheme")))
        page = (folder / REPORT).read_text(encoding="utf-8")
        if sources.replacements.finds(page):
            raise UsageError(
                "the report contains a name or a path that a bundle must not have; leave out report (--report), or "
                "keep names (--keep-names)"
            )
