"""How an extraction ends: interrupted, with a disk that fails, or well, and then alike whatever computed it."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from support.needs import needs_bf16, needs_no_bf16
from support.own_sql import seen
from support.part_records import ingest_many, part_records, part_values
from toolbox import Study
from toolbox.collect.extraction import parts as run
from toolbox.errors import DeviceError, MixtureError, StorageError
from toolbox.files import digest_of
from toolbox.store.folder import ExtractionFolder
from toolbox.store.parts import clear, write_part


@pytest.fixture
def many(study: Study, tmp_path: Path) -> Study:
    """The study with a set `many` of 60 stimuli in three categories."""
    return ingest_many(study, tmp_path / "many", 60)


def folder(study: Study, set_name: str = "many") -> Path:
    return study.folder.responses(set_name, "tiny")


def check_whole(study: Study) -> None:
    """Nothing is half written, every part that counts has the bytes that its record names, and nobody is at work."""
    places = (folder(study), study.folder.plans("many", "tiny"))
    assert not [file for place in places for file in place.glob(".*.partial")]
    for record in part_records(study):
        content = (folder(study) / f"part-{record['part']}.parquet").read_bytes()
        assert hashlib.sha256(content).hexdigest() == record["sha256"]
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("network", "decode", "write"))]


@pytest.fixture
def expected(many: Study, card: str, weights: str) -> list[str]:
    """The values of an unbroken run in parts of ten, which is taken back again."""
    many.extract("many", model=card, weights=weights, part=10, threads=1, batch=1)
    found = part_values(many)
    clear(many.folder.extraction("many", "tiny"))
    return found


@pytest.mark.parametrize(
    "how",
    [
        {"batch": 7}, {"threads": 1}, {"threads": 2, "batch": 3}, {"threads": 5}, {"convolution": "direct"},
        {"decoders": 2, "batch": 4},
    ],
    ids=str,
)  # fmt: skip
def test_no_bit_depends_on_how_it_is_run(
    many: Study, card: str, weights: str, expected: list[str], how: dict[str, Any]
) -> None:
    assert many.extract("many", model=card, weights=weights, part=10, **how).shown == 60
    assert part_values(many) == expected


def test_a_part_just_written_is_not_read_again(
    many: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noted(path: Path) -> str:
        read.append(path.stem)
        return digest_of(path)

    many.extract("many", model=card, weights=weights, part=30)
    monkeypatch.setattr("toolbox.store.records.digest_of", noted)
    assert many.query(seen("select count(*) as n from responses")).item() > 0
    assert read == []


def test_a_write_that_fails_stops_the_run_at_once(
    many: Study, card: str, weights: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    def fail(place: ExtractionFolder, number: int, *rest: Any) -> dict[str, Any]:
        if number == 1:
            raise OSError(28, "No space left on device", str(place.part(number)))
        return write_part(place, number, *rest)

    def slowly(_: str, done: int, __: int) -> None:
        shown.append(done)
        if done > 20:  # the second part is being written
            threading.Event().wait(0.01)

    with monkeypatch.context() as broken, pytest.raises(StorageError, match="no space is left"):
        broken.setattr(run, "write_part", fail)
        many.extract("many", model=card, weights=weights, part=10, threads=1, batch=1, progress=slowly)
    assert shown[-1] < 30, "it went on to the end of the next part"
    assert [record["part"] for record in part_records(many)] == [0]
    check_whole(many)
    assert many.extract("many", model=card, weights=weights).shown == 50
    assert part_values(many) == expected


def test_the_last_write_is_waited_for(
    many: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(place: ExtractionFolder, number: int, *_: Any) -> None:
        raise OSError(5, "Input/output error", str(place.part(number)))

    monkeypatch.setattr(run, "write_part", fail)
    with pytest.raises(StorageError, match="does not answer"):
        many.extract("many", model=card, weights=weights, part=60)
    assert part_records(many) == []
    check_whole(many)


@pytest.mark.parametrize("moment", [0, 1, 11, 37, 59, 60])
def test_interrupted_at_any_moment_nothing_is_half_written_and_it_goes_on(
    many: Study, card: str, weights: str, expected: list[str], moment: int
) -> None:
    def interrupt(task: str, done: int, _: int) -> None:
        if task.startswith("extract") and done == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        many.extract("many", model=card, weights=weights, part=10, batch=1, progress=interrupt)
    check_whole(many)
    # A part that was complete is finished; of the last one there is nothing yet.
    assert len(part_records(many)) == max(0, moment - 1) // 10
    many.extract("many", model=card, weights=weights, part=10)
    assert part_values(many) == expected


def test_a_part_is_written_while_the_network_is_at_the_next(
    many: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = threading.Event()

    def wait(*given: Any) -> dict[str, Any]:
        assert later.wait(10), "the network waited for the writer"
        return write_part(*given)

    def tell(_: str, done: int, __: int) -> None:
        if done >= 35:
            later.set()

    monkeypatch.setattr(run, "write_part", wait)
    many.extract("many", model=card, weights=weights, part=30, batch=1, progress=tell)
    assert [record["stimuli"] for record in part_records(many)] == [30, 30]


@pytest.fixture
def photographs_of_1000_pixels(study: Study, tmp_path: Path) -> Study:
    """The study with a set `large`: six JPEGs whose pixels all differ."""
    for number in range(6):
        path = tmp_path / "large" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (90, 100, 3), np.uint8)
        Image.fromarray(pixels).resize((1000, 900)).save(path)
    study.ingest(tmp_path / "large", set="large")
    return study


def test_scaled_decoding_is_compared_with_full_decoding_and_recorded(
    photographs_of_1000_pixels: Study, card: str, weights: str
) -> None:
    study = photographs_of_1000_pixels
    exact = study.extract("large", model=card, weights=weights)
    assert exact.agreement is None
    assert all("agreement" not in record for record in part_records(study, "large"))
    rows = study.query(seen("from responses order by all"))
    report = study.extract("large", model=card, weights=weights, decoding="scaled", replace=True)
    agreed = report.agreement
    assert agreed is not None
    assert (agreed.of, agreed.against) == ("scaled decoding", "float32 and full decoding")
    assert (agreed.stimuli, agreed.categories) == (6, 2)
    assert agreed.largest is not None and agreed.largest_response > 0
    told = {**vars(agreed)}
    assert all(record["agreement"] == told for record in part_records(study, "large"))
    assert all(record["preprocessing"]["decoding"] == "scaled" for record in part_records(study, "large"))
    runs = [
        json.loads(path.read_text())
        for path in (study.folder.root / "runs").glob("*extract-large-tiny*.json")
    ]
    assert [entry["agreement"] for entry in runs if entry["agreement"]] == [told]
    # Compared with numpy: the largest difference between the responses, by the range of the exact ones.
    both = rows.join(
        study.query(seen("from responses")), on=["layer", "filter", "stimulus_id"], suffix="_scaled"
    )
    largest = 0.0
    for _, filter_rows in both.group_by("layer", "filter"):
        for statistic in ("maximum", "mean"):
            one, other = (
                filter_rows[name].to_numpy().astype(float) for name in (statistic, f"{statistic}_scaled")
            )
            if one.max() > one.min():
                largest = max(largest, float(np.abs(one - other).max() / (one.max() - one.min())))
    assert agreed.largest_response == pytest.approx(largest, rel=1e-6)


def test_two_decodings_never_share_a_table(
    photographs_of_1000_pixels: Study, card: str, weights: str
) -> None:
    study = photographs_of_1000_pixels
    study.extract("large", model=card, weights=weights, limit=2)
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        study.extract("large", model=card, weights=weights, decoding="scaled")
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        study.extract("colours", model=card, weights=weights, decoding="scaled")
    assert study.extract("large", model=card, weights=weights, decoding="full").stimuli == 6


def test_a_sample_is_evenly_of_all_categories(
    many: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolbox.collect.extraction.accuracy.SAMPLED", 9)
    agreed = many.extract("many", model=card, weights=weights, decoding="scaled").agreement
    assert agreed is not None
    assert (agreed.stimuli, agreed.categories) == (9, 3)
    # PNGs are decoded in full in any case
    assert (agreed.correlation, agreed.largest, agreed.largest_response) == (pytest.approx(1.0), 0.0, 0.0)


@needs_no_bf16
def test_bf16_is_refused_before_anything_is_written(many: Study, card: str, weights: str) -> None:
    with pytest.raises(DeviceError, match="precision 'bf16' needs bf16 instructions"):
        many.extract("many", model=card, weights=weights, precision="bf16")
    assert many.models("many") == []


@needs_bf16
def test_bf16_is_compared_with_float32(many: Study, card: str, weights: str) -> None:
    report = many.extract("many", model=card, weights=weights, precision="bf16")
    assert (report.provider, report.precision) == ("OpenVINO", "bf16")
    assert report.agreement is not None and report.agreement.correlation is not None
    assert report.agreement.correlation >= 0.9999
    with pytest.raises(MixtureError, match="precision bf16 instead of float32"):
        many.extract("many", model=card, weights=weights)


def test_the_run_records_what_computed_it(many: Study, card: str, weights: str) -> None:
    report = many.extract("many", model=card, weights=weights, threads=1, batch=5, device="cpu")
    assert report.arrangement.endswith("of 1 thread, batches of 5")
    (record, *_) = part_records(many)
    assert (record["provider"], record["precision"]) == ("CPUExecutionProvider", "float32")
    assert record["runtime"].startswith("onnxruntime ")
    assert pl.read_parquet(folder(many) / "part-0.parquet", hive_partitioning=False).height == record["rows"]
