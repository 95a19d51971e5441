"""What the views over a study are made of. Owns their names and their SELECTs; opens no connection.

stimuli      the chosen set's images and their parameters
labels       stimulus_id, category: the chosen scheme
parameters, observations, variables
             what else is known of the stimuli: see `variable_views`
properties   set, stimulus_id, and a column for every property that was measured of the images
property_values
             set, stimulus_id, property, value: the same, one row each, without those that are null
responses    layer, filter, stimulus_id, maximum, mean: the chosen set and model
rollups      layer, filter, category, statistic, n, sum, squared_deviations, minimum, maximum: the same, by category
significance, resamples, reliability
             what `toolbox significance` found; empty until it was run on these responses and labels
relations, relation_permutations
             what `toolbox relate` found, likewise
layers       layer, position, kind, filters, height, width, stride, receptive_field: the chosen model; depth, 0 of its
             first layer to 1 of its last, null if it has a single one; and is_pool
catalogue    set, scheme, and every stimulus of every set in the study with its category, digest of pixels, sharpness,
             and the properties of the sets that were measured
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.errors import UsageError, VerificationError
from toolbox.store.availability import AvailableResponses, available_responses
from toolbox.store.columns import LABELS, RELATION_TABLES, ROLLUPS, TABLES
from toolbox.store.folder import RESAMPLE_FOLDERS, StudyFolder
from toolbox.store.imported_rollups import without_responses
from toolbox.store.labels import read_labels
from toolbox.store.parquet import arrow_table
from toolbox.store.property_views import select_properties, select_properties_of, select_property_values
from toolbox.store.quoting import empty_select, quote_name, quote_text
from toolbox.store.relations import Relation, fresh_relations
from toolbox.store.resamples import Labelling, Measure, measure_of
from toolbox.store.rollups import check_imported, fresh_rollup, roll_up
from toolbox.store.selection import OF_RESPONSES, Selection, resolve_selection
from toolbox.store.small_tables import SmallTables
from toolbox.store.variable_views import select_observations, select_parameters, select_variables
from toolbox.store.window import PROTOCOL
from toolbox.terms import STIMULUS_COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

_OF_RESPONSES = {
    "layer": "varchar",
    "filter": "integer",
    "stimulus_id": "integer",
    "maximum": "float",
    "mean": "float",
}
RESAMPLE_VIEWS = {view: table for table, view in RESAMPLE_FOLDERS.items()}
"""View -> the table of resampled indices that it shows."""
VIEWS = (
    "stimuli",
    "labels",
    "parameters",
    "observations",
    "variables",
    "properties",
    "property_values",
    "responses",
    "rollups",
    *RESAMPLE_VIEWS,
    *RELATION_TABLES,
    "layers",
    "catalogue",
)


@dataclass
class Views:
    """The views that a question reads, and what they read in turn.

    Attributes:
        study: where the tables are.
        selection: the set, the model and the scheme that the views are of, where they need them.
        responses: what there is to read of the model's responses, if any view is of them.
        labelling: those responses under the scheme.
        selects: view -> its SELECT.
        files: name under which SQL sees a file -> the file.
        tables: name under which SQL sees a table in memory -> the table.
        refused: name under which SQL sees a file that is not there -> why; that is the error of whoever reads it.
        notes: what a reader should know.
        stale: tables of resampled indices that are ignored: the measure of each, and a note with reason and remedy.
        stale_relations: of which the tables are ignored, as responses, labels or values have changed since.
        checked: the small tables, each compared with its checksums before SQL reads it.
        formulas: index -> its formula now.
    """

    study: StudyFolder
    selection: Selection
    responses: AvailableResponses | None = None
    labelling: Labelling | None = None
    selects: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    stale: list[tuple[Measure, str]] = field(default_factory=list)
    stale_relations: list[Relation] = field(default_factory=list)
    checked: SmallTables = field(default_factory=SmallTables)
    formulas: Mapping[str, str] = field(default_factory=dict)

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the rows of all views come from."""
        responses = self.responses.provenance if self.responses else {}
        return {**responses, **self.selection.names()}

    @property
    def names(self) -> tuple[str, str, str]:
        """Set, model and scheme; what no view needs is empty and never used."""
        return self.selection.set or "", self.selection.model or "", self.selection.scheme or ""

    def select_files(self, paths: Sequence[Path], columns: str = "*") -> str:
        """A SELECT over files of the same columns, which SQL sees under short names.

        Args:
            paths: the files.
            columns: what to select, as SQL.
        """
        names = []
        for path in paths:
            name = f"{len(self.files)}-{path.name}"
            self.files[name] = path
            names.append(quote_text(f"{PROTOCOL}://{name}"))
        return f"select {columns} from read_parquet([{', '.join(names)}])"

    def select_table(self, path: Path, columns: str = "*") -> str:
        """A SELECT over one small table, which is there and whole.

        Args:
            path: the table's file.
            columns: what to select, as SQL.

        Raises: VerificationError when it is missing or damaged.
        """
        self.checked.columns(path)
        return self.select_files([path], columns)


