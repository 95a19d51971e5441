"""Studies of several laboratories as one: exact, each stimulus once, or refused with the reason."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from support.own_sql import seen
from support.tiny_network import CARD, paint, write_weights
from support.without_parts import take_away_responses
from toolbox import MergeReport, MixtureError, Study, UsageError, merge
from toolbox.exchange.merging.responses import LARGEST_ROUNDING, OF_THE_FILE
from toolbox.files import digest_of
from toolbox.store.columns import ROLLUPS
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import arrow_table, read_table_and_origin, write_table
from toolbox.store.parts import read_layer, write_part
from toolbox.store.plan import read_plan
from toolbox.store.records import read_record
from toolbox.store.rollups import merge_rollups

RESPONSES = """
select sha256, layer, filter, maximum, mean from responses join stimuli using (stimulus_id) order by all"""
LEVELS = (100, 150, 200, 120)

Lab = Callable[..., Study]


@pytest.fixture
def lab(tmp_path: Path, cache: Path) -> Lab:
    """A function that makes a study of a laboratory: red and green images of some levels of grey."""
    weights = str(write_weights(tmp_path / "tiny.npz"))

    def make(name: str, levels: tuple[int, ...], *, set: str = "colours", **options: str) -> Study:
        for level in levels:
            paint(tmp_path / f"images-{name}" / "red" / f"red {level}.png", (level, 20, 0))
            paint(tmp_path / f"images-{name}" / "green" / f"green {level}.png", (10, level, 0))
        study = Study(tmp_path / name, create=True)
        study.ingest(tmp_path / f"images-{name}", set=set)
        study.extract(set, **{"model": str(CARD), "weights": weights, **options})
        return study

    return make


@pytest.fixture
def halves(lab: Lab) -> tuple[Path, Path, Study]:
    """Two halves of a set, extracted apart, and the whole."""
    first, second = lab("first", LEVELS[::2]), lab("second", LEVELS[1::2])
    return first.folder.root, second.folder.root, lab("whole", LEVELS)


def rollups(study: Study) -> pl.DataFrame:
    return study.query(seen("select * from rollups order by all"))


def test_two_halves_merged_equal_the_whole(halves: tuple[Path, Path, Study], tmp_path: Path) -> None:
    first, second, whole = halves
    report = merge([first, second], output=tmp_path / "merged")
    merged = Study(tmp_path / "merged")
    assert (report.stimuli, report.shared, report.models) == (8, 0, {"tiny": 8})
    assert merged.query(seen(RESPONSES)).equals(whole.query(seen(RESPONSES)))
    assert rollups(merged).equals(rollups(whole))
    for query in ("selectivity/index", "layers/profile", "layers/best"):
        assert merged.query(query).equals(whole.query(query)), query
    assert merged.query("layers/best", index="auc").equals(whole.query("layers/best", index="auc"))
    assert merged.verify(thorough=True).problems == ()


def test_the_numbers_do_not_depend_on_the_order_of_the_studies(
    halves: tuple[Path, Path, Study], tmp_path: Path
) -> None:
    first, second, whole = halves
    merge([first, second], output=tmp_path / "one")
    merge([second, first], output=tmp_path / "other")
    listed = "select stimulus_id, sha256 from stimuli order by all"
    one, other = (Study(tmp_path / name).query(seen(listed)) for name in ("one", "other"))
    assert one.equals(other) and one.equals(whole.query(seen(listed)))


def test_a_shared_stimulus_counts_once_and_has_both_origins(lab: Lab, tmp_path: Path) -> None:
    first, second, whole = lab("first", (100, 150)), lab("second", (150, 200)), lab("whole", (100, 150, 200))
    report = merge([first.folder.root, second.folder.root], output=tmp_path / "merged")
    merged = Study(tmp_path / "merged")
    assert (report.stimuli, report.shared, report.same_picture, report.notes) == (6, 2, 0, ())
    assert merged.query(seen(RESPONSES)).equals(whole.query(seen(RESPONSES)))
    origins = merged.query(seen("select origin, count(*) as n from stimuli group by 1 order by 1")).rows()
    assert origins == [("first", 2), ("first + second", 2), ("second", 2)]


def test_a_file_with_other_tags_is_the_same_stimulus(lab: Lab, tmp_path: Path) -> None:
    first = lab("first", (100, 150))
    tags = PngInfo()
    tags.add_text("Comment", "saved again")
    (tmp_path / "images-second" / "red").mkdir(parents=True)
    Image.new("RGB", (4, 4), (100, 20, 0)).save(tmp_path / "images-second" / "red" / "a.png", pnginfo=tags)
    report = merge([first.folder.root, lab("second", (200,)).folder.root], output=tmp_path / "merged")
    assert (report.stimuli, report.shared, report.same_picture) == (6, 1, 1)
    assert "different files of one picture" in report.notes[0]


def test_images_are_found_from_the_merged_study(halves: tuple[Path, Path, Study], tmp_path: Path) -> None:
    merge(halves[:2], output=tmp_path / "merged")
    merged = Study(tmp_path / "merged")
    paths = merged.query(seen("select path from stimuli"))["path"]
    assert all(merged.folder.image(path).is_file() for path in paths)
    assert merged.ingest(tmp_path / "images-first", set="colours").added == 0
    again = merged.extract("colours", model=str(CARD), weights=str(tmp_path / "tiny.npz"))
    assert again.shown == 0


def test_one_picture_of_two_categories_is_refused_with_the_list(lab: Lab, tmp_path: Path) -> None:
    first = lab("first", (100, 150))
    paint(tmp_path / "images-second" / "orange" / "x.png", (100, 20, 0))
    second = lab("second", (200,))
    studies = [first.folder.root, second.folder.root]
    with pytest.raises(
        MixtureError, match=r"category of images-first/red/red 100\.png: red in .*, orange in "
    ):
        merge(studies, output=tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    for conflicts, category in (("first", "red"), ("missing", None)):
        report = merge(studies, output=tmp_path / f"m-{conflicts}", conflicts=conflicts)  # type: ignore[arg-type]
        assert len(report.resolved) == 1
        rows = Study(tmp_path / f"m-{conflicts}").query(
            seen("select category from stimuli left join labels using (stimulus_id) where origin like '%+%'")
        )
        assert rows["category"].to_list() == [category]


def test_a_value_of_two_studies_is_a_conflict_too(lab: Lab, tmp_path: Path) -> None:
    studies = [lab("first", (100,)), lab("second", (100, 150))]
    for value, study in enumerate(studies):
        table = tmp_path / f"{value}.csv"
        table.write_text(f"path,beauty\nimages-{study.folder.root.name}/red/red 100.png,{value}\n")
        study.parameters("colours", source=table)
    roots = [study.folder.root for study in studies]
    with pytest.raises(MixtureError, match="beauty"):
        merge(roots, output=tmp_path / "merged")
    merge(roots, output=tmp_path / "merged", conflicts="first")
    values = Study(tmp_path / "merged").query(seen("select value from observations"))
    assert values["value"].to_list() == [0.0]


def change_responses(study: Study, by: float) -> None:
    """Write the parts of a study again with all maxima of one layer changed by a part of their range."""
    folder = study.folder.extraction("colours", "tiny")
    plan = read_plan(folder)
    assert plan
    for number in range(len(plan.parts)):
        record = read_record(folder, number)
        assert record
        responses = {}
        for layer in plan.identity.recorded_layers:
            stimuli, maximum, mean = read_layer([folder.part(number)], layer)
            responses[layer] = (np.float32(maximum + by * np.ptp(maximum, axis=0)), mean)
        origin = {name: value for name, value in record.items() if name not in OF_THE_FILE}
        write_part(folder, number, stimuli.tolist(), responses, origin)


@pytest.mark.parametrize(
    ("by", "is_refused"), [(0.1 * LARGEST_ROUNDING, False), (10 * LARGEST_ROUNDING, True)]
)
def test_other_responses_to_a_shared_stimulus_are_noted_as_rounding_or_refused(
    lab: Lab, tmp_path: Path, by: float, is_refused: bool
) -> None:
    first, second = lab("first", (100, 150, 200)), lab("second", (100, 150))
    change_responses(second, by)
    roots = [first.folder.root, second.folder.root]
    if is_refused:
        with pytest.raises(MixtureError, match=r"differ by up to 0\.00\d+ of the range .*more than rounding"):
            merge(roots, output=tmp_path / "merged")
        return
    report = merge(roots, output=tmp_path / "merged")
    assert re.search(r"4 of 4 shared stimuli differ by at most .* which is rounding", report.notes[0])
    merged = Study(tmp_path / "merged").query(seen(RESPONSES))
    assert merged.equals(first.query(seen(RESPONSES)))


def test_every_difference_of_the_computation_is_named(lab: Lab, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    text = CARD.read_text(encoding="utf-8").replace('resize = "nearest"', 'resize = "bilinear"')
    other.write_text(text if "bilinear" in text else text.replace("[input]", '[input]\nresize = "bilinear"'))
    first = lab("first", (100,))
    second = lab("second", (150,), model=str(other), layers="colour")
    with pytest.raises(MixtureError) as caught:
        merge([first.folder.root, second.folder.root], output=tmp_path / "merged")
    message = str(caught.value)
    for part in (
        "from layer colour on",
        "resize nearest and bilinear",
        "recorded only in the first: pool, sum",
    ):
        assert part in message
    assert not (tmp_path / "merged").exists()


def test_studies_without_a_common_model_are_refused(lab: Lab, study: Study, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no two studies have responses of one model"):
        merge([lab("first", (100,)).folder.root, study.folder.root], output=tmp_path / "merged")


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_studies_are_refused(count: int, shared_study: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected two or more"):
        merge([shared_study] * count, output=tmp_path / "merged")


def test_a_study_that_is_named_twice_is_refused(shared_study: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is named twice"):
        merge([shared_study, f"{shared_study}/."], output=tmp_path / "merged")


def test_a_directory_that_holds_anything_is_not_overwritten(
    halves: tuple[Path, Path, Study], tmp_path: Path
) -> None:
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "thesis.txt").write_text("three years")
    with pytest.raises(UsageError, match="not an empty directory"):
        merge(halves[:2], output=tmp_path / "merged")
    assert (tmp_path / "merged" / "thesis.txt").read_text() == "three years"


def test_categories_and_schemes_of_one_study_are_noted(lab: Lab, tmp_path: Path) -> None:
    first = lab("first", (100,))
    paint(tmp_path / "images-second" / "Réd" / "x.png", (99, 20, 0))
    second = lab("second", (150,))
    labels = tmp_path / "labels.csv"
    labels.write_text("category,warmth\nred,warm\ngreen,cold\n")
    first.label("colours", scheme="warmth", source=labels)
    report = merge([first.folder.root, second.folder.root], output=tmp_path / "merged")
    assert any("'Réd', 'red', which differ only in case, spaces or accents" in note for note in report.notes)
    assert any("scheme warmth is missing in" in note for note in report.notes)
    assert report.schemes == {"category": 5, "warmth": 2}


def without_responses(root: Path, copy: Path) -> Path:
    """A copy of a study as an import of roll-ups leaves it."""
    shutil.copytree(root, copy)
    take_away_responses(copy, "colours", "tiny")
    return copy


@pytest.mark.parametrize("shared_by", ["both", "one"])
def test_roll_ups_are_merged_exactly(
    halves: tuple[Path, Path, Study], tmp_path: Path, shared_by: str
) -> None:
    first, second, whole = halves
    studies = [without_responses(first, tmp_path / "sums") if shared_by == "both" else first]
    studies += [without_responses(second, tmp_path / "other-sums")]
    report = merge(studies, output=tmp_path / "merged")
    merged = Study(tmp_path / "merged")
    assert report.from_rollups == ("tiny",)
    assert rollups(merged).equals(rollups(whole))
    assert merged.query("layers/profile").equals(whole.query("layers/profile"))
    assert merged.verify(thorough=True).problems == ()
    with pytest.raises(UsageError, match="only roll-ups"):
        merged.query("layers/best", index="auc")


def test_shared_stimuli_are_left_out_of_responses_beside_roll_ups(lab: Lab, tmp_path: Path) -> None:
    first, second, whole = lab("first", (100, 150)), lab("second", (150, 200)), lab("whole", (100, 150, 200))
    sums = without_responses(second.folder.root, tmp_path / "sums")
    report = merge([first.folder.root, sums], output=tmp_path / "merged")
    assert rollups(Study(tmp_path / "merged")).equals(rollups(whole))
    assert any("could not be compared" in note for note in report.notes)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_roll_ups_of_stimuli_whose_responses_others_have_cost_no_responses(
    lab: Lab, tmp_path: Path, order: tuple[int, int]
) -> None:
    """A bundle of roll-ups of the study itself, or of a part of it: only roll-ups were left of it before."""
    whole, part = lab("whole", (100, 150, 200)), lab("part", (150, 200))
    studies = [whole.folder.root, without_responses(part.folder.root, tmp_path / "sums")]
    report = merge([studies[place] for place in order], output=tmp_path / "merged")
    merged = Study(tmp_path / "merged")
    assert report.from_rollups == ()
    assert rollups(merged).equals(rollups(whole))
    assert merged.query("select maximum from responses order by all").height == 6 * 8
    assert any("of stimuli whose responses others shared; these are merged" in note for note in report.notes)
    assert merged.verify(thorough=True).problems == ()


def test_a_merging_of_roll_ups_names_the_responses_that_stay_behind(lab: Lab, tmp_path: Path) -> None:
    first, second = lab("first", (100, 150)), lab("second", (150, 200))
    report = merge(
        [first.folder.root, without_responses(second.folder.root, tmp_path / "sums")],
        output=tmp_path / "merged",
    )
    (note,) = (note for note in report.notes if "so only roll-ups are merged" in note)
    assert f"the responses of {first.folder.root} are not part of the merged study" in note


def test_stimuli_in_two_roll_ups_are_refused_or_leave_a_caution_for_ever(lab: Lab, tmp_path: Path) -> None:
    labs = {"first": (100, 150), "second": (150, 200), "third": (50, 60)}
    roots = [
        without_responses(lab(name, levels).folder.root, tmp_path / f"{name}-sums")
        for name, levels in labs.items()
    ]
    with pytest.raises(MixtureError, match="2 stimuli are in the roll-ups of several studies"):
        merge(roots[:2], output=tmp_path / "merged")
    merge(roots[:2], output=tmp_path / "merged", count_twice=True)
    merge([tmp_path / "merged", roots[2]], output=tmp_path / "again")
    for name in ("merged", "again"):
        answer = Study(tmp_path / name).answer("layers/profile")
        assert any("2 of 6 stimuli count twice" in caution for caution in answer.cautions)
        assert {*answer.cautions} <= {*answer.notes}


def test_a_label_that_a_roll_up_lacks_is_refused(lab: Lab, tmp_path: Path) -> None:
    first = lab("first", (100, 150))
    paint(tmp_path / "images-second" / "orange" / "x.png", (100, 20, 0))
    sums = without_responses(lab("second", (200,)).folder.root, tmp_path / "sums")
    with pytest.raises(MixtureError, match=r"another label under category .* only roll-ups"):
        merge([first.folder.root, sums], output=tmp_path / "merged", conflicts="first")


def test_images_of_bundles_are_copied_each_to_a_place_of_its_own(lab: Lab, tmp_path: Path) -> None:
    bundles = []
    for name, levels in (("first", (100, 150)), ("second", (200,))):
        study = lab(name, levels)
        bundles.append(tmp_path / f"{name}.zip")
        study.share(bundles[-1], including="responses", include_images=True)
    merge(bundles, output=tmp_path / "merged")
    merged = Study(tmp_path / "merged")
    rows = merged.query(seen("select path, sha256 from stimuli")).rows()
    assert len({path for path, _ in rows}) == 6
    assert all(digest_of(merged.folder.image(path)) == sha256 for path, sha256 in rows)
    assert merged.verify(thorough=True).problems == ()


@pytest.mark.parametrize("including", [None, "responses"])
def test_bundles_are_merged_as_studies_are(
    halves: tuple[Path, Path, Study], tmp_path: Path, including: str | None
) -> None:
    first, second, whole = halves
    Study(first).share(tmp_path / "first.zip", including=including)
    report = merge([tmp_path / "first.zip", second], output=tmp_path / "merged")
    assert report.from_rollups == (() if including else ("tiny",))
    assert rollups(Study(tmp_path / "merged")).equals(rollups(whole))


def test_roll_ups_that_count_stimuli_twice_are_not_shared(lab: Lab, tmp_path: Path) -> None:
    roots = [
        without_responses(lab(name, (100, 150)).folder.root, tmp_path / f"{name}-sums")
        for name in ("one", "two")
    ]
    merge(roots, output=tmp_path / "merged", count_twice=True)
    with pytest.raises(UsageError, match="cannot be shared: 4 of 4 stimuli count twice"):
        Study(tmp_path / "merged").share(tmp_path / "merged.zip")


def test_merged_roll_ups_are_shared_and_imported_with_the_same_values(
    halves: tuple[Path, Path, Study], tmp_path: Path
) -> None:
    first, second, whole = halves
    merge([without_responses(first, tmp_path / "sums"), second], output=tmp_path / "merged")
    Study(tmp_path / "merged").share(tmp_path / "merged.zip")
    report = merge([tmp_path / "merged.zip", whole.folder.root], output=tmp_path / "again")
    assert report.shared == 8
    assert rollups(Study(tmp_path / "again")).equals(rollups(whole))


def test_parts_keep_where_they_come_from(halves: tuple[Path, Path, Study], tmp_path: Path) -> None:
    first, second, _ = halves
    merge([first, second], output=tmp_path / "merged")
    folder = StudyFolder(tmp_path / "merged").extraction("colours", "tiny")
    records = [read_record(folder, number) for number in range(2)]
    before = [read_record(StudyFolder(root).extraction("colours", "tiny"), 0) for root in (first, second)]
    for record, old, origin in zip(records, before, ("first", "second"), strict=True):
        assert record and old
        assert record["merged"]["origin"] == origin
        assert record["merged"]["values"] == old["values"]
        assert (record["written"], record["provider"]) == (old["written"], old["provider"])
        assert (tmp_path / "merged" / "runs" / f"{record['run']}.json").is_file()


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


KILLED = """
import os, sys
import toolbox.exchange.merging.run as run
def stop(*_): os._exit(9)
run.update_rollups = stop
from toolbox import merge
merge(sys.argv[1:3], output=sys.argv[3])
"""


def test_a_killed_merging_leaves_nothing_visible_and_the_next_one_clears_up(
    halves: tuple[Path, Path, Study], tmp_path: Path
) -> None:
    first, second, _ = halves
    there = names_in(tmp_path)
    words = [sys.executable, "-c", KILLED, str(first), str(second), str(tmp_path / "merged")]
    assert subprocess.run(words, check=False).returncode == 9
    left = names_in(tmp_path) - there
    assert len(left) == 1
    assert next(iter(left)).startswith(".merged.")
    merge([first, second], output=tmp_path / "merged")
    assert names_in(tmp_path) - there == {"merged"}


def roll_up_of(values: np.ndarray, categories: list[int], chosen: np.ndarray) -> object:  # type: ignore[type-arg]
    """The roll-up of the responses of one filter to some stimuli, computed a second way."""
    rows = []
    for statistic in ("maximum", "mean"):
        for number in sorted({categories[place] for place in chosen}):
            own = values[[place for place in chosen if categories[place] == number]].astype(np.float64)
            squares = ((own - own.mean()) ** 2).sum()
            rows.append(
                ("pool", 0, f"c{number}", statistic, len(own), own.sum(), squares, own.min(), own.max())
            )
    return arrow_table(dict(zip(ROLLUPS, map(list, zip(*rows, strict=True)), strict=True)), ROLLUPS)


def moments(table: object) -> dict[str, tuple[float, ...]]:
    rows = pl.DataFrame(table).filter(statistic="maximum")
    return {row["category"]: tuple(row[name] for name in list(ROLLUPS)[4:]) for row in rows.to_dicts()}


@given(
    st.lists(st.floats(0, 1e4, width=32), min_size=3, max_size=40),
    st.randoms(use_true_random=False),
)
def test_merging_roll_ups_is_commutative_associative_and_equals_the_whole(
    drawn: list[float], random: random.Random
) -> None:
    values = np.array(drawn, dtype=np.float32)
    categories = [random.randrange(3) for _ in drawn]
    places = list(range(len(drawn)))
    random.shuffle(places)
    cuts = sorted(random.sample(range(1, len(drawn)), 2))
    one, two, three = (
        roll_up_of(values, categories, np.array(part))
        for part in (places[: cuts[0]], places[cuts[0] : cuts[1]], places[cuts[1] :])
    )
    whole = moments(roll_up_of(values, categories, np.array(places)))
    for merged in (
        merge_rollups([one, two, three]),
        merge_rollups([three, one, two]),
        merge_rollups([merge_rollups([one, two]), three]),
        merge_rollups([one, merge_rollups([two, three])]),
    ):
        found = moments(merged)
        assert found.keys() == whole.keys()
        for category, (n, total, squares, low, high) in found.items():
            assert (n, low, high) == (whole[category][0], *whole[category][3:])
            assert total == pytest.approx(whole[category][1], rel=1e-12)
            scale = float(np.square(values.astype(np.float64)).sum())
            assert squares == pytest.approx(whole[category][2], rel=1e-12, abs=1e-12 * scale)


def test_a_report_is_a_table_in_a_notebook(halves: tuple[Path, Path, Study], tmp_path: Path) -> None:
    report = merge(halves[:2], output=tmp_path / "merged")
    assert isinstance(report, MergeReport)
    assert "<th>studies</th>" in report._repr_html_()


def test_the_study_whose_pictures_have_no_identity_is_named(
    halves: tuple[Path, Path, Study], tmp_path: Path
) -> None:
    file = StudyFolder(halves[0]).stimuli("colours")
    rows, origin = read_table_and_origin(file)
    write_table(file, rows.drop_columns(["pixels_sha256"]), origin)
    notes = merge(halves[:2], output=tmp_path / "merged").notes
    (note,) = (note for note in notes if "without the identity" in note)
    assert note.startswith("stimuli of first ")
