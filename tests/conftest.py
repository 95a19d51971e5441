"""Fixtures that most tests share: a cache of their own, and a small study on the three-layer network."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers share the cores already. Must come before the libraries, which read it when they are imported.
    for _library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
    os.environ.setdefault("POLARS_MAX_THREADS", "1")

import pytest
from hypothesis import settings

from support.copies import copied_study
from support.tiny_network import CARD, paint, write_weights
from toolbox import Study
from toolbox.store import database

IS_CI = "CI" in os.environ
settings.register_profile("toolbox", deadline=None, derandomize=IS_CI, max_examples=100 if IS_CI else 25)
settings.load_profile("toolbox")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """This process alone, where single tests are asked for; else one worker a core."""
    return 0 if _single_tests(config) else None


def _single_tests(config: pytest.Config) -> bool:
    """Whether all that is asked for are single tests."""
    return bool(config.args) and all("::" in argument for argument in config.args)


def pytest_configure(config: pytest.Config) -> None:
    """Single tests that are asked for are run, the long ones, too."""
    if _single_tests(config) and config.option.markexpr == "not long":
        config.option.markexpr = ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first, so that the workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("network") is None)


def pytest_collection_finish() -> None:
    """What was imported stays: no search for garbage looks at it again."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No networks and no study of the user who runs the tests; and no waiting for the disk, which no test unplugs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_MODELS", str(tmp_path_factory.mktemp("models")))
        patch.delenv("TOOLBOX_STUDY", raising=False)
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread_a_question() -> Iterator[None]:
    """DuckDB with one thread in each worker, as the other libraries; the queries' contract asks for two itself."""
    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ:
            patch.setitem(database._CLOSED, "threads", 1)
        yield


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, so that nothing of this machine is found."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TOOLBOX_CACHE", str(folder))
    monkeypatch.delenv("TOOLBOX_MIRROR", raising=False)
    return folder


def paint_photographs(folder: Path) -> Path:
    """A folder of two categories, three images each, all different."""
    for number, level in enumerate((100, 150, 200)):
        paint(folder / "red" / f"red {number}.png", (level, 20, 0))
        paint(folder / "green" / f"green {number}.png", (10, level, 0))
    return folder


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of two categories, three images each, all different."""
    return paint_photographs(tmp_path / "photographs")


@pytest.fixture
def weights(tmp_path: Path) -> str:
    """The file of the three-layer network's weights."""
    return str(write_weights(tmp_path / "tiny.npz"))


@pytest.fixture
def card() -> str:
    """The card of the three-layer network."""
    return str(CARD)


@pytest.fixture(scope="session")
def ingested_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the six photographs and a study of them, nothing extracted; tests work with copies."""
    folder = tmp_path_factory.mktemp("ingested")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(folder / "cache"))
        study = Study(folder / "study", create=True)
        study.ingest(paint_photographs(folder / "photographs"), set="colours")
    return folder


@pytest.fixture
def study(tmp_path: Path, cache: Path, photographs: Path, ingested_folder: Path) -> Study:
    """A study with the six photographs as the set `colours`, nothing extracted."""
    return copied_study(ingested_folder, tmp_path)


@pytest.fixture(scope="session")
def extracted_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a study of the six photographs, shown to the three-layer network, and the cache that it used."""
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(folder / "cache"))
        study = Study(folder / "study", create=True)
        study.ingest(paint_photographs(folder / "photographs"), set="colours")
        study.extract("colours", model=str(CARD), weights=str(write_weights(folder / "tiny.npz")))
    written = {path: path.stat().st_mtime_ns for path in (folder / "study").rglob("*")}
    yield folder
    assert {path: path.stat().st_mtime_ns for path in (folder / "study").rglob("*")} == written, (
        "a test wrote into the study that all tests share"
    )


@pytest.fixture
def shared_study(extracted_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The directory of a study of the set `colours` for tests that only read it."""
    monkeypatch.setenv("TOOLBOX_CACHE", str(extracted_folder / "cache"))
    return str(extracted_folder / "study")


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if OpenVINO were not installed, whether it is or not."""
    monkeypatch.setattr("toolbox.runtime.hardware.find_spec", lambda _: None)
    monkeypatch.setattr("toolbox.setup.doctor.machine.find_spec", lambda _: None)
