"""Ways of getting the responses of VGG16's convolutional base, side by side: same images, same weights, one run.

    python tests/benchmarks/extraction.py [--stimuli 128] [--rounds 3] [--output FILE.json] [--memory] [--without-torch]

Makes JPEGs of 400 pixels, then measures in turn, round by round, since a shared machine's speed drifts:

- toolbox: a whole extraction, once its session has started: reading, hashing, decoding, resizing, the network, Parquet;
- toolbox, direct: the same with plain convolutions;
- forward: the pooled graph with plain convolutions on batches that lie ready, in onnxruntime's own arrangement;
- forward, same session: the very graph and arrangement of the toolbox, on batches that lie ready;
- full graph: all maps out of onnxruntime, maxima and means by numpy;
- torch: forward hooks on all layers that take maximum and mean, in an environment that this script makes;
- openvino float32: the graph and the arrangement of the toolbox in OpenVINO, on images that lie ready;
- toolbox, bf16: a whole extraction with --precision bf16, where the processor can, and how its contrasts agree. Every
  extraction clocks from the first stimulus on; the comparison with float32 on 48 stimuli comes before that.

Ratios are medians over the rounds of the ratio within a round. Storage is held against one .npy file of the whole map
for every image and layer. With --memory, peak memory of whole extractions in processes of their own: of the base, of
all layers, and of sets of 100, 1,000 and 10,000 images (with small maps, so that it ends; parts are as large).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from toolbox import Study
from toolbox.collect.extraction.presentation import prepare_image
from toolbox.graph import Graph
from toolbox.network.card import network
from toolbox.network.model import Model, load_model
from toolbox.network.pooling import pixel_graph, pooled_graph, preprocess
from toolbox.network.weights import load_weights
from toolbox.runtime.autotune import usable_cores
from toolbox.runtime.hardware import has_bf16
from toolbox.runtime.session import Session, start_session
from toolbox.store.parts import clear
from toolbox.store.stimuli import Stimulus

LAYER = "block5_pool"
BATCH = 4
TORCH = "torch==2.13.0"
SMALL = """
like = "vgg16"
name = "vgg16-small"
digests = {}
first_values = {}
[input]
height = 32
width = 32
channels = "BGR"
mean = [103.939, 116.779, 123.68]
"""
"""VGG16 with maps a fiftieth the size: as many filters, so as many rows, in a fiftieth of the time."""

Round = Callable[[], float]
"""One round over all images; gives seconds."""


@dataclass(frozen=True)
class Bench:
    """What all ways have in common: the images in three states, and the network."""

    folder: Path
    study: Study
    model: Model
    pixels: np.ndarray
    images: np.ndarray

    @property
    def names(self) -> list[str]:
        return list(self.model.digests)

    @property
    def pooled(self) -> Graph:
        return pooled_graph(self.model.graph, self.names)


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


def make_bench(folder: Path, count: int) -> Bench:
    make_photographs(folder / "photographs", count)
    study = Study(folder / "study", create=True)
    study.ingest(folder / "photographs", set="benchmark")
    net = network("vgg16")
    table = study.query("select stimulus_id, path, sha256 from stimuli order by stimulus_id", set="benchmark")
    stimuli = [Stimulus(i, path, study.folder.image(path), sha256) for i, path, sha256 in table.iter_rows()]
    pixels = np.stack([np.asarray(prepare_image(stimulus, net.input)) for stimulus in stimuli])
    images = np.stack([preprocess(net.input, image) for image in pixels])
    return Bench(folder, study, load_model(net, [LAYER]), pixels, images)


def batches(images: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (images[start : start + size] for start in range(0, len(images), size))


def extraction(bench: Bench, **choices: Any) -> Round:
    """A whole extraction. It tells of its start when the session is ready, and returns when all is committed."""

    def measure() -> float:
        clear(bench.study.folder.extraction("benchmark", "vgg16"))
        begun: list[float] = []

        def note(task: str, done: int, _total: int) -> None:
            if task.startswith("extract") and not done:
                begun.append(time.perf_counter())

        bench.study.extract("benchmark", layers=["block*"], progress=note, **choices)
        return time.perf_counter() - begun[0]

    return measure


def agreement(bench: Bench) -> dict[str, Any]:
    """How the contrasts in bf16 agree with those in float32, as an extraction records it."""
    clear(bench.study.folder.extraction("benchmark", "vgg16"))
    return asdict(bench.study.extract("benchmark", layers=["block*"], precision="bf16").agreement)


def forward(bench: Bench) -> Round:
    """The pooled graph alone: plain convolutions, onnxruntime's own threads."""
    session = start_session(bench.pooled, device="cpu", convolution="direct")

    def measure() -> float:
        started = time.perf_counter()
        for batch in batches(bench.images, BATCH):
            session.run(batch)
        return time.perf_counter() - started

    return measure


