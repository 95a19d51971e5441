"""The rows of gpu.py that the toolbox computes, in a process of their own, so that a crash costs one row.

    python gpu_rows.py FOLDER ROW…

FOLDER is that of gpu.py. For every row, lines of JSON on stdout: that it starts, that its measurement starts, and the
result. Whatever fails is the result of its row.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from toolbox import Study
from toolbox.collect.extraction.accuracy import agreement
from toolbox.collect.extraction.presentation import (
    _in_order,
    _prepare_pair,
    _start_decoders,
    prepare_image,
)
from toolbox.graph import Graph
from toolbox.network.card import network, select_layers
from toolbox.network.model import load_model
from toolbox.network.pooling import pixel_graph, pooled_graph
from toolbox.runtime import computation as computations
from toolbox.runtime.autotune import probe_image, start_fastest
from toolbox.runtime.computation import BoundComputation, OnnxComputation, cpu_computation, gpu_computation
from toolbox.runtime.device import choose_device
from toolbox.runtime.hardware import runtime
from toolbox.runtime.session import start_session
from toolbox.store.folder import StudyFolder
from toolbox.store.parts import clear, write_part
from toolbox.store.stimuli import Stimulus, stimuli_of

Result = dict[str, Any]
ROUNDS_AHEAD = 3
"""Different batches that take turns, so that no cache has seen the next one."""


def tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)


class Bench:
    """What all rows have in common: the study, the network, and images as the network takes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.choices: Mapping[str, Any] = json.loads((folder / "choices.json").read_text())
        self.net = network(self.choices["model"])
        self.layers = select_layers(self.net.layers, self.choices["layers"])
        self.device = choose_device("auto")
        self._graph: Graph | None = None

    @property
    def graph(self) -> Graph:
        """From decoded images to the responses of all layers, as an extraction computes them."""
        if self._graph is None:
            model = load_model(self.net, self.layers, source=self.choices["weights"])
            self._graph = pixel_graph(pooled_graph(model.graph, self.layers), self.net.input)
        return self._graph

    @property
    def study(self) -> Study:
        return Study(self.folder / "study")

    def stimuli(self, set_name: str) -> list[Stimulus]:
        return [*stimuli_of(self.study.folder, set_name).values()]

    def pixels(self) -> np.ndarray:
        """Decoded images, in any order of categories."""
        return np.load(self.folder / "pixels.npy")

    def batches(self, size: int) -> list[np.ndarray]:
        images = cycle(self.pixels())
        return [np.stack([*islice(images, size)]) for _ in range(ROUNDS_AHEAD)]


