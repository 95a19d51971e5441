"""DuckDB over a study. Owns the connection and the views; lets no SQL read or write anything else.

Views, made only where a query names them:

    stimuli      the chosen set's images and their parameters
    labels       stimulus_id, category: the chosen scheme
    parameters   stimulus_id, parameter, value: the parameter columns of `stimuli`, one row each
    responses    layer, filter, stimulus_id, maximum, mean: the chosen set and model
    rollups      layer, filter, category, statistic, n, sum, squared_deviations, minimum, maximum: the same, by category
    significance, draws, reliability
                 what `toolbox significance` found; empty until it was run on these responses and labels
    layers       layer, position, kind, filters, height, width, stride, receptive_field: the chosen model
    catalogue    set, scheme, and every stimulus of every set in the study with its category

A question may bring further tables along; they are read from memory, never from a file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from toolbox.errors import UsageError
from toolbox.store.availability import AvailableResponses, available_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import open_table, read_table
from toolbox.store.resamples import TABLES, Labelling
from toolbox.store.rollups import fresh_rollup
from toolbox.store.selection import OF_LABELS, OF_RESPONSES, Selection, resolve_selection
from toolbox.store.stimuli import STIMULI, variable_names
from toolbox.store.window import PROTOCOL, Window

RESAMPLE_VIEWS = {"significance": "filters", "draws": "draws", "reliability": "splits"}
"""View -> the table of resampled indices that it shows."""
VIEWS = ("stimuli", "labels", "parameters", "responses", "rollups", *RESAMPLE_VIEWS, "layers", "catalogue")

_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "temp_directory": "",
    "max_temp_directory_size": "0B",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_extension_repositories": "forbidden",
    "allow_persistent_secrets": False,
    "allow_unsigned_extensions": False,
    "python_enable_replacements": False,
}
_LOCKS = (
    "set disabled_filesystems = 'LocalFileSystem'",
    f"set allowed_directories = ['{PROTOCOL}://']",
    "set enable_external_access = false",
    "set lock_configuration = true",
)


@dataclass
class Database:
    """A locked connection, where its views' rows come from, and which responses count, if any are read."""

    connection: duckdb.DuckDBPyConnection
    provenance: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    responses: AvailableResponses | None = None
    labelling: Labelling | None = None
    """What the views of resampled indices are about, where there are several categories to compare."""

    def close(self) -> None:
        self.connection.close()


def open_database(
    study: StudyFolder,
    views: Collection[str],
    selection: Selection | None = None,
    *,
    macros: Sequence[str] = (),
    tables: Mapping[str, pa.Table] | None = None,
) -> Database:
    """Connect to the named views of a study, read-only.

    Args:
        views: which of VIEWS to make; the selection is resolved for these alone.
        macros: `create macro` statements that build on them.
        tables: tables in memory that this question brings along, by the names under which SQL sees them.

    Raises: AmbiguousError, UnknownNameError for the selection; VerificationError for damaged responses.
    """
    views = set(views)
    chosen = resolve_selection(study, views, selection or Selection())
    # what a view needs has been resolved for it; the others are never made
    set_name, model, scheme = chosen.set or "", chosen.model or "", chosen.scheme or ""
    files: dict[str, Path] = {}
    database = Database(duckdb.connect(":memory:", config=_CLOSED))
    makers: dict[str, Callable[[], str]] = {
        "stimuli": lambda: _table(files, study.stimuli(set_name)),
        "labels": lambda: _table(files, study.labels(set_name, scheme)),
        "parameters": lambda: _parameters(files, study.stimuli(set_name)),
        "layers": lambda: _table(files, study.layers(model)),
        "catalogue": lambda: _catalogue(files, study),
    }
    if not OF_RESPONSES.isdisjoint(views):
        responses = database.responses = available_responses(study, set_name, model)
        database.remarks += responses.remarks
        database.provenance |= responses.provenance
        labelling = Labelling(study, responses, scheme)
        makers["responses"] = lambda: _select(files, responses.paths(study))
        makers["rollups"] = lambda: _register_table(
            database, "rollups", fresh_rollup(study, set_name, model, scheme, responses)
        )
        for view, table in RESAMPLE_VIEWS.items():
            makers[view] = partial(_select_resamples, files, labelling, table, database)
        if not OF_LABELS.isdisjoint(views):
            categories = set(read_table(labelling.labels, "category")["category"].to_pylist())
            if len(categories) == 1:
                only = categories.pop()
                database.remarks.append(
                    f"all stimuli are of one category, {only}: nothing to contrast it with"
                )
            else:
                database.labelling = labelling
    definitions = {view: makers[view]() for view in VIEWS if view in views}
    database.connection.register_filesystem(Window(files))
    for view, definition in definitions.items():
        database.connection.execute(f"create view {view} as {definition}")
    for name, table in (tables or {}).items():
        database.connection.register(name, table)
    for statement in (*macros, *_LOCKS):
        database.connection.execute(statement)
    database.provenance |= chosen.known()
    return database


