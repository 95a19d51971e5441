"""A bundle has no names of users, computers and observers, and no absolute paths, unless they are kept."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from support.exchange_places import COMPUTER, OBSERVER, OTHER_USER, PARTICIPANT, PRIVATE, USER, Place
from toolbox import Study
from toolbox.exchange.bundle.names import Replacements, names_of_people, private_names


def texts_of(bundle: Path) -> dict[str, str]:
    """All that is in a bundle as text: files as they are, and every text and all metadata of the tables."""
    found = {}
    for file in bundle.iterdir():
        raw = file.read_bytes().decode("utf-8", errors="ignore")
        if file.suffix == ".parquet":
            rows = pl.read_parquet(file)
            raw += "\n".join(str(value) for column in rows for value in column.unique())
        found[file.name] = raw
    return found


def test_nothing_in_a_bundle_names_a_user_a_computer_or_an_observer(shared: Path, made: Place) -> None:
    for file, text in texts_of(shared).items():
        for name in (*PRIVATE, str(made.home), str(made.study), "/home/", "/tmp/"):
            assert name.casefold() not in text.casefold(), (file, name)


def test_the_search_finds_them_where_they_are_kept(rich: Study, tmp_path: Path) -> None:
    rich.share(tmp_path / "kept", including=["significance", "responses"], keep_names=True)
    every = "\n".join(texts_of(tmp_path / "kept").values())
    assert {name for name in PRIVATE if name not in every} == set()


def test_observers_are_numbered_and_stay_apart(shared: Path) -> None:
    rows = pl.read_parquet(shared / "observations.parquet")
    assert rows["observer"].unique().sort().to_list() == ["observer-1", "observer-2"]
    assert rows.group_by("observer").len()["len"].to_list() == [12, 12]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (f"read /home/{USER}/pictures/1.png twice", "read …/1.png twice"),
        (f"C:\\Users\\{USER}\\pictures\\1.png", "…/1.png"),
        ("\\\\server\\share\\pictures\\1.png", "…/1.png"),
        ("~/pictures/1.png", "…/1.png"),
        (f"by {USER.upper()} on {COMPUTER}", "by name on name"),
        ("colours/red/1.png", "colours/red/1.png"),
        ("(A - min) / (max - min)", "(A - min) / (max - min)"),
        ("https://doi.org/10.1109/CVPRW.2018.00265", "https://doi.org/10.1109/CVPRW.2018.00265"),
        ("10.1038/s41467-021-27606-9", "10.1038/s41467-021-27606-9"),
        (f"{USER}s", f"{USER}s"),
    ],
)
def test_paths_and_names_are_replaced_in_texts(text: str, plain: str) -> None:
    assert Replacements([USER, COMPUTER]).text(text) == plain
    assert Replacements([USER, COMPUTER], keep=True).text(text) == text


def test_paths_outside_all_roots_differ_by_their_folders() -> None:
    replacements = Replacements([])
    first, second = (replacements.path(f"/data/{name}/1.png") for name in ("a", "b"))
    assert first != second
    assert first.startswith("elsewhere/") and first.endswith("/1.png")


def test_names_of_users_are_found_in_the_homes_that_texts_contain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")
    texts = [f'photographs = "/home/{USER}/p"', f"C:\\Users\\{OTHER_USER}\\p", "/Users/cat/x", "/home/user/x"]
    found = private_names(texts, kept=["cat"])
    assert {USER, OTHER_USER} <= {*found}
    assert not {"cat", "user", "root"} & {*found}


@pytest.mark.parametrize("column", ["participant", "Participant_ID", "observer", "rater name", "subject"])
def test_columns_that_name_people_are_known(column: str) -> None:
    assert names_of_people(column)
    assert not names_of_people(f"{column}s shown")
    assert PARTICIPANT != OBSERVER
