"""The location of the content: `models/`, `datasets/`, `queries/`. Owns finding it; never interprets it.

The three folders are inside the package in an installed wheel, and beside the package in a checkout. Networks that a
user added are in a separate folder.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from toolbox.distribution import DISTRIBUTION
from toolbox.errors import CardError, UnknownNameError, UsageError

ContentKind = Literal["models", "datasets", "queries"]
Card = dict[str, Any]
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")


@cache
def content_folder(kind: ContentKind) -> Path:
    """The folder of one kind of content: inside the wheel, else beside the package."""
    package = Path(__file__).parent
    inside = package / kind
    return inside if inside.is_dir() else package.parent / kind


def own_models() -> Path:
    """The folder of added networks: `TOOLBOX_MODELS`, else the user's data folder of the operating system."""
    chosen = os.environ.get("TOOLBOX_MODELS")
    if chosen:
        return Path(chosen)
    import platformdirs

    return platformdirs.user_data_path(DISTRIBUTION, appauthor=False) / "models"


def shipped_names(kind: ContentKind) -> list[str]:
    """Names of all shipped cards, in alphabetical order."""
    return sorted(path.stem for path in content_folder(kind).glob("*.toml"))


def card_names(kind: ContentKind) -> list[str]:
    """Names of all cards: first the shipped ones, then those of added networks, each in alphabetical order."""
    shipped = shipped_names(kind)
    own = sorted(path.stem for path in own_models().glob("*.toml")) if kind == "models" else []
    return [*shipped, *(name for name in own if name not in shipped)]


def card_path(kind: ContentKind, name: str) -> Path:
    """The file of a card.

    Args:
        kind: the kind of content.
        name: name of a shipped or added card, or the path of a user's own `.toml`.

    Raises: UnknownNameError when neither exists.
    """
    if name.endswith(".toml"):
        own = Path(name)
        if own.is_file():
            return own
        raise UnknownNameError("card", name, card_names(kind), "a path must name an existing .toml file")
    if name not in card_names(kind):
        raise UnknownNameError(f"card in {kind}/", name, card_names(kind))
    shipped = content_folder(kind) / f"{name}.toml"
    return shipped if shipped.is_file() else own_models() / f"{name}.toml"


def check_name(kind: str, name: str) -> str:
    """Check that a name can be part of a path on every operating system, and return it.

    Args:
        kind: what the name is for, for the message.
        name: the name to check.

    Raises: UsageError for empty names, spaces, slashes and similar.
    """
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise UsageError(
            f"{name!r} is not a valid name for a {kind}; use letters, digits, '.', '_' and '-', "
            "start with a letter or a digit, and do not end with '.'"
        )
    return name


def card(kind: ContentKind, name: str) -> Card:
    """The content of a card; with `like = "other"`, missing keys are taken from the other card.

    Args:
        kind: the kind of content.
        name: a name or a path, as for `card_path`.

    Raises: UnknownNameError; CardError when the card is not valid TOML or lacks a `name`.
    """
    path = card_path(kind, name)
    own = _read_card(path)
    if "like" in own:
        own = {**card(kind, str(own.pop("like"))), **own}
    return own


def _read_card(path: Path) -> Card:
    """The content of a card's own file."""
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"{path} is not valid TOML ({error}); correct it there") from error
    if "name" not in own:
        raise CardError(f'{path} has no name; add a line such as name = "{path.stem}"')
    try:
        check_name("card", str(own["name"]))
    except UsageError as error:
        raise CardError(f"{path}: {error}") from error
    return own
