"""The same network in PyTorch, a forward hook on every layer. Runs in an environment of its own; see extraction.py.

    python torch_hooks.py FOLDER

FOLDER holds layers.json, weights.npz and images.npy. Every line on stdin asks for one round over the images; the answer
is a line of JSON: seconds. The responses of the last round are then in responses.npz.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

BATCH = 4


def build(
    layers: list[dict[str, Any]], tensors: Any
) -> tuple[torch.nn.Sequential, list[tuple[str, torch.nn.Module]]]:
    """The convolutions and pools of a chain, and the modules that stand for its layers."""
    modules: list[torch.nn.Module] = []
    tapped: list[tuple[str, torch.nn.Module]] = []
    for layer in layers:
        if layer["kind"] == "pool":
            modules.append(torch.nn.MaxPool2d(layer["kernel"], layer["stride"]))
        else:
            convolution = torch.nn.Conv2d(
                layer["inputs"], layer["filters"], layer["kernel"], padding=layer["padding"]
            )
            with torch.no_grad():
                convolution.weight.copy_(torch.from_numpy(tensors[f"{layer['name']}.kernel"]))
                convolution.bias.copy_(torch.from_numpy(tensors[f"{layer['name']}.bias"]))
            modules += [convolution, torch.nn.ReLU(inplace=True)]
        tapped.append((layer["name"], modules[-1]))
    return torch.nn.Sequential(*modules).eval(), tapped


def main() -> None:
    folder = Path(sys.argv[1])
    network, tapped = build(json.loads((folder / "layers.json").read_text()), np.load(folder / "weights.npz"))
    images = torch.from_numpy(np.load(folder / "images.npy"))
    responses: dict[str, list[torch.Tensor]] = {}

    def keep(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, maps: torch.Tensor) -> None:
            responses.setdefault(f"{name}.maximum", []).append(maps.amax(dim=(2, 3)))
            responses.setdefault(f"{name}.mean", []).append(maps.mean(dim=(2, 3)))

        return hook

    for name, module in tapped:
        module.register_forward_hook(keep(name))
    with torch.inference_mode():
        network(images[:BATCH])
        print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
        for _ in sys.stdin:
            responses.clear()
            started = time.perf_counter()
            for start in range(0, len(images), BATCH):
                network(images[start : start + BATCH])
            print(json.dumps(time.perf_counter() - started), flush=True)
    np.savez(
        folder / "responses.npz", **{name: torch.cat(parts).numpy() for name, parts in responses.items()}
    )


if __name__ == "__main__":
    main()
