"""CITATION.cff is of the Citation File Format 1.2.0, and agrees with the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support.chapters import chapter_text
from support.citation import read_yaml
from toolbox.distribution import toolbox_version

ROOT = Path(__file__).parents[1]
REQUIRED = {"cff-version", "message", "title", "authors"}
ALLOWED = REQUIRED | {
    "type",
    "abstract",
    "version",
    "license",
    "keywords",
    "references",
    "doi",
    "date-released",
    "url",
}
"""Keys of the format, of which all files use the first; the others are those that we use or may want."""


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    """The file as a dictionary."""
    content: dict[str, Any] = read_yaml((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """What pyproject.toml says of the package."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def test_the_file_has_what_the_format_requires(citation: dict[str, Any]) -> None:
    assert REQUIRED <= citation.keys() <= ALLOWED
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert all(author.keys() == {"name"} for author in citation["authors"])


def test_the_software_is_the_package(citation: dict[str, Any], project: dict[str, Any]) -> None:
    assert citation["version"] == project["version"] == toolbox_version()
    assert citation["title"] == project["name"]
    assert citation["license"] == project["license"]
    assert citation["keywords"] == project["keywords"]
    assert citation["authors"] == project["authors"]
    assert citation["authors"][0]["name"] in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_paper_of_the_method_is_cited_as_in_the_readme(citation: dict[str, Any]) -> None:
    (paper,) = citation["references"]
    assert paper.keys() >= {"type", "title", "authors"}
    assert paper["authors"] == [{"family-names": "Malakhova", "given-names": "K."}]
    assert paper["year"] == "2018"
    assert re.fullmatch(r"10\.\d{4,9}/\S+", paper["doi"])
    how_to_cite = " ".join(chapter_text("README.md").split("## How to cite")[1].split())
    assert paper["doi"] in how_to_cite
    assert paper["title"] in how_to_cite
