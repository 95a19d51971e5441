"""What was shown to which network, with which weights. Owns these facts; none names a place of this computer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from toolbox.distribution import name_and_version
from toolbox.files import read_json
from toolbox.network.architecture import Input
from toolbox.show.report.subject import ReportSubject

Fact = tuple[str, str]
"""A name, and what is known under it."""
FIT_WORDS = {
    "stretch": "stretched to",
    "crop": "scaled, and cut to",
    "pad": "scaled, and filled up with a border to",
}
CHANNEL_WORDS = {"RGB": "red, green, blue", "BGR": "blue, green, red"}


def facts(subject: ReportSubject) -> list[Fact]:
    """What was presented, to what, and how.

    Args:
        subject: of the report.
    """
    return [*_of_the_stimuli(subject), *_of_the_network(subject), *_of_the_computation(subject)]


def _of_the_stimuli(subject: ReportSubject) -> Iterator[Fact]:
    yield (
        "Stimulus set",
        f"{subject.set}: {subject.responses.of:,} stimuli, {subject.stimuli:,} of them labelled and presented",
    )
    yield "Labels", f"{subject.scheme}: {len(subject.categories)} categories"


def _of_the_network(subject: ReportSubject) -> Iterator[Fact]:
    card = subject.card
    yield "Network", f"{subject.model}: {card.title}" if card and card.title else subject.model
    yield "Weights", weights_named(subject)
    layers = subject.layers
    yield (
        "Layers",
        f"{len(layers)}, {layers['layer'][0]} to {layers['layer'][-1]}: {layers['filters'].sum():,} filters",
    )
    if card:
        yield "Preprocessing", preprocessing(card.input)
    if subject.controls:
        yield "Control", ", ".join(subject.controls)


def _of_the_computation(subject: ReportSubject) -> Iterator[Fact]:
    origin = subject.responses.provenance
    record = extraction(subject)
    yield (
        "Responses",
        f"maximum and mean of every activation map; {origin['response_rows']:,} values in {origin['precision']}",
    )
    if record.get("runtime"):
        yield "Computed with", f"{record['runtime']} ({', '.join(origin['provider'])})"
    if record.get("tool"):
        yield "Extracted by", str(record["tool"])
    yield "Reported by", name_and_version()
    yield "Identity of the responses", origin["identity"][:16]


def weights_named(subject: ReportSubject) -> str:
    """Where the weights are from; of a file, its name alone.

    Args:
        subject: of the report.
    """
    return (
        ", ".join(_without_folder(source) for source in subject.responses.provenance["weights"]) or "unknown"
    )


def _without_folder(source: str) -> str:
    path = PurePath(source)
    return path.name if path.is_absolute() or "\\" in source or source.startswith("~") else source


def preprocessing(entry: Input) -> str:
    """What is done to an image before the first layer.

    Args:
        entry: of the network's card.
    """
    size = f"{entry.width} x {entry.height} pixels"
    steps = [f"{FIT_WORDS.get(entry.fit, entry.fit)} {size} ({entry.resize})"]
    steps.append(f"channels in the order {CHANNEL_WORDS.get(entry.channels, entry.channels)}")
    if any(entry.mean):
        steps.append(f"minus the mean {', '.join(f'{value:g}' for value in entry.mean)}")
    if entry.scale != 1:
        scale = entry.scale if isinstance(entry.scale, tuple) else (entry.scale,)
        steps.append(f"times {', '.join(f'{value:.6g}' for value in scale)}")
    return ", ".join(steps)


def extraction(subject: ReportSubject) -> dict[str, Any]:
    """The record of the last run that presented the set to the network; empty where there is none.

    Args:
        subject: of the report.
    """
    records = [record for record in run_records(subject, "extract") if record.get("model") == subject.model]
    return records[-1] if records else {}


def run_records(subject: ReportSubject, task: str) -> list[dict[str, Any]]:
    """The records of the runs of one kind on the stimulus set, from the first to the last.

    Args:
        subject: of the report.
        task: such as 'ingest' or 'extract'.

    Raises: VerificationError for a damaged record.
    """
    files = sorted((subject.folder.root / "runs").glob(f"*-{task}-*.json"))
    records = [read_json(file, "restore it, or remove it") for file in files]
    return [record for record in records if record.get("set") == subject.set]
