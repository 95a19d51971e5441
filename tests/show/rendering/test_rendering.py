"""Pictures that drive the filters of the three-layer network: what is made, kept, compared, and refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.commands import run
from support.own_sql import seen
from support.tiny_network import CARD, write_weights
from toolbox import (
    MixtureError,
    RenderingReport,
    Selection,
    Study,
    UnknownNameError,
    UsageError,
    VerificationError,
)
from toolbox.stimuli.images import decode
from toolbox.store.folder import StudyFolder
from toolbox.store.rendered import records_of

Render = Callable[..., RenderingReport]


@pytest.fixture
def rendered(extracted_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of its own with responses of the three-layer network."""
    monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "cache"))
    for name in ("study", "photographs"):
        shutil.copytree(extracted_folder / name, tmp_path / name)
    file = tmp_path / "study" / "study.toml"
    old, new = str(extracted_folder.resolve()), str(tmp_path.resolve())
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return Study(tmp_path / "study")


@pytest.fixture
def render(rendered: Study, weights: str) -> Render:
    """`render` with the card and the weights of the study."""

    def call(**options: object) -> RenderingReport:
        given = {"model": str(CARD), "weights": weights, "seeds": 1, **options}
        return rendered.render(**given)  # type: ignore[arg-type]

    return call


def test_a_picture_exceeds_the_best_stimulus_by_the_ordinary_path(
    rendered: Study, render: Render, weights: str
) -> None:
    """A filter that responds to red without green has 170 for the best photograph, and at most 245."""
    report = render(layer="colour", filter=2, as_set="preferred")
    (picture,) = report.pictures
    assert picture.best[0].response == 170
    assert picture.multiple is not None
    assert 1.2 < picture.multiple <= 245 / 170
    assert picture.caution == ""
    rendered.extract("preferred", model=str(CARD), weights=weights)
    chosen = Selection("preferred")
    answer = rendered.answer("filters/stimuli", {"layer": "colour", "filter": 2}, chosen)
    assert answer.rows["response"].to_list() == [picture.response]


def test_seeds_are_pictures_of_their_own_and_equal_ones_are_equal(render: Render, rendered: Study) -> None:
    """Also when they are made alone, although several share a batch."""
    together = render(layer="pool", filter=[0, 2], seeds=3, steps=5)
    files = [rendered.folder.root / picture.file for picture in together.pictures]
    before = [file.read_bytes() for file in files]
    assert len(set(before[:3])) == 3
    render(layer="pool", filter=2, seed=1, steps=5, replace=True)
    assert files[4].name == "2-1.png"
    assert files[4].read_bytes() == before[4]


def test_finished_pictures_are_not_made_again(render: Render, rendered: Study) -> None:
    """Unless it is asked for, or the recipe is another one."""
    assert render(layer="colour", filter=2, seeds=2).rendered == 2
    report = render(layer="colour", filter=[2, 0], seeds=2)
    assert [picture.is_new for picture in report.pictures] == [False, False, True, True]
    assert render(layer="colour", filter=2, seeds=2, replace=True).rendered == 2
    assert render(layer="colour", filter=2, seeds=2, steps=30).rendered == 2
    (record, *_) = records_of(rendered.folder, "tiny", "colour")
    assert record.steps <= 200


def test_what_was_finished_before_a_stop_is_kept(render: Render) -> None:
    """Each batch is written before the next one begins."""

    class StopError(Exception):
        pass

    def stop(task: str, done: int, total: int) -> None:
        if task == "rendering" and done > total * 0.8:
            raise StopError

    with pytest.raises(StopError):
        render(category=["red", "green"], top=4, progress=stop)
    report = render(category=["red", "green"], top=4)
    assert 0 < report.rendered < len(report.pictures)


