"""The benchmark of a GPU, on this computer: its columns, and that its ratios follow from what it measured."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.chapters import ROOT
from support.tiny_network import CARD
from toolbox import Extraction

BENCHMARKS = ROOT / "tests" / "benchmarks"
ROWS = (
    "fidelity: CPU, Winograd",
    "session: batch [14]",
    "session: images on the GPU",
    "session: IOBinding",
    "session: batch 256",
    "decoding: ordinary, full, threads",
    "writing",
    "extraction: threads",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What a run prints, and its JSON."""
    folder = tmp_path_factory.mktemp("gpu")
    command = [
        *(sys.executable, BENCHMARKS / "gpu.py", "--stimuli", "12", "--ready", "6", "--seconds", "0.02"),
        *("--model", CARD, "--weights", "random:0", "--layers", "*", "--output", folder / "gpu.json"),
        *("--only", *ROWS),
    ]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout, json.loads((folder / "gpu.json").read_text())


def test_every_row_is_measured_or_left_out_with_the_reason(run: tuple[str, dict[str, Any]]) -> None:
    printed, whole = run
    assert not [name for name, row in whole["rows"].items() if "failure" in row]
    assert {name.partition(":")[0] for name in whole["rows"]} == {
        *("fidelity", "session", "decoding", "writing", "extraction")
    }
    header = next(line for line in printed.splitlines() if line.startswith("row "))
    assert header.split("  ")[0] == "row"
    for column in ("images/s", "steady", "of bare", "limit", "GPU GB", "GPU busy", "difference", "note"):
        assert column in header
    for name in whole["rows"]:
        assert any(line.startswith(f"{name}  ") for line in printed.splitlines())
    if "session: batch 256" not in whole["rows"]:
        assert "no GPU can be used" in whole["left_out"]["session: batch 256"]
        (line,) = [line for line in printed.splitlines() if line.startswith("left out: ")]
        assert "session (batch 256)" in line


def test_the_numbers_of_a_row_follow_from_what_was_measured(run: tuple[str, dict[str, Any]]) -> None:
    rows = run[1]["rows"]
    for row in rows.values():
        assert row["images_a_second"] == pytest.approx(row["images"] / row["seconds"])
    bare = max(row["images_a_second"] for name, row in rows.items() if name.startswith("session: batch"))
    whole = rows["extraction: threads"]
    assert whole["steady"] == pytest.approx(whole["images"] / whole["steady_seconds"])
    assert whole["of_bare"] == pytest.approx(whole["steady"] / bare)
    parts = {
        name: rows[name]["images_a_second"]
        for name in ("decoding: ordinary, full, threads", "writing: parts")
    }
    slowest = min(bare, *parts.values())
    assert (whole["limit"] == "handing over") is not (whole["steady"] > 0.8 * slowest)
    faithful = rows["fidelity: CPU, Winograd"]
    assert {*faithful["differences"]} == {"colour", "pool", "sum"}
    assert max(faithful["differences"].values()) < 1e-5
    assert faithful["contrasts_r"] > 0.99999


