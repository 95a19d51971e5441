"""What a reader must know before the first figure: faults of the set, of the responses, and of what was computed.

Owns these warnings and their order; the queries' own cautions stand among them. Starts no computation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from toolbox.chart.theme import column_words
from toolbox.errors import QueryError, UsageError, command_line
from toolbox.show.report.contents import LARGE
from toolbox.show.report.exhibits import LeftOut, ShownExhibit
from toolbox.show.report.subject import ReportSubject
from toolbox.show.report.words import few, percent

MOST_UNEQUAL = 1.5
"""Ratio of the largest to the smallest category above which a set is unbalanced in number."""
DIFFERENCES = "Low-level differences"
FEW = 20
"""Stimuli of a category below which a proportion is mostly of the images that were chosen."""
_COMMAND = re.compile(
    r"[;:,]? ?(?:to \w[\w ]*(?: with)?|extract the rest with|to resample it|to compute them)?: (toolbox .+)$"
)


@dataclass(frozen=True)
class Said:
    """A sentence of a warning, without its full stop, and keys of the exhibits whose caution it is."""

    text: str
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class Warned:
    """One warning.

    Attributes:
        subject: what it is of, in two or three words.
        sentences: what is to be known.
        command: that mends it, or shows more; '' if none does.
        is_note: whether it says what is missing rather than what is wrong.
    """

    subject: str
    sentences: tuple[Said, ...]
    command: str = ""
    is_note: bool = False

    @property
    def key(self) -> str:
        """What links call it."""
        return f"warning-{self.subject.lower().replace(' ', '-')}"


def _warned(subject: str, text: str, command: str = "", *, is_note: bool = False) -> Warned:
    """A warning of one sentence."""
    return Warned(subject, (Said(text),), command, is_note)


def warnings_of(subject: ReportSubject, shown: Iterable[ShownExhibit | LeftOut]) -> list[Warned]:
    """All warnings of a report, the gravest first.

    Args:
        subject: of the report.
        shown: its exhibits.
    """
    exhibits = [each for each in shown if isinstance(each, ShownExhibit)]
    found = [
        *_of_the_set(subject),
        *_of_the_responses(subject),
        *_of_dead_filters(subject),
        *_of_significance(subject, exhibits),
        *_of_the_control(subject),
        *_cautions(exhibits),
    ]
    return sorted(_each_once(found), key=lambda each: each.is_note)


def _each_once(found: Iterable[Warned]) -> list[Warned]:
    """One warning of each subject; a query's own caution takes the place of the same that is known of the set."""
    by_subject = dict[str, Warned]()
    for each in found:
        known = by_subject.get(each.subject)
        if known and each.subject != DIFFERENCES:
            each = replace(known, sentences=(*known.sentences, *each.sentences))  # noqa: PLW2901
        by_subject[each.subject] = each
    return list(by_subject.values())


def _of_the_set(subject: ReportSubject) -> Iterator[Warned]:
    sizes = subject.categories
    if len(sizes) < 2:
        yield _warned(
            "One category",
            f"all stimuli have the category {few([*sizes])}, so no filter can prefer it to another; indices that "
            "compare categories are unknown",
        )
    if sizes and max(sizes.values()) > MOST_UNEQUAL * min(sizes.values()):
        small, large = (min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__))
        yield _warned(
            "Unequal categories",
            f"the categories have {sizes[small]:,} ({small}) to {sizes[large]:,} ({large}) stimuli; indices that "
            "compare a category with all other stimuli as one group depend on these numbers",
            command_line("plot", "sets/balance", "--set", subject.set, "--model", subject.model),
        )
    rare = [f"{name} ({count:,})" for name, count in sizes.items() if count < FEW]
    if rare:
        yield _warned(
            "Few stimuli",
            f"fewer than {FEW} stimuli have the category {few(rare)}; many filters seem selective by the accident of "
            "which images were presented",
        )
    yield from _differences(subject)
    yield from _near_duplicates(subject)
    yield from _unlabelled(subject)


def _differences(subject: ReportSubject) -> Iterator[Warned]:
    """Categories whose images can be told apart without their content."""
    differing = subject.summary.drop_nulls(["category", "differs"])
    if len(differing):
        named = [f"{name} is {words}" for name, words in differing.select("category", "differs").iter_rows()]
        yield _warned(
            DIFFERENCES,
            f"images of some categories can be told apart without their content: {few(named)}; filters may respond "
            "to that",
            command_line("query", "sets/summary"),
        )


