"""Resampling of a study: what is written, what queries make of it, and that nothing stale is ever joined."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from support.nearly import nearly
from support.own_sql import seen
from support.random_study import CATEGORIES, FILTERS, LAYERS, RandomStudy, make_random_study
from support.small_study import MODEL, SET, add_labels, add_responses, long_table, small_study
from toolbox import Study
from toolbox.analyse.significance import Resampling, SignificanceReport, resample
from toolbox.analyse.significance import layers as module
from toolbox.errors import BusyError, UnknownNameError, UsageError, VerificationError
from toolbox.files import only_writer
from toolbox.query import ask
from toolbox.store.columns import TABLES
from toolbox.store.folder import SCHEME, StudyFolder
from toolbox.store.labels import read_labels, write_labels
from toolbox.store.parquet import provenance_of, read_table, write_table
from toolbox.store.selection import Selection

NAMES = sorted({name for name in CATEGORIES if name})
QUICK = Resampling(resamples=20)


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test remembers the intact files of another."""
    return cache


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    """The study that all tests copy."""
    return make_random_study(tmp_path_factory.mktemp("template") / "study")


@pytest.fixture
def random_study(template: RandomStudy, tmp_path: Path) -> RandomStudy:
    shutil.copytree(template.folder.root, tmp_path / "study")
    return replace(template, folder=StudyFolder(tmp_path / "study"))


@pytest.fixture
def study(random_study: RandomStudy) -> StudyFolder:
    """60 stimuli of 4 categories and none, 6 layers of 20 filters, two of which are dead."""
    return random_study.folder


def tables(study: StudyFolder, scheme: str = SCHEME) -> dict[str, Any]:
    return {
        f"{table} {file.name}": read_table(file)
        for table in TABLES
        for file in study.resampled(table, SET, MODEL, scheme).glob("*.parquet")
    }


def frame(study: StudyFolder, view: str) -> pl.DataFrame:
    return ask(study, seen(f"from {view}")).rows


def of_noise(
    root: Path, sizes: Mapping[str, int], layers: Mapping[str, str], parts: Any = None
) -> StudyFolder:
    """A study of random responses of five filters in every layer: name -> kind."""
    chance, count = np.random.default_rng(1), sum(sizes.values())
    found = {name: (chance.gamma(2, 1, (count, 5)).astype(np.float32),) * 2 for name in layers}
    categories = [name for name, size in sizes.items() for _ in range(size)]
    table = pl.DataFrame(
        {"layer": list(layers), "position": range(1, len(layers) + 1), "kind": list(layers.values())}
    )
    labels = pl.DataFrame({"stimulus_id": range(count), "category": categories})
    return small_study(root, long_table(found), labels, layers=table, parts=parts)


# --- what is written ---


def test_three_tables_and_a_record_say_what_they_were_made_from(study: StudyFolder) -> None:
    report = resample(
        study, Resampling(index="share", statistic="mean", threshold=(0.3,), resamples=30, seed=2)
    )
    assert sorted(tables(study)) == [
        f"{table} share-mean-filter.parquet" for table in ("filters", "resamples", "splits")
    ]
    files = [
        file for table in TABLES for file in study.resampled(table, SET, MODEL, SCHEME).glob("*.parquet")
    ]
    assert len(files) == 3
    for file in files:
        origin = provenance_of(file)
        said = {"index": "share", "statistic": "mean", "normalise": "filter", "resamples": 30, "seed": 2}
        said |= {"threshold": [0.3], "set": SET, "model": MODEL, "scheme": SCHEME, "precision": "float32"}
        assert {name: origin[name] for name in said} == said
        assert sorted(origin["parts"]) == ["0", "1", "2"]
    (run,) = (study.root / "runs").glob("*-significance-shapes-tiny.json")
    told = json.loads(run.read_text())
    assert (told["task"], told["seed"], told["filters"], told["dead"]) == ("significance", 2, 80, 8)
    assert report == SignificanceReport(
        **{name: told[name] for name in SignificanceReport.__annotations__ if name != "notes"}
    )


