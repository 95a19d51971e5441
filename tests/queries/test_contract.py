"""Every query keeps what its header promises, on any study."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from support.nearly import nearly
from support.own_sql import seen
from support.random_study import FILTERS, LAYERS, RandomStudy
from support.small_study import (
    SET,
    add_labels,
    add_layers,
    add_measurement,
    add_responses,
    add_stimuli,
    plain_layers,
    small_study,
)
from support.worked_examples import example_study
from toolbox.analyse.significance import Resampling, resample
from toolbox.content import content_folder
from toolbox.errors import QueryError, UsageError
from toolbox.query import SQL_TYPES, Query, ask, query_names, query_table, shipped_query
from toolbox.query.header import Parameter, value_of
from toolbox.store import database
from toolbox.store.folder import StudyFolder, create_study


def published_table() -> pa.Table:
    """A published table of any values for the filters of all studies below, two of them equal."""
    rows = [
        (layer, number, category, (7 * number + 3 * place) % 19 / 40 - 0.1)
        for place, layer in enumerate(dict.fromkeys((*LAYERS, "conv1", "conv2")))
        for number in range(FILTERS)
        for category in ("axe", "car", "dog")
    ]
    schema = {"layer": pl.String, "filter": pl.Int32, "category": pl.String, "value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").to_arrow()


def reference_responses() -> pa.Table:
    """A reference of any range and mean for the filters of all studies below; the last filter of each layer is dead."""
    rows = [
        (layer, number, statistic, 0.2 + number / 10, 0.0, 0.0 if number == FILTERS - 1 else 1.5 + number)
        for layer in dict.fromkeys((*LAYERS, "conv1", "conv2"))
        for number in range(FILTERS)
        for statistic in ("maximum", "mean")
    ]
    schema = {
        "layer": pl.String, "filter": pl.Int32, "statistic": pl.String,
        "mean": pl.Float64, "minimum": pl.Float64, "maximum": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").to_arrow()


def bank_of_filters() -> pa.Table:
    """A bank of a filter that all studies below have, as `toolbox probe` writes one."""
    terms = [("conv1", 0, each, category) for each in ("maximum", "mean") for category in ("car", "dog")]
    bank = pl.DataFrame(terms, schema=["layer", "filter", "statistic", "category"], orient="row")
    numbers = {"weight": 0.25, "intercept": 0.5, "middle": 1.0, "spread": 2.0}
    weights = [pl.lit(value).alias(name) for name, value in numbers.items()]
    return bank.with_columns(weights).to_arrow()


RESAMPLE_VIEWS = ["layers/significant", "selectivity/reliability", "selectivity/significance"]
EMPTY_FOR_ONE_CATEGORY = [
    *RESAMPLE_VIEWS,
    "filters/representative",
    "tuning/representative",
    "complexity/pairs",
    "relation/filters",
    "filters/transfer",
    "selectivity/transfer",
    "selectivity/sanity",
    "sets/duplicates",
]
"""Queries that have no rows before `toolbox significance` was run, of two networks, or of two sets."""
POLARS = {
    "varchar": pl.String,
    "integer": pl.Int32,
    "bigint": pl.Int64,
    "double": pl.Float64,
    "boolean": pl.Boolean,
}
BEYOND_THE_USUAL: dict[str, dict[str, Any]] = {
    "layers/significant": {"level": 0.9},
    "sets/near_duplicates": {"distance": 1.0},
}
"""Where random responses are beyond chance, or near to each other."""
QUERIES = [shipped_query(name) for name in query_names()]
PUBLISHED = {
    "reference": published_table(),
    "reference_responses": reference_responses(),
    "bank": bank_of_filters(),
}
EACH = pytest.mark.parametrize("query", QUERIES, ids=query_names())


Studies = Callable[..., StudyFolder]


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    """A function that makes each study once, from what makes it and its arguments; tests only read it."""

    @cache
    def study(make: Callable[..., StudyFolder], *arguments: Any) -> StudyFolder:
        return make(tmp_path_factory.mktemp("study") / "study", *arguments)

    return study


def needed(query: Query, **known: Any) -> dict[str, Any]:
    """A value for every parameter that must be given."""
    known = {"layer": "conv1", "filter": 0, "parameter": "orientation", **known}
    required = {parameter.name: known[parameter.name] for parameter in query.parameters if parameter.required}
    return required | BEYOND_THE_USUAL.get(query.name, {})


def test_every_file_is_a_query_and_listed_with_its_title() -> None:
    files = {path.relative_to(content_folder("queries")) for path in content_folder("queries").rglob("*.sql")}
    names = {path.with_suffix("").as_posix() for path in files}
    assert names - set(query_names()) == {name for name in names if name.startswith(("macros/", "indices/"))}
    assert query_table().rows() == [(query.name, query.title) for query in QUERIES]


@EACH
def test_the_header_lists_exactly_the_parameters_of_the_statement(query: Query) -> None:
    (statement,) = duckdb.extract_statements(query.sql)
    assert sorted(parameter.name for parameter in query.parameters) == sorted(statement.named_parameters)


@EACH
def test_the_header_has_a_title_and_tells_how_to_read_the_result(query: Query) -> None:
    assert query.sql.startswith(f"-- {query.title}.\n")
    assert len(query.description) > 100
    assert query.columns
    assert all(parameter.description for parameter in query.parameters)


@EACH
def test_a_query_names_its_source(query: Query) -> None:
    assert "doi 10." in query.source or "arXiv:" in query.source


@EACH
def test_the_columns_and_their_types_are_those_of_the_header(
    query: Query, resampled_study: RandomStudy
) -> None:
    described = ask(
        resampled_study.folder, replace(query, sql=f"describe\n{query.sql}"), needed(query), tables=PUBLISHED
    ).rows
    columns = zip(described["column_name"], described["column_type"].str.to_lowercase(), strict=True)
    assert list(columns) == [(column.name, column.type) for column in query.columns]
    assert {column.type for column in query.columns} <= set(SQL_TYPES)


CHOOSING = {
    "selectivity/threshold": ("index", "statistic", "normalise"),
    "selectivity/significance": ("index", "statistic", "normalise"),
}
"""Queries asked with every choice: of the macros, and of the tables that `toolbox significance` makes."""
OF_FILTERS = ("depth_of_selectivity", "lifetime_sparseness")
NAMED = {"selectivity/agreement": {"first": ("auc", "precision", *OF_FILTERS), "second": ("auc",)}}
"""Further choices, which a query's own SQL names; all others are pairs of its answer when nothing is chosen."""


