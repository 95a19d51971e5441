"""`ro-crate-metadata.json`: the bundle as an RO-Crate 1.1, of which this file is the root."""

from __future__ import annotations

from typing import Any

from toolbox.exchange.bundle.descriptions.described import Described
from toolbox.exchange.bundle.layout import RO_CRATE

_AUTHOR = "#owners"
_LICENCE = "#licence"


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
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": described.title,
        "description": described.summary,
        "datePublished": described.date,
        "identifier": described.record["digest"],
        "license": {"@id": _LICENCE},
        "author": {"@id": _AUTHOR},
        "publisher": {"@id": _AUTHOR},
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
            {
                "@id": _AUTHOR,
                "@type": "Organization",
                "name": "The owners of the study",
                "url": described.record["tool"],
            },
            {
                "@id": _LICENCE,
                "@type": "CreativeWork",
                "name": "No licence stated",
                "description": "The owners of the study state no licence here; ask them before you publish it further.",
            },
            *files,
        ],
    }
