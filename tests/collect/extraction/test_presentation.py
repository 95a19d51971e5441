"""Decoding ahead, running, in order: real images, real threads and processes, sessions whose speed a test decides."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from support.red_images import ENTRY, red, stimuli
from support.small_graphs import session_of
from toolbox.collect.extraction import presentation as showing
from toolbox.collect.extraction.presentation import Batch, Unreadable, prepare_image, present
from toolbox.errors import ToolboxError
from toolbox.network.architecture import Input
from toolbox.runtime.hardware import CUDA
from toolbox.runtime.session import Session
from toolbox.stimuli.images import decode, resize_pixels
from toolbox.store.stimuli import Stimulus


def slowly_red(images: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
    time.sleep(random.uniform(0, 0.01))
    return red(images)


def numbers(found: Sequence[Batch]) -> list[float]:
    """The red that the network saw, over all batches."""
    return [float(value) for batch in found if batch.stimuli for value in batch.outputs["sum"][:, 0]]


def threads_at_work() -> list[str]:
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith(("network", "decode", "write"))
    ]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("batch", [1, 4, 100])
def test_stimuli_come_in_order_and_no_batch_spans_two_parts(tmp_path: Path, workers: int, batch: int) -> None:
    made = stimuli(tmp_path, 31)
    parts = [made[:5], made[5:6], made[6:20], made[20:]]
    found = [*present(parts, ENTRY, session_of([slowly_red] * workers, batch=batch))]
    assert numbers(found) == list(range(31))
    expected = [
        tuple(stimulus.stimulus_id for stimulus in part[start : start + batch])
        for part in parts
        for start in range(0, len(part), batch)
    ]
    assert [one.stimuli for one in found] == expected


def test_unreadable_ones_in_between_are_told_and_shift_nothing(tmp_path: Path) -> None:
    made = stimuli(tmp_path, 12)
    made[2].file.unlink()
    made[7] = replace(made[7], sha256="0" * 64)
    made[8].file.write_bytes(b"no image")
    made[8] = replace(made[8], sha256=sha256(b"no image").hexdigest())
    for number in (4, 5):  # one whole batch
        made[number].file.unlink()
    found = [*present([made[:6], made[6:]], ENTRY, session_of([slowly_red] * 2, batch=2))]
    assert [batch.stimuli for batch in found] == [(0, 1), (3,), (), (6,), (9,), (10, 11)]
    assert numbers(found) == [0, 1, 3, 6, 9, 10, 11]
    told = {entry.stimulus_id: entry.reason for batch in found for entry in batch.unreadable}
    assert told == {
        2: "No such file or directory",
        4: "No such file or directory",
        5: "No such file or directory",
        7: "changed since it was ingested",
        8: "not an image (expected JPEG, PNG, GIF, BMP, TIFF or WebP)",
    }


def test_the_next_batch_is_ready_while_a_gpu_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, run = threading.Semaphore(0), Session.run

    def count(session: Session, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        ready.release()
        return run(session, images)

    def wait(images: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        assert images.shape[0] == 2
        was_ready.append(all(ready.acquire(timeout=5) for _ in range(2 if not was_ready else 1)))
        return red(images)

    was_ready: list[bool] = []
    monkeypatch.setattr(Session, "run", count)
    made = stimuli(tmp_path, 6)
    found = present([made], ENTRY, session_of([wait], provider=CUDA, batch=2))
    assert numbers([next(found), next(found)]) == list(range(4))
    assert was_ready[:2] == [True, True]
    found.close()


def test_nothing_to_show_is_no_batch() -> None:
    assert [*present([], ENTRY, session_of([red]))] == [*present([[], []], ENTRY, session_of([red]))] == []


def test_processes_decode_as_threads_do(tmp_path: Path) -> None:
    made = stimuli(tmp_path, 20)
    made[3].file.unlink()
    session = session_of([red], batch=3)
    by_threads, by_processes = ([*present([made], ENTRY, session, decoders)] for decoders in (0, 2))
    assert [batch.stimuli for batch in by_threads] == [batch.stimuli for batch in by_processes]
    assert [batch.unreadable for batch in by_threads] == [batch.unreadable for batch in by_processes]
    assert numbers(by_threads) == numbers(by_processes) == [number for number in range(20) if number != 3]
    assert multiprocessing.active_children() == []


def test_a_network_that_fails_stops_all_and_reports_why(tmp_path: Path) -> None:
    calls = []

    def fail_at_the_third(images: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        calls.append(len(images))
        if len(calls) == 3:
            raise RuntimeError("out of memory")
        return red(images)

    stream = present([stimuli(tmp_path, 60)], ENTRY, session_of([fail_at_the_third]))
    assert next(stream).stimuli == (0,)
    assert next(stream).stimuli == (1,)
    with pytest.raises(RuntimeError, match="out of memory"):
        next(stream)
    assert len(calls) < 12
    assert threads_at_work() == []


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which stimuli were decoded, in a list that grows."""
    decoded: list[int] = []

    def count(stimulus: Stimulus, entry: Input) -> NDArray[np.uint8] | Unreadable:
        decoded.append(stimulus.stimulus_id)
        return prepare_image(stimulus, entry)

    monkeypatch.setattr(showing, "prepare_image", count)
    return decoded


