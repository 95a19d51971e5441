"""How near an extraction comes to the bare forward pass of the same graph, and how its memory grows.

    python tests/benchmarks/extraction.py [--stimuli 96] [--rounds 5] [--memory]

One run makes JPEGs of 400 pixels, then measures in turn, round by round, the pooled graph on ready-made batches and a
whole extraction (reading, hashing, decoding, resizing, the network, Parquet, flushing). The ratio is the median over
the rounds, since a shared machine's speed drifts. With --memory it prints the peak memory of extractions of N and
8 N stimuli, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from toolbox import Study
from toolbox.network.card import network
from toolbox.network.graph import full_graph, pooled_graph
from toolbox.network.session import start_session
from toolbox.network.weights import load_weights
from toolbox.store.parts import clear

LAYER = "block5_pool"
BATCH = 4


def make_photographs(folder: Path, count: int) -> None:
    """JPEGs of 400 x 400 pixels with the spectrum of photographs, two categories."""
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.uniform(0, 255, (25, 25, 3)).astype(np.uint8)
        pixels = np.asarray(Image.fromarray(coarse).resize((400, 400), Image.Resampling.BICUBIC), np.float32)
        noisy = np.clip(pixels + random.normal(0, 12, pixels.shape), 0, 255).astype(np.uint8)
        path = folder / f"category{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy).save(path, quality=90)


def forward_rate(count: int, device: str) -> float:
    """Images a second of the pooled graph alone, on batches that lie ready."""
    net = network("vgg16")
    weights = load_weights(net, [LAYER])
    graph = pooled_graph(full_graph(net, weights), [layer.name for layer in weights.layers])
    session = start_session(graph, device=device, batch=BATCH)
    images = np.random.default_rng(0).uniform(-120, 150, (BATCH, 3, 224, 224)).astype(np.float32)
    session.run(images)
    started = time.perf_counter()
    for _ in range(count // BATCH):
        session.run(images)
    return count // BATCH * BATCH / (time.perf_counter() - started)


def extraction_rate(study: Study, device: str) -> float:
    """Stimuli a second of an extraction, from its report: after the weights are read, to the last commit record."""
    clear(study.folder.responses("benchmark", "vgg16"))
    report = study.extract("benchmark", layers=["block*"], device=device, batch=BATCH)
    return report.shown / report.seconds


def peak_memory(folder: Path, count: int) -> float:
    """Peak resident memory in GB of a process that ingests and extracts."""
    photographs = folder / f"photographs{count}"
    make_photographs(photographs, count)
    command = [sys.executable, __file__, "--child", str(photographs), str(folder / f"study{count}")]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def child(photographs: str, directory: str) -> None:
    study = Study(directory)
    study.ingest(photographs, set="benchmark")
    study.extract("benchmark", layers=["block*"])
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stimuli", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--child", nargs=2, metavar=("PHOTOGRAPHS", "STUDY"), help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.child:
        child(*choices.child)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_photographs(folder / "photographs", choices.stimuli)
        study = Study(folder / "study")
        study.ingest(folder / "photographs", set="benchmark")
        forward, extraction = [], []
        for _ in range(choices.rounds):
            forward.append(forward_rate(choices.stimuli, choices.device))
            extraction.append(extraction_rate(study, choices.device))
        parts = study.folder.responses("benchmark", "vgg16")
        record = json.loads((parts / "part-0.json").read_text())
        result: dict[str, object] = {
            "stimuli": choices.stimuli,
            "provider": record["provider"],
            "forward_per_second": [round(rate, 2) for rate in forward],
            "extraction_per_second": [round(rate, 2) for rate in extraction],
            "ratios": [round(whole / bare, 3) for whole, bare in zip(extraction, forward, strict=True)],
            "ratio": round(statistics.median(whole / bare for whole, bare in zip(extraction, forward, strict=True)), 3),
            "bytes_per_response_value": round(record["bytes"] / record["rows"] / 2, 2),
        }
        if choices.memory:
            small, large = (peak_memory(folder, count) for count in (choices.stimuli, 8 * choices.stimuli))
            result["peak_memory_gb"] = {choices.stimuli: round(small, 2), 8 * choices.stimuli: round(large, 2)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
