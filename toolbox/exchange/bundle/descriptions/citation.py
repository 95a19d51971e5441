"""`CITATION.cff`: how to cite the bundle, the toolbox, its method and the networks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from toolbox.distribution import toolbox_version
from toolbox.exchange.bundle.credits import LICENCES, Author
from toolbox.exchange.bundle.descriptions.described import Described


def citation(described: Described, networks: Sequence[str]) -> str:
    """The text of the file; texts are quoted as JSON, which YAML reads.

    Args:
        described: the bundle.
        networks: what the cards of the networks cite.
    """
    lines = [
        "cff-version: 1.2.0",
        "message: Please cite these results, the toolbox, its method, and the networks.",
        "type: dataset",
        f"title: {_text(described.title)}",
        f"abstract: {_text(described.summary)}",
        f"date-released: {described.date}",
        *_licence(described),
        "authors:",
        *_authors(described),
        "identifiers:",
        "  - type: other",
        f"    value: {_text('sha256:' + described.record['digest'])}",
        "    description: digest of the content",
        "references:",
        "  - type: software",
        "    title: selectivity-toolbox",
        f"    version: {_text(toolbox_version())}",
        "    authors:",
        "      - name: The selectivity-toolbox authors",
        "  - type: conference-paper",
        "    title: Representation of Categories in Filters of Deep Neural Networks",
        "    authors:",
        "      - family-names: Malakhova",
        "        given-names: K.",
        "    year: 2018",
        "    doi: 10.1109/CVPRW.2018.00265",
        "    notes: The method",
    ]
    for each in networks:
        lines += [
            "  - type: generic",
            f"    title: {_text(each)}",
            "    authors:",
            "      - name: as in the title",
            "    notes: A network",
        ]
    return "\n".join([*lines, ""])


def _licence(described: Described) -> list[str]:
    """The licence: by its identifier, or by its address."""
    stated = described.credits.licence
    key = "license" if stated in LICENCES else "license-url"
    return [f"{key}: {_text(stated)}"] if stated else []


def _authors(described: Described) -> Iterator[str]:
    for each in described.credits.authors or (Author("The owners of the study"),):
        names = {"family-names": each.name, "given-names": each.given, "orcid": each.address}
        stated = [(key, text) for key, text in (names if each.given else {"name": each.name}).items() if text]
        yield from (f"{'    ' if n else '  - '}{key}: {_text(text)}" for n, (key, text) in enumerate(stated))


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
