"""The exhibits of a page: their numbers, and which of them fit into it. Owns the budget's rule, not its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolbox.chart.composition import Specification
from toolbox.chart.linked import as_script, still_picture
from toolbox.chart.sheets import Group
from toolbox.show.report.contents import Section
from toolbox.show.report.exhibits import LeftOut, ShownExhibit
from toolbox.show.report.templates import exhibit_template

LARGEST_PICTURE = 150_000
"""Characters of a picture for readers without JavaScript; a larger one is not worth its bytes to all others."""
ELEMENT = 100
"""Bytes around a text, at most: the tags of its element."""
LONGEST_REASON = 400
"""Characters of the reason why an exhibit is left out."""


@dataclass(frozen=True)
class Entry:
    """An exhibit as the template writes it; see `ShownExhibit`."""

    key: str
    label: str
    title: str
    reason: str = ""
    sentence: str = ""
    cases: str = ""
    cautions: Sequence[str] = ()
    command: str = ""
    sql: str = ""
    csv: str = ""
    rows_note: str = ""
    cells: Sequence[Sequence[str]] = ()
    picture: str = ""
    specification: Specification | None = None
    groups: Sequence[Group] = ()
    category: str = ""

    @property
    def blocks(self) -> dict[str, str]:
        """What scripts of the page read of it, by the keys of its elements."""
        chart = {f"chart-{self.key}": as_script(self.specification)} if self.specification else {}
        return {} if self.reason else {**chart, f"rows-{self.key}": as_script(self.csv)}

    @property
    def size(self) -> int:
        """Bytes that it adds to the page."""
        written = str(exhibit_template().exhibit(self, {}))
        return sum(len(text.encode()) + ELEMENT for text in (written, *self.blocks.values()))


@dataclass(frozen=True)
class Part:
    """A section with its exhibits."""

    key: str
    title: str
    lead: str
    shown: Sequence[Entry] = ()

    def empty(self) -> Part:
        """The section with nothing but the headings of its exhibits, and a reason as long as any."""
        reason = "x" * LONGEST_REASON
        return replace(
            self, shown=[Entry(each.key, each.label, each.title, reason=reason) for each in self.shown]
        )


def numbered(parts: Iterable[tuple[Section, Sequence[ShownExhibit | LeftOut]]]) -> list[Part]:
    """The sections with figures and tables numbered, and pictures of the main ones.

    Args:
        parts: the sections of the contents, each with its exhibits.
    """
    counts = {"Figure": 0, "Table": 0}
    return [
        Part(section.key, section.title, section.lead, [_entry(each, counts) for each in shown])
        for section, shown in parts
    ]


def _entry(each: ShownExhibit | LeftOut, counts: dict[str, int]) -> Entry:
    exhibit = each.exhibit
    kind = "Table" if exhibit.columns else "Figure"
    counts[kind] += 1
    named: dict[str, Any] = {"key": exhibit.name, "label": f"{kind} {counts[kind]}.", "title": exhibit.title}
    if isinstance(each, LeftOut):
        return Entry(**named, reason=each.reason.rstrip("."))
    picture = (
        still_picture(each.specification, each.sentence) if exhibit.is_main and each.specification else ""
    )
    picture = picture if len(picture) <= LARGEST_PICTURE else ""
    return Entry(
        **named, sentence=each.sentence, cases=each.cases, cautions=each.cautions, command=each.command,
        sql=each.sql, csv=each.csv, rows_note=each.rows_note, cells=each.cells, picture=picture,
        specification=each.specification, groups=each.groups, category=each.category,
    )  # fmt: skip


def within_budget(parts: Sequence[Part], budget: int) -> tuple[list[Part], list[str]]:
    """The sections without the exhibits that would make the page larger than it may be.

    Args:
        parts: the sections.
        budget: bytes that the page may have, besides what every page has.

    Returns: the sections, and a note for every exhibit that was left out.
    """
    left = budget
    notes = list[str]()

    def kept(entry: Entry) -> Entry:
        nonlocal left
        without = replace(entry, picture="")
        if without.size <= left:
            left -= without.size
            return entry
        reason = f"it would add {entry.size / 1e6:.1f} MB to the page, more than its budget; to see it: {entry.command}"
        notes.append(f"{entry.label.rstrip('.')} ({entry.title}) is left out: {reason}")
        return Entry(entry.key, entry.label, entry.title, reason=reason)

    def pictured(entry: Entry) -> Entry:
        nonlocal left
        without = replace(entry, picture="")
        extra = entry.size - without.size
        if extra > left:
            return without
        left -= extra
        return entry

    # a picture for readers without JavaScript never takes the room of a figure
    chosen = [replace(part, shown=[*map(kept, part.shown)]) for part in parts]
    return [replace(part, shown=[*map(pictured, part.shown)]) for part in chosen], notes
