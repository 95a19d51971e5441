"""How fast indices and tuning curves are over many stimuli, and how that grows.

    python tests/benchmarks/queries.py [--stimuli 2000 20000 100000] [--rounds 3] [--folder FOLDER]

For each number of stimuli it makes a study of made-up responses of VGG16's 4,224 convolutional filters (84.5 million
rows for 20,000 stimuli, 550 MB; 2.8 GB for 100,000), kept in --folder if one is given. Then, in a process of its own,
round by round: all indices of `selectivity/index` from the Parquet parts (the roll-up is removed before), the same from
the roll-up, Figure 1, one tuning curve, the stimuli of one filter, and AUC of one layer. Medians over the rounds are
printed as JSON, and how they grow from the fewest stimuli to the most. The first reading of the parts, which holds
their bytes against their sha256, is timed apart.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.small_study import Matrix, add_labels, add_layers, add_stimuli, digest, record
from toolbox.network.card import layer_table, network
from toolbox.query import ask
from toolbox.store.availability import available_responses
from toolbox.store.folder import StudyFolder, create_study
from toolbox.store.migration import open_study
from toolbox.store.parts import write_part
from toolbox.store.plan import Identity, Plan, extend_plan, plan_digest

SET, MODEL = "benchmark", "vgg16"
CATEGORIES = ("car", "cat", "dog", "face", "i-see-face", "object")
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "from_rollups": ("selectivity/index", {}),
    "profile": ("layers/profile", {}),
    "tuning_curve": ("tuning/category", {"layer": "block5_conv3", "filter": 17}),
    "stimuli_of_a_filter": ("filters/stimuli", {"layer": "block5_conv3", "filter": 17}),
    "auc_of_a_layer": ("selectivity/ranks", {"layer": "block1_conv1"}),
}


def make_study(root: Path, count: int) -> StudyFolder:
    """A study of made-up responses: every filter has a gain of its own for every category."""
    net = network(MODEL)
    filters = {layer.name: layer.filters for layer in net.layers if layer.kind == "convolution"}
    study, stimuli = create_study(root), list(range(count))
    add_stimuli(study, pl.DataFrame({"stimulus_id": stimuli}), SET)
    add_labels(
        study, pl.DataFrame({"stimulus_id": stimuli, "category": [CATEGORIES[n % 6] for n in stimuli]}), SET
    )
    add_layers(study, layer_table(net), MODEL)
    identity = Identity(MODEL, {layer.name: digest(layer.name) for layer in net.layers}, tuple(filters))
    folder = study.extraction(SET, MODEL)
    plan = extend_plan(folder, Plan(identity, (), identity.digest), stimuli)
    chance = np.random.default_rng(0)
    gains = {
        name: chance.gamma(2, 1, (len(CATEGORIES), number)).astype(np.float32)
        for name, number in filters.items()
    }
    for number, part in enumerate(plan.parts):
        fits = plan_digest(part, {stimulus: digest(stimulus) for stimulus in part})
        responses = dict(_responses(gains, np.array(part) % len(CATEGORIES), chance))
        write_part(folder, number, part, responses, record(identity, plan=fits))
    return study


def _responses(
    gains: dict[str, Matrix], categories: Matrix, chance: np.random.Generator
) -> Iterator[tuple[str, tuple[Matrix, Matrix]]]:
    for layer, gain in gains.items():
        shape = (len(categories), gain.shape[1])
        maximum = np.maximum(gain[categories] * (1 + chance.standard_normal(shape, dtype=np.float32)), 0)
        yield layer, (maximum, maximum * chance.random(shape, dtype=np.float32))


def seconds(task: Callable[[], object]) -> float:
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def measured(root: Path, rounds: int) -> dict[str, float]:
    """Median seconds of each question, and the peak memory of this process in GB."""
    study = open_study(root)
    found = {"held_against_sha256": seconds(lambda: available_responses(study, SET, MODEL))}
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        shutil.rmtree(study.root / "rollups", ignore_errors=True)
        times.setdefault("from_parquet", []).append(seconds(lambda: ask(study, "selectivity/index")))
        for name, (query, parameters) in QUESTIONS.items():
            spent = seconds(lambda query=query, parameters=parameters: ask(study, query, parameters))  # type: ignore[misc]
            times.setdefault(name, []).append(spent)
    found |= {name: statistics.median(values) for name, values in times.items()}
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    return {**{name: round(value, 3) for name, value in found.items()}, "peak_memory_gb": round(peak, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stimuli", type=int, nargs="+", default=[2000, 20_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the studies are made, and found again")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.child:
        print(json.dumps(measured(choices.child, choices.rounds)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        results = {}
        for count in sorted(choices.stimuli):
            root = (choices.folder or Path(temporary)) / f"stimuli-{count}"
            if not root.exists():
                make_study(root, count)
            command = [sys.executable, __file__, "--child", str(root), "--rounds", str(choices.rounds)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            results[count] = json.loads(done.stdout)
        fewest, most = min(results), max(results)
        growth = {name: round(results[most][name] / results[fewest][name], 2) for name in results[most]}
    print(json.dumps({"stimuli": results, f"growth_{fewest}_to_{most}": growth}, indent=1))


if __name__ == "__main__":
    main()
