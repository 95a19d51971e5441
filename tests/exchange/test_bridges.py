"""The command export for responses: the libraries of other programs read back the values that are stored."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xarray
from numpy.typing import NDArray
from typer.testing import CliRunner

from support.foreign_readers import read_by_anndata, read_by_rsatoolbox, read_mask
from support.tiny_network import CARD, paint, write_weights
from toolbox import Study
from toolbox.cli import app
from toolbox.errors import (
    ResourceError,
    ResultWarning,
    StorageError,
    TableError,
    ToolboxError,
    UnknownNameError,
    UsageError,
    VerificationError,
)
from toolbox.exchange.bridges.choices import BRIDGES
from toolbox.exchange.bridges.formats import FORMATS, MASK

pytest_plugins = ("support.reading_environment",)
pytestmark = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
LAYERS = ("colour", "pool", "sum")
NAMES = {"xarray": "a.nc", "rsatoolbox": "a.hdf5", "npy": "a", "csv-wide": "a.csv", "h5ad": "a.h5ad"}
CATEGORIES = ["café", "日本", "=1+1", "plain"]


@pytest.fixture(scope="module")
def awkward_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with categories in other letters, one that is a formula, and two stimuli without one; in two parts."""
    folder = tmp_path_factory.mktemp("awkward")
    rows = []
    for number, category in enumerate([*CATEGORIES * 2, "", ""]):
        file = paint(folder / "images" / f"picture {number}.png", (number * 9, 200 - number, 3))
        rows.append({"path": str(file), "category": category})
    table = folder / "awkward.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(folder / "cache"))
        study = Study(folder / "study", create=True)
        study.ingest(table, set="awkward", missing="unlabelled")
        weights = str(write_weights(folder / "tiny.npz"))
        study.extract("awkward", model=str(CARD), weights=weights, part=4)
    return folder


