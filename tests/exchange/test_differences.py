"""Two studies compared: what differs in their inputs, and whether a change of an index is more than sampling."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from support.commands import run
from support.own_sql import seen
from support.tiny_network import CARD, paint, write_weights
from toolbox import Study, UsageError, VerificationError, diff
from toolbox.chart.changes import ChangeWords, draw_changes
from toolbox.resampling.changes import changes_beyond_error

Lab = Callable[..., Study]


@pytest.fixture
def lab(tmp_path: Path, cache: Path) -> Lab:
    """A function that makes a study of some images: category -> colours."""

    def make(name: str, images: dict[str, list[tuple[int, int, int]]], **weights: Any) -> Study:
        for category, colours in images.items():
            for colour in colours:
                file = "-".join(map(str, colour))
                paint(tmp_path / f"images-{name}" / category / f"{file}.png", colour)
        study = Study(tmp_path / name, create=True)
        study.ingest(tmp_path / f"images-{name}", set="colours")
        file = write_weights(tmp_path / f"{name}.npz", **weights)
        study.extract("colours", model=str(CARD), weights=str(file))
        return study

    return make


RED = [(200, 20, 0), (150, 20, 0), (100, 30, 0)]
GREEN = [(10, 200, 0), (20, 150, 0), (5, 100, 0)]
PLAIN = {"red": RED, "green": GREEN}


def kinds(found: Any) -> set[str]:
    return {*found.inputs["kind"]}


def test_equal_studies_differ_in_nothing_and_one_sentence_states_it(lab: Lab) -> None:
    first, second = lab("first", PLAIN), lab("second", PLAIN)
    found = diff(first.folder.root, second.folder.root)
    assert found.is_empty
    assert found.inputs.is_empty()
    assert found.layers["preferences_changed"].sum() == 0
    assert found.paragraph.startswith("Nothing differs between ")
    assert found.paragraph.count(". ") == 0


def test_other_weights_are_named_with_the_first_layer_that_differs(lab: Lab) -> None:
    first = lab("first", PLAIN)
    second = lab("second", PLAIN, colour_bias=np.array([0, 0, -60], np.float32))
    found = diff(first.folder.root, second.folder.root)
    assert kinds(found) == {"model", "computation"}
    assert "from layer colour on (3 layers)" in found.inputs["what"][0]
    assert "none of these changes is due to the sampling" in found.paragraph
    assert found.rows["q"].null_count() == found.rows.height


def test_a_filter_that_prefers_another_category_is_counted(lab: Lab) -> None:
    first = lab("first", PLAIN)
    kernel = np.array([[0, 1, 0], [1, 0, 0], [1, -1, 0]], np.float32).reshape(3, 3, 1, 1)
    second = lab("second", PLAIN, colour_kernel=kernel)
    found = diff(first.folder.root, second.folder.root)
    colour = found.rows.filter(pl.col("layer") == "colour").unique("filter", maintain_order=True)
    assert colour.select("preferred_first", "preferred_second", "has_changed").rows() == [
        ("red", "green", True),
        ("green", "red", True),
        ("red", "red", False),
    ]
    assert found.layers.filter(layer="colour")["preferences_changed"].to_list() == [2]
    values = first.query(
        seen("select value from index_values('contrast', 'maximum', 'filter') where layer = 'colour'")
    )
    assert sorted(values["value"]) == sorted(found.rows.filter(layer="colour")["first"])


def test_stimuli_of_one_study_and_other_labels_are_named(lab: Lab) -> None:
    first = lab("first", PLAIN)
    second = lab("second", {"red": [*RED[:2], GREEN[0]], "green": [*GREEN[1:], (7, 90, 0)]})
    found = diff(first.folder.root, second.folder.root)
    assert kinds(found) == {"stimuli", "labels"}
    rows = {row["what"]: (row["first"], row["second"]) for row in found.inputs.iter_rows(named=True)}
    only = rows["only in one (5 in both)"]
    assert only == ("images-first/red/100-30-0.png", "images-second/green/7-90-0.png")
    assert rows["category of 1 stimulus in both"] == ("green", "red")


def test_without_resampling_no_noise_band_is_claimed(lab: Lab) -> None:
    first, second = lab("first", PLAIN), lab("second", {"red": RED, "green": GREEN[:2]})
    found = diff(first.folder.root, second.folder.root)
    assert "There is no noise band" in found.paragraph
    assert any("toolbox significance colours" in note for note in found.notes)
    assert found.layers["noise"].null_count() == found.layers.height


def test_halves_of_one_population_do_not_differ_beyond_sampling(lab: Lab) -> None:
    random = np.random.default_rng(1)

    def draw(count: int) -> dict[str, list[tuple[int, int, int]]]:
        levels = random.integers(40, 250, (2, count))
        return {
            "red": [(int(level), 20, 0) for level in levels[0]],
            "green": [(10, int(level), 0) for level in levels[1]],
        }

    first, second = lab("first", draw(12)), lab("second", draw(12))
    for study in (first, second):
        study.significance("colours", resamples=200)
    found = diff(first.folder.root, second.folder.root)
    assert found.layers["significant"].sum() == 0
    assert found.layers["noise"].drop_nulls().min() > 0  # type: ignore[operator]
    assert "are significant after correction" in found.paragraph
    assert "those that are in both make the errors too large" in found.paragraph


def test_a_change_beyond_sampling_is_significant(lab: Lab) -> None:
    levels = range(100, 220, 10)
    images = {"red": [(each, 20, 0) for each in levels], "green": [(10, each, 0) for each in levels]}
    swapped = {"red": [(each, 0, 3) for each in levels], "green": [(10 + each, each, 0) for each in levels]}
    first, second = lab("first", images), lab("second", swapped)
    for study in (first, second):
        study.significance("colours", resamples=200)
    found = diff(first.folder.root, second.folder.root)
    assert found.layers["significant"].sum() > 0


def test_the_errors_of_changes_are_calibrated() -> None:
    random = np.random.default_rng(0)
    change = random.normal(0, 2, 20_000)
    tests = changes_beyond_error(change, np.full(20_000, 2.0))
    assert (tests.p < 0.05).mean() == pytest.approx(0.05, abs=0.005)
    assert (tests.q >= tests.p).all()
    unknown = changes_beyond_error(np.array([1.0, 0.0, np.nan]), np.array([np.nan, 1.0, 1.0]))
    assert np.isnan(unknown.p[[0, 2]]).all()
    assert unknown.p[1] == 1


def test_bundles_are_compared_as_studies_are(lab: Lab, tmp_path: Path) -> None:
    first, second = lab("first", PLAIN), lab("second", PLAIN)
    for study in (first, second):
        study.share(study.folder.root.with_suffix(".zip"))
    found = diff(tmp_path / "first.zip", second.folder.root)
    assert found.is_empty and found.paragraph.startswith("Nothing differs between ")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"index": "contrats"}, "did you mean 'contrast'"),
        ({"statistic": "median"}, "expected one of maximum, mean"),
        ({"model": "vgg16"}, "has no model 'vgg16'"),
        ({"scheme": "animacy"}, "has no label scheme 'animacy'"),
        ({"figure": "figure.docx"}, "docx"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    shared_study: str, tmp_path: Path, options: dict[str, Any], named: str
) -> None:
    other = tmp_path / "other"
    shutil.copytree(shared_study, other)
    with pytest.raises(UsageError, match=named):
        diff(shared_study, other, **options)


def test_a_damaged_study_is_reported_not_compared(lab: Lab) -> None:
    first, second = lab("first", PLAIN), lab("second", PLAIN)
    table = second.folder.stimuli("colours")
    table.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(VerificationError, match="damaged"):
        diff(first.folder.root, second.folder.root)


def layer_rows(noise: float | None) -> pl.DataFrame:
    rows = [
        {"layer": f"conv{number}", "filters": 10, "preferences_changed": number, "noise": noise}
        | {"beyond_noise": None if noise is None else 1, "lowest": -0.3, "highest": 0.4}
        | dict(zip(("q05", "q25", "q50", "q75", "q95"), (-0.2, -0.1, 0.0, 0.1, 0.2), strict=True))
        for number in range(3)
    ]
    types = {"noise": pl.Float64, "beyond_noise": pl.Int64}
    return pl.DataFrame(rows, schema_overrides=types)


@pytest.mark.parametrize("noise", [None, 0.15])
def test_the_figure_has_a_band_only_where_there_is_one(noise: float | None) -> None:
    words = ChangeWords("From a to b", "set · model", "contrast", "Grey band: sampling." if noise else "")
    chart: dict[str, Any] = draw_changes(layer_rows(noise), words).to_dict()
    text = " ".join(chart["title"]["subtitle"])
    assert ("Grey band:" in text) == (noise is not None)
    assert ("beyond sampling" in text) == (noise is not None)
    data = next(each for each in chart["datasets"].values()) if "datasets" in chart else []
    assert all(row["low_noise"] == (None if noise is None else -noise) for row in data if "low_noise" in row)


def test_the_command_prints_inputs_layers_and_a_paragraph(lab: Lab, tmp_path: Path) -> None:
    first, second = lab("first", PLAIN), lab("second", {"red": RED, "green": GREEN[:2]})
    words = [str(first.folder.root), str(second.folder.root)]
    printed = run("diff", *words, "--figure", str(tmp_path / "f.svg"), "--text", str(tmp_path / "t.md"))
    assert printed.returncode == 0
    lines = printed.stdout.splitlines()
    assert lines[0].split() == ["kind", "what", "first", "second"]
    assert "preferences_changed" in printed.stdout
    assert (tmp_path / "t.md").read_text().startswith("The inputs of ")
    assert (tmp_path / "f.svg").read_text().startswith("<svg")
    run("diff", *words, "--output", str(tmp_path / "rows.csv"))
    assert pl.read_csv(tmp_path / "rows.csv").columns[:6] == [
        "layer",
        "filter",
        "category",
        "first",
        "second",
        "change",
    ]