def define_views(
    study: StudyFolder,
    names: Collection[str],
    selection: Selection,
    formulas: Mapping[str, str] | None = None,
) -> Views:
    """The SELECTs of some views of a study.

    Args:
        study: where the tables are.
        names: which of VIEWS; the selection is resolved for these alone.
        selection: set, model and scheme; what is not named is the only one there is.
        formulas: index -> its formula now; tables that were resampled with another one are ignored.

    Raises: AmbiguousError, UnknownNameError for the selection; VerificationError for damaged tables or responses.
    """
    chosen = replace(resolve_selection(study, set(names), selection), half=selection.half)
    views = Views(study, chosen, formulas=formulas or {}, notes=list(chosen.notes))
    if not OF_RESPONSES.isdisjoint(names):
        set_name, model, scheme = views.names
        views.responses = available_responses(study, set_name, model)
        views.labelling = Labelling(study, views.responses, scheme)
    for name in VIEWS:
        if name in names:
            views.selects[name] = _SELECTS[name](views)
    return views


def _stimuli(views: Views) -> str:
    return views.select_table(views.study.stimuli(views.names[0]))


def _labels(views: Views) -> str:
    set_name, _, scheme = views.names
    path = views.study.labels(set_name, scheme)
    if views.selection.half is None:
        return views.select_table(path)
    labels = views.selection.half.labels(read_labels(path))
    columns: dict[str, list[Any]] = {"stimulus_id": list(labels), "category": list(labels.values())}
    views.tables["labels_of_half"] = arrow_table(columns, LABELS)
    return "select * from labels_of_half"


def _layers(views: Views) -> str:
    depth = "((position - 1) / nullif(max(position) over () - 1, 0))::double as depth"
    return views.select_table(views.study.layers(views.names[1]), f"*, {depth}, kind = 'pool' as is_pool")


def _responses(views: Views) -> str:
    """All responses. Where only roll-ups were imported, an error, for as long as a query really reads them."""
    if views.responses and views.responses.imported is not None:
        name = "responses.csv"
        views.refused[name] = str(without_responses(views.responses.set, views.responses.model))
        # A CSV file of known columns is not opened before its rows are read; a Parquet file is.
        return f"from read_csv('{PROTOCOL}://{name}', columns = {_OF_RESPONSES}, auto_detect = false)"
    return views.select_files(views.responses.paths(views.study) if views.responses else [])


def _rollups(views: Views) -> str:
    """The roll-up's file where it is of these responses and labels, else the one that is made now."""
    if views.selection.half and views.labelling and views.responses:
        labels = views.selection.half.labels(read_labels(views.labelling.labels))
        views.tables["rollups_of_half"] = roll_up(views.responses.paths(views.study), labels)
        return "select * from rollups_of_half"
    path = views.study.rollup(*views.names)
    if views.labelling and views.responses and views.responses.imported is not None:
        check_imported(views.labelling)
        return views.select_files([path])
    if views.labelling and not _is_current_rollup(views, path):
        made = fresh_rollup(views.labelling)
        if not _is_current_rollup(views, path):  # in a study that cannot be written to
            views.tables["rollups_in_memory"] = made
            return "select * from rollups_in_memory"
    return views.select_files([path])


def _is_current_rollup(views: Views, path: Path) -> bool:
    """Whether a stored roll-up can be read as it is."""
    with contextlib.suppress(VerificationError):  # missing or damaged, so it is made again
        is_current = views.labelling is not None and views.labelling.is_source_of(views.checked.origin(path))
        return is_current and list(views.checked.columns(path).items()) == list(ROLLUPS.items())
    return False


