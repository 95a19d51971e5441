"""The processor, its memory, and the GPU with its driver and libraries."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from toolbox.distribution import install_command
from toolbox.errors import DeviceError, ResourceError, ToolboxError
from toolbox.runtime import hardware
from toolbox.runtime.hardware import CUDA, Driver, Gpu, Runtime
from toolbox.setup.doctor.finding import Finding

GIGABYTE = 10**9
OLD_GPU_COMMAND = "pip install 'onnxruntime-gpu[cuda,cudnn]<1.27' 'nvidia-cudnn-cu12<9.11'"
"""Installs the last builds for GPUs before Turing: CUDA 13 dropped Maxwell, Pascal and Volta, and so did cuDNN 9.11."""
BASE_MEMORY, WHOLE_MEMORY = 1.5 * GIGABYTE, 3 * GIGABYTE
"""Memory that an extraction may need: for VGG16's convolutions, and for all its layers."""


def cores(groups: Path = hardware.CONTROL_GROUPS) -> Iterator[Finding]:
    """The number of cores that this process may use."""
    count, limit = hardware.core_count(), hardware.core_limit(groups)
    if limit is not None and limit < count:
        threads = max(1, int(limit))
        report = (
            f"{count}, but this container may use the time of only {limit:g} cores; "
            "more threads would wait for each other"
        )
        yield Finding("cores", "note", report, f"extract with threads={threads} (--threads {threads})")
    else:
        yield Finding("cores", "ok", str(count))


def memory(groups: Path = hardware.CONTROL_GROUPS, system: Path = hardware.MEMORY) -> Iterator[Finding]:
    """Memory, compared with the need of an extraction.

    Args:
        groups: the folder of the control groups of Linux.
        system: the file in which Linux reports the size of the memory.
    """
    sizes = {"free": hardware.free_memory(system), "in all": hardware.memory_limit(groups, system)}
    known = {word: size for word, size in sizes.items() if size is not None}
    if not known:
        report = "this system does not report its size"
        yield Finding("memory", "note", report, "an extraction needs 1.5 to 3 GB")
        return
    report = " of ".join(f"{size / GIGABYTE:.1f} GB {word}" for word, size in known.items())
    yield _memory_finding(report, min(known.values()))


def _memory_finding(report: str, size: int) -> Finding:
    if size < BASE_MEMORY:
        remedy = f"an extraction needs {BASE_MEMORY / GIGABYTE:g} GB or more: "
        return Finding("memory", "problem", report, f"{remedy}end other programs, or use a larger machine")
    if size < WHOLE_MEMORY:
        remedy = (
            f"fully connected layers need {WHOLE_MEMORY / GIGABYTE:g} GB; "
            "leave them out with layers='block*' (--layers 'block*')"
        )
        return Finding("memory", "note", report, remedy)
    return Finding("memory", "ok", report)


def half_precision(processor: Path = hardware.PROCESSOR) -> Iterator[Finding]:
    """Whether the processor computes in bf16, and whether OpenVINO is installed to use it."""
    able = hardware.has_bf16(processor)
    if able is None:
        yield Finding("bf16", "note", "this system does not report whether the processor computes in bf16")
    elif not able:
        yield Finding(
            "bf16", "note", "the processor does not compute in bf16; precision='bf16' cannot be used"
        )
    elif find_spec("openvino") is None:
        yield Finding(
            "bf16",
            "note",
            "the processor computes in bf16; OpenVINO can use it",
            install_command("bf16"),
        )
    else:
        yield Finding("bf16", "ok", "the processor computes in bf16, and OpenVINO is installed to use it")


def gpu(load: Callable[[str], Any] = ctypes.CDLL) -> Iterator[Finding]:
    """The NVIDIA driver, its GPUs, and whether onnxruntime can use them. A missing GPU is not a problem.

    Args:
        load: loads the driver's library by its name, or raises OSError.
    """
    try:
        driver = hardware.find_driver(load)
    except DeviceError as error:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        report = (
            f"{error}{'' if hidden is None else f' (CUDA_VISIBLE_DEVICES is {hidden!r})'}; the CPU is used"
        )
        yield Finding("GPU", "note", report)
        return
    for found in driver.gpus:
        yield Finding("GPU", "ok", f"{found.name}, {found.memory / GIGABYTE:.0f} GB")
    yield Finding("driver", "ok", f"supports CUDA up to {_dotted(driver.cuda)}")
    runtime = hardware.runtime()
    yield cuda(driver, runtime)
    yield from _further_old_gpus(driver, runtime)
    yield _tensorrt(runtime)


