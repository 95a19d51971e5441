"""A process that is killed at any request leaves nothing in object storage that a query would read."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.moments import at_every
from support.object_storage import new_bucket, recorded_states, storage
from toolbox import Study, UsageError
from toolbox.store.availability import available_responses
from toolbox.store.parquet import read_table

CONTINUED = 6
"""Of so many states, from one the extraction is continued; `tests/attacks/storage_kills.py` continues from all."""

Rows = set[tuple[object, ...]]


def rows_of(study: Study) -> Rows:
    """All responses that count, from the parts that a query reads; none where there are none."""
    try:
        found = available_responses(study.folder, "colours", "tiny")
    except UsageError as error:
        assert "no responses of tiny to colours are available yet" in str(error)
        return set()
    tables = [read_table(part).to_pylist() for part in found.paths(study.folder)]
    rows = [tuple(row.values()) for table in tables for row in table]
    assert len(rows) == len({*rows}) > 0
    return {*rows}


@at_every(4)
def test_what_a_killed_extraction_leaves_counts_in_whole_parts_or_not_at_all(
    step: int,
    address: str,
    tmp_path: Path,
    photographs: Path,
    card: str,
    weights: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = Study(address, create=True)
    study.ingest(photographs, set="colours")
    with recorded_states(address) as states:
        study.extract("colours", model=card, weights=weights, part=3)
    expected, counts = rows_of(study), list[int]()
    for number, state in enumerate([*states[::step], states[-1]]):
        monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / f"cache-{number}"))
        left = f"s3://{new_bucket()}/study"
        storage().pipe({f"{left}/{name}": content for name, content in state.items()})
        other = Study(left)
        counts.append(len(found := rows_of(other)))
        assert found <= expected
        if number % CONTINUED == 0:
            other.extract("colours", model=card, weights=weights, part=3)
            assert rows_of(other) == expected
            assert other.verify(thorough=True).is_intact
    assert len(states) > 20
    assert counts == sorted(counts)
    assert {*counts} == {0, len(expected) // 2, len(expected)}
