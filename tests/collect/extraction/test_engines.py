"""Every engine writes the same parts; killed workers and drivers do no harm; errors are those of one process."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from support.copies import copied_study
from support.own_sql import seen
from support.part_records import ingest_many, part_values
from support.small_graphs import session_of
from support.tiny_network import CARD, write_weights
from toolbox import Extraction, Study
from toolbox.collect.extraction import task as tasks
from toolbox.collect.extraction import worker
from toolbox.collect.extraction.engines import processes
from toolbox.collect.extraction.engines import ray as engine
from toolbox.collect.extraction.worker import WorkerPlace
from toolbox.errors import (
    AmbiguousError,
    DeviceError,
    StorageError,
    ToolboxError,
    UnknownNameError,
    UsageError,
    WeightsError,
)
from toolbox.runtime.device import Device
from toolbox.runtime.hardware import CUDA

MARK = f"TOOLBOX_TEST_OF_ENGINES={os.getpid()}"
"""In the environment of the processes of Ray that belong to these tests."""
RAY = pytest.param("ray", marks=pytest.mark.long)
"""A cluster takes its time to start; by default, Ray extracts in a chapter (`test_readme.py`)."""
EVERY = pytest.mark.parametrize("name", ["processes", RAY])


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """A cluster on this computer, to which this process is connected, as a program that uses Ray itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*MARK.split("="))
        with engine._cluster(Extraction(engine="ray")) as ray:
            yield ray


