"""The responses of laboratories as one extraction, under new numbers. Owns comparing those to shared stimuli.

Of a stimulus that several laboratories presented, the responses of the study named first are kept, after they were
compared with the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import MixtureError
from toolbox.exchange.merging.labs import Lab
from toolbox.exchange.merging.matching import MergedStimuli
from toolbox.exchange.merging.runs import run_name
from toolbox.store.folder import StudyFolder
from toolbox.store.parts import LayerResponses, read_layer, read_layer_of, write_part
from toolbox.store.plan import Plan, plan_digest, write_plan
from toolbox.store.records import read_record
from toolbox.terms import STATISTICS

LARGEST_ROUNDING = 1e-4
"""Largest difference of two responses, relative to the range of their filter, that is one of rounding: another
processor sums products in another order (measured 8e-7 to 3e-6; the bound is that of `toolbox model check`)."""
OF_THE_FILE = ("part", "stimuli", "rows", "bytes", "sha256", "values")
"""What a record states of the file of its part, which is written again."""


@dataclass(frozen=True, eq=False)
class MergedResponses:
    """The responses of one model that are merged.

    Attributes:
        labs: all studies.
        stimuli: the merged stimuli.
        model: the model.
        chosen: new stimulus_id -> place of the laboratory whose responses are kept.
        available: by place of the laboratories with responses, old numbers of the stimuli with responses.
    """

    labs: Sequence[Lab]
    stimuli: MergedStimuli
    model: str
    chosen: Mapping[int, int]
    available: Mapping[int, frozenset[int]]

    def shared(self, first: int, other: int) -> list[tuple[int, int]]:
        """Old numbers, in both, of the stimuli that two laboratories presented and of which the first's are kept.

        Args:
            first: place of the laboratory whose responses are kept.
            other: place of the other one.
        """
        pairs = [
            (dict(members)[first], dict(members)[other])
            for number, members in enumerate(self.stimuli.members)
            if self.chosen.get(number) == first and other in dict(members)
        ]
        return [pair for pair in pairs if pair[1] in self.available[other]]


def choose_responses(labs: Sequence[Lab], stimuli: MergedStimuli, model: str) -> MergedResponses:
    """The responses of a model that are kept: of every stimulus, those of the first laboratory that shared any.

    Args:
        labs: all studies.
        stimuli: the merged stimuli.
        model: the model.
    """
    available = {
        place: lab.presented(model)
        for place, lab in enumerate(labs)
        if model in lab.study.models(lab.set) and not lab.has_only_rollups(model)
    }
    chosen = {}
    for number, members in enumerate(stimuli.members):
        with_responses = [place for place, old in members if old in available.get(place, ())]
        if with_responses:
            chosen[number] = with_responses[0]
    return MergedResponses(labs, stimuli, model, chosen, available)


def compare_shared(merged: MergedResponses) -> list[str]:
    """Compare the responses to stimuli that several laboratories presented.

    They must be equal to the bit, or differ by no more than rounding, which is noted: records do not state the
    instructions of a processor, on which rounding depends.

    Args:
        merged: the responses.

    Returns: notes.
    Raises: MixtureError for responses that differ by more.
    """
    notes = list[str]()
    for first in merged.available:
        for other in merged.available:
            if first != other and (pairs := merged.shared(first, other)):
                notes += _compare(merged, first, other, pairs)
    return notes


def _compare(
    merged: MergedResponses, first: int, other: int, pairs: Sequence[tuple[int, int]]
) -> Iterator[str]:
    """Compare the responses of two laboratories to the stimuli that both presented."""
    labs = merged.labs[first], merged.labs[other]
    largest, place = 0.0, ""
    different: set[int] = set()
    for layer in labs[0].plan(merged.model).identity.recorded_layers:
        gaps, exact = _gaps(merged, (first, other), pairs, layer)
        different |= {pairs[row][0] for row in np.flatnonzero(~exact).tolist()}
        if gaps.size and gaps.max() > largest:
            statistic, row, number = map(int, np.unravel_index(gaps.argmax(), gaps.shape))
            path = labs[0].stimuli[pairs[row][0]]["path"]
            largest = float(gaps.max())
            place = f"{STATISTICS[statistic]} of filter {number} of {layer} to {path}"
    counts = f"{len(different):,} of {len(pairs):,} shared stimuli"
    text = f"{merged.model}: the responses in {labs[0].place} and {labs[1].place} to {counts}"
    if largest > LARGEST_ROUNDING:
        raise MixtureError(
            f"{text} differ by up to {largest:.2g} of the range of a filter ({place}), which is more than rounding "
            f"({LARGEST_ROUNDING:g}), although model and preprocessing are the same: {_computed_with(*labs, merged)}; "
            "extract these stimuli again in both (toolbox extract … --replace), and compare the versions of the "
            "libraries (toolbox doctor)"
        )
    if different:
        yield (
            f"{text} differ by at most {largest:.2g} of the range of a filter, which is rounding (up to "
            f"{LARGEST_ROUNDING:g} is accepted); {_computed_with(*labs, merged)}; those of {labs[0].place} are kept"
        )


def _gaps(
    merged: MergedResponses, places: tuple[int, int], pairs: Sequence[tuple[int, int]], layer: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(statistics, stimuli, filters) of differences relative to the range of the filter; (stimuli,) of equal bits."""
    labs = [merged.labs[place] for place in places]
    parts = [lab.responses(merged.model).paths(lab.study) for lab in labs]
    mine, theirs = (read_layer_of(parts[side], layer, [pair[side] for pair in pairs]) for side in (0, 1))
    _, *every = read_layer(parts[0], layer)
    gaps, exact = [], np.ones(len(pairs), dtype=bool)
    for a, b, values in zip(mine, theirs, every, strict=True):
        span = np.ptp(values.astype(np.float64), axis=0)
        gap = np.abs(a.astype(np.float64) - b)
        scale = np.where(
            span > 0, span, np.maximum(np.abs(a), np.abs(b))
        )  # of a filter of one value, that value
        gaps.append(gap / np.where(scale > 0, scale, 1))
        exact &= (a.view(np.int32) == b.view(np.int32)).all(axis=1)
    return np.stack(gaps), exact