def test_every_filter_has_its_rows_and_the_dead_are_counted(study: StudyFolder) -> None:
    report = resample(study, QUICK)
    filters, splits, draws = (frame(study, view) for view in ("significance", "reliability", "resamples"))
    assert filters.height == len(LAYERS) * FILTERS * len(NAMES)
    assert filters["layer"].unique(maintain_order=True).to_list() == list(LAYERS)
    dead = filters.filter(pl.col("filter").is_in([3, 11]))
    assert [dead[name].null_count() for name in ("value", "low", "high", "p", "q", "p_fwe", "p_welch")] == [
        48
    ] * 7
    assert splits.height == len(LAYERS) * FILTERS
    assert splits.filter(pl.col("preferred").is_null())["filter"].unique().sort().to_list() == [3, 11]
    assert draws.height == 3 * 20 * len(LAYERS) * len(NAMES) * 2
    pools = filters.filter(pl.col("layer").str.starts_with("pool"))
    assert (pools["q"].null_count(), pools["q_welch"].null_count()) == (pools.height, pools.height)
    assert (report.filters, report.dead, report.tests) == (80, 8, 72 * len(NAMES))


def test_the_values_are_those_of_the_queries(study: StudyFolder) -> None:
    resample(study, QUICK)
    keys = ["layer", "filter", "category"]
    expected = ask(
        study,
        seen("select layer, filter, category, value from index_values('contrast', 'maximum', 'filter')"),
    ).rows
    found = frame(study, "significance").select(*keys, "value")
    assert found.sort(keys).rows() == nearly(expected.sort(keys).rows(), 1e-10)


