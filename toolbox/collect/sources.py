"""What images are ingested from: a folder, a manifest, containers or a card. Writes nothing but images of a card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from toolbox.content import card_names
from toolbox.errors import UnknownNameError, UsageError
from toolbox.fetch import describe
from toolbox.files import digest_of
from toolbox.progress import Progress
from toolbox.stimuli.cards import list_card, stimulus_card
from toolbox.stimuli.container_source import containers_in, is_container, list_containers
from toolbox.stimuli.containers.naming import SUFFIXES
from toolbox.stimuli.manifest import list_manifest
from toolbox.stimuli.sources import Listing, list_folder
from toolbox.store.roots import Roots
from toolbox.tables import OTHER_SPREADSHEETS, TABLE_SUFFIXES, check_table_name
from toolbox.terms import Missing

SourceType = Literal["folder", "manifest", "containers", "card"]
"""Sources of stimuli."""


def single_source(source: str | Path | Sequence[str] | Sequence[Path]) -> str | Path:
    """A source, or the first of several containers.

    Args:
        source: one, or several.

    Raises: UsageError where there is none.
    """
    if isinstance(source, str | Path):
        return source
    if not source:
        raise UsageError("no source of images; expected a folder, manifest, containers or a stimulus card")
    return source[0]


def source_type(source: str | Path | Sequence[str] | Sequence[Path]) -> SourceType:
    """The type of a source; an existing path takes precedence over a shipped card of the same name.

    Args:
        source: one, or several containers.

    Raises: UnknownNameError when it is none; UsageError for several that are not all containers.
    """
    path = Path(single_source(source))
    if not isinstance(source, str | Path) and len(source) > 1:
        if other := next((each for each in map(Path, source) if not is_container(each)), None):
            raise UsageError(
                f"{other} is no container of images; expected one source, or several of {', '.join(SUFFIXES)}"
            )
        return "containers"
    if path.is_dir():
        return "containers" if containers_in(path) else "folder"
    if is_container(path):
        return "containers"
    if path.suffix.lower() in (*TABLE_SUFFIXES, *OTHER_SPREADSHEETS):
        check_table_name(path, "a manifest")
        return "manifest"
    names = card_names("datasets")
    if path.suffix == ".toml" or str(path) in names:
        return "card"
    remedy = f"the name of a manifest ends in {', '.join(TABLE_SUFFIXES)}, that of a container in {', '.join(SUFFIXES)}"
    raise UnknownNameError("folder, manifest, container or stimulus card", str(path), names, remedy)


def set_of_source(kind: SourceType, source: str | Path, chosen: str | None) -> str:
    """The name of the stimulus set: the chosen one, else that in the card.

    Args:
        kind: the type of the source.
        source: the folder, manifest, first container or card.
        chosen: the chosen name; None for that in the card.

    Raises: UsageError when a folder, manifest or container has no name; what `stimulus_card` raises.
    """
    if chosen is not None:
        return chosen
    if kind != "card":
        raise UsageError(
            f"{source} is a {kind.removesuffix('s')} without a set name; name the stimulus set with set=… (--set …)"
        )
    return str(stimulus_card(str(source))["name"])


def describe_source(
    kind: SourceType, source: str | Path | Sequence[str] | Sequence[Path], roots: Roots
) -> dict[str, Any]:
    """What the provenance of the set records about a source; of containers no digests, as every image has one.

    Args:
        kind: the type of the source.
        source: the folder, manifest, containers or card.
        roots: the roots of the study, whose places are not recorded.
    """
    if kind == "containers":
        files = [each.resolve() for each in _containers(source)]
        return {"containers": [roots.anonymous(each.as_posix(), each.parent) for each in files]}
    source = single_source(source)
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
    kind: SourceType,
    source: str | Path | Sequence[str] | Sequence[Path],
    images: Path,
    *,
    missing: Missing | None,
    progress: Progress,
) -> Listing:
    """The candidates in a source.

    Args:
        kind: the type of the source.
        source: the folder, manifest, containers or card.
        images: the folder into which the images of a card are written.
        missing: what a category such as `nan` or `None` means, as of `read_categories`; None for a card.
        progress: is called with the progress of downloading, drawing and unpacking.

    Raises: UsageError for a card with `missing`; what `list_folder`, `list_manifest`,
        `list_containers` and `list_card` raise.
    """
    if kind == "containers":
        return list_containers(_containers(source), missing)
    source = single_source(source)
    if kind == "folder":
        return list_folder(Path(source), missing)
    if kind == "manifest":
        return list_manifest(Path(source), missing)
    if missing is not None:
        raise UsageError(
            f"{source} is a card, whose categories mean what they are called; leave out missing (--missing), which is "
            "for folders, manifests and containers"
        )
    return list_card(str(source), images, progress)


def _containers(source: str | Path | Sequence[str] | Sequence[Path]) -> list[Path]:
    """The containers of a source: those in a folder, or those that are named."""
    named = [source] if isinstance(source, str | Path) else source
    return [path for each in map(Path, named) for path in (containers_in(each) if each.is_dir() else [each])]
