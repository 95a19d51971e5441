"""The machine of gpu.py: what it has, how its GPU is watched, and the processes that compute the rows."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import groupby, zip_longest
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from gpu_rows import Bench, prepare
from PIL import Image

from toolbox import Study
from toolbox.errors import DeviceError
from toolbox.network.card import network, select_layers
from toolbox.network.weights import load_weights
from toolbox.runtime.hardware import find_cuda, has_bf16, library_failure, runtime, usable_cores

ROW_SECONDS = {"torch": 150.0}
"""Section -> seconds after which a row is ended; others have 100, and 300 with TensorRT, which plans for minutes."""
LATE = 20.0
"""Seconds that the last row may take when the time is over."""
FEW = 100
"""Photographs that are made before other processes would have started."""
ORDINARY, LARGE = (500, 375), (1600, 1200)


@dataclass(frozen=True)
class Machine:
    """What the rows may need, and why it is missing."""

    cores: int
    gpus: tuple[str, ...]
    missing: dict[str, str]
    torch: str

    @classmethod
    def present(cls, torch: str) -> Machine:
        """This machine, with a Python that may have PyTorch."""
        missing, gpus = {}, ()
        try:
            gpus = tuple(gpu.name for gpu in find_cuda().gpus)
        except DeviceError as error:
            missing["gpu"] = f"no GPU can be used: {error}"
        failure = missing.get("gpu") or library_failure("tensorrt")
        if failure:
            missing["tensorrt"] = failure if "gpu" in missing else f"no TensorRT: {failure}"
        if not has_bf16():
            missing["bf16"] = "this processor has no bf16 instructions"
        elif find_spec("openvino") is None:
            missing["bf16"] = "OpenVINO is not installed"
        if subprocess.run([torch, "-c", "import torch"], capture_output=True, check=False).returncode:
            missing["torch"] = f"no PyTorch in {torch}"
        return cls(usable_cores(), gpus, missing, torch)

    def obstacle(self, needs: Sequence[str]) -> str | None:
        """Why a row cannot be computed here."""
        for need in needs:
            name, _, number = need.partition(":")
            if name == "cores" and int(number) > 2 * self.cores:
                return f"too few cores ({self.cores})"
            if name in self.missing:
                return self.missing[name]
        return None


def describe_machine(machine: Machine) -> dict[str, str]:
    """The card, the driver, and all versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    built = runtime()
    return {
        "processor": f"{next(iter(models), platform.processor())}, {machine.cores} cores",
        "GPUs": ", ".join(machine.gpus) or machine.missing["gpu"],
        "driver": Watch().driver or "none",
        "onnxruntime": f"{built.version}{f' for CUDA {built.cuda}' if built.cuda else ''}",
        "Python": platform.python_version(),
    }


# ---------------------------------------------------------------------------------------------------- photographs


