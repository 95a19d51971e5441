"""Cores, memory, bf16, and a GPU in all the ways it may not work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from support.fake_driver import FakeDriver, no_driver
from support.needs import needs_cuda, needs_no_cuda
from toolbox.distribution import install_command
from toolbox.errors import DeviceError, ResourceError
from toolbox.runtime.hardware import (
    Driver,
    Gpu,
    core_count,
    cuda_obstacle,
    library_failure,
    runtime,
)
from toolbox.setup.doctor import can_work
from toolbox.setup.doctor.finding import Finding
from toolbox.setup.doctor.machine import cores, cuda, gpu, half_precision, memory

OLD_REMEDY = (
    "pip install 'onnxruntime-gpu[cuda,cudnn]<1.27' 'nvidia-cudnn-cu12<9.11' (not tried on such a GPU), "
    "or extract with device='cpu' (--device cpu)"
)
DRIVER = Driver((13, 0), (Gpu("NVIDIA H100", 80 * 10**9, (9, 0)),))


def test_a_containers_share_of_the_cores_is_noted_with_the_threads_to_choose(tmp_path: Path) -> None:
    assert [entry.finding for entry in cores(tmp_path)] == [str(core_count())]
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (found,) = cores(tmp_path)
    assert (found.state, found.remedy) == ("note", "extract with threads=1 (--threads 1)")
    assert "the time of only 0.5 cores" in found.finding


@pytest.mark.parametrize(
    ("total", "free", "state"),
    [(8_000_000, 5_000_000, "ok"), (8_000_000, 2_000_000, "note"), (1_000_000, 900_000, "problem")],
)
def test_memory_is_compared_with_the_need_of_an_extraction(
    tmp_path: Path, total: int, free: int, state: str
) -> None:
    system = tmp_path / "meminfo"
    system.write_text(f"MemTotal: {total} kB\nMemAvailable: {free} kB\n")
    (found,) = memory(tmp_path, system)
    assert found.state == state
    assert found.finding == f"{free * 1024 / 1e9:.1f} GB free of {total * 1024 / 1e9:.1f} GB in all"
    assert bool(found.remedy) == (state != "ok")


def test_a_containers_memory_counts(tmp_path: Path) -> None:
    system = tmp_path / "meminfo"
    system.write_text("MemTotal: 8000000 kB\nMemAvailable: 5000000 kB\n")
    (tmp_path / "memory.max").write_text("1000000000\n")
    (found,) = memory(tmp_path, system)
    assert found.state == "problem"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("avx512_bf16", "OpenVINO can use it"),
        ("avx2", "precision='bf16' cannot be used"),
        (None, "does not report"),
    ],
)
def test_bf16_is_a_note_in_every_case_without_openvino(
    tmp_path: Path, without_openvino: None, flags: str | None, told: str
) -> None:
    if flags:
        (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    (found,) = half_precision(tmp_path / "cpuinfo")
    assert found.state == "note"
    assert told in found.finding


def test_no_gpu_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    findings = [*gpu(no_driver), *gpu(FakeDriver({}).load)]
    assert [entry.state for entry in findings] == ["note", "note"]
    assert "no NVIDIA driver" in findings[0].finding
    assert findings[1].finding == (
        "the NVIDIA driver finds no GPU (CUDA_VISIBLE_DEVICES is '7'); the CPU is used"
    )
    assert can_work(findings)


def test_a_driver_too_old_for_this_onnxruntime_is_a_problem() -> None:
    built = replace(runtime(), cuda="13.0", providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    found = cuda(replace(DRIVER, cuda=(12, 4)), built)
    assert found.state == "problem"
    assert found.finding == "this onnxruntime needs CUDA 13.0, but the driver supports only 12.4"
    assert "update NVIDIA's driver" in found.remedy


def test_a_gpu_beside_a_build_without_cuda_is_noted() -> None:
    found = cuda(DRIVER, replace(runtime(), providers=("CPUExecutionProvider",)))
    assert found.state == "note"
    assert "built without CUDA" in found.finding
    assert found.remedy.endswith("pip install onnxruntime-gpu")


def test_a_gpu_that_cannot_be_used_is_a_problem_and_what_is_missing_is_named() -> None:
    """The driver answers, but no library or no kernel does: as on a machine with a GPU and without CUDA."""
    built = replace(runtime(), providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    found = cuda(DRIVER, built)
    failure = library_failure("cuda")
    if failure is not None:
        assert found.state == "problem"
        assert failure in found.finding
        assert found.remedy == f"{install_command('cuda')}, or extract with device='cpu' (--device cpu)"
    else:
        assert found.state == ("ok" if cuda_obstacle() is None else "problem")


def test_a_gpu_too_old_for_this_onnxruntime_is_a_problem_and_the_build_that_can_use_it_is_named() -> None:
    """CUDA 13 dropped the GPUs before Turing, such as the V100 of many clusters; its driver still has them."""
    built = replace(runtime(), cuda="13.0", providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    old = replace(DRIVER, gpus=(Gpu("Tesla V100-SXM2-32GB", 32 * 10**9, (7, 0)),))
    found = cuda(old, built)
    assert (found.state, found.finding) == (
        "problem",
        "Tesla V100-SXM2-32GB has compute capability 7.0, but this onnxruntime, for CUDA 13.0, needs 7.5 or more",
    )
    assert found.remedy == OLD_REMEDY
    assert "compute capability" not in cuda(old, replace(built, cuda="12.9")).finding
    assert "compute capability" not in cuda(DRIVER, built).finding


def test_the_libraries_for_an_old_gpu_are_named_also_where_they_are_missing_or_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A build for CUDA 12 has such a GPU, but cuDNN 9.11 and newer do not."""
    old = replace(DRIVER, gpus=(Gpu("Tesla V100-SXM2-32GB", 32 * 10**9, (7, 0)),))
    built = replace(runtime(), cuda="12.9", providers=("CUDAExecutionProvider", "CPUExecutionProvider"))

    def fail(_: str) -> str:
        raise DeviceError("the GPU cannot compute") from Fail("CUDNN_STATUS_ARCH_MISMATCH")

    monkeypatch.setattr("toolbox.runtime.self_test.compute_once", fail)
    monkeypatch.setattr("toolbox.runtime.hardware.library_failure", lambda _: None)
    monkeypatch.setattr("toolbox.runtime.hardware.cudnn_failure", lambda: None)
    assert cuda(old, built).remedy == OLD_REMEDY
    monkeypatch.setattr("toolbox.runtime.hardware.cudnn_failure", lambda: "libcudnn.so.9: no such file")
    assert cuda(old, built).remedy == OLD_REMEDY


