"""The report as one page that needs nothing else. Owns the policy of the page, its parts and its size.

The policy forbids every request, and every script but those of the page, which it knows by their digests. Names are
data of anybody: the template escapes all of them, and blocks of JSON contain no `<`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jinja2

from toolbox.chart.categories import colour_of
from toolbox.chart.linked import as_script, script_library, still_picture
from toolbox.chart.render import NARROWING, script_hash
from toolbox.chart.theme import ON_DARK
from toolbox.chart.width import Specification
from toolbox.distribution import name_and_version
from toolbox.printing import printable
from toolbox.show.report.cautionary import Warned
from toolbox.show.report.contents import Section
from toolbox.show.report.exhibits import LeftOut, Shown
from toolbox.show.report.methods import Methods
from toolbox.show.report.presentation import facts
from toolbox.show.report.subject import Subject

_FOLDER = Path(__file__).parent
MOST_CHIPS = 14
"""Categories that have a button each; of more there is a list."""
LARGEST_PICTURE = 150_000
"""Characters of a picture for readers without JavaScript; a larger one is not worth its bytes to all others."""
MANY_FIGURES = 3
"""Figures under which the same caution is not repeated."""
POLICY = (
    "default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
    "form-action 'none'"
)


@dataclass(frozen=True)
class Entry:
    """An exhibit as the template writes it; see `Shown`."""

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

    @property
    def size(self) -> int:
        """Bytes that it adds to the page, nearly."""
        parts = [self.sql, self.csv, self.picture, as_script(self.specification), *map(str, self.cells)]
        return sum(len(part.encode()) for part in parts)


@dataclass(frozen=True)
class Part:
    """A section with its exhibits."""

    key: str
    title: str
    lead: str
    shown: Sequence[Entry] = field(default=())


def numbered(parts: Iterable[tuple[Section, Sequence[Shown | LeftOut]]]) -> list[Part]:
    """The sections with figures and tables numbered, and pictures of the main ones.

    Args:
        parts: the sections of the contents, each with its exhibits.
    """
    counts = {"Figure": 0, "Table": 0}
    return [
        Part(section.key, section.title, section.lead, [_entry(each, counts) for each in shown])
        for section, shown in parts
    ]


def _entry(each: Shown | LeftOut, counts: dict[str, int]) -> Entry:
    exhibit = each.exhibit
    kind = "Table" if exhibit.columns else "Figure"
    counts[kind] += 1
    named = {"key": exhibit.name, "label": f"{kind} {counts[kind]}.", "title": exhibit.title}
    if isinstance(each, LeftOut):
        return Entry(**named, reason=each.reason.rstrip("."))
    picture = (
        still_picture(each.specification, each.sentence) if exhibit.is_main and each.specification else ""
    )
    picture = picture if len(picture) <= LARGEST_PICTURE else ""
    return Entry(
        **named, sentence=each.sentence, cases=each.cases, cautions=each.cautions, command=each.command,
        sql=each.sql, csv=each.csv, rows_note=each.rows_note, cells=each.cells, picture=picture,
        specification=each.specification,
    )  # fmt: skip


def within_budget(parts: Sequence[Part], budget: int) -> tuple[list[Part], list[str]]:
    """The sections without the exhibits that would make the page larger than it may be.

    Args:
        parts: the sections.
        budget: bytes that the page may have, besides what every page has.

    Returns: the sections, and a note for every exhibit that was left out.
    """
    left, notes = budget, list[str]()

    def kept(entry: Entry) -> Entry:
        nonlocal left
        for fitting in (entry, replace(entry, picture="")):
            if fitting.size <= left:
                left -= fitting.size
                return fitting
        reason = f"it would add {entry.size / 1e6:.1f} MB to the page, more than its budget; to see it: {entry.command}"
        notes.append(f"{entry.label.rstrip('.')} ({entry.title}) is left out: {reason}")
        return Entry(entry.key, entry.label, entry.title, reason=reason)

    return [Part(part.key, part.title, part.lead, [*map(kept, part.shown)]) for part in parts], notes


def fixed_size() -> int:
    """Bytes of a page without exhibits, but for its texts."""
    return sum(len(text.encode()) for text in (*_scripts(), _read("page.css"), _read("page.html.jinja")))


def write_page(subject: Subject, parts: Sequence[Part], warned: Sequence[Warned], methods: Methods) -> str:
    """The page.

    Args:
        subject: of the report.
        parts: sections with exhibits.
        warned: warnings, the gravest first.
        methods: text and references.
    """
    loader = jinja2.FileSystemLoader(_FOLDER)
    environment = jinja2.Environment(
        autoescape=True, loader=loader, undefined=jinja2.StrictUndefined, finalize=_shown
    )
    template = environment.get_template("page.html.jinja")
    scripts = _scripts()
    labels = {entry.key: entry.label.rstrip(".") for part in parts for entry in part.shown}
    categories = list(subject.categories)
    return template.render(
        policy=POLICY.format(hashes=" ".join(map(script_hash, scripts))),
        generator=name_and_version(),
        title=subject.title,
        set=subject.set,
        model=subject.model,
        scheme=subject.scheme,
        criterion=subject.criterion,
        numbers=list(_numbers(subject)),
        style=_read("page.css"),
        parts=list(_table_of_contents(parts)),
        chips=[(name, colour_of(name, categories)) for name in categories]
        if len(categories) <= MOST_CHIPS
        else [],
        categories=categories,
        layers=subject.layers["layer"].to_list(),
        warnings=warned,
        labels=labels,
        shared=_shared_cautions(warned),
        sections=parts,
        facts=facts(subject),
        methods=methods,
        blocks=list(_blocks(subject, parts, methods)),
        scripts=scripts,
    )


def _shared_cautions(warned: Sequence[Warned]) -> dict[str, tuple[str, str]]:
    """Cautions of so many figures that each of them only refers to it: by its subject, and the key of its warning."""
    return {
        said.text: (each.subject, each.key)
        for each in warned
        for said in each.sentences
        if len(said.where) >= MANY_FIGURES
    }


def _shown(value: Any) -> Any:
    """What a template inserts, as it can be shown; what it inserts as it is, is the toolbox's own."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return "\n".join(map(printable, value.split("\n")))
    return value