def forward_as_extracted(bench: Bench) -> Round:
    """The graph and the arrangement that an extraction uses, on images that lie ready."""
    from concurrent.futures import ThreadPoolExecutor

    cores = usable_cores()
    graph = pixel_graph(bench.pooled, bench.model.network.input)
    session = start_session(graph, device="cpu", workers=cores, threads=1, batch=1)

    def measure() -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(session.run, batches(bench.pixels, 1)))
        return time.perf_counter() - started

    return measure


def full_maps(bench: Bench) -> Round:
    """Every map out of the runtime, then numpy."""
    session: Session = start_session(bench.model.graph, device="cpu", convolution="direct")

    def measure() -> float:
        started = time.perf_counter()
        for batch in batches(bench.images, BATCH):
            for maps in session.run(batch).values():
                maps.max(axis=(2, 3))
                maps.mean(axis=(2, 3))
        return time.perf_counter() - started

    return measure


@contextmanager
def torch_hooks(bench: Bench) -> Iterator[tuple[Round, dict[str, Any]]]:
    """PyTorch in a process and an environment of its own, asked for one round at a time."""
    folder = bench.folder / "torch"
    venv.create(folder / "environment", with_pip=True)
    python = folder / "environment" / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", TORCH, "numpy"], check=True)
    weights = load_weights(bench.model.network, [LAYER])
    np.savez(folder / "weights.npz", **weights.tensors)
    np.save(folder / "images.npy", bench.images)
    keys = ("name", "kind", "inputs", "filters", "kernel", "stride", "padding")
    layers = [{key: getattr(layer, key) for key in keys} for layer in weights.layers]
    (folder / "layers.json").write_text(json.dumps(layers))
    script = Path(__file__).with_name("torch_hooks.py")
    with subprocess.Popen(
        [python, script, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin and child.stdout
        told = json.loads(child.stdout.readline())

        def measure() -> float:
            print("round", file=child.stdin, flush=True)
            return float(json.loads(child.stdout.readline()))

        yield measure, told
        child.stdin.close()


def difference_to_torch(bench: Bench) -> float:
    """The largest difference between torch's responses and the toolbox's, relative to the layer's largest one."""
    graph = pixel_graph(bench.pooled, bench.model.network.input)
    session = start_session(graph, device="cpu")
    with np.load(bench.folder / "torch" / "responses.npz") as responses:
        count = min(16, len(bench.pixels))
        found = session.run(bench.pixels[:count])
        pairs = [(values, responses[name][:count]) for name, values in found.items()]
        return max(float(np.abs(one - other).max() / np.abs(other).max()) for one, other in pairs)


def storage(bench: Bench) -> dict[str, float]:
    """Bytes of one image's responses in Parquet, and of its whole maps as .npy files, really written."""
    folder = bench.folder / "maps"
    folder.mkdir()
    session = start_session(bench.model.graph, device="cpu")
    for name, maps in session.run(bench.images[:1]).items():
        np.save(folder / f"0-{name}.npy", maps[0])
    maps_bytes = sum(file.stat().st_size for file in folder.iterdir())
    parts = [
        json.loads(file.read_text()) for file in bench.study.folder.plans("benchmark", "vgg16").glob("*.json")
    ]
    parquet = sum(part["bytes"] for part in parts) / len(bench.images)
    return {
        "parquet_bytes_per_image": round(parquet),
        "maps_bytes_per_image": maps_bytes,
        "ratio": round(maps_bytes / parquet),
        "bytes_per_response_value": round(
            sum(p["bytes"] for p in parts) / sum(p["rows"] for p in parts) / 2, 2
        ),
    }


def peak_memory(folder: Path, count: int, layers: str, model: str, weights: str) -> float:
    """Peak resident memory in GB of a process that ingests and extracts."""
    photographs = folder / f"photographs{count}"
    if not photographs.exists():
        make_photographs(photographs, count)
    study = folder / f"study-{Path(model).stem}-{count}"
    command = [sys.executable, __file__, "--child", str(photographs), str(study), layers, model, weights]
    return round(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout), 2)


def child(photographs: str, directory: str, layers: str, model: str, weights: str) -> None:
    import resource

    study = Study(directory, create=True)
    study.ingest(photographs, set="benchmark")
    study.extract("benchmark", layers=[layers], model=model, weights=weights)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9)


