"""Extraction on the three-layer network: values by hand, resuming, and everything that must never mix."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from support.commands import run
from support.forks import forks_of
from support.moments import at_every
from support.own_sql import seen
from support.tiny_network import paint, write_weights
from toolbox import ResultWarning, Study
from toolbox.errors import BusyError, MixtureError, StimulusError, UnknownNameError, UsageError, WeightsError
from toolbox.store.parts import RESPONSES, clear

RED_IDS = (3, 4, 5)  # ids follow the order of category and name: green first


def responses(study: Study) -> pl.DataFrame:
    return study.query(seen("select * from responses order by layer, filter, stimulus_id"))


def values(study: Study) -> list[str]:
    """Digests of the sorted values of all parts, in their order."""
    folder = study.folder.plans("colours", "tiny")
    records = [json.loads(path.read_text()) for path in folder.glob("part-*.json")]
    return [record["values"] for record in sorted(records, key=lambda record: record["part"])]


def test_responses_are_those_worked_out_by_hand(study: Study, card: str, weights: str) -> None:
    report = study.extract("colours", model=card, weights=weights)
    assert (report.stimuli, report.shown, report.filters) == (6, 6, 8)
    rows = responses(study)
    assert rows.columns == RESPONSES.names
    assert rows.height == 6 * 8
    colours = {
        0: (10, 100, 0),
        1: (10, 150, 0),
        2: (10, 200, 0),
        3: (100, 20, 0),
        4: (150, 20, 0),
        5: (200, 20, 0),
    }
    for row in rows.iter_rows(named=True):
        r, g, _ = colours[row["stimulus_id"]]
        expected = (
            (4 * r, 0)[row["filter"]] if row["layer"] == "sum" else (r, g, max(r - g - 10, 0))[row["filter"]]
        )
        assert (row["maximum"], row["mean"]) == (expected, expected), row


def test_maximum_and_mean_differ_where_the_map_does(
    tmp_path: Path, cache: Path, card: str, weights: str
) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[0, :2] = (200, 0, 0)  # two of sixteen positions
    (tmp_path / "images" / "spot").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "images" / "spot" / "a.png")
    study = Study(tmp_path / "study", create=True)
    study.ingest(tmp_path / "images", set="spots")
    study.extract("spots", model=card, weights=weights)
    rows = study.query(
        seen("select layer, maximum, mean from responses where filter = 0 order by layer")
    ).rows()
    # the pooled map has one of four positions at 200; the dense layer adds those four up
    assert rows == [("colour", 200, 25), ("pool", 200, 50), ("sum", 200, 200)]


def test_a_network_whose_name_differs_from_another_only_in_case_is_refused(
    study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    study.extract("colours", model=card, weights=weights)
    other = tmp_path / "other.toml"
    other.write_text(Path(card).read_text(encoding="utf-8").replace('"tiny"', '"Tiny"', 1), encoding="utf-8")
    for name in ("colours", "again"):
        if name == "again":
            study.ingest(tmp_path / "photographs", set="again")
        with pytest.raises(UsageError, match="the name 'Tiny' differs from the model 'tiny' only in case"):
            study.extract(name, model=str(other), weights=weights)
    assert study.models("colours") == ["tiny"]
    assert study.models("again") == []


def test_a_second_run_does_nothing(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights)
    files = {path: path.stat().st_mtime_ns for path in study.folder.root.rglob("*") if path.is_file()}
    report = study.extract("colours", model=card, weights=weights)
    assert (report.shown, report.stimuli) == (0, 6)
    assert {path: path.stat().st_mtime_ns for path in study.folder.root.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("batch", [1, 2, 4, 100])
def test_the_batch_changes_nothing(study: Study, card: str, weights: str, batch: int) -> None:
    study.extract("colours", model=card, weights=weights, batch=3)
    expected = values(study)
    clear(study.folder.extraction("colours", "tiny"))
    assert study.extract("colours", model=card, weights=weights, batch=batch).shown == 6
    assert values(study) == expected


def test_new_stimuli_make_new_parts_and_leave_the_old_ones(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights)
    part = study.folder.responses("colours", "tiny") / "part-0.parquet"
    before = (part.stat().st_mtime_ns, part.read_bytes())
    paint(photographs / "blue" / "new.png", (0, 0, 255))
    study.ingest(photographs, set="colours")
    report = study.extract("colours", model=card, weights=weights)
    assert (report.shown, report.stimuli) == (1, 7)
    assert (part.stat().st_mtime_ns, part.read_bytes()) == before
    assert responses(study)["stimulus_id"].n_unique() == 7


def rolled(study: Study, scheme: str = "category") -> tuple[int, list[str]]:
    """How many stimuli a roll-up on disk is of, and of which categories."""
    rows = pl.read_parquet(study.folder.rollup("colours", "tiny", scheme), hive_partitioning=False)
    of_one = rows.filter(layer="colour", filter=0, statistic="mean")
    return of_one["n"].sum(), of_one["category"].to_list()


def test_the_rollups_of_all_labellings_are_up_to_date_after_an_extraction(
    study: Study, photographs: Path, card: str, weights: str, tmp_path: Path
) -> None:
    (tmp_path / "warmth.csv").write_text("category,warmth\nred,warm\n")
    study.label("colours", scheme="warmth", source=tmp_path / "warmth.csv")
    study.extract("colours", model=card, weights=weights)
    assert (rolled(study), rolled(study, "warmth")) == ((6, ["green", "red"]), (3, ["warm"]))
    paint(photographs / "blue" / "new.png", (0, 0, 255))
    study.ingest(photographs, set="colours")
    study.extract("colours", model=card, weights=weights)
    assert (rolled(study), rolled(study, "warmth")) == ((7, ["blue", "green", "red"]), (3, ["warm"]))


def test_killed_before_the_rollup_a_query_or_the_next_run_makes_it(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr("toolbox.collect.extraction.run.update_rollups", stop)
        study.extract("colours", model=card, weights=weights)
    rollup = study.folder.rollup("colours", "tiny", "category")
    assert not rollup.exists()
    assert study.query(seen("from rollups")).height == 8 * 2 * 2
    assert rolled(study) == (6, ["green", "red"])
    rollup.unlink()
    assert study.extract("colours", model=card, weights=weights).shown == 0
    assert rolled(study) == (6, ["green", "red"])


def test_an_extraction_does_not_fail_for_a_rollup(study: Study, card: str, weights: str) -> None:
    labels = study.folder.labels("colours")
    labels.write_bytes(labels.read_bytes()[:-1])
    assert study.extract("colours", model=card, weights=weights).shown == 6
    assert not study.folder.rollup("colours", "tiny", "category").exists()


def test_a_limit_takes_evenly_from_the_categories_and_can_be_lifted(
    study: Study, card: str, weights: str
) -> None:
    assert study.extract("colours", model=card, weights=weights, limit=4).stimuli == 4
    with pytest.warns(
        ResultWarning, match=r"4 of 6 stimuli \(0 could not be read, 2 were not presented yet\)"
    ):
        counts = study.query(
            "select category, count(distinct stimulus_id) as n "
            "from responses join labels using (stimulus_id) group by category order by category"
        )
    assert counts.rows() == [("green", 2), ("red", 2)]
    assert study.extract("colours", model=card, weights=weights).stimuli == 6


@pytest.mark.parametrize(
    ("mistake", "fault"),
    [({"layers": ["nosuch"]}, UnknownNameError), ({"weights": "nosuch.npz"}, UsageError)],
)
def test_an_extraction_that_never_began_leaves_no_folder(
    study: Study, card: str, weights: str, mistake: dict[str, Any], fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        study.extract("colours", **{"model": card, "weights": weights, **mistake})
    assert not (study.folder.root / "responses").exists()
    assert not (study.folder.root / "plans" / "set=colours" / "model=tiny").exists()
    study.extract("colours", model=card, weights=weights)
    there = {path.name for path in study.folder.responses("colours", "tiny").iterdir()}
    with pytest.raises(fault):
        study.extract("colours", **{"model": card, "weights": weights, "replace": True, **mistake})
    assert {path.name for path in study.folder.responses("colours", "tiny").iterdir()} == there


def test_some_layers_alone(study: Study, card: str, weights: str) -> None:
    report = study.extract("colours", model=card, weights=weights, layers=["p*", "sum"])
    assert report.layers == ("pool", "sum")
    assert set(responses(study)["layer"]) == {"pool", "sum"}


def test_other_weights_are_never_mixed_in(study: Study, tmp_path: Path, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights)
    before = values(study)
    other = write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    with pytest.raises(
        MixtureError, match=r"other weights or another preprocessing \(.*\); use the same settings"
    ):
        study.extract("colours", model=card, weights=str(other))
    assert values(study) == before
    study.extract("colours", model=card, weights=str(other), replace=True)
    assert values(study) != before


def test_other_weights_are_not_mixed_in_through_a_second_set(
    study: Study, photographs: Path, tmp_path: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights)
    study.ingest(photographs, set="again")
    other = write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    with pytest.raises(MixtureError, match="give the card another name"):
        study.extract("again", model=card, weights=str(other), replace=True)
    assert study.models("again") == []
    study.extract("again", model=card, weights=weights, layers=["pool"])


def test_other_preprocessing_is_never_mixed_in(study: Study, tmp_path: Path, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights)
    changed = tmp_path / "changed.toml"
    changed.write_text(Path(card).read_text().replace('channels = "RGB"', 'channels = "BGR"'))
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        study.extract("colours", model=str(changed), weights=weights)


def test_without_a_choice_a_later_run_keeps_to_the_layers_of_the_first(
    study: Study, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights, layers=["pool"], limit=2)
    report = study.extract("colours", model=card, weights=weights)
    assert (report.layers, report.stimuli) == (("pool",), 6)
    assert report.notes == (
        "the layers are those of the first run, without colour, sum; to record these too, extract again with "
        "layers='*' (--layers '*')",
    )


def test_a_second_process_is_refused(study: Study, card: str, weights: str) -> None:
    folder = study.folder.plans("colours", "tiny")
    holder = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys, time\nfrom pathlib import Path\nfrom toolbox.files import only_writer\n"
            "with only_writer(Path(sys.argv[1]), 'a test'):\n    print('held', flush=True)\n    time.sleep(60)",
            str(folder),
        ],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match="another process is extracting colours with tiny"):
            study.extract("colours", model=card, weights=weights)
        holder.kill()
    assert study.extract("colours", model=card, weights=weights).stimuli == 6


def test_a_missing_image_is_reported_and_presented_once_it_is_back(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    image = photographs / "red" / "red 1.png"
    content = image.read_bytes()
    image.unlink()
    report = study.extract("colours", model=card, weights=weights)
    assert [(entry.stimulus_id, entry.reason) for entry in report.unreadable] == [
        (4, "No such file or directory")
    ]
    assert report.stimuli == 5
    assert study.extract("colours", model=card, weights=weights).shown == 0
    image.write_bytes(content)
    report = study.extract("colours", model=card, weights=weights)
    assert (report.stimuli, report.unreadable) == (6, ())


def test_an_image_that_changed_is_not_presented(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    paint(photographs / "red" / "red 1.png", (1, 2, 3))
    report = study.extract("colours", model=card, weights=weights)
    assert [entry.reason for entry in report.unreadable] == ["changed since it was ingested"]
    assert (report.shown, report.stimuli) == (5, 5)
    with pytest.warns(ResultWarning, match="1 could not be read"):
        assert 4 not in set(responses(study)["stimulus_id"])


def test_images_that_all_vanished_stop_the_run(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    photographs.rename(photographs.with_name("moved"))
    with pytest.raises(StimulusError, match=r"none of the 6 images can be read \(no such file"):
        study.extract("colours", model=card, weights=weights)
    photographs.with_name("moved").rename(photographs)
    assert study.extract("colours", model=card, weights=weights).stimuli == 6


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"batch": 0}, UsageError, "batch is 0; expected a whole number, 1 or more"),
        ({"limit": -1}, UsageError, "limit is -1; expected a whole number, 1 or more"),
        ({"threads": -3}, UsageError, "threads is -3; expected a whole number, 1 or more"),
        ({"layers": ["pol"]}, UnknownNameError, "no layer named 'pol'; did you mean 'pool'?"),
        ({"device": "gpu"}, UsageError, "unknown device 'gpu'; expected auto, cpu, cuda"),
        ({"weights": "no.npz"}, UsageError, "'no.npz' is not a source of weights"),
        (
            {"weights": "auto"},
            WeightsError,
            "no weights of tiny are available for sum: its card lists no source",
        ),
    ],
)
def test_a_wrong_choice_is_reported_in_one_line(
    study: Study, card: str, weights: str, choices: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        study.extract("colours", **{"model": card, "weights": weights, **choices})  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_is_reported_even_where_nothing_is_to_be_done(
    study: Study, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights)
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        study.extract("colours", model=card, weights=weights, device="gpu")


def test_another_decoding_is_named_among_what_may_differ(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights)
    with pytest.raises(MixtureError, match=r"\(card, weights, decoding, resize, fit\)"):
        study.extract("colours", model=card, weights=weights, decoding="scaled")


def test_nothing_is_discarded_before_all_checks_pass(
    study: Study, tmp_path: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights)
    before = values(study)
    other = write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        study.extract("colours", model=card, weights=str(other), device="gpu", replace=True)
    assert values(study) == before
    assert study.extract("colours", model=card, weights=weights, replace=True).shown == 0  # the same: kept


def test_responses_to_other_images_are_not_taken_for_those_to_these(
    study: Study, tmp_path: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights)
    shutil.rmtree(study.folder.stimuli("colours").parent)
    shutil.rmtree(study.folder.labels("colours").parent.parent)
    for number in range(6):
        paint(tmp_path / "others" / "grey" / f"{number}.png", (number, number, number))
    study.ingest(tmp_path / "others", set="colours")
    with pytest.raises(MixtureError, match="responses to other images than the current images"):
        responses(study)
    with pytest.raises(MixtureError, match="responses to other images"):
        study.extract("colours", model=card, weights=weights)
    assert study.extract("colours", model=card, weights=weights, replace=True).shown == 6
    assert responses(study)["maximum"].max() == 20  # four times the brightest grey


def test_a_card_that_changed_rewrites_its_layers_unless_another_set_relies_on_them(
    study: Study, photographs: Path, tmp_path: Path, card: str, weights: str
) -> None:
    lower = tmp_path / "lower.toml"
    lower.write_text(Path(card).read_text().split("sum =")[0])
    study.extract("colours", model=str(lower), weights=weights)
    study.extract("colours", model=card, weights=weights, replace=True)
    assert study.query(seen("select layer from layers order by position"))["layer"].to_list() == [
        "colour",
        "pool",
        "sum",
    ]
    study.ingest(photographs, set="again")
    for doing in (study.estimate, study.extract):
        with pytest.raises(
            MixtureError, match="now lists different layers than when colours was presented to the"
        ):
            doing("again", model=str(lower), weights=weights)


def test_a_refused_card_leaves_the_layers_as_they_were(
    study: Study, tmp_path: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights)
    before = study.folder.layers("tiny").read_bytes()
    changed = tmp_path / "changed.toml"
    changed.write_text(Path(card).read_text().replace("kernel = 2, stride = 2", "kernel = 4, stride = 4"))
    lower = write_weights(tmp_path / "lower.npz", sum_kernel=np.ones((3, 2), np.float32))
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        study.extract("colours", model=str(changed), weights=str(lower))
    assert study.folder.layers("tiny").read_bytes() == before


def test_two_networks_are_not_mixed_through_layers_that_differ(
    study: Study, photographs: Path, tmp_path: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights, layers=["colour"])
    study.ingest(photographs, set="again")
    other = write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    with pytest.raises(MixtureError, match="give the card another name"):
        study.extract("again", model=card, weights=str(other), layers=["pool"])


def test_a_part_without_a_readable_image_does_not_stop_the_others(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    for path in (photographs / "green").iterdir():
        path.unlink()  # parts of three: the first is all green
    report = study.extract("colours", model=card, weights=weights, part=3)
    assert (report.stimuli, len(report.unreadable)) == (3, 3)
    paint(photographs / "green" / "green 0.png", (10, 100, 0))
    report = study.extract("colours", model=card, weights=weights)
    assert (report.stimuli, report.shown, len(report.unreadable)) == (4, 1, 2)


def test_a_rebuilt_part_never_loses_a_stimulus(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    first, second = photographs / "red" / "red 0.png", photographs / "red" / "red 1.png"
    content = first.read_bytes()
    first.unlink()
    study.extract("colours", model=card, weights=weights)
    first.write_bytes(content)
    second.unlink()
    assert study.extract("colours", model=card, weights=weights).stimuli == 5
    with pytest.warns(ResultWarning):
        assert 4 in set(responses(study)["stimulus_id"])


def test_values_that_are_no_numbers_are_refused(study: Study, tmp_path: Path, card: str) -> None:
    broken = write_weights(tmp_path / "broken.npz", colour_bias=np.array([np.nan, 0, 0], np.float32))
    with pytest.raises(WeightsError, match=r"colour.maximum is NaN or infinite"):
        study.extract("colours", model=card, weights=str(broken))


KILLED_AT_A_CHANGE_OF_THE_TREE = """
import signal
from pathlib import Path
from toolbox import ResultWarning, Study

