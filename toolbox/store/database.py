"""DuckDB over a study. Owns the connection and its locks; lets no SQL read or write anything but the views.

A question may bring further tables along; they are read from memory, never from a file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from toolbox.store.availability import AvailableResponses
from toolbox.store.folder import StudyFolder
from toolbox.store.resamples import Labelling
from toolbox.store.selection import OF_LABELS, Selection
from toolbox.store.views import Views, define_views
from toolbox.store.window import PROTOCOL, Window

if TYPE_CHECKING:
    import pyarrow as pa

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
        """Close the connection, which ends all that SQL made in it."""
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
        study: where the tables are.
        views: which of VIEWS to make; the selection is resolved for these alone.
        selection: set, model and scheme; what is not named is the only one there is.
        macros: `create macro` statements that build on them.
        tables: tables in memory that this question brings along, by the names under which SQL sees them.

    Raises: AmbiguousError, UnknownNameError for the selection; VerificationError for damaged responses.
    """
    defined = define_views(study, views, selection or Selection())
    labels_select = _labels_select(defined, views)
    defined.checked.save()
    connection = duckdb.connect(":memory:", config=_CLOSED)
    _create_views(connection, defined, tables or {})
    database = Database(connection, defined.provenance, responses=defined.responses)
    database.remarks += defined.responses.remarks if defined.responses else []
    if labels_select:
        _set_labelling(database, defined.labelling, labels_select)
    database.remarks += defined.remarks
    for statement in (*macros, *_LOCKS):
        connection.execute(statement)
    return database


def _labels_select(defined: Views, views: Collection[str]) -> str | None:
    """A SELECT of the labels of the responses that are read, None where none are read by category."""
    if defined.labelling is None or OF_LABELS.isdisjoint(views):
        return None
    return defined.select_table(defined.labelling.labels, "category")


def _create_views(
    connection: duckdb.DuckDBPyConnection, defined: Views, tables: Mapping[str, pa.Table]
) -> None:
    """Show the files, the tables in memory and the views to SQL."""
    connection.register_filesystem(Window(defined.files))
    for name, table in defined.tables.items():
        connection.register(name, table)
    for view, select in defined.selects.items():
        connection.execute(f"create view {view} as {select}")
    for name, table in tables.items():
        connection.register(name, table)


def _set_labelling(database: Database, labelling: Labelling | None, select: str) -> None:
    """Say what the resampled indices are about, or that there is but one category."""
    categories = database.connection.execute(f"{select} group by category limit 2").fetchall()
    if len(categories) == 1:
        ((only,),) = categories
        database.remarks.append(f"all stimuli are of one category, {only}: nothing to contrast it with")
    else:
        database.labelling = labelling