def _scripts() -> list[str]:
    return [script_library(), f"{NARROWING}\n{_read('page.js')}"]


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _numbers(subject: Subject) -> Iterator[tuple[str, str]]:
    """The numbers at the top of the page."""
    yield f"{subject.stimuli:,}", "stimuli"
    yield f"{len(subject.categories):,}", "categories"
    yield f"{len(subject.layers):,}", "layers"
    yield f"{subject.filters:,}", "filters"
    if subject.significant is not None:
        yield f"{int(subject.significant['significant'].sum()):,}", "significant tests (q < 0.05)"


def _table_of_contents(parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """What stands at the left."""
    yield {"key": "warnings", "title": "Read this first", "entries": ()}
    for part in parts:
        entries = [(entry.key, entry.label, entry.title) for entry in part.shown]
        yield {"key": part.key, "title": part.title, "entries": entries}
    yield {"key": "methods", "title": "Methods", "entries": ()}
    yield {"key": "references", "title": "References", "entries": ()}


def _blocks(subject: Subject, parts: Sequence[Part], methods: Methods) -> Iterator[tuple[str, str]]:
    """What scripts of the page read: names, charts, rows, texts."""
    names: Mapping[str, Any] = {
        "category": list(subject.categories),
        "layer": subject.layers["layer"].to_list(),
    }
    yield "names", as_script(names)
    yield "colours", as_script(ON_DARK)
    for entry in (entry for part in parts for entry in part.shown if not entry.reason):
        if entry.specification is not None:
            yield f"chart-{entry.key}", as_script(entry.specification)
        yield f"rows-{entry.key}", as_script(entry.csv)
    yield "methods-markdown", as_script(methods.markdown)
    yield "methods-bibtex", as_script(methods.bibtex)
