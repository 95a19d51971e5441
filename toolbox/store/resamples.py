"""Tables of resampled indices. Owns where they are, their columns, and that none is read beside other data.

    significance/set=<set>/model=<model>/scheme=<scheme>/<index>-<statistic>-<normalise>.parquet
    resamples/, reliability/   likewise

`filters`, in the folder `significance`: every filter and category with its interval and p values; `resamples`: the
selective filters of every layer in every resample; `splits`, in the folder `reliability`: every filter with what two
halves of the stimuli say of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from toolbox.errors import VerificationError, command_line
from toolbox.files import digest_of
from toolbox.store.availability import AvailableResponses
from toolbox.store.columns import TABLES
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import digest_of_labels
from toolbox.store.parquet import arrow_schema, open_table, origin_in, provenance_of, row_groups, write_tables
from toolbox.store.verified import verified_digest
from toolbox.terms import DEFAULT_INDEX

if TYPE_CHECKING:
    import pyarrow as pa

Origin = Callable[[Path], Mapping[str, Any]]
"""What tells what a file says of its own origin."""

USUAL = {"resamples": 1000, "seed": 0}
"""How often and from where is resampled if nobody says otherwise."""


@dataclass(frozen=True)
class Measure:
    """Which index was resampled: of which statistic of the maps, in which range."""

    index: str = DEFAULT_INDEX
    statistic: str = "maximum"
    normalise: str = "filter"

    def __str__(self) -> str:
        """As the names of its tables say it."""
        return f"{self.index}-{self.statistic}-{self.normalise}"


@dataclass(frozen=True)
class Labelling:
    """The responses of one model to one set, under one label scheme."""

    study: StudyFolder
    responses: AvailableResponses
    scheme: str

    @property
    def labels(self) -> Path:
        """The label table."""
        return self.study.labels(self.responses.set, self.scheme)

    @property
    def source(self) -> dict[str, Any]:
        """What a table must have been made from to be read beside these responses and labels: their content alone."""
        return {"labels": digest_of_labels(self.labels), "parts": self.responses.parts}

    def is_source_of(self, origin: Mapping[str, Any]) -> bool:
        """Whether a table was made from just these responses and labels.

        Tables of early versions contain the digest of the label file, not of its labels. They are accepted for as long
        as nothing has been written into that file.

        Args:
            origin: what the table's file says.
        """
        if origin.get("parts") != self.responses.parts:
            return False
        labels = origin.get("labels")
        return labels == digest_of_labels(self.labels) or labels == digest_of(self.labels)

    def command(self, measure: Measure, thresholds: Sequence[float] = (), **further: int) -> str:
        """The command that makes the tables of a measure, with filters counted above these thresholds too.

        Args:
            measure: the index, statistic and range.
            thresholds: where filters are counted beside those of the index's file.
            further: resamples and seed, where they are not the usual ones.
        """
        options = [*self._options(measure)]
        options += [("threshold", threshold) for threshold in thresholds]
        options += [(name, value) for name, value in further.items() if value != USUAL[name]]
        words = [word for name, value in options for word in (f"--{name}", value)]
        return command_line("significance", self.responses.set, *words)

    def _options(self, measure: Measure) -> Iterator[tuple[str, Any]]:
        """What the command must say of model, scheme and measure: what is not the only one or the usual one."""
        set_name, usual = self.responses.set, vars(Measure())
        if len(self.study.models(set_name)) > 1:
            yield "model", self.responses.model
        if len(self.study.schemes(set_name)) > 1:
            yield "scheme", self.scheme
        yield from ((name, value) for name, value in vars(measure).items() if value != usual[name])

    def file(self, table: str, measure: Measure) -> Path:
        """Where a table of a measure lies.

        Args:
            table: one of TABLES.
            measure: the index, statistic and range.
        """
        return self.folder(table) / f"{measure}.parquet"

    def command_of(self, file: Path) -> str:
        """The command that makes a table again in the way in which it was made."""
        made = provenance_of(file)
        further = {name: made[name] for name in USUAL if name in made}
        return self.command(measure_of(file), made.get("threshold", ()), **further)

    def fresh_files(self, table: str, origin: Origin = provenance_of) -> tuple[list[Path], list[Path]]:
        """The files of a table that were made from these responses and labels, and those made from others.

        Args:
            table: one of TABLES.
            origin: how to learn what a file says of its origin.
        """
        files = sorted(self.folder(table).glob("*.parquet"))
        fresh = [file for file in files if self.is_source_of(origin(file))]
        return fresh, [file for file in files if file not in fresh]

    def has_table(self, table: str, measure: Measure, made: Mapping[str, Any] = MappingProxyType({})) -> bool:
        """Whether a table is there, whole, that was made in just this way from these responses and labels.

        Its bytes are compared with their checksum, but no row is read: with many categories, there are too many.

        Args:
            table: one of TABLES.
            measure: the index, statistic and range.
            made: what its file must say of its origin.
        """
        file = self.file(table, measure)
        try:
            verified_digest(file)
            with open_table(file) as opened:
                is_current = opened.schema_arrow.equals(arrow_schema(TABLES[table]))
                origin = origin_in(opened, file)
        except VerificationError:  # missing, or damaged
            return False
        return is_current and self.is_source_of(origin) and made.items() <= origin.items()

    def folder(self, table: str) -> Path:
        """The folder of a table.

        Args:
            table: one of TABLES.
        """
        return self.study.resampled(table, self.responses.set, self.responses.model, self.scheme)


def write_resampled(
    path: Path, table: str, measure: Measure, rows: Iterable[pa.Table], provenance: Mapping[str, Any]
) -> None:
    """Write one table.

    Args:
        path: where it is written: what `Labelling.file` returns, or the place of a commit for it.
        table: one of TABLES.
        measure: the index, statistic and range, which become its first columns.
        rows: all its other columns, piece by piece.
        provenance: also holds the `source` of the labelling of which the rows were computed.
    """
    import pyarrow as pa

    schema = arrow_schema(TABLES[table])

    def measured(piece: pa.Table) -> pa.Table:
        first = [pa.repeat(value, len(piece)) for value in vars(measure).values()]
        return pa.Table.from_arrays([*first, *piece.columns], names=schema.names).cast(schema)

    write_tables(path, row_groups(map(measured, rows)), schema, provenance)


def measure_of(file: Path) -> Measure:
    """The measure of a table, from the name of its file."""
    return Measure(*file.stem.split("-")[:3])
