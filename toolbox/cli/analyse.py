"""Commands that analyse a study: significance, query, replicate."""

import typer

from toolbox.cli import following, options, output, reports
from toolbox.cli.conversion import pairs, parameters, selection_of, study_at, tables_of
from toolbox.cli.options import HERE
from toolbox.cli.progress import progress_bars
from toolbox.cli.query_options import QueryCommand
from toolbox.cli.several import SeveralValues
from toolbox.cli.tables import print_table
from toolbox.errors import UsageError
from toolbox.printing import printable_lines
from toolbox.terms import DEFAULT_INDEX

commands = typer.Typer()


@commands.command(cls=SeveralValues)
def significance(
    set: options.AnalysedSetArgument = None,
    index: options.IndexOption = DEFAULT_INDEX,
    statistic: options.StatisticOption = "maximum",
    normalise: options.NormaliseOption = "filter",
    threshold: options.ThresholdsOption = None,
    resamples: options.ResamplesOption = 1000,
    seed: options.SeedOption = 0,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Resample an index: intervals, p values and reliability, which queries then show."""
    opened = study_at(study)
    with progress_bars(quiet) as progress:
        report = opened.significance(
            set, index=index, statistic=statistic, normalise=normalise, threshold=threshold, resamples=resamples,
            seed=seed, model=model, scheme=scheme, progress=output.with_expected_times(progress, quiet),
        )  # fmt: skip
    reports.print_significance(report, quiet)
    usual = {"index": DEFAULT_INDEX, "statistic": "maximum", "normalise": "filter"}
    measure = {"index": index, "statistic": str(statistic), "normalise": str(normalise)}
    unusual = {name: value for name, value in measure.items() if value != usual[name]}
    following.print_next(following.after_significance(opened, report, unusual), study, quiet)


@commands.command(cls=QueryCommand)
def query(
    query: options.QueryArgument = None,
    file: options.FileOption = None,
    list_all: options.ListOption = False,
    describe: options.DescribeOption = False,
    param: options.ParamOption = None,
    set: options.SetOption = None,
    model: options.ModelsOption = None,
    scheme: options.SchemeOption = None,
    table: options.TableOption = None,
    untrusted: options.UntrustedOption = False,
    format: options.FormatOption = None,
    output_file: options.OutputOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Print the rows of a shipped query, of a .sql file, or of a SELECT over the views of a study.

    Every parameter of the query is an option, too: toolbox query layers/profile --help lists --threshold and others.

    `toolbox query "show tables"` lists the views. SQL is read-only.
    """
    from toolbox.study import Study

    if list_all:
        print_table(Study.queries())
        return
    if (query is None) == (file is None):
        raise UsageError("expected one of: the name of a query, SQL text, --file FILE, --list")
    question = file or str(query)
    if describe:
        typer.echo(printable_lines(Study.describe(question)))
        return
    selection = selection_of(set, model, scheme)
    answer = study_at(study).answer(
        question, parameters(param), selection, tables_of(table), untrusted=untrusted
    )
    output.print_answer(answer, format, output_file, quiet)


@commands.command(cls=SeveralValues)
def replicate(
    reference: options.ReferenceOption,
    map: options.MapOption = None,
    filters: options.FiltersOption = False,
    index: options.ReplicatedIndexOption = None,
    statistic: options.ReplicatedStatisticOption = None,
    normalise: options.ReplicatedRangeOption = None,
    threshold: options.ReplicatedThresholdOption = None,
    count: options.CountOption = None,
    set: options.SetOption = None,
    model: options.ModelOption = None,
    scheme: options.SchemeOption = None,
    figure: options.ScatterOption = None,
    format: options.FormatOption = None,
    output_file: options.OutputOption = None,
    study: options.StudyOption = HERE,
    quiet: options.QuietOption = False,
) -> None:
    """Compare a study with a published table: correlation, overlap and selective filters per layer and category."""
    choices = {
        "index": index, "statistic": statistic, "normalise": normalise, "threshold": threshold, "count": count,
    }  # fmt: skip
    given = {name: value for name, value in choices.items() if value is not None}
    labels = pairs(map, "--map", "LABEL=CATEGORY")
    answer = study_at(study).replication(
        reference, labels, given, selection_of(set, model, scheme), filters=filters, figure=figure
    )
    output.print_answer(answer, format, output_file, quiet)
    if figure is not None:
        output.note(f"figure: {figure}", quiet)
