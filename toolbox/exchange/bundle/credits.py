"""Whose a bundle is, and what others may do with it: title, authors and licence, as its owner states them.

Owns their form. Nothing is guessed: what is not stated is absent, and the descriptions of the bundle report that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from toolbox.errors import UsageError, expected_names
from toolbox.printing import is_printable

_ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])", re.ASCII)
_LONGEST = 500
"""Characters of a title or a name."""
_CREATIVE_COMMONS = "https://creativecommons.org/licenses"
_OPEN_DATA = "https://opendatacommons.org/licenses"
LICENCES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": f"{_CREATIVE_COMMONS}/by/4.0/",
    "CC-BY-SA-4.0": f"{_CREATIVE_COMMONS}/by-sa/4.0/",
    "CC-BY-NC-4.0": f"{_CREATIVE_COMMONS}/by-nc/4.0/",
    "CC-BY-NC-SA-4.0": f"{_CREATIVE_COMMONS}/by-nc-sa/4.0/",
    "CC-BY-ND-4.0": f"{_CREATIVE_COMMONS}/by-nd/4.0/",
    "CC-BY-NC-ND-4.0": f"{_CREATIVE_COMMONS}/by-nc-nd/4.0/",
    "CC-BY-3.0": f"{_CREATIVE_COMMONS}/by/3.0/",
    "CC-BY-SA-3.0": f"{_CREATIVE_COMMONS}/by-sa/3.0/",
    "ODbL-1.0": f"{_OPEN_DATA}/odbl/1-0/",
    "ODC-By-1.0": f"{_OPEN_DATA}/by/1-0/",
    "PDDL-1.0": f"{_OPEN_DATA}/pddl/1-0/",
    "CDLA-Sharing-1.0": "https://cdla.dev/sharing-1-0/",
    "MIT": "https://opensource.org/license/mit",
    "BSD-3-Clause": "https://opensource.org/license/bsd-3-clause",
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
}
"""SPDX identifier -> address of the text: licences under which results are published."""


@dataclass(frozen=True)
class Author:
    """A person, or a group without a given name.

    Attributes:
        name: the family name, or the name of the group.
        given: the given names; empty for a group.
        orcid: the identifier of the person; empty if not stated.
    """

    name: str
    given: str = ""
    orcid: str = ""

    @property
    def address(self) -> str:
        """That of the identifier; empty without one."""
        return f"https://orcid.org/{self.orcid}" if self.orcid else ""

    @property
    def full_name(self) -> str:
        """The given names and the family name."""
        return f"{self.given} {self.name}".strip()


@dataclass(frozen=True)
class Credits:
    """What the owner of the results states of them.

    Attributes:
        title: of the results; empty for that of the study.
        authors: in their order; none if they are not stated.
        licence: an SPDX identifier, or the address of another licence; empty if none is stated.
    """

    title: str = ""
    authors: tuple[Author, ...] = ()
    licence: str = ""

    @property
    def licence_address(self) -> str:
        """Where the text of the licence is; empty without a licence."""
        return LICENCES.get(self.licence, self.licence)

    @property
    def record(self) -> Mapping[str, object]:
        """What `bundle.json` has of it; nothing of what is not stated."""
        authors = [{key: text for key, text in asdict(each).items() if text} for each in self.authors]
        return {
            **({"authors": authors} if authors else {}),
            **({"licence": self.licence} if self.licence else {}),
        }


def stated_credits(title: str | None, author: str | Sequence[str] | None, licence: str | None) -> Credits:
    """What is stated by the options of a bundle.

    Args:
        title: of the results; that of the study if None.
        author: `Family, Given`, `Family, Given; ORCID`, or the name of a group; one, several, or None.
        licence: an SPDX identifier in any case, or an address that begins with https://; None for none.

    Raises: UsageError.

    Example:
        >>> stated_credits(None, "Carberry, Josiah; 0000-0002-1825-0097", "cc-by-4.0").record
        {'authors': [{'name': 'Carberry', 'given': 'Josiah', 'orcid': '0000-0002-1825-0097'}], 'licence': 'CC-BY-4.0'}
    """
    if title is not None:
        _check_text("title", title)
    authors = tuple(map(_author, (author,) if isinstance(author, str) else tuple(author or ())))
    for each in authors:
        if authors.count(each) > 1:
            raise UsageError(f"the author {each.full_name!r} is named twice; expected every author once")
    return Credits((title or "").strip(), authors, "" if licence is None else _licence(licence))


def check_credits(title: str | None, author: str | Sequence[str] | None, licence: str | None) -> None:
    """Refuse what cannot be stated of the results.

    Args:
        title: as in `stated_credits`.
        author: likewise.
        licence: likewise.

    Raises: UsageError.
    """
    stated_credits(title, author, licence)


def _check_text(kind: str, text: str) -> None:
    if not text.strip() or not is_printable(text) or len(text) > _LONGEST:
        raise UsageError(
            f"the {kind} is {text[:60]!r}; expected a text of one line, of 1 to {_LONGEST} characters"
        )


def _author(text: str) -> Author:
    _check_text("author", text)
    name, _, orcid = map(str.strip, text.partition(";"))
    family, comma, given = map(str.strip, name.partition(","))
    if not family or (comma and not given) or "," in given or ("," not in name and orcid):
        raise UsageError(
            f"the author is {text!r}; expected 'Family, Given', 'Family, Given; ORCID', or the name of a group "
            "without a comma"
        )
    return Author(family, given, _orcid(orcid) if orcid else "")


def _orcid(text: str) -> str:
    """The digits of an ORCID, whose last one is a check digit (ISO 7064, mod 11-2)."""
    found = _ORCID.fullmatch(text)
    if found is None or _check_digit(found[1].replace("-", "")[:-1]) != found[1][-1]:
        problem = "has the form of none" if found is None else "has a mistyped digit"
        raise UsageError(f"the ORCID {text!r} {problem}; expected one such as 0000-0002-1825-0097")
    return found[1]


def _check_digit(digits: str) -> str:
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    rest = (12 - total % 11) % 11
    return "X" if rest == 10 else str(rest)


def _licence(text: str) -> str:
    if re.fullmatch(r"https://[\w-]+(\.[\w-]+)+(/[\w.~:/?#@!$&+,;=%-]*)?", text, re.ASCII):
        return text
    known = {name.casefold(): name for name in LICENCES}
    if text.casefold() not in known:
        raise UsageError(
            f"the licence {text!r} is unknown; {expected_names(text, [*LICENCES])}; any other one by the address of "
            "its text (https://…)"
        )
    return known[text.casefold()]