def test_progress_ends_at_its_total(render: Render) -> None:
    """Also when pictures end before their last step."""
    seen: list[tuple[int, int]] = []
    render(
        layer="colour",
        filter=[0, 1],
        progress=lambda task, *at: seen.append(at) if task == "rendering" else None,
    )
    assert seen[-1][0] == seen[-1][1] == 400
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_other_weights_are_refused(render: Render, rendered: Study, tmp_path: Path) -> None:
    """Pictures of two networks are never mixed."""
    other = write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    with pytest.raises(MixtureError, match="other weights"):
        render(layer="colour", filter=2, weights=str(other))
    render(layer="colour", filter=2)
    rendered.extract("colours", model=str(CARD), weights=str(other), replace=True)
    report = render(layer="colour", filter=2, weights=str(other))
    assert report.rendered == 1, "the picture of the earlier weights does not count"


def test_a_damaged_picture_is_reported(render: Render, rendered: Study) -> None:
    """By the command that would show it, and by `verify`, with what to do."""
    report = render(layer="colour", filter=2)
    file = rendered.folder.root / report.pictures[0].file
    content = file.read_bytes()
    file.write_bytes(content[:-20] + b"x" + content[-19:])
    with pytest.raises(VerificationError, match=r"2-0.png is damaged: .* toolbox render .*--filter 2"):
        render(layer="colour", filter=2)
    assert [each.file for each in rendered.verify().problems] == ["rendered/model=tiny/layer=colour/2-0.png"]
    assert render(layer="colour", filter=2, replace=True).rendered == 1
    assert rendered.verify().is_intact


@pytest.mark.parametrize("suffix", [".png", ".json"])
def test_no_flipped_bit_of_a_picture_is_shown_as_if_it_were_whole(
    render: Render, rendered: Study, suffix: str
) -> None:
    """Wherever it is: the picture is read as it was, or refused in one line."""
    report = render(layer="colour", filter=2)
    file = (rendered.folder.root / report.pictures[0].file).with_suffix(suffix)
    whole, before = file.read_bytes(), records_of(rendered.folder, "tiny", "colour")
    outcomes = {"right": 0, "refused": 0}
    for place in np.random.default_rng(0).choice(len(whole), 40, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        file.write_bytes(damaged)
        try:
            assert records_of(rendered.folder, "tiny", "colour") == before
            outcomes["right"] += 1
        except VerificationError as error:
            assert str(error).count("\n") == 0
            outcomes["refused"] += 1
    assert outcomes["refused"] >= 30, outcomes
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VerificationError):
        render(layer="colour", filter=2)


def test_verify_finds_a_picture_without_a_record_and_a_record_without_a_picture(
    render: Render, rendered: Study
) -> None:
    """Neither of them counts."""
    report = render(layer="colour", filter=2, seeds=2)
    first, second = (rendered.folder.root / picture.file for picture in report.pictures)
    first.with_suffix(".json").unlink()
    second.unlink()
    problems = [str(each) for each in rendered.verify().problems]
    assert "2-0.png has no record" in problems[0]
    assert "2-1.png is missing" in problems[1]


def test_pictures_are_removed_with_their_model(render: Render, rendered: Study) -> None:
    """They would be those of a network that the study no longer has."""
    render(layer="colour", filter=2)
    assert rendered.remove("model", "tiny", dry_run=True).files
    rendered.remove("model", "tiny")
    assert not list(rendered.folder.root.glob("rendered/**/*.*"))


def test_a_picture_that_does_not_exceed_the_best_stimulus_is_shown_with_that_sentence(render: Render) -> None:
    """In the report and on the sheet."""
    report = render(layer="colour", filter=2, steps=1)
    (picture,) = report.pictures
    assert picture.multiple is not None
    assert picture.multiple < 1
    assert "does not exceed the best stimulus" in picture.caution
    assert picture.caution in report.notes
    assert report.figure is not None
    assert "does not exceed" in json.dumps(report.figure.chart.to_dict())


