"""Which processor runs a graph: the choice by a driver that answers as told, options, refusals, and workers."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from support.fake_driver import FakeDriver
from support.needs import needs_cuda, needs_no_cuda
from support.small_graphs import convolution, session_of
from toolbox.errors import DeviceError, ResourceError, ToolboxError, UsageError
from toolbox.graph import Graph
from toolbox.host import CPU
from toolbox.runtime import computation as computations
from toolbox.runtime import device as devices
from toolbox.runtime import session as sessions
from toolbox.runtime.computation import (
    TENSORRT,
    BoundComputation,
    FullPrecision,
    ImageBatch,
    provider_options,
    start_computation,
)
from toolbox.runtime.device import Device, check_precision, choose_device
from toolbox.runtime.hardware import CUDA, Driver, find_driver, tensorrt_command
from toolbox.runtime.session import start_session

DRIVER = partial(find_driver, FakeDriver({"NVIDIA A100": 40 * 10**9, "NVIDIA T4": 16 * 10**9}).load)
NO_DRIVER = "no NVIDIA driver was found (libcuda.so.1 is missing)"


def with_two_gpus(device: str) -> Device:
    return choose_device(device, DRIVER)


def without_gpu(device: str) -> Device:
    def refuse() -> Driver:
        raise DeviceError(NO_DRIVER)

    return choose_device(device, refuse)


@pytest.fixture
def graph() -> Graph:
    """One convolution of 1 x 1 that adds three channels up."""
    return convolution(
        np.ones((1, 3, 1, 1), np.float32), 2, 2, bias=np.zeros(1, np.float32), kernel_shape=[1, 1]
    )


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("auto", Device("cuda", (0,))),
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda", (0,))),
        ("cuda:1", Device("cuda", (1,))),
        ("cuda:0,1", Device("cuda", (0, 1))),
        ("cuda:1, 0", Device("cuda", (1, 0))),
        ("cuda:1,1", Device("cuda", (1,))),
        ("cuda:all", Device("cuda", (0, 1))),
        ("tensorrt", Device("tensorrt", (0,))),
        ("tensorrt:all", Device("tensorrt", (0, 1))),
    ],
)
def test_a_device_is_chosen_among_two_gpus(device: str, expected: Device) -> None:
    assert with_two_gpus(device) == expected


def test_without_a_gpu_only_auto_and_cpu_are_available() -> None:
    assert without_gpu("auto") == without_gpu("cpu") == Device("cpu")
    for device in ("cuda", "cuda:1", "cuda:all", "tensorrt"):
        with pytest.raises(DeviceError) as caught:
            without_gpu(device)
        assert str(caught.value) == (
            f"device {device!r} cannot be used: {NO_DRIVER}; choose device='cpu' (--device cpu), or fix the set-up "
            "(toolbox doctor)"
        )


@pytest.mark.parametrize(
    "device",
    ["gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0,", "cuda:²", "cpu:0", "auto:0", "CUDA", "", "tensorrt:x"],
)
@pytest.mark.parametrize("choose", [with_two_gpus, without_gpu])
def test_another_device_is_refused_whether_there_is_a_gpu_or_not(choose: Any, device: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(device)
    expected = "expected auto, cpu, cuda, cuda:0,1, cuda:all, or tensorrt likewise"
    assert str(caught.value) == f"unknown device {device!r}; {expected}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:0,1", "tensorrt:all"])
def test_the_driver_is_asked_once(device: str) -> None:
    asked = []

    def answer() -> Driver:
        asked.append(device)
        return DRIVER()

    choose_device(device, answer)
    assert asked == [device]


@pytest.mark.parametrize("device", ["cuda:7", "cuda:0,7", "tensorrt:7"])
def test_a_gpu_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(DeviceError) as caught:
        with_two_gpus(device)
    assert str(caught.value) == f"device {device!r}: GPU 7 does not exist; choose from 2, counted from 0"
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("precision", "device", "reason"),
    [
        ("float32", Device("cpu"), None),
        ("float32", Device("cuda", (0,)), None),
        ("float32", Device("tensorrt", (0,)), None),
        ("tf32", Device("cuda", (0,)), None),
        (
            "tf32",
            Device("cpu"),
            "precision 'tf32' needs a GPU; choose precision='float32' (--precision float32), or device='cuda'",
        ),
        (
            "tf32",
            Device("tensorrt", (0,)),
            "precision 'tf32' is not available with TensorRT; choose device='cuda' (--device cuda), or prec",
        ),
        ("bf16", Device("cpu"), None),
        (
            "bf16",
            Device("cuda", (0,)),
            "precision 'bf16' is available only on a CPU; choose device='cpu' (--device cpu), or precision='tf32' (--p",
        ),
        ("bf16", Device("tensorrt", (0,)), "precision 'bf16' is available only on a CPU"),
    ],
)
def test_a_precision_is_for_some_devices(
    monkeypatch: pytest.MonkeyPatch, precision: str, device: Device, reason: str | None
) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda: True)
    monkeypatch.setattr("toolbox.runtime.openvino.find_spec", lambda _: object())
    if reason is None:
        check_precision(precision, device)
        return
    with pytest.raises(DeviceError) as caught:
        check_precision(precision, device)
    assert reason in str(caught.value)


@pytest.mark.parametrize("able", [False, None])
def test_bf16_is_refused_where_the_processor_lacks_it(
    monkeypatch: pytest.MonkeyPatch, able: bool | None
) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda: able)
    monkeypatch.setattr("toolbox.runtime.openvino.find_spec", lambda _: object())
    with pytest.raises(
        DeviceError, match=r"needs bf16 instructions .*, which this processor lacks; choose precision='fl"
    ):
        check_precision("bf16", Device("cpu"))


def test_another_precision_or_convolution_is_refused(graph: Graph) -> None:
    expected = re.escape("expected one of float32, tf32, bf16; did you mean 'bf16'?")
    with pytest.raises(UsageError, match=f"^unknown precision 'fp16'; {expected}$"):
        start_session(graph, device="cpu", precision="fp16")
    with pytest.raises(UsageError, match=r"^unknown convolution 'fft'; expected one of winograd, direct$"):
        start_session(graph, device="cpu", convolution="fft")


def test_cuda_computes_in_full_precision_unless_asked() -> None:
    ((name, options),) = provider_options("cuda", 3, "float32")
    assert name == CUDA
    assert (options["device_id"], options["use_tf32"]) == ("3", "0")
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert options["arena_extend_strategy"] == "kSameAsRequested"
    assert provider_options("cuda", 0, "tf32")[0][1]["use_tf32"] == "1"


def test_tensorrt_has_cuda_behind_it_and_keeps_its_engines_in_the_cache(cache: Path) -> None:
    (name, options), (behind, cuda) = provider_options("tensorrt", 1, "float32", "ab12")
    assert (name, behind) == (TENSORRT, CUDA)
    assert options["device_id"] == cuda["device_id"] == "1"
    assert (options["trt_fp16_enable"], cuda["use_tf32"]) == ("0", "0")
    assert options["trt_engine_cache_path"] == str(cache / "tensorrt" / "ab12")
    assert options["trt_timing_cache_path"] == str(cache / "tensorrt")


def sums(weight: float, side: int = 2) -> Graph:
    """A sum of three channels, times a weight, for images of one size."""
    kernel = np.full((1, 3, 1, 1), weight, np.float32)
    return convolution(kernel, side, side, bias=np.zeros(1, np.float32), kernel_shape=[1, 1])


def test_networks_that_differ_in_weights_alone_never_share_an_engine_of_tensorrt(
    planners: list[Planner], cache: Path
) -> None:
    """The name that onnxruntime gives to a stored engine is the same for all weights of an architecture."""
    for graph in (sums(1), sums(2), sums(1, side=3), sums(1)):
        start_session(graph, device="tensorrt")
    folders = [planner.providers[0][1]["trt_engine_cache_path"] for planner in planners]
    assert folders[0] == folders[3]
    assert len({*folders}) == 3
    assert all(Path(folder).is_dir() and Path(folder).parent == cache / "tensorrt" for folder in folders)


def test_a_missing_library_of_tensorrt_is_an_error(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "choose_device", with_two_gpus)
    monkeypatch.setattr(computations, "library_failure", lambda name: f"no {name} here")
    with pytest.raises(DeviceError) as caught:
        start_session(graph, device="tensorrt:1")
    assert str(caught.value) == (
        "device 'tensorrt' cannot be used (no tensorrt here); choose device='cuda' (--device cuda), or install "
        f"TensorRT ({tensorrt_command()})"
    )
    assert re.fullmatch(r"pip install 'tensorrt-cu1\d<11'", tensorrt_command())


class Planner:
    """A session of TensorRT that notes the variable against TF32 when it is started, and whenever it runs."""

    def __init__(self, providers: Any = ()) -> None:
        self.providers = providers
        self.switches = [os.environ.get(devices.TF32_SWITCH)]
        self.images: list[tuple[int, ...]] = []

    def __call__(self, images: ImageBatch) -> Sequence[NDArray[np.float32]]:
        self.switches.append(os.environ.get(devices.TF32_SWITCH))
        self.images.append(images.shape)
        return [images.reshape(len(images), -1).sum(axis=1, keepdims=True, dtype=np.float32)]


@pytest.fixture
def planners(monkeypatch: pytest.MonkeyPatch) -> list[Planner]:
    """As if two GPUs were there, each with CUDA and TensorRT: the sessions that are started on them."""
    started: list[Planner] = []

    def start(graph: Graph, options: Any, providers: Any) -> Planner:
        started.append(Planner(providers))
        return started[-1]

    monkeypatch.setattr(sessions, "choose_device", with_two_gpus)
    monkeypatch.setattr(computations, "library_failure", lambda _: None)
    monkeypatch.setattr(computations, "start_computation", start)
    return started


@pytest.mark.parametrize("earlier", [None, "0", "1"])
def test_tensorrt_plans_without_tf32_and_the_environment_is_as_before(
    graph: Graph, planners: list[Planner], monkeypatch: pytest.MonkeyPatch, earlier: str | None
) -> None:
    monkeypatch.delenv(devices.TF32_SWITCH, raising=False)
    if earlier is not None:
        monkeypatch.setenv(devices.TF32_SWITCH, earlier)
    before = dict(os.environ)
    session = start_session(graph, device="tensorrt:1", batch=4)
    assert dict(os.environ) == before
    for count in (4, 2, 6, 6, 4):  # filled up to 4; more is a new shape, which is planned again
        session.run(np.ones((count, 3, 2, 2), np.float32))
        assert dict(os.environ) == before
    (planner,) = planners
    assert planner.images == [(4, 3, 2, 2), (4, 3, 2, 2), (6, 3, 2, 2), (6, 3, 2, 2), (4, 3, 2, 2)]
    assert planner.switches == ["0", "0", earlier, "0", earlier, earlier]


def test_a_plan_that_fails_leaves_the_environment_as_it_was_and_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(devices.TF32_SWITCH, raising=False)
    switches = []

    def fail_once(images: ImageBatch) -> Sequence[NDArray[np.float32]]:
        switches.append(os.environ.get(devices.TF32_SWITCH))
        if len(switches) == 1:
            raise RuntimeError("out of memory")
        return [images]

    computation = FullPrecision(fail_once)
    with pytest.raises(RuntimeError, match="out of memory"):
        computation(np.ones((1, 1), np.float32))
    assert devices.TF32_SWITCH not in os.environ
    computation(np.ones((1, 1), np.float32))
    assert switches == ["0", "0"]
    assert devices.TF32_SWITCH not in os.environ


def test_several_gpus_that_plan_at_once_leave_the_environment_as_it_was(
    graph: Graph, planners: list[Planner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(devices.TF32_SWITCH, raising=False)
    session = start_session(graph, device="tensorrt:all", batch=1)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(session.run, [np.ones((size, 3, 2, 2), np.float32) for size in range(1, 100)]))
    assert devices.TF32_SWITCH not in os.environ
    for planner in planners:
        assert planner.images
        assert set(planner.switches) == {"0"}


def test_cuda_needs_no_environment_for_either_precision(
    graph: Graph, planners: list[Planner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(devices.TF32_SWITCH, raising=False)
    for precision in ("float32", "tf32"):
        start_session(graph, device="cuda", precision=precision).run(np.ones((1, 3, 2, 2), np.float32))
    assert [planner.switches for planner in planners] == [[None, None], [None, None]]


def test_tf32_is_refused_where_the_environment_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.TF32_SWITCH, "0")
    check_precision("float32", Device("cuda", (0,)))
    with pytest.raises(
        DeviceError, match=r"disabled by the environment variable NVIDIA_TF32_OVERRIDE=0; uns"
    ):
        check_precision("tf32", Device("cuda", (0,)))
    monkeypatch.setenv(devices.TF32_SWITCH, "1")
    check_precision("tf32", Device("cuda", (0,)))


@pytest.mark.parametrize(
    ("reason", "images", "error", "remedy"),
    [
        (
            "Non-zero status code while running Conv node.\n Failed to allocate memory for requested buffer of size 4",
            32,
            ResourceError,
            "the memory of the GPU is too small for 32 images, .*; choose fewer images with batch=16 (--batch 16)",
        ),
        (
            "CUDA error 2: out of memory",
            1,
            ResourceError,
            "for 1 image, .*; choose device='cpu' (--device cpu)",
        ),
        ("CUDNN_STATUS_ALLOC_FAILED", 3, ResourceError, "batch=1 (--batch 1)"),
        (
            "cuDNN is unavailable for CUDA Execution Provider:\n libcudnn.so.9",
            2,
            DeviceError,
            "the GPU cannot compute (cuDNN is unavailable for CUDA Execution Provider: libcudnn.so.9); toolbox doctor "
            "reports what to fix; or choose device='cpu' (--device cpu)",
        ),
    ],
)
def test_a_gpu_that_fails_at_a_batch_is_one_line(
    graph: Graph,
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
    images: int,
    error: type[ToolboxError],
    remedy: str,
) -> None:
    def fail(_: ImageBatch) -> Sequence[NDArray[np.float32]]:
        raise Fail(reason)

    monkeypatch.setattr(sessions, "choose_device", with_two_gpus)
    monkeypatch.setattr(computations, "start_computation", lambda *_: fail)
    session = start_session(graph, device="cuda", batch=images)
    with pytest.raises(error) as caught:
        session.run(np.ones((images, 3, 2, 2), np.float32))
    assert re.search(re.escape(remedy).replace(r"\.\*", ".*"), str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_failure_that_names_no_library_of_a_gpu_is_a_bug_and_passes(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: ImageBatch) -> Sequence[NDArray[np.float32]]:
        raise Fail("Got invalid dimensions for input: images")

    monkeypatch.setattr(sessions, "choose_device", with_two_gpus)
    monkeypatch.setattr(computations, "start_computation", lambda *_: fail)
    with pytest.raises(Fail, match="invalid dimensions"):
        start_session(graph, device="cuda", batch=1).run(np.ones((1, 3, 2, 2), np.float32))


def test_a_binding_computes_what_a_plain_run_does(graph: Graph) -> None:
    plain = start_computation(graph, onnxruntime.SessionOptions(), [(CPU, {})])
    bound = BoundComputation(plain, "cpu")
    random = np.random.default_rng(0)
    for count in (2, 3, 2, 3):
        images = random.normal(size=(count, 3, 2, 2)).astype(np.float32)
        for one, other in zip(plain(images), bound(images), strict=True):
            np.testing.assert_array_equal(one, other)
    assert len(bound.bindings) == 2


@needs_cuda
@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_onnxruntime_computes_on_the_gpu(graph: Graph, device: str) -> None:
    onnxruntime.set_default_logger_severity(4)
    providers = provider_options(device, 0, "float32")
    if not {name for name, _ in providers} <= {*onnxruntime.get_available_providers()}:
        pytest.skip(f"this onnxruntime was built without {device}")
    assert start_computation(graph, onnxruntime.SessionOptions(), providers)(
        np.ones((1, 3, 2, 2), np.float32)
    )


@needs_no_cuda
@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_onnxruntime_never_falls_back_to_the_cpu(
    graph: Graph, device: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Asked for a GPU, onnxruntime gives a session on the CPU where there is none, and says so on stdout at best."""
    onnxruntime.set_default_logger_severity(4)
    providers = provider_options(device, 0, "float32")
    with pytest.raises(DeviceError) as caught:
        start_computation(graph, onnxruntime.SessionOptions(), providers)
    assert providers[0][0] in str(caught.value)
    assert "choose device='cpu' (--device cpu)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""