def test_an_old_gpu_beside_the_first_one_is_noted_and_the_first_one_computes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = replace(runtime(), cuda="13.0", providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    pair = replace(DRIVER, gpus=(*DRIVER.gpus, Gpu("Tesla V100-SXM2-32GB", 32 * 10**9, (7, 0))))
    monkeypatch.setattr("toolbox.runtime.self_test.compute_once", lambda _: "CUDAExecutionProvider")
    monkeypatch.setattr("toolbox.runtime.hardware.library_failure", lambda _: None)
    monkeypatch.setattr("toolbox.runtime.hardware.cudnn_failure", lambda: None)
    monkeypatch.setattr("toolbox.runtime.hardware.runtime", lambda: built)
    monkeypatch.setattr("toolbox.runtime.hardware.find_driver", lambda _: pair)
    found = [entry for entry in gpu(no_driver) if entry.subject == "CUDA"]
    assert [(entry.state, entry.remedy) for entry in found] == [("ok", ""), ("note", OLD_REMEDY)]
    assert found[0].finding == "CUDAExecutionProvider computes correctly"
    assert "compute capability 7.0" in found[1].finding and "device='cuda:1'" in found[1].finding
    assert can_work(found)


@pytest.mark.parametrize(
    ("providers", "has_file", "is_named"),
    [
        (("CUDAExecutionProvider", "CPUExecutionProvider"), True, True),
        (("CUDAExecutionProvider", "CPUExecutionProvider"), False, False),
        (("CPUExecutionProvider",), True, False),
    ],
)
def test_tensorrt_is_offered_to_builds_that_can_use_it_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    providers: tuple[str, ...],
    has_file: bool,
    is_named: bool,
) -> None:
    library = tmp_path / "libonnxruntime_providers_tensorrt.so"
    if has_file:
        library.write_bytes(b"no library")
    built = replace(runtime(), cuda="13.0", providers=providers)
    monkeypatch.setattr("toolbox.runtime.hardware.runtime", lambda: built)
    monkeypatch.setattr("toolbox.runtime.hardware.provider_library", lambda _: library)
    monkeypatch.setattr("toolbox.runtime.hardware.cudnn_failure", lambda: "missing")
    *_, found = gpu(FakeDriver({"NVIDIA A100": 40 * 10**9}).load)
    assert (found.subject, found.state) == ("TensorRT", "note")
    assert found.remedy == ("pip install 'tensorrt-cu13<11'" if is_named else "")


