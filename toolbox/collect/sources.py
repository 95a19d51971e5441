"""What images are ingested from: a folder, a manifest or a card. Writes nothing but the images of a card."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from toolbox.content import card_names
from toolbox.errors import UnknownNameError, UsageError
from toolbox.fetch import describe
from toolbox.files import digest_of
from toolbox.progress import Progress
from toolbox.stimuli.cards import list_card, stimulus_card
from toolbox.stimuli.manifest import list_manifest
from toolbox.stimuli.sources import Listing, list_folder
from toolbox.store.roots import Roots
from toolbox.tables import OTHER_SPREADSHEETS, TABLE_SUFFIXES, check_table_name
from toolbox.terms import Missing

SourceType = Literal["folder", "manifest", "card"]
"""Sources of stimuli."""


def source_type(source: str | Path) -> SourceType:
    """The type of a source; an existing path takes precedence over a shipped card of the same name.

    Raises: UnknownNameError when it is none.
    """
    path = Path(source)
    if path.is_dir():
        return "folder"
    if path.suffix.lower() in (*TABLE_SUFFIXES, *OTHER_SPREADSHEETS):
        check_table_name(path, "a manifest")
        return "manifest"
    names = card_names("datasets")
    if path.suffix == ".toml" or str(source) in names:
        return "card"
    remedy = f"the name of a manifest ends in {', '.join(TABLE_SUFFIXES)}"
    raise UnknownNameError("folder, manifest or stimulus card", str(source), names, remedy)


def set_of_source(kind: SourceType, source: str | Path, chosen: str | None) -> str:
    """The name of the stimulus set: the chosen one, else that in the card.

    Args:
        kind: the type of the source.
        source: the folder, manifest or card.
        chosen: the chosen name; None for that in the card.

    Raises: UsageError when a folder or manifest has no name; what `stimulus_card` raises.
    """
    if chosen is not None:
        return chosen
    if kind != "card":
        raise UsageError(
            f"{source} is a {kind} without a set name; name the stimulus set with set=… (--set …)"
        )
    return str(stimulus_card(str(source))["name"])


def describe_source(kind: SourceType, source: str | Path, roots: Roots) -> dict[str, Any]:
    """What the provenance of the set records about a source.

    Args:
        kind: the type of the source.
        source: the folder, manifest or card.
        roots: the roots of the study, whose places are not recorded.
    """
    path = Path(source).resolve()
    if kind == "folder":
        return {"folder": roots.anonymous(path.as_posix(), path.parent)}
    if kind == "manifest":
        file = Path(source)
        digest = {"sha256": digest_of(file)} if file.is_file() else {}
        return {"manifest": roots.anonymous(path.as_posix(), path.parent)} | digest
    card = stimulus_card(str(source))
    archive = {"source": describe(card["source"])} if "source" in card else {}
    return {"card": card["name"], "citation": card["citation"], "licence": card["licence"]} | archive


def list_source(
    kind: SourceType, source: str | Path, images: Path, *, missing: Missing | None, progress: Progress
) -> Listing:
    """The candidates in a source.

    Args:
        kind: the type of the source.
        source: the folder, manifest or card.
        images: the folder into which the images of a card are written.
        missing: what a category such as `nan` or `None` means, as of `read_categories`; None for a card.
        progress: is called with the progress of downloading, drawing and unpacking.

    Raises: UsageError for a card with `missing`; what `list_folder`, `list_manifest` and `list_card` raise.
    """
    if kind == "folder":
        return list_folder(Path(source), missing)
    if kind == "manifest":
        return list_manifest(Path(source), missing)
    if missing is not None:
        raise UsageError(
            f"{source} is a card, whose categories mean what they are called; leave out missing (--missing), which is "
            "for folders and manifests"
        )
    return list_card(str(source), images, progress)
