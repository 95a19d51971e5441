"""A folder with one sub-folder per category: order, categories, links, and what is left out."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.sources import Listing, list_folder

Paint = Callable[..., Path]


def offered(folder: Path, listing: Listing) -> list[tuple[str, str | None]]:
    """Paths below the folder with their categories."""
    root = folder.resolve()
    return [
        (candidate.path.relative_to(root).as_posix(), candidate.category) for candidate in listing.candidates
    ]


def left_out(folder: Path, listing: Listing) -> dict[str, str]:
    root = f"{folder.resolve().as_posix()}/"
    return {rejection.path.removeprefix(root): rejection.reason for rejection in listing.rejections}


def touch(folder: Path, *names: str) -> Path:
    """Files without content: listing never looks inside."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_the_first_level_is_the_category_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "face/a.jpg", "face/2019/may/b.jpg", "car/c.png")
    assert offered(tmp_path, list_folder(tmp_path)) == [
        ("car/c.png", "car"),
        ("face/2019/may/b.jpg", "face"),
        ("face/a.jpg", "face"),
    ]


def test_the_order_is_that_of_names_however_the_files_were_made(tmp_path: Path) -> None:
    names = ["b/2.png", "B/1.png", "b/10.png", "a/ä.png", "a/z.png", "a/Z.png"]
    forward = list_folder(touch(tmp_path / "forward", *names))
    backward = list_folder(touch(tmp_path / "backward", *reversed(names)))
    expected = ["B/1.png", "a/Z.png", "a/z.png", "a/ä.png", "b/10.png", "b/2.png"]
    assert [name for name, _ in offered(tmp_path / "forward", forward)] == expected
    assert [name for name, _ in offered(tmp_path / "backward", backward)] == expected


def test_a_category_has_one_name_whether_its_accents_are_composed_or_not(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Bär")
    assert decomposed != "Bär"
    touch(tmp_path, f"{decomposed}/1.png", "Bär/2.png", "Baz/3.png")
    listing = list_folder(tmp_path)
    assert [candidate.category for candidate in listing.candidates] == ["Baz", "Bär", "Bär"]
    assert all(candidate.path.is_file() for candidate in listing.candidates)


def test_spaces_and_scripts_of_the_world_are_names_like_any_other(tmp_path: Path) -> None:
    touch(tmp_path, "two words/my photo (1).jpg", "лицо/фото.jpg", "顔/写真.jpg", "🙂/x.jpg")
    assert {category for _, category in offered(tmp_path, list_folder(tmp_path))} == {
        "two words",
        "лицо",
        "顔",
        "🙂",
    }


def test_files_beside_the_category_folders_are_listed_as_such(tmp_path: Path) -> None:
    touch(tmp_path, "face/a.jpg", "README.txt", "stray.jpg")
    listing = list_folder(tmp_path)
    assert left_out(tmp_path, listing) == {
        "README.txt": "not in a category folder",
        "stray.jpg": "not in a category folder",
    }
    assert offered(tmp_path, listing) == [("face/a.jpg", "face")]


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "face/a.jpg", ".DS_Store", "face/.DS_Store", "face/Thumbs.db", "face/desktop.ini")
    touch(tmp_path, ".git/objects/x", "__MACOSX/face/._a.jpg", "face/._a.jpg")
    listing = list_folder(tmp_path)
    assert offered(tmp_path, listing) == [("face/a.jpg", "face")]
    assert listing.rejections == []


def test_a_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="nowhere is not a folder; expected a folder with one sub-folder per category"
    ):
        list_folder(tmp_path / "nowhere")


def test_an_empty_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "face" / "empty").mkdir(parents=True)
    with pytest.raises(
        StimulusError, match="contains no file; expected images in one sub-folder per category"
    ):
        list_folder(tmp_path)


