"""The report as one page that needs nothing else. Owns the policy of the page, its parts and its size.

The policy forbids every request, and every script but those of the page, which it knows by their digests. Names are
data of anybody: the template escapes all of them, and blocks of JSON contain no `<`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolbox.chart.categories import colour_of
from toolbox.chart.linked import SHEET, as_script, script_library
from toolbox.chart.render import NARROWING, script_hash
from toolbox.chart.theme import ON_DARK
from toolbox.distribution import name_and_version
from toolbox.show.report.cautionary import Warned
from toolbox.show.report.entries import Part
from toolbox.show.report.methods import Methods
from toolbox.show.report.presentation import facts
from toolbox.show.report.subject import ReportSubject
from toolbox.show.report.templates import FOLDER, page_templates

MOST_CHIPS = 14
"""Categories that have a button each; of more there is a list."""
MANY_FIGURES = 3
"""Figures under which the same caution is not repeated."""
POLICY = (
    "default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
    "form-action 'none'"
)


def write_page(
    subject: ReportSubject, parts: Sequence[Part], warned: Sequence[Warned], methods: Methods
) -> str:
    """The page.

    Args:
        subject: of the report.
        parts: sections with exhibits.
        warned: warnings, the gravest first.
        methods: text and references.
    """
    template = page_templates().get_template("page.html.jinja")
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
        chips=_chips(categories),
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


def _chips(categories: Sequence[str]) -> list[tuple[str, str, str]]:
    """The buttons that choose a category, with its colours on light and dark pages; none where there are too many."""
    if len(categories) > MOST_CHIPS:
        return []
    hues = {name: colour_of(name, categories) for name in categories}
    return [(name, hue, ON_DARK.get(hue, hue)) for name, hue in hues.items()]


def _shared_cautions(warned: Sequence[Warned]) -> dict[str, tuple[str, str]]:
    """Cautions of so many figures that each of them only refers to it: by its subject, and the key of its warning."""
    return {
        said.text: (each.subject, each.key)
        for each in warned
        for said in each.sentences
        if len(said.where) >= MANY_FIGURES
    }


def _scripts() -> list[str]:
    return [script_library(), f"{NARROWING}\n{_read('page.js')}\n{_read('paper.js')}"]


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _numbers(subject: ReportSubject) -> Iterator[tuple[str, str]]:
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


def _blocks(subject: ReportSubject, parts: Sequence[Part], methods: Methods) -> Iterator[tuple[str, str]]:
    """What scripts of the page read: names, charts, rows, texts."""
    names: Mapping[str, Any] = {
        "category": list(subject.categories),
        "layer": subject.layers["layer"].to_list(),
    }
    yield "names", as_script(names)
    yield "colours", as_script(ON_DARK)
    yield "sheet", as_script(SHEET)
    for part in parts:
        for entry in part.shown:
            yield from entry.blocks.items()
    yield "methods-markdown", as_script(methods.markdown)
    yield "methods-bibtex", as_script(methods.bibtex)