def prepare(bench: Bench) -> None:
    """Decode what the rows on ready images need, evenly over the categories."""
    folder, stimuli = bench.folder, bench.stimuli("ordinary")
    chosen = stimuli[:: max(1, len(stimuli) // bench.choices["ready"])][: bench.choices["ready"]]
    np.save(
        folder / "pixels.npy", np.stack([np.asarray(prepare_image(one, bench.net.input)) for one in chosen])
    )
    categories = [Path(one.path).parent.name for one in chosen]
    (folder / "categories.json").write_text(json.dumps(categories))


# ---------------------------------------------------------------------------------------------------------- fidelity


def responses(bench: Bench, **choices: Any) -> dict[str, np.ndarray]:
    session = start_session(bench.graph, **choices)
    batch = choices.get("batch") or 1
    found = [
        session.run(images) for images in np.split(bench.pixels(), range(batch, len(bench.pixels()), batch))
    ]
    return {name: np.concatenate([one[name] for one in found]) for name in session.outputs}


def reference(bench: Bench) -> dict[str, np.ndarray]:
    """Of the CPU, by plain convolutions; computed once."""
    file = bench.folder / "reference.npz"
    if not file.exists():
        np.savez(file, **responses(bench, device="cpu", convolution="direct"))
    with np.load(file) as stored:
        return {name: stored[name] for name in stored.files}


def largest_differences(
    found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Layer -> the largest difference of its maxima, as a share of its largest response."""
    return {
        name.removesuffix(".maximum"): float(np.abs(found[name] - one).max() / np.abs(one).max())
        for name, one in expected.items()
        if name.endswith(".maximum")
    }


def fidelity(bench: Bench, **choices: Any) -> Result:
    expected = reference(bench)
    tell(measuring=True)
    started = time.perf_counter()
    found = responses(bench, **choices)
    seconds = time.perf_counter() - started
    categories = json.loads((bench.folder / "categories.json").read_text())
    agreed = agreement(found, expected, categories, of="row", against="CPU")
    return {
        "images": len(categories),
        "seconds": seconds,
        "differences": largest_differences(found, expected),
        "contrasts_r": agreed.correlation,
        "contrasts_difference": agreed.largest,
    }


# ----------------------------------------------------------------------------------------------------------- session


def timed(bench: Bench, run: Callable[[Any], object], batches: Sequence[Any], callers: int = 1) -> Result:
    """Images and seconds of runs in turn, after each batch was computed once."""
    for batch in batches:
        run(batch)
    tell(measuring=True)
    size, turns, count = len(batches[0]), cycle(batches), 0
    started = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        while not count or time.perf_counter() - started < bench.choices["seconds"]:
            rounds = 1 if callers == 1 else 4 * callers
            list(pool.map(run, islice(turns, rounds)))
            count += rounds * size
    return {"images": count, "seconds": time.perf_counter() - started, "batch": size}


def computation(bench: Bench, precision: str, device: str) -> Any:
    """As a session has it: on the first GPU, or on the CPU with all threads."""
    if device == "cpu":
        return cpu_computation(bench.graph, 1, 0)
    return gpu_computation(bench.graph, device, 0, precision).computation


def plain(bench: Bench, *, batch: int, precision: str, device: str, **options: str) -> Result:
    """Runs of onnxruntime on arrays; with options of its CUDA provider."""
    with cuda_options(options):
        return timed(bench, computation(bench, precision, device), bench.batches(batch))


def bound(bench: Bench, *, batch: int, precision: str, device: str) -> Result:
    where = "cpu" if device == "cpu" else "cuda"
    run = BoundComputation(onnx_of(computation(bench, precision, device)), where)
    return timed(bench, run, bench.batches(batch))


def resident(bench: Bench, *, batch: int, precision: str, device: str) -> Result:
    """The images are on the device already: the network and its responses alone, without transfer of images."""
    where = "cpu" if device == "cpu" else "cuda"
    run = BoundComputation(onnx_of(computation(bench, precision, device)), where)
    ready = bench.batches(batch)
    run(ready[0])
    ((_, binding),) = run.bindings.values()

    def again(_: np.ndarray) -> object:
        run.computation.session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()

    return timed(bench, again, ready)


def pinned(bench: Bench, *, batch: int, precision: str, device: str) -> Result:
    """Plain runs on arrays whose memory is registered with the driver."""
    run, ready = computation(bench, precision, device), bench.batches(batch)
    run(ready[0])
    library = ctypes.CDLL(f"libcudart.so.{runtime().cuda.split('.')[0]}")
    for one in ready:
        if code := library.cudaHostRegister(ctypes.c_void_p(one.ctypes.data), ctypes.c_size_t(one.nbytes), 0):
            raise RuntimeError(f"cudaHostRegister fails with {code}")
    return timed(bench, run, ready)


def two_callers(bench: Bench, *, batch: int, precision: str, device: str) -> Result:
    """Two threads with the same session: one prepares while the other computes."""
    return timed(bench, computation(bench, precision, device), bench.batches(batch), callers=2)


def probed(bench: Bench) -> Result:
    """The arrangement that an extraction of many stimuli finds, and how long it takes to find it."""
    started = time.perf_counter()
    session = start_fastest(bench.graph, probe_image(bench.net.input), device=bench.device)
    took = time.perf_counter() - started
    result = timed(bench, session.run, bench.batches(session.batch), callers=session.workers)
    return {**result, "note": f"{session.arrangement}, found in {took:.1f} s"}


def onnx_of(computation: Any) -> OnnxComputation:
    """The session of onnxruntime in a computation, whatever is around it."""
    while not isinstance(computation, OnnxComputation):
        computation = computation.computation
    return computation


@contextmanager
def cuda_options(options: Mapping[str, str]) -> Iterator[None]:
    before = dict(computations.CUDA_OPTIONS)
    computations.CUDA_OPTIONS.update(options)
    try:
        yield
    finally:
        computations.CUDA_OPTIONS.clear()
        computations.CUDA_OPTIONS.update(before)


# ---------------------------------------------------------------------------------------------- decoding, extraction


def decoding(bench: Bench, *, set: str, decoders: int, decoding: str) -> Result:
    """Reading, hashing, decoding and resizing, as an extraction does it."""
    entry = replace(bench.net.input, decoding=decoding)
    stimuli, first = bench.stimuli(set), 2 * max(1, decoders)
    prepared = partial(_prepare_pair, entry=entry)
    with _start_decoders(decoders, None) as pool:
        list(pool.map(prepared, stimuli[:first]))  # processes that have imported what they need
        tell(measuring=True)
        started = time.perf_counter()
        with closing(_in_order(pool, prepared, stimuli, 192)) as images:
            count = sum(1 for _ in images)
        return {"images": count, "seconds": time.perf_counter() - started, "processes": decoders}


def writing(bench: Bench, *, stimuli: int) -> Result:
    """Parts of responses to Parquet, one after the other as an extraction writes them."""
    random = np.random.default_rng(0)  # what does not vary would be compressed to nothing
    filters = {layer.name: layer.filters for layer in bench.net.layers if layer.name in bench.layers}
    responses = {
        name: (_noise(random, stimuli, count), _noise(random, stimuli, count))
        for name, count in filters.items()
    }
    folder = StudyFolder(bench.folder / "written").extraction("written", bench.net.name)
    for place in (folder.plans, folder.part(0).parent):
        place.mkdir(parents=True, exist_ok=True)
    write_part(folder, 0, range(stimuli), responses, {})
    tell(measuring=True)
    started, parts = time.perf_counter(), 0
    while not parts or time.perf_counter() - started < bench.choices["seconds"]:
        parts += 1
        write_part(folder, parts, range(stimuli), responses, {})
    return {"images": parts * stimuli, "seconds": time.perf_counter() - started}


def _noise(random: np.random.Generator, stimuli: int, filters: int) -> np.ndarray:
    return np.maximum(random.normal(size=(stimuli, filters)), 0).astype(np.float32)


def extraction(
    bench: Bench, *, set: str, share: float = 1.0, binding: bool = False, **choices: Any
) -> Result:
    """A whole extraction, from files to Parquet and roll-ups, from the moment when the first batch is computed."""
    study, calls = bench.study, list[tuple[float, int]]()
    for name in study.folder.sets():  # scaled decoding holds for a network in the whole study
        clear(study.folder.extraction(name, bench.net.name))

    def note(task: str, done: int, _total: int) -> None:
        if task.startswith("extract") and done:
            calls.append((time.perf_counter(), done))
            if len(calls) == 1:
                tell(measuring=True)

    computations.GPU_BINDING = binding
    limit = max(6, round(share * len(bench.stimuli(set))))
    report = study.extract(
        set,
        model=bench.choices["model"],
        weights=bench.choices["weights"],
        layers=bench.choices["layers"],
        limit=limit,
        progress=note,
        **choices,
    )
    end, (first, before), (last, done) = time.perf_counter(), calls[0], calls[-1]
    if done == before:
        return {"failure": "all stimuli were in the first batches; ask for more --stimuli"}
    return {
        "images": done - before,
        "seconds": end - first,
        "steady_seconds": last - first,
        "whole_seconds": report.seconds,
        "note": report.arrangement,
    }


ROWS: Mapping[str, Callable[..., Result]] = {
    "fidelity": fidelity,
    "plain": plain,
    "options": plain,
    "bound": bound,
    "resident": resident,
    "pinned": pinned,
    "two_callers": two_callers,
    "probed": probed,
    "decoding": decoding,
    "writing": writing,
    "extraction": extraction,
}


def main() -> None:
    """Measure the rows that are named, one after the other."""
    bench = Bench(Path(sys.argv[1]))
    rows = {row["name"]: row for row in bench.choices["rows"]}
    for name in sys.argv[2:]:
        tell(starts=name)
        try:
            result = ROWS[rows[name]["kind"]](bench, **rows[name]["given"])
        except Exception as error:
            result = {"failure": f"{type(error).__name__}: {' '.join(str(error).split())}"}
        gc.collect()  # the memory of the GPU belongs to the next row
        tell(row=name, **result)


if __name__ == "__main__":
    main()
