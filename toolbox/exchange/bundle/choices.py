"""What may be chosen of a bundle. Owns refusing what cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolbox.errors import UsageError, expected_names
from toolbox.exchange.bundle.credits import Credits, check_credits, stated_credits
from toolbox.exchange.bundle.layout import INCLUDED

SharedNames = str | Sequence[str] | None
"""One name, several, or None for all."""


@dataclass(frozen=True)
class Sharing:
    """The options of a bundle.

    Attributes:
        including: what it includes beside roll-ups: 'significance', 'relations', 'responses'.
        set: the stimulus sets; all if None.
        model: the models; all if None.
        scheme: the label schemes; all if None.
        minimum_n: cells of fewer stimuli are withheld.
        include_images: whether copies of the images are part of it.
        keep_names: whether names of users, computers and observers, and absolute paths, stay as they are.
        report: whether the page of the report is part of it.
        title: of the results; that of the study if None.
        author: whose they are: 'Family, Given; ORCID' each; not stated if None.
        licence: an SPDX identifier, or the address of another licence; not stated if None.
    """

    including: SharedNames = None
    set: SharedNames = None
    model: SharedNames = None
    scheme: SharedNames = None
    minimum_n: int = 1
    include_images: bool = False
    keep_names: bool = False
    report: bool = False
    title: str | None = None
    author: SharedNames = None
    licence: str | None = None

    @property
    def included(self) -> tuple[str, ...]:
        """What the bundle includes; roll-ups always."""
        wanted = {"rollups", *several(self.including)}
        return tuple(name for name in INCLUDED if name in wanted)

    @property
    def credits(self) -> Credits:
        """What the owner states of the results.

        Raises: UsageError.
        """
        return stated_credits(self.title, several(self.author), self.licence)


def several(names: SharedNames) -> tuple[str, ...]:
    """SharedNames as a tuple; none for None."""
    return (names,) if isinstance(names, str) else tuple(names or ())


def check_sharing(sharing: Sharing) -> None:
    """Refuse options that cannot be.

    Args:
        sharing: the options.

    Raises: UsageError.
    """
    for name in several(sharing.including):
        if name not in INCLUDED:
            raise UsageError(f"a bundle with {name!r} is unknown; {expected_names(name, INCLUDED)}")
    check_credits(sharing.title, several(sharing.author), sharing.licence)
    if sharing.minimum_n < 1:
        raise UsageError(f"minimum_n is {sharing.minimum_n}; expected a number of stimuli, 1 or more")
    if sharing.minimum_n > 1 and "responses" in sharing.included:
        raise UsageError(
            "a bundle with responses has the response to every single stimulus, so nothing can be withheld from it; "
            "leave out responses (--with responses) or minimum_n (--minimum-n)"
        )
    if sharing.minimum_n > 1 and sharing.report:
        raise UsageError(
            "the report shows all categories of the study, also small ones; leave out report (--report) or minimum_n "
            "(--minimum-n)"
        )


def check_bundle_output(output: Path) -> None:
    """Refuse a name at which there is something, or that is neither a zip nor a directory.

    Args:
        output: the file or directory.

    Raises: UsageError.
    """
    if output.exists() or output.is_symlink():
        raise UsageError(f"{output} exists already, and a bundle replaces nothing; choose another name")
    if output.suffix and output.suffix.lower() != ".zip" and output.suffix[1:].isalpha():
        raise UsageError(
            f"{output} is neither a zip nor a directory; choose a file name that ends in .zip, or a name without suffix"
        )
