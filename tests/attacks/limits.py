"""Limits of the operating system under which `faults.py` runs commands. Owns setting them, and taking them back."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.tiny_network import CARD

ROOT = Path(__file__).parents[2]
TOOLBOX = [sys.executable, "-m", "toolbox"]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@dataclass(frozen=True)
class Place:
    """Folders of one case: what the command may write to."""

    folder: Path
    """The photographs, tables and weights, which no command changes."""
    study: Path
    out: Path
    cache: Path
    new: Path
    networks: Path
    environment: dict[str, str] = field(default_factory=dict)

    def words(self, command: str) -> list[str]:
        """A command with its paths."""
        paths = {name: str(path) for name, path in vars(self).items() if name != "environment"}
        paths |= {"card": str(CARD), "weights": str(self.folder / "tiny.npz")}
        return [word.format(**paths) for word in shlex.split(command)]

    def surroundings(self) -> dict[str, str]:
        """The environment of the command."""
        of_toolbox = {"TOOLBOX_CACHE": str(self.cache), "TOOLBOX_MODELS": str(self.networks)}
        paths = {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONDONTWRITEBYTECODE": "1"}
        return {**os.environ, **of_toolbox, **paths, **self.environment}


@dataclass(frozen=True)
class End:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


Disturb = Callable[[Place, Sequence[str]], End]
"""Runs a command under a limit."""


def run(
    place: Place, words: Sequence[str], *, before: Sequence[str] = (), timeout: float = 120, **given: object
) -> End:
    """Run a command to its end, or stop it as one that hangs."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **given}
    environment = {**place.surroundings(), **dict(streams.pop("env", {}))}  # type: ignore[call-overload]
    with subprocess.Popen([*before, *TOOLBOX, *words], env=environment, **streams) as process:  # type: ignore[call-overload]
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err = (err or b"") + b"\nerror: it did not end (hangs)\nTraceback: none"
    return End(process.returncode, *(text.decode("utf-8", "replace") if text else "" for text in (out, err)))


def limited(*words: str) -> Disturb:
    """Under `prlimit`."""
    return lambda place, command: run(place, command, before=["prlimit", *words, "--"])


def as_nobody(*words: str, locked: Sequence[str] = (), **environment: str) -> Disturb:
    """As a user who may not write to some of the folders."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        for name in locked:
            _set_modes(getattr(place, name), 0o555, 0o444)
        try:
            return run(place, command, before=[*words, *NOBODY], env=environment)
        finally:
            for name in locked:
                _set_modes(getattr(place, name), 0o777, 0o666)

    return disturb


def _set_modes(top: Path, of_folders: int, of_files: int) -> None:
    for path in (top, *top.rglob("*")):
        path.chmod(of_folders if path.is_dir() else of_files)


def read_only(*names: str) -> Disturb:
    """With folders mounted read-only."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        with contextlib.ExitStack() as mounted:
            for name in names:
                folder = str(getattr(place, name))
                subprocess.run(["mount", "--bind", folder, folder], check=True)
                mounted.callback(subprocess.run, ["umount", "-l", folder], check=True)
                subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
            return run(place, command)

    return disturb


def full_disk(free: int, *, of: str = "study") -> Disturb:
    """With one folder, or everything, on a small disk that has so many bytes left."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        folder = place.study.parent if of == "everything" else getattr(place, of)
        kept = folder.parent / f"{folder.name}.kept"
        shutil.copytree(folder, kept, symlinks=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=777", "tmpfs", str(folder)], check=True)
        try:
            shutil.copytree(kept, folder, dirs_exist_ok=True)
            _fill(folder / ".filling", free)
            end = run(place, command)
            (folder / ".filling").unlink()
            shutil.rmtree(kept)
            shutil.copytree(folder, kept, symlinks=True)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(folder)
        kept.rename(folder)
        return end

    return disturb


def _fill(path: Path, free: int) -> None:
    with path.open("wb", buffering=0) as file:
        left = shutil.disk_usage(path.parent).free - free
        if left > 0:
            file.write(b"\0" * left)


def stdout_to(target: str, stream: str = "stdout") -> Disturb:
    """With a stream that is closed, full, or a pipe that nobody reads."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        number = {"stdout": 1, "stderr": 2}[stream]
        if target == "closed":
            return run(place, command, before=["bash", "-c", f'exec "$@" {number}>&-', "bash"])
        if target == "pipe":
            reading, writing = os.pipe()
            os.close(reading)
            with os.fdopen(writing, "wb") as file:
                return run(place, command, **{stream: file})
        with Path(target).open("wb") as file:
            return run(place, command, **{stream: file})

    return disturb


