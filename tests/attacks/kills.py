"""Kill every command that writes a study, before each change of a file and at random moments, and count what is wrong.

    python tests/attacks/kills.py              # every failpoint and 10 random moments of each command
    python tests/attacks/kills.py --every 5    # each fifth failpoint

A failpoint is any opening for writing, renaming, deleting, or making of a file or folder in the study. After each kill
the study is read as a user does, and must be as before the command or as after it (an extraction may have some of its
parts). The command is then repeated, and must end as an unbroken one. Expected: 0 in every column but the first.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS)]

import numpy as np  # noqa: E402

from support.failpoints import kill_before  # noqa: E402
from support.forks import forks_of  # noqa: E402
from support.tiny_network import CARD, paint, write_weights  # noqa: E402
from toolbox import Study, ToolboxError  # noqa: E402
from toolbox.store.database import open_database  # noqa: E402
from toolbox.store.selection import Selection  # noqa: E402

os.fsync = lambda _: None  # no disk is unplugged

COUNTS = ("kills", "unreadable", "mixed", "lost", "doubled", "wrong in the end", "no record", "files left")
VIEWS = ("significance", "resamples", "reliability")
LEFT = (".partial", ".uncommitted", "commit.json", ".removing", "replacement")
State = dict[str, Any]
Action = Callable[[Path], object]


@dataclass(frozen=True)
class Command:
    """A command, what comes before it, and the ending of the names of its records; none where it writes none."""

    prepare: Action
    act: Action
    record: str = ""
    in_parts: bool = False
    """Whether what it writes may be visible in part."""


def _folder(root: Path) -> Path:
    """Where images, weights and tables are: beside the studies."""
    return root.parent / "inputs"


def make_inputs(folder: Path) -> None:
    """Photographs, the same with one more in each category, two networks, two labellings."""
    for name, levels in (("few", (100, 150, 200)), ("more", (100, 150, 200, 250))):
        for number, level in enumerate(levels):
            paint(folder / name / "red" / f"red {number}.png", (level, 20, 0))
            paint(folder / name / "green" / f"green {number}.png", (10, level, 0))
    write_weights(folder / "tiny.npz")
    write_weights(folder / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    for name, red in (("warmth", "warm"), ("other", "hot")):
        (folder / f"{name}.csv").write_text(f"category,warmth\nred,{red}\ngreen,cold\n")


def new(root: Path) -> None:
    Study(root, create=True).ingest(_folder(root) / "few", set="first")


def ingest_more(root: Path) -> None:
    Study(root).ingest(_folder(root) / "more", set="first")


def ingest_other(root: Path) -> None:
    Study(root).ingest(_folder(root) / "more", set="second")


def label(root: Path, table: str = "warmth", *, replace: bool = False) -> None:
    Study(root).label("first", scheme="warmth", source=_folder(root) / f"{table}.csv", replace=replace)


def extract(root: Path, weights: str = "tiny", **options: Any) -> None:
    source = str(_folder(root) / f"{weights}.npz")
    Study(root).extract("first", model=str(CARD), weights=source, part=2, progress=False, **options)


def resample(root: Path, resamples: int, seed: int) -> None:
    Study(root).significance(resamples=resamples, seed=seed, scheme="category", progress=False)


def remove(root: Path, kind: Any, name: str) -> None:
    with suppress(ToolboxError):  # when it is repeated
        Study(root).remove(kind, name)


def earlier_layout(root: Path) -> None:
    with zipfile.ZipFile(TESTS / "golden" / "study-1.zip") as archive, tempfile.TemporaryDirectory() as place:
        archive.extractall(place)
        shutil.move(Path(place) / "study", root)


def full(root: Path) -> None:
    new(root)
    label(root)
    extract(root)
    resample(root, 20, 0)


def extracted(root: Path) -> None:
    new(root)
    extract(root)


COMMANDS = {
    "ingest, a new set": Command(new, ingest_other, "ingest-second"),
    "ingest, more images": Command(full, ingest_more, "ingest-first"),
    "label": Command(extracted, label, "label-first"),
    "label --replace": Command(full, lambda root: label(root, "other", replace=True), "label-first"),
    "extract": Command(new, extract, "extract-first-tiny", in_parts=True),
    "extract, resumed": Command(
        lambda root: (new(root), extract(root, limit=3)), extract, "extract-first-tiny", in_parts=True
    ),
    "extract --replace": Command(
        full, lambda root: extract(root, "other", replace=True), "extract-first-tiny"
    ),
    "significance": Command(extracted, lambda root: resample(root, 20, 0), "significance-first-tiny"),
    "significance, again": Command(full, lambda root: resample(root, 30, 1), "significance-first-tiny"),
    "use": Command(full, lambda root: Study(root).use("first", model="tiny", scheme="warmth")),
    "remove set": Command(full, lambda root: remove(root, "set", "first"), "remove-set-first"),
    "remove model": Command(full, lambda root: remove(root, "model", "tiny"), "remove-model-tiny"),
    "remove scheme": Command(full, lambda root: remove(root, "scheme", "warmth"), "remove-scheme-warmth"),
    "migration": Command(earlier_layout, Study),
}


def read_state(root: Path) -> State:
    """All that a study shows, by name; of what cannot be read, the error."""
    study = Study(root)
    state: State = {"use": study.use().names, "roots": dict(study.folder.roots.folders)}
    for name in study.sets:
        state |= {f"{name} {view}": _rows(study, view, set=name) for view in ("stimuli", "properties")}
        for scheme in study.folder.schemes(name):
            state[f"{name} labels {scheme}"] = _rows(study, "labels", set=name, scheme=scheme)
        for model in study.models(name):
            state[f"{name} {model} responses"] = _rows(study, "responses", set=name, model=model)
            state[f"{name} {model} layers"] = _rows(study, "layers", set=name, model=model)
            for scheme in study.folder.schemes(name):
                for view in VIEWS:
                    chosen = {"set": name, "model": model, "scheme": scheme}
                    state[f"{name} {model} {scheme} {view}"] = _rows(study, view, **chosen)
    return state


def _rows(study: Study, view: str, **chosen: str) -> Any:
    """The rows of a view in order, or the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            selection = Selection(chosen["set"], chosen.get("model", ()), chosen.get("scheme"))
            with closing(open_database(study.folder, [view], selection)) as database:
                return database.connection.sql(f"from {view} order by all").fetchall()
        except ToolboxError as error:
            return f"{type(error).__name__}: {error}".replace(str(study.folder.root), "")


