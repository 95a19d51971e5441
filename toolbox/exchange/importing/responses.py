"""The responses of a bundle, part by part. Owns that they are those of the plan, with the digests of the records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from toolbox.exchange.bundle.layout import EXTRACTIONS
from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.exchange.importing.json_files import entry, numbers
from toolbox.exchange.importing.records import LONGEST_TEXT, ExtractionRecord, PartRecord, TableRecord
from toolbox.exchange.importing.table_files import BATCH, NO_TRUST, check_texts, opened_table
from toolbox.exchange.importing.values import Content
from toolbox.printing import is_printable
from toolbox.store.plan import plan_digest

_KEPT = (
    "run",
    "weights",
    "preprocessing",
    "provider",
    "runtime",
    "precision",
    "agreement",
    "unreadable",
    "written",
)
"""Entries of a commit record that are taken over."""
_DEEPEST = 5

PartKey = tuple[str, str, int]
"""Set, model and number of a part."""
LayerMatrices = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Layer -> maximum and mean, each (stimuli, filters)."""


@dataclass(frozen=True)
class ExpectedPart:
    """A part that counts: which responses it must have.

    Attributes:
        stimuli: with responses, ascending.
        filters: number of filters of every recorded layer.
        record: what is taken over of its commit record.
        values: the digest of its values.
    """

    stimuli: tuple[int, ...]
    filters: Mapping[str, int]
    record: dict[str, Any]
    values: str

    @property
    def rows(self) -> int:
        """Number of responses."""
        return len(self.stimuli) * sum(self.filters.values())


def stimuli_of_responses(each: ExtractionRecord, stimuli: Collection[int]) -> frozenset[int]:
    """The stimuli with responses: as listed; else all that could be read, if their number is that.

    Args:
        each: the extraction.
        stimuli: all of the set.

    Raises: BundleError.
    """
    if each.presented is None:
        total, found = each.stimuli, frozenset(stimuli) - {*each.unreadable}
    else:
        ranges = each.presented
        total = sum(last - first + 1 for first, last in ranges)
        found = frozenset(n for n in stimuli if any(first <= n <= last for first, last in ranges))
    if not total == len(found) == each.stimuli or found & {*each.unreadable}:
        of = shortened(each.set)
        refuse(EXTRACTIONS, f"states {each.stimuli:,} stimuli with responses of {of}, and lists others")
    return found


def expected_parts(
    content: Content, each: ExtractionRecord, digests: Mapping[int, str]
) -> dict[PartKey, ExpectedPart]:
    """The parts of an extraction that count.

    Args:
        content: the tables of a bundle.
        each: the extraction.
        digests: identities of the images of its set by stimulus_id.

    Raises: BundleError for records that are not of the plan, or of other images than those of the set.
    """
    planned = [stimulus for part in each.parts or () for stimulus in part.stimuli]
    if len({*planned}) != len(planned) or not {*planned} <= digests.keys():
        refuse(EXTRACTIONS, f"plans a stimulus of {shortened(each.set)} twice, or one that the set lacks")
    filters = {layer: content.filters[each.model][layer] for layer in each.identity.recorded_layers}
    found = {
        (each.set, each.model, number): _expected(each, number, part, filters, digests)
        for number, part in enumerate(each.parts or ())
        if part.record is not None
    }
    sources = {str(key[2]): f"{part.values} {part.record['plan']}" for key, part in found.items()}
    if sources != each.sources:
        refuse(EXTRACTIONS, f"has other sources of {shortened(each.set)} than its parts")
    if sum(len(part.stimuli) for part in found.values()) != each.stimuli:
        refuse(EXTRACTIONS, f"states {each.stimuli:,} stimuli with responses, and has others in its parts")
    return found


def _expected(
    each: ExtractionRecord,
    number: int,
    part: PartRecord,
    filters: Mapping[str, int],
    digests: Mapping[int, str],
) -> ExpectedPart:
    record = part.record or {}
    place = f"the record of part {number} of {shortened(each.set)}"
    plan = plan_digest(part.stimuli, digests)
    if record.get("part") != number or record.get("identity") != each.digest:
        refuse(EXTRACTIONS, f"has {place} of another part or network")
    if record.get("plan") != plan:
        refuse(EXTRACTIONS, f"has {place} of other images than those of the set")
    named = ("run",) if "run" in record else ()  # records of early versions name no run
    for name in (*named, "weights", "provider", "runtime", "precision", "written"):
        entry(EXTRACTIONS, record, name, str)
    entry(EXTRACTIONS, record, "preprocessing", dict)
    failed = [row for row in entry(EXTRACTIONS, record, "unreadable", list) if isinstance(row, dict)]
    unreadable = numbers(EXTRACTIONS, "unreadable", [row.get("stimulus_id") for row in failed])
    if not {*unreadable} <= {*part.stimuli}:
        refuse(EXTRACTIONS, f"has {place} with unreadable stimuli that it does not plan")
    stimuli = tuple(sorted({*part.stimuli} - {*unreadable}))
    kept = {name: record[name] for name in _KEPT if name in record}
    check_plain(EXTRACTIONS, kept)
    values = entry(EXTRACTIONS, record, "values", str)
    expected = ExpectedPart(stimuli, filters, kept | {"identity": each.digest, "plan": plan}, values)
    if record.get("stimuli") != len(stimuli) or record.get("rows") != expected.rows:
        refuse(EXTRACTIONS, f"has {place} with another number of stimuli or responses than it plans")
    return expected


