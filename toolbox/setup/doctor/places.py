"""Folders of files: the cache with the weights of every model, and the folder of a study."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from toolbox.errors import BusyError, ToolboxError
from toolbox.setup.doctor.finding import Finding

MEGABYTE = 10**6
FEW_STIMULI, MANY_STIMULI = 1_000, 10_000
"""Number of stimuli for which there must be space, and for which there should be."""

Free = Callable[[Path], int]


def free_space(folder: Path) -> int:
    """Free bytes on the disk of a folder, which need not exist yet."""
    return shutil.disk_usage(_nearest_folder(folder)).free


def cache(free: Free = free_space) -> Iterator[Finding]:
    """Whether the cache is writable, and its free space."""
    from toolbox.cache import cache_folder

    folder = cache_folder()
    if obstacle := _writing_obstacle(folder):
        remedy = "set TOOLBOX_CACHE to a writable folder"
        yield Finding("cache", "problem", f"{folder} is not writable ({obstacle})", remedy)
    else:
        mirror = os.environ.get("TOOLBOX_MIRROR")
        report = f"{folder}, {_megabytes(free(folder))} free{f'; files are downloaded from {mirror}' if mirror else ''}"
        yield Finding("cache", "ok", report)


def weights(free: Free = free_space) -> Iterator[Finding]:
    """The state of every source of weights of every model: intact in the cache, or still to be downloaded."""
    from toolbox.content import card_names, card_path
    from toolbox.errors import ToolboxError
    from toolbox.network.card import network

    for name in card_names("models"):
        try:
            net = network(name)
        except (ToolboxError, OSError) as error:  # a broken card must not prevent the check of the others
            remedy = f"fix {card_path('models', name)}, or move it to another folder"
            yield Finding(f"card of {name}", "problem", str(error), remedy)
            continue
        if net.graph is None:
            yield from weights_of(f"weights of {name}", net.weights, free)
        else:
            yield graph_of(name, net.graph, net.sha256)


def graph_of(name: str, graph: Path, sha256: str) -> Finding:
    """Whether the graph of an added network is unchanged.

    Args:
        name: name of the network.
        graph: the file of the graph.
        sha256: digest of the file when it was added.
    """
    from toolbox.files import digest_of

    if graph.is_file() and digest_of(graph) == sha256:
        return Finding(f"graph of {name}", "ok", f"{graph}: the digest is correct")
    state = "differs from the graph that was added" if graph.is_file() else "is missing"
    return Finding(
        f"graph of {name}",
        "problem",
        f"{graph} {state}",
        "restore it, or add it again (toolbox model add … --replace)",
    )


def weights_of(subject: str, sources: tuple[Mapping[str, Any], ...], free: Free) -> Iterator[Finding]:
    """The sources of one model's weights; random ones first.

    Args:
        subject: subject of the findings.
        sources: the sources in the model's card.
        free: returns the free bytes on the disk of a folder.
    """
    from toolbox.cache import cache_folder
    from toolbox.fetch import cached_state

    if not sources:
        yield Finding(subject, "note", "its card lists no source; choose a file with weights=… (--weights …)")
        return
    for source in sources:
        if source["format"] == "random":
            yield Finding(subject, "ok", f"random numbers, seed {source['seed']}; no download needed")
    fetched = [source for source in sources if source["format"] != "random"]
    states = [cached_state(source) for source in fetched]
    room = free(cache_folder())
    is_at_hand = len(fetched) < len(sources) or "intact" in states
    for source, state in zip(fetched, states, strict=True):
        has_room = source["bytes"] <= room
        yield _fetched_weights(subject, source, state, has_room=has_room, is_at_hand=is_at_hand)


def _fetched_weights(
    subject: str, source: Mapping[str, Any], state: str, *, has_room: bool, is_at_hand: bool
) -> Finding:
    """One source of weights: intact in the cache, or still to be downloaded."""
    from toolbox.fetch import cached_path, describe

    title, size = str(source.get("title") or describe(source)), _megabytes(source["bytes"])
    if state == "intact":
        return Finding(subject, "ok", f"{title}: in the cache, {size}, the digest is correct")
    if state == "damaged":
        remedy = f"delete {cached_path(source)}; its next use downloads {size} again"
        return Finding(subject, "problem", f"{title}: the copy in the cache is damaged", remedy)
    if not has_room:
        report = f"{title}: not in the cache; the download of {size} exceeds the free space of the cache"
        remedy = "free some space, or set TOOLBOX_CACHE to a folder on another disk"
        return Finding(subject, "note" if is_at_hand else "problem", report, remedy)
    report = f"{title}: not in the cache; would be downloaded, {size} from {describe(source)}"
    return Finding(subject, "note", report)


def study_folder(root: Path, free: Free = free_space) -> Iterator[Finding]:
    """The folder of a study: whether it is a study, whether files can be written, replaced and locked, and its space.

    Args:
        root: the folder.
        free: returns the free bytes on the disk of a folder.
    """
    from toolbox.files import local_folder, mirror_of

    try:
        root = local_folder(root)
    except ToolboxError as error:
        report, _, remedy = str(error).partition("; ")
        yield Finding("study", "problem", report, remedy)
        return
    yield _identity(root)
    if mirror_of(root):
        yield _storage(root)
        return
    if obstacle := _writing_obstacle(root):
        yield Finding(
            "study", "problem", f"{root} is not writable ({obstacle})", "choose another folder (--study …)"
        )
        return
    yield _safety(root)
    yield _room(root, free(root))


def bytes_per_stimulus() -> int:
    """Bytes of VGG16's responses to one stimulus, without the fully connected layers."""
    from toolbox.network.card import network
    from toolbox.store.parts import ROW_BYTES

    return ROW_BYTES * sum(layer.filters for layer in network("vgg16").layers if layer.kind != "dense")


