"""The hardware of this machine: GPU and driver, cores, memory, bf16. Owns querying the system; chooses nothing.

Importing this module loads no library, so that it works on a machine where a library is broken.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from toolbox.errors import DeviceError
from toolbox.host import import_onnxruntime, import_openvino

CUDA = "CUDAExecutionProvider"
NO_DEVICE = 100
"""CUDA's error code when the driver finds no GPU."""
CAPABILITY = (75, 76)
"""CUDA's numbers of the two parts of a GPU's compute capability."""
OLDEST_CAPABILITY = {13: (7, 5)}
"""Major version of CUDA -> the compute capability of the oldest GPUs that it supports."""
CONTROL_GROUPS = Path("/sys/fs/cgroup")
PROCESSOR = Path("/proc/cpuinfo")
MEMORY = Path("/proc/meminfo")
CUDNN = "cudnn64_9.dll" if sys.platform == "win32" else "libcudnn.so.9"
"""Name of the library that computes convolutions."""
CUDA_LIBRARIES = ("cublasLt", "cublas", "nvrtc", "curand", "cufft", "cudart", "cudnn")
"""NVIDIA's libraries that onnxruntime needs, each one after those that it needs itself."""
TENSORRT_LIBRARIES = (*CUDA_LIBRARIES, "nvinfer", "nvonnxparser")
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Names of the bf16 instructions in Linux: of AMD and Intel, of Intel's AMX, of ARM."""


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU, its memory in bytes, and its compute capability, as (major, minor)."""

    name: str
    memory: int
    capability: tuple[int, int]


@dataclass(frozen=True)
class Driver:
    """A working NVIDIA driver: the newest CUDA version that it supports, as (major, minor), and its GPUs."""

    cuda: tuple[int, int]
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True)
class Runtime:
    """The imported onnxruntime; its providers are those of the build, not those that this machine supports."""

    version: str
    folder: Path
    providers: tuple[str, ...]
    cuda: str


def driver_library() -> str:
    """Name of the NVIDIA driver's library on this operating system."""
    return "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def find_driver(load: Callable[[str], Any] = ctypes.CDLL) -> Driver:
    """The NVIDIA driver, queried directly, which prints nothing and takes half a millisecond.

    Args:
        load: loads a library by its name, or raises OSError.

    Raises: DeviceError when the driver is missing, fails, or finds no GPU.
    """
    driver = _load_driver(load)
    count, version = ctypes.c_int(0), ctypes.c_int(0)
    code = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if code not in (0, NO_DEVICE):
        raise DeviceError(f"the NVIDIA driver fails with CUDA error {code} (nvidia-smi may report the cause)")
    if count.value == 0:
        raise DeviceError("the NVIDIA driver finds no GPU")
    driver.cuDriverGetVersion(ctypes.byref(version))
    gpus = tuple(_gpu(driver, number) for number in range(count.value))
    return Driver((version.value // 1000, version.value % 1000 // 10), gpus)


def _load_driver(load: Callable[[str], Any]) -> Any:
    name = driver_library()
    try:
        return load(name)
    except OSError as error:
        raise DeviceError(f"no NVIDIA driver was found ({name} is missing)") from error


def cuda_obstacle(load: Callable[[str], Any] = ctypes.CDLL) -> str | None:
    """The reason why CUDA cannot be used, or None."""
    try:
        find_cuda(load)
    except DeviceError as error:
        return str(error)
    return None


def find_cuda(load: Callable[[str], Any] = ctypes.CDLL) -> Driver:
    """The NVIDIA driver, if this onnxruntime can use it.

    Args:
        load: as for `find_driver`.

    Raises: DeviceError when onnxruntime was built without CUDA, or as `find_driver`.
    """
    # The list of providers describes the build only, so the driver is queried too.
    if CUDA not in runtime().providers:
        raise DeviceError("this onnxruntime was built without CUDA (onnxruntime-gpu is the build with CUDA)")
    return find_driver(load)


def runtime() -> Runtime:
    """The onnxruntime that this Python imports."""
    onnxruntime = import_onnxruntime()
    cuda = getattr(onnxruntime, "cuda_version", "")  # only builds with CUDA have one
    folder = Path(onnxruntime.__file__).parent
    return Runtime(onnxruntime.__version__, folder, tuple(onnxruntime.get_available_providers()), cuda)


def library_failure(provider: str) -> str | None:
    """The reason why the library of a provider of onnxruntime ('cuda', 'tensorrt') cannot be loaded, or None."""
    path = provider_library(provider)
    if not path.is_file():
        return f"{path.name} is not part of this onnxruntime"
    load_libraries(TENSORRT_LIBRARIES if provider == "tensorrt" else CUDA_LIBRARIES)
    return _loading_failure(str(path))


def provider_library(provider: str) -> Path:
    """The file of a provider of onnxruntime, which exists in builds with that provider.

    Args:
        provider: 'cuda' or 'tensorrt'.
    """
    onnxruntime = import_onnxruntime()
    prefix, suffix = ("", ".dll") if sys.platform == "win32" else ("lib", ".so")
    return Path(onnxruntime.__file__).parent / "capi" / f"{prefix}onnxruntime_providers_{provider}{suffix}"


def cudnn_failure() -> str | None:
    """The reason why cuDNN cannot be loaded, or None. onnxruntime starts without it, and fails at a convolution."""
    load_libraries()
    return _loading_failure(CUDNN)


def _loading_failure(name: str) -> str | None:
    try:
        ctypes.CDLL(name)
    except OSError as error:
        return str(error)
    return None


def load_libraries(names: Sequence[str] = CUDA_LIBRARIES) -> None:
    """Load NVIDIA's libraries, so that onnxruntime finds them, from packages of pip or where the system finds them.

    Args:
        names: names of the libraries, without 'lib', in the order of loading.
    """
    onnxruntime = import_onnxruntime()
    for file in packaged_libraries(names, [str(Path(onnxruntime.__file__).parent.parent), *sys.path]):
        with contextlib.suppress(OSError):  # what cannot be loaded is reported where it is needed
            ctypes.CDLL(str(file))
    with contextlib.redirect_stdout(io.StringIO()):  # preload_dlls prints what it loads
        onnxruntime.preload_dlls()


def packaged_libraries(names: Sequence[str], folders: Sequence[str]) -> Iterator[Path]:
    """The files of NVIDIA's libraries in packages of pip, on Linux.

    onnxruntime looks for packages only in the folder in which it is installed, and never for those of TensorRT. Where
    one environment adds packages to those of another, such as a user's to a cluster's, they are in another folder.

    Args:
        names: names of the libraries, without 'lib'.
        folders: folders with packages, such as `sys.path`; of each library, the first folder that has it counts.
    """
    for name in names:
        per_folder = ([*_library_files(Path(folder), name)] for folder in folders)
        yield from next(filter(None, per_folder), [])


def _library_files(folder: Path, name: str) -> Iterator[Path]:
    for place in ("nvidia/*/lib", "tensorrt_libs"):
        yield from sorted(folder.glob(f"{place}/lib{name}.so.*"))


def tensorrt_command() -> str:
    """The command that installs the TensorRT for which onnxruntime was built: version 10, for the same CUDA."""
    major = runtime().cuda.partition(".")[0] or "13"
    return f"pip install 'tensorrt-cu{major}<11'"


def core_count() -> int:
    """Number of cores on which this process may run; `core_limit` is a container's limit of their time."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def core_limit(groups: Path = CONTROL_GROUPS) -> float | None:
    """The computing time that a container may use, in cores; None without a limit."""
    quota, _, period = _first_line(groups / "cpu.max").partition(" ")
    if not quota:  # the older layout of control groups
        quota, period = (_first_line(groups / "cpu" / f"cpu.cfs_{key}_us") for key in ("quota", "period"))
    if not quota.isdigit() or not period.isdigit():
        return None
    return int(quota) / int(period)


def usable_cores(groups: Path = CONTROL_GROUPS) -> int:
    """Number of cores that this process can keep busy, within the limit of its container."""
    limit = core_limit(groups)
    return max(1, min(core_count(), math.ceil(limit) if limit else core_count()))


def memory_limit(groups: Path = CONTROL_GROUPS, system: Path = MEMORY) -> int | None:
    """Bytes of memory that this process may use: the memory of the machine, or the limit of its container.

    Args:
        groups: the folder of the control groups of Linux.
        system: the file in which Linux reports the size of the memory.

    Returns: None if unknown.
    """
    total = _memory_of("MemTotal", system)
    if total is None and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    given = _first_line(groups / "memory.max") or _first_line(groups / "memory" / "memory.limit_in_bytes")
    limits = [total] if total else []
    return min([*limits, int(given)] if given.isdigit() else limits, default=None)


def free_memory(system: Path = MEMORY) -> int | None:
    """Bytes of memory that are available now; None where the system does not report them."""
    return _memory_of("MemAvailable", system)


def has_bf16(processor: Path = PROCESSOR) -> bool | None:
    """Whether the CPU computes in bf16, as reported by OpenVINO if installed, else by Linux; None if unknown."""
    if find_spec("openvino"):
        return _openvino_has_bf16()
    for line in _lines(processor):
        key, _, flags = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return not BF16_FLAGS.isdisjoint(flags.split())
    return None


@cache
def _openvino_has_bf16() -> bool:
    """Queried once per process, because the answer never changes and OpenVINO takes a moment."""
    return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _gpu(driver: Any, number: int) -> Gpu:
    device, name, memory = ctypes.c_int(0), ctypes.create_string_buffer(128), ctypes.c_size_t(0)
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    major, minor = (_attribute(driver, device, number) for number in CAPABILITY)
    return Gpu(name.value.decode(errors="replace"), memory.value, (major, minor))


def _attribute(driver: Any, device: ctypes.c_int, number: int) -> int:
    value = ctypes.c_int(0)
    driver.cuDeviceGetAttribute(ctypes.byref(value), number, device)
    return value.value


def _memory_of(key: str, system: Path) -> int | None:
    for line in _lines(system):
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    return None


def _first_line(path: Path) -> str:
    return next(iter(_lines(path)), "")


def _lines(path: Path) -> list[str]:
    """Lines of a file of the operating system; none where the file does not exist."""
    return path.read_text(errors="replace").splitlines() if path.is_file() else []
