"""`croissant.json`: the bundle in the vocabulary of MLCommons Croissant 1.0."""

from __future__ import annotations

from typing import Any

from toolbox.exchange.bundle.credits import Author, Credits
from toolbox.exchange.bundle.descriptions.described import Described, DescribedFile, columns_of
from toolbox.exchange.bundle.dictionary import TABLE_MEANINGS
from toolbox.exchange.bundle.parquet_files import WrittenTable

_TYPES = {
    "string": "sc:Text",
    "int32": "sc:Integer",
    "int64": "sc:Integer",
    "float": "sc:Float",
    "double": "sc:Float",
    "bool": "sc:Boolean",
}
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(described: Described) -> dict[str, Any]:
    """The description of a data set.

    Args:
        described: the bundle.
    """
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": described.name,
        "alternateName": described.title,
        "description": described.summary,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "citeAs": _cited(described),
        **_stated(described.credits),
        "datePublished": described.date,
        "version": f"{described.record['format']}.0.0",
        "isLiveDataset": False,
        "distribution": [_file(file) for file in described.files],
        "recordSet": [_records(table) for table in described.tables],
    }


def _cited(described: Described) -> str:
    names = "; ".join(each.full_name for each in described.credits.authors)
    return (
        f"{names}{': ' if names else ''}{described.title} ({described.date[:4]}), "
        f"digest {described.record['digest'][:8]}"
    )


def _stated(stated: Credits) -> dict[str, Any]:
    """Licence and authors, as far as they are stated."""
    creators = [_creator(each) for each in stated.authors]
    return {
        **({"license": stated.licence_address} if stated.licence else {}),
        **({"creator": creators} if creators else {}),
    }


def _creator(author: Author) -> dict[str, str]:
    names = {"givenName": author.given, "familyName": author.name} if author.given else {}
    kind = "sc:Person" if author.given else "sc:Organization"
    return {"@type": kind, "name": author.full_name, **names} | (
        {"url": author.address} if author.orcid else {}
    )


def _file(file: DescribedFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "description": file.description,
        "contentUrl": file.name,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": "application/x-parquet" if file.name.endswith(".parquet") else file.media,
        "sha256": file.sha256,
    }


def _records(table: WrittenTable) -> dict[str, Any]:
    name = table.file.removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": TABLE_MEANINGS[table.name],
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": text,
                "dataType": _TYPES[kind],
                "source": {"fileObject": {"@id": table.file}, "extract": {"column": column}},
            }
            for column, kind, text in columns_of(table)
        ],
    }