def _resamples(views: Views, table: str) -> str:
    """All tables of one kind that were computed from the current responses and labels, and have the current columns."""
    columns = TABLES[table]
    if views.labelling is None:
        return empty_select(columns)
    fresh, stale = views.labelling.fresh_files(table, views.checked.origin)
    reasons = dict.fromkeys(stale, "was computed from other responses or labels than those of the study now")
    for file in fresh:
        if list(views.checked.columns(file)) != list(columns):
            reasons[file] = "has the columns of another version of the toolbox"
        elif _has_another_formula(views, file):
            reasons[file] = "was computed with another formula of the index"
        elif _is_of_another_run(views, views.labelling, file):
            reasons[file] = (
                "was computed with another seed, threshold or number of resamples than significance"
            )
    current = [file for file in fresh if file not in reasons]
    for file, reason in reasons.items():
        remedy = f"to compute it again: {views.labelling.command_of(file)}"
        note = f"{RESAMPLE_FOLDERS[table]} ({measure_of(file)}) {reason}, so it is ignored; {remedy}"
        views.stale.append((measure_of(file), note))
    return " union all ".join(map(views.select_table, current)) or empty_select(columns)


def _relations(views: Views, table: str) -> str:
    """All tables of one kind that were computed from the current responses, labels and values of the parameter."""
    if views.labelling is None:
        return empty_select(RELATION_TABLES[table])
    fresh, stale = fresh_relations(views.labelling, table, views.checked)
    views.stale_relations += stale
    return " union all ".join(map(views.select_table, fresh)) or empty_select(RELATION_TABLES[table])


def _is_of_another_run(views: Views, labelling: Labelling, file: Path) -> bool:
    """Whether a table and that of the filters are of two runs: one of an earlier version was killed between them."""
    filters, table = labelling.file("filters", measure_of(file)), views.checked.origin(file)
    with contextlib.suppress(VerificationError):  # whoever reads the table of filters reports it
        of_filters = views.checked.origin(filters) if filters.is_file() else table
        return any(table.get(name) != of_filters.get(name) for name in ("seed", "resamples", "threshold"))
    return False


def _has_another_formula(views: Views, file: Path) -> bool:
    """Whether an index was resampled with another formula than it has now, as far as its table records one."""
    origin = views.checked.origin(file)
    formula = views.formulas.get(str(origin.get("index")))
    return formula is not None and origin.get("formula", formula) != formula


def _catalogue(views: Views) -> str:
    study = views.study
    selects = [
        _catalogue_of(views, set_name, scheme)
        for set_name in study.sets()
        for scheme in study.schemes(set_name)
    ]
    if not selects:
        raise UsageError("the study has no stimulus set yet; first: toolbox ingest FOLDER --set NAME")
    return " union all by name ".join(selects)  # not all sets are measured


def _catalogue_of(views: Views, set_name: str, scheme: str) -> str:
    """The stimuli of one set with their categories under one scheme, and what was measured of them."""
    path = views.study.stimuli(set_name)
    is_known = "pixels_sha256" in views.checked.columns(path)  # sets of older versions lack it
    pixels = "pixels_sha256" if is_known else "null::varchar as pixels_sha256"
    stimuli = views.select_table(path, ", ".join([*STIMULUS_COLUMNS, pixels]))
    labels = views.select_table(views.study.labels(set_name, scheme))
    origin = f"{quote_text(set_name)}::varchar as set, {quote_text(scheme)}::varchar as scheme"
    properties, names = select_properties_of(views, set_name)
    listed = names if views.study.measured(set_name).is_file() else ["sharpness"]
    values = ", ".join(f"p.{quote_name(name)}" for name in listed)
    return (
        f"select {origin}, category, s.*, {values} from ({stimuli}) s left join ({labels}) l "
        f"using (stimulus_id) left join ({properties}) p using (stimulus_id)"
    )


_SELECTS: dict[str, Callable[[Views], str]] = {
    "stimuli": _stimuli,
    "labels": _labels,
    "parameters": select_parameters,
    "observations": select_observations,
    "variables": select_variables,
    "properties": select_properties,
    "property_values": select_property_values,
    "responses": _responses,
    "rollups": _rollups,
    **{view: partial(_resamples, table=table) for view, table in RESAMPLE_VIEWS.items()},
    **{table: partial(_relations, table=table) for table in RELATION_TABLES},
    "layers": _layers,
    "catalogue": _catalogue,
}
