"""What a GPU gives: the same responses as the CPU, how fast, and what limits it. One table, and the same as JSON.

    python tests/benchmarks/gpu.py --output gpu.json           # on a machine with an NVIDIA GPU: at most nine minutes
    python tests/benchmarks/gpu.py --only fidelity session      # sections
    python tests/benchmarks/gpu.py --only 'extraction: *processes'                  # some rows
    python tests/benchmarks/gpu.py --stimuli 60 --ready 6 --seconds 0.2             # on a CPU: what it can compute

- fidelity: responses of a device against those of the CPU by plain convolutions: the largest difference of a layer as a
  share of its largest response, and the response contrasts of all filters and categories.
- session: the network on images that are already decoded (`bare`), by batch; with IOBinding, page-locked buffers,
  images that are on the GPU already, two callers, other options of CUDA.
- decoding: from files to images in the size of the network, in threads and processes; ordinary photographs of 500 x 375
  pixels, and large ones of 1600 x 1200, which can be decoded at a part of their size.
- writing: parts of responses to Parquet, alone.
- extraction: from files to Parquet and roll-ups, from the moment when the first batch is computed; `steady` until the
  last batch is computed, without the last part and the roll-ups, which hardly count for a large set.
- torch: PyTorch with a hook on every layer, images ready in page-locked memory, nothing written: a peer's best case.

`of bare` compares the steady speed with the fastest bare session of the same precision; `limit` is what was slowest
when measured alone: decoding, network, writing, transfer (of images to the GPU), or handing over.
Where processes that decode are worth it, the default is that of `Extraction.decoders`.
Every row is computed in a process that others do not depend on: a crash is one line. --output is written row by row.

Options: --images FOLDER of photographs in folders of categories, of which as many as are needed are made, by cropping
(without: coloured noise); --weights FILE of the network; --torch PYTHON that has PyTorch; --minutes, after which the
rows that are left are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from gpu_machine import Machine, describe_machine, make_photographs, run_rows

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
USUAL = 64
"""Images in a batch of the rows that vary something else."""
PART = 768
"""Stimuli in a part of the extractions, so that every batch divides it."""
IMAGENET = 1_281_167
"""Photographs in the training set of ImageNet."""


@dataclass(frozen=True)
class Row:
    """One measurement: its name, who computes it with which arguments, and what it needs."""

    name: str
    kind: str
    given: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        return self.name.partition(":")[0]


def session_rows(device: str) -> Iterator[Row]:
    for batch in BATCHES:
        needs = ("gpu",) * (batch > 8)
        given = {"batch": batch, "precision": "float32", "device": device}
        yield Row(f"session: batch {batch}", "plain", given, needs)
    usual = {"batch": USUAL if device != "cpu" else 4, "precision": "float32", "device": device}
    yield Row("session: probed", "probed")
    yield Row("session: IOBinding", "bound", usual)
    yield Row("session: images on the GPU", "resident", usual)
    yield Row("session: page-locked images", "pinned", usual, ("gpu",))
    yield Row("session: two callers", "two_callers", usual)
    for name, option in (
        ("exhaustive search", {"cudnn_conv_algo_search": "EXHAUSTIVE"}),
        ("channels last", {"prefer_nhwc": "1"}),
        ("arena in powers of two", {"arena_extend_strategy": "kNextPowerOfTwo"}),
    ):
        yield Row(f"session: {name}", "options", {**usual, **option}, ("gpu",))
    for batch in (16, 64, 256):
        given = {**usual, "batch": batch, "precision": "tf32"}
        yield Row(f"session: TF32, batch {batch}", "plain", given, ("gpu",))
    last = {**usual, "precision": "tf32", "prefer_nhwc": "1"}
    yield Row("session: TF32, channels last", "options", last, ("gpu",))
    yield Row("session: TensorRT", "plain", {**usual, "device": "tensorrt"}, ("tensorrt",))


def fidelity_rows() -> Iterator[Row]:
    yield Row("fidelity: CPU, Winograd", "fidelity", {"device": "cpu"})
    for name, device, precision, need in (
        ("CPU, bf16", "cpu", "bf16", "bf16"),
        ("CUDA, float32", "cuda", "float32", "gpu"),
        ("CUDA, TF32", "cuda", "tf32", "gpu"),
        ("TensorRT, float32", "tensorrt", "float32", "tensorrt"),
    ):
        batch = {} if device == "cpu" else {"batch": 32}
        yield Row(
            f"fidelity: {name}", "fidelity", {"device": device, "precision": precision, **batch}, (need,)
        )


def decoding_rows() -> Iterator[Row]:
    for name, decodings in (("ordinary", ("full",)), ("large", ("full", "scaled"))):
        for decoding in decodings:
            for count in (0, 4, 8, 16):
                given = {"set": name, "decoders": count, "decoding": decoding}
                who = f"{count} processes" if count else "threads"
                words = f"decoding: {name}, {decoding}, {who}"
                yield Row(words, "decoding", given, (f"cores:{count}",) * (count > 0))


def extraction_rows(is_gpu: bool) -> Iterator[Row]:
    usual = {"set": "ordinary", "part": PART, **({"batch": USUAL} if is_gpu else {})}

    def row(name: str, *needs: str, **given: Any) -> Row:
        return Row(f"extraction: {name}", "extraction", {**usual, **given}, needs)

    yield row("threads")
    yield row("threads, batch probed", "gpu", batch=None)
    for count in (4, 8, 16):
        yield row(f"{count} processes", f"cores:{count}", decoders=count)
    yield row("TF32, 16 processes", "gpu", "cores:16", decoders=16, precision="tf32")
    yield row("IOBinding, 8 processes", "gpu", "cores:8", decoders=8, binding=True)
    for count in (2, 4):
        yield row(f"engine of {count} processes", f"cores:{count}", engine="processes", workers=count)
    for batch, share in ((1, 0.25), (16, 1), (256, 1)):
        needs = ("gpu", "cores:8") if batch > 1 else ()
        yield row(f"batch {batch}", *needs, batch=batch, share=share, decoders=8 if batch > 1 else 0)
    for decoding in ("full", "scaled"):
        for count in (0, 16):
            who = f"{count} processes" if count else "threads"
            needs = ("cores:16",) if count else ()
            yield row(f"large, {decoding}, {who}", *needs, set="large", decoding=decoding, decoders=count)
    yield row("TensorRT, 8 processes", "tensorrt", "cores:8", device="tensorrt", decoders=8)


def torch_rows(is_gpu: bool) -> Iterator[Row]:
    usual = {"batch": USUAL if is_gpu else 4, "tf32": False, "channels_last": False, "compiled": False}
    for name, changed in (
        ("float32", {}),
        ("TF32", {"tf32": True}),
        ("float32, channels last", {"channels_last": True}),
        ("TF32, channels last", {"tf32": True, "channels_last": True}),
        ("float32, compiled", {"compiled": True}),
        ("TF32, channels last, compiled", {"tf32": True, "channels_last": True, "compiled": True}),
    ):
        needs = ("torch", "gpu") if changed.get("tf32") else ("torch",)
        yield Row(f"torch: {name}", "torch", {**usual, **changed}, needs)


def all_rows(machine: Machine) -> list[Row]:
    device = "cuda" if machine.gpus else "cpu"
    peers = [*torch_rows(bool(machine.gpus))]
    return [
        *fidelity_rows(),
        *session_rows(device),
        *(row for row in peers if not row.given["compiled"]),
        *decoding_rows(),
        Row("writing: parts", "writing", {"stimuli": PART}),
        *extraction_rows(bool(machine.gpus)),
        *(row for row in peers if row.given["compiled"]),  # compiling takes longest, and matters least
    ]


def choose_rows(
    rows: Sequence[Row], only: Sequence[str], machine: Machine
) -> tuple[list[Row], dict[str, str]]:
    """The rows to measure, and why others are left out."""
    wanted = [
        row for row in rows if not only or any(row.section == one or fnmatch(row.name, one) for one in only)
    ]
    obstacles = {row.name: machine.obstacle(row.needs) for row in wanted}
    return [row for row in wanted if not obstacles[row.name]], {
        name: obstacle for name, obstacle in obstacles.items() if obstacle
    }


# ------------------------------------------------------------------------------------------------- what follows


def with_ratios(rows: Sequence[Row], results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The results with images a second, their share of the bare session, and what limits them."""
    found = {name: dict(result) for name, result in results.items()}
    known = {row.name: row for row in rows}
    for result in found.values():
        for seconds, rate in (("seconds", "images_a_second"), ("steady_seconds", "steady")):
            if result.get(seconds):
                result[rate] = result["images"] / result[seconds]
    for name, result in found.items():
        if "images_a_second" in result and known[name].section in ("session", "extraction"):
            _compare(known[name], result, known, found)
    return found


