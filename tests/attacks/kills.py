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
import re
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS)]

from support.failpoints import kill_before  # noqa: E402
from support.forks import forks_of  # noqa: E402
from support.writing_commands import WRITING_COMMANDS, Command, make_inputs, outputs  # noqa: E402
from toolbox import Study, ToolboxError  # noqa: E402
from toolbox.files import write_text  # noqa: E402
from toolbox.store.columns import RELATION_TABLES  # noqa: E402
from toolbox.store.database import open_database  # noqa: E402
from toolbox.store.rendered import read_picture_record  # noqa: E402
from toolbox.store.selection import Selection  # noqa: E402

os.fsync = lambda _: None  # no disk is unplugged

COUNTS = ("kills", "unreadable", "mixed", "lost", "doubled", "wrong in the end", "no record", "files left")
VIEWS = ("significance", "resamples", "reliability", *RELATION_TABLES)
OF_SET = ("stimuli", "properties", "parameters", "observations")
LEFT = (".partial", ".uncommitted", "commit.json", ".removing", "replacement")
State = dict[str, Any]


def read_state(root: Path) -> State:
    """All that a study shows, by name, and what is beside it; of what cannot be read, the error."""
    state: State = {"outputs": _outputs(outputs(root))}
    if not (root / "study.toml").exists() or not Study(root).sets:  # a study without sets shows nothing
        return state
    study = Study(root)
    state |= {
        "use": study.use().names,
        "roots": dict(study.folder.roots.folders),
        "rendered": _pictures(root),
    }
    for name in study.sets:
        state |= {f"{name} {view}": _rows(study, view, set=name) for view in OF_SET}
        for scheme in study.folder.schemes(name):
            state[f"{name} labels {scheme}"] = _rows(study, "labels", set=name, scheme=scheme)
        for model in study.models(name):
            for view in ("responses", "layers", "rollups"):
                state[f"{name} {model} {view}"] = _rows(study, view, set=name, model=model)
            for scheme in study.folder.schemes(name):
                for view in VIEWS:
                    chosen = {"set": name, "model": model, "scheme": scheme}
                    state[f"{name} {model} {scheme} {view}"] = _rows(study, view, **chosen)
    return state


def _pictures(root: Path) -> list[str]:
    """The rendered pictures whose records count, and the problems of those that do not fit their record."""
    for file in sorted((root / "rendered").glob("model=*/layer=*/*.json")):
        read_picture_record(file)
    return [file.name for file in sorted((root / "rendered").rglob("*.json"))]


def _outputs(folder: Path) -> dict[str, Any]:
    """What a command wrote outside its study and is not hidden: files with their sizes, studies with their problems."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("[!.]*")):
        if (path / "study.toml").exists():
            found[path.name] = [str(problem) for problem in Study(path).verify(thorough=True).problems]
        elif path.is_dir():
            found[path.name] = {file.name: file.stat().st_size for file in sorted(path.iterdir())}
        else:
            found[path.name] = path.stat().st_size
    return found


def _rows(study: Study, view: str, **chosen: str) -> Any:
    """The rows of a view in order, or the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            selection = Selection(chosen["set"], chosen.get("model", ()), chosen.get("scheme"))
            database = open_database(study.folder, [view], selection)
            with closing(database), database.readable.window.own_errors():
                return database.connection.sql(f"from {view} order by all").fetchall()
        except ToolboxError as error:
            return f"{type(error).__name__}: {error}".replace(str(study.folder.root), "")


def judge(command: Command, state: State, before: State, after: State) -> Iterator[str]:
    """What is wrong in a study after a kill; of several files outside it, each is as before or as after."""
    written = state["outputs"]
    if any(
        of not in (before["outputs"].get(name), after["outputs"].get(name)) for name, of in written.items()
    ):
        yield "mixed"
    if any(name.endswith(".csv") and f"{name}-metadata.json" not in written for name in written):
        yield "mixed"  # rows without their codebook
    state, before, after = ({**each, "outputs": None} for each in (state, before, after))
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
    if any(
        rows not in (before.get(name), after.get(name)) and not _sums_up(name, state)
        for name, rows in others.items()
    ):
        yield "mixed"


