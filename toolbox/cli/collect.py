"""Commands that make a study and fill it: demo, init, ingest, label, extract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolbox.cli.options import HERE, LayersOption, QuietOption, StudyOption, WeightsOption, study_at
from toolbox.cli.output import note, print_table, progress_bars

if TYPE_CHECKING:
    from toolbox.collect.extraction import Estimate, ExtractionReport
    from toolbox.collect.ingest import IngestReport
    from toolbox.collect.label import LabelReport

app = typer.Typer()
LISTED = 10
"""Rejected or unreadable files named on the screen; the run's record holds all."""


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(help="Study to make or continue.")] = Path("toolbox-demo"),
    quiet: QuietOption = False,
) -> None:
    """The main job on shipped stimuli: faces and gratings through VGG16, tables and charts."""
    from toolbox.demo import demonstrate

    with progress_bars(quiet) as progress:
        steps = demonstrate(directory, progress)
        for step in steps:
            note(step.note, quiet)
            if step.rows is not None:
                print_table(step.rows)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new or empty directory.")],
    title: Annotated[str, typer.Option(help="What the study is about.")] = "",
) -> None:
    """Make a directory a study."""
    from toolbox.store.folder import create_study

    create_study(directory, title)
    note(f"{directory} is a study; next: toolbox ingest FOLDER --set NAME --study {directory}")


