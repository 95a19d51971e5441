"""Packages that are missing, too old, broken, or write over each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolbox.setup.doctor import Finding, software
from toolbox.setup.doctor.software import (
    builds,
    import_failure,
    least_versions,
    onnxruntime_import,
    packages,
    python,
)

RUNTIME = "onnxruntime/__init__.py"


Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Put the record of an installed package into a folder; returns the folder."""

    def put(name: str, version: str, *files: str) -> str:
        site = tmp_path / "site"
        folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        return str(site)

    return put


def test_two_builds_of_onnxruntime_are_a_problem_with_the_commands_that_mend_it(install: Install) -> None:
    install("onnxruntime", "1.30.0", RUNTIME, "onnxruntime/capi/one.so")
    install("onnxruntime-extensions", "0.13.0", "onnxruntime_extensions/__init__.py")
    site = install("onnxruntime-gpu", "1.31.1", RUNTIME, "onnxruntime/capi/other.so")
    (found,) = builds([site])
    assert found.state == "problem"
    assert found.finding.startswith(
        "onnxruntime 1.30.0, onnxruntime-gpu 1.31.1 are all installed; they install files"
    )
    assert found.remedy == "pip uninstall --yes onnxruntime onnxruntime-gpu, then pip install onnxruntime-gpu"


def test_builds_of_onnxruntime_in_different_folders_do_not_write_over_each_other(tmp_path: Path) -> None:
    """As where a user's packages are added to those of a cluster: the first folder counts."""
    sites = []
    for folder, name, version in (("mine", "onnxruntime-gpu", "1.31.1"), ("base", "onnxruntime", "1.30.0")):
        record = tmp_path / folder / f"{name.replace('-', '_')}-{version}.dist-info"
        record.mkdir(parents=True)
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (record / "RECORD").write_text(f"{RUNTIME},,\n")
        sites.append(str(tmp_path / folder))
    assert [(entry.state, entry.finding) for entry in builds(sites)] == [
        ("ok", f"onnxruntime-gpu 1.31.1 in {sites[0]} is used"),
        ("ok", f"onnxruntime 1.30.0 in {sites[1]} is not used"),
    ]


def test_a_toolbox_that_is_not_installed_is_a_finding_and_the_rest_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Run from its folder, such as with PYTHONPATH."""
    monkeypatch.setattr(software, "DISTRIBUTION", "selectivity-toolbox-elsewhere")
    monkeypatch.setattr("toolbox.distribution.DISTRIBUTION", "selectivity-toolbox-elsewhere")
    found = {entry.subject: entry for entry in (*python(), *packages())}
    assert found["toolbox"].state == "problem"
    assert found["toolbox"].remedy == f"pip install -e {Path(software.__file__).parents[3]}"
    assert found["numpy"].state == "ok"


def test_every_package_that_writes_the_folder_counts_however_it_is_spelt(install: Install) -> None:
    install("onnxruntime_directml", "1.20", RUNTIME)
    install("onnxruntime-openvino", "1.20", RUNTIME)
    site = install("onnxruntime", "1.20", RUNTIME)
    (found,) = builds([site])
    assert found.remedy == (
        "pip uninstall --yes onnxruntime onnxruntime-directml onnxruntime-openvino, then pip install onnxruntime"
    )


def test_one_build_is_right_and_none_is_a_problem(install: Install) -> None:
    site = install("onnxruntime-extensions", "0.13.0", "onnxruntime_extensions/__init__.py")
    assert [entry.state for entry in builds([site])] == ["problem"]
    install("onnxruntime", "1.30.0", RUNTIME)
    assert list(builds([site])) == [
        Finding("onnxruntime's package", "ok", "onnxruntime 1.30.0, and no other")
    ]


def test_packages_that_are_missing_or_too_old_are_named_with_what_is_needed(install: Install) -> None:
    install("polars", "1.9.2")
    install("NumPy", "99.0")
    site = install("onnx", "1.19rc1")
    found = {entry.subject: entry for entry in packages([site])}
    assert found["duckdb"] == Finding("duckdb", "problem", "is not installed", "pip install 'duckdb>=2.0'")
    assert found["polars"] == Finding("polars", "problem", "1.9.2 is too old", "pip install 'polars>=1.30'")
    assert found["numpy"] == Finding("numpy", "ok", "99.0")
    assert found["onnx"].state == "ok"
    assert "openvino" not in found
    assert found["scipy"].remedy == "pip install 'scipy>=1.14'"
    assert found["ml-dtypes"] == Finding("ml-dtypes", "problem", "is not installed", "pip install ml-dtypes")
    assert {"safetensors", "vl-convert-python"} <= {*found}


def test_the_packages_of_this_environment_are_well() -> None:
    found = {entry.subject: entry.state for entry in packages()}
    assert {*found.values()} <= {"ok", "note"}
    assert {found[name] for name in ("scipy", "ml-dtypes", "safetensors", "vl-convert-python")} == {"ok"}
    assert [entry.state for entry in python()] == ["ok", "ok"]
    assert [entry.state for entry in onnxruntime_import()] == ["ok"]


def test_least_versions_are_those_required_everywhere() -> None:
    lines = [
        "numpy>=2.0",
        "onnxruntime>=1.23.2 ; sys_platform == 'darwin'",
        'ruff>=0.13; extra == "test"',
        "Pillow>=11",
    ]
    assert least_versions(lines) == {"numpy": "2.0", "pillow": "11"}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that can be imported; its file is to be written."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "broken_package.py"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("", None),
        ("import ctypes; ctypes.CDLL('libnowhere.so.7')", "libnowhere.so.7"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_a_module_is_tried_and_its_failure_reported(module: Path, program: str, expected: str | None) -> None:
    module.write_text(program)
    failure = import_failure("broken_package")
    assert failure is None if expected is None else expected in str(failure)


def test_a_module_that_kills_python_does_not_kill_the_doctor(module: Path) -> None:
    module.write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert "crashes Python with SIGILL" in str(import_failure("broken_package"))


def test_what_a_half_removed_package_leaves_is_seen(module: Path) -> None:
    module.write_text("")
    assert "has no attribute 'InferenceSession'" in str(
        import_failure("broken_package", "broken_package.InferenceSession")
    )
