"""What a rehearsal foretells is what the extraction does; it writes nothing, and refuses a disk that is too small."""

from __future__ import annotations

import hashlib
import shutil
from collections import namedtuple
from dataclasses import replace
from typing import Any

import pytest

from support.commands import run
from support.tiny_network import paint
from toolbox import Study
from toolbox.collect.extraction import estimate as rehearsal
from toolbox.collect.extraction import task as tasks
from toolbox.collect.extraction.remaining import RESERVE
from toolbox.errors import MixtureError, StorageError, UnknownNameError, UsageError
from toolbox.runtime.hardware import CUDA

Usage = namedtuple("Usage", ["total", "used", "free"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "PROBE", 0.02)


def tree(study: Study) -> dict[str, str]:
    """Every file and folder of a study, with a digest of its bytes."""
    root = study.folder.root
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in root.rglob("*")
    }


def size_on_disk(study: Study) -> int:
    return sum(path.stat().st_size for path in study.folder.responses("colours", "tiny").glob("part-*"))


def half_done(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights, part=2)
    study.folder.extraction("colours", "tiny").record(1).unlink()


def extended(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights, part=2)
    for number in range(5):
        paint(study.folder.root.parent / "photographs" / "blue" / f"{number}.png", (0, number, 255))
    study.ingest(study.folder.root.parent / "photographs", set="colours")


def limited(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights, part=2, limit=4)


def readable_again(study: Study, card: str, weights: str) -> None:
    image = study.folder.root.parent / "photographs" / "red" / "red 1.png"
    content = image.read_bytes()
    image.unlink()
    study.extract("colours", model=card, weights=weights, part=2)
    image.write_bytes(content)


def new(study: Study, card: str, weights: str) -> None:
    pass


def finished(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights, part=2)


@pytest.mark.parametrize(
    ("before", "stimuli", "parts"),
    [
        (new, 6, 3),
        (half_done, 2, 1),
        (extended, 5, 3),
        (limited, 2, 1),
        (readable_again, 2, 1),
        (finished, 0, 0),
    ],
)
def test_the_extraction_does_what_the_rehearsal_foretold(
    study: Study, card: str, weights: str, before: Any, stimuli: int, parts: int
) -> None:
    before(study, card, weights)
    there, size = tree(study), size_on_disk(study)
    folder = study.folder.plans("colours", "tiny")
    records = {path: path.stat().st_mtime_ns for path in folder.glob("part-*.json")}
    told = study.estimate("colours", model=card, weights=weights, part=2)
    assert tree(study) == there
    assert (told.stimuli, told.parts, told.rows) == (stimuli, parts, stimuli * 8)
    assert (told.layers, told.filters, told.set, told.model) == (3, 8, "colours", "tiny")
    report = study.extract("colours", model=card, weights=weights, part=2)
    assert report.shown == stimuli
    made = [path for path in folder.glob("part-*.json") if records.get(path) != path.stat().st_mtime_ns]
    assert len(made) == parts
    assert size_on_disk(study) - size <= told.disk
    if stimuli:
        assert told.seconds > 0
        assert (told.provider, told.arrangement.split(",")[0]) == (
            report.provider,
            report.arrangement.split(",")[0],
        )
    else:
        assert (told.seconds, told.provider, told.disk) == (0, "", 0)


def test_a_rehearsal_leaves_neither_folder_nor_lock(study: Study, card: str, weights: str) -> None:
    study.estimate("colours", model=card, weights=weights)
    assert not (study.folder.root / "responses").exists()


def test_replacing_is_estimated_and_nothing_is_discarded(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights, layers=["pool"])
    there = tree(study)
    told = study.estimate("colours", model=card, weights=weights, layers=["*"], replace=True)
    assert (told.stimuli, told.layers, told.rows) == (6, 3, 48)
    assert tree(study) == there


def test_a_rehearsal_refuses_what_the_extraction_would(study: Study, card: str, weights: str) -> None:
    with pytest.raises(UnknownNameError, match="no stimulus set named 'colors'"):
        study.estimate("colors", model=card, weights=weights)
    with pytest.raises(UsageError, match="part is 0"):
        study.estimate("colours", model=card, weights=weights, part=0)
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        study.estimate("colours", model=card, weights=weights, device="gpu")
    study.extract("colours", model=card, weights=weights)
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        study.estimate("colours", model=card, weights=weights, decoding="scaled")


def test_the_memory_grows_with_the_part_alone(study: Study, card: str, weights: str) -> None:
    small = study.estimate("colours", model=card, weights=weights, part=1).memory
    large = study.estimate("colours", model=card, weights=weights, part=1000).memory
    assert small is not None and large is not None
    assert 10_000_000 < small <= large  # an interpreter with these libraries takes more than that


@pytest.mark.parametrize("doing", ["estimate", "extract"])
def test_a_disk_that_is_too_small_is_refused_and_nothing_is_written(
    study: Study, card: str, weights: str, doing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tree(study)
    needed = study.estimate("colours", model=card, weights=weights).disk
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, needed + RESERVE - 1))
    with pytest.raises(StorageError) as caught:
        getattr(study, doing)("colours", model=card, weights=weights)
    root = study.folder.root
    assert str(caught.value) == (
        f"the responses of 8 filters to 6 stimuli need up to 0.00 GB and a reserve of 0.1 GB, but the disk of {root} "
        "has 0.10 GB free; free some space, move the study, or extract fewer layers with layers=… (--layers …)"
    )
    assert {path for path, digest in tree(study).items() if digest} - {*there} <= {
        "plans/set=colours/model=tiny/.lock"
    }
    assert study.models("colours") == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, needed + RESERVE))
    assert study.extract("colours", model=card, weights=weights).shown == 6


