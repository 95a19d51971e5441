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
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3 import s3_backends
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
    return fsspec.filesystem("s3", use_listings_cache=False, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


def new_bucket(name: str = "") -> str:
    """The name of an empty bucket; one that an earlier server of this process had under the name is emptied."""
    name = name or f"laboratory-{os.getpid()}-{next(_NUMBERS)}"
    if storage().exists(name):  # all servers of a process have the same buckets
        storage().rm(name, recursive=True)
    storage().mkdir(name)
    return name


@contextmanager
def recorded_states(address: str) -> Iterator[list[dict[str, bytes]]]:
    """What a study in object storage is before the first request in the block that changes something, and after each.

    A process that is killed at any moment leaves one of these states.

    Args:
        address: of the study.

    Returns: for every state, name of an object that is no lock -> its content.
    """
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    objects = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys
    original = S3FileSystem._call_s3

    def state() -> dict[str, bytes]:
        return {
            name.removeprefix(f"{prefix}/"): objects[name].value
            for name in sorted(objects)
            if not name.rpartition("/")[2].startswith(".")
        }

    states = [state()]

    async def call(self: S3FileSystem, method: str, *arguments: Any, **options: Any) -> Any:
        answer = await original(self, method, *arguments, **options)
        if (found := state()) not in states:
            states.append(found)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3FileSystem, "_call_s3", call)
        patch.setattr(S3FileSystem, "call_s3", call)
        yield states
