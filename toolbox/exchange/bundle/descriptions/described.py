"""What the descriptions of a bundle are made of. Owns what they have in common: a name, a sentence, files, a date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbox.exchange.bundle.credits import Credits
from toolbox.exchange.bundle.dictionary import TABLE_MEANINGS, description_of
from toolbox.exchange.bundle.layout import BUNDLE_FILE_NAME
from toolbox.exchange.bundle.parquet_files import WrittenTable
from toolbox.files import digest_of

MEDIA = {
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".sql": "application/sql",
    ".md": "text/markdown",
    ".toml": "application/toml",
    ".html": "text/html",
    ".cff": "application/yaml",
    ".jpg": "image/jpeg",
    ".png": "image/png",
}
"""Ending of a file's name -> its media type."""


@dataclass(frozen=True)
class DescribedFile:
    """A file of a bundle."""

    name: str
    bytes: int
    sha256: str
    description: str

    @property
    def media(self) -> str:
        """Its media type."""
        return MEDIA.get(Path(self.name).suffix, "application/octet-stream")


@dataclass(frozen=True)
class Described:
    """A bundle whose content is written, and what is said of it.

    Attributes:
        record: that of `bundle.json`, with the digest.
        tables: its tables.
        files: its files, without those that describe it.
        date: day of the newest result in it, as 2026-11-27.
        counts: what it is of, in words: stimuli, categories, filters.
        credits: title, authors and licence, as far as they are stated.
    """

    record: Mapping[str, Any]
    tables: Sequence[WrittenTable]
    files: Sequence[DescribedFile]
    date: str
    counts: Sequence[str]
    credits: Credits

    @property
    def title(self) -> str:
        """What it is called."""
        return self.credits.title or f"Selectivity of filters: {self.record['title']}"

    @property
    def name(self) -> str:
        """A short name of letters, digits and hyphens."""
        return f"selectivity-{self.record['digest'][:8]}"

    @property
    def summary(self) -> str:
        """What it contains, in a sentence."""
        return (
            f"Category selectivity of the filters of convolutional networks: {'; '.join(self.counts)}. "
            f"Contains {', '.join(self.record['includes'])}. Written by the {self.record['tool']}."
        )


def described_files(folder: Path, tables: Sequence[WrittenTable]) -> list[DescribedFile]:
    """The files that are in a folder.

    Args:
        folder: of the bundle.
        tables: those of its files that are tables.
    """
    of_tables = {table.file: TABLE_MEANINGS[table.name] for table in tables}
    return [
        DescribedFile(
            file.name,
            file.stat().st_size,
            digest_of(file),
            of_tables.get(file.name) or _description(file.name),
        )
        for file in sorted(folder.iterdir())
    ]


def columns_of(table: WrittenTable) -> list[tuple[str, str, str]]:
    """Name, type and meaning of every column of a table."""
    return [(name, kind, description_of(table.name, name)) for name, kind in table.columns.items()]


def _description(name: str) -> str:
    """What a file is that is no table."""
    for start, text in _FILES.items():
        if name.startswith(start):
            return text
    assert BUNDLE_FILE_NAME.fullmatch(name)
    return "File of the bundle"


_FILES = {
    "bundle.json": "What the bundle is: format, title, digest, what it includes, tables and their columns",
    "extractions.json": "Identity of network and preprocessing, numbers of stimuli, and digests, of every extraction",
    "provenance.json": "Where the tables come from: commands, options, versions",
    "model-": "Identity and preprocessing of a network",
    "card-": "Card of a network: layers, preprocessing, sources and digests of its weights",
    "views.sql": "Views over the files, for DuckDB",
    "queries.sql": "The queries that the tables can answer, for DuckDB",
    "methods.md": "Methods of the study, as text for a paper",
    "report.html": "Report of the study: a page with figures",
    "image-": "Copy of the image of a stimulus",
    "README.md": "How to use the bundle; what every table and column means",
    "CITATION.cff": "How to cite the bundle, the toolbox and the networks",
}
