"""Copies of a study that was made once for several tests."""

from __future__ import annotations

import shutil
from pathlib import Path

from toolbox import Study


def copied_study(template: Path, folder: Path) -> Study:
    """The study `study` of a folder, copied into another one, where it finds the images that are there.

    Args:
        template: where it was made, from images in this folder.
        folder: where the copy goes; the images lie there by the same names.
    """
    root = shutil.copytree(template / "study", folder / "study")
    file = root / "study.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace(template.as_posix(), folder.as_posix()), encoding="utf-8"
    )
    return Study(root)