def choices_asked(query: Query, parameter: Parameter, *, is_each: bool) -> Sequence[Any]:
    """All choices where they are decided; where a query only passes them on, one that is not the default."""
    if is_each and parameter.name in CHOOSING.get(query.name, ()):
        return parameter.choices
    others = [choice for choice in parameter.choices if choice != parameter.default]
    return (*NAMED.get(query.name, {}).get(parameter.name, ()), *others[-1:])


FEW_ROWS = ("sets/summary", "sets/duplicates", "relation/ceiling", "relation/variables")
"""Queries with a row for each set or parameter."""
UNBOUNDED = {
    ("tuning/preferences", "bin"),
    ("selectivity/threshold", "lowest"),
    ("selectivity/threshold", "highest"),
}
"""Numbers without bounds: a part of 180 degrees, which the SQL checks, and the ends of a scale."""


@EACH
def test_every_number_has_bounds_that_its_default_keeps(query: Query) -> None:
    for parameter in query.parameters:
        if SQL_TYPES[parameter.type] not in (int, float) or (query.name, parameter.name) in UNBOUNDED:
            continue
        if parameter.name == "threshold" and any(each.name == "index" for each in query.parameters):
            assert parameter.bounds is None, "those of a threshold are the range of the index"
            continue
        assert parameter.bounds, parameter.name
        assert parameter.default is None or parameter.default in parameter.bounds
        for outside in (parameter.bounds.least - 1, parameter.bounds.most + 1):
            if math.isfinite(outside):
                with pytest.raises(UsageError, match=f"expected {parameter.bounds}$"):
                    value_of(parameter, int(outside) if parameter.type == "integer" else outside)


