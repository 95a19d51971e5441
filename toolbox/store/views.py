"""What the views over a study are made of. Owns their names and their SELECTs; opens no connection.

stimuli      the chosen set's images and their parameters
labels       stimulus_id, category: the chosen scheme
parameters   stimulus_id, parameter, value: the parameter columns of `stimuli`, one row each
properties   set, stimulus_id, and a column for every property that was measured of the images
property_values
             set, stimulus_id, property, value: the same, one row each, without those that are null
responses    layer, filter, stimulus_id, maximum, mean: the chosen set and model
rollups      layer, filter, category, statistic, n, sum, squared_deviations, minimum, maximum: the same, by category
significance, resamples, reliability
             what `toolbox significance` found; empty until it was run on these responses and labels
layers       layer, position, kind, filters, height, width, stride, receptive_field: the chosen model; depth, 0 of its
             first layer to 1 of its last, null if it has a single one; and is_pool
catalogue    set, scheme, and every stimulus of every set in the study with its category, digest of pixels, sharpness
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.errors import UsageError, VerificationError, command_line
from toolbox.store.availability import AvailableResponses, available_responses
from toolbox.store.columns import PROPERTIES, ROLLUPS, TABLES, Columns
from toolbox.store.folder import RESAMPLE_FOLDERS, StudyFolder
from toolbox.store.resamples import Labelling, Measure, measure_of
from toolbox.store.rollups import fresh_rollup
from toolbox.store.selection import OF_RESPONSES, Selection, resolve_selection
from toolbox.store.small_tables import SmallTables
from toolbox.store.stimuli import STIMULI
from toolbox.store.window import PROTOCOL
from toolbox.terms import MEASURED_AT_INGESTION, STIMULUS_COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

RESAMPLE_VIEWS = {view: table for table, view in RESAMPLE_FOLDERS.items()}
"""View -> the table of resampled indices that it shows."""
VIEWS = (
    "stimuli",
    "labels",
    "parameters",
    "properties",
    "property_values",
    "responses",
    "rollups",
    *RESAMPLE_VIEWS,
    "layers",
    "catalogue",
)

_SQL_TYPES = {
    "string": "varchar",
    "int32": "integer",
    "int64": "bigint",
    "float": "float",
    "double": "double",
}
"""How SQL calls the types that a study's tables declare."""


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
        notes: what a reader should know.
        stale: tables of resampled indices that are ignored: the measure of each, and a note with reason and remedy.
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
    notes: list[str] = field(default_factory=list)
    stale: list[tuple[Measure, str]] = field(default_factory=list)
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
            names.append(_quote_text(f"{PROTOCOL}://{name}"))
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
    chosen = resolve_selection(study, set(names), selection)
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
    return views.select_table(views.study.labels(set_name, scheme))


def _layers(views: Views) -> str:
    depth = "((position - 1) / nullif(max(position) over () - 1, 0))::double as depth"
    return views.select_table(views.study.layers(views.names[1]), f"*, {depth}, kind = 'pool' as is_pool")


def _parameters(views: Views) -> str:
    """Every parameter column as rows; DuckDB's UNPIVOT leaves out what is null."""
    path = views.study.stimuli(views.names[0])
    names = [_quote_name(name) for name in views.checked.columns(path) if name not in STIMULI]
    if not names:
        return "select 0::integer as stimulus_id, ''::varchar as parameter, ''::varchar as value where false"
    columns = ", ".join(f"{name}::varchar as {name}" for name in names)
    wide = views.select_files([path], f"stimulus_id, {columns}")
    return f"select * from (unpivot ({wide}) on {', '.join(names)} into name parameter value value)"


def _properties(views: Views) -> str:
    """A row for every stimulus of the set, and a column for every property that was measured."""
    return _properties_of(views, views.names[0])[0]


def _property_values(views: Views) -> str:
    """The same as rows; DuckDB's UNPIVOT leaves out what is null."""
    wide, names = _properties_of(views, views.names[0])
    columns = ", ".join(map(_quote_name, names))
    return f"select * from (unpivot ({wide}) on {columns} into name property value value)"


