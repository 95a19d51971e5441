"""Kill every command that writes a study in object storage, before each of its requests, and count what is wrong.

    python tests/attacks/storage_kills.py              # every request of each command
    python tests/attacks/storage_kills.py --every 5    # each fifth

The server is moto's, in this process. After each kill another computer, which has seen nothing of the study, reads it,
and must find it as before the command or as after it (an extraction may have some of its parts). The command is then
repeated on the computer that was killed, and must end as an unbroken one; a lock that is left then is one that this
computer cannot take at once. Expected: 0 in every column but the first.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS)]

from s3fs import S3FileSystem  # noqa: E402

from support.forks import forks_of  # noqa: E402
from support.object_storage import new_bucket, running_server, storage  # noqa: E402
from support.tiny_network import CARD, paint, write_weights  # noqa: E402
from toolbox import Study, UsageError  # noqa: E402
from toolbox.errors import BusyError  # noqa: E402
from toolbox.files import only_writer  # noqa: E402
from toolbox.remote import lock  # noqa: E402
from toolbox.store.availability import available_responses  # noqa: E402
from toolbox.store.parquet import read_table  # noqa: E402

os.fsync = lambda _: None  # no disk is unplugged
lock.LEASE = 2.0  # of the killed process, for which the other computer waits

COUNTS = ("kills", "unreadable", "mixed", "wrong in the end", "not intact", "locks left")
CHANGES = ("put_", "copy_", "delete_", "create_", "upload_", "complete_")
State = dict[str, Any]
Action = Callable[[Study, Path], object]


@dataclass(frozen=True)
class Command:
    """A command, and what comes before it."""

    prepare: tuple[str, ...]
    act: Action
    in_parts: bool = False
    """Whether what it writes may be visible in part."""


def _extract(study: Study, place: Path, set_name: str = "colours", **options: Any) -> object:
    return study.extract(set_name, model=str(CARD), weights=str(place / "tiny.npz"), part=3, **options)


def _remove(study: Study) -> None:
    with suppress(UsageError):  # when it is repeated
        study.remove("model", "tiny")


def _share(study: Study, place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        study.share(Path(folder) / "bundle.zip")


COMMANDS = {
    "ingest": Command((), lambda study, place: study.ingest(place / "photographs", set="colours")),
    "draw": Command((), lambda study, place: study.ingest(str(place / "bars" / "bars.toml"))),
    "extract": Command(("ingest",), _extract, in_parts=True),
    "replace": Command(
        ("ingest", "extract"), lambda study, place: _extract(study, place, replace=True, layers=["sum"])
    ),
    "label": Command(
        ("ingest",), lambda study, place: study.label("colours", scheme="number", source=place / "labels.csv")
    ),
    "significance": Command(
        ("ingest", "extract"), lambda study, _: study.significance("colours", resamples=20)
    ),
    "remove": Command(("ingest", "extract", "significance"), lambda study, _: _remove(study)),
    "properties": Command(("ingest",), lambda study, _: study.properties("colours")),
    "parameters": Command(
        ("ingest",), lambda study, place: study.parameters("colours", source=place / "sizes.csv")
    ),
    "relate": Command(
        ("ingest", "extract", "parameters"),
        lambda study, _: study.relate("colours", parameter="size", resamples=20),
    ),
    "import": Command(("ingest",), lambda study, place: study.import_(place / "theirs.zip")),
    "use": Command(("ingest", "extract"), lambda study, _: study.use("colours", model="tiny")),
    "share": Command(("ingest", "extract"), _share),
}


def photographs(place: Path) -> None:
    """What the commands need."""
    for number, level in enumerate((100, 150, 200)):
        paint(place / "photographs" / "red" / f"red {number}.png", (level, 20, 0))
        paint(place / "photographs" / "green" / f"green {number}.png", (10, level, 0))
    write_weights(place / "tiny.npz")
    files = sorted((place / "photographs").rglob("*.png"))
    rows = "".join(f"{file.as_posix()},n{file.stem[-1]}\n" for file in files)
    (place / "labels.csv").write_text(f"path,category\n{rows}")
    (place / "sizes.csv").write_text(
        "path,size\n" + "".join(f"{file.as_posix()},{number}\n" for number, file in enumerate(files))
    )
    theirs = Study(place / "their study", create=True)
    theirs.ingest(place / "photographs", set="theirs")
    _extract(theirs, place, set_name="theirs")
    theirs.share(place / "theirs.zip", including="responses")
    (place / "bars").mkdir()
    (place / "bars" / "bars.toml").write_text(
        'name = "bars"\ntitle = "Bars"\ndescription = "Bars"\nlicence = "CC0-1.0"\ncitation = "none"\n'
        'recipe = "bars.py"\n'
    )
    (place / "bars" / "bars.py").write_text(
        "import numpy as np\n"
        "from toolbox.stimuli import Drawing\n\n"
        "def draw(card, source):\n"
        "    for number in range(3):\n"
        "        yield Drawing(f'bar {number}', 'bar', np.full((4, 4, 3), 40 * number, np.uint8))\n"
    )


def killed_at(name: str, address: str, place: str, cache: str, request: int) -> None:
    """Run a command, and kill this process before a request that changes something; called in a fork."""
    os.environ["TOOLBOX_CACHE"] = cache
    warnings.simplefilter("ignore")
    study, left, original = Study(address, create=True), request, S3FileSystem._call_s3

    async def call(self: S3FileSystem, method: str, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        if method.startswith(CHANGES):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return await original(self, method, *arguments, **options)

    S3FileSystem._call_s3 = call
    COMMANDS[name].act(study, Path(place))


def read_state(address: str, cache: Path) -> State:
    """All that another computer finds in a study: the rows of all tables, those of responses only where they count."""
    os.environ["TOOLBOX_CACHE"] = str(cache)
    study = Study(address, create=True)
    root = study.folder.root
    state: State = {}
    for table in sorted(root.rglob("*.parquet")):
        name = table.relative_to(root).as_posix()
        if not name.startswith(("responses/", "rollups/", "plans/", ".")):
            state[name] = tuple(map(repr, read_table(table).to_pylist()))
    for set_name in study.sets:
        for row in read_table(study.folder.stimuli(set_name)).to_pylist():
            path = study.folder.image(row["path"])
            assert path.is_file(), path
        for model in study.models(set_name):
            try:
                found = available_responses(study.folder, set_name, model)
            except UsageError:
                continue
            rows = [repr(row) for part in found.paths(study.folder) for row in read_table(part).to_pylist()]
            assert len(rows) == len({*rows})
            state[f"{set_name} {model} responses"] = tuple(sorted(rows))
    return state


def is_allowed(command: Command, found: State, before: State, after: State) -> bool:
    """Whether a killed command left what it may leave."""
    if found in (before, after):
        return True
    rest = {name: rows for name, rows in found.items() if not name.endswith("responses")}
    whole = {name: rows for name, rows in after.items() if not name.endswith("responses")}
    partial = {name: rows for name, rows in found.items() if name.endswith("responses")}
    return (
        command.in_parts
        and rest == whole
        and all({*rows} <= {*after[name]} for name, rows in partial.items())
    )


def attack(name: str, place: Path, every: int) -> Counter[str]:
    """Kill one command before each of its requests."""
    command, counts = COMMANDS[name], Counter[str]()
    os.environ["TOOLBOX_CACHE"] = str(place / f"{name} cache")
    template = f"s3://{new_bucket()}/study"
    study = Study(template, create=True)
    if command.prepare:
        for earlier in command.prepare:
            COMMANDS[earlier].act(study, place)
    objects = {name[len(template) - 5 :]: storage().cat_file(name) for name in _found(template)}
    before = read_state(template, place / f"{name} cache")
    command.act(study, place)
    after = read_state(template, place / f"{name} cache")
    program = f"import sys; sys.path[:0] = [{str(TESTS)!r}, {str(TESTS / 'attacks')!r}]\n"
    program += "from storage_kills import killed_at as run"
    with forks_of(program) as forks:
        for request in range(0, 1000, every):
            address, caches = (
                f"s3://{new_bucket()}/study",
                [place / f"{name} {request} {each}" for each in "abc"],
            )
            for inside, content in objects.items():
                storage().pipe_file(f"{address}{inside}", content)
            forks.start(name, address, place, caches[0], request)
            if forks.exit_code() == 0:
                break
            counts["kills"] += 1
            try:
                found = read_state(address, caches[1])
                counts["mixed"] += not is_allowed(command, found, before, after)
            except Exception as error:  # counted, and printed
                print(f"{name} {request}: {error!r}", flush=True)
                counts["unreadable"] += 1
            forks.start(name, address, place, caches[0], 10_000)
            ended = forks.exit_code()
            counts["wrong in the end"] += ended != 0 or read_state(address, caches[2]) != after
            counts["not intact"] += not Study(address).verify(thorough=True).is_intact
            os.environ["TOOLBOX_CACHE"] = str(caches[0])
            counts["locks left"] += not all(_is_free(address, each) for each in _found(address))
    return counts


def _is_free(address: str, name: str) -> bool:
    """Whether an object is no lock, or one that this computer, on which its process was killed, takes at once."""
    folder, _, file = name.removeprefix(address.removeprefix("s3://") + "/").rpartition("/")
    if file != ".lock":
        return True
    try:
        with only_writer(Study(address).folder.root / folder, "asking", wait=0):
            pass
    except BusyError as error:
        print(f"{name}: {error}", flush=True)
        return False
    return not storage().exists(name)


def _found(address: str) -> list[str]:
    return [str(each) for each in storage().find(address)]


def main() -> None:
    """Attack the commands, and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("commands", nargs="*", default=list(COMMANDS))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'':14}" + "".join(f"{column:>18}" for column in COUNTS))
    with running_server(), tempfile.TemporaryDirectory() as folder:
        photographs(Path(folder))
        for name in given.commands:
            counts = attack(name, Path(folder), given.every)
            print(f"{name:14}" + "".join(f"{counts[column]:18}" for column in COUNTS), flush=True)


if __name__ == "__main__":
    main()
