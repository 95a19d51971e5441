"""Near duplicates: the same pairs as numpy finds, also where a large set is searched by its strongest filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from support.small_study import small_study
from toolbox import Study


def sparse_responses(stimuli: int, copies: int, filters: int = 64) -> np.ndarray:
    """Maxima of a deep layer, most of them small; the last stimuli are copies of the first, a few per cent off."""
    random = np.random.default_rng(0)
    responses = random.lognormal(0, 1.5, (stimuli, filters))
    responses[-copies:] = responses[:copies] * random.normal(1, 0.03, (copies, filters))
    return responses.astype(np.float32)


def study_of(responses: np.ndarray, root: Path) -> Study:
    stimuli, filters = responses.shape
    rows = pl.DataFrame(
        {
            "layer": "late",
            "filter": np.tile(np.arange(filters), stimuli),
            "stimulus_id": np.repeat(np.arange(stimuli), filters),
            "maximum": responses.ravel(),
            "mean": responses.ravel() / 2,
        }
    )
    names = [("cat", "dog")[number % 2] for number in range(stimuli)]
    small_study(root, rows, pl.DataFrame({"stimulus_id": range(stimuli), "category": names}))
    return Study(root)


def near_pairs(responses: np.ndarray, most: float) -> dict[tuple[int, int], float]:
    found = {}
    for one in range(len(responses)):
        others = responses[one + 1 :].astype(np.float64)
        lengths = np.maximum(np.linalg.norm(responses[one]), np.linalg.norm(others, axis=1))
        distances = np.linalg.norm(others - responses[one], axis=1) / lengths
        found |= {(one, one + 1 + at): distances[at] for at in np.flatnonzero(distances <= most)}
    return found


@pytest.mark.parametrize(("stimuli", "copies"), [(40, 6), (1001, 20)])
def test_all_pairs_of_copies_are_found_with_their_distances(
    tmp_path: Path, stimuli: int, copies: int
) -> None:
    responses = sparse_responses(stimuli, copies)
    rows = study_of(responses, tmp_path / "study").query("sets/near_duplicates")
    expected = near_pairs(responses, 0.25)
    assert {(number, stimuli - copies + number) for number in range(copies)} == set(expected)
    found = {
        (one, other): distance
        for one, other, distance in rows.select("stimulus_id", "other_id", "distance").iter_rows()
    }
    assert found == pytest.approx(expected)
    conflicts = rows.filter("conflict").select("stimulus_id", "other_id").rows()
    assert {(one + other) % 2 for one, other in conflicts} == ({1} if conflicts else set())
    assert len(conflicts) == sum((one + other) % 2 for one, other in expected)


def test_two_stimuli_alone_are_compared(tmp_path: Path) -> None:
    rows = study_of(np.array([[1, 2, 0], [1, 2, 0.1]], np.float32), tmp_path / "study").query(
        "sets/near_duplicates"
    )
    assert rows.select("stimulus_id", "other_id", "conflict").rows() == [(0, 1, True)]


def test_a_photograph_saved_again_as_a_jpeg_is_found_in_a_real_network(tmp_path: Path, cache: Path) -> None:
    from PIL import Image

    for category, seed in (("cat", 1), ("cat", 2), ("dog", 3)):
        patches = np.random.default_rng(seed).integers(0, 255, (6, 6, 3)).astype(np.uint8)
        image = Image.fromarray(patches).resize((96, 96), Image.Resampling.BICUBIC)
        (tmp_path / "photos" / category).mkdir(parents=True, exist_ok=True)
        image.save(tmp_path / "photos" / category / f"{seed}.png")
    (tmp_path / "photos" / "dog").mkdir(exist_ok=True)
    Image.open(tmp_path / "photos" / "cat" / "1.png").save(
        tmp_path / "photos" / "dog" / "sent.jpg", quality=90
    )
    study = Study(tmp_path / "study", create=True)
    assert study.ingest(tmp_path / "photos", set="photos").added == 4
    study.extract("photos", model="vgg16-untrained", layers="block1_*")
    [row] = study.query("sets/near_duplicates", distance=0.05).rows(named=True)
    assert (row["category"], row["other_category"], row["conflict"]) == ("cat", "dog", True)
    assert Path(row["path"]).name == "1.png" and Path(row["other_path"]).name == "sent.jpg"
