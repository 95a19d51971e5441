"""Every command that writes: what comes before it, what it does, and what its record is called.

Inputs are beside the studies, in `inputs`. What a command writes outside its study is beside the study, too, under
the study's name with `.out` behind it, so that whoever counts changes of files counts these.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from support.foreign_graphs import residual, saved
from support.tiny_network import CARD, paint, write_weights
from toolbox import Study, ToolboxError
from toolbox.__main__ import main

TESTS = Path(__file__).parents[1]
Action = Callable[[Path], object]


@dataclass(frozen=True)
class Command:
    """A command, what comes before it, and the ending of the names of its records; none where it writes none."""

    prepare: Action
    act: Action
    record: str = ""
    in_parts: bool = False
    """Whether what it writes may be visible in part."""


def inputs(root: Path) -> Path:
    """Where images, weights, tables and bundles are: beside the studies."""
    return root.parent / "inputs"


def outputs(root: Path) -> Path:
    """Where a command writes what is not in its study."""
    return root.with_name(f"{root.name}.out")


def make_inputs(folder: Path) -> None:
    """Photographs, the same with one more in each category, networks, tables, and what another laboratory shared."""
    for name, levels in (
        ("few", (100, 150, 200)),
        ("more", (100, 150, 200, 250)),
        ("theirs", (30, 60, 90, 120)),
    ):
        for number, level in enumerate(levels):
            paint(folder / name / "red" / f"red {number}.png", (level, 20, 0))
            paint(folder / name / "green" / f"green {number}.png", (10, level, 0))
    write_weights(folder / "tiny.npz")
    write_weights(folder / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    saved(residual(), folder / "net.onnx")
    for name, red in (("warmth", "warm"), ("other", "hot")):
        (folder / f"{name}.csv").write_text(f"category,warmth\nred,{red}\ngreen,cold\n")
    for name, factor in (("sizes", 1), ("sizes again", 2)):
        rows = [
            f"{colour}/{colour} {n}.png,{n * factor + len(colour)}"
            for colour in ("red", "green")
            for n in range(3)
        ]
        (folder / f"{name}.csv").write_text("\n".join(["path,size", *rows]) + "\n")
    theirs = Study(folder / "their study", create=True)
    theirs.ingest(folder / "theirs", set="theirs")
    theirs.extract("theirs", model=str(CARD), weights=str(folder / "tiny.npz"), progress=False)
    theirs.share(folder / "theirs.zip", including="responses", progress=False)
    theirs.share(folder / "rollups.zip", progress=False)


def cli(*words: str) -> Action:
    """A command as a user types it; in its words, {study}, {inputs} and {out} are places."""

    def act(root: Path) -> None:
        places = {"study": root, "inputs": inputs(root), "out": outputs(root)}
        outputs(root).mkdir(exist_ok=True)
        before, sys.argv = sys.argv, ["toolbox", *(word.format(**places) for word in words)]
        quiet = io.TextIOWrapper(io.BytesIO(), "utf-8")
        try:
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                main()
        except SystemExit as ended:
            if ended.code:
                quiet.seek(0)
                raise RuntimeError(f"{' '.join(sys.argv)} ended with {ended.code}: {quiet.read()}") from ended
        finally:
            sys.argv = before

    return act


def new(root: Path) -> None:
    Study(root, create=True).ingest(inputs(root) / "few", set="first")


def ingest_more(root: Path) -> None:
    Study(root).ingest(inputs(root) / "more", set="first")


def ingest_other(root: Path) -> None:
    Study(root).ingest(inputs(root) / "more", set="second")


def label(root: Path, table: str = "warmth", *, replace: bool = False) -> None:
    Study(root).label("first", scheme="warmth", source=inputs(root) / f"{table}.csv", replace=replace)


def extract(root: Path, weights: str = "tiny", **options: Any) -> None:
    source = str(inputs(root) / f"{weights}.npz")
    Study(root).extract("first", model=str(CARD), weights=source, part=2, progress=False, **options)


def resample(root: Path, resamples: int, seed: int) -> None:
    Study(root).significance(resamples=resamples, seed=seed, scheme="category", progress=False)


def remove(root: Path, kind: Any, name: str) -> None:
    with suppress(ToolboxError):  # when it is repeated
        Study(root).remove(kind, name)


def measure(root: Path) -> None:
    Study(root).properties("first", progress=False)


def parameters(root: Path, table: str = "sizes", *, replace: bool = False) -> None:
    Study(root).parameters("first", source=inputs(root) / f"{table}.csv", replace=replace)


def relate(root: Path, resamples: int, seed: int) -> None:
    Study(root).relate("first", parameter="size", resamples=resamples, seed=seed, progress=False)


def import_theirs(root: Path, bundle: str = "theirs") -> None:
    Study(root).import_(inputs(root) / f"{bundle}.zip", progress=False)


def earlier_layout(root: Path) -> None:
    with zipfile.ZipFile(TESTS / "golden" / "study-1.zip") as archive, tempfile.TemporaryDirectory() as place:
        archive.extractall(place)
        shutil.move(Path(place) / "study", root)


def extracted(root: Path) -> None:
    new(root)
    extract(root)


def full(root: Path) -> None:
    new(root)
    label(root)
    extract(root)
    resample(root, 20, 0)


def related(root: Path) -> None:
    full(root)
    parameters(root)
    relate(root, 20, 0)


_STUDY = ("--study", "{study}", "--quiet")
_FILTER = ("--layer", "colour", "--filter", "0", "--model", str(CARD), "--weights", "{inputs}/tiny.npz")
_BANK = ("--filters", "2", "--save-bank", "{out}/bank.csv")
WRITING_COMMANDS = {
    "init": Command(lambda _: None, cli("init", "{study}")),
    "ingest, a new study": Command(lambda _: None, new, "ingest-first"),
    "ingest, a new set": Command(new, ingest_other, "ingest-second"),
    "ingest, more images": Command(full, ingest_more, "ingest-first"),
    "label": Command(extracted, label, "label-first"),
    "label --replace": Command(full, lambda root: label(root, "other", replace=True), "label-first"),
    "extract": Command(new, extract, "extract-first-tiny", in_parts=True),
    "extract, resumed": Command(
        lambda root: (new(root), extract(root, limit=3)), extract, "extract-first-tiny", in_parts=True
    ),
    "extract --replace": Command(full, lambda root: extract(root, "other", replace=True), "extract-first-tiny"),
    "properties": Command(new, measure, "properties-first"),
    "parameters": Command(full, parameters, "parameters-first"),
    "parameters --replace": Command(
        related, lambda root: parameters(root, "sizes again", replace=True), "parameters-first"
    ),
    "significance": Command(extracted, lambda root: resample(root, 20, 0), "significance-first-tiny"),
    "significance, again": Command(full, lambda root: resample(root, 30, 1), "significance-first-tiny"),
    "relate": Command(
        lambda root: (full(root), parameters(root)), lambda root: relate(root, 20, 0), "relate-first-tiny"
    ),
    "relate, again": Command(related, lambda root: relate(root, 30, 1), "relate-first-tiny"),
    "match --save-as": Command(
        full,
        cli("match", "first", *_STUDY, "--n", "2", "--on", "brightest", "--save-as", "matched", "--replace"),
        "match-first",
    ),
    "audit --save-as": Command(
        full, cli("audit", "first", *_STUDY, "--save-as", "audited", "--replace"), "audit-first"
    ),
    "render": Command(full, cli("render", *_STUDY, *_FILTER, "--seeds", "1", "--steps", "2")),
    "use": Command(full, lambda root: Study(root).use("first", model="tiny", scheme="warmth")),
    "remove set": Command(full, lambda root: remove(root, "set", "first"), "remove-set-first"),
    "remove model": Command(full, lambda root: remove(root, "model", "tiny"), "remove-model-tiny"),
    "remove scheme": Command(full, lambda root: remove(root, "scheme", "warmth"), "remove-scheme-warmth"),
    "import": Command(full, import_theirs, "import-theirs"),
    "import, a new study": Command(lambda _: None, cli("import", "{inputs}/theirs.zip", *_STUDY), "import-theirs"),
    "import of roll-ups": Command(full, lambda root: import_theirs(root, "rollups"), "import-theirs"),
    "share": Command(full, cli("share", *_STUDY, "--output", "{out}/bundle.zip")),
    "share, a directory": Command(
        full, cli("share", *_STUDY, "--with", "responses", "--output", "{out}/bundle")
    ),
    "merge": Command(
        extracted,
        cli("merge", "{study}", "{inputs}/their study", "--output", "{out}/merged", "--set", "first", "--quiet"),
    ),
    "query": Command(full, cli("query", "layers/profile", *_STUDY, "--output", "{out}/rows.csv")),
    "plot": Command(full, cli("plot", "layers/profile", *_STUDY, "--output", "{out}/figure.svg")),
    "export": Command(full, cli("export", "first", *_STUDY, "--as", "bids", "--output", "{out}/list.tsv")),
    "export of responses": Command(full, cli("export", "first", *_STUDY, "--as", "npy", "--output", "{out}/npy")),
    "reference": Command(
        full, cli("reference", "first", *_STUDY, "--output", "{out}/reference.parquet")
    ),
    "gallery": Command(full, cli("gallery", *_STUDY, *_FILTER, "--output", "{out}/gallery.html")),
    "probe": Command(
        full, cli("probe", "first", *_STUDY, *_BANK, "--output", "{out}/rows.csv")
    ),
    "model add": Command(
        new,
        cli("model", "add", "{inputs}/net.onnx", "--name", "net", "--activation", "after", "--preprocessing", "unit",
            "--replace"),
    ),
    "migration": Command(earlier_layout, Study),
    "report": Command(full, cli("report", *_STUDY, "--output", "{out}/report.html")),
}  # fmt: skip
"""What is called -> the command."""


def run_one(root: str, name: str) -> None:
    """One command; called in a fork."""
    WRITING_COMMANDS[name].act(Path(root))
