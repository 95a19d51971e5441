"""What a study costs as it grows: storage, roll-ups, every basic query, significance, memory.

    python tests/benchmarks/scale.py [--stimuli 2000 20000] [--categories 6] [--rounds 3] [--folder FOLDER]
    python tests/benchmarks/scale.py --stimuli 1000 100000 --categories 1000 --resamples 20    # the size of ImageNet

For each number of stimuli it makes a study of made-up responses of VGG16's 4,224 convolutional filters in parts of
1,000 stimuli (20,000 stimuli: 84.5 million rows, 550 MB; 100,000: 2.8 GB), kept in --folder if one is given. Then, in
a process of its own, round by round: the roll-up after a relabelling, which reads all parts; all indices of
`selectivity/index` from the Parquet parts (the roll-up is removed before), and from the roll-up; Figure 1, tuning
curves, and what else QUESTIONS lists. Significance of one measure is timed once, if --resamples are given. Medians over
the rounds, the peak memory of each step's process, and bytes a response are printed as JSON, and how all grow from the
fewest stimuli to the most. The first reading of the parts, which compares them with their sha256, is timed apart.
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
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.small_study import Matrix, add_labels, add_layers, add_stimuli, digest, record
from toolbox.analyse.significance import Resampling, resample
from toolbox.network.card import layer_table, network
from toolbox.query import ask
from toolbox.store.availability import available_responses
from toolbox.store.folder import RESAMPLE_FOLDERS, StudyFolder, create_study
from toolbox.store.labels import read_labels
from toolbox.store.migration import open_study
from toolbox.store.parts import write_part
from toolbox.store.plan import Identity, Plan, extended_plan, plan_digest, write_plan
from toolbox.store.rollups import roll_up

SET, MODEL = "benchmark", "vgg16"
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "from_rollups": ("selectivity/index", {}),
    "layers_best": ("layers/best", {}),
    "representative": ("filters/representative", {}),
    "complexity": ("complexity/layers", {}),
    "profile": ("layers/profile", {}),
    "tuning_curve": ("tuning/category", {"layer": "block5_conv3", "filter": 17}),
    "stimuli_of_a_filter": ("filters/stimuli", {"layer": "block5_conv3", "filter": 17}),
    "auc_of_a_layer": ("selectivity/ranks", {"layer": "block1_conv1"}),
}


def make_study(root: Path, count: int, categories: int) -> StudyFolder:
    """A study of made-up responses: every filter has a gain of its own for every category."""
    net = network(MODEL)
    filters = {layer.name: layer.filters for layer in net.layers if layer.kind == "convolution"}
    study, stimuli = create_study(root), list(range(count))
    add_stimuli(study, pl.DataFrame({"stimulus_id": stimuli}), SET)
    names = [f"category-{number:04}" for number in range(categories)]
    labels = {"stimulus_id": stimuli, "category": [names[n % categories] for n in stimuli]}
    add_labels(study, pl.DataFrame(labels), SET)
    add_layers(study, layer_table(net), MODEL)
    identity = Identity(MODEL, {layer.name: digest(layer.name) for layer in net.layers}, tuple(filters))
    folder = study.extraction(SET, MODEL)
    plan = extended_plan(Plan(identity, (), identity.digest), stimuli)
    write_plan(folder.plan, plan)
    chance = np.random.default_rng(0)
    gains = {
        name: chance.gamma(2, 1, (categories, number)).astype(np.float32) for name, number in filters.items()
    }
    for number, part in enumerate(plan.parts):
        fits = plan_digest(part, {stimulus: digest(stimulus) for stimulus in part})
        responses = dict(_responses(gains, np.array(part) % categories, chance))
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
    """Median seconds of each question; peak memory of this process in GB, before and after the questions."""
    study = open_study(root)
    found = {"compared_with_sha256": seconds(lambda: available_responses(study, SET, MODEL))}
    labels = read_labels(study.labels(SET))
    parts = available_responses(study, SET, MODEL).paths(study)
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        times.setdefault("relabelled", []).append(seconds(lambda: roll_up(parts, labels)))
    found["memory_of_a_rollup_gb"] = peak_memory()
    for _ in range(rounds):
        shutil.rmtree(study.root / "rollups", ignore_errors=True)
        times.setdefault("from_parquet", []).append(seconds(lambda: ask(study, "selectivity/index")))
        for name, (query, parameters) in QUESTIONS.items():
            spent = seconds(lambda query=query, parameters=parameters: ask(study, query, parameters))  # type: ignore[misc]
            times.setdefault(name, []).append(spent)
    found |= {name: statistics.median(values) for name, values in times.items()}
    return found | {"memory_of_queries_gb": peak_memory()}


def resampled(root: Path, resamples: int) -> dict[str, float]:
    """Seconds of significance, and the peak memory of this process in GB."""
    study, choices = open_study(root), Resampling(resamples=resamples)
    for folder in RESAMPLE_FOLDERS.values():
        shutil.rmtree(study.root / folder, ignore_errors=True)
    spent = seconds(lambda: resample(study, choices))
    return {"significance": spent, "memory_of_significance_gb": peak_memory()}


def peak_memory() -> float:
    """Of this process so far, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def stored(root: Path) -> dict[str, float]:
    """Bytes of the parts for each response value, and of the roll-up."""
    parts = sum(part.stat().st_size for part in root.glob("responses/*/*/*.parquet"))
    rows = sum(pq.read_metadata(part).num_rows for part in root.glob("responses/*/*/*.parquet"))
    rollups = sum(table.stat().st_size for table in root.glob("rollups/*/*/*/*.parquet"))
    return {
        "rows_million": rows / 1e6,
        "responses_gb": parts / 1e9,
        "bytes_a_value": parts / rows / 2,
        "rollup_mb": rollups / 1e6,
    }


def in_a_process(root: Path, *options: object) -> dict[str, float]:
    """What `measured` or `resampled` finds in a process of its own."""
    command = [sys.executable, __file__, "--child", str(root), *map(str, options)]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stimuli", type=int, nargs="+", default=[2000, 20_000])
    parser.add_argument("--categories", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--resamples", type=int, default=0, help="of significance; 0: it is not run")
    parser.add_argument("--folder", type=Path, help="where the studies are made, and found again")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.child:
        is_significance = choices.resamples > 0
        found = (
            resampled(choices.child, choices.resamples)
            if is_significance
            else measured(choices.child, choices.rounds)
        )
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as temporary:
        results = {}
        for count in sorted(choices.stimuli):
            root = (choices.folder or Path(temporary)) / f"{count}-stimuli-{choices.categories}-categories"
            if not root.exists():
                make_study(root, count, choices.categories)
            found = in_a_process(root, "--rounds", choices.rounds)
            if choices.resamples:
                found |= in_a_process(root, "--resamples", choices.resamples)
            results[count] = {name: round(value, 3) for name, value in (found | stored(root)).items()}
        fewest, most = min(results), max(results)
        growth = {
            name: round(value / max(results[fewest][name], 1e-3), 2) for name, value in results[most].items()
        }
    print(json.dumps({"stimuli": results, f"growth_{fewest}_to_{most}": growth}, indent=1))


if __name__ == "__main__":
    main()