def test_what_limits_a_row_is_the_slowest_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu

    given = {"batch": 64, "precision": "float32", "device": "cuda"}
    rows = [
        gpu.Row("session: batch 64", "plain", given),
        gpu.Row("session: exhaustive search", "options", given),
        gpu.Row("session: TensorRT", "plain", {**given, "device": "tensorrt"}),
        gpu.Row("session: images on the GPU", "resident", given),
        gpu.Row("decoding: ordinary, full, 8 processes", "decoding", decode(8)),
        gpu.Row("decoding: ordinary, full, threads", "decoding", decode(0)),
        gpu.Row("writing: parts", "writing", {}),
        gpu.Row("extraction: 8 processes", "extraction", {"set": "ordinary", "decoders": 8}),
        gpu.Row("extraction: threads", "extraction", {"set": "ordinary"}),
        gpu.Row("extraction: batch 1", "extraction", {"set": "ordinary", "batch": 1}),
        gpu.Row("torch: float32", "torch", {}),
    ]
    rates = (1000, 1300, 2000, 1050, 4000, 600, 2300, 950, 550, 100, 500)
    measured: dict[str, Any] = {
        row.name: {"images": rate, "seconds": 1.0, "batch": 64} for row, rate in zip(rows, rates, strict=True)
    }
    for name, row in measured.items():
        if name.startswith("extraction"):
            row |= {"steady_seconds": 1.0, "seconds": 1.25}
    measured["decoding: gone"] = {"failure": "died"}
    found = gpu.with_ratios([*rows, gpu.Row("decoding: gone", "decoding", decode(16))], measured)
    assert [found[row.name].get("limit") for row in rows] == [
        *("network", None, None, None, None, None, None, "network", "decoding", "handing over", None)
    ]
    assert found["extraction: 8 processes"]["of_bare"] == 0.95
    assert gpu.summary(found) == [
        "fastest extraction in float32 (extraction: 8 processes): 0.95 of the bare session (session: batch 64); 0.76 "
        "with its last part and roll-ups",
        "1.90 times as fast as PyTorch with hooks (torch: float32)",
        "ImageNet (1,281,167 photographs) at this speed: 22 minutes",
    ]
    slow = {**measured, "session: batch 64": {"images": 800, "seconds": 1.0, "batch": 64}}
    assert gpu.with_ratios(rows, slow)["session: batch 64"]["limit"] == "transfer"
    slow = {**measured, "writing: parts": {"images": 900, "seconds": 1.0}}
    assert gpu.with_ratios(rows, slow)["extraction: 8 processes"]["limit"] == "writing"
    assert gpu.cells("decoding: gone", found["decoding: gone"])[-1] == "died"


def test_every_row_of_a_machine_with_a_gpu_is_one_that_can_be_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu
    import gpu_rows

    missing = {"tensorrt": "no TensorRT", "bf16": "no bf16"}
    machine = gpu.Machine(16, ("NVIDIA H100",), missing, sys.executable)
    rows = gpu.all_rows(machine, 6000)
    assert len({row.name for row in rows}) == len(rows)
    chosen, left_out = gpu.choose_rows(rows, [], machine)
    assert {*left_out.values()} == {*missing.values()}
    assert {row.kind for row in chosen} == {*gpu_rows.ROWS, "torch"}
    for row in rows:
        if row.kind == "torch":
            assert {*row.given} == {"batch", "tf32", "channels_last", "compiled"}
            continue
        inspect.signature(gpu_rows.ROWS[row.kind]).bind(None, **row.given)
        if row.kind == "extraction":
            Extraction(
                **{key: value for key, value in row.given.items() if key not in ("set", "share", "binding")}
            )
    kept, _ = gpu.choose_rows(rows, ["fidelity", "extraction: *processes"], machine)
    assert {row.section for row in kept} == {"fidelity", "extraction"}
    assert "extraction: threads" not in {row.name for row in kept}


def decode(decoders: int) -> dict[str, Any]:
    return {"set": "ordinary", "decoders": decoders, "decoding": "full"}


def test_a_row_that_kills_its_process_is_one_line_and_the_next_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_machine

    program = tmp_path / "rows.py"
    program.write_text(
        "import json, os, sys, time\n"
        "for name in sys.argv[2:]:\n"
        "    print(json.dumps({'starts': name}), flush=True)\n"
        "    if name == 'dies': print('CUDA error 700', file=sys.stderr, flush=True); os.abort()\n"
        "    if name == 'hangs': time.sleep(60)\n"
        "    print('{\"measuring\": true}\\nnoise of a library', flush=True)\n"
        "    print(json.dumps({'row': name, 'images': 1, 'seconds': 1}), flush=True)\n"
    )
    monkeypatch.setattr(gpu_machine, "ROW_SECONDS", {"hangs": 0.5})
    watch, end, names, found = (
        gpu_machine.Watch(),
        gpu_machine.time.monotonic() + 30,
        ["a", "dies", "hangs", "b"],
        {},
    )
    while names:
        command = [sys.executable, str(program), str(tmp_path), *names]
        for name, result in gpu_machine._Child(command, watch, end).results():
            names.remove(name)
            found[name] = result
    assert found["a"]["images"] == found["b"]["images"] == 1
    assert found["dies"] == {"failure": "CUDA error 700"}
    assert found["hangs"]["failure"].startswith("ended after ")
