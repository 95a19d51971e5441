"""A dry run reports and refuses what the run would, and writes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.tiny_network import paint
from toolbox import Study
from toolbox.errors import StimulusError, UsageError
from toolbox.files import only_writer

RECIPE = """
import numpy as np
from toolbox.stimuli.sources import Drawing


def draw(card, source):
    for number in range(card["count"]):
        pixels = np.full((4, 4), 10 * number + card["shade"], np.uint8)
        yield Drawing(f"{number}", "grey", pixels, {"luminance": number})
"""


def make_card(folder: Path, count: int = 3, shade: int = 0) -> Path:
    """A card of grey images and its recipe."""
    texts = "\n".join(f'{name} = "greys"' for name in ("name", "title", "description", "citation", "licence"))
    (folder / "greys.py").write_text(RECIPE)
    card = folder / "greys.toml"
    card.write_text(f'{texts}\nrecipe = "greys.py"\ncount = {count}\nshade = {shade}\n')
    return card


def tree(root: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder, with its size and when it was written."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def check_dry_run(study: Study, source: Path, **choices: Any) -> None:
    """A dry run writes nothing, and the run that follows reports the same."""
    before = tree(study.folder.root)
    foretold = study.ingest(source, dry_run=True, **choices)
    assert tree(study.folder.root) == before
    assert study.ingest(source, **choices) == foretold


def test_new_images_and_those_that_cannot_be_used_are_reported(study: Study, photographs: Path) -> None:
    paint(photographs / "red" / "red 9.png", (77, 5, 5))
    (photographs / "green" / "letter.jpg").write_text("dear")
    check_dry_run(study, photographs, set="colours")
    assert study.ingest(photographs, set="colours", dry_run=True).added == 0


def test_moved_images_and_parameters_are_reported(study: Study, photographs: Path) -> None:
    moved = photographs.rename(photographs.with_name("moved"))
    files = sorted(moved.rglob("*.png"))
    lines = [f"{path},{path.parent.name},{number}" for number, path in enumerate(files)]
    (moved.parent / "list.csv").write_text("\n".join(["path,category,luminance", *lines]))
    foretold = study.ingest(moved.parent / "list.csv", set="colours", dry_run=True)
    assert (foretold.moved, foretold.parameters, foretold.filled) == (6, ["luminance"], 6)
    check_dry_run(study, moved.parent / "list.csv", set="colours")


@pytest.mark.parametrize("earlier", [0, 2])
def test_the_images_of_a_card_are_drawn_elsewhere(earlier: int, study: Study, tmp_path: Path) -> None:
    if earlier:
        study.ingest(make_card(tmp_path, earlier))
    check_dry_run(study, make_card(tmp_path, 3))
    assert len(list(study.folder.root.rglob("greys/*.png"))) == 3
    check_dry_run(study, make_card(tmp_path, 3))


def test_what_ingestion_refuses_is_refused(study: Study, photographs: Path, tmp_path: Path) -> None:
    before = tree(study.folder.root)
    (photographs / "green" / "letter.jpg").write_text("dear")
    with pytest.raises(StimulusError, match=r"1 entries of .* would be left out"):
        study.ingest(photographs, set="colours", strict=True, dry_run=True)
    with pytest.raises(UsageError, match="without a set name"):
        study.ingest(photographs, dry_run=True)
    assert tree(study.folder.root) == before
    study.ingest(make_card(tmp_path))
    with pytest.raises(StimulusError, match="differs from the image that its card now specifies"):
        study.ingest(make_card(tmp_path, shade=1), dry_run=True)


def test_a_study_that_is_not_there_yet_is_not_made(photographs: Path, tmp_path: Path) -> None:
    new = Study(tmp_path / "new", create=True)
    foretold = new.ingest(photographs, set="colours", dry_run=True)
    assert not (tmp_path / "new").exists()
    assert new.ingest(photographs, set="colours") == foretold


def test_a_dry_run_needs_no_lock(study: Study, photographs: Path) -> None:
    with only_writer(study.folder.lock("colours"), "ingesting"):
        assert study.ingest(photographs, set="colours", dry_run=True).known == 6


def test_labels_are_matched_and_not_written(study: Study, tmp_path: Path) -> None:
    file = tmp_path / "warmth.csv"
    file.write_text("category,warmth\nred,warm\ngreen,cold\n")
    before = tree(study.folder.root)
    foretold = study.label("colours", scheme="warmth", source=file, dry_run=True)
    assert (foretold.labelled, foretold.written) == (6, True)
    assert tree(study.folder.root) == before
    assert study.label("colours", scheme="warmth", source=file) == foretold
    again = study.label("colours", scheme="warmth", source=file, dry_run=True)
    assert again == replace(foretold, written=False)
    file.write_text("category,warmth\nred,cold\ngreen,cold\n")
    with pytest.raises(UsageError, match="already contains different labels"):
        study.label("colours", scheme="warmth", source=file, dry_run=True)
    file.write_text("category,warmth\nblue,cold\n")
    with pytest.raises(StimulusError, match="match no stimulus"):
        study.label("colours", scheme="warmth", source=file, dry_run=True)