def run(root, card, weights, left):
    def counted(change):
        def changed(self, *arguments, **options):
            nonlocal left
            if Path(self).is_relative_to(root):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return change(self, *arguments, **options)
        return changed
    Path.replace, Path.unlink = counted(Path.replace), counted(Path.unlink)
    Study(root).extract("colours", model=card, weights=weights, part=3)
"""


@at_every(4)
def test_killed_at_every_change_of_the_tree_it_ends_with_the_same_rows(
    step: int, study: Study, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights, part=3)
    expected, changes, kills = values(study), 0, 0
    with forks_of(KILLED_AT_A_CHANGE_OF_THE_TREE) as forks:
        while True:
            clear(study.folder.extraction("colours", "tiny"))
            forks.start(study.folder.root, card, weights, changes)
            code = forks.exit_code()
            study.extract("colours", model=card, weights=weights, part=3)
            assert values(study) == expected
            if code == 0:
                break
            assert code == -signal.SIGKILL
            kills += 1
            changes += step
    assert kills >= 10 // step  # plan, two parts, two records, the run: each a rename and a clearing up


def test_an_unknown_set_is_reported(study: Study, card: str, weights: str) -> None:
    with pytest.raises(UnknownNameError, match="no stimulus set named 'colour'; did you mean 'colours'"):
        study.extract("colour", model=card, weights=weights)


AS_A_COMMAND = """
from toolbox.__main__ import main

