"""Files of anybody that state what is not so, unpack to too much, lead elsewhere, or are damaged.

    python tests/attacks/hostile_files.py [FAMILY …]

Families: cards, weights, graphs, archives, tables, images; all of them without an argument. Every file is read in a
process of its own, which records what it starts, what it asks a server for, its memory and its time. Prints, for each
family, how many files were refused in one line, how many were accepted, and what else happened. Expected: nothing else.
"""

from __future__ import annotations

import faulthandler
import io
import os
import random
import resource
import signal
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from attacks.cards import hostile_cards  # noqa: E402
from toolbox.errors import ToolboxError  # noqa: E402

MOST_SECONDS, MOST_MEMORY = 30, 1.5  # of one file, and GB
Case = tuple[str, Callable[[], object]]
WATCHED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect")


def card_cases(folder: Path) -> Iterator[Case]:
    """Cards of networks with one wrong value: every fifth of them, and every wheel that is none."""
    from toolbox.network.card import layer_table, network

    def read(content: dict[str, Any]) -> None:
        with (
            mock.patch("toolbox.network.card.card", lambda *_: content),
            mock.patch("toolbox.network.card.card_path", lambda *_: folder / "card.toml"),
        ):
            layer_table(network("card"))

    cards = list(hostile_cards())
    for number, (name, content) in enumerate(cards):
        if number % 6 == 0 or name.startswith("wheel"):
            yield name, lambda content=content: read(content)


def weight_cases(folder: Path) -> Iterator[Case]:
    """HDF5 files with links to other files, wrong attributes and sizes."""
    import h5py

    from network.test_weights_hostile import HDF5, NAME, SECRET
    from support.tiny_network import CARD
    from toolbox.network.card import network
    from toolbox.network.weights import load_weights

    secret = folder / "secret.h5"
    with h5py.File(secret, "w") as file:
        file[NAME] = SECRET

    def read(kind: str) -> None:
        path = folder / "weights.h5"
        with h5py.File(path, "w") as file:
            HDF5[kind](file, secret)
        load_weights(network(str(CARD)), ["colour"], source=str(path))

    for kind in HDF5:
        yield kind, lambda kind=kind: read(kind)


def graph_cases(folder: Path) -> Iterator[Case]:
    """ONNX files that state, or compute, too much, and damaged ones."""
    from support.foreign_graphs import residual, saved
    from support.hostile_graphs import HOSTILE_GRAPHS
    from toolbox.setup.adding import examine_graph

    for kind, make in HOSTILE_GRAPHS.items():
        path = saved(make(), folder / "hostile.onnx").read_bytes()
        yield kind, lambda content=path: examine_graph(_written(folder / "net.onnx", content))
    content = residual().SerializeToString()
    for name, damaged in _damaged(content, 40):
        yield name, lambda damaged=damaged: examine_graph(_written(folder / "net.onnx", damaged))


def archive_cases(folder: Path) -> Iterator[Case]:
    """Archives that unpack to too much, lead outside, or are damaged."""
    from stimuli.test_archive import bombs, tar_bytes
    from toolbox.stimuli.archive import read_members

    def read(content: bytes) -> None:
        for _, member in read_members(_written(folder / "set.zip", content)):
            while member.read(2**16):
                pass

    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.png", random.Random(0).randbytes(5000))
    outside = {
        name: tar_bytes([(name, b"x")]) for name in ("../x", "/x", "a/../../x", "C:x", "/".join("a" * 1000))
    }
    for name, content in {**bombs(), **outside}.items():
        yield name, lambda content=content: read(content)
    for whole in (zipped.getvalue(), tar_bytes([("a/1.png", random.Random(0).randbytes(5000))])):
        for name, damaged in _damaged(whole, 30):
            yield name, lambda damaged=damaged: read(damaged)


