"""What the files of the indices say, in the place of `{@…}` in a `.sql` file. Owns these names, and what each becomes.

In headers
    {@indices}, {@all indices}      choices: the indices of a filter for a category; those of a filter as such too
    {@statistics}, {@ranges}        choices of $statistic and $normalise
    {@columns of FAMILY}            rows of the section Columns
In statements
    {@values of FAMILY}             a column for every index, null for a dead filter
    {@names of FAMILY}              their names, as text
    {@choice}                       the branches of `case index`, which end in an error for any other name
    {@thresholds}                   the branches of `case index` with the suitable threshold of every index
    {@rows}                         name, family and is_compared of every index, as rows of VALUES
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

from toolbox.errors import CardError
from toolbox.query.indices import QUANTITIES, RESAMPLED, Index, index_names, shipped_indices
from toolbox.terms import RANGES, STATISTICS

_PLACEHOLDER = re.compile(r"\{@([a-z ]+)\}")


def expand(text: str) -> str:
    """SQL text with everything in the place of its `{@…}`.

    Args:
        text: of a query, or of a file of macros.

    Raises: CardError for a `{@…}` that is none of these, or a file of an index that breaks its contract.
    """
    return _PLACEHOLDER.sub(_expansion, text)


def _expansion(found: re.Match[str]) -> str:
    if found[1] not in _EXPANSIONS:
        raise CardError(f"{found[0]} is unknown; expected one of {', '.join(_EXPANSIONS)}")
    return _EXPANSIONS[found[1]]()


def _choices(names: Iterable[str]) -> str:
    return "{" + ", ".join(names) + "}"


def _of_family(family: str) -> list[Index]:
    return [index for index in shipped_indices().values() if index.family == family]


def _columns(family: str) -> str:
    """Rows of a header, in the middle of whose first one the text goes on."""
    rows = [f"{index.name}  double  {index.range}; needs {index.needs}" for index in _of_family(family)]
    return "\n--   ".join(rows)


def _values(family: str) -> str:
    columns = [
        f"case when not dead then ({index.expression}) end::double as {index.name}"
        for index in _of_family(family)
    ]
    return ",\n    ".join(columns)


def _names(family: str) -> str:
    return ", ".join(f"'{name}'" for name in index_names(family))


def _choice() -> str:
    """Each index is a column of its family's macro, whose alias is the family's name."""
    branches = [f"when '{name}' then {index.family}.{name}" for name, index in shipped_indices().items()]
    expected = ", ".join(index_names())
    return "\n            ".join(
        [*branches, f"else error('the index is ' || index || '; expected one of {expected}')"]
    )


def _thresholds() -> str:
    branches = [f"when '{name}' then {index.threshold[0]}" for name, index in shipped_indices().items()]
    return "\n        ".join(branches)


def _rows() -> str:
    rows = [
        f"('{name}', '{index.family}', {str(index.is_compared).lower()})"
        for name, index in shipped_indices().items()
    ]
    return ",\n    ".join(rows)


_EXPANSIONS: dict[str, Callable[[], str]] = {
    "indices": lambda: _choices(index_names(*RESAMPLED)),
    "all indices": lambda: _choices(index_names()),
    "statistics": lambda: _choices(STATISTICS),
    "ranges": lambda: _choices(RANGES),
    "choice": _choice,
    "thresholds": _thresholds,
    "rows": _rows,
    **{f"columns of {family}": partial(_columns, family) for family in QUANTITIES},
    **{f"values of {family}": partial(_values, family) for family in QUANTITIES},
    **{f"names of {family}": partial(_names, family) for family in QUANTITIES},
}