def test_a_broken_graph_keeps_its_traceback_on_a_cpu(graph: Graph) -> None:
    graph.proto.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(Exception, match="NoSuchOperator") as caught:
        start_session(graph, device="cpu")
    assert not isinstance(caught.value, ToolboxError)


class Recording:
    """A runner that keeps what it was given, and gives the sum of every image."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._seconds, self._busy = seconds, threading.Lock()

    def __call__(self, images: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        assert self._busy.acquire(blocking=False), "two threads at once"
        try:
            self.shapes.append(images.shape)
            time.sleep(self._seconds)
            return [images.reshape(len(images), -1).sum(axis=1, keepdims=True, dtype=np.float32)]
        finally:
            self._busy.release()


@pytest.mark.parametrize("provider", [CUDA, TENSORRT])
@pytest.mark.parametrize(("count", "filled"), [(1, 4), (3, 4), (4, 4), (6, 6)])
def test_a_gpu_is_shown_whole_batches(provider: str, count: int, filled: int) -> None:
    runner = Recording()
    session = session_of([runner], provider=provider, batch=4)
    images = np.arange(count * 3, dtype=np.uint8).reshape(count, 1, 1, 3)
    np.testing.assert_array_equal(session.run(images)["sum"], images.sum(axis=(1, 2, 3))[:, None])
    assert runner.shapes == [(filled, 1, 1, 3)]


@pytest.mark.parametrize(
    ("provider", "batch", "part", "expected"),
    [
        (CUDA, 64, 600, 60),
        (CUDA, 64, 1000, 63),
        (CUDA, 32, 50, 25),
        (TENSORRT, 32, 20, 32),
        (TENSORRT, 64, 600, 64),
        (CUDA, 64, 640, 64),
        (CUDA, 1, 50, 1),
        (CUDA, 64, 0, 64),
        (CPU, 8, 50, 8),
    ],
)
def test_the_batches_of_a_part_have_nearly_the_same_size_on_a_gpu(
    provider: str, batch: int, part: int, expected: int
) -> None:
    session = session_of([Recording()], provider=provider, batch=batch)
    assert session.for_parts(part).batch == expected


def test_a_cpu_is_shown_batches_as_they_are() -> None:
    runner = Recording()
    session_of([runner], provider=CPU, batch=4).run(np.ones((3, 2), np.float32))
    assert runner.shapes == [(3, 2)]


def test_all_runners_are_at_work_and_none_for_two_threads_at_once() -> None:
    runners = [Recording(0.01) for _ in range(3)]
    session = session_of(runners)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda number: session.run(np.full((1, 2), number, np.float32)), range(30)))
    assert [float(result["sum"][0, 0]) for result in results] == [2.0 * number for number in range(30)]
    assert all(len(runner.shapes) >= 5 for runner in runners)


def test_a_runner_that_fails_is_there_for_the_next_batch() -> None:
    def fail_once(images: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        if len(images) == 2:
            raise RuntimeError("too many")
        return [images]

    session = session_of([fail_once])
    with pytest.raises(RuntimeError, match="too many"):
        session.run(np.zeros((2, 1), np.float32))
    assert session.run(np.ones((1, 1), np.float32))["sum"].shape == (1, 1)


def test_workers_share_one_session_of_onnxruntime(graph: Graph) -> None:
    session = start_session(graph, device="cpu", workers=3, threads=2)
    assert (session.workers, session.threads) == (3, 2)
    assert len({id(session._free.get()) for _ in range(3)}) == 1


@pytest.mark.parametrize(
    ("workers", "threads", "batch", "expected"),
    [
        (1, 1, 1, "1 worker of 1 thread, batches of 1"),
        (2, 4, 8, "2 workers of 4 threads, batches of 8"),
        (1, 0, 32, "1 worker, batches of 32"),
    ],
)
def test_the_arrangement_in_words(
    graph: Graph, workers: int, threads: int, batch: int, expected: str
) -> None:
    session = start_session(graph, device="cpu", workers=workers, threads=threads, batch=batch)
    assert session.arrangement == expected


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not list threads")
@pytest.mark.parametrize(("workers", "threads", "beside"), [(1, 1, 0), (1, 3, 2), (2, 1, 0), (3, 3, 6)])
def test_there_are_as_many_threads_as_workers_times_their_threads(
    graph: Graph, workers: int, threads: int, beside: int
) -> None:
    """Every caller computes too; the others are counted by the system."""
    tasks = Path("/proc/self/task")
    before = len(list(tasks.iterdir()))
    session = start_session(graph, device="cpu", workers=workers, threads=threads)
    assert len(list(tasks.iterdir())) - before == beside
    assert session.workers == workers
