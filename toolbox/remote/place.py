"""Addresses of studies in object storage, and what went wrong there, in one line. Owns fsspec's file systems for them.

Credentials are those of the environment, as the libraries of the storage find them; none is ever read, kept or shown
here. No text of such a library gets into a message either: it may quote a request with what signs it.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbox.distribution import DISTRIBUTION
from toolbox.errors import ObjectStorageError, ToolboxError, UsageError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE | re.DOTALL)
"""A path makes one slash of two; one letter is a drive of Windows."""
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), f"{DISTRIBUTION}[s3]"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "adlfs"),
}
_NO_STORES = ("file", "local", "memory", "http", "https", "data")
"""What fsspec knows, but where no study can be kept that others see and change."""
_PATIENCE = {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 3, "mode": "standard"}}

_NO_CREDENTIALS = {
    *("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError"),
    *(
        "CredentialRetrievalError",
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "DefaultCredentialsError",
    ),
}
_REFUSALS = {
    *("AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"),
    *(
        "InvalidToken",
        "TokenRefreshRequired",
        "AccountProblem",
        "403",
        "Forbidden",
        "ClientAuthenticationError",
    ),
}
_NO_BUCKET = {"NoSuchBucket", "InvalidBucketName", "ContainerNotFound"}
_CONDITION = {"PreconditionFailed", "ConditionalRequestConflict", "ConditionNotMet", "412"}
_SKEW = {"RequestTimeTooSkewed", "RequestExpired"}
_OTHER_REGION = {
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
}
_LIBRARIES = ("botocore", "aiobotocore", "aiohttp", "s3fs", "gcsfs", "adlfs", "google", "azure", "fsspec")


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


def file_system(place: Place) -> Any:
    """The file system of fsspec for an address; it connects when it is first used.

    Raises: UsageError for an unknown protocol, and where its package is not installed.
    """
    import fsspec

    options: dict[str, Any] = {"use_listings_cache": False}
    if place.protocol in ("s3", "s3a"):  # with what else may differ between two studies of one process
        server = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        profile = os.environ.get("AWS_PROFILE")
        options |= {"config_kwargs": _PATIENCE, "endpoint_url": server, "profile": profile}
    try:
        return fsspec.filesystem(place.protocol, **options)
    except ImportError as error:
        package = _PACKAGES.get(place.protocol, f"the package of fsspec for {place.protocol}")
        raise UsageError(
            f"{place} needs a package that is not installed; install it: pip install '{package}'"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"the protocol of {place} is unknown; expected an address such as s3://bucket/prefix"
        ) from error


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """Raise what went wrong at a place in one line; that an object is missing, or a condition, is raised as it is.

    Raises: ObjectStorageError; FileNotFoundError; FileExistsError when the condition of a request did not hold.
    """
    try:
        yield
    except ToolboxError:
        raise
    except Exception as error:
        found = {name for each in _chain(error) for name in _names(each)}
        if isinstance(error, FileExistsError) or (
            isinstance(error, FileNotFoundError) and not found & _NO_BUCKET
        ):
            raise
        if found & _CONDITION:  # which s3fs knows of some servers only
            raise FileExistsError(errno.EEXIST, "a condition did not hold", str(place)) from error
        if not isinstance(error, OSError | TimeoutError) and not _is_of_library(error):
            raise
        number, what = _reason(place, error, found)
        raise ObjectStorageError(number, f"{place}: {what}") from error


def _reason(place: Place, error: Exception, found: set[str]) -> tuple[int, str]:
    """The error number that is most like it, what happened, and what to do."""
    if found & _NO_BUCKET:
        return errno.ENOENT, f"there is no bucket {place.bucket}; make it first, or correct the address"
    if found & _NO_CREDENTIALS:
        return errno.EACCES, (
            "no credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what your "
            "storage has instead"
        )
    if found & _SKEW:
        return (
            errno.EIO,
            "the clock of this computer is wrong, so every request is refused; set it, and try again",
        )
    if found & _OTHER_REGION:
        return errno.EIO, f"the bucket {place.bucket} is in another region; set AWS_DEFAULT_REGION to it"
    if found & _REFUSALS or isinstance(error, PermissionError):
        return errno.EACCES, "access is refused; check the credentials, and what they permit in this bucket"
    if _is_unreachable(found, error):
        return errno.EIO, (
            "the object storage does not answer; check the network, and the address of the storage "
            "(AWS_ENDPOINT_URL), and try again"
        )
    code = ", ".join(sorted(name for name in found if name != "ClientError")) or type(error).__name__
    return errno.EIO, f"the object storage reports an error ({code}); try again later"


def _is_unreachable(found: set[str], error: Exception) -> bool:
    """Whether no answer came."""
    words = ("Connect", "Timeout", "HTTPClient", "ServiceRequest", "DNS")
    return isinstance(error, TimeoutError | ConnectionError) or any(
        word in name for name in found for word in words
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _names(error: BaseException) -> Iterator[str]:
    """What an error is called: the code of the answer of the storage, and its class."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict) and "Code" in answer.get("Error", {}):
        yield str(answer["Error"]["Code"])
    if not isinstance(error, OSError) or type(error).__module__ != "builtins":
        yield type(error).__name__


def _is_of_library(error: BaseException) -> bool:
    return type(error).__module__.startswith(_LIBRARIES)
