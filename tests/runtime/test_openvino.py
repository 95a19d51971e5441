"""OpenVINO against onnxruntime, bf16 where the processor has it, and that importing it tells nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from support.needs import needs_bf16, needs_no_bf16
from toolbox.distribution import install_command
from toolbox.errors import DeviceError
from toolbox.graph import Graph
from toolbox.network.card import network
from toolbox.network.chain import full_graph
from toolbox.network.pooling import pixel_graph, pooled_graph
from toolbox.network.weights import load_weights
from toolbox.runtime import device as devices
from toolbox.runtime import openvino
from toolbox.runtime.session import start_session


def tiny(card: str, weights: str) -> Graph:
    net = network(card)
    return pixel_graph(
        pooled_graph(full_graph(net, load_weights(net, source=weights)), ["colour", "pool", "sum"]), net.input
    )


def lower_vgg16(side: int) -> Graph:
    """The first two blocks of VGG16 with random weights, for small images."""
    net = network("vgg16-untrained")
    weights = load_weights(net, ["block2_pool"])
    entry = replace(net.input, height=side, width=side)
    layers = tuple(
        replace(layer, height=side // layer.step, width=side // layer.step) for layer in weights.layers
    )
    small = replace(net, input=entry)
    names = [layer.name for layer in layers]
    return pixel_graph(pooled_graph(full_graph(small, replace(weights, layers=layers)), names), entry)


def pixels(count: int, side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (count, side, side, 3), np.uint8)


def check_close(graph: Graph, shown: NDArray[np.uint8], bound: float) -> None:
    (runner,) = openvino.start_computations(graph, precision="float32", workers=1, threads=1)
    expected = start_session(graph, device="cpu", convolution="direct").run(shown)
    for name, found in zip(graph.outputs, runner(shown), strict=True):
        assert found.dtype == np.float32
        assert np.abs(found - expected[name]).max() <= bound * np.abs(expected[name]).max(), name


def test_float32_equals_onnxruntime_on_the_tiny_network(card: str, weights: str) -> None:
    check_close(tiny(card, weights), pixels(5, 4), 1e-6)


def test_float32_equals_onnxruntime_on_the_lower_blocks_of_vgg16() -> None:
    check_close(lower_vgg16(48), pixels(2, 48), 1e-5)


def test_arrays_are_exchanged_once_before_there_are_workers(
    monkeypatch: pytest.MonkeyPatch, card: str, weights: str
) -> None:
    """Two threads that use OpenVINO's exchange with numpy first, at the same moment, would wait for each other."""
    seen, original = list[tuple[str, tuple[int, ...]]](), openvino._computation

    def noted(request: Any, outputs: Sequence[str]) -> Any:
        compute = original(request, outputs)

        def run(images: Any) -> Any:
            seen.append((str(images.dtype), images.shape))
            return compute(images)

        return run

    monkeypatch.setattr(openvino, "_computation", noted)
    openvino.start_computations(tiny(card, weights), precision="float32", workers=2, threads=1)
    assert seen == [("uint8", (1, 4, 4, 3))]


def test_every_worker_has_a_runner_of_its_own_and_none_disturbs_another(card: str, weights: str) -> None:
    runners = openvino.start_computations(tiny(card, weights), precision="float32", workers=2, threads=1)
    shown = pixels(64, 4)
    expected = runners[0](shown)
    before = [result.copy() for result in expected]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            other, same = pool.map(lambda runner, images: runner(images), runners, [255 - shown, shown])
            for one, two, three in zip(same, expected, other, strict=True):
                np.testing.assert_array_equal(one, two)
                assert not np.array_equal(one, three)
    for one, two in zip(expected, before, strict=True):  # results are not overwritten by later runs
        np.testing.assert_array_equal(one, two)


@needs_no_bf16
def test_bf16_is_refused_where_the_processor_lacks_it() -> None:
    with pytest.raises(DeviceError, match=r"precision 'bf16' needs bf16 instructions"):
        start_session(lower_vgg16(48), device="cpu", precision="bf16")


@needs_bf16
def test_bf16_is_computed_where_the_processor_has_it() -> None:
    graph, shown = lower_vgg16(48), pixels(8, 48)
    session = start_session(graph, device="cpu", precision="bf16", workers=2, threads=1)
    assert (session.provider, session.precision) == ("OpenVINO", "bf16")
    found, exact = session.run(shown), start_session(graph, device="cpu").run(shown)
    for name, expected in exact.items():
        assert np.corrcoef(found[name].ravel(), expected.ravel())[0, 1] >= 0.9999, name
    assert any(not np.array_equal(found[name], exact[name]) for name in exact), "this was float32"


@needs_bf16
def test_openvino_computes_in_the_precision_asked_for(card: str, weights: str) -> None:
    graph = tiny(card, weights)
    assert len(openvino.start_computations(graph, precision="bf16", workers=2, threads=1)) == 2


@needs_no_bf16
def test_openvino_is_not_let_compute_in_another_precision_than_asked_for(card: str, weights: str) -> None:
    """It takes float32 unasked where the processor has no bf16."""
    with pytest.raises(
        DeviceError,
        match="OpenVINO would compute in f32 on this processor instead of bf16; choose precision='flo",
    ):
        openvino.start_computations(tiny(card, weights), precision="bf16", workers=2, threads=1)


def test_a_missing_package_is_reported_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, card: str, weights: str
) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda: True)
    monkeypatch.setattr(openvino, "find_spec", lambda _: None)
    with pytest.raises(DeviceError) as caught:
        start_session(tiny(card, weights), device="cpu", precision="bf16")
    assert str(caught.value) == (
        f"precision 'bf16' needs the package openvino; install it with: {install_command('bf16')}"
    )


LISTENING = """
import os, sys, time
def listen(event, arguments):
    if event.startswith(("urllib.", "http.client.", "socket.")):
        os.write(1, f"{event} {arguments}\\n".encode())  # it may be a process of its own
        raise OSError("nothing leaves this test")
sys.addaudithook(listen)
"""


def reached(program: str, home: Path) -> str:
    """Where a process that runs a program, or one that it starts, tries to send something; nothing leaves it."""
    program = f"{LISTENING}\n{program}\ntime.sleep(1)"
    # In a CI, by these variables, OpenVINO would keep quiet by itself.
    outside = {
        name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")
    }
    environment = {**outside, "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_importing_openvino_sends_nothing_and_keeps_no_file_for_it(tmp_path: Path) -> None:
    """A plain `import openvino` of 2026.4 asks for www.google-analytics.com."""
    assert (
        reached("from toolbox.runtime.hardware import import_openvino; import_openvino().Core()", tmp_path)
        == ""
    )
    assert not list(tmp_path.iterdir())
