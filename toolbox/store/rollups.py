"""Roll-ups: sums from which every index except the rank-based ones is computed. Owns making, merging, storing them.

    rollups/set=<set>/model=<model>/scheme=<scheme>/rollup.parquet
        layer, filter, category, statistic, n, sum, squared_deviations, minimum, maximum

One row per layer, filter, category and statistic ('maximum' or 'mean' of the map), over the labelled stimuli. Roll-ups
of disjoint stimuli can be merged: those of new parts are added to existing ones, and laboratories can merge theirs
without sharing an image. `squared_deviations` are relative to the mean of the row, because a plain sum of squares would
lose precision by cancellation.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from toolbox.errors import BusyError, ToolboxError, VerificationError
from toolbox.store.availability import available_responses
from toolbox.store.columns import ROLLUPS
from toolbox.store.commits import scratch_folder
from toolbox.store.folder import StudyFolder
from toolbox.store.imported_rollups import check_imported_rollup, without_responses
from toolbox.store.labels import read_labels
from toolbox.store.parquet import arrow_schema, read_table, read_table_and_origin, write_tables
from toolbox.store.plan import Plan, read_plan
from toolbox.store.resamples import Labelling

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class _StoredRollup:
    """A roll-up on disk. `source`: digests of the labels, and of every part without and with its labels."""

    table: pa.Table
    source: dict[str, Any]


_MERGED = """
with piece as (
    select *, sum(sum) over cell / sum(n) over cell as mean
    from pieces
    window cell as (partition by layer, filter, category, statistic)
)
select
    layer, filter, category, statistic,
    sum(n)::bigint as n,
    sum(sum) as sum,
    -- Chan, Golub and LeVeque (1983), doi 10.1080/00031305.1983.10483115
    sum(squared_deviations + n * (sum / n - mean) ** 2) as squared_deviations,
    min(minimum) as minimum,
    max(maximum) as maximum
