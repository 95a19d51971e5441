"""Fixtures for networks of imported graphs. A test module names this one in its `pytest_plugins`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.foreign_graphs import SIDE
from toolbox import Study


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for added networks."""
    folder = tmp_path / "own models"
    monkeypatch.setenv("TOOLBOX_MODELS", str(folder))
    return folder


@pytest.fixture
def noise(tmp_path: Path, cache: Path) -> Study:
    """A study of six images of noise, of the very size that the graphs take."""
    random = np.random.default_rng(0)
    for number in range(6):
        place = tmp_path / "images" / ("odd" if number % 2 else "even") / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(place)
    study = Study(tmp_path / "study", create=True)
    study.ingest(tmp_path / "images", set="noise")
    return study
