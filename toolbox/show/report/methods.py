"""The methods of a study as text for a paper: with its numbers, versions and citations. Owns the text in all forms.

The template is prose with pandoc's citations, such as [@malakhova2018]. Markdown keeps them, beside a file of BibTeX; a
page has authors and years in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from itertools import groupby
from typing import Any

from toolbox.chart.theme import column_words
from toolbox.distribution import toolbox_version
from toolbox.show.report.presentation import extraction, preprocessing, run_records, weights_named
from toolbox.show.report.references import Reference, known_references, quoted_reference
from toolbox.show.report.subject import ReportSubject
from toolbox.show.report.templates import text_of_template
from toolbox.show.report.words import few
from toolbox.store.small_tables import SmallTables

_CITED = re.compile(r"\[@(\w+)\]|(?<!\w)@(\w+)")
"""A citation in brackets, or one whose author is part of the sentence."""
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|&])")


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of the methods.

    Attributes:
        heading: above it.
        text: with citations as [@key].
    """

    heading: str
    text: str


@dataclass(frozen=True)
class Methods:
    """The methods of a study.

    Attributes:
        paragraphs: in their order.
        own: works that only this study cites.
    """

    paragraphs: tuple[Paragraph, ...]
    own: dict[str, Reference]

    @cached_property
    def references(self) -> list[Reference]:
        """The works that are cited, by authors and years."""
        known = {**known_references(), **self.own}
        found = (_key(cited) for paragraph in self.paragraphs for cited in _CITED.finditer(paragraph.text))
        return sorted((known[key] for key in {*found} & known.keys()), key=lambda each: each.label.lower())

    def read(self, text: str) -> str:
        """A paragraph with authors and years.

        Args:
            text: with citations as [@key] or @key.
        """
        known = {each.key: each.label for each in self.references}

        def words(cited: re.Match[str]) -> str:
            if _key(cited) not in known:
                return cited[0]
            author, _, year = known[_key(cited)].rpartition(", ")
            return f"({known[_key(cited)]})" if cited[1] else f"{author} ({year})"

        return _CITED.sub(words, text)

    @property
    def markdown(self) -> str:
        """The text with its references, as Markdown."""
        lines = ["# Methods", ""]
        for heading, paragraphs in groupby(self.paragraphs, lambda each: each.heading):
            lines += [
                f"## {heading}",
                "",
                *(line for each in paragraphs for line in (_escaped(each.text), "")),
            ]
        lines += ["# References", ""]
        lines += [
            f"- {_escaped(each.text)}{f' <{each.address}>' if each.address else ''}"
            for each in self.references
        ]
        return "\n".join([*lines, ""])

    @property
    def bibtex(self) -> str:
        """The works that are cited."""
        return "\n\n".join([*(each.bibtex for each in self.references), ""])


def methods_of(
    subject: ReportSubject, *, with_significance: bool = True, with_report: bool = True
) -> Methods:
    """The methods of a report.

    Args:
        subject: of the report.
        with_significance: whether intervals and p values are described.
        with_report: whether figures of the report are referred to.
    """
    own = dict(_own_references(subject))
    values = _values(subject, own) | {"with_report": with_report, "with_significance": with_significance}
    values |= {} if with_significance else {"resamples": 0}
    return Methods(tuple(_paragraphs(text_of_template("methods.txt.jinja", values))), own)


def joined_methods(parts: Mapping[str, Methods]) -> Methods:
    """The methods of several sets and networks as one text, in which what is alike occurs once.

    Args:
        parts: name of set and network -> its methods.
    """
    own, renamed = dict[str, Reference](), dict[str, Methods]()
    for name, each in parts.items():
        keys = {key: _free_key(key, reference, own) for key, reference in each.own.items()}
        own |= {keys[key]: replace(reference, key=keys[key]) for key, reference in each.own.items()}
        renamed[name] = replace(each, paragraphs=tuple(_with_keys(one, keys) for one in each.paragraphs))
    headings = dict.fromkeys(one.heading for each in renamed.values() for one in each.paragraphs)
    return Methods(tuple(one for heading in headings for one in _under(heading, renamed)), own)


def _free_key(key: str, reference: Reference, taken: Mapping[str, Reference]) -> str:
    """The key of a work, which two networks may both call `network`."""
    number, free = 2, key
    while free in taken and taken[free].text != reference.text:
        number, free = number + 1, f"{key}{number}"
    return free


def _with_keys(paragraph: Paragraph, keys: Mapping[str, str]) -> Paragraph:
    def renamed(cited: re.Match[str]) -> str:
        return cited[0].replace(_key(cited), keys.get(_key(cited), _key(cited)))

    return replace(paragraph, text=_CITED.sub(renamed, paragraph.text))


