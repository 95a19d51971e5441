"""Names in a bundle that become folders of a study. Owns refusing those that are none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from toolbox.content import check_name, check_path_part
from toolbox.errors import UsageError
from toolbox.exchange.importing.faults import BundleError, shortened


def checked_name(file: str, kind: str, name: object) -> str:
    """The name of a set, model, scheme or parameter.

    Args:
        file: name of the file, for the message.
        kind: what the name is for.
        name: what should be the name.

    Raises: BundleError.
    """
    return _checked(file, kind, name, check_name)


def checked_layer(file: str, name: object) -> str:
    """The name of a layer.

    Args:
        file: name of the file, for the message.
        name: what should be the name.

    Raises: BundleError.
    """
    return _checked(file, "layer", name, check_path_part)


def _checked(file: str, kind: str, name: object, check: Callable[[str, str], str]) -> str:
    if isinstance(name, str):
        with contextlib.suppress(UsageError):
            if check(kind, name) == name:  # composed, as folders have it
                return name
    problem = f"has the {kind} {shortened(name)}, which is no valid name of one"
    raise BundleError(file, problem, "do not trust this bundle")
