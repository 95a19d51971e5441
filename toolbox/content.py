"""The location of the content: `models/`, `datasets/`, `queries/`. Owns finding it; never interprets it.

The three folders are inside the package in an installed wheel, and beside the package in a checkout. Networks that a
user added are in a separate folder.
"""

from __future__ import annotations

import os
import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, Literal

from toolbox.distribution import DISTRIBUTION
from toolbox.errors import CardError, UnknownNameError, UsageError

ContentKind = Literal["models", "datasets", "queries"]
Card = dict[str, Any]
_MOST_BYTES = 100
"""Of a name in UTF-8: file systems take 255 for a name with its prefix and ending."""
_KEY_PARTS = 20
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{_KEY_PARTS}}}", re.ASCII)
"""A dotted key of so many parts; every character is read once for each place where a key can begin."""
_LARGEST_CARD = 2**22  # bytes; that of a network of a thousand layers has a tenth
_VALUE_WITH_LETTERS = re.compile(
    r"true|false|null|nil|none|na|nan|inf|infinity|epoch|[0-9.]+e[0-9]+|0x[0-9a-f]+|\d{4}-\d\d-\d\dT.*",
    re.IGNORECASE,
)
"""What a reader of a folder `set=…` takes for a truth value, nothing, a number or a time."""


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


def reference_files(model: str) -> dict[str, Path]:
    """The reference responses of a network that ship, and those beside the cards of added networks, by name.

    Args:
        model: name of the network; its reference `natural` is `models/<model>.natural.parquet`.
    """
    folders = (own_models(), content_folder("models"))  # a shipped one is what its name means
    names = (
        (path.name.removeprefix(f"{model}."), path) for folder in folders for path in _parquet_files(folder)
    )
    found = {name.removesuffix(".parquet"): path for name, path in names if name != path.name}
    return dict(sorted(found.items()))


def _parquet_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def check_name(kind: str, name: str) -> str:
    """Check that a new name can be part of a path on every operating system and remains a text in every reader.

    Args:
        kind: what the name is for, for the message.
        name: the name to check.

    Returns: the name with composed accents.
    Raises: UsageError for empty names, spaces, slashes and similar, and for numbers, dates and words such as `true`.

    Example:
        >>> check_name("stimulus set", "köpfe")
        'köpfe'
    """
    name = check_path_part(kind, name)
    plain = unicodedata.normalize("NFKC", name)
    if not any(map(_is_letter, plain)) or _VALUE_WITH_LETTERS.fullmatch(plain):
        raise UsageError(
            f"{name!r} is not a valid name for a {kind}: programs that read the folders of a study take it for a "
            "number, a truth value, a date or a missing value; choose a name such as "
            f"{f'{kind.rsplit(maxsplit=1)[-1]}-{name}'!r}"
        )
    return name


def check_path_part(kind: str, name: str) -> str:
    """Check that a name can be part of a path on every operating system.

    Args:
        kind: what the name is for, for the message.
        name: the name to check.

    Returns: the name with composed accents.
    Raises: UsageError for empty names, spaces, slashes and similar.
    """
    name = unicodedata.normalize("NFC", name)
    if not _is_path_part(name):
        raise UsageError(
            f"{name!r} is not a valid name for a {kind}; use letters, digits, '.', '_' and '-', "
            f"start with a letter or a digit, do not end with '.', and use at most {_MOST_BYTES} bytes"
        )
    return name


def _is_path_part(name: str) -> bool:
    """Whether a name has only letters, marks on letters, digits and `._-`, in an order that every system takes."""
    if not name or len(name.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
        return False
    kinds = [unicodedata.category(character)[0] for character in name]
    is_plain = all(kind in "LMN" or character in "._-" for kind, character in zip(kinds, name, strict=True))
    return is_plain and kinds[0] in "LN" and not name.endswith(".")


def _is_letter(character: str) -> bool:
    return unicodedata.category(character).startswith("L")


def card(kind: ContentKind, name: str) -> Card:
    """The content of a card; with `like = "other"`, missing keys are taken from the other card.

    Args:
        kind: the kind of content.
        name: a name or a path, as for `card_path`.

    Raises: UnknownNameError; CardError when the card is not valid TOML or lacks a `name`.
    """
    cards: list[Card] = []
    path = card_path(kind, name)
    passed = [path]
    while True:
        cards.append(_read_card(path))
        if "like" not in cards[-1]:
            return {key: value for each in reversed(cards) for key, value in each.items()}
        path = card_path(kind, str(cards[-1].pop("like")))
        if any(path.samefile(each) for each in passed):
            raise CardError(
                f'{passed[-1]} has like = "{path.stem}", which leads back to itself; name another card'
            )
        passed.append(path)


def parse_toml(text: str) -> dict[str, Any]:
    """The content of a TOML file of somebody else, such as a card.

    Args:
        text: of the file.

    Raises: ValueError for what is not TOML, for lists in thousands of lists, for a number of thousands of digits, and
        for a key of very many parts, for which Python's parser takes memory with the square of their number.
    """
    if _LONG_KEY.search(text):
        raise ValueError(f"it has a key of more than {_KEY_PARTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _read_card(path: Path) -> Card:
    """The content of a card's own file."""
    if path.stat().st_size > _LARGEST_CARD:
        raise CardError(
            f"{path} is larger than {_LARGEST_CARD >> 20} MB; expected the card of a network or a set"
        )
    try:
        own = parse_toml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CardError(f"{path} is not valid TOML ({error}); correct it there") from error
    if "name" not in own:
        raise CardError(f'{path} has no name; add a line such as name = "{path.stem}"')
    try:
        own["name"] = check_path_part("card", str(own["name"]))
    except UsageError as error:
        raise CardError(f"{path}: {error}") from error
    return own
