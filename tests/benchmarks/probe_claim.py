"""Do filters of several layers classify better than one layer? The tasks on which the claim is decided.

    python tests/benchmarks/probe_claim.py STUDY [REPEATS]    # works on a copy of the study

STUDY has a set `photos` of face, i-see-face, object, car, dog and cat, 60 photographs each, with responses of vgg16.
`i-see-face` N and `object` N are matched pairs, and stay in one fold. Property tasks have twelve classes: each category
above and below its own median of a property.

Expected, weighted layers - best layer in points (10 repeats): six categories -1.4 [-3.8, 0.9], cat and dog +0.8
[-1.8, 3.3], i-see-face and object -5.9 [-15.1, 3.3], category x luminance +9.7 [4.7, 14.8], x contrast +4.1 [0.0, 8.1],
x edges +4.2 [-0.2, 8.7], x colourfulness +6.2 [2.6, 9.8]; shuffled labels at chance with a weight of noise near 1.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from toolbox import Study
from toolbox.design.probe.methods import BEST, WEIGHTED

PROPERTIES = ("luminance", "rms_contrast", "edge_density", "colourfulness")


def add_schemes(study: Study, folder: Path) -> None:
    """Matched pairs, shuffled labels, and category x property, each as a label scheme."""
    rows = study.properties("photos", progress=False).sort("stimulus_id")
    number = pl.col("path").str.extract(r"_(\d+)\.")
    is_pair = pl.col("category").is_in(["i-see-face", "object"])
    pair = pl.when(is_pair).then(pl.format("pair {}", number)).otherwise("path")
    schemes = {"pair": rows.select("stimulus_id", category=pair)}
    shuffled = np.random.default_rng(0).permutation(rows["category"].to_numpy())
    schemes["shuffled"] = rows.select("stimulus_id").with_columns(category=pl.Series(shuffled))
    for name in PROPERTIES:
        side = pl.when(pl.col(name) > pl.col(name).median().over("category")).then(pl.lit("high"))
        label = pl.format("{} {}", "category", side.otherwise(pl.lit("low")))
        schemes[name] = rows.select("stimulus_id", category=label)
    for name, table in schemes.items():
        table.write_csv(folder / f"{name}.csv")
        study.label("photos", scheme=name, source=folder / f"{name}.csv", replace=True)


def main(source: Path, repeats: int) -> None:
    """Print a line for every task."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(source, Path(folder) / "study")
        study = Study(Path(folder) / "study")
        add_schemes(study, Path(folder))
        tasks = [("category", None), ("category", ["cat", "dog"]), ("category", ["i-see-face", "object"])]
        tasks += [(name, None) for name in (*PROPERTIES, "shuffled")]
        for scheme, category in tasks:
            started = time.monotonic()
            report = study.probe(
                "photos", scheme=scheme, category=category, group="pair", repeats=repeats, permutations=0,
                model="vgg16", progress=False,
            )  # fmt: skip
            print_line(report, category, time.monotonic() - started)


def print_line(report, category, seconds: float) -> None:  # type: ignore[no-untyped-def]
    """Accuracies, the difference with its interval, and the two heaviest layers."""
    best, weighted = report.row(BEST), report.row(WEIGHTED)
    heaviest = report.layers.sort("weight", descending=True).head(3).select("layer", "weight").rows()
    print(
        f"{' / '.join(category) if category else report.scheme:24} best layer {100 * best['accuracy']:.1f} "
        f"({report.best}), weighted {100 * weighted['accuracy']:.1f}, difference {100 * weighted['difference']:+.1f} "
        f"[{100 * weighted['difference_low']:.1f}, {100 * weighted['difference_high']:.1f}], noise {report.noise:.2f}; "
        f"{', '.join(f'{layer} {weight:.2f}' for layer, weight in heaviest)}; {seconds:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10)
