"""An audit from its choices to its list. Owns the order of the steps, and what cannot be looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from toolbox.design.audit.choices import AuditChoices, check_audit
from toolbox.design.audit.confounds import separations
from toolbox.design.audit.copies import groups_of_copies, near_copies, pixel_copies
from toolbox.design.audit.findings import AuditFinding, findings_table
from toolbox.design.audit.labels import LEAST_LABELLED, Doubts, doubtful_labels
from toolbox.design.audit.poor import poor_pictures, unknown_kinds
from toolbox.design.audit.result import Audit, make_audit
from toolbox.design.audit.stored import DESCRIBED, StoredSet, stored_set
from toolbox.design.kernels import layer_features
from toolbox.errors import command_line
from toolbox.progress import Progress, silent
from toolbox.query import ask
from toolbox.query.result_files import NO_FILES, ResultFiles
from toolbox.query.thresholds import index_thresholds
from toolbox.stimuli.confounds import LEAST_IMAGES
from toolbox.store.availability import note_extraction
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.properties import read_properties
from toolbox.store.selection import Selection
from toolbox.terms import LEVEL


def audit(
    study: StudyFolder,
    selection: Selection | None = None,
    choices: AuditChoices | None = None,
    files: ResultFiles = NO_FILES,
    *,
    progress: Progress = silent,
) -> Audit:
    """Look for what is wrong with a stimulus set, in what is stored of it.

    Args:
        study: with the set.
        selection: set, model and label scheme; those that are meant if None.
        choices: what is looked for.
        files: where figure and paragraph are written.
        progress: is called with the steps that are done.

    Raises: UsageError, UnknownNameError for a choice; VerificationError for damaged tables.

    Example:
        >>> found = audit(study.folder)
        >>> found.set, found.model, found.categories
        ('colours', 'tiny', ['green', 'red'])
    """
    wanted = choices or AuditChoices()
    check_audit(wanted)
    chosen = selection or Selection()
    found = read_between_commits(study, lambda: _Run(study, chosen, wanted, progress).result())
    files.write(found)
    return found


class _Run:
    """One audit: what is read once, and what was noted on the way."""

    def __init__(
        self, study: StudyFolder, selection: Selection, choices: AuditChoices, progress: Progress
    ) -> None:
        self._study, self._choices, self._progress = study, choices, progress
        self._set, notes = stored_set(study, selection)
        self._notes = list(notes)
        if self._set.responses:
            self._notes += [*self._set.responses.notes, *note_extraction(study, self._set.responses)]
        self._doubts: Doubts | None = None
        self._separations: pl.DataFrame | None = None
        self._unknown = set[str]()  # kinds that could not be looked for

    def result(self) -> Audit:
        steps = [self._copies, self._labels, self._poor, self._confounds]
        found = list[AuditFinding]()
        for done, step in enumerate(steps):
            self._progress("audit", done, len(steps))
            found += step(found)
        self._progress("audit", len(steps), len(steps))
        kinds = self._choices.kinds
        table = findings_table(finding for finding in found if finding["kind"] in kinds)
        return make_audit(
            self._set,
            table,
            self._choices,
            doubts=self._doubts,
            separations=self._separations,
            unknown=self._unknown,
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _copies(self, _: Sequence[AuditFinding]) -> list[AuditFinding]:
        """Copies in the set and in other sets; also where only labels are looked for, whose copies they are."""
        kinds = {*self._choices.kinds}
        if kinds.isdisjoint({"duplicate", "near_duplicate", "doubtful_label"}):
            return []
        others = list(self._others())
        found = list(pixel_copies(self._set, others)) if "duplicate" in kinds else []
        if self._needs_responses("near duplicates and doubtful labels"):
            comparable = [other for other in others if self._is_comparable(other)]
            found += near_copies(self._set, comparable, self._choices.near)
        else:
            self._unknown.add("near_duplicate")
        return found

    def _needs_responses(self, what: str) -> bool:
        """Whether there are responses; a note what cannot be looked for if not."""
        if self._set.responses is None:
            command = command_line("extract", self._set.set)
            self._notes.append(
                f"{what} need responses, and {self._set.set} has none; to have some: {command}"
            )
        return self._set.responses is not None

    def _others(self) -> Iterator[StoredSet]:
        """The sets in which copies are looked for, under the same scheme and model as far as they have them."""
        scheme, responses = self._set.scheme, self._set.responses
        for name in self._choices.other_sets(self._set.set, self._study.sets()):
            same_scheme = scheme if scheme in self._study.schemes(name) else None
            model = responses.model if responses and responses.model in self._study.models(name) else None
            if model is None:
                yield StoredSet(self._study, name, same_scheme, None)
            else:
                yield stored_set(self._study, Selection(name, model, same_scheme))[0]

    def _is_comparable(self, other: StoredSet) -> bool:
        """Whether another set has responses of the same network to the same layers; a note if not."""
        if other.responses is None or self._set.responses is None:
            reason = "it has no responses of the same network"
        elif other.responses.provenance["identity"] != self._set.responses.provenance["identity"]:
            reason = "its responses are of other weights, layers or preprocessing"
        else:
            return True
        self._notes.append(f"near duplicates in {other.set} are not looked for: {reason}")
        return False

    def _labels(self, found: Sequence[AuditFinding]) -> list[AuditFinding]:
        """Labels that fit the responses less than another category does."""
        if "doubtful_label" not in self._choices.kinds:
            return []
        if self._set.responses is None:
            self._unknown.add("doubtful_label")
            return []
        rows, places = self._judged()
        names = sorted({*rows["category"]})
        if len(names) < 2:
            self._notes.append(
                f"labels are not judged: fewer than two categories of {self._set.set} have {LEAST_LABELLED} stimuli "
                "with responses"
            )
            self._unknown.add("doubtful_label")
            return []
        labels = np.array([names.index(category) for category in rows["category"]])
        layers = [
            layer_features(maximum[places], mean[places])
            for _, maximum, mean in map(self._set.read, self._set.layers["layer"])
        ]
        groups = groups_of_copies(rows["stimulus_id"].to_list(), found)
        doubts = doubtful_labels(
            layers, labels, groups, false_positives=self._choices.false_positives, seed=self._choices.seed
        )
        self._doubts = doubts
        return [
            {
                "kind": "doubtful_label",
                **{name: row[name] for name in ("stimulus_id", "path", "category")},
                "measure": "margin of another category",
                "value": float(doubts.margins[place]),
                "threshold": doubts.threshold,
                "other_category": names[doubts.others[place]],
                "conflict": True,
                "left_out": "stimulus",
            }
            for place, row in enumerate(rows.iter_rows(named=True))
            if doubts.margins[place] > doubts.threshold
        ]

    def _judged(self) -> tuple[pl.DataFrame, np.ndarray[Any, np.dtype[np.int64]]]:
        """The stimuli with responses whose category has enough of them, and their places among the responses."""
        numbers, _ = self._set.maxima(self._set.layers["layer"].head(1).to_list())
        order = pl.DataFrame({"stimulus_id": numbers, "place": np.arange(len(numbers))})
        labelled = self._set.stimuli.join(order, on="stimulus_id", how="inner").drop_nulls("category")
        enough = labelled.filter(pl.len().over("category") >= LEAST_LABELLED).sort("place")
        few = sorted({*labelled["category"]} - {*enough["category"]})
        if few and enough.height:
            self._notes.append(
                f"labels of {', '.join(few)} are not judged: they have fewer than {LEAST_LABELLED} stimuli"
            )
        return enough, enough["place"].to_numpy()

    @cached_property
    def _pictures(self) -> pl.DataFrame:
        """The stimuli with all properties that are known of them."""
        properties = read_properties(self._study, self._set.set)
        return self._set.stimuli.join(properties, on="stimulus_id", how="left", maintain_order="left")

    def _poor(self, _: Sequence[AuditFinding]) -> list[AuditFinding]:
        """Pictures that are dark, blurred, and so on."""
        kinds = self._choices.kinds
        unknown = unknown_kinds(self._pictures.columns, kinds)
        if unknown:
            self._unknown.update(unknown)
            command = command_line("properties", self._set.set)
            self._notes.append(
                f"not looked for, as it was not measured: {', '.join(unknown)}; first: {command}"
            )
        return list(poor_pictures(self._pictures, kinds))

    def _confounds(self, _: Sequence[AuditFinding]) -> list[AuditFinding]:
        """Properties that alone tell a category from the others, and the filters that are selective without them."""
        if "confound" not in self._choices.kinds:
            return []
        known = [name for name in self._pictures.columns if name not in (*DESCRIBED, "category")]
        sized = self._pictures.with_columns(
            file_size=(pl.col("width") * pl.col("height")).cast(pl.Float64).sqrt()
        )
        self._separations = separations(sized, [*known, "file_size"])
        if self._separations.is_empty():
            self._unknown.add("confound")
            self._notes.append(
                f"confounds are not looked for: no category of {self._set.set} has {LEAST_IMAGES} images beside "
                f"{LEAST_IMAGES} others"
            )
        clear = self._separations.filter(
            pl.max_horizontal("auc", 1 - pl.col("auc")) >= self._choices.auc, pl.col("q") < LEVEL
        )
        return [
            {
                "kind": "confound",
                "category": category,
                "measure": name,
                "value": auc,
                "threshold": self._choices.auc if auc > 0.5 else 1 - self._choices.auc,
                **self._filters_without(category, name, known),
            }
            for category, name, auc in clear.select("category", "property", "auc").iter_rows()
        ]

    def _filters_without(self, category: str, name: str, known: Sequence[str]) -> dict[str, int]:
        """Filters that are selective for a category, and those that still are without a property."""
        responses, scheme = self._set.responses, self._set.scheme
        if responses is None or name not in known:
            return {}
        selection = Selection(self._set.set, responses.model, scheme)
        question = {"property": name, "category": category}
        rows = ask(self._study, "selectivity/adjusted", question, selection).rows
        (threshold,), _ = index_thresholds("contrast", [1])
        selective = rows.filter(pl.col("contrast") > threshold)
        remaining = selective.filter(pl.col("adjusted") > threshold)
        return {"selective": selective.height, "adjusted": remaining.height}