def memory(folder: Path) -> dict[str, Any]:
    card = folder / "vgg16-small.toml"
    card.write_text(SMALL)
    return {
        "base_100": peak_memory(folder, 100, "block*", "vgg16", "auto"),
        "base_400": peak_memory(folder, 400, "block*", "vgg16", "auto"),
        "all_layers_100": peak_memory(folder, 100, "*", "vgg16-untrained", "auto"),
        "small_maps": {
            count: peak_memory(folder, count, "block*", str(card), "random:0")
            for count in (100, 1_000, 10_000)
        },
    }


def measure(bench: Bench, rounds: int, with_torch: bool) -> dict[str, Any]:
    """Seconds of every way in every round, as images a second and as ratios."""
    ways: dict[str, Round] = {
        "toolbox": extraction(bench),
        "toolbox, direct": extraction(bench, convolution="direct"),
        "forward": forward(bench),
        "forward, same session": forward_as_extracted(bench),
        "full graph": full_maps(bench),
    }
    result: dict[str, Any] = {}
    with ExitStack() as stack:
        if with_torch:
            ways["torch"], result["torch"] = stack.enter_context(torch_hooks(bench))
        if find_spec("openvino"):
            ways["openvino float32"] = openvino_forward(bench)
            if has_bf16():
                ways["toolbox, bf16"] = extraction(bench, precision="bf16")
                result["bf16_agreement"] = agreement(bench)
            else:
                result["bf16"] = "this processor has no bf16 instructions"
        for way in ways.values():
            way()
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                seconds[name].append(way())
    count = len(bench.images)
    result["images_a_second"] = {
        name: {"median": round(count / statistics.median(found), 2), "best": round(count / min(found), 2)}
        for name, found in seconds.items()
    }
    result["toolbox_speed_over"] = {
        name: round(statistics.median(b / a for a, b in zip(seconds["toolbox"], found, strict=True)), 3)
        for name, found in seconds.items()
    }
    if "toolbox, bf16" in seconds:
        pairs = zip(seconds["toolbox, bf16"], seconds["toolbox"], strict=True)
        result["bf16_speed_over_toolbox"] = round(statistics.median(b / a for a, b in pairs), 3)
    direct = zip(seconds["toolbox, direct"], seconds["forward"], strict=True)
    result["direct_over_forward"] = round(statistics.median(b / a for a, b in direct), 3)
    if with_torch:
        result["largest_difference_to_torch"] = difference_to_torch(bench)
    return result


def openvino_forward(bench: Bench) -> Round:
    """OpenVINO in float32 on ready batches: a second runtime, not a choice of the toolbox."""
    from concurrent.futures import ThreadPoolExecutor

    from toolbox.runtime import openvino

    cores = usable_cores()
    graph = pixel_graph(bench.pooled, bench.model.network.input)
    runners = openvino.start_computations(graph, precision="float32", workers=cores, threads=1)

    def measure() -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(cores) as pool:
            shares = [[*batches(bench.pixels[number::cores], 1)] for number in range(cores)]
            list(
                pool.map(
                    lambda pair: [pair[0](batch) for batch in pair[1]], zip(runners, shares, strict=True)
                )
            )
        return time.perf_counter() - started

    return measure


def processor() -> str:
    """The machine, in words."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.is_file() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{name or platform.processor()}, {usable_cores()} cores, {platform.system()} {platform.machine()}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stimuli", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--without-torch", action="store_true")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.child:
        child(*choices.child)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = make_bench(folder, choices.stimuli)
        result: dict[str, Any] = {"machine": processor(), "images": choices.stimuli, "rounds": choices.rounds}
        result |= measure(bench, choices.rounds, not choices.without_torch)
        result["storage"] = storage(bench)
        if choices.memory:
            result["peak_memory_gb"] = memory(folder)
    print(json.dumps(result, indent=1))
    if choices.output:
        choices.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
