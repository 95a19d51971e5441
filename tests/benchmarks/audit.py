"""Count what `toolbox audit` finds of faults that were planted in photographs: precision and recall of every kind.

    python tests/benchmarks/audit.py PHOTOGRAPHS WORK [--more FOLDER] [--seeds 0 1 2] [--model vgg16]

PHOTOGRAPHS is a folder with one folder of images a category; --more is another one, whose images are added.
WORK is a folder for the studies, which are continued where they are. Each seed plants, in a copy of the photographs:
10 copies each of the same pixels, JPEG of quality 60, scaled to 80 %, and without 3 % of every side, every other one in
another category; 15 labels exchanged; 3 pictures of every kind of poor ones; one category half again as bright, one
blurred by 1.2 pixels. A second set has further copies of 20 of the photographs and 40 new ones.

Expected with VGG16 and 600 photographs of six categories: every copy is found, in the set and in the other one; the
precision of near duplicates is 0.9 or more (pictures that were made nearly empty are the others); seven of ten wrong
labels are found, and seven of ten labels in the list are wrong: categories such as faces in things, and things, are
hardly told apart by the network; all poor pictures and both confounds are found. Of odd sizes and grey pictures, the
list has those of the photographs themselves, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Set
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.planted_faults import COPIES, POOR, Planted, plant, save_copy
from toolbox import Study

CONFOUNDED = {"cat": "brightened", "car": "softened"}
NEW = 40
"""Photographs that only the second set has."""
SHARED = 20
"""Photographs of which the second set has copies."""


def photographs(*folders: Path) -> dict[str, list[Path]]:
    """Category -> files."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for category in sorted(path for path in folder.iterdir() if path.is_dir()):
            files = sorted(path for path in category.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
            found.setdefault(category.name, []).extend(files)
    return found


def make_study(
    given: dict[str, list[Path]], work: Path, seed: int, model: str
) -> tuple[Study, Planted, dict[str, str]]:
    """A study with both sets and responses; what was planted; copy in the second set -> its original in the first."""
    root, record = work / f"seed-{seed}", work / f"seed-{seed}.json"
    chance = np.random.default_rng(seed)
    every = [(category, file) for category, files in sorted(given.items()) for file in files]
    new = {every[number][1] for number in chance.permutation(len(every))[:NEW]}
    first = {category: [file for file in files if file not in new] for category, files in given.items()}
    if not record.is_file():
        planted = plant(first, root / "first", seed=seed, confounded=CONFOUNDED)
        shared = plant_second(root, new, chance)
        record.write_text(json.dumps([asdict(planted), shared]), encoding="utf-8")
        study = Study(root / "study", create=True)
        for name in ("first", "second"):
            study.ingest(root / name, set=name)
    study = Study(root / "study")
    for name in ("first", "second"):
        study.extract(name, model=model)
        study.properties(name)
    planted, shared = json.loads(record.read_text(encoding="utf-8"))
    return study, Planted(**planted), shared


def plant_second(root: Path, new: Iterable[Path], chance: np.random.Generator) -> dict[str, str]:
    """The second set: new photographs, and copies of some of the first."""
    first = sorted(path for path in (root / "first").rglob("*.jpg") if " " not in path.stem)
    shared = {}
    for number, place in enumerate(chance.permutation(len(first))[:SHARED]):
        file = first[place]
        copy = root / "second" / file.parent.name / f"{file.stem} again.jpg"
        save_copy(file, copy, COPIES[number % len(COPIES)])
        shared[copy.stem] = file.stem
    for file in new:
        copy = root / "second" / file.parent.name / f"{file.stem}.jpg"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    return shared


def stem(path: str | None) -> str:
    return PurePosixPath(path or "").stem


def pairs(rows: pl.DataFrame) -> set[frozenset[str]]:
    return {frozenset((stem(a), stem(b))) for a, b in rows.select("path", "other_path").iter_rows()}


def print_counts(name: str, found: Set[Any], true: Set[Any]) -> None:
    """A line with numbers, precision and recall."""
    right = len(found & true)
    precision = f"{right / len(found):.2f}" if found else "   -"
    recall = f"{right / len(true):.2f}" if true else "   -"
    print(f"  {name:34} planted {len(true):3}  listed {len(found):3}  precision {precision}  recall {recall}")


def wrong_labels(study: Study, planted: Planted) -> set[str]:
    """Stimuli with a label that is not theirs: exchanged ones, and copies in another category."""
    rows = study.query("select path, category from stimuli join labels using (stimulus_id)", set="first")
    there = {stem(path): category for path, category in rows.iter_rows()}
    copies = {copy: original for both in planted.copies.values() for original, copy in both}
    wrong = {name for name, truth in planted.swapped.items() if there.get(name) not in (None, truth)}
    folder = {PurePosixPath(path).stem: PurePosixPath(path).parent.name for path in rows["path"]}
    for copy, original in copies.items():
        truth = planted.swapped.get(original) or folder.get(original) or original.rpartition("_")[0]
        if copy in there and there[copy] != truth:
            wrong.add(copy)
    return wrong


def report(study: Study, planted: Planted, shared: dict[str, str]) -> None:
    """Print what was found of what was planted."""
    found = study.audit("first", progress=False)
    rows = found.findings
    print(f"  {found.paragraph}")
    own, elsewhere = rows.filter(pl.col("other_set").is_null()), rows.drop_nulls("other_set")
    true = {kind: {frozenset(both) for both in planted.copies[kind]} for kind in COPIES}
    print_counts("same pixels", {*pairs(own.filter(kind="duplicate"))}, {*true["exact"]})
    near = pairs(own.filter(kind="near_duplicate"))
    for kind in COPIES[1:]:
        print_counts(f"near duplicates: {kind}, recall", {*(near & true[kind])}, {*true[kind]})
    print_counts("near duplicates", {*near}, set().union(*(true[kind] for kind in COPIES[1:])))
    # a photograph may be in the first set as one of its own copies
    found_there = {frozenset(name.split(" ")[0] for name in pair) for pair in pairs(elsewhere)}
    print_counts("copies in the other set", found_there, {frozenset([name]) for name in shared.values()})
    listed = {stem(path) for path in rows.filter(kind="doubtful_label")["path"]}
    wrong = wrong_labels(study, planted)
    print_counts("wrong labels", {*listed}, wrong)
    print_counts("  of them exchanged, recall", {*(listed & {*planted.swapped})}, {*planted.swapped})
    for kind in POOR:
        name = kind.replace(" ", "_")
        print_counts(kind, {stem(path) for path in rows.filter(kind=name)["path"]}, {*planted.poor[kind]})
    confounds = rows.filter(kind="confound")
    print_counts("confounded categories", {*confounds["category"]}, {*planted.confounded})
    for row in confounds.iter_rows(named=True):
        remain = f"{row['adjusted']} of {row['selective']} selective filters remain"
        print(f"    {row['category']}: {row['measure']} (AUC {row['value']:.2f}), {remain}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("photographs", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--model", default="vgg16")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    given = photographs(options.photographs, *([options.more] if options.more else []))
    print({category: len(files) for category, files in given.items()})
    for seed in options.seeds:
        print(f"seed {seed}")
        report(*make_study(given, options.work, seed, options.model))


if __name__ == "__main__":
    main()
