"""The stimuli of a set. Owns the fixed columns of their table, and what identifies the image of a stimulus.

Every column that is not fixed is a stimulus variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbox.errors import UnknownNameError
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import read_table
from toolbox.terms import FILE_BITS, PICTURE_COLUMNS, STIMULUS_COLUMNS

STIMULI = STIMULUS_COLUMNS | PICTURE_COLUMNS
"""The fixed columns, and their types as Arrow calls them."""


@dataclass(frozen=True)
class Stimulus:
    """An image of a set: its current file, and the sha256 that it had when it was ingested.

    Attributes:
        pixels_sha256: identity of the decoded picture; None in a set of an older version.
        bit_depth: bits of the grey values in a file of 16 bits; None for other files.
    """

    stimulus_id: int
    path: str
    file: Path
    sha256: str
    pixels_sha256: str | None = None
    bit_depth: int | None = None

    @property
    def identity(self) -> str:
        """What determines the pixels."""
        return image_identity({"sha256": self.sha256, "bit_depth": self.bit_depth})


def stimuli_of(study: StudyFolder, set_name: str) -> dict[int, Stimulus]:
    """The stimuli of a set by their numbers, with the files where their images are now.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.

    Raises: UnknownNameError for a set that the study lacks; VerificationError when its table is damaged.
    """
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets(), "toolbox ingest adds a set")
    return {
        row["stimulus_id"]: Stimulus(
            row["stimulus_id"],
            row["path"],
            study.image(row["path"]),
            row["sha256"],
            pixels_sha256=row["pixels_sha256"],
            bit_depth=row["bit_depth"],
        )
        for row in read_stimuli(study.stimuli(set_name))
    }


def images_remedy(study: StudyFolder, set_name: str) -> str:
    """What to do about images that are not where they were ingested.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
    """
    return (
        f"move the images back, or change the line of their folder under [roots] in {study.root / 'study.toml'}, "
        f"or ingest them from where they are now: toolbox ingest FOLDER --set {set_name}"
    )


def variable_names(columns: Iterable[str]) -> list[str]:
    """Names of the stimulus variables of a set, in the order of its columns."""
    return [name for name in columns if name not in STIMULI]


def read_stimuli(path: Path) -> list[dict[str, Any]]:
    """The rows of a set with its fixed columns; None where an older version did not write a column.

    Raises: VerificationError when the table is missing or damaged.
    """
    table = read_table(path)
    rows = table.select([name for name in table.column_names if name in STIMULI]).to_pylist()
    return [dict.fromkeys(STIMULI) | row for row in rows]


def image_identity(stimulus: Mapping[str, Any]) -> str:
    """What determines the pixels of a stimulus: the sha256 of its file and, if it was chosen, the bit depth.

    Args:
        stimulus: a row with the columns sha256 and bit_depth.

    Example:
        >>> image_identity({"sha256": "ab12", "bit_depth": 12})
        'ab12 of 12 bits'
    """
    is_usual = stimulus["bit_depth"] in (None, FILE_BITS)
    return str(stimulus["sha256"]) if is_usual else f"{stimulus['sha256']} of {stimulus['bit_depth']} bits"