def _tensorrt(runtime: Runtime) -> Finding:
    """Whether TensorRT can be used; only a build of onnxruntime that has its provider lacks nothing but libraries."""
    failure = hardware.library_failure("tensorrt")
    if not failure:
        return Finding("TensorRT", "ok", "its libraries can be loaded")
    is_built = CUDA in runtime.providers and hardware.provider_library("tensorrt").is_file()
    report = f"not available ({failure}); it is not required"
    return Finding("TensorRT", "note", report, hardware.tensorrt_command() if is_built else "")


def cuda(driver: Driver, runtime: Runtime) -> Finding:
    """Whether onnxruntime can compute on the GPU of a working driver.

    Args:
        driver: the driver.
        runtime: the imported onnxruntime.
    """
    if CUDA not in runtime.providers:
        remedy = "pip uninstall --yes onnxruntime, then pip install onnxruntime-gpu"
        return Finding(
            "CUDA", "note", "a GPU is available, but this onnxruntime was built without CUDA", remedy
        )
    if _major(runtime) > driver.cuda[0]:
        report = (
            f"this onnxruntime needs CUDA {runtime.cuda}, but the driver supports only {_dotted(driver.cuda)}"
        )
        return Finding(
            "CUDA", "problem", report, "update NVIDIA's driver, or extract with device='cpu' (--device cpu)"
        )
    first = driver.gpus[0]
    if first.capability < _oldest(runtime):
        return Finding("CUDA", "problem", _too_old(first, runtime), _cuda_remedy(first))
    failures = [hardware.library_failure("cuda"), hardware.cudnn_failure()]
    if missing := [failure for failure in failures if failure]:
        return Finding("CUDA", "problem", f"a library is missing ({missing[0]})", _cuda_remedy(first))
    return _computing(first)


def _computing(first: Gpu) -> Finding:
    """Whether the GPU that is used where none is named computes."""
    from toolbox.runtime.self_test import compute_once

    try:
        return Finding("CUDA", "ok", f"{compute_once('cuda')} computes correctly")
    except ResourceError as error:
        report, _, remedy = str(error).rpartition("; ")
        return Finding("CUDA", "problem", report, remedy)
    except ToolboxError as error:
        reason = " ".join(str(error.__cause__ or error).split())
        report = f"a GPU is available, but cannot compute ({reason})"
        return Finding("CUDA", "problem", report, _cuda_remedy(first))


def _further_old_gpus(driver: Driver, runtime: Runtime) -> Iterator[Finding]:
    """The GPUs that are used only where they are named, and that this onnxruntime does not support."""
    if CUDA in runtime.providers:
        for number, found in enumerate(driver.gpus[1:], 1):
            if found.capability < _oldest(runtime):
                report = f"{_too_old(found, runtime)}; device='cuda:{number}' cannot be used"
                yield Finding("CUDA", "note", report, _cuda_remedy(found))


def _too_old(found: Gpu, runtime: Runtime) -> str:
    return (
        f"{found.name} has compute capability {_dotted(found.capability)}, but this onnxruntime, for CUDA "
        f"{runtime.cuda}, needs {_dotted(_oldest(runtime))} or more"
    )


def _oldest(runtime: Runtime) -> tuple[int, int]:
    """The compute capability that a build of onnxruntime needs."""
    return hardware.OLDEST_CAPABILITY.get(_major(runtime), (0, 0))


def _major(runtime: Runtime) -> int:
    """The major version of the CUDA for which onnxruntime was built; 0 if unknown."""
    return int(runtime.cuda.partition(".")[0] or 0)


def _cuda_remedy(found: Gpu) -> str:
    """What to install for a GPU, and what to do without it."""
    is_old = found.capability < hardware.OLDEST_CAPABILITY[13]
    install = f"{OLD_GPU_COMMAND} (not tried on such a GPU)" if is_old else install_command("cuda")
    return f"{install}, or extract with device='cpu' (--device cpu)"


def _dotted(number: tuple[int, int]) -> str:
    return f"{number[0]}.{number[1]}"