def run(*arguments):
    sys.argv = ["toolbox", *arguments]
    main()
"""


@pytest.mark.long
def test_killed_at_ten_moments_it_ends_with_the_rows_of_an_unbroken_run(
    tmp_path: Path, cache: Path, card: str, weights: str
) -> None:
    for number in range(120):
        paint(
            tmp_path / "many" / f"category {number % 3}" / f"{number}.png", (number, 255 - number, 7), side=40
        )
    studies = {name: Study(tmp_path / name, create=True) for name in ("unbroken", "killed")}
    for study in studies.values():
        study.ingest(tmp_path / "many", set="colours")
    choices = ["--model", card, "--weights", weights, "--batch", "1", "--part", "2"]
    command = ["extract", "colours", *choices, "--study"]
    run(*command, str(tmp_path / "unbroken"))
    folder = studies["killed"].folder.plans("colours", "tiny")
    moments = random.Random(20261123)
    with forks_of(AS_A_COMMAND) as forks:
        for _ in range(10):
            target = len(list(folder.glob("part-*.json"))) + moments.randrange(0, 3)
            process = forks.start(*command, tmp_path / "killed")
            latest = time.monotonic() + 60
            while len(list(folder.glob("part-*.json"))) < target and time.monotonic() < latest:
                time.sleep(0.0005)
            time.sleep(moments.uniform(0, 0.004))
            os.kill(process, signal.SIGKILL)
            assert forks.exit_code() == -signal.SIGKILL, "it ended before it could be killed"
    assert len(list(folder.glob("part-*.json"))) < 60
    run(*command, str(tmp_path / "killed"))
    assert values(studies["killed"]) == values(studies["unbroken"])
    assert responses(studies["killed"]).equals(responses(studies["unbroken"]))
    assert not list(folder.glob("*.partial")) + list(folder.glob(".*.partial"))
