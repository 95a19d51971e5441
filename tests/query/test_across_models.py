"""One query over two networks: rows behind one another, depth and counterpart, and only over the same stimuli."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from support.small_study import SET, add_labels, add_layers, add_responses, add_stimuli
from support.tiny_network import CARD, paint, write_weights
from toolbox import ResultWarning, Study
from toolbox.errors import MixtureError, QueryError, UnknownNameError, UsageError
from toolbox.query import ask
from toolbox.query.across_models import ask_each
from toolbox.show.plots import Layout, plot
from toolbox.store.folder import StudyFolder, create_study
from toolbox.store.selection import Selection

BOTH = ["tiny", "other"]


@pytest.fixture
def other(tmp_path: Path) -> dict[str, str]:
    """The three-layer network under another name, whose third filter prefers green to red."""
    card = tmp_path / "other.toml"
    card.write_text(CARD.read_text().replace('name = "tiny"', 'name = "other"'))
    kernel = np.array([[1, 0, 0], [0, 1, 0], [-1, 1, 0]], np.float32).reshape(3, 3, 1, 1)
    return {"model": str(card), "weights": str(write_weights(tmp_path / "other.npz", colour_kernel=kernel))}


@pytest.fixture
def shown(study: Study, card: str, weights: str, other: dict[str, str]) -> Study:
    """The study with the responses of both networks."""
    study.extract("colours", model=card, weights=weights)
    study.extract("colours", **other)
    return study


def test_the_rows_of_each_network_stand_behind_one_another(shown: Study) -> None:
    rows = shown.query("layers/profile", model=BOTH)
    assert rows.columns[:3] == ["model", "layer", "category"]
    assert rows.columns[-2:] == ["depth", "counterpart"]
    for model in BOTH:
        alone = shown.query("layers/profile", model=model)
        assert rows.filter(model=model).select(alone.columns).equals(alone)
    assert rows["model"].unique(maintain_order=True).to_list() == BOTH
    places = rows.select("layer", "depth", "counterpart").unique(maintain_order=True).rows()
    assert places == [("colour", 0.0, "colour"), ("pool", 0.5, "pool"), ("sum", 1.0, "sum")]
    green = rows.filter(layer="colour", category="green")
    assert green["selective"].to_list() == [1, 2]  # the third filter of `other` prefers green


def test_one_model_is_asked_as_ever(shown: Study) -> None:
    alone = shown.query("layers/profile", model="tiny")
    assert shown.query("layers/profile", model=["tiny"]).equals(alone)
    assert "model" not in alone.columns
    assert ask_each(shown.folder, "layers/profile", selection=Selection(models="tiny")).rows.equals(alone)


def test_provenance_says_what_is_common_and_what_is_each_networks_own(shown: Study) -> None:
    provenance = ask_each(
        shown.folder, "layers/profile", {"threshold": 0.05}, Selection(models=BOTH)
    ).provenance
    assert (provenance["model"], provenance["set"], provenance["rows"]) == (BOTH, "colours", 12)
    assert provenance["parameters"]["threshold"] == 0.05
    for model in BOTH:
        alone = ask(shown.folder, "layers/profile", {"threshold": 0.05}, Selection(models=model)).provenance
        own = provenance["models"][model]
        assert (own["identity"], own["weights"]) == (alone["identity"], alone["weights"])
        assert {**provenance, **own, "rows": 6}.items() >= alone.items()


def test_a_query_of_ones_own_is_compared_too(shown: Study, tmp_path: Path) -> None:
    counted = shown.query(
        "select layer, count(*)::bigint as n from responses group by layer order by layer", model=BOTH
    )
    assert counted.filter(model="other").select("layer", "n", "depth").rows() == [
        ("colour", 18, 0.0), ("pool", 18, 0.5), ("sum", 12, 1.0),
    ]  # fmt: skip
    total = shown.query("select max(maximum) as top from responses", model=BOTH)
    assert total.columns == ["model", "top"]
    with pytest.raises(
        QueryError, match="the rows have a column 'model' of their own; rename it to compare models"
    ):
        shown.query("select 'x' as model from responses", model=BOTH)


def test_a_depth_of_the_query_itself_is_kept(shown: Study) -> None:
    rows = shown.query("complexity/layers", model=BOTH)
    assert rows.columns[:4] == ["model", "category", "layer", "depth"]
    assert (rows.columns.count("depth"), rows.columns[-1]) == (1, "counterpart")
    assert set(rows["depth"]) == {0.0, 1.0}


def test_a_query_that_asks_nothing_of_a_model_is_refused(shown: Study) -> None:
    with pytest.raises(
        UsageError, match="sets/summary reads nothing of a model, so its rows are the same for all of them"
    ):
        shown.query("sets/summary", model=BOTH)


def test_models_that_are_not_there_or_named_twice_are_refused(shown: Study) -> None:
    with pytest.raises(UnknownNameError, match="no model named 'othr'; did you mean 'other'"):
        shown.query("layers/profile", model=["tiny", "othr"])
    with pytest.raises(UsageError, match="the model tiny is named twice"):
        shown.query("layers/profile", model=["tiny", "other", "tiny"])


def test_different_stimuli_are_refused_until_both_have_seen_them(
    shown: Study, other: dict[str, str], card: str, weights: str, tmp_path: Path
) -> None:
    paint(tmp_path / "more" / "red" / "new.png", (77, 20, 0))
    shown.ingest(tmp_path / "more", set="colours")
    shown.extract("colours", model=card, weights=weights)
    with pytest.raises(MixtureError) as caught:
        shown.query("layers/profile", model=BOTH)
    assert str(caught.value) == (
        "the models have responses to different stimuli of colours (tiny 7, other 6), so a difference may be due "
        "to the stimuli; first: toolbox extract colours --model other"
    )
    assert shown.query("select layer from layers", model=BOTH).height == 6  # which asks of no stimulus
    shown.extract("colours", **other)
    assert shown.query("layers/profile", model=BOTH).height == 12


def test_parts_may_differ_where_the_stimuli_do_not(
    study: Study, card: str, weights: str, other: dict[str, str]
) -> None:
    study.extract("colours", model=card, weights=weights, part=2)
    study.extract("colours", **other, part=5)
    assert study.query("layers/profile", model=BOTH).height == 12


def test_equal_numbers_of_different_stimuli_are_refused(
    study: Study, card: str, weights: str, other: dict[str, str]
) -> None:
    study.extract("colours", model=card, weights=weights, part=2)
    study.extract("colours", **other, part=2)
    (study.folder.plans("colours", "tiny") / "part-0.json").unlink()
    (study.folder.plans("colours", "other") / "part-2.json").unlink()
    with pytest.raises(MixtureError, match=r"different stimuli of colours \(tiny 4, other 4\)"):
        study.query("layers/profile", model=BOTH)


def test_notes_name_their_model(study: Study, card: str, weights: str, other: dict[str, str]) -> None:
    for choices in ({"model": card, "weights": weights}, other):
        study.extract("colours", **choices, part=2)
    for model in BOTH:
        (study.folder.plans("colours", model) / "part-1.json").unlink()
    with pytest.warns(ResultWarning) as warned:
        study.query("layers/profile", model=BOTH)
    told = [
        text
        for text in map(str, (warning.message for warning in warned))
        if "intervals and chance levels" not in text
    ]
    assert [text.partition(": ")[0] for text in told] == BOTH
    assert all("these are the responses to 4 of 6 stimuli" in text for text in told)


def test_a_figure_has_a_panel_for_each_network(shown: Study, tmp_path: Path) -> None:
    shown.plot("layers/profile", model=BOTH, output=tmp_path / "figure.json")
    specification = json.loads((tmp_path / "figure.json").read_text())
    assert [panel["title"]["text"] for panel in specification["concat"]] == BOTH
    assert "colours · tiny and other" in " ".join(specification["title"]["subtitle"])
    assert set(specification["usermeta"]["toolbox"]["models"]) == set(BOTH)
    asked = {"layer": "colour", "filter": 0}
    assert (
        plot(
            shown.folder, "filters/stimuli", asked, Selection(models=BOTH), Layout(thumbnails=True)
        ).provenance["model"]
        == BOTH
    )


Layers = Sequence[tuple[str, str]]


def networks(root: Path, *layers: Layers, kept: Sequence[str] | None = None) -> StudyFolder:
    """A study with two networks of these layers (name, kind); the first kept the responses of some layers only."""
    study = create_study(root)
    add_stimuli(study, pl.DataFrame({"stimulus_id": [0, 1]}))
    add_labels(study, pl.DataFrame({"stimulus_id": [0, 1], "category": ["a", "b"]}))
    for model, of_model in zip(("one", "two"), layers, strict=True):
        table = pl.DataFrame(of_model, schema=["layer", "kind"], orient="row")
        add_layers(study, table.with_row_index("position", 1), model)
        names = [name for name, _ in of_model if model == "two" or kept is None or name in kept]
        values = {"filter": 0, "stimulus_id": [0, 1], "maximum": [0.0, 1.0], "mean": [0.0, 1.0]}
        add_responses(
            study, pl.concat([pl.DataFrame({"layer": name, **values}) for name in names]), SET, model
        )
    return study


def counterparts(study: StudyFolder, model: str = "two") -> dict[str, str]:
    rows = ask_each(study, "layers/profile", selection=Selection(models=["one", "two"])).rows.filter(
        model=model
    )
    return dict(rows.select("layer", "counterpart").unique().rows())


ONE = [
    ("conv1", "convolution"),
    ("pool1", "pool"),
    ("conv2", "convolution"),
    ("pool2", "pool"),
    ("out", "dense"),
]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            [("a", "convolution"), ("b", "convolution"), ("c", "convolution"), ("d", "pool"), ("e", "dense")],
            {
                "a": "conv1",
                "b": "conv1",
                "c": "conv2",
                "d": "pool2",
                "e": "out",
            },  # b lies between both: the earlier
        ),
        ([("a", "norm"), ("b", "norm"), ("c", "pool")], {"a": "conv1", "b": "conv2", "c": "pool2"}),
        ([("a", "dense"), ("b", "convolution")], {"a": "out", "b": "conv2"}),
    ],
)
def test_a_counterpart_is_nearest_in_depth_among_its_kind(
    layers: Layers, expected: dict[str, str], cache: Path, tmp_path: Path
) -> None:
    study = networks(tmp_path / "study", ONE, layers)
    assert counterparts(study) == expected
    assert counterparts(study, "one") == {name: name for name, _ in ONE}


def test_a_counterpart_is_a_layer_with_responses(cache: Path, tmp_path: Path) -> None:
    study = networks(tmp_path / "study", ONE, ONE, kept=["conv1", "pool1"])
    assert counterparts(study) == {
        "conv1": "conv1", "pool1": "pool1", "conv2": "conv1", "pool2": "pool1", "out": "pool1",
    }  # fmt: skip


def test_a_network_of_one_layer_has_no_depth(cache: Path, tmp_path: Path) -> None:
    study = networks(
        tmp_path / "study", [("only", "convolution")], [("a", "convolution"), ("b", "convolution")]
    )
    rows = ask_each(study, "layers/profile", selection=Selection(models=["one", "two"])).rows
    assert rows.select("layer", "depth").unique(maintain_order=True).rows() == [
        ("only", None),
        ("a", 0.0),
        ("b", 1.0),
    ]
    assert set(rows["counterpart"]) == {"only"}
