"""Addresses of studies in object storage. Owns fsspec's file systems for them.

Credentials are those of the environment, as the libraries of the storage find them; none is kept or shown here.
"""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbox.distribution import DISTRIBUTION
from toolbox.errors import UsageError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE | re.DOTALL)
"""A path makes one slash of two; one letter is a drive of Windows."""
AMAZON, GOOGLE, AZURE = ("s3", "s3a"), ("gs", "gcs"), ("az", "abfs", "abfss")
"""Protocols of storages whose differences are known: `storage.py`."""
_PACKAGES = {
    **dict.fromkeys(AMAZON, f"{DISTRIBUTION}[s3]"),
    **dict.fromkeys(GOOGLE, "gcsfs"),
    **dict.fromkeys(AZURE, "adlfs"),
}
_SERVERS = {
    **dict.fromkeys(AMAZON, ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_PROFILE")),
    **dict.fromkeys(GOOGLE, ("STORAGE_EMULATOR_HOST",)),
    **dict.fromkeys(AZURE, ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_CONNECTION_STRING")),
}
"""Environment variables that lead an address to one server or another."""
_NO_STORES = ("file", "local", "memory", "http", "https", "data")
"""What fsspec knows, but where no study can be kept that others see and change."""
_PATIENCE = {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 3, "mode": "standard"}}


@dataclass(frozen=True)
class Place:
    """The address of a study.

    Attributes:
        protocol: such as 's3'.
        path: bucket and prefix.
    """

    protocol: str
    path: str

    def __str__(self) -> str:
        """The address."""
        return f"{self.protocol}://{self.path}"

    @property
    def bucket(self) -> str:
        """The bucket, or what a storage has in its place."""
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.path.rpartition("/")[2]


def place_of(directory: str | Path) -> Place | None:
    """The address that a text or a path names; None for a directory of this computer.

    Args:
        directory: such as 's3://bucket/prefix', also as a path has it: 's3:/bucket/prefix'.

    Raises: UsageError for an address at which no study can be.

    Example:
        >>> print(place_of("s3://laboratory/faces/"), place_of("my-study"))
        s3://laboratory/faces None
    """
    text = directory if isinstance(directory, str) else directory.as_posix()
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    protocol, path = found[1].lower(), found[2].rstrip("/")
    if "@" in path.partition("/")[0] or "?" in path:
        raise UsageError(
            "the address of the study contains credentials or options; give protocol://bucket/prefix alone, and "
            "credentials by the environment (AWS_PROFILE, AWS_ACCESS_KEY_ID …)"
        )
    if protocol in _NO_STORES:
        raise UsageError(
            f"no study can be kept at {protocol}://; expected a directory, or an address such as s3://bucket/prefix"
        )
    if any(part in ("", ".", "..") or part.startswith(".") or "\\" in part for part in path.split("/")):
        raise UsageError(f"{protocol}://{path} is no address of a study; expected such as s3://bucket/prefix")
    return Place(protocol, path)


def server_of(place: Place) -> list[str]:
    """What of the environment leads an address to one server or another, without what must remain secret.

    Args:
        place: the address.
    """
    found = [os.environ.get(name, "") for name in _SERVERS.get(place.protocol, ())]
    return [
        re.sub(r"(AccountKey|SharedAccessSignature)=[^;]*;?", "", each, flags=re.IGNORECASE) for each in found
    ]


def file_system(place: Place) -> Any:
    """The file system of fsspec for an address; it connects when it is first used.

    Args:
        place: the address.

    Raises: UsageError for an unknown protocol, for a package that is not installed, and for an unknown account.
    """
    import fsspec

    try:
        kind = fsspec.get_filesystem_class(place.protocol)
    except ImportError as error:
        package = _PACKAGES.get(place.protocol, f"the package of fsspec for {place.protocol}")
        raise UsageError(
            f"{place} needs a package that is not installed; install it: pip install '{package}'"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"the protocol of {place} is unknown; expected an address such as s3://bucket/prefix"
        ) from error
    if place.protocol in AZURE and not any(server_of(place)):
        raise UsageError(
            f"the account of {place} is unknown; set AZURE_STORAGE_ACCOUNT_NAME, or AZURE_STORAGE_CONNECTION_STRING"
        )
    if (
        place.protocol in GOOGLE
    ):  # what gcsfs has in its place asks Google by another way, even of an emulator
        kind = importlib.import_module("gcsfs.core").GCSFileSystem
    return kind(use_listings_cache=False, **_options(place))


def _options(place: Place) -> dict[str, Any]:
    """What may differ between two studies of one process."""
    if place.protocol in AMAZON:
        server = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        profile = os.environ.get("AWS_PROFILE")
        return {"config_kwargs": _PATIENCE, "endpoint_url": server, "profile": profile}
    if place.protocol in AZURE:
        account, connection = (os.environ.get(name) for name in _SERVERS["az"])
        return {"account_name": account, "connection_string": connection}
    return {}
