"""What went wrong in a request to object storage, in one line.

No text of the libraries of a storage gets into a message: it may quote a request with what signs it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from toolbox.errors import ObjectStorageError, ToolboxError
from toolbox.remote.place import AZURE, GOOGLE, Place

_NO_CREDENTIALS = {
    *("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError"),
    *(
        "CredentialRetrievalError",
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "DefaultCredentialsError",
    ),
    *("401", "CredentialUnavailableError", "NoAuthenticationInformation"),
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
    *("AuthenticationFailed", "AuthorizationFailure", "AuthorizationPermissionMismatch"),
}
_NO_BUCKET = {"NoSuchBucket", "InvalidBucketName", "ContainerNotFound", "InvalidResourceName"}
_CONDITION = {
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "ConditionNotMet",
    "ResourceModifiedError",
    "412",
}
_UNNAMED = {"Forbidden", "Bad Request"}
"""How gcsfs begins the texts of errors without a class or a code of their own."""
_SKEW = {"RequestTimeTooSkewed", "RequestExpired"}
_OTHER_REGION = {
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
}
_LIBRARIES = (
    *(
        "botocore",
        "aiobotocore",
        "aiohttp",
        "s3fs",
        "gcsfs",
        "adlfs",
        "google",
        "azure",
        "fsspec",
        "requests",
    ),
)
_CREDENTIALS = {
    **dict.fromkeys(
        GOOGLE, "GOOGLE_APPLICATION_CREDENTIALS, or log in by 'gcloud auth application-default login'"
    ),
    **dict.fromkeys(
        AZURE, "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
    ),
}
_SERVER = {
    **dict.fromkeys(GOOGLE, "STORAGE_EMULATOR_HOST"),
    **dict.fromkeys(AZURE, "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_CONNECTION_STRING"),
}


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
        is_answer = _is_of_library(error) or found & _UNNAMED
        if not isinstance(error, OSError | TimeoutError) and not is_answer:
            raise
        number, what = _reason(place, error, found)
        raise ObjectStorageError(number, f"{place}: {what}") from error


def _reason(place: Place, error: Exception, found: set[str]) -> tuple[int, str]:
    """The error number that is most like it, what happened, and what to do."""
    if found & _NO_BUCKET:
        return errno.ENOENT, _no_bucket(place)
    if found & _NO_CREDENTIALS:
        amazon = (
            "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what your storage has instead"
        )
        return errno.EACCES, f"no credentials were found; set {_CREDENTIALS.get(place.protocol, amazon)}"
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
            f"({_SERVER.get(place.protocol, 'AWS_ENDPOINT_URL')}), and try again"
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
    if isinstance(answer, dict) and "Code" in answer.get("Error", {}):  # of S3
        yield str(answer["Error"]["Code"])
    if _is_of_library(error):
        for name in ("error_code", "code"):  # of Azure, of Google
            if code := getattr(error, name, None):
                yield str(getattr(code, "value", code))
    if type(error).__module__ != "builtins":
        yield type(error).__name__
    elif type(error) in (OSError, ValueError) and (name := str(error).partition(": ")[0]) in _UNNAMED:
        yield name


def _is_of_library(error: BaseException) -> bool:
    return type(error).__module__.startswith(_LIBRARIES)


def missing_bucket(place: Place) -> ObjectStorageError:
    """The error for an address whose bucket does not exist.

    Args:
        place: the address.
    """
    return ObjectStorageError(errno.ENOENT, f"{place}: {_no_bucket(place)}")


def _no_bucket(place: Place) -> str:
    kind = "container" if place.protocol in AZURE else "bucket"
    return f"there is no {kind} {place.bucket}; create it first, or correct the address"
