"""`croissant.json`: the bundle in the vocabulary of MLCommons Croissant 1.0."""

from __future__ import annotations

from typing import Any

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
        "citeAs": f"{described.title} ({described.date[:4]}), digest {described.record['digest'][:8]}",
        "datePublished": described.date,
        "version": f"{described.record['format']}.0.0",
        "isLiveDataset": False,
        "distribution": [_file(file) for file in described.files],
        "recordSet": [_records(table) for table in described.tables],
    }


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