def _under(heading: str, parts: Mapping[str, Methods]) -> Iterator[Paragraph]:
    """The different paragraphs under a heading; if there are several, each names what it is of."""
    of = dict[str, list[str]]()
    for name, each in parts.items():
        for one in each.paragraphs:
            if one.heading == heading:
                of.setdefault(one.text, []).append(name)
    for text, names in of.items():
        yield Paragraph(heading, f"{'; '.join(names)}: {text}" if len(of) > 1 else text)


def _paragraphs(text: str) -> Iterator[Paragraph]:
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        yield Paragraph(heading.strip(), " ".join(body.split()))


def _own_references(subject: ReportSubject) -> Iterator[tuple[str, Reference]]:
    """What the cards of network and stimulus set cite."""
    if subject.card and subject.card.citation:
        yield "network", quoted_reference("network", subject.card.citation)
    if citation := _citation_of_set(subject):
        yield "stimuli", quoted_reference("stimuli", citation)


def _citation_of_set(subject: ReportSubject) -> str:
    """Of a set that the toolbox ships."""
    sources = [record.get("source") for record in run_records(subject, "ingest")]
    cited = [
        str(source["citation"]) for source in sources if isinstance(source, dict) and source.get("citation")
    ]
    return cited[-1] if cited else ""


def _values(subject: ReportSubject, own: dict[str, Reference]) -> dict[str, Any]:
    """What the template inserts."""
    return {
        **_of_the_stimuli(subject, own),
        **_of_the_network(subject, own),
        **_of_the_selectivity(subject),
        **_of_the_statistics(subject),
        "version": toolbox_version(),
        "duckdb": version("duckdb"),
        "identity": subject.responses.provenance["identity"][:16],
    }


def _of_the_stimuli(subject: ReportSubject, own: dict[str, Reference]) -> dict[str, Any]:
    sizes = subject.categories
    equal = len({*sizes.values()}) == 1
    each = (
        f"{next(iter(sizes.values())):,} each"
        if equal
        else ", ".join(f"{name} {n:,}" for name, n in sizes.items())
    )
    unlabelled = subject.responses.stimuli - subject.stimuli
    differs = subject.summary
    named = differs.drop_nulls(["category", "differs"]).select("category", "differs").rows()
    return {
        "set": subject.set,
        "n": f"{subject.stimuli:,}",
        "categories": sizes,
        "sizes": f"{', '.join(sizes)}; {each}" if equal else each,
        "unlabelled": f"{unlabelled:,}" if unlabelled > 0 else "",
        "set_key": "stimuli" if "stimuli" in own else "",
        "differs": few([f"{category} was {words}" for category, words in named]) if named else "",
    }


def _of_the_network(subject: ReportSubject, own: dict[str, Reference]) -> dict[str, Any]:
    card, layers = subject.card, subject.layers
    return {
        "network": card.title if card and card.title else subject.model,
        "network_key": "network" if "network" in own else "",
        "weights": weights_named(subject),
        "preprocessing": preprocessing(card.input) if card else "",
        "layers": layers["layer"].to_list(),
        "all_filters": f"{layers['filters'].sum():,}",
        "filters": f"{subject.filters:,}" if layers["is_pool"].any() else "",
        "statistic": subject.choices.statistic,
        "normalise": subject.choices.normalise,
        "precision": subject.responses.provenance["precision"],
        "runtime": extraction(subject).get("runtime", ""),
        "dead": f"{subject.dead:,}" if subject.dead else "",
        "controls": few(subject.controls),
    } | ({} if subject.controls and not subject.is_control else {"controls": ""})


def _of_the_selectivity(subject: ReportSubject) -> dict[str, Any]:
    index = subject.index
    is_usual = subject.choices.threshold is None
    return {
        "index": column_words(index.name),
        "formula": index.formula,
        "index_source": index.source.rstrip("."),
        "criterion": subject.criterion,
        "reason": index.threshold[1] if is_usual else "",
    }


def _of_the_statistics(subject: ReportSubject) -> dict[str, Any]:
    """Numbers of the resampling; without it, none."""
    rows = subject.significant
    if rows is None:
        return {"resamples": 0}
    made = SmallTables().origin(subject.labelling.file("filters", subject.measure))
    counts = {name: f"{int(rows[name].sum()):,}" for name in ("significant", "significant_fwe")}
    tests = int((rows["filters"] - rows["dead"]).sum())
    return {"resamples": f"{made['resamples']:,}", "seed": made["seed"], "tests": f"{tests:,}", **counts}


def _key(cited: re.Match[str]) -> str:
    return cited[1] or cited[2]


def _escaped(text: str) -> str:
    """A text in which only citations are marks of Markdown, whatever the names in it."""
    parts, end = list[str](), 0
    for cited in _CITED.finditer(text):
        parts += [_MARKS.sub(r"\\\1", text[end : cited.start()]), cited[0]]
        end = cited.end()
    return "".join([*parts, _MARKS.sub(r"\\\1", text[end:])])