@pytest.fixture
def awkward(awkward_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """That study, which tests only read."""
    monkeypatch.setenv("TOOLBOX_CACHE", str(awkward_folder / "cache"))
    return Study(awkward_folder / "study")


def stored(study: Study, statistic: str = "maximum", layers: tuple[str, ...] = LAYERS) -> NDArray[np.float32]:
    """The values of layers side by side, as `responses` returns them."""
    found = [study.responses(layer=layer, statistic=statistic).values for layer in layers]
    return np.concatenate(found, axis=1)


def names(study: Study, layers: tuple[str, ...] = LAYERS) -> list[str]:
    """`<layer>_<filter>` of all filters."""
    return [
        f"{layer}_{number}" for layer in layers for number in range(stored(study, layers=(layer,)).shape[1])
    ]


def categories(study: Study) -> list[str | None]:
    """Of all stimuli, in their order."""
    return study.responses(layer="colour").stimuli["category"].to_list()


@pytest.mark.parametrize("statistic", ["maximum", "mean"])
def test_xarray_opens_the_data_set_with_the_stored_values(
    tmp_path: Path, awkward: Study, statistic: str
) -> None:
    awkward.export(to="xarray", output=tmp_path / "a.nc", statistic=statistic)
    with xarray.open_dataset(tmp_path / "a.nc") as found:
        values = found[statistic]
        assert values.dims == ("stimulus", "filter")
        assert values.dtype == np.float32
        assert np.array_equal(values, stored(awkward, statistic))
        assert found["filter"].values.tolist() == names(awkward)
        assert found["category"].values.tolist() == [name or "" for name in categories(awkward)]
        assert {*found.coords} == {
            "stimulus", "filter", "category", "path", "sha256", "layer", "number", "preferred", "selectivity",
        }  # fmt: skip
        of_layer = found.sel(filter=found["layer"] == "pool")
        assert np.array_equal(of_layer[statistic], stored(awkward, statistic, ("pool",)))
        of_category = values.groupby("category").mean().sel(category="café", filter="colour_0")
        assert of_category == stored(awkward, statistic)[[0, 4], 0].mean()
        origin = found.attrs
        assert (origin["set"], origin["model"], origin["scheme"]) == ("awkward", "tiny", "category")
        assert origin["tool"].startswith("selectivity-toolbox ")


@pytest.mark.long
@pytest.mark.network
def test_anndata_reads_stimuli_and_filters_with_the_stored_values(
    tmp_path: Path, awkward: Study, reading_python: str
) -> None:
    awkward.export(to="h5ad", output=tmp_path / "a.h5ad")
    found = read_by_anndata(reading_python, tmp_path / "a.h5ad", "pool")
    assert np.array_equal(np.array(found["values"], np.float32), stored(awkward))
    assert np.array_equal(np.array(found["subset"], np.float32), stored(awkward, layers=("pool",)))
    assert found["names"] == [[str(number) for number in range(10)], names(awkward)]
    assert found["obs"]["category"] == categories(awkward)
    assert found["obs"]["stimulus_id"] == list(range(10))
    assert found["layers"] == list(LAYERS)
    expected = awkward.query("selectivity/filters")
    assert found["var"]["preferred"] == expected["preferred"].to_list()
    index = awkward.query("selectivity/index")
    contrast = {
        row["layer"] + str(row["filter"]) + row["category"]: row["contrast"] for row in index.to_dicts()
    }
    keys = [(row["layer"], str(row["filter"]), row["preferred"]) for row in expected.to_dicts()]
    assert found["var"]["selectivity"] == [contrast["".join(key)] if key[2] else None for key in keys]
    assert found["uns"]["selectivity_index"] == "contrast"


@pytest.mark.long
@pytest.mark.network
def test_rsatoolbox_reads_a_dataset_with_the_stored_values(
    tmp_path: Path, awkward: Study, reading_python: str
) -> None:
    awkward.export(to="rsatoolbox", output=tmp_path / "a.hdf5")
    found = read_by_rsatoolbox(reading_python, tmp_path / "a.hdf5", "pool")
    assert found["type"] == "Dataset"
    assert np.array_equal(np.array(found["values"], np.float32), stored(awkward))
    assert np.array_equal(np.array(found["subset"], np.float32), stored(awkward, layers=("pool",)))
    assert found["obs"]["category"] == [name or "" for name in categories(awkward)]
    assert found["channels"]["name"] == names(awkward)
    assert found["descriptors"]["model"] == "tiny"
    order, values = found["categories"], stored(awkward).astype(float)
    means = np.array(
        [values[[(each or "") == name for each in categories(awkward)]].mean(axis=0) for name in order]
    )
    first, second = np.triu_indices(len(order), 1)
    expected = ((means[first] - means[second]) ** 2).mean(axis=1)
    assert np.allclose(found["dissimilarities"][0], expected)


@pytest.mark.parametrize("letters", ["é", "x"])
def test_rsatoolbox_reads_as_many_texts_as_there_are(tmp_path: Path, letters: str) -> None:
    """More than 64 kB of texts do not fit into an attribute of HDF5's first layout."""
    import h5py

    from toolbox.exchange.bridges.rsatoolbox import _describe

    texts = [f"{letters}{number}" for number in range(20_000)]
    with h5py.File(tmp_path / "a.h5", "w", libver=("v110", "latest")) as file:
        _describe(file, pl.DataFrame({"category": texts}))
    with h5py.File(tmp_path / "a.h5") as file:
        found = file.attrs["category"] if letters == "é" else np.array(file["category"]).astype(str)
        assert list(found) == texts


def test_numpy_loads_a_layer_a_file_and_the_lists_name_rows_and_columns(
    tmp_path: Path, awkward: Study
) -> None:
    report = awkward.export(to="npy", output=tmp_path / "arrays", layers=["colour", "sum"])
    assert {Path(file).name for file in report.files} == {
        file.name for file in (tmp_path / "arrays").iterdir()
    } == {"colour.npy", "sum.npy", "stimuli.csv", "filters.csv"}  # fmt: skip
    for layer in ("colour", "sum"):
        values = np.load(tmp_path / "arrays" / f"{layer}.npy", allow_pickle=False)
        assert values.dtype == np.float32
        assert np.array_equal(values, stored(awkward, layers=(layer,)))
    filters = pl.read_csv(tmp_path / "arrays" / "filters.csv")
    assert filters["file"].to_list() == ["colour.npy"] * 3 + ["sum.npy"] * 2
    assert filters["column"].to_list() == filters["filter"].to_list() == [0, 1, 2, 0, 1]
    stimuli = pl.read_csv(tmp_path / "arrays" / "stimuli.csv")
    assert stimuli["row"].to_list() == stimuli["stimulus_id"].to_list() == list(range(10))


def test_the_wide_table_has_a_row_a_stimulus_and_cells_that_no_spreadsheet_evaluates(
    tmp_path: Path, awkward: Study
) -> None:
    with pytest.warns(ResultWarning, match=r"as spreadsheets would compute them: =1\+1"):
        awkward.export(to="csv-wide", output=tmp_path / "a.csv", statistic="mean")
    found = pl.read_csv(tmp_path / "a.csv", schema_overrides=dict.fromkeys(names(awkward), pl.Float32))
    assert found.columns == ["stimulus_id", "category", "path", "sha256", *names(awkward)]
    assert np.array_equal(found.select(names(awkward)).to_numpy(), stored(awkward, "mean"))
    expected = [f"category_{name}" if name == "=1+1" else name for name in categories(awkward)]
    assert found["category"].to_list() == expected
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert not any(cell.strip('"').startswith(("=", "+", "@")) for cell in text.replace("\n", ",").split(","))


def test_a_wide_table_of_many_blocks_has_one_header(
    tmp_path: Path, awkward: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    awkward.export(to="csv-wide", output=tmp_path / "whole.csv")
    monkeypatch.setattr("toolbox.exchange.bridges.wide._CELLS", 20)
    awkward.export(to="csv-wide", output=tmp_path / "blocks.csv")
    assert (tmp_path / "blocks.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("to", [*NAMES])
def test_equal_studies_give_equal_bytes(tmp_path: Path, awkward: Study, to: str) -> None:
    written = []
    for folder in ("first", "second"):
        report = awkward.export(to=to, output=tmp_path / folder / NAMES[to])
        written.append([Path(file).read_bytes() for file in report.files])
    assert written[0] == written[1]


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A table of filters as a query writes it, with a filter of two categories."""
    file = tmp_path / "bank.csv"
    file.write_text(
        "category,rank,layer,filter\ncafé,1,pool,2\nplain,1,colour,1\nplain,2,pool,2\n", encoding="utf-8"
    )
    return file


@pytest.mark.parametrize("to", [*NAMES])
def test_a_bank_chooses_filters_of_every_format(tmp_path: Path, awkward: Study, bank: Path, to: str) -> None:
    report = awkward.export(to=to, output=tmp_path / NAMES[to], filters=bank)
    assert (report.filters, report.layers) == (2, ("colour", "pool"))
    if to == "xarray":
        with xarray.open_dataset(tmp_path / "a.nc") as found:
            assert found["filter"].values.tolist() == ["colour_1", "pool_2"]
            assert np.array_equal(found["maximum"], stored(awkward)[:, [1, 5]])


def test_dnnbrain_reads_a_bank_as_a_mask_with_numbers_from_one(
    tmp_path: Path, awkward: Study, bank: Path
) -> None:
    awkward.export(to="dmask", output=tmp_path / "bank.dmask.csv", filters=bank)
    assert read_mask(tmp_path / "bank.dmask.csv") == {"colour": {"chn": [2]}, "pool": {"chn": [3]}}
    awkward.export(to="dmask", output=tmp_path / "all.dmask.csv", layers="sum")
    assert read_mask(tmp_path / "all.dmask.csv") == {"sum": {"chn": [1, 2]}}


def test_what_queries_and_probe_write_is_a_bank(tmp_path: Path, shared_study: str) -> None:
    runner = CliRunner()
    table, mask = str(tmp_path / "best.parquet"), str(tmp_path / "best.dmask.csv")
    query = ["query", "filters/representative", "--count", "1", "-o", table, "--study", shared_study]
    assert runner.invoke(app, query).exit_code == 0
    found = runner.invoke(
        app, ["export", "--as", "dmask", "--filters", table, "-o", mask, "--study", shared_study]
    )
    assert found.exit_code == 0, found.output
    assert found.stdout == f"{mask}\n"
    rows = pl.read_parquet(table)
    numbers = {(row["layer"], row["filter"] + 1) for row in rows.to_dicts()}
    assert {
        (layer, number) for layer, axes in read_mask(Path(mask)).items() for number in axes["chn"]
    } == numbers


def test_a_layer_whose_name_dnnbrain_splits_is_refused(tmp_path: Path) -> None:
    from toolbox.exchange.bridges.mask import write_mask

    with pytest.raises(UsageError, match="'a=b' cannot be named in a mask"):
        write_mask(pl.DataFrame({"layer": ["a=b"], "filter": [0]}), tmp_path / "a.dmask.csv")
    assert not (tmp_path / "a.dmask.csv").exists()


WRONG = [
    ({"to": "h5da", "output": "a.h5ad"}, UsageError, "no program or format 'h5da'.*'h5ad'"),
    ({"to": "h5ad", "output": "a.csv"}, UsageError, "h5ad cannot be written to a.csv; expected .h5ad"),
    ({"to": "rsatoolbox", "output": "a.pkl"}, UsageError, "expected .hdf5 or .h5"),
    ({"to": "npy", "output": "a.npy"}, UsageError, "a folder of files, not a.npy"),
    ({"to": "npy", "output": "images"}, UsageError, "images is there already; expected the name of a new folder"),
    ({"to": "dmask", "output": "a.csv"}, UsageError, "expected .dmask.csv"),
    ({"to": "dmask", "output": "a.dmask.csv", "statistic": "mean"}, UsageError, "leave out the statistic"),
    ({"to": "xarray", "output": "a.nc", "statistic": "median"}, UsageError, "statistic is 'median'"),
    ({"to": "xarray", "output": "a.nc", "layers": "block*"}, UnknownNameError, "no layer named 'block\\*'"),
    ({"to": "xarray", "output": "a.nc", "column": "x"}, UsageError, "xarray does not take --column, which is for psy"),
    ({"to": "xarray", "output": "a.nc", "copy_images": "x"}, UsageError, "does not take --copy-images"),
    ({"to": "psychopy", "output": "a.csv", "layers": "sum"}, UsageError, "psychopy does not take --layers, which is"),
    ({"to": "bids", "output": "a.tsv", "statistic": "mean"}, UsageError, "bids does not take --statistic"),
    ({"to": "xarray", "output": "a.nc", "filters": "none.csv"}, UsageError, "none.csv does not exist"),
    ({"to": "xarray", "output": "a.nc", "filters": "awkward.csv"}, TableError, "has no column layer and no"),
    ({"to": "xarray", "output": "a.nc", "filters": "layers.csv"}, UnknownNameError, "no layer in row 1 of .* 'conv9'"),
    ({"to": "xarray", "output": "a.nc", "filters": "high.csv"}, TableError, "filter 3 of pool in row 2.* from 0 to 2"),
    ({"to": "xarray", "output": "a.nc", "filters": "half.csv"}, TableError, r"filter 1\.5 of pool in row 1"),
    ({"to": "xarray", "output": "a.nc", "filters": "empty.csv"}, TableError, "lists no filter"),
    ({"to": "xarray", "output": "a.nc", "filters": "one.csv", "layers": "sum"}, UsageError, "lists no filter of sum"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "kind", "message"), WRONG)
def test_what_cannot_be_exported_is_refused_with_a_line_and_writes_nothing(
    awkward: Study,
    awkward_folder: Path,
    tmp_path: Path,
    options: dict[str, str],
    kind: type[ToolboxError],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.txt").write_text("mine")
    shutil.copyfile(awkward_folder / "awkward.csv", "awkward.csv")
    for name, rows in {
        "layers": "conv9,0", "high": "pool,2\npool,3", "half": "pool,1.5", "empty": "", "one": "pool,1",
    }.items():  # fmt: skip
        Path(f"{name}.csv").write_text(f"layer,filter\n{rows}")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(kind, match=message) as caught:
        awkward.export(**options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_does_not_fit_into_memory_or_disk_is_refused_with_its_size(
    tmp_path: Path, awkward: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("toolbox.exchange.bridges.run.free_memory", lambda: 100_000_000)
        with pytest.raises(
            ResourceError, match=r"10 stimuli x 3 filters need 0\.20 GB of memory as h5ad, and 0\.10 GB"
        ):
            awkward.export(to="h5ad", output=tmp_path / "a.h5ad")
        with pytest.raises(ResourceError, match=r"10 stimuli x 8 filters need .* as csv-wide"):
            awkward.export(to="csv-wide", output=tmp_path / "a.csv")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=300))
    with pytest.raises(StorageError, match=r"10 stimuli x 8 filters need 0\.00 GB on the disk of .*a\.nc"):
        awkward.export(to="xarray", output=tmp_path / "new" / "a.nc")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("to", [*NAMES])
def test_damaged_responses_leave_no_file_and_the_earlier_one_as_it_was(
    awkward_folder: Path, tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "cache"))
    shutil.copytree(awkward_folder / "study", tmp_path / "study")
    study, target = Study(tmp_path / "study"), tmp_path / "out" / NAMES[to]
    if to != "npy":
        target.parent.mkdir()
        target.write_bytes(b"earlier")
    study.query("selectivity/index")  # roll-ups are made of intact responses
    part = sorted((tmp_path / "study").rglob("part-*.parquet"))[-1]
    status = part.stat()
    content = bytearray(part.read_bytes())
    content[len(content) * 2 // 3] ^= 4
    part.write_bytes(content)
    os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(VerificationError, match="is damaged"):
        study.export(to=to, output=target)
    assert [path.name for path in target.parent.glob("*")] == ([] if to == "npy" else [NAMES[to]])
    assert to == "npy" or target.read_bytes() == b"earlier"


def test_an_export_without_h5netcdf_names_the_command_that_installs_it(
    tmp_path: Path, awkward: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    with pytest.raises(
        ToolboxError, match=r"h5netcdf is not installed; install it with: pip install .*\[xarray\]"
    ):
        awkward.export(to="xarray", output=tmp_path / "a.nc")
    assert not [*tmp_path.iterdir()]


def test_a_set_without_labels_is_exported_without_categories(
    tmp_path: Path, cache: Path, photographs: Path
) -> None:
    table = tmp_path / "flat.csv"
    table.write_text("path,category\n" + "".join(f"{file},\n" for file in photographs.rglob("*.png")))
    study = Study(tmp_path / "study", create=True)
    study.ingest(table, set="flat")
    study.extract("flat", model=str(CARD), weights=str(write_weights(tmp_path / "tiny.npz")))
    for to, name in NAMES.items():
        assert study.export(to=to, output=tmp_path / "out" / name).stimuli == 6
    with xarray.open_dataset(tmp_path / "out" / "a.nc") as found:
        assert found["category"].values.tolist() == [""] * 6
        assert "preferred" not in found.coords


def test_the_command_prints_the_files_and_how_much_they_hold(tmp_path: Path, shared_study: str) -> None:
    command = [
        "export",
        "colours",
        "--as",
        "h5ad",
        "--layers",
        "colour",
        "sum",
        "-o",
        str(tmp_path / "a.h5ad"),
    ]
    found = CliRunner().invoke(app, [*command, "--study", shared_study])
    assert found.exit_code == 0, found.output
    assert found.stdout == f"{tmp_path / 'a.h5ad'}\n"
    assert "colours: 6 stimuli x 5 filters of 2 layers (maximum of tiny) for h5ad: 0.0 MB" in found.stderr


def test_one_layer_is_one(shared_study: str, tmp_path: Path) -> None:
    command = ["export", "colours", "--as", "csv-wide", "--layers", "sum", "-o", str(tmp_path / "a.csv")]
    found = CliRunner().invoke(app, [*command, "--study", shared_study])
    assert "2 filters of 1 layer (" in found.stderr, found.output


def test_every_format_has_a_writer() -> None:
    assert {*BRIDGES} == {*FORMATS, MASK}