def _properties_of(views: Views, set_name: str) -> tuple[str, list[str]]:
    """What is known of the images of a set: a SELECT, and its columns of values."""
    path, first = views.study.measured(set_name), _ingestion_measures_of(views, set_name)
    if not path.is_file():
        remedy = command_line("properties", set_name)
        note = f"of the images of {set_name}, only what ingestion measures is known; all properties: {remedy}"
        views.notes += [note] if note not in views.notes else []
    columns = (
        [name for name in views.checked.columns(path) if name != "stimulus_id"] if path.is_file() else []
    )
    later = views.select_files([path]) if columns else "select null::integer as stimulus_id where false"
    values = {name: f"f.{name}" for name in MEASURED_AT_INGESTION}
    for name in columns:  # both are of one formula, so that either is right
        quoted = f"m.{_quote_name(name)}"
        values[name] = f"coalesce({quoted}, {values[name]})" if name in values else quoted
    once = ", ".join(
        f"any_value(value) filter (property = '{name}') as {name}" for name in MEASURED_AT_INGESTION
    )
    listed = ", ".join(f"{value} as {_quote_name(name)}" for name, value in values.items())
    select = (
        f"select {_quote_text(set_name)}::varchar as set, s.stimulus_id, {listed} "
        f"from ({views.select_table(views.study.stimuli(set_name), 'stimulus_id')}) s "
        f"left join (select stimulus_id, {once} from ({first}) group by stimulus_id) f using (stimulus_id) "
        f"left join ({later}) m using (stimulus_id)"
    )
    return select, [*values]


def _ingestion_measures_of(views: Views, set_name: str) -> str:
    """What ingestion measured of the images of a set; sets of older versions have no such table."""
    path = views.study.properties(set_name)
    return views.select_table(path) if path.is_file() else _empty_select(PROPERTIES)


def _responses(views: Views) -> str:
    return views.select_files(views.responses.paths(views.study) if views.responses else [])


def _rollups(views: Views) -> str:
    """The roll-up's file where it is of these responses and labels, else the one that is made now."""
    path = views.study.rollup(*views.names)
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
        return _empty_select(columns)
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
    return " union all ".join(map(views.select_table, current)) or _empty_select(columns)


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


def _empty_select(columns: Columns) -> str:
    """A SELECT of no rows."""
    values = (f"null::{_SQL_TYPES[kind]} as {_quote_name(name)}" for name, kind in columns.items())
    return f"select {', '.join(values)} where false"


def _catalogue(views: Views) -> str:
    study = views.study
    selects = [
        _catalogue_of(views, set_name, scheme)
        for set_name in study.sets()
        for scheme in study.schemes(set_name)
    ]
    if not selects:
        raise UsageError("the study has no stimulus set yet; first: toolbox ingest FOLDER --set NAME")
    return " union all ".join(selects)


def _catalogue_of(views: Views, set_name: str, scheme: str) -> str:
    """The stimuli of one set with their categories under one scheme, and their sharpness."""
    path = views.study.stimuli(set_name)
    is_known = "pixels_sha256" in views.checked.columns(path)  # sets of older versions lack it
    pixels = "pixels_sha256" if is_known else "null::varchar as pixels_sha256"
    stimuli = views.select_table(path, ", ".join([*STIMULUS_COLUMNS, pixels]))
    labels = views.select_table(views.study.labels(set_name, scheme))
    origin = f"{_quote_text(set_name)}::varchar as set, {_quote_text(scheme)}::varchar as scheme"
    properties = f"from ({_ingestion_measures_of(views, set_name)}) where property = 'sharpness'"
    return (
        f"select {origin}, category, s.*, p.value as sharpness from ({stimuli}) s left join ({labels}) l "
        f"using (stimulus_id) left join ({properties}) p using (stimulus_id)"
    )


def _quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quote_text(text: str) -> str:
    """A text as SQL writes it; folders that others made may be called anything."""
    return "'" + text.replace("'", "''") + "'"


_SELECTS: dict[str, Callable[[Views], str]] = {
    "stimuli": _stimuli,
    "labels": _labels,
    "parameters": _parameters,
    "properties": _properties,
    "property_values": _property_values,
    "responses": _responses,
    "rollups": _rollups,
    **{view: partial(_resamples, table=table) for view, table in RESAMPLE_VIEWS.items()},
    "layers": _layers,
    "catalogue": _catalogue,
}