@pytest.mark.parametrize("kind", ["", "_welch"])
def test_q_values_are_those_of_scipy_and_statsmodels_over_all_layers_together(
    kind: str, study: StudyFolder
) -> None:
    resample(study, QUICK)
    family = frame(study, "significance").filter(
        ~pl.col("layer").str.starts_with("pool") & pl.col("p").is_not_null()
    )
    p, q = family[f"p{kind}"].to_numpy(), family[f"q{kind}"].to_numpy()
    assert len(p) == 4 * 18 * len(NAMES)
    assert q == pytest.approx(false_discovery_control(p))
    assert q == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_family_wise_p_is_of_the_largest_value_of_all_layers(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = {}
    original = module.resample_layer

    def noted(responses: Any, *arguments: Any, **choices: Any) -> Any:
        found = original(responses, *arguments, **choices)
        largest[LAYERS[len(largest)]] = found.largest
        return found

    monkeypatch.setattr(module, "resample_layer", noted)
    report = resample(study, QUICK)
    of_family = np.max([values for layer, values in largest.items() if "pool" not in layer], axis=0)
    rows = frame(study, "significance").drop_nulls("value")
    is_pool = pl.col("layer").str.starts_with("pool")
    assert rows.filter(is_pool)["p_fwe"].null_count() == rows.filter(is_pool).height
    tested = rows.filter(~is_pool)
    expected = [(1 + (of_family >= value - 1e-9).sum()) / 21 for value in tested["value"]]
    assert tested["p_fwe"].to_list() == pytest.approx(expected)
    assert report.significant_fwe == tested.filter(pl.col("p_fwe") < 0.05).height


def test_equal_seeds_give_equal_tables_and_others_others(study: StudyFolder) -> None:
    resample(study, QUICK)
    first = tables(study)
    resample(study, QUICK)
    again = tables(study)
    assert len(first) == 3
    assert all(again[name].equals(table) for name, table in first.items())
    resample(study, Resampling(resamples=20, seed=1))
    other = tables(study)
    assert not any(other[name].equals(table) for name, table in first.items())


def test_earlier_thresholds_are_kept(study: StudyFolder) -> None:
    resample(study, QUICK)
    resample(study, Resampling(resamples=20, threshold=[0.05, 0.1]))
    assert frame(study, "resamples")["threshold"].unique().sort().to_list() == [0.01, 0.05, 0.1]
    resample(study, Resampling(resamples=20, index="fsi", threshold=[1 / 3]))
    thresholds = frame(study, "resamples").filter(pl.col("index") == "fsi")["threshold"]
    assert thresholds.unique().to_list() == [1 / 3]  # the suitable one of the index, once


def test_draws_have_the_selective_filters_that_a_query_joins(study: StudyFolder) -> None:
    report = resample(study, QUICK)
    rows = ask(study, "layers/profile").rows
    draws = frame(study, "resamples").filter((pl.col("threshold") == 0.1) & (pl.col("kind") == "permutation"))
    expected = draws.group_by("layer", "category").agg(pl.col("selective").mean() / FILTERS)
    assert rows.select("layer", "category", "chance").sort("layer", "category").rows() == nearly(
        expected.sort("layer", "category").rows()
    )
    assert report.resamples == 20


# --- which stimuli, layers and labels ---


def test_planned_stimuli_without_responses_are_no_category(tmp_path: Path) -> None:
    """A killed extraction lacks the last part, which may hold all stimuli of a category."""
    sizes = {"a": 6, "b": 6, "c": 6}
    study = of_noise(
        tmp_path / "study", sizes, {"conv1": "convolution"}, [range(6), range(6, 12), range(12, 18)]
    )
    study.extraction(SET, MODEL).record(2).unlink()
    report = resample(study, QUICK)
    assert frame(study, "significance")["category"].unique().sort().to_list() == ["a", "b"]
    assert "these are the responses to 12 of 18 stimuli" in report.notes[0]


def test_a_class_of_one_stimulus_is_told(tmp_path: Path) -> None:
    study = of_noise(tmp_path / "study", {"a": 6, "b": 1}, {"conv1": "convolution"})
    report = resample(study, QUICK)
    assert report.notes == (
        "a category has a single stimulus, which cannot be divided into halves: reliability is null for all filters",
    )
    assert frame(study, "reliability")["agreement"].null_count() == 5
    assert frame(study, "significance")["p"].null_count() == 0


def test_pooling_layers_are_a_family_where_nothing_else_was_extracted(tmp_path: Path) -> None:
    study = of_noise(tmp_path / "study", {"a": 6, "b": 6}, {"pool1": "pool"})
    report = resample(study, QUICK)
    assert (report.filters, report.tests) == (5, 10)
    assert frame(study, "significance")["q"].null_count() == 0


@pytest.mark.parametrize("normalise", ["filter", "layer"])
def test_maps_that_can_be_negative_have_no_layer_wide_range(normalise: str, tmp_path: Path) -> None:
    study = of_noise(tmp_path / "study", {"a": 6, "b": 6}, {"conv1": "convolution"})
    table = ask(study, seen("from responses")).rows.with_columns(pl.col("mean") - 100)
    rewrite_all(study, table)
    resample(study, Resampling(resamples=20, normalise=normalise))
    rows = frame(study, "significance")
    expected = ask(
        study, seen(f"from index_values('contrast', 'maximum', '{normalise}') order by filter, category")
    ).rows
    assert rows["value"].to_list() == pytest.approx(expected["value"].to_list())
    assert (rows["value"].null_count() == rows.height) == (normalise == "layer")


def rewrite_all(study: StudyFolder, table: pl.DataFrame) -> None:
    """Put other values into the place of all responses."""
    for file in (*study.responses(SET, MODEL).iterdir(), *study.plans(SET, MODEL).glob("p*")):
        file.unlink()
    add_responses(study, table)


def test_one_category_cannot_be_compared(tmp_path: Path) -> None:
    study = of_noise(tmp_path / "study", {"a": 6}, {"conv1": "convolution"})
    with pytest.raises(
        UsageError, match="the stimuli of shapes with responses have 1 categories under category"
    ):
        resample(study, QUICK)
    assert not tables(study)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"index": "selectivity"},
            "index is 'selectivity'; expected one of auc, auprc, balanced_share, contrast",
        ),
        ({"statistic": "median"}, "statistic is 'median'; expected one of maximum, mean"),
        ({"normalise": "set"}, "normalise is 'set'; expected one of filter, layer"),
        ({"resamples": 19}, "resamples is 19; expected 20 or more"),
        ({"seed": -1}, "seed is -1; expected 0 or more"),
        ({"threshold": [float("nan")]}, "threshold is [nan]; expected one finite number or more"),
        ({"threshold": []}, "threshold is []; expected one finite number or more"),
        ({"threshold": ()}, "threshold is []; expected one finite number or more"),
        ({"threshold": float("inf")}, "threshold is inf; expected one finite number or more"),
        ({"threshold": "0.05"}, "threshold is '0.05'; expected one finite number or more"),
        ({"threshold": ["0.05"]}, "threshold is ['0.05']; expected one finite number or more"),
        ({"threshold": [[0.05]]}, "threshold is [[0.05]]; expected one finite number or more"),
        ({"threshold": [0.05, None]}, "threshold is [0.05, None]; expected one finite number or more"),
        ({"threshold": [10**400]}, "; expected one finite number or more"),
        ({"threshold": True}, "threshold is True; expected one finite number or more"),
        ({"threshold": {0.05: 1}}, "threshold is {0.05: 1}; expected one finite number or more"),
        ({"threshold": pl.DataFrame({"a": [1], "b": [2]})}, "; expected one finite number or more"),
        ({"resamples": 19.5}, "resamples is 19.5; expected a whole number, 20 or more"),
        ({"resamples": 100.0}, "resamples is 100.0; expected a whole number, 20 or more"),
        ({"resamples": "many"}, "resamples is 'many'; expected a whole number, 20 or more"),
        ({"resamples": None}, "resamples is None; expected a whole number, 20 or more"),
        ({"resamples": True}, "resamples is True; expected a whole number, 20 or more"),
        ({"seed": 0.5}, "seed is 0.5; expected a whole number, 0 or more"),
        ({"seed": "0"}, "seed is '0'; expected a whole number, 0 or more"),
        ({"seed": [1, 2]}, "seed is [1, 2]; expected a whole number, 0 or more"),
        ({"index": ["auc"]}, "index is ['auc']; expected one of auc, auprc, balanced_share, contrast"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(
    choices: dict[str, Any], message: str, study: StudyFolder
) -> None:
    with pytest.raises(UsageError) as caught:
        resample(study, Resampling(**choices))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not tables(study)


@pytest.mark.parametrize("name", ["threshold", "resamples", "seed"])
def test_a_study_refuses_what_is_no_number_in_one_line(name: str, study: StudyFolder) -> None:
    with pytest.raises(UsageError) as caught:
        Study(study.root).significance(**{name: "0.05\n"})
    assert "'0.05\\n'; expected" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not tables(study)


@pytest.mark.parametrize(
    "thresholds",
    [0.05, (0.05,), np.float32(0.05).item(), np.array(0.05), np.array([0.05]), pl.Series([0.05])],
)
def test_a_single_threshold_is_as_a_sequence_of_one(thresholds: Any, study: StudyFolder) -> None:
    report = Study(study.root).significance(threshold=thresholds, resamples=20)
    assert report.resamples == 20
    counted = frame(study, "resamples")["threshold"].unique().sort().to_list()
    assert counted == [0.01, pytest.approx(0.05), 0.1]  # beside the published and the suitable one


def test_whole_numbers_are_thresholds_and_numpys_are_numbers(study: StudyFolder) -> None:
    resample(study, Resampling(threshold=0, resamples=20))
    written = tables(study)
    report = Study(study.root).significance(threshold=[np.int64(0)], resamples=np.int64(20), seed=np.uint8(0))
    assert report.seconds == 0  # the same choices, so the same tables
    assert tables(study).keys() == written.keys()


def test_an_unknown_scheme_and_an_unknown_option_are_refused(study: StudyFolder) -> None:
    with pytest.raises(UnknownNameError, match="no label scheme named 'moods'"):
        resample(study, QUICK, Selection(scheme="moods"))
    with pytest.raises(TypeError, match="unexpected keyword argument 'resample'"):
        Study(study.root).significance(resample=20)  # type: ignore[call-arg]


def test_a_second_process_is_refused(study: StudyFolder) -> None:
    with (
        only_writer(study.plans(SET, MODEL) / f"scheme={SCHEME}", "resampling shapes"),
        pytest.raises(BusyError, match="another process is resampling shapes"),
    ):
        resample(study, QUICK)


def test_what_a_killed_run_left_is_swept_away(study: StudyFolder) -> None:
    folder = study.resampled("resamples", SET, MODEL, SCHEME)
    folder.mkdir(parents=True)
    (folder / ".contrast-maximum-filter.parquet.1-2.partial").write_bytes(b"half written")
    resample(study, QUICK)
    assert not list(folder.glob(".*.partial"))


# --- never stale ---


def test_tables_of_other_labels_are_left_out_with_a_note(study: StudyFolder) -> None:
    resample(study, QUICK)
    assert ask(study, "selectivity/significance").notes == ()
    labels = pl.DataFrame({"stimulus_id": range(60), "category": ["even", "odd"] * 30})
    add_labels(study, labels)
    answer = ask(study, "selectivity/significance")
    assert answer.rows.height == 0
    assert answer.notes == (
        "significance (contrast-maximum-filter) was computed from other responses or labels than those of the study "
        "now, so it is ignored; to compute it again: toolbox significance shapes --resamples 20",
    )
    profile = ask(study, "layers/profile")
    assert profile.rows["chance"].null_count() == profile.rows.height
    assert len(profile.notes) == 1
    of_auc = ask(study, "layers/profile", {"index": "auc"})  # not that a table of another index is ignored
    assert [note.rpartition("; ")[2] for note in of_auc.notes] == [
        "to compute them: toolbox significance shapes --index auc"
    ]
    resample(study, QUICK)
    assert ask(study, "selectivity/significance").rows["category"].unique().sort().to_list() == [
        "even",
        "odd",
    ]


def test_tables_with_the_columns_of_an_older_toolbox_are_left_out_and_rebuilt(study: StudyFolder) -> None:
    resample(study, QUICK)
    expected = frame(study, "significance")
    file = study.resampled("filters", SET, MODEL, SCHEME) / "contrast-maximum-filter.parquet"
    table, origin = read_table(file), provenance_of(file)
    names = ["p_family" if name == "p_fwe" else name for name in table.column_names]
    write_table(file, table.rename_columns(names), origin)
    for query in ("selectivity/significance", "layers/significant"):
        answer = ask(study, query)
        assert answer.rows.height == 0
        assert answer.notes[0] == (
            "significance (contrast-maximum-filter) has the columns of another version of the toolbox, so it is "
            "ignored; to compute it again: toolbox significance shapes --resamples 20"
        )
    resample(study, QUICK)
    assert frame(study, "significance").equals(expected)


@pytest.mark.parametrize("choices", [Resampling(resamples=20, seed=1), Resampling(resamples=30)])
@pytest.mark.parametrize("view", ["resamples", "reliability"])
def test_tables_of_two_runs_are_never_read_together(
    view: str, choices: Resampling, study: StudyFolder
) -> None:
    """A run of an earlier version of the toolbox could be killed between its tables."""
    resample(study, QUICK)
    earlier = {file: file.read_bytes() for file in study.root.glob(f"{view}/*/*/*/*.parquet")}
    resample(study, choices)
    for file, content in earlier.items():
        shutil.rmtree(study.root / "checksums" / view)
        file.write_bytes(content)
    answer = ask(study, f"from {view}")
    assert answer.rows.height == 0
    assert (
        "was computed with another seed, threshold or number of resamples than significance"
        in answer.notes[0]
    )
    assert ask(study, seen("from significance")).rows.height > 0
    resample(study, choices)
    assert ask(study, seen(f"from {view}")).rows.height > 0


def test_tables_of_fewer_parts_are_left_out(study: StudyFolder) -> None:
    file = study.extraction(SET, MODEL).record(2)
    content = file.read_bytes()
    file.unlink()
    resample(study, QUICK)
    file.write_bytes(content)
    answer = ask(study, "from resamples")
    assert answer.rows.height == 0
    assert answer.notes[0].startswith("resamples (contrast-maximum-filter) was computed from other responses")


@pytest.mark.parametrize("times", [1, 2])
def test_labels_that_change_during_the_run_are_resampled_again(
    times: int, study: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables are those of an unbroken run over the labels that the study has in the end."""
    unbroken = StudyFolder(shutil.copytree(study.root, tmp_path / "unbroken"))
    labellings = [["even", "odd"] * 30, ["low"] * 30 + ["high"] * 30][:times]
    add_labels(unbroken, pl.DataFrame({"stimulus_id": range(60), "category": labellings[-1]}))
    resample(unbroken, QUICK)
    original = module.resample_layer

    def meanwhile(*arguments: Any, **choices: Any) -> Any:
        if labellings:
            add_labels(study, pl.DataFrame({"stimulus_id": range(60), "category": labellings.pop(0)}))
        return original(*arguments, **choices)

    monkeypatch.setattr(module, "resample_layer", meanwhile)
    resample(study, QUICK)
    assert ask(study, "selectivity/significance").notes == ()
    for view in ("significance", "resamples", "reliability"):
        assert frame(study, view).equals(frame(unbroken, view))
        assert frame(study, view).height > 0
    assert len(list((study.root / "runs").iterdir())) == 1


def test_parts_that_are_gone_during_the_run_are_no_fault_where_responses_were_replaced(
    study: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process replaces three parts by one; the tables are of the new responses."""
    unbroken = StudyFolder(shutil.copytree(study.root, tmp_path / "unbroken"))
    others = frame(study, "responses").filter(pl.col("stimulus_id") < 50)
    rewrite_all(unbroken, others)
    resample(unbroken, QUICK)
    original, times = module.resample_layer, itertools.count()

    def meanwhile(*arguments: Any, **choices: Any) -> Any:
        if next(times) == 0:
            rewrite_all(study, others)
        return original(*arguments, **choices)

    monkeypatch.setattr(module, "resample_layer", meanwhile)
    resample(study, QUICK)
    for view in ("significance", "resamples", "reliability"):
        assert frame(study, view).equals(frame(unbroken, view))


def test_labels_that_always_change_end_the_run_and_leave_the_tables_as_they_were(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    resample(study, QUICK)
    before = {file: file.read_bytes() for file in study.root.glob("*/*/*/*/*.parquet")}
    original, labellings = module.resample_layer, itertools.count()

    def meanwhile(*arguments: Any, **choices: Any) -> Any:
        names = ["even", f"odd {next(labellings)}"] * 30
        add_labels(study, pl.DataFrame({"stimulus_id": range(60), "category": names}))
        return original(*arguments, **choices)

    monkeypatch.setattr(module, "resample_layer", meanwhile)
    with pytest.raises(
        BusyError, match="other processes change the labels of shapes, or the responses of tiny"
    ):
        resample(study, Resampling(resamples=20, seed=1))
    assert {file: file.read_bytes() for file in study.root.glob("*/*/*/*/*.parquet")} == before


def test_labels_that_change_and_change_back_are_never_those_of_the_tables(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read once: with the tables is recorded of which labels they are."""
    from toolbox.analyse.significance import run

    before, original = read_labels(study.labels(SET)), run.labelled_stimuli
    write_other = {number: "even" if number % 2 else "odd" for number in range(60)}

    def meanwhile(*arguments: Any) -> Any:
        write_labels(study.labels(SET), write_other, {})
        found = original(*arguments)
        write_labels(study.labels(SET), before, {})
        return found

    monkeypatch.setattr(run, "labelled_stimuli", meanwhile)
    resample(study, QUICK)
    assert ask(study, seen("from significance")).rows["category"].unique().sort().to_list() == NAMES


@pytest.mark.parametrize("table", ["filters", "resamples", "splits"])
def test_a_damaged_table_is_told_and_can_be_made_anew(table: str, study: StudyFolder) -> None:
    resample(study, QUICK)
    file = study.resampled(table, SET, MODEL, SCHEME) / "contrast-maximum-filter.parquet"
    sound = file.read_bytes()
    view = {"filters": "significance", "resamples": "resamples", "splits": "reliability"}[table]
    damaged = bytearray(sound)
    damaged[len(sound) // 3] ^= 1
    for content in (b"", sound[:-9], damaged):
        file.write_bytes(content)
        with pytest.raises(VerificationError, match="damaged"):
            ask(study, f"from {view}")
        resample(study, QUICK)
        assert len(frame(study, view))


def test_two_schemes_have_tables_of_their_own(study: StudyFolder) -> None:
    add_labels(
        study, pl.DataFrame({"stimulus_id": range(60), "category": ["even", "odd"] * 30}), scheme="parity"
    )
    resample(study, QUICK, Selection(scheme=SCHEME))
    resample(study, QUICK, Selection(scheme="parity"))
    for scheme, names in ((SCHEME, NAMES), ("parity", ["even", "odd"])):
        rows = ask(study, seen("from significance"), selection=Selection(scheme=scheme)).rows
        assert rows["category"].unique().sort().to_list() == names


# --- the note where nothing was resampled ---


def test_a_query_says_how_to_have_its_intervals(study: StudyFolder) -> None:
    told = "intervals and chance levels for this index and threshold are missing; to compute them: "
    assert ask(study, "layers/profile").notes == (f"{told}toolbox significance shapes",)
    assert ask(study, "layers/profile", {"threshold": 0.05, "statistic": "mean"}).notes == (
        f"{told}toolbox significance shapes --statistic mean --threshold 0.05",
    )
    resample(study, QUICK)
    resampled = ask(study, "layers/profile")
    assert resampled.notes == resampled.cautions
    assert (
        ask(study, "layers/profile", {"threshold": 0.01})
        .notes[0]
        .endswith("not beyond chance: permuted labels give as many selective filters")
    )
    assert ask(study, "layers/profile", {"threshold": 0.05}).notes == (
        f"{told}toolbox significance shapes --threshold 0.05",
    )
    assert ask(study, "selectivity/reliability", {"index": "auc"}).notes == (
        "this index was not resampled; to resample it: toolbox significance shapes --index auc",
    )
    assert ask(study, "selectivity/index").notes == ()


def test_where_there_is_nothing_to_compare_nothing_is_to_be_resampled(tmp_path: Path) -> None:
    study = of_noise(tmp_path / "study", {"a": 6}, {"conv1": "convolution"})
    (note,) = ask(study, "layers/profile").notes
    assert note == "all stimuli are of one category, a, so there is no other category to compare it with"


def test_ones_own_query_is_told_too(study: StudyFolder) -> None:
    sql = "select * from resampled_counts($index, $statistic, $normalise, $threshold)"
    values = {"index": "csi", "statistic": "maximum", "normalise": "filter", "threshold": 0.5}
    (note,) = ask(study, sql, values).notes
    assert note.endswith("toolbox significance shapes --index csi --threshold 0.5")
    assert ask(study, "from resamples").notes == ()
