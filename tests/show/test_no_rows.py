"""A figure without rows: what its error gives as the reason."""

from __future__ import annotations

import polars as pl
import pytest

from toolbox.errors import QueryError
from toolbox.query import Answer
from toolbox.show.plots import _check_rows

UNRELATED = "the study holds several label schemes"


@pytest.mark.parametrize(
    ("query", "notes", "end"),
    [
        (
            "sets/near_duplicates",
            (UNRELATED,),
            "so nothing is drawn: no two images of the set are that alike",
        ),
        (
            "layers/best",
            (UNRELATED, "to resample it: toolbox significance x"),
            ": to resample it: toolbox significance x",
        ),
        ("layers/best", (UNRELATED,), "so nothing is drawn"),
    ],
)
def test_only_what_explains_the_absence_is_named(query: str, notes: tuple[str, ...], end: str) -> None:
    with pytest.raises(QueryError) as caught:
        _check_rows(Answer(pl.DataFrame(), {"query": query, "parameters": {}}, notes))
    assert str(caught.value).endswith(end)
