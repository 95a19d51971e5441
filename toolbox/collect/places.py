"""Where the images of a source are, and the paths to store for them. Writes nothing but images of a card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from toolbox.errors import StimulusError
from toolbox.stimuli.cards import check_unchanged
from toolbox.stimuli.containers.naming import container_of
from toolbox.stimuli.contents import content_digest, is_there
from toolbox.stimuli.ledger import Ledger
from toolbox.store.folder import StudyFolder
from toolbox.store.roots import Roots


@dataclass(frozen=True)
class ImagePlaces:
    """Where the images of a source are.

    Attributes:
        roots: the roots to which stored paths are relative.
        folder: the folder into which the images of a card are written.
        kept: the folder of these images in the study, from which that of a dry run differs.
    """

    roots: Roots
    folder: Path
    kept: Path

    def find_roots(self, ledger: Ledger, files: Iterable[Path], source: str | Path) -> ImagePlaces:
        """The same with roots for all images: those of the study, some of which may have moved, and new ones.

        Args:
            ledger: the set before the files are entered.
            files: absolute paths of the images.
            source: the folder, manifest or container that names them.
        """
        outside = [path for path in files if not path.is_relative_to(self.folder)]
        digests = {row["path"]: row["sha256"] for row in ledger.rows}
        moved = self.roots.followed(digests, outside, _digest_of)
        roots = moved.extended(dict.fromkeys(map(container_of, outside)), _folder_of(source))
        ledger.look_elsewhere(lambda path: is_there(roots.file(path)))
        return replace(self, roots=roots)

    def stored_path(self, path: Path) -> str:
        """The path to store for a file; an image of the card counts as one in the folder of the set."""
        if not path.is_relative_to(self.folder):
            return self.roots.stored(path)
        kept = self.kept / path.relative_to(self.folder)
        if kept != path and kept.is_file():
            check_unchanged(kept, path)
        return self.roots.stored(kept)

    def stored_name(self, name: str, source: str | Path) -> str:
        """The path of a rejected file, or the row of a table, as a report names it.

        Args:
            name: what starts with an absolute path.
            source: the folder, manifest or container in which it was found.
        """
        kept = name.replace(f"{self.folder.as_posix()}/", f"{self.kept.as_posix()}/")
        return self.roots.anonymous(kept, _folder_of(source))


@contextmanager
def image_places(study: StudyFolder, set_name: str, dry_run: bool) -> Iterator[ImagePlaces]:
    """Where images are before a source is listed; those of a card are in the folder of the set, or in a temporary one.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        dry_run: whether nothing is written into the study.
    """
    kept = study.images(set_name)
    if not dry_run:
        yield ImagePlaces(study.roots, kept, kept)
        return
    with TemporaryDirectory(prefix="toolbox-") as folder:
        yield ImagePlaces(study.roots, Path(folder).resolve() / "images", kept)


def _digest_of(path: Path) -> str:
    """The sha256 of an image; empty where it cannot be read."""
    try:
        return content_digest(path)
    except (OSError, StimulusError):
        return ""


def _folder_of(source: str | Path) -> Path:
    """The folder of a source; that of a manifest or container is where its file is."""
    path = container_of(Path(source).resolve())
    return path if path.is_dir() else path.parent
