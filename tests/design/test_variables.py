"""Variables of stimuli: where they come from, what a distance of components is, and what an unknown name lists."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from toolbox import Study
from toolbox.design.variables import available_variables, principal_components, stimulus_variables
from toolbox.errors import UnknownNameError, UsageError


def read(directory: str, *names: str) -> pl.DataFrame:
    return stimulus_variables(Study(directory).folder, "colours", None, names)


def test_every_stimulus_has_a_row_in_the_order_of_its_number(shared_study: str) -> None:
    rows = read(shared_study, "rms_contrast")
    assert rows.columns == ["stimulus_id", "path", "category", "rms_contrast"]
    assert rows["stimulus_id"].to_list() == list(range(6))
    assert sorted(rows["category"]) == ["green"] * 3 + ["red"] * 3


def test_depth_and_responsive_filters_are_those_of_the_query(shared_study: str) -> None:
    study = Study(shared_study)
    rows = read(shared_study, "depth", "responsive_filters")
    expected = study.query("complexity/stimuli")
    assert rows["depth"].to_list() == expected["mean_depth"].to_list()
    assert rows["responsive_filters"].to_list() == expected["responsive"].to_list()


def test_a_distance_of_all_components_is_that_of_standardised_responses() -> None:
    responses = np.random.default_rng(0).gamma(1, 3, (20, 7))
    responses[:, 3] = 5  # a filter that does not vary has no part in it
    found = principal_components(responses, explained=1)
    standardised = (responses - responses.mean(0))[:, [0, 1, 2, 4, 5, 6]] / responses.std(0)[
        [0, 1, 2, 4, 5, 6]
    ]
    differences = standardised[:, None] - standardised[None]
    expected = np.sqrt((differences**2).mean(-1))
    distances = np.linalg.norm(found[:, None] - found[None], axis=-1)
    np.testing.assert_allclose(distances, expected, atol=1e-12)
    assert found.var(axis=0).sum() == pytest.approx(1)


def test_few_components_explain_most_of_the_variance() -> None:
    common = np.random.default_rng(1).normal(size=(50, 1))
    responses = common + 0.05 * np.random.default_rng(2).normal(size=(50, 30))
    assert principal_components(responses).shape == (50, 1)


def test_a_layer_without_variation_has_one_component_of_zeros() -> None:
    assert principal_components(np.ones((4, 3))).tolist() == [[0.0]] * 4


def test_a_pattern_of_layers_leaves_out_pooling_layers_that_a_name_includes(shared_study: str) -> None:
    assert {name.rpartition("_pc")[0] for name in read(shared_study, "*").columns[3:]} == {"colour", "sum"}
    assert {name.rpartition("_pc")[0] for name in read(shared_study, "pool").columns[3:]} == {"pool"}


def test_a_layer_that_two_names_mean_is_there_once(shared_study: str) -> None:
    assert read(shared_study, "sum", "s*").columns == read(shared_study, "sum").columns


def test_an_unknown_variable_lists_what_there_is(shared_study: str) -> None:
    with pytest.raises(
        UnknownNameError, match=r"no variable of colours named 'memorability'; available: .*depth"
    ):
        read(shared_study, "memorability")


def labelled_study(tmp_path: Path, study: Study, header: str, *values: str) -> Study:
    """The six photographs with a further column, as the set `rated`."""
    files = sorted((tmp_path / "photographs").rglob("*.png"))
    lines = [
        f"path,category,{header}",
        *(f"{file},{file.parent.name},{value}" for file, value in zip(files, values, strict=True)),
    ]
    table = tmp_path / "rated.csv"
    table.write_text("\n".join(lines) + "\n")
    study.ingest(table, set="rated")
    return study


def test_parameters_of_the_user_are_variables_and_unknown_values_are_null(
    tmp_path: Path, study: Study
) -> None:
    rated = labelled_study(tmp_path, study, "arousal", "1", "2", "", "4", "5", "6")
    rows = stimulus_variables(rated.folder, "rated", None, ["arousal"])
    assert rows["arousal"].to_list() == [1, 2, None, 4, 5, 6]
    assert "arousal" in available_variables(rated.folder, "rated")


def test_a_name_with_two_meanings_is_refused_until_its_place_is_named(tmp_path: Path, study: Study) -> None:
    rated = labelled_study(tmp_path, study, "sharpness", "1", "2", "3", "4", "5", "6")
    with pytest.raises(UsageError, match=r"write parameters.sharpness or properties.sharpness"):
        stimulus_variables(rated.folder, "rated", None, ["sharpness"])
    rows = stimulus_variables(rated.folder, "rated", None, ["parameters.sharpness", "properties.sharpness"])
    assert rows["parameters.sharpness"].to_list() == [1, 2, 3, 4, 5, 6]
    assert {"parameters.sharpness", "properties.sharpness"} <= {*available_variables(rated.folder, "rated")}
