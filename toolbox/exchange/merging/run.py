"""The use case that makes one study of several. Owns the order of its steps, and what is refused.

The merged study is built in a hidden directory beside its own, and renamed when it is complete. The studies that are
merged are only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolbox.errors import UnknownNameError, UsageError
from toolbox.exchange.merging.identities import check_same_computation
from toolbox.exchange.merging.images import ImageFolders
from toolbox.exchange.merging.labs import Lab, opened_labs
from toolbox.exchange.merging.matching import MergedStimuli, match_stimuli
from toolbox.exchange.merging.options import Merging, check_merging
from toolbox.exchange.merging.report import MergeReport
from toolbox.exchange.merging.responses import (
    choose_responses,
    compare_shared,
    write_responses,
)
from toolbox.exchange.merging.rollups import MergedRollups, choose_rollups, write_rollups
from toolbox.exchange.merging.runs import copy_run_records
from toolbox.exchange.merging.statements import Statements
from toolbox.exchange.merging.tables import (
    copy_layers,
    merged_stimuli,
    notes_on_schemes,
    write_properties,
    write_set,
)
from toolbox.faults import explains_faults
from toolbox.files import check_local, new_folder, write_json
from toolbox.progress import Progress, silent
from toolbox.store.folder import StudyFolder, check_new_name, create_study
from toolbox.store.parquet import with_version
from toolbox.store.plan import read_digests
from toolbox.store.rollups import update_rollups
from toolbox.store.study_file import read_study_file, write_study_file
from toolbox.terms import Conflicts


@explains_faults
def merge(
    studies: Sequence[str] | Sequence[Path],
    *,
    output: str | Path,
    set: str | None = None,
    model: str | Sequence[str] | None = None,
    conflicts: Conflicts = "refuse",
    count_twice: bool = False,
    progress: Progress = silent,
) -> MergeReport:
    """Merge studies of the same network into one: the stimuli of all, their responses, labels and parameters.

    A stimulus that several studies have (equal file, or equal decoded picture) is found and counts once; the responses
    to it must be equal, or differ by no more than rounding, which is noted. The values of all other responses stay as
    they are, to the bit. The studies are only read; a merging that fails or is interrupted leaves nothing.

    Args:
        studies: two or more directories of studies, or bundles of them.
        output: the directory of the merged study, missing or empty.
        set: the stimulus set, in every study that has one of this name, and its name in the merged study; None for the
            set that each study means, and the name of the first.
        model: the models to merge; None for all.
        conflicts: what counts where two studies state different things of one stimulus, such as its category: 'refuse'
            merges nothing and lists them, 'first' takes what the study named first states, 'missing' neither.
        count_twice: count a stimulus that is in several studies once for each, where only roll-ups were shared, so that
            it cannot be found in them; results carry a caution. Without, this is refused.
        progress: is called with what is being done, how much is done, and of how much.

    Returns: how many stimuli come from where, are shared, and have responses; and notes.
    Raises: MixtureError for responses that were not computed in one way, naming each difference, for responses to one
        stimulus that differ, and for conflicts; UsageError for studies or names that cannot be merged;
        VerificationError for damaged files.

    Example:
        >>> from toolbox import merge
        >>> other = Study("other-study", create=True)
        >>> _ = other.ingest("photographs", set="colours")
        >>> _ = other.extract("colours", model="tiny.toml", weights="tiny.npz")
        >>> report = merge(["my-study", "other-study"], output="both")
        >>> report.stimuli, report.shared, report.models
        (6, 6, {'tiny': 6})
    """
    choices = Merging(set, model, conflicts, count_twice)
    check_merging(choices)
    started = datetime.now(UTC)
    check_local(Path(output))
    place = Path(output).absolute()
    _check_new(place)
    with opened_labs(studies, choices.set) as labs, new_folder(place) as folder:
        set_name = check_new_name("stimulus set", choices.set or labs[0].set, [])
        models = _models(labs, choices)
        for name in models:
            check_same_computation([lab for lab in labs if name in lab.study.models(lab.set)], name)
        study = create_study(folder, place.name)
        merging = _Merging(labs, match_stimuli(labs), study, set_name, choices, models)
        report = merging.carry_out(Path(output), progress)
        copy_run_records(study, labs, set_name)
        _write_record(study, report, started)
        if place.exists():
            place.rmdir()  # Windows renames nothing to a directory that exists
    return report


def _check_new(output: Path) -> None:
    """Refuse a directory that holds anything, and a file.

    Raises: UsageError.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} is not an empty directory; choose a new one for the merged study")


def _models(labs: Sequence[Lab], choices: Merging) -> list[str]:
    """The models to merge.

    Raises: UnknownNameError for a model that no study has; UsageError where no model is in two studies.
    """
    of_labs = [lab.study.models(lab.set) for lab in labs]
    found = sorted({model for models in of_labs for model in models})
    for name in choices.models:
        if name not in found:
            raise UnknownNameError("model", name, found)
    chosen = list(choices.models) or found
    if not any(sum(model in models for models in of_labs) > 1 for model in chosen):
        lists = "; ".join(
            f"{lab.place}: {', '.join(models) or 'none'}" for lab, models in zip(labs, of_labs, strict=True)
        )
        raise UsageError(
            f"no two studies have responses of one model ({lists}); expected the same model in two or more"
        )
    return chosen


