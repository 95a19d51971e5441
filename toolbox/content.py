"""Where the content lies: `models/`, `datasets/`, `queries/`. Owns finding it; never interprets it.

In an installed wheel the three folders are inside the package, in a checkout they lie beside it. Networks that a user
added lie in a folder of their own.
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
    """Where networks lie that a user added: `TOOLBOX_MODELS`, else the user's data folder of this system."""
    chosen = os.environ.get("TOOLBOX_MODELS")
    if chosen:
        return Path(chosen)
    import platformdirs

    return platformdirs.user_data_path(DISTRIBUTION, appauthor=False) / "models"


def shipped_names(kind: ContentKind) -> list[str]:
    """Names of all cards that ship, in alphabetical order."""
    return sorted(path.stem for path in content_folder(kind).glob("*.toml"))


def card_names(kind: ContentKind) -> list[str]:
    """Names of all cards: those that ship, then those of networks that a user added, in alphabetical order each."""
    shipped = shipped_names(kind)
    own = sorted(path.stem for path in own_models().glob("*.toml")) if kind == "models" else []
    return [*shipped, *(name for name in own if name not in shipped)]


def card_path(kind: ContentKind, name: str) -> Path:
    """The file of a card.

    Args:
        kind: where it belongs.
        name: of a shipped or added card, or the path of a user's own `.toml`.

    Raises: UnknownNameError when there is neither.
    """
    if name.endswith(".toml"):
        own = Path(name)
        if own.is_file():
            return own
        raise UnknownNameError("card", name, card_names(kind), "a path must lead to an existing .toml file")
    if name not in card_names(kind):
        raise UnknownNameError(f"card in {kind}/", name, card_names(kind))
    shipped = content_folder(kind) / f"{name}.toml"
    return shipped if shipped.is_file() else own_models() / f"{name}.toml"


def check_name(kind: str, name: str) -> str:
    """A name that may become part of a path on any system.

    Args:
        kind: of what it names, for the message.
        name: to be checked.

    Raises: UsageError for empty names, spaces, slashes and the like.
    """
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise UsageError(
            f"{name!r} cannot name a {kind}; use letters, digits, '.', '_' and '-', "
            "with a letter or digit first and no '.' last"
        )
    return name


def card(kind: ContentKind, name: str) -> Card:
    """The content of a card; with `like = "other"`, what it does not say itself is taken from that card.

    Args:
        kind: where it belongs.
        name: as `card_path` takes it.

    Raises: UnknownNameError, CardError when it is not TOML or lacks a `name`.
    """
    path = card_path(kind, name)
    own = _read_card(path)
    if "like" in own:
        own = {**card(kind, str(own.pop("like"))), **own}
    return own


def _read_card(path: Path) -> Card:
    """What a card itself says."""
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"{path} is not valid TOML: {error}") from error
    if "name" not in own:
        raise CardError(f'{path} has no name; add a line such as name = "{path.stem}"')
    try:
        check_name("card", str(own["name"]))
    except UsageError as error:
        raise CardError(f"{path}: {error}") from error
    return own
