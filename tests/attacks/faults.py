"""Commands at the limits of the operating system: how they end, and what they leave.

    python tests/attacks/faults.py                    all cases, about ten minutes
    python tests/attacks/faults.py full read-only     the groups whose names contain a word
    python tests/attacks/faults.py --list             names of the cases

Needs Linux, root (for small disks and read-only mounts) and strace (for errors of a network disk); a group that cannot
run here is listed as such, never counted as passed. Every case runs a command on a copy of a small study and counts

    traceback   a traceback, or an end by a signal that nobody sent
    not a line  a failure without exactly one line `error: …` at the end of stderr, or with a wrong exit code
    changed     answers of the study that are neither those of before nor those after the command ran undisturbed
    not again   the same command, undisturbed, fails afterwards, or the study then answers otherwise

Expected: 0 of each, in every group. Exit code 1 if there is any.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fault_cases import BOTH, WRITE, Case, cases  # noqa: E402
from limits import TOOLBOX, End, Place, run  # noqa: E402

from support.tiny_network import CARD, paint, write_weights  # noqa: E402

ENDS = {0, 1, 2, 3, 130}
"""Exit codes of a command that ends by itself, or by Ctrl-C."""
ASKED = ("layers/profile", "layers/significant", "sets/summary")
"""Queries whose answers are compared."""

# What is there before


def build(folder: Path) -> None:
    """The study that all cases copy: two sets, one of them extracted, labelled twice and resampled."""
    from toolbox import Study

    for number, level in enumerate((100, 150, 200)):
        paint(folder / "photographs" / "red" / f"red {number}.png", (level, 20, 0))
        paint(folder / "photographs" / "green" / f"green {number}.png", (10, level, 0))
        paint(folder / "more" / "red" / f"red {number}.png", (level, 25, 0))
        paint(folder / "more" / "green" / f"green {number}.png", (15, level, 0))
    write_weights(folder / "tiny.npz")
    write_weights(folder / "other.npz", colour_bias=np.array([1, 0, -10], np.float32))
    study = Study(folder / "study", create=True)
    study.ingest(folder / "photographs", set="colours")
    study.ingest(folder / "photographs", set="plain")
    names = study.query("select path, stimulus_id from stimuli order by 2", set="colours")
    rows = [f"{path},{'dark' if number % 2 else 'bright'}" for path, number in names.rows()]
    (folder / "labels.csv").write_text("\n".join(["path,category", *rows]) + "\n")
    study.extract("colours", model=str(CARD), weights=str(folder / "tiny.npz"), part=3)
    study.label("colours", scheme="level", source=folder / "labels.csv")
    study.significance("colours", resamples=30, seed=1, scheme="category")
    study.use("colours", scheme="category")
    rows = [f"{path},{number + 0.5}" for path, number in names.rows()]
    (folder / "sizes.csv").write_text("\n".join(["path,size", *rows]) + "\n")
    study.parameters("colours", source=folder / "sizes.csv")
    share_others(folder)
    table = ["layer,filter,label,selectivity"] + [f"colour,{n},red,0.{n}" for n in range(3)]
    (folder / "published.csv").write_text("\n".join(table) + "\n")
    subprocess.run(
        [*TOOLBOX, "model", "export", str(CARD), "--weights", str(folder / "tiny.npz"), "--full",
         str(folder / "full.onnx"), "--quiet"], check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


def share_others(folder: Path) -> None:
    """What another laboratory has, and its bundle."""
    from toolbox import Study

    others = Study(folder / "others", create=True)
    others.ingest(folder / "more", set="others")
    others.extract("others", model=str(CARD), weights=str(folder / "tiny.npz"), progress=False)
    others.share(folder / "others.zip", including="responses", progress=False)
    others.ingest(folder / "more", set="colours")
    others.extract("colours", model=str(CARD), weights=str(folder / "tiny.npz"), progress=False)


@contextlib.contextmanager
def copied(base: Path, parent: Path | None = None) -> Iterator[Place]:
    """A place with a copy of the study."""
    with tempfile.TemporaryDirectory(dir=parent, prefix="fault-") as name:
        top = Path(name)
        top.chmod(0o777)
        for each in ("out", "cache", "networks"):
            (top / each).mkdir()
        shutil.copytree(base / "study", top / "study")
        place = Place(base, top / "study", top / "out", top / "cache", top / "new", top / "networks")
        for path in top.rglob("*"):
            path.chmod(0o777 if path.is_dir() else 0o666)
        yield place


def answers(study: Path) -> str:
    """What the study answers, or the error."""
    import warnings

    from toolbox import Study
    from toolbox.errors import ToolboxError

    rows = []
    with warnings.catch_warnings(action="ignore"):
        for query in ASKED:
            try:
                opened = Study(study)
                of_set = {} if query == "sets/summary" else {"set": "colours", "scheme": "category"}
                rows.append(opened.query(query, **of_set).write_json())
            except ToolboxError as error:
                rows.append(f"{type(error).__name__}: {str(error).replace(str(study), '')}")
    return "\n".join(rows)


# Counting


FAULTS = ("traceback", "not a line", "changed", "not again")


ALLOCATOR = "<jemalloc>"
"""What polars' allocator prints by itself where it cannot start a thread."""


