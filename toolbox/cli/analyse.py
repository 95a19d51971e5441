"""Commands that ask a study: significance, query, plot, replicate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolbox.cli.options import (
    HERE,
    FormatOption,
    ModelOption,
    ModelsOption,
    OutputOption,
    ParamOption,
    QuietOption,
    SchemeOption,
    SetOption,
    StudyOption,
    pairs,
    parameters,
    study_at,
)
from toolbox.cli.output import note, print_answer, print_table, progress_bars
from toolbox.errors import UsageError

app = typer.Typer()


@app.command()
def significance(
    set: Annotated[
        str | None, typer.Argument(metavar="[SET]", help="Stimulus set, where there are several.")
    ] = None,
    index: Annotated[
        str, typer.Option(help="contrast, share, csi, fsi, d_prime, welch_t, auc …")
    ] = "contrast",
    statistic: Annotated[str, typer.Option(help="maximum or mean of the map.")] = "maximum",
    normalise: Annotated[str, typer.Option(help="filter or layer: the range of equation 1.")] = "filter",
    threshold: Annotated[
        list[float] | None,
        typer.Option(help="Where filters are counted; may be repeated. Default: 0.01 and 0.1."),
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
    with progress_bars(quiet) as progress:
        report = study_at(study, make=False).significance(
            set, model=model, scheme=scheme, index=index, statistic=statistic, normalise=normalise, draws=draws,
            seed=seed, progress=progress, **chosen,
        )  # fmt: skip
    for remark in report.remarks:
        note(remark, quiet)
    note(
        f"{report.set}: {report.index} of {report.filters:,} filters of {report.model} ({report.dead:,} dead), "
        f"{report.draws:,} draws {f'in {report.seconds:.0f} s' if report.seconds else 'there already'}",
        quiet,
    )
    note(
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
    describe: Annotated[
        bool, typer.Option("--describe", help="Show what a query means, takes and returns.")
    ] = False,
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
    from toolbox.store.selection import Selection

    if list_all:
        print_table(query_table())
        return
    if (query is None) == (file is None):
        raise UsageError("expected one of: the name of a query, SQL text, --file FILE, --list")
    asked: str | Query = read_query(file) if file else str(query)
    if describe:
        shown = shipped_query(asked) if isinstance(asked, str) else asked
        typer.echo(shown.header)
        return
    selection = Selection(set, model or (), scheme)
    answer = study_at(study, make=False).answer(asked, parameters(param), selection)
    print_answer(answer, format, output, quiet)


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
    thumbnails: Annotated[
        bool, typer.Option(help="Show the images too; the file holds small copies then.")
    ] = False,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Draw a query's figure."""
    from toolbox.show.plots import save
    from toolbox.store.selection import Selection

    figure = study_at(study, make=False).figure(
        query, parameters(param), Selection(set, model or (), scheme), thumbnails=thumbnails
    )
    path = output or Path(f"{query.replace('/', '-')}.html")
    save(figure, path)
    for remark in figure.remarks:
        note(remark, quiet)
    typer.echo(path)


@app.command()
def replicate(
    reference: Annotated[
        Path,
        typer.Option("--reference", help="Table (.csv, .tsv, .parquet): layer, filter, selectivity, label."),
    ],
    map: Annotated[
        list[str] | None,
        typer.Option("--map", help="LABEL=CATEGORY, where table and study call it differently."),
    ] = None,
    filters: Annotated[
        bool, typer.Option("--filters", help="The values of every filter, not their agreement.")
    ] = False,
    index: Annotated[str | None, typer.Option(help="Index here; contrast if not given.")] = None,
    statistic: Annotated[
        str | None, typer.Option(help="maximum or mean of the map; mean if not given.")
    ] = None,
    normalise: Annotated[
        str | None, typer.Option(help="Range of filter or layer; layer if not given.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="A filter above it is selective; 0.01 if not given.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="Filters whose overlap is taken; 10 if not given.")
    ] = None,
    set: SetOption = None,
    model: ModelOption = None,
    scheme: SchemeOption = None,
    figure: Annotated[
        Path | None, typer.Option(help="File for a scatter: .html, .png, .svg or .json.")
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    study: StudyOption = HERE,
    quiet: QuietOption = False,
) -> None:
    """Hold a study against a published table: correlation, overlap and selective filters per layer and category."""
    from toolbox.store.selection import Selection

    options = {
        "index": index, "statistic": statistic, "normalise": normalise, "threshold": threshold, "count": count,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    labels = pairs(map, "--map", "LABEL=CATEGORY")
    answer = study_at(study, make=False).replication(
        reference, labels, given, Selection(set, model or (), scheme), filters=filters, figure=figure
    )
    print_answer(answer, format, output, quiet)
    if figure is not None:
        note(f"figure: {figure}", quiet)
