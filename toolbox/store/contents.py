"""An overview of the content of a study. Owns collecting it from names, footers and plans, without reading responses.

Whether responses are complete, and whether tables of resampled indices are up to date, is checked when they are read.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import open_table
from toolbox.store.plan import read_plan
from toolbox.store.resamples import Measure, measure_of
from toolbox.store.study_file import read_study_file


@dataclass(frozen=True)
class ModelContents:
    """The responses of one model to a set.

    Attributes:
        model: name of the model.
        layers: the recorded layers, in the order of the network.
        measures: label scheme -> the indices that were resampled under it.
    """

    model: str
    layers: tuple[str, ...]
    measures: dict[str, tuple[Measure, ...]]


@dataclass(frozen=True)
class SetContents:
    """One stimulus set.

    Attributes:
        set: name of the set.
        stimuli: number of stimuli.
        schemes: names of its label schemes.
        models: the models with responses to the set.
    """

    set: str
    stimuli: int
    schemes: tuple[str, ...]
    models: tuple[ModelContents, ...]


def study_title(study: StudyFolder) -> str:
    """The title in `study.toml`; empty before the first ingestion."""
    return str(read_study_file(study.root).get("title", ""))


def study_contents(study: StudyFolder) -> list[SetContents]:
    """The sets of a study, in alphabetical order; none before the first ingestion.

    Raises: VerificationError when a set's table or an extraction's plan is damaged.
    """
    return [
        SetContents(
            set=name,
            stimuli=_count_stimuli(study, name),
            schemes=tuple(study.schemes(name)),
            models=tuple(_model_contents(study, name, model) for model in study.models(name)),
        )
        for name in study.sets()
    ]


def _count_stimuli(study: StudyFolder, set_name: str) -> int:
    """The number of rows in the table of a set, from its footer."""
    with open_table(study.stimuli(set_name)) as opened:
        return int(opened.metadata.num_rows)


def _model_contents(study: StudyFolder, set_name: str, model: str) -> ModelContents:
    plan = read_plan(study.extraction(set_name, model))
    measures = {
        scheme: _measures(study, set_name, model, scheme)
        for scheme in study.schemes(set_name)
        if study.resampled("filters", set_name, model, scheme).is_dir()
    }
    return ModelContents(model, plan.identity.recorded_layers if plan else (), measures)


def _measures(study: StudyFolder, set_name: str, model: str, scheme: str) -> tuple[Measure, ...]:
    """The resampled indices, from the names of their tables."""
    files = sorted(study.resampled("filters", set_name, model, scheme).glob("*-*-*.parquet"))
    return tuple(map(measure_of, files))