def listed_parameters(query: Query) -> list[Parameter]:
    """Parameters whose values the header lists."""
    return [parameter for parameter in query.parameters if parameter.choices]


EACH_CHOICE = pytest.mark.parametrize(
    ("query", "is_each"),
    [
        *(pytest.param(query, False, id=query.name) for query in QUERIES),
        *(
            pytest.param(shipped_query(name), True, id=f"each of {name}", marks=pytest.mark.long)
            for name in CHOOSING
        ),
    ],
)


@EACH_CHOICE
def test_a_listed_choice_is_accepted_and_makes_a_difference(
    query: Query, is_each: bool, resampled_study: RandomStudy
) -> None:
    # the rank order of filter 1 is not that of the alphabet
    asked = needed(query, filter=1)
    study, listed = resampled_study.folder, listed_parameters(query)
    rows = nearly(ask(study, query, asked, tables=PUBLISHED).rows.rows()) if listed else []
    for parameter in listed:
        for choice in choices_asked(query, parameter, is_each=is_each):
            chosen = ask(study, query, {**asked, parameter.name: choice}, tables=PUBLISHED).rows.rows()
            assert (chosen == rows) == (choice == parameter.default), (parameter.name, choice)


@EACH
def test_every_listed_choice_is_one_of_those_that_are_asked_for_somewhere(query: Query) -> None:
    asked: dict[str, set[str]] = {}
    for of, names in CHOOSING.items():
        for parameter in listed_parameters(shipped_query(of)):
            if parameter.name in names:
                asked[parameter.name] = asked.get(parameter.name, set()) | {*parameter.choices}
    asked |= {"by": {"layer", "block"}, "order": {"rank", "label"}, "pixels": {"presented", "file", "both"}}
    asked |= dict.fromkeys(("first", "second"), asked["index"])
    for parameter in listed_parameters(query):
        own = {"none"} if query.name == "selectivity/population" else set()  # it has no range of the layer
        assert len(parameter.choices) > 1
        assert {*parameter.choices} <= asked[parameter.name] | own, parameter.name


