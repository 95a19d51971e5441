"""Names of categories. Owns which spellings are one category, and which mean that there is none."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from toolbox.errors import StimulusError, UsageError
from toolbox.printing import is_printable
from toolbox.tables import MISSING_SPELLINGS
from toolbox.terms import MISSING, Missing

NOT_AVAILABLE = "NA"
"""How R and most data files write a missing value: without a choice, it is one here too."""


def compose_accents(text: str) -> str:
    """Text with composed accents (NFC), so that a category has the same name on every operating system."""
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class Categories:
    """The categories that a source names.

    Attributes:
        names: text of the source -> category; None for an unlabelled stimulus.
        notes: one line for each text that was not taken as it is.
    """

    names: Mapping[str | None, str | None]
    notes: list[str]


def read_categories(texts: Iterable[str | None], place: str, missing: Missing | None = None) -> Categories:
    """The categories that the texts of a source mean.

    Spaces around a text are removed and accents are composed. An empty text is no label. `NA` is no label either, as a
    folder and in a table alike, unless `missing` is 'category'. Other spellings of a missing value are refused without
    a choice.

    Args:
        texts: names of folders, or cells of a column.
        place: the source, for messages.
        missing: what a spelling of a missing value means; None where it was not chosen.

    Raises: UsageError for another choice; StimulusError for a spelling of a missing value without a choice, and for a
        category with a character that cannot be shown.

    Example:
        >>> read_categories(["face ", "NA", None], "images.csv").names
        {'face ': 'face', 'NA': None, None: None}
    """
    if missing not in (None, *MISSING):
        raise UsageError(f"missing is {missing!r}; expected one of {', '.join(MISSING)}")
    texts = list(texts)
    check_printable(filter(None, texts), f"{place} has the category")
    plain = {text: compose_accents(text).strip() if text else "" for text in texts}
    spelled = sorted({name for name in plain.values() if name.lower() in MISSING_SPELLINGS})
    doubtful = [name for name in spelled if name != NOT_AVAILABLE]
    if doubtful and missing is None:
        raise StimulusError(
            f"{place} has the {_plural('category', 'categories', doubtful)}: usually a missing value; choose whether "
            "such stimuli are unlabelled, or have a category of this name, with missing=… (--missing unlabelled, or "
            "--missing category)"
        )
    absent = set() if missing == "category" else set(spelled)
    names = {text: name if name and name not in absent else None for text, name in plain.items()}
    return Categories(
        names, [*_notes_on_missing(place, sorted(absent), missing), *_notes_on_spellings(place, names)]
    )


def check_printable(names: Iterable[str], place: str) -> None:
    r"""Refuse names with control characters and others that cannot be shown in a terminal or a figure.

    Args:
        names: of categories, or of stimulus variables.
        place: their origin and kind, for the message.

    Raises: StimulusError.

    Example:
        >>> check_printable(["cat\x07"], "a.csv has the category")
        Traceback (most recent call last):
        toolbox.errors.StimulusError: a.csv has the category 'cat\x07', with a character that cannot be shown; rename it
    """
    for name in names:
        if not is_printable(name.strip()):
            raise StimulusError(f"{place} {name!r}, with a character that cannot be shown; rename it")


def categories_alike(names: Iterable[str], place: str) -> list[str]:
    """Notes on categories that differ only in case.

    Args:
        names: the categories.
        place: where they are, for the notes.

    Example:
        >>> categories_alike(["dog", "Cat", "cat"], "pets")[0][:63]
        "pets has the categories 'Cat', 'cat', which differ only in case"
    """
    ordered = sorted(set(names), key=lambda name: (name.casefold(), name))
    groups = [list(group) for _, group in groupby(ordered, str.casefold)]
    return [
        f"{place} has the {_plural('category', 'categories', group)}, which differ only in case: they are separate "
        "here, but one folder on macOS and Windows; if they are one category, rename one of them"
        for group in groups
        if len(group) > 1
    ]


def _notes_on_missing(place: str, absent: Collection[str], missing: Missing | None) -> list[str]:
    if not absent:
        return []
    remedy = "" if missing else "; if this is a category, choose missing='category' (--missing category)"
    return [f"{place}: stimuli with the {_plural('category', 'categories', absent)} are unlabelled{remedy}"]


def _notes_on_spellings(place: str, names: Mapping[str | None, str | None]) -> list[str]:
    """Notes on texts that look alike and were taken as one category."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for text, name in names.items():
        if text is not None and name is not None:
            spellings[name].append(text)
    return [
        f"{place}: {len(texts)} spellings of {name!r}, with accents or spaces written in another way, are one category"
        for name, texts in sorted(spellings.items())
        if len(texts) > 1
    ]


def _plural(singular: str, plural: str, names: Collection[str]) -> str:
    return f"{singular if len(names) == 1 else plural} {', '.join(map(repr, names))}"
