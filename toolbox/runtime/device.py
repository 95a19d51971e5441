"""Which processor a graph is to run on, and how precisely. Owns the choice of device; never falls back silently."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolbox.errors import DeviceError, UsageError
from toolbox.runtime import openvino
from toolbox.runtime.hardware import Driver, find_cuda, has_bf16
from toolbox.terms import PRECISIONS

TF32_SWITCH = "NVIDIA_TF32_OVERRIDE"
"""The environment variable by which NVIDIA's libraries, all at once, are kept from TF32: 0."""


@dataclass(frozen=True)
class Device:
    """What a graph is to run on: 'cpu', 'cuda' or 'tensorrt', and the numbers of the GPUs."""

    kind: str
    gpus: tuple[int, ...] = ()


def choose_device(
    device: str,
    driver: Callable[[], Driver] = find_cuda,
) -> Device:
    """The device that a text such as 'auto', 'cpu', 'cuda:0,1' or 'tensorrt' asks for, if it is there.

    Args:
        device: the text.
        driver: gives the driver that knows the GPUs; raises DeviceError where CUDA cannot be used.

    Raises: UsageError for another text; DeviceError when there is no such GPU.
    """
    if device == "cpu":
        return Device("cpu")
    if device == "auto":
        return _fastest_device(driver)
    kind, numbers = _parse_gpus(device)
    count = _gpu_count(device, driver)
    gpus = range(count) if numbers is None else numbers
    if missing := [number for number in gpus if number >= count]:
        raise DeviceError(f"device {device!r}: there is no GPU {missing[0]}, only {count}, counted from 0")
    return Device(kind, tuple(dict.fromkeys(gpus)))


def _fastest_device(driver: Callable[[], Driver]) -> Device:
    try:
        driver()
    except DeviceError:
        return Device("cpu")
    return Device("cuda", (0,))


def _gpu_count(device: str, driver: Callable[[], Driver]) -> int:
    """How many GPUs the driver knows, which is asked once."""
    try:
        return len(driver().gpus)
    except DeviceError as error:
        raise DeviceError(
            f"device {device!r} cannot be used: {error}; use --device cpu, or mend it (toolbox doctor)"
        ) from error


def _parse_gpus(device: str) -> tuple[str, Sequence[int] | None]:
    """'cuda' or 'tensorrt', and the numbers of the GPUs; None for all there are."""
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
        f"no device {device!r}; expected auto, cpu, cuda, cuda:0,1, cuda:all, or tensorrt likewise"
    )


def check_precision(precision: str, device: Device) -> None:
    """Refuse a precision that a device does not compute in.

    Args:
        precision: one of PRECISIONS.
        device: that is there.

    Raises: UsageError for an unknown precision; DeviceError where the device does not compute in it.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"no precision {precision!r}; expected {', '.join(PRECISIONS)}")
    if precision == "tf32":
        _check_tf32(device)
    if precision == "bf16":
        _check_bf16(device)


def _check_tf32(device: Device) -> None:
    if not device.gpus:
        raise DeviceError("precision tf32 is a GPU's; use float32 on a CPU, or --device cuda")
    if device.kind == "tensorrt":  # it has no such switch for one session
        raise DeviceError(
            "precision tf32 is for CUDA's own libraries; use --device cuda, or float32 with TensorRT"
        )
    if os.environ.get(TF32_SWITCH) == "0":  # else float32 would be recorded as tf32
        raise DeviceError(
            f"precision tf32 is switched off by the environment variable {TF32_SWITCH}=0; unset it, or use float32"
        )


def _check_bf16(device: Device) -> None:
    if device.gpus:
        raise DeviceError("precision bf16 is for the CPU; use --device cpu, or tf32 on a GPU")
    is_able = has_bf16()
    if is_able is not False:  # else something would be installed for nothing
        openvino.check_installed()
    if not is_able:
        raise DeviceError(
            "precision bf16 needs a processor with bf16 instructions (AVX512-BF16 or AMX), "
            "which this one lacks; use float32"
        )