@pytest.fixture
def chosen(name: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options of an engine with two workers."""
    if name == "ray":
        request.getfixturevalue("cluster")
    return {"engine": name, "workers": 2}


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with 24 images that take a while to decode, and a study of them; its cache is in use."""
    folder = tmp_path_factory.mktemp("painted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(folder / "cache"))
        ingest_many(Study(folder / "study", create=True), folder / "many", 24, side=900)
        yield folder


@pytest.fixture(scope="module")
def here(painted: Path) -> list[str]:
    """The digests of twelve parts that this process wrote."""
    study = Study(shutil.copytree(painted / "study", painted / "here"))
    weights = str(write_weights(painted / "tiny.npz"))
    study.extract("many", model=str(CARD), weights=weights, part=2)
    return part_values(study)


@pytest.fixture
def many(tmp_path: Path, cache: Path, painted: Path) -> Study:
    """A copy of that study."""
    return Study(shutil.copytree(painted / "study", tmp_path / "study"))


def check_whole(study: Study) -> None:
    """Nothing but what counts is there."""
    assert study.verify(thorough=True).is_intact
    names = {path.name for path in study.folder.plans("many", "tiny").iterdir() if "part-" not in path.name}
    assert names <= {".lock", "plan.parquet"}


def workers_of(name: str) -> list[int]:
    """The processes that present stimuli for this one."""
    if name == "processes":
        return [child.pid for child in multiprocessing.active_children() if child.pid]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_worker = (folder / "cmdline").read_bytes().startswith(b"ray::_Actor")
            if is_worker and MARK.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


@EVERY
def test_workers_write_the_parts_that_one_process_writes(
    name: str, many: Study, card: str, weights: str, here: list[str], chosen: dict[str, Any]
) -> None:
    told: list[tuple[int, int]] = []
    report = many.extract(
        "many",
        model=card,
        weights=weights,
        part=2,
        progress=lambda _, done, all: told.append((done, all)),
        **chosen,
    )
    assert part_values(many) == here
    assert (report.shown, report.stimuli) == (24, 24)
    assert "each with 1 worker of 1 thread" in report.arrangement
    assert (told[0], told[-1]) == ((0, 24), (24, 24))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    check_whole(many)
    assert many.extract("many", model=card, weights=weights, **chosen).shown == 0


@EVERY
def test_a_worker_that_is_killed_is_replaced_and_no_row_is_there_twice(
    name: str, many: Study, card: str, weights: str, here: list[str], chosen: dict[str, Any]
) -> None:
    killed: list[int] = []

    def kill(_: str, done: int, __: int) -> None:
        if done and not killed:
            killed.extend(workers_of(name)[:1])
            os.kill(killed[0], signal.SIGKILL)

    report = many.extract("many", model=card, weights=weights, part=2, progress=kill, **chosen)
    assert killed
    assert (report.stimuli, part_values(many)) == (24, here)
    check_whole(many)
    rows = many.query(
        seen("select count(*) as n, count(distinct (layer, filter, stimulus_id)) as rows from responses")
    )
    assert rows.rows() == [(24 * 8, 24 * 8)]


@pytest.mark.parametrize("name", [RAY])
def test_an_image_that_cannot_be_read_ends_no_worker(
    name: str, painted: Path, tmp_path: Path, cache: Path, card: str, weights: str, chosen: dict[str, Any]
) -> None:
    shutil.copytree(painted / "many", tmp_path / "many")
    many = copied_study(painted, tmp_path)
    (tmp_path / "many" / "category 0" / "3.png").unlink()
    (tmp_path / "many" / "category 1" / "4.png").write_bytes(b"no picture")
    report = many.extract("many", model=card, weights=weights, part=2, **chosen)
    assert (report.stimuli, len(report.unreadable)) == (22, 2)


@EVERY
def test_an_error_of_a_worker_is_that_of_one_process_and_leaves_nothing(
    name: str, many: Study, tmp_path: Path, card: str, chosen: dict[str, Any]
) -> None:
    broken = str(write_weights(tmp_path / "broken.npz", colour_bias=np.array([np.nan, 0, 0], np.float32)))
    with pytest.raises(WeightsError) as expected:
        many.extract("many", model=card, weights=broken)
    with pytest.raises(WeightsError) as found:
        many.extract("many", model=card, weights=broken, part=2, **chosen)
    assert str(found.value) == str(expected.value)
    assert many.models("many") == []
    assert many.verify().is_intact


@pytest.mark.parametrize("name", ["processes"])
def test_weights_that_a_worker_does_not_find_are_one_line(
    name: str, many: Study, card: str, weights: str, chosen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolbox.collect.extraction import run

    def without_weights(*given: Any) -> Any:
        Path(weights).unlink()
        return plan_parts(*given)

    plan_parts = run.plan_parts
    monkeypatch.setattr(run, "plan_parts", without_weights)
    with pytest.raises(ToolboxError, match=r"tiny\.npz"):
        many.extract("many", model=card, weights=weights, part=2, **chosen)
    assert many.models("many") == []


@pytest.mark.parametrize("name", [RAY])
def test_layers_are_added_by_workers(
    name: str, many: Study, card: str, weights: str, here: list[str], chosen: dict[str, Any]
) -> None:
    many.extract("many", model=card, weights=weights, part=2, layers="pool")
    many.extract("many", model=card, weights=weights, layers="*", **chosen)
    assert part_values(many) == here
    check_whole(many)


DRIVER = """
import sys
from toolbox import Study

if __name__ == "__main__":
    root, card, weights, engine, address = sys.argv[1:]
    more = {"address": address} if address else {}
    Study(root).extract("many", model=card, weights=weights, part=2, engine=engine, workers=2, **more)
"""


@pytest.mark.long
@EVERY
def test_a_driver_that_is_killed_loses_no_part_that_is_finished(
    name: str, many: Study, tmp_path: Path, card: str, weights: str, here: list[str], chosen: dict[str, Any]
) -> None:
    address = engine._import_ray().get_runtime_context().gcs_address if name == "ray" else ""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    folder = many.folder.extraction("many", "tiny")
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": engine._TOKEN} if name == "ray" else {}
    driver = subprocess.Popen(
        [sys.executable, script, many.folder.root, card, weights, name, address],
        env=os.environ | token,
        stderr=subprocess.DEVNULL,
    )
    latest = time.monotonic() + 60
    while len([*folder.plans.glob("part-*.json")]) < 2 and time.monotonic() < latest:
        time.sleep(0.005)
    driver.kill()
    driver.wait()
    while name == "ray" and workers_of(name) and time.monotonic() < latest:
        time.sleep(0.02)
    finished = {path: path.stat().st_mtime_ns for path in folder.parts.glob("part-*.parquet")}
    assert 2 <= len(finished) < 12
    report = many.extract("many", model=card, weights=weights, part=2, **chosen)
    assert report.shown <= 24 - 2 * (len(finished) - 1)  # the last one may have been without its record
    assert part_values(many) == here
    kept = sum(path.stat().st_mtime_ns == time for path, time in finished.items())
    assert kept >= len(finished) - 1
    check_whole(many)


def test_an_interrupted_run_ends_its_processes_and_goes_on(
    many: Study, card: str, weights: str, here: list[str]
) -> None:
    def stop(_: str, done: int, __: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        many.extract(
            "many", model=card, weights=weights, part=2, progress=stop, engine="processes", workers=2
        )
    assert workers_of("processes") == []
    check_whole(many)
    assert many.extract("many", model=card, weights=weights, part=2).stimuli == 24
    assert part_values(many) == here


@pytest.mark.long
def test_another_cluster_than_that_of_the_program_is_refused(
    many: Study, card: str, weights: str, cluster: Any
) -> None:
    with pytest.raises(UsageError, match="this program is connected to the cluster at"):
        many.extract("many", model=card, weights=weights, engine="ray", address="10.0.0.1:6379")


def test_without_ray_the_command_that_installs_it_is_named(
    many: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DeviceError, match=r"engine 'ray' needs Ray; install it with: .*ray"):
        many.extract("many", model=card, weights=weights, engine="ray")
    assert many.models("many") == []


SMALL, LARGE = {"CPU": 2.0}, {"CPU": 8.0, "GPU": 2.0}


@pytest.mark.parametrize(
    ("nodes", "options", "parts", "expected"),
    [
        ([SMALL], {}, 10, (1, 2)),
        ([SMALL], {"workers": 2}, 10, (2, 1)),
        ([SMALL], {"workers": 5}, 10, (2, 1)),
        ([SMALL, LARGE], {}, 10, (2, 4)),
        ([SMALL, LARGE], {"workers": 5}, 10, (5, 2)),
        ([SMALL, LARGE], {"workers": 3}, 10, (3, 2)),
        ([SMALL, LARGE], {"gpus_per_worker": 1}, 10, (2, 4)),
        ([LARGE, LARGE], {"gpus_per_worker": 0.5}, 10, (8, 2)),
        ([LARGE, LARGE], {"gpus_per_worker": 2}, 10, (2, 8)),
        ([LARGE, LARGE], {"workers": 8}, 3, (3, 4)),
        ([{}, SMALL], {}, 10, (1, 2)),
    ],
)
def test_workers_share_the_cores_and_gpus_of_every_computer(
    nodes: list[dict[str, float]], options: dict[str, Any], parts: int, expected: tuple[int, int]
) -> None:
    crew = engine._crew_size(nodes, Extraction(engine="ray", **options), parts)
    assert (crew.workers, crew.cores) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "cpu"),
        ({"gpus_per_worker": 0.5}, "cuda:all"),
        ({"gpus_per_worker": 2}, "cuda:all"),
        ({"gpus_per_worker": 2, "device": "cuda"}, "cuda"),
        ({"device": "cpu"}, "cpu"),
    ],
)
def test_a_worker_uses_the_gpus_that_it_asked_for_and_no_other(
    options: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    asked = Extraction(engine="ray", **options)
    place = WorkerPlace(str(tmp_path), "many", asked, False, False, (0,), "run", None)
    assert engine._with_device(place, asked).options.device == expected


@pytest.mark.parametrize(("options", "expected"), [({}, 25), ({"batch": 32}, 32)])
def test_a_gpu_computes_whole_batches_of_a_part_unless_their_size_is_given(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], expected: int
) -> None:
    started = session_of([lambda images: [images]], provider=CUDA, batch=32)
    for name in ("pixel_graph", "pooled_graph", "probe_image"):
        monkeypatch.setattr(tasks, name, lambda *_: None)
    monkeypatch.setattr(tasks, "start_fastest", lambda *_, **__: started)
    monkeypatch.setattr(worker, "compare_with_exact", lambda *_: None)
    request = SimpleNamespace(options=Extraction(**options), device=None)
    net = SimpleNamespace(batch=0, input=None)
    task = SimpleNamespace(request=request, network=net, model=SimpleNamespace(graph=None))
    planned = SimpleNamespace(
        stimuli=range(70), numbers=(1, 2), plan=SimpleNamespace(parts=(range(64), range(50), range(20)))
    )
    run: Any = SimpleNamespace(task=task, planned=planned)
    assert worker.Worker(run)._network(("sum",)).session.batch == expected


@pytest.mark.parametrize(
    ("device", "workers", "expected"),
    [
        (Device("cpu"), None, 16),
        (Device("cuda", (0,)), None, 2),
        (Device("cuda", (0,)), 4, 4),
        (Device("tensorrt", (0,)), None, 1),
        (Device("tensorrt", (0,)), 2, 2),
        (Device("cpu"), 3, 3),
    ],
)
def test_few_processes_share_the_memory_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch, device: Device, workers: int | None, expected: int
) -> None:
    monkeypatch.setattr(processes, "usable_cores", lambda: 16)
    request: Any = SimpleNamespace(device=device, options=Extraction(engine="processes", workers=workers))
    assert processes.crew_size(request, 100)[0] == expected