def test_a_sheet_names_the_best_stimuli_and_what_is_shown_of_them(render: Render) -> None:
    report = render(layer="colour", filter=0, seeds=1)
    assert report.figure is not None
    sheet = report.figure.chart.to_dict()
    assert "Of each stimulus, the piece that the position of its maximum sees." in sheet["title"]["subtitle"]
    texts = [row["text"] for rows in sheet["datasets"].values() for row in rows if "text" in row]
    assert len([text for text in texts if text.endswith(".png")]) == 3


def test_a_filter_that_no_stimulus_drives_is_not_compared(render: Render) -> None:
    """Its best response is 0, of which there is no multiple."""
    report = render(layer="sum", filter=1)
    assert report.pictures[0].multiple is None
    assert "no stimulus drives the filter" in " ".join(report.notes) or "does not drive" in " ".join(
        report.notes
    )


def test_a_dense_unit_has_the_whole_image_as_its_canvas(render: Render, rendered: Study) -> None:
    """All of the image drives the sum of its reds: 4 x 255 at most."""
    (picture,) = render(layer="sum", filter=0).pictures
    assert picture.record.place == (0, 0, 4, 4)
    assert picture.best[0].response == 800
    assert 800 < picture.response <= 1020
    assert decode((rendered.folder.root / picture.file).read_bytes()).pixels.shape == (4, 4, 3)


def test_one_unit_or_the_mean_of_the_map_is_driven(render: Render) -> None:
    """One unit sees one pixel of the image, the mean all of them."""
    (unit,) = render(layer="colour", filter=0).pictures
    (mean,) = render(layer="colour", filter=0, statistic="mean").pictures
    assert unit.record.place == (1, 1, 2, 2)
    assert mean.record.place == (0, 0, 4, 4)
    assert mean.record.subject.name == "0-mean-0"
    assert mean.multiple is not None
    assert mean.multiple > 1


def test_the_mean_of_the_map_is_compared_with_stored_means(
    rendered: Study, render: Render, weights: str
) -> None:
    """By the ordinary path, too: an extraction finds the same mean, which is below the maximum."""
    report = render(layer="colour", filter=[0, 1], statistic="mean", steps=3, as_set="preferred")
    rendered.extract("preferred", model=str(CARD), weights=weights)
    for number, picture in enumerate(report.pictures):
        asked = {"layer": "colour", "filter": number, "statistic": "mean", "count": 2}
        rows = rendered.answer("filters/stimuli", asked, Selection("preferred")).rows
        assert picture.response in rows["response"].to_list()
        maximum = rendered.answer(
            "filters/stimuli", {**asked, "statistic": "maximum"}, Selection("preferred")
        ).rows
        assert picture.response < maximum["response"].max()


def test_several_filters_are_driven_together(render: Render) -> None:
    """Red and green at once make yellow, which drives both."""
    (picture,) = render(layer="colour", filter=[0, 1], together=True).pictures
    assert picture.label == "colour/0+1"
    assert len(picture.record.responses) == 2
    assert min(picture.record.responses) > 200