@pytest.fixture(scope="module")
def reordered(resampled_study: RandomStudy, tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """The random study with its parts in the opposite order, resampled anew."""
    root = tmp_path_factory.mktemp("reordered")
    responses = ask(resampled_study.folder, seen("select * from responses")).rows
    shutil.copytree(
        resampled_study.folder.root, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("responses")
    )
    add_responses(StudyFolder(root), responses, parts=resampled_study.parts[::-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(tmp_path_factory.mktemp("cache")))
        resample(StudyFolder(root), Resampling(resamples=20))
    return StudyFolder(root)


@EACH
def test_the_order_of_rows_depends_on_neither_threads_nor_parts(
    query: Query, resampled_study: RandomStudy, reordered: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    for threads, study in ((1, resampled_study.folder), (2, reordered)):
        monkeypatch.setitem(database._CLOSED, "threads", threads)
        answers.append(ask(study, query, needed(query), tables=PUBLISHED).rows.rows())
    assert answers[0] == nearly(answers[1])
    assert query.name in FEW_ROWS or len(answers[0]) > 3


@EACH
def test_an_empty_result_has_the_columns_of_a_full_one(query: Query, studies: Studies) -> None:
    study = studies(empty_set if query.name == "sets/summary" else unlabelled_study)
    rows = ask(study, query, needed(query), tables=PUBLISHED).rows
    need_no_label = (
        *("filters/stimuli", "filters/distribution", "tuning/parameter", "selectivity/population"),
        *("sets/near_duplicates", "probe/bank", "relation/ceiling", "relation/variables"),
    )
    assert rows.is_empty() or query.name in need_no_label
    assert dict(rows.schema) == {column.name: POLARS[column.type] for column in query.columns}


@pytest.mark.parametrize("query", ["filters/stimuli", "tuning/category", "tuning/parameter"])
def test_a_filter_that_the_layer_does_not_have_is_an_error(query: str, random_study: RandomStudy) -> None:
    with pytest.raises(QueryError) as caught:
        ask(random_study.folder, query, {"layer": "conv1", "filter": 9999})
    assert str(caught.value).startswith(f"{query}: no filter 9999 in conv1; expected 0 to ")


@pytest.mark.parametrize(
    "query", ["filters/stimuli", "tuning/category", "selectivity/ranks", "selectivity/threshold"]
)
def test_a_layer_that_was_not_extracted_is_no_empty_answer(query: str, tmp_path: Path) -> None:
    study = example_study("tuning/category/default", tmp_path / "study")
    asked = (
        {"layer": "hidden", "filter": 0} if "filter" in needed(shipped_query(query)) else {"layer": "hidden"}
    )
    with pytest.raises(
        UsageError, match=r"no responses of hidden to shapes are stored, only of .*toolbox extract shapes"
    ):
        ask(study, query, asked)


@pytest.mark.parametrize("query", ["selectivity/agreement", "replication/layers"])
def test_an_overlap_of_no_filter_is_an_error(query: str, random_study: RandomStudy) -> None:
    with pytest.raises(UsageError, match=r"\$count is 0; expected 1 or more"):
        ask(random_study.folder, query, {"count": 0}, tables=PUBLISHED)


@pytest.mark.parametrize("index", ["depth_of_selectivity", "lifetime_sparseness", "signal_to_noise"])
def test_an_index_of_the_filter_as_such_counts_alike_for_every_category(
    index: str, random_study: RandomStudy
) -> None:
    filters = ask(random_study.folder, "selectivity/filters").rows
    passing = filters.filter((pl.col("layer") == "conv2") & (pl.col(index) > 0.25)).height
    counts = ask(
        random_study.folder,
        "selectivity/threshold",
        {"index": index, "layer": "conv2", "lowest": 0.25, "highest": 0.5, "steps": 2},
    ).rows.filter(pl.col("threshold") == 0.25)["selective"]
    assert counts.to_list() == [passing] * 4
    assert passing > 0


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select * from selectivity('means', 'filter')", "the statistic is means; expected maximum or mean"),
        ("select * from selectivity('mean', 'layre')", "normalise is layre; expected filter or layer"),
        (
            "select * from index_values('csl', 'mean', 'filter')",
            "the index is csl; expected one of auc, auprc, balanced_share, contrast",
        ),
        (
            "select * from rank_indices('means', null, null)",
            "the statistic is means; expected maximum or mean",
        ),
        ("select * from rank_indices('mean', 0, null)", "k is 0; expected 1 or more"),
    ],
)
def test_a_wrong_argument_of_a_formula_is_never_a_default(
    sql: str, message: str, random_study: RandomStudy
) -> None:
    with pytest.raises(QueryError, match=message):
        ask(random_study.folder, sql)


@pytest.mark.parametrize(
    ("query", "choices", "expected"),
    [
        ("selectivity/index", {}, {"share": None, "balanced_share": None, "contrast": None}),
        (
            "selectivity/index",
            {"normalise": "layer"},
            {"share": None, "balanced_share": None, "contrast": None},
        ),
        (
            "selectivity/index",
            {},
            {"csi": None, "fsi": None, "d_prime": None, "welch_t": None, "welch_df": None},
        ),
        ("selectivity/index", {"against": "dog"}, {"fsi": None}),
        ("selectivity/ranks", {}, {"auc": None, "precision": None}),
        ("selectivity/ranks", {"k": 1}, {"auc": None, "precision": None}),
        (
            "selectivity/filters",
            {},
            {"preferred": None, "csi": None, "depth_of_selectivity": None, "dead": True},
        ),
        ("selectivity/filters", {}, {"lifetime_sparseness": None, "signal_to_noise": None}),
        ("selectivity/population", {}, {"filters": 2, "sparseness": 0.0}),
        ("selectivity/threshold", {"lowest": -1.0}, {"filters": 2, "selective": 0, "proportion": 0.0}),
        ("layers/profile", {}, {"proportion": 0.0, "dead": 2}),
        ("layers/profile", {"threshold": -1.0}, {"proportion": 0.0, "dead": 2}),
        ("filters/stimuli", {}, {"response": 2.5, "normalised": None}),
        ("tuning/category", {}, {"mean": 2.5, "normalised": None}),
        ("tuning/parameter", {}, {"mean": 2.5, "normalised": None}),
        ("tuning/orientation", {}, {"preferred": None, "selectivity": 0.0, "half_width": None, "peak": 2.5}),
        ("tuning/frequency", {}, {"preferred": None, "bandwidth": None, "kind": None, "peak": 2.5}),
        ("tuning/preferences", {}, {"filters": 0, "proportion": None}),
        ("complexity/layers", {"index": "response"}, {"proportion": 0.0}),
        ("complexity/depth", {"threshold": -1.0}, {"proportion": 0.0, "mean_depth": None}),
        ("replication/filters", {}, {"here": None}),
        ("replication/layers", {}, {"filters": 0, "pearson": None, "spearman": None, "overlap": None}),
    ],
)
def test_where_all_filters_are_dead_their_indices_are_null(
    query: str, choices: dict[str, Any], expected: dict[str, Any], studies: Studies
) -> None:
    study = studies(one_response, 2.5, ("car", "car", "dog"))
    rows = ask(study, query, {**needed(shipped_query(query)), **choices}, tables=PUBLISHED).rows.select(
        list(expected)
    )
    assert rows.rows() == nearly([tuple(expected.values())] * rows.height)
    assert rows.height > 1


@pytest.mark.parametrize(
    ("query", "choices"), [("selectivity/agreement", {}), ("selectivity/population", {"normalise": "filter"})]
)
def test_dead_filters_agree_in_nothing_and_carry_no_response(
    query: str, choices: dict[str, Any], studies: Studies
) -> None:
    study = studies(one_response, 2.5, ("car", "car", "dog"))
    assert ask(study, query, choices).rows.height == 0


def test_thresholds_need_two_ends(random_study: RandomStudy) -> None:
    with pytest.raises(UsageError, match=r"\$steps is 1; expected 2 to 10000"):
        ask(random_study.folder, "selectivity/threshold", {"steps": 1})


def test_no_dead_filter_is_representative(studies: Studies) -> None:
    study = studies(one_response, 2.5, ("car", "car", "dog"))
    assert ask(study, "filters/representative").rows.height == 0


@EACH
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_silent_layers_give_null_and_never_nan(query: Query, value: float, studies: Studies) -> None:
    study = studies(one_response, value, ("car", "dog", None))
    known = {parameter.name: parameter.choices for parameter in query.parameters}
    # a share of the layer's range: two divisions more than a contrast of the filter's; mean and maximum are one value
    other = {
        name: choice
        for name, choice in {"normalise": "layer", "index": "share"}.items()
        if choice in known.get(name, ())
    }
    for choices in [{}, other] if other else [{}]:
        assert no_nan(ask(study, query, {**needed(query), **choices}, tables=PUBLISHED).rows)


@EACH
def test_a_single_category_gives_null_where_there_is_nothing_to_compare(
    query: Query, studies: Studies
) -> None:
    study = studies(one_category)
    rows = ask(study, query, needed(query), tables=PUBLISHED).rows
    assert no_nan(rows)
    assert rows.is_empty() == (query.name in EMPTY_FOR_ONE_CATEGORY)
    if query.name == "selectivity/index":
        assert rows.row(0, named=True) == {
            **dict.fromkeys(rows.columns),
            **{"layer": "conv1", "filter": 0, "category": "car", "n": 2},
            **{"share": 1.0, "balanced_share": 1.0, "response": 0.5},
        }
    if query.name == "properties/categories":
        assert rows.rows() == [("luminance", "car", 2, 0, 50.0, math.sqrt(200), 50.0, *[None] * 4)]
    if query.name == "selectivity/ranks":
        assert rows.rows() == [("conv1", 0, "car", 2, None, 1.0, 1.0)]
    if query.name == "selectivity/filters":
        # mean 2, mean of squares 5
        assert rows.rows() == nearly([("conv1", 0, "car", None, None, (1 - 4 / 5) * 2, None, False)])


def labels(categories: Sequence[str | None]) -> pl.DataFrame:
    table = {"stimulus_id": range(len(categories)), "category": categories}
    return pl.DataFrame(table, schema={"stimulus_id": pl.Int32, "category": pl.String})


def one_category(root: Path) -> StudyFolder:
    """Two gratings of one category, and the responses of one filter."""
    responses = pl.DataFrame(
        {"layer": "conv1", "filter": 0, "stimulus_id": [0, 1], "maximum": [1.0, 3.0], "mean": [0.0, 1.0]}
    )
    study = small_study(root, responses, labels(["car", "car"]))
    add_stimuli(
        study, pl.DataFrame({"stimulus_id": [0, 1], "orientation": [0, 90], "spatial_frequency": [1, 2]})
    )
    add_measurement(study, pl.DataFrame({"stimulus_id": [0, 1], "luminance": [40.0, 60.0]}))
    return study


def unlabelled_study(root: Path) -> StudyFolder:
    """Responses to stimuli without a label or a parameter; one stimulus has an orientation but no responses."""
    responses = pl.DataFrame(
        {"layer": "conv1", "filter": 0, "stimulus_id": [0, 1], "maximum": 1.0, "mean": 1.0}
    )
    study = small_study(root, responses, labels([]))
    known_of_one = {name: [None, None, 45] for name in ("orientation", "spatial_frequency")}
    add_stimuli(study, pl.DataFrame({"stimulus_id": [0, 1, 2], **known_of_one}))
    add_measurement(study, pl.DataFrame({"stimulus_id": [0, 1, 2], "luminance": [40.0, 50.0, 60.0]}))
    return study


def empty_set(root: Path) -> StudyFolder:
    """A set without stimuli."""
    study = create_study(root)
    add_stimuli(study, pl.DataFrame({"stimulus_id": []}, schema={"stimulus_id": pl.Int32}), SET)
    add_labels(study, labels([]), SET)
    return study


def one_response(root: Path, value: float, categories: Sequence[str | None]) -> StudyFolder:
    """Two layers whose filters respond to everything with one value."""
    rows = [
        (layer, number, stimulus, value, value)
        for layer in ("conv1", "conv2")
        for number in (0, 1)
        for stimulus in range(len(categories))
    ]
    responses = pl.DataFrame(rows, schema=["layer", "filter", "stimulus_id", "maximum", "mean"], orient="row")
    study = small_study(root, responses, labels(categories))
    numbers = range(len(categories))
    gratings = {
        "orientation": [60 * number for number in numbers],
        "spatial_frequency": [2**n for n in numbers],
    }
    add_stimuli(study, pl.DataFrame({"stimulus_id": numbers, **gratings}))
    add_layers(study, plain_layers(responses))
    add_measurement(study, pl.DataFrame({"stimulus_id": numbers, "luminance": [10.0 * n for n in numbers]}))
    return study


def no_nan(rows: pl.DataFrame) -> bool:
    """Whether every decimal is a number or null."""
    return all(math.isfinite(value) for row in rows.rows() for value in row if isinstance(value, float))


def test_a_layer_wide_range_needs_maps_that_are_never_negative(tmp_path: Path) -> None:
    responses = pl.DataFrame(
        {"layer": "conv1", "filter": 0, "stimulus_id": [0, 1], "maximum": [1.0, 3.0], "mean": [-1.0, 2.0]}
    )
    labels = pl.DataFrame({"stimulus_id": [0, 1], "category": ["a", "b"]})
    study = small_study(tmp_path / "study", responses, labels)
    for statistic in ("maximum", "mean"):
        rows = ask(study, "selectivity/index", {"statistic": statistic, "normalise": "layer"}).rows
        assert rows["share"].to_list() == rows["contrast"].to_list() == [None, None]
        assert ask(study, "selectivity/index", {"statistic": statistic}).rows["contrast"].to_list() == [-1, 1]
