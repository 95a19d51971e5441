"""Pictures that were made to drive filters, in a study. Owns their names, and their records.

A picture is a PNG file, which is a stimulus of the size of the network's input, and a record beside it. Both change
together. A picture counts if its record has its digest, and the layer's digest of the network that is asked about:
pictures of two networks are never mixed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolbox.errors import VerificationError
from toolbox.files import read_json, replace_file, write_json
from toolbox.store.commits import committing
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.remedies import remedy_for
from toolbox.terms import Statistic


@dataclass(frozen=True)
class Subject:
    """What a picture drives.

    Attributes:
        model, layer: of the filters.
        filters: one, or several that were driven together.
        statistic: 'maximum' for one unit, 'mean' for all of the map.
        seed: of the random numbers from which it started.
        stimulus: sha256 of the file from which it started; empty for noise.
    """

    model: str
    layer: str
    filters: tuple[int, ...]
    statistic: Statistic
    seed: int
    stimulus: str = ""

    @property
    def name(self) -> str:
        """The name of its files, without an ending.

        Example:
            >>> Subject("vgg16", "block5_conv3", (17,), "maximum", 0).name
            '17-0'
            >>> Subject("vgg16", "block5_conv3", (17, 40), "mean", 2, "f3a1c95e77d0").name
            '17+40-mean-from-f3a1c95e-2'
        """
        filters = "+".join(map(str, self.filters))
        if len(filters) > 60:  # names of files have a limit
            filters = f"{len(self.filters)}-filters-{hashlib.sha256(filters.encode()).hexdigest()[:8]}"
        mean = ["mean"] * (self.statistic == "mean")
        origin = [f"from-{self.stimulus[:8]}"] * bool(self.stimulus)
        return "-".join([filters, *mean, *origin, str(self.seed)])


@dataclass(frozen=True)
class Record:
    """What is known of a finished picture.

    Attributes:
        subject: what it drives.
        digest: of the layer: of everything that determines its responses.
        recipe: the settings.
        steps: how many were made.
        improved: whether it still improved when they ended.
        responses: to the file, by the ordinary path, one for each filter.
        place: top, left, bottom and right of the picture in the image, which is grey elsewhere.
        sha256: of the PNG file.
        versions: of the programs.
        origin: where it started, such as the stimulus; empty for noise.
    """

    subject: Subject
    digest: str
    recipe: Mapping[str, Any]
    steps: int
    improved: bool
    responses: tuple[float, ...]
    place: tuple[int, int, int, int]
    sha256: str
    versions: Mapping[str, str]
    origin: Mapping[str, Any]


def picture_file(study: StudyFolder, subject: Subject) -> Path:
    """The PNG file of a picture.

    Args:
        study: the study.
        subject: what the picture drives.
    """
    return study.rendered(subject.model, subject.layer) / f"{subject.name}.png"


def write_pictures(study: StudyFolder, pictures: Sequence[tuple[Record, bytes]]) -> None:
    """Keep finished pictures with their records, all of them or none.

    Args:
        study: the study.
        pictures: records, and contents of PNG files.

    Raises: BusyError when another process does not end its own changes.
    """
    with committing(study) as commit:
        for record, content in pictures:
            file = picture_file(study, record.subject)
            staged = commit.stage(file)
            with replace_file(staged) as fresh:
                fresh.write_bytes(content)
            write_json(staged.with_suffix(".json"), with_version({"task": "render", **asdict(record)}))


def find_record(study: StudyFolder, subject: Subject) -> Record | None:
    """The record of a picture; None where there is none, or where the picture is not complete.

    Args:
        study: the study.
        subject: what the picture drives.

    Raises: VerificationError for a damaged record, or a picture that is not the one of its record.
    """
    file = picture_file(study, subject)
    if not file.with_suffix(".json").is_file():
        return None
    return read_picture_record(file.with_suffix(".json"))


def read_picture_record(path: Path) -> Record:
    """A record, whose picture is compared with it.

    Args:
        path: of the record.

    Raises: VerificationError.
    """
    remedy = remedy_for(path)
    content = read_json(path, remedy)
    try:
        subject = Subject(**{**content["subject"], "filters": tuple(content["subject"]["filters"])})
        names = Record.__dataclass_fields__.keys() - {"subject"}
        values = {name: content[name] for name in names}
        tuples = {name: tuple(values[name]) for name in ("responses", "place")}
        record = Record(subject=subject, **{**values, **tuples})
    except (KeyError, TypeError) as error:
        raise VerificationError(f"{path} is damaged: it is not the record of a picture; {remedy}") from error
    file = path.with_suffix(".png")
    if not file.is_file():
        raise VerificationError(f"{file} is missing, but its record exists; {remedy}")
    if hashlib.sha256(file.read_bytes()).hexdigest() != record.sha256:
        raise VerificationError(f"{file} is damaged: it differs from its record; {remedy}")
    return record


def records_of(study: StudyFolder, model: str, layer: str) -> list[Record]:
    """The records of all pictures of a layer, in the order of their names.

    Args:
        study: the study.
        model: name of the model.
        layer: name of the layer.

    Raises: VerificationError.
    """
    return [read_picture_record(path) for path in sorted(study.rendered(model, layer).glob("*.json"))]
