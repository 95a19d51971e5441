"""Which stimuli of several studies are the same, and the numbers of all. Opens no image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from toolbox.exchange.merging.labs import Lab

StimulusOfLab = tuple[int, int]
"""The place of a laboratory among the studies, and the stimulus_id there."""


@dataclass(frozen=True)
class MergedStimuli:
    """The stimuli of the merged set.

    Attributes:
        members: by new stimulus_id, what this stimulus is in each laboratory that has it, in their order.
        numbers: by laboratory, old stimulus_id -> new one.
        same_picture: new numbers of stimuli whose files differ between laboratories, while the pictures are equal.
    """

    members: tuple[tuple[StimulusOfLab, ...], ...]
    numbers: tuple[Mapping[int, int], ...]
    same_picture: frozenset[int]

    @property
    def shared(self) -> list[int]:
        """New numbers of the stimuli that several laboratories have."""
        return [number for number, members in enumerate(self.members) if len(members) > 1]


def match_stimuli(labs: Sequence[Lab]) -> MergedStimuli:
    """Find the stimuli that several laboratories have, and number all of them.

    The same are those with equal bytes; then, of the rest, those with equal decoded pictures. Two stimuli of one
    laboratory stay two. The numbers follow the paths inside the folders of images, as ingestion lists them, so they do
    not depend on the order of the studies.

    Args:
        labs: the studies.
    """
    groups: list[dict[int, int]] = []
    alike = set[int]()
    for place, lab in enumerate(labs):
        files = {number: lab.digests[number] for number in lab.stimuli}
        left = _join(groups, labs, place, files, lambda lab, number: lab.digests[number])
        pictures = {number: lab.stimuli[number]["pixels_sha256"] for number in left}
        new = _join(groups, labs, place, pictures, lambda lab, number: lab.stimuli[number]["pixels_sha256"])
        of_picture = {*left} - {*new}
        alike |= {index for index, group in enumerate(groups) if group.get(place) in of_picture}
        groups += [{place: number} for number in new]
    order = sorted(range(len(groups)), key=lambda index: _order(labs, groups[index]))
    numbers: list[dict[int, int]] = [{} for _ in labs]
    for new_number, index in enumerate(order):
        for place, old in groups[index].items():
            numbers[place][old] = new_number
    members = tuple(tuple(groups[index].items()) for index in order)
    return MergedStimuli(
        members, tuple(numbers), frozenset(n for n, index in enumerate(order) if index in alike)
    )


def _join(
    groups: Sequence[dict[int, int]],
    labs: Sequence[Lab],
    place: int,
    wanted: Mapping[int, str | None],
    identity: Callable[[Lab, int], str | None],
) -> list[int]:
    """Add stimuli of a laboratory to the groups of an equal identity that have none of it yet; those that are left."""
    free: dict[str, list[dict[int, int]]] = {}
    for group in groups:
        for name in dict.fromkeys(identity(labs[other], number) for other, number in group.items()):
            if name is not None and place not in group:
                free.setdefault(name, []).append(group)
    left = []
    for number, name in wanted.items():
        found = next((group for group in free.get(name or "", ()) if place not in group), None)
        if found is None:
            left.append(number)
        else:
            found[place] = number
    return left


def _order(labs: Sequence[Lab], group: Mapping[int, int]) -> tuple[tuple[str, ...], str]:
    """Where a stimulus comes among all: by its path inside a folder of images, whatever that is called."""
    rows = [labs[place].stimuli[number] for place, number in group.items()]
    return min((tuple(row["path"].split("/")[1:] or [row["path"]]), row["sha256"]) for row in rows)
