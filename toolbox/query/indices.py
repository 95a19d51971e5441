"""The files of `queries/indices/`: one index of selectivity each. Owns what such a file must contain.

A title `name: what it is`, paragraphs, `Source:`, then

    -- Index
    --   family     moments, ranks or filter: which QUANTITIES the expression is written in
    --   formula    in the symbols of the field
    --   range      of its values: bounds such as `0 to 1` or `0 or more`; or `unbounded`
    --   chance     its value without preference: an expression, or in words
    --   threshold  expression  reason
    --   published  expression  where another threshold was published (this row may be missing)
    --   needs      what it is null without
    --   sanity     which wrong labels it notices (one of SANITY): see selectivity/sanity

and one SQL expression. The name of the file is the name of the index; no other module knows one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from toolbox.content import content_folder
from toolbox.errors import CardError, UnknownNameError, UsageError
from toolbox.query.bounds import Bounds, read_bounds
from toolbox.query.sections import header_of, read_sections, read_sql

QUANTITIES = {
    "moments": {
        "n": "number of stimuli of the category",
        "mean": "mean response to them",
        "variance": "variance (n - 1) of the responses to them",
        "activity": "sum of the normalised responses to them",
        "rest_n": "number of stimuli of all other categories",
        "rest_mean": "mean response to them",
        "rest_variance": "variance (n - 1) of the responses to them",
        "rest_activity": "sum of the normalised responses to them",
        "others_mean": "mean of the mean responses to the other categories",
        "all_n": "number of all labelled stimuli",
        "all_variance": "variance (n) of the responses to them",
        "all_activity": "sum of the normalised responses to them",
        "all_lowest": "smallest response to them",
        "summed_activity_means": "sum over the categories of the mean normalised response",
        "categories": "number of categories",
    },
    "ranks": {
        "n": "number of stimuli of the category",
        "rest_n": "number of stimuli of all other categories",
        "all_n": "number of all labelled stimuli",
        "rank_sum": "sum of the ranks of its stimuli (1 for the smallest response; tied stimuli have their mean rank)",
        "places": "k, the number of stimuli with the largest responses that are regarded",
        "places_of_category": "how many of these places the category's stimuli take; ties share the last ones",
        "precision_sum": "sum over the category's stimuli of the proportion of the category among the stimuli with "
        "at least their response",
    },
    "filter": {
        "categories": "number of categories",
        "summed_means": "sum of the mean responses to the categories",
        "highest_mean": "mean response to the preferred category",
        "variance_of_means": "variance (n - 1) of the mean responses to the categories",
        "mean_of_variances": "mean of the variances (n - 1) within the categories",
        "all_n": "number of all labelled stimuli",
        "all_mean": "mean response to them",
        "all_variance": "variance (n) of the responses to them",
        "all_lowest": "smallest response to them",
    },
}
"""Family -> the quantities in which its expressions are written, of one filter and one category, or of one filter."""
RESAMPLED = ("moments", "ranks")
"""Families of indices that have a value for every category, and so can be resampled."""
SANITY = ("missing labels", "extra labels", "missing and extra labels", "not of a category")
"""What the row `sanity` may say: which wrong labels the index notices, or that it is an index of a filter as such."""
UNBOUNDED = "unbounded"
"""The row `range` of an index that can have any value."""
_ROWS = ("family", "formula", "range", "chance", "threshold", "published", "needs", "sanity")
_OPTIONAL_ROWS = ("published",)


@dataclass(frozen=True)
class Index:
    """A file of `queries/indices/`.

    Attributes:
        name: as in queries and on the command line.
        title: what it is, in a line.
        description: paragraphs.
        source: citations.
        family: a key of QUANTITIES.
        formula: in the symbols of the field.
        range: of its values, in words.
        chance: its value without preference; 'none' if it has no such value.
        threshold: a suitable one, as an SQL expression, and the reason for it.
        published: another one from a publication, and where it is from; None where there is none.
        needs: what it is null without.
        sanity: which wrong labels it notices, one of SANITY.
        expression: SQL over the quantities of its family.
        header: the comment in front of it.
    """

    name: str
    title: str
    description: str
    source: str
    family: str
    formula: str
    range: str
    chance: str
    threshold: tuple[str, str]
    published: tuple[str, str] | None
    needs: str
    sanity: str
    expression: str
    header: str

    @property
    def bounds(self) -> Bounds | None:
        """Of its values; None where they are unbounded."""
        return read_bounds(self.range)

    def check_threshold(self, threshold: float, name: str = "threshold") -> None:
        """Refuse a threshold outside the range, which no filter or every filter exceeds.

        Args:
            threshold: finite.
            name: what the value was given as, for the message.

        Raises: UsageError.
        """
        if self.bounds and threshold not in self.bounds:
            raise UsageError(f"{name} is {threshold:g}; expected {self.bounds}, the range of {self.name}")

    @property
    def standard_thresholds(self) -> list[float]:
        """Where filters are always counted, as far as that is one number for all categories."""
        written = [self.threshold, *([self.published] if self.published else [])]
        return [float(number) for number, _ in written if re.fullmatch(r"-?[\d.]+", number)]

    @property
    def is_compared(self) -> bool:
        """Whether it tells how far a filter prefers a category, so that it is compared with the others unasked."""
        return self.family in RESAMPLED and self.chance != "none"


@cache
def shipped_indices() -> dict[str, Index]:
    """All indices by name, in alphabetical order.

    Raises: CardError when a file breaks the contract.
    """
    paths = sorted((content_folder("queries") / "indices").glob("*.sql"))
    return {path.stem: read_index(path) for path in paths}


def index_names(*families: str) -> list[str]:
    """Names of the indices of some families; of all if none is named."""
    return [name for name, index in shipped_indices().items() if not families or index.family in families]


def shipped_index(name: str) -> Index:
    """The index of a name.

    Raises: UnknownNameError.
    """
    if name not in shipped_indices():
        raise UnknownNameError("index", name, index_names())
    return shipped_indices()[name]


def read_index(path: Path) -> Index:
    """An index from its file.

    Raises: CardError when the file breaks the contract.
    """
    text = read_sql(path)
    title, sections = read_sections(text)
    rows = dict(_row(path, line) for line in sections["index"])
    expected = [name for name in _ROWS if name in rows or name not in _OPTIONAL_ROWS]
    if list(rows) != expected:
        raise CardError(f"{path}: the rows of Index are {', '.join(rows)}; expected {', '.join(expected)}")
    name, colon, described = title.partition(": ")
    if not colon or name != path.stem:
        raise CardError(f"{path} begins with {title!r}; expected '{path.stem}: what it is'")
    if rows["family"] not in QUANTITIES:
        raise CardError(f"{path}: the family is {rows['family']}; expected {', '.join(QUANTITIES)}")
    if rows["range"] != UNBOUNDED and not read_bounds(rows["range"]):
        raise CardError(f"{path}: the range is {rows['range']!r}; expected 0 to 1, 0 or more, {UNBOUNDED} …")
    if rows["sanity"] not in SANITY:
        raise CardError(f"{path}: sanity is {rows['sanity']!r}; expected {', '.join(SANITY)}")
    if not sections["source"]:
        raise CardError(f"{path} has no source; expected a line such as 'Source: Author (year), doi 10.…'")
    expression = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return Index(
        name=name,
        title=described.rstrip("."),
        description="\n".join(sections["description"]).strip(),
        source=" ".join(sections["source"]),
        threshold=_with_reason(rows.pop("threshold")),
        published=_with_reason(rows.pop("published")) if "published" in rows else None,
        expression=expression.strip().rstrip(";"),
        header=header_of(text),
        **rows,
    )


def _with_reason(row: str) -> tuple[str, str]:
    """An expression and the reason behind it, which two blanks separate."""
    expression, _, reason = row.partition("  ")
    return expression, reason.strip()


def _row(path: Path, line: str) -> tuple[str, str]:
    """A row of the section Index: its name and what follows."""
    name, _, value = line.partition(" ")
    if not value.strip():
        raise CardError(f"{path}: {line!r} is not a row of Index; expected a name and a value")
    return name, value.strip()