@pytest.mark.parametrize(
    ("options", "fault", "message"),
    [
        ({"gpus_per_worker": 1}, DeviceError, "2 cores and 0 GPUs on 1 computers, and no room"),
        ({"device": "cuda"}, UsageError, "device 'cuda' on a cluster needs the number of GPUs of a worker"),
    ],
)
def test_a_cluster_without_room_for_a_worker_is_refused(
    options: dict[str, Any], fault: type[Exception], message: str
) -> None:
    with pytest.raises(fault, match=message):
        engine._crew_size([SMALL], Extraction(engine="ray", **options), 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "dask"}, "unknown engine 'dask'; expected one of here, processes, ray"),
        ({"workers": 2}, "workers is an option of engine='processes' and engine='ray', and engine is 'here'"),
        ({"engine": "processes", "address": "auto"}, "address is an option of engine='ray'"),
        ({"engine": "processes", "gpus_per_worker": 1}, "gpus_per_worker is an option of engine='ray'"),
        ({"engine": "ray", "gpus_per_worker": -1}, "gpus_per_worker is -1; expected a number, 0 or more"),
        ({"engine": "ray", "gpus_per_worker": float("nan")}, "gpus_per_worker is nan"),
        (
            {"engine": "ray", "gpus_per_worker": 1.5},
            "gpus_per_worker is 1.5; expected a part of one GPU, such as",
        ),
        ({"engine": "ray", "address": 6379}, "address is 6379; expected 'auto', or the address of a cluster"),
        ({"engine": "ray", "workers": 0}, "workers is 0; expected a whole number, 1 or more"),
    ],
)
def test_impossible_engines_are_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Extraction(**options)


@pytest.mark.parametrize(
    "error",
    [
        UnknownNameError("layer", "sun", ["sum"], "look"),
        AmbiguousError("set", ["a", "b"], "set"),
        StorageError("study: no space is left"),
        WeightsError("a", "b"),
    ],
)
def test_an_error_comes_whole_from_another_process(error: ToolboxError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert (type(found), str(found), vars(found)) == (type(error), str(error), vars(error))