def test_a_full_disk_does_not_stop_an_extraction_that_is_finished(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.extract("colours", model=card, weights=weights)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 0))
    assert study.extract("colours", model=card, weights=weights).shown == 0
    assert study.estimate("colours", model=card, weights=weights).stimuli == 0


def test_an_estimate_reads_as_a_person_would(study: Study, card: str, weights: str) -> None:
    asked = ["extract", "colours", "--model", card, "--weights", weights, "--study", str(study.folder.root)]
    there = tree(study)
    done = run(*asked, "--estimate", "--part", "4", "--threads", "1")
    lines = dict(line.strip().split("  ", 1) for line in done.stdout.splitlines()[1:])
    told = {name: figure.strip() for name, figure in lines.items()}
    assert list(told.items())[:7] == [
        ("set", "colours"), ("network", "tiny"), ("stimuli to present", "6"), ("parts", "2"), ("layers", "3"),
        ("filters", "8"), ("rows", "48"),
    ]  # fmt: skip
    assert told["expected time"] == "1 s"
    assert told["computed by"].startswith("CPUExecutionProvider, ")
    assert told["computed by"].endswith("of 1 thread, batches of 1")
    assert told["memory"].endswith((" MB", " GB")) and told["disk, free"].endswith((" MB", " GB"))
    assert told["disk, at most"] == "15 kB"  # 6 x (8 filters x 8 + 3 layers x 4) + 2 parts x 3 layers x 2,500
    assert done.stderr == "nothing was written; without --estimate, the same command extracts\n"
    assert tree(study) == there
    run(*asked, "--quiet")
    again = run(*asked, "--estimate")
    assert (again.stdout, again.stderr) == ("", "nothing to do: there are responses to every stimulus\n")


def test_processes_share_the_stimuli_and_have_a_memory_each(study: Study, card: str, weights: str) -> None:
    one = study.estimate("colours", model=card, weights=weights, part=2)
    for workers, expected in ((3, 3), (9, 3), (1, 1)):
        told = study.estimate(
            "colours", model=card, weights=weights, part=2, engine="processes", workers=workers
        )
        assert one.memory is not None and told.memory is not None
        assert expected <= told.memory / one.memory < expected + 0.5
        assert told.arrangement.startswith("3 processes, each with 1 worker of 1 thread") is (expected > 1)
    report = study.extract("colours", model=card, weights=weights, part=2, engine="processes", workers=2)
    assert report.arrangement.startswith("2 processes, each with ")


def test_the_time_of_processes_is_that_of_their_share(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "_seconds_each", lambda *_: 1000.0)
    told = [
        study.estimate("colours", model=card, weights=weights, part=2, engine="processes", workers=workers)
        for workers in (1, 3)
    ]
    assert [round(each.seconds, -2) for each in told] == [6000, 2000]


def test_processes_that_share_a_gpu_are_not_taken_for_as_many_gpus(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = rehearsal.start_network
    monkeypatch.setattr(rehearsal, "start_network", lambda *_, **__: replace(start(*_, **__), provider=CUDA))
    monkeypatch.setattr(rehearsal, "_seconds_each", lambda *_: 1000.0)
    told = study.estimate("colours", model=card, weights=weights, part=2, engine="processes", workers=3)
    assert round(told.seconds, -2) == 6000


def test_the_sample_of_processes_is_presented_as_one_of_them_does(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int | None]] = []
    present = rehearsal.present

    def presented(stimuli: Any, entry: Any, session: Any, decoders: int, cores: int | None) -> Any:
        given.append((decoders, cores))
        return present(stimuli, entry, session, 0, cores)

    monkeypatch.setattr(rehearsal, "present", presented)
    monkeypatch.setattr("toolbox.collect.extraction.engines.processes.usable_cores", lambda: 6)
    study.estimate("colours", model=card, weights=weights, part=2, engine="processes", workers=3, decoders=5)
    study.estimate("colours", model=card, weights=weights, part=2)
    assert given == [(5, 2), (0, None)]


def test_the_estimate_states_the_batch_of_a_gpu_that_the_extraction_uses(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = tasks.start_fastest
    monkeypatch.setattr(
        tasks, "start_fastest", lambda *_, **__: replace(start(*_, **__), provider=CUDA, batch=32)
    )
    told = study.estimate("colours", model=card, weights=weights, part=4)
    report = study.extract("colours", model=card, weights=weights, part=4)
    assert told.arrangement == report.arrangement
    assert told.arrangement.endswith("batches of 4")


def test_the_estimate_for_a_cluster_states_that_it_is_for_one_process(
    study: Study, card: str, weights: str
) -> None:
    told = study.estimate("colours", model=card, weights=weights, part=2, engine="ray", workers=2)
    assert told.notes[-1].startswith("the time and the memory are those of one process on this computer; the")


def test_durations_are_told_in_the_unit_that_fits() -> None:
    from toolbox.progress import duration

    told = [duration(seconds) for seconds in (0.01, 1.4, 89, 90, 5399, 5400, 360_000)]
    assert told == ["1 s", "1 s", "89 s", "2 min", "90 min", "1.5 h", "100.0 h"]