def _compare(row: Row, result: dict[str, Any], rows: dict[str, Row], found: dict[str, Any]) -> None:
    rate, precision = result["images_a_second"], row.given.get("precision", "float32")

    def fastest(kind: str, **given: Any) -> float | None:
        rates = [
            found[name]["images_a_second"]
            for name, one in rows.items()
            if one.kind == kind
            and "images_a_second" in found.get(name, {})
            and all(one.given.get(key, value) == value for key, value in given.items())
        ]
        return max(rates, default=None)

    if row.section == "session":
        ready = fastest(
            "resident", precision=precision, batch=result["batch"], device=row.given.get("device")
        )
        if row.kind == "plain" and ready:
            result["limit"] = "transfer" if rate < 0.9 * ready else "network"
        return
    usual = next((one.given["device"] for one in rows.values() if one.kind == "plain"), None)
    network = fastest("plain", precision=precision, device=row.given.get("device", usual))
    images = fastest(
        "decoding",
        set=row.given["set"],
        decoders=row.given.get("decoders", 0),
        decoding=row.given.get("decoding", "full"),
    )
    steady = result["steady"]
    alone = {"network": network, "decoding": images, "writing": fastest("writing")}
    measured = {name: one for name, one in alone.items() if one}
    if network:
        result["of_bare"] = steady / network
    if measured:
        limit = min(measured, key=measured.__getitem__)
        result["limit"] = limit if steady > 0.8 * measured[limit] else "handing over"


