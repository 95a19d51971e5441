"""Tables of resampled indices. Owns where they lie, their columns, and that none is read beside other data.

    significance/set=<set>/model=<model>/scheme=<scheme>/<table>-<index>-<statistic>-<normalise>.parquet

`filters`: every filter and category with its interval and p values; `draws`: the selective filters of every layer in
every draw; `splits`: every filter with what two halves of the stimuli say of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from toolbox.errors import VerificationError
from toolbox.files import digest_of
from toolbox.store.availability import AvailableResponses
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import provenance_of, read_table, write_table

_CHOSEN = [("index", pa.string()), ("statistic", pa.string()), ("normalise", pa.string())]
FILTERS = pa.schema(
    [
        *_CHOSEN,
        ("layer", pa.string()),
        ("filter", pa.int32()),
        ("category", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p", pa.float64()),
        ("q", pa.float64()),
        ("p_family", pa.float64()),
        ("p_welch", pa.float64()),
        ("q_welch", pa.float64()),
    ]
)
DRAWS = pa.schema(
    [
        *_CHOSEN,
        ("kind", pa.string()),
        ("draw", pa.int32()),
        ("layer", pa.string()),
        ("category", pa.string()),
        ("threshold", pa.float64()),
        ("selective", pa.int32()),
        ("strength", pa.float64()),
    ]
)
SPLITS = pa.schema(
    [
        *_CHOSEN,
        ("layer", pa.string()),
        ("filter", pa.int32()),
        ("preferred", pa.string()),
        ("value", pa.float64()),
        ("cross_validated", pa.float64()),
        ("agreement", pa.float64()),
        ("reliability", pa.float64()),
    ]
)
TABLES = {"filters": FILTERS, "draws": DRAWS, "splits": SPLITS}
"""Table -> its columns. In SQL they are the views `significance`, `draws` and `reliability`."""
USUAL = {"draws": 1000, "seed": 0}
"""How often and from where is resampled if nobody says otherwise."""
THRESHOLDS = (0.01, 0.1)
"""Where filters are counted if nobody says otherwise: a selective filter of Figure 1, and a highly responsive one."""


@dataclass(frozen=True)
class Measure:
    """Which index was resampled: of which statistic of the maps, in which range."""

    index: str = "contrast"
    statistic: str = "maximum"
    normalise: str = "filter"

    def __str__(self) -> str:
        return f"{self.index}-{self.statistic}-{self.normalise}"


@dataclass(frozen=True)
class Labelling:
    """The responses of one model to one set, under one label scheme."""

    study: StudyFolder
    responses: AvailableResponses
    scheme: str

    @property
    def labels(self) -> Path:
        return self.study.labels(self.responses.set, self.scheme)

    @property
    def source(self) -> dict[str, Any]:
        """What a table must have been made from to be read beside these responses and labels."""
        return {"labels": digest_of(self.labels), "parts": self.responses.parts}

    def command(self, measure: Measure, thresholds: Sequence[float] = (), **further: int) -> str:
        """The command that makes the tables of a measure, with filters counted above these thresholds too.

        Args:
            further: draws and seed, where they are not the usual ones.
        """
        set_name, usual = self.responses.set, Measure()
        options = {
            "model": self.responses.model if len(self.study.models(set_name)) > 1 else None,
            "scheme": self.scheme if len(self.study.schemes(set_name)) > 1 else None,
            **{name: value for name, value in vars(measure).items() if value != getattr(usual, name)},
        }
        given = [(name, value) for name, value in options.items() if value is not None]
        given += [("threshold", threshold) for threshold in thresholds if threshold not in THRESHOLDS]
        given += [(name, value) for name, value in further.items() if value != USUAL[name]]
        return " ".join(["toolbox significance", set_name, *(f"--{name} {value}" for name, value in given)])

    def file(self, table: str, measure: Measure) -> Path:
        return self._folder / f"{table}-{measure}.parquet"

    def command_of(self, file: Path) -> str:
        """The command that makes a table anew in the way in which it was made."""
        _, *names = file.stem.split("-")
        made = provenance_of(file)
        further = {name: made[name] for name in USUAL if name in made}
        return self.command(Measure(*names[:3]), made.get("thresholds", ()), **further)

    def fresh_files(self, table: str) -> tuple[list[Path], list[Path]]:
        """The files of a table that were made from these responses and labels, and those made from others."""
        source = self.source
        files = sorted(self._folder.glob(f"{table}-*.parquet"))
        fresh = [file for file in files if _is_of(source, file)]
        return fresh, [file for file in files if file not in fresh]

    def read(self, table: str, measure: Measure) -> pa.Table | None:
        """One table, if it was made from these responses and labels."""
        file = self.file(table, measure)
        return read_table(file).cast(TABLES[table]) if file.is_file() and _is_of(self.source, file) else None

    def holds(self, table: str, measure: Measure, made: Mapping[str, Any]) -> bool:
        """Whether a table is there, whole, that was made in just this way from these responses and labels."""
        try:
            return self.read(table, measure) is not None and _is_of(made, self.file(table, measure))
        except (VerificationError, ValueError):  # damaged, or of other columns
            return False

    def write(self, table: str, measure: Measure, rows: pa.Table, provenance: Mapping[str, Any]) -> None:
        """Write one table.

        Args:
            provenance: also holds `source`, as it was before anything was read for the table.
        """
        chosen = [
            pa.repeat(value, len(rows)) for value in (measure.index, measure.statistic, measure.normalise)
        ]
        whole = pa.Table.from_arrays([*chosen, *rows.columns], names=TABLES[table].names).cast(TABLES[table])
        write_table(self.file(table, measure), whole, provenance)

    @property
    def _folder(self) -> Path:
        return self.study.significance(self.responses.set, self.responses.model, self.scheme)


def _is_of(source: Mapping[str, Any], file: Path) -> bool:
    origin = provenance_of(file)
    return all(origin.get(name) == value for name, value in source.items())