def test_a_gpu_whose_memory_is_full_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> str:
        raise ResourceError(
            "the memory of the GPU is too small for 1 image, perhaps beside other programs (nvidia-smi lists them); "
            "choose device='cpu' (--device cpu)"
        ) from Fail("Failed to allocate memory")

    monkeypatch.setattr("toolbox.runtime.self_test.compute_once", fail)
    found = cuda_whose_libraries_load(monkeypatch)
    assert (found.state, found.remedy) == ("problem", "choose device='cpu' (--device cpu)")
    assert found.finding.startswith("the memory of the GPU is too small for 1 image, perhaps beside")


def test_a_missing_cudnn_is_named_although_onnxruntime_starts_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = "libcudnn.so.9: cannot open shared object file: No such file or directory"
    monkeypatch.setattr("toolbox.runtime.hardware.library_failure", lambda _: None)
    monkeypatch.setattr("toolbox.runtime.hardware.cudnn_failure", lambda: missing)
    found = cuda(
        DRIVER, replace(runtime(), cuda="13.0", providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    )
    assert found.state == "problem"
    assert found.finding == f"a library is missing ({missing})"
    assert found.remedy == f"{install_command('cuda')}, or extract with device='cpu' (--device cpu)"


def test_why_a_gpu_cannot_compute_is_reported_without_advice_to_ask_the_doctor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: str) -> str:
        raise DeviceError("the GPU cannot compute (…); toolbox doctor …") from Fail(
            "CUDA failure 999:\n unknown error"
        )

    monkeypatch.setattr("toolbox.runtime.self_test.compute_once", fail)
    found = cuda_whose_libraries_load(monkeypatch)
    assert found.finding == "a GPU is available, but cannot compute (CUDA failure 999: unknown error)"


def test_what_a_machine_with_an_h100_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolbox.runtime.self_test.compute_once", lambda _: "CUDAExecutionProvider")
    monkeypatch.setattr("toolbox.runtime.hardware.cudnn_failure", lambda: None)
    monkeypatch.setattr(
        "toolbox.runtime.hardware.library_failure",
        lambda name: "libnvinfer.so.10: cannot open shared object file" if name == "tensorrt" else None,
    )
    built = replace(runtime(), cuda="13.0", providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    monkeypatch.setattr("toolbox.runtime.hardware.runtime", lambda: built)
    driver = FakeDriver({"NVIDIA H100 80GB HBM3": 85_029_158_912}, cuda=13000, capability=(9, 0))
    assert [(entry.subject, entry.state, entry.finding) for entry in gpu(driver.load)] == [
        ("GPU", "ok", "NVIDIA H100 80GB HBM3, 85 GB"),
        ("driver", "ok", "supports CUDA up to 13.0"),
        ("CUDA", "ok", "CUDAExecutionProvider computes correctly"),
        (
            "TensorRT",
            "note",
            "not available (libnvinfer.so.10: cannot open shared object file); it is not required",
        ),
    ]


def cuda_whose_libraries_load(monkeypatch: pytest.MonkeyPatch) -> Finding:
    monkeypatch.setattr("toolbox.runtime.hardware.library_failure", lambda _: None)
    monkeypatch.setattr("toolbox.runtime.hardware.cudnn_failure", lambda: None)
    return cuda(
        DRIVER, replace(runtime(), cuda="13.0", providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    )


@needs_cuda
def test_a_gpu_that_computes_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cuda_whose_libraries_load(monkeypatch)
    assert (found.state, found.finding) == ("ok", "CUDAExecutionProvider computes correctly")


@needs_no_cuda
def test_libraries_that_load_are_not_enough_a_convolution_must_be_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = cuda_whose_libraries_load(monkeypatch)
    obstacle = cuda_obstacle()
    assert found.state == "problem"
    assert obstacle is not None and obstacle in found.finding


def test_the_gpus_and_their_driver_are_named() -> None:
    findings = list(gpu(FakeDriver({"NVIDIA A100": 40 * 10**9, "NVIDIA T4": 16 * 10**9}).load))
    assert [entry.finding for entry in findings[:3]] == [
        "NVIDIA A100, 40 GB",
        "NVIDIA T4, 16 GB",
        "supports CUDA up to 13.0",
    ]
    assert [entry.subject for entry in findings[3:]] == ["CUDA", "TensorRT"]
