"""Bundles of somebody who means harm: each is refused with one clear line, and nothing is written anywhere."""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from support.hostile_bundles import CHANGES, MORE_CHANGES, RELATION_CHANGES, UNSIGNED, ZIPS, sign
from toolbox import Study, VerificationError
from toolbox.exchange.importing.run import import_bundle, verify_bundle
from toolbox.store.folder import StudyFolder
from toolbox.terms import STATISTICS

SIGNED = CHANGES | MORE_CHANGES | RELATION_CHANGES
SEVERAL = 400_000_000
"""Bytes of memory that no refusal needs beside what the libraries have already."""


@pytest.fixture(scope="module")
def good(extracted_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a good bundle with responses and resampled indices."""
    root = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(root / "cache"))
        study = Study(shutil.copytree(extracted_folder / "study", root / "study"))
        for statistic in STATISTICS:
            study.significance(resamples=20, statistic=statistic, progress=False)
        (root / "ratings.csv").write_text("stimulus_id,rating\n0,1\n1,2\n2,5\n3,4\n4,3\n5,6\n")
        study.parameters("colours", source=root / "ratings.csv")
        for statistic in STATISTICS:
            study.relate(parameter="rating", resamples=20, statistic=statistic, progress=False)
        study.share(root / "bundle", including=["significance", "relations", "responses"], progress=False)
    return root / "bundle"


@pytest.fixture
def study(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """A place for a study, with temporary files beside it."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return StudyFolder(tmp_path / "study")


def refusal_of(bundle: Path, study: StudyFolder, tmp_path: Path) -> str:
    """The one line with which an import is refused; nothing is there that was not there before."""
    before = listed(tmp_path)
    memory = peak_memory()
    with pytest.raises(VerificationError) as refused:
        import_bundle(study, bundle)
    assert listed(tmp_path) == before
    assert peak_memory() - memory < SEVERAL
    assert not verify_bundle(bundle, thorough=True).is_intact
    assert listed(tmp_path) == before
    line = str(refused.value)
    assert "\n" not in line and "\x1b" not in line and len(line) < 800, line
    assert "; " in line, line
    return line


def listed(folder: Path) -> set[Path]:
    """All that is in a folder; the user's cache may learn of tables."""
    return {path for path in folder.rglob("*") if "cache" not in path.parts}


def peak_memory() -> int:
    """The largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def test_the_bundle_itself_is_good(good: Path, study: StudyFolder) -> None:
    assert verify_bundle(good, thorough=True).problems == ()
    assert import_bundle(study, good).written


@pytest.mark.parametrize("change", SIGNED)
def test_a_signed_forgery_is_refused(good: Path, study: StudyFolder, tmp_path: Path, change: str) -> None:
    bundle = Path(shutil.copytree(good, tmp_path / "bundle"))
    SIGNED[change](bundle)
    sign(bundle)
    refusal_of(bundle, study, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("a relation listed twice", "has the origin of the relation to 'rating' twice"),
        ("a table of significance listed twice", "has the origin of one table of significance twice"),
        ("a relation without an origin", "has rows of which provenance.json does not state the origin"),
        ("a correlation without its p", "with only one of correlation and p"),
        ("a p without its correlation", "with only one of correlation and p"),
    ],
)
def test_what_would_be_dropped_is_named(
    good: Path, study: StudyFolder, tmp_path: Path, change: str, message: str
) -> None:
    bundle = Path(shutil.copytree(good, tmp_path / "bundle"))
    SIGNED[change](bundle)
    sign(bundle)
    assert message in refusal_of(bundle, study, tmp_path)


@pytest.mark.parametrize("change", UNSIGNED)
def test_a_damaged_bundle_is_refused(good: Path, study: StudyFolder, tmp_path: Path, change: str) -> None:
    bundle = Path(shutil.copytree(good, tmp_path / "bundle"))
    UNSIGNED[change](bundle)
    refusal_of(bundle, study, tmp_path)


@pytest.mark.parametrize("fault", ZIPS)
def test_a_hostile_zip_is_refused(good: Path, study: StudyFolder, tmp_path: Path, fault: str) -> None:
    ZIPS[fault](good, tmp_path / "bundle.zip")
    refusal_of(tmp_path / "bundle.zip", study, tmp_path)
