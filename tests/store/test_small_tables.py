"""Small tables are read in full once, and again as soon as their file has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.memories import keep, kept_in
from support.small_study import SET
from toolbox.errors import VerificationError
from toolbox.files import digest_of
from toolbox.store import small_tables as module
from toolbox.store.columns import LABELS
from toolbox.store.folder import StudyFolder
from toolbox.store.small_tables import SmallTables


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Names of the tables that were read and not only remembered, and whether in full."""
    names: list[tuple[str, bool]] = []
    examine = module._examine

    def noted(path: Path, *, whole: bool) -> module.SmallTable:
        names.append((path.name, whole))
        return examine(path, whole=whole)

    monkeypatch.setattr(module, "_examine", noted)
    return names


def asked(path: Path) -> dict[str, str]:
    """The columns of a table, as one question learns them."""
    tables = SmallTables()
    columns = tables.columns(path)
    tables.save()
    return columns


def test_a_table_is_read_once(two_parts: StudyFolder, readings: list[tuple[str, bool]]) -> None:
    path = two_parts.labels(SET)
    assert asked(path) == asked(path) == LABELS
    assert readings == [("labels.parquet", True)]


def test_a_footer_alone_does_not_count_as_the_whole(
    two_parts: StudyFolder, readings: list[tuple[str, bool]]
) -> None:
    tables = SmallTables()
    assert tables.origin(two_parts.labels(SET))["task"] == "made up for a test"
    tables.columns(two_parts.labels(SET))
    tables.origin(two_parts.labels(SET))
    assert readings == [("labels.parquet", False), ("labels.parquet", True)]


def test_a_flipped_bit_is_noticed_however_often_the_table_was_read(two_parts: StudyFolder) -> None:
    path = two_parts.labels(SET)
    asked(path)
    content = bytearray(path.read_bytes())
    content[60] ^= 4
    path.write_bytes(content)
    for _ in range(2):  # and never remembered as whole
        with pytest.raises(VerificationError, match="damaged"):
            asked(path)


def test_a_table_that_vanished_is_noticed(two_parts: StudyFolder) -> None:
    path = two_parts.labels(SET)
    asked(path)
    path.unlink()
    with pytest.raises(VerificationError, match="missing"):
        asked(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{broken",
        "[1]",
        "null",
        '{"KEY": 3}',
        '{"KEY": {"is_intact": true}}',
        '{"KEY": {"is_intact": true, "table": 1}}',
    ],
)
def test_a_damaged_memory_is_written_again(
    text: str, two_parts: StudyFolder, own_cache: Path, readings: list[tuple[str, bool]]
) -> None:
    path, memory = two_parts.labels(SET), own_cache / "tables.json"
    asked(path)
    ((key, entry),) = kept_in(memory).items()
    keep(memory, text.replace("KEY", key))
    assert asked(path) == LABELS
    assert kept_in(memory) == {key: entry}
    assert len(readings) == 2


def test_the_memory_holds_the_latest_alone(
    two_parts: StudyFolder, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED_TABLES", 1)
    asked(two_parts.labels(SET))
    asked(two_parts.stimuli(SET))
    assert list(kept_in(own_cache / "tables.json")) == [digest_of(two_parts.stimuli(SET))]
