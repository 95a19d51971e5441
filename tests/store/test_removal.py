"""Removing a set, a model or a scheme: all that was derived goes, nothing else, and never the half of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from support.copies import copied_study
from support.own_sql import seen
from support.tiny_network import CARD, write_weights
from toolbox import Study
from toolbox.errors import AmbiguousError, BusyError, UnknownNameError, UsageError
from toolbox.files import only_writer
from toolbox.store.folder import StudyFolder

TREES = (
    "stimuli", "properties", "labels", "responses", "plans", "rollups", "significance", "resamples", "reliability",
    "layers", "checksums",
)  # fmt: skip


@pytest.fixture(scope="module")
def full_folder(tmp_path_factory: pytest.TempPathFactory, ingested_folder: Path) -> Path:
    """Two sets with two models; one of them has two schemes and resampled indices."""
    folder = tmp_path_factory.mktemp("full")
    shutil.copytree(ingested_folder / "photographs", folder / "photographs")
    study, weights = copied_study(ingested_folder, folder), str(write_weights(folder / "tiny.npz"))
    twin, table = folder / "twin.toml", folder / "warmth.csv"
    twin.write_text(CARD.read_text().replace('name = "tiny"', 'name = "twin"'))
    table.write_text("category,warmth\nred,warm\ngreen,cold\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(folder / "cache"))
        study.ingest(folder / "photographs", set="other")
        for name in ("colours", "other"):
            for model in (CARD, twin):
                study.extract(name, model=str(model), weights=weights)
        study.label("colours", scheme="warmth", source=table)
        for scheme in ("category", "warmth"):
            study.significance("colours", model="tiny", scheme=scheme, resamples=20)
    return folder


@pytest.fixture
def full(full_folder: Path, tmp_path: Path, cache: Path, photographs: Path) -> Study:
    """A copy of that study and of its tables."""
    for name in ("twin.toml", "warmth.csv"):
        shutil.copy(full_folder / name, tmp_path)
    return copied_study(full_folder, tmp_path)


@pytest.fixture
def twin(full: Study) -> str:
    """The card of the same network under another name."""
    return str(full.folder.root.with_name("twin.toml"))


def tables(study: Study) -> set[str]:
    """Paths of all tables and plans, relative to the study."""
    root = study.folder.root
    return {
        path.relative_to(root).as_posix()
        for tree in TREES
        for path in (root / tree).rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_set_goes_with_all_that_was_derived_from_it(full: Study, photographs: Path) -> None:
    images, before = sorted(photographs.rglob("*.png")), tables(full)
    gone = {path for path in before if "/set=colours/" in path}
    foretold = full.remove("set", "colours", dry_run=True)
    assert tables(full) == before
    removal = full.remove("set", "colours")
    assert removal == foretold
    assert (removal.stimuli, removal.schemes, removal.models) == (6, ("category", "warmth"), ("tiny", "twin"))
    assert removal.files == len(gone)
    assert removal.bytes > 1000
    assert tables(full) == before - gone
    assert not list(full.folder.root.rglob("*set=colours*"))
    assert full.sets == ["other"]
    assert full.models("other") == ["tiny", "twin"]
    assert sorted(photographs.rglob("*.png")) == images
    assert not (full.folder.root / ".removing").exists()
    (record,) = full.folder.root.glob("runs/*-remove-set-colours.json")
    assert json.loads(record.read_text())["files"] == len(gone)


def test_a_removed_set_can_be_made_again(full: Study, photographs: Path, card: str, weights: str) -> None:
    before = full.query("layers/profile", set="other", model="tiny")
    full.remove("set", "colours")
    assert full.ingest(photographs, set="colours").added == 6
    assert full.folder.schemes("colours") == ["category"]
    assert full.extract("colours", model=card, weights=weights).shown == 6
    assert full.query("layers/profile", set="colours", model="tiny").equals(before)


def test_the_images_of_a_card_stay(study: Study, tmp_path: Path) -> None:
    card = tmp_path / "few.toml"
    card.write_text(
        'name = "few"\nlike = "gratings"\norientation = [0, 90]\nspatial_frequency = [4]\nside = 16\n'
    )
    study.ingest(card)
    images = sorted(study.folder.images("few").rglob("*.png"))
    assert study.remove("set", "few").images == str(study.folder.images("few"))
    assert sorted(study.folder.images("few").rglob("*.png")) == images
    assert study.sets == ["colours"]


def test_a_model_goes_from_all_sets_or_from_one(full: Study) -> None:
    before = tables(full)
    removal = full.remove("model", "tiny", set="other")
    assert (removal.sets, removal.models, removal.stimuli) == (("other",), ("tiny",), 0)
    gone = {path for path in before if "/set=other/model=tiny/" in path}
    assert tables(full) == before - gone
    assert full.remove("model", "tiny").sets == ("colours",)
    assert tables(full) == {path for path in before if "model=tiny" not in path}
    assert full.query(seen("select count(*) as n from responses"), set="colours")["n"].item() == 48


def test_a_scheme_goes_with_what_was_computed_under_it(full: Study) -> None:
    before = tables(full)
    assert full.remove("scheme", "warmth").sets == ("colours",)
    assert tables(full) == {path for path in before if "scheme=warmth" not in path}
    assert (
        full.query(seen("select count(*) as n from significance"), set="colours", model="tiny")["n"].item()
        > 0
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("set", "colors"), UnknownNameError, "no stimulus set named 'colors'; did you mean 'colours'?"),
        (("model", "tinny"), UnknownNameError, "no model named 'tinny'; did you mean 'tiny'?"),
        (("scheme", "mood"), UnknownNameError, "no label scheme named 'mood'; available: category, warmth"),
        (("scheme", "category"), UsageError, "the scheme 'category' is that of ingestion"),
        (("images", "colours"), UsageError, "the kind is 'images'; expected one of set, model, scheme"),
        (("set", "colours", "other"), UsageError, "a set is removed by its name alone"),
        (("model", "tiny", "pets"), UnknownNameError, "no stimulus set named 'pets'"),
        (
            ("scheme", "warmth", "other"),
            UnknownNameError,
            "no label scheme named 'warmth'; available: category",
        ),
    ],
)
def test_what_cannot_be_removed_is_refused(
    arguments: tuple[str, ...], error: type[Exception], message: str, full: Study
) -> None:
    before = tables(full)
    kind, name, *rest = arguments
    with pytest.raises(error) as caught:
        full.remove(kind, name, set=next(iter(rest), None))  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)
    assert tables(full) == before


def test_a_scheme_of_several_sets_needs_its_set(full: Study, tmp_path: Path) -> None:
    full.label("other", scheme="warmth", source=tmp_path / "warmth.csv")
    with pytest.raises(AmbiguousError, match=r"several .* \(colours, other\); choose one with set=…"):
        full.remove("scheme", "warmth")
    full.remove("scheme", "warmth", set="other")
    assert full.folder.schemes("colours") == ["category", "warmth"]


@pytest.mark.parametrize("arguments", [("set", "colours"), ("model", "tiny"), ("scheme", "warmth")])
@pytest.mark.parametrize("writer", ["an extraction", "a resampling", "an ingestion"])
def test_nothing_is_removed_while_it_is_written(arguments: tuple[str, str], writer: str, full: Study) -> None:
    plans, before = full.folder.plans("colours", "tiny"), tables(full)
    place = {
        "an extraction": plans,
        "a resampling": plans / "scheme=warmth",
        "an ingestion": full.folder.lock("colours"),
    }[writer]
    with only_writer(place, "working"), pytest.raises(BusyError, match="another process is writing what"):
        full.remove(*arguments)  # type: ignore[arg-type]
    assert tables(full) == before
    full.remove(*arguments)  # type: ignore[arg-type]
    assert tables(full) < before


class KilledError(BaseException):
    """The process ends here."""


def content(folder: StudyFolder) -> tuple[list[str], list[str], list[str], list[str]]:
    """Sets, their models, and the schemes of the first, as every command lists them."""
    sets = folder.sets()
    return sets, folder.models(sets[0]), folder.models(sets[-1]), folder.schemes(sets[0])


@pytest.mark.parametrize(("kind", "name"), [("set", "colours"), ("model", "tiny"), ("scheme", "warmth")])
def test_killed_at_any_deletion_it_is_finished_when_the_study_is_opened(
    kind: Any, name: str, full: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, unlink = full.remove(kind, name, dry_run=True).files, Path.unlink
    expected = shutil.copytree(full.folder.root, tmp_path / "expected")
    Study(expected).remove(kind, name)
    for moment in (0, 1, 2, count // 2, count - 1):
        study = Study(shutil.copytree(full.folder.root, tmp_path / f"killed {moment}"))
        deleted: list[Path] = []

        def die(
            path: Path, missing_ok: bool = False, moment: int = moment, deleted: list[Path] = deleted
        ) -> None:
            if "=" in path.parent.name or "checksums" in path.parts:
                if len(deleted) == moment:
                    raise KilledError
                deleted.append(path)
            unlink(path, missing_ok=missing_ok)

        with monkeypatch.context() as patch, pytest.raises(KilledError):
            patch.setattr(Path, "unlink", die)
            study.remove(kind, name)
        if moment > 1:  # of a model, there is a plan in each set
            assert content(study.folder) == content(StudyFolder(expected))
        reopened = Study(study.folder.root)
        assert content(reopened.folder) == content(StudyFolder(expected))
        assert tables(reopened) == tables(Study(expected))
        assert not (study.folder.root / ".removing").exists()


def test_what_was_written_after_an_interrupted_removal_stays(
    full: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def die(path: Path, missing_ok: bool = False) -> None:
        if path.name.startswith("part-"):
            raise KilledError
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Path, "unlink", die)
        full.remove("model", "tiny", set="other")
    assert full.models("other") == ["twin"]
    assert full.extract("other", model=card, weights=weights).shown == 6
    assert (
        Study(full.folder.root)
        .query(seen("select count(*) as n from responses"), set="other", model="tiny")["n"]
        .item()
        == 48
    )


def test_what_is_removed_is_no_longer_in_use(full: Study) -> None:
    full.use("colours", model="tiny", scheme="warmth")
    full.remove("scheme", "warmth")
    assert full.use().reasons == {"set": "in use", "model": "in use", "scheme": "the only one"}
    full.remove("model", "tiny", set="other")
    assert full.use().reasons["model"] == "in use"
    full.remove("model", "tiny")
    assert full.use().reasons == {"set": "in use", "model": "the only one", "scheme": "the only one"}
    full.remove("set", "colours")
    assert full.use().reasons["set"] == "the only one"
    assert "[use]" not in (full.folder.root / "study.toml").read_text()
