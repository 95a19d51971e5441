"""Works that a report cites, as a list of references and as BibTeX. Owns reading `references.toml`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from toolbox.distribution import DISTRIBUTION, toolbox_version

_FILE = Path(__file__).parent / "references.toml"
_FIELDS = (
    "author", "title", "booktitle", "journal", "volume", "number", "pages", "year", "version", "doi",
    "howpublished", "note",
)  # fmt: skip
_LABELLED = re.compile(r"\s*([^\d(]+?),?\s*\((\d{4})\)")


@dataclass(frozen=True)
class Reference:
    """A work that is cited.

    Attributes:
        key: of its BibTeX entry.
        label: author and year, as in a text.
        text: as in a list of references.
        bibtex: its entry.
        address: where it is on the web; '' if that is not known.
    """

    key: str
    label: str
    text: str
    bibtex: str
    address: str = ""


@cache
def known_references() -> dict[str, Reference]:
    """The works of `references.toml`, and the toolbox itself, by their keys."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    software = {
        "type": "misc",
        "author": f"{{The {DISTRIBUTION} authors}}",
        "year": 2026,
        "title": DISTRIBUTION,
        "version": toolbox_version(),
        "note": "Software",
    }
    return {key: _reference(key, entry) for key, entry in {**entries, "toolbox": software}.items()}


def quoted_reference(key: str, citation: str) -> Reference:
    """A work of which only the text of its reference is known, such as the one on the card of a network.

    Args:
        key: of its BibTeX entry.
        citation: its text.

    >>> quoted_reference("network", "Simonyan and Zisserman (2015). Very deep networks. arXiv:1409.1556").label
    'Simonyan and Zisserman, 2015'
    """
    found = _LABELLED.match(citation)
    names = re.sub(r",? [A-Z][.-][A-Z. -]*", "", found[1]) if found else key
    label = f"{_short(names)}, {found[2]}" if found else citation
    year = f"  year = {{{found[2]}}},\n" if found else ""
    bibtex = f"@misc{{{key},\n{year}  note = {{{_braced(citation)}}},\n}}"
    doi = re.search(r"(?:doi:|doi\.org/)(10\.\S+\w)", citation)
    arxiv = re.search(r"arXiv:(\d{4}\.\d+)", citation)
    address = f"https://doi.org/{doi[1]}" if doi else f"https://arxiv.org/abs/{arxiv[1]}" if arxiv else ""
    return Reference(key, label, citation, bibtex, address)


def _short(names: str) -> str:
    """Authors as a text names them: one or two, or the first of many."""
    each = [name for name in re.split(r",? and |,? & |, ", names.strip()) if name]
    return names.strip() if len(each) < 3 else f"{each[0]} et al."


def _reference(key: str, entry: dict[str, object]) -> Reference:
    authors = [name.strip("{}").partition(",")[0] for name in str(entry["author"]).split(" and ")]
    short = " and ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    fields = [f"  {name} = {{{entry[name]}}}," for name in _FIELDS if name in entry]
    bibtex = "\n".join([f"@{entry['type']}{{{key},", *fields, "}"])
    doi = f"https://doi.org/{entry['doi']}" if "doi" in entry else str(entry.get("howpublished", ""))
    return Reference(key, f"{short}, {entry['year']}", _text(entry), bibtex, doi)


def _text(entry: dict[str, object]) -> str:
    """The entry as in a list of references."""
    names = str(entry["author"]).split(" and ")
    # a name in braces is that of a group, which has no initials
    initials = [
        name.strip("{}") if name.startswith("{") else re.sub(r"(?<=[\s-])(\w)\w+", r"\1.", name)
        for name in names
    ]
    authors = ", ".join(initials[:-1]) + f" & {initials[-1]}" if len(initials) > 1 else initials[0]
    where = [str(entry[name]) for name in ("journal", "booktitle", "note") if name in entry]
    where += [", ".join(str(entry[name]) for name in ("volume", "pages") if name in entry)]
    version = f" (version {entry['version']})" if "version" in entry else ""
    place = ", ".join(filter(None, where))
    return f"{authors} ({entry['year']}). {entry['title']}{version}.{f' {place}.' if place else ''}"


def _braced(text: str) -> str:
    """A text inside the braces of an entry, which it cannot end."""
    return text.replace("{", "(").replace("}", ")").replace("\\", "/")
