"""An S3 server in this process: moto's, over loopback. Every test has a bucket of its own."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

SECRET = "secret-of-the-laboratory"
_NUMBERS = itertools.count()


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a server; the environment leads to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-laboratory")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.delenv("AWS_PROFILE", raising=False)
        yield address
    server.stop()


def storage() -> Any:
    """The file system of the server, without a memory."""
    return fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)


def new_bucket() -> str:
    """The name of an empty bucket."""
    name = f"laboratory-{os.getpid()}-{next(_NUMBERS)}"
    storage().mkdir(name)
    return name


class Killed(Exception):
    """The process ends here. (fsspec swallows what is not an `Exception`.)"""


@contextmanager
def writes_until(last: int, found: list[str] | None = None) -> Iterator[None]:
    """In the block, requests that change something arrive up to the one with this number; no further one ever does.

    What a killed process leaves in the storage is exactly that, whatever the clean-up of this one still attempts.

    Args:
        last: how many requests arrive.
        found: gets what each of them changes.
    """
    counted = itertools.count()
    original = S3FileSystem._call_s3

    async def call(self: S3FileSystem, method: str, *arguments: Any, **options: Any) -> Any:
        if method.startswith(("put_", "copy_", "delete_", "create_", "upload_", "complete_")):
            if next(counted) >= last:
                raise Killed
            if found is not None:
                found.append(f"{method} {options.get('Key', '')}")
        return await original(self, method, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3FileSystem, "_call_s3", call)
        patch.setattr(S3FileSystem, "call_s3", call)
        yield