def judge(command: Command, state: State, before: State, after: State) -> Iterator[str]:
    """What is wrong in a study after a kill."""
    if state in (before, after):
        return
    for name, rows in state.items():
        if isinstance(rows, str) and rows not in (before.get(name), after.get(name)):
            yield "unreadable"
        elif name.endswith("responses") and len({row[:3] for row in rows}) != len(rows):
            yield "doubled"
        elif not isinstance(rows, str) and not rows and before.get(name) and after.get(name):
            yield "lost"
    partial = {name: rows for name, rows in state.items() if name.endswith("responses")}
    if not command.in_parts or not all(_is_part(rows, after.get(name)) for name, rows in partial.items()):
        yield "mixed"
        return
    others = {name: rows for name, rows in state.items() if name not in partial}
    if any(rows not in (before.get(name), after.get(name)) for name, rows in others.items()):
        yield "mixed"


def _is_part(rows: Any, whole: Any) -> bool:
    return not isinstance(rows, str) and not isinstance(whole, str | None) and {*rows} <= {*whole}


def killed_at(root: str, name: str, failpoint: int) -> None:
    """Run a command, and kill this process before a change of a file; called in a fork."""
    kill_before(root, failpoint)
    COMMANDS[name].act(Path(root))


def attack(name: str, place: Path, every: int, moments: int) -> Counter[str]:
    """Kill one command many times."""
    command, counts = COMMANDS[name], Counter[str]()
    template = place / "template"
    shutil.rmtree(template, ignore_errors=True)
    command.prepare(template)
    before = read_state(template) if name != "migration" else {}
    done = _copy(template, place / "done")
    started = time.monotonic()
    command.act(done)
    seconds, after, expected = time.monotonic() - started, read_state(done), _records(done, command)
    chance = random.Random(name)
    with forks_of(_program()) as forks:
        trial, killed = 0, True
        while killed or trial < moments:
            root = _copy(template, place / f"trial {trial}")
            if killed:  # at the next failpoint
                forks.start(root, name, trial * every)
            else:
                process = forks.start(root, name, 1_000_000)
                time.sleep(chance.uniform(0, seconds))
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            code = forks.exit_code()
            was_killed = code == -signal.SIGKILL
            assert was_killed or code == 0, f"{name}: ended with {code}"
            if killed and not was_killed:
                killed, trial = False, -1
            counts["kills"] += was_killed
            if was_killed:
                counts.update(_examine(command, root, before, after, expected))
            shutil.rmtree(root)
            trial += 1
    return counts


def _examine(command: Command, root: Path, before: State, after: State, expected: int) -> Iterator[str]:
    """What is wrong after a kill, and after the command was repeated."""
    try:
        yield from judge(command, read_state(root), before, after)
        command.act(root)
        if read_state(root) != after:
            yield "wrong in the end"
    except Exception as error:
        print(f"    {type(error).__name__}: {error}")
        yield "wrong in the end"
    if _records(root, command) < expected:
        yield "no record"
    if left := [path for path in root.rglob("*") if any(mark in path.name for mark in LEFT)]:
        print(f"    left: {left[0].relative_to(root)}")
        yield "files left"


def _records(root: Path, command: Command) -> int:
    return len(list(root.glob(f"runs/*Z-{command.record}.json"))) if command.record else 0


def _copy(template: Path, root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    return shutil.copytree(template, root)


def _program() -> str:
    return (
        f"sys.path[:0] = [{str(TESTS)!r}, {str(Path(__file__).parent)!r}]\nfrom kills import killed_at as run"
    )


def main() -> None:
    """Attack all commands, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="which failpoints: each first, second, …")
    parser.add_argument("--moments", type=int, default=10, help="random moments of each command")
    parser.add_argument("--only", default="", help="commands whose name contains this")
    choice, total = parser.parse_args(), Counter[str]()
    print(f"{'':24}" + "".join(f"{count:>18}" for count in COUNTS))
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        os.environ |= {"TOOLBOX_CACHE": f"{folder}/cache", "TOOLBOX_MODELS": f"{folder}/models"}
        make_inputs(Path(folder) / "inputs")
        for name in (name for name in COMMANDS if choice.only in name):
            counts = attack(name, Path(folder), choice.every, choice.moments)
            total += counts
            print(f"{name:24}" + "".join(f"{counts[count]:>18}" for count in COUNTS), flush=True)
    print(f"{'all':24}" + "".join(f"{total[count]:>18}" for count in COUNTS))


if __name__ == "__main__":
    main()
