"""`ro-crate-metadata.json`: the bundle as an RO-Crate 1.1, of which this file is the root."""

from __future__ import annotations

from itertools import count
from typing import Any

from toolbox.exchange.bundle.credits import Author, Credits
from toolbox.exchange.bundle.descriptions.described import Described
from toolbox.exchange.bundle.layout import RO_CRATE

_OWNERS, _NO_LICENCE = "#owners", "#licence"


def ro_crate(described: Described) -> dict[str, Any]:
    """The graph of a crate.

    Args:
        described: the bundle.
    """
    files = [
        {
            "@id": file.name,
            "@type": "File",
            "name": file.name,
            "description": file.description,
            "encodingFormat": file.media,
            "contentSize": str(file.bytes),
            "sha256": file.sha256,
        }
        for file in described.files
    ]
    owners = _owners(described)
    authors = [*map(_author, described.credits.authors, count(1))] or [owners]
    licence = _licence(described.credits)
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": described.title,
        "description": described.summary,
        "datePublished": described.date,
        "identifier": described.record["digest"],
        "license": {"@id": licence["@id"]},
        "author": [{"@id": each["@id"]} for each in authors]
        if len(authors) > 1
        else {"@id": authors[0]["@id"]},
        "publisher": {"@id": _OWNERS},
        "hasPart": [{"@id": file.name} for file in described.files],
    }
    return {
        "@context": [
            "https://w3id.org/ro/crate/1.1/context",
            {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
        ],
        "@graph": [
            {
                "@id": RO_CRATE,
                "@type": "CreativeWork",
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
                "about": {"@id": "./"},
            },
            root,
            *({each["@id"]: each for each in [*authors, owners]}.values()),
            licence,
            *files,
        ],
    }


def _owners(described: Described) -> dict[str, Any]:
    """Who publishes the bundle, and its author where none is stated."""
    return {
        "@id": _OWNERS,
        "@type": "Organization",
        "name": "The owners of the study",
        "url": described.record["tool"],
    }


def _author(author: Author, number: int) -> dict[str, Any]:
    """A person, identified by the ORCID where it is stated; or a group."""
    identity = {"@id": author.address or f"#author-{number}"}
    if not author.given:
        return {**identity, "@type": "Organization", "name": author.name}
    names = {"name": author.full_name, "givenName": author.given, "familyName": author.name}
    return {**identity, "@type": "Person", **names}


def _licence(stated: Credits) -> dict[str, Any]:
    if stated.licence:
        return {
            "@id": stated.licence_address,
            "@type": "CreativeWork",
            "name": stated.licence,
            "description": f"The results may be used under {stated.licence}.",
        }
    return {
        "@id": _NO_LICENCE,
        "@type": "CreativeWork",
        "name": "No licence stated",
        "description": "The owners of the study state no licence here; ask them before you publish it further.",
    }
