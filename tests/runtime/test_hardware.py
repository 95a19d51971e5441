"""What the machine has: drivers that answer in several ways, control groups of both layouts, several processors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.fake_driver import FakeDriver, no_driver
from toolbox.errors import DeviceError
from toolbox.runtime.hardware import (
    CUDA,
    CUDA_LIBRARIES,
    TENSORRT_LIBRARIES,
    Driver,
    Gpu,
    core_count,
    core_limit,
    cuda_obstacle,
    find_driver,
    free_memory,
    has_bf16,
    library_failure,
    memory_limit,
    packaged_libraries,
    runtime,
    usable_cores,
)
from toolbox.runtime.self_test import compute_once


def test_a_driver_reports_its_cuda_and_its_gpus() -> None:
    driver = FakeDriver({"NVIDIA A100": 40 * 10**9, "NVIDIA T4": 16 * 10**9}, cuda=12040)
    assert find_driver(driver.load) == Driver(
        (12, 4), (Gpu("NVIDIA A100", 40 * 10**9, (8, 0)), Gpu("NVIDIA T4", 16 * 10**9, (8, 0)))
    )


def test_why_there_is_no_gpu_is_reported() -> None:
    with pytest.raises(DeviceError, match="no NVIDIA driver"):
        find_driver(no_driver)
    with pytest.raises(DeviceError, match="the NVIDIA driver finds no GPU"):
        find_driver(FakeDriver({}).load)
    with pytest.raises(DeviceError, match="the NVIDIA driver finds no GPU"):
        find_driver(FakeDriver({}, fails=100).load)
    with pytest.raises(DeviceError, match="the NVIDIA driver fails with CUDA error 803"):
        find_driver(FakeDriver({"NVIDIA T4": 1}, fails=803).load)


def test_cuda_needs_a_build_with_it_and_a_driver_that_answers() -> None:
    answering = cuda_obstacle(FakeDriver({"NVIDIA T4": 1}).load)
    silent = cuda_obstacle(no_driver)
    if CUDA in runtime().providers:
        assert answering is None
        assert silent is not None and "no NVIDIA driver" in silent
    else:
        assert (
            answering
            == silent
            == "this onnxruntime was built without CUDA (onnxruntime-gpu is the build with CUDA)"
        )


def test_a_provider_that_this_build_lacks_is_named() -> None:
    assert "onnxruntime_providers_abacus" in str(library_failure("abacus"))


def test_nvidias_libraries_are_found_in_packages_of_any_folder_in_the_order_of_loading(
    tmp_path: Path,
) -> None:
    own, base, last = (tmp_path / name for name in ("own", "base", "last"))
    files = [
        base / "nvidia" / "cu13" / "lib" / "libcublas.so.13",
        base / "nvidia" / "cu13" / "lib" / "libcublasLt.so.13",
        own / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9",
        base / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9",
        last / "tensorrt_libs" / "libnvinfer.so.10",
        last / "nvidia" / "cu13" / "lib" / "libcublas.so.13",
    ]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    folders = [str(folder) for folder in (own, base, last, tmp_path / "absent")]
    assert [*packaged_libraries(TENSORRT_LIBRARIES, folders)] == [files[1], files[0], files[2], files[4]]
    assert files[4] not in packaged_libraries(CUDA_LIBRARIES, folders)


def test_a_container_may_use_less_than_the_cores_it_sees(tmp_path: Path) -> None:
    assert core_count() >= 1
    assert core_limit(tmp_path) is None
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert core_limit(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert core_limit(tmp_path) == 1.5
    assert usable_cores(tmp_path) == min(2, core_count())
    (tmp_path / "cpu.max").write_text("10000 100000\n")
    assert usable_cores(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("99900000 100000\n")
    assert usable_cores(tmp_path) == core_count()


def test_the_older_layout_of_control_groups_is_read(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "memory").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("50000\n")
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert core_limit(tmp_path) is None
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    assert core_limit(tmp_path) == 2
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("1000000\n")
    assert memory_limit(tmp_path) == 1_000_000


def test_memory_is_the_machines_or_the_containers_share_of_it(tmp_path: Path) -> None:
    system = tmp_path / "meminfo"
    system.write_text(
        "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    5000000 kB\n"
    )
    assert memory_limit(tmp_path, system) == 8_000_000 * 1024
    assert free_memory(system) == 5_000_000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_limit(tmp_path, system) == 8_000_000 * 1024
    (tmp_path / "memory.max").write_text("2000000000\n")
    assert memory_limit(tmp_path, system) == 2_000_000_000
    assert free_memory(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512_bf16 amx_tile", True),
        ("flags\t\t: fpu avx512f amx_bf16", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("model name\t: bf16", None),
    ],
)
def test_linux_tells_whether_a_processor_computes_in_bf16(
    tmp_path: Path, without_openvino: None, line: str, expected: bool | None
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert has_bf16(tmp_path / "cpuinfo") is expected


def test_asking_the_machine_imports_no_library() -> None:
    program = (
        "import sys, toolbox.runtime.hardware as h; h.core_count(); h.core_limit(); h.memory_limit()\n"
        "print(sorted({'onnx', 'onnxruntime', 'numpy', 'polars', 'duckdb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_one_convolution_is_really_computed() -> None:
    assert compute_once("cpu") == "CPUExecutionProvider"
