"""An overview of the content of a study. Owns collecting it from names, footers and plans, without reading responses.

Whether responses are complete, and whether tables of resampled indices are up to date, is checked when they are read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from toolbox.errors import VerificationError, command_line
from toolbox.files import has_writer
from toolbox.store.checksums import entries_of
from toolbox.store.folder import ExtractionFolder, StudyFolder
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


def unfinished_replacements(study: StudyFolder) -> Iterator[str]:
    """A line for each `extract --replace` that was interrupted and not continued yet: how far it came, what to do.

    Args:
        study: the study.
    """
    for folder in sorted((study.root / "plans").glob("set=*/model=*/replacement")):
        set_name, model = (each.name.partition("=")[2] for each in (folder.parents[1], folder.parent))
        replacement = study.extraction(set_name, model).replacement
        if replacement.plan.is_file() and not has_writer(folder.parent):
            kept = entries_of(replacement.plan)
            places = " and ".join(
                each.relative_to(study.root).as_posix() for each in (folder, *([kept.parent] if kept else []))
            )
            command = command_line("extract", set_name, "--model", model, "--replace")
            yield (
                f"{command} was interrupted{_progress(replacement)}, and the earlier responses count until it is "
                f"complete; to continue it, run it again; to discard it, delete {places}"
            )


def _progress(replacement: ExtractionFolder) -> str:
    """How many of the planned stimuli have responses already; nothing of a damaged plan."""
    with contextlib.suppress(VerificationError):
        parts = plan.parts if (plan := read_plan(replacement)) else ()
        done = [part for number, part in enumerate(parts) if replacement.record(number).is_file()]
        return f" after {sum(map(len, done)):,} of {sum(map(len, parts)):,} stimuli"
    return ""