@app.command()
def ingest(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder of category folders, manifest (.csv, .tsv, .parquet), or a card: lfw, gratings …"
        ),
    ],
    set: Annotated[
        str | None, typer.Option("--set", help="Name of the stimulus set; a card brings its own.")
    ] = None,
    study: StudyOption = HERE,
    strict: Annotated[bool, typer.Option(help="Refuse everything if one image cannot be used.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Add images to a stimulus set; what is there stays as it is."""
    with progress_bars(quiet) as progress:
        report = study_at(study).ingest(source, set=set, strict=strict, progress=progress)
    _print_ingestion(report, quiet)


@app.command()
def label(
    set: Annotated[str, typer.Argument(metavar="SET", help="Stimulus set to label.")],
    scheme: Annotated[str, typer.Option("--scheme", help="Name of the new labelling, such as animacy.")],
    source: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Table (.csv, .tsv, .parquet): stimulus_id, sha256, path or category, and the new label.",
        ),
    ],
    replace: Annotated[bool, typer.Option(help="Give up other labels of that scheme.")] = False,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Label a set anew, beside the labels it has. Queries take it with --scheme; no network runs again."""
    _print_labelling(
        study_at(study, make=False).label(set, scheme=scheme, source=source, replace=replace), quiet
    )


@app.command()
def extract(
    set: Annotated[str, typer.Argument(metavar="SET", help="Stimulus set to show.")],
    model: Annotated[
        str, typer.Option(help="Network: a name from `toolbox model list`, or a card's path.")
    ] = "vgg16",
    layers: LayersOption = None,
    weights: WeightsOption = "auto",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what it will take; write nothing (missing weights are fetched)."),
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:0,1, cuda:all, tensorrt.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="float32; or, faster and less exact, bf16 (CPU), tf32 (CUDA).")
    ] = "float32",
    convolution: Annotated[
        str, typer.Option(help="On a CPU: winograd, which is faster, or direct.")
    ] = "winograd",
    decoding: Annotated[
        str | None, typer.Option(help="full, or scaled: large JPEGs faster, not the same.")
    ] = None,
    decoders: Annotated[
        int, typer.Option(help="Processes that decode, to keep a GPU busy; 0 for threads.")
    ] = 0,
    batch: Annotated[
        int | None, typer.Option(help="Images in one run of the network; probed if not given.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Of one run on a CPU; probed if not given.")] = None,
    limit: Annotated[
        int | None, typer.Option(help="At most so many stimuli, evenly over categories.")
    ] = None,
    part: Annotated[
        int | None, typer.Option(help="Stimuli in a part of the result; 50 to 1,000 if not given.")
    ] = None,
    replace: Annotated[
        bool, typer.Option(help="Give up responses made with other weights or layers.")
    ] = False,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Show a set to a network and keep the maximum and mean of every filter's map. Continues where it stopped."""
    asked = {
        "model": model, "layers": layers or None, "weights": weights, "device": device, "precision": precision,
        "convolution": convolution, "decoding": decoding, "decoders": decoders, "batch": batch, "threads": threads,
        "limit": limit, "part": part, "replace": replace,
    }  # fmt: skip
    with progress_bars(quiet) as progress:
        opening = study_at(study, make=False)
        if not dry_run:
            report = opening.extract(set, progress=progress, **asked)
        else:
            estimate = opening.estimate(set, progress=progress, **asked)
    if dry_run:
        _print_estimate(estimate, quiet)
    else:
        _print_extraction(report, quiet)


def _print_ingestion(report: IngestReport, quiet: bool) -> None:
    for path in report.animated[:LISTED]:
        note(f"first image only: {path} holds several", quiet)
    for path in report.changed[:LISTED]:
        note(f"changed since it was first ingested, so a further stimulus: {path}", quiet)
    for rejection in report.rejections[:LISTED]:
        note(f"not used: {rejection.path}: {rejection.reason}", quiet)
    more = sum(max(0, len(found) - LISTED) for found in (report.animated, report.changed, report.rejections))
    if more:
        note(f"… and {more} more, all listed in the study's runs/", quiet)
    if report.moved:
        note(f"{report.moved} stimuli lay elsewhere before; they are known under their new paths", quiet)
    counts = ", ".join(f"{category} {count}" for category, count in report.categories.items())
    note(
        f"{report.set}: {report.added} added, {report.known} there already; now {report.stimuli}: {counts}",
        quiet,
    )


def _print_labelling(report: LabelReport, quiet: bool) -> None:
    if report.ignored:
        note(f"not used: {', '.join(report.ignored)}; labels are {report.value!r} by {report.key!r}", quiet)
    if not report.written:
        note("nothing to do: the set has these labels", quiet)
    counts = ", ".join(f"{category} {count}" for category, count in report.categories.items())
    note(
        f"{report.set}: {report.labelled} labelled, {report.unlabelled} unlabelled; {counts}; "
        f"ask with --scheme {report.scheme}",
        quiet,
    )


def _print_extraction(report: ExtractionReport, quiet: bool) -> None:
    for remark in report.remarks:
        note(f"note: {remark}", quiet)
    for entry in report.unreadable[:LISTED]:
        note(f"not shown: {entry.path}: {entry.reason}", quiet)
    if len(report.unreadable) > LISTED:
        note(f"… and {len(report.unreadable) - LISTED} more, all listed in the records of the parts", quiet)
    if report.agreement:
        note(str(report.agreement), quiet)
    if report.shown:
        rate = report.shown / report.seconds
        how = f"{report.provider}, {report.precision}, {report.arrangement}"
        note(f"{report.shown} stimuli shown in {report.seconds:.0f} s ({rate:.1f} a second; {how})", quiet)
    else:
        note("nothing to do: every stimulus has its responses", quiet)
    note(
        f"{report.set}: responses of {report.filters:,} filters in {len(report.layers)} layers of {report.model} "
        f"to {report.stimuli:,} stimuli; weights: {report.weights}",
        quiet,
    )


def _print_estimate(estimate: Estimate, quiet: bool) -> None:
    """The figures as a table on stdout, remarks on stderr."""
    import polars as pl

    for remark in estimate.remarks:
        note(f"note: {remark}", quiet)
    if not estimate.stimuli:
        note("nothing to do: every stimulus has its responses", quiet)
        return
    lines = {
        "set": estimate.set,
        "network": estimate.model,
        "stimuli to show": f"{estimate.stimuli:,}",
        "parts": f"{estimate.parts:,}",
        "layers": f"{estimate.layers:,}",
        "filters": f"{estimate.filters:,}",
        "rows": f"{estimate.rows:,}",
        "expected time": _duration(estimate.seconds),
        "run by": f"{estimate.provider}, {estimate.arrangement}",
        "memory": "unknown here" if estimate.memory is None else _size(estimate.memory),
        "disk, at most": _size(estimate.disk),
        "disk, free": _size(estimate.free),
    }
    print_table(pl.DataFrame({"what": list(lines), "how much": list(lines.values())}))
    note("nothing was written; the same command without --dry-run does it", quiet)


def _size(count: int) -> str:
    """Bytes, for reading."""
    for unit, digits, name in ((1e9, 2, "GB"), (1e6, 1, "MB")):
        if count >= unit:
            return f"{count / unit:.{digits}f} {name}"
    return f"{count / 1e3:.0f} kB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