def make_photographs(folder: Path, source: Path | None, count: int, *, large: bool) -> None:
    """A set of ordinary, and perhaps one of large photographs, of six categories, all different."""
    sources = _in_turns(source) if source else []
    if source and not sources:
        raise SystemExit(f"--images {source}: expected folders of categories with JPEGs in them")
    save = partial(save_photograph, folder, sources)
    jobs = [("ordinary", ORDINARY, number) for number in range(count)]
    jobs += [("large", LARGE, number) for number in range(max(6, count // 5) if large else 0)]
    if count < FEW:
        list(map(save, jobs))
    else:
        with ProcessPoolExecutor(usable_cores(), get_context("spawn")) as pool:
            list(pool.map(save, jobs, chunksize=max(1, len(jobs) // (8 * usable_cores()))))
    study = Study(folder / "study", create=True)
    for name in ("ordinary", "large")[: 1 + large]:
        study.ingest(folder / name, set=name, progress=False)


def _in_turns(source: Path) -> list[Path]:
    """JPEGs in folders of categories: the first one of every category, then the second ones."""
    categories = [
        sorted(folder.glob("*.[jJ][pP]*[gG]")) for folder in sorted(source.iterdir()) if folder.is_dir()
    ]
    return [file for files in zip_longest(*categories) for file in files if file]


def save_photograph(folder: Path, sources: Sequence[Path], job: tuple[str, tuple[int, int], int]) -> None:
    """One JPEG: a part of a photograph that no other one shows; without photographs, smooth coloured noise."""
    name, size, number = job
    if sources:
        file = sources[number % len(sources)]
        image, category = Image.open(file).convert("RGB"), file.parent.name
        cut = 0.02 * (1 + number // len(sources) % 16)
        turned = (
            image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number // len(sources) // 16 % 2 else image
        )
        box = (cut * image.width, cut * image.height, image.width, image.height)
        made = turned.resize(size, Image.Resampling.BICUBIC, box)
    else:
        category = f"category{number % 6}"
        coarse = np.random.default_rng(number).integers(0, 256, (12 + number % 6, 16, 3), np.uint8)
        made = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    path = folder / name / category / f"{number}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path, quality=90)


# ------------------------------------------------------------------------------------------------------- the GPU


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _Use(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class Watch:
    """The memory and the use of the first GPU, read from the driver's library every 50 ms."""

    def __init__(self) -> None:
        self.driver, self._library, self._device = "", None, ctypes.c_void_p()
        self._used, self._busy = list[int](), list[int]()
        self._lock, self._ended = threading.Lock(), threading.Event()
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL("libnvidia-ml.so.1")
            version = ctypes.create_string_buffer(96)
            if not library.nvmlInit_v2() and not library.nvmlSystemGetDriverVersion(version, 96):
                self.driver = version.value.decode()
                found = library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self._device)) == 0
                self._library = library if found else None

    def __enter__(self) -> Watch:
        if self._library:
            threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _look(self) -> None:
        memory, use = _Memory(), _Use()
        while not self._ended.wait(0.05):
            self._library.nvmlDeviceGetMemoryInfo(self._device, ctypes.byref(memory))
            self._library.nvmlDeviceGetUtilizationRates(self._device, ctypes.byref(use))
            with self._lock:
                self._used.append(memory.used)
                self._busy.append(use.gpu)

    def begin(self, *, memory: bool) -> None:
        """Forget the use so far, and, for a new row, the memory."""
        with self._lock:
            self._busy.clear()
            if memory:
                self._used.clear()

    def seen(self) -> dict[str, Any]:
        """Peak memory in bytes since the row began, and mean use in % since its measurement began."""
        with self._lock:
            if not self._used or not self._busy:
                return {}
            return {"gpu_bytes": max(self._used), "gpu_busy": sum(self._busy) / len(self._busy)}


# ----------------------------------------------------------------------------------------------------- processes


def run_rows(
    folder: Path, choices: Any, rows: Sequence[dict[str, Any]], machine: Machine, began: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The result of every row, as it is finished, until the time is over."""
    end = began + 60 * choices.minutes
    write_choices(folder, choices, rows, machine)
    prepare(Bench(folder))
    with Watch() as watch:
        for is_torch, group in groupby(rows, lambda row: row["kind"] == "torch"):
            names = [row["name"] for row in group]
            program, python = ("gpu_torch.py", machine.torch) if is_torch else ("gpu_rows.py", sys.executable)
            while names and time.monotonic() < end:
                command = [python, str(Path(__file__).with_name(program)), str(folder), *names]
                for name, result in _Child(command, watch, end).results():
                    names.remove(name)
                    yield name, result


def write_choices(folder: Path, choices: Any, rows: Sequence[dict[str, Any]], machine: Machine) -> None:
    """What the processes of the rows read: the choices, and the network for PyTorch."""
    for name in ("model", "weights"):
        if Path(given := getattr(choices, name)).is_file():
            setattr(choices, name, str(Path(given).absolute()))
    net = network(choices.model)
    given = {key: getattr(choices, key) for key in ("model", "weights", "layers", "ready", "seconds")}
    entry = {
        "channels": net.input.channels,
        "mean": _numbers(net.input.mean),
        "scale": _numbers(net.input.scale),
    }
    (folder / "choices.json").write_text(json.dumps({**given, "input": entry, "rows": rows}))
    if "torch" in machine.missing or not any(row["kind"] == "torch" for row in rows):
        return
    weights = load_weights(net, select_layers(net.layers, choices.layers)[-1:], source=choices.weights)
    np.savez(folder / "weights.npz", **weights.tensors)
    keys = ("name", "kind", "inputs", "filters", "kernel", "stride", "padding")
    layers = [{key: getattr(layer, key) for key in keys} for layer in weights.layers]
    (folder / "layers.json").write_text(json.dumps(layers))


def _numbers(value: Any) -> list[float]:
    return [float(one) for one in np.atleast_1d(value)]


def _environment() -> dict[str, str]:
    """That of this process, in which the toolbox is found from any folder."""
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


class _Child:
    """A process that computes rows. Where it ends or takes too long, the row that it computed has failed."""

    def __init__(self, command: Sequence[str], watch: Watch, end: float) -> None:
        self._command, self._watch, self._end = command, watch, end
        self._lines: queue.Queue[str | None] = queue.Queue()

    def results(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and results of the rows; at least one, if the time is not over."""
        with (
            TemporaryFile("w+") as errors,
            subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=errors, text=True, env=_environment()
            ) as child,
        ):
            reading = threading.Thread(target=self._read, args=(child.stdout,), daemon=True)
            reading.start()
            try:
                running = yield from self._until_end()
            finally:
                child.kill()
                reading.join(10)
            if running is not None:
                yield running, {"failure": self._failure(child.wait(), errors)}

    def _failure(self, code: int, errors: Any) -> str:
        if time.monotonic() >= self._limit:
            return f"ended after {time.monotonic() - self._began:.0f} s"
        errors.seek(0)
        lines = errors.read().strip().splitlines()
        return lines[-1] if lines else f"the process ended with {code}"

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put(None)

    def _until_end(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield results; return the row that was begun and has none."""
        running: str | None = next(iter(self._command[3:]))
        self._start(str(running))
        while True:
            try:
                text = self._lines.get(timeout=max(0.01, self._limit - time.monotonic()))
            except queue.Empty:
                return running
            if text is None:
                return running
            with suppress(json.JSONDecodeError):
                line = json.loads(text)
                if "starts" in line:
                    running = line["starts"]
                    self._start(running)
                elif "measuring" in line:
                    self._watch.begin(memory=False)
                elif "row" in line:
                    running = None
                    yield line.pop("row"), {**line, **self._watch.seen()}
                    if time.monotonic() > self._end:
                        return None

    def _start(self, name: str) -> None:
        self._began = time.monotonic()
        usual = 300.0 if "TensorRT" in name else ROW_SECONDS.get(name.partition(":")[0], 100.0)
        self._limit = min(self._began + usual, self._end + LATE)
        self._watch.begin(memory=True)