def _is_part(rows: Any, whole: Any) -> bool:
    return not isinstance(rows, str) and not isinstance(whole, str | None) and {*rows} <= {*whole}


def _sums_up(name: str, state: State) -> bool:
    """Whether a view shows the numbers, sums and ranges of the responses that are shown beside it."""
    subject, _, view = name.rpartition(" ")
    if view != "rollups":
        return False
    labels = dict(state[f"{subject.partition(' ')[0]} labels category"])
    values: dict[tuple[Any, ...], list[float]] = {}
    for layer, number, stimulus, *both in state[f"{subject} responses"]:
        for statistic, value in zip(("maximum", "mean"), both, strict=True):
            values.setdefault((layer, number, labels[stimulus], statistic), []).append(value)
    expected = {key: (len(of), sum(of), min(of), max(of)) for key, of in values.items()}
    return expected == {tuple(row[:4]): (row[4], row[5], *row[7:9]) for row in state[name]}


def killed_at(root: str, name: str, failpoint: int) -> None:
    """Run a command, and kill this process before a change of a file; called in a fork."""
    kill_before(root, failpoint)
    WRITING_COMMANDS[name].act(Path(root))


def attack(name: str, place: Path, every: int, moments: int) -> Counter[str]:
    """Kill one command many times."""
    command, counts = WRITING_COMMANDS[name], Counter[str]()
    template = place / "template"
    _remove(template)
    command.prepare(template)
    before = read_state(template) if name != "migration" else {"outputs": {}}
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
            _remove(root)
            trial += 1
    return counts


def _examine(command: Command, root: Path, before: State, after: State, expected: int) -> Iterator[str]:
    """What is wrong after a kill, and after the command was repeated."""
    try:
        yield from judge(command, state := read_state(root), before, after)
        if state != after or not state["outputs"]:  # what is there already is refused
            command.act(root)
        if read_state(root) != after:
            yield "wrong in the end"
    except Exception as error:
        print(f"    {type(error).__name__}: {error}")
        yield "wrong in the end"
    if _records(root, command) < expected:
        yield "no record"
    if outputs(root).is_dir():
        write_text(outputs(root) / "next.txt", "removes what was left")
    places = [*root.rglob("*"), *outputs(root).rglob("*"), *root.parent.glob(f".{root.name}*")]
    if left := [path for path in places if any(mark in path.name for mark in LEFT)]:
        print(f"    left: {left[0]}")
        yield "files left"


def _records(root: Path, command: Command) -> int:
    return len(list(root.glob(f"runs/*Z-{command.record}.json"))) if command.record else 0


def _copy(template: Path, root: Path) -> Path:
    _remove(root)
    if template.exists():
        shutil.copytree(template, root)
    return root


def _remove(root: Path) -> None:
    """Remove a study, if there is one, and what is beside it."""
    for path in (root, outputs(root)):
        shutil.rmtree(path, ignore_errors=True)


def _program() -> str:
    return (
        f"sys.path[:0] = [{str(TESTS)!r}, {str(Path(__file__).parent)!r}]\nfrom kills import killed_at as run"
    )


def main() -> None:
    """Attack all commands, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="which failpoints: each first, second, …")
    parser.add_argument("--moments", type=int, default=10, help="random moments of each command")
    parser.add_argument("--only", default="", help="commands whose name fits this expression")
    choice, total = parser.parse_args(), Counter[str]()
    print(f"{'':24}" + "".join(f"{count:>18}" for count in COUNTS))
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        os.environ |= {"TOOLBOX_CACHE": f"{folder}/cache", "TOOLBOX_MODELS": f"{folder}/models"}
        make_inputs(Path(folder) / "inputs")
        for name in (name for name in WRITING_COMMANDS if re.search(choice.only, name)):
            counts = attack(name, Path(folder), choice.every, choice.moments)
            total += counts
            print(f"{name:24}" + "".join(f"{counts[count]:>18}" for count in COUNTS), flush=True)
    print(f"{'all':24}" + "".join(f"{total[count]:>18}" for count in COUNTS))


if __name__ == "__main__":
    main()
