"""The cache and the weights in it, the study's folder, and disks without room."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from toolbox import Study
from toolbox.fetch import cached_path
from toolbox.setup.doctor import Finding, places
from toolbox.setup.doctor.places import bytes_per_stimulus, study_folder, weights, weights_of

CONTENT = b"the weights of a network"
SOURCE = {
    "title": "Release", "format": "npz", "layers": ["*"], "url": "https://example.org/tiny.npz",
    "sha256": hashlib.sha256(CONTENT).hexdigest(), "bytes": len(CONTENT),
}  # fmt: skip
RANDOM = {"format": "random", "layers": ["*"], "seed": 3}


def plenty(folder: Path) -> int:
    return 10**12


def none_left(folder: Path) -> int:
    return 10


def keep(content: bytes) -> Path:
    path = cached_path(SOURCE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_weights_that_are_not_there_are_a_note_that_says_what_would_be_fetched(cache: Path) -> None:
    (found,) = weights_of("weights", (SOURCE,), plenty)
    assert found == Finding(
        "weights",
        "note",
        "Release: not in the cache; would be downloaded, 0 MB from https://example.org/tiny.npz",
    )
    assert not cache.exists()


def test_weights_in_the_cache_are_compared_with_their_digest(cache: Path) -> None:
    path = keep(CONTENT)
    (found,) = weights_of("weights", (SOURCE,), none_left)
    assert (found.state, found.remedy) == ("ok", "")
    for damaged in (CONTENT[:-1], CONTENT.replace(b"weights", b"weightz")):
        keep(damaged)
        (found,) = weights_of("weights", (SOURCE,), plenty)
        assert found.state == "problem"
        assert "damaged" in found.finding
        assert str(path) in found.remedy


def test_weights_that_do_not_fit_are_a_problem_unless_others_are_at_hand(cache: Path) -> None:
    (found,) = weights_of("weights", (SOURCE,), none_left)
    assert found.state == "problem"
    assert "exceeds the free space" in found.finding
    assert [entry.state for entry in weights_of("weights", (RANDOM, SOURCE), none_left)] == ["ok", "note"]


def test_every_shipped_model_is_looked_at(cache: Path) -> None:
    found = list(weights(plenty))
    assert {"weights of vgg16", "weights of vgg16-untrained"} <= {entry.subject for entry in found}
    assert all(entry.state in ("ok", "note") for entry in found)


def test_a_network_without_a_source_is_a_note(cache: Path) -> None:
    found = {entry.subject: entry for entry in weights(plenty)}
    for model in ("vgg11", "vgg16-torchvision"):
        note = "its card lists no source; choose a file with weights=… (--weights …)"
        assert found[f"weights of {model}"] == Finding(f"weights of {model}", "note", note)


def test_a_broken_card_is_one_finding_and_all_others_are_looked_at(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = list(weights(plenty))
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.toml").write_text("name = broken")
    (own / "b.toml").write_bytes(
        b'name = "b"\ntitle = "B"\n[input]\nheight = 4\nwidth = 4\nmean = 3\n[layers]\n'
    )
    monkeypatch.setenv("TOOLBOX_MODELS", str(own))
    found = list(weights(plenty))
    assert found[:-2] == sound
    assert [(entry.subject, entry.state) for entry in found[-2:]] == [
        ("card of a", "problem"),
        ("card of b", "problem"),
    ]
    assert found[-2].remedy == f"fix {own / 'a.toml'}, or move it to another folder"


def test_a_cache_that_cannot_be_written_is_a_problem(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [entry.state for entry in places.cache(plenty)] == ["ok"]
    assert not cache.exists()
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below"):
        monkeypatch.setenv("TOOLBOX_CACHE", str(folder))
        (found,) = places.cache(plenty)
        assert found.state == "problem"
        assert found.remedy == "set TOOLBOX_CACHE to a writable folder"


def test_a_mirror_is_reported(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLBOX_MIRROR", "https://mirror.example.org")
    (found,) = places.cache(plenty)
    assert found.finding.endswith("files are downloaded from https://mirror.example.org")


def test_a_study_on_a_sound_disk_is_well_and_left_as_it_was(study: Study) -> None:
    before = sorted(study.folder.root.rglob("*"))
    found = list(study_folder(study.folder.root))
    assert [(entry.subject, entry.state) for entry in found] == [
        ("study", "ok"), ("study's disk", "ok"), ("study's space", "ok")
    ]  # fmt: skip
    assert sorted(study.folder.root.rglob("*")) == before


def test_a_study_that_does_not_exist_yet_is_a_note_and_another_folder_a_problem(tmp_path: Path) -> None:
    found = list(study_folder(tmp_path / "new"))
    assert [entry.state for entry in found] == ["note", "ok", "ok"]
    assert "toolbox init" in found[0].remedy
    assert not (tmp_path / "new").exists()
    (tmp_path / "letters.txt").write_text("")
    assert next(iter(study_folder(tmp_path))).state == "problem"


def test_a_study_inside_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = list(study_folder(tmp_path / "file" / "study"))
    assert found[-1].state == "problem"
    assert "is not writable" in found[-1].finding


@pytest.mark.parametrize(("stimuli", "state"), [(999, "problem"), (9_999, "note"), (10_000, "ok")])
def test_room_is_counted_in_stimuli(study: Study, stimuli: int, state: str) -> None:
    found = list(study_folder(study.folder.root, lambda _: stimuli * bytes_per_stimulus()))
    assert found[-1].state == state
    assert f"to about {stimuli:,} stimuli" in found[-1].finding


def test_bytes_of_one_stimulus_by_hand() -> None:
    convolutions = 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512
    pools = 64 + 128 + 256 + 512 + 512
    assert (convolutions, convolutions + pools) == (4224, 5696)
    assert bytes_per_stimulus() == 8 * 5696


def test_a_disk_whose_locks_do_not_hold_is_a_problem(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems grant every lock."""
    monkeypatch.setattr("filelock.FileLock.acquire", lambda *_, **__: None)
    found = list(study_folder(study.folder.root))
    assert found[1].state == "problem"
    assert "locks have no effect" in found[1].finding
