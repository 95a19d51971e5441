"""Commands that make a study and fill it: init, ingest, label, extract."""

from typing import Any

import typer

from toolbox.cli import conversion, following, options, output, reports
from toolbox.cli.conversion import study_at
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.cli.several import SeveralValues
from toolbox.errors import command_line

commands = typer.Typer()


@commands.command()
def init(directory: options.NewStudyArgument, title: options.TitleOption = "") -> None:
    """Create a study in a directory."""
    from toolbox.store.folder import create_study

    create_study(directory, title)
    following = command_line("ingest", "FOLDER", "--set", "NAME", "--study", directory)
    output.note(f"{directory} is a study; next: {following}")


@commands.command()
def ingest(
    source: options.SourceArgument,
    set: options.NewSetOption = None,
    study: options.StudyOption = HERE,
    create: options.CreateOption = False,
    strict: options.StrictOption = False,
    missing: options.MissingOption = None,
    bit_depth: options.BitDepthOption = None,
    dry_run: options.DryRunOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Add images to a stimulus set. Stimuli that are there already stay as they are."""
    with progress_bars(quiet) as progress:
        opened = study_at(study, create=create)
        report = opened.ingest(
            source,
            set=set,
            strict=strict,
            missing=missing,
            bit_depth=bit_depth,
            dry_run=dry_run,
            progress=progress,
        )
    reports.print_ingestion(report, quiet, is_recorded=not dry_run)
    reports.print_dry_run(dry_run, quiet)
    if not dry_run:
        following.print_next(following.after_ingestion(opened, report.set), study, quiet)


@commands.command()
def label(
    set: options.LabelledSetArgument,
    scheme: options.NewSchemeOption,
    source: options.LabelsOption,
    missing: options.MissingOption = None,
    replace: options.ReplaceLabelsOption = False,
    dry_run: options.DryRunOption = False,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Label a stimulus set again, beside the labels that it has. Queries choose them with --scheme; no network runs."""
    report = study_at(study).label(
        set, scheme=scheme, source=source, missing=missing, replace=replace, dry_run=dry_run
    )
    reports.print_labelling(report, quiet)
    reports.print_dry_run(dry_run, quiet)


@commands.command(cls=SeveralValues)
def extract(
    set: options.PresentedSetArgument,
    model: options.NetworkOption = "vgg16",
    layers: options.LayersOption = None,
    weights: options.WeightsOption = "auto",
    estimate: options.EstimateOption = False,
    device: options.DeviceOption = "auto",
    precision: options.PrecisionOption = "float32",
    convolution: options.ConvolutionOption = "winograd",
    decoding: options.DecodingOption = None,
    resize: options.PresentedResizeOption = None,
    fit: options.FitOption = None,
    decoders: options.DecodersOption = 0,
    batch: options.BatchOption = None,
    threads: options.ThreadsOption = None,
    limit: options.LimitOption = None,
    part: options.PartOption = None,
    replace: options.ReplaceResponsesOption = False,
    engine: options.EngineOption = "here",
    workers: options.WorkersOption = None,
    address: options.AddressOption = None,
    gpus_per_worker: options.GpusPerWorkerOption = 0,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Present a stimulus set to a network and store the maximum and mean of every filter's activation map.

    Continues where an earlier extraction stopped.
    """
    choices: dict[str, Any] = {
        "model": model, "layers": layers or None, "weights": weights, "device": device, "precision": precision,
        "convolution": convolution, "decoding": decoding, "resize": resize, "fit": fit, "decoders": decoders,
        "batch": batch, "threads": threads, "limit": limit, "part": conversion.part_or_job(part),
        "replace": replace, "engine": engine, "workers": workers, "address": address,
        "gpus_per_worker": gpus_per_worker,
    }  # fmt: skip
    opened = study_at(study)
    if estimate:
        with progress_bars(quiet) as progress:
            expected = opened.estimate(set, progress=progress, **choices)
        reports.print_estimate(expected, quiet)
    else:
        with progress_bars(quiet) as progress:
            report = opened.extract(set, progress=progress, **choices)
        reports.print_extraction(report, quiet)
        following.print_next(following.after_extraction(opened, report.set, report.model), study, quiet)
