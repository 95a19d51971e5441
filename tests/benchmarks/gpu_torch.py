"""The rows of gpu.py that PyTorch computes: the same network and images, a forward hook on every layer.

    python gpu_torch.py FOLDER ROW…

FOLDER is that of gpu.py, with layers.json, weights.npz and pixels.npy. The lines on stdout are those of gpu_rows.py.
Images are bytes in page-locked memory; responses are arrays in main memory. This is the best case of a peer: nothing
is decoded, and nothing is written.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_hooks import build

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)


class Peer(torch.nn.Module):
    """Bytes of images to the maximum and mean of every map, which hooks take."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        chain = build(json.loads((folder / "layers.json").read_text()), np.load(folder / "weights.npz"))
        self.network, self.tapped = chain
        entry = json.loads((folder / "choices.json").read_text())["input"]
        self.reverses = entry["channels"] == "BGR"
        self.register_buffer("centre", torch.tensor(entry["mean"]).reshape(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(entry["scale"]).reshape(1, -1, 1, 1))
        self.layout = torch.contiguous_format
        self.responses: list[torch.Tensor] = []
        for _, module in self.tapped:
            module.register_forward_hook(self.keep)

    def keep(self, _module: Any, _inputs: Any, maps: torch.Tensor) -> None:
        self.responses += [maps.amax(dim=(2, 3)), maps.mean(dim=(2, 3))]

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        self.responses = []
        images = pixels.permute(0, 3, 1, 2).to(torch.float32)
        images = images.flip(1) if self.reverses else images
        self.network(((images - self.centre) * self.scale).contiguous(memory_format=self.layout))
        return self.responses


def prepare(folder: Path, *, tf32: bool, channels_last: bool, compiled: bool) -> Any:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True  # the fastest algorithm that cuDNN has
    peer = Peer(folder).to(DEVICE)
    if channels_last:
        peer.layout = torch.channels_last
        peer.network.to(memory_format=torch.channels_last)
    return peer, torch.compile(peer) if compiled else peer


def measure(folder: Path, seconds: float, *, batch: int, **choices: bool) -> dict[str, Any]:
    peer, run = prepare(folder, **choices)
    pixels = cycle(np.load(folder / "pixels.npy"))
    ready = [torch.from_numpy(np.stack([*islice(pixels, batch)])) for _ in range(3)]
    if DEVICE.type == "cuda":
        ready = [one.pin_memory() for one in ready]

    def present(images: torch.Tensor) -> list[np.ndarray]:
        return [one.cpu().numpy() for one in run(images.to(DEVICE, non_blocking=True))]

    with torch.inference_mode():
        differences = compare(folder, peer, run, batch)
        for images in ready:
            present(images)
        tell(measuring=True)
        started, count, turns = time.perf_counter(), 0, cycle(ready)
        while not count or time.perf_counter() - started < seconds:
            present(next(turns))
            count += batch
    took = time.perf_counter() - started
    note = f"torch {torch.__version__}"
    return {"images": count, "seconds": took, "batch": batch, "differences": differences, "note": note}


def compare(folder: Path, peer: Peer, run: Any, batch: int) -> dict[str, float]:
    """Layer -> the largest difference to the CPU, as a share of its largest response; empty without the reference."""
    file = folder / "reference.npz"
    if not file.exists():
        return {}
    pixels = torch.from_numpy(np.load(folder / "pixels.npy")[:batch])
    found = [one.cpu().numpy() for one in run(pixels.to(DEVICE))][::2]
    with np.load(file) as stored:
        expected = {name: stored[f"{name}.maximum"] for name, _ in peer.tapped}
    return {
        name: float(np.abs(one - expected[name][: len(one)]).max() / np.abs(expected[name]).max())
        for (name, _), one in zip(peer.tapped, found, strict=True)
    }


def main() -> None:
    """Measure the rows that are named, one after the other."""
    folder = Path(sys.argv[1])
    choices = json.loads((folder / "choices.json").read_text())
    rows = {row["name"]: row for row in choices["rows"]}
    for name in sys.argv[2:]:
        tell(starts=name)
        try:
            result = measure(folder, choices["seconds"], **rows[name]["given"])
        except Exception as error:
            result = {"failure": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        if DEVICE.type == "cuda":
            torch.cuda.empty_cache()
        tell(row=name, **result)


if __name__ == "__main__":
    main()
