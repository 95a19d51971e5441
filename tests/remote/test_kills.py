"""A process that is killed at any request leaves nothing in object storage that a query would read."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.object_storage import Killed, new_bucket, writes_until
from toolbox import Study, ToolboxError
from toolbox.remote import lock

SQL = "select layer, filter, stimulus_id, maximum, mean from responses order by all"
pytestmark = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")


def rows_of(study: Study) -> list[tuple[object, ...]]:
    """All responses that count; none where there are none."""
    try:
        return study.query(SQL).rows()
    except ToolboxError as error:
        assert "no responses" in str(error) or "no model yet" in str(error), error
        return []


def test_after_a_kill_at_any_request_of_an_extraction(
    server: str, tmp_path: Path, photographs: Path, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = Study(tmp_path / "local", create=True)
    local.ingest(photographs, set="colours")
    local.extract("colours", model=card, weights=weights)
    expected = set(rows_of(local))
    requests: list[str] = []
    counts = set()
    for last in range(200):
        address = f"s3://{new_bucket()}/study"
        monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / f"cache-{last}"))
        study = Study(address, create=True)
        study.ingest(photographs, set="colours")
        is_killed = False
        try:
            with writes_until(last, requests := []):
                study.extract("colours", model=card, weights=weights, part=3)
        except Killed:
            is_killed = True
        monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / f"another-{last}"))
        monkeypatch.setattr(lock, "LEASE", -1.0)  # as a minute later
        other = Study(address)
        found = rows_of(other)
        assert set(found) <= expected
        assert len(found) == len({*found})
        counts.add(len(found))
        other.extract("colours", model=card, weights=weights, part=3)
        assert set(rows_of(other)) == expected
        assert other.verify(thorough=True).is_intact
        if not is_killed:
            break
    assert last == len(requests) > 10
    assert counts == {0, len(expected) // 2, len(expected)}
