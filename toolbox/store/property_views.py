"""The views of what was measured of the images: `properties`, `property_values`.

properties       set, stimulus_id, and a column for every property that was measured
property_values  set, stimulus_id, property, value: the same, one row each, without those that are null
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from toolbox.errors import command_line
from toolbox.store.columns import PROPERTIES
from toolbox.store.folder import StudyFolder
from toolbox.store.quoting import empty_select, quote_name, quote_text
from toolbox.store.small_tables import SmallTables
from toolbox.terms import MEASURED_AT_INGESTION


class StudyTables(Protocol):
    """The tables of a study as SQL sees them, of which one set is chosen."""

    study: StudyFolder
    checked: SmallTables
    notes: list[str]

    @property
    def names(self) -> tuple[str, str, str]:
        """Set, model and scheme."""

    def select_files(self, paths: Sequence[Path], columns: str = "*") -> str:
        """A SELECT over files of the same columns.

        Args:
            paths: the files.
            columns: what to select, as SQL.
        """

    def select_table(self, path: Path, columns: str = "*") -> str:
        """A SELECT over one small table.

        Args:
            path: the table's file.
            columns: what to select, as SQL.
        """


def select_properties(views: StudyTables) -> str:
    """A row for every stimulus of the set, and a column for every property that was measured."""
    _note_unmeasured(views)
    return select_properties_of(views, views.names[0])[0]


def select_property_values(views: StudyTables) -> str:
    """The same as rows, with the same note."""
    _note_unmeasured(views)
    return select_known_properties(views)


def select_known_properties(views: StudyTables) -> str:
    """What was measured as rows; DuckDB's UNPIVOT leaves out what is null."""
    wide, names = select_properties_of(views, views.names[0])
    columns = ", ".join(map(quote_name, names))
    return f"select * from (unpivot ({wide}) on {columns} into name property value value)"


def _note_unmeasured(views: StudyTables) -> None:
    """Note once that there are more properties than ingestion measures."""
    set_name = views.names[0]
    if not views.study.measured(set_name).is_file():
        remedy = command_line("properties", set_name)
        note = f"of the images of {set_name}, only what ingestion measures is known; all properties: {remedy}"
        views.notes += [note] if note not in views.notes else []


def select_properties_of(views: StudyTables, set_name: str) -> tuple[str, list[str]]:
    """What is known of the images of a set.

    Args:
        views: of the study.
        set_name: the stimulus set.

    Returns: a SELECT of set, stimulus_id and values; the columns of the values.
    """
    path, first = views.study.measured(set_name), _ingestion_measures_of(views, set_name)
    columns = (
        [name for name in views.checked.columns(path) if name != "stimulus_id"] if path.is_file() else []
    )
    later = views.select_files([path]) if columns else "select null::integer as stimulus_id where false"
    values = {name: f"f.{name}" for name in MEASURED_AT_INGESTION}
    for name in columns:  # both are of one formula, so that either is right
        quoted = f"m.{quote_name(name)}"
        values[name] = f"coalesce({quoted}, {values[name]})" if name in values else quoted
    once = ", ".join(
        f"any_value(value) filter (property = '{name}') as {name}" for name in MEASURED_AT_INGESTION
    )
    listed = ", ".join(f"{value} as {quote_name(name)}" for name, value in values.items())
    select = (
        f"select {quote_text(set_name)}::varchar as set, s.stimulus_id, {listed} "
        f"from ({views.select_table(views.study.stimuli(set_name), 'stimulus_id')}) s "
        f"left join (select stimulus_id, {once} from ({first}) group by stimulus_id) f using (stimulus_id) "
        f"left join ({later}) m using (stimulus_id)"
    )
    return select, [*values]


def _ingestion_measures_of(views: StudyTables, set_name: str) -> str:
    """What ingestion measured of the images of a set; sets of older versions have no such table."""
    path = views.study.properties(set_name)
    return views.select_table(path) if path.is_file() else empty_select(PROPERTIES)
