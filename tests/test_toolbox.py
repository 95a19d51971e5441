"""The package's face: what it exports, and a study in Python."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import altair as alt
import polars as pl
import pytest

import toolbox
from support.tiny_network import paint
from toolbox import ResultWarning, Study, ToolboxError, errors


def test_the_exported_names_are_these() -> None:
    assert set(toolbox.__all__) == {
        "Study",
        # options
        "Comparing", "Extraction", "Probing", "Progress", "Query", "Relating", "Rendering", "Resampling", "Selection",
        # reports and results
        "Advice", "Agreement", "Answer", "Audit", "CategoryComparison", "Estimate", "ExportedList", "ExportedResponses",
            "ExtractionReport", "Figure",
        "FilterResponses", "Finding", "Gallery",
        "ImportReport", "ImportedModel", "IngestReport", "InUse", "LabelReport", "MatchedSets", "MergeReport",
            "ModelCheck", "ParametersReport", "ProbeReport",
        "Problem", "ReferenceReport", "RelationReport", "Removal", "RenderedPicture",
        "RenderingReport", "Saliency", "ShareReport", "SignificanceReport", "StudyDifference", "StudyReport",
            "Verification",
        # errors and warnings
        "AmbiguousError", "BusyError", "CardError", "DeviceError", "DownloadError", "GradientError",
            "MixtureError", "ObjectStorageError", "QueryError",
        "ResourceError", "ResultWarning", "StimulusError", "StorageError", "TableError", "ToolboxError",
        "UnknownNameError", "UsageError", "VerificationError", "WeightsError",
        # networks and the rest
        "add_model", "check_model", "demonstrate", "diff", "examine_graph", "examine_setup", "export_model", "merge",
        "model_layers", "models", "query_table",
    }  # fmt: skip
    assert all(callable(getattr(toolbox, name)) for name in toolbox.__all__)
    assert set(toolbox.__all__) <= set(dir(toolbox))
    with pytest.raises(AttributeError, match="no attribute 'Studdy'"):
        toolbox.Studdy  # noqa: B018


def test_every_error_and_warning_is_exported() -> None:
    defined = {
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and thing.__module__ == errors.__name__
    }
    assert defined <= set(toolbox.__all__)
    assert {getattr(toolbox, name) for name in defined} == {getattr(errors, name) for name in defined}


def test_what_is_imported_for_editors_is_what_is_imported_on_use() -> None:
    """The names that a type checker sees come from the modules from which they come when they are used."""
    tree = ast.parse(Path(str(toolbox.__file__)).read_text(encoding="utf-8"))
    checked = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert checked == toolbox._HOME_OF
    assert sorted(checked) == sorted(toolbox.__all__)


def test_a_study_answers_with_frames_and_charts(
    study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    assert (study.sets, study.models("colours")) == (["colours"], [])
    study.extract("colours", model=card, weights=weights)
    assert study.models("colours") == ["tiny"]
    profile = study.query("layers/profile", threshold=0.05)
    assert isinstance(profile, pl.DataFrame)
    assert profile["layer"].unique(maintain_order=True).to_list() == ["colour", "pool", "sum"]
    chart = study.plot("layers/profile", output=tmp_path / "figure.json")
    assert isinstance(chart, alt.TopLevelMixin)
    assert (tmp_path / "figure.json").stat().st_size > 0
    assert Study(study.folder.root).query("select count(*) as n from responses")["n"].item() == 48


def test_a_study_is_made_by_its_first_ingestion_alone(tmp_path: Path, photographs: Path) -> None:
    study = Study(tmp_path / "new", create=True, title="Colours")
    assert study.sets == []
    with pytest.raises(ToolboxError, match="the study has no stimulus set"):
        study.query("sets/summary")
    assert not (tmp_path / "new").exists()
    study.ingest(photographs, set="colours")
    assert 'title = "Colours"' in (tmp_path / "new" / "study.toml").read_text()


def test_an_option_that_does_not_exist_is_refused(study: Study) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'layer'"):
        study.extract("colours", layer="pool")  # type: ignore[call-arg]


def test_one_category_alone_is_noted(tmp_path: Path, cache: Path, card: str, weights: str) -> None:
    for number in range(2):
        paint(tmp_path / "grey" / "grey" / f"{number}.png", (number, number, number))
    study = Study(tmp_path / "study", create=True)
    study.ingest(tmp_path / "grey", set="grey")
    study.extract("grey", model=card, weights=weights, layers="pool")
    with pytest.warns(ResultWarning, match="all stimuli are of one category, grey"):
        assert study.query("layers/profile")["selective"].to_list() == [0]


def test_thumbnails_are_embedded_only_when_asked_for(
    study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    study.extract("colours", model=card, weights=weights)
    asked = {"layer": "colour", "filter": 0}
    study.plot("filters/stimuli", output=tmp_path / "without.json", **asked)
    assert "data:image" not in (tmp_path / "without.json").read_text()
    study.plot("filters/stimuli", output=tmp_path / "with.json", thumbnails=True, **asked)
    assert (tmp_path / "with.json").read_text().count("data:image/jpeg;base64,") == 6
    with pytest.raises(ToolboxError, match="name no images"):
        study.plot("layers/profile", thumbnails=True)


@pytest.mark.parametrize("suffix", [".html", ".json", ".pdf", ".svg"])
def test_a_figure_says_nothing_about_the_folders_of_this_computer(
    suffix: str, study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    study.extract("colours", model=card, weights=weights)
    file = tmp_path / f"figure{suffix}"
    study.plot("filters/stimuli", output=file, layer="colour", filter=0)
    content = file.read_bytes()
    assert str(tmp_path).encode() not in content and str(study.folder.root).encode() not in content
    if suffix == ".json":
        paths = {row["path"] for rows in json.loads(content)["datasets"].values() for row in rows}
        assert len(paths) == 6 and all(path.count("/") == 1 for path in paths)


@pytest.mark.parametrize("query", ["index", "population", "ranks", "filters"])
def test_a_figure_of_filters_leaves_out_pooling_layers_unless_they_are_asked_for(
    query: str, study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    study.extract("colours", model=card, weights=weights)

    def drawn(**layers: str) -> tuple[set[str], str]:
        file = tmp_path / "figure.json"
        study.plot(f"selectivity/{query}", output=file, **layers)
        figure = json.loads(file.read_text())
        rows = [row for rows in figure["datasets"].values() for row in rows]
        return {row["layer"] for row in rows}, " ".join(figure["title"]["text"])

    assert drawn()[0] == {"colour", "sum"} and drawn(layer="pool")[0] == {"pool"}
    assert "pool" in study.query(f"selectivity/{query}")["layer"].to_list()
    assert "side by side" not in drawn()[1] and "the indices of every" not in drawn()[1]


def test_a_figure_shows_the_chosen_categories_in_their_order(
    study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    study.extract("colours", model=card, weights=weights)
    file = tmp_path / "figure.json"
    study.plot("layers/profile", category=["red", "green"], layer="p*", title=False, output=file)
    figure = json.loads(file.read_text())
    assert "title" not in figure
    assert figure["usermeta"]["toolbox"]["shown"] == {"category": ["red", "green"], "layer": ["pool"]}
    rows = [row for rows in figure["datasets"].values() for row in rows]
    assert {(row["layer"], row["category"]) for row in rows} == {("pool", "red"), ("pool", "green")}
    with pytest.raises(ToolboxError, match="no category named 'rot'; "):
        study.plot("layers/profile", category="rot")
    with pytest.raises(ToolboxError, match="'89' is no width; expected a number with its unit"):
        study.plot("layers/profile", width="89")
    stimuli = study.plot("filters/stimuli", layer="colour", filter=0)  # here it is a parameter of the query
    assert "colour" in " ".join(stimuli.title.subtitle)


def test_responses_that_are_not_complete_are_said(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights, part=2)
    (study.folder.plans("colours", "tiny") / "part-1.json").unlink()
    with pytest.warns(ResultWarning, match="these are the responses to 4 of 6 stimuli"):
        rows = study.query("select distinct stimulus_id from responses")
    assert rows.height == 4
