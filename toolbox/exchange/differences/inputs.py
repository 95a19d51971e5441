"""What differs in the inputs of two studies: computation, stimuli, labels, versions. Reads no response."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from toolbox.exchange.differences.sides import Side
from toolbox.exchange.merging.identities import identity_differences
from toolbox.exchange.merging.matching import MergedStimuli
from toolbox.store.stimuli import variable_names
from toolbox.store.study_file import read_study_file
from toolbox.terms import ORIGIN

INPUT_COLUMNS = {"kind": pl.String, "what": pl.String, "first": pl.String, "second": pl.String}
_Row = tuple[str, str, Any, Any]


def input_rows(first: Side, second: Side, stimuli: MergedStimuli) -> pl.DataFrame:
    """The inputs that differ, one row each: kind, what, first, second; no row where nothing differs.

    Args:
        first: a study.
        second: another.
        stimuli: the stimuli of both, in this order.
    """
    rows = [
        *_of_names(first, second),
        *_of_computation(first, second),
        *_of_stimuli(first, second, stimuli),
        *_of_labels(first, second, stimuli),
        *_of_variables(first, second, stimuli),
        *_of_versions(first, second),
    ]
    texts = [(kind, what, _text(one), _text(other)) for kind, what, one, other in rows]
    return pl.DataFrame(texts, schema=INPUT_COLUMNS, orient="row")


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _of_names(first: Side, second: Side) -> Iterator[_Row]:
    for what, one, other in (
        ("set", first.lab.set, second.lab.set),
        ("model", first.model, second.model),
        ("label scheme", first.scheme, second.scheme),
    ):
        if one != other:
            yield "names", what, one, other


def _of_computation(first: Side, second: Side) -> Iterator[_Row]:
    plans = [side.lab.plan(side.model).identity for side in (first, second)]
    differences = list(identity_differences(*plans))
    yield from (("model", difference, "", "") for difference in differences)
    one, other = _stated(first), _stated(second)
    for name in dict.fromkeys((*one, *other)):
        if name == "weights" and not differences:
            continue  # another file of the same weights, as their digests show
        if one.get(name) != other.get(name):
            yield "computation", name, one.get(name, "unknown"), other.get(name, "unknown")


def _stated(side: Side) -> Mapping[str, Any]:
    """What the records of the responses state of their computation."""
    computed = side.lab.computed_with(side.model)
    sources = {name: ", ".join(getattr(computed, name)) for name in ("weights", "provider", "runtime")}
    return {name: text for name, text in sources.items() if text} | dict(computed.preprocessing)


def _of_stimuli(first: Side, second: Side, stimuli: MergedStimuli) -> Iterator[_Row]:
    alone: tuple[list[str], list[str]] = ([], [])
    for members in stimuli.members:
        if len(members) == 1:
            place, old = members[0]
            alone[place].append((first, second)[place].lab.stimuli[old]["path"])
    if alone[0] or alone[1]:
        shared = len(stimuli.shared)
        yield "stimuli", f"only in one ({shared:,} in both)", _listed(alone[0]), _listed(alone[1])
    if stimuli.same_picture:
        yield (
            "stimuli",
            "other files of the same pictures",
            len(stimuli.same_picture),
            len(stimuli.same_picture),
        )
    counts = [side.lab.responses(side.model).stimuli for side in (first, second)]
    if counts[0] != counts[1]:
        yield "stimuli", "stimuli with responses", counts[0], counts[1]


def _listed(paths: list[str]) -> str:
    """How many there are, and one of them."""
    return f"{len(paths):,}, such as {paths[0]}" if len(paths) > 1 else paths[0] if paths else "none"


def _of_labels(first: Side, second: Side, stimuli: MergedStimuli) -> Iterator[_Row]:
    changed: dict[tuple[str, str], int] = Counter()
    for number in stimuli.shared:
        old = dict(stimuli.members[number])
        pair = first.labels.get(old[0], "no label"), second.labels.get(old[1], "no label")
        changed[pair] += pair[0] != pair[1]
    for (one, other), count in sorted(changed.items()):
        if count:
            noun = "stimulus" if count == 1 else "stimuli"
            yield "labels", f"category of {count:,} {noun} in both", one, other
    sizes = [Counter(side.labels.values()) for side in (first, second)]
    for category in sorted({*sizes[0], *sizes[1]}):
        if sizes[0][category] != sizes[1][category]:
            yield "labels", f"stimuli of {category}", sizes[0][category], sizes[1][category]


def _of_variables(first: Side, second: Side, stimuli: MergedStimuli) -> Iterator[_Row]:
    names = [
        {*variable_names(side.lab.table.column_names), *side.lab.study.added_parameters(side.lab.set)}
        - {ORIGIN}
        for side in (first, second)
    ]
    if names[0] != names[1]:
        yield (
            "parameters",
            "only in one",
            ", ".join(sorted(names[0] - names[1])) or "none",
            ", ".join(sorted(names[1] - names[0])) or "none",
        )
    for name in sorted(
        names[0] & names[1] & {*first.lab.table.column_names} & {*second.lab.table.column_names}
    ):
        pairs = [dict(stimuli.members[number]) for number in stimuli.shared]
        other = sum(
            first.lab.stimuli[pair[0]].get(name) != second.lab.stimuli[pair[1]].get(name) for pair in pairs
        )
        if other:
            yield "parameters", f"{name}: stimuli with another value", other, other


def _of_versions(first: Side, second: Side) -> Iterator[_Row]:
    made = [str(read_study_file(side.lab.study.root).get("created_by")) for side in (first, second)]
    if made[0] != made[1]:
        yield "versions", "study created by", made[0], made[1]