def settled(decoded: Sequence[int]) -> int:
    """How many were decoded, once no more are."""
    known = -1
    while known != len(decoded):
        known = len(decoded)
        time.sleep(0.1)
    return known


@pytest.mark.parametrize(("workers", "batch"), [(1, 1), (1, 8), (2, 2)])
def test_a_bounded_number_is_decoded_ahead_of_a_slow_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, batch: int
) -> None:
    made, decoded, released = stimuli(tmp_path, 200), counted(monkeypatch), threading.Event()

    def wait(images: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        released.wait()
        return red(images)

    found: list[Batch] = []
    stream = present([made], ENTRY, session_of([wait] * workers, batch=batch))
    consumer = threading.Thread(target=lambda: found.extend(stream))
    consumer.start()
    ahead = workers + 2
    assert batch * workers < settled(decoded) <= batch * (ahead + 1) + max(16, batch * ahead) + 1
    released.set()
    consumer.join()
    assert numbers(found) == list(range(200))


def test_closed_early_it_drops_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, decoded = stimuli(tmp_path, 200), counted(monkeypatch)
    with closing(present([made], ENTRY, session_of([red], batch=2))) as stream:
        next(stream)
    assert threads_at_work() == []
    assert settled(decoded) < 60


def test_a_decoder_that_ends_by_itself_is_told_in_one_line(tmp_path: Path) -> None:
    stream = present([stimuli(tmp_path, 200)], ENTRY, session_of([red]), 1)
    next(stream)
    (child,) = multiprocessing.active_children()
    child.kill()
    with pytest.raises(
        ToolboxError, match=r"a process that decodes images ended unexpectedly: .*--decoders 0"
    ) as told:
        list(stream)
    assert "\n" not in str(told.value)
    assert threads_at_work() == []


WITH_DECODERS = """
import multiprocessing, os, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.small_graphs import session_of
from support.red_images import ENTRY, red, stimuli
from toolbox.collect.extraction.presentation import present

if __name__ == "__main__":
    stream = present([stimuli(Path(sys.argv[2]), 100)], ENTRY, session_of([red]), 2)
    next(stream)
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    time.sleep(60)
"""


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def has_started(process: int) -> bool:
    """Whether a decoder has come as far as leaving interrupts to its parent."""
    ignored = next(
        line for line in Path(f"/proc/{process}/status").read_text().splitlines() if "SigIgn" in line
    )
    return bool(int(ignored.split()[1], 16) >> (signal.SIGINT - 1) & 1)


def wait_until(met: Callable[[], bool]) -> bool:
    for _ in range(200):
        if met():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("stopped_by", [signal.SIGKILL, signal.SIGINT])
def test_decoders_end_with_the_process_they_work_for(tmp_path: Path, stopped_by: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(WITH_DECODERS)
    command = [sys.executable, str(script), str(Path(__file__).parents[2]), str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        children = [int(number) for number in process.stdout.readline().split()]
        assert len(children) == 2 and all(map(is_alive, children))
        assert wait_until(lambda: all(map(has_started, children)))
        if stopped_by == signal.SIGINT:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        else:
            process.kill()
        assert wait_until(lambda: not any(map(is_alive, children)))
        assert wait_until(lambda: process.poll() is not None)
        assert process.stderr.read().count(b"Traceback") <= 1, "a decoder cried out too"


@pytest.mark.parametrize("orientation", [1, 6])
def test_scaled_decoding_serves_the_size_of_the_network(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    path = tmp_path / "large.jpg"
    Image.fromarray(pixels).resize((1000, 800)).save(path, exif=exif)
    content = path.read_bytes()
    stimulus = Stimulus(0, path.name, path, sha256(content).hexdigest())
    for height, width, at_least in [(100, 90, 100), (60, 101, 101)]:
        entry = Input(height, width, resize="bilinear", decoding="scaled")
        smaller = decode(content, at_least=at_least).pixels
        assert min(smaller.shape[:2]) < 800 and min(smaller.shape[:2]) >= at_least
        found = prepare_image(stimulus, entry)
        assert not isinstance(found, Unreadable)
        np.testing.assert_array_equal(found, resize_pixels(smaller, height, width, "bilinear"))
        full = prepare_image(stimulus, replace(entry, decoding="full"))
        assert not isinstance(full, Unreadable)
        np.testing.assert_array_equal(full, resize_pixels(decode(content).pixels, height, width, "bilinear"))
        assert not np.array_equal(found, full)


def test_a_session_is_used_by_as_many_threads_as_it_has_workers(tmp_path: Path) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def count(images: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1
        return red(images)

    session: Session = session_of([count] * 3)
    assert numbers([*present([stimuli(tmp_path, 20)], ENTRY, session)]) == list(range(20))
    assert most == 3
