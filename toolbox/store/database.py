"""DuckDB over a study. Owns the connection and its locks; SQL can read only the views, and write nothing.

A query may have further tables; these are read from memory, never from a file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from toolbox.store.availability import AvailableResponses, note_extraction
from toolbox.store.connection import Readable, Setting, connect
from toolbox.store.folder import StudyFolder
from toolbox.store.relations import Relation
from toolbox.store.resamples import Labelling, Measure
from toolbox.store.selection import OF_LABELS, Selection
from toolbox.store.views import Views, define_views
from toolbox.store.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

_CLOSED: dict[str, Setting] = {
    "temp_directory": "",
    "max_temp_directory_size": "0B",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_extension_repositories": "forbidden",
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}


@dataclass
class Database:
    """A locked connection, the provenance of the rows in its views, and the available responses, if any are read."""

    connection: duckdb.DuckDBPyConnection
    readable: Readable
    """What the connection reads; another process can connect to it, too. `readable.window.own_errors()` belongs around
    every statement."""
    provenance: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    responses: AvailableResponses | None = None
    labelling: Labelling | None = None
    """The labelling of the views of resampled indices, where there are several categories."""
    stale: list[tuple[Measure, str]] = field(default_factory=list)
    """Tables of resampled indices that are ignored: the measure of each, and a note with reason and remedy."""
    stale_relations: list[Relation] = field(default_factory=list)
    """Relations of which tables are ignored, as responses, labels or values have changed since."""

    def close(self) -> None:
        """Close the connection, which discards everything that SQL created in it."""
        self.connection.close()


def open_database(
    study: StudyFolder,
    views: Collection[str],
    selection: Selection | None = None,
    *,
    macros: Sequence[str] = (),
    tables: Mapping[str, pa.Table] | None = None,
    formulas: Mapping[str, str] | None = None,
) -> Database:
    """Connect to the named views of a study, read-only.

    Args:
        study: the study that contains the tables.
        views: the names in VIEWS of the views to make; the selection is resolved only for these.
        selection: set, model and scheme; where one is not named, the study must have only one.
        macros: `create macro` statements that use the views.
        tables: further tables in memory, by their names in SQL.
        formulas: index -> its formula now; tables that were resampled with another one are ignored.

    Raises: AmbiguousError, UnknownNameError for the selection; VerificationError for damaged responses.
    """
    defined = define_views(study, views, selection or Selection(), formulas or {})
    labels_select = _labels_select(defined, views)
    defined.checked.save()
    in_memory = {**(tables or {}), **defined.tables}
    readable = Readable(
        Window(defined.files, defined.refused), in_memory, defined.selects, tuple(macros), _CLOSED
    )
    with readable.window.own_errors():
        connection = connect(readable)
    database = Database(
        connection,
        readable,
        defined.provenance,
        responses=defined.responses,
        stale=defined.stale,
        stale_relations=defined.stale_relations,
    )
    if defined.responses:
        database.notes += [*defined.responses.notes, *note_extraction(study, defined.responses)]
    if labels_select:
        _set_labelling(database, defined.labelling, labels_select)
    database.notes += defined.notes
    return database


def _labels_select(defined: Views, views: Collection[str]) -> str | None:
    """A SELECT of the labels of the responses; None where no view of responses by category is read."""
    if defined.labelling is None or OF_LABELS.isdisjoint(views):
        return None
    return defined.select_table(defined.labelling.labels, "category")


def _set_labelling(database: Database, labelling: Labelling | None, select: str) -> None:
    """Set the labelling of the resampled indices, or add a warning if there is only one category."""
    with database.readable.window.own_errors():
        categories = database.connection.execute(f"{select} group by category limit 2").fetchall()
    if len(categories) == 1:
        ((only,),) = categories
        database.notes.append(
            f"all stimuli are of one category, {only}, so there is no other category to compare it with"
        )
    else:
        database.labelling = labelling
