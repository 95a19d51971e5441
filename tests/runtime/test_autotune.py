"""What is tried on which machine, and that the fastest is taken. Times are those of sessions that sleep as told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import numpy as np
import pytest
from numpy.typing import NDArray

from support.small_graphs import convolution, graph_of, session_of
from toolbox.errors import ResourceError
from toolbox.graph import Graph
from toolbox.network.card import network
from toolbox.network.chain import full_graph
from toolbox.network.pooling import pixel_graph, pooled_graph
from toolbox.network.weights import load_weights
from toolbox.runtime import autotune as speed
from toolbox.runtime.autotune import (
    GPU_BATCHES,
    LARGE_MATRIX,
    MOST_WORKERS,
    arrangements,
    probe_image,
    rate,
    start_fastest,
)
from toolbox.runtime.device import Device
from toolbox.runtime.session import Session, start_session

CPU, GPUS = Device("cpu"), Device("cuda", (0, 1))
MAPS = convolution(np.ones((1, 3, 1, 1), np.float32), 2, 2, bias=np.zeros(1, np.float32), kernel_shape=[1, 1])
DENSE = graph_of(
    [], [], [], [], {"fc1.kernel": np.broadcast_to(np.float32(0), (LARGE_MATRIX // 1000 + 1, 1000))}
)
SMALL_DENSE = graph_of(
    [], [], [], [], {"fc1.kernel": np.broadcast_to(np.float32(0), (LARGE_MATRIX // 1000, 1000))}
)


def tried(graph: Graph, device: Device, cores: int, **given: int) -> list[tuple[int, int, int]]:
    return [
        (choice.workers, choice.threads, choice.batch)
        for choice in arrangements(graph, device, cores, **given)
    ]


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (1, [(1, 1, 1)]),
        (2, [(2, 1, 1), (1, 2, 1)]),
        (8, [(8, 1, 1), (1, 8, 1)]),
        (12, [(6, 2, 1), (1, 12, 1)]),
        (64, [(8, 8, 1), (1, 64, 1)]),
    ],
)
def test_many_single_images_at_once_or_all_threads_on_one(
    cores: int, expected: list[tuple[int, int, int]]
) -> None:
    assert tried(MAPS, CPU, cores) == tried(SMALL_DENSE, CPU, cores) == expected


@pytest.mark.parametrize("cores", range(1, 130))
def test_no_core_is_asked_for_twice_and_memory_is_bounded(cores: int) -> None:
    for choice in arrangements(DENSE, CPU, cores):
        assert choice.workers * choice.threads <= cores
        assert 1 <= choice.workers <= MOST_WORKERS


def test_a_large_matrix_is_tried_with_four_images_first() -> None:
    assert tried(DENSE, CPU, 2) == [(2, 1, 2), (2, 1, 1), (1, 2, 2), (1, 2, 1)]


def test_what_is_given_is_not_varied() -> None:
    assert tried(DENSE, CPU, 8, threads=3) == [(2, 3, 2), (2, 3, 1)]
    assert tried(DENSE, CPU, 8, batch=16) == [(8, 1, 16), (1, 8, 16)]
    assert tried(DENSE, CPU, 2, threads=4, batch=1) == [(1, 4, 1)]


def test_every_gpu_is_a_worker_and_batches_are_large() -> None:
    assert tried(MAPS, GPUS, 2) == [(2, 0, 32), (2, 0, 64), (2, 0, 16)]
    assert tried(MAPS, GPUS, 2, batch=8, threads=4) == [(2, 0, 8)]


class Sleeping:
    """A runner that takes so long for a batch, whatever its size."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, images: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        time.sleep(self.seconds)
        return [images.reshape(len(images), -1)]


def test_the_rate_counts_the_images_of_all_workers() -> None:
    found = rate(
        session_of([Sleeping(0.02), Sleeping(0.02)], batch=4), np.zeros((1, 1, 3), np.uint8), seconds=0.1
    )
    assert 0 < found <= 2 * 4 / 0.02


