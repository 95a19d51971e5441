"""What a merging reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolbox.display import Report


@dataclass(frozen=True)
class MergeReport(Report):
    """A study that was merged from several.

    Attributes:
        output: its directory.
        set: its stimulus set.
        studies: stimuli of every study by what the column `origin` calls it, those in several counted in each.
        stimuli: how many there are in the merged set, each once.
        shared: stimuli that were in more than one study.
        same_picture: of these, those whose files differ, while the decoded pictures are equal.
        models: responses of how many stimuli are there, by model; of roll-ups, the largest number of a filter.
        schemes: labelled stimuli by label scheme.
        from_rollups: models of which roll-ups alone were merged.
        resolved: conflicts that were resolved as chosen.
        notes: what a reader should know.
    """

    output: str
    set: str
    studies: Mapping[str, int]
    stimuli: int
    shared: int
    same_picture: int
    models: Mapping[str, int]
    schemes: Mapping[str, int]
    from_rollups: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
