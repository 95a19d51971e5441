"""What a study tells of itself, and its responses as a matrix."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import xarray
from numpy.testing import assert_array_equal

from support.small_study import long_table, small_study
from toolbox import FilterResponses, ResultWarning, Study, ToolboxError
from toolbox.errors import UnknownNameError, UsageError, VerificationError

LAYERS = {"colour": 3, "pool": 3, "sum": 2}


@pytest.fixture
def extracted(study: Study, card: str, weights: str) -> Study:
    """The six photographs in parts of two stimuli."""
    study.extract("colours", model=card, weights=weights, part=2)
    return study


def stored(study: Study, layer: str, statistic: str) -> pl.DataFrame:
    """Filter, stimulus and value straight from the Parquet files, by filter and stimulus."""
    parts = study.folder.responses("colours", "tiny").glob("part-*.parquet")
    rows = pl.concat([pl.DataFrame(pq.read_table(path, partitioning=None)) for path in parts])
    rows = rows.filter(layer=layer).select("filter", "stimulus_id", value=statistic)
    return rows.sort("filter", "stimulus_id")


def test_an_empty_study_says_what_to_do(tmp_path: Path) -> None:
    told = str(Study(tmp_path / "new", create=True, title="Colours"))
    assert told.startswith(f"{tmp_path / 'new'}: Colours\n  no stimulus set yet; first: study.ingest(")
    assert "no stimulus set yet" in Study(tmp_path / "new", create=True)._repr_html_()
    assert repr(Study("new", create=True)) == "Study('new')"
    assert not (tmp_path / "new").exists()


def test_sets_models_layers_and_resampled_indices_are_listed(
    extracted: Study, photographs: Path, tmp_path: Path
) -> None:
    extracted.ingest(photographs, set="again")
    (tmp_path / "warmth.csv").write_text("category,warmth\nred,warm\ngreen,cold\n")
    extracted.label("colours", scheme="warmth", source=tmp_path / "warmth.csv")
    extracted.significance(resamples=20, scheme="warmth")
    assert str(extracted).splitlines()[1:] == [
        "  set again: 6 stimuli; label schemes: category",
        "  set colours: 6 stimuli; label schemes: category, warmth",
        "    model tiny: 3 layers (colour … sum); significance: contrast (maximum, filter)",
    ]


def test_where_several_schemes_were_resampled_each_index_names_its_own(
    extracted: Study, tmp_path: Path
) -> None:
    (tmp_path / "warmth.csv").write_text("category,warmth\nred,warm\ngreen,cold\n")
    extracted.label("colours", scheme="warmth", source=tmp_path / "warmth.csv")
    for scheme, statistic in (("category", "maximum"), ("warmth", "mean")):
        extracted.significance(resamples=20, scheme=scheme, statistic=statistic)
    line = str(extracted).splitlines()[-1]
    expected = "contrast (maximum, filter, category), contrast (mean, filter, warmth)"
    assert line.endswith(f"significance: {expected}")


def test_a_notebook_shows_a_table_and_no_name_is_taken_for_html(extracted: Study, tmp_path: Path) -> None:
    shown = extracted._repr_html_()
    assert shown.count("<tr>") == 2
    for text in ("<td>colours</td>", "<td>6</td>", "<td>tiny</td>", "<td>3 layers (colour … sum)</td>"):
        assert text in shown
    assert "<b>bold" not in Study(tmp_path / "new", create=True, title="<b>bold</b>")._repr_html_()


def test_the_summary_costs_no_engine(extracted: Study) -> None:
    program = (
        "import sys\nfrom toolbox import Study\n"
        f"print(Study({str(extracted.folder.root)!r}))\n"
        "print([name for name in ('onnxruntime', 'onnx', 'duckdb', 'altair', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "model tiny: 3 layers" in done.stdout
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize("layer", list(LAYERS))
@pytest.mark.parametrize("statistic", ["maximum", "mean"])
def test_values_are_those_of_the_files(extracted: Study, layer: str, statistic: str) -> None:
    matrix = extracted.responses("colours", layer=layer, statistic=statistic)
    expected = stored(extracted, layer, statistic)["value"].to_numpy().reshape(LAYERS[layer], 6).T
    assert_array_equal(matrix.values, expected, strict=True)
    assert matrix.values.dtype == np.float32
    rows = extracted.query(
        "select s.stimulus_id, path, category from stimuli s join labels using (stimulus_id) order by 1"
    )
    assert matrix.stimuli.equals(rows)


def test_the_three_forms_hold_the_same(extracted: Study) -> None:
    matrix = extracted.responses(layer="colour", model="tiny", scheme="category")
    frame, array = matrix.polars(), matrix.xarray()
    assert frame.columns == ["stimulus_id", "path", "category", "filter_0", "filter_1", "filter_2"]
    assert_array_equal(frame.select("^filter_.*$").to_numpy(), matrix.values, strict=True)
    assert isinstance(array, xarray.DataArray)
    assert (array.dims, array.name) == (("stimulus", "filter"), "maximum")
    assert_array_equal(array.to_numpy(), matrix.values, strict=True)
    assert array["category"].to_numpy().tolist() == frame["category"].to_list()
    assert array["stimulus"].to_numpy().tolist() == frame["stimulus_id"].to_list()
    assert array.attrs == {"set": "colours", "model": "tiny", "layer": "colour", "scheme": "category"}
    assert array.groupby("category").mean().sel(category="red").to_numpy().tolist() == [150, 20, 120]


def test_only_the_copy_can_be_changed(extracted: Study) -> None:
    matrix = extracted.responses(layer="sum")
    matrix.numpy()[:] = 0
    assert matrix.values.max() == 800
    with pytest.raises(ValueError, match="read-only"):
        matrix.values[0, 0] = 1


def test_unlabelled_stimuli_have_rows_until_the_labelled_ones_are_asked_for(
    extracted: Study, tmp_path: Path
) -> None:
    (tmp_path / "warmth.csv").write_text("category,warmth\nred,warm\ngreen,\n")
    extracted.label("colours", scheme="warmth", source=tmp_path / "warmth.csv")
    with pytest.warns(ResultWarning, match="several label schemes .* category is used, as it was the first"):
        assert extracted.responses(layer="pool").scheme == "category"
    matrix = extracted.responses(layer="pool", scheme="warmth")
    assert matrix.stimuli["category"].to_list() == [None] * 3 + ["warm"] * 3
    assert matrix.values.shape == (6, 3)
    warm = matrix.labelled()
    assert warm.stimuli["category"].to_list() == ["warm"] * 3
    assert_array_equal(warm.values, matrix.values[3:], strict=True)
    assert matrix.xarray().groupby("category").count().to_numpy().tolist() == [[3, 3, 3]]


def test_a_set_without_labels_has_no_categories(tmp_path: Path, cache: Path) -> None:
    maximum = np.array([[1, 3], [2, 1], [4, 0]], np.float64)
    labels = pl.DataFrame({"stimulus_id": [0, 1, 2], "category": ["dog", "car", "car"]})
    folder = small_study(tmp_path / "study", long_table({"conv1": (maximum, maximum)}), labels)
    (set_name,) = folder.sets()
    folder.labels(set_name).unlink()
    matrix = Study(folder.root).responses(layer="conv1")
    assert (matrix.scheme, matrix.stimuli["category"].to_list()) == (None, [None] * 3)
    assert_array_equal(matrix.values, maximum)
    assert matrix.labelled().values.shape == (0, 2)
    with pytest.raises(UnknownNameError, match="no label scheme named 'warmth'"):
        Study(folder.root).responses(layer="conv1", scheme="warmth")


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"layer": "pol"}, UnknownNameError, "no layer of tiny named 'pol'; did you mean 'pool'"),
        ({"layer": "pool", "statistic": "median"}, UsageError, "expected one of maximum, mean"),
        ({"layer": "pool", "set": "colors"}, UnknownNameError, "did you mean 'colours'"),
        (
            {"layer": "pool", "model": "vgg16"},
            UsageError,
            "no responses of vgg16 to .* available yet; extract them",
        ),
    ],
)
def test_what_is_not_there_is_refused(
    extracted: Study, asked: dict[str, str], error: type[ToolboxError], message: str
) -> None:
    with pytest.raises(error, match=message):
        extracted.responses(**asked)


def test_a_layer_that_was_not_extracted_is_refused_with_both_ways_to_have_it(
    study: Study, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights, layers="pool")
    with pytest.raises(
        UsageError, match=r"of sum to colours are stored, only of pool; .*replace=True\), or "
    ):
        study.responses(layer="sum")


def test_damage_is_found_as_in_a_query(extracted: Study) -> None:
    part = extracted.folder.responses("colours", "tiny") / "part-0.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    with pytest.raises(VerificationError, match=r"part-0\.parquet is damaged"):
        extracted.responses(layer="pool")


def test_responses_that_are_not_complete_are_warned_of(extracted: Study) -> None:
    (extracted.folder.plans("colours", "tiny") / "part-1.json").unlink()
    with pytest.warns(ResultWarning, match="responses to 4 of 6 stimuli"):
        matrix = extracted.responses(layer="pool")
    assert matrix.values.shape == (4, 3)
    assert matrix.stimuli.height == 4


def test_without_xarray_one_line_says_how_to_install_it(
    extracted: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(
        ToolboxError, match=r"^xarray is not installed; install it with: pip install .*\[xarray\]"
    ):
        extracted.responses(layer="pool").xarray()


def test_the_matrix_is_shown_in_one_line(extracted: Study) -> None:
    matrix = extracted.responses(layer="pool")
    assert isinstance(matrix, FilterResponses)
    assert repr(matrix) == "FilterResponses(maximum of pool of tiny for colours: 6 stimuli x 3 filters)"


def test_queries_are_listed_and_described_without_a_study(tmp_path: Path) -> None:
    listed = Study.queries()
    assert listed.columns == ["query", "title"]
    assert "layers/profile" in listed["query"].to_list()
    assert "$threshold" in Study.describe("layers/profile")
    with pytest.raises(UnknownNameError, match="did you mean 'layers/profile'"):
        Study.describe("layers/profle")
    (tmp_path / "mine.sql").write_text("-- How many stimuli.\nselect count(*) as n from labels\n")
    assert Study.describe(tmp_path / "mine.sql") == "How many stimuli."
