"""Fixtures of studies in object storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.object_storage import new_bucket, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A server of object storage."""
    with running_server() as address:
        yield address


@pytest.fixture
def address(server: str, cache: Path) -> str:
    """The address of a study that does not exist yet."""
    return f"s3://{new_bucket()}/projects/faces"