def _near_duplicates(subject: ReportSubject) -> Iterator[Warned]:
    command = command_line("query", "sets/near_duplicates", "--set", subject.set, "--model", subject.model)
    if subject.responses.provenance["response_rows"] > LARGE:
        yield _warned(
            "Duplicates", "near duplicates were not searched in so many responses", command, is_note=True
        )
        return
    try:
        pairs = subject.ask("sets/near_duplicates").rows
    except (QueryError, UsageError) as error:
        yield _warned("Duplicates", f"near duplicates were not searched: {error}", is_note=True)
        return
    if len(pairs):
        conflicts = int(pairs["conflict"].sum())
        contradiction = f", {conflicts:,} of them in two categories" if conflicts else ""
        yield _warned(
            "Duplicates",
            f"{len(pairs):,} pairs of stimuli are nearly the same picture{contradiction}; each counts twice",
            command,
        )


def _unlabelled(subject: ReportSubject) -> Iterator[Warned]:
    missing = subject.responses.stimuli - subject.stimuli
    if missing > 0:
        yield _warned(
            "Unlabelled stimuli",
            f"{missing:,} stimuli have no label in the scheme {subject.scheme}, and take no part in any figure",
        )


def _of_the_responses(subject: ReportSubject) -> Iterator[Warned]:
    unreadable = len(subject.responses.unreadable)
    if unreadable:
        yield _warned(
            "Unreadable images", f"{unreadable:,} of {subject.responses.of:,} images could not be read"
        )
    for note in subject.responses.notes:
        yield _warned("Incomplete responses", *_without_command(note))


def _of_dead_filters(subject: ReportSubject) -> Iterator[Warned]:
    dead = subject.dead
    if dead:
        worst = subject.dead_filters.sort("dead", descending=True, maintain_order=True).row(0, named=True)
        yield _warned(
            "Dead filters",
            f"{dead:,} of {subject.filters:,} filters ({percent(dead / subject.filters)}) respond alike to every "
            f"stimulus, most of them in {worst['layer']} ({worst['dead']:,}); they stay in the denominators",
        )


def _of_significance(subject: ReportSubject, exhibits: Iterable[ShownExhibit]) -> Iterator[Warned]:
    if subject.significant is not None:
        yield from _of_missing_resamples(exhibits)
        return
    further = [] if subject.choices.threshold is None else [subject.choices.threshold]
    yield _warned(
        "No significance",
        f"the {column_words(subject.index.name)} was not resampled: there are no intervals, no chance levels and no "
        "p values, and many filters pass a threshold by chance",
        subject.labelling.command(subject.measure, further),
    )


def _of_missing_resamples(exhibits: Iterable[ShownExhibit]) -> Iterator[Warned]:
    """What single figures lack: counts at another threshold, or of labels that have changed since."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for each in exhibits:
        for note in each.notes:
            lacking.setdefault(_without_command(note), []).append(each.exhibit.name)
    for (text, command), where in lacking.items():
        yield Warned("Missing resamples", (Said(text, tuple(where)),), command)


def _of_the_control(subject: ReportSubject) -> Iterator[Warned]:
    if subject.is_control or subject.controls:
        return
    yield _warned(
        "No control network",
        "the images were not presented to a network before training, which shows how much of the selectivity low-level "
        "differences between the categories explain",
        command_line("extract", subject.set, "--model", "vgg16-untrained"),
    )


def _cautions(exhibits: Iterable[ShownExhibit]) -> Iterator[Warned]:
    """The queries' own cautions, each once, with the figures that they are of."""
    places: dict[str, list[str]] = {}
    for each in exhibits:
        for caution in each.cautions:
            places.setdefault(caution, []).append(each.exhibit.name)
    by_kind: dict[str, list[tuple[Said, str]]] = {}
    for caution, where in places.items():
        text, command = _without_command(caution)
        by_kind.setdefault(kind_of(caution), []).append((Said(text, tuple(where)), command))
    for kind, said in by_kind.items():
        command = next((command for _, command in said if command), "")
        yield Warned(kind, tuple(sentence for sentence, _ in said), command)


def kind_of(caution: str) -> str:
    """What a caution is of, in a few words.

    Args:
        caution: of a query.

    >>> kind_of("4 of 57 proportions above 0 are not beyond chance: permuted labels give as many selective filters")
    'Chance'
    """
    kinds = {
        "told apart": DIFFERENCES,
        "control": "Control network",
        "chance": "Chance",
        "few filters": "Few filters",
        "threshold": "Threshold",
    }
    return next((words for word, words in kinds.items() if word in caution), "Caution")


def _without_command(note: str) -> tuple[str, str]:
    """A note, and the command at its end, which is apart so that it can be copied."""
    found = _COMMAND.search(note)
    return (note[: found.start()], found[1]) if found else (note, "")
