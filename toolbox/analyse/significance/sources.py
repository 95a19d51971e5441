"""What is resampled: the responses and the labels of a study at one moment. Owns whether they are still the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolbox.stimuli.confounds import confounds, measured_stimuli
from toolbox.store.availability import available_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import labels_digest, read_labels
from toolbox.store.properties import read_ingestion_measures
from toolbox.store.resamples import Labelling
from toolbox.store.stimuli import read_stimuli


@dataclass(frozen=True)
class Sources:
    """What is resampled, read once.

    Attributes:
        labelling: the responses and the label scheme.
        labels: category by stimulus_id.
        marks: of the files of the responses; equal marks, equal files.
    """

    labelling: Labelling
    labels: dict[int, str]
    marks: list[tuple[int, int, int]]

    @property
    def source(self) -> dict[str, Any]:
        """As `Labelling.source`, of these labels."""
        return {"labels": labels_digest(self.labels), "parts": self.labelling.responses.parts}

    def confounds(self) -> dict[str, str]:
        """What tells the images of a category from the others, as `sets/summary` words it, by category."""
        study, name = self.labelling.study, self.labelling.responses.set
        measured = read_ingestion_measures(study.properties(name))
        table = measured_stimuli(read_stimuli(study.stimuli(name)), self.labels, measured)
        return {} if table.is_empty() else confounds(table)

    def is_current(self) -> bool:
        """Whether labels and responses are still the same."""
        responses = self.labelling.responses
        return self == read_sources(
            self.labelling.study, responses.set, responses.model, self.labelling.scheme
        )


def read_sources(study: StudyFolder, set_name: str, model: str, scheme: str) -> Sources:
    """What there is to resample now.

    Args:
        study: the study.
        set_name: the stimulus set.
        model: whose responses.
        scheme: the label scheme.

    Raises: as `available_responses`; VerificationError when the labels are damaged.
    """
    labelling = Labelling(study, available_responses(study, set_name, model), scheme)
    files = [path.stat() for path in labelling.responses.paths(study)]
    marks = [(file.st_ino, file.st_size, file.st_mtime_ns) for file in files]
    return Sources(labelling, read_labels(labelling.labels), marks)
