"""Filters that are related to stimulus parameters, as a bundle has them. Owns which of these tables are shared.

Only those that are of the responses, labels and values of now, so that whoever receives them can compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from toolbox.exchange.bundle.layout import BUNDLE_TABLES
from toolbox.exchange.bundle.names import names_of_people
from toolbox.exchange.bundle.parquet_files import with_names
from toolbox.exchange.bundle.sources import TableSources
from toolbox.query.relation_notes import relate_command
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.parquet import provenance_of, read_table
from toolbox.store.relations import Relation, fresh_relations, relation_file
from toolbox.store.resamples import Labelling
from toolbox.store.small_tables import SmallTables


def shared_relations(sources: TableSources) -> Iterator[tuple[dict[str, str], Relation, Labelling]]:
    """The relations that are shared, in the order of their tables.

    Args:
        sources: what the bundle is made of.

    Yields: set, model and scheme; what was related; and the labelling.
    """
    for names, labelling in sources.labellings():
        for relation in sorted(_fresh(labelling), key=lambda each: tuple(vars(each).values())):
            if sources.replacements.keep or not _is_of_people(relation):
                yield names, relation, labelling


def left_out_relations(sources: TableSources) -> Iterator[tuple[dict[str, str], Relation, str, str]]:
    """The relations that are not shared.

    Args:
        sources: what the bundle is made of.

    Yields: set, model and scheme; what was related; why it is left out; and what to do.
    """
    for names, labelling in sources.labellings():
        fresh = _fresh(labelling)
        for relation in sorted({*_every(labelling)} - {*fresh}, key=repr):
            why = "it is of other responses, labels or values, or lacks one of its tables"
            yield names, relation, why, f"to compute it again: {relate_command(labelling, relation)}"
        for relation in fresh:
            if not sources.replacements.keep and _is_of_people(relation):
                why = "names of people are replaced in its variables"
                yield names, relation, why, "to share it, with all names: keep_names (--keep-names)"


def relation_rows(sources: TableSources, table: str) -> Iterator[pa.Table]:
    """The rows of a table, relation by relation.

    Args:
        sources: what the bundle is made of.
        table: one of RELATION_TABLES.
    """
    order = [(column, "ascending") for column in BUNDLE_TABLES[table].order[3:]]
    for names, relation, labelling in shared_relations(sources):
        yield with_names(read_table(relation_file(labelling, table, relation)).sort_by(order), names)


def relations_record(sources: TableSources) -> list[dict[str, Any]]:
    """The origin of every relation, with its names as they are in the tables.

    Args:
        sources: what the bundle is made of.
    """
    return [
        {
            **names,
            **vars(relation),
            "origin": _origin(provenance_of(relation_file(labelling, "relations", relation)), sources),
        }
        for names, relation, labelling in shared_relations(sources)
    ]


def _origin(origin: Mapping[str, Any], sources: TableSources) -> dict[str, Any]:
    """The origin without digests of files, which are others in every study."""
    kept = {key: value for key, value in origin.items() if key != "variables"}
    return dict(sources.replacements.value(kept))


def _fresh(labelling: Labelling) -> list[Relation]:
    """Relations of which all tables are of now."""
    checked = SmallTables()
    found = [
        {file.name: file for file in fresh_relations(labelling, table, checked)[0]}
        for table in RELATION_TABLES
    ]
    return [
        _relation_in(file, checked)
        for name, file in found[0].items()
        if all(name in files for files in found)
    ]


def _every(labelling: Labelling) -> Iterator[Relation]:
    """Relations of which there is any table, of now or not."""
    checked = SmallTables()
    for table in RELATION_TABLES:
        fresh, stale = fresh_relations(labelling, table, checked)
        yield from stale
        yield from (_relation_in(file, checked) for file in fresh)


def _relation_in(file: Path, checked: SmallTables) -> Relation:
    return Relation(*(str(checked.origin(file).get(key, "")) for key in vars(Relation(""))))


def _is_of_people(relation: Relation) -> bool:
    """Whether a variable names people, so that its values are others in a bundle."""
    return any(map(names_of_people, [relation.parameter, *relation.given_names]))