class _Merging:
    """One merging, of which all that can be refused was refused before anything is written."""

    def __init__(
        self,
        labs: Sequence[Lab],
        stimuli: MergedStimuli,
        study: StudyFolder,
        set_name: str,
        choices: Merging,
        models: Sequence[str],
    ) -> None:
        self.labs, self.stimuli, self.study, self.set = labs, stimuli, study, set_name
        self.models, self.statements = models, Statements(labs, stimuli, choices.conflicts)
        self.count_twice, self.from_rollups = choices.count_twice, list[str]()
        self.notes = [note for lab in labs for note in lab.notes]

    def carry_out(self, output: Path, progress: Progress) -> MergeReport:
        """Write all tables and parts into the study."""
        provenance = self._provenance()
        folders = ImageFolders(self.study, self.set)
        table = merged_stimuli(self.statements, folders)
        labels = write_set(self.study, self.set, table, self.statements, provenance)
        write_study_file(self.study.root, {**read_study_file(self.study.root), "roots": folders.roots})
        self.notes += [
            *self._notes_on_sets(),
            *notes_on_schemes(self.labs, labels),
            *write_properties(self.study, self.set, self.labs, self.stimuli, table, provenance),
        ]
        digests, counts = read_digests(self.study.stimuli(self.set)), {}
        for done, model in enumerate(self.models):
            progress("merge models", done, len(self.models))
            counts[model] = self._write_model(model, digests, labels)
        update_rollups(self.study, self.set, self.models, list(labels))
        progress("merge models", len(self.models), len(self.models))
        return MergeReport(
            output=str(output),
            set=self.set,
            studies={lab.origin: len(lab.stimuli) for lab in self.labs},
            stimuli=len(self.stimuli.members),
            shared=len(self.stimuli.shared),
            same_picture=len(self.stimuli.same_picture),
            models=counts,
            schemes={scheme: len(categories) for scheme, categories in labels.items()},
            from_rollups=tuple(self.from_rollups),
            resolved=tuple(self.statements.conflicts),
            notes=tuple(dict.fromkeys([*self.notes, *self._notes_on_results()])),
        )

    def _write_model(
        self, model: str, digests: Mapping[int, str], labels: Mapping[str, Mapping[int, str]]
    ) -> int:
        """Write the responses of a model, or its roll-ups; the number of stimuli with responses."""
        merged = choose_responses(self.labs, self.stimuli, model)
        rollups = choose_rollups(merged)
        if not self.count_twice:
            rollups.check_disjoint()
        self.notes += [*compare_shared(merged), *self._notes_on_model(rollups)]
        if rollups.summed:
            self.notes += write_rollups(self.study, self.set, rollups, labels, digests)
            self.from_rollups.append(model)
        else:
            write_responses(self.study, self.set, merged, digests)
        copy_layers(self.study, self.labs[min({*merged.available, *rollups.summed})], model)
        return len(rollups.presented)

    def _notes_on_model(self, rollups: MergedRollups) -> Iterator[str]:
        merged, every = rollups.merged, len(self.stimuli.members)
        with_responses = {*merged.available, *rollups.summed, *rollups.covered}
        without = [lab.place for place, lab in enumerate(self.labs) if place not in with_responses]
        if without:
            yield f"there are no responses of {merged.model} in {', '.join(without)}"
        for place in rollups.covered:
            yield (
                f"{merged.model}: only roll-ups were shared by {self.labs[place].place}, of stimuli whose responses "
                "others shared; these are merged, and the roll-ups were neither needed nor compared with them"
            )
        if missing := every - len(rollups.presented):
            yield f"{merged.model}: {missing:,} of {every:,} stimuli have no responses"

    def _notes_on_sets(self) -> Iterator[str]:
        names = dict.fromkeys(lab.set for lab in self.labs)
        if len(names) > 1 or self.set not in names:
            yield f"the sets {', '.join(names)} are now one, {self.set}"
        if self.stimuli.same_picture:
            yield (
                f"{len(self.stimuli.same_picture):,} stimuli are in several studies as different files of one picture; "
                "each counts once, as the file of the study named first"
            )
        for lab in self.labs:
            if any(row["pixels_sha256"] is None for row in lab.stimuli.values()):
                yield (
                    f"stimuli of {lab.origin} were ingested by an older version, without the identity of their "
                    "picture, so that only equal files are found in several studies; to add it, ingest the same "
                    "images again in that study before"
                )

    def _notes_on_results(self) -> Iterator[str]:
        if any((lab.study.root / "significance" / f"set={lab.set}").is_dir() for lab in self.labs):
            yield (
                "significance is not merged, as it is of the stimuli together; compute it again with: "
                f"toolbox significance {self.set}"
            )

    def _provenance(self) -> dict[str, Any]:
        sources = [{"origin": lab.origin, "set": lab.set, "stimuli": len(lab.stimuli)} for lab in self.labs]
        return {"task": "merge", "set": self.set, "sources": sources}


def _write_record(study: StudyFolder, report: MergeReport, started: datetime) -> None:
    """Write the record of the run."""
    run = {
        "task": "merge",
        "started": started.isoformat(),
        "seconds": (datetime.now(UTC) - started).total_seconds(),
    }
    record = with_version({**run, **asdict(report), "output": "."})
    write_json(study.run_record(f"merge-{report.set}"), record)