class Started:
    """Takes the place of `start_session`: sessions of known speed, by (workers, threads)."""

    def __init__(self, seconds: dict[tuple[int, int], float]) -> None:
        self.seconds, self.asked, self.there = seconds, list[dict[str, Any]](), WeakSet[Sleeping]()

    def __call__(self, _: Graph, *, workers: int, threads: int, batch: int, **asked: Any) -> Session:
        assert not self.there, "two sessions in memory at once"
        self.asked.append({"workers": workers, "threads": threads, **asked})
        runner = Sleeping(self.seconds[workers, threads])
        self.there.add(runner)
        return replace(session_of([runner] * workers, batch=batch), threads=threads)

    def arranged(self) -> list[tuple[int, int]]:
        return [(asked["workers"], asked["threads"]) for asked in self.asked]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Four cores, and by far the fastest is one worker of four threads."""
    started = Started({(4, 1): 0.1, (1, 4): 0.005})
    monkeypatch.setattr(speed, "start_session", started)
    monkeypatch.setattr(speed, "usable_cores", lambda: 4)
    monkeypatch.setattr(speed, "SECONDS", 0.05)
    return started


PIXELS = np.zeros((1, 1, 3), np.uint8)


def test_the_fastest_arrangement_is_taken(started: Started) -> None:
    session = start_fastest(MAPS, PIXELS, device="cpu", precision="float32", convolution="direct")
    assert started.arranged() == [(1, 4), (4, 1), (1, 4)]
    assert all((asked["device"].kind, asked["convolution"]) == ("cpu", "direct") for asked in started.asked)
    assert (session.workers, session.threads, session.batch) == (1, 4, 1)


def test_the_likeliest_arrangement_is_not_loaded_twice(started: Started) -> None:
    started.seconds = {(4, 1): 0.005, (1, 4): 0.1}
    session = start_fastest(MAPS, PIXELS, device="cpu")
    assert started.arranged() == [(1, 4), (4, 1)]
    assert (session.workers, session.threads) == (4, 1)


def test_a_batch_that_costs_nothing_more_is_taken_without_loading_the_graph_again(started: Started) -> None:
    session = start_fastest(DENSE, PIXELS, device="cpu", threads=4)
    assert started.arranged() == [(1, 4)]
    assert session.batch == 2


def test_a_batch_that_does_not_fit_in_the_memory_of_a_gpu_is_not_taken(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def run(images: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        tried.append(len(images))
        if len(images) > 16:
            raise ResourceError("the memory of the GPU is too small")
        return [images.reshape(len(images), -1)]

    monkeypatch.setattr(speed, "start_session", lambda *_, batch, **__: session_of([run], batch=batch))
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    session = start_fastest(MAPS, PIXELS, device=Device("cuda", (0,)))
    assert {*tried} == {*GPU_BATCHES}
    assert session.batch == 16


def test_where_no_batch_fits_in_the_memory_of_a_gpu_the_advice_is_that_of_the_smallest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(images: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        raise ResourceError(f"choose fewer images with batch={len(images) // 2}")

    monkeypatch.setattr(speed, "start_session", lambda *_, batch, **__: session_of([run], batch=batch))
    with pytest.raises(ResourceError, match="batch=8"):
        start_fastest(MAPS, PIXELS, device=Device("cuda", (0,)))


def test_it_does_not_probe_when_told_so(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> float:
        raise AssertionError("it probed")

    monkeypatch.setattr(speed, "rate", refuse)
    session = start_fastest(DENSE, PIXELS, device="cpu", probe=False)
    assert session.batch == 2
    assert [(asked["workers"], asked["threads"]) for asked in started.asked] == [(4, 1)]
    del session
    start_fastest(MAPS, PIXELS, device="cpu", threads=4)  # one arrangement is left: nothing to find out
    assert len(started.asked) == 2


def test_the_probe_changes_no_response(card: str, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.02)
    net = network(card)
    full = full_graph(net, load_weights(net, source=weights))
    graph = pixel_graph(pooled_graph(full, ["colour", "pool", "sum"]), net.input)
    images = np.stack([probe_image(net.input), 255 - probe_image(net.input)])
    expected = start_session(graph, device="cpu", threads=1).run(images)
    found = start_fastest(graph, probe_image(net.input), device="cpu").run(images)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_noise_has_the_size_that_the_network_takes(card: str) -> None:
    entry = network(card).input
    assert (probe_image(entry).shape, probe_image(entry).dtype) == ((entry.height, entry.width, 3), np.uint8)
    assert np.unique(probe_image(entry)).size > 40
    np.testing.assert_array_equal(probe_image(entry), probe_image(entry))