def in_environment(**given: str | None) -> Disturb:
    """With other variables; None takes one away."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        words = [word for name, value in given.items() if value is None for word in ("-u", name)]
        words += [f"{name}={value}" for name, value in given.items() if value is not None]
        words = [word.replace("{top}", str(place.study.parent)) for word in words]
        return run(place, command, before=["env", *words])

    return disturb


def injected(call: str, error: str, path: str = "{study}", when: str = "1+") -> Disturb:
    """With an error of the kernel for calls that concern a path, as a disk in the network gives them."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        where = path.format(**{name: str(each) for name, each in vars(place).items()})
        files = [where] if not where.endswith("/**") else _all_paths(Path(where[:-3]))
        words = [word for file in files for word in ("-P", file)]
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", *words]
        return run(place, command, before=[*strace, "-e", f"inject={call}:error={error}:when={when}"])

    return disturb


def _all_paths(top: Path) -> list[str]:
    return [str(top), *(str(path) for path in top.rglob("*"))]


def sent(number: signal.Signals, after: float | None = None, event: str | None = None) -> Disturb:
    """With a signal after some seconds, or once a file appears."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        process = subprocess.Popen(
            [*TOOLBOX, *command], env=place.surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        until = time.monotonic() + (after if after is not None else 20)
        while process.poll() is None and time.monotonic() < until:
            if event and list(place.study.glob(event)):
                break
            time.sleep(0.002)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return End(process.returncode, out.decode(), err.decode())

    return disturb


def plain(place: Place, command: Sequence[str]) -> End:
    """Without any limit."""
    return run(place, command)


def meanwhile(action: Callable[[Place], None], after: float) -> Disturb:
    """While something else happens to the study after some seconds."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        timer = threading.Timer(after, action, [place])
        timer.start()
        try:
            return run(place, command)
        finally:
            timer.join()

    return disturb


def dated(seconds: float) -> Disturb:
    """With every file of the study from another time."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        for path in (place.study, *place.study.rglob("*")):
            os.utime(path, (seconds, seconds))
        return run(place, command)

    return disturb


def at_time(seconds: int) -> Disturb:
    """With a clock that shows another time, by a library that is loaded first."""

    def disturb(place: Place, command: Sequence[str]) -> End:
        return run(place, command, env={"LD_PRELOAD": str(_clock(place)), "CLOCK": str(seconds)})

    return disturb


_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <sys/time.h>
static long shift(void) {
    static long first; static int known; struct timespec now;
    if (!known) {
        int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
        real(CLOCK_REALTIME, &now); first = atol(getenv("CLOCK")) - now.tv_sec; known = 1;
    }
    return first;
}
int clock_gettime(clockid_t clock, struct timespec *time) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, time);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += shift();
    return code;
}
time_t time(time_t *out) {
    struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *out, void *zone) {
    struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec; out->tv_usec = now.tv_nsec / 1000; return 0;
}
"""


def _clock(place: Place) -> Path:
    """The library, compiled once."""
    library = place.folder / "clock.so"
    if not library.exists():
        source = place.folder / "clock.c"
        source.write_text(_CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def with_odd_paths(command: str) -> Disturb:
    """With special files in the folder of the tables."""

    def disturb(place: Place, words: Sequence[str]) -> End:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(place.folder / "fifo")
        for name, minor in (
            ("null", 3),
            ("full", 7),
        ):  # copies: never the devices themselves
            with contextlib.suppress(FileExistsError):
                os.mknod(place.folder / name, 0o20666, os.makedev(1, minor))
        with contextlib.suppress(FileExistsError):
            (place.folder / "loop").symlink_to(place.folder / "loop")
        with contextlib.suppress(FileExistsError):
            (place.folder / "dangling").symlink_to("/nowhere/at/all")
        if any("\0" in word for word in words):
            code = f"import sys; from toolbox.__main__ import main; sys.argv = ['toolbox', *{list(words)!r}]; main()"
            return _python(place, code)
        return run(place, words, timeout=20)

    return disturb


def _python(place: Place, code: str) -> End:
    done = subprocess.run(
        [sys.executable, "-c", code], env=place.surroundings(), capture_output=True, check=False, timeout=30,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return End(
        done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    )