def _identity(root: Path) -> Finding:
    from toolbox.store.folder import check_study, is_empty

    try:
        check_study(root)
    except ToolboxError as error:
        is_new = not root.exists() or is_empty(root)
        report, _, remedy = str(error).partition("; ")
        return Finding("study", "note" if is_new else "problem", report, remedy)
    return Finding("study", "ok", str(root))


def _storage(root: Path) -> Finding:
    """Lock a study in object storage, which finds out whether it can be written to and keeps conditions."""
    from toolbox.files import only_writer

    subject = "study's storage"
    try:
        with only_writer(root / "plans", "asking the doctor's question"):
            return Finding(subject, "ok", "objects can be written, and locks work")
    except ToolboxError as error:
        report, _, remedy = str(error).partition("; ")
        return Finding(subject, "problem", report, remedy)


def _safety(root: Path) -> Finding:
    """Replace a file and test a lock with the same functions that an extraction uses."""
    from toolbox.files import only_writer, write_text

    subject, remedy = "study's disk", "keep the study on a local disk"
    with tempfile.TemporaryDirectory(dir=_nearest_folder(root), prefix=".doctor-") as name:
        folder = Path(name)
        try:
            for text in ("first", "second"):
                write_text(folder / "file", text)
            with only_writer(folder, "asking the doctor's question"):
                is_held = _is_refused(folder)
        except (OSError, NotImplementedError) as error:
            return Finding(subject, "problem", f"files cannot be replaced or locked there ({error})", remedy)
        if not is_held:
            return Finding(
                subject, "problem", "locks have no effect there: two extractions could mix", remedy
            )
    return Finding(subject, "ok", "files are replaced whole, and locks work")


def _is_refused(folder: Path) -> bool:
    """Whether a second writer is refused."""
    from toolbox.files import only_writer

    try:
        with only_writer(folder, "asking the doctor's second question"):
            return False
    except BusyError:
        return True


def _room(root: Path, free: int) -> Finding:
    """The number of stimuli whose responses fit on the disk."""
    each = bytes_per_stimulus()
    count = free // each
    report = (
        f"{_megabytes(free)} free: responses of VGG16's convolutions and pools to about {count:,} stimuli "
        f"({each / 1000:.0f} kB each)"
    )
    remedy = f"free some space on the disk of {root}, or choose another folder (--study …)"
    if count >= MANY_STIMULI:
        return Finding("study's space", "ok", report)
    return Finding("study's space", "note" if count >= FEW_STIMULI else "problem", report, remedy)


def _writing_obstacle(folder: Path) -> str | None:
    """The reason why no file can be made in a folder, or in its nearest existing parent; None if it can."""
    try:
        if folder.exists() and not folder.is_dir():
            return "it is a file"
        with tempfile.TemporaryFile(dir=_nearest_folder(folder)):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def _nearest_folder(folder: Path) -> Path:
    """The folder, or its nearest existing parent."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def _megabytes(size: float) -> str:
    return f"{size / MEGABYTE:,.0f} MB" if size < 10_000 * MEGABYTE else f"{size / MEGABYTE / 1000:,.0f} GB"
