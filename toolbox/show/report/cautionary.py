"""What a reader must know before the first figure: faults of the set, of the responses, and of what was computed.

Owns these warnings and their order; the queries' own cautions stand among them. Starts no computation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from toolbox.chart.theme import column_words
from toolbox.errors import QueryError, UsageError, command_line
from toolbox.show.report.contents import LARGE
from toolbox.show.report.exhibits import LeftOut, Shown
from toolbox.show.report.sentences import few, percent
from toolbox.show.report.subject import Subject

MOST_UNEQUAL = 1.5
"""Ratio of the largest to the smallest category above which a set is unbalanced in number."""
FEW = 20
"""Stimuli of a category below which a proportion is mostly of the images that were chosen."""
_COMMAND = re.compile(r"[;:,]? ?(?:to \w[\w ]*(?: with)?|extract the rest with|to resample it|to compute them)?: (toolbox .+)$")


@dataclass(frozen=True)
class Warned:
    """One warning.

    Attributes:
        subject: what it is of, in two or three words.
        text: a sentence without its full stop.
        command: that mends it, or shows more; '' if none does.
        where: keys and labels of the exhibits whose own caution it is.
        is_note: whether it says what is missing rather than what is wrong.
    """

    subject: str
    text: str
    command: str = ""
    where: tuple[tuple[str, str], ...] = ()
    is_note: bool = False


def warnings_of(subject: Subject, shown: Iterable[Shown | LeftOut]) -> list[Warned]:
    """All warnings of a report, the gravest first.

    Args:
        subject: of the report.
        shown: its exhibits.
    """
    exhibits = [each for each in shown if isinstance(each, Shown)]
    found = [
        *_of_the_set(subject),
        *_of_the_responses(subject),
        *_of_dead_filters(subject),
        *_of_significance(subject),
        *_of_the_control(subject),
        *_cautions(exhibits),
    ]
    return sorted(found, key=lambda each: each.is_note)


def _of_the_set(subject: Subject) -> Iterator[Warned]:
    sizes = subject.categories
    if sizes and max(sizes.values()) > MOST_UNEQUAL * min(sizes.values()):
        small, large = (min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__))
        yield Warned(
            "Unequal categories",
            f"the categories have {sizes[small]:,} ({small}) to {sizes[large]:,} ({large}) stimuli; indices that compare a "
            "category with all other stimuli as one group depend on these numbers",
            command_line("plot", "sets/balance", "--set", subject.set, "--model", subject.model),
        )
    rare = [f"{name} ({count:,})" for name, count in sizes.items() if count < FEW]
    if rare:
        yield Warned(
            "Few stimuli",
            f"fewer than {FEW} stimuli have the category {few(rare)}; many filters seem selective by the accident of which "
            "images were presented",
        )
    yield from _differences(subject)
    yield from _near_duplicates(subject)
    yield from _unlabelled(subject)


def _differences(subject: Subject) -> Iterator[Warned]:
    """Categories whose images can be told apart without their content."""
    differing = subject.summary.drop_nulls(["category", "differs"])
    if len(differing):
        named = [f"{name} is {words}" for name, words in differing.select("category", "differs").iter_rows()]
        yield Warned(
            "Low-level differences",
            f"images of some categories can be told apart without their content: {few(named)}; filters may respond to that",
            command_line("query", "sets/summary"),
        )


def _near_duplicates(subject: Subject) -> Iterator[Warned]:
    command = command_line("query", "sets/near_duplicates", "--set", subject.set, "--model", subject.model)
    if subject.responses.provenance["response_rows"] > LARGE:
        yield Warned("Duplicates", "near duplicates were not searched in so many responses", command, is_note=True)
        return
    try:
        pairs = subject.ask("sets/near_duplicates").rows
    except (QueryError, UsageError) as error:
        yield Warned("Duplicates", f"near duplicates were not searched: {error}", is_note=True)
        return
    if len(pairs):
        conflicts = int(pairs["conflict"].sum())
        contradiction = f", {conflicts:,} of them in two categories" if conflicts else ""
        yield Warned(
            "Duplicates",
            f"{len(pairs):,} pairs of stimuli are nearly the same picture{contradiction}; each counts twice",
            command,
        )


def _unlabelled(subject: Subject) -> Iterator[Warned]:
    missing = subject.responses.stimuli - subject.stimuli
    if missing > 0:
        yield Warned(
            "Unlabelled stimuli",
            f"{missing:,} stimuli have no label in the scheme {subject.scheme}, and take no part in any figure",
        )


def _of_the_responses(subject: Subject) -> Iterator[Warned]:
    unreadable = len(subject.responses.unreadable)
    if unreadable:
        yield Warned("Unreadable images", f"{unreadable:,} of {subject.responses.of:,} images could not be read")
    for note in subject.responses.notes:
        yield _with_command("Incomplete responses", note)


def _of_dead_filters(subject: Subject) -> Iterator[Warned]:
    dead = subject.dead
    if dead:
        worst = subject.dead_filters.sort("dead", descending=True, maintain_order=True).row(0, named=True)
        yield Warned(
            "Dead filters",
            f"{dead:,} of {subject.filters:,} filters ({percent(dead / subject.filters)}) respond alike to every stimulus, most of them in "
            f"{worst['layer']} ({worst['dead']:,}); they stay in the denominators",
        )


def _of_significance(subject: Subject) -> Iterator[Warned]:
    if subject.significant is not None:
        return
    further = [] if subject.choices.threshold is None else [subject.choices.threshold]
    yield Warned(
        "No significance",
        f"the {column_words(subject.index.name)} was not resampled: there are no intervals, no chance levels and no p values, "
        "and many filters pass a threshold by chance",
        subject.labelling.command(subject.measure, further),
    )


def _of_the_control(subject: Subject) -> Iterator[Warned]:
    if subject.is_control or subject.controls:
        return
    yield Warned(
        "No control network",
        "the images were not presented to a network before training, which shows how much of the selectivity low-level "
        "differences between the categories explain",
        command_line("extract", subject.set, "--model", "vgg16-untrained"),
    )


def _cautions(exhibits: Iterable[Shown]) -> Iterator[Warned]:
    """The queries' own cautions, each once, with the figures that they are of."""
    places: dict[str, list[tuple[str, str]]] = {}
    for each in exhibits:
        for caution in each.cautions:
            places.setdefault(caution, []).append((each.exhibit.name, each.exhibit.title))
    for caution, where in places.items():
        warned = _with_command(_kind(caution), caution)
        yield Warned(warned.subject, warned.text, warned.command, tuple(where))


def _kind(caution: str) -> str:
    """What a caution is of, in a few words."""
    kinds = {"control": "Control network", "chance": "Chance", "few filters": "Few filters", "threshold": "Threshold"}
    return next((words for word, words in kinds.items() if word in caution), "Caution")


def _with_command(subject: str, note: str) -> Warned:
    """A note whose command is apart, so that it can be copied."""
    found = _COMMAND.search(note)
    return Warned(subject, note[: found.start()], found[1]) if found else Warned(subject, note)
