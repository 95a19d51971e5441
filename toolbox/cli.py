"""The command line: parse, call one use case, print. Holds no logic.

stdout is data, stderr is notes and progress. Heavy imports live inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolbox.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from toolbox.extract import ExtractionReport
    from toolbox.fetch import Progress
    from toolbox.ingest import IngestReport
    from toolbox.label import LabelReport
    from toolbox.query import Answer
    from toolbox.study import Study

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Treat the filters of a convolutional network as a neurophysiologist treats neurons.",
)
model_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Networks: list, show, export as ONNX.")
app.add_typer(model_app, name="model")

MANY = 100
"""Rows that a table shows; files and the other formats hold all."""
FOLDED = 24
"""Characters to which a column of text may be folded on a narrow terminal."""
LISTED = 10
"""Rejected or unreadable files named on the screen; the run's record holds all."""


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


StudyOption = Annotated[Path, typer.Option("--study", envvar="TOOLBOX_STUDY", help="Directory of the study.")]
SetOption = Annotated[str | None, typer.Option("--set", help="Stimulus set, where the study holds several.")]
ModelOption = Annotated[str | None, typer.Option("--model", help="Model, where the study holds several.")]
ModelsOption = Annotated[
    list[str] | None, typer.Option("--model", help="Model, where the study holds several; repeat it to compare models.")
]
SchemeOption = Annotated[str | None, typer.Option("--scheme", help="Label scheme, where the set has several.")]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", "-p", help="A parameter of the query, as name=value.")
]
FormatOption = Annotated[Format | None, typer.Option(help="How rows are written: a table, or what --output ends in.")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no progress on stderr.")]
LayersOption = Annotated[
    list[str] | None, typer.Option("--layers", help="Layer name or pattern such as 'block5_*'; may be repeated.")
]
WeightsOption = Annotated[
    str, typer.Option("--weights", help="auto, a file (.h5, .onnx, .npz, .safetensors) or random:SEED.")
]
HERE = Path()


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(help="Study to make or continue.")] = Path("toolbox-demo"),
    quiet: QuietOption = False,
) -> None:
    """The main job on shipped stimuli: faces and gratings through VGG16, tables and charts."""
    from toolbox.demo import demonstrate

    with _progress(quiet) as progress:
        steps = demonstrate(directory, progress)
        for step in steps:
            _note(step.note, quiet)
            if step.rows is not None:
                _print_table(step.rows)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new or empty directory.")],
    title: Annotated[str, typer.Option(help="What the study is about.")] = "",
) -> None:
    """Make a directory a study."""
    from toolbox.store.folder import create_study

    create_study(directory, title)
    _note(f"{directory} is a study; next: toolbox ingest FOLDER --set NAME --study {directory}")


