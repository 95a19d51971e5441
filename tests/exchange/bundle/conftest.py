"""A study with all that a bundle may have: two sets, two label schemes, variables, observers, significance,
relations."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.exchange_places import COMPUTER, OBSERVER, OTHER_USER, PARTICIPANT, USER, Place
from support.tiny_network import CARD, paint, write_weights
from toolbox import Study


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The study, which tests only read."""
    home = tmp_path_factory.mktemp("machine") / "home" / USER
    home.mkdir(parents=True)
    place = Place(home, home / "studies" / "colours of annabel")
    with pytest.MonkeyPatch.context() as patch:
        place.own(patch)
        patch.setenv("TOOLBOX_MODELS", str(home / "models"))
        (home / "models").mkdir()
        shutil.copy(CARD, home / "models" / "tiny.toml")
        _fill(place)
        yield place


def _fill(place: Place) -> None:
    images = place.home / "pictures"
    rows = ["path,category,session,age,site"]
    for number in range(12):
        level = 60 + 15 * number
        category = ("red", "green", "blue")[number % 3]
        colour = {"red": (level, 20, 0), "green": (10, level, 0), "blue": (5, 15, level)}[category]
        paint(images / category / f"{category} {number}.png", colour)
        rows.append(
            f"{images}/{category}/{category} {number}.png,{category},s{number % 2},{20 + number},/home/{OTHER_USER}/in"
        )
    (place.home / "list.csv").write_text("\n".join(rows) + "\n")
    study = Study(place.study, create=True, title=f"Colours, by {USER} on {COMPUTER}")
    study.ingest(place.home / "list.csv", set="köpfe")
    paint(place.home / "grey" / "dark" / "1.png", (9, 9, 9))
    paint(place.home / "grey" / "light" / "2.png", (200, 200, 200))
    study.ingest(place.home / "grey", set="kopfe")
    people = ["path,category"]
    people += [
        f"{row.split(',')[0]},{'theirs' if number < 2 else 'ours'}" for number, row in enumerate(rows[1:])
    ]
    (place.home / "people.csv").write_text("\n".join(people) + "\n")
    study.label("köpfe", scheme="owner", source=place.home / "people.csv")
    ratings = ["path,rating,participant"]
    for number, row in enumerate(rows[1:]):
        ratings += [
            f"{row.split(',')[0]},{number + 1},{PARTICIPANT}",
            f"{row.split(',')[0]},{number + 2},{OBSERVER}",
        ]
    (place.home / "ratings.csv").write_text("\n".join(ratings) + "\n")
    study.parameters("köpfe", source=place.home / "ratings.csv", column=["rating"], observer="participant")
    weights = str(write_weights(place.home / "tiny.npz"))
    for name in ("köpfe", "kopfe"):
        study.extract(name, model="tiny", weights=weights)
    study.significance("köpfe", scheme="category", resamples=20)
    study.relate("köpfe", parameter="rating", scheme="category", resamples=20)
    study.relate("köpfe", parameter="age", given=["category"], scheme="category", resamples=20)
    study.use("köpfe", scheme="category")


@pytest.fixture
def rich(made: Place, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study, as its owner opens it."""
    made.own(monkeypatch)
    monkeypatch.setenv("TOOLBOX_MODELS", str(made.home / "models"))
    return Study(made.study)


@pytest.fixture(scope="session")
def shared(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with everything, as a directory."""
    with pytest.MonkeyPatch.context() as patch:
        made.own(patch)
        patch.setenv("TOOLBOX_MODELS", str(made.home / "models"))
        output = tmp_path_factory.mktemp("shared") / "everything"
        Study(made.study).share(output, including=["significance", "relations", "responses"])
    return output


@pytest.fixture(scope="session")
def of_rollups(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one set and scheme with roll-ups alone, as a directory."""
    with pytest.MonkeyPatch.context() as patch:
        made.own(patch)
        patch.setenv("TOOLBOX_MODELS", str(made.home / "models"))
        output = tmp_path_factory.mktemp("shared") / "rollups"
        Study(made.study).share(output, set="köpfe", scheme="category")
    return output


CREDITS: dict[str, Any] = {
    "title": "Colours in a tiny network",
    "author": ["Carberry, Josiah; 0000-0002-1825-0097", "Zoë's Vision Group", 'O\'Neil, Ann-Marie "Ann"'],
    "licence": "cc-by-4.0",
}
"""What an owner may state of the results."""


@pytest.fixture(scope="session")
def credited(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one set with title, authors and licence, as a directory."""
    with pytest.MonkeyPatch.context() as patch:
        made.own(patch)
        patch.setenv("TOOLBOX_MODELS", str(made.home / "models"))
        output = tmp_path_factory.mktemp("shared") / "credited"
        Study(made.study).share(output, set="kopfe", **CREDITS)
    return output