def check_plain(file: str, value: object, depth: int = 0) -> None:
    """Refuse what is no plain record: texts with control characters, or of many lines, and lists in lists in lists.

    Args:
        file: name of the file, for the message.
        value: a value of JSON.
        depth: of the value in the record.

    Raises: BundleError.
    """
    if depth > _DEEPEST:
        refuse(file, "has a record of lists in lists in lists", NO_TRUST)
    if isinstance(value, str) and (len(value) > LONGEST_TEXT or not is_printable(value)):
        refuse(file, f"has {shortened(value)}; expected a text of one line", NO_TRUST)
    if isinstance(value, Mapping):
        for key, one in value.items():
            check_plain(file, key, depth + 1)
            check_plain(file, one, depth + 1)
    if isinstance(value, list):
        for one in value:
            check_plain(file, one, depth + 1)


def read_parts(
    content: Content, expected: Mapping[PartKey, ExpectedPart]
) -> Iterator[tuple[PartKey, LayerMatrices]]:
    """The responses of every expected part, one part in memory at a time.

    Args:
        content: the tables of a bundle.
        expected: the parts of all extractions.

    Raises: BundleError for rows of no expected part, for a part that is missing, and for responses that are no numbers.
    """
    record = content.bundle.table("responses")
    if record is None:
        return
    seen = set[PartKey]()
    key, batches, rows = None, list[pa.RecordBatch](), 0
    for batch_key, batch in _batches(content, record):
        if batch_key != key:
            if key is not None:
                yield key, _matrices(record.file, key, batches, expected[key])
            if batch_key in seen or batch_key not in expected:
                refuse(
                    record.file, f"has responses of {_shown_part(batch_key)} twice, or of no part of the plan"
                )
            seen.add(batch_key)
            key, batches, rows = batch_key, [], 0
        batches.append(batch)
        rows += len(batch)
        if rows > expected[batch_key].rows:
            refuse(record.file, f"has more responses of {_shown_part(batch_key)} than it plans", NO_TRUST)
    if key is not None:
        yield key, _matrices(record.file, key, batches, expected[key])
    if missing := expected.keys() - seen:
        refuse(record.file, f"lacks the responses of {_shown_part(min(missing))}")


def _batches(content: Content, record: TableRecord) -> Iterator[tuple[PartKey, pa.RecordBatch]]:
    """Batches of rows, each of one part."""
    with opened_table(content.bundle.folder, record) as opened:
        for batch in opened.iter_batches(BATCH, use_threads=False):
            check_texts(record.file, batch)
            if any(column.null_count for column in batch.columns):
                refuse(record.file, "has rows without a value that every row has")
            start = 0
            for end in _ends(batch):
                piece = batch.slice(start, end - start)
                first = piece.slice(0, 1).to_pylist()[0]
                yield (first["set"], first["model"], first["part"]), piece
                start = end


def _ends(batch: pa.RecordBatch) -> list[int]:
    """Where the rows of one part end."""
    codes = [
        column.indices if pa.types.is_dictionary(column.type) else column for column in batch.columns[:3]
    ]
    values = np.stack([code.to_numpy(zero_copy_only=False) for code in codes])
    changes = np.flatnonzero((values[:, 1:] != values[:, :-1]).any(axis=0)) + 1
    return [*changes.tolist(), len(batch)] if len(batch) else []


def _shown_part(key: PartKey) -> str:
    return f"part {key[2]} of {shortened(key[1])} to {shortened(key[0])}"


def _matrices(file: str, key: PartKey, batches: list[pa.RecordBatch], part: ExpectedPart) -> LayerMatrices:
    """The responses of a part as matrices, layer by layer."""
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    layers = table["layer"].cast(pa.string()).to_numpy(zero_copy_only=False)
    columns = {name: table[name].to_numpy() for name in ("filter", "stimulus_id", "maximum", "mean")}
    start, found, count = 0, LayerMatrices(), len(part.stimuli)
    identifiers = np.asarray(part.stimuli, dtype=np.int32)
    for layer in sorted(part.filters):
        filters = part.filters[layer]
        rows = slice(start, start + filters * count)
        start = rows.stop
        is_complete = (
            len(table) >= start
            and (layers[rows] == layer).all()
            and np.array_equal(columns["filter"][rows], np.repeat(np.arange(filters, dtype=np.int32), count))
            and np.array_equal(columns["stimulus_id"][rows], np.tile(identifiers, filters))
        )
        if not is_complete:
            refuse(
                file,
                f"lacks responses of {shortened(layer)} in {_shown_part(key)}, or has them in another order",
            )
        pair = tuple(columns[name][rows].reshape(filters, count).T for name in ("maximum", "mean"))
        if not all(np.isfinite(matrix).all() for matrix in pair):
            refuse(file, f"has a response of {shortened(layer)} that is no number in {_shown_part(key)}")
        found[layer] = (pair[0], pair[1])
    if start != len(table):
        refuse(file, f"has more responses of {_shown_part(key)} than it plans", NO_TRUST)
    return found
