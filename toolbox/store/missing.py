"""What to report of a directory that is not a study. Owns the search for the study that is meant; makes none."""

from __future__ import annotations

import os
import shlex
from difflib import get_close_matches
from pathlib import Path

from toolbox.errors import UsageError

VARIABLE = "TOOLBOX_STUDY"
"""Environment variable from which commands take the directory of a study."""
SUGGESTED = 3
"""Most studies that a message suggests."""


def missing_study(root: Path, *, is_free: bool) -> UsageError:
    """The error for a directory that is not a study: which study may be meant, and how to make one.

    Args:
        root: the directory.
        is_free: whether it is missing or empty, so that a study can be made of it.
    """
    place = f"the current directory ({root.absolute()})" if root == Path() else str(root)
    if os.environ.get(VARIABLE) == str(root):
        place += f" (the value of {VARIABLE})"
    what = f"{place} is not a study (it has no study.toml)" if root.exists() else f"no study at {place}"
    return UsageError("; ".join([what, *_remedies(root, is_free)]))


def _remedies(root: Path, is_free: bool) -> list[str]:
    """What to do instead."""
    near = _studies_near(root)
    remedies = [f"did you mean {' or '.join(map(str, near))}?"] if near else []
    if is_free:
        remedies.append(
            f"to make one: toolbox init {shlex.quote(str(root))}, or ingest with --create (in Python: create=True)"
        )
    elif not near:
        remedies.append(f"choose the directory of a study with --study, or with {VARIABLE}")
    return remedies


def _studies_near(root: Path) -> list[Path]:
    """The studies that may be meant: in the directory, else beside it with a similar name, else around it."""
    inside = sorted(file.parent for file in root.glob("*/study.toml"))
    beside = {file.parent.name: file.parent for file in root.parent.glob("*/study.toml")}
    similar = [beside[name] for name in get_close_matches(root.name, beside, n=SUGGESTED)]
    around = [folder for folder in root.absolute().parents if (folder / "study.toml").is_file()]
    return inside[:SUGGESTED] or similar or around[:1]