def test_a_flat_folder_is_one_clear_error(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    with pytest.raises(
        StimulusError, match=r"has no sub-folder, only 2 files; expected one sub-folder per category"
    ):
        list_folder(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, paint: Paint) -> None:
    secret = paint(tmp_path / "outside" / "secret.png")
    folder = touch(tmp_path / "set", "face/a.jpg")
    (folder / "face" / "file.png").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    listing = list_folder(folder)
    assert offered(folder, listing) == [("face/a.jpg", "face")]
    assert left_out(folder, listing) == {
        "face/file.png": "a link with a target outside the folder; copy the file instead",
        "linked": "a link with a target outside the folder; copy the file instead",
    }


def test_links_inside_the_folder_are_followed_once(tmp_path: Path) -> None:
    folder = touch(tmp_path / "set", "all/1.jpg", "all/2.jpg", ".store/3.jpg")
    (folder / "face").mkdir()
    (folder / "face" / "one.jpg").symlink_to(folder / "all" / "1.jpg")
    (folder / "kept").symlink_to(folder / ".store")
    (folder / "kept again").symlink_to(folder / ".store")
    listing = list_folder(folder)
    assert offered(folder, listing) == [
        ("all/1.jpg", "all"),
        ("all/2.jpg", "all"),
        ("face/one.jpg", "face"),
        ("kept/3.jpg", "kept"),
    ]
    assert left_out(folder, listing) == {"kept again": "a link to a folder that is already listed"}


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    folder = touch(tmp_path / "set", "a/1.jpg", "b/2.jpg")
    (folder / "a" / "up").symlink_to(folder)
    (folder / "a" / "here").symlink_to(folder / "a")
    (folder / "a" / "other").symlink_to(folder / "b")
    (folder / "b" / "other").symlink_to(folder / "a")
    listing = list_folder(folder)
    assert [name for name, _ in offered(folder, listing)] == [
        "a/1.jpg",
        "a/other/2.jpg",
        "a/other/other/1.jpg",
        "b/2.jpg",
    ]
    assert set(left_out(folder, listing).values()) == {"a link to a folder that is already listed"}


def test_broken_links_and_links_to_themselves_lead_nowhere(tmp_path: Path) -> None:
    folder = touch(tmp_path / "set", "a/1.jpg")
    (folder / "a" / "broken").symlink_to(folder / "gone")
    (folder / "a" / "self").symlink_to(folder / "a" / "self")
    listing = list_folder(folder)
    assert left_out(folder, listing) == {
        "a/broken": "a link without a target",
        "a/self": "a link without a target",
    }


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = touch(tmp_path / "set", "a/1.jpg")
    os.mkfifo(folder / "a" / "pipe.jpg")
    assert left_out(folder, list_folder(folder)) == {"a/pipe.jpg": "not a regular file"}


def test_a_name_that_is_not_unicode_is_listed_and_stays_printable(tmp_path: Path) -> None:
    folder = touch(tmp_path / "set", "a/1.jpg")
    Path(os.fsdecode(os.fsencode(folder / "a") + b"/caf\xe9.jpg")).touch()
    assert left_out(folder, list_folder(folder)) == {"a/caf�.jpg": "its name is not valid Unicode; rename it"}


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    folder = touch(tmp_path / "real", "a/1.jpg")
    (tmp_path / "link").symlink_to(folder)
    assert [candidate.path for candidate in list_folder(tmp_path / "link").candidates] == [
        folder.resolve() / "a" / "1.jpg"
    ]


def test_folders_hundreds_deep_are_reported(tmp_path: Path) -> None:
    deep = tmp_path / "cat" / "/".join(["d"] * 200)
    deep.mkdir(parents=True)
    for folder in (tmp_path / "cat", deep):
        (folder / "0.png").write_bytes(b"an image")
    listing = list_folder(tmp_path)
    assert [candidate.path.parent.name for candidate in listing.candidates] == ["cat"]
    (rejection,) = listing.rejections
    assert rejection.reason == "more than 64 folders inside one another; move its files up"