from piece
group by layer, filter, category, statistic
order by layer, filter, category, statistic
"""


def fresh_rollup(labelling: Labelling, plan: Plan | None = None) -> pa.Table:
    """The roll-up of all available responses under the current labels; it is made or extended where necessary.

    Args:
        labelling: the responses and the label scheme.
        plan: the plan of the responses, if it was already read.

    Raises: VerificationError for damaged labels or a damaged plan; as `check_imported`.
    """
    responses, scheme = labelling.responses, labelling.scheme
    path = labelling.study.rollup(responses.set, responses.model, scheme)
    if responses.imported is not None:
        check_imported(labelling)
        return read_table(path).cast(arrow_schema(ROLLUPS))
    stored, source = _read_stored(path), labelling.source
    if stored and labelling.is_source_of(stored.source):
        return stored.table
    labels = read_labels(labelling.labels)
    plan = plan or read_plan(labelling.study.extraction(responses.set, responses.model))
    labelled = labelled_parts(responses.parts, plan, labels)
    table = _extend(stored, labelling, labels, labelled)
    if labelling.source == source:  # or the labels were changed meanwhile
        names = {"set": responses.set, "model": responses.model, "scheme": scheme}
        _store(labelling.study, path, table, {**names, **source, "labelled": labelled})
    return table


def check_imported(labelling: Labelling) -> None:
    """Compare a roll-up that was imported without responses with the record of its import.

    Args:
        labelling: the responses, of which only roll-ups were imported, and the label scheme.

    Raises: UsageError for a scheme of which no roll-up was imported, and for labels that were changed;
        VerificationError for a missing or damaged roll-up.
    """
    responses, scheme = labelling.responses, labelling.scheme
    digests = (responses.imported or {}).get(scheme)
    if digests is None:
        raise without_responses(responses.set, responses.model)
    path = labelling.study.rollup(responses.set, responses.model, scheme)
    check_imported_rollup(path, labelling.labels, digests)


def _store(study: StudyFolder, path: Path, table: pa.Table, provenance: Mapping[str, Any]) -> None:
    """Write a roll-up, unless the study is read-only, or being changed: it is then made again by the next query."""
    with contextlib.suppress(OSError, BusyError), scratch_folder(study, wait=0) as scratch:
        write_tables(path, [table], table.schema, provenance, scratch=scratch)


def _extend(
    stored: _StoredRollup | None,
    labelling: Labelling,
    labels: Mapping[int, str],
    labelled: Mapping[str, str],
) -> pa.Table:
    """The roll-up of all parts. Only new parts are read; all parts, if the stored roll-up contains outdated ones."""
    old = stored if stored and stored.source["labelled"].items() <= labelled.items() else None
    new = [number for number in labelled if old is None or number not in old.source["labelled"]]
    paths = labelling.responses.paths(labelling.study, new)
    return merge_rollups([*([old.table] if old else []), roll_up(paths, labels)])


def update_rollups(
    study: StudyFolder, set_name: str, models: Collection[str], schemes: Collection[str]
) -> None:
    """Update the roll-ups of a set after an extraction or a new labelling, where possible.

    Roll-ups only make the next query faster. A failure (no responses yet, a damaged part, another process that replaces
    them) is therefore not raised here; that query reports it.

    Args:
        study: the study that contains the roll-ups.
        set_name: the stimulus set.
        models: names of the models.
        schemes: the label schemes.
    """
    hindrances = contextlib.suppress(ToolboxError, duckdb.Error, OSError)
    for model in models:
        with hindrances:
            responses = available_responses(study, set_name, model)
            plan = read_plan(study.extraction(set_name, model))
            for scheme in schemes:
                with hindrances:
                    fresh_rollup(Labelling(study, responses, scheme), plan)


def roll_up(parts: Sequence[Path], labels: Mapping[int, str]) -> pa.Table:
    """The roll-up of some parts, with the columns ROLLUPS.

    Args:
        parts: the files of the parts.
        labels: category by stimulus_id.

    Raises: VerificationError for a damaged part.
    """
    from toolbox.store.category_sums import CategorySums

    sums = CategorySums(labels)
    sums.add_parts(parts)
    return sums.table()


def merge_rollups(rollups: Sequence[pa.Table]) -> pa.Table:
    """The roll-up of all stimuli of several roll-ups, whose stimuli must be disjoint.

    Args:
        rollups: at least one table with the columns ROLLUPS.
    """
    if len(rollups) == 1:
        return rollups[0]
    import pyarrow as pa

    with duckdb.connect(":memory:") as connection:
        connection.register("pieces", pa.concat_tables(rollups))
        return connection.sql(_MERGED).to_arrow_table().cast(arrow_schema(ROLLUPS))


def _read_stored(path: Path) -> _StoredRollup | None:
    """The roll-up on disk and its source; None where no usable roll-up exists."""
    if not path.is_file():
        return None
    try:
        table, origin = read_table_and_origin(path)
        source = {name: origin[name] for name in ("labels", "parts", "labelled")}
        return _StoredRollup(table.cast(arrow_schema(ROLLUPS)), source)
    except (VerificationError, KeyError, ValueError):  # damaged, or of another program: it is made again
        return None


def labelled_parts(parts: Mapping[str, str], plan: Plan | None, labels: Mapping[int, str]) -> dict[str, str]:
    """A digest of the responses of every part and of the labels of its stimuli, by the number of the part.

    Args:
        parts: number of every part that counts -> digest of its values and of the images of its stimuli.
        plan: which lists the stimuli of the parts.
        labels: category by stimulus_id.
    """
    digests = {}
    for number, values in parts.items():
        part = plan.parts[int(number)] if plan else ()
        lines = [f"{stimulus} {labels[stimulus]}" for stimulus in sorted(part) if stimulus in labels]
        digests[number] = hashlib.sha256("\n".join([values, *lines]).encode()).hexdigest()
    return digests
