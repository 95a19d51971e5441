"""Fixtures for tests of queries."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from support.random_study import RandomStudy, make_random_study
from support.small_study import add_measurement
from toolbox.analyse.significance import Resampling, resample
from toolbox.query.indices import RESAMPLED, index_names
from toolbox.store.folder import StudyFolder
from toolbox.store.stimuli import read_stimuli


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test of a query remembers the intact files of another."""
    return cache


@pytest.fixture(scope="session")
def random_study(tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    """Sparse responses of many ties to stimuli of unequal categories and 5 orientations."""
    return make_random_study(tmp_path_factory.mktemp("random") / "study")


@pytest.fixture(scope="session")
def resampled_study(random_study: RandomStudy, tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    """The random study with few draws of every index, of the means and of the layer's range."""
    root = tmp_path_factory.mktemp("resampled")
    shutil.copytree(random_study.folder.root, root, dirs_exist_ok=True)
    study = StudyFolder(root)
    choices = [Resampling(index) for index in index_names(*RESAMPLED)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(tmp_path_factory.mktemp("cache")))
        for choice in (*choices, Resampling(statistic="mean"), Resampling(normalise="layer")):
            resample(study, replace(choice, resamples=20))
    add_measurement(study, _measured(study))
    return replace(random_study, folder=study)


def _measured(study: StudyFolder) -> pl.DataFrame:
    """Two properties of every stimulus, one of them of the files."""
    numbers = [row["stimulus_id"] for row in read_stimuli(study.stimuli(study.sets()[0]))]
    return pl.DataFrame(
        {"stimulus_id": numbers, "luminance": [float(7 * n % 5) for n in numbers]}
    ).with_columns(luminance_file=pl.col("luminance") ** 2)