def summary(found: dict[str, dict[str, Any]]) -> list[str]:
    """The sentences that follow from the table."""

    def best(start: str, key: str = "images_a_second") -> tuple[float, str]:
        rates = [
            (result[key], name)
            for name, result in found.items()
            if name.startswith(start)
            and key in result
            and not any(one in name for one in ("TF32", "TensorRT", "large"))
        ]
        return max(rates, default=(0.0, ""))

    (steady, name), (bare, bare_name) = best("extraction:", "steady"), best("session: batch")
    peer, peer_name = best("torch:")
    lines = []
    if steady and bare:
        whole = found[name]["images_a_second"]
        lines.append(
            f"fastest extraction in float32 ({name}): {steady / bare:.2f} of the bare session ({bare_name}); "
            f"{whole / bare:.2f} with its last part and roll-ups"
        )
    if steady and peer:
        lines.append(f"{steady / peer:.2f} times as fast as PyTorch with hooks ({peer_name})")
    if steady:
        lines.append(
            f"ImageNet ({IMAGENET:,} photographs) at this speed: {IMAGENET / steady / 60:.0f} minutes"
        )
    return lines


COLUMNS = ("row", "images/s", "steady", "of bare", "limit", "GPU GB", "GPU busy", "difference", "note")


def cells(name: str, result: dict[str, Any]) -> list[str]:
    """One line of the table."""
    note = result.get("failure") or result.get("note", "")
    if "contrasts_r" in result:
        r, difference = result["contrasts_r"], result["contrasts_difference"]
        numbers = (
            "contrasts do not vary" if r is None else f"contrasts: r = {r:.7f}, at most {difference:.1e}"
        )
        note = f"{numbers} {note}"
    worst = max(result.get("differences", {}).items(), key=lambda pair: pair[1], default=None)
    return [
        name,
        *(f"{result[key]:.1f}" if key in result else "" for key in ("images_a_second", "steady")),
        f"{result['of_bare']:.2f}" if "of_bare" in result else "",
        result.get("limit", ""),
        f"{result['gpu_bytes'] / 1e9:.1f}" if result.get("gpu_bytes") else "",
        f"{result['gpu_busy']:.0f} %" if result.get("gpu_busy") is not None else "",
        f"{worst[1]:.1e} {worst[0]}" if worst else "",
        note.strip()[:110],
    ]


def table(found: dict[str, dict[str, Any]]) -> str:
    lines = [list(COLUMNS), *(cells(name, result) for name, result in found.items())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], help="sections, or patterns of rows")
    parser.add_argument(
        "--stimuli", type=int, default=8 * PART, help="ordinary photographs; a fifth as many large ones"
    )
    parser.add_argument(
        "--ready", type=int, default=96, help="images of the rows on images that are already decoded"
    )
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement on ready images")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--model", default="vgg16")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--layers", nargs="+", default=["block*"])
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--output", type=Path)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and print the table."""
    choices, began = options(), time.monotonic()
    machine = Machine.present(choices.torch)
    rows, left_out = choose_rows(all_rows(machine), choices.only, machine)
    results: dict[str, dict[str, Any]] = {}

    def record() -> dict[str, Any]:
        found = with_ratios(rows, results)
        whole = {"machine": about, "rows": found, "left_out": left_out, "summary": summary(found)}
        if choices.output:
            partial = choices.output.with_name(f"{choices.output.name}.part")
            partial.write_text(json.dumps(whole, indent=1) + "\n")
            partial.replace(choices.output)
        return whole

    about = describe_machine(machine)
    print("\n".join(f"{key}: {value}" for key, value in about.items()), flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        large = any(row.given.get("set") == "large" for row in rows)
        make_photographs(folder, choices.images, choices.stimuli, large=large)
        for name, result in run_rows(folder, choices, [asdict(row) for row in rows], machine, began):
            results[name] = result
            print("  ".join(filter(None, cells(name, record()["rows"][name]))), flush=True)
    left_out |= {row.name: "no time was left" for row in rows if row.name not in results}
    whole = record()
    print(f"\n{table(whole['rows'])}\n")
    print("\n".join(whole["summary"]))
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        reasons.setdefault(reason, []).append(name)
    if reasons:
        print(f"left out: {'; '.join(f'{reason}: {_list(names)}' for reason, names in reasons.items())}")


def _list(names: Sequence[str]) -> str:
    """Rows, by their sections."""
    sections: dict[str, list[str]] = {}
    for name in names:
        section, _, rest = name.partition(": ")
        sections.setdefault(section, []).append(rest)
    return " | ".join(f"{section} ({', '.join(rests)})" for section, rests in sections.items())


if __name__ == "__main__":
    main()