@app.command()
def ingest(
    source: Annotated[
        str,
        typer.Argument(help="Folder of category folders, manifest (.csv, .tsv, .parquet), or a card: lfw, gratings …"),
    ],
    set: Annotated[str | None, typer.Option("--set", help="Name of the stimulus set; a card brings its own.")] = None,
    study: StudyOption = HERE,
    strict: Annotated[bool, typer.Option(help="Refuse everything if one image cannot be used.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Add images to a stimulus set; what is there stays as it is."""
    with _progress(quiet) as progress:
        report = _study(study).ingest(source, set=set, strict=strict, progress=progress)
    _tell_ingestion(report, quiet)


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
    _tell_labelling(_study(study, make=False).label(set, scheme=scheme, source=source, replace=replace), quiet)


@app.command()
def extract(
    set: Annotated[str, typer.Argument(metavar="SET", help="Stimulus set to show.")],
    model: Annotated[str, typer.Option(help="Network: a name from `toolbox model list`, or a card's path.")] = "vgg16",
    layers: LayersOption = None,
    weights: WeightsOption = "auto",
    batch: Annotated[int, typer.Option(help="Images in one run of the network; more on a GPU, say 32.")] = 4,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(help="Threads of the network on a CPU; 0 for all cores.")] = 0,
    limit: Annotated[int | None, typer.Option(help="At most so many stimuli, evenly over categories.")] = None,
    part: Annotated[int | None, typer.Option(help="Stimuli in a part of the result; 50 to 1,000 if not given.")] = None,
    replace: Annotated[bool, typer.Option(help="Give up responses made with other weights or layers.")] = False,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Show a set to a network and keep the maximum and mean of every filter's map. Continues where it stopped."""
    with _progress(quiet) as progress:
        report = _study(study, make=False).extract(
            set, model=model, layers=layers or None, weights=weights, batch=batch, device=device, threads=threads,
            limit=limit, part=part, replace=replace, progress=progress,
        )  # fmt: skip
    _tell_extraction(report, quiet)


@app.command()
def significance(
    set: Annotated[str | None, typer.Argument(metavar="[SET]", help="Stimulus set, where there are several.")] = None,
    index: Annotated[str, typer.Option(help="contrast, share, csi, fsi, d_prime, welch_t, auc …")] = "contrast",
    statistic: Annotated[str, typer.Option(help="maximum or mean of the map.")] = "maximum",
    normalise: Annotated[str, typer.Option(help="filter or layer: the range of equation 1.")] = "filter",
    threshold: Annotated[
        list[float] | None, typer.Option(help="Where filters are counted; may be repeated. Default: 0.01 and 0.1.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Bootstrap samples, and permutations.")] = 1000,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal results.")] = 0,
    model: ModelOption = None,
    scheme: SchemeOption = None,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Resample an index: intervals, p values and reliability, which queries then show."""
    chosen = {} if threshold is None else {"thresholds": threshold}
    with _progress(quiet) as progress:
        report = _study(study, make=False).significance(
            set, model=model, scheme=scheme, index=index, statistic=statistic, normalise=normalise, draws=draws,
            seed=seed, progress=progress, **chosen,
        )  # fmt: skip
    for remark in report.remarks:
        _note(remark, quiet)
    _note(
        f"{report.set}: {report.index} of {report.filters:,} filters of {report.model} ({report.dead:,} dead), "
        f"{report.draws:,} draws {f'in {report.seconds:.0f} s' if report.seconds else 'there already'}",
        quiet,
    )
    _note(
        f"of {report.tests:,} tests (filter x category) {report.discoveries:,} have q < 0.05, "
        f"{report.certain:,} a family-wise p < 0.05",
        quiet,
    )


@app.command()
def query(
    query: Annotated[
        str | None, typer.Argument(help="Name such as layers/profile, or a SELECT over the views.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="A .sql file of your own.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="Show all shipped queries.")] = False,
    describe: Annotated[bool, typer.Option("--describe", help="Show what a query means, takes and returns.")] = False,
    param: ParamOption = None,
    set: SetOption = None,
    model: ModelsOption = None,
    scheme: SchemeOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Ask a study: a shipped query, a .sql file, or SQL over stimuli, labels, responses, rollups … (see the README)."""
    from toolbox.query import Query, query_table, read_query, shipped_query
    from toolbox.store.database import Choice

    if list_all:
        _print_table(query_table())
        return
    if (query is None) == (file is None):
        raise UsageError("expected one of: the name of a query, SQL text, --file FILE, --list")
    asked: str | Query = read_query(file) if file else str(query)
    if describe:
        shown = shipped_query(asked) if isinstance(asked, str) else asked
        typer.echo(shown.header)
        return
    chosen = Choice(set, None, scheme)
    answer = _study(study, make=False).answer(asked, _parameters(param), chosen, models=model or ())
    _tell_answer(answer, format, output, quiet)


@app.command()
def plot(
    query: Annotated[str, typer.Argument(help="Name of a query that has a figure.")],
    param: ParamOption = None,
    set: SetOption = None,
    model: ModelsOption = None,
    scheme: SchemeOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File: .html (default), .png, .svg or .json.")
    ] = None,
    thumbnails: Annotated[bool, typer.Option(help="Show the images too; the file holds small copies then.")] = False,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Draw a query's figure."""
    from toolbox.figure import save
    from toolbox.store.database import Choice

    figure = _study(study, make=False).figure(
        query, _parameters(param), Choice(set, None, scheme), models=model or (), thumbnails=thumbnails
    )
    path = output or Path(f"{query.replace('/', '-')}.html")
    save(figure, path)
    for remark in figure.remarks:
        _note(remark, quiet)
    typer.echo(path)


@app.command()
def replicate(
    reference: Annotated[
        Path, typer.Option("--reference", help="Table (.csv, .tsv, .parquet): layer, filter, selectivity, label.")
    ],
    map: Annotated[
        list[str] | None, typer.Option("--map", help="LABEL=CATEGORY, where table and study call it differently.")
    ] = None,
    filters: Annotated[
        bool, typer.Option("--filters", help="The values of every filter, not their agreement.")
    ] = False,
    index: Annotated[str | None, typer.Option(help="Index here; contrast if not given.")] = None,
    statistic: Annotated[str | None, typer.Option(help="maximum or mean of the map; mean if not given.")] = None,
    normalise: Annotated[str | None, typer.Option(help="Range of filter or layer; layer if not given.")] = None,
    threshold: Annotated[float | None, typer.Option(help="A filter above it is selective; 0.01 if not given.")] = None,
    count: Annotated[int | None, typer.Option(help="Filters whose overlap is taken; 10 if not given.")] = None,
    set: SetOption = None,
    model: ModelOption = None,
    scheme: SchemeOption = None,
    figure: Annotated[Path | None, typer.Option(help="File for a scatter: .html, .png, .svg or .json.")] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Hold a study against a published table: correlation, overlap and selective filters per layer and category."""
    from toolbox.figure import save
    from toolbox.replicate import replicate, scatter
    from toolbox.store.database import Choice

    options = {
        "index": index, "statistic": statistic, "normalise": normalise, "threshold": threshold, "count": count,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    pairs = _pairs(map, "--map", "LABEL=CATEGORY")
    asked = (_study(study, make=False).folder, reference, pairs, given, Choice(set, model, scheme))
    _tell_answer(replicate(*asked, filters=filters), format, output, quiet)
    if figure is not None:
        save(scatter(*asked), figure)
        _note(f"figure: {figure}", quiet)


@model_app.command("list")
def list_models() -> None:
    """All networks that ship."""
    from toolbox.export import models

    _print_table(models())


@model_app.command("show")
def show_model(name: Annotated[str, typer.Argument(help="Network, or a card's path.")] = "vgg16") -> None:
    """A network's layers, input, weights, citation and licence."""
    from toolbox.fetch import describe
    from toolbox.network.card import layer_table, network

    net = network(name)
    _print_table(layer_table(net))
    entry = net.input
    sources = [f"random numbers, seed {w['seed']}" if w["format"] == "random" else describe(w) for w in net.weights]
    for line in (
        f"{net.name}: {net.title}",
        f"input: {entry.height} x {entry.width} ({entry.resize}), "
        f"({entry.channels} - {entry.mean}) * {_scale(entry.scale)}",
        *(f"weights: {source}" for source in sources),
        f"citation: {net.citation}",
        f"licence: {net.licence}",
    ):
        _note(line)


def _scale(scale: float | tuple[float, ...]) -> str:
    """One number, or one for each channel, for reading."""
    return f"({', '.join(f'{each:g}' for each in scale)})" if isinstance(scale, tuple) else f"{scale:g}"


@model_app.command("export")
def export(
    name: Annotated[str, typer.Argument(help="Network, or a card's path.")] = "vgg16",
    full: Annotated[Path | None, typer.Option(help="ONNX file with every layer's map as an output.")] = None,
    pooled: Annotated[Path | None, typer.Option(help="ONNX file with maximum and mean of every map.")] = None,
    layers: LayersOption = None,
    weights: WeightsOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Write a network as ONNX."""
    from toolbox.export import export_model

    with _progress(quiet) as progress:
        found = export_model(name, full=full, pooled=pooled, layers=layers or None, weights=weights, progress=progress)
    _note(f"weights: {found.source}", quiet)
    for remark in found.remarks:
        _note(remark, quiet)
    for path in (full, pooled):
        if path is not None:
            typer.echo(path)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Treat the filters of a convolutional network as a neurophysiologist treats neurons."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("selectivity-toolbox"))
        raise typer.Exit


def _study(directory: Path, *, make: bool = True) -> Study:
    """The study of a directory; only ingestion makes one."""
    from toolbox.store.folder import open_study
    from toolbox.study import Study

    if not make:
        open_study(directory)
    return Study(directory)


def _parameters(given: Sequence[str] | None) -> dict[str, str]:
    return _pairs(given, "--param", "name=value")


def _pairs(given: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in given or ()]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise UsageError(f"{option} {name!r} has no value; expected {form}")
    return {name: value for name, _, value in pairs}


def _note(text: str, quiet: bool = False) -> None:
    if not quiet:
        typer.echo(text, err=True)


def _tell_ingestion(report: IngestReport, quiet: bool) -> None:
    for path in report.animated[:LISTED]:
        _note(f"first image only: {path} holds several", quiet)
    for path in report.changed[:LISTED]:
        _note(f"changed since it was first ingested, so a further stimulus: {path}", quiet)
    for rejection in report.rejections[:LISTED]:
        _note(f"not used: {rejection.path}: {rejection.reason}", quiet)
    more = sum(max(0, len(found) - LISTED) for found in (report.animated, report.changed, report.rejections))
    if more:
        _note(f"… and {more} more, all listed in the study's runs/", quiet)
    if report.moved:
        _note(f"{report.moved} stimuli lay elsewhere before; they are known under their new paths", quiet)
    counts = ", ".join(f"{category} {count}" for category, count in report.categories.items())
    _note(f"{report.set}: {report.added} added, {report.known} there already; now {report.stimuli}: {counts}", quiet)


def _tell_labelling(report: LabelReport, quiet: bool) -> None:
    if report.ignored:
        _note(f"not used: {', '.join(report.ignored)}; labels are {report.value!r} by {report.key!r}", quiet)
    if not report.written:
        _note("nothing to do: the set has these labels", quiet)
    counts = ", ".join(f"{category} {count}" for category, count in report.categories.items())
    _note(
        f"{report.set}: {report.labelled} labelled, {report.unlabelled} unlabelled; {counts}; "
        f"ask with --scheme {report.scheme}",
        quiet,
    )


def _tell_extraction(report: ExtractionReport, quiet: bool) -> None:
    for remark in report.remarks:
        _note(f"note: {remark}", quiet)
    for entry in report.unreadable[:LISTED]:
        _note(f"not shown: {entry.path}: {entry.reason}", quiet)
    if len(report.unreadable) > LISTED:
        _note(f"… and {len(report.unreadable) - LISTED} more, all listed in the records of the parts", quiet)
    if report.shown:
        rate = report.shown / report.seconds
        _note(f"{report.shown} stimuli shown in {report.seconds:.0f} s ({rate:.1f} a second, {report.provider})", quiet)
    else:
        _note("nothing to do: every stimulus has its responses", quiet)
    _note(
        f"{report.set}: responses of {report.filters:,} filters in {len(report.layers)} layers of {report.model} "
        f"to {report.stimuli:,} stimuli; weights: {report.weights}",
        quiet,
    )


def _print_table(rows: pl.DataFrame, quiet: bool = False) -> None:
    """A table for people: four significant digits, at most MANY rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[_cell(value) for value in row] for row in rows.head(MANY).iter_rows()]
    table = Table(box=None, pad_edge=False, header_style="bold")
    needed = 0
    for column, (name, kind) in enumerate(rows.schema.items()):
        widest = max(len(name), *(len(row[column]) for row in cells), 1)
        least = widest if kind.is_numeric() else min(widest, max(len(name), FOLDED))
        needed += least + 2
        table.add_column(name, justify="right" if kind.is_numeric() else "left", min_width=least, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    # Too narrow a terminal breaks long texts into lines, never numbers or short names; a pipe has no width.
    Console(width=max(Console().width, needed) if sys.stdout.isatty() else 10_000).print(table)
    if rows.height > MANY:
        _note(f"… {rows.height - MANY:,} more rows; --format csv or --output FILE gives all", quiet)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)


def _tell_answer(answer: Answer, format: Format | None, output: Path | None, quiet: bool) -> None:
    """Rows to stdout or a file, remarks to stderr."""
    for remark in answer.remarks:
        _note(remark, quiet)
    if output is None and format in (None, Format.TABLE):
        _print_table(answer.rows, quiet)
    else:
        _write(answer, format, output)


def _write(answer: Answer, format: Format | None, output: Path | None) -> None:
    from toolbox.rows import content, write

    if output is None:
        if format is Format.PARQUET and sys.stdout.isatty():
            raise UsageError("parquet is no text for a terminal; write it to a file with --output FILE")
        sys.stdout.buffer.write(content(answer, str(format)))
    else:
        write(answer, output, format and str(format))
        typer.echo(output)


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    """A progress bar with rate and time left, on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Rate(TextColumn):
        """Things done in a second."""

        def render(self, task: Any) -> Any:
            task.fields["rate"] = f"{task.speed:,.1f}/s" if task.speed else ""
            return super().render(task)

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(task: str, done: int, total: int) -> None:
            if task not in tasks:
                tasks[task] = bars.add_task(task, total=total or None)
            bars.update(tasks[task], completed=done, total=total or None)

        try:
            yield show
        except KeyboardInterrupt:
            _note("stopped; what is finished is kept, and the same command goes on from there")
            raise typer.Exit(130) from None