def faults_of(
    case: Case, base: Path, expected: Mapping[str, tuple[str, int]], before: str
) -> tuple[dict[str, str], End]:
    """What went wrong, by kind."""
    found: dict[str, str] = {}
    with copied(base) as place:
        end = case.disturb(place, place.words(case.command))
        lines = [line for line in end.stderr.splitlines() if line.strip() and not line.startswith(ALLOCATOR)]
        last = lines[-1] if lines else ""
        signalled = end.code < 0 and end.code not in case.must
        if "Traceback" in end.stderr or signalled or "Exception ignored" in end.stderr:
            found["traceback"] = f"{end.code}: {last}"
        elif end.code not in case.must and not (end.code == 1 and case.command.startswith("doctor")):
            found["not a line"] = f"code {end.code}: {last}"
        elif end.code == 1 and case.group != "stderr" and not _is_one_error(case, lines):
            found["not a line"] = f"{end.code}: {' | '.join(lines)[:300]}"
        if not case.keeps:
            return found, end
        after_unbroken, _ = expected.get(case.command, (before, 0))
        now = answers(place.study)
        if now not in (before, after_unbroken) and "partial" not in case.group:
            found["changed"] = _difference(before, now)
        if end.code != 0 and case.command in WRITE.values():
            again = run(place, place.words(case.command))
            _, code = expected[case.command]
            done_before = again.code in (0, 2)
            if again.code != code and not done_before:
                found["not again"] = f"{again.code}: {again.stderr.strip().splitlines()[-1:]}"
            elif (now := answers(place.study)) != after_unbroken:
                found["not again"] = _difference(after_unbroken, now)
    return found, end


def _is_one_error(case: Case, lines: Sequence[str]) -> bool:
    """Whether the last line, and no other, is an error; a doctor, and a check that differs, print findings."""
    if case.command.startswith("doctor") and case.group != "stdout":
        return not any(line.startswith("error") for line in lines)
    if case.group == "stdout" and "pipe" in case.name:
        return not any(line.startswith("error") for line in lines)
    return (
        bool(lines)
        and lines[-1].startswith("error: ")
        and sum(line.startswith("error") for line in lines) == 1
    )


def _difference(before: str, now: str) -> str:
    """Where the first answer that is another one begins to differ."""
    pairs = zip(before.split("\n"), now.split("\n"), strict=False)
    ours, theirs = next(((ours, theirs) for ours, theirs in pairs if ours != theirs), ("", "length"))
    same = takewhile(lambda letters: letters[0] == letters[1], zip(ours, theirs, strict=False))
    start = max(0, len(list(same)) - 40)
    return f"{ours[start : start + 150]} -> {theirs[start : start + 150]}"


def main() -> int:
    """Run the cases, print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", help="words of the names of groups")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--record", type=Path, help="file for the ends of all cases, as JSON lines")
    parser.add_argument("--only", default="", help="names of commands that fit this expression")
    parser.add_argument("--every", type=int, default=1, help="run every n-th case alone")
    chosen = parser.parse_args()
    found = [case for case in cases() if not chosen.words or any(word in case.group for word in chosen.words)]
    found = [case for case in found if re.search(chosen.only, case.name)][:: chosen.every]
    if chosen.list:
        print(*(f"{case.group}: {case.name}" for case in found), sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        base = Path(name)
        base.chmod(0o777)
        os.environ |= {"TOOLBOX_CACHE": str(base / "cache"), "TOOLBOX_MODELS": str(base / "networks")}
        os.environ.pop("TOOLBOX_STUDY", None)
        build(base)
        return count(found, base, chosen.record)


def is_undisturbed(case: Case) -> bool:
    """Whether the answers after the undisturbed command are needed: it changes the study, or is one of a list.

    A command with a null character cannot be started by the operating system.
    """
    return "\0" not in case.command and (case.command in BOTH.values() or case.command.startswith("ingest"))


def count(found: Sequence[Case], base: Path, record: Path | None) -> int:
    """Run the cases, print what went wrong and the counts of each group."""
    before = answers(base / "study")
    expected: dict[str, tuple[str, int]] = {}
    for command in dict.fromkeys(case.command for case in found if is_undisturbed(case)):
        with copied(base) as place:
            end = run(place, place.words(command))
            assert end.code in ENDS, end
            expected[command] = (answers(place.study), end.code)
    counts: dict[str, dict[str, int]] = {}
    with (record or Path(os.devnull)).open("w") as ends:
        for case in found:
            of_group = counts.setdefault(case.group, dict.fromkeys(("cases", *FAULTS), 0))
            faults, end = faults_of(case, base, expected, before)
            of_group["cases"] += 1
            for kind, reason in faults.items():
                of_group[kind] += 1
                print(f"{kind:<10} {case.group}: {case.name}: {reason}", flush=True)
            of_case = {"group": case.group, "name": case.name, "faults": faults}
            ends.write(json.dumps({**of_case, **vars(end)}) + "\n")
            ends.flush()
    print(f"\n{'group':<28}" + "".join(f"{column:>11}" for column in ("cases", *FAULTS)))
    for group, numbers in counts.items():
        print(f"{group:<28}" + "".join(f"{number:>11}" for number in numbers.values()))
    totals = [sum(numbers[column] for numbers in counts.values()) for column in ("cases", *FAULTS)]
    print(f"{'all':<28}" + "".join(f"{number:>11}" for number in totals))
    return int(any(totals[1:]))


if __name__ == "__main__":
    sys.exit(main())
