"""An NVIDIA driver that answers as told, in the C interface's manner: results go where a pointer points."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any


class FakeDriver:
    """What `ctypes` would load; GPUs by name with their memory in bytes."""

    def __init__(
        self,
        gpus: Mapping[str, int],
        cuda: int = 13000,
        fails: int = 0,
        capability: tuple[int, int] = (8, 0),
    ) -> None:
        self._gpus, self._cuda, self._fails = list(gpus.items()), cuda, fails
        self._capability = capability

    def load(self, _: str) -> FakeDriver:
        return self

    def cuInit(self, _: int) -> int:  # noqa: N802
        return self._fails

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        return _give(count, len(self._gpus))

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        return _give(version, self._cuda)

    def cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        return _give(device, number + 100)  # a handle is not the number

    def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:  # noqa: N802
        name.value = self._gpus[device.value - 100][0].encode()[: size - 1]
        return 0

    def cuDeviceTotalMem_v2(self, memory: Any, device: Any) -> int:  # noqa: N802
        return _give(memory, self._gpus[device.value - 100][1])

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: Any) -> int:  # noqa: N802
        assert device.value >= 100
        return _give(value, self._capability[{75: 0, 76: 1}[attribute]])


def no_driver(name: str) -> Any:
    raise OSError(f"{name}: cannot open shared object file")


def _give(pointer: Any, value: int) -> int:
    ctypes.cast(pointer, ctypes.POINTER(type(pointer._obj)))[0] = value
    return 0
