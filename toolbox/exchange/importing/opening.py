"""A study, or the study that a bundle makes. Owns that whoever compares or merges results need not know which it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolbox.exchange.importing.run import import_bundle
from toolbox.exchange.importing.unpacking import is_bundle
from toolbox.files import local_folder
from toolbox.store.folder import StudyFolder
from toolbox.store.migration import open_study


@contextmanager
def opened_study(path: Path) -> Iterator[StudyFolder]:
    """A study in a directory itself; or a bundle, verified and taken into a temporary study.

    Args:
        path: the directory of a study, or its address in object storage; or a bundle: a zip, or a directory.

    Raises: UsageError when it is neither; BundleError for a bundle that does not verify.
    """
    path = local_folder(path)
    if not is_bundle(path):
        yield open_study(path)
        return
    with tempfile.TemporaryDirectory(prefix="toolbox-study-") as folder:
        study = StudyFolder(Path(folder) / "study")
        import_bundle(study, path)
        yield study
