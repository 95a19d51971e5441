"""Tables on filters that are related to a stimulus parameter. Owns where they are, and that none is read beside others.

    relations/set=<set>/model=<model>/scheme=<scheme>/<digest>-<statistic>.parquet
    relation_permutations/   likewise

`relations`: every filter with its rank correlation and p values; `relation_permutations`: the related filters of every
layer in every permutation. The digest is that of the parameter and of what is held constant, which may have any names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.files import digest_of
from toolbox.store.checksums import present_digest
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import arrow_schema, write_table
from toolbox.store.resamples import Labelling
from toolbox.store.small_tables import SmallTables

if TYPE_CHECKING:
    import polars as pl

CATEGORY = "category"
"""What names the labels where something is held constant."""


@dataclass(frozen=True)
class Relation:
    """What is related to the responses: a parameter, what is held constant, and the statistic of the maps."""

    parameter: str
    given: str = ""
    statistic: str = "maximum"

    @property
    def given_names(self) -> list[str]:
        """The names of what is held constant."""
        return [name for name in self.given.split(",") if name]

    @property
    def file_name(self) -> str:
        """The name of the files of its tables."""
        names = json.dumps([self.parameter, self.given], ensure_ascii=False)
        return f"{hashlib.sha256(names.encode()).hexdigest()[:16]}-{self.statistic}.parquet"

    def options(self) -> list[tuple[str, str]]:
        """The options of the command that computes its tables."""
        given = [("given", name) for name in self.given_names]
        statistic = [("statistic", self.statistic)] if self.statistic != "maximum" else []
        return [("parameter", self.parameter), *given, *statistic]


def given_text(names: str | Collection[str] | None) -> str:
    """The names of what is held constant as one text, in which their order does not count.

    Args:
        names: one text with commas between the names, or several names.

    >>> given_text("luminance, category"), given_text(["category", "luminance"]), given_text(None)
    ('category,luminance', 'category,luminance', '')
    """
    texts = [names] if isinstance(names, str) else list(names or ())
    return ",".join(sorted({part.strip() for text in texts for part in text.split(",")} - {""}))


def relation_file(labelling: Labelling, table: str, relation: Relation) -> Path:
    """Where a table of a relation is.

    Args:
        labelling: responses and label scheme.
        table: one of RELATION_TABLES.
        relation: the parameter, and what is held constant.
    """
    responses = labelling.responses
    folder = labelling.study.relations(table, responses.set, responses.model, labelling.scheme)
    return folder / relation.file_name


def write_relation(
    path: Path, table: str, relation: Relation, rows: pl.DataFrame, provenance: Mapping[str, Any]
) -> None:
    """Write one table.

    Args:
        path: where it is written: what `relation_file` returns, or the place of a commit for it.
        table: one of RELATION_TABLES.
        relation: becomes its first columns.
        rows: all its other columns.
        provenance: also holds the sources of the labelling and of the variables.
    """
    import pyarrow as pa

    schema = arrow_schema(RELATION_TABLES[table])
    first = [pa.repeat(value, len(rows)) for value in vars(relation).values()]
    whole = pa.Table.from_arrays([*first, *rows.to_arrow().columns], names=schema.names).cast(schema)
    write_table(path, whole, provenance)


def variable_sources(
    study: StudyFolder, set_name: str, names: Collection[str], staged: StudyFolder | None = None
) -> dict[str, str]:
    """The digest of the table that has the values of each variable.

    Args:
        study: the study.
        set_name: the stimulus set.
        names: of parameters and measured properties.
        staged: files that are about to take the place of those of the study; none if None.
    """
    folders = [study, *([staged] if staged else [])]
    added = {name for each in folders for name in each.added_parameters(set_name)}
    tables = [each.properties(set_name).parent.glob("*.parquet") for each in folders]
    measured = sorted({file.name for found in tables for file in found})
    files = [study.stimuli(set_name), *map(study.properties(set_name).with_name, measured)]
    others = ",".join(_digest_in(study, staged, file) for file in files)
    return {
        name: _digest_in(study, staged, study.observations(set_name, name)) if name in added else others
        for name in names
        if name != CATEGORY
    }


def _digest_in(study: StudyFolder, staged: StudyFolder | None, path: Path) -> str:
    """The digest of a file of a study, or of what takes its place."""
    if staged and (fresh := staged.root / path.relative_to(study.root)).is_file():
        return digest_of(fresh)
    return present_digest(path)


def fresh_relations(
    labelling: Labelling, table: str, checked: SmallTables
) -> tuple[list[Path], list[Relation]]:
    """The files of a table that were made from the present responses, labels and values, and what others are of.

    Args:
        labelling: responses and label scheme.
        table: one of RELATION_TABLES.
        checked: tells the origin of the files.
    """
    responses = labelling.responses
    folder = labelling.study.relations(table, responses.set, responses.model, labelling.scheme)
    fresh, stale = [], []
    for file in sorted(folder.glob("*.parquet")):
        origin = checked.origin(file)
        if is_source_of(labelling, origin) and [*checked.columns(file)] == [*RELATION_TABLES[table]]:
            fresh.append(file)
        else:
            stale.append(Relation(*(str(origin.get(name, "")) for name in vars(Relation("")))))
    return fresh, stale


def is_source_of(labelling: Labelling, origin: Mapping[str, Any]) -> bool:
    """Whether a table was made from the present responses, labels and values of the variables.

    Args:
        labelling: responses and label scheme.
        origin: what the table's file says.
    """
    variables = origin.get("variables", {})
    present = variable_sources(labelling.study, labelling.responses.set, variables)
    return labelling.is_source_of(origin) and variables == present
