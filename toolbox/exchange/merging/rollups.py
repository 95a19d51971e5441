"""Roll-ups of laboratories as one, where at least one of them shared no responses. Owns that no stimulus counts twice.

Sums of disjoint stimuli are added, which is exact. A laboratory with responses leaves out the stimuli that are in the
roll-ups of another one. Those in the roll-ups of two laboratories cannot be told apart from the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolbox.errors import MixtureError
from toolbox.exchange.merging.responses import MergedResponses
from toolbox.store.folder import StudyFolder
from toolbox.store.imported_rollups import (
    ImportedRollups,
    imported_record,
    ranges_of,
    rollup_digest,
    write_imported_rollups,
)
from toolbox.store.labels import labels_digest, read_labels
from toolbox.store.parquet import write_table
from toolbox.store.plan import Plan, plan_digest, write_plan
from toolbox.store.resamples import Labelling
from toolbox.store.rollups import fresh_rollup, merge_rollups, roll_up

if TYPE_CHECKING:
    import pyarrow as pa

MOST_PATHS = 5
"""Stimuli that a refusal names."""


@dataclass(frozen=True, eq=False)
class MergedRollups:
    """The roll-ups of one model that are merged.

    Attributes:
        merged: the responses of the laboratories that shared them.
        summed: by place of the laboratories that shared roll-ups alone, new numbers of the stimuli in them.
        covered: places of those whose roll-ups are not needed, as others have responses to all of their stimuli.
    """

    merged: MergedResponses
    summed: Mapping[int, frozenset[int]]
    covered: tuple[int, ...] = ()

    @property
    def twice(self) -> list[int]:
        """New numbers of the stimuli that are in the roll-ups of several laboratories."""
        counts = Counter(number for numbers in self.summed.values() for number in numbers)
        return sorted(number for number, count in counts.items() if count > 1)

    @property
    def presented(self) -> set[int]:
        """New numbers of all stimuli with responses."""
        return {*self.merged.chosen}.union(*self.summed.values())

    def check_disjoint(self) -> None:
        """Refuse stimuli that are in the roll-ups of several laboratories.

        Raises: MixtureError.
        """
        if not self.twice:
            return
        labs, members = self.merged.labs, self.merged.stimuli.members
        firsts = [members[number][0] for number in self.twice[:MOST_PATHS]]
        paths = ", ".join(labs[place].stimuli[old]["path"] for place, old in firsts)
        more = f" and {len(self.twice) - MOST_PATHS} more" if len(self.twice) > MOST_PATHS else ""
        raise MixtureError(
            f"{len(self.twice):,} stimuli are in the roll-ups of several studies ({paths}{more}) and would count "
            f"twice, as roll-ups of {self.merged.model} are sums; ask for bundles with responses (toolbox share --with "
            "responses), or accept it with count_twice=True (--count-twice), and with it a caution under every result"
        )

    def caution(self) -> str:
        """What every result of these roll-ups must state."""
        return (
            f"{len(self.twice):,} of {len(self.presented):,} stimuli count twice, as they were in the roll-ups of "
            "several studies: every number of stimuli is too large, and intervals and tests are too optimistic"
        )


def choose_rollups(merged: MergedResponses) -> MergedRollups:
    """The roll-ups to merge: none of stimuli to all of which other laboratories shared responses.

    Args:
        merged: the responses of the laboratories that shared them.
    """
    summed = {
        place: frozenset(merged.stimuli.numbers[place][old] for old in lab.presented(merged.model))
        for place, lab in enumerate(merged.labs)
        if lab.has_only_rollups(merged.model)
    }
    covered = tuple(place for place, numbers in summed.items() if numbers <= merged.chosen.keys())
    return MergedRollups(merged, {place: summed[place] for place in summed if place not in covered}, covered)


def write_rollups(
    study: StudyFolder,
    set_name: str,
    rollups: MergedRollups,
    labels: Mapping[str, Mapping[int, str]],
    digests: Mapping[int, str],
) -> Iterator[str]:
    """Write the merged roll-ups under every scheme, a plan without parts, and the record of both.

    Args:
        study: the merged study.
        set_name: its set.
        rollups: the roll-ups.
        labels: category by new stimulus_id, by scheme.
        digests: identities of the images of the merged set.

    Yields: notes.
    Raises: MixtureError where the labels of the merged set are not those of a roll-up.
    """
    merged, schemes = rollups.merged, dict[str, dict[str, str]]()
    for scheme, categories in labels.items():
        pieces = list(_pieces(rollups, scheme, categories))
        if not pieces:
            yield f"there are no roll-ups of {merged.model} under the scheme {scheme}"
            continue
        table = merge_rollups(pieces)
        origin = {"task": "merge", "set": set_name, "model": merged.model, "scheme": scheme}
        write_table(study.rollup(set_name, merged.model, scheme), table, origin)
        schemes[scheme] = {"labels": labels_digest(categories), "rollup": rollup_digest(table)}
    places = sorted({*merged.available, *rollups.summed})
    plans = [merged.labs[place].plan(merged.model) for place in places]
    identity, folder = plans[0].identity, study.extraction(set_name, merged.model)
    write_plan(folder.plan, Plan(identity, (), identity.digest, min(plan.created for plan in plans)))
    record = ImportedRollups(
        identity=identity.digest,
        schemes=schemes,
        parts=_parts(rollups, places),
        presented=ranges_of(rollups.presented),
        unreadable=_unreadable(rollups, places),
        images=plan_digest([*rollups.presented], digests),
        preprocessing=merged.labs[places[0]].computed_with(merged.model).preprocessing,
        provenance=_provenance(rollups, places, identity.digest),
        origin=" + ".join(merged.labs[place].origin for place in places),
    )
    write_imported_rollups(imported_record(folder), record)
    yield from _notes(rollups)


def _pieces(rollups: MergedRollups, scheme: str, categories: Mapping[int, str]) -> Iterator[pa.Table]:
    """The roll-up of every laboratory under a scheme; with responses, without the stimuli in the roll-ups of others."""
    merged, covered = rollups.merged, set[int]()
    for place, numbers in rollups.summed.items():
        lab = merged.labs[place]
        responses = lab.responses(merged.model)
        if scheme in (responses.imported or {}):
            labelled = {number: categories[number] for number in numbers if number in categories}
            _check_labels(rollups, place, scheme, labelled)
            covered |= {*labelled}
            yield fresh_rollup(Labelling(lab.study, responses, scheme))
    for place in merged.available:
        lab = merged.labs[place]
        own = {
            old: categories[new]
            for old, new in merged.stimuli.numbers[place].items()
            if merged.chosen.get(new) == place and new in categories and new not in covered
        }
        if own:
            yield roll_up(lab.responses(merged.model).paths(lab.study), own)


def _check_labels(rollups: MergedRollups, place: int, scheme: str, labelled: Mapping[int, str]) -> None:
    """Refuse labels of the merged set that differ from those under which a roll-up was made.

    Raises: MixtureError.
    """
    lab, numbers = rollups.merged.labs[place], rollups.merged.stimuli.numbers[place]
    own = read_labels(lab.study.labels(lab.set, scheme))
    of_rollup = {
        numbers[old]: category for old, category in own.items() if numbers[old] in rollups.summed[place]
    }
    if of_rollup != labelled:
        different = sum(of_rollup.get(number) != labelled.get(number) for number in {*of_rollup, *labelled})
        raise MixtureError(
            f"{different:,} stimuli have another label under {scheme} in the merged study than in {lab.place}, of "
            "which only roll-ups were shared, so that they cannot be moved to another category; ask for a bundle with "
            "responses (toolbox share --with responses), or make the labels equal"
        )


def _parts(rollups: MergedRollups, places: Sequence[int]) -> dict[str, str]:
    """The parts of all laboratories from which the roll-ups were made."""
    labs, model = rollups.merged.labs, rollups.merged.model
    digests = [digest for place in places for digest in labs[place].responses(model).parts.values()]
    return {str(number): digest for number, digest in enumerate(digests)}


def _unreadable(rollups: MergedRollups, places: Sequence[int]) -> list[int]:
    """New numbers of the stimuli that no laboratory could read, and one tried."""
    merged = rollups.merged
    failed = {
        merged.stimuli.numbers[place][old]
        for place in places
        for old in merged.labs[place].responses(merged.model).unreadable
    }
    return sorted(failed - rollups.presented)


def _provenance(rollups: MergedRollups, places: Sequence[int], identity: str) -> dict[str, Any]:
    """The origin of the responses, for the provenance of results."""
    labs, model = rollups.merged.labs, rollups.merged.model
    origins = [labs[place].responses(model).provenance for place in places]
    computed = [labs[place].computed_with(model) for place in places]
    cautions = dict.fromkeys(text for origin in origins for text in origin.get("cautions", ()))
    if rollups.twice:
        cautions[rollups.caution()] = None
    return {
        "identity": identity,
        "precision": origins[0]["precision"],
        "weights": sorted({source for origin in origins for source in origin["weights"]}),
        "provider": sorted({name for origin in origins for name in origin["provider"]}),
        "runtime": sorted({name for each in computed for name in each.runtime}),
        "response_rows": sum(origin.get("response_rows", 0) for origin in origins),
        **({"cautions": list(cautions)} if cautions else {}),
    }


def _notes(rollups: MergedRollups) -> Iterator[str]:
    merged = rollups.merged
    alone = ", ".join(merged.labs[place].place for place in rollups.summed)
    left = ", ".join(merged.labs[place].place for place in merged.available)
    stay = f", and the responses of {left} are not part of the merged study" if left else ""
    yield (
        f"{merged.model}: only roll-ups were shared by {alone}, so only roll-ups are merged{stay}; whatever needs "
        "responses, such as AUC and significance, needs bundles with them"
    )
    shared = {*merged.chosen}.intersection(*[frozenset[int]().union(*rollups.summed.values())])
    if shared:
        yield (
            f"{merged.model}: {len(shared):,} stimuli are in roll-ups and, with responses, in another study; each "
            "counts once, and the responses could not be compared"
        )
    if rollups.twice:
        yield f"{merged.model}: {rollups.caution()}"
