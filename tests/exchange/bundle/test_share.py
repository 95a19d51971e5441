"""What a bundle contains, and that it is written whole, the same every time, or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from support.exchange_places import COMPUTER, Place
from toolbox import Study
from toolbox.errors import UnknownNameError, UsageError, VerificationError
from toolbox.exchange.bundle.layout import (
    BUNDLE_FILE_NAME,
    BUNDLE_TABLES,
    MOST_BUNDLE_FILES,
    bundle_digest,
    safe_names,
)
from toolbox.exchange.bundle.tables import _variable_columns
from toolbox.files import digest_of
from toolbox.files.temporary import _computer
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import read_table_and_origin, write_table
from toolbox.store.parts import _values_digest
from toolbox.store.relations import Relation
from toolbox.store.rollups import fresh_rollup

ROOT = Path(__file__).parents[3]
CLOCK = (
    "import platform, sys, time\n"
    "real = time.time\n"
    "time.time = lambda: real() + 1e8\n"
    f"platform.node = lambda: {COMPUTER!r}\n"
    "from toolbox.__main__ import main\n"
    "main()\n"
)
"""The command on the same computer, whose clock is three years ahead."""


def record(bundle: Path, name: str = "bundle.json") -> dict[str, Any]:
    return json.loads((bundle / name).read_text())


def test_every_file_has_the_digest_in_the_list(shared: Path) -> None:
    lines = (shared / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    assert listed == {file.name: digest_of(file) for file in shared.iterdir() if file.name != "SHA256SUMS"}
    assert record(shared)["digest"] == bundle_digest(listed)


def test_names_are_flat_safe_and_few(shared: Path) -> None:
    names = [file.name for file in shared.iterdir()]
    assert all(file.is_file() for file in shared.iterdir())
    assert all(
        BUNDLE_FILE_NAME.fullmatch(name) for name in {*names} - {"README.md", "CITATION.cff", "SHA256SUMS"}
    )
    assert len(names) == len({name.casefold() for name in names}) <= MOST_BUNDLE_FILES


def test_tables_have_the_columns_of_the_layout(shared: Path) -> None:
    tables = record(shared)["tables"]
    assert {table["name"] for table in tables} == {*BUNDLE_TABLES}
    for table in tables:
        declared, file = BUNDLE_TABLES[table["name"]], pq.ParquetFile(shared / table["file"])
        columns = {field.name: str(field.type) for field in file.schema_arrow}
        assert columns == {column["name"]: column["type"] for column in table["columns"]}
        assert [*declared.schema.items()] == [*columns.items()][: len(declared.schema)]
        assert declared.has_more_columns or len(columns) == len(declared.schema)
        assert file.metadata.num_rows == table["rows"]
        rows = pl.read_parquet(shared / table["file"])
        assert rows.equals(rows.sort(declared.order)), table["name"]


def test_settings_are_what_every_reader_knows(shared: Path) -> None:
    for file in shared.glob("*.parquet"):
        metadata = pq.ParquetFile(file).metadata
        columns = [
            metadata.row_group(g).column(c)
            for g in range(metadata.num_row_groups)
            for c in range(metadata.num_columns)
        ]
        assert {column.compression for column in columns} == {"ZSTD"}
        assert not any(encoding.startswith("DELTA") for column in columns for encoding in column.encodings)


@pytest.mark.parametrize("table", BUNDLE_TABLES)
def test_tables_are_read_alike_by_four_readers(shared: Path, table: str) -> None:
    for file in shared.glob(f"{table}*.parquet"):
        rows = pl.from_arrow(pq.read_table(file))
        assert isinstance(rows, pl.DataFrame)
        assert rows.equals(pl.read_parquet(file))
        assert rows.equals(duckdb.sql(f"from read_parquet('{file}')").pl())
        assert rows.height == len(pq.read_table(file).to_pandas())


def test_rollups_are_those_of_the_study(rich: Study, shared: Path) -> None:
    from toolbox.store.availability import available_responses
    from toolbox.store.resamples import Labelling

    rows = pl.read_parquet(shared / "rollups.parquet").filter(set="köpfe", scheme="category", model="tiny")
    own = fresh_rollup(Labelling(rich.folder, available_responses(rich.folder, "köpfe", "tiny"), "category"))
    order = ["layer", "filter", "category", "statistic"]
    assert rows.drop("set", "model", "scheme").sort(order).equals(pl.DataFrame(own).sort(order))


def test_values_of_parts_have_the_digests_of_their_records(shared: Path) -> None:
    rows = pl.read_parquet(shared / "responses.parquet")
    for extraction in record(shared, "extractions.json")["extractions"]:
        for part in extraction["parts"]:
            own = rows.filter(set=extraction["set"], model=extraction["model"], part=part["record"]["part"])
            stimuli = own["stimulus_id"].unique().sort().to_list()
            assert stimuli == sorted(part["stimuli"])
            layers = {
                name: tuple(
                    layer[column].to_numpy().reshape(-1, len(stimuli)).T for column in ("maximum", "mean")
                )
                for (name,), layer in own.group_by("layer")
            }
            assert _values_digest(sorted(layers), stimuli, layers) == part["record"]["values"]
            assert "bytes" not in part["record"]


def test_a_row_group_never_spans_two_parts(shared: Path) -> None:
    file = pq.ParquetFile(shared / "responses.parquet")
    for number in range(file.num_row_groups):
        keys = pl.DataFrame(file.read_row_group(number)).select("set", "model", "part").unique()
        assert keys.height == 1


def test_a_variable_with_the_name_of_another_column_has_a_number_behind_it() -> None:
    """Ingestion refuses them now; sets of early versions may have them."""
    assert _variable_columns(["Set", "age", "Age"]) == {"Set_2": "Set", "age": "age", "Age_2": "Age"}


def test_two_sets_with_one_plain_name_have_two_files(shared: Path) -> None:
    files = {table["set"]: table["file"] for table in record(shared)["tables"] if table["name"] == "stimuli"}
    assert sorted(files) == ["kopfe", "köpfe"]
    assert all(re.fullmatch(r"stimuli-kopfe-[0-9a-f]{8}\.parquet", file) for file in files.values())
    assert len({*files.values()}) == 2


def test_safe_names_differ_whatever_the_names() -> None:
    names = [
        "Pets",
        "pets",
        "PETS",
        "pets-3be1d422",
        "a b",
        "a-b",
        "köpfe",
        "con",
        "日本",
        "x" * 90,
        "x" * 91,
        "..",
    ]
    parts = safe_names(names)
    assert len({*parts.values()}) == len(names)
    assert all(BUNDLE_FILE_NAME.fullmatch(part) and len(part) < 70 for part in parts.values())


def test_narrowed_to_a_set_and_a_scheme(of_rollups: Path) -> None:
    assert pl.read_parquet(of_rollups / "rollups.parquet")["scheme"].unique().to_list() == ["category"]
    assert pl.read_parquet(of_rollups / "labels.parquet")["set"].unique().to_list() == ["köpfe"]
    assert not (of_rollups / "responses.parquet").exists()
    assert not (of_rollups / "significance.parquet").exists()
    assert record(of_rollups)["includes"] == ["rollups"]


def test_an_unknown_name_is_refused(rich: Study, tmp_path: Path) -> None:
    for narrowed in ({"set": "kopf"}, {"model": "vgg"}, {"scheme": "owners"}):
        with pytest.raises(UnknownNameError):
            rich.share(tmp_path / "x.zip", **narrowed)
    with pytest.raises(UsageError, match="'pixels' is unknown"):
        rich.share(tmp_path / "x.zip", including="pixels")
    assert [*tmp_path.iterdir()] == []


def test_nothing_is_replaced_or_half_written(
    rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there.zip").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    for name in ("there.zip", "folder"):
        with pytest.raises(UsageError, match="exists already"):
            rich.share(tmp_path / name)
    with pytest.raises(UsageError, match="neither a zip nor a directory"):
        rich.share(tmp_path / "bundle.tar")
    monkeypatch.setattr("toolbox.exchange.bundle.run.write_sums", lambda _: 1 / 0)
    for name in ("new.zip", "new"):
        with pytest.raises(ZeroDivisionError):
            rich.share(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "there.zip"]
    assert (tmp_path / "there.zip").read_bytes() == b"mine"


def test_what_a_killed_process_left_is_removed(rich: Study, tmp_path: Path) -> None:
    left = tmp_path / f".new.{_computer()}-999999999-1-0.partial"
    left.mkdir()
    (left / "rollups.parquet").write_bytes(b"half")
    rich.share(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_the_default_is_a_zip_named_after_the_study(
    rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = rich.share()
    assert Path(written.output).suffix == ".zip"
    assert (tmp_path / written.output).is_file()


def test_the_study_stays_as_it_is(rich: Study, made: Place, tmp_path: Path) -> None:
    rich.share(tmp_path / "first.zip")
    before = {file: digest_of(file) for file in made.study.rglob("*") if file.is_file()}
    rich.share(tmp_path / "second.zip", including="responses")
    assert {file: digest_of(file) for file in made.study.rglob("*") if file.is_file()} == before


@pytest.mark.long
def test_the_same_study_elsewhere_and_later_gives_the_same_bytes(
    made: Place, shared: Path, tmp_path: Path
) -> None:
    """Another home, time zone, locale and clock; a copy of the study whose files have other times."""
    home = tmp_path / "elsewhere" / "home" / "maximilian"
    home.mkdir(parents=True)
    shutil.copytree(made.study, home / "copy")
    for file in (home / "copy").rglob("*"):
        os.utime(file, (1e9, 1e9))
    environment = {
        **os.environ, "HOME": str(home), "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "C", "USER": "maximilian",
        "LOGNAME": "maximilian", "TOOLBOX_MODELS": str(made.home / "models"), "TOOLBOX_CACHE": str(home / "cache"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), "PYTHONHASHSEED": "7",
    }  # fmt: skip
    command = [
        "share",
        "--with",
        "significance",
        "--with",
        "relations",
        "--with",
        "responses",
        "--output",
        "again.zip",
    ]
    subprocess.run(
        [sys.executable, "-c", CLOCK, *command, "--study", "copy"],
        env=environment,
        cwd=home,
        check=True,
        timeout=300,
    )
    with zipfile.ZipFile(home / "again.zip") as packed:
        again = {name: packed.read(name) for name in packed.namelist()}
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    first = {file.name: file.read_bytes() for file in shared.iterdir()}
    assert {name for name in first.keys() | again.keys() if first.get(name) != again.get(name)} == set()


def test_two_zips_are_equal(rich: Study, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        rich.share(tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_images_are_copied_only_when_asked(rich: Study, shared: Path, tmp_path: Path) -> None:
    assert not [file for file in shared.iterdir() if file.suffix == ".png"]
    written = rich.share(tmp_path / "with", include_images=True)
    images = record(tmp_path / "with")["images"]
    assert len(images) == 14
    assert all(digest_of(tmp_path / "with" / file) == digest for digest, file in images.items())
    assert "images" in record(tmp_path / "with")["includes"]
    assert any("licence" in note for note in written.notes)


def test_an_image_that_was_changed_is_refused(
    made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.own(monkeypatch)
    shutil.copytree(made.study, tmp_path / "copy")
    shutil.copytree(made.home / "pictures", tmp_path / "pictures")
    text = (tmp_path / "copy" / "study.toml").read_text()
    (tmp_path / "copy" / "study.toml").write_text(
        text.replace(str(made.home / "pictures"), str(tmp_path / "pictures"))
    )
    changed = next((tmp_path / "pictures").rglob("*.png"))
    changed.write_bytes(changed.read_bytes() + b" ")
    with pytest.raises(VerificationError, match="was changed since it was ingested"):
        Study(tmp_path / "copy").share(tmp_path / "with", include_images=True)
    assert not (tmp_path / "with").exists()


def test_the_card_and_the_identity_of_the_network_are_part_of_it(shared: Path) -> None:
    files = record(shared)["models"]["tiny"]
    model = record(shared, files["model"])
    assert model["preprocessing"]["height"] > 0
    assert len(model["layers"]) == 3
    assert 'name = "tiny"' in (shared / files["card"]).read_text()


def test_a_table_of_early_columns_is_neither_shared_nor_recorded(
    made: Place, rich: Study, tmp_path: Path
) -> None:
    copy = StudyFolder(Path(shutil.copytree(made.study, tmp_path / "copy")))
    (file,) = copy.resampled("filters", "köpfe", "tiny", "category").glob("*.parquet")
    table, origin = read_table_and_origin(file)
    write_table(file, table.drop_columns(["permutations"]), origin)
    Study(copy.root).share(tmp_path / "bundle", including="significance")
    assert not (tmp_path / "bundle" / "significance.parquet").exists()
    listed = [entry["table"] for entry in record(tmp_path / "bundle", "provenance.json")["resampled"]]
    assert sorted(listed) == ["reliability", "resamples"]


def test_significance_that_is_not_there_is_not_claimed(rich: Study, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="no significance of these responses to share; first: toolbox significance kopfe"
    ):
        rich.share(tmp_path / "bundle", set="kopfe", including="significance")
    assert not (tmp_path / "bundle").exists()


def test_relations_that_are_left_out_are_named_with_what_to_do(
    made: Place, rich: Study, tmp_path: Path
) -> None:
    study = Study(shutil.copytree(made.study, tmp_path / "study"))
    notes = study.share(tmp_path / "without", set="köpfe", scheme="category").notes
    assert "2 relations (`toolbox relate`) are left out; to include them: --with relations" in notes
    (tmp_path / "people.csv").write_text("stimulus_id,proband\n0,3\n1,1\n2,2\n3,5\n4,4\n")
    study.parameters("köpfe", source=tmp_path / "people.csv", column=["proband"])
    study.relate("köpfe", parameter="proband", scheme="category", resamples=20)
    folders = [study.folder.relations(table, "köpfe", "tiny", "category") for table in RELATION_TABLES]
    (folders[0] / Relation("rating").file_name).unlink()
    stale = folders[1] / Relation("age", "category").file_name
    rows, origin = read_table_and_origin(stale)
    write_table(stale, rows, origin | {"labels": "of others"})
    command = "to compute it again: toolbox relate 'köpfe' --parameter"
    with pytest.raises(UsageError, match=f"that to age is left out, as .*; {command} age --given category"):
        study.share(tmp_path / "none", set="köpfe", scheme="category", including="relations")
    notes = study.share(
        tmp_path / "kept", set="köpfe", scheme="category", including="relations", keep_names=True
    ).notes
    left_out = [note for note in notes if note.startswith("the relation of the responses of tiny to köpfe")]
    assert len(left_out) == 2
    assert f"{command} age --given category --scheme category" in left_out[0]
    assert "lacks one of its tables" in left_out[1] and f"{command} rating" in left_out[1]
    study.relate("köpfe", parameter="rating", scheme="category", resamples=20)
    notes = study.share(tmp_path / "plain", set="köpfe", scheme="category", including="relations").notes
    assert any(
        "to proband is left out, as names of people are" in each and "--keep-names" in each for each in notes
    )


def test_significance_of_another_version_is_left_out_with_a_note(
    made: Place, rich: Study, tmp_path: Path
) -> None:
    copy = StudyFolder(shutil.copytree(made.study, tmp_path / "study"))
    (file,) = copy.resampled("filters", "köpfe", "tiny", "category").glob("*.parquet")
    rows, origin = read_table_and_origin(file)
    write_table(file, rows.drop_columns(["p_welch"]), origin)
    report = Study(copy.root).share(tmp_path / "bundle", including="significance")
    assert any("contrast-maximum-filter" in note and "is left out" in note for note in report.notes)
    assert not any(
        "is left out" in note for note in rich.share(tmp_path / "whole", including="significance").notes
    )
