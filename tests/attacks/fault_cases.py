"""The commands and limits of `faults.py`. Owns which command is run under which limit, and how it must end."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from limits import (
    Disturb,
    Place,
    as_nobody,
    at_time,
    dated,
    full_disk,
    in_environment,
    injected,
    limited,
    meanwhile,
    read_only,
    sent,
    stdout_to,
    with_odd_paths,
)

READ = {
    "query": "query layers/profile --set colours --study {study} --format csv",
    "query table": "query layers/profile --set colours --study {study}",
    "query sql": "query 'select * from responses order by all' --set colours --study {study} --format csv",
    "query file": "query layers/profile --set colours --study {study} --output {out}/rows.csv",
    "query parquet": "query layers/profile --set colours --study {study} --output {out}/rows.parquet",
    "plot html": "plot layers/profile --set colours --study {study} --output {out}/figure.html",
    "plot png": "plot layers/profile --set colours --study {study} --output {out}/figure.png",
    "replicate": "replicate --reference {folder}/published.csv --set colours --study {study} --output {out}/rows.csv",
    "use shown": "use --study {study}",
    "dry run": "ingest {folder}/more --set colours --dry-run --study {study}",
    "remove dry run": "remove set colours --dry-run --study {study}",
    "estimate": "extract plain --model {card} --weights {weights} --estimate --study {study}",
    "doctor": "doctor --study {study}",
    "model list": "model list",
    "model show": "model show {card}",
    "describe": "query layers/profile --describe",
}
WRITE = {
    "init": "init {new}",
    "ingest": "ingest {folder}/more --set more --study {study}",
    "ingest again": "ingest {folder}/more --set colours --study {study}",
    "ingest create": "ingest {folder}/more --set more --create --study {new}",
    "label": "label colours --scheme brightness --source {folder}/labels.csv --study {study}",
    "label again": "label colours --scheme level --source {folder}/labels.csv --replace --study {study}",
    "extract": "extract plain --model {card} --weights {weights} --part 3 --study {study}",
    "extract again": "extract colours --model {card} --weights {folder}/other.npz --replace --study {study}",
    "significance": "significance colours --resamples 30 --seed 2 --study {study}",
    "use": "use plain --study {study}",
    "properties": "properties colours --study {study}",
    "parameters": "parameters colours --source {folder}/sizes.csv --replace --study {study}",
    "relate": "relate colours --parameter size --scheme category --resamples 30 --seed 2 --study {study}",
    "match": "match colours --n 2 --on brightest --save-as matched --replace --study {study}",
    "import": "import {folder}/others.zip --study {study}",
    "share": "share --with responses --study {study} --output {out}/bundle.zip",
    "share folder": "share --study {study} --output {out}/bundle",
    "merge": "merge {study} {folder}/others --set colours --output {out}/merged",
    "remove scheme": "remove scheme level --set colours --yes --study {study}",
    "remove model": "remove model tiny --yes --study {study}",
    "export": "model export {card} --weights {weights} --full {out}/full.onnx",
    "check": "model check {card} --weights {weights} --images 2",
    "add": "model add {folder}/full.onnx --name own --activation after --preprocessing unit --replace",
}
BOTH = READ | WRITE


@dataclass(frozen=True)
class Case:
    """A command under a limit.

    Attributes:
        must: the exit codes that are right.
        keeps: whether the study is there afterwards.
    """

    group: str
    name: str
    command: str
    disturb: Disturb
    must: frozenset[int] = frozenset({0, 1})
    keeps: bool = True


def of(
    group: str, commands: Mapping[str, str], disturb: Disturb, *names: str, label: str = "", **further: object
) -> Iterator[Case]:
    """Some of the commands under one limit; all of them if none is named."""
    for name in names or commands:
        yield Case(group, f"{name}{label and f' ({label})'}", commands[name], disturb, **further)  # type: ignore[arg-type]


FAILED, FINE, EITHER = frozenset({1}), frozenset({0}), frozenset({0, 1})
STORES = ("init", "ingest", "ingest again", "label", "label again", "extract", "extract again", "significance",
          "properties", "parameters", "relate", "match", "import", "use", "remove scheme", "remove model")  # fmt: skip
ON_STUDY = tuple(name for name in STORES if name != "init")
OUTPUTS = ("query file", "query parquet", "plot html", "plot png", "replicate", "export", "share", "share folder",
           "merge")  # fmt: skip
READERS = tuple(name for name in READ if "{study}" in READ[name])
ODD_STUDIES = {
    "/proc": "/proc", "/proc/self": "/proc/self", "/proc/self/mem": "/proc/self/mem", "/proc/1/root": "/proc/1/root",
    "/dev/null": "/dev/null", "/dev/zero": "/dev/zero", "/dev/full": "/dev/full", "/dev/stdin": "/dev/stdin",
    "/dev/fd/0": "/dev/fd/0", "/sys": "/sys", "fifo": "{folder}/fifo", "file": "{folder}/labels.csv",
    "below a file": "{folder}/labels.csv/study", "loop of links": "{folder}/loop",
    "220 characters": "{out}/" + "s" * 220,
    "300 characters": "{out}/" + "s" * 300, "5,000 characters": "{out}/" + "/".join(["s" * 199] * 25),
    "null character": "{out}/a\0b", "not unicode": "{out}/\udcff", "empty": "", "line break": "{out}/a\nb",
}  # fmt: skip
ODD_OUTPUTS = {
    "null device": "{folder}/null", "full device": "{folder}/full", "/proc/self/rows": "/proc/self/rows",
    "/sys/rows": "/sys/rows",
    "fifo": "{folder}/fifo", "below a file": "{folder}/labels.csv/rows", "loop of links": "{folder}/loop",
    "220 characters": "{out}/" + "o" * 216, "255 bytes": "{out}/" + "o" * 251,
    "255 bytes of umlauts": "{out}/" + "ö" * 125,
    "300 characters": "{out}/" + "o" * 300, "5,000 characters": "{out}/" + "/".join(["o" * 199] * 25),
    "not unicode": "{out}/\udcff", "line break": "{out}/a\nb", "dangling link": "{folder}/dangling",
}  # fmt: skip


def cases() -> Iterator[Case]:
    """All of them, by group."""
    yield from of_disks()
    yield from of_permissions()
    yield from of_streams()
    yield from of_paths()
    yield from of_resources()
    yield from of_folders()
    yield from of_the_network()
    yield from of_signals()
    yield from of_times()
    yield from of_other_programs()


def of_disks() -> Iterator[Case]:
    """No space, or too large a file."""
    for free in (0, 4096, 16384, 65536):
        yield from of("full disk of the study", BOTH, full_disk(free), *ON_STUDY, label=f"{free} bytes left")
    yield from of("full disk of the study", BOTH, full_disk(0), *READERS, label="0 bytes left")
    for free in (0, 4096):
        yield from of(
            "full disk of the output", BOTH, full_disk(free, of="out"), *OUTPUTS, label=f"{free} left"
        )
    for folder in ("cache", "networks"):
        names = (*READERS, "extract", "add", "check")
        yield from of("full disk of the cache", BOTH, full_disk(0, of=folder), *names, label=folder)
    for size in (0, 512, 4096):
        names = ("query", *ON_STUDY, *OUTPUTS)
        yield from of(
            "files limited in size", BOTH, limited(f"--fsize={size}"), *names, label=f"{size} bytes"
        )
    quota = injected("write,pwrite64,fsync", "EDQUOT", "{study}/**")
    yield from of("quota", BOTH, quota, "label", "use", "significance")


def of_permissions() -> Iterator[Case]:
    """Folders that cannot be written to: all that writes nothing there works."""
    for group, closed in (("read-only mount", read_only), ("no permission", _locked)):
        yield from of(group, BOTH, closed("study"), *READERS, must=FINE)
        yield from of(group, BOTH, closed("study"), *ON_STUDY, must=FAILED)
        yield from of(
            group, BOTH, closed("study", "cache", "networks"), *READERS, label="and cache", must=FINE
        )
        yield from of(group, BOTH, closed("cache"), *READERS, "extract", "check", label="cache")
        yield from of(group, BOTH, closed("out"), *OUTPUTS, must=FAILED, label="output")
        yield from of(group, BOTH, closed("networks"), "add", must=frozenset({2}), label="networks")


def _locked(*names: str) -> Disturb:
    return as_nobody(locked=names)


def of_streams() -> Iterator[Case]:
    """Streams that are closed or full, and letters that they do not take."""
    printing = ("query", "query table", "query sql", "query file", "plot html", "use shown", "doctor", "model list",
                "model show", "describe", "estimate", "export", "check")  # fmt: skip
    noting = ("query", "ingest", "extract", "label", "significance", "doctor", "use")
    helping = {
        "help": "--help",
        "version": "--version",
        "help of query": "query --help",
        "list": "query --list",
    }
    for target in ("closed", "/dev/full", "pipe"):
        yield from of("stdout", BOTH, stdout_to(target), *printing, label=target)
        yield from of("stdout", helping, stdout_to(target), label=target)
        yield from of("stderr", BOTH, stdout_to(target, "stderr"), *noting, label=target)
    letters = {
        "umlauts": "query \"select 'Straße → 猫' as städte\" --set colours --study {study}",
        "unknown": "query 'größe' --study {study}",
        "ingest": "ingest {folder}/more --set köpfe --study {study}",
        "init": "init {out}/Köpfe-猫",
        "file": "query layers/profile --set colours --study {study} --output {out}/größe.csv",
    }
    ascii_alone = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LANG": "C", "LC_ALL": "C"}
    must = frozenset({0, 2})
    yield from of("ASCII alone", letters, in_environment(**ascii_alone), label="LANG=C", must=must)
    for encoding in ("ascii", "latin-1"):
        yield from of(
            "ASCII alone", letters, in_environment(PYTHONIOENCODING=encoding), label=encoding, must=must
        )


def of_paths() -> Iterator[Case]:
    """Special files, and names that are too long."""
    must = frozenset({0, 1, 2})
    for what, path in ODD_STUDIES.items():
        commands = {
            "query": f"query layers/profile --study '{path}'",
            "init": f"init '{path}'",
            "create": f"ingest {{folder}}/more --set more --create --study '{path}'",
            "doctor": f"doctor --study '{path}'",
        }
        yield from of("special paths as a study", commands, with_odd_paths(path), label=what, must=must)
    for what, path in ODD_OUTPUTS.items():
        query = "query layers/profile --set colours --study {study}"
        commands = {
            "csv": f"{query} --output '{path}.csv'",
            "as it is": f"{query} --format csv --output '{path}'",
            "plot": f"plot layers/profile --set colours --study {{study}} --output '{path}.png'",
            "export": f"model export {{card}} --weights {{weights}} --full '{path}.onnx'",
        }
        yield from of("special paths as output", commands, with_odd_paths(path), label=what, must=must)


def of_resources() -> Iterator[Case]:
    """Few open files, little memory, few threads."""
    names = ("query", "plot png", "ingest", "extract", "significance", "label")
    for number in (6, 12, 20, 32, 48):
        limit = limited(f"--nofile={number}")
        yield from of("open files", BOTH, limit, *names, "query file", "remove model", label=str(number))
    for size in (150, 400, 700, 1000, 1500):
        limit = limited(f"--as={size * 2**20}")
        yield from of("memory", BOTH, limit, *names, "plot html", "check", label=f"{size} MB")
    for count in (1, 3, 6):
        limit = as_nobody("prlimit", f"--nproc={count}", "--")
        yield from of("threads", BOTH, limit, *names, "check", label=str(count))


def of_folders() -> Iterator[Case]:
    """No home, no cache, no temporary folder."""
    homes = {"no HOME": None, "missing HOME": "/nonexistent", "HOME is a file": "/dev/null", "empty HOME": ""}
    unset = dict.fromkeys(("TOOLBOX_CACHE", "TOOLBOX_MODELS", "XDG_CACHE_HOME", "XDG_DATA_HOME"))
    for label, home in homes.items():
        without = in_environment(**unset, HOME=home)
        yield from of("no home", BOTH, without, "query", "model list", "doctor", "ingest", label=label)
    names = ("query", "query file", "extract", "significance", "plot png", "doctor", "remove scheme", "check")
    for path in ("/proc/cache", "/dev/null", "/dev/null/below", "{top}/" + "c" * 300):
        cache, networks = in_environment(TOOLBOX_CACHE=path), in_environment(TOOLBOX_MODELS=path)
        must = frozenset({0, 1, 2})
        yield from of("no cache", BOTH, cache, *names, label=path[:14])
        yield from of(
            "no cache", BOTH, networks, "query", "model list", "add", label=f"models {path[:14]}", must=must
        )
    names = ("query", "plot png", "dry run", "ingest", "extract", "export", "doctor")
    for path in ("/nonexistent", "/dev/null", "/proc"):
        yield from of("no temporary folder", BOTH, in_environment(TMPDIR=path), *names, label=path)


def of_the_network() -> Iterator[Case]:
    """Errors of the kernel, as disks in the network give them."""
    must = frozenset({0, 1, 2, 3})
    for error in ("ESTALE", "EIO"):
        for calls in ("openat", "read,pread64", "getdents64", "stat,newfstatat,lstat,statx"):
            names = ("query", "use shown", "extract", "ingest again", "significance")
            disturb = injected(calls, error, "{study}/**", "3+")
            yield from of("disk in the network", BOTH, disturb, *names, label=f"{calls} {error}", must=must)
    for calls in ("fsync", "rename,renameat", "unlink,unlinkat", "mkdir", "flock,fcntl"):
        names = ("ingest", "label", "extract", "significance", "remove scheme", "use")
        disturb = injected(calls, "EIO", "{study}/**")
        yield from of("disk in the network", BOTH, disturb, *names, label=f"{calls} EIO", must=must)


def of_signals() -> Iterator[Case]:
    """Ctrl-C and its like; before Python has started the command, they end it as any process."""
    names = ("query", "ingest", "extract", "significance", "remove model", "label", "plot png")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for after in (0.3, 0.6, 1.0, 2.0):
            must = frozenset({0, 128 + number, -number})
            disturb = sent(number, after)
            yield from of("signals", BOTH, disturb, *names, label=f"{number.name} after {after} s", must=must)


def of_times() -> Iterator[Case]:
    """Files and clocks of another time."""
    names = (*READERS, "label", "extract", "significance", "remove scheme")
    for label, seconds in {"1950": -631152000, "1901": -2177452800, "2200": 7258118400}.items():
        yield from of("files of another time", BOTH, dated(seconds), *names, label=label, must=FINE)
        further = (*READERS, *ON_STUDY, "init", "export", "add")
        yield from of("clock of another time", BOTH, at_time(seconds), *further, label=label)


def of_other_programs() -> Iterator[Case]:
    """A study that goes while it is used."""
    names, must = ("query", "plot png", "ingest", "extract", "significance", "label"), frozenset({0, 1, 2, 3})
    for after in (0.15, 0.25, 0.35, 0.5, 0.8, 1.5, 2.5):
        for what, action in (
            ("deleted", _delete),
            ("moved away", _move),
            ("replaced by a file", _replace_by_file),
        ):
            disturb, label = meanwhile(action, after), f"{what} after {after} s"
            yield from of("study gone meanwhile", BOTH, disturb, *names, label=label, must=must, keeps=False)


def _delete(place: Place) -> None:
    shutil.rmtree(place.study, ignore_errors=True)


def _move(place: Place) -> None:
    place.study.rename(place.study.parent / "moved")


def _replace_by_file(place: Place) -> None:
    _move(place)
    place.study.write_text("")
