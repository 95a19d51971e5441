"""The device that runs a graph, and the precision. Owns the choice of device; never falls back silently."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolbox.errors import DeviceError, UsageError, expected_names
from toolbox.runtime import openvino
from toolbox.runtime.hardware import Driver, find_cuda, has_bf16
from toolbox.terms import PRECISIONS

TF32_SWITCH = "NVIDIA_TF32_OVERRIDE"
"""The environment variable that disables TF32 in all of NVIDIA's libraries when it is 0."""


@dataclass(frozen=True)
class Device:
    """The device that runs a graph: 'cpu', 'cuda' or 'tensorrt', and the numbers of the GPUs."""

    kind: str
    gpus: tuple[int, ...] = ()


def choose_device(
    device: str,
    driver: Callable[[], Driver] = find_cuda,
) -> Device:
    """The available device with a name such as 'auto', 'cpu', 'cuda:0,1' or 'tensorrt'.

    Args:
        device: the name.
        driver: returns the driver, which lists the GPUs; raises DeviceError where CUDA cannot be used.

    Raises: UsageError for an unknown name; DeviceError when the GPU does not exist.
    """
    if device == "cpu":
        return Device("cpu")
    if device == "auto":
        return _fastest_device(driver)
    kind, numbers = _parse_gpus(device)
    count = _gpu_count(device, driver)
    gpus = range(count) if numbers is None else numbers
    if missing := [number for number in gpus if number >= count]:
        raise DeviceError(
            f"device {device!r}: GPU {missing[0]} does not exist; choose from {count}, counted from 0"
        )
    return Device(kind, tuple(dict.fromkeys(gpus)))


def _fastest_device(driver: Callable[[], Driver]) -> Device:
    try:
        driver()
    except DeviceError:
        return Device("cpu")
    return Device("cuda", (0,))


def _gpu_count(device: str, driver: Callable[[], Driver]) -> int:
    """The number of GPUs of the driver, which is queried once."""
    try:
        return len(driver().gpus)
    except DeviceError as error:
        raise DeviceError(
            f"device {device!r} cannot be used: {error}; choose device='cpu' (--device cpu), or fix the set-up "
            "(toolbox doctor)"
        ) from error


def _parse_gpus(device: str) -> tuple[str, Sequence[int] | None]:
    """'cuda' or 'tensorrt', and the numbers of the GPUs; None for all GPUs."""
    kind, colon, numbers = device.partition(":")
    if kind in ("cuda", "tensorrt"):
        if not colon:
            return kind, [0]
        if numbers == "all":
            return kind, None
        listed = [number.strip() for number in numbers.split(",")]
        if all(map(str.isdecimal, listed)):
            return kind, [int(number) for number in listed]
    raise UsageError(
        f"unknown device {device!r}; expected auto, cpu, cuda, cuda:0,1, cuda:all, or tensorrt likewise"
    )


def check_precision(precision: str, device: Device) -> None:
    """Check that a device supports a precision.

    Args:
        precision: one of PRECISIONS.
        device: an available device.

    Raises: UsageError for an unknown precision; DeviceError where the device does not support it.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"unknown precision {precision!r}; {expected_names(precision, PRECISIONS)}")
    if precision == "tf32":
        _check_tf32(device)
    if precision == "bf16":
        _check_bf16(device)


def _check_tf32(device: Device) -> None:
    if not device.gpus:
        raise DeviceError(
            "precision 'tf32' needs a GPU; choose precision='float32' (--precision float32), or device='cuda' "
            "(--device cuda)"
        )
    if device.kind == "tensorrt":  # TensorRT cannot switch TF32 per session
        raise DeviceError(
            "precision 'tf32' is not available with TensorRT; choose device='cuda' (--device cuda), or "
            "precision='float32' (--precision float32)"
        )
    if os.environ.get(TF32_SWITCH) == "0":  # else float32 would be recorded as tf32
        raise DeviceError(
            f"precision 'tf32' is disabled by the environment variable {TF32_SWITCH}=0; unset the variable, or choose "
            "precision='float32' (--precision float32)"
        )


def _check_bf16(device: Device) -> None:
    if device.gpus:
        raise DeviceError(
            "precision 'bf16' is available only on a CPU; choose device='cpu' (--device cpu), or precision='tf32' "
            "(--precision tf32)"
        )
    is_able = has_bf16()
    if is_able is not False:  # else the user would install OpenVINO in vain
        openvino.check_installed()
    if not is_able:
        raise DeviceError(
            "precision 'bf16' needs bf16 instructions (AVX512-BF16 or AMX), which this processor lacks; choose "
            "precision='float32' (--precision float32)"
        )
