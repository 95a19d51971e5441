"""Copies of images in a bundle, made only when asked for. Owns their names, and that each is the right one."""

from __future__ import annotations

import re
from pathlib import Path

from toolbox.errors import VerificationError
from toolbox.exchange.bundle.sources import TableSources
from toolbox.stimuli.contents import content_digest, is_there, read_content
from toolbox.stimuli.readers import suffix_of
from toolbox.store.stimuli import images_remedy, stimuli_of


def write_images(sources: TableSources, folder: Path) -> dict[str, str]:
    """Copy the images of all stimuli that are not withheld; each once, named by its digest.

    Args:
        sources: what the bundle is made of.
        folder: of the bundle.

    Returns: sha256 -> name of the file.
    Raises: VerificationError for an image that is missing, or was changed since it was ingested.
    """
    study, found = sources.contents.study, dict[str, str]()
    for set_name in sources.contents.sets:
        hidden = sources.withheld.stimuli_of(set_name)
        for number, stimulus in sorted(stimuli_of(study, set_name).items()):
            if number in hidden or stimulus.sha256 in found:
                continue
            if not is_there(stimulus.file) or content_digest(stimulus.file) != stimulus.sha256:
                raise VerificationError(
                    f"{stimulus.file} is missing, or was changed since it was ingested; "
                    f"{images_remedy(study, set_name)}, or share without images"
                )
            content = read_content(stimulus.file)
            ending = re.sub("[^a-z0-9]", "", stimulus.file.suffix.lower() or suffix_of(content))
            found[stimulus.sha256] = f"image-{stimulus.sha256[:16]}.{ending or 'bin'}"
            (folder / found[stimulus.sha256]).write_bytes(content)
    return found