def test_a_stimulus_is_exaggerated(render: Render, rendered: Study) -> None:
    """It stays recognisable, and drives the filter more."""
    (row,) = rendered.query("filters/stimuli", layer="sum", filter=0, count=1).rows(named=True)
    report = render(layer="sum", filter=0, stimulus=row["path"], seeds=1)
    (picture,) = report.pictures
    assert picture.record.origin["stimulus_id"] == row["stimulus_id"]
    assert picture.multiple is not None
    assert picture.multiple > 1
    assert "the stimulus before" in json.dumps(report.figure.chart.to_dict() if report.figure else {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected either a layer and its filters"),
        ({"layer": "colour"}, "expected either a layer and its filters"),
        ({"layer": "colour", "filter": 2, "category": "red"}, "expected either a layer and its filters"),
        ({"layer": "colour", "filter": 3}, "no filter 3 in colour; expected 0 to 2"),
        ({"layer": "colour", "filter": "2"}, "expected numbers of filters"),
        ({"layer": "colour", "filter": 2, "seeds": 0}, "seeds is 0; expected a whole number, 1 or more"),
        ({"layer": "colour", "filter": 2, "seed": -1}, "seed is -1"),
        ({"layer": "colour", "filter": 2, "seed": 2**32}, "seed is 4294967296; expected at most"),
        ({"layer": "colour", "filter": 2, "steps": 0}, "steps is 0"),
        ({"layer": "colour", "filter": 2, "steps": True}, "steps is True"),
        ({"layer": "colour", "filter": 2, "statistic": "median"}, "statistic is 'median'"),
        ({"layer": "colour", "filter": 2, "index": "contrasts"}, "index is 'contrasts'; expected one of"),
        ({"layer": "colour", "filter": 2, "width": "wide"}, "'wide' is no width"),
        ({"layer": "colour", "filter": [0, 1], "stimulus": 0}, "expected one filter"),
        ({"layer": "colour", "filter": 2, "as_set": "a/b"}, "'a/b' is not a valid name"),
        ({"layer": "colour", "filter": 2, "output": "sheet.gif"}, "cannot draw a figure as '.gif'"),
        ({"layer": "colour", "filter": 2, "output": "."}, "is a directory"),
        ({"layer": "colour", "filter": 2, "output": "sheet.svg", "dpi": 300}, "has no dots per inch"),
    ],
)
def test_what_cannot_be_rendered_is_refused_before_anything_is_made(
    render: Render, rendered: Study, options: dict[str, object], message: str
) -> None:
    """With one line, and nothing kept."""
    with pytest.raises(UsageError, match=message):
        render(**options)
    assert not list(rendered.folder.root.glob("rendered/**/*.*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "color", "filter": 2}, "did you mean 'colour'"),
        ({"category": "blue"}, "blue"),
        ({"layer": "colour", "filter": 2, "stimulus": "red/none.png"}, "stimulus"),
        ({"layer": "colour", "filter": 2, "set": "colour"}, "did you mean 'colours'"),
    ],
)
def test_an_unknown_name_is_refused(render: Render, options: dict[str, object], message: str) -> None:
    """With the names that there are."""
    with pytest.raises(UnknownNameError, match=message):
        render(**options)


def test_pictures_become_stimuli_of_the_category_they_were_made_for(render: Render, rendered: Study) -> None:
    """Or of their layer; made again, the set keeps what it has."""
    render(category="red", top=1, as_set="preferred")
    render(layer="colour", filter=2, seeds=2, as_set="preferred")
    sql = "select category, preferred_by, seed, multiple from stimuli left join labels using (stimulus_id)"
    rows = rendered.query(seen(sql), set="preferred")
    assert set(rows["category"]) == {"red", "colour"}
    assert StudyFolder(rendered.folder.root).images("preferred").is_dir()
    before = rows.height
    render(layer="colour", filter=2, seeds=2, as_set="preferred")
    assert rendered.query(seen("select count(*) as n from stimuli"), set="preferred")["n"][0] == before


def test_the_command_prints_the_pictures_and_what_follows(
    rendered: Study, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table on stdout; the notes, the sheet and the next command, which works as it is printed, on stderr."""
    monkeypatch.chdir(tmp_path)
    given = ("--model", str(CARD), "--weights", weights, "--study", str(rendered.folder.root))
    done = run(
        "render", "--layer", "colour", "--filter", "0", "2", "--seeds", "1", "--as-set", "preferred", *given
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["filter", "colour/0", "colour/2"]
    assert (tmp_path / "render-colour-0-2.html").stat().st_size > 100_000
    assert "rendered 2 pictures in" in done.stderr
    following = done.stderr.partition("next: toolbox ")[2].split()
    assert following == ["extract", "preferred", *given]
    assert "2 stimuli presented" in run(*following).stderr
    again = run(
        "render", "--layer", "colour", "--filter", "2", "--seeds", "1", "-o", "sheet.png", "-q", *given
    )
    assert again.stderr == ""
    assert (tmp_path / "sheet.png").is_file()
    refused = run("render", "--layer", "colour", *given, code=2)
    assert "expected either a layer and its filters" in refused.stderr