def table_cases(folder: Path) -> Iterator[Case]:
    """Tables that unpack to too much, of types that are no text, or damaged."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    from tables.test_bounds import cells, workbook
    from toolbox.stimuli.manifest import list_manifest

    # polars is not used before the processes part: its threads are not in the other one
    parquet, binary = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table({"path": ["a.png"] * 50, "category": ["cat"] * 50}), parquet)
    pq.write_table(pa.table({"path": [b"\xff"], "category": ["cat"]}), binary)
    files = {
        "images.parquet": [*_damaged(parquet.getvalue(), 25), ("bytes as paths", binary.getvalue())],
        "images.xlsx": [
            *_damaged(workbook(cells("A1", "B2")), 15),
            ("far away", workbook(cells("A1", "XFD1048576"))),
        ],
        "images.csv": _damaged(b"path,category\n" + b"a.png,cat\n" * 50, 10),
    }
    for file, contents in files.items():
        for name, content in contents:
            yield (
                f"{file}: {name}",
                lambda file=file, content=content: list_manifest(_written(folder / file, content)),
            )


def image_cases(_: Path) -> Iterator[Case]:
    """Damaged images, and images that state to be larger than any."""
    from PIL import Image

    from toolbox.stimuli.images import decode

    pixels = Image.effect_noise((64, 48), 50).convert("RGB")
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        content = io.BytesIO()
        pixels.save(content, kind)
        for name, damaged in _damaged(content.getvalue(), 12):
            yield f"{kind}: {name}", lambda damaged=damaged: decode(damaged)


FAMILIES: dict[str, Callable[[Path], Iterator[Case]]] = {
    "cards": card_cases, "weights": weight_cases, "graphs": graph_cases, "archives": archive_cases,
    "tables": table_cases, "images": image_cases,
}  # fmt: skip


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _damaged(content: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """A content that is cut short, or has other bytes, in as many ways."""
    chance = random.Random(0)
    for number in range(count):
        place = chance.randrange(len(content))
        if number % 3 == 0:
            yield f"cut at {place}", content[:place]
        else:
            other = chance.randbytes(1 + number % 4)
            yield f"other bytes at {place}", content[:place] + other + content[place + len(other) :]


def outcome(read: Callable[[], object]) -> str:
    """What comes of reading a file, in a process of its own."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        faulthandler.disable()
        answer = _read_watched(read)
        os.write(theirs, answer.encode("utf-8", "replace")[:2000])
        os._exit(0)
    os.close(theirs)
    started = time.monotonic()
    with os.fdopen(ours, "rb") as pipe:
        answer = pipe.read().decode()
    _, status, used = os.wait4(child, 0)
    if status:
        return f"killed by signal {status & 127}"
    if time.monotonic() - started > MOST_SECONDS or used.ru_maxrss > MOST_MEMORY * 1e6:
        return f"past its limit: {used.ru_maxrss / 1e6:.1f} GB"
    return answer


def _read_watched(read: Callable[[], object]) -> str:
    seen: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        # a graph whose size is not known is run in a process of the toolbox with limits
        if event in WATCHED and "toolbox.tapping.confined" not in str(arguments):
            seen.append(event)

    sys.addaudithook(watch)
    signal.alarm(2 * MOST_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30))
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        read()
    except ToolboxError as error:
        answer = "refused" if str(error).isprintable() else f"a message that cannot be shown: {error!r}"
    except BaseException as error:
        answer = f"traceback: {error!r}"
    else:
        answer = "accepted"
    return f"started or asked: {', '.join(seen)}" if seen else answer


def main(families: list[str]) -> None:
    """Read all files, and print what came of them."""
    for family in families or FAMILIES:
        counts: Counter[str] = Counter()
        with TemporaryDirectory() as folder:
            os.environ["TOOLBOX_CACHE"] = f"{folder}/cache"
            for name, read in FAMILIES[family](Path(folder)):
                what = outcome(read)
                counts[what.split(":")[0]] += 1
                if what not in ("refused", "accepted"):
                    print(f"    {family}: {name}: {what[:150]}", flush=True)
        print(f"{family:<9} {counts.total():4} files: {dict(counts)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