def _table(files: dict[str, Path], path: Path, columns: str = "*") -> str:
    """A SELECT over one small table, which is there and whole; DuckDB itself does not look at page checksums."""
    read_table(path)
    return _select(files, [path], columns)


def _select(files: dict[str, Path], paths: Sequence[Path], columns: str = "*") -> str:
    """A SELECT over files, which are entered into the window under short names."""
    names = []
    for path in paths:
        name = f"{len(files)}-{path.name}"
        files[name] = path
        names.append(_quote_text(f"{PROTOCOL}://{name}"))
    return f"select {columns} from read_parquet([{', '.join(names)}])"


def _parameters(files: dict[str, Path], path: Path) -> str:
    """Every parameter column as rows; DuckDB's UNPIVOT leaves out what is null."""
    with open_table(path) as table:
        names = variable_names(table.schema_arrow)
    if not names:
        return "select 0::integer as stimulus_id, ''::varchar as parameter, ''::varchar as value where false"
    columns = ", ".join(f"{_quote_name(name)}::varchar as {_quote_name(name)}" for name in names)
    wide = _select(files, [path], f"stimulus_id, {columns}")
    listed = ", ".join(map(_quote_name, names))
    return f"select * from (unpivot ({wide}) on {listed} into name parameter value value)"


def _quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quote_text(text: str) -> str:
    """A text as SQL writes it; folders that others made may be called anything."""
    return "'" + text.replace("'", "''") + "'"


def _register_table(database: Database, name: str, table: pa.Table) -> str:
    """A SELECT over a table in memory, all of whose pages were held against their checksums."""
    database.connection.register(f"held_{name}", table)
    return f"select * from held_{name}"


def _select_resamples(files: dict[str, Path], labelling: Labelling, table: str, database: Database) -> str:
    """A SELECT over all tables of one kind that were made from the responses and labels as they are now."""
    fresh, stale = labelling.fresh_files(table)
    for file in stale:
        database.remarks.append(
            f"{file.name} was made from other responses or labels than there are now, so it is left out; "
            f"to make it anew: {labelling.command_of(file)}"
        )
    if not fresh:
        return _register_table(database, table, TABLES[table].empty_table())
    return " union all ".join(_table(files, file) for file in fresh)


def _catalogue(files: dict[str, Path], study: StudyFolder) -> str:
    selects = []
    for set_name in study.sets():
        fixed = _table(files, study.stimuli(set_name), ", ".join(STIMULI.names))
        for scheme in study.schemes(set_name):
            labels = _table(files, study.labels(set_name, scheme))
            origin = f"{_quote_text(set_name)}::varchar as set, {_quote_text(scheme)}::varchar as scheme"
            selects.append(
                f"select {origin}, category, s.* from ({fixed}) s left join ({labels}) l using (stimulus_id)"
            )
    if not selects:
        raise UsageError("the study has no stimulus set yet; first: toolbox ingest FOLDER --set NAME")
    return " union all ".join(selects)