def _computed_with(first: Lab, other: Lab, merged: MergedResponses) -> str:
    """What the records state of both computations."""
    found = []
    for lab in (first, other):
        made = {
            f"{record.get('provider')}, {record.get('runtime')}"
            for number in lab.responses(merged.model).parts
            if (record := read_record(lab.study.extraction(lab.set, merged.model), int(number)))
        }
        found.append(" and ".join(sorted(made)))
    return (
        f"both were computed with {found[0]}"
        if found[0] == found[1]
        else f"computed with {found[0]}; {found[1]}"
    )


def write_responses(
    study: StudyFolder, set_name: str, merged: MergedResponses, digests: Mapping[int, str]
) -> None:
    """Write the parts that are kept, their records and the plan.

    Args:
        study: the merged study.
        set_name: its set.
        merged: the responses.
        digests: identities of the images of the merged set by stimulus_id.
    """
    folder = study.extraction(set_name, merged.model)
    plans = [merged.labs[place].plan(merged.model) for place in merged.available]
    identity = plans[0].identity
    written: list[tuple[int, ...]] = []
    for place in merged.available:
        for number in merged.labs[place].responses(merged.model).parts:
            part = _renumbered(merged, place, int(number))
            if part is None:
                continue
            stimuli, responses, record = part
            planned = tuple(sorted({*stimuli, *(entry["stimulus_id"] for entry in record["unreadable"])}))
            run = run_name(merged.labs[place], str(record.get("run", "")), set_name)
            record |= {
                "run": run,
                "set": set_name,
                "identity": identity.digest,
                "plan": plan_digest(planned, digests),
            }
            write_part(folder, len(written), stimuli, responses, record)
            written.append(planned)
    created = min(plan.created for plan in plans)
    write_plan(folder.plan, Plan(identity, tuple(written), identity.digest, created))


def _renumbered(
    merged: MergedResponses, place: int, number: int
) -> tuple[list[int], LayerResponses, dict[str, Any]] | None:
    """The kept stimuli of a part under new numbers, ascending, their responses, and its record; None where none is."""
    lab, numbers = merged.labs[place], merged.stimuli.numbers[place]
    folder = lab.study.extraction(lab.set, merged.model)
    record = read_record(folder, number)
    assert record is not None  # the part is available
    path, layers = folder.part(number), lab.plan(merged.model).identity.recorded_layers
    present = read_layer([path], layers[0])[0].tolist()
    kept = [row for row, old in enumerate(present) if merged.chosen.get(numbers[old]) == place]
    rows = sorted(kept, key=lambda row: numbers[present[row]])
    if not rows:
        return None
    responses = {}
    for layer in layers:
        _, maximum, mean = read_layer([path], layer)
        responses[layer] = (maximum[rows], mean[rows])
    unreadable = [
        {**entry, "stimulus_id": numbers[entry["stimulus_id"]]}
        for entry in record["unreadable"]
        if _is_first_failure(merged, place, numbers[entry["stimulus_id"]])
    ]
    origin = {"origin": lab.origin, "part": number, "values": record["values"], "plan": record["plan"]}
    copied = {name: value for name, value in record.items() if name not in OF_THE_FILE}
    return (
        [numbers[present[row]] for row in rows],
        responses,
        copied | {"unreadable": unreadable, "merged": origin},
    )


def _is_first_failure(merged: MergedResponses, place: int, number: int) -> bool:
    """Whether no laboratory has responses to a stimulus, and this one is the first that tried."""
    tried = [other for other, _ in merged.stimuli.members[number] if other in merged.available]
    return number not in merged.chosen and tried[0] == place
