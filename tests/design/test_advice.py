"""Advice: what is concluded follows from what is there, and what is not there is named with its command."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from support.own_sql import seen
from support.probed_study import add_control, make_probed_study
from toolbox import Study
from toolbox.design.advice.report import Advice
from toolbox.errors import UnknownNameError, UsageError

QUICK = {"permutations": 20, "repeats": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where studies are that tests only read."""
    return tmp_path_factory.mktemp("advised")


@pytest.fixture(scope="module")
def resampled(folder: Path) -> Study:
    """A study with an untrained control, both with significance."""
    study = Study(add_control(make_probed_study(folder / "resampled")).root)
    for model in ("tiny", "tiny-untrained"):
        study.significance("photos", model=model, resamples=200)
    return study


@pytest.fixture(scope="module")
def advice(resampled: Study) -> Advice:
    return resampled.advise(model="tiny", **QUICK)


def test_the_layer_is_that_of_the_probe_with_its_interval_and_chance(advice):
    best = advice.report.row("best layer")
    assert advice.layer == "deep"
    assert f"take deep: {100 * best['accuracy']:.1f} [{100 * best['low']:.1f}, " in advice.paragraph
    assert f"{100 * advice.report.chance:.1f} % by chance" in advice.paragraph
    assert advice.report.verdict in advice.paragraph


def test_filters_are_counted_over_the_layers_without_pools(advice, resampled):
    rows = resampled.query("layers/significant", model="tiny")
    counted = dict(rows.group_by("category").agg(pl.col("significant").sum()).rows())
    assert advice.significant == counted
    assert "pool" not in advice.rows["layer"]
    assert min(counted.values()) > 0
    assert set(advice.kinds.values()) == {"filters"}
    for category, count in counted.items():
        assert f"{category} ({count}, most in deep: " in advice.paragraph


def test_the_control_is_found_and_reported(advice):
    assert advice.control == "tiny-untrained"
    assert advice.control_is_resampled
    assert "The untrained tiny-untrained tells" in advice.paragraph
    assert advice.rows["control_significant"].null_count() == 0


def test_filters_that_the_control_has_too_are_not_called_filters_of_the_category(folder):
    study = Study(add_control(make_probed_study(folder / "same"), deep=2.0).root)
    for model in ("tiny", "tiny-untrained"):
        study.significance("photos", model=model, resamples=200)
    advice = study.advise(model="tiny", **QUICK)
    assert set(advice.kinds.values()) == {"control"}
    assert "has about as many, or more: these filters need no training" in advice.paragraph
    assert "has significant filters" not in advice.paragraph


def test_without_significance_the_command_is_named_and_nothing_is_claimed(folder):
    study = Study(make_probed_study(folder / "plain").root)
    advice = study.advise(**QUICK)
    assert advice.significant == {} and advice.kinds == {}
    assert "is not known: significance was not computed (toolbox significance photos" in advice.paragraph
    assert "has significant filters" not in advice.paragraph
    assert "There is no untrained control" in advice.paragraph
    assert "was not measured (toolbox properties photos)" in advice.paragraph
    assert advice.layer == "deep"


def test_the_command_that_is_named_computes_significance_for_the_labels_of_the_advice(folder):
    study = Study(make_probed_study(folder / "labelled").root)
    study.label("photos", source=_other_labels(study, folder), scheme="other")
    advice = study.advise(scheme="other", **QUICK)
    assert "(toolbox significance photos --model tiny --scheme other)" in advice.paragraph


def _other_labels(study, folder):
    table = folder / "other.csv"
    study.query(
        seen("select path, category from stimuli join labels using (stimulus_id)"), scheme="category"
    ).write_csv(table)
    return table


def test_no_layer_is_recommended_where_nothing_is_told_apart(folder):
    advice = Study(make_probed_study(folder / "nothing", deep=0.0).root).advise(permutations=20, repeats=2)
    assert advice.layer is None
    assert "No layer can be recommended" in advice.paragraph
    assert "To tell the categories apart" not in advice.paragraph


def test_weighted_layers_are_recommended_where_they_gain(folder):
    study = Study(make_probed_study(folder / "both", deep=0.9, both=True, images=40).root)
    assert "take all layers, weighted; of single layers, " in study.advise(permutations=0).paragraph


def test_a_property_that_tells_a_category_alone_is_a_caution(folder):
    study = Study(make_probed_study(folder / "dark", bright="dog").root)
    advice = study.advise(**QUICK)
    assert ("dog", "luminance", 1.0) in advice.confounds
    assert (
        "A property of the images alone tells dog (luminance, AUC 1.00) from the others" in advice.paragraph
    )


def test_a_property_of_few_images_is_no_caution(folder):
    study = Study(make_probed_study(folder / "few", images=9, deep=0.0, bright="dog").root)
    assert (
        study.query("properties/categories").filter(category="dog", property="luminance")["auc"].item() == 1
    )
    assert not study.advise(**QUICK).confounds


def test_a_control_must_have_responses_and_be_another_network(resampled):
    for name in ("tiny", "vgg19-untrained"):
        with pytest.raises(UnknownNameError, match="no control with responses to photos"):
            resampled.advise(model="tiny", control=name)


def test_rows_and_figure_are_written(resampled, tmp_path):
    with pytest.raises(UsageError):
        resampled.advise(model="tiny", figure=tmp_path / "advice.doc")
    advice = resampled.advise(
        model="tiny", permutations=0, repeats=1, figure=tmp_path / "advice.svg", text=tmp_path / "advice.md"
    )
    assert (tmp_path / "advice.md").read_text(encoding="utf-8") == f"{advice.paragraph}\n"
    assert "deep" in (tmp_path / "advice.svg").read_text(encoding="utf-8")
    assert advice.answer.provenance["query"] == "advise"
    assert advice.rows.height == 9
    assert {*advice.rows.columns} - {"layer", "category"} <= {*advice.provenance["columns"]}
